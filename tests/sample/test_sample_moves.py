"""Who moves with whom, and how birth place, previous and present place fit together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sample_files import HOUSEHOLD, YEARS

from lfsmig.sample.parties import candidate_parties, leads
from lfsmig.sample.settings import Settings


@pytest.fixture(scope="module")
def movers(plain: Callable[[int], pd.DataFrame]) -> pd.DataFrame:
    """Movers of all years, with the household they live in and what it holds."""
    parts = []
    for year in YEARS:
        people = plain(year)[lambda frame: frame["NO"].notna()].copy()
        people["hh"] = people.groupby(HOUSEHOLD).ngroup() + year * 1_000_000
        people["size"] = people.groupby("hh")["NO"].transform("size")
        parts.append(people[people["SYN_MOVED"] == 1])
    return pd.concat(parts, ignore_index=True)


def test_those_of_one_household_mostly_move_together(movers: pd.DataFrame) -> None:
    groups = movers.groupby("hh")
    several = groups.size() >= 2
    assert several.sum() > 30
    for name in ("SYN_PREV_PV", "SYN_PREV_CN", "SYN_MONTHS"):
        alone = groups[name].nunique(dropna=False)[several] > 1
        assert alone.mean() < 0.15, name
    couples = movers[movers["RELATION"].isin([1, 2])].groupby("hh")
    both = couples.size() == 2
    assert (couples["SYN_MONTHS"].nunique()[both] == 1).mean() > 0.85


def test_children_follow_an_adult_or_are_sent_to_kin(movers: pd.DataFrame) -> None:
    with_adult = movers["hh"].isin(movers.loc[movers["AGE"] >= 15, "hh"])
    children = movers["AGE"] < 15
    assert with_adult[children].mean() > 0.8
    assert movers.loc[children & ~with_adult, "RELATION"].isin([8, 12]).all()


def test_infants_are_among_the_movers(movers: pd.DataFrame) -> None:
    infants = movers[movers["AGE"] == 0]
    assert len(infants)
    assert (infants["SYN_DUR"].isin([0, 99])).all()
    # Nobody moved before being born: early months of the window are rare.
    assert infants["SYN_MONTHS"].mean() < movers["SYN_MONTHS"].mean()


def test_nobody_follows_a_family_into_an_empty_house(movers: pd.DataFrame) -> None:
    assert (movers.loc[movers["size"] == 1, "SYN_REASON"] != 9).all()


def test_primary_moves_lead(movers: pd.DataFrame, settings: Settings) -> None:
    """Shares of the three types (Eldridge 1965) are those of the series, pooled over the years."""
    birth, before, now = (movers[name] for name in ("SYN_BIRTH_PV", "SYN_PREV_PV", "CWT"))
    inside = birth.notna() & (birth != 99) & before.notna() & (before != 99) & (before != now)
    types = np.select([birth == before, birth == now], ["primary", "return"], "onward")
    weight = movers["WEIGHT"]
    share = {
        name: weight[inside & (types == name)].sum() / weight[inside].sum()
        for name in ("primary", "return", "onward")
    }
    series = pd.DataFrame(settings.series["move_type"]).mean(axis=1) / 100
    assert share["primary"] > share["return"] > share["onward"]
    for name, value in share.items():
        assert value == pytest.approx(series[name], abs=0.05), name


def family(*members: tuple[int, int, int]) -> pd.DataFrame:
    """One household: (relation, age, couple) of each member."""
    frame = pd.DataFrame(members, columns=["relation", "age", "couple"])
    return frame.assign(household=7, joined=False, arrived=False)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ({"whole": 1.0, "family": 0.0}, [True, True, True, True]),
        ({"whole": 0.0, "family": 1.0}, [True, True, True, False]),
        ({"whole": 0.0, "family": 0.0}, [True, False, False, False]),
    ],
)
def test_a_party_is_the_household_the_family_or_the_leader(
    settings: Settings, kind: dict[str, float], expected: list[bool]
) -> None:
    people = family((1, 30, 1), (2, 28, 1), (3, 5, 0), (9, 60, 0))
    model = {**settings.model["migration"], "moves_apart": 0.0}
    party = candidate_parties(
        people,
        np.array([1.0, 0.0, 0.0, 0.0]),
        np.ones(4, dtype=bool),
        model,
        {"head": kind},
        np.random.default_rng(1),
    )
    assert party.member.tolist() == expected
    assert party.leader.tolist() == [True, False, False, False]


def test_only_children_with_kin_alone_can_lead(settings: Settings) -> None:
    model = settings.model["migration"]
    with_parents = family((1, 60, 0), (4, 35, 0), (8, 6, 0))
    sent = family((1, 60, 0), (8, 6, 0), (3, 9, 0))
    assert leads(with_parents, model)[2] == 0
    assert leads(sent, model)[1] > 0 and leads(sent, model)[2] == 0
