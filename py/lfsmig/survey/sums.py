"""Weighted sums of a table over (unit, cell) pairs: all that its estimates and variances need.

Every table here is a sum (total) or a sum over another sum (mean, share, ratio), so that its
linearised variable is a linear function of the same sums, and one formula serves records, pairs
and cells. Where the sums come from, records in memory or a query, nothing later can tell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lfsmig.survey.crossing import MAX_CELLS, Cells, Crossing, Records

if TYPE_CHECKING:
    from lfsmig.survey.columns import Levels
    from lfsmig.survey.design import SurveyDesign
    from lfsmig.survey.estimate import Request


@dataclass(frozen=True)
class Sums:
    """Sums over the pairs of the finest stage; cases have a positive weight."""

    crossing: Crossing
    cases: np.ndarray  # pair -> number of cases
    weight: np.ndarray  # pair -> sum of weights
    above: np.ndarray  # pairs x columns: sum of weight times item, a column per category
    below: np.ndarray | None  # pair -> sum of weight times denominator; None for a total
    numerator_cases: np.ndarray  # cells x columns: cases with the category, or an item not 0
    # Cell means -> sum over each cell of weight times squared deviation; None for shares, ratios.
    squares: Callable[[np.ndarray], np.ndarray] | None
    # Other weights of the records (in the order of `crossing.records`) -> `above` and `below`
    # over cells; None where no record is in memory.
    reweighted: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray | None]] | None


def value_of(above: np.ndarray, below: np.ndarray | None) -> np.ndarray:
    """Estimates from sums over cells (cells x columns)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return above if below is None else above / below[:, None]


def scores_of(
    above: np.ndarray, below: np.ndarray | None, cell: np.ndarray, value: np.ndarray,
    below_of_cell: np.ndarray | None,
) -> np.ndarray:  # fmt: skip
    """Sums of the linearised variable over pairs, or its values at records.

    A ratio's is (above - ratio below) / sum of below, its derivative (Särndal, Swensson and
    Wretman 1992, section 5.6); a total's is `above` itself. `cell` is the cell of each pair or
    record; `value` and `below_of_cell` are those of the cells.
    """
    if below is None or below_of_cell is None:
        return above
    with np.errstate(divide="ignore", invalid="ignore"):
        return (above - value[cell] * below[:, None]) / below_of_cell[cell, None]


def sums_of_records(design: SurveyDesign, request: Request) -> Sums:
    """Add up the records of a domain, in the order of sampling units."""
    category = design.levels(str(request.of)) if request.statistic == "share" else None
    if category is not None:
        refuse_too_many_rows(design.cells(request.by), category)
    crossing = design.crossing(request)
    records = crossing.records
    assert records is not None
    w = design.weights[records.rows]
    y = x = code = None
    if category is not None:
        code = category.codes[records.rows]
    elif request.of is not None:
        y = design.numbers(request.of)[records.rows]
    if request.over is not None:
        x = design.numbers(request.over)[records.rows]
    width = 1 if category is None else max(len(category), 1)
    add = Adding(request.statistic, y, x, code, width)
    weight = records.pair_sums(w)
    above, below = add(w, records.pair_sums, weight)
    cases = records.pair_counts(w > 0 if design.has_zero_weights else None)
    return Sums(
        crossing, cases, weight, above, below, _numerator_cases(crossing, cases, add, w),
        None if x is not None or code is not None else _squares(records, w, y),
        lambda weights: add(weights, records.cell_sums),
    )  # fmt: skip


def refuse_too_many_rows(cells: Cells, category: Levels) -> None:
    """Refuse a table of shares with more rows than a table may have."""
    if cells.n_cells * len(category) > MAX_CELLS:
        Cells.crossed([*cells.levels, category])


@dataclass(frozen=True)
class Adding:
    """What a statistic adds up: item, denominator or category of each record."""

    statistic: str
    y: np.ndarray | None
    x: np.ndarray | None
    code: np.ndarray | None
    width: int

    def __call__(
        self, w: np.ndarray, add: Callable[..., np.ndarray], weight: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Sums above and below the fraction line; `weight` is add(w) where that is known."""
        if self.code is not None:
            above = add(w, self.code, self.width)
        elif self.y is None:
            above = (add(w) if weight is None else weight)[:, None]
        else:
            above = add(w * self.y)[:, None]
        if self.statistic == "total":
            return above, None
        if self.x is not None:
            return above, add(w * self.x)
        return above, add(w) if weight is None else weight


def _numerator_cases(
    crossing: Crossing, cases: np.ndarray, add: Adding, w: np.ndarray
) -> np.ndarray:
    """Cases of each cell and category; of a total or ratio those whose item is not 0."""
    records = crossing.records
    assert records is not None
    if add.code is None and (add.y is None or add.statistic == "mean"):
        return crossing.over_cells(cases)[:, None]
    counted = w > 0 if add.y is None else (w > 0) & (add.y != 0)
    cell = records.cell[counted].astype("int64")
    if add.code is None:
        return np.bincount(cell, minlength=records.n_cells)[:, None]
    size = records.n_cells * add.width
    return np.bincount(cell * add.width + add.code[counted], minlength=size).reshape(-1, add.width)


def _squares(
    records: Records, w: np.ndarray, y: np.ndarray | None
) -> Callable[[np.ndarray], np.ndarray]:
    """Squared deviations from the cells' means, in a second pass: the exact way."""

    def squares(mean: np.ndarray) -> np.ndarray:
        if y is None:
            return np.zeros(records.n_cells)
        deviation = y - records.over_cells(mean)
        deviation *= deviation
        deviation *= w
        return records.cell_sums(deviation)

    return squares
