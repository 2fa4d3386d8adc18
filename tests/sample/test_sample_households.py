"""Every household holds together: one head, kin of fitting ages, opposite sexes of couples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sample_files import HOUSEHOLD, YEARS


@pytest.fixture(params=YEARS)
def members(request: pytest.FixtureRequest, plain: Callable[[int], pd.DataFrame]) -> pd.DataFrame:
    frame = plain(request.param)
    frame = frame[frame["NO"].notna()].copy()
    frame["hh"] = frame.groupby(HOUSEHOLD).ngroup()
    heads = frame[frame["RELATION"] == 1].set_index("hh")
    for name in ("AGE", "SEX", "MARITAL"):
        frame[f"head_{name}"] = frame["hh"].map(heads[name]) if heads.index.is_unique else np.nan
    return frame


def test_one_head_or_collective(members: pd.DataFrame) -> None:
    heads = members.groupby("hh")["RELATION"].agg(lambda codes: (codes == 1).sum())
    collective = members.groupby("hh")["RELATION"].agg(lambda codes: (codes == 0).all())
    assert ((heads == 1) ^ collective).all()
    assert (members.loc[members["RELATION"] == 1, "AGE"] >= 18).all()


def test_at_most_one_spouse_of_the_other_sex(members: pd.DataFrame) -> None:
    spouses = members[members["RELATION"] == 2]
    assert spouses["hh"].is_unique
    assert (spouses["SEX"] != spouses["head_SEX"]).all()
    assert (spouses["MARITAL"] == 2).all()
    assert (spouses["head_MARITAL"] == 2).all()
    assert (spouses["AGE"] >= 18).all()


def test_generations_are_apart(members: pd.DataFrame) -> None:
    gap = members["head_AGE"] - members["AGE"]
    relation = members["RELATION"]
    assert (gap[relation.between(3, 6)] >= 16).all()
    assert (gap[relation == 8] >= 34).all()
    assert (gap[relation == 9] <= -16).all()
    spouse = members["hh"].map(members[relation == 2].set_index("hh")["AGE"])
    assert ((spouse - members["AGE"])[relation.between(3, 6)].dropna() >= 16).all()
    in_law = relation == 10
    assert (members.loc[in_law, "AGE"] - spouse[in_law] >= 16).all(), "a parent-in-law alone"


def test_couples_stay_together(members: pd.DataFrame) -> None:
    """Whoever married a child of the head is gone when that child is."""
    in_laws = (members["RELATION"] == 7).groupby(members["hh"]).sum()
    children = (members["RELATION"] == 4).groupby(members["hh"]).sum()
    assert (in_laws <= children).all()


def test_brothers_and_sisters_differ_in_age(members: pd.DataFrame) -> None:
    children = members[members["RELATION"].between(3, 6)]
    assert not children.duplicated(["hh", "AGE"]).any()


def test_marital_status_fits_age_and_relation(members: pd.DataFrame) -> None:
    assert (members.loc[members["AGE"] < 15, "MARITAL"] == 1).all()
    assert (members.loc[members["RELATION"] == 3, "MARITAL"].isin([1, 6])).all()
    assert (members.loc[members["RELATION"] == 4, "MARITAL"] != 1).all()
    assert members["AGE"].between(0, 110).all()


def test_line_numbers_are_unique_and_start_at_the_head(members: pd.DataFrame) -> None:
    assert not members.duplicated(["hh", "NO"]).any()
    assert (members.loc[members["RELATION"] == 1, "NO"] == 1).all()
    assert (members["NO"] >= 1).all()


def test_size_is_like_the_survey(members: pd.DataFrame) -> None:
    assert 2.6 < len(members) / members["hh"].nunique() < 3.0
