"""Columns of a survey file as arrays an estimator can use, checked once with one clear error.

Every check names the column and the first rows that break it (counted from 1) with their keys,
because the person who reads the message has the raw file open and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pandas as pd

from lfsmig.errors import EstimationError

Codes = np.ndarray  # int32, -1 where the value is missing
Floats = np.ndarray  # float64, NaN where the value is missing

# How the rows of a mask, or at positions, are named in a message.
Namer = Callable[[np.ndarray], str]

SHOWN_ROWS = 3
# Levels a column that makes cells or categories may have: enough for the smallest areas of a
# country. One with more is an identifier or an amount, and its table would have a row per person.
MAX_LEVELS = 10_000


@dataclass(frozen=True)
class Levels:
    """A column as codes 0..k-1 into the levels observed in it, in code order; -1 is missing."""

    name: str
    codes: Codes
    values: pd.Index
    dtype: object

    def __len__(self) -> int:
        return len(self.values)

    @property
    def texts(self) -> list[str]:
        """Level names as text; a whole number stored as a float loses its point."""
        return [level_text(value) for value in self.values]

    def take(self, codes: np.ndarray) -> pd.Series:
        """Values of `codes` as a column of the type the data had."""
        if isinstance(self.dtype, pd.CategoricalDtype):
            place = self.dtype.categories.get_indexer(self.values)
            return pd.Series(pd.Categorical.from_codes(place[codes], dtype=self.dtype))
        return pd.Series(self.values.take(codes)).reset_index(drop=True)


def level_text(value: object) -> str:
    """Write one code as text."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    if isinstance(value, bool | np.bool_):
        return str(int(value))
    return str(value)


def rows_text(bad: np.ndarray, keys: Callable[[np.ndarray], Sequence[str]] | None = None) -> str:
    """Name the first rows of a mask (or at positions), counted from 1, and how many there are.

    `keys` gives the key of each of the shown rows as text.
    """
    positions = np.flatnonzero(bad) if bad.dtype == bool else bad
    first = positions[:SHOWN_ROWS]
    shown = [str(int(row) + 1) for row in first]
    if keys is not None:
        shown = [f"{row} ({key})" for row, key in zip(shown, keys(first), strict=True)]
    if len(positions) == 1:
        return f"row {shown[0]}"
    more = f", … ({len(positions)} in all)" if len(positions) > SHOWN_ROWS else ""
    return f"rows {', '.join(shown)}{more}"


def row_namer(frame: pd.DataFrame, keys: Sequence[str]) -> Namer:
    """Name rows by number and by key columns, or by the frame's index if it has one of its own."""
    for name in keys:
        pick(frame, name)
    if not keys and isinstance(frame.index, pd.RangeIndex):
        return rows_text

    def key_texts(rows: np.ndarray) -> list[str]:
        some = frame.iloc[rows]
        # MultiIndex.to_frame would invent names for levels that have none.
        table = some[list(keys)] if keys else some.index.to_frame(index=False)
        names = list(keys) if keys else [name or "index" for name in frame.index.names]
        return [
            ", ".join(f"{n} {level_text(v)}" for n, v in zip(names, values, strict=True))
            for values in table.itertuples(index=False, name=None)
        ]

    return lambda bad: rows_text(bad, key_texts)


def pick(frame: pd.DataFrame, name: object) -> pd.Series:
    """Return one column or say which columns there are."""
    if not isinstance(name, str):
        raise EstimationError(f"a column name must be text, not {name!r}")
    if name not in frame.columns:
        near = [c for c in map(str, frame.columns) if c.lower() == name.lower().strip()]
        known = near or sorted(map(str, frame.columns))[:8]
        hint = "did you mean" if near else "columns begin"
        raise EstimationError(
            f"column {name!r} is not in the data ({hint}: {', '.join(known)}); "
            "correct the name or add the column"
        )
    column = frame[name]
    if isinstance(column, pd.DataFrame):
        raise EstimationError(f"column {name!r} is in the data twice; keep one of them")
    return column


def numeric(column: pd.Series, role: str = "item", namer: Namer = rows_text) -> Floats:
    """Return a column as float64 with NaN for missing; text and infinite values are refused."""
    if isinstance(column.dtype, pd.CategoricalDtype) or not (
        pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype)
    ):
        values = _text_as_numbers(column, role, namer)
    elif pd.api.types.is_complex_dtype(column.dtype):
        raise EstimationError(
            f"{role} column {column.name!r} holds complex numbers; give their real part"
        )
    else:
        values = column.to_numpy(dtype="float64", na_value=np.nan)
    infinite = np.isinf(values)
    if infinite.any():
        raise EstimationError(
            f"{role} column {column.name!r} is infinite in {namer(infinite)}; "
            "make it missing or correct it"
        )
    return np.ascontiguousarray(values)


def _text_as_numbers(column: pd.Series, role: str, namer: Namer) -> Floats:
    missing = column.isna().to_numpy()
    if missing.all():
        return np.full(len(column), np.nan)
    plain = column.astype("object").to_numpy()
    is_number = np.fromiter(
        (isinstance(v, int | float | np.number | np.bool_ | Decimal) for v in plain),
        bool,
        len(plain),
    )
    bad = ~missing & ~is_number
    if bad.any() or isinstance(column.dtype, pd.CategoricalDtype):
        at = int(np.flatnonzero(bad if bad.any() else ~missing)[0])
        which = namer(bad if bad.any() else ~missing)
        raise EstimationError(
            f"{role} column {column.name!r} holds text or categories ({plain[at]!r} in {which}); "
            "numbers are needed: convert it, or ask for share"
        )
    return pd.to_numeric(column.astype("object")).to_numpy(dtype="float64", na_value=np.nan)


def classification(column: pd.Series, namer: Namer = rows_text) -> Levels:
    """Encode a column that makes cells or categories; one with too many levels is refused."""
    if pd.api.types.is_float_dtype(column.dtype):
        # A float that is not finite is a mistake of the data and not a code.
        numeric(column, "category", namer)
    encoded = levels(column)
    refuse_too_many(str(column.name), len(encoded))
    return encoded


def refuse_too_many(name: str, n_levels: int) -> None:
    """Refuse a column with more levels than a table may have."""
    if n_levels > MAX_LEVELS:
        raise EstimationError(
            f"column {name!r} has more than the {MAX_LEVELS:,} different values that cells or "
            "categories may come from: it is an identifier or an amount and no classification; "
            "group its values"
        )


def levels(column: pd.Series) -> Levels:
    """Encode a column by its observed values: category order if it has one, else sorted."""
    name = str(column.name)
    if isinstance(column.dtype, pd.CategoricalDtype):
        raw = column.cat.codes.to_numpy()
        seen = np.bincount(raw[raw >= 0], minlength=len(column.cat.categories)) > 0
        recode = np.append(np.where(seen, np.cumsum(seen) - 1, -1), -1).astype("int32")
        return Levels(name, recode[raw], column.cat.categories[seen], column.dtype)
    if column.dtype == object:
        _refuse_mixed_types(column, name)
    codes, values = pd.factorize(column, sort=True, use_na_sentinel=True)
    return Levels(name, codes.astype("int32"), pd.Index(values), column.dtype)


def _refuse_mixed_types(column: pd.Series, name: str) -> None:
    kinds = {type(value).__name__ for value in column.dropna().unique()}
    if len(kinds) > 1 and not kinds <= {"int", "float", "bool"}:
        raise EstimationError(
            f"column {name!r} mixes types that have no order ({', '.join(sorted(kinds))}); "
            "make it one type or an ordered category"
        )


def weights(column: pd.Series, namer: Namer = rows_text) -> Floats:
    """Return sampling weights: none missing, none negative, not all zero."""
    values = numeric(column, "weight", namer)
    for bad, word, cure in (
        (np.isnan(values), "missing", "give each record a weight or drop it from the design"),
        (values < 0, "negative", "correct the weight"),
    ):
        if bad.any():
            raise EstimationError(
                f"weight column {column.name!r} is {word} in {namer(bad)}; {cure}"
            )
    if not (values > 0).any():
        raise EstimationError(
            f"weight column {column.name!r} is zero in every one of {len(values)} rows; "
            "at least one positive weight is needed"
        )
    return values


def required(column: pd.Series, role: str, namer: Namer = rows_text) -> Levels:
    """Encode a design column, which may have no missing and no infinite value."""
    if pd.api.types.is_float_dtype(column.dtype):
        numeric(column, role, namer)
    encoded = levels(column)
    bad = encoded.codes < 0
    if bad.any():
        raise EstimationError(
            f"{role} column {column.name!r} is missing in {namer(bad)}; "
            "every record belongs to the design"
        )
    return encoded


def names_of(value: str | Sequence[str] | None, role: str) -> list[str]:
    """Return one or several column names as a list of distinct ones."""
    names = [] if value is None else [value] if isinstance(value, str) else list(value)
    if len(set(names)) != len(names):
        raise EstimationError(f"{role} names a column twice: {', '.join(map(str, names))}")
    return names
