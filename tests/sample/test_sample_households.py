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
    spouse = members[relation == 2].set_index("hh")["AGE"]
    in_law = members[relation == 10]
    later = in_law["AGE"] - in_law["hh"].map(spouse)
    assert (later.dropna() >= 16).all()


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
