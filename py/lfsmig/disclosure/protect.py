"""Which released numbers are withheld so that no confidential one can be worked out.

A cell is confidential that rests on few persons, on few households, or (an amount) largely on one
of them. Whatever the equations over all released tables give of such a cell is known to a reader;
so others are withheld beside it until the interval that they can compute for it is wide enough.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lfsmig.disclosure import bounds
from lfsmig.disclosure.sets import (
    Line,
    Links,
    Who,
    balances,
    base_known,
    equations,
    is_origin_destination,
    numerator,
    owner,
    plain,
    rest_of,
    slack,
)
from lfsmig.indicators import is_amount

if TYPE_CHECKING:
    from lfsmig.params import Disclosure, Indicator


@dataclass(frozen=True)
class Protected:
    """Rows that must not be shown, with the reason, and rows that must not tell their base."""

    reasons: dict[int, str]
    baseless: set[int]


@dataclass
class Cells:
    """The sets of a release: how many each counts, and what is kept from readers.

    `rows` shows a set by its own number, `bases` by the `n` of the rows of a table.
    """

    cases: dict[Who, float] = field(default_factory=dict)
    rows: dict[Who, list[int]] = field(default_factory=lambda: defaultdict(list))
    bases: dict[Who, list[int]] = field(default_factory=lambda: defaultdict(list))
    hidden: set[Who] = field(default_factory=set)
    secret: dict[Who, float] = field(default_factory=dict)
    published: set[Who] = field(default_factory=set)
    # Never shown themselves, but not below zero either: who is left out by a condition.
    implied: set[Who] = field(default_factory=set)
    # Share and base of each share; the base's number is no longer told where that is hidden, and
    # what stays is the ratio, unless a count of the same persons is shown elsewhere.
    shares: dict[Who, Who] = field(default_factory=dict)
    counted: set[Who] = field(default_factory=set)

    def unknown(self, who: Who) -> bool:
        """Hidden and not empty: that nobody is there is no secret and often known."""
        if who in self.implied:
            return True
        if owner(who) != who:
            return owner(who) in self.hidden
        if who in self.shares and who not in self.counted and who not in self.published:
            return self.cases[who] > 0
        return who in self.hidden and self.cases.get(who, 0) > 0 and who not in self.published


def protect(
    estimates: pd.DataFrame,
    withheld: np.ndarray,
    indicators: Sequence[Indicator],
    limits: Disclosure,
    links: Links | None = None,
    published: Collection[tuple[str, str, str]] = (),
) -> Protected:
    """Find every number that must not be shown for confidentiality.

    Parameters
    ----------
    estimates
        One engine's rows of a year, with `n`, `n_cases` and, where records were at hand,
        `CONTRIBUTOR_COLUMNS`.
    withheld
        Rows that are withheld for another reason, such as imprecision.
    indicators
        Register of exhibits.
    limits
        Thresholds of `rules.yml`.
    links
        Codes that are sums of others (`sets.links`).
    published
        Cells (indicator, domain, category) that others have published: to hide them helps little,
        so it is the last resort.
    """
    register = {indicator.id: indicator for indicator in indicators}
    cells = Cells()
    alone = _read(cells, estimates, register, limits)
    cells.hidden = {
        who
        for who in {*cells.rows, *cells.bases}
        if who in cells.secret
        or withheld[[*cells.rows.get(who, ()), *cells.bases.get(who, ())]].all()
    }
    for name, domain, category in published:
        who = numerator(register[name], domain, category) if name in register else None
        if who is not None and who not in cells.secret:
            cells.published.add(who)
    lines = _lines(cells, links or {})
    guard = Guard(cells, lines)
    complementary = _complements(cells, guard)
    reasons = dict.fromkeys(alone, "few_cases")
    for who in cells.secret:
        reasons |= dict.fromkeys(cells.rows.get(who, ()), "few_cases")
    # What hides a confidential number bears the same letter, or its own would narrow it down.
    near = {other for needs in guard.needs.values() for other in needs} & cells.hidden
    for who in (complementary | near) - set(cells.secret):
        for position in cells.rows.get(who, ()):
            reasons.setdefault(position, "complementary")
    baseless = {row for who in cells.hidden for row in cells.bases.get(who, ())}
    return Protected(reasons, baseless - set(reasons))


def _read(
    cells: Cells, estimates: pd.DataFrame, register: Mapping[str, Indicator], limits: Disclosure
) -> list[int]:
    """Trace every row to its sets; return confidential rows that are no sum of anything."""
    frame = estimates.reindex(columns=_columns())
    text = list(frame[["indicator", "domain", "category"]].itertuples(index=False, name=None))
    numbers = frame[_columns()[3:]].to_numpy(dtype=float, na_value=np.nan)
    alone: list[int] = []
    bases: dict[Who, list[tuple[int, float]]] = defaultdict(list)
    shares: dict[Who, Who] = {}
    for at, ((name, domain, category), row) in enumerate(zip(text, numbers, strict=True)):
        indicator = register[name]
        who = numerator(indicator, domain, category)
        n, cases, _, _, amount, *_ = np.nan_to_num(row)
        need = _confidential(indicator, who, row, limits)
        if (base := base_known(indicator, domain)) is not None and n > 0:
            bases[base].append((at, n))
        if who is None:
            alone += [at] if need else []
            continue
        money = is_amount(indicator)
        value = amount if money and amount > 0 else cases
        if indicator.statistic != "share":
            cells.counted.add(who)
        elif base is not None and n > 0:
            shares[who] = base
        cells.rows[who].append(at)
        cells.cases[who] = min(value, cells.cases.get(who, value))
        if need:
            width = value if money else max(value, need - 1)
            cells.secret[who] = max(width, cells.secret.get(who, 0.0))
    _merge_amounts(cells)
    least = limits.min_cases
    named: dict[Who, Who] = {}
    for base, found in bases.items():
        n = found[0][1]
        who = plain(base) if cells.cases.get(plain(base), n) == n else base
        named[base] = who
        cells.counted.add(who)
        cells.cases.setdefault(who, n)
        cells.bases[who] += [at for at, _ in found]
        if n < least and not any(key == "amount" for key, _ in who):
            cells.secret.setdefault(who, max(n, least - 1))
    cells.shares = {who: named[base] for who, base in shares.items() if named[base] != who}
    return alone


def _lines(cells: Cells, links: Links) -> list[Line]:
    """All equations that readers have; sets that stand in them alone get their number."""
    _imply(cells)
    lines = equations([*cells.cases], cells.cases, links)
    for line in lines:
        for who, _ in line:
            if who not in cells.cases:
                others = sum(f * cells.cases[one] for one, f in line if one != who)
                cells.cases[who] = max(-others, 0.0)
                cells.implied.add(who)
    for line in balances([*cells.rows, *cells.bases]):
        lines.append(line)
        if all(who in cells.cases for who, _ in line[:-1]):
            cells.cases.setdefault(line[-1][0], sum(f * cells.cases[who] for who, f in line[:-1]))
        for who, _ in line:
            # A balance of unknown size: only how far it may move matters.
            cells.cases.setdefault(who, 0.0)
    for who, base in cells.shares.items():
        if cells.cases[who] > 0:
            part = cells.cases[who] / cells.cases[base]
            lines.append(((who, 1.0), (base, -part), (slack(who), 1.0)))
            cells.cases[slack(who)] = 0.0
    return lines


def _imply(cells: Cells) -> None:
    """Add those whom a condition leaves out, where the whole is counted too."""
    for who in list(cells.cases):
        rest = rest_of(who)
        whole = frozenset(condition for condition in who if condition[0] != "where")
        if rest is not None and whole in cells.cases and rest not in cells.cases:
            left = cells.cases[whole] - cells.cases[who]
            if left >= 0:
                cells.cases[rest] = left
                cells.implied.add(rest)


def _columns() -> list[str]:
    return [
        *("indicator", "domain", "category", "n", "n_cases", "n_households", "n_contributors"),
        *("amount", "largest", "two_largest"),
    ]


def _confidential(
    indicator: Indicator, who: Who | None, row: np.ndarray, limits: Disclosure
) -> int:
    """The threshold that a cell fails, 0 if it passes all; a missing figure does not judge."""
    n, cases, households, contributors, _, largest, two = row
    money = is_amount(indicator)
    need = limits.min_cases
    if money:
        need = limits.min_cases_amount
        cases = np.fmin(cases, contributors)
    elif who is not None and is_origin_destination(who):
        need = limits.min_cases_od
    few = 0 < cases < need or 0 < households < limits.min_households
    if money:
        few |= cases == 0 and n > 0
        few |= largest > limits.dominance_largest
        few |= (1 - two) < limits.dominance_p * largest
    return need if few else 0


def _merge_amounts(cells: Cells) -> None:
    """One sum under two names, such as amounts of senders and of all, none being sent by others."""
    amounts: dict[tuple[Who, str], Who] = {}
    for who in [w for w in cells.rows if any(key == "amount" for key, _ in w)]:
        base = frozenset(c for c in who if c[0] != "amount")
        first = amounts.setdefault((base, f"{cells.cases[who]:.9g}"), who)
        if first != who:
            cells.rows[first] += cells.rows.pop(who)
            if who in cells.secret:
                width = max(cells.secret.pop(who), cells.secret.get(first, 0.0))
                cells.secret[first] = width
            del cells.cases[who]


class Guard:
    """Knows of every confidential set which others must stay hidden for its interval to be wide.

    Hiding more never narrows an interval, so a set that was safe is looked at again only where
    one of its own is shown after all.
    """

    def __init__(self, cells: Cells, lines: Sequence[Line]) -> None:
        self.cells = cells
        self.needs: dict[Who, set[Who]] = {}
        self.lines_of: dict[Who, list[Line]] = defaultdict(list)
        for line in lines:
            for who, _ in line:
                self.lines_of[who].append(line)
        self.unknown: set[Who] = set()
        self.renew()

    def renew(self) -> None:
        """Look again at what a reader does not know, after something was hidden or shown."""
        self.unknown = {who for who in self.cases if self.cells.unknown(who)}

    @property
    def cases(self) -> Mapping[Who, float]:
        return self.cells.cases

    def safe(self, who: Who) -> bool:
        """Whether a reader's interval for a confidential set is wide enough."""
        width = self.cells.secret[who]
        for steps in (3, None):
            names, lines = bounds.reach(who, self.lines_of, self.unknown, steps)
            found = bounds.witness(names, lines, self.cases, width, quick=steps is not None)
            if found is not None:
                break
        if found is not None:
            self.needs[who] = found
        return found is not None

    def partners(self, who: Who) -> set[Who]:
        """Choose what to withhold beside an exposed set: small sets, and few (Kelly et al. 1990).

        The cheapest way to move the exposed set by the width that it needs moves others with it:
        those among them that are shown must be hidden.
        """
        free = {
            one
            for one, number in self.cases.items()
            if one in self.unknown or number > 0 or owner(one) != one
        }
        cost = {one: self.cost(one) for one in free - self.unknown}
        for steps in NEIGHBOURS:
            names, lines = bounds.reach(who, self.lines_of, free, steps)
            width = self.cells.secret[who]
            found = bounds.witness(names, lines, self.cases, width, quick=True, cost=cost)
            if found is not None:
                self.needs[who] = found
                return {owner(one) for one in found - self.unknown}
        return set()

    def cost(self, who: Who) -> float:
        """What it costs to withhold a set: readers miss large ones more."""
        number = self.cases[owner(who)]
        last = _is_headline(who) or owner(who) in self.cells.published
        return float(np.sqrt(number)) * (HEADLINE if last else 1.0)

    def affected(self) -> list[Who]:
        """Sets that were safe with the help of one that is shown now, the smallest first."""
        return sorted(
            (who for who, needs in self.needs.items() if not needs <= self.unknown),
            key=lambda who: (self.cases[who], sorted(who)),
        )


def _complements(cells: Cells, guard: Guard) -> set[Who]:
    """Choose few and small sets to withhold so that no confidential one is exposed.

    One exposed set after the other gets partners; then every partner that turns out not to be
    needed is given back, the largest first. A complement needs no protection of its own: the
    test looks at all equations together, so one that follows from others does not help.
    """
    chosen: set[Who] = set()
    for weakest in sorted(cells.secret, key=lambda who: (cells.cases[who], sorted(who))):
        if guard.safe(weakest):
            continue
        partners = guard.partners(weakest)
        cells.hidden |= partners
        # Nothing else was left: at least our own digits and cases are not told.
        cells.published -= partners
        chosen |= partners
        guard.renew()
    for who in sorted(chosen, key=lambda who: (-cells.cases[who], sorted(who))):
        cells.hidden.remove(who)
        guard.renew()
        if all(guard.safe(one) for one in guard.affected()):
            chosen.remove(who)
        else:
            cells.hidden.add(who)
            guard.renew()
    return chosen


# How many equations away partners are looked for, nearest first.
NEIGHBOURS: tuple[int | None, ...] = (2, 4, None)
# A whole population is the last to be withheld.
HEADLINE = 1e6


def _is_headline(who: Who) -> bool:
    """Whether a set is a whole population: its number is the last to be withheld."""
    return {key for key, _ in who} <= {
        "population", "migrant_type", "lifetime_type", "where", "known",
    }  # fmt: skip
