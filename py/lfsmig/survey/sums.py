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

from lfsmig.survey.crossing import Crossing, Records
from lfsmig.survey.grouping import Over

if TYPE_CHECKING:
    from lfsmig.survey.columns import Levels
    from lfsmig.survey.design import SurveyDesign
    from lfsmig.survey.estimate import Request


# Weights of the records (in the order of `crossing.records`) and what they are added up over, the
# pairs of the crossing or any other pairs of a unit and a cell -> sums above and below.
Reweighted = Callable[[np.ndarray, Over], tuple[np.ndarray, np.ndarray | None]]


@dataclass(frozen=True)
class Sums:
    """Sums over the pairs of the finest stage; cases have a weight."""

    crossing: Crossing
    cases: np.ndarray  # pair -> number of cases
    weight: np.ndarray  # pair -> sum of weights
    above: np.ndarray  # pairs x columns: sum of weight times item, a column per category
    below: np.ndarray | None  # pair -> sum of weight times denominator; None for a total
    numerator_cases: np.ndarray  # cells x columns: cases with the category, or an item not 0
    # Cell means -> sum over each cell of weight times squared deviation; None for shares, ratios.
    squares: Callable[[np.ndarray], np.ndarray] | None
    # `above` and `below` over any pairs, with any weights; None where no record is in memory.
    reweighted: Reweighted | None


def value_of(above: np.ndarray, below: np.ndarray | None) -> np.ndarray:
    """Estimates from sums over cells (cells x columns)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return above if below is None else above / below[:, None]


def scores_of(
    above: np.ndarray, below: np.ndarray | None, over_cells: Callable[[np.ndarray], np.ndarray],
    value: np.ndarray, below_of_cell: np.ndarray | None,
) -> np.ndarray:  # fmt: skip
    """Sums of the linearised variable over pairs, or its values at records.

    A ratio's is (above - ratio below) / sum of below, its derivative (Särndal, Swensson and
    Wretman 1992, section 5.6); a total's is `above` itself. `over_cells` gives each pair or
    record the value of its cell; `value` and `below_of_cell` are those of the cells.
    """
    if below is None or below_of_cell is None:
        return above
    with np.errstate(divide="ignore", invalid="ignore"):
        # In place: pairs are many, and fresh memory costs more than the arithmetic.
        scores = over_cells(value)
        scores *= below[:, None]
        np.subtract(above, scores, out=scores)
        scores /= over_cells(below_of_cell[:, None])
        return scores


def sums_of_records(design: SurveyDesign, request: Request) -> Sums:
    """Add up the records of a domain, in the order of sampling units."""
    if request.statistic == "share":
        refuse_too_many_rows(design, request)
        return _shares(design, design.crossing(request), design.levels(str(request.of)))
    return _numbers(design, request, design.crossing(request))


def refuse_too_many_rows(design: SurveyDesign, request: Request) -> None:
    """Refuse a table of shares whose cells and categories are more rows than a table may have."""
    design.cells([*request.by, str(request.of)])


def _numbers(design: SurveyDesign, request: Request, crossing: Crossing) -> Sums:
    """Sums of a mean, total or ratio."""
    records = crossing.records
    assert records is not None
    w = design.weights[records.rows]
    y, x = (
        None if name is None else design.numbers(name)[records.rows]
        for name in (request.of, request.over)
    )
    weight = records.pair_sums(w)

    def reweighted(
        w: np.ndarray, over: Over, weight: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        if weight is None:
            weight = over.pair_sums(w)
        above = weight if y is None else over.pair_sums(w * y)
        below = weight if x is None else over.pair_sums(w * x)
        return above[:, None], None if request.statistic == "total" else below

    case = w != 0 if design.has_zero_weights else None
    cases = records.pair_counts(case)
    if y is None or request.statistic == "mean":
        numerator = crossing.over_cells(cases)
    else:
        counted = y != 0 if case is None else case & (y != 0)
        numerator = np.bincount(records.cell[counted], minlength=records.n_cells)
    squares = _squares(records, w, y) if x is None else None
    return Sums(
        crossing,
        cases,
        weight,
        *reweighted(w, records, weight),
        numerator[:, None],
        squares,
        reweighted,
    )


def _shares(design: SurveyDesign, crossing: Crossing, category: Levels) -> Sums:
    """Sums of a share: a column for each category."""
    records = crossing.records
    assert records is not None
    w = design.weights[records.rows]
    code, width = category.codes[records.rows], max(len(category), 1)
    split = records.by_category(code, width)

    def reweighted(w: np.ndarray, over: Over) -> tuple[np.ndarray, np.ndarray | None]:
        pairs = split if over is records else over.by_category(code, width)
        above = pairs.pair_sums(w)
        return above, above.sum(axis=1)

    counts = split.pair_counts(w != 0 if design.has_zero_weights else None)
    above, below = reweighted(w, records)
    assert below is not None
    return Sums(
        crossing, counts.sum(axis=1), below, above, below, crossing.over_cells(counts), None,
        reweighted,
    )  # fmt: skip


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
