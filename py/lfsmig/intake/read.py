"""Opens a raw file of any delivered format and says plainly what is wrong with one that fails.

The readers stand in `lfsmig.intake.readers`, one per family of formats; here is what holds for all
of them: the place of the file, its size, zipped copies, the checks of text, and the receipt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from lfsmig.errors import InputError
from lfsmig.intake.readers import FORMATS, format_of
from lfsmig.intake.readers.archive import SUFFIXES, unzip
from lfsmig.intake.readers.contract import Delivery
from lfsmig.intake.readers.limits import check_size, inside
from lfsmig.intake.readers.text import check_names, check_values, printable
from lfsmig.params.mapping import RawFile


@dataclass(frozen=True)
class RawTable:
    """One file as read: columns under the names of the file, and what the file says of them.

    Attributes
    ----------
    name
        What messages call the file.
    columns
        Arrays of numbers or objects, or categoricals, one entry per record.
    rows
        Number of records.
    facts
        For the receipt: format, encoding, size, sha256, storage of each column.
    title
        Title inside the file.
    labels
        Variable labels by column (NFC).
    value_labels
        Value labels by column and code, codes as a person writes them: "1", ".a".
    missing
        Codes and ranges that the file declares as missing, by column.
    """

    name: str
    columns: dict[str, Any]
    rows: int
    facts: dict[str, object]
    title: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    value_labels: dict[str, dict[str, str]] = field(default_factory=dict)
    missing: dict[str, list[str]] = field(default_factory=dict)


def read_raw(
    folder: Path, spec: RawFile, layout: Sequence[Mapping[str, str]] | None = None
) -> RawTable:
    """Read one file of a year's folder.

    Parameters
    ----------
    folder
        Folder of the year's files.
    spec
        The file's entry in the year's mapping.
    layout
        Rows of the layout table that `spec.layout` names.

    Raises
    ------
    InputError
        The file is missing, too large, damaged, of another format, or holds text that acts.
    """
    path = inside(folder, spec.path)
    if not path.is_file():
        raise InputError(_missing(folder, spec.path))
    delivery = _delivered(path, spec, layout)
    kind = format_of(delivery)
    content = kind.read(delivery)
    name = delivery.name
    if not content.rows:
        raise InputError(f"{name}: the file holds no records; expected one row per person")
    check_names(name, content.columns)
    for column, values in content.columns.items():
        check_values(name, column, _distinct_texts(values))
    facts = {
        "name": name,
        "format": kind.name,
        "encoding": content.encoding,
        "rows": content.rows,
        "columns": len(content.columns),
        "size": path.stat().st_size,
        "sha256": sha256_of(path),
        "types": {column: _storage(values) for column, values in content.columns.items()},
        **content.notes,
    }
    return RawTable(
        name,
        content.columns,
        content.rows,
        facts,
        content.title,
        content.labels,
        content.value_labels,
        content.missing,
    )


def sha256_of(path: Path) -> str:
    """Return the hash that names a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _delivered(path: Path, spec: RawFile, layout: Sequence[Mapping[str, str]] | None) -> Delivery:
    """Find the data file: the file itself, or the one inside a zipped copy."""
    name = printable(spec.path)
    suffix = path.suffix.lower()
    limit = Delivery(name, suffix, spec, path).limit
    check_size(name, path.stat().st_size, limit)
    if suffix not in SUFFIXES:
        return Delivery(name, suffix, spec, path, layout=layout)
    known = set(FORMATS) | ({PurePosixPath(spec.member).suffix} if spec.member else set())
    inner, content = unzip(path, name, spec.member, known, limit)
    suffix = PurePosixPath(inner).suffix.lower()
    if path.suffix.lower() == ".zip":
        name = f"{name}/{printable(inner)}"
    return Delivery(name, suffix, spec, path, content, layout)


def _missing(folder: Path, name: str) -> str:
    if not folder.is_dir():
        return f"{name}: the folder {folder.name} of the year is missing in {folder.parent}"
    there = sorted(printable(path.name) for path in folder.iterdir() if path.is_file())
    shown = ", ".join(there[:6]) + (", …" if len(there) > 6 else "") or "nothing"
    return (
        f"{name}: the file is missing in the folder {folder.name}, which holds {shown}; "
        "put it there, or correct files in the year's mapping"
    )


def _distinct_texts(values: Any) -> Sequence[object]:
    if isinstance(values.dtype, pd.CategoricalDtype):
        return list(values.cat.categories)
    return list(pd.unique(values)) if values.dtype == object else []


def _storage(values: Any) -> str:
    if isinstance(values.dtype, pd.CategoricalDtype):
        return "untyped"
    if pd.api.types.is_numeric_dtype(values):
        return "number"
    # Numbers stand in an array of objects where letters for missing are among them.
    return "text" if pd.api.types.infer_dtype(values) in ("string", "empty") else "number"
