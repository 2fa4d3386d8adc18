"""The table of formats: which ending is read by which reader, and how each begins.

A new format is one function from a `Delivery` to a `Content` and one line here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lfsmig.errors import InputError
from lfsmig.intake.readers.columnar import read_parquet
from lfsmig.intake.readers.contract import Content, Delivery
from lfsmig.intake.readers.delimited import read_delimited
from lfsmig.intake.readers.fixed import read_fixed
from lfsmig.intake.readers.statistical import read_statistical
from lfsmig.intake.readers.workbook import read_workbook

Reader = Callable[[Delivery], Content]


@dataclass(frozen=True)
class Format:
    """One format: its name, its reader and a pattern that its files match (None: any text)."""

    name: str
    read: Reader
    begins: Callable[[bytes], bool] | None = None


_SAS = bytes.fromhex("000000000000000000000000c2ea8160b31411cfbd92080009c7318c181f1011")


# A workbook is an archive whose first member has one of these names.
_ZIP = b"PK\x03\x04"
_OFFICE = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"xl/")


def _zipped(head: bytes) -> bool:
    return head.startswith(_ZIP) and not head[30:].startswith(_OFFICE)


def _spss(head: bytes) -> bool:
    return head.startswith((b"$FL2", b"$FL3"))


def _portable(head: bytes) -> bool:
    # Lines are broken anywhere, and the first 200 characters are in several codes.
    return b"SPSS PORT FILE" in head.replace(b"\r", b"").replace(b"\n", b"")


def _stata(head: bytes) -> bool:
    # Format 113 is Stata 8, 114 and 115 are 10 to 12; from 13 on the file opens with a tag.
    return head.startswith(b"<stata_dta>") or (
        len(head) > 3 and head[0] in range(104, 116) and head[1] in (1, 2) and head[2] == 1
    )


SPSS = Format("SPSS", read_statistical, _spss)
DELIMITED = Format("CSV", read_delimited)
FIXED = Format("fixed width", read_fixed)

FORMATS: dict[str, Format] = {
    ".sav": SPSS,
    ".zsav": SPSS,
    ".por": Format("SPSS portable", read_statistical, _portable),
    ".dta": Format("Stata", read_statistical, _stata),
    ".sas7bdat": Format("SAS", read_statistical, lambda head: head.startswith(_SAS)),
    ".xpt": Format(
        "SAS transport", read_statistical, lambda head: head.startswith(b"HEADER RECORD*******LIB")
    ),
    ".csv": DELIMITED,
    ".tsv": Format("TSV", read_delimited),
    ".txt": Format("text", read_delimited),
    ".dat": Format("text", read_delimited),
    ".xlsx": Format("Excel", read_workbook, lambda head: head.startswith(_ZIP)),
    # The same archive with macros beside the sheets, which nothing here runs.
    ".xlsm": Format("Excel", read_workbook, lambda head: head.startswith(_ZIP)),
    ".parquet": Format("Parquet", read_parquet, lambda head: head.startswith(b"PAR1")),
}
# Files that are often sent under a wrong ending, beside those of the table.
_OTHERS: dict[str, Callable[[bytes], bool]] = {
    "a .zip": _zipped,
    "a .gz": lambda head: head.startswith(b"\x1f\x8b"),
    "an old Excel (.xls)": lambda head: head.startswith(b"\xd0\xcf\x11\xe0"),
    "a PDF": lambda head: head.startswith(b"%PDF"),
    "an HTML": lambda head: head.lstrip().lower().startswith((b"<!doctype html", b"<html")),
}
_HEAD = 1024


def format_of(delivery: Delivery) -> Format:
    """Return the format of a file by its ending, and refuse one whose content is another.

    Raises
    ------
    InputError
        The ending is unknown, or the file begins as one of another format.
    """
    name, suffix = delivery.name, delivery.suffix
    if delivery.spec.layout is not None:
        found = FIXED
    elif suffix in FORMATS:
        found = FORMATS[suffix]
    else:
        raise InputError(
            f"{name}: unknown format {suffix or 'without a suffix'}; "
            f"expected one of {', '.join(FORMATS)}, each also as .gz or .zip; "
            "fixed width needs a layout in the year's mapping"
        )
    head = delivery.head(_HEAD)
    if found.begins is not None and found.begins(head):
        return found
    for ending, other in FORMATS.items():
        if other is not found and other.begins is not None and other.begins(head):
            if _zipped(head):
                break
            raise InputError(
                f"{name}: by its content this is a {other.name} file; rename it to end in "
                f"{ending}, and correct files in the year's mapping"
            )
    for what, begins in _OTHERS.items():
        if begins(head):
            raise InputError(
                f"{name}: by its content this is {what} file, not {found.name}; "
                "export it again in that format"
            )
    if found.begins is not None:
        raise InputError(
            f"{name}: this is not a readable {found.name} file, perhaps cut short (it does not "
            "begin as one); copy it again from the source"
        )
    return found
