"""Public tables of the exhibits, and decisions on single cells."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

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
    assert set(facts["lfsmig:flags"]) == {"c", "*"}
    assert "Synthetic" in facts["dc:description"]["en"]
    sheets = openpyxl.load_workbook(book)
    assert sheets.sheetnames == ["Data", "Metadata"]
    head, *rows = sheets["Data"].iter_rows(values_only=True)
    assert list(head) == list(frame.columns)
    for row, line in zip(rows, frame.itertuples(index=False), strict=True):
        assert [None if pd.isna(v) else v for v in line] == [*row]
    withheld = frame[frame["flag"].eq("c")]
    assert withheld[["estimate", "se", "n"]].isna().all().all()


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
