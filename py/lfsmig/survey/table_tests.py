"""Tests of association in two-way tables under the design: Rao-Scott and Wald."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import linalg, special

from lfsmig.errors import EstimationError
from lfsmig.survey.columns import Levels
from lfsmig.survey.inference import check_options
from lfsmig.survey.sandwich import (
    linearised_covariance,
    record_sums,
    replicate_covariance,
    replicate_sums,
    whole_domain_df,
)

if TYPE_CHECKING:
    from lfsmig.survey.design import SurveyDesign

STATISTICS = ("F", "Chisq", "Wald", "adjWald")


@dataclass(frozen=True)
class _Table:
    """Records of a two-way table: rows, cell of each, weights, and the table's size."""

    rows: np.ndarray
    cell: np.ndarray
    weight: np.ndarray
    shape: tuple[int, int]
    names: tuple[str, str]


def chisq(
    design: SurveyDesign, rows: str, columns: str, domain: object = None,
    engine: str = "python", statistic: str | Sequence[str] = "F",
) -> pd.DataFrame:  # fmt: skip
    """Test of association in a two-way table (R's `svychisq`).

    Parameters
    ----------
    rows, columns
        The two categorical columns. Records with a missing one, or without a weight, are left out
        of the domain.
    statistic
        `F`: Rao and Scott's second order, Pearson's X2 / tr(D) against F(d0, d0 nu), with D the
        generalised design effects (methods.md 4.10); `Chisq`: their first order, X2 / mean(D)
        against chi-square; `Wald` and `adjWald`: Koch, Freeman and Freeman's Wald test on the
        differences from independence, unadjusted or adjusted. Or a list of these.

    Returns
    -------
    DataFrame
        A row for each statistic: statistic, statistic_value, df_num, df_den, p, n. Of `Chisq` the
        value is the uncorrected X2 on n, as R prints it.

    Raises
    ------
    EstimationError
        A column has one level only, or empty cells leave the statistic undefined.
    """
    check_options(engine)
    wanted = [statistic] if isinstance(statistic, str) else list(statistic)
    for name in wanted:
        if name not in STATISTICS:
            raise EstimationError(
                f"statistic {name!r} is not known; use one of {', '.join(STATISTICS)}"
            )
    if rows == columns:
        raise EstimationError(f"a two-way table needs two columns, not {rows!r} twice")
    table = _table(design, rows, columns, domain)
    found = [_one(design, table, name, engine) for name in wanted]
    frame = pd.DataFrame(found, columns=["statistic_value", "df_num", "df_den", "p"], dtype=float)
    frame.insert(0, "statistic", wanted)
    return frame.assign(n=len(table.rows))


def _table(design: SurveyDesign, rows: str, columns: str, domain: object) -> _Table:
    first, second = design.levels(rows), design.levels(columns)
    keep = (first.codes >= 0) & (second.codes >= 0) & (design.weights != 0)
    mask = design.mask(domain)
    kept = np.flatnonzero(keep if mask is None else keep & mask)
    row_codes, n_rows = _used(first, kept)
    column_codes, n_columns = _used(second, kept)
    return _Table(
        kept, row_codes * n_columns + column_codes, design.weights[kept], (n_rows, n_columns),
        (rows, columns),
    )  # fmt: skip


def _used(levels: Levels, rows: np.ndarray) -> tuple[np.ndarray, int]:
    """Codes of some records into the levels that they have, of which there must be two."""
    seen = np.bincount(levels.codes[rows], minlength=len(levels)) > 0
    if seen.sum() < 2:
        only = f"only {levels.texts[int(seen.argmax())]!r}" if seen.any() else "no level"
        raise EstimationError(f"column {levels.name!r} has {only} in the domain; two are needed")
    return (np.cumsum(seen) - 1)[levels.codes[rows]], int(seen.sum())


def _one(
    design: SurveyDesign, table: _Table, statistic: str, engine: str
) -> tuple[float, float, float, float]:
    if engine == "r":
        from lfsmig.survey.r_models import table_test_in_r

        return table_test_in_r(design, table.rows, table.names, statistic)
    nu = whole_domain_df(design, table.rows)[1]
    if nu < 1:
        raise EstimationError(
            f"table {table.names[0]!r} x {table.names[1]!r}: no degree of freedom in the domain"
        )
    try:
        if statistic in ("F", "Chisq"):
            return _rao_scott(design, table, nu, statistic)
        return _wald(design, table, nu, statistic)
    except np.linalg.LinAlgError:
        raise EstimationError(
            f"table {table.names[0]!r} x {table.names[1]!r}: empty cells or too few PSUs leave "
            f"the {statistic} statistic undefined; merge levels"
        ) from None


def _covariance(
    design: SurveyDesign, table: _Table, values: np.ndarray, scale: float, figure: np.ndarray,
    relative: bool,
) -> np.ndarray:  # fmt: skip
    """Covariance of the cells' shares (relative) or totals."""
    if design.replicates is None:
        scores = record_sums(table.weight * scale, table.cell, values)
        return linearised_covariance(design, table.rows, scores)
    groups = design.replicates, table.rows, table.cell, len(figure)
    thetas = np.stack(list(replicate_sums(*groups)))
    if relative:
        thetas = thetas / thetas.sum(axis=1, keepdims=True)
    return replicate_covariance(design.replicates, thetas, figure)


def _rao_scott(
    design: SurveyDesign, table: _Table, nu: int, statistic: str
) -> tuple[float, float, float, float]:
    """Pearson's X2 with the generalised design effects (Rao and Scott 1984)."""
    n, count = len(table.rows), table.shape[0] * table.shape[1]
    total = table.weight.sum()
    share = np.bincount(table.cell, table.weight, count) / total
    v = _covariance(design, table, np.eye(count) - share, 1 / total, share, relative=True)
    p = share.reshape(table.shape)
    independent = np.outer(p.sum(axis=1), p.sum(axis=0))
    x2 = n * float(((p - independent) ** 2 / independent).sum())
    contrast = np.kron(*(linalg.helmert(size).T for size in table.shape))
    inverse = np.divide(1.0, share, out=np.zeros(count), where=share > 0)
    scaled = inverse[:, None] * contrast
    effects = np.linalg.solve(contrast.T @ scaled / n, scaled.T @ v @ scaled)
    trace, df = float(np.trace(effects)), contrast.shape[1]
    if statistic == "Chisq":
        return x2, df, np.nan, float(special.chdtrc(df, x2 / (trace / df)))
    d0 = trace**2 / float(np.trace(effects @ effects))
    return x2 / trace, d0, d0 * nu, float(special.fdtrc(d0, d0 * nu, x2 / trace))


def _wald(
    design: SurveyDesign, table: _Table, nu: int, statistic: str
) -> tuple[float, float, float, float]:
    """Wald test on N_ij - N_i. N_.j / N, without the first row and column (Koch et al. 1975)."""
    n_rows, n_columns = table.shape
    count = n_rows * n_columns
    cells = np.bincount(table.cell, table.weight, count)
    v = _covariance(design, table, np.eye(count), 1.0, cells, relative=False)
    t = cells.reshape(table.shape)
    row, column, total = t.sum(axis=1), t.sum(axis=0), t.sum()
    difference = (t - np.outer(row, column) / total).ravel()
    i, j = np.divmod(np.arange(count), n_columns)
    slopes = (
        np.eye(count)
        - ((i[:, None] == i) * column[j][:, None] + (j[:, None] == j) * row[i][:, None]) / total
    )
    slopes += np.outer(row, column).ravel()[:, None] / total**2
    use = (i > 0) & (j > 0)
    within = (slopes @ v @ slopes.T)[np.ix_(use, use)]
    if np.linalg.matrix_rank(within, hermitian=True) < use.sum():
        raise np.linalg.LinAlgError
    wald = float(difference[use] @ np.linalg.solve(within, difference[use]))
    q = int(use.sum())
    df = nu if statistic == "Wald" else nu - q + 1
    value = wald / q if statistic == "Wald" else wald * df / (q * nu)
    p = float(special.fdtrc(q, df, value)) if df > 0 else np.nan
    return value, q, df, p
