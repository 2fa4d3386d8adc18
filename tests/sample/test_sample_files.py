"""Formats, encodings, names and the inconsistencies planted on purpose."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyreadstat
import pytest
from sample_files import HOUSEHOLD, KEY, YEARS, as_delivered

from lfsmig.sample.settings import Settings

FILES = {
    2019: "lfs624.dta",
    2020: "lfs634.dta",
    2021: "lfs644.sav",
    2022: "lfs654.csv",
    2023: "lfs664.sav",
    2024: "lfs674.sav",
}
WEIGHTS = {2019: "Weight", 2020: "Weight", 2021: "WGT", 2022: "WGT", 2023: "WGT", 2024: "WGT"}


@pytest.mark.parametrize("year", YEARS)
def test_file_and_weight_have_the_name_of_the_year(folder: Path, year: int) -> None:
    frame = as_delivered(folder, year, FILES[year])
    assert WEIGHTS[year] in frame
    assert (frame["SYN_YEAR"] == year + 543).all()


@pytest.mark.parametrize("year", YEARS)
def test_rows_are_those_of_the_manifest(
    folder: Path, plain: Callable[[int], pd.DataFrame], year: int
) -> None:
    entry = json.loads((folder / "SYNTHETIC.json").read_text(encoding="utf-8"))["years"][str(year)]
    frame = plain(year)
    assert len(frame) == entry["records"] == entry["files"][0]["rows"]
    assert frame["NO"].isna().sum() == entry["blank_records"]


@pytest.mark.parametrize("year", YEARS)
def test_keys_are_unique(plain: Callable[[int], pd.DataFrame], year: int) -> None:
    frame = plain(year)
    assert not frame.duplicated(KEY).any()
    blank = frame["NO"].isna()
    empty = pd.MultiIndex.from_frame(frame.loc[blank, HOUSEHOLD])
    full = pd.MultiIndex.from_frame(frame.loc[~blank, HOUSEHOLD])
    assert empty.is_unique
    assert not empty.isin(full).any()


@pytest.mark.parametrize("year", YEARS)
def test_blank_records_hold_the_design_only(
    plain: Callable[[int], pd.DataFrame], settings: Settings, year: int
) -> None:
    frame = plain(year)
    blank = frame[frame["NO"].isna()]
    columns = settings.layout["columns"]
    personal = ["MEMBERS", "WEIGHT", *columns["core"], *columns["module"]]
    assert blank[personal].isna().all().all()
    assert blank[[*HOUSEHOLD, "MONTH", "SYN_YEAR"]].notna().all().all()
    households = frame.drop_duplicates(HOUSEHOLD)
    assert 0.08 < len(blank) / len(households) < 0.19
    assert frame.loc[frame["NO"].notna(), ["WEIGHT", "SEX", "AGE"]].notna().all().all()


@pytest.mark.parametrize("year", YEARS)
def test_no_time_of_writing(folder: Path, year: int) -> None:
    content = (folder / str(year) / FILES[year]).read_bytes()
    if FILES[year].endswith(".sav"):
        assert content[92:109] == b"01 Jan 0000:00:00"
    elif FILES[year].endswith(".dta"):
        assert b"01 Jan 2000 00:00" in content[:1000]


@pytest.mark.parametrize(
    ("year", "words"), [(2019, "Q4 2562"), (2021, "Q4 2564"), (2023, "พ.ศ. 2566"), (2024, "2567")]
)
def test_labels_say_synthetic_and_the_year(folder: Path, year: int, words: str) -> None:
    path = folder / str(year) / FILES[year]
    reader = pyreadstat.read_sav if path.suffix == ".sav" else pyreadstat.read_dta
    meta = reader(path, metadataonly=True)[1]
    assert meta.file_label.startswith("SYNTHETIC")
    assert words in meta.file_label
    labels = meta.column_names_to_labels
    sex = "SEX" if "SEX" in labels else "SEX_"
    assert labels[sex] == ("Sex" if year < 2022 else "เพศ")
    value = meta.variable_value_labels["RELATION"]
    assert value[1] == ("Head" if year < 2022 else "หัวหน้าครัวเรือน")


def test_2019_loses_leading_zeros_and_miscounts_members(
    folder: Path, plain: Callable[[int], pd.DataFrame]
) -> None:
    frame = as_delivered(folder, 2019, FILES[2019])
    assert pd.api.types.is_numeric_dtype(frame["INDUS"])
    assert frame["INDUS"].between(1000, 3999).sum() > 100
    assert (frame["OCCUP"] == 110).any()
    people = plain(2019)[lambda table: table["NO"].notna()]
    rows = people.groupby(HOUSEHOLD)["NO"].transform("size")
    wrong = people.loc[people["MEMBERS"] != rows].drop_duplicates(HOUSEHOLD)
    assert len(wrong) == 12


@pytest.mark.parametrize("year", [2020, 2021, 2022, 2023, 2024])
def test_members_are_right_elsewhere(plain: Callable[[int], pd.DataFrame], year: int) -> None:
    people = plain(year)[lambda table: table["NO"].notna()]
    rows = people.groupby(HOUSEHOLD)["NO"].transform("size")
    assert (people["MEMBERS"] == rows).all()


def test_2020_has_trailing_underscores(folder: Path) -> None:
    names = set(as_delivered(folder, 2020, FILES[2020]))
    assert {"SIZE_", "OCCUP_", "SEX_"} <= names
    assert not {"SIZE", "OCCUP", "SEX"} & names


def test_dta_versions(folder: Path) -> None:
    assert b"<release>118</release>" in (folder / "2019/lfs624.dta").read_bytes()[:80]
    assert b"<release>117</release>" in (folder / "2020/lfs634.dta").read_bytes()[:80]


def test_2021_has_two_households_without_head(folder: Path) -> None:
    frame = as_delivered(folder, 2021, FILES[2021])
    assert "SIZE_" in frame
    assert "SIZE" not in frame
    collective = frame[frame["RELATION"] == 0]
    assert len(collective.drop_duplicates(HOUSEHOLD)) == 2
    for year in (2019, 2022):
        other = as_delivered(folder, year, FILES[year])
        assert not (other["RELATION"] == 0).any()


def test_2022_is_thai_text_in_its_code_page(folder: Path) -> None:
    path = folder / "2022" / FILES[2022]
    with pytest.raises(UnicodeDecodeError):
        path.read_text(encoding="utf-8")
    frame = as_delivered(folder, 2022, FILES[2022])
    assert set(frame["SEX"].dropna()) == {"ชาย", "หญิง"}
    assert set(frame["AREA"]) == {"ในเขตเทศบาล", "นอกเขตเทศบาล"}
    for name in ("MARITAL", "SYN_NAT", "SYN_MOVED", "SYN_REMIT"):
        assert not pd.api.types.is_numeric_dtype(frame[name])
    assert frame["CWT"].between(10, 96).all()


def test_2023_has_strings_and_a_module_file(folder: Path, settings: Settings) -> None:
    frame = as_delivered(folder, 2023, FILES[2023])
    widths = {"MARITAL": 2, "OCCUP": 4, "RE_ED": 2, "INDUS": 5}
    for name, width in widths.items():
        values = frame[name][frame[name] != ""]
        assert len(values)
        assert values.str.fullmatch(rf"\d{{{width}}}").all()
    assert frame["INDUS"].str.startswith("0").any()
    module_columns = settings.layout["columns"]["module"]
    assert not set(module_columns) & set(frame)
    module = as_delivered(folder, 2023, "mig664.sav")
    assert list(module) == [*KEY, "SEX", "AGE", "WGT", *module_columns]
    assert not module.duplicated(KEY).any()
    both = frame[frame["NO"].notna()].merge(module, on=KEY, suffixes=("", "_m"))
    assert len(both) == len(module) == frame["NO"].notna().sum()
    for name in ("SEX", "AGE", "WGT"):
        assert (both[name] == both[f"{name}_m"]).all()


def test_2024_has_lower_case_names(folder: Path) -> None:
    frame = as_delivered(folder, 2024, FILES[2024])
    assert {"reg", "cwt", "area"} <= set(frame)
    assert not {"REG", "CWT", "AREA"} & set(frame)
    assert frame["EA_SET"].str.fullmatch(r"\d{2}").all()


@pytest.mark.parametrize("year", YEARS)
def test_codes_are_those_of_the_layout(
    plain: Callable[[int], pd.DataFrame], settings: Settings, year: int
) -> None:
    frame = plain(year)
    for name, entry in settings.layout["variables"].items():
        if "codes" in entry and name != "SYN_DUR":
            assert set(frame[name].dropna()) <= {float(code) for code in entry["codes"]}, name
    assert set(frame["CWT"]) == {float(code) for code in settings.provinces["code"]}
    assert frame["MONTH"].isin([10, 11, 12]).all()
    assert frame["EA_SET"].between(1, 11).all()
    assert frame["HH_NO"].between(1, 16).all()
    assert (frame["HH_NO"][frame["AREA"] == 2] <= 12).all()


def test_sentinels_occur(plain: Callable[[int], pd.DataFrame]) -> None:
    frame = pd.concat([plain(year) for year in YEARS])
    for name, code in {
        "AMOUNT": 99999,
        "APPROX": 999998,
        "INDUS": 99999,
        "OCCUP": 9970,
        "SIZE": 9,
        "DR_UNEM": 9,
        "RE_ED": 17,
        "MARITAL": 6,
        "SYN_DUR": 99,
        "SYN_BIRTH_PV": 99,
        "SYN_NAT": 9,
    }.items():
        assert (frame[name] == code).any(), name


@pytest.mark.parametrize("year", YEARS)
def test_nobody_is_entered_twice(plain: Callable[[int], pd.DataFrame], year: int) -> None:
    people = plain(year)[lambda table: table["NO"].notna()]
    alike = people.drop(columns=["NO", "WEIGHT"]).duplicated()
    assert alike.mean() < 0.0005
