"""Degrees of freedom of replicate weights: the rank of the weights of a cell's cases, less one.

R takes the rank from a QR decomposition of all records by all replicates (`degf`, tolerance
1e-5), for every cell anew. The same rank comes from the sums of squares of each unit, which are
few; only a spectrum without a clear gap is decomposed as R does it.
"""

from __future__ import annotations

import numpy as np

from lfsmig.survey.crossing import Crossing
from lfsmig.survey.replicates import BLOCK_VALUES, Replicates, SparseFactors

# Relative size below which a column of the replicate weights counts as dependent (R's `degf`).
TOLERANCE = 1e-5
# Squares of relative singular values on either side of which no rule could differ.
SURELY_ZERO, SURELY_MORE = 1e-13, 1e-6


def replicate_df(
    replicates: Replicates, crossing: Crossing, rows: np.ndarray, n: np.ndarray
) -> np.ndarray:
    """Rank of each cell's replicate weights less one; 0 for a cell without a case."""
    df = np.zeros(crossing.n_cells, "int64")
    if len(rows) == 0:
        return df
    pairs = replicates.pairs_in(crossing)
    square = np.bincount(pairs.of_row[rows], replicates.base[rows] ** 2, len(pairs.unit))
    kept = np.flatnonzero(square > 0)
    factors = replicates.factors
    if isinstance(factors, SparseFactors) and factors.stratum is not None:
        df = _jackknife_rank(factors, pairs.unit[kept], pairs.cell[kept], crossing.n_cells) - 1
    else:
        edges = np.searchsorted(pairs.cell[kept], np.arange(crossing.n_cells + 1))
        for cell in np.flatnonzero(np.diff(edges)):
            here = kept[edges[cell] : edges[cell + 1]]
            df[cell] = weights_rank(replicates, pairs.unit[here], square[here]) - 1
    df[n == 0] = 0
    return df


def records_df(replicates: Replicates, rows: np.ndarray) -> int:
    """Rank of the replicate weights of some records, less one."""
    n_units = replicates.factors.shape[0]
    square = np.bincount(replicates.unit[rows], replicates.base[rows] ** 2, n_units)
    units = np.flatnonzero(square > 0)
    if len(units) == 0:
        return 0
    factors = replicates.factors
    if isinstance(factors, SparseFactors) and factors.stratum is not None:
        return int(_jackknife_rank(factors, units, np.zeros(len(units), "int64"), 1)[0]) - 1
    return weights_rank(replicates, units, square[units]) - 1


def _jackknife_rank(
    factors: SparseFactors, units: np.ndarray, cells: np.ndarray, n_cells: int
) -> np.ndarray:
    """Rank of jackknife weights without a decomposition.

    The row of a unit is 1 plus a multiple of v_i = 1_h - n_h e_i. The v_i of a stratum add up to
    zero and are independent otherwise, and all are orthogonal to 1. So a stratum of n_h with m_h
    units in the cell adds min(m_h, n_h - 1), and 1 itself is spanned, adding one, where some
    stratum is complete or some unit is never deleted.
    """
    assert factors.stratum is not None
    assert factors.sizes is not None
    n_strata = len(factors.sizes)
    key = cells * n_strata + factors.stratum[units]
    met = np.bincount(key, minlength=n_cells * n_strata).reshape(n_cells, n_strata)
    never_deleted = factors.sizes == 0
    whole = (met > 0) & (never_deleted | (met >= factors.sizes))
    rank = np.where(never_deleted, 0, np.minimum(met, factors.sizes - 1)).sum(axis=1)
    return rank + whole.any(axis=1)


def weights_rank(replicates: Replicates, units: np.ndarray, square: np.ndarray) -> int:
    """Rank of replicate weights of some units, `square` being their sums of squared base weights.

    Units (with the root of `square` as weight) have the same products of columns as their records.
    """
    root = np.sqrt(square)[:, None]
    count = replicates.count
    step = max(count, BLOCK_VALUES // count)
    parts = [slice(start, start + step) for start in range(0, len(units), step)]
    gram = np.zeros((count, count))
    for part in parts if len(units) > count else []:
        rows = root[part] * replicates.factors.rows(units[part])
        gram += rows.T @ rows
    if len(units) > count:
        rank = _clear_rank(gram / _length(np.diag(gram)) / _length(np.diag(gram))[:, None])
        if rank is not None:
            return rank
    # Few units, or a spectrum that products of columns are too coarse for.
    columns: np.ndarray = np.zeros((0, count))
    for part in parts:
        columns = np.vstack([columns, root[part] * replicates.factors.rows(units[part])])
        if len(columns) > count:
            columns = np.asarray(np.linalg.qr(columns, mode="r"))
    columns = columns / _length((columns**2).sum(axis=0))
    wide = columns.shape[0] < columns.shape[1]
    rank = _clear_rank(columns @ columns.T if wide else columns.T @ columns)
    return _limited_rank(columns) if rank is None else rank


def _length(square: np.ndarray) -> np.ndarray:
    return np.where(square > 0, np.sqrt(np.maximum(square, 0.0)), 1.0)


def _clear_rank(gram: np.ndarray) -> int | None:
    """Rank where the spectrum has a clear gap, else None."""
    roots = np.linalg.eigvalsh(gram)
    roots = roots / max(roots[-1], np.finfo(float).tiny)
    if ((roots > SURELY_ZERO) & (roots < SURELY_MORE)).any():
        return None
    return int((roots >= SURELY_MORE).sum())


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
