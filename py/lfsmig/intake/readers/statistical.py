"""SPSS, Stata and SAS files with their labels and declared missing values."""

from __future__ import annotations

import datetime
import io
import re
import struct
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyreadstat

# read_por and read_xport do not hand on `user_missing` and would turn declared missing values
# into blanks; the function below them takes it for every format.
from pyreadstat._readstat_parser import parser_entry_point

from lfsmig.errors import InputError
from lfsmig.intake.readers.contract import Content, Delivery, plain
from lfsmig.intake.readers.limits import check_cells, inside
from lfsmig.intake.readers.portable import values_before_a_range
from lfsmig.intake.readers.text import (
    FALLBACK_ENCODING,
    clean,
    coded_text,
    one_writing,
    printable,
    unique_names,
)


@dataclass(frozen=True)
class _Kind:
    parser: str
    word: str
    takes_encoding: bool = True


_KINDS = {
    ".sav": _Kind("sav/zsav", "SPSS"),
    ".zsav": _Kind("sav/zsav", "SPSS"),
    ".por": _Kind("por", "SPSS portable", takes_encoding=False),
    ".dta": _Kind("dta", "Stata"),
    ".sas7bdat": _Kind("sas7bdat", "SAS"),
    ".xpt": _Kind("xport", "SAS transport"),
}


def read_statistical(delivery: Delivery) -> Content:
    """Read a file of a statistics package: its own encoding first, then the declared or CP874."""
    kind = _KINDS[delivery.suffix]
    delivery = _stata_18(delivery)
    limit_rows = _guard(delivery)
    if not _ends_well(delivery):
        raise InputError(
            f"{delivery.name}: the file is cut short: it does not end as a {kind.word} file does; "
            "copy it again from the source"
        )
    tries: list[str | None] = [None]
    if kind.takes_encoding:
        tries.append(delivery.spec.encoding or FALLBACK_ENCODING)
    problem: Exception | None = None
    for encoding in tries:
        try:
            columns, meta = _parsed(delivery, kind, encoding, limit_rows)
        except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, UnicodeDecodeError) as error:
            problem = error
            if _about_encoding(error):
                continue
            break
        except Exception as error:
            # The reader meets a damaged file with whatever comes first (ValueError, MemoryError…).
            problem = error
            break
        if any("\ufffd" in str(name) for name in columns):
            problem = UnicodeError("column names hold replacement characters")
            continue
        return _content(delivery, columns, meta, encoding, limit_rows)
    raise _refusal(delivery, kind, problem)


def _parsed(delivery: Delivery, kind: _Kind, encoding: str | None, limit_rows: int) -> Any:
    def parse(dates: bool) -> Any:
        # What the file declares as missing has codes too: what they mean the mapping decides.
        return parser_entry_point(
            delivery.path if delivery.content is None else io.BytesIO(delivery.content),
            parser_format=kind.parser,
            encoding=encoding,
            disable_datetime_conversion=not dates,
            output_format="dict",
            user_missing=True,
            row_limit=limit_rows,
        )

    try:
        return parse(dates=True)
    except (OverflowError, ValueError) as error:
        if isinstance(error, UnicodeError):
            raise
        # A number in a column of dates that is none: it stays a number, for the mapping to name.
        return parse(dates=False)


def _refusal(delivery: Delivery, kind: _Kind, problem: Exception | None) -> InputError:
    name = delivery.name
    if problem is not None and _about_encoding(problem):
        if not kind.takes_encoding:
            return InputError(
                f"{name}: the text of a portable file cannot be told; save it as .sav in SPSS"
            )
        return InputError(
            f"{name}: text is neither in the file's own encoding nor in "
            f"{delivery.spec.encoding or FALLBACK_ENCODING}; give the right one as encoding in "
            "the year's mapping"
        )
    words = printable(str(problem).strip().splitlines()[0]) if str(problem).strip() else "no reason"
    return InputError(
        f"{name}: this is not a readable {kind.word} file, perhaps cut short ({words}); "
        "copy it again from the source"
    )


def _about_encoding(error: Exception) -> bool:
    return isinstance(error, UnicodeError) or bool(
        re.search("encoding|convert string|codec", str(error), re.IGNORECASE)
    )


# Formats 120 and 121 of Stata 18 are 118 and 119 with alias variables; the library knows those.
_STATA_18 = {b"<release>120<": b"<release>118<", b"<release>121<": b"<release>119<"}
_ALIAS = 65525
_TYPES = re.compile(rb"<variable_types>(.*?)</variable_types>", re.DOTALL)


def _stata_18(delivery: Delivery) -> Delivery:
    """Let a Stata 18 file be read as what it is but for alias variables, and refuse these.

    Source of the formats: Stata's help on dta_120 and dta_121.
    """
    release = delivery.head(64)[19:32] if delivery.suffix == ".dta" else b""
    if release not in _STATA_18:
        return delivery
    content = delivery.read()
    types = _TYPES.search(content)
    order = "<" if b"<byteorder>LSF" in content[:200] else ">"
    known = types[1] if types and len(types[1]) % 2 == 0 else b""
    if _ALIAS in np.frombuffer(known, dtype=f"{order}u2"):
        raise InputError(
            f"{delivery.name}: holds alias variables of Stata 18, whose values stand in another "
            "frame and not in the file; make them variables in Stata (generate), save it again"
        )
    return replace(delivery, content=content.replace(release, _STATA_18[release], 1))


def _guard(delivery: Delivery) -> int:
    """Refuse a small file that unpacks to a huge table; return the most rows to read, 0 for all.

    Only .zsav and .sas7bdat are packed tightly enough for that: the head of the one says how many
    records and values follow, the reader of the other tells without reading them.
    """
    if delivery.suffix in (".sav", ".zsav"):
        head = delivery.head(84)
        for order in "<>":
            if len(head) == 84 and struct.unpack(f"{order}i", head[64:68])[0] in (2, 3):
                values, packed, _, rows = struct.unpack(f"{order}4i", head[68:84])
                check_cells(delivery.name, max(rows, 0), max(values, 1), delivery.limit)
                # The number of records need not be stated.
                return delivery.limit // (8 * max(values, 1)) if packed == 2 and rows < 0 else 0
    elif delivery.suffix == ".sas7bdat":
        try:
            _, meta = pyreadstat.read_sas7bdat(
                delivery.path if delivery.content is None else io.BytesIO(delivery.content),
                metadataonly=True,
            )
        except Exception:
            return 0
        rows, columns = int(meta.number_rows or 0), int(meta.number_columns or 0)
        check_cells(delivery.name, rows, columns, delivery.limit)
    return 0


def _ends_well(delivery: Delivery) -> bool:
    """Tell whether the end is there, where the reader below would not miss it."""
    with delivery.open() as stream:
        size = stream.seek(0, io.SEEK_END)
        stream.seek(max(0, size - 100))
        tail = stream.read()
    if delivery.suffix == ".xpt":
        return size % 80 == 0
    if delivery.suffix == ".por":
        # The end of data is a Z, and the last line is filled up with it to 80 letters.
        lines = tail.replace(b"\r", b"").rstrip(b"\n\x1a").split(b"\n")
        return lines[-1].endswith(b"Z") and (len(lines) == 1 or len(lines[-1]) == 80)
    if delivery.suffix == ".dta" and delivery.head(11) == b"<stata_dta>":
        return tail.rstrip(b"\0").endswith(b"</stata_dta>")
    return True


def _content(
    delivery: Delivery, columns: dict[str, Any], meta: Any, encoding: str | None, limit_rows: int
) -> Content:
    name = delivery.name
    rows = len(next(iter(columns.values()), []))
    if limit_rows and rows >= limit_rows:
        check_cells(name, rows + 1, len(columns), delivery.limit)
    declared = getattr(meta, "number_rows", None)
    if declared is not None and declared != rows:
        raise InputError(
            f"{name}: the file is cut short: it announces {declared} records and "
            f"holds {rows}; copy it again"
        )
    names = {str(one): clean(str(one), name, "a column name") for one in columns}
    unique_names(name, names.values())
    kinds = getattr(meta, "readstat_variable_types", {})
    lettered = getattr(meta, "missing_user_values", None) or {}
    # The reader hands over lists, which cost half the time of its data frame.
    arrays = {
        names[str(one)]: _with_letters(values)
        if one in lettered
        else _array(values, kinds.get(one) == "string")
        for one, values in columns.items()
    }
    used = encoding or getattr(meta, "file_encoding", None) or "utf-8"
    title = clean(str(getattr(meta, "file_label", "") or ""), name, "the title of the file")
    return Content(
        arrays,
        rows,
        str(used).lower(),
        labels=_labels(name, names, meta),
        value_labels=_value_labels(delivery, names, meta),
        missing=_missing(delivery, names, meta),
        title=title,
        notes=_notes(meta),
    )


def _array(values: list[Any], text: bool) -> Any:
    """Make an array of text or of numbers; dates become ISO text, coded once per value."""
    first = next((value for value in values if value is not None), None)
    if isinstance(first, datetime.date | datetime.time):
        texts = [
            value.isoformat()
            if hasattr(value, "isoformat")
            else None
            if value is None
            else plain(value)
            for value in values
        ]
        return coded_text(pa.chunked_array([pa.array(texts, pa.string()).dictionary_encode()]))
    return np.array(values, dtype=object if text else float)


def _with_letters(values: list[Any]) -> np.ndarray:
    """Numbers with the missing values .a to .z of Stata and SAS among them, as letters."""
    return np.array(
        [
            np.nan
            if value is None
            else _letter(value)
            if isinstance(value, str)
            else value.isoformat()
            if hasattr(value, "isoformat")
            else float(value)
            for value in values
        ],
        dtype=object,
    )


def _letter(value: str) -> str:
    return f".{value.lower()}"


def _labels(file: str, names: dict[str, str], meta: Any) -> dict[str, str]:
    found = getattr(meta, "column_names_to_labels", None) or {}
    return {
        names[one]: clean(label, file, f"the label of {names[one]}")
        for one, label in found.items()
        if label and one in names
    }


def _value_labels(
    delivery: Delivery, names: dict[str, str], meta: Any
) -> dict[str, dict[str, str]]:
    found = dict(getattr(meta, "variable_value_labels", None) or {})
    if delivery.spec.catalog is not None:
        found |= _from_catalog(delivery, meta)
    lettered = getattr(meta, "missing_user_values", None) or {}
    labels: dict[str, dict[str, str]] = {}
    for one, codes in found.items():
        if one not in names:
            continue
        where = f"a label of {names[one]}"
        labels[names[one]] = {
            _code(code, one in lettered): clean(str(label), delivery.name, where)
            for code, label in codes.items()
        }
    return labels


def _code(code: object, lettered: bool) -> str:
    if isinstance(code, str):
        return (
            _letter(code) if lettered and len(code) == 1 and code.isalpha() else one_writing(code)
        )
    return plain(code)


def _from_catalog(delivery: Delivery, meta: Any) -> dict[str, dict[Any, str]]:
    """Value labels of SAS stand in a catalogue of their own, under the name of a format."""
    name = str(delivery.spec.catalog)
    path = inside(delivery.path.parent, name)
    if not path.is_file():
        raise InputError(
            f"{name}: the catalogue of labels is missing; put it beside {delivery.name}, or "
            "correct catalog in the year's mapping"
        )
    try:
        _, catalog = pyreadstat.read_sas7bcat(path, encoding=delivery.spec.encoding)
    except Exception as error:
        raise InputError(
            f"{name}: this is not a readable SAS catalogue ({printable(str(error))}); "
            "copy it again from the source"
        ) from None
    formats = {key.upper(): labels for key, labels in catalog.value_labels.items()}
    used = meta.variable_to_label or {}
    return {one: formats[key.upper()] for one, key in used.items() if key.upper() in formats}


def _missing(delivery: Delivery, names: dict[str, str], meta: Any) -> dict[str, list[str]]:
    """Return what the file declares as missing: SPSS codes and ranges, letters of Stata and SAS."""
    declared: dict[str, list[str]] = {}
    for one, ranges in (getattr(meta, "missing_ranges", None) or {}).items():
        declared[names[one]] = [
            plain(part["lo"])
            if part["lo"] == part["hi"]
            else f"{plain(part['lo'])}-{plain(part['hi'])}"
            for part in ranges
        ]
        if delivery.suffix == ".por" and any(part["lo"] != part["hi"] for part in ranges):
            lost = [plain(value) for value in values_before_a_range(delivery.read(), one)]
            declared[names[one]] = [*(v for v in lost if v not in declared[names[one]]),
                                    *declared[names[one]]]  # fmt: skip
    for one, letters in (getattr(meta, "missing_user_values", None) or {}).items():
        declared[names[one]] = sorted(_letter(letter) for letter in letters)
    return declared


def _notes(meta: Any) -> dict[str, object]:
    written: Any = getattr(meta, "creation_time", None)
    return {"written": written.isoformat()} if hasattr(written, "isoformat") else {}
