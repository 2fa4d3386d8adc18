"""Every format gives back what was written into it, labels and Thai letters included."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pyreadstat
import pytest
from foreign import FRAME, LABELS, VERSIONS, WRITERS, foreign, text_of, texts, write, zipped
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lfsmig.errors import InputError
from lfsmig.intake.read import RawTable, read_raw
from lfsmig.intake.readers import FORMATS
from lfsmig.params.mapping import RawFile

NUMBERS = {"SEX": ["1", "2", None], "WGT": ["1.5", "100.25", "0.125"]}
THAI = ["น้ำ", "ก", "ญี่ปุ่น"]
ASCII = ["water", "a", "Japan"]


def read(path: Path, **spec: object) -> RawTable:
    return read_raw(path.parent, RawFile.model_validate({"path": path.name, **spec}))


def check(table: RawTable, names: list[str] = THAI) -> None:
    assert table.rows == 3 and list(table.columns) == ["SEX", "NAME", "WGT"]
    for column, expected in NUMBERS.items():
        assert texts(table.columns[column]) == expected
    assert texts(table.columns["NAME"]) == names


def test_every_format_is_tried_here() -> None:
    assert set(FORMATS) == set(WRITERS) | {".sas7bdat"}


@pytest.mark.parametrize("packed", ["", ".gz", ".zip"])
@pytest.mark.parametrize("suffix", sorted(WRITERS))
def test_round_trip(tmp_path: Path, suffix: str, packed: str) -> None:
    table = read(write(tmp_path / f"lfs664{suffix}{packed}"))
    check(table, ASCII if suffix == ".por" else THAI)
    assert table.facts["format"] == FORMATS[suffix].name
    assert table.facts["rows"] == 3 and len(str(table.facts["sha256"])) == 64
    assert table.name == f"lfs664{suffix}{packed}" + (
        f"/lfs664{suffix}" if packed == ".zip" else ""
    )


@pytest.mark.parametrize("version", sorted(VERSIONS))
def test_versions_of_a_format(tmp_path: Path, version: str) -> None:
    path = tmp_path / f"a{'.dta' if version.startswith('stata') else '.xpt'}"
    VERSIONS[version](path)
    old = version.startswith("stata") and int(version.split()[1]) < 14
    check(read(path), ASCII if old else THAI)


@pytest.mark.parametrize(("version", "written"), [(120, 118), (121, 119)])
def test_stata_18_is_read_but_for_aliases(tmp_path: Path, version: int, written: int) -> None:
    """Formats 120 and 121 are 118 and 119 with alias variables (Stata's help dta_120, dta_121)."""
    path = tmp_path / "a.dta"
    VERSIONS[f"stata {written}"](path)
    content = path.read_bytes().replace(b"<release>%d<" % written, b"<release>%d<" % version)
    path.write_bytes(content)
    check(read(path))
    types = content.index(b"<variable_types>") + len(b"<variable_types>")
    path.write_bytes(content[:types] + (65525).to_bytes(2, "little") + content[types + 2 :])
    with pytest.raises(InputError, match="holds alias variables of Stata 18"):
        read(path)


@pytest.mark.parametrize("suffix", [".sav", ".zsav", ".dta", ".xpt", ".sav.zip", ".dta.gz"])
def test_labels_are_kept(tmp_path: Path, suffix: str) -> None:
    table = read(write(tmp_path / f"a{suffix}"))
    assert table.labels == {
        name: unicodedata.normalize("NFC", label) for name, label in LABELS.items()
    }
    if suffix != ".xpt":
        assert table.value_labels == {"SEX": {"1": "ชาย", "2": "หญิง"}}
    if "sav" in suffix:
        assert table.title == "แฟ้มทดสอบ"
        assert sorted(table.missing["SEX"]) == ["9", "97-99"]


def test_labels_are_brought_to_one_writing(tmp_path: Path) -> None:
    """A vowel sign below and a tone mark typed in either order are one text."""
    typed = "ผ\u0e48\u0e39 \u200bก\n  ข"
    assert unicodedata.normalize("NFC", typed) != typed
    path = tmp_path / "a.sav"
    pyreadstat.write_sav(
        pd.DataFrame({"A": [1.0, 2.0]}), path, column_labels=[typed],
        variable_value_labels={"A": {1.0: typed}},
    )  # fmt: skip
    table = read(path)
    assert table.labels["A"] == table.value_labels["A"]["1"] == "ผ\u0e39\u0e48 ก ข"


def test_sas_with_a_catalogue_of_labels(tmp_path: Path) -> None:
    foreign(tmp_path, "formats.sas7bcat")
    path = foreign(tmp_path, "hadley.sas7bdat")
    table = read(path, catalog="formats.sas7bcat")
    assert table.rows == 8 and table.facts["format"] == "SAS"
    assert texts(table.columns["q1"]) == list("12234554")
    assert texts(table.columns["q3"])[3] is None
    assert texts(table.columns["gender"])[:5] == ["f", "f", "f", "", "m"]
    assert table.labels["q1"] == "The instructor was well prepared"
    assert table.value_labels == {
        "workshop": {"1": "R", "2": "SAS"},
        "gender": {"f": "Female", "m": "Male"},
    }
    assert read(path).value_labels == {}


def test_letters_for_missing_keep_their_meaning(tmp_path: Path) -> None:
    """SAS and Stata alike: .A of the one is .a of the other."""
    table = read(foreign(tmp_path, "missing_test.sas7bdat"))
    assert [texts(table.columns[f"var{i}"])[0] for i in range(1, 10)] == [
        ".a", ".b", ".c", ".x", ".y", ".z", "._", None, "1",
    ]  # fmt: skip
    assert table.missing["var1"] == [".a"] and "var8" not in table.missing
    pyreadstat.write_dta(
        pd.DataFrame({"A": [1.0, "a", 2.0]}), tmp_path / "a.dta",
        missing_user_values={"A": ["a"]}, variable_value_labels={"A": {1: "x", "a": "ไม่ตอบ"}},
    )  # fmt: skip
    table = read(tmp_path / "a.dta")
    assert texts(table.columns["A"]) == ["1", ".a", "2"]
    assert table.value_labels["A"] == {"1": "x", ".a": "ไม่ตอบ"}


def test_letters_for_missing_in_a_transport_file(tmp_path: Path) -> None:
    """pyreadstat.read_xport alone would make them blank; the letter is the number's first byte."""
    path = tmp_path / "a.xpt"
    pyreadstat.write_xport(pd.DataFrame({"A": [1.0, np.nan]}), path, file_format_version=5)
    content = path.read_bytes()
    blank = b"." + bytes(7)
    assert content.count(blank) == 1
    path.write_bytes(content.replace(blank, b"A" + bytes(7)))
    assert texts(read(path).columns["A"]) == ["1", ".a"]


def test_portable_file_with_value_labels(tmp_path: Path) -> None:
    table = read(foreign(tmp_path, "sample.por"))
    assert table.value_labels["MYORD"] == {"1": "low", "2": "medium", "3": "high"}
    assert texts(table.columns["MYDATE"])[:2] == ["2018-05-06", "1880-05-06"]
    assert table.labels["MYLABL"] == "labeled" and texts(table.columns["MYNUM"])[2] == "-1000.3"


@pytest.mark.parametrize(
    ("record", "declared"),
    [
        (b"89/837/", ["9", "97"]),
        (b"B37/38/", ["97-98"]),
        (b"8B/", ["11"]),
        (b"B37/38/89/", ["97-98", "9"]),
        # ReadStat loses a value that stands before a range.
        (b"89/B37/38/", ["9", "97-98"]),
        (b"8B/A37/", ["11", "97-inf"]),
    ],
)
def test_portable_file_with_declared_missing(
    tmp_path: Path, record: bytes, declared: list[str]
) -> None:
    """No tool here writes them: a value (8) or range (B) after the formats, in base 30."""
    path = tmp_path / "a.por"
    frame = pd.DataFrame({"SEX": [1.0, 9.0, 97.0, 98.0, 11.0], "AGE": [1.0, 2.0, 3.0, 4.0, 5.0]})
    pyreadstat.write_por(frame, path, column_labels={"SEX": "sex", "AGE": "age"})
    flat = path.read_bytes().replace(b"\r", b"").replace(b"\n", b"").rstrip(b"Z") + b"Z"
    formats = b"70/3/SEX5/8/2/5/8/2/"
    assert flat.count(formats) == 1
    flat = flat.replace(formats, formats + record)
    flat += b"Z" * (-len(flat) % 80)
    path.write_bytes(b"".join(flat[i : i + 80] + b"\r\n" for i in range(0, len(flat), 80)))
    table = read(path)
    assert table.missing == {"SEX": declared}
    assert texts(table.columns["SEX"]) == ["1", "9", "97", "98", "11"]


@pytest.mark.parametrize("suffix", [".sav", ".dta", ".xpt"])
def test_dates_are_text_that_people_read(tmp_path: Path, suffix: str) -> None:
    day, moment = pd.Timestamp("2023-10-05").date(), pd.Timestamp("2023-10-05 08:30:00")
    frame = pd.DataFrame({"D": [day, None], "T": [moment, pd.NaT]})
    path = tmp_path / f"a{suffix}"
    {".sav": pyreadstat.write_sav, ".dta": pyreadstat.write_dta, ".xpt": pyreadstat.write_xport}[
        suffix
    ](frame, path)
    table = read(path)
    assert texts(table.columns["D"]) == ["2023-10-05", None]
    assert texts(table.columns["T"]) == ["2023-10-05T08:30:00", None]


def test_a_number_that_is_no_date_stays_a_number(tmp_path: Path) -> None:
    path = tmp_path / "a.sav"
    frame = pd.DataFrame({"D": [13744944000.0, 9e14]})
    pyreadstat.write_sav(frame, path, variable_format={"D": "DATE11"})
    assert texts(read(path).columns["D"]) == ["13744944000", "900000000000000"]


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp874", "tis-620"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_of_text(tmp_path: Path, encoding: str, end: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(text_of(FRAME).replace("\n", end).encode(encoding))
    check(read(path))


def test_utf8_that_would_pass_as_cp874(tmp_path: Path) -> None:
    """All bytes of these letters have a meaning in CP874 too."""
    assert "ลม".encode().decode("cp874") == "เธฅเธก"
    path = tmp_path / "a.csv"
    path.write_text("A,B\nลม,1\n", encoding="utf-8")
    assert texts(read(path).columns["A"]) == texts(read(path, encoding="cp874").columns["A"])
    assert texts(read(path).columns["A"]) == ["ลม"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "~", "^", "\x1f"])
def test_delimiters(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(text_of(FRAME, delimiter), encoding="utf-8")
    check(read(path, delimiter=delimiter))
    if delimiter in ",;\t|":
        assert read(path).facts["delimiter"] == delimiter


def test_the_delimiter_is_found_beside_others_in_quotes(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('A;B\n"1,2";"x;\ny"\n"3,4";z\n', encoding="utf-8")
    table = read(path)
    assert texts(table.columns["A"]) == ["1,2", "3,4"]
    assert texts(table.columns["B"]) == ["x;\ny", "z"]


def test_a_spreadsheet_tells_its_delimiter(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("sep=;\r\nA;B\r\n1;2\r\n", encoding="utf-8-sig")
    assert texts(read(path).columns["B"]) == ["2"]


def test_a_cut_last_line_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("A,B\n1,20", encoding="utf-8")
    assert read(path).facts["complete_last_line"] is False
    path.write_text("A,B\n1,20\n", encoding="utf-8")
    assert read(path).facts["complete_last_line"] is True


@given(
    rows=st.lists(
        st.tuples(
            st.text("กขคำ่้ีab ,;|\"'\n\t", min_size=1, max_size=8).filter(
                lambda text: text.strip() == text
            ),
            st.integers(0, 99999),
        ),
        min_size=1,
        max_size=8,
    ),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp874"]),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_text_survives_any_writing(
    tmp_path: Path, rows: list[tuple[str, int]], delimiter: str, encoding: str
) -> None:
    frame = pd.DataFrame(rows, columns=["ก่", "B"])
    path = tmp_path / "a.csv"
    path.write_bytes(text_of(frame, delimiter).encode(encoding))
    declared = encoding if encoding == "cp874" else None
    table = read(path, delimiter=delimiter, encoding=declared)
    assert texts(table.columns["ก่"]) == [row[0] for row in rows]
    assert texts(table.columns["B"]) == [str(row[1]) for row in rows]


LAYOUT = [
    {"name": "CWT", "start": "1", "end": "2", "label": "จังหวัด"},
    {"name": "NAME", "start": "3", "width": "6"},
    {"name": "-", "start": "9", "width": "1"},
    {"name": "WGT", "start": "10", "width": "5", "decimals": "2"},
]


def fixed(folder: Path, content: bytes, layout: list[dict[str, str]] = LAYOUT) -> RawTable:
    (folder / "a.txt").write_bytes(content)
    return read_raw(folder, RawFile(path="a.txt", layout="layout.csv"), layout)


@pytest.mark.parametrize("encoding", ["cp874", "utf-8", "utf-16"])
def test_fixed_width(tmp_path: Path, encoding: str) -> None:
    text = "10น้ำ   x12345\n 7ญี่ปุ่x   5\n84ab\n"
    table = fixed(tmp_path, text.encode(encoding))
    assert texts(table.columns["CWT"]) == ["10", "7", "84"]
    assert texts(table.columns["NAME"]) == ["น้ำ", "ญี่ปุ่", "ab"]
    assert texts(table.columns["WGT"]) == ["123.45", "0.05", None]
    assert table.labels == {"CWT": "จังหวัด"} and table.facts["positions_count"] == "letters"


def test_fixed_width_that_counts_bytes(tmp_path: Path) -> None:
    """A package that writes UTF-8 fills columns up to a number of bytes."""
    rows = [("10", "ก", "12345"), ("84", "ab", "00005"), ("20", "กข", "-0150")]
    lines = [
        one.encode() + name.encode().ljust(6) + b" " + weight.encode() for one, name, weight in rows
    ]
    table = fixed(tmp_path, b"\r\n".join(lines) + b"\r\n")
    assert table.facts["positions_count"] == "bytes"
    assert texts(table.columns["NAME"]) == ["ก", "ab", "กข"]
    assert texts(table.columns["WGT"]) == ["123.45", "0.05", "-1.50"]


def test_zip_with_several_files_needs_the_name(tmp_path: Path) -> None:
    members = {
        "ก/lfs664.csv": text_of(FRAME).encode(),
        "b.csv": b"A,B\n1,2\n",
        "__MACOSX/x.csv": b"",
    }
    (tmp_path / "a.zip").write_bytes(zipped(members))
    check(read(tmp_path / "a.zip", member="lfs664.csv"))
    check(read(tmp_path / "a.zip", member="ก/lfs664.csv"))


def test_names_of_sheets_and_members_are_one_however_typed(tmp_path: Path) -> None:
    apart, one = "ผ\u0e48\u0e39", "ผ\u0e39\u0e48"
    path = tmp_path / "a.xlsx"
    with pd.ExcelWriter(path) as writer:
        FRAME.to_excel(writer, sheet_name=apart, index=False)
        FRAME.to_excel(writer, sheet_name="x", index=False)
    check(read(path, sheet=one))
    members = {f"{apart}.csv": text_of(FRAME).encode(), "b.csv": b"A,B\n1,2\n"}
    (tmp_path / "a.zip").write_bytes(zipped(members))
    check(read(tmp_path / "a.zip", member=f"{one}.csv"))


def test_workbook_sheets_and_cells(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with pd.ExcelWriter(path) as writer:
        FRAME.to_excel(writer, sheet_name="คำชี้แจง", index=False)
        pd.DataFrame(
            {"D": [pd.Timestamp("2023-10-05").date(), None], "M": ["01", 2], "B": [True, False]}
        ).to_excel(writer, sheet_name="ข้อมูล", index=False, startrow=2, startcol=1)
    check(read(path, sheet="คำชี้แจง"))
    table = read(path, sheet="ข้อมูล")
    assert texts(table.columns["D"]) == ["2023-10-05", None]
    assert texts(table.columns["M"]) == ["01", "2"] and texts(table.columns["B"]) == ["1", "0"]


def test_parquet_types(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "I": pd.array([1, None], dtype="Int64"),
            "C": pd.Categorical(["ข", "ก"]),
            "D": pd.to_datetime(["2023-10-05", None]),
            "B": [True, False],
            "E": ["", "x"],
        }
    )
    frame.to_parquet(tmp_path / "a.parquet")
    table = read(tmp_path / "a.parquet")
    assert texts(table.columns["I"]) == ["1", None] and texts(table.columns["C"]) == ["ข", "ก"]
    assert texts(table.columns["D"])[0].startswith("2023-10-05")
    assert texts(table.columns["B"]) == ["1", "0"] and texts(table.columns["E"]) == [None, "x"]
