"""The estimators on every kind of design: replicate weights, calibrated weights, Parquet files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from survey_helpers import assert_engines_agree, needs_r, random_frame

from lfsmig.errors import EstimationError
from lfsmig.survey import SurveyDesign, contrast, differences

TABLES = (
    (("mean", "y"), {}),
    (("share", "group"), {}),
    (("rate", "flag"), {"per": 1000}),
    (("rate", "y", "x"), {}),
    (("gini", "amount"), {}),
    (("top_share", "amount"), {"top": 0.25}),
)


def kinds(seed: int) -> dict[str, SurveyDesign]:
    """One sample as a replicate design, as calibrated ones, and as both at once."""
    plain = SurveyDesign(random_frame(seed), "weight", "stratum", "psu", nest=True)
    controls = plain.poststratified("sex")
    return {
        "bootstrap": plain.with_replicates(replicates=12, seed=seed),
        "jackknife": plain.with_replicates("JKn"),
        "calibrated": controls,
        "raked": plain.raked(["sex", "code"]),
        "both": controls.with_replicates("JKn"),
    }


@needs_r
@settings(max_examples=3, deadline=None)
@given(st.integers(0, 10_000))
def test_engines_agree_on_every_design(seed: int) -> None:
    """Estimates, influence and covariance of cells, with the contrasts that rest on them."""
    for design in kinds(seed).values():
        for table, options in TABLES:
            assert_engines_agree(
                design, *table, by=["sex"], domain="in_domain", covariance=True, influence=True,
                **options,
            )  # fmt: skip


@pytest.mark.parametrize("kind", ["bootstrap", "jackknife", "calibrated", "raked", "both"])
def test_the_covariance_has_the_variances_on_its_diagonal(kind: str) -> None:
    """And a contrast of two cells is what the replicates of their difference give."""
    design = kinds(11)[kind]
    for table, options in TABLES:
        found = design.estimate(*table, by=["sex"], covariance=True, **options)
        se = np.sqrt(np.diag(found.covariance))
        assert se == pytest.approx(found.frame["se"].to_numpy(), rel=1e-9, abs=1e-14)
    if design.replicates is None:
        return
    made = design.function_of_totals(
        lambda y, n: np.diff(y / n),
        {
            "y": {"of": "y", "by": ["sex"]},
            "n": {"by": ["sex"], "domain": design.frame["y"].notna()},
        },
    )
    cells = design.estimate("mean", "y", by=["sex"], covariance=True)
    assert contrast(cells, differences(cells))["se"][0] == pytest.approx(made.se[0], rel=1e-9)


def test_calibration_to_the_groups_leaves_their_own_shares_without_error() -> None:
    """The share of a control group, and the contrast of two, are known from the controls."""
    design = SurveyDesign(random_frame(3), "weight", "stratum", "psu", nest=True)
    found = design.poststratified("sex").estimate("share", "sex", covariance=True)
    assert found.frame["se"].to_numpy() == pytest.approx(0, abs=1e-12)
    left = contrast(found, differences(found))
    assert left["se"].to_numpy() == pytest.approx(0, abs=1e-12)
    bare = design.estimate("share", "sex", covariance=True)
    assert (contrast(bare, differences(bare))["se"] > 0.01).all()


def test_rates_and_contrasts_from_parquet(tmp_path: Path) -> None:
    """Rates of both kinds and contrasts of cells equal those of the same records in memory."""
    frame = random_frame(5)
    frame.to_parquet(tmp_path / "sample.parquet", index=False)
    options: dict[str, Any] = {"strata": "stratum", "psu": "psu", "nest": True}
    memory = SurveyDesign(frame, "weight", **options)
    files = SurveyDesign.from_parquet(tmp_path, "weight", **options)
    for table, per in (("rate", "flag"), 1000), (("rate", "y", "x"), 100):
        left, right = (
            design.estimate(*table, by=["sex"], per=per, covariance=True)
            for design in (memory, files)
        )
        pd.testing.assert_frame_equal(left.frame, right.frame, rtol=1e-9)
        pd.testing.assert_frame_equal(left.covariance, right.covariance, rtol=1e-9)
        a, b = (contrast(one, differences(one)) for one in (left, right))
        pd.testing.assert_frame_equal(a, b, rtol=1e-9)
    with pytest.raises(EstimationError, match="neither 0 nor 1 in row"):
        files.rate("y")
    assert files.rate("flag", domain="sex == 'ชาย'")["n"][0] > 0
    for refused in ("gini", "top_share"):
        with pytest.raises(EstimationError, match=f"a {refused} needs single records"):
            files.estimate(refused, "amount")


def test_negative_weights_make_no_distribution() -> None:
    """Linear calibration can give them; a Gini coefficient or a top share then says so."""
    frame = random_frame(8)
    design = SurveyDesign(frame, "weight", "stratum", "psu", nest=True)
    design.weights = np.where(np.arange(len(frame)) == 0, -0.5, design.weights)
    for statistic in ("gini", "top_share", "quantile"):
        with pytest.raises(EstimationError, match=f"a {statistic} needs weights of at least 0"):
            design.estimate(statistic, "amount")


@needs_r
@pytest.mark.parametrize("kind", ["jackknife", "calibrated", "both", "linear"])
def test_a_cell_in_which_nobody_holds_anything_has_no_gini(kind: str) -> None:
    """0 / 0 in R too: it stopped with "All replicates contained NAs", or inside `qr.resid`."""
    frame = random_frame(11)
    frame["amount"] = frame["amount"].where(frame["sex"] != "ชาย", 0.0)
    plain = SurveyDesign(frame, "weight", "stratum", "psu", nest=True)
    design = {
        "jackknife": lambda: plain.with_replicates("JKn"),
        "calibrated": lambda: plain.poststratified("sex"),
        "both": lambda: plain.poststratified("sex").with_replicates("JKn"),
        "linear": lambda: plain.calibrated(["sex"]),
    }[kind]()
    for statistic in ("gini", "top_share"):
        found = design.estimate(statistic, "amount", by=["sex"]).frame
        assert found["estimate"].isna().sum() == 1
        assert_engines_agree(
            design, statistic, "amount", by=["sex"], covariance=True, influence=True
        )


@pytest.mark.parametrize("engine", ["python", pytest.param("r", marks=needs_r)])
def test_no_regression_on_replicates_with_negative_weights(engine: str) -> None:
    """R's `svyglm` leaves their records out of the replicate: SE 0.6661 where 0.6674 is right."""
    frame = random_frame(8)
    frame = frame.assign(r1=frame["weight"] * 1.1, r2=frame["weight"] * (frame["x"] > 3))
    frame.loc[4, "r2"] = -1.0
    frame.loc[6, "weight"] = 0.0
    frame.loc[6, "r2"] = -1.0
    negative = SurveyDesign(frame, "weight", repweights=["r1", "r2"])
    with pytest.raises(EstimationError, match="those of replicate 2 are negative in row 5: rake"):
        negative.regression("y ~ x", engine=engine)


@needs_r
def test_a_mean_that_the_controls_settle_has_no_t_in_either_engine() -> None:
    """Its SE is rounding only: R gave t = 2e15. A mean equal to `null` keeps its SE."""
    frame = random_frame(8).assign(size=lambda f: f.index % 7 + 1.0)
    design = SurveyDesign(frame, "weight", "stratum", "psu", nest=True)
    settled = design.calibrated(["sex", "size"])
    for engine in ("python", "r"):
        found = settled.ttest("size", null=2.0, engine=engine)
        assert found["se"][0] == 0
        assert found["statistic_value"].isna()[0]
    plain = SurveyDesign(frame.assign(two=2.0 + frame["size"] % 2), "weight")
    null = float(plain.mean("two")["estimate"][0])
    left, right = (plain.ttest("two", null=null, engine=engine) for engine in ("python", "r"))
    assert right["se"][0] == pytest.approx(left["se"][0], rel=1e-9)
