"""Gini coefficient and top shares of all cells at once, with their linearised variables.

With the weighted distribution of the item in a cell (population N, total T):

* Gini: G = sum_k w_k x_k (R_k + R'_k) / (N T) - 1, R_k being the weight at or below x_k and R'_k
  the weight below it. That is the mean absolute difference of two persons drawn by weight, over
  twice the mean; ties share their ranks. Linearised, with Y_k the total at or below x_k:
  u_k = 2 (x_k R_k + T - Y_k) / (N T) - (G + 1) (1 / N + x_k / T).
* Top share: the part of the total held by the fraction `top` of the population with the most, the
  person on the border counting in part: S = (sum_k w_k (x_k - q)+ + top N q) / T, q being the
  quantile at 1 - top. Linearised: u_k = ((x_k - q)+ + top q - S x_k) / T.

The variance is that of the weighted total of u. Both u are the derivatives of the estimator by the
weight of a record, so that they agree with replicate weights. Sources: Deville (1999), Survey
Methodology 25, 193-203; Osier (2009), Survey Research Methods 3, 167-195; for the Gini Langel and
Tillé (2013), JRSS A 176, 521-540 (the same u_k); for shares of the total Kovačević and Binder
(1997), Journal of Official Statistics 13, 41-58, and Langel and Tillé (2011), JSPI 141, 2976-2985.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from lfsmig.survey.crossing import Crossing
from lfsmig.survey.estimate import Parts
from lfsmig.survey.grouping import Over, Response
from lfsmig.survey.quantile import Distributions, refuse_negative_weights
from lfsmig.survey.variance import count_bases

if TYPE_CHECKING:
    from lfsmig.survey.design import SurveyDesign
    from lfsmig.survey.estimate import Request


# Up to here a Gini coefficient is that of equal amounts: only rounding is left in it.
EQUAL = 1e-12


class Ranked:
    """Records of all cells in the order of cell, then item, with the runs of tied values."""

    def __init__(self, cell: np.ndarray, x: np.ndarray, n_cells: int) -> None:
        self.order = np.lexsort((x, cell))
        self.cell, self.x = cell[self.order], x[self.order]
        self.n_cells = n_cells
        new = np.ones(len(x), bool)
        new[1:] = (self.cell[1:] != self.cell[:-1]) | (self.x[1:] != self.x[:-1])
        starts = np.flatnonzero(new)
        run = np.cumsum(new) - 1
        self.first = starts[run] if len(x) else starts
        self.last = np.append(starts[1:], len(x))[run] if len(x) else starts
        self.cell_first = np.searchsorted(self.cell, np.arange(n_cells))

    def below(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sum sorted values within each cell: of records below each one's item, and not above."""
        running = np.concatenate([[0.0], np.cumsum(values)])
        base = running[self.cell_first][self.cell]
        return running[self.first] - base, running[self.last] - base

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sum sorted values over each cell."""
        return np.bincount(self.cell, values, self.n_cells)


def gini(design: SurveyDesign, request: Request) -> Parts:
    """Gini coefficient of a numeric item that is never negative, per cell."""
    crossing, w, x = _amounts(design, request)
    assert crossing.records is not None
    ranked = Ranked(crossing.records.cell, x, crossing.n_cells)
    cell, x = ranked.cell, ranked.x

    def revalue(w: np.ndarray) -> np.ndarray:
        w = w[ranked.order]
        under, upto = ranked.below(w)
        pairs = ranked.sums(w * x * (under + upto))
        found = pairs / (ranked.sums(w) * ranked.sums(w * x)) - 1
        return np.where(found <= EQUAL, 0.0, found)[:, None]

    value = revalue(w)
    sorted_w = w[ranked.order]
    population, total = ranked.sums(sorted_w)[cell], ranked.sums(sorted_w * x)[cell]
    _, rank = ranked.below(sorted_w)
    _, held = ranked.below(sorted_w * x)
    u = 2 * (x * rank + total - held) / (population * total)
    u -= (value[:, 0][cell] + 1) * (1 / population + x / total)
    u = np.where(value[:, 0][cell] == 0, 0.0, u)
    scores = np.empty_like(u)
    scores[ranked.order] = sorted_w * u
    return _parts(crossing, w, value, scores, revalue)


def top_share(design: SurveyDesign, request: Request) -> Parts:
    """Part of an item's total that the fraction `request.top` of the population holds, per cell."""
    crossing, w, x = _amounts(design, request)
    assert crossing.records is not None
    cell, size = crossing.records.cell, crossing.n_cells
    level = np.full(size, 1 - request.top)

    def border(w: np.ndarray) -> np.ndarray:
        return Distributions(cell, x, w, size).value_at(level)

    def share(w: np.ndarray, q: np.ndarray) -> np.ndarray:
        above = np.bincount(cell, w * np.maximum(x - q[cell], 0.0), size)
        whole = np.bincount(cell, w, size)
        return ((above + request.top * whole * q) / np.bincount(cell, w * x, size))[:, None]

    q = border(w)
    value = share(w, q)
    total = np.bincount(cell, w * x, size)[cell]
    edge = q[cell]
    u = (np.maximum(x - edge, 0.0) + request.top * edge - value[:, 0][cell] * x) / total
    return _parts(crossing, w, value, w * u, lambda w: share(w, border(w)))


def _amounts(design: SurveyDesign, request: Request) -> tuple[Crossing, np.ndarray, np.ndarray]:
    """Cells, and weights and items of the domain's records."""
    crossing = design.crossing(request)
    records = crossing.records
    assert records is not None
    w = design.weights[records.rows]
    refuse_negative_weights(w, request.statistic)
    return crossing, w, design.numbers(str(request.of))[records.rows]


def _parts(
    crossing: Crossing, w: np.ndarray, value: np.ndarray, scores: np.ndarray,
    revalue: Callable[[np.ndarray], np.ndarray],
) -> Parts:  # fmt: skip
    """Parts of a table from the linearised item of each record, weight included."""
    records = crossing.records
    assert records is not None
    bases = count_bases(crossing, records.pair_counts(w > 0))

    def over_pairs(over: Over) -> np.ndarray:
        return over.pair_sums(scores)[:, None]

    value = np.where((bases.n > 0)[:, None], value, np.nan)
    return Parts(
        crossing, bases, value, over_pairs(records), Response(over_pairs, revalue=revalue),
        np.full(value.shape, np.nan), bases.n,
    )  # fmt: skip
