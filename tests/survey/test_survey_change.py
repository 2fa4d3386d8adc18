"""Change between years and trends: by hand, against R's figures, and engine against engine."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats
from survey_helpers import needs_r, panel_design, panel_expected

from lfsmig.errors import EstimationError
from lfsmig.survey import SurveyDesign
from lfsmig.survey.between_years import gls_line
from lfsmig.survey.change import (
    CHANGE_VALUES,
    YearCells,
    series_average,
    series_change,
    series_trend,
)

YEARS = range(2019, 2025)
EXPECTED = panel_expected()["change"]


def cells(
    *table: object, engine: str = "python", links: dict[int, object] | None = None,
    **options: object,
) -> list[YearCells]:  # fmt: skip
    out = []
    for year in YEARS:
        found = panel_design(year).estimate(*table, engine=engine, influence=True, **options)  # type: ignore[arg-type]
        link = "one" if links is None else links[year]
        out.append(YearCells(year, link, found.frame, found.influence, found.psu_table))
    return out


def test_overlap_covariance_of_the_panel() -> None:
    """2019-2020: SE 0.0235032526553805.

    Ignoring the shared PSUs it would be 0.0261097598828546; R's pooled design, which takes a PSU
    met in both years for one larger PSU, gives 0.0214441626947463.
    """
    found = series_change(cells("mean", "mig"))
    assert list(found.columns) == ["category", "year_from", "year_to", *CHANGE_VALUES]
    for row, key in zip(found.itertuples(), EXPECTED["overlap_covariance"], strict=False):
        expected = EXPECTED["overlap_covariance"][key]
        assert (row.year_from, row.year_to) == (expected["y0"], expected["y1"])
        assert row.estimate == pytest.approx(expected["diff"], rel=1e-11)
        assert row.se == pytest.approx(expected["se"], rel=1e-11)
        assert row.df == expected["df"]
        assert row.statistic_value == pytest.approx(expected["t"], rel=1e-10)
        assert row.p == pytest.approx(expected["p"], rel=1e-10)


def test_years_without_a_link_are_independent() -> None:
    alone = series_change(cells("mean", "mig", links=dict.fromkeys(YEARS)))
    for row, key in zip(alone.itertuples(), EXPECTED["independent_years"], strict=False):
        assert row.se == pytest.approx(EXPECTED["independent_years"][key]["se"], rel=1e-11)
        assert row.df == 66
    runs = {year: "before" if year < 2022 else "after" for year in YEARS}
    broken = series_change(cells("mean", "mig", links=runs))
    linked = series_change(cells("mean", "mig"))
    same_as_linked = broken["se"].to_numpy() == linked["se"].to_numpy()
    assert list(same_as_linked) == [True, True, False, True, True]
    assert broken["se"][2] == alone["se"][2]


def hand_year(year: int, z: list[float], psus: list[str], estimate: float) -> YearCells:
    frame = pd.DataFrame({"category": [""], "estimate": estimate, "se": 0.0, "df": 2, "n": 9})
    table = pd.DataFrame({"stratum": ["a"] * len(psus), "psu": psus})
    z_centred = np.array(z) - np.mean(z)
    frame["se"] = np.sqrt(len(z) / (len(z) - 1) * (z_centred**2).sum())
    frame["df"] = len(z) - 1
    # A PSU with cases is stored even where its sum is zero.
    entries = sparse.coo_array((z, (np.zeros(len(z), int), np.arange(len(z))))).tocsr()
    return YearCells(year, 1, frame, entries, table)


def test_by_hand() -> None:
    # Year 1: PSUs p q r with 1, 2, 6 (mean 3); year 2: q r s with 4, 8, 0 (mean 4). V1 = 1.5 * 14
    # = 21, V2 = 1.5 * 32 = 48. Shared: q (-1)(0), r (3)(4) = 12; C = 1.5 * 12 = 18. V = 33.
    years = [hand_year(1, [1, 2, 6], list("pqr"), 9), hand_year(2, [4, 8, 0], list("qrs"), 12)]
    row = series_change(years).iloc[0]
    assert row["estimate"] == 3
    assert row["se"] ** 2 == pytest.approx(33, rel=1e-14)
    # Years added up: 4. Together: 4 PSUs in 1 stratum, 3.
    assert row["df"] == 3
    # Their mean: (21 + 48 + 2 * 18) / 4.
    mean = series_average(years).iloc[0]
    assert (mean["estimate"], mean["df"]) == (10.5, 3)
    assert mean["se"] ** 2 == pytest.approx(105 / 4, rel=1e-14)
    # Full overlap and nothing changed: no variance. Not 9.17, as for independent years.
    again = series_change([years[0], hand_year(2, [1, 2, 6], list("pqr"), 9)]).iloc[0]
    assert (again["estimate"], again["se"]) == (0, 0)
    assert np.isnan(again["statistic_value"])


def test_gls_line_by_hand() -> None:
    # Independent years with equal variance: ordinary least squares. y = 1, 2, 4, 3: slope 0.8,
    # variance 0.25/5, residuals -0.3, -0.1, 1.1, -0.7 -> Q = 1.8/0.25 = 7.2 on 2 df.
    slope, se, p = gls_line(
        np.array([0.0, 1, 2, 3]), np.array([[1.0, 2, 4, 3]]), 0.25 * np.eye(4)[None]
    )
    assert slope[0] == pytest.approx(0.8)
    assert se[0] == pytest.approx(np.sqrt(0.05))
    assert p[0] == pytest.approx(stats.chi2.sf(7.2, 2))
    # A year weighed up by its small variance pulls the line.
    uneven = np.diag([0.25, 0.25, 0.25, 0.0025])[None]
    assert gls_line(np.array([0.0, 1, 2, 3]), np.array([[1.0, 2, 4, 3]]), uneven)[0][0] < 0.8


def test_gls_line_is_least_squares_after_whitening() -> None:
    rng = np.random.default_rng(3)
    for _ in range(5):
        root = rng.normal(size=(6, 6)) + 3 * np.eye(6)
        variance, y = root @ root.T, rng.normal(5, 2, 6)
        whitener = np.linalg.inv(np.linalg.cholesky(variance))
        x = whitener @ np.column_stack([np.ones(6), np.arange(6.0)])
        beta, misfit = np.linalg.lstsq(x, whitener @ y)[:2]
        slope, se, p = gls_line(np.arange(2019.0, 2025), y[None], variance[None])
        assert slope[0] == pytest.approx(beta[1], rel=1e-9)
        assert se[0] == pytest.approx(np.sqrt(np.linalg.inv(x.T @ x)[1, 1]), rel=1e-9)
        assert p[0] == pytest.approx(stats.chi2.sf(misfit[0], 4), rel=1e-9)


def test_trend_of_the_panel() -> None:
    """GLS with the overlap covariances; with the years as independent: slope -0.00674928."""
    found = series_trend(cells("mean", "mig")).iloc[0]
    years = panel_expected()["year"]
    y = np.array([years[str(year)]["mig_prop"]["est"] for year in YEARS])
    variance = np.diag([years[str(year)]["mig_prop"]["se"] ** 2 for year in YEARS])
    # Half of the PSUs stay one year, so some pairs share PSUs over a longer time as well.
    for key, pair in EXPECTED["overlap_covariance"].items():
        s, t = pair["y0"] - 2019, pair["y1"] - 2019
        assert key == f"{pair['y0']}_{pair['y1']}"
        variance[s, t] = variance[t, s] = pair["cov"]
    known = gls_line(np.arange(6.0), y[None], variance[None])
    assert found["estimate"] == pytest.approx(known[0][0], rel=0.05)
    assert found["se"] == pytest.approx(known[1][0], rel=0.02)
    assert found["df"] == 143


def test_trend_needs_three_years_and_uses_those_there_are() -> None:
    years = cells("mean", "mig", by=["prov"])
    assert series_trend(years[:2])["estimate"].isna().all()
    whole = series_trend(years)
    assert (whole["year_from"] == 2019).all()
    # Nobody moved to province 43 in 2023: that year has no variance, so there is no trend.
    assert list(whole["estimate"].isna()) == [p == 43 for p in whole["prov"]]
    assert whole["lack_of_fit_p"].dropna().between(0, 1).all()
    gone = years[0].frame.copy()
    gone.loc[0, ["estimate", "se"]] = np.nan
    first = YearCells(2019, "one", gone, years[0].influence, years[0].psu_table)
    partly = series_trend([first, *years[1:]])
    assert partly["year_from"][0] == 2020
    shorter = series_trend(years[1:])
    assert partly["estimate"][0] == pytest.approx(shorter["estimate"][0], rel=1e-12)
    assert partly["df"][0] == shorter["df"][0]
    assert partly["estimate"][1] == whole["estimate"][1]


def test_rows_are_matched_by_key_not_by_place() -> None:
    years = cells("share", "grp", by=["prov"])
    plain = series_change(years)
    order = np.random.default_rng(1).permutation(len(years[1].frame))
    assert years[1].influence is not None
    mixed = YearCells(
        2020, "one", years[1].frame.iloc[order], years[1].influence[order], years[1].psu_table
    )
    pd.testing.assert_frame_equal(plain, series_change([years[0], mixed, *years[2:]]))
    # A row one year does not have gives no change, and stays in the table.
    fewer = YearCells(
        2020, "one", years[1].frame.iloc[1:], years[1].influence[1:], years[1].psu_table
    )
    found = series_change([years[0], fewer])
    assert np.isnan(found["estimate"][0])
    assert found["se"][1] == plain["se"][1]


def test_different_keys_and_double_years_are_refused() -> None:
    years = cells("mean", "mig")
    other = cells("mean", "mig", by=["prov"])
    with pytest.raises(EstimationError, match="have different keys"):
        series_change([years[0], other[1]])
    with pytest.raises(EstimationError, match="a year twice"):
        series_change([years[0], years[0]])


def test_tables_without_influence_are_independent() -> None:
    out = []
    for year in YEARS:
        found = panel_design(year).estimate("quantile", "age", by=["sex"])
        out.append(YearCells(year, "one", found.frame, None, None))
    change = series_change(out)
    assert list(change.columns[:3]) == ["sex", "category", "quantile"]
    assert change["se"][0] == pytest.approx(np.hypot(out[0].frame["se"][0], out[1].frame["se"][0]))
    assert series_trend(out)["estimate"].notna().all()


def lonely_years(rule: str, engine: str) -> list[YearCells]:
    """Two years in which one stratum has a single PSU, the same one in both."""
    out = []
    for year in (2019, 2020):
        frame = panel_design(year).frame
        both = sorted(
            set(panel_design(2019).frame["psuid"]) & set(panel_design(2020).frame["psuid"])
        )
        kept = next(psu for psu in both if psu.startswith("432-"))
        frame = frame[(frame["stratum"] != 432) | (frame["psuid"] == kept)]
        design = SurveyDesign(frame, "wt", "stratum", "psuid", lonely_psu=rule)
        found = design.estimate("total", None, None, ["sex"], engine=engine, influence=True)
        out.append(YearCells(year, 0, found.frame, found.influence, found.psu_table))
    return out


@pytest.mark.parametrize("engine", ["python", pytest.param("r", marks=needs_r)])
def test_a_row_without_psu_sums_among_others_is_independent(engine: str) -> None:
    years = cells("mean", "mig", by=["sex"])
    alone = series_change(years)
    blank = []
    for one in years:
        assert one.influence is not None
        keep = sparse.csr_array(np.diag([0.0, 1.0])) @ one.influence
        keep.eliminate_zeros()
        blank.append(YearCells(one.year, one.link, one.frame, keep, one.psu_table))
    found = series_change(blank, engine)
    se, df = (np.array([one.frame[name][0] for one in years]) for name in ("se", "df"))
    first = found[found["sex"] == 1]
    assert first["se"].to_numpy() == pytest.approx(np.hypot(se[:-1], se[1:]), rel=1e-12)
    assert list(first["df"]) == list(df[:-1] + df[1:])
    assert series_trend(blank, engine)["df"][0] == df.sum()
    second = found[found["sex"] == 2]
    assert second["se"].to_numpy() == pytest.approx(alone["se"][alone["sex"] == 2].to_numpy())


@pytest.mark.parametrize("rule", ["adjust", "remove", "certainty"])
def test_covariance_of_a_year_with_itself_is_its_variance(rule: str) -> None:
    one = lonely_years(rule, "python")[0]
    again = YearCells(2025, 0, one.frame, one.influence, one.psu_table)
    assert (one.frame["se"] > 0).all()
    assert (series_change([one, again])["se"] == 0).all()


@needs_r
@pytest.mark.parametrize("rule", ["adjust", "remove", "average"])
def test_engines_agree_on_change_with_a_lonely_psu(rule: str) -> None:
    left = series_change(lonely_years(rule, "python"))
    right = series_change(lonely_years(rule, "r"), "r")
    for name in ("estimate", "se", "df", "p"):
        assert left[name].to_numpy() == pytest.approx(right[name].to_numpy(), rel=1e-9)


@needs_r
@pytest.mark.parametrize(
    ("table", "options"),
    [
        (("mean", "mig"), {}),
        (("mean", "mig"), {"by": ["prov"]}),
        (("share", "grp"), {"by": ["prov", "sex"]}),
        (("share", "grp"), {"by": ["area"], "domain": "mig == 1"}),
        (("total",), {"by": ["prov", "grp"]}),
        (("total", "amount"), {"by": ["prov"]}),
        (("ratio", "amount", "remit"), {"by": ["area"]}),
    ],
)
@pytest.mark.parametrize("runs", [1, 2])
def test_engines_agree(table: tuple[str, ...], options: dict[str, object], runs: int) -> None:
    links: dict[int, object] = {y: "a" if runs == 1 or y < 2022 else "b" for y in YEARS}
    python = cells(*table, links=links, **options)
    by_r = cells(*table, engine="r", links=links, **options)
    for made in (series_change, series_trend, series_average):
        left, right = made(python), made(by_r, "r")
        level = max(np.nanmax(np.abs(one.frame["estimate"])) for one in python)
        for name in left.columns:
            a, b = left[name], right[name]
            if a.dtype.kind != "f":
                assert (a.astype(object) == b.astype(object)).all(), name
                continue
            floor = 1e-12 * level if name in ("estimate", "ci_low", "ci_high") else 0.0
            assert a.to_numpy() == pytest.approx(b.to_numpy(), rel=1e-9, abs=floor, nan_ok=True)
