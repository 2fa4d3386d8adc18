"""Averages over years beside the tables of each year: what they tell of a single one together.

Three times an average is the sum of its years. Where two of them are shown, the third follows, and
so does whatever is a sum or a difference of such. So the equations of an average stand together
with those of its years: what the years withhold is decided, and averages are withheld where they
would narrow a confidential number of a year down.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lfsmig.disclosure.cells import Cells, all_lines, read
from lfsmig.disclosure.sets import (
    RATIO,
    REST,
    Line,
    Links,
    Who,
    is_origin_destination,
    numerator,
    owner,
)
from lfsmig.indicators import is_amount

if TYPE_CHECKING:
    from lfsmig.params import Disclosure, Indicator

# Keys of conditions that are no items.
BARE = frozenset({"population", "known", "between", "gross", "net", "where", "migrant_type",
                  "lifetime_type"})  # fmt: skip
YEAR = "year"


@dataclass(frozen=True)
class Told:
    """A year of a span.

    Attributes
    ----------
    rows
        One engine's rows, those of averaged indicators too, with `CONTRIBUTOR_COLUMNS`.
    flags
        Flag of each row as released; missing where the year does not release it.
    bases
        Whether the row tells its `n`.
    published
        Cells of the year that others have published.
    """

    rows: pd.DataFrame
    flags: np.ndarray
    bases: np.ndarray
    published: Collection[tuple[str, str, str]] = ()


def told(
    estimates: pd.DataFrame, shown: pd.DataFrame, published: Collection[tuple[str, str, str]] = ()
) -> Told:
    """Lay a year's rows beside what is released of them."""
    keys = ["indicator", "domain", "category"]
    rows = estimates.reset_index(drop=True)
    released = shown[[*keys, "flag", "n"]].rename(columns={"n": "base"})
    beside = rows[keys].merge(released, on=keys, how="left")
    return Told(
        rows, beside["flag"].to_numpy(dtype=object), beside["base"].notna().to_numpy(), published
    )


def of_year(who: Who, year: int) -> Who:
    """Persons of a set who were asked in one year."""
    return who | {(YEAR, str(year))}


def add(
    cells: Cells, lines: list[Line], years: Mapping[int, Told], register: Mapping[str, Indicator],
    limits: Disclosure, links: Links,
) -> dict[Who, float]:  # fmt: skip
    """Add the years of a span to its sets and equations.

    Parameters
    ----------
    cells, lines
        Sets and equations of the averages; changed in place. The sets of a year get its number as a
        condition, and are unknown or known for good.

    Returns
    -------
    dict
        Imprecise sets of the years, with the persons that readers know them to count at least.
    """
    items = _items(cells, links)
    least: dict[Who, float] = {}
    pooled = list(cells.cases)
    for year, one in years.items():
        held = _seen(one, register, items)
        own = Cells()
        read(own, held.rows, register, limits)
        released = pd.notna(held.flags)
        hidden = ~released | np.isin(held.flags.astype(str), ["c", "s"])
        own.hidden = {
            who
            for who in {*own.rows, *own.bases}
            if hidden[own.rows.get(who, [])].all() and not held.bases[own.bases.get(who, [])].any()
        }
        public = {
            numerator(register[name], domain, category)
            for name, domain, category in held.published
            if name in register
        }
        own.published = {who for who in public if who is not None and who not in own.hidden}
        for line in all_lines(own, links):
            lines.append(tuple((of_year(who, year), factor) for who, factor in line))
        for who, cases in own.cases.items():
            tagged = of_year(who, year)
            cells.cases[tagged] = cases
            cells.fixed[tagged] = own.unknown(who)
            rows = own.rows.get(who, [])
            # What no table of the year has is no cell of its.
            owned = [*own.rows.get(owner(who), []), *own.bases.get(who, [])]
            if who in own.secret and released[owned].any():
                cells.secret[tagged] = own.secret[who]
            imprecise = rows and cells.fixed[tagged] and (held.flags[rows] == "s").any()
            if imprecise and owner(who) == who:
                od = is_origin_destination(who)
                least[tagged] = limits.min_cases_od if od else limits.min_cases
    for who in pooled if years else ():
        parts = [of_year(who, year) for year in years]
        if {key for key, _ in who}.isdisjoint((RATIO, REST)) and all(
            p in cells.cases for p in parts
        ):
            lines.append((*((part, 1.0) for part in parts), (who, -1.0)))
    return least


def _items(cells: Cells, links: Links) -> set[str]:
    """Items of the averages, and those that are coarser ones of theirs."""
    fine = {key for who in cells.cases for key, _ in who}
    coarse = {condition[0] for condition, found in links.items()
              if any(item in fine for item, _ in found)}  # fmt: skip
    return fine | coarse | BARE


def _seen(year: Told, register: Mapping[str, Indicator], items: set[str]) -> Told:
    """Rows of a year that count persons by the items of the averages."""
    keep = []
    for name, domain, category in year.rows[["indicator", "domain", "category"]].itertuples(
        index=False, name=None
    ):
        indicator = register[name]
        who = None if is_amount(indicator) or indicator.statistic == "index" else numerator(
            indicator, domain, category
        )  # fmt: skip
        keep.append(who is not None and {key for key, _ in who} <= items)
    at = np.flatnonzero(keep)
    return Told(year.rows.iloc[at].reset_index(drop=True), year.flags[at], year.bases[at],
                year.published)  # fmt: skip
