"""What must hold for any model, whatever its data."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_helpers import model_design, model_frame

from lfsmig.survey.margins import marginal_effects, predictive_margins
from lfsmig.survey.models import Regression, term_test
from lfsmig.survey.multiplicity import adjusted

QUICK = settings(max_examples=6, deadline=None)
SEEDS = st.integers(0, 10_000)
MODELS = [
    ("wage ~ x + group * sex", "gaussian"),
    ("flag ~ x + group", "binomial"),
    ("count ~ group + sex + offset(log(hours))", "poisson"),
]


def fits(frame: pd.DataFrame, **options: object) -> list[Regression]:
    design = model_design(frame)
    return [
        design.regression(formula, family=family, domain="in_domain", **options)  # type: ignore[arg-type]
        for formula, family in MODELS
    ]


def same(left: Regression, right: Regression) -> None:
    scale = np.sqrt(np.diag(left.covariance))
    assert (np.abs(left.coefficients - right.coefficients) <= 1e-8 * scale).all()
    assert (np.abs(left.covariance - right.covariance) <= 1e-7 * np.outer(scale, scale)).all()
    assert (left.df, left.n, left.n_psu) == (right.df, right.n, right.n_psu)


@QUICK
@given(SEEDS)
def test_row_order_does_not_matter(seed: int) -> None:
    frame = model_frame(seed)
    mixed = frame.sample(frac=1, random_state=seed).reset_index(drop=True)
    for left, right in zip(fits(frame), fits(mixed), strict=True):
        same(left, right)


@QUICK
@given(SEEDS)
def test_names_of_strata_and_psus_and_the_scale_of_weights_do_not_matter(seed: int) -> None:
    frame = model_frame(seed)
    renamed = frame.assign(
        stratum=frame["stratum"].map(lambda s: f"{s[::-1]} x"),
        psu=frame["psu"].map({str(i): f"u{9 - i}" for i in range(9)}),
        weight=frame["weight"] * 1234.5,
    )
    for left, right in zip(fits(frame), fits(renamed), strict=True):
        same(left, right)


@QUICK
@given(SEEDS)
def test_another_reference_level_leaves_margins_effects_and_tests(seed: int) -> None:
    frame = model_frame(seed)
    for left, right in zip(fits(frame), fits(frame, reference={"group": "b"}), strict=True):
        assert right.model.variables["group"].texts[0] == "b"
        for covariates in ("fixed", "sampled"):
            a, b = (predictive_margins(m, "group", covariates).frame for m in (left, right))
            a, b = (m.set_index("group").sort_index() for m in (a, b))
            pd.testing.assert_frame_equal(a, b, rtol=1e-7)
        x, y = (term_test(m, "group")["statistic_value"][0] for m in (left, right))
        # In an interaction the main effect's test is of other contrasts; margins stay.
        if left.family.name != "gaussian":
            assert x == pytest.approx(y, rel=1e-7)
        # What one reference calls b less c, the other calls c less b.
        forth = marginal_effects(left, "group").frame.set_index("level")["estimate"]["b"]
        back = marginal_effects(right, "group").frame.set_index("level")["estimate"]["c"]
        assert forth == pytest.approx(-back, rel=1e-7)


@QUICK
@given(SEEDS)
def test_a_saturated_model_gives_back_the_cells(seed: int) -> None:
    """With all crossings in the model the margins of an empty domain of covariates are means."""
    frame = model_frame(seed)
    design = model_design(frame)
    means = design.mean("flag", by=["group"])
    for family in ("gaussian", "binomial", "poisson"):
        found = predictive_margins(design.regression("flag ~ group", family=family), "group").frame
        for name in ("estimate", "se"):
            assert found[name].to_numpy() == pytest.approx(means[name].to_numpy(), rel=1e-7)


@QUICK
@given(SEEDS)
def test_patterns_are_only_a_shortcut(seed: int) -> None:
    """A covariate that is different for everybody is fitted record by record: the same model."""
    frame = model_frame(seed)
    rng = np.random.default_rng(seed)
    noise = rng.uniform(-1e-10, 1e-10, len(frame))
    left = model_design(frame).regression("flag ~ year + sex", family="binomial")
    every = model_design(frame.assign(year=frame["year"] + noise))
    right = every.regression("flag ~ year + sex", family="binomial")
    assert right.model.n_patterns == right.n > left.model.n_patterns
    same(left, right)


@QUICK
@given(SEEDS)
def test_shifting_a_number_moves_the_intercept_alone(seed: int) -> None:
    frame = model_frame(seed)
    left = model_design(frame).regression("flag ~ year + sex", family="binomial")
    right = model_design(frame.assign(year=frame["year"] - 2019)).regression(
        "flag ~ year + sex", family="binomial"
    )
    assert left.coefficients[1:] == pytest.approx(right.coefficients[1:], rel=1e-8)
    moved = left.coefficients[0] + 2019 * left.coefficients[1]
    scale = abs(2019 * left.coefficients[1])
    assert moved == pytest.approx(right.coefficients[0], abs=1e-9 * max(scale, 1))


@QUICK
@given(SEEDS)
def test_a_table_does_not_mind_which_side_is_which(seed: int) -> None:
    design = model_design(model_frame(seed))
    names = ["F", "Chisq", "Wald", "adjWald"]
    left = design.chisq("flag", "group", statistic=names)
    right = design.chisq("group", "flag", statistic=names)
    pd.testing.assert_frame_equal(left, right, rtol=1e-8)


@given(st.lists(st.floats(0, 1) | st.just(float("nan")), max_size=30))
def test_adjusted_p_values(p: list[float]) -> None:
    values = np.array(p, dtype=float)
    known = ~np.isnan(values)
    for method in ("holm", "bh"):
        found = adjusted(values, method)
        assert (np.isnan(found) == ~known).all()
        assert (found[known] >= values[known]).all()
        assert (found[known] <= 1).all()
        order = np.argsort(values[known], kind="stable")
        assert all(a <= b for a, b in pairwise(found[known][order]))
    assert (adjusted(values, "holm")[known] >= adjusted(values, "bh")[known]).all()
