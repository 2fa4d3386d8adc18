"""Rotation: half of the addresses come back once, most with the same persons a year older."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

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


def linked(
    plain: Callable[[int], pd.DataFrame], first: int, second: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Persons of both years by the full key, at addresses that kept and that changed household."""
    before, after = (plain(year)[lambda frame: frame["NO"].notna()] for year in (first, second))
    both = before.merge(after, on=KEY, suffixes=("_1", "_2"))
    fits = (both["AGE_2"] == both["AGE_1"] + 1) & (both["SEX_1"] == both["SEX_2"])
    kept = fits.groupby([both[name] for name in HOUSEHOLD]).transform("all")
    return both[kept], both[~kept]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_persons_who_stay_are_the_same(
    plain: Callable[[int], pd.DataFrame], first: int, second: int
) -> None:
    both, _ = linked(plain, first, second)
    assert len(both) > 0.4 * plain(first)["NO"].notna().sum()
    # A household that took over an address can by chance fit the one before in age and sex.
    chance = 0.003 * len(both)
    for name in ("RELATION", "SYN_BIRTH_PV", "SYN_BIRTH_CN", "SYN_NAT"):
        left, right = both[f"{name}_1"], both[f"{name}_2"]
        differs = ~((left == right) | (left.isna() & right.isna()))
        if name == "RELATION":  # an unmarried child marries
            differs &= ~((left == 3) & (right == 4))
        assert differs.sum() <= chance, name
    assert (both["SYN_MOVED_2"] != 2).sum() <= chance
    years = both[(both["SYN_DUR_1"] < 96) & (both["SYN_MOVED_2"] == 2)]
    assert (years["SYN_DUR_2"] != years["SYN_DUR_1"] + 1).sum() <= chance


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_some_addresses_hold_another_household(
    folder: Path, plain: Callable[[int], pd.DataFrame], first: int, second: int
) -> None:
    _, others = linked(plain, first, second)
    found = len(others.drop_duplicates(HOUSEHOLD))
    manifest = json.loads((folder / "SYNTHETIC.json").read_text(encoding="utf-8"))
    told = manifest["years"][str(second)]["replaced_households"]
    assert told > 0 and 0.9 * told <= found <= told
    assert manifest["years"][str(second)]["households"] * 0.005 < told
    # Nobody in them has lived there for a year.
    known = others["SYN_DUR_2"][(others["SYN_DUR_2"] != 99) & (others["AGE_2"] > 0)]
    assert (known == 0).all()


def test_rotation_hardly_changes_the_rate_of_migration(
    plain: Callable[[int], pd.DataFrame],
) -> None:
    """Without households that take over an address, returning ones had a seventh of the rate."""
    weight = dict.fromkeys(("known", "known movers", "new", "new movers"), 0.0)
    for first, second in PAIRS:
        people = plain(second)[lambda frame: frame["NO"].notna()]
        old = pd.MultiIndex.from_frame(people[HOUSEHOLD]).isin(index(plain(first), HOUSEHOLD))
        moved = (people["SYN_MOVED"] == 1).to_numpy()
        for name, group in (("known", old), ("new", ~old)):
            weight[name] += people["WEIGHT"][group].sum()
            weight[f"{name} movers"] += people["WEIGHT"][group & moved].sum()
    ratio = (weight["known movers"] / weight["known"]) / (weight["new movers"] / weight["new"])
    assert 0.75 < ratio < 1.3


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_some_leave_and_some_join(
    plain: Callable[[int], pd.DataFrame], first: int, second: int
) -> None:
    before = plain(first)[lambda frame: frame["NO"].notna()]
    after = plain(second)[lambda frame: frame["NO"].notna()]
    common = index(before, HOUSEHOLD).intersection(index(after, HOUSEHOLD))
    old = index(before[pd.MultiIndex.from_frame(before[HOUSEHOLD]).isin(common)], KEY)
    new = index(after[pd.MultiIndex.from_frame(after[HOUSEHOLD]).isin(common)], KEY)
    assert 0.005 < (~old.isin(new)).mean() < 0.12
    assert 0.005 < (~new.isin(old)).mean() < 0.12


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
