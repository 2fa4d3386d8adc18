"""`lfsmig receive`: master versions, comparison of a re-sent file, decisions and their way back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyreadstat
import pytest
import raw_files

from lfsmig import cli, steps
from lfsmig.intake.harmonise import harmonise
from lfsmig.intake.registry import BORDER, read_registry
from lfsmig.params import Params
from lfsmig.pipeline import _record
from lfsmig.workspace import Workspace
from tests.conftest import ROOT

YEAR = 2021
NAME = "lfs644.sav"
PERSONS = 64
Call = Callable[..., tuple[int, dict[str, Any]]]


def write(path: Path, frame: pd.DataFrame, **more: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    names = {"SIZE": "SIZE_", "WEIGHT": "WGT"}
    pyreadstat.write_sav(frame.rename(columns=names), path, **more)
    return path


def changed() -> pd.DataFrame:
    """Six women called men, four ages a year up, two persons gone and one new."""
    frame = raw_files.people(YEAR)
    persons = frame.index[frame["NO"].notna()]
    women = [row for row in persons if frame.loc[row, "SEX"] == 2]
    frame.loc[women[:6], "SEX"] = 1
    frame.loc[persons[10:14], "AGE"] += 1
    new = frame.loc[persons[0]].copy()
    new["NO"] = 5
    return pd.concat([frame.drop(index=persons[-2:]), new.to_frame().T]).infer_objects()


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """First delivery, the same file changed, and a sample's file."""
    folder = tmp_path_factory.mktemp("sent")
    write(folder / NAME, raw_files.people(YEAR), column_labels={"SEX": "เพศ"})
    write(folder / "again" / NAME, changed(), column_labels={"SEX": "เพศสภาพ"})
    write(folder / "made" / NAME, raw_files.people(YEAR), file_label="SYNTHETIC records")
    return folder


@pytest.fixture
def receive(tmp_path: Path, call_json, in_root: Path) -> Call:
    """Call the command on a data root of the test."""

    def call(*arguments: object) -> tuple[int, dict[str, Any]]:
        options = ["--data", str(tmp_path / "data"), "--quiet"]
        return call_json("receive", *options, *map(str, arguments))

    return call


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory, sent: Path) -> Path:
    """A data root with a frozen master and a candidate."""
    data = tmp_path_factory.mktemp("once") / "data"
    for path in (sent / NAME, sent / "again" / NAME):
        assert cli.call(["receive", "--data", str(data), "--quiet", str(YEAR), str(path)]) == 0
    return data


@pytest.fixture
def data(once: Path, tmp_path: Path) -> Path:
    """A copy of it, where `receive` looks."""
    shutil.copytree(once, tmp_path / "data")
    return tmp_path / "data"


def statuses(document: dict[str, Any]) -> dict[str, str]:
    return {one["version"]: one["status"] for one in document["versions"]}


# --- the first delivery -----------------------------------------------------------------------


def test_a_first_delivery_is_frozen(receive: Call, sent: Path, tmp_path: Path) -> None:
    code, document = receive("2564", sent / NAME)
    assert code == 0 and document["action"] == "frozen" and document["version"] == "v01_M"
    stored = tmp_path / "data/raw" / str(YEAR) / "v01_M" / NAME
    assert stored.read_bytes() == (sent / NAME).read_bytes() and (sent / NAME).is_file()
    assert not stored.stat().st_mode & 0o222
    file = document["versions"][0]["files"][0]
    assert (file["rows"], file["size"]) == (PERSONS + 8, stored.stat().st_size)
    assert file["labels"]["variables"] == 1 and len(file["sha256"]) == 64
    assert document["dataset"] == "tha-lfs-q4-migration"
    assert any("no agreement is named" in warning for warning in document["warnings"])
    assert not list((tmp_path / "data/raw" / str(YEAR)).glob(".*"))


def test_the_registry_keeps_what_people_wrote(data: Path) -> None:
    text = (data / "registry.yml").read_text(encoding="utf-8")
    head = (ROOT / "data/registry.yml").read_text(encoding="utf-8")
    assert text.startswith(head) and text[len(head) :].startswith(BORDER)
    assert "เพศ" not in text and "SEX" not in text, "names and labels of a layout may not be public"
    registry = read_registry(data / "registry.yml")
    assert [one.version for one in registry.deliveries[YEAR].versions] == ["v01_M", "v02_M"]


def test_commands_read_the_master(data: Path, params: Params, receive: Call) -> None:
    made = harmonise(params, YEAR, data / "raw")
    assert len(made.frame) == PERSONS and made.receipt["master"] == "v01_M"
    assert receive(YEAR, "--accept", "corrected by the office")[0] == 0
    made = harmonise(params, YEAR, data / "raw")
    assert len(made.frame) == PERSONS - 1 and made.receipt["master"] == "v02_M"


def test_another_master_makes_the_year_out_of_date(
    data: Path, params: Params, receive: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Tiny files fail checks of a whole survey, which is not what is looked at here.
    monkeypatch.setattr(steps, "validate", lambda *_, **__: [])
    workspace = Workspace.at(ROOT / "params", data)

    def made() -> bool:
        step, failed = steps.harmonise_year(workspace, params, YEAR, lambda text: None)
        _record([step] if step else [])
        assert not failed
        return step is not None

    assert made() and not made()
    assert receive(YEAR, "--accept", "corrected")[0] == 0
    assert made() and not made()
    assert receive(YEAR, "--restore", "v01_M", "--accept", "the correction was wrong")[0] == 0
    assert made() and not made()


def test_the_same_bytes_change_nothing(data: Path, sent: Path, receive: Call) -> None:
    before = (data / "registry.yml").read_bytes()
    for name, version in ((NAME, "v01_M"), (f"again/{NAME}", "v02_M")):
        code, document = receive(YEAR, sent / name)
        assert (code, document["action"], document["version"]) == (0, "unchanged", version)
    assert (data / "registry.yml").read_bytes() == before


def test_synthetic_files_belong_to_the_sample(receive: Call, sent: Path, tmp_path: Path) -> None:
    code, document = receive(YEAR, sent / "made" / NAME)
    assert code == 0 and document["dataset"] == "tha-lfs-q4-synthetic"
    assert (tmp_path / "data/raw" / str(YEAR) / "v01_M" / "SYNTHETIC.txt").is_file()
    code, document = receive(YEAR, sent / NAME)
    assert code == 2 and "keep" in document["error"]


# --- a re-sent file ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found(once: Path) -> dict[str, Any]:
    path = once / "raw" / str(YEAR) / "v02_M.comparison.json"
    return dict(json.loads(path.read_text(encoding="utf-8")))


def test_a_comparison_by_hand(found: dict[str, Any]) -> None:
    counts = found["records"]
    assert (counts["before"], counts["after"]) == (PERSONS, PERSONS - 1)
    assert (counts["added"], counts["removed"]) == (1, 2)
    values = {row["variable"]: row for row in found["values"]}
    assert values["sex"]["records"] == 6 and values["sex"]["changed"] == 6
    assert values["sex"]["codes"] == [{"before": "female", "after": "male", "records": 6}]
    assert values["age"]["records"] is None, "four records are too few to be counted"
    assert "weight" not in values
    assert {row["name"]: row["difference"] for row in found["totals"]}["persons"] == -1
    assert {"file": NAME, "what": "labels", "names": ["SEX"]} in found["layout"]
    assert len(found["keys"]["removed"]) == 2 and len(found["keys"]["amended"]) == 5


def test_the_effect_on_headline_indicators(
    found: dict[str, Any], once: Path, params: Params
) -> None:
    """Totals are sums of weights, computed here from the files themselves."""
    totals = []
    for version in ("v01_M", "v02_M"):
        frame, _ = pyreadstat.read_sav(once / "raw" / str(YEAR) / version / NAME)
        totals.append(frame.loc[frame["SYN_MOVED"] == 1, "WGT"].sum())
    row = next(one for one in found["headline"] if one["indicator"] == "migrants.total")
    assert (row["before"], row["after"]) == (pytest.approx(totals[0]), pytest.approx(totals[1]))
    assert row["difference"] == pytest.approx(totals[1] - totals[0])
    assert row["relative"] == pytest.approx(totals[1] / totals[0] - 1)
    assert row["se_before"] > 0
    assert [one["indicator"] for one in found["headline"]] == list(params.headline)


def test_keys_stay_beside_the_candidate(
    found: dict[str, Any], once: Path, data: Path, receive: Call, capsys: Any
) -> None:
    key = found["keys"]["removed"][0]
    folder = once / "raw" / str(YEAR)
    assert key in (folder / "v02_M.comparison.html").read_text(encoding="utf-8")
    assert key not in (folder / "v02_M.comparison.txt").read_text(encoding="utf-8")
    _, document = receive(YEAR, "--accept", "corrected")
    assert key not in json.dumps(document) and "keys" not in document["comparison"]
    cli.call(["receive", "--data", str(data), str(YEAR)])
    assert key not in capsys.readouterr().out


def test_the_page_speaks_both_languages(once: Path) -> None:
    page = (once / "raw" / str(YEAR) / "v02_M.comparison.html").read_text(encoding="utf-8")
    assert '<section lang="en">' in page and '<section lang="th">' in page
    for text in ("พ.ศ. 2564", "ผู้ย้ายถิ่นในรอบ 12 เดือน", "หญิง →", "Female →", "fewer than 5"):
        assert text in page, text
    assert "{{" not in page and "None" not in page
    # A machine without a Thai font shows boxes otherwise.
    assert page.count("@font-face") == 2 and "data:font/ttf;base64,AAEA" in page


def test_a_master_is_replaced_only_when_accepted(data: Path, sent: Path, receive: Call) -> None:
    _, document = receive(YEAR)
    assert (document["action"], document["frozen"]) == ("status", "v01_M")
    assert statuses(document) == {"v01_M": "frozen", "v02_M": "candidate"}
    _, document = receive(YEAR, "--accept", "ตามหนังสือของสำนักงาน")
    assert statuses(document) == {"v01_M": "superseded", "v02_M": "frozen"}
    last = document["decisions"][-1]
    assert (last["action"], last["replaces"]) == ("accept", "v01_M")
    assert last["reason"] == "ตามหนังสือของสำนักงาน"
    _, document = receive(YEAR, "--restore", "v01_M", "--accept", "was wrong")
    assert statuses(document) == {"v01_M": "frozen", "v02_M": "superseded"}
    assert [one["action"] for one in document["decisions"]] == [
        "first", "candidate", "accept", "restore",
    ]  # fmt: skip
    for version, name in (("v01_M", NAME), ("v02_M", f"again/{NAME}")):
        stored = data / "raw" / str(YEAR) / version / NAME
        assert stored.read_bytes() == (sent / name).read_bytes()


def test_a_candidate_is_checked_before_it_is_accepted(
    data: Path, tmp_path: Path, receive: Call
) -> None:
    frame = raw_files.people(YEAR)
    path = write(
        tmp_path / NAME, pd.concat([frame, frame.dropna(subset="NO").tail(1)], ignore_index=True)
    )
    _, document = receive(YEAR, path)
    worse = {one["id"]: (one["before"], one["after"]) for one in document["comparison"]["checks"]}
    assert worse["K1"] == ("passed", "error")
    _, document = receive(YEAR, "--accept", "as it is")
    assert any("v03_M fails" in line and "K1" in line for line in document["warnings"])


def test_the_doctor_looks_at_what_was_received(
    data: Path, call_json, in_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call_json("doctor", "--data", str(data))[1]["store"] == {
        "files": 2, "damaged": [], "due": [], "error": "",
    }  # fmt: skip
    path = data / "raw" / str(YEAR) / "v01_M" / NAME
    path.chmod(0o644)
    path.write_bytes(b"cut")
    registry = data / "registry.yml"
    text = registry.read_text(encoding="utf-8")
    used = read_registry(registry).deliveries[YEAR].dataset
    at = text.index(f"- id: {used}")
    dated = text[at:].replace("delete_by: null", "delete_by: 2020-12-31", 1)
    registry.write_text(text[:at] + dated, encoding="utf-8")
    assert cli.call(["doctor", "--data", str(data)]) in (1, 3)
    told = capsys.readouterr().out
    assert f"DAMAGED  {YEAR} v01_M {NAME}: the file has changed" in told
    assert f"DUE      {used}" in told
    registry.write_text("datasets: [", encoding="utf-8")
    assert call_json("doctor", "--data", str(data))[1]["store"]["error"]


def test_a_rejected_candidate_leaves_the_master(data: Path, receive: Call) -> None:
    _, document = receive(YEAR, "--reject", "sent by mistake")
    assert statuses(document) == {"v01_M": "frozen", "v02_M": "rejected"}
    code, document = receive(YEAR, "--accept", "after all")
    assert code == 2 and "no candidate waits" in document["error"]
    assert receive(YEAR, "--restore", "v02_M", "--accept", "after all")[0] == 0


def test_received_and_accepted_in_one_call(data: Path, tmp_path: Path, receive: Call) -> None:
    path = write(tmp_path / NAME, raw_files.people(YEAR).assign(MONTH=10))
    code, document = receive(YEAR, path, "--accept", "third time")
    assert code == 0 and document["action"] == "accepted"
    assert statuses(document) == {"v01_M": "superseded", "v02_M": "superseded", "v03_M": "frozen"}


def test_a_candidate_that_cannot_be_mapped_says_so(
    data: Path, tmp_path: Path, receive: Call
) -> None:
    path = write(tmp_path / NAME, raw_files.people(YEAR).assign(SEX=7))
    _, document = receive(YEAR, path)
    comparison = document["comparison"]
    assert not comparison["made"]
    assert (
        "the candidate cannot be mapped" in comparison["reason"] and "SEX" in comparison["reason"]
    )


def test_a_module_sent_alone_takes_the_rest_over(raw: Path, receive: Call, tmp_path: Path) -> None:
    labour, module = raw / "2023/lfs664.sav", raw / "2023/mig664.sav"
    code, document = receive(2023, labour)
    assert code == 2 and "mig664.sav" in document["error"]
    assert receive(2023, labour, module)[0] == 0
    frame, _ = pyreadstat.read_sav(module)
    frame.loc[frame["SYN_REASON"] == 1, "SYN_REASON"] = 4
    (tmp_path / "new").mkdir()
    pyreadstat.write_sav(frame, tmp_path / "new" / "MIG664.SAV.sav")
    code, document = receive(2023, tmp_path / "new" / "MIG664.SAV.sav", "--as", "mig664.sav")
    files = {one["name"]: one for one in document["versions"][1]["files"]}
    assert files["lfs664.sav"]["carried_from"] == "v01_M"
    assert files["mig664.sav"]["delivered_as"] == "MIG664.SAV.sav"
    values = {row["variable"]: row["records"] for row in document["comparison"]["values"]}
    assert values == {"reason": 16}
    code, document = receive(2023, tmp_path / "new" / "MIG664.SAV.sav")
    assert code == 2 and "--as NAME" in document["error"]


def test_nothing_is_drafted_from_a_changed_master(data: Path, call_json, in_root: Path) -> None:
    asked = ("new-year", str(YEAR), "--report-only", "--data", str(data), "--quiet")
    assert call_json(*asked)[0] in (0, 1)
    path = data / "raw" / str(YEAR) / "v01_M" / NAME
    path.chmod(0o644)
    write(path, raw_files.people(YEAR).assign(MONTH=11))
    code, document = call_json(*asked)
    assert code == 2 and "the file has changed since it was frozen" in document["error"]


# --- years without a mapping, plain files -----------------------------------------------------


def test_a_year_is_received_before_it_is_mapped(tmp_path: Path, receive: Call) -> None:
    frame = raw_files.people(2025)
    path = write(tmp_path / "lfs684.sav", frame)
    code, document = receive(2568, path)
    assert code == 0 and document["version"] == "v01_M"
    path = write(tmp_path / "new" / "lfs684.sav", frame.assign(AGE=30))
    _, document = receive(2568, path)
    assert document["action"] == "candidate"
    assert "lfsmig new-year 2025" in document["comparison"]["reason"]
    wrong = write(tmp_path / "old" / "lfs684.sav", raw_files.people(2020))
    code, document = receive(2568, wrong)
    assert code == 2 and "says 2020 (2563), expected 2025" in document["error"]


def test_plain_files_are_read_as_before(params: Params, sent: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data/raw" / str(YEAR)
    folder.mkdir(parents=True)
    shutil.copy(sent / NAME, folder)
    assert "master" not in harmonise(params, YEAR, tmp_path / "data/raw").receipt


def test_a_file_laid_beside_the_master_is_not_passed_over(
    data: Path, params: Params, sent: Path
) -> None:
    """Of what was received the store has a copy; anything else is named."""
    plain = data / "raw" / str(YEAR) / NAME
    shutil.copy(sent / "again" / NAME, plain)
    assert len(harmonise(params, YEAR, data / "raw").frame) == PERSONS
    shutil.copy(sent / "made" / NAME, plain)
    with pytest.raises(Exception, match="beside the frozen master v01_M and is another file"):
        harmonise(params, YEAR, data / "raw")


def test_the_registry_names_bytes_not_places(data: Path, params: Params, sent: Path) -> None:
    """A colleague with the registry alone lays the files into the year's folder."""
    folder = data / "raw" / str(YEAR)
    shutil.rmtree(folder / "v01_M")
    with pytest.raises(Exception, match="are not here"):
        harmonise(params, YEAR, data / "raw")
    shutil.copy(sent / NAME, folder)
    assert harmonise(params, YEAR, data / "raw").receipt["master"] == "v01_M"
