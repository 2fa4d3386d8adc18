"""Who moves with whom: in every household the one party that could have moved here.

A party has a leader, drawn by age with a Rogers-Castro schedule, and those who move along: the
whole household, the leader's family, or nobody. It shares the month of the move and, but for a
few, the place of origin. Children follow an adult; the exception is a child sent to live with
grandparents or other relatives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lfsmig.sample.draw import by_step
from lfsmig.sample.panel import (
    CHILD,
    CHILD_IN_LAW,
    CHILDREN,
    GRANDCHILD,
    MARRIED_CHILD,
    OTHER_RELATIVE,
    SPOUSE,
)

ADULT = 15
MONTHS = 12
WHOLE, FAMILY, ALONE = 0, 1, 2


@dataclass(frozen=True)
class Parties:
    """The candidate party of each household.

    Attributes
    ----------
    household
        Number of each person's household, from 0 on.
    member, leader, apart
        For each person: moves with the party, leads it, came at another time from elsewhere.
    chance
        For each household: relative chance that its party moved, 0 where there is none.
    months
        For each household: completed months since the party's move.
    """

    household: np.ndarray
    member: np.ndarray
    leader: np.ndarray
    apart: np.ndarray
    chance: np.ndarray
    months: np.ndarray

    def weight(self, weight: np.ndarray) -> np.ndarray:
        """Weight of each household's party: the sum over its members."""
        return np.bincount(self.household, weights=weight * self.member, minlength=len(self.chance))


def rogers_castro(age: np.ndarray, parameters: dict[str, float]) -> np.ndarray:
    """Seven-parameter Rogers-Castro migration schedule."""
    p = parameters
    labour = p["alpha2"] * (age - p["mu2"]) + np.exp(-p["lambda2"] * (age - p["mu2"]))
    child = p["a1"] * np.exp(-p["alpha1"] * age)
    return np.asarray(child + p["a2"] * np.exp(-labour) + p["c"])


def leads(people: pd.DataFrame, model: dict[str, Any]) -> np.ndarray:
    """Relative chance of each person to lead a party, before place and relation count.

    Adults by the schedule. Children lead only where they are grandchildren or other relatives and,
    in a household seen for the first time, no adult of the generation between lives with them.
    """
    age = people["age"].to_numpy()
    relation = people["relation"].to_numpy()
    schedule = rogers_castro(age.astype(float), model["rogers_castro"])
    between = np.isin(relation, (CHILD, MARRIED_CHILD, CHILD_IN_LAW)) & (age >= ADULT)
    household = people["household"].to_numpy()
    alone = ~np.isin(household, household[between])
    sent = (age < ADULT) & (age > 0) & np.isin(relation, (GRANDCHILD, OTHER_RELATIVE)) & alone
    sent &= ~people["arrived"].to_numpy()
    chance = schedule * np.where(age >= ADULT, 1.0, np.where(sent, model["sent_children"], 0.0))
    return np.asarray(chance * np.where(people["joined"], model["joined_lead"], 1.0))


def candidate_parties(
    people: pd.DataFrame,
    lead: np.ndarray,
    open_: np.ndarray,
    model: dict[str, Any],
    kinds: dict[str, Any],
    rng: np.random.Generator,
) -> Parties:
    """Draw the party of each household.

    Parameters
    ----------
    people
        Persons with household, relation, age, couple, joined, arrived.
    lead
        Relative chance of each person to lead, 0 for never.
    open_
        Who can have moved in the past 12 months.
    model
        The `migration` part of the model parameters.
    kinds
        Shares of the kinds of party by the leader's place in the household.
    rng
        Random stream.

    Returns
    -------
    Parties
    """
    size = len(people)
    _, household = np.unique(people["household"].to_numpy(), return_inverse=True)
    count = int(household.max()) + 1 if size else 0
    lead = np.where(open_, lead, 0.0)
    # The first of independent exponential waiting times is each one's with its relative chance.
    wait = np.full(size, np.inf)
    able = lead > 0
    wait[able] = rng.exponential(size=int(able.sum())) / lead[able]
    order = np.lexsort((wait, household))
    first = order[np.searchsorted(household[order], np.arange(count))]
    leader = np.zeros(size, dtype=bool)
    leader[first[able[first]]] = True
    months = rng.integers(0, MONTHS, count)
    member = leader | (_follows(people, household, first, kinds, rng) & open_)
    # Whoever was born after the move has not moved.
    born = rng.integers(0, MONTHS, size)
    member &= (people["age"].to_numpy() > 0) | (born > months[household])
    member &= able[first][household]
    adult = (people["age"] >= ADULT).to_numpy()
    apart = member & ~leader & adult & (rng.random(size) < model["moves_apart"])
    chance = np.bincount(household, weights=lead, minlength=count)
    return Parties(household, member, leader, apart, chance, months)


def _follows(
    people: pd.DataFrame,
    household: np.ndarray,
    first: np.ndarray,
    kinds: dict[str, Any],
    rng: np.random.Generator,
) -> np.ndarray:
    """Who would move along with the leader `first` of each household."""
    relation, age = people["relation"].to_numpy(), people["age"].to_numpy()
    couple = people["couple"].to_numpy()
    place = np.where(relation[first] <= SPOUSE, "head", "member")
    place = np.where(age[first] < ADULT, "child", place)
    place = np.where(people["arrived"].to_numpy()[first], "arrived", place)
    draw = rng.random(len(first))
    kind = np.full(len(first), ALONE)
    for name, shares in kinds.items():
        mine = place == name
        cut = np.cumsum([shares["whole"], shares["family"]])
        kind[mine] = np.searchsorted(cut, draw[mine], side="right")
    kind_here = kind[household]
    by = relation[first][household]
    pair = (couple > 0) & (couple == couple[first][household])
    own = (by <= SPOUSE) & np.isin(relation, CHILDREN) & (age < 18)
    theirs = np.isin(by, (MARRIED_CHILD, CHILD_IN_LAW)) & (relation == GRANDCHILD) & (age < ADULT)
    return np.asarray((kind_here == WHOLE) | ((kind_here == FAMILY) & (pair | own | theirs)))


def arrival_leads(people: pd.DataFrame, model: dict[str, Any]) -> np.ndarray:
    """Factor on the chance to lead a party from abroad, by relation to the head."""
    return by_step(model["arrival_by_relation"], people["relation"].to_numpy())
