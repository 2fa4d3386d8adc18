"""Calibrated weights: counted by hand, equal to R's, and right under repeated sampling.

Golden values: `tests/r/golden_variance.R` (R 4.2.2, survey 4.1-1).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from survey_helpers import FIXTURES, api_sample, needs_r, panel, panel_design, random_frame

from lfsmig.errors import EstimationError
from lfsmig.survey import SurveyDesign
from lfsmig.survey.controls import collapse

FOLDER = FIXTURES / "survey_variance"
GOLDEN = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))
EXACT = {"rel": 1e-9}
# Three PSUs of one stratum, weight 1. Two men (2, 6) and two women (4, 8).
FRAME = pd.DataFrame(
    {
        "psu": ["p1", "p1", "p2", "p3"], "sex": ["m", "f", "m", "f"], "w": 1.0,
        "y": [2.0, 4, 6, 8], "x": [1.0, 2, 3, 4],
    }
)  # fmt: skip


def design(frame: pd.DataFrame = FRAME, **options: Any) -> SurveyDesign:
    return SurveyDesign(frame, "w", None, "psu", **options)


# ---- by hand -------------------------------------------------------------------------------


def test_poststratified_by_hand() -> None:
    # 4 men and 6 women: weights 2 and 3. Means 4 and 6; weighted residuals of the PSUs
    # 2(-2) + 3(-2) = -10, 2(2) = 4, 3(2) = 6: V = 3/2 (100 + 16 + 36) = 228. As if the weights
    # were the design's: totals 16, 12, 24 about 52/3, V = 112.
    made = design().poststratified("sex", {"m": 4, "f": 6})
    assert list(made.weights) == [2, 3, 2, 3]
    row = made.total("y").iloc[0]
    assert row["estimate"] == 52
    assert row["se"] ** 2 == pytest.approx(228, rel=1e-14)
    ignored = design(FRAME.assign(w=made.weights)).total("y")["se"][0]
    assert ignored**2 == pytest.approx(112)
    assert row["df"] == 2
    # The control totals have no error, nor has the share of men.
    assert list(made.total(by="sex")["se"]) == [0, 0]
    assert list(made.share("sex")["se"]) == [0, 0]


def test_a_psu_without_a_case_has_a_residual() -> None:
    # Domain: the man of p2 alone. Men's mean of the item is 3, so the man of p1, outside the
    # domain, has the residual 2 (0 - 3): V = 3/2 (36 + 36) = 108. Without it: 3/2 (6^2 2/3) = 36.
    made = design().poststratified("sex", {"m": 4, "f": 6})
    found = made.estimate("total", "y", domain="psu == 'p2'", influence=True)
    assert found.frame["se"][0] ** 2 == pytest.approx(108, rel=1e-14)
    assert found.frame["n_psu"][0] == 1
    assert found.influence is not None
    assert found.present is not None
    assert list(found.influence.toarray()[0]) == [-6, 6, 0]
    assert list(found.present.toarray()[0]) == [0, 1, 0]


def test_raked_by_hand() -> None:
    # A 2 x 2 table of ones to rows 3, 1 and columns 2, 2: weights 1.5 and 0.5.
    frame = pd.DataFrame({"psu": range(4), "a": list("rrss"), "b": list("cdcd"), "w": 1.0})
    made = design(frame).raked(["a", "b"], [{"r": 3, "s": 1}, {"c": 2, "d": 2}])
    assert made.weights == pytest.approx([1.5, 1.5, 0.5, 0.5], rel=1e-13)


def test_linear_by_hand() -> None:
    # One control without a constant: lambda = (25 - 10) / 30 = 0.5, weights 1 + x/2, x = 1..4.
    # y less 2x, its regression, is 0: no error is left.
    made = design().calibrated("x", {"x": 25})
    assert made.weights == pytest.approx([1.5, 2, 2.5, 3], rel=1e-14)
    row = made.total("y").iloc[0]
    assert (row["estimate"], row["se"]) == (50, 0)


def test_weights_that_come_calibrated_stay() -> None:
    """Same bits; an item that sex explains loses its error, another one some of it."""
    plain = panel_design(2020)
    made = plain.poststratified(["prov", "area", "sex"])
    assert made.weights is plain.weights
    assert made.calibration is not None
    left, right = plain.mean("mig"), made.mean("mig")
    assert left["estimate"][0] == right["estimate"][0]
    assert right["se"][0] < left["se"][0]
    assert made.total(by=["prov", "sex"])["se"].max() == 0


def test_small_groups_are_collapsed_by_the_stated_rule() -> None:
    # Columns province, age. Province 1: 3 | 2 | 7 -> the first two join (5), 7 stays. Province 2:
    # 6 | 1 -> the last joins the one before. Province 3: 2 + 1 are too few together and, being
    # last, join what stands before them.
    places = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 0), (2, 1)]
    cases = np.array([3, 2, 7, 6, 1, 2, 1])
    assert list(collapse(places, cases, 5)) == [0, 0, 1, 2, 2, 2, 2]
    assert list(collapse(places, cases, 1)) == list(range(7))
    assert list(collapse(places, cases, 100)) == [0] * 7
    # A province that is too small joins the next one's first group.
    assert list(collapse([(0, 0), (1, 0), (1, 1)], np.array([2, 6, 9]), 5)) == [0, 0, 1]


def test_collapsed_totals_are_added_up() -> None:
    frame = pd.DataFrame({"psu": range(8), "g": list("aaaabbcc"), "w": 1.0, "y": 1.0})
    # d is nobody's: it joins its neighbour with the others.
    totals = {"a": 10, "b": 5, "c": 7, "d": 1}
    made = design(frame).poststratified("g", totals, min_cases=3)
    assert made.weights == pytest.approx([2.5] * 4 + [13 / 4] * 4)
    with pytest.raises(EstimationError, match="'d' has nobody in the sample"):
        design(frame).poststratified("g", totals)


# ---- R's figures ---------------------------------------------------------------------------

TYPES = {"E": 4421, "H": 755, "M": 1018}
TARGETS = {"No": 1072, "Yes": 5122}
API99 = 3914069


def api(name: str) -> SurveyDesign:
    sample = {"clus1": "apiclus1", "jk1": "apiclus1", "clus2": "apiclus2", "strat": "apistrat"}
    file = sample[name.split("_", maxsplit=1)[0]]
    frame = api_sample(file)
    last = pd.read_csv(FOLDER / f"{file}_api99.csv")
    assert (last["cds"] == frame["cds"]).all()
    frame["api99"] = last["api99"].astype(float)
    if name == "strat_fpc":
        return SurveyDesign(frame, "pw", "stype", fpc="fpc")
    if name == "clus2_fpc":
        return SurveyDesign(frame, "pw", None, ["dnum", "snum"], fpc=["fpc1", "fpc2"])
    fpc = "fpc" if name in ("clus1_fpc", "jk1") else None
    made = SurveyDesign(frame, "pw", None, "dnum", fpc=fpc)
    return made.with_replicates("JK1") if name == "jk1" else made


METHODS: dict[str, Callable[[SurveyDesign], SurveyDesign]] = {
    "poststratified": lambda d: d.poststratified("stype", TYPES),
    "rake": lambda d: d.raked(["stype", "sch.wide"], [TYPES, TARGETS], unweighted=True),
    "calibrate_raking": lambda d: d.raked(["stype", "sch.wide"], [TYPES, TARGETS]),
    "linear": lambda d: d.calibrated(["stype", "api99"], {"stype": TYPES, "api99": API99}),
    "as_given": lambda d: d.poststratified("stype"),
}
CASES = [(method, name) for method in METHODS for name in GOLDEN["calibrated"][method]]


@pytest.mark.parametrize(("method", "name"), CASES)
def test_calibrated_api(method: str, name: str) -> None:
    """postStratify, rake, calibrate and calibrate(calfun = "raking") on the api samples.

    Total enrolment of apiclus1 post-stratified by type: SE 410378.819923612; with the calibration
    ignored it would be 1032064.74065923. apiclus2 raked: SE of the mean of api00 25.9975414604209
    by calibrate; 31.7275140659752 by rake, which takes residuals without weights.
    """
    expected = GOLDEN["calibrated"][method][name]
    made = METHODS[method](api(name))
    inside = "`comp.imp` == 'Yes'"
    tables = {
        "mean_api00": made.mean("api00"), "total_enroll": made.total("enroll"),
        "ratio": made.ratio("api.stu", "enroll"), "share_sch_wide": made.share("sch.wide"),
        "total_stype": made.total(by="stype"), "domain_mean_ell": made.mean("ell", domain=inside),
        "domain_total": made.total("ell", domain=inside),
        "mean_by_stype": made.mean("api00", by="stype"),
    }  # fmt: skip
    for key, found in tables.items():
        est, se = np.atleast_1d(expected[key]["est"]), np.atleast_1d(expected[key]["se"])
        assert found["estimate"].to_numpy() == pytest.approx(est, **EXACT), key
        # R prints rounding where there is no error.
        small = 1e-9 * np.abs(est).max()
        assert found["se"].to_numpy() == pytest.approx(se, rel=1e-9, abs=small), key
    assert made.weights[:5] == pytest.approx(expected["weights"], **EXACT)
    assert tables["mean_api00"]["df"][0] == expected["degf"]
    assert tables["domain_total"]["df"][0] == expected["domain_degf"]
    found = made.quantile("api00", [0.25, 0.5, 0.75])
    quantile = expected["quantile_api00"]
    for ours, theirs in (("estimate", "est"), ("ci_low", "lo"), ("ci_high", "hi"), ("se", "se")):
        assert found[ours].to_numpy() == pytest.approx(quantile[theirs], rel=1e-9), theirs


def test_calibration_ignored_is_the_classic_mistake() -> None:
    made = METHODS["poststratified"](api("clus1"))
    plain = SurveyDesign(made.frame.assign(g=made.weights), "g", None, "dnum")
    wrong = GOLDEN["mistake"]["total_enroll_se"]
    assert plain.total("enroll")["se"][0] == pytest.approx(wrong, **EXACT)
    assert made.total("enroll")["se"][0] < 0.4 * wrong


@needs_r
def test_groups_are_collapsed_alike_in_r() -> None:
    from lfsmig.survey import r_session as r

    for year in (2019, 2022):
        made = panel_design(year)
        columns = [made.levels(name) for name in ("prov", "sex", "grp")]
        for least in (1, 5, 20):
            ours = made.poststratified(["prov", "sex", "grp"], min_cases=least).calibration
            assert ours is not None
            factors = r.listed([r.factor(c.codes, c.texts) for c in columns])
            theirs = r.array(
                r.call(
                    "control_groups", factors, r.numbers(made.weights),
                    r.numbers(np.array([float(least)])),
                )
            )  # fmt: skip
            assert (theirs - 1 == ours.profile).all()


# ---- repeated sampling ---------------------------------------------------------------------


def test_variances_are_right_over_many_samples() -> None:
    """150 samples from a population in which sampling depends on the cells that raking lacks.

    The mean of the estimated variances is that of the estimates, within a third; residuals
    without weights (R's rake) give more than twice as much, ignoring the calibration more still.
    """
    rng = np.random.default_rng(2)
    a, b = rng.integers(0, 3, 3000), rng.integers(0, 3, 3000)
    corner = (a == 0) & (b == 0)
    far = (a == 2) & (b == 0)
    y = 10 + 5 * a + 8 * b + 12 * corner - 12 * far + rng.normal(0, 3, 3000)
    chance = np.where(corner, 0.3, np.where(far, 0.03, 0.06))
    totals = [pd.Series(np.bincount(a)), pd.Series(np.bincount(b))]
    groups = pd.DataFrame({"a": a, "b": b}).value_counts()
    found: dict[str, list[float]] = {name: [] for name in ("raked", "unweighted", "plain", "post")}
    estimates: dict[str, list[float]] = {"raked": [], "post": []}
    for _ in range(150):
        taken = np.flatnonzero(rng.random(3000) < chance)
        frame = pd.DataFrame({"a": a, "b": b, "y": y, "d": 1 / chance}).iloc[taken]
        sample = SurveyDesign(frame.reset_index(drop=True), "d")
        designs = {
            "plain": sample, "raked": sample.raked(["a", "b"], totals),
            "unweighted": sample.raked(["a", "b"], totals, unweighted=True),
            "post": sample.poststratified(["a", "b"], groups),
        }  # fmt: skip
        for name, made in designs.items():
            row = made.total("y").iloc[0]
            found[name].append(row["se"] ** 2)
            if name in estimates:
                estimates[name].append(row["estimate"])
    variance = {name: np.var(values) for name, values in estimates.items()}
    assert np.mean(found["raked"]) == pytest.approx(variance["raked"], rel=0.3)
    assert np.mean(found["post"]) == pytest.approx(variance["post"], rel=0.3)
    assert np.mean(found["unweighted"]) > 1.8 * variance["raked"]
    assert np.mean(found["plain"]) > 3 * variance["raked"]


# ---- properties ----------------------------------------------------------------------------

QUICK = settings(max_examples=20, deadline=None)


def marked(seed: int) -> tuple[SurveyDesign, pd.DataFrame]:
    frame = random_frame(seed).drop(columns="group")
    frame["area"] = np.random.default_rng(seed).integers(0, 3, len(frame))
    return SurveyDesign(frame, "weight", "stratum", "psu", nest=True), frame


@QUICK
@given(st.integers(0, 5000))
def test_control_totals_are_met_and_have_no_error(seed: int) -> None:
    plain, frame = marked(seed)
    area = frame.groupby("area")["weight"].sum() * 1.3 + 5
    code = frame.groupby("code")["weight"].sum()
    code = code * area.sum() / code.sum()
    x = float((frame["weight"] * frame["x"]).sum() * area.sum() / frame["weight"].sum())
    for made in (
        plain.poststratified("area", area), plain.raked(["area", "code"], [area, code]),
        plain.calibrated(["area", "x"], {"area": area.to_dict(), "x": x}, allow_negative=True),
    ):  # fmt: skip
        found = made.total(by="area")
        assert found["estimate"].to_numpy() == pytest.approx(area.to_numpy(), rel=1e-11)
        assert list(found["se"]) == [0] * len(area)
        if made.calibration is not None and made.calibration.method == "raked":
            found = made.total(by="code")
            assert found["estimate"].to_numpy() == pytest.approx(code.to_numpy(), rel=1e-11)
            assert list(found["se"]) == [0] * len(code)


@QUICK
@given(st.integers(0, 5000))
def test_row_order_does_not_matter(seed: int) -> None:
    _, frame = marked(seed)
    totals = frame.groupby("area")["weight"].sum() * 1.3 + 5
    left, right = (
        SurveyDesign(f, "weight", "stratum", "psu", nest=True)
        .poststratified("area", totals)
        .mean("y", by=["sex"])
        for f in (frame, frame.sample(frac=1, random_state=seed))
    )
    assert right["se"].to_numpy() == pytest.approx(left["se"].to_numpy(), rel=1e-9, nan_ok=True)


@QUICK
@given(st.integers(0, 5000))
def test_one_group_is_a_ratio_to_the_number_of_persons(seed: int) -> None:
    """Post-stratified to one total a mean stays, and a total has the error of total times mean."""
    plain, frame = marked(seed)
    made = SurveyDesign(frame.assign(all=1), "weight", "stratum", "psu", nest=True).poststratified(
        "all", {1: 1000.0}
    )
    left, right = plain.mean("x"), made.mean("x")
    assert right["estimate"][0] == pytest.approx(left["estimate"][0], rel=1e-12)
    assert right["se"][0] == pytest.approx(left["se"][0], rel=1e-10)
    assert made.total("x")["se"][0] == pytest.approx(1000 * left["se"][0], rel=1e-10)


# ---- bad input -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda d: d.poststratified("sex", {"m": 4}), "no total for 'f', which the sample has"),
        (lambda d: d.poststratified("sex", {"m": 4, "f": 6, "x": 1}), "'x' has nobody in the sam"),
        (lambda d: d.poststratified("sex", {"m": 4, "f": -1}), "'f' has -1; give a number of at"),
        (lambda d: d.poststratified("sex", {"m": 4, "f": 0}), "'f' has a total of 0 but cases"),
        (lambda d: d.poststratified("sex", {"m": 4, "f": np.nan}), "'f' has nan"),
        (lambda d: d.poststratified(["sex", "psu"], {"m": 4}), "'m' names 1 level"),
        (lambda d: d.poststratified("age"), "column 'age' is not in the data"),
        (lambda d: d.poststratified([]), "needs a column"),
        (
            lambda d: d.poststratified("sex", pd.DataFrame({"sx": ["m"], "n": [1]})),
            "expected the columns sex and one with the totals",
        ),
        (lambda d: d.raked(["sex"]), "raking needs two margins"),
        (lambda d: d.raked(["sex", "psu"], [{"m": 4, "f": 6}]), "2 margins have totals for 1"),
        (
            lambda d: d.raked(["sex", "psu"], [{"m": 4, "f": 6}, {"p1": 5, "p2": 3, "p3": 3}]),
            "totals of sex add up to 10, those of psu to 11",
        ),
        (
            lambda d: d.raked(["sex", "psu"], [{"m": 4, "f": 6}, {"p1": 1, "p2": 5, "p3": 4}]),
            "raking on sex, psu did not converge",
        ),
        (lambda d: d.calibrated(["x", "y"], {"x": 9}), "totals and control columns differ in 'y'"),
        (lambda d: d.calibrated("sex", {"sex": 5}), "text or categories"),
        (lambda d: d.calibrated("x", {"x": np.inf}), "totals of x: inf is no number"),
        (lambda d: d.calibrated("x", {"x": 1.0}), "negative in row 4; use fewer"),
        (lambda d: d.calibrated([]), "needs a control column"),
        (lambda d: d.poststratified("sex").poststratified("sex"), "calibrated already"),
    ],
)
def test_refusals(call: Callable[[SurveyDesign], SurveyDesign], words: str) -> None:
    with pytest.raises(EstimationError, match=words):
        call(design())


def test_dependent_and_empty_controls_are_named() -> None:
    frame = FRAME.assign(twice=2 * FRAME["x"], none=0.0)
    with pytest.raises(EstimationError, match="x, twice are linearly dependent"):
        design(frame).calibrated(["x", "twice"], {"x": 12, "twice": 24})
    with pytest.raises(EstimationError, match="a control of x, none is zero"):
        design(frame).calibrated(["x", "none"], {"x": 12, "none": 0})


def test_missing_controls_are_named_by_row() -> None:
    frame = FRAME.assign(sex=["m", None, "m", "f"], x=[1.0, 2, np.nan, 4])
    with pytest.raises(EstimationError, match="control column 'sex' is missing in row 2"):
        design(frame).poststratified("sex")
    with pytest.raises(EstimationError, match="control column 'x' is missing in row 3"):
        design(frame).calibrated("x", {"x": 9})


def test_negative_weights_only_when_allowed() -> None:
    made = design().calibrated("x", {"x": 1.0}, allow_negative=True)
    assert (made.weights < 0).any()
    assert made.total("x")["estimate"][0] == pytest.approx(1, rel=1e-12)
    # A record with a negative weight is a case.
    assert made.total("x")["n"][0] == 4
    with pytest.raises(EstimationError, match="a quantile needs weights of at least 0"):
        made.quantile("y")


def test_totals_may_be_any_kind_of_table() -> None:
    frame = panel(2021)
    wide = frame.groupby(["prov", "sex"])["wt"].sum().mul(1.1)
    plain = SurveyDesign(frame, "wt", "stratum", "psuid")
    by_series = plain.poststratified(["prov", "sex"], wide)
    by_frame = plain.poststratified(["prov", "sex"], wide.reset_index(name="persons"))
    texts = {(str(p), str(s)): v for (p, s), v in wide.items()}
    by_texts = plain.poststratified(["prov", "sex"], texts)
    assert (by_series.weights == by_frame.weights).all()
    assert (by_series.weights == by_texts.weights).all()
