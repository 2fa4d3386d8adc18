"""Planned contrasts, equality of years and the log scale: by hand, R's figures, both engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats
from survey_helpers import needs_r, panel_design, panel_expected

from lfsmig.survey.change import (
    CHANGE_VALUES,
    YearCells,
    planned,
    polynomial,
    series_change,
    series_contrasts,
    series_equality,
    series_trend,
)
from lfsmig.survey.inference import wald_test

YEARS = range(2019, 2025)
EXPECTED = panel_expected()["change"]
CONTRASTS = {
    "shock": planned([2020, 2021], [2019]),
    "recovery": planned([2022, 2023, 2024], [2020, 2021]),
    "net": planned([2022, 2023, 2024], [2019]),
}


def cells(*table: Any, engine: str = "python", link: object = "one", **options: Any) -> Any:
    out = []
    for year in YEARS:
        found = panel_design(year).estimate(*table, engine=engine, influence=True, **options)
        out.append(YearCells(year, link, found.frame, found.influence, found.psu_table))
    return out


def hand_year(year: int, z: list[float], psus: list[str], estimate: float) -> YearCells:
    """One row in one stratum, from the sums of its PSUs."""
    centred = np.array(z) - np.mean(z)
    se = np.sqrt(len(z) / (len(z) - 1) * (centred**2).sum())
    frame = pd.DataFrame({"category": [""], "estimate": estimate, "se": se, "df": len(z) - 1})
    table = pd.DataFrame({"stratum": ["a"] * len(psus), "psu": psus})
    entries = sparse.coo_array((z, (np.zeros(len(z), int), np.arange(len(z))))).tocsr()
    return YearCells(year, 1, frame, entries, table)


# V1 = 21, V2 = 48, C = 18 (see test_survey_change); the third year shares no PSU, V3 = 1.5 * 2.
HAND = [
    hand_year(1, [1, 2, 6], list("pqr"), 9),
    hand_year(2, [4, 8, 0], list("qrs"), 12),
    hand_year(3, [1, 2, 3], list("uvw"), 30),
]


def test_contrast_by_hand() -> None:
    # Year 3 less the mean of 1 and 2: 30 - 10.5; V = 3 + (21 + 48 + 2 * 18) / 4 = 29.25.
    found = series_contrasts(HAND, {"late": planned([3], [1, 2]), "early": {1: -1.0, 2: 1.0}})
    assert list(found.columns) == [
        "category", "contrast", "year_from", "year_to", *CHANGE_VALUES, "p_adjusted",
    ]  # fmt: skip
    late = found.iloc[0]
    assert late["estimate"] == pytest.approx(19.5)
    assert late["se"] ** 2 == pytest.approx(29.25, rel=1e-14)
    # Years added up: 6. Together: 7 PSUs (p q r s u v w) in one stratum.
    assert (late["df"], late["year_from"], late["year_to"]) == (6, 1, 3)
    assert late["p"] == pytest.approx(2 * stats.t.sf(19.5 / np.sqrt(29.25), 6))
    # A contrast of two years is their change: 3, V = 33, df = min(4, 3).
    early = found.iloc[1]
    change = series_change(HAND[:2]).iloc[0]
    for name in CHANGE_VALUES:
        assert early[name] == pytest.approx(change[name], rel=1e-14)
    assert early["se"] ** 2 == pytest.approx(33, rel=1e-14)
    # Holm over the two: the smaller p twice, the larger once.
    assert late["p_adjusted"] == pytest.approx(2 * late["p"])
    assert early["p_adjusted"] == pytest.approx(early["p"])


def test_equality_by_hand() -> None:
    row = series_equality(HAND).iloc[0]
    v = np.array([[21.0, 18, 0], [18, 48, 0], [0, 0, 3]])
    expected = wald_test(np.array([9.0, 12, 30]), v, 6, np.diff(np.eye(3), axis=0)).iloc[0]
    for name in ("chisq", "statistic_value", "df_num", "df_den", "p"):
        assert row[name] == pytest.approx(expected[name], rel=1e-13), name
    # Two years: the square of t.
    row, change = series_equality(HAND[:2]).iloc[0], series_change(HAND[:2]).iloc[0]
    assert row["statistic_value"] == pytest.approx(change["statistic_value"] ** 2, rel=1e-13)
    assert row["p"] == pytest.approx(change["p"], rel=1e-12)
    # The years taken as independent would find more.
    alone = [YearCells(one.year, None, one.frame, None, None) for one in HAND]
    assert series_equality(alone)["chisq"][0] != pytest.approx(row["chisq"])


def test_relative_change_by_hand() -> None:
    # ln 12 - ln 9 = ln(4/3); V = 21/81 + 48/144 - 2 * 18/108 = 7/27 + 1/3 - 1/3 = 7/27.
    row = series_change(HAND[:2], scale="log").iloc[0]
    assert row["estimate"] == pytest.approx(100 / 3, rel=1e-13)
    assert row["se"] == pytest.approx(100 * 4 / 3 * np.sqrt(7 / 27), rel=1e-13)
    assert row["statistic_value"] == pytest.approx(np.log(4 / 3) / np.sqrt(7 / 27), rel=1e-13)
    t = stats.t.ppf(0.975, 3) * np.sqrt(7 / 27)
    assert row["ci_low"] == pytest.approx(100 * (4 / 3 * np.exp(-t) - 1), rel=1e-12)
    assert row["ci_high"] == pytest.approx(100 * (4 / 3 * np.exp(t) - 1), rel=1e-12)


def test_annual_percentage_change_by_hand() -> None:
    # 100, 110, 121 with the same relative error: ten per cent a year, and no lack of fit.
    years = [hand_year(y, [e, 0, -e], list("abc"), e) for y, e in ((1, 100), (2, 110), (3, 121))]
    alone = [YearCells(one.year, None, one.frame, None, None) for one in years]
    row = series_trend(alone, scale="log").iloc[0]
    assert row["estimate"] == pytest.approx(10, rel=1e-12)
    assert row["lack_of_fit_p"] == pytest.approx(1)
    # V of each logarithm 1.5 * 2 = 3, of the slope 3 / 2.
    assert row["se"] == pytest.approx(110 * np.sqrt(1.5), rel=1e-12)
    linear = series_trend(alone).iloc[0]
    assert linear["estimate"] != pytest.approx(10.5, abs=1e-3)
    # An estimate that is not positive has no relative trend, and does not spoil the others.
    dry = hand_year(2, [1, 0, -1], list("abc"), 0.0)
    assert np.isnan(series_trend([alone[0], dry, alone[2]], scale="log")["estimate"][0])
    assert np.isnan(series_change([alone[0], dry], scale="log")["estimate"][0])


def test_any_pair_of_years_of_the_panel() -> None:
    """2019-2020 SE 0.0235032526553805 (ignoring the overlap 0.0261097598828546); 2019-2024."""
    found = series_change(cells("mean", "mig"), pairs=[(2019, 2020), (2019, 2024), (2020, 2019)])
    for row, key in zip(found.itertuples(), ("2019_2020", "2019_2024"), strict=False):
        expected = EXPECTED["overlap_covariance"][key]
        assert row.estimate == pytest.approx(expected["diff"], rel=1e-11)
        assert row.se == pytest.approx(expected["se"], rel=1e-11)
        assert (row.df, row.year_to) == (expected["df"], expected["y1"])
    assert found["se"][0] == pytest.approx(0.02350, abs=5e-6)
    assert found["se"][0] < EXPECTED["independent_years"]["2019_2020"]["se"]
    assert found["estimate"][2] == -found["estimate"][0]


def test_contrasts_of_the_panel() -> None:
    """C'theta with all covariances; two years alone are the change of the fixture."""
    contrasts = {**CONTRASTS, "first": {2019: -1.0, 2020: 1.0}}
    found = series_contrasts(cells("mean", "mig"), contrasts).set_index("contrast")
    expected = EXPECTED["overlap_covariance"]["2019_2020"]
    assert found.loc["first", "se"] == pytest.approx(expected["se"], rel=1e-11)
    assert found.loc["first", "p"] == pytest.approx(expected["p"], rel=1e-9)
    alone = series_contrasts(cells("mean", "mig", link=None), contrasts).set_index("contrast")
    years = panel_expected()["year"]
    variance = np.array([years[str(year)]["mig_prop"]["se"] ** 2 for year in YEARS])
    shock = np.array([-1, 0.5, 0.5, 0, 0, 0])
    assert alone.loc["shock", "se"] == pytest.approx(np.sqrt(shock**2 @ variance), rel=1e-11)
    assert found.loc["shock", "se"] < alone.loc["shock", "se"]
    p = found["p"].to_numpy()
    order = np.sort(p)
    assert found["p_adjusted"].min() == pytest.approx(min(1, 4 * order[0]))
    # Linear and quadratic trend: the contrasts of contr.poly.
    trend = series_contrasts(cells("mean", "mig"), polynomial(YEARS))
    y = np.array([years[str(year)]["mig_prop"]["est"] for year in YEARS])
    linear = np.array([-5, -3, -1, 1, 3, 5]) / np.sqrt(70)
    assert trend["estimate"][0] == pytest.approx(linear @ y, rel=1e-11)


def test_a_contrast_needs_its_years_only() -> None:
    years = cells("mean", "mig", by=["prov"])
    gone = years[4].frame.copy()
    gone.loc[0, ["estimate", "se"]] = np.nan
    years[4] = YearCells(2023, "one", gone, years[4].influence, years[4].psu_table)
    found = series_contrasts(years, CONTRASTS).set_index(["contrast", "prov"])
    first = gone["prov"][0]
    assert found.loc[("shock", first), "estimate"] == pytest.approx(
        series_contrasts(years[:3], {"shock": CONTRASTS["shock"]})["estimate"][0]
    )
    assert np.isnan(found.loc[("net", first), "estimate"])
    # Of two tests one is left: Holm counts one.
    assert found.loc[("shock", first), "p_adjusted"] == found.loc[("shock", first), "p"]
    equal = series_equality(years)
    assert equal["df_num"][0] == 4
    assert (equal["df_num"][1:] == 5).all()


@needs_r
@pytest.mark.parametrize(
    ("table", "options"),
    [
        (("mean", "mig"), {"by": ["prov"]}),
        (("share", "grp"), {"by": ["area"], "domain": "mig == 1"}),
        (("total", "amount"), {"by": ["sex"]}),
    ],
)
def test_engines_agree(table: tuple[str, ...], options: dict[str, Any]) -> None:
    python, by_r = cells(*table, **options), cells(*table, engine="r", **options)
    level = max(np.nanmax(np.abs(one.frame["estimate"])) for one in python)
    asked: list[tuple[Callable[..., pd.DataFrame], dict[str, Any]]] = [
        (series_contrasts, {"contrasts": {**CONTRASTS, **polynomial(YEARS)}}),
        (series_contrasts, {"contrasts": CONTRASTS, "scale": "log", "adjust": "bh"}),
        (series_equality, {}),
        (series_trend, {"scale": "log"}),
        (series_change, {"scale": "log", "pairs": [(2019, 2024), (2021, 2020)]}),
        (series_change, {"pairs": [(2019, 2021)]}),
    ]
    for made, how in asked:
        left, right = made(python, **how), made(by_r, engine="r", **how)
        assert list(left.columns) == list(right.columns)
        for name in left.columns:
            a, b = left[name], right[name]
            if a.dtype.kind != "f":
                assert (a.astype(object) == b.astype(object)).all(), name
                continue
            floor = 1e-12 * level if name in ("estimate", "ci_low", "ci_high") else 0.0
            assert a.to_numpy() == pytest.approx(b.to_numpy(), rel=1e-8, abs=floor, nan_ok=True)
