"""Linear contrasts of cells: differences, sums and any other combination, with covariance.

    table = design.estimate("mean", "wage", by=["region"], covariance=True)
    contrast(table, {"North less South": {"1": 1, "2": -1}})

A cell is named by the values of its `by` columns (a tuple if there are several), then by the
category of a share; the only cell of a table without `by` is named "all". With several tables of
one design, given as a mapping, the table's name comes first.

A contrast sum_i c_i theta_i has the variance c' V c with V the covariance of all cells, taken from
the contrast's own linearised sums (R's `svycontrast`). Its df are those of the cases of its cells
together, and its test is Student's. Contrasts of logarithms (`log=True`) compare cells by ratio.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from lfsmig.errors import EstimationError
from lfsmig.survey.covariance import combined_covariance, combined_df
from lfsmig.survey.estimate import ROUNDING, Estimate
from lfsmig.survey.inference import tested

WHOLE = "all"

Tables = Estimate | Mapping[str, Estimate]
Coefficients = (
    Mapping[str, Mapping[Hashable, float]] | Mapping[Hashable, float] | pd.DataFrame | Any
)


def labels(frame: pd.DataFrame) -> pd.Index:
    """Name the rows of a table: its `by` values and, of a share, the category."""
    keys = list(frame.columns[: frame.columns.get_loc("category")])
    if (frame["category"] != "").any():
        keys.append("category")
    if not keys:
        return pd.Index([WHOLE] * len(frame), name="cell")
    if len(keys) == 1:
        return pd.Index(frame[keys[0]], name=keys[0])
    return pd.MultiIndex.from_frame(frame[keys])


def covariance(table: Estimate) -> pd.DataFrame:
    """Covariance matrix of the rows of a table, labelled on both sides."""
    size = len(table.frame)
    each = [sparse.eye_array(size, format="csr")]
    found = covariance_of([table], each)
    # A row without sampling error has no covariance either, but for rounding.
    se = table.frame["se"].to_numpy()
    for rows, value in ((se == 0, 0.0), (np.isnan(se), np.nan)):
        found[rows] = value
        found[:, rows] = value
    return pd.DataFrame(found, index=table.labels, columns=table.labels)


def contrast(
    tables: Tables, coefficients: Coefficients, *, level: float = 0.95, log: bool = False
) -> pd.DataFrame:
    """Estimate linear combinations of the cells of one or several tables of one design.

    Parameters
    ----------
    tables
        A table made with `covariance=True`, or a mapping from names to such tables.
    coefficients
        Names of contrasts to {cell: coefficient}; or {cell: coefficient} for one contrast; or a
        matrix with a row per contrast and a column per cell (a DataFrame's index names them).
    level
        Confidence level.
    log
        Combine the logarithms of the cells: {a: 1, b: -1} is then ln(a / b).

    Returns
    -------
    DataFrame
        One row per contrast: contrast, estimate, se, df, ci_low, ci_high (Wald, Student's t),
        statistic_value (t) and p (two-sided); NaN where a cell in it has no estimate.

    Raises
    ------
    EstimationError
        For a cell that is not in the tables, tables of two designs or engines, or a table made
        without `covariance=True`.
    """
    named = {"": tables} if isinstance(tables, Estimate) else dict(tables)
    if not named:
        raise EstimationError("contrast needs at least one table")
    held = list(named.values())
    names, matrix = _matrix(named, coefficients)
    value = np.concatenate([table.frame["estimate"].to_numpy() for table in held])
    unsure = np.concatenate([table.frame["se"].isna().to_numpy() for table in held])
    weights = matrix
    with np.errstate(divide="ignore", invalid="ignore"):
        if log:
            value, weights = np.log(value), matrix @ sparse.diags_array(np.nan_to_num(1 / value))
    unknown, unsure = ((abs(matrix) @ bad) > 0 for bad in (np.isnan(value), unsure))
    terms = matrix @ sparse.diags_array(np.nan_to_num(value))
    estimate = np.where(unknown, np.nan, terms.sum(axis=1))
    size = abs(terms).max(axis=1).toarray().ravel()
    se = np.sqrt(np.diag(covariance_of(held, _split(weights, held))))
    se = np.where(unknown | unsure, np.nan, se)
    df = df_of(held, _split(matrix, held))
    estimate = np.where(np.abs(estimate) <= ROUNDING * size, 0.0, estimate)
    se = np.where(se <= ROUNDING * size, 0.0, se)
    frame = tested(estimate, se, df, level, "r" if _in_r(_spreads(held)) else "python")
    frame.insert(0, "contrast", names)
    return frame


def differences(table: Estimate, reference: Hashable = None) -> dict[str, dict[Hashable, float]]:
    """Coefficients of each cell less the reference cell (the first if none is named)."""
    cells = list(table.labels)
    base = cells[0] if reference is None else reference
    if base not in cells:
        raise EstimationError(f"reference {base!r} is not a cell; {_known(cells)}")
    return {f"{_text(c)} - {_text(base)}": {c: 1.0, base: -1.0} for c in cells if c != base}


def pairwise(table: Estimate) -> dict[str, dict[Hashable, float]]:
    """Coefficients of each cell less each one before it."""
    cells = list(table.labels)
    return {
        f"{_text(later)} - {_text(earlier)}": {later: 1.0, earlier: -1.0}
        for position, later in enumerate(cells)
        for earlier in cells[:position]
    }


def _text(label: Hashable) -> str:
    return ", ".join(map(str, label)) if isinstance(label, tuple) else str(label)


# ---- coefficients ----------------------------------------------------------------------------


def _matrix(
    named: Mapping[str, Estimate], coefficients: Coefficients
) -> tuple[list[str], sparse.csr_array]:
    """Names of the contrasts and their coefficients, contrasts x cells of all tables."""
    cells = _cells(named)
    if isinstance(coefficients, Mapping):
        return _from_mapping(cells, coefficients)
    names = None
    if isinstance(coefficients, pd.DataFrame):
        names = [_text(name) for name in coefficients.index]
    matrix = np.atleast_2d(np.asarray(coefficients, dtype=float))
    if matrix.ndim != 2 or matrix.shape[1] != len(cells):
        raise EstimationError(
            f"the coefficients have {matrix.shape[-1]} columns but there are {len(cells)} cells"
        )
    _refuse_bad_numbers(matrix)
    names = names or [str(number + 1) for number in range(len(matrix))]
    return names, sparse.csr_array(matrix)


def _cells(named: Mapping[str, Estimate]) -> list[Hashable]:
    cells: list[Hashable] = []
    for name, table in named.items():
        for label in table.labels:
            keys = label if isinstance(label, tuple) else (label,)
            if name:
                keys = (name,) if keys == (WHOLE,) else (name, *keys)
            cells.append(keys[0] if len(keys) == 1 else keys)
    return cells


def _from_mapping(
    cells: list[Hashable], coefficients: Mapping[Any, Any]
) -> tuple[list[str], sparse.csr_array]:
    if not coefficients:
        raise EstimationError("no contrast is named; give {name: {cell: coefficient}}")
    if not isinstance(next(iter(coefficients.values())), Mapping):
        coefficients = {"contrast": coefficients}
    position = {cell: place for place, cell in enumerate(cells)}
    matrix = sparse.lil_array((len(coefficients), len(cells)))
    for row, one in enumerate(coefficients.values()):
        for cell, number in one.items():
            if cell not in position:
                raise EstimationError(f"contrast names cell {cell!r}; {_known(cells)}")
            matrix[row, position[cell]] = number
    whole = sparse.csr_array(matrix)
    _refuse_bad_numbers(whole.data)
    return [str(name) for name in coefficients], whole


def _known(cells: Sequence[Hashable]) -> str:
    shown = ", ".join(repr(cell) for cell in cells[:6])
    return f"the {len(cells)} cells are {shown}{', …' if len(cells) > 6 else ''}"


def _refuse_bad_numbers(values: np.ndarray) -> None:
    if not np.isfinite(values).all():
        raise EstimationError("a coefficient is missing or infinite; give a number")


def _split(matrix: sparse.csr_array, held: Sequence[Estimate]) -> list[sparse.csr_array]:
    ends = np.cumsum([len(table.frame) for table in held])
    starts = np.concatenate([[0], ends[:-1]])
    whole = sparse.csr_array(matrix)
    return [whole[:, int(a) : int(b)] for a, b in zip(starts, ends, strict=True)]


# ---- either engine ----------------------------------------------------------------------------


def _spreads(held: Sequence[Estimate]) -> list[Any]:
    spreads = [table.spread for table in held]
    if any(spread is None for spread in spreads):
        raise EstimationError("the table was made without covariance; ask with covariance=True")
    if len({id(spread.design) for spread in spreads if spread}) > 1:
        raise EstimationError(
            "the tables are of two designs, whose covariance is not known; make them from one "
            "design (years can be pooled into one), or compare years with lfsmig.survey.change"
        )
    if len({type(spread) for spread in spreads}) > 1:
        raise EstimationError("the tables are of two engines; make all of them by one")
    return spreads


def _in_r(spreads: Sequence[Any]) -> bool:
    return not hasattr(spreads[0], "sums")


def covariance_of(held: Sequence[Estimate], parts: list[sparse.csr_array]) -> np.ndarray:
    """Covariance of combinations of rows, with coefficients for each table (`covariance.py`)."""
    spreads = _spreads(held)
    if _in_r(spreads):
        from lfsmig.survey.r_engine import covariance_in_r

        return covariance_in_r(spreads, parts)
    return combined_covariance(spreads, parts)


def df_of(held: Sequence[Estimate], parts: list[sparse.csr_array]) -> np.ndarray:
    """Degrees of freedom of each combination: those of the cases of all its cells."""
    spreads = _spreads(held)
    if _in_r(spreads):
        from lfsmig.survey.r_engine import df_in_r

        return df_in_r(spreads, parts)
    return combined_df(spreads, parts)
