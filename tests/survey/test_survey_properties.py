"""What must hold for any sample, whatever its figures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from survey_helpers import random_frame

from lfsmig.survey import SurveyDesign
from lfsmig.survey.estimate import VALUE_COLUMNS

QUICK = settings(max_examples=25, deadline=None)
SEEDS = st.integers(0, 10_000)
NUMBERS = [name for name in VALUE_COLUMNS if name not in ("n", "n_psu", "df")]


def make(frame: pd.DataFrame, rule: str = "adjust") -> SurveyDesign:
    return SurveyDesign(frame, "weight", "stratum", "psu", nest=True, lonely_psu=rule)


def tables(design: SurveyDesign) -> list[pd.DataFrame]:
    inside = design.frame["in_domain"].to_numpy()
    return [
        design.mean("y", by=["sex"], domain=inside),
        design.total("y", by=["sex", "group"]),
        design.share("group", by=["code"]),
        design.ratio("y", "x", domain=inside),
        design.quantile("y", [0.25, 0.5], by=["sex"]),
    ]


def same(left: pd.DataFrame, right: pd.DataFrame, rel: float = 1e-8) -> None:
    for name in left.columns:
        if name in NUMBERS:
            a, b = left[name].to_numpy(), right[name].to_numpy()
            size = np.nanmax(np.abs(left["estimate"].to_numpy()), initial=0.0)
            assert a == pytest.approx(b, rel=rel, abs=1e-11 * size, nan_ok=True), name
        else:
            assert list(left[name]) == list(right[name]), name


@QUICK
@given(SEEDS)
def test_row_order_does_not_matter(seed: int) -> None:
    frame = random_frame(seed)
    mixed = frame.sample(frac=1, random_state=seed)
    for left, right in zip(tables(make(frame)), tables(make(mixed)), strict=True):
        same(left, right)


@QUICK
@given(SEEDS)
def test_names_of_strata_and_psus_do_not_matter(seed: int) -> None:
    frame = random_frame(seed)
    renamed = frame.assign(
        stratum=frame["stratum"].map(lambda s: f"{s[::-1]} x"),
        psu=frame["psu"].map({str(i): f"u{9 - i}" for i in range(9)}),
    )
    for left, right in zip(tables(make(frame)), tables(make(renamed)), strict=True):
        same(left, right)


@QUICK
@given(SEEDS, st.floats(0.5, 400))
def test_weights_scale_totals_only(seed: int, factor: float) -> None:
    frame = random_frame(seed)
    scaled = make(frame.assign(weight=frame["weight"] * factor))
    plain = make(frame)
    for name in ("estimate", "se"):
        total, larger = plain.total("y")[name][0], scaled.total("y")[name][0]
        assert larger == pytest.approx(total * factor, rel=1e-9)
        for left, right in zip(tables(plain)[2:4], tables(scaled)[2:4], strict=True):
            a, b = left[name].to_numpy(), right[name].to_numpy()
            assert a == pytest.approx(b, rel=1e-8, abs=1e-12, nan_ok=True)


@QUICK
@given(SEEDS)
def test_shares_add_up_to_one(seed: int) -> None:
    found = make(random_frame(seed)).share("group", by=["sex", "code"])
    sums = found.groupby(["sex", "code"], observed=True)["estimate"].sum(min_count=1).dropna()
    assert sums.to_numpy() == pytest.approx(1.0, abs=1e-12)
    known = found["se"].dropna()
    assert (known >= 0).all()


@QUICK
@given(SEEDS)
def test_domains_add_up(seed: int) -> None:
    """Totals of the parts make the whole, and so do their PSU sums, hence their variance."""
    design = make(random_frame(seed))
    whole = design.estimate("total", "x", influence=True)
    parts = design.estimate("total", "x", by=["sex", "code"], influence=True)
    assert parts.frame["estimate"].sum() == pytest.approx(whole.frame["estimate"][0], rel=1e-10)
    assert parts.influence is not None
    assert whole.influence is not None
    summed = np.asarray(parts.influence.sum(axis=0)).ravel()
    assert summed == pytest.approx(whole.influence.toarray()[0], rel=1e-9)
    assert parts.frame["n"].sum() == whole.frame["n"][0]


@QUICK
@given(SEEDS)
def test_by_equals_domains_one_by_one(seed: int) -> None:
    frame = random_frame(seed)
    design = make(frame)
    table = design.mean("y", by=["sex"])
    for position, level in enumerate(table["sex"]):
        alone = design.mean("y", domain=(frame["sex"] == level).to_numpy())
        same(table.iloc[[position]][alone.columns].reset_index(drop=True), alone)


@QUICK
@given(SEEDS)
def test_share_is_the_mean_of_its_indicator(seed: int) -> None:
    frame = random_frame(seed)
    shares = make(frame).share("group")
    for position, category in enumerate(shares["category"]):
        flag = (frame["group"] == category).astype(float).where(frame["group"].notna())
        mean = make(frame.assign(flag=flag)).mean("flag")
        for name in ("estimate", "se", "deff"):
            a, b = shares[name][position], mean[name][0]
            assert a == pytest.approx(b, rel=1e-8, abs=1e-14, nan_ok=True)


@QUICK
@given(SEEDS)
def test_intervals_hold_the_estimate(seed: int) -> None:
    design = make(random_frame(seed))
    for ci in ("logit", "beta", "wilson", "wald"):
        found = design.share("group", by=["sex"], ci=ci).dropna(subset=["ci_low", "ci_high"])
        inside = (found["ci_low"] <= found["estimate"] + 1e-12) & (
            found["estimate"] <= found["ci_high"] + 1e-12
        )
        assert inside.all()
        if ci != "wald":
            assert (found["ci_low"] >= 0).all()
            assert (found["ci_high"] <= 1).all()
