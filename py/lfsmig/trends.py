"""Series over years: adjacent-year changes, averages and linear trends of every cell.

Indicators that are `pooled` have averages over their spans (`pool_spans`), and nothing else: a
change or a slope of theirs would speak of single years.

The series of an indicator are the years whose survey gives it; a cell takes part in the years that
have it. The statistics (overlap covariance, tests, generalised least squares) are
`lfsmig.survey.change`'s, in Python and in R.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from lfsmig import families
from lfsmig.params import pool_spans
from lfsmig.results import SCHEMA_VERSION, TREND_COLUMNS
from lfsmig.survey.change import YearCells, series_average, series_change, series_trend
from lfsmig.survey.estimate import VALUE_COLUMNS

if TYPE_CHECKING:
    from lfsmig.indicators import YearEstimates
    from lfsmig.params import Params

CELL_KEYS = ["indicator", "domain", "category", "unit"]
# A straight line through fewer years fits them exactly.
LINE_YEARS = 3

Years = Mapping[int, "YearEstimates"]


def estimate(params: Params, years: Years, engine: str) -> pd.DataFrame:
    """Changes, averages and slopes of every cell, over the years that have it.

    A change joins two neighbours of an indicator's series that both have the cell; a slope needs
    the cell in three years, an average in every year it speaks of.

    Parameters
    ----------
    params
        Parameters; `country.design.psu_links` names the years whose PSU keys are comparable,
        `report.averages` and `pool_spans` the years to average over.
    years
        Estimates by year, all of one engine.
    engine
        `python` or `r`: who computes.

    Returns
    -------
    DataFrame
        Columns `TREND_COLUMNS`; fewer than two years give no rows.
    """
    if not years:
        return pd.DataFrame(columns=TREND_COLUMNS)
    parts: list[pd.DataFrame] = []
    levels = _levels(years)
    pooled = {one.id for one in params.indicators if one.pooled}
    for span, every in series_of(years).items():
        names = [name for name in every if name not in pooled]
        parts += _pools(params, years, [name for name in every if name in pooled], span, engine)
        series = [year_cells(params, year, years[year], names) for year in span]
        if len(series) < 2 or not names:
            continue
        parts.append(_changes(series, engine))
        if len(series) >= LINE_YEARS:
            parts.append(_slopes(series, engine))
        based = [name for name in names if name in params.report.relative_to_first]
        if based:
            parts.append(
                _relative([year_cells(params, year, years[year], based) for year in span], engine)
            )
        for first, last in params.report.averages:
            within = [year for year in sorted(years) if first <= year <= last]
            if len(within) > 1 and set(within) <= set(span):
                parts.append(_averages([c for c in series if c.year in within], engine))
    parts = [part for part in parts if len(part)]
    if not parts:
        return pd.DataFrame(columns=TREND_COLUMNS)
    out = pd.concat(parts, ignore_index=True).merge(levels, on=CELL_KEYS, how="left")
    out["schema_version"] = SCHEMA_VERSION
    out["engine"] = engine
    out["p_adjusted"] = families.adjusted(out, engine)
    return out.reindex(columns=TREND_COLUMNS)


def _pools(
    params: Params, years: Years, names: Sequence[str], span: Sequence[int], engine: str
) -> list[pd.DataFrame]:
    """Averages of pooled indicators over each of their spans whose years are all there.

    An average over some of its years would be shown beside one over all, and tell the rest.
    """
    parts = []
    spans: dict[tuple[int, int], list[str]] = {}
    for name in names:
        for stated in pool_spans(params.report, name):
            spans.setdefault(stated, []).append(name)
    for (first, last), pooled in spans.items():
        within = [year for year in params.report.years if first <= year <= last]
        if len(within) > 1 and set(within) <= set(span):
            cells = [year_cells(params, year, years[year], pooled) for year in within]
            parts.append(_averages(cells, engine))
    return parts


def _levels(years: Years) -> pd.DataFrame:
    """Largest absolute yearly estimate of each cell: `CELL_KEYS` and `level`.

    A change near zero is a difference of two levels, so the rounding in it is of their size.
    """
    cells = pd.concat([one.frame[[*CELL_KEYS, "estimate"]] for one in years.values()])
    sizes = cells.assign(level=cells["estimate"].abs())
    return sizes.groupby(CELL_KEYS)["level"].max().reset_index()


def series_of(years: Years) -> dict[tuple[int, ...], list[str]]:
    """Group indicators by the years that have them.

    An indicator that is asked every other year has its neighbours two years apart; one that a
    single year lacks must not cost the others their changes.
    """
    having: dict[str, list[int]] = {}
    for year in sorted(years):
        for name in years[year].frame["indicator"].unique():
            having.setdefault(name, []).append(year)
    groups: dict[tuple[int, ...], list[str]] = {}
    for name, span in having.items():
        groups.setdefault(tuple(span), []).append(name)
    return groups


def _changes(series: Sequence[YearCells], engine: str) -> pd.DataFrame:
    rows = series_change(series, engine=engine).assign(statistic="change")
    years, row = [cells.year for cells in series], np.arange(len(rows))
    has = _years_with_cell(rows, series)
    before, after = (np.searchsorted(years, rows[name]) for name in ("year_from", "year_to"))
    return rows.iloc[np.flatnonzero(has[row, before] & has[row, after])]


def _slopes(series: Sequence[YearCells], engine: str) -> pd.DataFrame:
    rows = series_trend(series, engine=engine).assign(statistic="slope")
    enough = _years_with_cell(rows, series).sum(axis=1) >= LINE_YEARS
    return rows.iloc[np.flatnonzero(enough)]


def _relative(series: Sequence[YearCells], engine: str) -> pd.DataFrame:
    """Change of each year since the first one of the series, in per cent, on the log scale."""
    pairs = [(series[0].year, one.year) for one in series[1:]]
    rows = series_change(series, engine=engine, pairs=pairs, scale="log")
    years, row = [cells.year for cells in series], np.arange(len(rows))
    has = _years_with_cell(rows, series)
    last = np.searchsorted(years, rows["year_to"])
    return rows.assign(statistic="relative").iloc[np.flatnonzero(has[:, 0] & has[row, last])]


def _averages(series: Sequence[YearCells], engine: str) -> pd.DataFrame:
    """Averages: nobody asks whether one is zero, so its test stays blank."""
    rows = series_average(series, engine=engine).assign(
        statistic="average", statistic_value=np.nan, p=np.nan
    )
    return rows.iloc[np.flatnonzero(_years_with_cell(rows, series).all(axis=1))]


def _years_with_cell(rows: pd.DataFrame, series: Sequence[YearCells]) -> np.ndarray:
    """Tell which years' tables have the cell of each row: rows x years."""
    cells = pd.MultiIndex.from_frame(rows[CELL_KEYS])
    return np.column_stack(
        [cells.isin(pd.MultiIndex.from_frame(one.frame[CELL_KEYS])) for one in series]
    )


def year_cells(params: Params, year: int, made: YearEstimates, names: Sequence[str]) -> YearCells:
    """Take the cells of some indicators of a year, with their influence sums."""
    rows = np.flatnonzero(made.frame["indicator"].isin(names))
    present = None if made.present is None else sparse.csr_array(made.present)[rows]
    return YearCells(
        year=year,
        link=psu_link(params, year),
        frame=made.frame.iloc[rows][[*CELL_KEYS, *VALUE_COLUMNS]].reset_index(drop=True),
        influence=sparse.csr_matrix(made.influence)[rows],
        psu_table=made.psu_table,
        present=present,
    )


def psu_link(params: Params, year: int) -> str:
    """Name of the group of years whose PSU keys mean the same areas.

    A year in no group stands alone: its PSUs are matched with nobody's.
    """
    for group in params.country.design.psu_links:
        if year in group:
            return "-".join(str(y) for y in group)
    return str(year)
