"""Every bad file gives one line that names file, column or code, and what to do."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyreadstat
import pytest
import raw_files

from lfsmig.errors import InputError, LfsmigError, ParameterError
from lfsmig.intake.harmonise import harmonise
from lfsmig.intake.read import read_raw
from lfsmig.params import Params
from lfsmig.params.mapping import RawFile


def line_of(action: Callable[[], object], kind: type[LfsmigError] = InputError) -> str:
    with pytest.raises(LfsmigError) as caught:
        action()
    assert type(caught.value) is kind
    assert caught.value.exit_code == 2
    text = str(caught.value)
    assert "\n" not in text and len(text) < 400
    return text


def test_no_raw_folder(params: Params, tmp_path: Path) -> None:
    assert "--raw" in line_of(lambda: harmonise(params, 2021, tmp_path / "none"))


def test_no_folder_of_the_year(params: Params, tmp_path: Path) -> None:
    assert "the folder 2021" in line_of(lambda: harmonise(params, 2021, tmp_path))


def test_missing_file_says_what_is_there(params: Params, tmp_path: Path) -> None:
    (tmp_path / "2021").mkdir()
    (tmp_path / "2021" / "lfs643.sav").write_bytes(b"x")
    text = line_of(lambda: harmonise(params, 2021, tmp_path))
    assert text.startswith("lfs644.sav: ") and "lfs643.sav" in text


def test_year_without_mapping(params: Params, raw: Path) -> None:
    assert "2018" in line_of(lambda: harmonise(params, 2018, raw), ParameterError)


def test_another_years_file(params: Params, tmp_path: Path) -> None:
    folder = raw_files.write_year(tmp_path, 2024, raw_files.people(2023))
    assert folder.is_dir()
    text = line_of(lambda: harmonise(params, 2024, tmp_path))
    assert text == (
        "lfs674.sav: SYN_YEAR says 2023 (2566), expected 2024; this is another year's file"
    )


@pytest.mark.parametrize("keep", [0, 10, 200, 3000, 0.5, 0.98, -500, -1])
@pytest.mark.parametrize("year", [2019, 2021])
def test_truncated_file(params: Params, tmp_path: Path, year: int, keep: float) -> None:
    folder = raw_files.write_year(tmp_path, year)
    path = folder / raw_files.NAMES[year]
    content = path.read_bytes()
    path.write_bytes(content[: keep if isinstance(keep, int) else int(len(content) * keep)])
    text = line_of(lambda: harmonise(params, year, tmp_path))
    assert text.startswith(f"{path.name}: ") and "copy it again" in text


def test_file_of_another_format(params: Params, tmp_path: Path) -> None:
    folder = raw_files.write_year(tmp_path, 2021)
    (folder / "lfs644.sav").write_text("REG,CWT\n1,10\n", encoding="utf-8")
    assert "not a readable SPSS file" in line_of(lambda: harmonise(params, 2021, tmp_path))


def test_wrong_encoding(params: Params, tmp_path: Path) -> None:
    folder = raw_files.write_year(tmp_path, 2022)
    path = folder / "lfs654.csv"
    # A letter that CP874 has no meaning for.
    path.write_bytes(path.read_bytes().replace("ชาย".encode("cp874"), b"\xfc"))
    text = line_of(lambda: harmonise(params, 2022, tmp_path))
    assert "neither UTF-8 nor cp874" in text


def test_sav_whose_labels_are_in_another_encoding_than_it_says(tmp_path: Path) -> None:
    """Thai labels in CP874 inside a file that claims UTF-8."""
    path = tmp_path / "a.sav"
    labels = {"A": {1.0: "ชายชาย", 2.0: "หญิง"}}
    pyreadstat.write_sav(pd.DataFrame({"A": [1.0, 2.0]}), path, variable_value_labels=labels)
    content = path.read_bytes()
    for label in labels["A"].values():
        thai = label.encode("cp874")
        content = content.replace(label.encode(), thai.ljust(len(label.encode())))
    path.write_bytes(content)
    assert read_raw(tmp_path, RawFile(path="a.sav")).facts["encoding"] == "cp874"
    text = line_of(lambda: read_raw(tmp_path, RawFile(path="a.sav", encoding="ascii")))
    assert "neither in the file's own encoding nor in ascii" in text


def test_utf8_is_tried_before_the_declared_encoding(params: Params, tmp_path: Path) -> None:
    folder = raw_files.write_year(tmp_path, 2022)
    path = folder / "lfs654.csv"
    path.write_bytes(path.read_bytes().decode("cp874").encode("utf-8-sig"))
    harmonised = harmonise(params, 2022, tmp_path)
    assert harmonised.receipt["files"][0]["encoding"] == "utf-8"
    assert harmonised.frame["sex"].notna().all()


def test_unknown_encoding_name(edited, raw: Path) -> None:
    changed = edited("years/2022.yml", "encoding: cp874", "encoding: thai-874")
    assert "unknown encoding thai-874" in line_of(lambda: harmonise(changed, 2022, raw))


def test_unmapped_column(params: Params, tmp_path: Path) -> None:
    frame = raw_files.people(2021).assign(NEWITEM=1.0, OTHER_=2.0)
    raw_files.write_year(tmp_path, 2021, frame)
    text = line_of(lambda: harmonise(params, 2021, tmp_path))
    assert "not in the mapping: NEWITEM, OTHER_" in text and "years/2021.yml" in text


def test_missing_column(params: Params, tmp_path: Path) -> None:
    raw_files.write_year(tmp_path, 2021, raw_files.people(2021).drop(columns="SYN_STAY"))
    text = line_of(lambda: harmonise(params, 2021, tmp_path))
    assert text.startswith("lfs644.sav: the column SYN_STAY is missing")


def test_two_names_for_the_weight(params: Params, tmp_path: Path) -> None:
    raw_files.write_year(tmp_path, 2021, raw_files.people(2021).assign(WGT_CWT=1.0))
    text = line_of(lambda: harmonise(params, 2021, tmp_path))
    assert "WGT and WGT_CWT both stand for WGT" in text


def test_underscore_stays_where_the_bare_name_is_taken(params: Params, tmp_path: Path) -> None:
    raw_files.write_year(tmp_path, 2021, raw_files.people(2021).assign(SEX_=1.0))
    assert "not in the mapping: SEX_" in line_of(lambda: harmonise(params, 2021, tmp_path))


def test_unmapped_code(params: Params, tmp_path: Path) -> None:
    frame = raw_files.people(2021)
    frame.loc[frame["SEX"] == 2, "SEX"] = 3
    raw_files.write_year(tmp_path, 2021, frame)
    assert line_of(lambda: harmonise(params, 2021, tmp_path)) == (
        "lfs644.sav: column SEX: no meaning for code 3 (32 records); "
        "add it under variables.sex.codes in params/years/2021.yml"
    )


def test_unmapped_label(params: Params, tmp_path: Path) -> None:
    folder = raw_files.write_year(tmp_path, 2022)
    path = folder / "lfs654.csv"
    text = path.read_bytes().decode("cp874").replace("หญิง", "สตรี")
    path.write_bytes(text.encode("cp874"))
    assert "code สตรี (32 records)" in line_of(lambda: harmonise(params, 2022, tmp_path))


def test_text_where_a_number_belongs(params: Params, tmp_path: Path) -> None:
    folder = raw_files.write_year(tmp_path, 2022)
    path = folder / "lfs654.csv"
    table = pd.read_csv(path, encoding="cp874", dtype=str)
    table.loc[table["AGE"] == "22", "AGE"] = "twenty-two"
    path.write_bytes(table.to_csv(index=False).encode("cp874"))
    text = line_of(lambda: harmonise(params, 2022, tmp_path))
    assert "column AGE: 16 records hold no whole number;" in text
    assert "twenty-two" not in text, "values of records are not shown"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("1,234.5", "32 records hold no number (a comma between thousands);"),
        ("1234,5", "32 records hold no number (a comma as the decimal mark);"),
        ("a lot", "32 records hold no number;"),
    ],
)
def test_numbers_written_with_a_comma(
    params: Params, tmp_path: Path, value: str, words: str
) -> None:
    path = raw_files.write_year(tmp_path, 2022) / "lfs654.csv"
    table = pd.read_csv(path, encoding="cp874", dtype=str, keep_default_na=False)
    table.loc[(table["NO"] != "") & (table["PSU_NO"] == "7"), "WGT"] = value
    path.write_bytes(table.to_csv(index=False).encode("cp874"))
    text = line_of(lambda: harmonise(params, 2022, tmp_path))
    assert f"column WGT: {words}" in text and "correct the export" in text
    assert value not in text


@pytest.mark.parametrize(
    ("name", "found"),
    [("AGE", 999), ("MAIN_HR", 500), ("SYN_MONTHS", 99), ("APPROX", 12000000)],
)
def test_a_number_that_cannot_be(params: Params, tmp_path: Path, name: str, found: int) -> None:
    frame = raw_files.people(2021)
    frame.loc[frame["NO"] == 1, name] = found
    raw_files.write_year(tmp_path, 2021, frame)
    text = line_of(lambda: harmonise(params, 2021, tmp_path))
    assert f"column {name}: outside the limits 0 to" in text
    assert f"{found} (16 records); if it is a code give its meaning under variables." in text


def test_limits_belong_to_numbers(edited) -> None:
    changed = edited("years/base.yml", "    column: SEX\n", "    column: SEX\n    limits: [0, 1]\n")
    text = line_of(lambda: changed.year(2021), ParameterError)
    assert "variables.sex.limits: limits belong to a number" in text


def test_persons_without_a_line_number_are_not_lost(params: Params, tmp_path: Path) -> None:
    frame = raw_files.people(2021)
    frame.loc[[0, 5], "NO"] = float("nan")
    raw_files.write_year(tmp_path, 2021, frame)
    text = line_of(lambda: harmonise(params, 2021, tmp_path))
    assert text.startswith(
        "lfs644.sav: 2 records have no NO but other answers (SEX, AGE, RELATION, MARITAL and "
    )
    assert "blank_records in params/years/2021.yml" in text


def test_module_records_without_a_line_number_are_not_lost(params: Params, tmp_path: Path) -> None:
    folder = raw_files.write_year(tmp_path, 2023)
    module, _ = pyreadstat.read_sav(folder / "mig664.sav")
    module.loc[3, "NO"] = float("nan")
    pyreadstat.write_sav(module, folder / "mig664.sav")
    text = line_of(lambda: harmonise(params, 2023, tmp_path))
    assert text.startswith("mig664.sav: 1 records have no NO but other answers (SYN_NAT, ")


def test_a_blank_record_may_hold_the_design(params: Params, tmp_path: Path) -> None:
    frame = raw_files.people(2021)
    frame.loc[frame["NO"].isna(), ["MEMBERS", "WEIGHT"]] = 0
    raw_files.write_year(tmp_path, 2021, frame)
    assert len(harmonise(params, 2021, tmp_path).blanks) == 8


def test_no_person_records(params: Params, tmp_path: Path) -> None:
    raw_files.write_year(tmp_path, 2021, raw_files.people(2021).assign(NO=float("nan")))
    text = line_of(lambda: harmonise(params, 2021, tmp_path))
    assert text.startswith("lfs644.sav: no person records: NO is blank in all 72;")


@pytest.mark.parametrize("rows", [slice(None), [3]])
def test_a_blank_year_does_not_pass_for_the_right_one(
    params: Params, tmp_path: Path, rows: object
) -> None:
    frame = raw_files.people(2021)
    frame["SYN_YEAR"] = frame["SYN_YEAR"].astype(float)
    frame.loc[rows, "SYN_YEAR"] = float("nan")
    raw_files.write_year(tmp_path, 2021, frame)
    count = 1 if rows == [3] else 64
    text = line_of(lambda: harmonise(params, 2021, tmp_path))
    assert f"SYN_YEAR is blank in {count} person records" in text and "file of 2021" in text


def declared_missing(frame: pd.DataFrame, path: Path, **missing: list[object]) -> None:
    names = {"WEIGHT": "WGT", "SIZE": "SIZE_"}
    pyreadstat.write_sav(frame.rename(columns=names), path, missing_ranges=missing)


def test_a_code_declared_missing_needs_a_meaning_too(params: Params, tmp_path: Path) -> None:
    frame = raw_files.people(2021)
    frame.loc[frame["SYN_REASON"] == 2, "SYN_REASON"] = 55
    path = raw_files.write_year(tmp_path, 2021) / "lfs644.sav"
    declared_missing(frame, path, SYN_REASON=[55])
    text = line_of(lambda: harmonise(params, 2021, tmp_path))
    assert "column SYN_REASON: no meaning for code 55 (16 records)" in text


def test_a_meaning_goes_before_a_declaration(params: Params, tmp_path: Path) -> None:
    """97 (since birth) declared missing in the file still becomes the age."""
    path = raw_files.write_year(tmp_path, 2021) / "lfs644.sav"
    declared_missing(raw_files.people(2021), path, SYN_DUR=[97, 99])
    child = harmonise(params, 2021, tmp_path).frame.iloc[2]
    assert (child["age"], child["years_here"]) == (8, 8)


def letters(frame: pd.DataFrame, path: Path, name: str, letter: str) -> None:
    """Write a Stata file in which a column's code 1 is a letter for missing."""
    frame[name] = [letter if v == 1 else v for v in frame[name]]
    frame[name] = frame[name].astype(object)
    pyreadstat.write_dta(
        frame.rename(columns={"WEIGHT": "Weight"}), path, missing_user_values={name: [letter]}
    )


@pytest.mark.parametrize("name", ["SYN_REASON", "SYN_NMOVES"])
def test_letters_for_missing_in_stata_need_a_meaning(
    params: Params, edited, tmp_path: Path, name: str
) -> None:
    frame = raw_files.people(2019)
    count = int((frame[name] == 1).sum())
    letters(frame, raw_files.write_year(tmp_path, 2019) / "lfs624.dta", name, "a")
    text = line_of(lambda: harmonise(params, 2019, tmp_path))
    assert f"column {name}: no meaning for code .a ({count} records)" in text
    changed = edited(
        "years/base.yml", f"column: {name}", f"column: {name}, missing: {{.a: refused}}"
    ) if name == "SYN_NMOVES" else edited(
        "years/base.yml", "    column: SYN_REASON\n    missing: {99: unknown}",
        "    column: SYN_REASON\n    missing: {99: unknown, .a: refused}",
    )  # fmt: skip
    made = harmonise(changed, 2019, tmp_path)
    variable = {"SYN_REASON": "reason", "SYN_NMOVES": "number_of_moves"}[name]
    rows = made.ledger[(made.ledger["variable"] == variable) & (made.ledger["reason"] == "refused")]
    assert rows[["source_code", "records"]].to_numpy().tolist() == [[".a", count]]
    assert made.receipt["files"][0]["types"][name] == "number"


def test_blank_in_a_key(params: Params, tmp_path: Path) -> None:
    frame = raw_files.people(2021)
    frame.loc[3, "PSU_NO"] = float("nan")
    raw_files.write_year(tmp_path, 2021, frame)
    text = line_of(lambda: harmonise(params, 2021, tmp_path))
    assert "column PSU_NO: blank in 1 person records" in text


def test_module_with_a_repeated_key(params: Params, tmp_path: Path) -> None:
    folder = raw_files.write_year(tmp_path, 2023)
    module, _ = pyreadstat.read_sav(folder / "mig664.sav")
    pyreadstat.write_sav(pd.concat([module, module.iloc[:2]]), folder / "mig664.sav")
    text = line_of(lambda: harmonise(params, 2023, tmp_path))
    assert "is not unique: 2 records repeat it, first 4-43-2-1024-03-A-02-04" in text


def test_module_without_a_key_column(params: Params, tmp_path: Path) -> None:
    folder = raw_files.write_year(tmp_path, 2023)
    module, _ = pyreadstat.read_sav(folder / "mig664.sav")
    pyreadstat.write_sav(module.drop(columns="HH_NO"), folder / "mig664.sav")
    assert "the key column HH_NO is missing" in line_of(lambda: harmonise(params, 2023, tmp_path))


def test_a_derivation_that_does_not_exist(edited, raw: Path) -> None:
    changed = edited("years/base.yml", "derive: labour_status_nso", "derive: labour_status_ilo")
    text = line_of(lambda: harmonise(changed, 2021, raw), ParameterError)
    assert "variables.labour_status.derive: expected one of" in text


def test_a_condition_that_cannot_be_evaluated(edited, raw: Path) -> None:
    changed = edited(
        "years/base.yml", "{column: MAIN_HR,", "{column: MAIN_HR, only_if: agee >= 15,"
    )
    text = line_of(lambda: harmonise(changed, 2021, raw), ParameterError)
    assert "variables.hours_main.only_if: cannot be evaluated" in text


def test_a_column_that_nothing_uses(edited, raw: Path) -> None:
    changed = edited("years/base.yml", "  SIZE: size of the workplace", "  SIZEX: size of the")
    assert "not in the mapping: SIZE_" in line_of(lambda: harmonise(changed, 2021, raw))
    changed = edited("years/base.yml", "  SEX: {}", "  SEX: {}\n  SIZE: {}")
    assert "no variable uses the column SIZE_" in line_of(lambda: harmonise(changed, 2021, raw))


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", b"", "expected column names"),
        ("a.csv", b"A,B\n", "holds no records"),
        ("a.csv", b"A,B,A\n1,2,3\n", "A stands twice"),
        ("a.csv", b"A~B\n1~2\n", "set delimiter"),
        ("a.csv", b"A;B|C\n1;2|3\n", "both ';' and '|'"),
        ("a.csv", b"A,,B\n1,2,3\n", "column 2 has no name"),
        ("a.csv", b"A,B\n1,2\n1,2,3\n", "a row does not fit"),
        ("a.csv.gz", gzip.compress(b"A,B\n1,2\n", mtime=0)[:-9], "cannot be unpacked"),
        ("a.xlsx", b"PK", "not a readable Excel file"),
        ("a.sas7bcat", b"x", "unknown format .sas7bcat"),
        ("a", b"PK", "unknown format"),
    ],
)
def test_text_files(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert expected in line_of(lambda: read_raw(tmp_path, RawFile(path=name)))


def test_quoted_fields_tabs_and_gzip(tmp_path: Path) -> None:
    (tmp_path / "a.tsv.gz").write_bytes(gzip.compress(b'A\tB\n"x\ty"\t2\n'))
    table = read_raw(tmp_path, RawFile(path="a.tsv.gz"))
    assert table.columns["A"].astype(str).tolist() == ["x\ty"]
    assert table.facts["format"] == "TSV"
