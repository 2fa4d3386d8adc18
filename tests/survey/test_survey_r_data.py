"""Both engines on R's own data sets, against figures of R's survey 4.1-1 (R 4.2.2).

`tests/r/golden_estimators.R` made samples and figures by plain calls of the package; each entry of
`expected.json` says which design and items it is about. These tests need no R, but for those that
ask the R engine.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from survey_helpers import FIXTURES, needs_r

from lfsmig.survey import SurveyDesign, contrast
from lfsmig.survey.inference import TESTED

FOLDER = FIXTURES / "survey_r"
EXPECTED: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))
DESIGNS = [
    "srs", "strat", "strat_fpc", "clus1", "clus1_fpc", "clus2", "clus2_fpc", "pooled", "nhanes",
    "scd", "hospital", "mu284", "election", "fpc",
]  # fmt: skip
EXACT = {"rel": 1e-9, "abs": 1e-13}


@cache
def made(name: str) -> SurveyDesign:
    spec = EXPECTED[name]["spec"]
    options = dict(spec["design"])
    return SurveyDesign(
        pd.read_csv(FOLDER / f"{spec['sample']}.csv"), options.pop("weight"), **options
    )


@pytest.fixture(params=["python", pytest.param("r", marks=needs_r)])
def engine(request: pytest.FixtureRequest) -> str:
    return request.param


def same(found: pd.DataFrame, expected: dict[str, Any], per: float = 1.0) -> None:
    for ours, theirs in (("estimate", "est"), ("se", "se")):
        values = np.atleast_1d(np.array(expected[theirs], dtype=float)) * per
        assert found[ours].to_numpy() == pytest.approx(values, rel=1e-9, abs=1e-13 * per)
    if "deff" in expected:
        deff = np.atleast_1d(np.array(expected["deff"], dtype=float))
        usable = np.isfinite(deff) & (deff >= 0)
        assert found["deff"].to_numpy()[usable] == pytest.approx(deff[usable], **EXACT)


def covariances(found: pd.DataFrame, expected: Any) -> None:
    matrix = np.array(expected, dtype=float)
    size = np.sqrt(np.outer(np.diag(matrix), np.diag(matrix)))
    assert (np.abs(found.to_numpy() - matrix) <= 1e-9 * size + 1e-16).all()


@pytest.mark.parametrize("name", DESIGNS)
def test_estimates(name: str, engine: str) -> None:
    """svymean, svytotal, svyratio (deff = TRUE), svymean of a factor.

    nhanes: high cholesterol 0.112142956349692, SE 0.00544583969895456; unweighted it would be
    0.100305888350752, with the strata ignored the SE would be 0.00593867054673417.
    """
    design, expected = made(name), EXPECTED[name]
    spec = expected["spec"]
    mean = design.mean(spec["y"], engine=engine)
    same(mean, expected["mean"])
    assert mean["df"][0] == expected["degf"]
    same(design.total(spec["y"], engine=engine), expected["total"])
    same(design.ratio(spec["y"], spec["over"], engine=engine), expected["ratio"])
    same(design.share(spec["category"], engine=engine), expected["share"])
    rate = design.rate(spec["flag"], per=1000, engine=engine)
    same(rate, expected["flag"], per=1000)
    assert (rate["n"][0], rate["df"][0]) == (expected["n"], expected["degf_known"])
    of_two = design.rate(spec["y"], over=spec["over"], per=100, engine=engine)
    same(of_two, expected["ratio"], per=100)


@pytest.mark.parametrize("name", DESIGNS)
def test_cells_and_their_covariance(name: str, engine: str) -> None:
    """svyby(~y, ~by, design, svymean, covmat = TRUE), svytotal, svyratio; vcov of a factor."""
    design, expected = made(name), EXPECTED[name]
    spec = expected["spec"]
    y, by, over = spec["y"], [spec["by"]], spec["over"]
    for statistic, key, below in (
        ("mean", "by_mean", None), ("total", "by_total", None), ("ratio", "by_ratio", over),
    ):  # fmt: skip
        table = design.estimate(statistic, y, below, by, engine=engine, covariance=True)
        same(table.frame, expected[key])
        assert [str(label) for label in table.labels] == expected[key]["cell"]
        covariances(table.covariance, expected[key]["cov"])
    share = design.estimate("share", spec["category"], engine=engine, covariance=True)
    covariances(share.covariance, expected["share"]["cov"])
    table = design.estimate("share", spec["category"], by=by, engine=engine, covariance=True)
    # R's svyby lists the cells of one category after the other.
    k, cells = len(share.frame), len(expected["by_mean"]["cell"])
    order = np.arange(cells * k).reshape(cells, k).T.ravel()
    covariances(table.covariance.iloc[order, order], expected["by_share_cov"])


@pytest.mark.parametrize("name", DESIGNS)
def test_contrasts(name: str, engine: str) -> None:
    """R's svycontrast of svyby(covmat = TRUE), of the shares, and of log(a / b).

    nhanes, race by sex: SE 0.0176215985446572, df 16; with the cells taken as independent it would
    be 0.0591114257113701.
    """
    design, expected = made(name), EXPECTED[name]
    spec = expected["spec"]
    table = design.estimate("mean", spec["y"], by=[spec["by"]], engine=engine, covariance=True)
    first, second = table.labels[:2]
    found = contrast(table, {"a - b": {first: 1, second: -1}})
    assert list(found.columns) == ["contrast", *TESTED]
    same(found, expected["difference"])
    assert found["df"][0] == expected["difference"]["df"]
    same(contrast(table, {first: 1, second: -1}, log=True), expected["log_difference"])
    coefficients = np.zeros(len(design.share(spec["category"])))
    coefficients[:2] = -1, 1
    apart = design.contrast(coefficients, "share", spec["category"], engine=engine)
    same(apart, expected["share_difference"])


@pytest.mark.parametrize("name", DESIGNS)
def test_intervals(name: str, engine: str) -> None:
    """svyciprop(~flag, d, method, df = degf(d)) for xlogit, beta and mean; the others by hand in R.

    R's own method "logit" ends an iterative fit, so 1e-6. The interval of a rate is its share's.
    clus1, met its target: beta 0.823118604941657 to 0.915076523703784; capped at the sample size
    (NCHS) 0.817402607297405 to 0.918632469087454; without the df adjustment 0.827768693332732 to
    0.912064255913555.
    """
    design, expected = made(name), EXPECTED[name]
    spec = expected["spec"]
    limits = ["ci_low", "ci_high"]
    for method, known in expected["intervals"].items():
        fitted = method == "fitted_logit"
        row = design.mean(spec["flag"], ci="logit" if fitted else method, engine=engine).iloc[0]
        assert list(row[limits]) == pytest.approx(known, rel=1e-6 if fitted else 1e-9)
    rate = design.rate(spec["flag"], engine=engine).iloc[0]
    logit = np.array(expected["intervals"]["logit"])
    assert list(rate[limits]) == pytest.approx(100 * logit, rel=1e-9)
    for method, key in (("log", "log_total"), ("wald", "wald_total")):
        row = design.total(spec["y"], ci=method, engine=engine).iloc[0]
        assert list(row[limits]) == pytest.approx(expected[key], rel=1e-9)


# Where R's rule takes the second smallest value instead of the smallest (PARITY.md): in election
# the smallest county stands for more than half of all, in fpc a limit is below the first step.
SECOND_SMALLEST = {("election", 0), ("election", 1), ("fpc", 1)}


@pytest.mark.parametrize("name", DESIGNS)
def test_quantiles(name: str, engine: str) -> None:
    """svyquantile(~y, d, c(.25, .5, .75)): value, limits and SE; nhanes has nothing but ties.

    election: 145 at 0.25 and 0.5 (R 764); fpc: lower limit of the median 2.8 (R 3.7).
    """
    design, expected = made(name), EXPECTED[name]
    found = design.quantile(expected["spec"]["y"], [0.25, 0.5, 0.75], engine=engine)
    by_rule = [(name, row) in SECOND_SMALLEST for row in range(3)]
    for ours, key in (("estimate", "est"), ("ci_low", "low"), ("ci_high", "high"), ("se", "se")):
        theirs = np.array(expected["quantile"][key], dtype=float)
        values = np.where(by_rule, theirs, found[ours].to_numpy())
        assert values == pytest.approx(theirs, rel=1e-9, nan_ok=True)
    if name == "election":
        assert list(found["estimate"][:2]) == [145, 145]
    if name == "fpc":
        assert found["ci_low"][1] == pytest.approx(2.8, abs=1e-6)


def test_balanced_half_samples(engine: str) -> None:
    """svrepdesign(type = "BRR", combined.weights = FALSE) of scd, as R's help page has it."""
    frame = pd.read_csv(FOLDER / "scd.csv")
    expected = EXPECTED["scd_brr"]
    design = SurveyDesign(
        frame, "one", "ESA", "ambulance", nest=True, repweights=["r1", "r2", "r3", "r4"],
        rep_type="BRR", rep_combined=False,
    )  # fmt: skip
    same(design.ratio("alive", "arrests", engine=engine), expected["ratio"])
    table = design.estimate("total", "alive", by=["busy"], engine=engine, covariance=True)
    same(table.frame, expected["by_total"])
    covariances(table.covariance, expected["by_total"]["cov"])
    first, second = table.labels
    same(contrast(table, {first: 1, second: -1}), expected["difference"])
    both = {
        name: design.estimate("total", name, engine=engine, covariance=True)
        for name in ("alive", "arrests")
    }
    # Covariance of two tables: V(a + b) = V(a) + V(b) + 2 C.
    summed = contrast(both, {"alive": 1, "arrests": 1})
    matrix = np.array(expected["totals"]["cov"])
    assert summed["se"][0] ** 2 == pytest.approx(matrix.sum(), rel=1e-9)
    assert summed["df"][0] == expected["degf"]


def test_the_classic_mistakes_would_be_seen() -> None:
    """What the mistakes give is not what we give, by much more than rounding.

    clus1, enrolment of high schools: SE 228996.73851142; filtered before the design is made
    191862.839145479 (districts without a high school are lost). df 7, of the whole design 14.
    """
    wrong = EXPECTED["mistakes"]
    nhanes = made("nhanes")
    mean = nhanes.mean("chol")
    assert abs(mean["estimate"][0] / wrong["mean_weights_ignored"] - 1) > 0.1
    assert abs(mean["se"][0] / wrong["se_strata_ignored"] - 1) > 0.01
    apart = nhanes.difference("mean", "race", by=["sex"])
    assert abs(apart["se"][0] / wrong["difference_without_covariance"] - 1) > 0.1
    high = made("clus1").total("enroll", domain="stype == 'H'")
    assert high["se"][0] == pytest.approx(wrong["clus1_domain_total_se"], rel=1e-11)
    assert abs(high["se"][0] / wrong["clus1_filtered_total_se"] - 1) > 0.01
    assert high["df"][0] == wrong["clus1_df_domain"] < wrong["clus1_df_full"]
