"""Places told apart by list, names however they are spelt, years however they are written."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import raw_files
from hypothesis import given
from hypothesis import strategies as st
from test_bad_files import line_of

from lfsmig.errors import ParameterError
from lfsmig.intake.harmonise import Harmonised, harmonise
from lfsmig.intake.lookups import name_key
from lfsmig.intake.stamps import Stamp, read_forms, readings
from lfsmig.params import Params

BOOK = Path(__file__).parents[2] / "data" / "codebook"
WORDS = ["จังหวัด", "จ.", "province", "changwat"]


def rows(name: str) -> list[dict[str, str]]:
    with (BOOK / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def lists(name: str, value: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for row in rows(name):
        found.setdefault(row["list"], {})[row["code"]] = row[value]
    return found


PROVINCES = {row["code"]: row for row in rows("provinces.csv")}


def test_three_lists_of_provinces() -> None:
    found = lists("province_lists.csv", "province")
    assert {name: len(codes) for name, codes in found.items()} == {
        "official_77": 77, "official_76": 76, "serial_pre2001": 76,
    }  # fmt: skip
    assert found["official_77"] == {code: code for code in PROVINCES}
    assert set(found["official_77"]) - set(found["official_76"]) == {"38"}
    serial = found["serial_pre2001"]
    assert set(serial) == {str(number) for number in range(1, 77)}
    assert sorted(serial.values()) == sorted(set(PROVINCES) - {"38"})
    assert serial == {
        row["legacy_precwd_1985_2000"]: code
        for code, row in PROVINCES.items()
        if row["legacy_precwd_1985_2000"]
    }
    # Why a value can never tell the list: most codes stand in two with two meanings.
    both = set(serial) & set(PROVINCES)
    assert len(both) > 50 and sum(serial[code] == code for code in both) <= 2
    assert (serial["43"], serial["56"]) == ("19", "10")


def test_regions_in_two_orders(params: Params) -> None:
    found = lists("region_lists.csv", "region")
    assert found["nso"] == {code: code for code in params.country.regions}
    assert found["order_1990s"] == {"1": "3", "2": "4", "3": "5", "4": "2", "5": "1"}
    for row in rows("region_lists.csv"):
        assert row["name"] == params.country.regions[row["region"]]["en"]


def write(folder: Path, frame: pd.DataFrame, year: int = 2021) -> None:
    raw_files.write_year(folder, year, frame)


def previous(result: Harmonised) -> list[str]:
    return sorted(set(result.frame["previous_province"].dropna().astype(str)))


OTHER = """  previous_province:
    column: SYN_PREV_PV
    missing: {99: unknown}
    lookup: *provinces
"""


def lookup(list_name: str) -> str:
    return OTHER.replace(
        "*provinces",
        "{table: ../data/codebook/province_lists.csv, key: code, value: province, "
        f"where: {{list: {list_name}}}}}",
    )


def test_the_same_value_in_three_lists(edited, tmp_path: Path) -> None:
    frame = raw_files.people(2021)
    frame["SYN_PREV_PV"] = frame["SYN_PREV_PV"].replace(20.0, 43.0)
    write(tmp_path, frame)
    base = edited("years/base.yml", OTHER, lookup("official_76"))
    assert previous(harmonise(base, 2021, tmp_path)) == ["43"]
    serial = edited("years/base.yml", "official_76", "serial_pre2001")
    result = harmonise(serial, 2021, tmp_path)
    assert previous(result) == ["19"]
    line = result.ledger[result.ledger["variable"].eq("previous_province")]
    assert ("43", "19") in set(zip(line["source_code"], line["harmonised_code"], strict=True))


def test_codes_of_another_list_are_not_taken_but_told(
    params: Params, edited, tmp_path: Path
) -> None:
    frame = raw_files.people(2021)
    frame["SYN_PREV_PV"] = frame["SYN_PREV_PV"].replace(20.0, 5.0)
    write(tmp_path, frame)
    text = line_of(lambda: harmonise(params, 2021, tmp_path))
    assert "no meaning for code 5 (16 records)" in text
    assert "; all its codes are in the list serial_pre2001; add it" in text
    # Bueng Kan is in the list of 77 only.
    frame["SYN_PREV_PV"] = frame["SYN_PREV_PV"].replace(5.0, 38.0)
    write(tmp_path, frame)
    text = line_of(
        lambda: harmonise(edited("years/base.yml", OTHER, lookup("official_76")), 2021, tmp_path)
    )
    assert "code 38" in text and "the list official_77 or serial_pre2001" in text


def test_unknown_list(edited, raw: Path) -> None:
    changed = edited("years/base.yml", OTHER, lookup("official_78"))
    text = line_of(lambda: harmonise(changed, 2021, raw), ParameterError)
    assert "has no row with list official_78; known: official_76, official_77" in text


def test_regions_in_the_old_order(edited, tmp_path: Path) -> None:
    frame = raw_files.people(2021)
    write(tmp_path / "new", frame)
    frame["REG"] = frame["REG"].map({1: 5, 2: 4, 3: 1, 4: 2, 5: 3})
    write(tmp_path / "old", frame)
    params = edited("years/base.yml", "where: {list: nso}", "where: {list: order_1990s}")
    old = harmonise(params, 2021, tmp_path / "old")
    assert old.frame["region"].astype(str).tolist() == [
        {1: "1", 2: "2", 4: "4"}[region]
        for region, _, _ in raw_files.STRATA
        for _ in range(2 * 2 * len(raw_files.PERSONS))
    ]


def named(edited, edit: str = "") -> Params:
    names = (
        "{table: ../data/codebook/province_names.csv, key: name, value: code, match: name, "
        f"drop: [{', '.join(WORDS)}]}}"
    )
    return edited("years/base.yml", OTHER, OTHER.replace("*provinces", names) + edit)


def with_names(folder: Path, names: list[str]) -> None:
    """Write the year delivered as text with provinces by name."""
    frame = raw_files.as_codes(raw_files.people(2022))
    movers = np.flatnonzero(frame["SYN_PREV_PV"].astype(str).eq("20"))
    for index, row in enumerate(movers):
        frame.loc[row, "SYN_PREV_PV"] = names[index % len(names)]
    for column, labels in raw_files.THAI.items():
        frame[column] = raw_files.people(2022)[column].map(labels).fillna("")
    target = folder / "2022"
    target.mkdir()
    frame = frame.rename(columns={"WEIGHT": "WGT"})
    (target / "lfs654.csv").write_text(frame.to_csv(index=False), encoding="utf-8")


def test_names_however_they_are_spelt(edited, tmp_path: Path) -> None:
    names = ["ชลบุรี", "จังหวัดชลบุรี", "Chonburi", "CHON  BURI Province", "จ.ชลบุร", "ชบ", "20x"]
    with_names(tmp_path, names[:-1])
    result = harmonise(named(edited), 2022, tmp_path)
    assert previous(result) == ["20"]
    ledger = result.ledger[result.ledger["variable"].eq("previous_province")]
    reasons = dict(zip(ledger["source_code"], ledger["reason"], strict=True))
    assert reasons["ชลบุรี"] == "" and reasons["Chonburi"] == "read as Chon Buri"
    assert reasons["จ.ชลบุร"] == "read as ชลบุรี"


def test_names_that_no_list_has_are_told_with_the_nearest(edited, tmp_path: Path) -> None:
    with_names(tmp_path, ["ชลบุรี", "Chonbury", "โตเกียว"])
    text = line_of(lambda: harmonise(named(edited), 2022, tmp_path))
    assert "no meaning for code Chonbury (5 records), โตเกียว (5 records)" in text
    assert "(Chonbury perhaps Chon Buri)" in text


def test_two_places_under_one_name_are_refused(edited, raw: Path) -> None:
    params = named(edited)
    table = params.dir / ".." / "data/codebook/province_names.csv"
    with table.open("a", encoding="utf-8") as lines:
        lines.write("chonburi,en,21,misspelt,test\n")
    assert "spelt alike" in line_of(
        lambda: harmonise(Params(params.dir), 2022, raw), ParameterError
    )


NAMES = rows("province_names.csv")


def test_names_of_both_languages_tell_all_provinces_apart() -> None:
    keys: dict[str, set[str]] = {}
    for row in NAMES:
        keys.setdefault(name_key(row["name"], WORDS), set()).add(row["code"])
    assert "" not in keys and {len(codes) for codes in keys.values()} == {1}
    official = Counter((row["language"], row["code"]) for row in NAMES if row["kind"] == "official")
    assert official == Counter((lang, code) for lang in ("th", "en") for code in PROVINCES)
    assert {row["kind"] for row in NAMES} == {"official", "alias", "abbreviation", "misspelt"}


@pytest.mark.parametrize(
    ("spelling", "code"),
    [
        # As printing programs break them, from published tables.
        ("กรงุเทพมหำนคร", "10"), ("อ านาจเจรญ", "37"), ("อ ำนำจเจรญ", "37"), ("ลําปาง", "52"),
        ("หนองบวัล าภู", "39"), ("ก ำแพงเพชร", "62"), ("พทัลงุ*", "93"), ("สรุาษฎรธ์าน", "84"),
        ("เชีียงราย", "57"), ("ศรีษะเกษ", "33"), ("กรุงเทพฯ", "10"), ("พระนครศรีอยุทธยา", "14"),
        # Of English tables.
        ("Samut Prakarn", "11"), ("Lopburi", "16"), ("Sisaket", "33"), ("Phang-nga", "82"),
        ("Nong Bua Lamphu", "39"), ("Am Nat Charoen", "37"), ("Bangkok Metropolis", "10"),
        ("Bung Kan", "38"), ("Ayutthaya", "14"), ("Korat", "30"),
    ],
)  # fmt: skip
def test_broken_spellings(spelling: str, code: str) -> None:
    keys = {name_key(row["name"], WORDS): row["code"] for row in NAMES}
    assert keys[name_key(spelling, WORDS)] == code


@given(
    st.sampled_from([row["name"] for row in NAMES]),
    st.sampled_from(["", "จังหวัด", "จ. ", "Changwat "]),
    st.sampled_from([str.upper, str.lower, str.title, lambda text: f"  {text} "]),
)
def test_case_blanks_and_words_do_not_count(name: str, before: str, change) -> None:
    assert name_key(before + change(name), WORDS) == name_key(name, WORDS)


@pytest.mark.parametrize("row", rows("stamps.csv"), ids=lambda row: row["form"])
def test_examples_of_the_table_of_stamps(params: Params, row: dict[str, str]) -> None:
    stamp = read_forms(params)[row["form"]].read(row["example"])
    assert stamp is not None
    told = str(stamp.year)
    told += f" quarter {stamp.quarter}" if stamp.quarter else ""
    told += f" month {stamp.month}" if stamp.month else ""
    assert told == row["reads"]


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("be4", "2566", Stamp(2023)),
        ("be4", "2023", None),
        ("be2", "66", Stamp(2023)),
        ("ce4", "2566", None),
        ("file", "lfs664.sav", Stamp(2023, 4)),
        ("file", "LFS614TDRI.dta", Stamp(2018, 4)),
        ("file", "acs2024_13states.csv", None),
        ("file", "lfs665.sav", None),
        ("mmyy_be", "1066", Stamp(2023, None, 10)),
        ("mmyy_be", "1366", None),
        ("yymm_be", "5712", Stamp(2014, None, 12)),
        ("yymm_be", "6613", None),
        ("q_be4", "4/2566", Stamp(2023, 4)),
    ],
)
def test_stamps(params: Params, form: str, text: str, expected: Stamp | None) -> None:
    assert read_forms(params)[form].read(text) == expected


def test_a_text_with_two_readings_is_for_a_person(params: Params) -> None:
    assert set(readings("1012", read_forms(params))) == {"mmyy_be", "yymm_be"}
    assert readings("x", read_forms(params)) == {}


def stamped(edited, form: str) -> Params:
    changed = edited("years/base.yml", "month: {column: MONTH}",
                     f"month: {{column: MONTH, stamp: {{form: {form}, part: month}}}}")  # fmt: skip
    assert changed
    changed = edited("years/base.yml", "  MONTH: {}\n", "  MONTH: {width: 4}\n")
    return edited("years/base.yml", "{column: SYN_YEAR, form: be4}",
                  f"{{column: MONTH, form: {form}}}")  # fmt: skip


@pytest.mark.parametrize(("form", "made"), [("mmyy_be", "{m}64"), ("yymm_be", "64{m}")])
def test_month_and_year_in_one_stamp(edited, tmp_path: Path, form: str, made: str) -> None:
    frame = raw_files.people(2021)
    months = frame["MONTH"].astype(int)
    frame["MONTH"] = [float(made.format(m=month)) for month in months]
    write(tmp_path, frame.drop(columns="SYN_YEAR"))
    result = harmonise(stamped(edited, form), 2021, tmp_path)
    assert result.frame["month"].tolist() == months[frame["NO"].notna()].tolist()
    line = result.ledger[result.ledger["variable"].eq("month")].iloc[0]
    assert line["reason"].startswith("month of a stamp")


def test_a_stamp_of_another_year_and_one_that_is_none(edited, tmp_path: Path) -> None:
    frame = raw_files.people(2021)
    frame["MONTH"] = frame["MONTH"] * 100 + 65
    write(tmp_path, frame.drop(columns="SYN_YEAR"))
    params = stamped(edited, "mmyy_be")
    text = line_of(lambda: harmonise(params, 2021, tmp_path))
    assert "MONTH says 2022 (1065), expected 2021" in text
    frame["MONTH"] = 1364.0
    write(tmp_path, frame.drop(columns="SYN_YEAR"))
    text = line_of(lambda: harmonise(params, 2021, tmp_path))
    assert "MONTH says 1364, expected 2021" in text
    params = edited(
        "years/base.yml", "{column: MONTH, form: mmyy_be}", "{column: SYN_YEAR, form: be4}"
    )
    write(tmp_path, frame)
    text = line_of(lambda: harmonise(params, 2021, tmp_path))
    assert "column MONTH: 1364 (64 records) cannot be read as mmyy_be" in text


def test_a_name_that_says_another_year(edited, tmp_path: Path) -> None:
    params = edited("years/2021.yml", "lfs644.sav", "lfs654.sav")
    folder = raw_files.write_year(tmp_path, 2021)
    (folder / "lfs644.sav").rename(folder / "lfs654.sav")
    assert line_of(lambda: harmonise(params, 2021, tmp_path)).startswith(
        "lfs654.sav: the name says 2022, expected 2021"
    )


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("years/base.yml", "form: be4", "form: be5", "expected a form of the table of stamps: be4"),
        ("country.yml", "file: file", "file: name", "has no form name"),
        ("years/base.yml", "month: {column: MONTH}",
         "month: {column: MONTH, stamp: {form: x, part: month}}", "expected a form of the table"),
        ("years/base.yml", "sex:\n    column: SEX",
         "sex:\n    column: SEX\n    stamp: {form: be4, part: year}", "a whole number from one"),
    ],
)  # fmt: skip
def test_stamps_that_are_not_there(
    edited, raw: Path, file: str, old: str, new: str, expected: str
) -> None:
    params = edited(file, old, new)
    assert expected in line_of(lambda: harmonise(params, 2021, raw), ParameterError)


def test_a_table_of_stamps_that_cannot_be_used(edited, raw: Path) -> None:
    params = edited("country.yml", "code: TH", "code: TH")
    table = params.dir / ".." / "data/codebook/stamps.csv"
    text = table.read_text(encoding="utf-8")
    for new in (r"(?P<day>\d\d)", "(", "x,y"):
        table.write_text(text.replace(r"(?P<year>2[45]\d\d)", new, 1), encoding="utf-8")
        problem = line_of(lambda: harmonise(Params(params.dir), 2021, raw), ParameterError)
        assert "stamps.csv:2: " in problem
