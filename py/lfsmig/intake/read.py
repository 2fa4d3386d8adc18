"""Opens a raw file of any delivered format and says plainly what is wrong with one that fails.

Text is decoded strictly: UTF-8 first, then the declared encoding or CP874 (Thai). Latin-1 is
never tried, since it accepts every byte and turns Thai into nonsense without a word.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyreadstat

from lfsmig.errors import InputError
from lfsmig.params.mapping import RawFile

FORMATS = {
    ".sav": "SPSS",
    ".zsav": "SPSS",
    ".dta": "Stata",
    ".csv": "CSV",
    ".tsv": "TSV",
}
FALLBACK_ENCODING = "cp874"


@dataclass(frozen=True)
class RawTable:
    """One file as read: columns under the names of the file, and the facts for the receipt."""

    name: str
    columns: dict[str, Any]
    rows: int
    facts: dict[str, object]
    title: str = ""


def suffix_of(path: Path) -> str:
    """Return the format's suffix, without `.gz`."""
    suffixes = [part.lower() for part in path.suffixes]
    if suffixes[-1:] == [".gz"]:
        suffixes = suffixes[:-1]
    return suffixes[-1] if suffixes else ""


def read_raw(folder: Path, spec: RawFile) -> RawTable:
    """Read one file of a year's folder."""
    path = folder / spec.path
    if not path.is_file():
        raise InputError(_missing(folder, spec.path))
    suffix = suffix_of(path)
    if suffix not in FORMATS:
        raise InputError(
            f"{spec.path}: unknown format {suffix or 'without a suffix'}; "
            f"expected one of {', '.join(FORMATS)} (CSV and TSV may end in .gz)"
        )
    title = ""
    if FORMATS[suffix] in ("SPSS", "Stata"):
        _ends_as_it_begins(path, spec)
        columns, rows, encoding, title = _read_statistical(path, spec, FORMATS[suffix])
    else:
        delimiter = "\t" if suffix == ".tsv" else spec.delimiter
        columns, rows, encoding = _read_delimited(path, spec, delimiter)
    if not rows:
        raise InputError(f"{spec.path}: the file holds no records; expected one row per person")
    facts = {
        "name": spec.path,
        "format": FORMATS[suffix],
        "encoding": encoding,
        "rows": rows,
        "columns": len(columns),
        "size": path.stat().st_size,
        "sha256": sha256_of(path),
        "types": {name: _storage(values) for name, values in columns.items()},
    }
    return RawTable(spec.path, columns, rows, facts, title)


def _ends_as_it_begins(path: Path, spec: RawFile) -> None:
    """Refuse a Stata file without its end: records come first, so a reader may not miss it."""
    with path.open("rb") as stream:
        begins = stream.read(11) == b"<stata_dta>"
        stream.seek(max(path.stat().st_size - 64, 0))
        ends = b"</stata_dta>" in stream.read()
    if begins and not ends:
        raise InputError(f"{spec.path}: the file is cut short: it has no end; copy it again")


def sha256_of(path: Path) -> str:
    """Return the hash that names a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _missing(folder: Path, name: str) -> str:
    if not folder.is_dir():
        return f"{name}: the folder {folder.name} of the year is missing in {folder.parent}"
    there = sorted(path.name for path in folder.iterdir() if path.is_file())
    shown = ", ".join(there[:6]) + (", …" if len(there) > 6 else "") or "nothing"
    return (
        f"{name}: the file is missing in the folder {folder.name}, which holds {shown}; "
        "put it there, or correct files in the year's mapping"
    )


def _storage(values: Any) -> str:
    if isinstance(values.dtype, pd.CategoricalDtype):
        return "untyped"
    if pd.api.types.is_numeric_dtype(values):
        return "number"
    # Numbers stand in an array of objects where letters for missing are among them.
    return "text" if pd.api.types.infer_dtype(values) in ("string", "empty") else "number"


def _read_statistical(path: Path, spec: RawFile, kind: str) -> tuple[dict[str, Any], int, str, str]:
    """Read SPSS or Stata: the file's own encoding first, then the declared one or CP874."""
    reader = pyreadstat.read_dta if kind == "Stata" else pyreadstat.read_sav
    problem: Exception | None = None
    tries: list[str | None] = [None]
    tries.append(spec.encoding or FALLBACK_ENCODING)
    for encoding in tries:
        try:
            # What the file declares as missing has codes too: what they mean the mapping decides.
            columns, meta = reader(
                path,
                encoding=encoding,
                disable_datetime_conversion=True,
                output_format="dict",
                user_missing=True,
            )
        except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, UnicodeDecodeError) as error:
            problem = error
            if _about_encoding(error):
                continue
            break
        except Exception as error:
            # The reader meets a damaged file with whatever comes first (ValueError, MemoryError…).
            problem = error
            break
        rows = len(next(iter(columns.values()), []))
        declared = getattr(meta, "number_rows", None)
        if declared is not None and declared != rows:
            raise InputError(
                f"{spec.path}: the file is cut short: it announces {declared} records and "
                f"holds {rows}; copy it again"
            )
        if any("\ufffd" in str(name) for name in columns):
            problem = UnicodeError("column names hold replacement characters")
            continue
        used = encoding or getattr(meta, "file_encoding", None) or "utf-8"
        title = str(getattr(meta, "file_label", "") or "")
        kinds = getattr(meta, "readstat_variable_types", {})
        # The reader hands over lists, which cost half the time of its data frame.
        lettered = getattr(meta, "missing_user_values", None) or {}
        arrays = {
            str(name): _with_letters(values)
            if name in lettered
            else np.array(values, dtype=object if kinds.get(name) == "string" else float)
            for name, values in columns.items()
        }
        return arrays, rows, str(used).lower(), title
    if problem is not None and _about_encoding(problem):
        raise InputError(
            f"{spec.path}: text is neither in the file's own encoding nor in "
            f"{spec.encoding or FALLBACK_ENCODING}; give the right one as encoding in the "
            "year's mapping"
        )
    words = str(problem).strip().splitlines()[0] if str(problem).strip() else "unknown reason"
    raise InputError(
        f"{spec.path}: this is not a readable {kind} file, perhaps cut short ({words}); "
        "copy it again from the source"
    )


def _with_letters(values: list[Any]) -> np.ndarray:
    """Numbers with Stata's missing values .a to .z among them, which keep their letters."""
    return np.array(
        [
            np.nan if value is None else f".{value}" if isinstance(value, str) else float(value)
            for value in values
        ],
        dtype=object,
    )


def _about_encoding(error: Exception) -> bool:
    return isinstance(error, UnicodeError) or bool(
        re.search("encoding|convert string|codec", str(error), re.IGNORECASE)
    )


def _read_delimited(path: Path, spec: RawFile, delimiter: str) -> tuple[dict[str, Any], int, str]:
    """Read CSV or TSV as text, every column coded once per distinct value."""
    try:
        content = path.read_bytes()
        if path.suffix.lower() == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"{spec.path}: cannot be unpacked, perhaps cut short ({error}); copy it again"
        ) from None
    text, encoding = _decode(content, spec)
    header = text.lstrip("\r\n").splitlines()[0] if text.strip() else ""
    names = next(csv.reader([header], delimiter=delimiter), [])
    names = [name.strip() for name in names]
    if len(names) < 2:
        raise InputError(
            f"{spec.path}: expected column names parted by {delimiter!r} in the first line, "
            "found one name; set delimiter in the year's mapping"
        )
    _no_twins(spec.path, names)
    try:
        table = pacsv.read_csv(
            io.BytesIO(text.encode("utf-8")),
            read_options=pacsv.ReadOptions(column_names=names, skip_rows=1, use_threads=True),
            parse_options=pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pacsv.ConvertOptions(
                column_types={name: pa.dictionary(pa.int32(), pa.string()) for name in names},
                strings_can_be_null=True,
                null_values=[""],
            ),
        )
    except pa.ArrowInvalid as error:
        # The parser's own words quote the row: only its numbers may leave this room.
        counts = re.search(r"Expected \d+ columns, got \d+", str(error))
        raise InputError(
            f"{spec.path}: a row does not fit the column names"
            f"{f' ({counts[0].lower()})' if counts else ''}; export the file again"
        ) from None
    columns = {name: table.column(name).to_pandas() for name in names}
    return columns, table.num_rows, encoding


def _decode(content: bytes, spec: RawFile) -> tuple[str, str]:
    tries = ["utf-8-sig", spec.encoding or FALLBACK_ENCODING]
    for encoding in tries:
        try:
            return content.decode(encoding), encoding.removesuffix("-sig")
        except UnicodeDecodeError:
            continue
        except LookupError:
            raise InputError(
                f"{spec.path}: unknown encoding {encoding}; use a name such as utf-8 or cp874"
            ) from None
    raise InputError(
        f"{spec.path}: the text is neither UTF-8 nor {tries[-1]}; "
        "give the right one as encoding in the year's mapping"
    )


def _no_twins(file: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InputError(f"{file}: the column {name} stands twice; expected distinct names")
        seen.add(name)
