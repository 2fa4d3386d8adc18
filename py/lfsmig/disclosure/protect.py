"""Which released numbers are withheld so that no confidential one can be worked out.

Whatever the equations over all released tables give of a confidential cell is known to a reader; so
others are withheld beside it until the interval that they can compute for it is wide enough.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lfsmig.disclosure import spans
from lfsmig.disclosure.cells import Cells, all_lines, read
from lfsmig.disclosure.guard import Guard
from lfsmig.disclosure.sets import RATIO, Links, Who, is_origin_destination, numerator
from lfsmig.disclosure.spans import Told
from lfsmig.disclosure.streams import INDEX
from lfsmig.errors import CheckFailed

if TYPE_CHECKING:
    from lfsmig.params import Disclosure, Indicator

# What a person must know: a table is withheld whole, as no complement protects one of its cells;
# nothing but the rounding of a figure that others have published protects a cell.
NO_COMPLEMENT, ROUNDED_ONLY = "no complement", "rounded only"
# Sets that are no number of persons, of which a flag would tell a least one.
NUMBERS = frozenset({"amount", "spread", INDEX, RATIO})


@dataclass(frozen=True)
class Protected:
    """What must not be shown.

    Attributes
    ----------
    reasons
        Rows that must not be shown, with the reason.
    baseless
        Rows that must not tell their base.
    remarks
        Indicators of which a person must know `NO_COMPLEMENT` or `ROUNDED_ONLY`.
    """

    reasons: dict[int, str]
    baseless: set[int]
    remarks: dict[str, str] = field(default_factory=dict)


def protect(
    estimates: pd.DataFrame,
    withheld: np.ndarray,
    indicators: Sequence[Indicator],
    limits: Disclosure,
    links: Links | None = None,
    published: Collection[tuple[str, str, str]] = (),
    years: Mapping[int, Told] | None = None,
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
    years
        Of averages the years that they are of, as released.

    Raises
    ------
    CheckFailed
        If a confidential cell stays exposed even with its tables withheld.
    """
    register = {indicator.id: indicator for indicator in indicators}
    cells = Cells()
    alone = read(cells, estimates, register, limits)
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
    public = set(cells.published)
    lines = all_lines(cells, links or {})
    least = spans.add(cells, lines, years or {}, register, limits, links or {})
    guard = Guard(cells, lines, withheld)
    for who, number in least.items():
        guard.narrow(who, number)
    if years:
        _leave_to_the_years(guard)
    imprecise = [who for who in cells.rows if who in cells.hidden and who not in cells.secret]
    chosen = _complements(guard)
    names = estimates["indicator"].to_numpy()
    last = [row for who in public & chosen for row in cells.rows[who]]
    remarks = dict.fromkeys(map(str, names[sorted(last)]), ROUNDED_ONLY)
    gone = _tables(guard, names)
    remarks |= dict.fromkeys(sorted(gone), NO_COMPLEMENT)
    lettered = _letters(guard, sorted(imprecise, key=sorted), limits)
    if left := guard.exposed():
        shown = names[cells.rows[guard.equations.sets[left[0]]]]
        raise CheckFailed(
            f"a confidential cell of {', '.join(dict.fromkeys(shown))} stays exposed whatever is "
            "withheld; nothing was released. Leave its table out of indicators.yml, or tell the "
            "maintainers"
        )
    reasons = dict.fromkeys(alone, "few_cases")
    for who in cells.secret:
        reasons |= dict.fromkeys(cells.rows.get(who, ()), "few_cases")
    for row in np.flatnonzero(np.isin(names, list(gone))).tolist():
        reasons.setdefault(row, "table")
    # What hides a confidential number bears the same letter, or its own would narrow it down.
    for who in chosen | lettered:
        for row in cells.rows.get(who, ()):
            reasons.setdefault(row, "complementary")
    _no_share_alone(estimates, withheld, register, reasons)
    baseless = {row for who in cells.hidden for row in cells.bases.get(who, ())}
    return Protected(reasons, baseless - set(reasons), remarks)


def _no_share_alone(
    estimates: pd.DataFrame, withheld: np.ndarray, register: Mapping[str, Indicator],
    reasons: dict[int, str],
) -> None:  # fmt: skip
    """Withhold the smallest other share where a single one of a table is: one less the rest is it.

    A set that protects others is withheld in every table, and its share may be alone in one.
    """
    tables: dict[tuple[str, str], list[int]] = {}
    names = estimates[["indicator", "domain"]].itertuples(index=False, name=None)
    cases = estimates["n_cases"].fillna(0).to_numpy(dtype=float)
    for row, (name, domain) in enumerate(names):
        if register[name].statistic == "share" and cases[row] > 0:
            tables.setdefault((name, domain), []).append(row)
    for rows in tables.values():
        away = [row for row in rows if withheld[row] or row in reasons]
        if len(away) == 1 and away[0] in reasons and len(rows) > 1:
            smallest = min((row for row in rows if row not in away), key=lambda row: cases[row])
            reasons[smallest] = "complementary"


def _leave_to_the_years(guard: Guard) -> None:
    """Leave out what a year's own tables give away, by decision, without any average."""
    own = {who for who in guard.cells.rows if who not in guard.cells.hidden}
    for who in sorted(own, key=sorted):
        guard.hide(who)
    guard.forget(guard.exposed())
    for who in sorted(own, key=sorted):
        guard.show(who)


def _complements(guard: Guard) -> set[Who]:
    """Choose few and small sets to withhold so that no confidential one is exposed.

    One exposed set after the other gets partners; then every partner that turns out not to be
    needed is given back, the dearest first. A complement needs no protection of its own: the
    test looks at all equations together, so one that follows from others does not help.
    """
    chosen: dict[Who, int] = {}
    _cover(guard, chosen)
    exposed = set(guard.exposed())
    _give_back(guard, chosen, exposed)
    return set(chosen)


def _cover(guard: Guard, chosen: dict[Who, int]) -> None:
    """Withhold partners of exposed sets; `chosen` remembers for whom each was."""
    for column in guard.secret:
        if guard.safe(column):
            continue
        for who in guard.partners(column):
            chosen[who] = column
            guard.hide(who)


def _give_back(guard: Guard, chosen: dict[Who, int], exposed: Collection[int]) -> None:
    """Show again what is not needed; those that nothing protects are left out of account."""
    watched = [column for column in guard.secret if column not in exposed]
    for who in _dearest(guard, chosen):
        guard.show(who)
        # Whom it was chosen for is the first to be asked whether it is needed.
        first = [chosen[who]] if chosen[who] not in exposed else []
        if all(guard.safe(column) for column in [*first, *watched]):
            del chosen[who]
        else:
            guard.hide(who)


def _dearest(guard: Guard, chosen: Collection[Who]) -> list[Who]:
    return sorted(chosen, key=lambda who: (-guard.price([who]), sorted(who)))


def _tables(guard: Guard, names: np.ndarray) -> set[str]:
    """Withhold every table that tells of a set beside an exposed one, its empty cells too."""
    cells, sets = guard.cells, guard.equations.sets
    gone: set[str] = set()
    for column in guard.exposed():
        for other in guard.equations.beside(column).tolist():
            gone |= {str(names[row]) for row in cells.rows.get(sets[other], ())}
    if gone:
        inside = np.isin(names, list(gone))
        for who in {*cells.rows, *cells.bases}:
            if inside[[*cells.rows.get(who, ()), *cells.bases.get(who, ())]].all():
                cells.sealed.add(who)
                guard.hide(who)
    return gone


def _letters(guard: Guard, imprecise: Sequence[Who], limits: Disclosure) -> set[Who]:
    """Imprecise sets that must bear the letter of confidential ones.

    A cell that is withheld as imprecise is known to be no confidential one, and so to rest on a
    number of persons that readers know from the rules. Where that would narrow the interval of a
    confidential cell too much, the letter is not told.
    """
    sets = guard.equations.sets
    least = {
        who: limits.min_cases_od if is_origin_destination(who) else limits.min_cases
        for who in imprecise
        if NUMBERS.isdisjoint(key for key, _ in who) and guard.cells.unknown(who)
    }
    lettered: set[Who] = set()
    for who, number in least.items():
        guard.narrow(who, number)
    for column in guard.secret:
        if guard.safe(column):
            continue
        for who in least.keys() - lettered:
            guard.narrow(who, None)
        if guard.safe(column) and (proof := guard.proof(column)) is not None:
            for other, depth in zip(proof.columns.tolist(), proof.depth.tolist(), strict=True):
                who = sets[other]
                if who in least and depth > max(guard.cells.cases[who] - least[who], 0.0):
                    lettered.add(who)
        for who in least.keys() - lettered:
            guard.narrow(who, least[who])
    return lettered
