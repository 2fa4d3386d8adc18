"""What a year does to households that answer again: who is replaced, leaves, is born or joins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lfsmig.sample.draw import by_step
from lfsmig.sample.households import (
    HEADS_COUPLE,
    MARRIED,
    NO_COUPLE,
    SEPARATED,
    SINGLE,
    WIDOWED,
    unmarried,
)

HEAD, SPOUSE, CHILD, MARRIED_CHILD, CHILD_IN_LAW, GRANDCHILD, PARENT_IN_LAW = 1, 2, 3, 4, 7, 8, 10
OTHER_RELATIVE, NOT_RELATED = 12, 15
CHILDREN = (CHILD, MARRIED_CHILD, 5, 6)


def replaced_addresses(
    people: pd.DataFrame, model: dict[str, Any], rng: np.random.Generator
) -> np.ndarray:
    """Households that moved away, their address now held by another household.

    The sample is of addresses: an address stays in it, whoever lives there.
    """
    households = people["household"].unique()
    return np.asarray(households[rng.random(len(households)) < model["replaced"]])


def next_year(
    people: pd.DataFrame, model: dict[str, Any], rng: np.random.Generator
) -> pd.DataFrame:
    """Let a year pass in households that answer again: ageing, leavers, births, joiners.

    Line numbers of those who stay are kept, so a person can be followed by the full key; whoever
    joins gets the next free number. Everybody who joins is new and carries no history.

    Parameters
    ----------
    people
        Members of last year, with `couple` (`households.new_people`).
    model
        The `households` part of the model parameters.
    rng
        Random stream.

    Returns
    -------
    pandas.DataFrame
        Members of this year; `joined` marks who was not there a year ago.
    """
    people = people.copy()
    people["age"] = people["age"] + 1
    people["joined"] = False
    people["next_line"] = people.groupby("household")["line"].transform("max") + 1
    stay = _without(people, _leavers(people, model, rng))
    joiners = pd.concat([_births(stay, model, rng), _joiners(stay, model, rng)], ignore_index=True)
    joiners = joiners.drop_duplicates("household", keep="first")
    joiners["line"] = joiners["next_line"]
    joiners["joined"] = True
    joiners["couple"] = NO_COUPLE
    whole = pd.concat([stay, joiners], ignore_index=True).drop(columns="next_line")
    return whole.sort_values(["household", "line"], kind="stable", ignore_index=True)


def _pairs(people: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
    """Everybody who belongs to a couple of the rows marked."""
    keys = people["household"].to_numpy() * 100 + people["couple"].to_numpy()
    return np.asarray(np.isin(keys, keys[rows]) & (people["couple"] > NO_COUPLE).to_numpy())


def _leavers(people: pd.DataFrame, model: dict[str, Any], rng: np.random.Generator) -> np.ndarray:
    """Who is gone: heads never, married children with their partners, in-laws seldom alone.

    Young grandchildren often go with the couple that leaves, where no other couple stays.
    """
    relation, age = people["relation"].to_numpy(), people["age"].to_numpy()
    size = len(people)
    draw = rng.random(size) < by_step(model["leaves"], age)
    seldom = rng.random(size)
    in_law = relation == CHILD_IN_LAW
    leaves = draw & (relation > SPOUSE) & ~in_law
    leaves |= draw & (relation == SPOUSE) & (seldom < model["spouse_leaves"])
    leaves |= in_law & _pairs(people, leaves & (relation == MARRIED_CHILD))
    leaves |= draw & in_law & (seldom < model["in_law_leaves_alone"])
    household = people["household"].to_numpy()
    # A husband's or wife's parents do not stay on without them.
    leaves |= (relation == PARENT_IN_LAW) & np.isin(household, household[leaves & (relation == 2)])
    married = np.isin(relation, (MARRIED_CHILD, CHILD_IN_LAW))
    gone = np.isin(household, household[leaves & (relation == MARRIED_CHILD)])
    left = gone & ~np.isin(household, household[married & ~leaves])
    young = (relation == GRANDCHILD) & (age < 15)
    return np.asarray(leaves | (left & young & (seldom < model["grandchild_follows"])))


def _without(people: pd.DataFrame, leaves: np.ndarray) -> pd.DataFrame:
    """Members who stay; whoever is left of a couple is widowed or separated."""
    broken = _pairs(people, leaves)
    stay = people.copy()
    old = np.where(stay["age"] >= 60, WIDOWED, SEPARATED)
    stay["marital"] = np.where(broken, old, stay["marital"])
    stay["couple"] = np.where(broken, NO_COUPLE, stay["couple"])
    return stay.loc[~leaves].copy()


def _births(people: pd.DataFrame, model: dict[str, Any], rng: np.random.Generator) -> pd.DataFrame:
    """Children of women who are head, spouse, daughter or daughter-in-law."""
    mothers = people.loc[
        (people["sex"] == 2)
        & people["age"].between(18, 41)
        & people["relation"].isin([HEAD, SPOUSE, MARRIED_CHILD, CHILD_IN_LAW])
        & (people["marital"] == MARRIED)
    ]
    mothers = mothers.loc[rng.random(len(mothers)) < model["birth"] * 2.2]
    return pd.DataFrame(
        {
            "household": mothers["household"].to_numpy(),
            "relation": np.where(mothers["relation"] <= SPOUSE, CHILD, GRANDCHILD),
            "sex": np.where(rng.random(len(mothers)) < 0.513, 1, 2),
            "age": 0,
            "marital": SINGLE,
            "next_line": mothers["next_line"].to_numpy(),
        }
    )


def _joiners(people: pd.DataFrame, model: dict[str, Any], rng: np.random.Generator) -> pd.DataFrame:
    """Adult children, grandchildren and others who come to live with the head."""
    heads = people.loc[people["relation"] == HEAD]
    heads = heads.loc[rng.random(len(heads)) < model["joins"]]
    # A child must be young enough for both parents, as in a household's first year.
    couple = people.loc[people["couple"] == HEADS_COUPLE]
    younger = couple.groupby("household")["age"].min().reindex(heads["household"]).to_numpy()
    age = heads["age"].to_numpy()
    parent_age = np.fmin(age, younger).astype(int)
    draw = rng.random(len(heads))
    child = (draw < 0.5) & (parent_age >= 40)
    grandchild = ~child & (draw < 0.72) & (age >= 48)
    relation = np.select([child, grandchild, draw < 0.9], [CHILD, GRANDCHILD, OTHER_RELATIVE], 15)
    joined_age = np.select(
        [child, grandchild],
        [
            np.clip(parent_age - rng.integers(21, 33, len(age)), 5, 50),
            rng.integers(1, 9, len(age)),
        ],
        rng.integers(16, 46, len(age)),
    )
    sex = rng.integers(1, 3, len(heads))
    marital = unmarried(rng, joined_age, sex)
    marital[joined_age < 15] = SINGLE
    # Brothers and sisters differ in age; whoever does not is another relative.
    siblings = people.loc[people["relation"].isin(CHILDREN)]
    taken = pd.MultiIndex.from_frame(siblings[["household", "age"]])
    twin = pd.MultiIndex.from_arrays([heads["household"], joined_age]).isin(taken)
    relation = np.where((relation == CHILD) & twin, OTHER_RELATIVE, relation)
    relation = np.where((relation == CHILD) & (marital > SINGLE), MARRIED_CHILD, relation)
    return pd.DataFrame(
        {
            "household": heads["household"].to_numpy(),
            "relation": relation,
            "sex": sex,
            "age": joined_age,
            "marital": marital,
            "next_line": heads["next_line"].to_numpy(),
        }
    )
