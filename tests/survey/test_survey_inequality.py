"""Gini coefficients and top shares: by hand, against R written out by hand, by replicates.

Figures of `tests/r/golden_inequality.R` (R 4.2.2, survey 4.1-1).
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from survey_helpers import FIXTURES, api_sample, needs_r, panel_design, random_frame

from lfsmig.errors import EstimationError
from lfsmig.survey import SurveyDesign, contrast

PATH = FIXTURES / "survey_inequality" / "expected.json"
EXPECTED: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
EXACT = {"rel": 1e-9}
QUICK = settings(max_examples=20, deadline=None)


def plain(amounts: list[float], weights: list[float] | None = None) -> SurveyDesign:
    return SurveyDesign(pd.DataFrame({"x": amounts, "w": weights or [1.0] * len(amounts)}), "w")


def test_gini_by_hand() -> None:
    # Pairs of 1, 2, 3, 4: |differences| add up to 20; 20 / (2 * 16 * 2.5) = 0.25.
    assert plain([4.0, 1, 3, 2]).gini("x")["estimate"][0] == pytest.approx(0.25, rel=1e-15)
    # One person with everything: 1 - 1/n. A weight of 3 is three persons.
    assert plain([0.0, 0, 0, 8]).gini("x")["estimate"][0] == pytest.approx(0.75, rel=1e-15)
    assert plain([0.0, 8], [3, 1]).gini("x")["estimate"][0] == pytest.approx(0.75, rel=1e-15)
    row = plain([5.0, 5, 5]).gini("x").iloc[0]
    assert (row["estimate"], row["se"]) == (0, 0)


def test_top_share_by_hand() -> None:
    # The top tenth of ten persons is one of them: 91 of 100.
    assert plain([1.0] * 9 + [91]).top_share("x")["estimate"][0] == pytest.approx(0.91, rel=1e-15)
    # The top quarter of 1, 2, 3, 4 with weights 1, 1, 1, 2: 1.25 persons, all of them hold 4.
    found = plain([1.0, 2, 3, 4], [1, 1, 1, 2]).top_share("x", 0.25)
    assert found["estimate"][0] == pytest.approx(1.25 * 4 / 14, rel=1e-15)
    # The top half: 2 with 4 and half a person with 3.
    found = plain([1.0, 2, 3, 4], [1, 1, 1, 2]).top_share("x", 0.5)
    assert found["estimate"][0] == pytest.approx((8 + 1.5) / 14, rel=1e-15)
    # Equal amounts: the top p hold p.
    assert plain([5.0] * 4).top_share("x", 0.3)["estimate"][0] == pytest.approx(0.3, rel=1e-15)


def samples() -> dict[str, tuple[SurveyDesign, str, Any]]:
    panel = panel_design(2024)
    read = lambda name: pd.read_csv(FIXTURES / "survey_r" / f"{name}.csv")  # noqa: E731
    clus1 = SurveyDesign(api_sample("apiclus1"), "pw", None, "dnum")
    clus2 = read("apiclus2").assign(school=range(126))
    return {
        "panel_2024": (panel, "amount", None),
        "panel_2024_area2": (panel, "amount", "area == 2"),
        "clus1": (clus1, "enroll", None),
        "clus1_ties": (clus1, "ell", None),
        "clus2_fpc": (
            SurveyDesign(clus2, "pw", None, ["dnum", "school"], fpc=["fpc1", "fpc2"]),
            "enroll", None,
        ),
        "strat_fpc": (SurveyDesign(read("apistrat"), "pw", "stype", fpc="fpc"), "enroll", None),
    }  # fmt: skip


@pytest.mark.parametrize("engine", ["python", pytest.param("r", marks=needs_r)])
@pytest.mark.parametrize("name", list(samples()))
def test_against_r_by_hand(name: str, engine: str) -> None:
    """All pairs of persons, a walk down the amounts, Langel and Tillé's linearised variables.

    panel_2024: Gini 0.474532849781759, SE 0.079246658873902; with the weights ignored
    0.466240191913639. clus2_fpc holds both stages.
    """
    design, item, domain = samples()[name]
    expected = EXPECTED[name]
    row = design.gini(item, domain=domain, engine=engine).iloc[0]
    assert row["estimate"] == pytest.approx(expected["gini"], **EXACT)
    assert row["se"] == pytest.approx(expected["gini_se"], **EXACT)
    # The derivative by each weight, taken numerically: the linearisation itself is right.
    assert row["se"] == pytest.approx(expected["gini_se_derivative"], rel=1e-6)
    assert row["n"] == expected["n"]
    if name == "panel_2024":
        assert abs(row["estimate"] / expected["gini_unweighted"] - 1) > 0.01
    for one in expected["tops"]:
        row = design.top_share(item, one["top"], domain=domain, engine=engine).iloc[0]
        assert row["estimate"] == pytest.approx(one["est"], **EXACT)
        assert row["se"] == pytest.approx(one["se"], **EXACT)
        assert row["se"] == pytest.approx(one["se_derivative"], rel=1e-6)


@pytest.mark.parametrize("engine", ["python", pytest.param("r", marks=needs_r)])
def test_against_a_jackknife(engine: str) -> None:
    """R's withReplicates of the same functions; JK1 of the districts.

    Gini SE 0.0346934765854733 linearised; the jackknife differs from it by a few per cent.
    """
    weights = pd.read_csv(FIXTURES / "survey_api" / "apiclus1_jk1.csv")
    frame = pd.concat([api_sample("apiclus1"), weights], axis=1)
    made = SurveyDesign(frame, "pw", None, "dnum", repweights=list(weights), rep_type="JK1")
    linear = SurveyDesign(frame, "pw", None, "dnum")
    for found, near, expected in (
        (made.gini("enroll", engine=engine), linear.gini("enroll"), EXPECTED["clus1_jk1"]["gini"]),
        (
            made.top_share("enroll", engine=engine), linear.top_share("enroll"),
            EXPECTED["clus1_jk1"]["top"],
        ),
    ):  # fmt: skip
        assert found["estimate"][0] == pytest.approx(expected["est"], **EXACT)
        assert found["se"][0] == pytest.approx(expected["se"], **EXACT)
        assert found["se"][0] == pytest.approx(near["se"][0], rel=0.2)


def drawn(seed: int) -> pd.DataFrame:
    frame = random_frame(seed)
    return frame.assign(amount=frame["y"].abs().round())


def make(frame: pd.DataFrame, rule: str = "adjust") -> SurveyDesign:
    return SurveyDesign(frame, "weight", "stratum", "psu", nest=True, lonely_psu=rule)


@QUICK
@given(st.integers(0, 10_000), st.floats(0.01, 1000), st.floats(0.01, 1000))
def test_scale_does_not_matter(seed: int, amounts: float, weights: float) -> None:
    frame = drawn(seed)
    scaled = frame.assign(amount=frame["amount"] * amounts, weight=frame["weight"] * weights)
    for ask in ("gini", "top_share"):
        a, b = (getattr(make(f), ask)("amount", by=["sex"]) for f in (frame, scaled))
        for name in ("estimate", "se"):
            assert a[name].to_numpy() == pytest.approx(b[name].to_numpy(), rel=1e-8, nan_ok=True)


@QUICK
@given(st.integers(0, 10_000))
def test_bounds_and_order(seed: int) -> None:
    """0 <= G < 1; a larger top holds more, at least its part; what is given to all lowers G."""
    frame = drawn(seed)
    design = make(frame)
    gini = design.gini("amount", by=["sex"])["estimate"]
    assert ((gini >= 0) & (gini < 1)).all()
    tenth, third = (design.top_share("amount", p)["estimate"][0] for p in (0.1, 0.3))
    assert 0.1 - 1e-12 <= tenth <= third + 1e-12
    assert third >= 0.3 - 1e-12
    raised = make(frame.assign(amount=frame["amount"] + 5)).gini("amount", by=["sex"])["estimate"]
    assert (raised <= gini + 1e-12).all()
    # The order of records, and of ties among them, is nothing.
    mixed = make(frame.sample(frac=1, random_state=seed))
    for ask in ("gini", "top_share"):
        for name in ("estimate", "se"):
            a, b = (getattr(d, ask)("amount")[name][0] for d in (design, mixed))
            assert a == pytest.approx(b, rel=1e-9, abs=1e-14)


def test_gini_of_two_domains_can_be_compared() -> None:
    design = panel_design(2024)
    table = design.estimate("gini", "amount", by=["sex"], covariance=True)
    found = contrast(table, {"women - men": {2: 1, 1: -1}}).iloc[0]
    assert found["estimate"] == pytest.approx(np.diff(table.frame["estimate"])[0], rel=1e-12)
    assert found["se"] < table.frame["se"].sum()


def test_items_that_have_no_gini() -> None:
    design = plain([1.0, -2, 3])
    for ask in (design.gini, design.top_share):
        with pytest.raises(EstimationError, match=r"'x' is negative in row 2.*recode"):
            ask("x")
    assert design.gini("x", domain="x > 0")["n"][0] == 2
    with pytest.raises(EstimationError, match=r"top=1\.5 is not between 0 and 1"):
        plain([1.0, 2]).top_share("x", 1.5)
    nothing = plain([0.0, 0, 0]).gini("x").iloc[0]
    assert np.isnan(nothing["estimate"])
