"""A number of persons and its rate per 100 residents are one statistic and are flagged as one.

The resident population is known from the projections that the weights are adjusted to. A rate of
residents is therefore a count divided by a known number, and whoever reads it can multiply it back:
a total that is withheld as imprecise beside its rate is withheld in vain. Cells are paired by whom
they count (`disclosure.sets`), and the gravest flag of a pair holds for both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lfsmig.area_flows import FLOW_ITEMS
from lfsmig.disclosure.sets import numerator

if TYPE_CHECKING:
    from lfsmig.params import Indicator

# The gravest first; `+` speaks of the others' share, which a count does not have.
SHARED = ("s", "*", "r")
RESIDENTS = "residents"


def together(
    estimates: pd.DataFrame,
    flags: tuple[np.ndarray, np.ndarray],
    indicators: Sequence[Indicator],
) -> None:
    """Give counts and rates of the same persons the gravest flag that one of them has.

    Parameters
    ----------
    estimates
        Rows of a year, or of a span of years: `indicator, domain, category`.
    flags
        Flags and reasons of the rows by the precision rule, changed in place.
    indicators
        Register of exhibits.
    """

    def order(row: int) -> int:
        flag = flags[0][row]
        return SHARED.index(flag) if flag in SHARED else len(SHARED)

    for rows in _pairs(estimates, indicators):
        worst = min(rows, key=order)
        for row in rows:
            if order(row) > order(worst):
                flags[0][row], flags[1][row] = flags[0][worst], flags[1][worst]


def _pairs(estimates: pd.DataFrame, indicators: Sequence[Indicator]) -> list[list[int]]:
    """Rows that give the number of the same persons, as it is or per 100 residents."""
    counts = {one.id: one for one in indicators if _is_count(one) or _is_rate(one)}
    groups: dict[object, list[int]] = defaultdict(list)
    keys = estimates[["indicator", "domain", "category"]]
    for row, (name, domain, category) in enumerate(keys.itertuples(index=False, name=None)):
        if name not in counts:
            continue
        one = counts[name]
        who = numerator(one, domain, category)
        # The net number and the turnover of an area are counted by the same movers.
        groups[who, one.of if one.of in FLOW_ITEMS else ""].append(row)
    return [rows for rows in groups.values() if len(rows) > 1]


def _is_count(one: Indicator) -> bool:
    return one.statistic == "total" and (one.of is None or one.of in FLOW_ITEMS)


def _is_rate(one: Indicator) -> bool:
    """A rate of all residents, or a flow over the residents of its area."""
    if one.statistic == "ratio":
        return one.of in FLOW_ITEMS and one.over == RESIDENTS
    return one.statistic == "rate" and one.population == "all" and one.where is None
