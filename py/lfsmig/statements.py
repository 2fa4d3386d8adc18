"""Published statements without a number of their own: orders, signs and limits.

A report that prints "parents are the main receivers" or "more than 92 per cent in every year" can
be compared as well as one that prints a number. A statement is held against the estimates
themselves, not against their errors: it is what a reader of both reports would see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lfsmig.results import domain_text


def years_of(year: str) -> list[int]:
    """Years that a figure speaks of: `2021` or `2019-2023`; none where it is no year."""
    ends = year.split("-")
    if not all(part.isdigit() for part in ends):
        return []
    return list(range(int(ends[0]), int(ends[-1]) + 1))


def cells_of(link: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Domain and category of every cell whose sum a link speaks of."""
    parts = [link, *link.get("plus", [])]
    return [(domain_text(p.get("domain", {})), str(p.get("category", ""))) for p in parts]


def value_of(estimates: pd.DataFrame, indicator: str, link: Mapping[str, Any], year: int) -> float:
    """Estimate of the cells of a link in one year, added up; NaN where one may not be shown."""
    frame = estimates[estimates["indicator"].eq(indicator) & estimates["year"].eq(year)]
    values = []
    for domain, category in cells_of(link):
        found = frame[frame["domain"].eq(domain) & frame["category"].eq(category)]
        values.append(float(found["estimate"].iloc[0]) if len(found) == 1 else np.nan)
    return float(np.sum(values))


def failing_years(
    indicator: str,
    link: Mapping[str, Any],
    year: str,
    limit: float,
    estimates: pd.DataFrame,
) -> list[int] | None:
    """Years in which a statement does not hold.

    Parameters
    ----------
    indicator
        Its id.
    link
        Entry of the register (`params/register.py`, `PublishedCell`).
    year
        Years that the statement is about.
    limit
        What was printed, in the indicator's unit; the limit of a `bound`.
    estimates
        Released rows of all years.

    Returns
    -------
    list or None
        Years, of an order of years those that are on the wrong side of another; None where an
        estimate that the statement is about may not be shown, so that it cannot be compared.
    """
    if link.get("lower"):
        return _years_out_of_order(indicator, link, estimates)
    years = years_of(year)
    if not years:
        return None
    if link["compare"] == "rank":
        found = [_order_holds(indicator, link, each, estimates) for each in years]
        if None in found:
            return None
        return [each for each, holds in zip(years, found, strict=True) if not holds]
    values = np.array([value_of(estimates, indicator, link, each) for each in years])
    if not np.isfinite(values).all():
        return None
    if link["compare"] == "bound":
        holds = values > limit if link["bound"] == "above" else values < limit
    else:
        holds = np.sign(values) == link["sign"]
    return [each for each, good in zip(years, holds, strict=True) if not good]


def _years_out_of_order(
    indicator: str, link: Mapping[str, Any], estimates: pd.DataFrame
) -> list[int] | None:
    low = {y: value_of(estimates, indicator, link, y) for y in link["lower"]}
    high = {y: value_of(estimates, indicator, link, y) for y in link["higher"]}
    if not np.isfinite([*low.values(), *high.values()]).all():
        return None
    wrong = {y for a in low for b in high if low[a] >= high[b] for y in (a, b)}
    return sorted(wrong)


def _order_holds(
    indicator: str, link: Mapping[str, Any], year: int, estimates: pd.DataFrame
) -> bool | None:
    domain = domain_text(link.get("domain", {}))
    frame = estimates[
        estimates["indicator"].eq(indicator)
        & estimates["year"].eq(year)
        & estimates["domain"].eq(domain)
    ]
    shown = frame.dropna(subset=["estimate"])
    named = set(_flat(link.get("top", [])) + _flat(link.get("bottom", [])))
    if shown.empty or not named <= set(shown["category"]):
        return None
    if len(shown) < len(frame):
        # Shares that are withheld are together what is left, and may be anywhere below it.
        rest = 1 - shown["estimate"].sum()
        if link.get("bottom") or shown.loc[shown["category"].isin(named), "estimate"].min() <= rest:
            return None
    ordered = list(shown.sort_values("estimate", ascending=False, kind="stable")["category"])
    return _leads(ordered, link.get("top", [])) and _leads(ordered[::-1], link.get("bottom", []))


def _flat(groups: Sequence[Any]) -> list[str]:
    return [code for one in groups for code in ([one] if isinstance(one, str) else one)]


def _leads(ordered: Sequence[str], groups: Sequence[Any]) -> bool:
    """Whether an order begins with these groups; the members of one may change places."""
    place = 0
    for group in groups:
        members = _flat([group])
        if set(ordered[place : place + len(members)]) != set(members):
            return False
        place += len(members)
    return True
