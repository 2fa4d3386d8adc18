"""Damaged, misnamed and wrongly encoded files of every format give one line."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from foreign import FRAME, WRITERS, foreign, text_of, write, zipped
from openpyxl import Workbook
from test_bad_files import line_of
from test_formats import LAYOUT, fixed, read

from lfsmig.intake.readers import FORMATS

BINARY = [".sav", ".zsav", ".por", ".dta", ".xpt", ".xlsx", ".parquet"]


def whole(folder: Path, suffix: str) -> bytes:
    if suffix == ".sas7bdat":
        return foreign(folder, "hadley.sas7bdat").read_bytes()
    return write(folder / f"whole{suffix}").read_bytes()


@pytest.mark.parametrize("keep", [0.3, 0.7, 0.97])
@pytest.mark.parametrize("suffix", [*BINARY, ".sas7bdat", ".csv.gz", ".sav.gz", ".csv.zip"])
def test_cut_file(tmp_path: Path, suffix: str, keep: float) -> None:
    content = whole(tmp_path, suffix)
    path = tmp_path / f"a{suffix}"
    size = int(len(content) * keep)
    # Records of 80 bytes: a transport file does not say how many there are.
    path.write_bytes(content[: size - (size % 80 == 0)])
    text = line_of(lambda: read(path))
    assert text.startswith(f"a{suffix}") and "cut short" in text


@pytest.mark.parametrize("suffix", [*BINARY, ".sas7bdat"])
@pytest.mark.parametrize("ending", [".csv", ".sav", ".xlsx", ".dta"])
def test_renamed_file(tmp_path: Path, suffix: str, ending: str) -> None:
    if FORMATS[suffix] is FORMATS[ending]:
        return
    path = tmp_path / f"a{ending}"
    path.write_bytes(whole(tmp_path, suffix))
    text = line_of(lambda: read(path))
    shown = next(end for end, kind in FORMATS.items() if kind is FORMATS[suffix])
    assert f"a {FORMATS[suffix].name} file; rename it to end in {shown}" in text


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (gzip.compress(b"A,B\n1,2\n", mtime=0), "a .gz"),
        (b"\xd0\xcf\x11\xe0" + bytes(600), "an old Excel"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"\n<!DOCTYPE html><html>", "an HTML"),
    ],
)
def test_other_things_under_the_name_of_a_table(tmp_path: Path, content: bytes, what: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    assert f"this is {what}" in line_of(lambda: read(tmp_path / "a.csv"))


def test_a_zipped_copy_under_the_name_of_a_table(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.csv", "w") as archive:
        archive.writestr("b.csv", "A,B\n1,2\n")
    assert "by its content this is a .zip file" in line_of(lambda: read(tmp_path / "a.csv"))


@pytest.mark.parametrize("suffix", [".sav", ".por", ".dta", ".xpt", ".xlsx", ".parquet"])
def test_text_under_the_name_of_a_binary_format(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a{suffix}").write_text(text_of(FRAME), encoding="utf-8")
    assert "not a readable" in line_of(lambda: read(tmp_path / f"a{suffix}"))


@pytest.mark.parametrize(
    ("content", "spec", "expected"),
    [
        ("A,B\ncafé,1\n".encode("latin-1"), {}, "reads as no Thai in cp874"),
        ("A,B\n\ufffd,1\n".encode(), {}, "replacement"),
        ("A,B\nชาย,1\n".encode().decode("latin-1").encode(), {}, "encoded twice"),
        ("A,B\nชาย,1\n".encode("utf-16")[:-3], {}, "does not hold to it"),
        ("A,B\nชาย,1\n".encode("cp874"), {"encoding": "ascii"}, "neither UTF-8 nor ascii"),
        (b"A,B\n1,2\n\xff\n", {"encoding": "thai-874"}, "unknown encoding thai-874"),
        (b"A,B\n1,2\n", {"delimiter": "::"}, "expected one ASCII character"),
        (b"A,B\n1,2\n", {"delimiter": ";"}, "found one name"),
    ],
)
def test_wrong_encoding_or_delimiter(
    tmp_path: Path, content: bytes, spec: dict[str, object], expected: str
) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    assert expected in line_of(lambda: read(tmp_path / "a.csv", **spec))


def row(**fields: object) -> list[dict[str, str]]:
    return [*LAYOUT[:1], {key: str(value) for key, value in fields.items()}]


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ([], "names no column"),
        (row(name="B", start="x", end=4), "layout.csv:3: expected name, start"),
        (row(name="B", start=0, end=4), "the first position of a line is 1"),
        (row(name="B", start=4, end=3), "positions 4 to 3 cannot be"),
        (row(name="B", start=2, end=4), "CWT ends at 2 and B begins at 2"),
        (row(name="CWT", start=3, end=4), "CWT stands twice"),
        (row(name="B", start=4, end=14), "position 3 holds text in 2 records"),
    ],
)
def test_layouts(tmp_path: Path, layout: list[dict[str, str]], expected: str) -> None:
    content = b"10water x12345\n84ab    x00005\n"
    assert expected in line_of(lambda: fixed(tmp_path, content, layout))


def test_cut_fixed_width_file(tmp_path: Path) -> None:
    content = b"10water x12345\n84ab    x00005\n20Japan x000"
    assert "cut short: the last record has 12 positions, the others 14" in line_of(
        lambda: fixed(tmp_path, content)
    )


def test_fixed_width_of_another_layout(tmp_path: Path) -> None:
    lines = [b"10" + name.ljust(6) + b" 12345" for name in ("ก".encode(), "กข".encode(), b"ab")]
    shifted = [
        LAYOUT[0],
        {"name": "N", "start": "3", "end": "7"},
        {"name": "-", "start": "8", "end": "14"},
    ]
    assert "cuts a letter in two" in line_of(
        lambda: fixed(tmp_path, b"\n".join(lines) + b"\n", shifted)
    )


def workbook(fill: Callable[[Workbook], None]) -> bytes:
    book, out = Workbook(), io.BytesIO()
    fill(book)
    book.save(out)
    return out.getvalue()


def _formula(book: Workbook) -> None:
    book.active.append(["A", "B"])
    book.active.append([1, "=1+1"])


def _two_sheets(book: Workbook) -> None:
    for sheet in (book.active, book.create_sheet("ข้อมูล")):
        sheet.append(["A", "B"])
        sheet.append([1, 2])


def _failed(book: Workbook) -> None:
    book.active.append(["A", "B"])
    book.active.append([1, "#REF!"])  # openpyxl makes it an error cell


@pytest.mark.parametrize(
    ("fill", "expected"),
    [
        (_formula, "holds formulas"),
        (_two_sheets, "several sheets hold something (Sheet, ข้อมูล)"),
        (_failed, "a failed calculation such as #REF!"),
        (lambda book: None, "is empty"),
        (lambda book: book.active.append(["A", None, "B"]), "column 2 has no name"),
        (lambda book: book.active.append(["A", "B"]), "holds no records"),
    ],
)
def test_workbooks(tmp_path: Path, fill: Callable[[Workbook], None], expected: str) -> None:
    (tmp_path / "a.xlsx").write_bytes(workbook(fill))
    assert expected in line_of(lambda: read(tmp_path / "a.xlsx"))


def test_a_sheet_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(workbook(_two_sheets))
    assert "no sheet Data" in line_of(lambda: read(tmp_path / "a.xlsx", sheet="Data"))


def test_nested_parquet(tmp_path: Path) -> None:
    pd.DataFrame({"A": [[1, 2]], "B": [1]}).to_parquet(tmp_path / "a.parquet")
    assert "column A is of the type list" in line_of(lambda: read(tmp_path / "a.parquet"))


@pytest.mark.parametrize(
    ("members", "spec", "expected"),
    [
        ({"a.csv": b"A,B\n1,2\n", "b.csv": b"A,B\n1,2\n"}, {}, "which holds a.csv, b.csv"),
        ({"read.me": b"x"}, {}, "expected one data file"),
        ({"a.csv": b"A,B\n1,2\n"}, {"member": "c.csv"}, "expected one file named c.csv"),
        ({}, {}, "which holds nothing"),
        ({"b.zip": b"PK"}, {}, "expected one data file"),
    ],
)
def test_archives(
    tmp_path: Path, members: dict[str, bytes], spec: dict[str, str], expected: str
) -> None:
    (tmp_path / "a.zip").write_bytes(zipped(members))
    assert expected in line_of(lambda: read(tmp_path / "a.zip", **spec))


def test_damaged_member(tmp_path: Path) -> None:
    content = bytearray(zipped({"a.csv": b"A,B\n" + b"1,2\n" * 400}))
    content[45] ^= 0xFF
    (tmp_path / "a.zip").write_bytes(bytes(content))
    assert "cannot be unpacked" in line_of(lambda: read(tmp_path / "a.zip"))


def test_locked_archive(tmp_path: Path) -> None:
    content = bytearray(zipped({"a.csv": b"A,B\n1,2\n"}))
    # The flag of encryption, in the entry and in the directory.
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(bytes(content))
    assert "locked with a password" in line_of(lambda: read(tmp_path / "a.zip"))


def test_catalogue_that_is_not_there(tmp_path: Path) -> None:
    path = foreign(tmp_path, "hadley.sas7bdat")
    assert "put it beside" in line_of(lambda: read(path, catalog="formats.sas7bcat"))
    (tmp_path / "formats.sas7bcat").write_bytes(b"nothing")
    assert "not a readable SAS catalogue" in line_of(lambda: read(path, catalog="formats.sas7bcat"))


def test_every_writer_is_a_format() -> None:
    assert set(WRITERS) <= set(FORMATS)
