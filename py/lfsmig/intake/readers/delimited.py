"""Text files with a delimiter: CSV, TSV and their kin, every column coded once per value."""

from __future__ import annotations

import csv
import io
import re

import pyarrow as pa
import pyarrow.csv as pacsv

from lfsmig.errors import InputError
from lfsmig.intake.readers.contract import Content, Delivery
from lfsmig.intake.readers.text import clean, coded_text, decode, unique_names

CANDIDATES = (",", "\t", ";", "|")
_SAMPLE = 65536
# Spreadsheets write their delimiter into a first line of its own.
_HINT = re.compile(r"^sep=(.)\r?\n")


def read_delimited(delivery: Delivery) -> Content:
    """Read a text file whose first line holds the column names."""
    name = delivery.name
    text, encoding = decode(delivery.read(), name, delivery.spec.encoding)
    hint = _HINT.match(text)
    text = (text[hint.end() :] if hint else text).lstrip("\r\n")
    delimiter = _delimiter(delivery, text, hint[1] if hint else None)
    start = text[: max(_SAMPLE, text.find("\n") + 1)]
    reader = csv.reader(io.StringIO(start, newline=""), delimiter=delimiter)
    try:
        names = [clean(one, name, "a column name") for one in next(reader, [])]
    except csv.Error as error:
        raise InputError(f"{name}: the line of column names cannot be read ({error})") from None
    if len(names) < 2:
        raise InputError(
            f"{name}: expected column names parted by {delimiter!r} in the first line, "
            f"found {'one name' if names else 'none'}; set delimiter in the year's mapping"
        )
    unique_names(name, names)
    table = _parse(text, names, delimiter, reader.line_num, name)
    notes: dict[str, object] = {
        "delimiter": delimiter,
        # A file that ends inside its last line may have been cut there.
        "complete_last_line": text.endswith(("\n", "\r")),
    }
    columns = {one: coded_text(table.column(one)) for one in names}
    return Content(columns, table.num_rows, encoding, notes=notes)


def _parse(text: str, names: list[str], delimiter: str, skip: int, file: str) -> pa.Table:
    content = text.encode("utf-8")
    del text
    try:
        return pacsv.read_csv(
            pa.BufferReader(content),
            read_options=pacsv.ReadOptions(column_names=names, skip_rows=skip, use_threads=True),
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
            f"{file}: a row does not fit the column names"
            f"{f' ({counts[0].lower()})' if counts else ''}; export the file again"
        ) from None


def _delimiter(delivery: Delivery, text: str, hint: str | None) -> str:
    """Return the declared delimiter, else the one that parts the first lines evenly."""
    declared = delivery.spec.delimiter
    if declared is not None:
        if len(declared) != 1 or not declared.isascii() or declared in '"\r\n':
            raise InputError(
                f"{delivery.name}: the delimiter {declared!r} cannot be used; "
                "expected one ASCII character in the year's mapping"
            )
        return declared
    if hint is not None:
        return hint
    if delivery.suffix == ".tsv":
        return "\t"
    return sniffed(text, delivery.name)


def sniffed(text: str, name: str) -> str:
    """Find the delimiter that gives the same number of columns in every line of the beginning."""
    sample = text[:_SAMPLE]
    cut = len(sample) < len(text)
    whole = sample[: sample.rfind("\n") + 1] or sample if cut else sample
    even: dict[str, int] = {}
    header: dict[str, int] = {}
    for candidate in CANDIDATES:
        try:
            rows = list(csv.reader(io.StringIO(whole, newline=""), delimiter=candidate))
        except csv.Error:
            continue
        counts = [len(row) for row in rows if row]
        if not counts or counts[0] < 2:
            continue
        header[candidate] = counts[0]
        # A quoted cell may be cut at the end of the sample: that row does not count.
        if len(set(counts[:-1] if cut and len(counts) > 1 else counts)) == 1:
            even[candidate] = counts[0]
    found = even or header
    if not found:
        return CANDIDATES[0]
    most = max(found.values())
    best = [candidate for candidate, count in found.items() if count == most]
    if len(best) > 1:
        raise InputError(
            f"{name}: both {best[0]!r} and {best[1]!r} part the columns evenly; "
            "set delimiter in the year's mapping"
        )
    return best[0]
