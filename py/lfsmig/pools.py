"""Pooled indicators on their way out: averages over spans of years, and never a single year.

A province has too few movers in one year. Its average annual flows over a span of years are made
with the trends, with the covariance that shared sampling units bring; here they get the figures
that publication rules ask for (cases, households, design effects of the span) and pass the same
precision rules and the same disclosure control as the cells of a year.

What is shown of single years could be subtracted from an average, and leave the one year that is
confidential. So disclosure control sees an average together with its years (`disclosure.spans`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lfsmig import nonresponse, release
from lfsmig.disclosure import Links
from lfsmig.disclosure.spans import told as told_of
from lfsmig.results import CONTRIBUTOR_COLUMNS, RESULT_COLUMNS, SCHEMA_VERSION

if TYPE_CHECKING:
    from lfsmig.params import Indicator, Params

KEYS = ["indicator", "domain", "category"]
SPAN = ["year_from", "year_to"]
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
    parts = []
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
