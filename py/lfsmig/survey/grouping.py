"""Sums of an estimate's parts over any grouping of the records, all cells at once.

The variance needs them per PSU, calibration per control group, replicate weights per set of
records that share their multipliers. Each is one pass over the records of the domain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from lfsmig.survey.crossing import Crossing, Pairs

# Sums of the linearised item over each pair, one column per category.
Scores = Callable[[Pairs], np.ndarray]


@dataclass(frozen=True)
class CellTotals:
    """Estimates as a smooth function of weighted totals of their cell.

    Attributes
    ----------
    sums
        Given pairs and weights of the domain's records: pairs x m weighted sums.
    value
        Turns totals (..., cells, m) into estimates (..., cells, categories).
    """

    sums: Callable[[Pairs, np.ndarray], np.ndarray]
    value: Callable[[np.ndarray], np.ndarray]


def pair_sums(pairs: Pairs, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Sum record values over the pairs of a stage."""
    return np.bincount(pairs.of_row[rows], weights=values, minlength=len(pairs.unit))


def quotient(rows: np.ndarray, y: np.ndarray, x: np.ndarray) -> CellTotals:
    """Quotient of two totals of the domain's records: a mean or a ratio."""

    def sums(pairs: Pairs, w: np.ndarray) -> np.ndarray:
        return np.column_stack([pair_sums(pairs, rows, w * y), pair_sums(pairs, rows, w * x)])

    return CellTotals(sums, lambda totals: (totals[..., 0] / totals[..., 1])[..., None])


def pairs_of(crossing: Crossing, code: np.ndarray, n_codes: int) -> Pairs:
    """Pairs of (code, cell) that occur, for any code of the records from 0 to `n_codes` - 1."""
    kept = np.flatnonzero(crossing.cell >= 0)
    key, inverse = np.unique(
        crossing.cell[kept].astype("int64") * n_codes + code[kept], return_inverse=True
    )
    of_row = np.zeros(len(crossing.cell), "int64")
    of_row[kept] = inverse
    cell = key // n_codes
    cells, start, group = np.unique(cell, return_index=True, return_inverse=True)
    # There are no strata here: every cell is one group.
    ones = np.arange(len(cells))
    return Pairs(
        of_row, key % n_codes, cell, group, start, np.diff(np.append(start, len(key))),
        np.zeros(len(cells), "int64"), ones, cells,
    )  # fmt: skip


def by_unit(pairs: Pairs, sums: np.ndarray, n_units: int, n_cells: int) -> sparse.csr_array:
    """Lay pair sums (pairs x k) out as units x (cells x k); absent pairs are not stored."""
    k = sums.shape[1]
    column = (pairs.cell[:, None] * k + np.arange(k)).ravel()
    unit = np.repeat(pairs.unit, k)
    shape = (n_units, n_cells * k)
    return sparse.coo_array((sums.ravel(), (unit, column)), shape=shape).tocsr()
