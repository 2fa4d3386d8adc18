"""Raw files of six years in their own layouts give one and the same table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import raw_files
from pandas.testing import assert_frame_equal

from lfsmig.intake.harmonise import Harmonised, harmonise
from lfsmig.intake.ledger import COLUMNS, without_few, write_ledger
from lfsmig.params import Params

YEARS = sorted(raw_files.NAMES)
# The MEMBERS column of 2019 is wrong on purpose.
COMPARED = ["year", "members_reported"]


@pytest.fixture(scope="module")
def years(params: Params, raw: Path) -> dict[int, Harmonised]:
    return {year: harmonise(params, year, raw) for year in YEARS}


@pytest.mark.parametrize("year", YEARS)
def test_every_year_gives_the_same_table(years: dict[int, Harmonised], year: int) -> None:
    expected = years[2021].frame.drop(columns=COMPARED)
    assert_frame_equal(years[year].frame.drop(columns=COMPARED), expected)
    assert (years[year].frame["year"] == year).all()


def test_a_record_by_hand(years: dict[int, Harmonised]) -> None:
    head, spouse, child, visitor = (years[2023].frame.iloc[n] for n in range(4))
    assert head["household_id"] == "1-10-1-0007-03-A-01"
    assert (head["stratum"], head["psu"]) == ("10-1", "10-1-0007")
    assert (head["occupation"], head["sector"]) == ("0", "agriculture")
    assert (head["birth_country"], head["previous_province"]) == ("TH", "20")
    assert head["monthly_wage"] == 12000
    assert spouse["labour_status"] == "seasonal"
    assert pd.isna(child["birth_province"]) and child["years_here"] == 8
    assert pd.isna(child["labour_status"]) and pd.isna(child["education"])
    assert (visitor["previous_country"], visitor["previous_area"]) == ("MM", "abroad")
    for name in ("monthly_wage", "remittance_cash", "occupation", "expected_stay", "education"):
        assert pd.isna(visitor[name]), name
    assert visitor["remittance_goods"] == 0
    assert visitor["sector"] == "manufacturing"


def test_any_country_may_be_an_answer(params: Params, tmp_path: Path) -> None:
    frame = raw_files.people(2021)
    frame.loc[frame["SYN_BIRTH_CN"] == 104, "SYN_BIRTH_CN"] = 520
    raw_files.write_year(tmp_path, 2021, frame)
    assert (harmonise(params, 2021, tmp_path).frame["birth_country"] == "NR").sum() == 16


def test_types_follow_the_dictionary(years: dict[int, Harmonised], params: Params) -> None:
    frame = years[2020].frame
    assert list(frame.columns) == [n for n, v in params.variables.items() if not v.made]
    assert frame["province"].cat.ordered and len(frame["province"].cat.categories) == 77
    assert frame["age"].dtype == "Int64" and frame["weight"].dtype == np.float64


def test_parquet_brings_the_table_back(years: dict[int, Harmonised], tmp_path: Path) -> None:
    years[2024].frame.to_parquet(tmp_path / "a.parquet", index=False)
    assert_frame_equal(pd.read_parquet(tmp_path / "a.parquet"), years[2024].frame)


def test_receipt_counts(years: dict[int, Harmonised]) -> None:
    receipt = years[2023].receipt
    assert (receipt["records"], receipt["blank_records"], receipt["persons"]) == (72, 8, 64)
    assert (receipt["households"], receipt["psus"], receipt["strata"]) == (16, 8, 4)
    assert receipt["weight_total"] == pytest.approx(years[2023].frame["weight"].sum())
    files = receipt["files"]
    assert isinstance(files, list)
    assert [(one["name"], one["format"], one["rows"]) for one in files] == [
        ("lfs664.sav", "SPSS", 72), ("mig664.sav", "SPSS", 64)
    ]  # fmt: skip
    assert len(files[0]["sha256"]) == 64
    assert files[0]["types"]["MARITAL"] == "text"
    assert years[2022].receipt["files"][0]["encoding"] == "cp874"


def test_blank_records_keep_their_design(years: dict[int, Harmonised]) -> None:
    for harmonised in years.values():
        blanks = harmonised.blanks
        assert len(blanks) == 8
        assert set(blanks["psu"]) == set(harmonised.frame["psu"])
        assert blanks["household_id"].iloc[0] == "1-10-1-0007-03-A-12"
        assert list(blanks["area"].astype(str).unique()) == ["municipal", "non_municipal"]


def test_module_file_is_linked(years: dict[int, Harmonised]) -> None:
    (merge,) = years[2023].receipt["merges"]
    assert (merge["rows"], merge["matched"]) == (64, 64)
    assert (merge["unmatched_here"], merge["unmatched_there"]) == (0, 0)
    assert merge["disagree"] == {"SEX": 0, "AGE": 0, "WGT": 0}
    assert years[2021].receipt["merges"] == []


def test_module_records_that_do_not_link_are_reported(params: Params, tmp_path: Path) -> None:
    import pyreadstat

    folder = raw_files.write_year(tmp_path, 2023)
    module, _ = pyreadstat.read_sav(folder / "mig664.sav")
    module.loc[0, "NO"] = 9
    module.loc[1, "SEX"] = 3 - module.loc[1, "SEX"]
    pyreadstat.write_sav(module, folder / "mig664.sav")
    harmonised = harmonise(params, 2023, tmp_path)
    (merge,) = harmonised.receipt["merges"]
    assert (merge["unmatched_here"], merge["unmatched_there"]) == (1, 1)
    assert merge["disagree"]["SEX"] == 1
    assert merge["worst"] == ["4-43-2-1024-03-A-02-04"]
    lost = harmonised.frame["moved"].isna()
    assert lost.sum() == 1 and harmonised.frame.loc[lost, "person_no"].iloc[0] == 4


def test_the_folder_of_the_year_itself_will_do(params: Params, raw: Path) -> None:
    assert len(harmonise(params, 2021, raw / "2021").frame) == 64


def test_ledger_tells_what_was_done(years: dict[int, Harmonised], params: Params) -> None:
    """Recount every code from the raw values, without the code that mapped them."""
    people = raw_files.people(2021)
    interviewed = people[people["NO"].notna()]
    ledger = years[2021].ledger
    frame = years[2021].frame
    assert list(ledger.columns) == COLUMNS
    for name, source in {"sex": "SEX", "reason": "SYN_REASON", "education": "RE_ED",
                         "occupation": "OCCUP", "marital_status": "MARITAL"}.items():  # fmt: skip
        rows = ledger[ledger["variable"] == name]
        assert set(rows["source_column"]) == {source}
        assert rows["records"].sum() == len(interviewed)
        by_code = rows.groupby("harmonised_code")["records"].sum()
        assert by_code.get("", 0) == frame[name].isna().sum()
        for code, count in frame[name].value_counts().items():
            assert by_code.get(code, 0) == count, (name, code)
    reasons = ledger[ledger["variable"] == "reason"].set_index("source_code")["records"]
    assert reasons["1"] == (interviewed["SYN_REASON"] == 1).sum()
    assert reasons["(blank)"] == interviewed["SYN_REASON"].isna().sum()
    sentinel = ledger[(ledger["variable"] == "monthly_wage") & (ledger["source_code"] == "999999")]
    assert list(sentinel["records"]) == [16] and list(sentinel["reason"]) == ["unknown"]
    assert ledger.loc[ledger["source_code"] == "(blank record)", "records"].tolist() == [8]
    ignored = ledger.loc[ledger["harmonised_code"] == "(ignored)", "source_column"]
    assert set(ignored) >= {"SIZE_", "AMOUNT", "GRADE_A"}


def test_ledger_shows_raw_codes_and_repairs(years: dict[int, Harmonised]) -> None:
    """Lost leading zeros are named where they were put back, a sentinel as the file writes it."""
    ledger = years[2019].ledger.set_index(["variable", "source_code"])
    assert ledger.loc[("sector", "1111"), "reason"] == "padded to 5, first 2 digits 01"
    assert ledger.loc[("occupation", "110"), "reason"] == "padded to 4, first digit 0"
    assert "PSU_NO padded to 4" in ledger.loc[("psu", "(key)"), "reason"]
    written = years[2023].ledger.set_index(["variable", "source_code"])
    assert written.loc[("sector", "01111"), "reason"] == "first 2 digits 01"
    labelled = years[2022].ledger.set_index(["variable", "source_code"])
    assert labelled.loc[("marital_status", "ไม่ทราบ"), "records"] == 16


def test_ledger_is_in_order(years: dict[int, Harmonised]) -> None:
    ledger = years[2024].ledger
    codes = ledger.loc[ledger["variable"] == "reason", "source_code"].tolist()
    assert codes == ["1", "2", "(blank)"]
    relation = ledger.loc[ledger["variable"] == "relation", "source_code"].tolist()
    assert relation == ["1", "2", "3", "15"]


def test_ledger_carries_the_reason_of_a_difference(years: dict[int, Harmonised]) -> None:
    ledger = years[2022].ledger
    sex = ledger[ledger["variable"] == "sex"]
    assert set(sex["source_code"]) == {"ชาย", "หญิง"}
    assert sex["reason"].str.contains("Thai labels").all()


def test_ledger_file_is_the_same_bytes(years: dict[int, Harmonised], tmp_path: Path) -> None:
    one = write_ledger(years[2022].ledger, tmp_path, 2022, 5).read_bytes()
    two = write_ledger(years[2022].ledger, tmp_path / "again", 2022, 5).read_bytes()
    assert one == two and b"\r" not in one
    assert "ชาย".encode() in one


def test_absent_variables_are_left_out_with_the_reason(edited, raw: Path) -> None:
    changed = edited(
        "years/2021.yml", "files:", "ignore: {MAIN_HR: not asked}\nabsent: {hours_main: not asked}"
        "\nfiles:",
    )  # fmt: skip
    harmonised = harmonise(changed, 2021, raw)
    assert "hours_main" not in harmonised.frame
    assert harmonised.receipt["absent"] == {"hours_main": "not asked"}
    row = harmonised.ledger[harmonised.ledger["variable"] == "hours_main"]
    assert row["source_code"].tolist() == ["(absent)"]


def test_only_if_blanks_what_lies_outside(edited, raw: Path) -> None:
    changed = edited(
        "years/base.yml", "  hours_main: {column: MAIN_HR,",
        "  hours_main: {column: MAIN_HR, only_if: age >= 30,",
    )  # fmt: skip
    harmonised = harmonise(changed, 2021, raw)
    inside = harmonised.frame["hours_main"].notna()
    assert (harmonised.frame.loc[inside, "age"] >= 30).all() and inside.sum() == 16
    rows = harmonised.ledger[harmonised.ledger["source_code"] == "(outside the universe)"]
    assert rows["records"].tolist() == [16] and rows["reason"].tolist() == ["age >= 30"]


def ledger_of(rows: list[tuple[str, str, int]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"variable": v, "source_code": c, "records": n, "reason": "why" if c == "d" else ""}
            for v, c, n in rows
        ],
        columns=COLUMNS,
    )


def test_ledger_file_hides_a_handful_and_what_it_would_follow_from(tmp_path: Path) -> None:
    """Of 139 persons 5, 2 and 1 would be what 92, 39 and the sum leave: the 39 goes with them."""
    counts = {"a": 92, "b": 5, "c": 2, "d": 1, "e": 39}
    rows = [("sex", code, count) for code, count in counts.items()]
    rows += [("area", "1", 64), ("area", "2", 75), ("", "(blank record)", 3), ("sex", "(gone)", 0)]
    path = write_ledger(ledger_of(rows), tmp_path, 2023, 5)
    written = pd.read_csv(path, keep_default_na=False, dtype=str)
    assert written["records"].tolist() == ["90", "10", "", "", "", "60", "80", "", "0"]
    withheld = written.index[written["reason"].str.contains("withheld")].tolist()
    assert withheld == [2, 3, 4, 7]
    assert written["reason"][3].startswith("why; ")


def known_too_well(counts: list[int], rule: Callable[..., pd.DataFrame] = without_few) -> bool:
    """Whether a reader of the ledger can tell that some code is a handful.

    He knows how many persons there are, that a shown count is off by five at most, and that a
    blank one is not zero.
    """
    told = rule(ledger_of([("sex", str(k), n) for k, n in enumerate(counts)]), 5)["records"]
    blank = [at for at, text in enumerate(told) if text == ""]
    shown = [int(text) for text in told if text != ""]
    most = sum(counts) - sum(max(number - 5, 0) for number in shown)
    return any(0 < counts[at] < 5 and most - (len(blank) - 1) < 5 for at in blank)


def test_no_count_of_a_handful_follows_from_the_ledger() -> None:
    rng = np.random.default_rng(8)
    worlds = [
        [*rng.integers(0, 5, rng.integers(1, 3)), *rng.integers(5, 400, rng.integers(1, 5))]
        for _ in range(150)
    ]
    assert [world for world in worlds if known_too_well(world)] == []

    def alone(ledger: pd.DataFrame, few: int) -> pd.DataFrame:
        """Blank the handful and nothing that gives it away."""
        counts = ledger["records"].astype(int)
        rounded = (counts + 5) // 10 * 10
        return ledger.assign(records=rounded.astype(object).mask(counts.between(1, few - 1), ""))

    assert [world for world in worlds if known_too_well(world, alone)]
