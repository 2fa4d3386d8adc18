"""What becomes of every row of data/codebook/breaks.md; a row without a test here fails."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import raw_files

from lfsmig.errors import InputError
from lfsmig.intake.derive import DERIVATIONS
from lfsmig.intake.files import check_names
from lfsmig.intake.harmonise import Harmonised, harmonise
from lfsmig.intake.lookups import Names, lookup_names, lookup_rows
from lfsmig.intake.stamps import read_forms
from lfsmig.intake.validate import validate
from lfsmig.params import Params, VariableMap
from lfsmig.years import common_era

BOOK = Path(__file__).parents[2] / "data/codebook/breaks.md"
Change = Callable[[pd.DataFrame], pd.DataFrame]


class Case:
    """Years as the sample plants them, and one year with a change of its records."""

    def __init__(self, params: Params, raw: Path, folder: Path) -> None:
        self.params, self.raw, self.folder = params, raw, folder
        self.year = cache(lambda year: harmonise(params, year, raw))
        self.changes = 0

    def write(self, year: int, change: Change) -> Path:
        self.changes += 1
        target = self.folder / str(self.changes)
        raw_files.write_year(target, year, change(raw_files.people(year)))
        return target

    def changed(self, year: int, **values: object) -> Harmonised:
        """Harmonise a year in which the first person has other values."""

        def first(frame: pd.DataFrame) -> pd.DataFrame:
            for name, value in values.items():
                frame.loc[0, name] = value
            return frame

        return harmonise(self.params, year, self.write(year, first))

    def check(self, name: str, harmonised: Harmonised, part: str = "") -> int:
        found = validate(self.params, harmonised.year, harmonised)
        one = next(one for one in found if one["id"] == name)
        if part:
            one = next(inner for inner in one["parts"] if inner["part"] == part)
        return int(one["count"])

    def refused(self, year: int, change: Change, words: str) -> None:
        with pytest.raises(InputError, match=words):
            harmonise(self.params, year, self.write(year, change))


@pytest.fixture(scope="module")
def case(params: Params, raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(params, raw, tmp_path_factory.mktemp("rows"))


def _line(result: Harmonised, variable: str, code: str) -> pd.Series:
    rows = result.ledger
    return rows[rows["variable"].eq(variable) & rows["source_code"].eq(code)].iloc[0]


def row_1(case: Case) -> None:
    for year, name in ((2020, "Weight"), (2021, "WGT")):
        found = case.year(year).ledger
        assert set(found.loc[found["variable"].eq("weight"), "source_column"]) == {name}
    assert {"WGT_CWT", "WGT_REG"} <= set(case.params.year(2021).map.columns["WGT"].aliases)
    case.refused(2021, lambda f: f.assign(WGT_CWT=1.0), "both stand for WGT")


def row_2(case: Case) -> None:
    assert _line(case.year(2020), "sex", "1")["source_column"] == "SEX_"
    ledger = case.year(2021).ledger
    assert "SIZE_" in set(ledger.loc[ledger["harmonised_code"].eq("(ignored)"), "source_column"])


def row_3(case: Case) -> None:
    assert _line(case.year(2024), "area", "1")["source_column"] == "area"


def row_4(case: Case) -> None:
    text, number = case.year(2023), case.year(2021)
    assert _line(text, "marital_status", "02")["harmonised_code"] == "married"
    assert _line(number, "marital_status", "2")["harmonised_code"] == "married"
    case.refused(2023, lambda f: f.assign(MARITAL=f["MARITAL"].replace(2, 8)), "no meaning.*08")


def row_5(case: Case) -> None:
    assert _line(case.year(2019), "sector", "1111")["harmonised_code"] == "agriculture"
    assert _line(case.year(2019), "occupation", "110")["harmonised_code"] == "0"


def row_6(case: Case) -> None:
    keys = case.year(2021).frame["household_id"]
    assert keys.str.split("-").map(lambda parts: tuple(map(len, parts))).nunique() == 1
    assert set(case.year(2021).frame["psu"].str[-4:]) == {"0007", "1024"}
    assert case.check("K1", case.year(2021)) == 0


def row_7(case: Case) -> None:
    text, number = case.year(2024), case.year(2021)
    assert text.receipt["files"][0]["types"]["EA_SET"] == "text"
    assert set(text.frame["household_id"]) == set(number.frame["household_id"])


def row_8(case: Case) -> None:
    result = case.year(2021)
    assert result.receipt["blank_records"] == len(result.blanks) == 8
    assert _line(result, "", "(blank record)")["harmonised_code"] == "(dropped)"


def row_9(case: Case) -> None:
    def twin(frame: pd.DataFrame) -> pd.DataFrame:
        keep = frame.loc[1, "NO"]
        frame.loc[1] = frame.loc[0]
        frame.loc[1, "NO"] = keep
        return frame

    before = case.check("K2", case.year(2021), "persons")
    after = harmonise(case.params, 2021, case.write(2021, twin))
    assert case.check("K2", after, "persons") == before + 1


def row_10(case: Case) -> None:
    result = case.changed(2021, MEMBERS=9)
    assert result.frame.loc[0, "household_size"] == 4
    assert case.check("K4", result) == case.check("K4", case.year(2021)) + 1


def row_11(case: Case) -> None:
    result = case.changed(2021, NO=2)
    assert case.check("K1", result) == 1


def row_12(case: Case) -> None:
    def collective(frame: pd.DataFrame, code: int) -> pd.DataFrame:
        frame.loc[:3, "RELATION"] = code
        return frame

    before = case.check("K4", case.year(2021))
    made = harmonise(case.params, 2021, case.write(2021, lambda f: collective(f, 0)))
    assert case.check("K4", made) == before
    made = harmonise(case.params, 2021, case.write(2021, lambda f: collective(f, 13)))
    assert case.check("K4", made) == before + 1


def row_13(case: Case) -> None:
    assert case.changed(2021, RELATION=15).frame.loc[0, "relation"] == "non_relative"
    case.refused(2021, lambda f: f.assign(RELATION=f["RELATION"].replace(15, 16)), "code 16")


def row_14(case: Case) -> None:
    result = case.changed(2021, APPROX=999998, INDUS=99999, RE_ED=16)
    assert result.frame.loc[0, ["monthly_wage", "sector", "education"]].isna().all()
    frame = case.year(2021).frame
    assert frame.loc[3, ["monthly_wage", "occupation", "education", "marital_status"]].isna().all()
    assert {"AMOUNT", "SIZE", "DR_UNEM"} <= set(case.params.year(2021).map.ignore)
    assert case.check("R4", result) == 0


def row_15(case: Case) -> None:
    result = case.changed(2021, INDUS=98100)
    assert len(result.frame) == len(case.year(2021).frame)
    assert result.frame.loc[0, ["sector"]].isna().all()
    assert result.frame.loc[0, "labour_status"] == "employed"


def row_16(case: Case) -> None:
    sectors = [
        [case.changed(2021, INDUS=code).frame.loc[0, "sector"] for code in pair]
        for pair in ((27290, 29270), (93060, 93090))
    ]
    assert sectors == [["manufacturing"] * 2, ["services"] * 2]
    assert case.params.year(2021).map.variables["sector"].lookup is None


def row_17(case: Case) -> None:
    result = case.changed(2021, APPROX=0)
    assert result.frame.loc[0, ["monthly_wage"]].isna().all()
    assert "without a wage" in _line(result, "monthly_wage", "0")["reason"]
    assert _line(result, "monthly_wage", "(number)")["source_column"] == "APPROX"


def row_18(case: Case) -> None:
    for year in (2019, 2021):
        assert case.changed(year, MAIN_HR=98).frame.loc[0, "hours_main"] == 98
    limits = {tuple(case.params.year(y).map.variables["hours_main"].limits or ()) for y in YEARS}
    assert limits == {(0, 168)}


def row_19(case: Case) -> None:
    result = harmonise(case.params, 2021, case.write(2021, lambda f: f.assign(MONTH=8)))
    assert case.check("S3", result) > 0


def row_20(case: Case) -> None:
    assert common_era(2567) == 2024 and common_era(2024) == 2024
    year = case.params.year(2024)
    wrong = year.map.files[0].model_copy(update={"path": "lfs664.sav"})
    other = type(year)(
        2024, year.map.model_copy(update={"files": [wrong]}), year.document, year.own_keys
    )
    with pytest.raises(InputError, match="the name says 2023"):
        check_names(case.params, other, "here")
    case.refused(2024, lambda f: f.assign(SYN_YEAR=2566), "another year's file")


def row_21(case: Case) -> None:
    """Not at work, not seeking, available: unemployed by the office's rule."""
    result = case.changed(2021, WK_7DAY=2, RECEIVE=2, RETURN=2, SEEKING=3, AVAILABLE=1)
    assert result.frame.loc[0, "labour_status"] == "unemployed"
    ledger = result.ledger
    reasons = set(ledger.loc[ledger["variable"].eq("labour_status"), "reason"])
    assert reasons == {DERIVATIONS["labour_status_nso"][1]} and "seeking or available" in str(
        reasons
    )


def row_22(case: Case) -> None:
    assert case.year(2021).frame.loc[1, "labour_status"] == "seasonal"


def row_23(case: Case) -> None:
    year = case.params.year(2021)
    entry = year.map.variables["previous_province"]
    assert entry.lookup is not None and entry.lookup.where == {"list": "official_77"}
    serial = entry.lookup.model_copy(update={"where": {"list": "serial_pre2001"}})
    told = [
        {row["code"]: row["province"] for row in lookup_rows(case.params, year, "x", lookup)}["43"]
        for lookup in (entry.lookup, serial)
    ]
    assert told == ["43", "19"]
    # Born in what is now Bueng Kan: that code is known, and its family with it.
    assert case.year(2021).frame.loc[1, "birth_province"] == "38"
    assert ["43", "38"] in case.params.country.families


def row_24(case: Case) -> None:
    year = case.params.year(2021)
    entry = VariableMap.model_validate(
        {
            "column": "CWT",
            "lookup": {
                "table": "../data/codebook/province_names.csv",
                "key": "name",
                "value": "code",
                "match": "name",
            },
        }
    )
    assert entry.lookup is not None
    rows = lookup_rows(case.params, year, "province", entry.lookup)
    names: Names = lookup_names(year, "province", entry.lookup, rows)
    for spelt, code in (("Samut Prakarn", "11"), ("Phang-nga", "82"), ("SISAKET", "33")):
        found = names.find(spelt)
        assert found is not None and found[0] == code
    assert names.find("Atlantis") is None


def row_25(case: Case) -> None:
    regions = case.year(2021).frame.groupby("province", observed=True)["region"].first()
    assert regions["10"] == "1" and regions["20"] == "2" and regions["43"] == "4"

    def nineties(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(REG=frame["REG"].map({1: 5, 2: 4, 4: 2}))

    wrong = harmonise(case.params, 2021, case.write(2021, nineties))
    assert case.check("D1", wrong) > 0


def row_26(case: Case) -> None:
    links = case.params.country.design.psu_links
    assert not any({2021, 2022} <= set(group) for group in links)
    assert _break(case, 26).mark and _break(case, 26).between(2021, 2022)


def row_27(case: Case) -> None:
    assert all(text in _break(case, 27).note["en"] for text in ("83,880", "86,880"))


def row_28(case: Case) -> None:
    assert _break(case, 28).kind == "population"
    result = harmonise(
        case.params, 2022, case.write(2022, lambda f: f.assign(WEIGHT=f["WEIGHT"] * 1.03))
    )
    found = validate(case.params, 2022, result, case.year(2021))
    assert next(one for one in found if one["id"] == "W5")["status"] == "fail"


def row_29(case: Case) -> None:
    found = _break(case, 29)
    assert found.mark and (found.from_year, found.to_year) == (2020, 2021)
    assert found.between(2019, 2020) and found.between(2021, 2022)
    assert not found.between(2020, 2021)


def row_30(case: Case) -> None:
    assert _break(case, 30).mark and "education" in _break(case, 30).touches.variables
    for year in YEARS:
        codes = case.params.year(year).map.variables["education"].codes or {}
        assert codes["5-7"] == "upper_secondary"


def row_31(case: Case) -> None:
    frame = case.year(2021).frame
    assert frame.loc[3, "previous_country"] == "MM" and frame.loc[3, "number_of_moves"] == 0
    assert case.check("M6", case.year(2021)) == 0


def row_32(case: Case) -> None:
    facts = [case.year(year).receipt["files"][0] for year in (2020, 2021, 2022)]
    assert [f["format"] for f in facts] == ["Stata", "SPSS", "CSV"]
    assert facts[2]["encoding"] == "cp874"
    assert case.year(2022).frame["sex"].tolist() == case.year(2021).frame["sex"].tolist()


def row_33(case: Case) -> None:
    told = [form.read("5712") for form in read_forms(case.params).values()]
    assert (2014, 12) in {(one.year, one.month) for one in told if one is not None}

    folder = case.write(2022, lambda f: f)
    path = folder / "2022/lfs654.csv"
    text = path.read_bytes().decode("cp874")
    path.write_bytes(text.replace(",", "|").encode("cp874"))
    assert len(harmonise(case.params, 2022, folder).frame) == len(case.year(2022).frame)
    path.write_bytes(text.replace(",12000,", ',"12,000",', 1).encode("cp874"))
    with pytest.raises(InputError, match="a comma between thousands"):
        harmonise(case.params, 2022, folder)


def row_34(case: Case) -> None:
    child = case.year(2021).frame.loc[2]
    assert child["age"] < 15
    assert pd.isna(child["education"]) and pd.isna(child["labour_status"])
    assert child["moved"] == "no"
    assert case.params.variables["labour_status"].asked_if
    assert case.params.variables["moved"].asked_if is None
    assert case.check("L1", case.year(2021)) == 0


def _break(case: Case, number: int):
    return next(one for one in case.params.breaks if number in one.rows)


YEARS = tuple(raw_files.NAMES)
ROWS = {
    int(name.removeprefix("row_")): function
    for name, function in dict(globals()).items()
    if re.fullmatch(r"row_\d+", name)
}


def listed() -> list[int]:
    text = BOOK.read_text(encoding="utf-8")
    return [int(number) for number in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)]


def test_every_row_has_its_test() -> None:
    assert listed() == sorted(ROWS)


@pytest.mark.parametrize("number", sorted(ROWS))
def test_row(case: Case, number: int) -> None:
    ROWS[number](case)


def test_breaks_name_rows_of_the_list(case: Case) -> None:
    named = [number for one in case.params.breaks for number in one.rows]
    assert set(named) <= set(listed())
    assert np.all(np.diff([one.from_year for one in case.params.breaks]) >= 0)
