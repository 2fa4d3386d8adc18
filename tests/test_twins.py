"""Public tables of the exhibits, and decisions on single cells."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
import yaml

from lfsmig import overrules, twins
from lfsmig.errors import ParameterError
from lfsmig.params import load
from lfsmig.params.models import Overrule
from lfsmig.release import release
from tests.conftest import ROOT
from tests.test_release import PUBLICATION, cell, register

PARAMS = load(ROOT / "params")


@pytest.fixture(scope="module")
def shown() -> dict[int, pd.DataFrame]:
    """Two years of one exhibit, a cell of it withheld."""
    found = {}
    for year in (2022, 2023):
        base = {"indicator": "recent_internal.sex", "year": year}
        rows = [cell(**base, category=sex) for sex in ("male", "female")]
        rows += [cell(**base, category=s, domain='{"region":"1"}') for s in ("male", "female")]
        frame = pd.DataFrame(rows).assign(flag=["", "*", "c", "c"], reason="", rule_set="nso")
        frame.loc[frame["flag"].eq("c"), ["estimate", "se", "n"]] = float("nan")
        found[year] = frame
    return found


def test_an_exhibit_has_three_files_that_say_the_same(
    shown: dict[int, pd.DataFrame], tmp_path: Path
) -> None:
    made = twins.write(tmp_path, PARAMS, shown, synthetic=True)
    csv, meta, book = made
    assert [p.name for p in made] == [
        f"recent_internal.sex.{end}" for end in ("csv", "csv-metadata.json", "xlsx")
    ]
    frame = pd.read_csv(csv, dtype={"region": str})
    facts = json.loads(meta.read_text(encoding="utf-8"))
    assert facts["url"] == csv.name
    columns = facts["tableSchema"]["columns"]
    assert [one["name"] for one in columns] == list(frame.columns)
    assert all(one["titles"]["th"] and one["titles"]["en"] for one in columns)
    assert not frame.duplicated(facts["tableSchema"]["primaryKey"]).any()
    # Flags that are used, and no other.
    assert {one["skos:notation"] for one in facts[twins.LEGEND]} == {"c", "*"}
    assert "Synthetic" in facts["dc:description"][0]["@value"]
    # Whoever reads only the source is told too: red before, it named the survey itself.
    source = {one["@language"]: one["@value"] for one in facts["dc:source"]}
    assert source["en"].startswith("Synthetic records")
    assert source["th"].startswith("ข้อมูลสังเคราะห์")
    assert all(PARAMS.country.survey[lang] in text for lang, text in source.items())
    real = twins.write(tmp_path / "real", PARAMS, shown, synthetic=False)[1]
    stated = json.loads(real.read_text(encoding="utf-8"))["dc:source"]
    assert {one["@language"]: one["@value"] for one in stated} == PARAMS.country.survey
    sheets = openpyxl.load_workbook(book)
    assert sheets.sheetnames == ["Data", "Metadata"]
    head, *rows = sheets["Data"].iter_rows(values_only=True)
    assert list(head) == list(frame.columns)
    for row, line in zip(rows, frame.itertuples(index=False), strict=True):
        assert [None if pd.isna(v) else v for v in line] == [*row]
    # The Thai column of the metadata is Thai: no names of columns, no conditions of the register.
    (_, english, thai), *about = [r[:3] for r in sheets["Metadata"].iter_rows(values_only=True)]
    assert (english, thai) == ("en", "th")
    told = {str(what): (str(en), str(th)) for what, en, th in about}
    assert told["Concept"] == ("Recent internal migrants; Sex", "ผู้ย้ายถิ่นภายในประเทศช่วงล่าสุด; เพศ")
    for what in ("Title", "Concept", "Statistic", "Unit of measure", "Base", "Source"):
        assert not re.search("[a-z]{3,}", told[what][1]), what
    withheld = frame[frame["flag"].eq("c")]
    assert withheld[["estimate", "se", "n"]].isna().all().all()


# Prefixes that CSV on the Web knows without being told, as far as they are used here.
PREFIXES = {"dc", "dcterms", "skos", "schema", "qb", "prov", "dcat"}
TYPES = {"string", "double", "integer", "gYear"}


def invalid(facts: dict[str, Any], header: list[str]) -> list[str]:
    """What a validator of CSV on the Web (W3C, 2015) says of the metadata of a table."""
    schema = facts["tableSchema"]
    names = [one["name"] for one in schema["columns"]]
    said = [] if facts["@context"] == "http://www.w3.org/ns/csvw" else ["context"]
    said += [] if names == header else ["columns are not those of the file"]
    said += [f"key {key}" for key in schema["primaryKey"] if key not in names]
    for column in schema["columns"]:
        said += [f"type {column['datatype']}"] if column["datatype"] not in TYPES else []
        said += ["titles"] if not set(column["titles"]) <= {"en", "th"} else []
        url = column.get("propertyUrl", "http://")
        said += [] if url.startswith("http") else [f"propertyUrl {url}"]
        said += _foreign(column, {"name", "titles", "datatype", "propertyUrl"})
    return said + _foreign(facts, {"@context", "url", "tableSchema"})


def _foreign(held: dict[str, Any], own: set[str]) -> list[str]:
    """Properties that are neither the standard's nor well-formed ones of another vocabulary."""
    said = []
    for key in held.keys() - own:
        known = key.startswith("http") or (key.split(":")[0] in PREFIXES and ":" in key)
        said += [] if known else [f"property {key}"]
        for value in held[key] if isinstance(held[key], list) else [held[key]]:
            if isinstance(value, dict):
                text = value.keys() <= {"@value", "@language"}
                said += [] if text else _foreign(value, set())
            elif not isinstance(value, str | float | bool):
                said.append(f"value of {key}")
    return said


SDMX = {
    "year": "TIME_PERIOD", "region": "REF_AREA", "estimate": "OBS_VALUE", "unit": "UNIT_MEASURE",
    "obs_status": "OBS_STATUS", "conf_status": "CONF_STATUS",
}  # fmt: skip


def test_metadata_are_valid_and_complete(shown: dict[int, pd.DataFrame], tmp_path: Path) -> None:
    csv, meta, _ = twins.write(tmp_path, PARAMS, shown, synthetic=False)
    facts = json.loads(meta.read_text(encoding="utf-8"))
    frame = pd.read_csv(csv, keep_default_na=False)
    assert invalid(facts, list(frame.columns)) == []
    columns = {one["name"]: one for one in facts["tableSchema"]["columns"]}
    named = {name: columns[name].get("dc:identifier") for name in SDMX}
    assert named == SDMX
    assert all(columns[name]["propertyUrl"].startswith(twins.SDMX) for name in SDMX)
    # Concept, unit, base, source and flags, in both languages.
    for key in ("dc:title", "dc:source", f"{twins.DDI}universe"):
        assert {one["@language"] for one in facts[key]} == {"en", "th"}, key
    concept = facts[f"{twins.DDI}concept"]
    assert concept["schema:name"] == "recent_internal"
    assert concept["schema:variableMeasured"] == "sex"
    assert facts[f"{twins.SDMX}attribute#unitMeasure"] == "share"
    # What is withheld is suppressed; only what is a secret says so.
    by_flag = frame.groupby("flag")[["obs_status", "conf_status"]].agg(set)
    assert by_flag.loc["c"].tolist() == [{"Q"}, {"C"}]
    assert by_flag.loc["*"].tolist() == [{"U"}, {"F"}]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"lfsmig:base": "all"}, "property lfsmig:base"),
        ({"dc:title": {"en": "Movers"}}, "property en"),
        ({"dc:description": None}, "value of dc:description"),
        ({"@context": "csvw"}, "context"),
    ],
)
def test_the_validator_sees_what_is_wrong(
    shown: dict[int, pd.DataFrame], tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    csv, meta, _ = twins.write(tmp_path, PARAMS, shown, synthetic=False)
    facts = json.loads(meta.read_text(encoding="utf-8"))
    header = list(pd.read_csv(csv, nrows=0).columns)
    assert said in invalid({**facts, **change}, header)
    assert invalid(facts, [*header[1:], "x"]) == ["columns are not those of the file"]


def test_the_same_results_give_the_same_bytes(
    shown: dict[int, pd.DataFrame], tmp_path: Path
) -> None:
    first, second = (twins.write(tmp_path / k, PARAMS, shown, False) for k in "ab")
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]


def decided(**values: object) -> Overrule:
    base = {"indicator": "a.share", "year": 2023, "category": "x", "flag": "", "role": "office",
            "reason": "known from the census", "date": "2025-01-31"}  # fmt: skip
    return Overrule.model_validate({**base, **values})


def judged(row: dict[str, object], decision: Overrule) -> tuple[pd.DataFrame, pd.DataFrame]:
    publication = PUBLICATION.model_copy(update={"overrules": [decision]})
    out = release(pd.DataFrame([row]), publication, "nso", register(row))
    return out, overrules.table({2023: out})


def test_a_decision_shows_an_imprecise_cell_and_is_logged() -> None:
    out, log = judged(cell(cv=0.5), decided())
    assert out["flag"].tolist() == [""] and out["estimate"].notna().all()
    assert log[["flag_rule", "flag", "effect"]].to_numpy().tolist() == [["s", "", "set"]]
    out, log = judged(cell(), decided(flag="s"))
    assert out["flag"].tolist() == ["s"] and out["estimate"].isna().all()


def test_no_decision_shows_a_confidential_cell() -> None:
    out, log = judged(cell(n_cases=3), decided())
    assert out["flag"].tolist() == ["c"] and out["estimate"].isna().all()
    assert log["effect"].tolist() == ["confidential"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"indicator": "migrants.rat"}, "no indicator 'migrants.rat'"),
        ({"domain": {"region": "9"}}, "region has no code '9'"),
        ({"domain": {"area": "1"}}, "no table of migrants.rate is by"),
        ({"year": 1999}, "1999 is no year of report.yml"),
        ({"flag": "c"}, "flag"),
        ({"date": "soon"}, "expected a date"),
    ],
)
def test_a_decision_on_no_cell_is_one_line(
    tmp_path: Path, change: dict[str, object], told: str
) -> None:
    shutil.copytree(ROOT / "params", tmp_path / "params")
    (tmp_path / "data").symlink_to(ROOT / "data")
    path = tmp_path / "params/rules.yml"
    entry = {"indicator": "migrants.rate", "domain": {"region": "1"}, "year": 2023, "flag": "*",
             "reason": "why", "role": "office", "date": "2025-01-31"}  # fmt: skip
    line = yaml.safe_dump([{**entry, **change}], default_flow_style=True, width=1000).strip()
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("overrules: []", f"overrules: {line}"), encoding="utf-8")
    with pytest.raises(ParameterError, match=r"rules\.yml:\d+: .*") as found:
        _ = load(tmp_path / "params").rules
    assert told in str(found.value)
    assert "\n" not in str(found.value)
