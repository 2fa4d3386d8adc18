"""The data dictionary as a schema that a validator holds the harmonised table to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from lfsmig.params import Params

# What must be known of every record, and an estimate cannot do without.
KNOWN = ("region", "province", "area", "stratum", "psu", "sex", "age")
COLUMNS = ["column", "check", "row", "value"]


def dictionary_schema(params: Params, names: list[str]) -> Any:
    """Turn the entries of variables.yml into a pandera schema.

    Parameters
    ----------
    params
        The survey's parameters.
    names
        Columns of the table; those of the dictionary among them are described.

    Returns
    -------
    pandera.DataFrameSchema
        Types of every column, codes of categories, and values of the columns `KNOWN`.
    """
    import pandera.pandas as pandera

    columns = {}
    for name in names:
        if name not in params.variables:
            continue
        kind = params.variables[name].type
        checks = []
        if kind == "category":
            # Asked of the values, not of the type: a table in memory may carry a code too many.
            checks.append(pandera.Check.isin(params.codes(name)))
        elif kind == "integer":
            checks.append(pandera.Check.ge(0))
        columns[name] = pandera.Column(
            {"integer": "Int64", "number": "float64", "flag": "float32"}.get(kind),
            checks,
            nullable=name not in KNOWN,
        )
    return pandera.DataFrameSchema(columns)


def schema_failures(params: Params, frame: pd.DataFrame) -> pd.DataFrame:
    """List what in a table is not as the data dictionary says.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`: `check` is `type`, `code` (a value outside the list or below zero) or
        `missing`; `row` is the position of the record, -1 for a whole column.
    """
    from pandera.errors import SchemaErrors

    found = _types(params, frame)
    wrong = {one["column"] for one in found}
    right = frame[[name for name in frame.columns if name not in wrong]].reset_index(drop=True)
    try:
        dictionary_schema(params, list(right.columns)).validate(right, lazy=True)
    except SchemaErrors as problems:
        cases = problems.failure_cases
        for column, check, row, value in zip(
            cases["column"], cases["check"], cases["index"], cases["failure_case"], strict=True
        ):
            name = str(check)
            kind = "type" if name.startswith("dtype") else "code"
            kind = "missing" if name == "not_nullable" else kind
            place = -1 if row is None or kind == "type" else int(row)
            found.append({"column": column, "check": kind, "row": place, "value": str(value)})
    return pd.DataFrame(found, columns=COLUMNS)


def _types(params: Params, frame: pd.DataFrame) -> list[dict[str, object]]:
    """Find categories and texts of another type: pandas has several for either."""
    right: dict[str, Callable[[pd.Series], bool]] = {
        "category": lambda values: isinstance(values.dtype, pd.CategoricalDtype),
        "text": pd.api.types.is_string_dtype,
        "integer": pd.api.types.is_integer_dtype,
        "number": pd.api.types.is_float_dtype,
    }
    wrong = []
    for name in frame.columns:
        kind = params.variables[name].type if name in params.variables else ""
        if kind in right and not right[kind](frame[name]):
            told = str(frame[name].dtype)
            wrong.append({"column": name, "check": "type", "row": -1, "value": told})
    return wrong


def rows_of(failures: pd.DataFrame, size: int, **chosen: Any) -> np.ndarray:
    """Mark the records that fail in the columns and kinds chosen."""
    keep = failures["row"] >= 0
    for column, values in chosen.items():
        keep &= failures[column].isin(values)
    mask = np.zeros(size, bool)
    mask[failures.loc[keep, "row"].to_numpy(dtype=int)] = True
    return mask
