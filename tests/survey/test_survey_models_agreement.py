"""Both engines side by side on random designs: every family, rule, stage and way of asking."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from model_helpers import model_design, model_frame, replicated, two_stages
from survey_helpers import needs_r

from lfsmig.errors import EstimationError
from lfsmig.survey import SurveyDesign
from lfsmig.survey.inference import wald_test
from lfsmig.survey.margins import marginal_effects, predictive_margins
from lfsmig.survey.mean_tests import cells_test
from lfsmig.survey.models import Regression, term_test

pytestmark = needs_r

MODELS = [
    ("wage ~ x + sex + group + factor(year)", "gaussian"),
    ("flag ~ x + group", "binomial"),
    ("flag ~ sex * group + x", "binomial"),
    ("count ~ group + sex:x + offset(log(hours))", "poisson"),
    ("wage ~ group:x + year", "gaussian"),
    ("flag ~ 1", "binomial"),
]
RULES = ["remove", "certainty", "adjust", "average"]
STATISTICS = ["F", "Chisq", "Wald", "adjWald"]
TIGHT = 1e-9


def near(left: np.ndarray, right: np.ndarray, rel: float = TIGHT, floor: float = 0.0) -> None:
    assert np.asarray(left) == pytest.approx(np.asarray(right), rel=rel, abs=floor, nan_ok=True)


def both(design: SurveyDesign, formula: str, family: str, **options: object) -> list[Regression]:
    fits = [
        design.regression(formula, family=family, engine=engine, **options)  # type: ignore[arg-type]
        for engine in ("python", "r")
    ]
    left, right = fits
    assert (left.df, left.n, left.n_psu) == (right.df, right.n, right.n_psu)
    scale = np.sqrt(np.diag(right.covariance))
    assert (np.abs(left.coefficients - right.coefficients) <= TIGHT * scale).all()
    gap = np.abs(left.covariance - right.covariance)
    assert (gap <= TIGHT * np.outer(scale, scale)).all()
    pd.testing.assert_frame_equal(left.frame, right.frame, rtol=1e-6, atol=1e-9)
    return fits


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_random_designs_agree(seed: int, rule: str) -> None:
    frame = model_frame(seed)
    design = model_design(frame, rule)
    domain = frame["in_domain"].to_numpy() if seed else None
    for formula, family in MODELS:
        both(design, formula, family, domain=domain)


@pytest.mark.parametrize("rule", ["adjust", "remove", "average"])
def test_population_sizes_and_two_stages_agree(rule: str) -> None:
    frame = model_frame(3, lonely=False)
    for formula, family in MODELS[:2]:
        both(two_stages(frame, rule), formula, family, domain=frame["in_domain"].to_numpy())
    frame = model_frame(3)
    sampled = frame.groupby("stratum")["psu"].transform("nunique")
    # Stratum 1 is sampled whole.
    frame["fpc"] = sampled * np.where(frame["number"] == 1, 1.0, 4.0)
    for formula, family in MODELS[:3]:
        both(model_design(frame, rule, fpc="fpc"), formula, family)


@pytest.mark.parametrize("mse", [True, False])
def test_replicate_weights_agree(mse: bool) -> None:
    frame = model_frame(5, lonely=False)
    design = replicated(frame, 5, rep_mse=mse)
    for formula, family in (*MODELS[1:2], MODELS[3], ("wage ~ x + sex", "gaussian")):
        for domain in (None, frame["in_domain"].to_numpy()):
            fits = both(design, formula, family, domain=domain)
            by = "group" if "group" in fits[0].model.variables else "sex"
            for covariates in ("fixed", "sampled"):
                found = [predictive_margins(fit, by, covariates) for fit in fits]
                near(found[0].covariance, found[1].covariance, 1e-8, 1e-10)
    for statistic in STATISTICS:
        left, right = (
            design.chisq("flag", "group", statistic=statistic, engine=engine)
            for engine in ("python", "r")
        )
        pd.testing.assert_frame_equal(left, right, rtol=1e-9)


def test_replicates_that_lose_a_level_are_left_out_by_both() -> None:
    frame = model_frame(6, lonely=False)
    rare = (frame["number"] == 1) & frame["psu"].isin(["0", "1"])
    frame["place"] = np.where(rare, "rare", "usual")
    left, _ = both(replicated(frame, 6), "wage ~ place + sex", "gaussian")
    weights = left.design.frame.loc[frame["place"] == "rare", [f"r{i}" for i in range(24)]]
    assert 0 < (weights == 0).all().sum() < 24


def test_margins_effects_and_term_tests_agree() -> None:
    frame = model_frame(2)
    design = model_design(frame)
    for formula, family in MODELS[:-1]:
        left, right = both(design, formula, family, domain=frame["in_domain"].to_numpy())
        by = [name for name, v in left.model.variables.items() if v.levels is not None]
        for chosen in ([], by[:1], by[:2]):
            for covariates in ("fixed", "sampled"):
                a, b = (predictive_margins(fit, chosen, covariates) for fit in (left, right))
                pd.testing.assert_frame_equal(a.frame, b.frame, rtol=1e-8)
                size = np.sqrt(np.outer(np.diag(b.covariance), np.diag(b.covariance)))
                assert (np.abs(a.covariance - b.covariance) <= 1e-8 * size).all()
        a, b = marginal_effects(left), marginal_effects(right)
        size = float(a.frame["se"].min())
        pd.testing.assert_frame_equal(a.frame, b.frame, rtol=1e-7, atol=1e-8 * size)
        terms = [":".join(term) for term in left.formula.terms]
        for asked in (terms[:1], terms[-1:], terms):
            x, y = (term_test(fit, *asked) for fit in (left, right))
            pd.testing.assert_frame_equal(x, y, rtol=1e-8)
        x, y = (term_test(fit, terms[-1], method="LRT") for fit in (left, right))
        pd.testing.assert_frame_equal(x, y, rtol=1e-6)


def test_reference_level_is_the_same_for_both() -> None:
    design = model_design(model_frame(1))
    left, _ = both(design, "flag ~ group + sex", "binomial", reference={"group": "b", "sex": "หญิง"})
    assert list(left.frame["level"]) == ["", "c", "a", "ชาย"]


@pytest.mark.parametrize("rule", RULES)
def test_tables_and_means_agree(rule: str) -> None:
    frame = model_frame(RULES.index(rule))
    for domain in (None, frame["in_domain"].to_numpy()):
        design = model_design(frame, rule)
        for pair in (("flag", "group"), ("year", "group")):
            tables_agree(design, *pair, domain)
        for group in (None, "sex", "flag"):
            means_agree(design, "wage", group, domain)
        means_agree(design, "x", None, domain, null=40)


def test_tables_and_means_of_two_stages_agree() -> None:
    frame = model_frame(1, lonely=False)
    design = two_stages(frame)
    tables_agree(design, "sex", "group", frame["in_domain"].to_numpy())
    means_agree(design, "wage", "sex", frame["in_domain"].to_numpy())
    means_agree(design, "wage", None, None)


def tables_agree(design: SurveyDesign, row: str, column: str, domain: object) -> None:
    left, right = (
        design.chisq(row, column, domain=domain, statistic=STATISTICS, engine=engine)
        for engine in ("python", "r")
    )
    pd.testing.assert_frame_equal(left, right, rtol=1e-9)


def means_agree(
    design: SurveyDesign, of: str, group: str | None, domain: object, null: float = 0
) -> None:
    left, right = (
        design.ttest(of, group, null=null, domain=domain, engine=engine)
        for engine in ("python", "r")
    )
    pd.testing.assert_frame_equal(left, right, rtol=1e-9)


def test_wald_test_agrees() -> None:
    rng = np.random.default_rng(3)
    root = rng.normal(size=(5, 5))
    estimate, covariance = rng.normal(size=5), root @ root.T
    for hypothesis in (None, np.diff(np.eye(5), axis=0), np.ones((1, 5)), np.ones((2, 5))):
        for df in (40, 4, 2):
            left, right = (
                wald_test(estimate, covariance, df, hypothesis, engine)
                for engine in ("python", "r")
            )
            pd.testing.assert_frame_equal(left, right, rtol=1e-9)


@pytest.mark.parametrize("kind", ["poststratified", "raked", "stages", "replicates"])
def test_calibrated_designs_agree(kind: str) -> None:
    """Coefficients, margins and tables vary by residuals on the controls, as in R's `calibrate`."""
    frame = model_frame(2, lonely=kind != "stages")
    bare = two_stages(frame) if kind == "stages" else model_design(frame)
    if kind == "raked":
        design = bare.raked(["sex", "year"])
    elif kind == "replicates":
        design = bare.poststratified("sex").with_replicates("JKn")
    else:
        design = bare.poststratified("sex")
    domain = frame["in_domain"].to_numpy()
    for formula, family in MODELS[:4]:
        left, right = both(design, formula, family, domain=domain)
    margins = [predictive_margins(one, "group", "sampled") for one in (left, right)]
    pd.testing.assert_frame_equal(margins[0].frame, margins[1].frame, rtol=1e-7)
    for statistic in ("F", "Wald"):
        found = [
            design.chisq("sex", "group", domain, engine, statistic=statistic)
            for engine in ("python", "r")
        ]
        pd.testing.assert_frame_equal(*found, rtol=1e-8)
    simple, own = (one.regression("wage ~ x", domain=domain) for one in (bare, design))
    assert abs(own.frame["se"][0] / simple.frame["se"][0] - 1) > 1e-4


def test_cells_agree() -> None:
    frame = model_frame(3)
    bare = model_design(frame)
    for design in (
        bare, model_design(frame, "remove"), model_design(frame, "average"),
        two_stages(model_frame(3, lonely=False)), bare.with_replicates("JKn"),
        bare.poststratified("sex"),
    ):  # fmt: skip
        for table in (("mean", "wage", None, ["group"]), ("share", "group", None, ["sex"])):
            left, right = (
                cells_test(
                    design.estimate(*table, engine=engine, covariance=True),
                    None if table[0] == "mean" else np.array([[1, 0, 0, -1, 0, 0]]), engine,
                )
                for engine in ("python", "r")
            )  # fmt: skip
            pd.testing.assert_frame_equal(left, right, rtol=1e-9)


def test_separation_is_refused_by_both() -> None:
    """Two columns together foretell the outcome; no level does so alone."""
    frame = model_frame(4)
    frame["z"] = np.where(frame["flag"] == 1, frame["x"].rank(), -frame["x"].rank())
    for engine in ("python", "r"):
        with pytest.raises(EstimationError, match="perfect separation"):
            model_design(frame).regression("flag ~ z + sex", family="binomial", engine=engine)


def test_a_seeded_difference_is_seen() -> None:
    """The comparison can fail: a weight moved by a hundred-millionth of itself is caught."""
    frame = model_frame(1)
    left = model_design(frame).regression("flag ~ x + group", family="binomial")
    frame["weight"] = frame["weight"] * np.where(frame.index == 40, 1 + 1e-6, 1.0)
    right = model_design(frame).regression("flag ~ x + group", family="binomial", engine="r")
    scale = np.sqrt(np.diag(right.covariance))
    assert (np.abs(left.coefficients - right.coefficients) > TIGHT * scale).any()
