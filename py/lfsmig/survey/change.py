"""Change between years and linear trend, with the covariance that shared PSUs bring.

Half of the sample of one year comes back in the next, so two yearly estimates are not
independent. Their covariance is taken from the PSUs in both years:

    C = sum over strata of sqrt(n1 n2 / ((n1-1)(n2-1))) * sum over shared PSUs of
        (z1 - mean z1)(z2 - mean z2),

with the means over all PSUs of a year. It is the variance at full overlap and 0 at none. PSUs
are matched by stratum and code between years of the same `link` (years whose codes mean the same
places); years without a common link are independent.

The trend is a straight line through the yearly estimates by generalised least squares with the
full covariance matrix; `lack_of_fit_p` tests whether a straight line is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy import sparse, special

from lfsmig.errors import EstimationError
from lfsmig.survey.estimate import ROUNDING
from lfsmig.survey.intervals import t_quantile
from lfsmig.survey.series import Aligned, Series, YearCells, align

__all__ = ["CHANGE_VALUES", "YearCells", "series_average", "series_change", "series_trend"]

ROWS_AT_ONCE = 200
NO_ERROR = 1e-12
CHANGE_VALUES = ["estimate", "se", "df", "ci_low", "ci_high", "statistic_value", "p"]


def series_change(cells: Series, engine: str = "python", level: float = 0.95) -> pd.DataFrame:
    """Change between each year and the next one in the series, row by row.

    Returns the key columns of the tables, year_from, year_to, estimate, se, df, ci_low, ci_high,
    statistic_value (t) and p, in the order of years, then rows.
    """
    aligned = align(cells)
    if len(aligned.years) < 2:
        return _empty(aligned, ["year_from", "year_to", *CHANGE_VALUES])
    change, se, df = _engine(engine, "change", _change_python)(aligned)
    frames = []
    for position, (first, second) in enumerate(pairwise(aligned.years)):
        years = pd.DataFrame({"year_from": first, "year_to": second}, index=aligned.keys.index)
        size = _size(aligned.estimate[position : position + 2])
        tested = _tested(change[position], se[position], df[position], level, size)
        frames.append(pd.concat([aligned.keys, years, tested], axis=1))
    return pd.concat(frames, ignore_index=True)


def series_trend(cells: Series, engine: str = "python", level: float = 0.95) -> pd.DataFrame:
    """Slope per year of a straight line through the years with an estimate (three at least).

    Returns the same columns as `series_change` and lack_of_fit_p.
    """
    aligned = align(cells)
    columns = ["year_from", "year_to", *CHANGE_VALUES, "lack_of_fit_p"]
    if len(aligned.years) == 0:
        return _empty(aligned, columns)
    slope, se, df, misfit = _engine(engine, "trend", _trend_python)(aligned)
    known = ~np.isnan(aligned.estimate)
    first = np.where(known.any(axis=0), aligned.years[known.argmax(axis=0)], aligned.years[0])
    last_at = len(aligned.years) - 1 - known[::-1].argmax(axis=0)
    last = np.where(known.any(axis=0), aligned.years[last_at], aligned.years[-1])
    years = pd.DataFrame({"year_from": first, "year_to": last}, index=aligned.keys.index)
    tested = _tested(slope, se, df, level, _size(aligned.estimate))
    tested["lack_of_fit_p"] = misfit
    return pd.concat([aligned.keys, years, tested], axis=1)


def series_average(cells: Series, engine: str = "python", level: float = 0.95) -> pd.DataFrame:
    """Plain mean of the yearly estimates, each year with the same weight.

    Its variance is that of the years and their covariances, divided by the square of their
    number; a year without an estimate leaves the average without one. Returns the columns of
    `series_change`, with the first and last year.
    """
    aligned = align(cells)
    columns = ["year_from", "year_to", *CHANGE_VALUES]
    if len(aligned.years) == 0:
        return _empty(aligned, columns)
    average, se, df = _engine(engine, "average", _average_python)(aligned)
    first, last = aligned.years[0], aligned.years[-1]
    years = pd.DataFrame({"year_from": first, "year_to": last}, index=aligned.keys.index)
    return pd.concat(
        [aligned.keys, years, _tested(average, se, df, level, _size(aligned.estimate))], axis=1
    )


def _empty(aligned: Aligned, columns: Sequence[str]) -> pd.DataFrame:
    return aligned.keys.iloc[:0].assign(**{name: pd.Series(dtype="float64") for name in columns})


def _engine(engine: str, what: str, python: Callable) -> Callable:
    if engine == "python":
        return python
    if engine != "r":
        raise EstimationError(f"engine {engine!r} is not known; use python or r")
    from lfsmig.survey import r_change

    return {
        "change": r_change.change_in_r,
        "trend": r_change.trend_in_r,
        "average": r_change.average_in_r,
    }[what]


def _size(estimate: np.ndarray) -> np.ndarray:
    """Largest yearly estimate of each row; 0 where there is none."""
    return np.nan_to_num(np.abs(estimate)).max(axis=0, initial=0.0)


def _tested(
    estimate: np.ndarray, se: np.ndarray, df: np.ndarray, level: float, size: np.ndarray
) -> pd.DataFrame:
    # Beside yearly estimates of this size a smaller error is only rounding.
    se = np.where(se < NO_ERROR * size, 0.0, se)
    t = t_quantile(1 - (1 - level) / 2, df)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(se > 0, estimate / se, np.nan)
        p = np.where(df > 0, 2 * special.stdtr(np.maximum(df, 1), -np.abs(statistic)), np.nan)
    values = (estimate, se, df, estimate - t * se, estimate + t * se, statistic, p)
    return pd.DataFrame(dict(zip(CHANGE_VALUES, values, strict=True)))


# ---- the Python engine ---------------------------------------------------------------------


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


def _change_python(aligned: Aligned) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    pairs = list(pairwise(range(len(aligned.years))))
    covariance = covariances(aligned, pairs)
    variance = aligned.se[:-1] ** 2 + aligned.se[1:] ** 2 - 2 * covariance
    df = np.stack([shared_df(aligned, pair) for pair in pairs])
    change = np.diff(aligned.estimate, axis=0)
    size = np.maximum(np.abs(aligned.estimate[:-1]), np.abs(aligned.estimate[1:]))
    with np.errstate(invalid="ignore"):
        # Where nothing changed only rounding is left, and the variance may be below zero.
        change = np.where(np.abs(change) <= ROUNDING * size, 0.0, change)
        still = variance <= ROUNDING * (aligned.se[:-1] ** 2 + aligned.se[1:] ** 2)
        return change, np.sqrt(np.where(still, 0.0, variance)), df


def _average_python(aligned: Aligned) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    years = range(len(aligned.years))
    pairs = [(s, t) for s in years for t in years if s < t]
    variance = (aligned.se**2).sum(axis=0) + 2 * covariances(aligned, pairs).sum(axis=0)
    return (
        aligned.estimate.mean(axis=0),
        np.sqrt(np.maximum(variance, 0.0)) / len(years),
        shared_df(aligned, years),
    )


def _trend_python(aligned: Aligned) -> tuple[np.ndarray, ...]:
    n_years, n_rows = aligned.estimate.shape
    pairs = [(s, t) for s in range(n_years) for t in range(s + 1, n_years)]
    matrix = np.zeros((n_rows, n_years, n_years))
    matrix[:, np.arange(n_years), np.arange(n_years)] = aligned.se.T**2
    for (s, t), row in zip(pairs, covariances(aligned, pairs), strict=True):
        matrix[:, s, t] = matrix[:, t, s] = row
    slope, se, misfit = (np.full(n_rows, np.nan) for _ in range(3))
    df = np.zeros(n_rows)
    known = ~np.isnan(aligned.estimate) & ~np.isnan(aligned.se)
    patterns, pattern_of_row = np.unique(known.T, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        years = np.flatnonzero(pattern)
        rows = np.flatnonzero(pattern_of_row.ravel() == number)
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
