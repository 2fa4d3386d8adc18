"""The validation protocol: a clean year passes, and each check catches its own planted fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import raw_files

from lfsmig import validation_page
from lfsmig.errors import ParameterError
from lfsmig.intake.harmonise import Harmonised, harmonise
from lfsmig.intake.protocol import CHECKS, Subject, judge
from lfsmig.intake.validate import errors, validate
from lfsmig.params import Params
from lfsmig.params.models import PublishedPopulation

ROOT = Path(__file__).parents[2]
# Four strata, two PSUs of two households with four persons each; the weight follows the PSU.
TOTAL = 4 * sum(2 * 4 * (100.5 + psu / 8) for psu in (7, 1024))
KEYS = {
    "id", "severity", "status", "count", "counts", "share", "threshold", "stops", "reason",
    "worst", "help", "parts", "explanation",
}  # fmt: skip


@pytest.fixture(scope="module")
def small(params: Params) -> Params:
    """The project's parameters with the facts of the tiny sample."""
    changed = Params(params.dir)
    facts = changed.country.facts.model_copy(
        update={
            "strata": 4,
            "provinces": 3,
            "households_per_psu": {"municipal": 3, "non_municipal": 3},
            "population": {2021: PublishedPopulation(persons=TOTAL, source="by hand")},
        }
    )
    changed.__dict__["country"] = changed.country.model_copy(update={"facts": facts})
    # All households of the tiny sample are alike.
    alike = changed.rules.checks["K2"]
    parts = {
        name: part if name == "persons" else part.model_copy(update={"threshold": 1.0})
        for name, part in alike.parts.items()
    }
    checks = changed.rules.checks | {"K2": alike.model_copy(update={"parts": parts})}
    changed.__dict__["rules"] = changed.rules.model_copy(update={"checks": checks})
    return changed


@pytest.fixture(scope="module")
def clean(params: Params, tmp_path_factory: pytest.TempPathFactory) -> Harmonised:
    """A year without fault: all birth provinces known, all amounts stated."""
    frame = raw_files.people(2021)
    frame["SYN_BIRTH_PV"] = frame["SYN_BIRTH_PV"].replace(99, 20)
    frame["SYN_REMIT_CASH"] = frame["SYN_REMIT_CASH"].replace(9999999, 300)
    folder = tmp_path_factory.mktemp("clean")
    raw_files.write_year(folder, 2021, frame)
    return harmonise(params, 2021, folder)


def check_of(
    params: Params, harmonised: Harmonised, name: str, previous: Harmonised | None = None
) -> dict[str, Any]:
    """Make one check, as `validate` makes all of them."""
    rule = params.rules.checks[name]
    return judge(CHECKS[name], Subject(params, 2021, harmonised, previous, rule))


def test_shape_of_results(small: Params, clean: Harmonised) -> None:
    results = validate(small, 2021, clean)
    assert [one["id"] for one in results] == list(small.rules.checks)
    for one in results:
        assert set(one) == KEYS
        assert one["status"] in ("pass", "fail", "not_applicable")
        assert one["severity"] in ("E", "W", "I")
        assert set(one["help"]) == {"en", "th"}
        assert (one["status"] == "not_applicable") <= bool(one["reason"])


def test_a_clean_year_passes(small: Params, clean: Harmonised) -> None:
    for name in small.rules.checks:
        result = check_of(small, clean, name)
        assert result["status"] != "fail", result
        absent = (
            "earlier year",
            "other year",
            "file to link",
            "no published labour status",
            "is not stated",
        )
        made = result["status"] == "pass" or any(why in result["reason"] for why in absent)
        assert made or name in ("T5", "T6", "T7"), result


def test_every_check_has_a_threshold(params: Params) -> None:
    assert set(CHECKS) == set(params.rules.checks)


Fault = Callable[[pd.DataFrame], None]


def put(name: str, rows: Any, value: Any) -> Fault:
    """Make a fault: set a value in some rows."""

    def fault(frame: pd.DataFrame) -> None:
        frame.loc[frame.index[rows], name] = value

    return fault


def duplicate_number(frame: pd.DataFrame) -> None:
    frame.loc[1, "person_no"] = 1


def twin(frame: pd.DataFrame) -> None:
    frame.loc[1] = frame.loc[0]
    frame.loc[1, "person_no"] = 2


def one_psu_in_a_stratum(frame: pd.DataFrame) -> None:
    frame["psu"] = frame["psu"].str.replace("10-1-1024", "10-1-0007")


@pytest.mark.parametrize(
    ("name", "fault", "count"),
    [
        ("S1", lambda frame: frame.pop("reason"), 1),
        ("S2", lambda frame: frame.__setitem__("hours_main", frame["hours_main"].astype(str)), 1),
        ("S3", put("month", slice(0, 2), 9), 2),
        ("S4", put("sex", [5], None), 1),
        ("K1", duplicate_number, 1),
        ("K2", twin, 1),
        ("K4", put("relation", [1], "head"), 1),
        ("K4", put("relation", [0], "other_relative"), 1),
        ("K4", put("members_reported", slice(0, 4), 5), 1),
        ("D1", put("region", slice(0, 16), "2"), 1),
        ("D1", put("stratum", slice(0, 16), "20-1"), 1),
        ("D2", one_psu_in_a_stratum, 1),
        ("W1", put("weight", [3, 4], [0.0, np.nan]), 2),
        ("W2", put("weight", [3], 1000.0), None),
        ("W4", put("weight", [3], 5000.0), 1),
        ("M1", put("reason", [1], "study"), 1),
        ("M2", put("previous_area", [0], "abroad"), 1),
        ("M2", put("previous_province", [3], "20"), 1),
        ("M3", put("months_since_move", [0], 12), 1),
        ("M3", put("years_here", [1], 39), 1),
        ("M3", put("months_since_move", [0], 600), 1),
        ("M3", put("years_here", [0], 2), 1),
        ("M4", put("birth_province", [0, 3], [None, "20"]), 2),
        ("M6", put("age", [0, 3], [12, 13]), 2),
        ("M8", put("birth_province", slice(0, 4), None), 3),
        ("R1", put("remittance_cash", [1], 10.0), 1),
        ("R2", put("remittance_receiver", [0], None), 1),
        ("R3", put("remittance_cash", [0], 6e6), 1),
        ("R4", put("monthly_wage", [0], 99999.0), 1),
        ("R6", put("remittance_goods", slice(0, 8), np.nan), 4),
        ("L1", put("labour_status", [0], None), 1),
        ("L1", put("labour_status", [2], "employed"), 1),
        ("L1", put("sector", [1], "services"), 1),
    ],
)
def test_each_check_catches_its_fault(
    small: Params, clean: Harmonised, name: str, fault: Fault, count: int | None
) -> None:
    frame = clean.frame.copy()
    fault(frame)
    result = check_of(small, replace(clean, frame=frame), name)
    assert result["status"] == "fail", result
    assert count is None or result["count"] == count, result
    assert all(isinstance(key, str) and len(key) < 40 for key in result["worst"])


def test_moves_inside_one_area_are_told_or_counted_as_wrong(
    small: Params, clean: Harmonised
) -> None:
    """Two of 32 movers came from Bangkok to Bangkok."""
    frame = clean.frame.copy()
    assert set(frame.loc[[0, 4], "province"]) == {"10"}
    put("previous_province", [0, 4], "10")(frame)
    told = check_of(small, replace(clean, frame=frame), "M2")
    assert (told["status"], told["count"]) == ("pass", 0)
    assert told["reason"] == "2 moves inside one area, counted by country.yml"
    census = Params(small.dir)
    definitions = small.country.definitions.model_copy(
        update={"moves_inside_single_areas": "not_counted"}
    )
    census.__dict__["country"] = small.country.model_copy(update={"definitions": definitions})
    wrong = check_of(census, replace(clean, frame=frame), "M2")
    assert (wrong["status"], wrong["count"], wrong["severity"]) == ("fail", 2, "E")
    assert wrong["reason"] == "2 moves inside one area, not counted by country.yml"


def test_the_move_came_after_birth(small: Params, clean: Harmonised) -> None:
    """A survey that asks for five years: a child of one year cannot have moved 30 months ago."""
    wide = Params(small.dir)
    definitions = small.country.definitions.model_copy(update={"window_months": 60})
    wide.__dict__["country"] = small.country.model_copy(update={"definitions": definitions})
    frame = clean.frame.copy()
    put("age", [0, 4], [0, 1])(frame)
    put("years_here", [0, 4], 0)(frame)
    put("months_since_move", [0, 4], [11, 23])(frame)
    possible = check_of(wide, replace(clean, frame=frame), "M3")
    assert (possible["status"], possible["reason"]) == ("pass", "1 infants among the movers")
    put("months_since_move", [0, 4], [12, 30])(frame)
    assert check_of(wide, replace(clean, frame=frame), "M3")["count"] == 2


def test_blank_records_that_are_missing(small: Params, clean: Harmonised) -> None:
    result = check_of(small, replace(clean, blanks=clean.blanks.iloc[:2]), "K3")
    assert (result["status"], result["count"]) == ("fail", 6)
    assert result["reason"] == "planned 24, interviewed 16, blank 2"


def test_overfull_psu(small: Params, clean: Harmonised) -> None:
    frame = clean.frame.copy()
    frame["psu"] = "all-in-one"
    assert check_of(small, replace(clean, frame=frame), "D3")["count"] == 1


def test_module_that_does_not_link(small: Params, clean: Harmonised) -> None:
    merge = {"unmatched_here": 1, "unmatched_there": 0, "disagree": {"SEX": 2}, "worst": ["k"]}
    changed = replace(clean, receipt=clean.receipt | {"merges": [merge]})
    result = check_of(small, changed, "S6")
    assert (result["status"], result["count"], result["worst"]) == ("fail", 3, ["k"])


def test_comparisons_with_the_year_before(small: Params, clean: Harmonised) -> None:
    total = {part["part"]: part for part in check_of(small, clean, "D2")["parts"]}["total"]
    assert (total["status"], total["reason"]) == (
        "not_applicable",
        "no earlier year to compare with",
    )
    same = replace(clean, year=2020)
    for name in ("S5", "D2", "D4", "W3", "W5", "T4"):
        assert check_of(small, clean, name, same)["status"] == "pass", name
    files = [dict(one) for one in clean.receipt["files"]]
    files[0] = files[0] | {"types": {**files[0]["types"], "SEX": "text", "GONE": "number"}}
    other = replace(
        clean,
        year=2020,
        frame=clean.frame.iloc[:24].assign(weight=1.0),
        receipt=clean.receipt | {"files": files},
    )
    layout = check_of(small, clean, "S5", other)
    assert layout["worst"] == ["-GONE", "~SEX"] and layout["status"] == "fail"
    for name in ("D2", "D4", "W5", "T4"):
        assert check_of(small, clean, name, other)["status"] == "fail", name


def test_a_warning_can_become_an_error(small: Params, clean: Harmonised) -> None:
    frame = clean.frame.copy()
    put("reason", [1], "study")(frame)
    few = check_of(small, replace(clean, frame=frame), "M1")
    assert few["severity"] == "E" and few["share"] == pytest.approx(1 / 32)


def test_a_fact_that_is_not_stated(params: Params, clean: Harmonised) -> None:
    changed = Params(params.dir)
    facts = type(params.country.facts)()
    changed.__dict__["country"] = params.country.model_copy(update={"facts": facts})
    results = {one["id"]: one for one in validate(changed, 2021, clean)}
    for name in ("S3", "D3", "W2", "L2"):
        assert results[name]["status"] == "not_applicable"
        assert "not stated in country.yml" in results[name]["reason"]
    for name, part in (("K3", "plan"), ("D1", "numbers"), ("W3", "control")):
        found = {one["part"]: one for one in results[name]["parts"]}[part]
        assert found["status"] == "not_applicable"
        assert "not stated in country.yml" in found["reason"]


def test_a_variable_that_is_not_asked(small: Params, clean: Harmonised) -> None:
    absent = clean.receipt | {"absent": {"sent_remittances": "not asked in this survey"}}
    changed = replace(clean, frame=clean.frame.drop(columns="sent_remittances"), receipt=absent)
    result = check_of(small, changed, "R1")
    assert result["status"] == "not_applicable"
    assert result["reason"] == "sent_remittances: not asked in this survey"


def test_unknown_check(edited, clean: Harmonised) -> None:
    changed = edited("rules.yml", "  S1: {severity: E}", "  S99: {severity: E}")
    with pytest.raises(ParameterError, match=r"rules.yml:\d+: checks.S99: unknown check"):
        validate(changed, 2021, clean)


def test_errors_are_the_failed_of_severity_e(params: Params, raw: Path) -> None:
    results = validate(params, 2024, harmonise(params, 2024, raw))
    found = {one["id"] for one in errors(results)}
    assert "D1" in found and "K3" not in found


def test_the_worst_part_speaks_for_the_check(small: Params, clean: Harmonised) -> None:
    frame = clean.frame.copy()
    put("sex", [5], None)(frame)
    frame["education"] = frame["education"].cat.add_categories("grade_7")
    put("education", [0, 1], "grade_7")(frame)
    result = check_of(small, replace(clean, frame=frame), "S4")
    parts = {one["part"]: (one["status"], one["severity"]) for one in result["parts"]}
    assert parts == {"design": ("fail", "E"), "other": ("fail", "W")}
    assert (result["severity"], result["count"]) == ("E", 1)
    other = next(one for one in result["parts"] if one["part"] == "other")
    assert other["worst"][0] == "education: grade_7 (2)"


@pytest.fixture
def explained(edited) -> Callable[[str], Params]:
    """Parameters with explanations written for 2021."""

    def write(text: str) -> Params:
        return edited("years/2021.yml", "year: 2021\n", f"year: 2021\nexplanations: {text}\n")

    return write


def test_a_warning_needs_an_explanation(
    explained: Callable[[str], Params], clean: Harmonised
) -> None:
    params = explained("{K2: {en: Twins, th: ฝาแฝด}, K1: not needed}")
    results = validate(params, 2021, clean)
    made = validation_page.document(2021, True, results)
    assert "K2" in made["warnings"] and "K2" not in made["unexplained"]
    assert made["explanations_unused"] == ["K1"]
    text, page = validation_page.text(made), validation_page.page(made)
    assert "explanation: Twins" in text and "Twins" in page and "ฝาแฝด" in page
    assert "K1: explained in the year's parameters, but the check did not fail" in text
    without = validation_page.document(2021, True, validate(Params(ROOT / "params"), 2021, clean))
    assert "K2" in without["unexplained"]
    assert "explanation: unexplained" in validation_page.text(without)
    assert "ยังไม่มีคำอธิบาย" in validation_page.page(without)


@pytest.mark.parametrize("blank", ['""', '"  "', '{en: "", th: " "}'])
def test_a_blank_text_explains_nothing(
    explained: Callable[[str], Params], clean: Harmonised, blank: str
) -> None:
    results = validate(explained(f"{{K2: {blank}}}"), 2021, clean)
    made = validation_page.document(2021, True, results)
    assert "K2" in made["unexplained"] and "K1" not in made["explanations_unused"]
    assert "explanation: unexplained" in validation_page.text(made)


def test_an_explanation_of_no_check(explained: Callable[[str], Params], clean: Harmonised) -> None:
    with pytest.raises(ParameterError, match=r"2021.yml:\d+: explanations.K99: no check has"):
        validate(explained("{K99: typing error}"), 2021, clean)


def test_an_explanation_makes_no_table_anew(
    params: Params, explained: Callable[[str], Params]
) -> None:
    changed = explained("{K2: Twins}")
    assert changed.year(2021).map.explanations == {"K2": {"": "Twins"}}
    assert changed.hash(2021) == Params(changed.dir).hash(2021)
    text = (changed.dir / "years/2021.yml").read_text(encoding="utf-8")
    before = changed.hash(2021)
    without = text.replace("explanations: {K2: Twins}\n", "")
    (changed.dir / "years/2021.yml").write_text(without, encoding="utf-8")
    assert Params(changed.dir).hash(2021) == before


def test_an_indicator_that_is_not_registered(edited, clean: Harmonised) -> None:
    changed = edited("rules.yml", "      - migrants.rate\n", "      - migrants.rat\n")
    with pytest.raises(ParameterError, match=r"checks.T1.indicators\[?.*expected the id"):
        validate(changed, 2021, clean)


def test_a_rule_that_is_mistyped(edited) -> None:
    changed = edited("rules.yml", "lonely: {severity: E}", "lonely: {severity: X}")
    with pytest.raises(ParameterError, match=r"rules.yml:\d+: checks.D2.parts.lonely.severity"):
        _ = changed.rules
