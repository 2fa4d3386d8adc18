"""Finds each mapped column in a raw file and turns its values into plain code texts.

Work is done on distinct values: a column of 205,000 records has a few dozen codes, so the text
handling costs nothing and records are only touched by integer arrays.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lfsmig.errors import InputError
from lfsmig.intake.read import RawTable
from lfsmig.intake.readers.contract import plain
from lfsmig.intake.readers.text import one_writing
from lfsmig.params.mapping import Column, YearMap

# A whole number as programs write it that keep all numbers as floats, and any number with a point.
AS_FLOAT = re.compile(r"^\d+\.0+$", re.ASCII)
_POINT = re.compile(r"^\d+\.\d+$", re.ASCII)


@dataclass(frozen=True)
class Coded:
    """A raw column: `values[codes]` are its texts, -1 is blank.

    `raw` is each value as the file writes it; several writings of one value stand side by side
    ("1 or 01").
    """

    file: str
    name: str
    found: str
    codes: np.ndarray
    values: list[str]
    raw: list[str]

    def take(self, rows: np.ndarray) -> Coded:
        """Keep some records."""
        return Coded(self.file, self.name, self.found, self.codes[rows], self.values, self.raw)

    def counts(self) -> np.ndarray:
        """Count the records of each value."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.values))


@dataclass(frozen=True)
class Pairing:
    """How the columns of a file stand to a mapping, all under the names of the file.

    Attributes
    ----------
    found
        Mapped name to the file's name.
    ignored
        Columns that the mapping ignores with a reason.
    unknown
        Columns of which the mapping says nothing.
    doubled
        Columns that stand for a mapped name which another one stands for already.
    """

    found: dict[str, str]
    ignored: list[str]
    unknown: list[str]
    doubled: list[tuple[str, str, str]]


def pair_columns(names: Collection[str], mapping: YearMap) -> Pairing:
    """Pair the names of a file's columns with the mapping's.

    Names match whatever their case; one trailing `_` is dropped where the bare name is free.
    """
    wanted: dict[str, str] = {}
    for name, column in mapping.columns.items():
        for alias in (name, *column.aliases):
            wanted[one_writing(alias).upper()] = name
    ignored = {one_writing(name).upper() for name in mapping.ignore}
    present = {name.upper() for name in names}
    pairing = Pairing({}, [], [], [])
    for name in names:
        key = name.upper()
        bare = key[:-1] if key.endswith("_") and key[:-1] not in present else key
        key = key if key in wanted or key in ignored else bare
        if key in ignored:
            pairing.ignored.append(name)
        elif key not in wanted:
            pairing.unknown.append(name)
        elif wanted[key] in pairing.found:
            pairing.doubled.append((wanted[key], pairing.found[wanted[key]], name))
        else:
            pairing.found[wanted[key]] = name
    return pairing


def find_columns(table: RawTable, mapping: YearMap, where: str) -> dict[str, str]:
    """Pair the mapping's column names with the names in the file.

    A column that is neither mapped nor ignored stops, as do two columns for one name.
    """
    pairing = pair_columns(table.columns, mapping)
    for name, first, second in pairing.doubled:
        raise InputError(
            f"{table.name}: columns {first} and {second} both stand for "
            f"{name}; name the one to leave out under ignore in {where}"
        )
    if unknown := pairing.unknown:
        shown = ", ".join(unknown[:8]) + (f" and {len(unknown) - 8} more" if unknown[8:] else "")
        raise InputError(
            f"{table.name}: not in the mapping: {shown}; "
            f"add under columns, or with a reason under ignore, in {where}"
        )
    return pairing.found


def code_column(table: RawTable, found: str, name: str, column: Column, where: str) -> Coded:
    """Turn one raw column into coded texts: blanks, number formats, decoding and padding."""
    series = table.columns[found]
    codes, uniques = pd.factorize(series, use_na_sentinel=True)
    raw = [plain(value) for value in uniques]
    numeric = pd.api.types.is_numeric_dtype(series)
    decode = {one_writing(label): code for label, code in column.decode.items()}
    if not numeric:
        raw = [one_writing(text) for text in raw]
    floats = not numeric and _written_as_floats(raw)
    values = []
    for text in raw:
        bare = text.partition(".")[0] if floats and AS_FLOAT.match(text) else text
        values.append(_padded(decode.get(text, decode.get(bare, bare)), column.width))
    return _compact(table.name, name, found, codes, values, raw)


def _written_as_floats(texts: list[str]) -> bool:
    """Tell a column of whole numbers that an export wrote as 1.0, 2.0.

    One number with other decimals (01.10 of a classification) makes the point a part of the code.
    """
    pointed = [text for text in texts if _POINT.match(text)]
    return bool(pointed) and all(map(AS_FLOAT.match, pointed))


def _padded(text: str, width: int | None) -> str:
    """Bring a code to one writing: padded to the width, or else without leading zeros."""
    if not text.isdigit() or not text.isascii():
        return text
    bare = text.lstrip("0") or "0"
    return bare if width is None else bare.zfill(width)


def _compact(
    file: str, name: str, found: str, codes: np.ndarray, values: list[str], raw: list[str]
) -> Coded:
    """Join values that became equal ("1" and "01"), keep codes in order, make blanks -1."""
    order: dict[str, int] = {}
    shown: list[dict[str, None]] = []
    target = np.empty(len(values) + 1, dtype=np.int64)
    target[-1] = -1
    for index, value in enumerate(values):
        if value in ("", "nan", "NaN", "."):
            target[index] = -1
            continue
        if value not in order:
            order[value] = len(order)
            shown.append({})
        shown[order[value]][raw[index]] = None
        target[index] = order[value]
    written = [" or ".join(texts) for texts in shown]
    return Coded(file, name, found, target[codes], list(order), written)
