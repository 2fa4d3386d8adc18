"""The sets of a release: how many each counts, which rows show it, what makes it confidential.

A cell is confidential that rests on few persons, on few households, or (an amount) largely on one
of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lfsmig.disclosure import streams
from lfsmig.disclosure.sets import (
    Line,
    Links,
    Who,
    areas,
    balance,
    balances,
    base_known,
    denominator,
    equations,
    is_origin_destination,
    moves_between,
    numerator,
    owner,
    plain,
    rest_of,
    slack,
    stream,
)
from lfsmig.disclosure.streams import INDEX, is_of_streams
from lfsmig.indicators import is_amount
from lfsmig.winsorised import SUFFIX

if TYPE_CHECKING:
    from lfsmig.params import Disclosure, Indicator

# Sums nearer to each other than this part of them are one: a ratio gives one of them.
ALIKE = 1e-7


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
    # Of tables that are withheld whole: not even that nobody is there is told.
    sealed: set[Who] = field(default_factory=set)
    # Never shown themselves, but not below zero either: who is left out by a condition.
    implied: set[Who] = field(default_factory=set)
    # Share and base of each share, which may be one of several bases (movers inside the country
    # who live in the North are a share of its movers, and of all who moved inside the country).
    # A base's number is no longer told where that is hidden, and what stays is the ratio, unless a
    # count of the same persons is shown elsewhere. The ratio is a set of its own (`sets.slack`),
    # with the rows of the share: it can be withheld while another table shows the number.
    shares: dict[tuple[Who, Who], None] = field(default_factory=dict)
    shared: set[Who] = field(default_factory=set)
    # Amounts and the bases that a mean divides them by; net numbers and the moves likewise.
    means: dict[tuple[Who, Who], None] = field(default_factory=dict)
    # Of amounts, how many persons hold them and which part the largest do; of areas, whether more
    # came than left.
    behind: dict[Who, tuple[float, ...]] = field(default_factory=dict)
    signs: dict[Who, float] = field(default_factory=dict)
    counted: set[Who] = field(default_factory=set)
    # Estimates of numbers of persons; indices of streams with what they are; how far below and
    # above its value a reader takes a number that is told in rounded form for possible.
    estimates: dict[Who, float] = field(default_factory=dict)
    indices: dict[Who, tuple[Indicator, float]] = field(default_factory=dict)
    rounded: dict[Who, tuple[float, float]] = field(default_factory=dict)
    # Of another table that is released already: unknown or known, whatever is decided here.
    fixed: dict[Who, bool] = field(default_factory=dict)

    def unknown(self, who: Who) -> bool:
        """Hidden and not empty: that nobody is there is no secret and often known."""
        if who in self.fixed:
            return self.fixed[who]
        if who in self.implied or who in self.sealed or who in self.rounded:
            return True
        if owner(who) != who:
            return who in self.hidden or owner(who) in self.hidden
        if who in self.shared and who not in self.counted and who not in self.published:
            return self.cases[who] > 0
        return who in self.hidden and self.cases.get(who, 0) > 0 and who not in self.published


def read(
    cells: Cells, estimates: pd.DataFrame, register: Mapping[str, Indicator], limits: Disclosure
) -> list[int]:
    """Trace every row to its sets; return confidential rows that are no sum of anything."""
    frame = estimates.reindex(columns=_columns())
    text = list(frame[["indicator", "domain", "category"]].itertuples(index=False, name=None))
    numbers = frame[_columns()[3:]].to_numpy(dtype=float, na_value=np.nan)
    alone: list[int] = []
    bases: dict[Who, list[tuple[int, float]]] = defaultdict(list)
    shares: list[tuple[Who, Who, int]] = []
    for at, ((name, domain, category), row) in enumerate(zip(text, numbers, strict=True)):
        indicator = register[name]
        who = numerator(indicator, domain, category)
        n, cases, _, _, amount, *_ = np.nan_to_num(row)
        need = _confidential(indicator, who, row, limits)
        if (base := base_known(indicator, domain)) is not None and n > 0:
            bases[base].append((at, n))
        if indicator.statistic == "index" and cases > 0:
            # Every index states the number of moves.
            moves = moves_between(str(indicator.level))
            bases[moves].append((at, cases))
            if indicator.of == "mei" and who is not None:
                cells.means[who, moves] = None
        if who is None:
            alone += [at] if need else []
            continue
        money = is_amount(indicator)
        value = amount if money and amount > 0 else cases
        if indicator.statistic != "share":
            cells.counted.add(who)
        elif base is not None and n > 0:
            shares.append((who, base, at))
        cells.rows[who].append(at)
        _remember(cells, indicator, domain, who, np.nan_to_num(row))
        if indicator.statistic == "mean" and base is not None and n > 0:
            cells.means[who, base] = None
        if any(key in ("spread", INDEX) for key, _ in who):
            continue
        cells.cases[who] = min(value, cells.cases.get(who, value))
        if need:
            width = value if money else max(value, need - 1)
            cells.secret[who] = max(width, cells.secret.get(who, 0.0))
            if indicator.of == "net_migration":
                cells.secret[balance(who)] = cells.secret[who]
    _merge_uncut(cells)
    _name_bases(cells, bases, shares, limits.min_cases)
    return alone


def _remember(cells: Cells, indicator: Indicator, domain: str, who: Who, row: np.ndarray) -> None:
    """Keep what tells amounts that are one from others, signs of net numbers, what indices are."""
    _, _, _, holders, amount, *parts, estimate = row
    if indicator.of == "net_migration":
        cells.signs[who] = float(np.sign(estimate))
    if is_of_streams(indicator):
        cells.indices[who] = indicator, estimate
    if not is_amount(indicator):
        if indicator.statistic == "total":
            cells.estimates[who] = estimate
        return
    # Without records at hand only the sum itself tells.
    alike = parts if any(parts) else [float(f"{amount:.9g}")]
    cells.behind[who] = (holders, *(round(part, 9) for part in alike))
    if indicator.statistic == "ratio" and amount > 0 and estimate > 0:
        below, times = denominator(indicator, domain)
        cells.cases.setdefault(below, amount * indicator.per / estimate / times)
        cells.means[who, below] = None


def _name_bases(
    cells: Cells, bases: Mapping[Who, list[tuple[int, float]]],
    shares: Sequence[tuple[Who, Who, int]], least: int,
) -> None:  # fmt: skip
    """Find out which sets the bases of tables are: all, or those whose item is known."""
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
    for who, base, at in shares:
        if named[base] != who:
            cells.shares[who, named[base]] = None
            cells.rows[slack(who, named[base])].append(at)
    cells.shared = {who for who, _ in cells.shares}
    sums = {base: base for _, base in cells.means if any(key == "amount" for key, _ in base)}
    named |= sums
    cells.means = {(who, named[base]): None for who, base in cells.means if base in named}


def all_lines(cells: Cells, links: Links) -> list[Line]:
    """All equations that readers have; sets that stand in them alone get their number."""
    _imply(cells)
    lines = equations([*cells.cases], cells.cases, links)
    for line in lines:
        for who, _ in line:
            if who not in cells.cases:
                others = sum(f * cells.cases[one] for one, f in line if one != who)
                cells.cases[who] = max(-others, 0.0)
                cells.implied.add(who)
    for line in balances([*cells.rows, *cells.bases], cells.signs):
        lines.append(line)
        if all(who in cells.cases for who, _ in line[:-1]):
            cells.cases.setdefault(line[-1][0], sum(f * cells.cases[who] for who, f in line[:-1]))
        for who, _ in line:
            # A balance of unknown size: only how far it may move matters.
            cells.cases.setdefault(who, 0.0)
        if any(key == "spread" for key, _ in line[-1][0]):
            without_signs = sum(f * cells.cases[who] for who, f in line[:-1])
            cells.cases[line[-1][0]] = max(without_signs, 1.0)
    lines += areas(list(cells.cases), links)
    lines += _of_indices(cells)
    lines += _same_amounts(cells)
    # A mean tells who stands behind an amount, and an amount who stands behind a mean.
    for who, base in [*cells.shares, *cells.means]:
        if cells.cases.get(who, 0.0) > 0:
            part = cells.cases[who] / cells.cases[base]
            lines.append(((who, 1.0), (base, -part), (slack(who, base), 1.0)))
            cells.cases[slack(who, base)] = 0.0
    return lines


def _same_amounts(cells: Cells) -> list[Line]:
    """Amounts of those who know another item too, where these are all who have the amount."""
    lines: list[Line] = []
    for who in sorted((w for w in cells.cases if any(key == "amount" for key, _ in w)), key=sorted):
        whole = plain(who)
        if whole != who and whole in cells.cases:
            gap = abs(cells.cases[whole] - cells.cases[who])
            if gap <= ALIKE * cells.cases[whole]:
                lines.append(((who, 1.0), (whole, -1.0)))
    return lines


def _of_indices(cells: Cells) -> list[Line]:
    """What indices tell of streams, where all streams of their level are tabulated."""
    lines: list[Line] = []
    for who, (indicator, estimate) in cells.indices.items():
        level = str(indicator.level)
        places = {dict(one)[level] for one in cells.cases if level in dict(one)}
        flows = {
            (origin, destination): (one, cells.cases[one], cells.estimates.get(one, 0.0))
            for origin, destination in permutations(sorted(places), 2)
            if (one := stream(level, origin, destination)) in cells.cases
        }
        if (found := streams.line(who, indicator, flows)) is not None:
            equation, movers = found
            below, above = streams.rooms(estimate)
            # Within its hundredth the index is unknown, beyond it where it is withheld.
            lines.append((*equation, (slack(who), -1.0)))
            cells.cases |= {who: below * movers, slack(who): 0.0}
            cells.rounded[who] = below * movers, above * movers
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
        *("amount", "largest", "two_largest", "estimate"),
    ]


def _confidential(
    indicator: Indicator, who: Who | None, row: np.ndarray, limits: Disclosure
) -> int:
    """The threshold that a cell fails, 0 if it passes all; a missing figure does not judge."""
    n, cases, households, contributors, _, largest, two, _ = row
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


def _merge_uncut(cells: Cells) -> None:
    """Give the name of the amount to a cut one of which nothing was cut: they are one sum.

    Which items add up to one sum is written down in `concept_money`; whether anybody of a cell is
    above the cut only the figures tell: as many persons hold the same parts.
    """
    for cut in sorted((w for w in cells.behind if w in cells.rows), key=sorted):
        item = dict(cut)["amount"]
        whole = cut - {("amount", item)} | {("amount", item.removesuffix(SUFFIX))}
        if whole == cut or cells.behind.get(whole) != cells.behind[cut]:
            continue
        cells.rows[whole] += cells.rows.pop(cut)
        cells.means = {(whole if of == cut else of, base): None for of, base in cells.means}
        cells.cases.setdefault(whole, cells.cases[cut])
        del cells.cases[cut]
        if cut in cells.secret:
            cells.secret[whole] = max(cells.secret.pop(cut), cells.secret.get(whole, 0.0))
