"""Files made to do harm are refused with one line, quickly and without filling memory."""

from __future__ import annotations

import gzip
import os
import resource
import struct
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyreadstat
import pytest
from foreign import foreign, text_of, write, zipped
from test_bad_files import line_of
from test_formats import read

from lfsmig.errors import ParameterError
from lfsmig.intake.read import read_raw
from lfsmig.intake.readers.text import check_names, check_values, printable
from lfsmig.params.mapping import RawFile
from lfsmig.params.source import read_document

SMALL = {"max_megabytes": 1}
BLANKS = b"A,B\n" + b"1,2\n" * 700_000


def test_bombs_stop_at_the_limit(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(BLANKS))
    (tmp_path / "a.zip").write_bytes(zipped({"a.csv": BLANKS}))
    for name in ("a.csv.gz", "a.zip"):
        assert (tmp_path / name).stat().st_size < 10_000
        text = line_of(lambda name=name: read(tmp_path / name, **SMALL))
        assert "unpacks to more than the 1 MB allowed" in text
        assert read(tmp_path / name).rows == 700_000


def test_a_bomb_that_lies_about_its_size(tmp_path: Path) -> None:
    """The directory says ten bytes; what comes out counts."""
    content = bytearray(zipped({"a.csv": BLANKS}))
    size = struct.pack("<I", len(BLANKS))
    assert content.count(size) >= 1
    (tmp_path / "a.zip").write_bytes(bytes(content).replace(size, struct.pack("<I", 10)))
    line_of(lambda: read(tmp_path / "a.zip", **SMALL))


def test_a_sheet_that_unpacks_to_too_much(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/image1.png", bytes(3_000_000))
    assert "more than the 1 MB allowed" in line_of(lambda: read(path, **SMALL))


def test_parquet_of_one_value_a_billion_times(tmp_path: Path) -> None:
    table = pa.table({"A": pa.array(np.zeros(2_000_000, dtype=np.int8))})
    pq.write_table(table, tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").stat().st_size < 20_000
    text = line_of(lambda: read(tmp_path / "a.parquet", **SMALL))
    assert "2,000,000 records of 1 columns take 16 MB" in text


@pytest.mark.parametrize("stated", [True, False])
def test_packed_spss_file(tmp_path: Path, stated: bool) -> None:
    """Number of records stated in its head, or not stated and met on the way."""
    path = tmp_path / "a.zsav"
    pyreadstat.write_sav(pd.DataFrame({"A": np.zeros(300_000)}), path, compress=True)
    content = bytearray(path.read_bytes())
    assert len(content) < 40_000
    if not stated:
        content[80:84] = struct.pack("<i", -1)
        path.write_bytes(bytes(content))
    assert "more than the 1 MB allowed" in line_of(lambda: read(path, **SMALL))
    assert read(path).rows == 300_000


def test_sas_file_that_announces_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = foreign(tmp_path, "hadley.sas7bdat")
    real = pyreadstat.read_sas7bdat

    def huge(*arguments: object, **options: object) -> object:
        frame, meta = real(*arguments, **options)
        meta.number_rows = 10**9
        return frame, meta

    monkeypatch.setattr(pyreadstat, "read_sas7bdat", huge)
    assert "1,000,000,000 records of 7 columns" in line_of(lambda: read(path))


@pytest.mark.parametrize("suffix", [".csv", ".sav", ".dta", ".xlsx", ".parquet", ".zip", ".csv.gz"])
def test_ten_gigabytes_of_holes(tmp_path: Path, suffix: str) -> None:
    """Refused by its size: not read, not hashed."""
    path = tmp_path / f"a{suffix}"
    with path.open("wb") as stream:
        os.truncate(stream.fileno(), 10_000_000_000)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    assert "the file takes 10,000 MB, more than the 2,048 MB allowed" in line_of(lambda: read(path))
    assert time.monotonic() - start < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


@pytest.mark.parametrize(
    "name",
    ["../a.csv", "x/../../a.csv", "/etc/passwd", "C:\\a.csv", "..\\a.csv", "\\\\host\\a.csv"],
)
def test_names_that_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "2023"
    folder.mkdir()
    (tmp_path / "a.csv").write_text("A,B\n1,2\n", encoding="utf-8")
    assert "leads out of the folder 2023" in line_of(lambda: read_raw(folder, RawFile(path=name)))
    (folder / "a.zip").write_bytes(zipped({name: b"A,B\n1,2\n", "b.csv": b"A,B\n1,2\n"}))
    assert "leads out of its folder" in line_of(lambda: read(folder / "a.zip", member="b.csv"))


def test_a_catalogue_elsewhere(tmp_path: Path) -> None:
    path = foreign(tmp_path, "hadley.sas7bdat")
    assert "leads out" in line_of(lambda: read(path, catalog="../formats.sas7bcat"))


FORMULAS = ["=1+1", '=HYPERLINK("x")', "@SUM(A1)", " =1", "+cmd|' /C calc'!A0", "-2+3+cmd|'x'!A0"]
HARMLESS = ["-", "+", "-1", "+66", "- ไม่ระบุ", "-other", "a=b", "x@y", "1 = 2", "ก|ข", "(x)"]


@pytest.mark.parametrize("cell", FORMULAS)
@pytest.mark.parametrize("suffix", [".csv", ".sav", ".xlsx", ".parquet"])
def test_formulas_in_cells(tmp_path: Path, suffix: str, cell: str) -> None:
    frame = pd.DataFrame({"A": ["x", cell], "B": ["1", "2"]})
    path = tmp_path / f"a{suffix}"
    if suffix == ".csv":
        path.write_text(text_of(frame), encoding="utf-8")
    elif suffix == ".sav":
        pyreadstat.write_sav(frame, path)
    elif suffix == ".xlsx":
        frame.to_excel(path, index=False)
    else:
        frame.to_parquet(path)
    text = line_of(lambda: read(path))
    assert "formula" in text and cell not in text


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_formulas_in_column_names(tmp_path: Path, suffix: str) -> None:
    """The ledger is a table that people open, and it repeats the names of columns."""
    name = '=HYPERLINK("x")'
    frame = pd.DataFrame({"A": ["x", "y"], name: ["1", "2"]})
    path = tmp_path / f"a{suffix}"
    if suffix == ".csv":
        path.write_text(text_of(frame), encoding="utf-8")
    else:
        frame.to_parquet(path)
    text = line_of(lambda: read(path))
    assert "a column name is a formula" in text and name not in text


def test_what_only_looks_like_a_formula_stays() -> None:
    check_values("a.csv", "A", HARMLESS)
    check_names("a.csv", HARMLESS)


@pytest.mark.parametrize("bad", ["\x1b[31m", "\x00", "\x07", "\u202e", "\u2066", "\x85"])
def test_control_characters_in_labels(tmp_path: Path, bad: str) -> None:
    code = f"U+{ord(bad[0]):04X}"
    frame = pd.DataFrame({"A": [1.0, 2.0]})
    path = tmp_path / "a.dta"
    if bad != "\x00":
        for labels in (
            {"column_labels": [f"x{bad}y"]},
            {"variable_value_labels": {"A": {1: f"x{bad}y"}}},
        ):
            pyreadstat.write_dta(frame, path, **labels)
            text = line_of(lambda: read(path))
            assert code in text and "of A holds a control character" in text
    (tmp_path / "a.csv").write_text(f"A{bad}x,B\n1,2\n", encoding="utf-8")
    assert f"a column name holds a control character ({code})" in line_of(
        lambda: read(tmp_path / "a.csv")
    )
    (tmp_path / "a.csv").write_text(f"A,B\n1,x{bad}y\n", encoding="utf-8")
    assert f"column B holds a control character ({code})" in line_of(
        lambda: read(tmp_path / "a.csv")
    )


def test_names_of_files_are_shown_without_effect(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped({"x\x1b[31m\n.csv": b"", "b.csv": b"A,B\n1,2\n"}))
    text = line_of(lambda: read(tmp_path / "a.zip"))
    assert "\x1b" not in text and "x\\u001b[31m .csv" in text
    assert printable("ปกติ") == "ปกติ"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: !!python/object/apply:os.system ['true']", "1: a: the tag"),
        ("a: {b: !run x}", "1: a.b: the tag '!run' is not allowed"),
        ("a: 1\nb: !!binary aGk=", ":2: b: the tag"),
        ("a: !!int x", "`x` is not a number"),
        ("a: &a [*a]", "anchor (&) holds itself"),
        ("a: " + "[" * 3000 + "]" * 3000, ":1: "),
    ],
)
def test_yaml_that_acts(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "a.yml").write_text(text, encoding="utf-8")
    assert expected in line_of(lambda: read_document(tmp_path / "a.yml"), ParameterError)


def test_yaml_that_multiplies(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in range(1, 12):
        again = ", ".join([f"*a{level - 1}"] * 10)
        lines.append(f"a{level}: &a{level} [{again}]")
    (tmp_path / "a.yml").write_text("\n".join(lines), encoding="utf-8")
    start = time.monotonic()
    text = line_of(lambda: read_document(tmp_path / "a.yml"), ParameterError)
    assert "too many entries" in text and time.monotonic() - start < 5
