"""Every planted fault is found by the check that is meant for it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from faults import table
from faults.case import FAULTS, Case, Fault
from faults.files import FILE_FAULTS, FileFault, thinned
from lfsmig.errors import InputError
from lfsmig.intake.harmonise import Harmonised, harmonise
from lfsmig.intake.protocol import CHECKS, Subject, judge
from lfsmig.params import Params, load
from lfsmig.params.models import ControlTable, PartRule
from lfsmig.validation_parts import PARTS

ROOT = Path(__file__).parents[2]
# Limits for a twentieth of the sample, whose rates move by chance as a full one's do not.
WIDER = {
    "M7": {"threshold": 0.3},
    "M5": {"min_cases": 5},
    "R3": {"min_cases": 10},
    "R5": {"min_cases": 10, "threshold": 0.3},
    "T4": {"min_cases": 10},
    "T3": {"level": 0.2},
}
WIDER_PARTS = {
    ("W3", "before"): 0.007,
    ("W3", "control"): 0.02,
    ("W4", "largest"): 30,
    ("D4", "fall"): 0.3,
    ("T4", "region"): 0.8,
    ("T4", "total"): 0.5,
    ("M4", "nationality"): 0.02,
}


@pytest.fixture(scope="module")
def cases(small_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Case]:
    """The years that faults are planted in, each with the year before."""
    params = load(ROOT / "params")
    years = {year: harmonise(params, year, small_raw) for year in (2022, 2023)}
    released = pd.DataFrame(
        {"indicator": [], "domain": [], "category": [], "flag": [], "n_cases": []}
    )
    return {
        2022: Case(years[2022], None),
        2023: Case(years[2023], years[2022], released),
    }


@pytest.fixture(scope="module")
def params(cases: dict[int, Case], tmp_path_factory: pytest.TempPathFactory) -> Params:
    """The project's parameters, wider limits, and controls taken from the good year itself."""
    home = tmp_path_factory.mktemp("home")
    frame = cases[2023].frame
    folder = home / "controls"
    folder.mkdir()
    tables = [
        _control(folder, frame, ["region"]),
        _control(folder, frame, ["province", "sex"]),
        _control(folder, frame, ["sex"]),
        _control(folder, frame.assign(age_group=_bands(frame["age"])), ["age_group", "sex"]),
    ]
    changed = load(ROOT / "params")
    facts = changed.country.facts.model_copy(
        update={"population_by": tables[:2], "age_sex": tables[3]}
    )
    changed.__dict__["country"] = changed.country.model_copy(update={"facts": facts})
    checks = {}
    for name, rule in changed.rules.checks.items():
        parts = {
            key: part.model_copy(update={"threshold": WIDER_PARTS.get((name, key), part.threshold)})
            for key, part in rule.parts.items()
        }
        checks[name] = rule.model_copy(update={"parts": parts, **WIDER.get(name, {})})
    changed.__dict__["rules"] = changed.rules.model_copy(update={"checks": checks})
    return changed


def _bands(age: pd.Series) -> pd.Series:
    edges = [-1, 14, 24, 59, 200]
    return pd.cut(age.astype(float), edges, labels=["0-14", "15-24", "25-59", "60+"])


def _control(folder: Path, frame: pd.DataFrame, by: list[str]) -> ControlTable:
    sums = frame.groupby(by, observed=True)["weight"].sum().rename("persons").reset_index()
    path = folder / f"{'_'.join(by)}.csv"
    sums.assign(year=2023).to_csv(path, index=False, encoding="utf-8")
    return ControlTable(table=str(path), by=by, source="the good year")


def found_in(params: Params, year: int, case: Case, name: str) -> dict:
    rule = params.rules.checks[name]
    subject = Subject(params, year, case.now, case.before, rule, case.released, {})
    return judge(CHECKS[name], subject)


def status_of(result: dict, part: str) -> str:
    if not part:
        return result["status"]
    return next(one["status"] for one in result["parts"] if one["part"] == part)


@pytest.fixture(scope="module")
def clean(params: Params, cases: dict[int, Case]) -> Callable[[Fault], dict]:
    """What a check finds in the good year, made once."""
    made: dict[tuple[int, str], dict] = {}

    def find(fault: Fault) -> dict:
        key = (fault.year, fault.check)
        if key not in made:
            made[key] = found_in(params, fault.year, cases[fault.year], fault.check)
        return made[key]

    return find


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.check}-{fault.name}")
def test_a_fault_is_found_by_its_check(
    fault: Fault, params: Params, cases: dict[int, Case], clean: Callable[[Fault], dict]
) -> None:
    good = clean(fault)
    if fault.check != "S5":
        assert status_of(good, fault.part) == "pass", good
    result = found_in(params, fault.year, fault.make(cases[fault.year]), fault.check)
    assert status_of(result, fault.part) == "fail", result
    assert result["status"] == "fail"
    # Keys and measures only, never what a record holds.
    assert len(result["worst"]) <= 5 and all(len(key) < 80 for key in result["worst"])


@pytest.fixture(scope="module")
def thin(small_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("thin") / "raw"
    thinned(small_raw, target)
    return target


def test_the_thinned_files_are_good(thin: Path, params: Params) -> None:
    for year in (2022, 2023):
        made: Harmonised = harmonise(params, year, thin)
        assert len(made.frame) > 400
    result = found_in(params, 2023, Case(made, None), "S6")
    assert result["status"] == "pass", result


@pytest.mark.parametrize("fault", FILE_FAULTS, ids=lambda fault: fault.name)
def test_a_fault_of_a_file_stops_the_reading(
    fault: FileFault, params: Params, thin: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "raw"
    shutil.copytree(thin / str(fault.year), folder / str(fault.year))
    fault.make(folder)
    if fault.check:
        result = found_in(
            params, fault.year, Case(harmonise(params, fault.year, folder), None), fault.check
        )
        assert result["status"] == "fail" and result["severity"] == "E", result
        return
    with pytest.raises(InputError, match=fault.says) as stopped:
        harmonise(params, fault.year, folder)
    assert "\n" not in str(stopped.value)


def test_there_are_enough_faults_and_every_check_has_one() -> None:
    assert len(FAULTS) + len(FILE_FAULTS) >= 60
    assert {fault.check for fault in FAULTS} == set(CHECKS)
    names = [fault.name for fault in [*FAULTS, *FILE_FAULTS]]
    assert len(names) == len(set(names))


def test_every_part_of_a_check_has_a_fault(params: Params) -> None:
    parts = {(name, part) for name, rule in params.rules.checks.items() for part in rule.parts}
    without = parts - {(fault.check, fault.part) for fault in FAULTS}
    # A survey's own records against its own publication: there are none here.
    assert without == {("L2", "real"), ("T5", "real")}
    assert all(isinstance(params.rules.checks[n].parts[p], PartRule) for n, p in parts)
    assert {part for _, part in parts} == set(PARTS)


def test_no_good_year_raises_an_error(small_data: Path) -> None:
    for path in sorted((small_data / "harmonised").glob("*.checks.json")):
        checks = json.loads(path.read_text(encoding="utf-8"))
        wrong = [one for one in checks if one["status"] == "fail" and one["severity"] == "E"]
        assert not wrong, (path.name, wrong)


def test_the_published_table_of_faults_is_current() -> None:
    assert table.PAGE.read_text(encoding="utf-8") == table.text(), (
        "docs/faults.md is out of date: run `python -m faults.table` in the folder tests"
    )
