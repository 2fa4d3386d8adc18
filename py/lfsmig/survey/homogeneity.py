"""Whether a distribution is the same in two years: Rao and Scott's test with shared PSUs.

With shares p1 and p2 of a year each, n1 and n2 persons behind them, and the pooled share
p = (n1 p1 + n2 p2) / (n1 + n2), Pearson's statistic of the table year by category is

    X2 = n1 n2 / (n1 + n2) * sum over categories of (p2 - p1)^2 / p = d' A d,

the sum of the categories' contributions. Under the design X2 is a sum of chi-squares weighted by
the eigenvalues of A V, with V the covariance of the differences d. Rao and Scott's second order
compares F = X2 / tr(AV) with F(d0, d0 nu), d0 = tr(AV)^2 / tr(AVAV) (methods.md, 4.10). V is made
of the PSU sums of both years, so that areas which are in both count once, as in `survey.change`.
Where years share none it is the test of `survey.table_tests` on both years together, but for the
design effects, which are taken at the pooled shares instead of the observed ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from lfsmig.survey.between_years import scores, shared_df
from lfsmig.survey.series import Aligned, YearCells, align

TESTED = ["chisq", "statistic_value", "df_num", "df_den", "p"]


@dataclass(frozen=True)
class _Two:
    """Rows of one distribution in two years: shares, numbers of persons, sums of PSUs."""

    shares: np.ndarray  # 2 x categories
    persons: np.ndarray  # 2
    sums: list[np.ndarray]  # two of categories x PSUs
    linked: bool
    nu: float


def homogeneity(cells: Sequence[YearCells], by: Sequence[str]) -> pd.DataFrame:
    """Test each distribution of two years for equality.

    Parameters
    ----------
    cells
        Two years' cells with their influence sums; shares as 0-1, `n` the persons of their base.
    by
        Key columns whose rows together are one distribution, such as indicator and domain.

    Returns
    -------
    DataFrame
        A row for each category of a distribution that can be tested: the key columns, difference
        of the shares, contribution to chi-square, and of its distribution chisq (X2),
        statistic_value (F), df_num, df_den and p. Contribution and chisq are Rao and Scott's first
        order: divided by the mean generalised design effect, so that distributions compare.
    """
    aligned = align(cells)
    persons = _persons(cells, aligned)
    held = [scores(aligned, year, slice(None)) for year in (0, 1)]
    parts = []
    for _, rows in aligned.keys.groupby(list(by), sort=False, observed=True):
        found = _of_distribution(aligned, persons, held, rows.index.to_numpy())
        if found is not None:
            parts.append(aligned.keys.loc[found.index].join(found))
    columns = [*aligned.keys, "difference", "contribution", *TESTED]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _persons(cells: Sequence[YearCells], aligned: Aligned) -> np.ndarray:
    """Persons of the base of each row, years x rows."""
    names = list(aligned.keys)
    index = pd.MultiIndex.from_frame(aligned.keys.astype(str))
    out = np.zeros((len(aligned.years), len(index)))
    for one in cells:
        place = int(np.flatnonzero(aligned.years == one.year)[0])
        rows = pd.MultiIndex.from_frame(one.frame[names].astype(str))
        out[place, index.get_indexer(rows)] = one.frame["n"].to_numpy(dtype=float)
    return out


def _of_distribution(
    aligned: Aligned, persons: np.ndarray, held: list[np.ndarray], rows: np.ndarray
) -> pd.DataFrame | None:
    shares = np.nan_to_num(aligned.estimate[:, rows])
    n = persons[:, rows].max(axis=1)
    if not (n > 0).all():
        return None
    pooled = (n @ shares) / n.sum()
    kept = pooled > 0
    if kept.sum() < 2:
        return None
    at = rows[kept]
    linked = bool(aligned.groups[0] == aligned.groups[1])
    nu = float(shared_df(aligned, (0, 1))[at].max())
    two = _Two(shares[:, kept], n, [one[at] for one in held], linked, nu)
    tested = _tested(two, pooled[kept])
    return None if tested is None else tested.set_index(at)


def _tested(two: _Two, pooled: np.ndarray) -> pd.DataFrame | None:
    difference = two.shares[1] - two.shares[0]
    scale = two.persons[0] * two.persons[1] / two.persons.sum() / pooled
    contribution = scale * difference**2
    covariance = _covariance(two)
    effects = scale[:, None] * covariance
    trace, squares = float(np.trace(effects)), float(np.trace(effects @ effects))
    if not (trace > 0 and squares > 0 and two.nu >= 1):
        return None
    chisq = float(contribution.sum())
    first = trace**2 / squares
    value, second, mean = chisq / trace, first * two.nu, trace / (len(pooled) - 1)
    return pd.DataFrame(
        {
            "difference": difference,
            "contribution": contribution / mean,
            "chisq": chisq / mean,
            "statistic_value": value,
            "df_num": first,
            "df_den": second,
            "p": float(special.fdtrc(first, second, value)),
        }
    )


def _covariance(two: _Two) -> np.ndarray:
    """Covariance of the differences; PSUs of linked years stand in the same columns."""
    before, after = two.sums
    if two.linked:
        change = after - before
        return np.asarray(change @ change.T)
    return np.asarray(before @ before.T + after @ after.T)
