"""Series over years: adjacent-year changes, averages and linear trends of every cell.

The cells of the years are lined up here; the statistics (overlap covariance, tests, generalised
least squares) are `lfsmig.survey.change`'s, in Python and in R.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from lfsmig.results import SCHEMA_VERSION, TREND_COLUMNS
from lfsmig.survey.change import YearCells, series_average, series_change, series_trend
from lfsmig.survey.estimate import VALUE_COLUMNS

if TYPE_CHECKING:
    from lfsmig.indicators import YearEstimates
    from lfsmig.params import Params

CELL_KEYS = ["indicator", "domain", "category", "unit"]


def estimate(params: Params, years: Mapping[int, YearEstimates], engine: str) -> pd.DataFrame:
    """Changes, averages and slopes of every cell that all the years have.

    Parameters
    ----------
    params
        Parameters; `country.design.psu_links` names the years whose PSU keys are comparable.
    years
        Estimates by year, all of one engine.
    engine
        `python` or `r`: who computes.

    Returns
    -------
    DataFrame
        Columns `TREND_COLUMNS`; fewer than two years give no rows.
    """
    if len(years) < 2:
        return pd.DataFrame(columns=TREND_COLUMNS)
    common = common_cells(years)
    series = [line_up(params, year, made, common) for year, made in sorted(years.items())]
    parts = [
        series_change(series, engine=engine).assign(statistic="change"),
        series_trend(series, engine=engine).assign(statistic="slope"),
    ]
    parts += [
        series_average(_within(series, first, last), engine=engine).assign(statistic="average")
        for first, last in params.report.averages
        if len(_within(series, first, last)) > 1
    ]
    out = pd.concat([part for part in parts if len(part)], ignore_index=True)
    out["schema_version"] = SCHEMA_VERSION
    out["engine"] = engine
    return out.reindex(columns=TREND_COLUMNS)


def _within(series: list[YearCells], first: int, last: int) -> list[YearCells]:
    return [cells for cells in series if first <= cells.year <= last]


def common_cells(years: Mapping[int, YearEstimates]) -> pd.MultiIndex:
    """Keys of the cells found in every year, in the order of the last year.

    A category that a year did not observe has no series; a change to or from it would compare
    an estimate with nothing.
    """
    indexes = [pd.MultiIndex.from_frame(made.frame[CELL_KEYS]) for made in years.values()]
    common = indexes[-1]
    for index in indexes[:-1]:
        common = common[common.isin(index)]
    return common


def line_up(params: Params, year: int, made: YearEstimates, common: pd.MultiIndex) -> YearCells:
    """Put a year's cells into the common order, with their influence sums."""
    index = pd.MultiIndex.from_frame(made.frame[CELL_KEYS])
    rows = index.get_indexer(common)
    present = None if made.present is None else sparse.csr_array(made.present)[np.asarray(rows)]
    frame = made.frame.iloc[rows][[*CELL_KEYS, *VALUE_COLUMNS]].reset_index(drop=True)
    return YearCells(
        year=year,
        link=psu_link(params, year),
        frame=frame,
        influence=sparse.csr_matrix(made.influence)[np.asarray(rows)],
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
