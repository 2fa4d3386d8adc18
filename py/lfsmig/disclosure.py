"""Disclosure control: no released number gives away a cell of a handful of persons.

The same persons are counted in many tables: a total, a rate times the population, a share times
its base, movers of all kinds less internal ones. So cells are first traced to *whom* they count,
a set of conditions such as (recent movers, from abroad, region 1). Sets that add up make an
equation; whatever the equations over all released tables determine is known to a reader. Cells
are withheld until no set below the minimum is determined (methods: complementary suppression,
checked by linear algebra as an attacker would).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lfsmig.results import domain_codes

if TYPE_CHECKING:
    from lfsmig.params import Indicator

Who = frozenset[tuple[str, str]]
"""Whom a cell counts: conditions that all hold."""

# Populations that are parts of another one are written as that one and a condition, so that the
# parts and the whole stand in one equation.
PARTS: dict[str, Who] = {
    "all": frozenset(),
    "recent_internal": frozenset({("population", "migrants"), ("migrant_type", "internal")}),
    "recent_international": frozenset(
        {("population", "migrants"), ("migrant_type", "international")}
    ),
    "lifetime_internal": frozenset({("population", "lifetime"), ("lifetime_type", "internal")}),
    "foreign_born": frozenset({("population", "lifetime"), ("lifetime_type", "foreign_born")}),
}
# A coordinate of the null space below this is zero: the cell has one possible value.
DETERMINED = 1e-9


def population(name: str) -> Who:
    """Conditions that make a population."""
    return PARTS.get(name, frozenset({("population", name)}))


def counted(indicator: Indicator, domain: str, category: str) -> Who | None:
    """Whom a cell's numerator counts; `None` where it is no count of persons."""
    where = {("where", indicator.where)} if indicator.where else set()
    base = population(indicator.population) | where | set(domain_codes(domain).items())
    if indicator.statistic == "share":
        return base | {(str(indicator.of), category)}
    if indicator.statistic == "rate":
        return base | population(str(indicator.of))
    if indicator.statistic == "total" and indicator.of is None:
        return base
    return None


@dataclass
class Cells:
    """The sets of a release: cases of each, and whether its number is kept from readers."""

    cases: dict[Who, int]
    hidden: set[Who]
    secret: set[Who]

    def unknown(self, who: Who) -> bool:
        """Hidden and not empty: that nobody is there is no secret and often known."""
        return who in self.hidden and self.cases.get(who, 0) > 0


def protect(
    estimates: pd.DataFrame,
    withheld: np.ndarray,
    indicators: Sequence[Indicator],
    min_cases: int,
) -> dict[int, str]:
    """Find every row that must not be shown for confidentiality.

    Parameters
    ----------
    estimates
        One engine's rows of a year, with `n_cases`.
    withheld
        Rows that are withheld for another reason, such as imprecision.
    indicators
        Register of exhibits.
    min_cases
        Sets of 1 to `min_cases` - 1 persons are secret.

    Returns
    -------
    dict
        Row position → `few_cases` or `complementary`.
    """
    register = {indicator.id: indicator for indicator in indicators}
    rows: dict[Who, list[int]] = defaultdict(list)
    for position, (name, domain, category) in enumerate(
        estimates[["indicator", "domain", "category"]].itertuples(index=False, name=None)
    ):
        who = counted(register[name], domain, category)
        if who is not None:
            rows[who].append(position)
    n_cases = estimates["n_cases"].fillna(0).to_numpy(dtype="int64")
    cells = Cells(
        cases={who: int(n_cases[at].min()) for who, at in rows.items()},
        hidden={who for who, at in rows.items() if withheld[at].all()},
        secret={who for who, at in rows.items() if any(0 < n_cases[i] < min_cases for i in at)},
    )
    cells.hidden |= cells.secret
    lines = equations(cells.cases, _closed(estimates, register))
    complementary = _complements(cells, lines)
    return {
        position: "few_cases" if who in cells.secret else "complementary"
        for who in cells.secret | complementary
        for position in rows[who]
    }


def _closed(estimates: pd.DataFrame, register: Mapping[str, Indicator]) -> set[tuple[Who, str]]:
    """Wholes that a table of shares gives without a cell of their own: shares add up to one."""
    found = set()
    for name, domain, category in estimates[["indicator", "domain", "category"]].itertuples(
        index=False, name=None
    ):
        if register[name].statistic == "share":
            item = str(register[name].of)
            who = counted(register[name], domain, category) or frozenset()
            found.add((who - {(item, category)}, item))
    return found


def equations(sets: Mapping[Who, int], closed: Collection[tuple[Who, str]] = ()) -> list[list[Who]]:
    """Sets that add up: the codes of one item under equal other conditions, and their whole."""
    families: dict[tuple[Who, str], list[Who]] = defaultdict(list)
    for who in sets:
        for condition in who:
            if condition[0] not in ("where", "population"):
                families[who - {condition}, condition[0]].append(who)
    return [
        [*parts, *([whole] if whole in sets else [])]
        for (whole, item), parts in families.items()
        if whole in sets or (whole, item) in closed
    ]


def determined(cells: Cells, lines: Sequence[Sequence[Who]]) -> set[Who]:
    """Secret sets whose number follows from what is shown, by all equations together."""
    open_lines = [[who for who in line if cells.unknown(who)] for line in lines]
    found: set[Who] = set()
    for names, members in _components([line for line in open_lines if line]):
        fixed = _fixed(tuple(names), tuple(tuple(line) for line in members))
        found |= fixed & cells.secret
    return found


@lru_cache(maxsize=4096)
def _fixed(names: tuple[Who, ...], lines: tuple[tuple[Who, ...], ...]) -> frozenset[Who]:
    """Unknowns of a system of equations that can have one value only.

    A whole enters with the opposite sign of its parts. An unknown is fixed where every vector of
    the null space is zero. Most groups stay as they were from call to call, hence the cache.
    """
    place = {who: column for column, who in enumerate(names)}
    matrix = np.zeros((len(lines), len(names)))
    for row, line in enumerate(lines):
        matrix[row, [place[who] for who in line]] = 1.0
        fewest = min(line, key=len)
        if len(line) > 1 and sum(len(who) == len(fewest) for who in line) == 1:
            matrix[row, place[fewest]] = -1.0
    _, sizes, right = np.linalg.svd(matrix, full_matrices=True)
    rank = int((sizes > DETERMINED * max(sizes.max(initial=0.0), 1.0)).sum())
    zero = (np.abs(right[rank:]) < DETERMINED).all(axis=0)
    return frozenset(who for who in names if zero[place[who]])


def _components(lines: Sequence[list[Who]]) -> list[tuple[list[Who], list[list[Who]]]]:
    """Groups of equations that share unknowns, each small enough to solve."""
    leader: dict[Who, Who] = {}

    def find(who: Who) -> Who:
        while leader.setdefault(who, who) != who:
            leader[who] = leader[leader[who]]
            who = leader[who]
        return who

    for line in lines:
        for who in line[1:]:
            leader[find(who)] = find(line[0])
    groups: dict[Who, list[list[Who]]] = defaultdict(list)
    for line in lines:
        groups[find(line[0])].append(line)
    return [
        (sorted({who for line in members for who in line}, key=sorted), members)
        for members in groups.values()
    ]


def _complements(cells: Cells, lines: Sequence[Sequence[Who]]) -> set[Who]:
    """Choose few and small sets to withhold so that no secret one is determined.

    One set is added at a time until nothing is exposed; then every one that turns out not to be
    needed is given back, the largest first. A complement needs no protection of its own: the
    test looks at all equations together, so one that follows from others does not help.
    """
    chosen: set[Who] = set()
    while exposed := determined(cells, lines):
        weakest = min(exposed, key=lambda who: (cells.cases[who], sorted(who)))
        partner = _partner(weakest, cells, lines)
        if partner is None:
            break
        cells.hidden.add(partner)
        chosen.add(partner)
    for who in sorted(chosen, key=lambda who: (-cells.cases[who], sorted(who))):
        cells.hidden.remove(who)
        if determined(cells, lines):
            cells.hidden.add(who)
        else:
            chosen.remove(who)
    return chosen


def _partner(who: Who, cells: Cells, lines: Sequence[Sequence[Who]]) -> Who | None:
    """Choose what to withhold beside an exposed set: a part before a whole, the smallest first.

    It is taken from an equation with the exposed set; where nothing is shown there any more, from
    the equations of its neighbours, and so on.
    """
    reached, seen = {who}, set[int]()
    while True:
        near = [n for n, line in enumerate(lines) if n not in seen and reached & set(line)]
        if not near:
            return None
        seen.update(near)
        members = {other for n in near for other in lines[n]}
        shown = [o for o in members if o not in cells.hidden and cells.cases[o] > 0]
        if shown:
            return min(shown, key=lambda o: (_is_headline(o), cells.cases[o], sorted(o)))
        reached |= members


def _is_headline(who: Who) -> bool:
    """Whether a set is a whole population: its number is the last to be withheld."""
    return {key for key, _ in who} <= {"population", "migrant_type", "lifetime_type", "where"}
