"""Rates of non-response and missing answers by hand, and what of them may be told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lfsmig import quality
from lfsmig.intake.harmonise import Harmonised
from lfsmig.params import load
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    """Eight adults and two children in two regions; weights 1 and 3."""
    params = load(ROOT / "params")
    education = ["none", None, "primary", "primary", None, "none", None, "none", None, None]
    frame = pd.DataFrame(
        {
            "household_id": [f"h{number // 2}" for number in range(10)],
            "province": pd.Categorical(["10"] * 4 + ["50"] * 6),
            "region": pd.Categorical(["1"] * 4 + ["3"] * 6),
            "weight": [1.0, 3.0, 1.0, 3.0, 3.0, 1.0, 1.0, 1.0, 1.0, 1.0],
            "age": pd.array([20, 30, 40, 50, 20, 30, 40, 50, 3, 9], dtype="Int64"),
            "education": pd.Categorical(education),
        }
    )
    blanks = pd.DataFrame({"province": ["10", "50", "50"]})
    return quality.rates(params, Harmonised(2023, frame, pd.DataFrame(), {}, blanks))


def cell(found: pd.DataFrame, item: str, domain: str = "{}") -> pd.Series:
    kind = quality.ITEM if item else quality.HOUSEHOLDS
    rows = found[(found["kind"] == kind) & (found["item"] == item) & (found["domain"] == domain)]
    return rows.iloc[0]


def test_households(found: pd.DataFrame) -> None:
    whole = cell(found, "")
    assert (whole["asked"], whole["missing"], whole["rate"]) == (8, 3, 0.375)
    assert np.isnan(whole["rate_weighted"])
    assert cell(found, "", '{"region":"1"}')["rate"] == pytest.approx(1 / 3)
    assert cell(found, "", '{"region":"3"}')["rate"] == pytest.approx(2 / 5)


def test_who_is_not_asked_is_not_missing(found: pd.DataFrame) -> None:
    """Schooling is asked from 15 on: 3 of 8 lack it, with 7 of 14 of the weight."""
    whole = cell(found, "education")
    assert (whole["asked"], whole["missing"], whole["rate"]) == (8, 3, 0.375)
    assert whole["rate_weighted"] == pytest.approx(7 / 14)
    assert cell(found, "education", '{"region":"3"}')["rate_weighted"] == pytest.approx(4 / 6)
    assert cell(found, "age")["rate"] == 0.0


def rows(missing: list[int], whole: int, asked: int = 1000) -> pd.DataFrame:
    domains = ["{}", *(f'{{"region":"{code}"}}' for code in range(1, len(missing) + 1))]
    return pd.DataFrame(
        {
            "year": 2023,
            "kind": quality.ITEM,
            "item": "education",
            "domain": domains,
            "asked": asked,
            "missing": [whole, *missing],
            "rate": 0.5,
            "rate_weighted": 0.5,
        }
    )


@pytest.mark.parametrize(
    ("missing", "hidden"),
    [
        # Nothing is a handful.
        ([10, 20, 0], []),
        # One is: the smallest other goes with it, since the whole would give it.
        ([3, 20, 10], [1, 3]),
        # Nobody else lacks an answer: the whole goes.
        ([3, 0, 0], [0, 1]),
        # Two that are a handful together would be known between them.
        ([1, 2, 30], [1, 2, 3]),
        ([4, 4, 30], [1, 2]),
    ],
)
def test_a_handful_cannot_be_worked_out(missing: list[int], hidden: list[int]) -> None:
    out = quality.release(rows(missing, max(sum(missing), 6)), few=5)
    assert list(out.columns) == quality.RELEASED
    assert list(np.flatnonzero(out["flag"] == "c")) == hidden
    assert out.loc[hidden, ["rate", "rate_weighted"]].isna().all().all()
    assert "missing" not in out


def test_the_base_of_an_item_that_some_are_asked_is_rounded() -> None:
    """Movers in a region: where a table withholds their number, this one must not give it."""
    everybody = rows([40, 60], 100, asked=5000).assign(item="age")
    movers = rows([6, 20], 26).assign(asked=[2004, 57, 9], rate=[26 / 2004, 6 / 57, 2 / 9])
    out = quality.release(pd.concat([everybody, movers]), few=5)
    assert out["asked"].fillna(0).tolist() == [5000, 5000, 5000, 2000, 60, 0]
    assert out["rate"].fillna(0).tolist() == [0.5, 0.5, 0.5, 0.013, 0.105, 0]
    assert out["flag"].tolist() == ["", "", "", "", "", "c"]


def test_a_handful_that_answered_is_withheld_too() -> None:
    out = quality.release(rows([997, 998], 1995), few=5)
    assert list(out["flag"]) == ["", "c", "c"]
