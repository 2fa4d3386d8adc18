"""Covariances between years and what rests on them: the Python engine of `change.py`.

`r/change.R` has the same functions in R.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse, special

from lfsmig.survey.estimate import ROUNDING
from lfsmig.survey.inference import wald_statistics
from lfsmig.survey.series import Aligned

ROWS_AT_ONCE = 200


def scores(aligned: Aligned, position: int, rows: slice) -> np.ndarray:
    """Scaled deviations of the PSU sums from their stratum's mean, rows x PSUs of the group."""
    matrix, table = aligned.influence[position], aligned.places[position]
    assert matrix is not None
    assert table is not None
    z = matrix[rows].toarray().astype("float64")
    column, stratum = table["column"].to_numpy(), table["stratum_code"].to_numpy()
    size = np.bincount(stratum)
    member = sparse.csr_array(
        (np.ones(len(column)), (column, stratum)), shape=(z.shape[1], len(size))
    )
    mean = (member.T @ z.T).T / np.maximum(size, 1)
    here = z[:, column] - np.where(table["centred"].to_numpy(), mean[:, stratum], 0.0)
    out = np.zeros_like(z)
    out[:, column] = here * np.sqrt(table["scale"].to_numpy())
    return out


def covariances(aligned: Aligned, pairs: Sequence[tuple[int, int]]) -> np.ndarray:
    """Covariance of each row between the years of each pair (pairs x rows)."""
    n_rows = aligned.estimate.shape[1]
    found = np.zeros((len(pairs), n_rows))
    linked = [k for k, (s, t) in enumerate(pairs) if _linked(aligned, s, t)]
    needed = sorted({year for k in linked for year in pairs[k]})
    for start in range(0, n_rows if linked else 0, ROWS_AT_ONCE):
        rows = slice(start, min(start + ROWS_AT_ONCE, n_rows))
        held = {year: scores(aligned, year, rows) for year in needed}
        for k in linked:
            s, t = pairs[k]
            found[k, rows] = (held[s] * held[t]).sum(axis=1)
    return found


def _linked(aligned: Aligned, s: int, t: int) -> bool:
    return bool(aligned.groups[s] >= 0 and aligned.groups[s] == aligned.groups[t])


def shared_df(aligned: Aligned, years: Sequence[int]) -> np.ndarray:
    """Smaller of the years' df added up, and PSUs less strata of the years taken together."""
    together = np.zeros(aligned.estimate.shape[1])
    for group in {int(aligned.groups[y]) for y in years} - {-1}:
        members = [y for y in years if aligned.groups[y] == group]
        together += _union_df(aligned, members)
    for year in years:
        if aligned.groups[year] < 0:
            together += aligned.df[year]
    return np.minimum(aligned.df[list(years)].sum(axis=0), together)


def _union_df(aligned: Aligned, members: list[int]) -> np.ndarray:
    present = None
    strata = np.zeros(0, dtype="int64")
    for member in members:
        matrix, table = aligned.present[member], aligned.places[member]
        assert matrix is not None
        assert table is not None
        if present is None:
            strata = np.zeros(matrix.shape[1], dtype="int64")
        strata[table["column"].to_numpy()] = table["stratum_code"].to_numpy()
        ones = matrix.copy()
        ones.eliminate_zeros()
        present = ones if present is None else present + ones
    assert present is not None
    to_stratum = sparse.csr_array((np.ones(len(strata)), (np.arange(len(strata)), strata)))
    psus = np.diff(present.tocsr().indptr)
    in_strata = np.diff((present @ to_stratum).tocsr().indptr)
    # A row without PSU sums (a quantile) shares nothing that could be counted.
    return np.where(psus > 0, psus - in_strata, aligned.df[members].sum(axis=0))


def change(
    aligned: Aligned, pairs: Sequence[tuple[int, int]]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Differences between the years of each pair: estimate, SE and df (pairs x rows)."""
    first, second = (np.array([pair[i] for pair in pairs], dtype=int) for i in (0, 1))
    covariance = covariances(aligned, pairs)
    before, after = aligned.estimate[first], aligned.estimate[second]
    apart = aligned.se[first] ** 2 + aligned.se[second] ** 2
    df = np.stack([shared_df(aligned, pair) for pair in pairs])
    difference, variance = after - before, apart - 2 * covariance
    size = np.maximum(np.abs(before), np.abs(after))
    with np.errstate(invalid="ignore"):
        # Where nothing changed only rounding is left, and the variance may be below zero.
        difference = np.where(np.abs(difference) <= ROUNDING * size, 0.0, difference)
        still = variance <= ROUNDING * apart
        return difference, np.sqrt(np.where(still, 0.0, variance)), df


def average(aligned: Aligned) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Plain mean of the years of each row: estimate, SE and df."""
    years = range(len(aligned.years))
    pairs = [(s, t) for s in years for t in years if s < t]
    variance = (aligned.se**2).sum(axis=0) + 2 * covariances(aligned, pairs).sum(axis=0)
    return (
        aligned.estimate.mean(axis=0),
        np.sqrt(np.maximum(variance, 0.0)) / len(years),
        shared_df(aligned, years),
    )


def covariance_matrices(aligned: Aligned) -> np.ndarray:
    """Covariance matrix between all years for each row (rows x years x years)."""
    n_years, n_rows = aligned.estimate.shape
    pairs = [(s, t) for s in range(n_years) for t in range(s + 1, n_years)]
    matrix = np.zeros((n_rows, n_years, n_years))
    matrix[:, np.arange(n_years), np.arange(n_years)] = aligned.se.T**2
    for (s, t), row in zip(pairs, covariances(aligned, pairs), strict=True):
        matrix[:, s, t] = matrix[:, t, s] = row
    return matrix


def _known_years(aligned: Aligned) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows that have their estimates in the same years, with these years."""
    known = ~np.isnan(aligned.estimate) & ~np.isnan(aligned.se)
    patterns, pattern_of_row = np.unique(known.T, axis=0, return_inverse=True)
    return [
        (np.flatnonzero(pattern), np.flatnonzero(pattern_of_row.ravel() == number))
        for number, pattern in enumerate(patterns)
    ]


def contrasts(aligned: Aligned, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sums over years `weights @ estimate` (weights: contrasts x years): estimate, SE and df.

    A contrast that needs a year without an estimate has none.
    """
    matrix = covariance_matrices(aligned)
    needed = weights != 0
    estimate, se, df = (np.full((len(weights), len(matrix)), np.nan) for _ in range(3))
    for number, c in enumerate(weights):
        years = np.flatnonzero(needed[number])
        here = aligned.estimate[years]
        estimate[number] = c[years] @ here
        variance = np.einsum("s,rst,t->r", c[years], matrix[:, years][:, :, years], c[years])
        apart = (c[years, None] * aligned.se[years]) ** 2
        size = np.abs(c[years, None] * here).max(axis=0)
        with np.errstate(invalid="ignore"):
            still = variance <= ROUNDING * apart.sum(axis=0)
            nothing = np.abs(estimate[number]) <= ROUNDING * size
        estimate[number, nothing] = 0.0
        se[number] = np.sqrt(np.where(still, 0.0, variance))
        df[number] = shared_df(aligned, years.tolist())
    return estimate, se, df


def equality(aligned: Aligned) -> tuple[np.ndarray, ...]:
    """Wald test that a row's years are all equal: chi-square, adjusted F, numerator df, df, p."""
    matrix = covariance_matrices(aligned)
    n_rows = len(matrix)
    chisq, value, p = (np.full(n_rows, np.nan) for _ in range(3))
    df, count = np.zeros(n_rows), np.zeros(n_rows)
    for years, rows in _known_years(aligned):
        if len(years) < 2:
            continue
        df[rows] = shared_df(aligned, years.tolist())[rows]
        count[rows] = len(years) - 1
        steps = np.diff(np.eye(len(years)), axis=0)
        for row in rows:
            within = steps @ matrix[np.ix_([row], years, years)][0] @ steps.T
            difference = steps @ aligned.estimate[years, row]
            chisq[row], value[row], p[row] = wald_statistics(difference, within, df[row])
    return chisq, value, count, df, p


def trend(aligned: Aligned) -> tuple[np.ndarray, ...]:
    """Slope per year by generalised least squares, its SE and df, and the lack-of-fit p."""
    n_rows = aligned.estimate.shape[1]
    matrix = covariance_matrices(aligned)
    slope, se, misfit = (np.full(n_rows, np.nan) for _ in range(3))
    df = np.zeros(n_rows)
    for years, rows in _known_years(aligned):
        if len(years) < 3:
            continue
        within = matrix[np.ix_(rows, years, years)]
        df[rows] = shared_df(aligned, years.tolist())[rows]
        slope[rows], se[rows], misfit[rows] = gls_line(
            aligned.years[years].astype(float), aligned.estimate[np.ix_(years, rows)].T, within
        )
    return slope, se, df, misfit


def gls_line(
    years: np.ndarray, estimate: np.ndarray, covariance: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slope, its SE and the lack-of-fit p of many rows; NaN where the covariance is singular."""
    roots = np.linalg.eigvalsh(covariance)
    usable = roots[:, 0] > 1e-12 * np.abs(roots[:, -1])
    result = np.full((3, len(estimate)), np.nan)
    if not usable.any():
        return result[0], result[1], result[2]
    x = np.column_stack([np.ones(len(years)), years - years[0]])
    y, inverse = estimate[usable][:, :, None], np.linalg.inv(covariance[usable])
    normal = np.linalg.inv(x.T @ inverse @ x)
    beta = normal @ (x.T @ inverse @ y)
    residual = y - x @ beta
    misfit = (residual.transpose(0, 2, 1) @ inverse @ residual)[:, 0, 0]
    result[0, usable] = beta[:, 1, 0]
    result[1, usable] = np.sqrt(normal[:, 1, 1])
    result[2, usable] = special.chdtrc(len(years) - 2, np.maximum(misfit, 0.0))
    return result[0], result[1], result[2]
