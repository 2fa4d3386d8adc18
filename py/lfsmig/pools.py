"""Pooled indicators on their way out: averages over spans of years, and never a single year.

A province has too few movers in one year. Its average annual flows over a span of years are made
with the trends, with the covariance that shared sampling units bring; here they get the figures
that publication rules ask for (cases, households, design effects of the span) and pass the same
precision rules and the same disclosure control as the cells of a year.

What is shown of single years could be subtracted from an average, and leave the one year that is
confidential. So disclosure control sees an average together with its years (`disclosure.spans`).

A span that contains others (single years of age over all years of the report) is the sum of what
they count: of a cell that holds a confidential one of theirs nothing is shown, nor of its parts.
What is known in every year of the span adds nothing, and stays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lfsmig import nonresponse, release
from lfsmig.area_flows import FLOW_ITEMS
from lfsmig.disclosure import Links
from lfsmig.disclosure.sets import Who, numerator
from lfsmig.disclosure.spans import told as told_of
from lfsmig.indicators import is_amount
from lfsmig.results import CONTRIBUTOR_COLUMNS, RESULT_COLUMNS, SCHEMA_VERSION

if TYPE_CHECKING:
    from lfsmig.params import Indicator, Params

KEYS = ["indicator", "domain", "category"]
SPAN = ["year_from", "year_to"]
# Statistics that tell a number of persons.
COUNTED = ("total", "rate", "share")
# Figures of the years that are added up: persons and households interviewed over the span.
COUNTS = ["n", "n_psu", "n_cases", "n_households"]
COLUMNS = [
    *(c for c in RESULT_COLUMNS if c != "year"), *SPAN, "flag", "reason", "rule_set",
    "flag_nso", "flag_repo",
]  # fmt: skip


def names(indicators: Iterable[Indicator]) -> list[str]:
    """Ids of the pooled indicators."""
    return [one.id for one in indicators if one.pooled]


def yearly(frame: pd.DataFrame, indicators: Iterable[Indicator]) -> pd.DataFrame:
    """Rows that may be released for a single year: those of no pooled indicator."""
    return frame[~frame["indicator"].isin(names(indicators))]


def released(
    params: Params, trends: pd.DataFrame, estimates: Mapping[int, pd.DataFrame],
    shown: Mapping[int, pd.DataFrame], links: Links, rates: pd.DataFrame,
    public: Mapping[int, Collection[tuple[str, str, str]]],
) -> pd.DataFrame:  # fmt: skip
    """Averages of the pooled indicators over each span, flagged, with what may not be shown blank.

    Parameters
    ----------
    params
        Parameters: the register, publication rules, groupings of places.
    trends
        One engine's trends with the averages (`trends.estimate`).
    estimates
        By year, one engine's rows with `CONTRIBUTOR_COLUMNS`.
    shown
        By year, the released rows.
    links
        Codes that are sums of others (`disclosure.links`).
    rates
        Rates of missing answers of all years (`quality.rates`): what too many did not answer in one
        of the years is flagged in the average.
    public
        By year, the cells that others have published.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`; `n`, `n_psu` and `n_cases` are those of all years of the span together.
    """
    pooled = [one for one in params.indicators if one.pooled]
    rows = trends[trends["indicator"].isin(names(pooled)) & trends["statistic"].eq("average")]
    spans = sorted({(int(a), int(b)) for a, b in rows[SPAN].itertuples(index=False, name=None)})
    # Decisions on single cells name a year, so none speaks of a span.
    publication = params.rules.publication.model_copy(update={"overrules": []})
    parts: list[pd.DataFrame] = []
    known: dict[tuple[int, int], set[Who]] = {}
    for first, last in spans:
        within = [year for year in sorted(estimates) if first <= year <= last]
        whole = rows[rows["year_from"].eq(first) & rows["year_to"].eq(last)]
        cells = _with_cases(whole, pooled, [estimates[year] for year in within]).assign(year=last)
        shares = [nonresponse.shares_of(rates[rates["year"].eq(year)]) for year in within]
        unknown = np.max([nonresponse.unknown_share(params, cells, one) for one in shares], axis=0)
        rule = release.rule_set(params)
        told = {
            year: told_of(estimates[year], shown[year], public.get(year, ())) for year in within
        }
        made = release.release(
            cells, publication, rule, params.indicators, links, unknown=unknown, years=told
        )
        parts.append(made.assign(year_from=first, year_to=last))
        known[first, last] = _always_shown(params, [shown[year] for year in within])
    for outer in parts:
        inside = [one for one in parts if _contains(outer, one)]
        _withhold(outer, _wholes_of_secrets(params, outer, inside, known[_span(outer)], links))
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    return pd.concat(parts, ignore_index=True).reindex(columns=COLUMNS)


def _with_cases(
    averages: pd.DataFrame, pooled: list[Indicator], years: list[pd.DataFrame]
) -> pd.DataFrame:
    """Averages with the statistic of their indicator and the cases of all their years."""
    every = pd.concat(years, ignore_index=True)
    every = every[every["indicator"].isin(names(pooled))]
    weighted = every.assign(deff=every["deff"] * every["n_cases"])
    groups = weighted.groupby(KEYS, sort=False)
    counts = groups[[*COUNTS, "deff"]].sum(min_count=1)
    # Of a ratio there is none; of a total the years count with their cases.
    counts["deff"] = counts["deff"] / counts["n_cases"].where(counts["n_cases"] > 0)
    cells = averages.drop(columns=["statistic"]).merge(counts.reset_index(), on=KEYS, how="left")
    statistic = {one.id: one.statistic for one in pooled}
    with np.errstate(divide="ignore", invalid="ignore"):
        cv = cells["se"] / cells["estimate"].abs().where(cells["estimate"] != 0)
    return cells.assign(
        schema_version=SCHEMA_VERSION, statistic=cells["indicator"].map(statistic), cv=cv
    ).reindex(columns=[*RESULT_COLUMNS, *CONTRIBUTOR_COLUMNS])  # fmt: skip


def _span(rows: pd.DataFrame) -> tuple[int, int]:
    """First and last year of the averages of one span."""
    first, last = rows[SPAN].iloc[0]
    return int(first), int(last)


def _always_shown(params: Params, years: Sequence[pd.DataFrame]) -> set[Who]:
    """Sets of persons whose number everybody can find in each year."""
    register = {one.id: one for one in params.indicators}
    found: list[set[Who]] = []
    for frame in years:
        rows = frame[~frame["flag"].isin(release.WITHHELD) & frame["statistic"].isin(COUNTED)]
        sets = {
            numerator(register[name], domain, category)
            for name, domain, category in rows[KEYS].itertuples(index=False, name=None)
            if register[name].of not in FLOW_ITEMS and not is_amount(register[name])
        }
        found.append({who for who in sets if who is not None})
    return set.intersection(*found) if found else set()


def _contains(outer: pd.DataFrame, inner: pd.DataFrame) -> bool:
    """Whether one span holds all years of another one."""
    if outer is inner or outer.empty or inner.empty:
        return False
    first, last = outer[SPAN].iloc[0]
    start, end = inner[SPAN].iloc[0]
    return bool(first <= start and end <= last)


def _wholes_of_secrets(
    params: Params, rows: pd.DataFrame, inside: Sequence[pd.DataFrame], known: Collection[Who],
    links: Links,
) -> np.ndarray:  # fmt: skip
    """Rows that hold a confidential cell of a shorter span, and those that are parts of them.

    The other cells of the shorter spans could be subtracted from such a row, and the row itself is
    the sum of its parts. What is known in every year adds nothing.
    """
    register = {one.id: one for one in params.indicators}
    who = [
        numerator(register[name], domain, "")
        for name, domain in rows[["indicator", "domain"]].itertuples(index=False, name=None)
    ]
    secrets = {
        part
        for frame in inside
        for name, domain in frame.loc[frame["flag"].eq("c"), ["indicator", "domain"]].itertuples(
            index=False, name=None
        )
        if register[name].of not in FLOW_ITEMS
        and (part := numerator(register[name], domain, "")) is not None
    }
    wholes = {
        one
        for one in who
        if one and one not in known and any(_is_part(part, one, links) for part in secrets)
    }
    return np.array(
        [one is not None and any(_is_part(one, whole, links) for whole in wholes) for one in who],
        dtype=bool,
    )


def _is_part(who: Who, whole: Who, links: Links) -> bool:
    """Whether all conditions of the whole hold for the part: its own, or coarser than its own."""
    return all(
        condition in who
        or any(
            any((item, code) in who for code in codes) for item, codes in links.get(condition, ())
        )
        for condition in whole
    )


def _withhold(rows: pd.DataFrame, hit: np.ndarray) -> None:
    """Blank rows that would give a confidential number of a single year away."""
    if not hit.any():
        return
    values = [c for c in release.VALUE_COLUMNS if c in rows]
    rows.loc[hit, values] = np.nan
    rows.loc[hit, ["flag", "flag_nso", "flag_repo"]] = "c"
    rows.loc[hit, "reason"] = "confidential"
