"""`lfsmig new-year`: what it finds by itself, what it asks, and that it never guesses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from lfsmig import cli
from lfsmig.errors import InputError, LfsmigError, ParameterError
from lfsmig.intake.harmonise import harmonise
from lfsmig.params import load
from tests.intake import raw_files
from tests.newyear.conftest import ROOT, Home

Pair = Callable[..., Home]


def ids(document: dict[str, Any], level: str | None = None) -> set[str]:
    return {one["id"] for one in document["findings"] if level in (None, one["level"])}


def finding(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in document["findings"] if one["id"] == name)


def same(frame: pd.DataFrame) -> pd.DataFrame:
    return frame


# What is documented of each year (data/codebook/breaks.md) and must be found by itself.
DOCUMENTED = {
    2020: {"written.SIZE", "written.OCCUP", "written.SEX", "series_break.pandemic"},
    2021: {"written.WGT", "written.OCCUP", "format.lfs644.sav"},
    2022: {
        "format.lfs654.csv",
        "code_new.SEX",
        "code_new.AREA",
        "code_new.SYN_MOVED",
        "series_break.rotation_2022",
        "series_break.pandemic",
    },
    2023: {"file_apart.mig664.sav", "format.lfs664.sav", "dropped.columns.SEX"},
    2024: {"file_joined.mig664.sav", "written.REG", "retyped.EA_SET", "retyped.MARITAL"},
}


@pytest.mark.parametrize("year", DOCUMENTED)
def test_what_is_documented_is_found(home: Home, year: int) -> None:
    home.without(year)
    found = home.new_year(year)
    assert DOCUMENTED[year] <= ids(found)
    settled = year != 2022
    assert (found["undecided"] == []) == settled
    drafted = load(home.params).draft(year)
    assert drafted.map.files[0].path == raw_files.NAMES[year]
    if settled:
        # The drafted mapping makes the table that the written one makes, to the last cell.
        made = harmonise(load(home.params), year, home.raw).frame
        expected = harmonise(load(ROOT / "params"), year, home.raw).frame
        pd.testing.assert_frame_equal(made, expected)


def test_thai_labels_are_asked_about_and_once_stated_carried(home: Home, tmp_path: Path) -> None:
    home.without(2022)
    first = home.new_year(2022)
    text = home.mapping(2022).read_text(encoding="utf-8")
    assert "encoding: cp874" in text
    asked = yaml.safe_load(text)["undecided"]
    assert {one["id"] for one in asked} == set(first["undecided"])
    sex = next(one for one in asked if one["id"] == "code_new.SEX")
    assert "decode: {ชาย: 1, หญิง: 2}" in sex["suggestions"][0] or "หญิง: 2, ชาย: 1" in str(sex)
    # Labels of the dictionary go first; what is left over is paired by its share of last year.
    marital = next(one for one in asked if one["id"] == "code_new.MARITAL")["suggestions"]
    assert "{สมรส: 2}" in marital[0] and "{ไม่ทราบ: 6}" in marital[1]
    with pytest.raises(
        ParameterError, match=r"2022\.yml:\d+: undecided\[0\]: code_new\.\w+: "
    ) as stop:
        load(home.params).year(2022)
    assert "lfsmig new-year 2022" in str(stop.value)
    # A person states what the codes mean; everything else stays as it was written.
    decided = (ROOT / "params/years/2022.yml").read_text(encoding="utf-8")
    columns = decided[decided.index("columns:") :]
    edited = text[: text.index("# Questions")] + "# Checked with the office.\n" + columns
    home.mapping(2022).write_text(edited + text[text.index("# Questions") :], encoding="utf-8")
    again = home.new_year(2022)
    assert again["undecided"] == []
    assert home.mapping(2022).read_text(encoding="utf-8") == edited
    # The next year in Thai words needs the same entries, with their reasons and comments.
    frame = raw_files.people(2023)
    path = tmp_path / "next" / "2023" / "lfs664.csv"
    path.parent.mkdir(parents=True)
    raw_files._write_thai_csv(frame.rename(columns={"WEIGHT": "WGT"}), path)
    home.mapping(2023).unlink()
    (tmp_path / "next/2022").symlink_to(home.raw / "2022")
    home.workspace = type(home.workspace).at(home.params, tmp_path / "data", tmp_path / "next")
    carried = home.new_year(2023)
    assert carried["undecided"] == []
    assert "carried.columns.SEX" in ids(carried)
    assert "reason: the CSV holds Thai labels" in home.mapping(2023).read_text(encoding="utf-8")


RENAMED = {
    "label": ("W_NEW", {"names": {"W_NEW": "ค่าถ่วงน้ำหนัก"}}, {"label", "values"}),
    "values": ("Q77", {}, {"values"}),
}


@pytest.mark.parametrize("case", RENAMED)
def test_a_renamed_column_is_suggested_and_not_taken(pair: Pair, case: str) -> None:
    name, labels, evidence = RENAMED[case]
    home = pair(lambda frame: frame.rename(columns={"WGT": name}), **labels)
    found = home.new_year(2024)
    assert {"column_lost.WGT", f"column_new.{name}"} == set(found["undecided"])
    best = finding(found, "column_lost.WGT")["suggestions"][0]
    assert best["column"] == name
    assert evidence <= set(best["evidence"])
    assert best["evidence"]["values"] > 0.9
    # The answer is one line of the mapping; then nothing is open and nothing else was touched.
    text = home.mapping(2024).read_text(encoding="utf-8")
    answer = f"columns:\n  WGT: {{aliases: [{name}], reason: renamed in the layout}}\n"
    edited = text[: text.index("# Questions")] + answer
    home.mapping(2024).write_text(edited + text[text.index("# Questions") :], encoding="utf-8")
    assert home.new_year(2024)["undecided"] == []
    assert home.mapping(2024).read_text(encoding="utf-8") == edited


def _changed(column: str, change: Callable[[pd.Series], pd.Series]) -> Callable[..., pd.DataFrame]:
    return lambda frame: frame.assign(**{column: change(frame[column])})


FAULTS: dict[str, tuple[Callable[..., pd.DataFrame], dict[str, Any], str]] = {
    "labels of sex swapped": (same, {"codes": {"SEX": {1: "หญิง", 2: "ชาย"}}}, "relabelled.SEX"),
    "codes swapped": (_changed("SYN_NAT", lambda v: 3 - v), {}, "swapped.nationality"),
    "code vanished": (
        _changed("RELATION", lambda v: v.where(v.ne(15), 3)),
        {},
        "code_vanished.RELATION",
    ),
    "code new": (_changed("MARITAL", lambda v: v.where(v.ne(2), 7)), {}, "code_new.MARITAL"),
    "weights times 1000": (_changed("WGT", lambda v: v * 1000), {}, "weight.weight_total"),
    "wages in thousands": (_changed("APPROX", lambda v: v / 1000), {}, "numbers.monthly_wage"),
    "column no longer asked": (_changed("RE_ED", lambda v: v * float("nan")), {}, "blanks.RE_ED"),
    "column left out": (lambda f: f.drop(columns="SYN_STAY"), {}, "column_lost.SYN_STAY"),
    "column added": (lambda f: f.assign(EXTRA=1.0), {}, "column_new.EXTRA"),
    "both names of the weight": (lambda f: f.assign(WEIGHT=1.0), {}, "column_doubled.WGT"),
    "half of the households": (
        lambda f: f[f["HH_NO"].ne(1)].reset_index(drop=True),
        {},
        "count.households",
    ),
    "other sampling units": (
        _changed("PSU_NO", lambda v: v + 5000),
        {},
        "panel_broken.psu",
    ),
    "provinces by another list": (
        _changed("CWT", lambda v: v.replace({20: 78})),
        {},
        "code_new.CWT",
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_every_fault_is_asked_about(pair: Pair, case: str) -> None:
    change, labels, question = FAULTS[case]
    home = pair(change, **labels)
    found = home.new_year(2024)
    assert question in found["undecided"]
    assert f"  - id: {question}\n" in home.mapping(2024).read_text(encoding="utf-8")


def test_two_like_years_ask_nothing(pair: Pair) -> None:
    home = pair(same)
    found = home.new_year(2024)
    assert found["undecided"] == []
    assert ids(found, "change") == set()


def test_an_answer_is_kept_and_told(pair: Pair) -> None:
    home = pair(_changed("WGT", lambda v: v * 1000))
    home.new_year(2024)
    text = home.mapping(2024).read_text(encoding="utf-8")
    answer = "decided:\n  weight.weight_total: the office confirmed the unit\n"
    home.mapping(2024).write_text(
        text[: text.index("# Questions")] + answer + text[text.index("# Questions") :],
        encoding="utf-8",
    )
    found = home.new_year(2024)
    assert found["undecided"] == []
    assert "the office confirmed the unit" in finding(found, "weight.weight_total")["text"]["en"]
    assert home.mapping(2024).read_text(encoding="utf-8").endswith(answer)


def test_an_answer_to_nothing_is_told(pair: Pair) -> None:
    home = pair(same)
    path = home.mapping(2024)
    home.new_year(2024)
    path.write_text(
        path.read_text(encoding="utf-8") + "decided: {code_vanished.RELATIN: misspelt}\n",
        encoding="utf-8",
    )
    assert ids(home.new_year(2024), "change") == {"answer_idle.code_vanished.RELATIN"}


def test_remarks_within_the_questions_are_kept(pair: Pair) -> None:
    home = pair(lambda frame: frame.assign(A1=1, A2=2))
    home.new_year(2024)
    path = home.mapping(2024)
    text = path.read_text(encoding="utf-8")
    at = text.index("  - id: column_new.A2")
    after = "# our own\nexplanations: {W4: large weights}\n"
    path.write_text(f"{text[:at]}# asked the office\n{text[at:]}{after}", encoding="utf-8")
    assert len(home.new_year(2024)["undecided"]) == 2
    text = path.read_text(encoding="utf-8")
    assert f"# asked the office\n{after}# Questions that only" in text


def test_the_steps_name_all_that_a_run_needs(pair: Pair) -> None:
    home = pair(same)
    assert "cpi_thailand.csv" not in str(home.new_year(2024)["next"])
    prices = home.params.parent / "prices.csv"
    prices.write_text("year,cpi_2019_100\n2019,100\n2023,107.79\n", encoding="utf-8")
    home.edit("country.yml", "../data/published/cpi_thailand.csv", "../prices.csv")
    found = home.new_year(2024)["next"]
    assert "price index of 2024 to" in str(found["en"]) and "prices.csv" in str(found["th"])


def test_explanations_are_of_their_own_year(home: Home) -> None:
    home.edit("years/base.yml", "columns:", "explanations: {W3: of another year}\ncolumns:")
    assert load(home.params).year(2024).map.explanations == {}


def test_a_mapping_that_is_there_is_left_alone(home: Home) -> None:
    before = home.mapping(2024).read_bytes()
    assert home.new_year(2024)["written"] == ""
    assert home.mapping(2024).read_bytes() == before
    home.without(2024)
    home.new_year(2024, report_only=True)
    assert not home.mapping(2024).exists()


def test_the_wrong_file_stops(home: Home, tmp_path: Path) -> None:
    home.without(2024)
    raw = tmp_path / "wrong"
    home.workspace = type(home.workspace).at(home.params, tmp_path / "data", raw)

    def refused(words: str) -> None:
        with pytest.raises(InputError, match=words):
            home.new_year(2024)
        assert not home.mapping(2024).exists()
        assert not (tmp_path / "data").exists()

    (raw / "2024").mkdir(parents=True)
    refused("holds no data file")
    raw_files.write_year(raw, 2023)
    (raw / "2023/lfs664.sav").rename(raw / "2024/lfs664.sav")
    refused(r"the name says 2023, expected 2024")
    (raw / "2024/lfs664.sav").rename(raw / "2024/labour.sav")
    refused("says 2023 .2566., expected 2024")
    (raw / "2024/labour.sav").unlink()
    spring = raw_files.people(2024).assign(MONTH=4)
    raw_files.write_year(raw, 2024, spring)
    refused("month 4 is none of the survey's months")
    pd.DataFrame({"A": [1], "B": [2]}).to_csv(raw / "2024/other.csv", index=False)
    (raw / "2024/lfs674.sav").unlink()
    refused("no column of the mapping of 2023")


def test_files_that_are_no_data_are_asked_about(home: Home, tmp_path: Path) -> None:
    home.without(2024)
    raw = tmp_path / "raw"
    for year in (2023, 2024):
        raw_files.write_year(raw, year)
    pd.DataFrame({"A": [1], "B": [2]}).to_csv(raw / "2024/notes.csv", index=False)
    home.workspace = type(home.workspace).at(home.params, tmp_path / "data", raw)
    assert home.new_year(2024, report_only=True)["undecided"] == ["file_unknown.notes.csv"]
    assert home.new_year(2024, "lfs674.sav")["undecided"] == []
    with pytest.raises(InputError, match="no file of"):
        home.new_year(2024, "/etc/hostname")


def test_the_command_line(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str], in_root: Path
) -> None:
    home.without(2022)
    start = ["--params", str(home.params), "--data", str(tmp_path / "data"), "--quiet"]
    assert cli.call([*start, "new-year", "2565", "--raw", str(home.raw)]) == 1
    out, err = capsys.readouterr()
    assert "code_new.SEX" in out
    assert err.count("\n") == 1 and "to be decided" in err
    reports = tmp_path / "data/estimates/drift"
    document = json.loads((reports / "2022.json").read_text(encoding="utf-8"))
    assert document["schema_version"] == 1
    page = (reports / "2022.html").read_text(encoding="utf-8")
    assert 'lang="th"' in page and "พ.ศ. 2565" in page and "http" not in page
    assert (reports / "2022.txt").is_file()
    # Later commands stop in one line that names file, key, what and what to do.
    for command in (["run", "--years", "2022"], ["validate", "2022"]):
        assert cli.call([*start, *command, "--raw", str(home.raw)]) == 2
        err = capsys.readouterr().err
        assert "2022.yml:" in err and "undecided[0]: code_new." in err and err.count("\n") == 1
    home.edit("report.yml", "years: [2019]", "years: [2019, 2022]")
    assert cli.call([*start, "report"]) == 2
    assert "undecided[0]" in capsys.readouterr().err
    # Other years go on.
    assert cli.call([*start, "validate", "2021", "--raw", str(home.raw)]) in (0, 1)


def test_what_the_draft_was_unsure_of_stays_a_question(pair: Pair) -> None:
    """The draft's own guess reads the files well: asking again must not take it for an answer."""
    home = pair(same)
    old = home.mapping(2023).read_text(encoding="utf-8")
    told = "variables:\n  sex: {codes: {1: female, 2: male}, reason: the codes changed places}\n"
    home.mapping(2023).write_text(old + told, encoding="utf-8")
    folder = home.raw / "2024"
    whole = pd.read_spss(folder / "lfs674.sav", convert_categoricals=False)
    module = [name for name in whole if name.startswith("SYN_") and name != "SYN_YEAR"]
    part = whole.loc[whole["NO"].notna(), [*raw_files.KEY, *module]]
    # One person of the module is in no household of the labour file.
    part = pd.concat([part, part.tail(1).assign(NO=88)])
    part.to_csv(folder / "mig674.csv", index=False)
    (folder / "lfs674.sav").unlink()
    whole.drop(columns=module).to_csv(folder / "lfs674.csv", index=False)

    key, entry = "file_key.mig674.csv", "carried_unsure.variables.sex"
    for _ in range(3):
        asked = set(home.new_year(2024)["undecided"])
        assert {key, entry} <= asked
        with pytest.raises(ParameterError, match="undecided"):
            load(home.params).year(2024)
    # An answer settles it and stays in sight; so does another entry.
    path = home.mapping(2024)
    text = path.read_text(encoding="utf-8")
    head, block = text.split("# Questions")
    path.write_text(f"{head}decided:\n  {key}: ' '\n# Questions{block}", encoding="utf-8")
    assert key in home.new_year(2024)["undecided"]
    decided = f"decided:\n  {key}: one visitor was added by hand\n"
    path.write_text(f"{head}{decided}# Questions{block}", encoding="utf-8")
    for _ in range(2):
        found = home.new_year(2024)
        assert key not in found["undecided"] and entry in found["undecided"]
        assert finding(found, key)["level"] == "change"
        assert not [one for one in ids(found) if one.startswith("answer_idle")]
    text = path.read_text(encoding="utf-8").replace("changed places", "changed places here too")
    path.write_text(text, encoding="utf-8")
    assert entry not in home.new_year(2024)["undecided"]


def test_nothing_to_start_from(home: Home) -> None:
    with pytest.raises(LfsmigError, match="no year before 2018 has a mapping"):
        home.new_year(2018)
    with pytest.raises(LfsmigError, match="--from 2030"):
        home.new_year(2024, before=2030)


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_bytes_that_people_wrote_are_kept(pair: Pair, end: str) -> None:
    """A mark, CRLF and one line that ends otherwise: only the block of questions is new."""
    home = pair(lambda frame: frame.assign(A1=1, A2=2))
    home.new_year(2024)
    path = home.mapping(2024)
    old = path.read_bytes().replace(b"\n", end.encode())
    own = "# ของสำนักงาน" + ("\n" if end == "\r\n" else "\r\n")
    old = b"\xef\xbb\xbf" + own.encode() + old
    path.write_bytes(old)
    assert home.new_year(2024)["written"] == "" and path.read_bytes() == old
    # A question whose answer is given goes, and everything else stays byte by byte.
    answer = f"decided: {{column_new.A2: not needed}}{end}".encode()
    start = old.index(b"# Questions that only")
    path.write_bytes(old[:start] + answer + old[start:])
    assert len(home.new_year(2024)["undecided"]) == 1
    new = path.read_bytes()
    assert new.startswith(old[:start] + answer) and b"column_new.A2" not in new[start + 60 :]
    assert new[len(old[:start] + answer) :].count(b"\r\n") == (
        new[len(old[:start] + answer) :].count(b"\n") if end == "\r\n" else 0
    )
