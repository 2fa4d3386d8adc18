"""A whole frame into R: each column once, as a memory view, with missing values as R's NA.

Numbers go as they are; factors and text go as codes and R puts their labels on. rpy2's own
conversion of frames is a hundred times slower, and it turns integers beyond 31 bits into text.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lfsmig.errors import EstimationError
from lfsmig.survey import r_session as r
from lfsmig.survey.columns import level_text, rows_text

# Cuts one long text into strings inside R; a text that holds it is passed string by string.
SEPARATOR = "\x1e"
# Whole numbers beyond this are not exact as R's doubles.
EXACT = 2**53
INTEGER_LIMIT = 2**31
# R's NA_real_: the NaN whose lower word is 1954. Any other NaN prints as NaN and not as NA.
NA_REAL = np.int64(0x7FF00000000007A2)


def frame_to_r(frame: pd.DataFrame) -> Any:
    """Pass a frame to R as a `data.frame` and return its handle.

    Parameters
    ----------
    frame
        Any number of columns. Whole numbers become integer (double where they need more than 31
        bits), floats double, booleans logical, categories factors with their labels (ordered
        if they are), text character, times POSIXct in UTC. The index is not passed.

    Returns
    -------
    The handle of R's data frame, to pass to R functions. R holds its own copy of the data;
    nothing else is kept.

    Raises
    ------
    EstimationError
        For a column that R cannot hold; the text names the column and its first rows.
    """
    names = [str(name) for name in frame.columns]
    doubled = pd.Index(names)[pd.Index(names).duplicated()]
    if len(doubled):
        raise EstimationError(f"column {doubled[0]!r} is in the frame twice; keep one of them")
    columns = [_column(column) for _, column in frame.items()]
    rows = r.integers(np.array([len(frame)]))
    return r.call("whole_frame", r.listed(columns), r.text(*names), rows)


def _column(column: pd.Series) -> Any:
    for is_kind, passed in KINDS:
        if is_kind(column.dtype):
            return passed(column)
    raise EstimationError(
        f"column {column.name!r} is of type {column.dtype}, which R has no equal for; convert it "
        "to numbers, text or a category"
    )


def _logical(column: pd.Series) -> Any:
    return r.call("logical_column", _whole(column))


def _number(column: pd.Series) -> Any:
    return _doubles(column.to_numpy(dtype="float64", na_value=np.nan))


def _doubles(values: np.ndarray) -> Any:
    missing = np.isnan(values)
    if missing.any():
        values = values.copy()
        values.view("int64")[missing] = NA_REAL
    return r.numbers(values)


def _object(column: pd.Series) -> Any:
    """Pass a column of Python objects if they are of one kind."""
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind == "boolean":
        return _column(column.astype("boolean"))
    if kind == "integer":
        return _column(column.astype("Int64"))
    if kind in ("floating", "mixed-integer-float", "decimal"):
        return _number(pd.to_numeric(column))
    if kind in ("string", "empty"):
        return _text(column.astype("str"))
    raise EstimationError(
        f"column {column.name!r} holds {kind} objects; make it numbers, text or a category"
    )


def _whole(column: pd.Series) -> Any:
    """Pass whole numbers as int32, or as doubles where they are larger."""
    values, missing = column.to_numpy(), None
    if not isinstance(column.dtype, np.dtype):
        missing = column.isna().to_numpy()
        plain = column.dtype.numpy_dtype  # type: ignore[attr-defined]
        values = column.to_numpy(dtype=plain, na_value=0)
    if values.itemsize < 4 or _within(values, INTEGER_LIMIT):
        whole = values.astype("int32", copy=missing is not None)
        if missing is not None:
            whole[missing] = r.NA_INTEGER
        return r.integers(whole)
    if not _within(values, EXACT + 1):
        beyond = (values > EXACT) | (values < -EXACT)
        raise EstimationError(
            f"column {column.name!r} holds whole numbers beyond 53 bits in {rows_text(beyond)}, "
            "which R's doubles cannot hold exactly; pass them as text"
        )
    numbers = values.astype("float64")
    if missing is not None:
        numbers[missing] = np.nan
    return _doubles(numbers)


def _within(values: np.ndarray, limit: int) -> bool:
    """Say whether all values are strictly between -limit and limit (R's NA is -2^31)."""
    return len(values) == 0 or bool(-limit < int(values.min()) and int(values.max()) < limit)


def _factor(column: pd.Series) -> Any:
    labels = [level_text(value) for value in column.cat.categories]
    if len(set(labels)) < len(labels):
        raise EstimationError(f"column {column.name!r} has two categories with the same text")
    _refuse_nul(column, labels)
    codes = column.cat.codes.to_numpy().astype("int32")
    ordered = r.flag(bool(column.cat.ordered))
    return r.call("encoded_factor", _from_one(codes), r.text(*labels), ordered)


def _from_one(codes: np.ndarray) -> Any:
    """Pass codes 0..k-1 as R counts them, -1 as NA; the array is changed."""
    missing = codes < 0
    codes += 1
    codes[missing] = r.NA_INTEGER
    return r.integers(codes)


def _text(column: pd.Series) -> Any:
    codes, strings = pd.factorize(column, use_na_sentinel=True)
    listed = [str(one) for one in strings]
    _refuse_nul(column, listed)
    passed = _from_one(codes.astype("int32"))
    if any(SEPARATOR in one for one in listed):
        return r.call("text_column", passed, r.text(*listed))
    # A last string keeps R from dropping an empty one at the end.
    joined = r.text(SEPARATOR.join([*listed, "."]))
    return r.call("text_column", passed, joined, r.text(SEPARATOR))


def _refuse_nul(column: pd.Series, strings: list[str]) -> None:
    if any("\0" in one for one in strings):
        raise EstimationError(
            f"column {column.name!r} holds a NUL character, which R's text cannot; remove it"
        )


def _time(column: pd.Series) -> Any:
    if column.dt.tz is not None:
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    seconds = column.to_numpy(dtype="datetime64[us]").astype("int64") / 1e6
    seconds[column.isna().to_numpy()] = np.nan
    return r.call("time_column", _doubles(seconds))


KINDS = (
    (lambda kind: isinstance(kind, pd.CategoricalDtype), _factor),
    (pd.api.types.is_bool_dtype, _logical),
    (pd.api.types.is_integer_dtype, _whole),
    (pd.api.types.is_float_dtype, _number),
    (pd.api.types.is_datetime64_any_dtype, _time),
    (pd.api.types.is_object_dtype, _object),
    (pd.api.types.is_string_dtype, _text),
)
