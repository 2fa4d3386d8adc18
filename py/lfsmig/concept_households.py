"""Households: one record for each, and what is true of any of its members.

A household is counted by the record of its head, whose weight is the household's (the choice of
methods between the head's weight and the members' mean). Collective households have no head and
are none. What is true of any member is written on every record of the household, so that persons
can be looked at by their household too.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from lfsmig.concept_base import Frame, Values, is_known, population, truth

HEAD = "head"
# The generation between the head of a household and the head's grandchildren.
MIDDLE = ("child", "child_in_law")
GRANDCHILD = "grandchild"


def any_member(frame: Frame, yes: Values, unknown: Values) -> tuple[Values, Values]:
    """Spread what holds for any member over the household: (true, cannot be known).

    Unknown where nobody known is one and somebody may be.
    """
    household = pd.factorize(frame.table["household_id"])[0]
    size = int(household.max(initial=0)) + 1
    some = np.bincount(household[yes], minlength=size)[household] > 0
    perhaps = np.bincount(household[unknown], minlength=size)[household] > 0
    return some, perhaps & ~some


def _with_member(frame: Frame, name: str) -> Values:
    flag = frame.flag(name)
    return truth(*any_member(frame, flag == 1, np.isnan(flag)))


@population("relation", "household_id")
def is_household(frame: Frame) -> Values:
    """The one record that stands for a private household: its head, the first where two are."""
    relation = frame.text("relation")
    head = relation == HEAD
    ids = frame.table["household_id"]
    again = ids[head].duplicated().to_numpy()
    first = head.copy()
    first[np.flatnonzero(head)[again]] = False
    return truth(first, ~is_known(relation))


def _flag_of(name: str, member: str, told: str) -> Callable[[Frame], Values]:
    """Enter the population of households with a member of another population."""

    def make(frame: Frame) -> Values:
        return _with_member(frame, member)

    make.__name__, make.__doc__ = f"is_{name}", told
    return population("household_id", member)(make)


has_internal = _flag_of(
    "household_internal", "recent_internal", "In a household with a recent internal migrant."
)
has_international = _flag_of(
    "household_international",
    "recent_international",
    "In a household with a recent international migrant.",
)
has_lifetime = _flag_of("household_lifetime", "lifetime", "In a household with a lifetime migrant.")
has_sender = _flag_of(
    "household_sender",
    "remittance_sender",
    "In a household with a recent migrant who sent money or goods; others were not asked.",
)


@population("relation", "household_id")
def is_without_middle_generation(frame: Frame) -> Values:
    """Grandchild of the head in a household without a child or child-in-law of the head.

    A proxy: it says that the generation of the parents is not in the household, not that a parent
    migrated or lives. An aunt or uncle counts as the parents' generation. Unknown where the own
    relation is not stated, or another member's that could be of the middle generation.
    """
    relation = frame.text("relation")
    unstated = ~is_known(relation)
    grandchild = relation == GRANDCHILD
    middle, perhaps = any_member(frame, np.isin(relation.astype(str), MIDDLE), unstated)
    return truth(grandchild & ~middle, (unstated & ~middle) | (grandchild & perhaps))
