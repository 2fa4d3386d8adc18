"""Degrees of freedom of replicate weights: the rank of the weights of a cell's cases, less one.

R takes the rank from a QR decomposition of all records by all replicates (`degf`, tolerance
1e-5), for every cell anew. The same rank is known from theory where each stratum varies by itself
(jackknife, bootstrap), and comes from the sums of squares of each unit elsewhere.

What R's QR would find is bounded by the eigenvalues of the products of columns, once these have
length 1: with q replicates at least as many as are above q times the square of the tolerance, at
most as many as are not zero. Only where the two differ the columns are worked through as R does.
"""

from __future__ import annotations

import numpy as np

from lfsmig.survey.crossing import Crossing
from lfsmig.survey.replicates import BLOCK_VALUES, Replicates

# Length below which what is left of a column of length 1 counts as nothing (R's `degf`).
TOLERANCE = 1e-5
# Eigenvalues below this part of the largest are zero.
ZERO = 1e-13
# Fewest bootstrap replicates whose rank is taken from theory: with a few, two strata may by chance
# be drawn alike.
MANY = 100


def replicate_df(replicates: Replicates, crossing: Crossing, n: np.ndarray) -> np.ndarray:
    """Rank of each cell's replicate weights less one; 0 for a cell without a case."""
    records = crossing.records
    assert records is not None
    pairs = replicates.pairs_in(crossing)
    square = pairs.pair_sums(replicates.base[records.rows] ** 2)
    kept = np.flatnonzero(square > 0)
    unit, cell = pairs.unit[kept], pairs.cell[kept]
    rank = known_rank(replicates, unit, cell, crossing.n_cells)
    edges = np.searchsorted(cell, np.arange(crossing.n_cells + 1))
    for here in np.flatnonzero((rank < 0) & (np.diff(edges) > 0)):
        part = slice(edges[here], edges[here + 1])
        rank[here] = weights_rank(replicates, unit[part], square[kept[part]])
    return np.where((n == 0) | (rank < 1), 0, rank - 1)


def records_df(replicates: Replicates, rows: np.ndarray) -> int:
    """Rank of the replicate weights of some records, less one."""
    n_units = replicates.factors.shape[0]
    square = np.bincount(replicates.unit[rows], replicates.base[rows] ** 2, n_units)
    units = np.flatnonzero(square > 0)
    if len(units) == 0:
        return 0
    rank = int(known_rank(replicates, units, np.zeros(len(units), "int64"), 1)[0])
    return (weights_rank(replicates, units, square[units]) if rank < 0 else rank) - 1


def known_rank(
    replicates: Replicates, units: np.ndarray, cells: np.ndarray, n_cells: int
) -> np.ndarray:
    """Rank of each cell's weights where theory gives it, -1 elsewhere.

    The multipliers of a jackknifed stratum of n are 1 plus multiples of v_i = 1_h - n e_i; those
    of a bootstrapped one add up to n in each replicate. So of n independent units but one is left
    once all are in the cell, and 1 itself is spanned, once, where a stratum is complete or a unit
    never varies. A bootstrap has this rank, or that of its replicates if they are far fewer.
    """
    strata = replicates.strata
    if strata is None:
        return np.full(n_cells, -1)
    stratum, sizes = strata
    key = cells * len(sizes) + stratum[units]
    met = np.bincount(key, minlength=n_cells * len(sizes)).reshape(n_cells, len(sizes))
    constant = sizes == 0
    whole = (met > 0) & (constant | (met >= sizes))
    rank = np.where(constant, 0, np.minimum(met, sizes - 1)).sum(axis=1) + whole.any(axis=1)
    if replicates.kind in ("JK1", "JKn"):
        return rank
    count = replicates.count
    few, many = rank <= count // 2, rank >= 2 * count
    known = np.where(few, rank, np.where(many, count, -1))
    return known if count >= MANY else np.full(n_cells, -1)


def weights_rank(replicates: Replicates, units: np.ndarray, square: np.ndarray) -> int:
    """Rank of replicate weights of some units, `square` being their sums of squared base weights.

    Units (with the root of `square` as weight) have the same products of columns as their records.
    """
    root, count = np.sqrt(square)[:, None], replicates.count
    if len(units) >= count and _independent(replicates, units, root):
        return count
    step = max(count, BLOCK_VALUES // count)
    columns: np.ndarray = np.zeros((0, count))
    for start in range(0, len(units), step):
        part = slice(start, start + step)
        columns = np.vstack([columns, root[part] * replicates.factors.rows(units[part])])
        if len(columns) > count:
            columns = np.asarray(np.linalg.qr(columns, mode="r"))
    columns = columns / _length((columns**2).sum(axis=0))
    roots = np.linalg.eigvalsh(columns @ columns.T)
    surely = roots > 2 * count * TOLERANCE**2
    if (surely | (roots <= ZERO * roots[-1])).all():
        return int(surely.sum())
    return _limited_rank(columns)


def _independent(replicates: Replicates, units: np.ndarray, root: np.ndarray) -> bool:
    """Whether some of the units already show that all replicates are independent.

    Further units only add to the products of columns, whose lengths are those over all units.
    """
    count = replicates.count
    some = np.linspace(0, len(units) - 1, min(len(units), 2 * count)).astype("int64")
    rows = root[some] * replicates.factors.rows(units[some])
    square = np.zeros(count)
    step = max(count, BLOCK_VALUES // count)
    for start in range(0, len(units), step):
        part = slice(start, start + step)
        square += ((root[part] * replicates.factors.rows(units[part])) ** 2).sum(axis=0)
    rows = rows / _length(square)
    try:
        np.linalg.cholesky(rows.T @ rows - 2 * count * TOLERANCE**2 * np.eye(count))
    except np.linalg.LinAlgError:
        return False
    return True


def _length(square: np.ndarray) -> np.ndarray:
    return np.where(square > 0, np.sqrt(np.maximum(square, 0.0)), 1.0)


def _limited_rank(columns: np.ndarray) -> int:
    """Rank as R's QR finds it (LINPACK's limited pivoting), of columns of length 1 or 0.

    A column counts where what the columns accepted before it leave of it is longer than
    `TOLERANCE`.
    """
    basis = np.zeros((len(columns), 0))
    for column in columns.T:
        left = column - basis @ (basis.T @ column)
        left -= basis @ (basis.T @ left)
        length = np.sqrt(left @ left)
        if length > TOLERANCE:
            basis = np.column_stack([basis, left / length])
    return basis.shape[1]
