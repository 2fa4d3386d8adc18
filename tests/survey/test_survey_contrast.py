"""Contrasts and covariance: by hand, across tables and years, and what must hold for any sample."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from survey_helpers import needs_r, panel, panel_design, panel_expected, random_frame

from lfsmig.errors import EstimationError
from lfsmig.survey import SurveyDesign, contrast, differences, pairwise

QUICK = settings(max_examples=20, deadline=None)
SEEDS = st.integers(0, 10_000)
ENGINES = ["python", pytest.param("r", marks=needs_r)]

# PSU totals of w*y, women: a1 10, a2 30, b2 50; men: a1 20, b1 0.
FRAME = pd.DataFrame(
    {
        "stratum": list("aaabbb"),
        "psu": ["a1", "a1", "a2", "b1", "b2", "b2"],
        "w": [10.0, 10, 10, 5, 5, 5],
        "y": [1.0, 2, 3, 0, 4, 6],
        "sex": ["f", "m", "f", "m", "f", "f"],
    }
)


def by_hand() -> SurveyDesign:
    return SurveyDesign(FRAME, "w", "stratum", "psu")


def make(frame: pd.DataFrame, rule: str = "adjust", **options: Any) -> SurveyDesign:
    return SurveyDesign(frame, "weight", "stratum", "psu", nest=True, lonely_psu=rule, **options)


@pytest.mark.parametrize("engine", ENGINES)
def test_covariance_by_hand(engine: str) -> None:
    # With two PSUs a stratum adds (difference of the PSUs)^2. Women: a 20^2, b 50^2 = 2900; men
    # 20^2 = 400; covariance in a (10 - 30)(20 - 0) = -400, in b (0 - 50)(0 - 0) = 0.
    table = by_hand().estimate("total", "y", by=["sex"], engine=engine, covariance=True)
    assert list(table.labels) == ["f", "m"]
    assert table.covariance.loc["f", "f"] == pytest.approx(2900, rel=1e-14)
    assert table.covariance.loc["m", "m"] == pytest.approx(400, rel=1e-14)
    assert table.covariance.loc["f", "m"] == pytest.approx(-400, rel=1e-14)
    # Women less men: 90 - 20, V = 2900 + 400 + 800; as if independent it would be 3300. With 2 df
    # p = 2 (1 - F(70 / sqrt(4100))) = 1 - t / sqrt(2 + t^2).
    row = contrast(table, {"f": 1, "m": -1}).iloc[0]
    assert (row["contrast"], row["estimate"], row["df"]) == ("contrast", 70, 2)
    assert row["se"] ** 2 == pytest.approx(4100, rel=1e-14)
    t = 70 / np.sqrt(4100)
    assert row["statistic_value"] == pytest.approx(t, rel=1e-14)
    assert row["p"] == pytest.approx(1 - t / np.sqrt(2 + t**2), rel=1e-12)
    assert row["ci_high"] + row["ci_low"] == pytest.approx(140, rel=1e-12)
    # The sum is the total of all: 110 with V = 2500, and the digits of a difference are kept.
    summed = contrast(table, {"f": 1, "m": 1}).iloc[0]
    assert (summed["estimate"], summed["se"]) == (110, 50)


@pytest.mark.parametrize("engine", ENGINES)
def test_several_tables_and_kinds_of_coefficients(engine: str) -> None:
    design = panel_design(2023)
    ask = {"engine": engine, "covariance": True}
    tables = {
        "by sex": design.estimate("mean", "mig", by=["sex"], **ask),
        "whole": design.estimate("mean", "mig", **ask),
        "old": design.estimate("mean", "mig", domain="age >= 60", **ask),
    }
    found = contrast(
        tables,
        {
            "men - whole": {("by sex", 1): 1, "whole": -1},
            "nothing": {"whole": 0.5, ("by sex", 1): 0},
            "old - whole": {"old": 1, "whole": -1},
        },
    )
    matrix = pd.DataFrame(
        [[1, 0, -1, 0], [0, 0, 0.5, 0], [0, 0, -1, 1]], index=list(found["contrast"])
    )
    for same in (contrast(tables, matrix), contrast(tables, matrix.to_numpy())):
        pd.testing.assert_frame_equal(
            same.drop(columns="contrast"), found.drop(columns="contrast"), rtol=1e-12
        )
    half = tables["whole"].frame["se"][0] / 2
    assert found["se"][1] == pytest.approx(half, rel=1e-12)
    # A part and the whole have cases in common: the covariance matters.
    apart = np.hypot(tables["by sex"].frame["se"][0], tables["whole"].frame["se"][0])
    assert found["se"][0] < 0.8 * apart
    assert found["df"][0] == tables["whole"].frame["df"][0]


def test_helpers_name_their_contrasts() -> None:
    design = by_hand()
    table = design.estimate("mean", "y", by=["stratum", "sex"], covariance=True)
    assert list(differences(table, ("a", "m"))) == ["a, f - a, m", "b, f - a, m", "b, m - a, m"]
    assert len(pairwise(table)) == 6
    apart = design.difference("mean", "y", by=["sex"], reference="m")
    assert list(apart["contrast"]) == ["f - m"]
    shares = design.estimate("share", "sex", by=["stratum"], covariance=True)
    assert list(shares.labels)[1] == ("a", "m")
    # Shares of a cell add up to one, without an error.
    found = contrast(shares, {"all of a": {("a", "f"): 1, ("a", "m"): 1}}).iloc[0]
    assert (found["estimate"], found["se"]) == (1, 0)
    logs = design.contrast({"f": 1, "m": -1}, "total", "y", by=["sex"], log=True).iloc[0]
    assert logs["estimate"] == pytest.approx(np.log(90 / 20), rel=1e-14)
    variance = 2900 / 90**2 + 400 / 20**2 + 2 * 400 / (90 * 20)
    assert logs["se"] ** 2 == pytest.approx(variance, rel=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
def test_years_pooled_with_shared_psus(engine: str) -> None:
    """R's svydesign of all years, PSUs of two years one unit; svyby(~mig, ~year, covmat = TRUE).

    2019 to 2020: SE 0.0214441626947463, covariance 8.60844763323548e-05; with the years taken as
    independent 0.02611 (half of the PSUs are shared).
    """
    expected = panel_expected()["change"]["shared_psu"]
    design = SurveyDesign(panel(), "wt", "stratum", "psuid")
    table = design.estimate("mean", "mig", by=["year"], engine=engine, covariance=True)
    for known in expected.values():
        first, last = known["y0"], known["y1"]
        row = contrast(table, {last: 1, first: -1}).iloc[0]
        assert row["estimate"] == pytest.approx(known["diff"], rel=1e-11)
        assert row["se"] == pytest.approx(known["se"], rel=1e-11)
        assert table.covariance.loc[first, last] == pytest.approx(known["cov"], rel=1e-9)
        both = design.mean("mig", domain=design.frame["year"].isin([first, last]).to_numpy())
        assert row["df"] == both["df"][0] < design.mean("mig")["df"][0] == known["degf"]
    apart = panel().assign(stratum=lambda f: f["year"].astype(str) + "/" + f["stratum"].astype(str))
    # Years as strata of their own are independent.
    nested = SurveyDesign(apart, "wt", "stratum", "psuid", nest=True)
    found = nested.difference("mean", "mig", by=["year"], engine=engine)
    known = panel_expected()["change"]["independent_years"]["2019_2020"]
    assert found["se"][0] == pytest.approx(known["se"], rel=1e-9)
    assert known["se"] == pytest.approx(0.02611, rel=1e-3)


@pytest.mark.parametrize("rule", ["remove", "certainty", "adjust", "average"])
@pytest.mark.parametrize("engine", ENGINES)
def test_the_diagonal_is_the_tables_own_variance(engine: str, rule: str) -> None:
    design = make(random_frame(4), rule)
    for statistic, of in (("mean", "y"), ("total", "x"), ("share", "code")):
        table = design.estimate(statistic, of, by=["sex"], engine=engine, covariance=True)
        found = np.sqrt(np.diag(table.covariance))
        assert found == pytest.approx(table.frame["se"].to_numpy(), rel=1e-10, abs=1e-13)


@QUICK
@given(SEEDS, st.floats(-3, 3), st.floats(-3, 3))
def test_contrasts_are_linear(seed: int, a: float, b: float) -> None:
    design = make(random_frame(seed))
    table = design.estimate("mean", "x", by=["code"], covariance=True)
    size = len(table.frame)
    rng = np.random.default_rng(seed)
    one, two = rng.normal(size=size), rng.normal(size=size)
    found = contrast(table, np.stack([one, two, a * one + b * two]))["estimate"]
    assert found[2] == pytest.approx(a * found[0] + b * found[1], rel=1e-9, abs=1e-9)
    matrix = table.covariance.to_numpy()
    variance = contrast(table, one)["se"][0] ** 2
    assert variance == pytest.approx(one @ matrix @ one, rel=1e-8, abs=1e-14)
    assert np.linalg.eigvalsh(matrix).min() >= -1e-10 * np.abs(matrix).max()


@QUICK
@given(SEEDS)
def test_totals_of_parts_add_up_with_their_errors(seed: int) -> None:
    """The sum of all cells of a total is the whole total, and so is its standard error."""
    design = make(random_frame(seed))
    whole = design.total("x").iloc[0]
    table = design.estimate("total", "x", by=["sex", "code"], covariance=True)
    filled = table.frame["n"].to_numpy() > 0
    row = contrast(table, filled.astype(float)).iloc[0]
    assert row["estimate"] == pytest.approx(whole["estimate"], rel=1e-10)
    assert row["se"] == pytest.approx(whole["se"], rel=1e-9)
    assert row["df"] == whole["df"]


@QUICK
@given(SEEDS)
def test_a_mean_is_a_ratio_to_one_and_a_rate_a_mean(seed: int) -> None:
    frame = random_frame(seed).assign(one=1.0)
    design = make(frame)
    for columns in ([], ["sex"]):
        mean = design.mean("flag", by=columns)
        ratio = design.ratio("flag", "one", by=columns)
        rate = design.rate("flag", 1000, by=columns)
        share = design.mean("flag", by=columns, ci="logit")
        for name in ("estimate", "se", "df", "n", "n_psu"):
            a, b = mean[name].to_numpy(), ratio[name].to_numpy()
            assert a == pytest.approx(b, rel=1e-12, nan_ok=True)
        for name in ("estimate", "se", "ci_low", "ci_high"):
            a, b = 1000 * share[name].to_numpy(), rate[name].to_numpy()
            assert a == pytest.approx(b, rel=1e-12, nan_ok=True)
        assert rate["cv"].to_numpy() == pytest.approx(mean["cv"].to_numpy(), nan_ok=True)


@QUICK
@given(SEEDS)
def test_names_and_order_do_not_matter(seed: int) -> None:
    frame = random_frame(seed)
    mixed = frame.sample(frac=1, random_state=seed).assign(
        stratum=lambda f: f["stratum"].map(lambda s: f"{s[::-1]} x"),
        psu=lambda f: f["psu"].map({str(i): f"u{9 - i}" for i in range(9)}),
    )
    tables = [
        make(f).estimate("mean", "x", by=["code", "sex"], covariance=True) for f in (frame, mixed)
    ]
    left, right = (contrast(t, pairwise(t)) for t in tables)
    pd.testing.assert_frame_equal(left, right, rtol=1e-8, atol=1e-11)


def test_cells_without_an_estimate_are_missing_only_where_they_count() -> None:
    frame = pd.concat([FRAME, FRAME.assign(sex="x", y=np.nan)], ignore_index=True)
    design = SurveyDesign(frame, "w", "stratum", "psu")
    table = design.estimate("mean", "y", by=["sex"], covariance=True)
    assert table.covariance.loc["x"].isna().all()
    found = contrast(table, {"f - m": {"f": 1, "m": -1, "x": 0}, "f - x": {"f": 1, "x": -1}})
    assert found["estimate"].isna().tolist() == [False, True]
    assert found["se"].isna().tolist() == [False, True]


def test_a_contrast_of_equal_cells_is_zero() -> None:
    # 0.1 * 0.7 + 0.2 * 0.7 - 0.3 * 0.7 is 3e-17 in doubles: the order of summation, no difference.
    frame = FRAME.assign(y=0.7, sex=["f", "m", "x", "f", "m", "x"])
    table = SurveyDesign(frame, "w").estimate("mean", "y", by=["sex"], covariance=True)
    assert 0.1 * 0.7 + 0.2 * 0.7 - 0.3 * 0.7 != 0
    row = contrast(table, [0.1, 0.2, -0.3]).iloc[0]
    assert (row["estimate"], row["se"]) == (0, 0)


def refused(words: str, action: Any, *arguments: Any, **options: Any) -> None:
    with pytest.raises(EstimationError, match=words) as caught:
        action(*arguments, **options)
    assert len(str(caught.value).splitlines()) == 1


def test_bad_input() -> None:
    design = by_hand()
    table = design.estimate("mean", "y", by=["sex"], covariance=True)
    refused("cell 'w'; the 2 cells are 'f', 'm'", contrast, table, {"w": 1})
    refused("3 columns but there are 2 cells", contrast, table, [[1, 0, -1]])
    refused("missing or infinite", contrast, table, [[1, np.nan]])
    refused("no contrast is named", contrast, table, {})
    refused("at least one table", contrast, {}, {})
    refused("reference 'w' is not a cell", differences, table, "w")
    plain = design.estimate("mean", "y", by=["sex"])
    refused("ask with covariance=True", contrast, plain, {"f": 1})
    with pytest.raises(EstimationError, match="ask with covariance=True"):
        _ = plain.covariance
    other = by_hand().estimate("mean", "y", covariance=True)
    refused("two designs", contrast, {"a": table, "b": other}, {"b": 1})
    refused("quantiles is not supported", design.estimate, "quantile", "y", covariance=True)
    refused("neither 0 nor 1 in rows 2, 3", design.rate, "y")
    refused("not a positive number", design.rate, "y", -1)
    refused("per=100 belongs to a rate", design.estimate, "mean", "y", per=100)
    refused("rate of two totals; use log", design.rate, "y", over="w", ci="logit")
    refused("a ratio needs one", design.estimate, "mean", "y", "w")


@needs_r
def test_tables_of_two_engines_are_not_mixed() -> None:
    design = by_hand()
    tables = {
        engine: design.estimate("mean", "y", engine=engine, covariance=True)
        for engine in ("python", "r")
    }
    refused("two engines", contrast, tables, {"r": 1})
