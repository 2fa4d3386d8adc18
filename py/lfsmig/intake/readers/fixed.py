"""Fixed-width text with a layout table: columns stand at positions, not between delimiters.

The layout is a table named in the mapping with the columns `name`, `start` (the first position is
1) and `end` or `width`; optionally `decimals` (digits after a point that is not written) and
`label`. A row named `-` covers positions that hold nothing of use. Positions count letters, which
in CP874 are bytes; where a UTF-8 file has lines of equal length in bytes only, they count bytes.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lfsmig.errors import InputError
from lfsmig.intake.readers.contract import Content, Delivery
from lfsmig.intake.readers.limits import check_size
from lfsmig.intake.readers.text import clean, decode, unique_names

FILLER = "-"
_DIGITS = re.compile(r"^[+-]?\d+$")


@dataclass(frozen=True)
class Field:
    """One column of the layout: positions `start` to `stop` - 1, counted from 0."""

    name: str
    start: int
    stop: int
    decimals: int = 0
    label: str = ""


def read_fixed(delivery: Delivery) -> Content:
    """Read a fixed-width file; a line that ends early is blank in what it lacks."""
    name = delivery.name
    layout = str(delivery.spec.layout)
    fields = read_layout(delivery.layout or [], layout)
    text, encoding = decode(delivery.read(), name, delivery.spec.encoding)
    lines = re.split(r"\r\n|\n|\r", text.rstrip("\r\n\x1a"))
    if lines == [""]:
        lines = []
    counted, rows = _counted(lines)
    width = max((len(row) for row in rows), default=0)
    last = max(field.stop for field in fields)
    check_size(
        name,
        len(rows) * max(width, last) * (4 if counted == "letters" else 1),
        delivery.limit,
        "the records take",
    )
    _whole(name, [len(row) for row in rows], text)
    matrix = _matrix(rows, max(width, last))
    _covered(name, matrix, fields, layout)
    columns = {one.name: _column(name, matrix, one) for one in fields if one.name != FILLER}
    labels = {one.name: one.label for one in fields if one.label and one.name != FILLER}
    notes: dict[str, object] = {"layout": layout, "positions_count": counted}
    return Content(columns, len(rows), encoding, labels=labels, notes=notes)


def read_layout(rows: Sequence[Mapping[str, str]], name: str) -> list[Field]:
    """Turn a layout table into fields and refuse one that contradicts itself.

    Raises
    ------
    InputError
        A position is no number, a name stands twice, or two columns cross.
    """
    fields = []
    for number, row in enumerate(rows, start=2):
        try:
            start = int(row["start"])
            stop = int(row["end"]) if row.get("end") else start + int(row["width"]) - 1
            decimals = int(row.get("decimals") or 0)
            column = (row["name"] or "").strip()
        except (KeyError, ValueError, TypeError):
            raise InputError(
                f"{name}:{number}: expected name, start and end or width (whole numbers), "
                "decimals if any"
            ) from None
        if start < 1 or stop < start or decimals < 0:
            raise InputError(
                f"{name}:{number}: {column}: positions {start} to {stop} cannot be; "
                "the first position of a line is 1"
            )
        label = clean(row.get("label") or "", name, f"the label of {column}")
        fields.append(Field(column, start - 1, stop, decimals, label))
    if not fields:
        raise InputError(f"{name}: the layout names no column; expected one row per column")
    unique_names(name, [one.name for one in fields if one.name != FILLER])
    ordered = sorted(fields, key=lambda one: (one.start, -one.stop))
    for left, right in itertools.pairwise(ordered):
        # A column inside another is a part of it; two that cross are a misprint.
        if right.start < left.stop < right.stop:
            raise InputError(
                f"{name}: {left.name} ends at {left.stop} and {right.name} begins at "
                f"{right.start + 1}; correct the positions"
            )
    return fields


def _counted(lines: list[str]) -> tuple[str, list[str] | list[bytes]]:
    """Tell whether positions count letters or bytes; bytes are decoded column by column."""
    encoded = [line.encode("utf-8") for line in lines]
    if all(line.isascii() for line in lines):
        return "bytes", encoded
    letters = {len(line) for line in lines[:-1] or lines}
    octets = {len(line) for line in encoded[:-1] or encoded}
    return ("bytes", encoded) if len(octets) == 1 < len(letters) else ("letters", lines)


def _whole(name: str, lengths: list[int], text: str) -> None:
    """Refuse a file whose last record alone is short and has no line end: it was cut there."""
    if len(lengths) > 1 and not text.endswith(("\n", "\r", "\x1a")):
        before = set(lengths[:-1])
        if len(before) == 1 and lengths[-1] < min(before):
            raise InputError(
                f"{name}: the file is cut short: the last record has {lengths[-1]} positions, "
                f"the others {min(before)}; copy it again"
            )


def _matrix(rows: list[str] | list[bytes], width: int) -> np.ndarray:
    """Lay lines under each other: an array of single letters or bytes, padded with zeros."""
    kind = "U" if rows and isinstance(rows[0], str) else "S"
    flat = np.array(rows, dtype=f"{kind}{max(width, 1)}")
    return flat.view(f"{kind}1").reshape(len(rows), max(width, 1))


def _covered(name: str, matrix: np.ndarray, fields: list[Field], layout: str) -> None:
    """Stop at text in positions that the layout does not name: it would vanish silently."""
    free = np.ones(matrix.shape[1], dtype=bool)
    for one in fields:
        free[one.start : one.stop] = False
    blank = np.array(["", " ", "\t"], dtype=matrix.dtype)
    for position in np.flatnonzero(free).tolist():
        filled = int((~np.isin(matrix[:, position], blank)).sum())
        if filled:
            raise InputError(
                f"{name}: position {position + 1} holds text in {filled} records and is not in "
                f"{layout}; correct the layout, or cover what is not used by a row named {FILLER}"
            )


def _column(name: str, matrix: np.ndarray, field: Field) -> Any:
    """Cut one column out and code its texts once per distinct value."""
    part = np.ascontiguousarray(matrix[:, field.start : field.stop])
    texts = part.view(f"{part.dtype.kind}{part.shape[1]}")[:, 0]
    codes, uniques = pd.factorize(texts.astype(object))
    values = [_text(value, name, field) for value in uniques]
    order: dict[str, int] = {}
    for value in values:
        if value:
            order.setdefault(value, len(order))
    target = np.array([order.get(value, -1) for value in values], dtype=np.int64)
    coded = target[codes] if len(codes) else codes
    return pd.Series(pd.Categorical.from_codes(coded, categories=pd.Index(list(order), dtype=str)))


def _text(value: str | bytes, name: str, field: Field) -> str:
    try:
        text = (value.decode("utf-8") if isinstance(value, bytes) else value).strip()
    except UnicodeDecodeError:
        raise InputError(
            f"{name}: column {field.name} cuts a letter in two, so the positions are not those "
            f"of this file; correct the layout"
        ) from None
    if field.decimals and _DIGITS.match(text):
        sign = "-" if text[0] == "-" else ""
        digits = text.lstrip("+-0").zfill(field.decimals + 1)
        return f"{sign}{digits[: -field.decimals]}.{digits[-field.decimals :]}"
    return text
