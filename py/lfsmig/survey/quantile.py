"""Quantiles of all cells at once, with Woodruff intervals.

The quantile is the smallest value at which the weighted distribution reaches the level. The
interval inverts the distribution at F(q) -+ t SE(F(q)), as R does: centred on the distribution at
the estimate, not on the level asked for. A limit whose level falls outside 0-1 is not available.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lfsmig.errors import EstimationError
from lfsmig.survey import intervals
from lfsmig.survey.crossing import Crossing
from lfsmig.survey.grouping import Grouping, Over, Response
from lfsmig.survey.sums import scores_of
from lfsmig.survey.variance import Bases, count_bases, degrees_of_freedom, variance_of

if TYPE_CHECKING:
    from lfsmig.survey.design import SurveyDesign
    from lfsmig.survey.estimate import Estimate, Request

# Two levels this close are the same level: at an exact tie only summation order would decide.
SAME_LEVEL = 1e-10


class Distributions:
    """Weighted distributions of an item in every cell, ready to be inverted."""

    def __init__(self, cell: np.ndarray, y: np.ndarray, w: np.ndarray, n_cells: int) -> None:
        kept = np.flatnonzero(w > 0)
        order = kept[np.lexsort((y[kept], cell[kept]))]
        self.y = y[order]
        sorted_cell = cell[order]
        self.start = np.searchsorted(sorted_cell, np.arange(n_cells))
        self.end = np.searchsorted(sorted_cell, np.arange(n_cells), side="right")
        running = np.concatenate([[0.0], np.cumsum(w[order])])
        whole = running[self.end] - running[self.start]
        with np.errstate(divide="ignore", invalid="ignore"):
            share = (running[1:] - running[self.start][sorted_cell]) / whole[sorted_cell]
        # One ascending axis for all cells: the cell number plus the share reached in it.
        self.axis = sorted_cell + np.minimum(share, 1.0)

    def value_at(self, level: np.ndarray) -> np.ndarray:
        """Smallest value of each cell at which its distribution reaches `level`."""
        inside = (level >= -SAME_LEVEL) & (level <= 1 + SAME_LEVEL)
        known = inside & (self.end > self.start)
        safe = np.where(known, level, 0.0)
        target = np.arange(len(level)) + safe - SAME_LEVEL
        at = np.searchsorted(self.axis, target)
        at = np.clip(at, self.start, np.maximum(self.end - 1, self.start))
        padded = np.append(self.y, np.nan)
        return np.where(known, padded[at], np.nan)


def quantile_table(design: SurveyDesign, request: Request) -> Estimate:
    """Estimate quantiles of an item per cell."""
    from lfsmig.survey.estimate import Estimate, table

    crossing = design.crossing(request)
    records = crossing.records
    assert records is not None
    cell, n_cells = records.cell, crossing.n_cells
    w, y = design.weights[records.rows], design.numbers(str(request.of))[records.rows]
    refuse_negative_weights(w, request.statistic)
    bases = count_bases(crossing, records.pair_counts(w > 0))
    spread = Distributions(cell, y, w, n_cells)
    population = records.cell_sums(w)
    df = degrees_of_freedom(design, crossing, bases)
    t = intervals.t_quantile(1 - (1 - request.level) / 2, df)
    found = []
    for level in request.quantiles:
        value = spread.value_at(np.full(n_cells, level))
        with np.errstate(divide="ignore", invalid="ignore"):
            below = (y <= value[cell]).astype(float)
            reached = records.cell_sums(w * below) / population
            half = t * _se_of_share(design, crossing, w, below, reached, population, bases)
            # At the largest value nothing is known about what lies above it.
            half = np.where(reached > 1 - SAME_LEVEL, np.nan, half)
            low, high = spread.value_at(reached - half), spread.value_at(reached + half)
            found.append((value, (high - low) / (2 * t), low, high))
    value, se, low, high = (np.column_stack(part) for part in zip(*found, strict=True))
    unknown = np.full(value.shape, np.nan)
    frame = table(
        design, request, crossing.cells, bases, value, se, df, unknown, (low.ravel(), high.ravel())
    )
    return Estimate(frame, np.repeat(bases.n, len(request.quantiles)))


def refuse_negative_weights(w: np.ndarray, statistic: str) -> None:
    """Refuse weights that make no distribution, which linear calibration may give."""
    if (w < 0).any():
        raise EstimationError(
            f"a {statistic} needs weights of at least 0; calibrate without negatives"
        )


def _se_of_share(
    design: SurveyDesign, crossing: Crossing, w: np.ndarray, below: np.ndarray,
    reached: np.ndarray, population: np.ndarray, bases: Bases,
) -> np.ndarray:  # fmt: skip
    records = crossing.records
    assert records is not None
    u = w * (below - reached[records.cell]) / population[records.cell]

    value = reached[:, None]

    def totals(w: np.ndarray, over: Over) -> tuple[np.ndarray, np.ndarray]:
        return over.pair_sums(w * below)[:, None], over.pair_sums(w)

    def scores(over: Grouping) -> np.ndarray:
        return scores_of(*totals(w, over), over.over_cells, value, population)

    own = records.pair_sums(u)[:, None]
    response = Response(scores, totals)
    variance = variance_of(design, crossing, own, response, value, bases.n > 0)
    return np.sqrt(variance[:, 0])
