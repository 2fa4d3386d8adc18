"""Rotation: half of the households come back once, with the same persons a year older."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest
from sample_files import HOUSEHOLD, KEY

PAIRS = [(2019, 2020), (2020, 2021), (2022, 2023), (2023, 2024)]
PSU = ["CWT", "AREA", "PSU_NO"]


def index(frame: pd.DataFrame, columns: list[str]) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(frame[columns].drop_duplicates())


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_half_of_the_planned_households_return(
    plain: Callable[[int], pd.DataFrame], first: int, second: int
) -> None:
    before, after = plain(first), plain(second)
    old, new = index(before, HOUSEHOLD), index(after, HOUSEHOLD)
    assert new.isin(old).mean() == pytest.approx(0.5)
    assert old.isin(new).mean() == pytest.approx(0.5)
    interviewed = [index(frame[frame["NO"].notna()], HOUSEHOLD) for frame in (before, after)]
    assert 0.42 < interviewed[1].isin(interviewed[0]).mean() < 0.5
    assert set(index(before, [*PSU, "EA_SET"])) == set(index(after, [*PSU, "EA_SET"]))


def test_no_overlap_between_rounds(plain: Callable[[int], pd.DataFrame]) -> None:
    assert not index(plain(2022), PSU).isin(index(plain(2021), PSU)).any()
    assert not index(plain(2021), HOUSEHOLD).isin(index(plain(2019), HOUSEHOLD)).any()


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_persons_who_stay_are_the_same(
    plain: Callable[[int], pd.DataFrame], first: int, second: int
) -> None:
    before = plain(first)[lambda frame: frame["NO"].notna()]
    after = plain(second)[lambda frame: frame["NO"].notna()]
    both = before.merge(after, on=KEY, suffixes=("_1", "_2"))
    assert len(both) > 0.4 * len(before)
    # RELATION 0 exists in one household set only, so nobody turns into it.
    assert (both["AGE_2"] == both["AGE_1"] + 1).all()
    for name in ("SEX", "SYN_BIRTH_PV", "SYN_BIRTH_CN", "SYN_NAT"):
        left, right = both[f"{name}_1"], both[f"{name}_2"]
        assert ((left == right) | (left.isna() & right.isna())).all(), name
    assert (both["SYN_MOVED_2"] == 2).all()
    years = both[both["SYN_DUR_1"] < 96]
    assert (years["SYN_DUR_2"] == years["SYN_DUR_1"] + 1).all()


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_some_leave_and_some_join(
    plain: Callable[[int], pd.DataFrame], first: int, second: int
) -> None:
    before = plain(first)[lambda frame: frame["NO"].notna()]
    after = plain(second)[lambda frame: frame["NO"].notna()]
    common = index(before, HOUSEHOLD).intersection(index(after, HOUSEHOLD))
    old = index(before[pd.MultiIndex.from_frame(before[HOUSEHOLD]).isin(common)], KEY)
    new = index(after[pd.MultiIndex.from_frame(after[HOUSEHOLD]).isin(common)], KEY)
    assert 0.005 < (~old.isin(new)).mean() < 0.10
    assert 0.005 < (~new.isin(old)).mean() < 0.10


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_labour_is_persistent(
    plain: Callable[[int], pd.DataFrame], first: int, second: int
) -> None:
    before = plain(first)[lambda frame: frame["AGE"] >= 15]
    both = before.merge(plain(second), on=KEY, suffixes=("_1", "_2"))
    known = both[both["WK_7DAY_1"].notna()]
    same = (known["WK_7DAY_1"] == known["WK_7DAY_2"]).mean()
    assert same > 0.75
    workers = known[(known["INDUS_1"].notna()) & (known["INDUS_2"].notna())]
    assert (workers["INDUS_1"] == workers["INDUS_2"]).mean() > 0.5
