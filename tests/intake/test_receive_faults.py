"""`lfsmig receive` where something goes wrong: bad files, a full disk, damage, a bad registry."""

from __future__ import annotations

import datetime
import errno
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import raw_files
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_receive import NAME, YEAR, changed, write

from lfsmig import cli
from lfsmig.commands.receive.terms import due
from lfsmig.errors import LfsmigError
from lfsmig.intake import deliver
from lfsmig.intake.amended import records, withheld
from lfsmig.intake.harmonise import harmonise
from lfsmig.intake.registry import (
    BORDER,
    Decision,
    open_registry,
    read_registry,
    write_registry,
)
from lfsmig.lock import held
from lfsmig.params import Params, load
from lfsmig.workspace import Workspace
from tests.conftest import ROOT
from tests.realdata import FOLDER, PARAMS, real
from tests.test_bad_input import edited_params, fingerprint

Call = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sent")
    write(folder / NAME, raw_files.people(YEAR))
    write(folder / "again" / NAME, changed())
    return folder


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory, sent: Path) -> Path:
    """A data root with a frozen master."""
    data = tmp_path_factory.mktemp("once") / "data"
    assert cli.call(["receive", "--data", str(data), "--quiet", str(YEAR), str(sent / NAME)]) == 0
    return data


@pytest.fixture
def data(once: Path, tmp_path: Path) -> Path:
    shutil.copytree(once, tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def receive(data: Path, capsys: pytest.CaptureFixture[str], in_root: Path) -> Call:
    """Call the command; give the exit code and what it says on stderr."""

    def call(*arguments: object) -> tuple[int, str]:
        capsys.readouterr()
        code = cli.call(["receive", "--data", str(data), "--quiet", *map(str, arguments)])
        told = capsys.readouterr().err.strip()
        assert len(told.splitlines()) <= 1, told
        return code, told

    return call


def kept(folder: Path) -> dict[str, str]:
    return {name: h for name, h in fingerprint(folder).items() if not name.endswith(".lock")}


# --- bad files --------------------------------------------------------------------------------


def test_what_cannot_be_received_is_refused_in_one_line(
    data: Path, sent: Path, tmp_path: Path, receive: Call
) -> None:
    """Each leaves the data root as it was."""
    before = kept(data)
    bad = tmp_path / "bad"
    write(bad / "lfs654.sav", raw_files.people(2022))
    write(bad / "other.sav", raw_files.people(YEAR).assign(MONTH=12))
    write(bad / "of2022" / NAME, raw_files.people(2022))
    (bad / "cut").mkdir()
    (bad / "cut" / NAME).write_bytes((sent / NAME).read_bytes()[:3000])
    (bad / "copy.sav").write_bytes((sent / NAME).read_bytes())
    (bad / "a\x1b[2J.sav").write_bytes(b"x")
    with (bad / "huge.sav").open("wb") as stream:
        stream.truncate(10 * 10**9)
    (bad / "csv").mkdir()
    (bad / "csv" / "lfs644.csv").write_text("A,B\n=HYPERLINK(1),2\n", encoding="utf-8")
    (bad / "lfs644.zip").write_bytes(b"PK\x03\x04")
    cases: list[tuple[list[object], str]] = [
        ([bad / "absent.sav"], "no such file"),
        ([bad], "is a folder"),
        ([bad / "lfs654.sav"], "the name says 2022, expected 2021"),
        ([bad / "of2022" / NAME], "says 2022 (2565), expected 2021"),
        ([bad / "cut" / NAME], "cut short"),
        ([sent / NAME, sent / NAME], "given twice"),
        ([sent / NAME, bad / "copy.sav"], "could be this file"),
        ([bad / "huge.sav", "--as", NAME], "more than the 2,048 MB allowed"),
        ([bad / "csv" / "lfs644.csv"], "the mapping names lfs644.sav, and none of them"),
        ([bad / "lfs644.zip"], "convert or unpack it"),
        ([bad / "other.sav", "--as", "x.sav"], "expected a name of files in"),
        ([bad / "other.sav", "--as", "x.sav", "--as", "y.sav"], "2 names for 1 files"),
        ([bad / "other.sav", "--dataset", "nobody"], "--dataset: `nobody` is not in"),
        ([bad / "other.sav", "--dataset", "tha-lfs-q4-synthetic"], "name another dataset"),
        ([bad / "other.sav", "--dataset", "usa-acs-pums-2024"], "with --data"),
        ([bad / "other.sav", "--reject", "no"], "give no files with it"),
        ([sent / "again" / NAME, "--accept", " "], "a reason is needed"),
        (["--accept", "a", "--reject", "b"], "exclude each other"),
        (["--accept", "a"], "no candidate waits"),
        (["--restore", "v07_M", "--accept", "a"], "is no version of 2021; there are: v01_M"),
        (["--restore", "v01_M", "--accept", "a"], "is the frozen master of 2021 already"),
        (["--restore", "v01_M"], "--restore takes an earlier version back"),
        (["--accept", "a\x1b[2J"], "control character"),
        (["--accept", "a" * 501], "longer than 500"),
    ]
    for arguments, words in cases:
        code, told = receive(YEAR, *arguments)
        assert code == 2 and words in told, (arguments, told)
        assert "\x1b" not in told
        assert kept(data) == before, arguments
    code, told = receive(YEAR, bad / "other.sav")
    assert code == 0, "the only file that fits is taken, whatever it is called"


def test_a_year_of_no_mapping_refuses_hostile_files_too(
    data: Path, tmp_path: Path, receive: Call
) -> None:
    before = kept(data)
    path = tmp_path / "new.csv"
    path.write_text("A,B\n=HYPERLINK(1),2\n", encoding="utf-8")
    code, told = receive(2025, path)
    assert code == 2 and "holds a formula" in told and kept(data) == before
    code, told = receive(2025, tmp_path / ".." / tmp_path.name / "new.csv", "--as", "../new.csv")
    assert code == 2 and "cannot be the name of a stored file" in told


def test_a_last_line_without_an_end_is_told(
    data: Path, tmp_path: Path, in_root: Path, call_json: Any
) -> None:
    path = tmp_path / "new.csv"
    path.write_text("A,B\n1,2", encoding="utf-8")
    _, document = call_json("receive", "--data", str(data), "2025", str(path))
    assert any("the last line has no end" in warning for warning in document["warnings"])
    assert any("nothing in the files tells their year" in w for w in document["warnings"])


# --- faults of the machine --------------------------------------------------------------------


FULL = OSError(errno.ENOSPC, "No space left")


@pytest.mark.parametrize(
    ("place", "fault"),
    [("copy", KeyboardInterrupt), ("copy", FULL), ("registry", FULL), ("comparison", FULL)],
)
def test_nothing_is_lost_wherever_it_stops(
    data: Path,
    sent: Path,
    receive: Call,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    fault: BaseException,
) -> None:
    """Before the registry knows a version nothing of it stands there; the same call goes on."""
    before = kept(data)

    def stop(*arguments: object, **more: object) -> None:
        raise fault

    with monkeypatch.context() as patched:
        if place == "copy":
            patched.setattr(deliver.os, "fsync", stop)
        elif place == "registry":
            patched.setattr("lfsmig.commands.receive.desk.write_registry", stop)
        else:
            patched.setattr("lfsmig.intake.amended.compare", stop)
        code, _ = receive(YEAR, sent / "again" / NAME)
    assert code == (130 if fault is KeyboardInterrupt else 2)
    if place == "comparison":
        assert "v02_M" in (data / "registry.yml").read_text(encoding="utf-8")
    else:
        assert kept(data) == before
    assert receive(YEAR, sent / "again" / NAME)[0] == 0
    assert (data / "raw" / str(YEAR) / "v02_M.comparison.json").is_file()


def test_a_damaged_copy_is_noticed(
    data: Path, sent: Path, receive: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that gives back other bytes than were written."""
    before = kept(data)
    true = deliver.sha256_of
    monkeypatch.setattr(
        deliver, "sha256_of", lambda path: "0" * 64 if ".v02_M.part" in str(path) else true(path)
    )
    code, told = receive(YEAR, sent / "again" / NAME)
    assert code == 2 and "the copy differs from the file" in told and kept(data) == before


def test_a_version_left_by_a_crash_is_told_and_never_overwritten(
    data: Path, sent: Path, in_root: Path, call_json: Any
) -> None:
    lost = data / "raw" / str(YEAR) / "v02_M"
    lost.mkdir()
    (lost / NAME).write_bytes(b"of somebody")
    (data / "raw" / str(YEAR) / ".v03_M.part").mkdir()
    _, document = call_json("receive", "--data", str(data), str(YEAR), str(sent / "again" / NAME))
    assert document["version"] == "v03_M" and (lost / NAME).read_bytes() == b"of somebody"
    assert any("v02_M: is not in the registry" in warning for warning in document["warnings"])


@pytest.mark.parametrize("damage", ["changed", "removed"])
def test_a_damaged_master_stops_every_command(
    data: Path, sent: Path, params: Params, receive: Call, damage: str
) -> None:
    path = data / "raw" / str(YEAR) / "v01_M" / NAME
    if damage == "changed":
        content = bytearray(path.read_bytes())
        content[-10] ^= 1
        path.chmod(0o644)
        path.write_bytes(bytes(content))
    else:
        path.unlink()
    with pytest.raises(LfsmigError, match="since it was frozen as v01_M of 2021"):
        harmonise(params, YEAR, data / "raw")
    code = cli.call(["--data", str(data), "--quiet", "validate", str(YEAR)])
    assert code == 2
    code, told = receive(YEAR, sent / "again" / NAME)
    assert code == 2 and damage in told
    code, told = receive("--verify")
    assert code == 1 and "1 stored files are not what was received" in told


def test_a_damaged_candidate_is_not_accepted(data: Path, sent: Path, receive: Call) -> None:
    assert receive(YEAR, sent / "again" / NAME)[0] == 0
    path = data / "raw" / str(YEAR) / "v02_M" / NAME
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b"\0")
    before = kept(data)
    code, told = receive(YEAR, "--accept", "corrected")
    assert code == 2 and "the file has changed since it was received as v02_M" in told
    assert receive(YEAR, "--reject", "damaged")[0] == 0
    assert kept(data).keys() == before.keys()


def test_one_call_at_a_time(data: Path, sent: Path, receive: Call) -> None:
    with held(data):
        code, told = receive(YEAR, sent / "again" / NAME)
    assert code == 2 and "another run is at work here" in told
    assert receive(YEAR)[0] == 0, "to look needs no lock"


# --- registry and terms -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("frozen: v01_M", "frozen: v02_M", "the one version whose status is frozen"),
        ("status: frozen", "status: thawed", "status"),
        ("dataset: tha-lfs-q4-migration", "dataset: nobody", "expected one of datasets"),
        ("deliveries:", "delivered:", "unknown key"),
        ("version: v01_M", "version: first", "a master version such as v01_M"),
        ("sha256: ", "sha256: x", "sha256"),
        ("  - id: tha-lfs-q4-synthetic", "  - id: tha-lfs-q4-migration", "stands twice"),
        ("delete_by: null", 'delete_by: "31/12/2030"', "delete_by"),
    ],
)
def test_a_spoilt_registry_is_named_by_line(
    data: Path, receive: Call, old: str, new: str, words: str
) -> None:
    path = data / "registry.yml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    code, told = receive(YEAR)
    assert code == 2 and "registry.yml:" in told and words in told


def test_what_people_write_stands_above(data: Path, receive: Call) -> None:
    """Anything below the border would be lost with the next delivery."""
    path = data / "registry.yml"
    head, border, written = path.read_text(encoding="utf-8").partition(BORDER)
    path.write_text(border + written + head, encoding="utf-8")
    code, told = receive(YEAR)
    assert code == 2 and "expected above deliveries" in told
    path.write_text(head + border + written + "note: mine\n", encoding="utf-8")
    code, told = receive(YEAR)
    assert code == 2 and "unknown key" in told


@given(reason=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_reason_survives_the_registry(once: Path, tmp_path: Path, reason: str) -> None:
    """`null`, `1e5`, `- a: b`, quotes and Thai come back as they were written."""
    registry, head = open_registry(once, ROOT / "params")
    year = registry.deliveries[YEAR]
    decision = Decision(time="t", action="reject", version="v01_M", reason=reason)
    more = year.model_copy(update={"decisions": [decision]})
    registry = registry.model_copy(update={"deliveries": {YEAR: more}})
    write_registry(tmp_path, registry, head)
    assert read_registry(tmp_path / "registry.yml").deliveries[YEAR].decisions == [decision]


@pytest.mark.parametrize("reason", ["null", "yes", "1e5", "0x1", "2026-11-29", "- a", "a: b", "#"])
def test_words_of_yaml_are_quoted(once: Path, tmp_path: Path, reason: str) -> None:
    test_any_reason_survives_the_registry.hypothesis.inner_test(once, tmp_path, reason)


def test_synthetic_and_real_years_keep_apart(data: Path, tmp_path: Path, receive: Call) -> None:
    path = write(tmp_path / "lfs684.sav", raw_files.people(2025), file_label="SYNTHETIC")
    before = kept(data)
    code, told = receive(2025, path)
    assert code == 2 and "2021 holds tha-lfs-q4-migration and these files are synthetic" in told
    assert kept(data) == before


def test_a_new_data_root_begins_with_the_datasets_alone(
    once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the project received lies in its own data root."""
    shutil.copytree(once, tmp_path / "data", ignore=shutil.ignore_patterns("raw"))
    monkeypatch.chdir(tmp_path)
    registry, head = open_registry(tmp_path / "elsewhere", ROOT / "params")
    assert registry.deliveries == {} and len(registry.datasets) == 3
    assert "deliveries:" not in head and head.startswith("# Datasets")
    assert open_registry(tmp_path / "data", ROOT / "params")[0].deliveries.keys() == {YEAR}


def test_datasets_due_for_deletion_are_listed_and_kept(data: Path, receive: Call) -> None:
    path = data / "registry.yml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("delete_by: null", 'delete_by: "2026-03-31"', 1), "utf-8")
    workspace = Workspace.at(ROOT / "params", data)
    before = kept(data)
    for day, late in (("2026-03-31", False), ("2026-04-01", True)):
        rows = due(workspace, datetime.date.fromisoformat(day))["datasets"]
        assert [row["due"] for row in rows] == [late, False, False]
        assert rows[0]["years"] == [YEAR] and rows[0]["agreement_missing"]
    assert receive("--due")[0] == 0 and kept(data) == before


def test_the_project_s_registry_is_whole() -> None:
    registry = read_registry(ROOT / "data" / "registry.yml")
    assert {one.confidentiality for one in registry.datasets} == {
        "public", "restricted", "synthetic",
    }  # fmt: skip
    assert all((ROOT / one.params).is_dir() for one in registry.datasets)


def test_records_with_one_key_are_all_paired(params: Params, sent: Path) -> None:
    """A household that stands twice in both versions differs in nothing."""
    frame = harmonise(params, YEAR, sent).frame
    twice = pd.concat([frame, frame.iloc[:4]], ignore_index=True)
    found = records(params, twice, twice.iloc[::-1].reset_index(drop=True), 5)
    assert found["records"] == {
        "before": 68, "after": 68, "added": 0, "removed": 0, "amended": 0,
        "amended_beyond_weight": 0, "unchanged": 68, "repeated_keys": 4,
    }  # fmt: skip
    found = records(params, twice, frame, 5)
    assert (found["records"]["removed"], found["values"]) == (4, [])


# --- counts -----------------------------------------------------------------------------------


@given(counts=st.lists(st.integers(0, 40), min_size=1, max_size=8))
def test_withheld_counts_cannot_be_had_by_subtraction(counts: list[int]) -> None:
    """Their sum is told: where anything is withheld, two are, or there is nothing else."""
    told = withheld(counts, 5)
    gaps = [count for count, shown in zip(counts, told, strict=True) if shown is None]
    assert all(shown is None for count, shown in zip(counts, told, strict=True) if 0 < count < 5)
    if gaps:
        others = [count for count in counts if count >= 5]
        assert max(gaps) >= 5 or not others
    assert [shown for shown in told if shown is not None] == [
        count for count, shown in zip(counts, told, strict=True) if shown is not None
    ]


def test_names_of_other_letters_are_one(tmp_path: Path) -> None:
    """A file name typed on a machine that writes ผู้ apart is the mapping's name all the same."""
    assert deliver._folded("ผ\u0e48\u0e39.SAV") == deliver._folded("ผ\u0e39\u0e48.sav")


# --- real records -----------------------------------------------------------------------------


@real
def test_real_records_are_received_by_parameters_alone(
    tmp_path: Path, in_root: Path, call_json: Any
) -> None:
    """The records in their year; beside them lie a table without a year and a list of labels."""
    common = ["--params", str(PARAMS), "--data", str(tmp_path / "data"), "--quiet"]
    name = "acs2024_13states_min.csv.gz"
    code, document = call_json("receive", *common, "2024", str(FOLDER / name))
    assert code == 0 and document["dataset"] == "usa-acs-pums-2024"
    assert document["warnings"] == []
    file = document["versions"][0]["files"][0]
    assert file["rows"] == len(harmonise(load(PARAMS), 2024, tmp_path / "data/raw").frame)
    for other in ("official_state_mobility.csv", "pums_dict_2023_subset.csv"):
        code, document = call_json("receive", *common, "2024", str(FOLDER / other))
        assert code == 2 and "none of them could be this file" in document["error"]
    code, document = call_json(
        "receive", *common, "2025", str(FOLDER / "official_state_mobility.csv")
    )
    assert code == 0 and document["versions"][0]["files"][0]["rows"] == 13
    assert any("nothing in the files tells their year" in one for one in document["warnings"])
    code, document = call_json(
        "receive", *common, "2026", str(FOLDER / "pums_dict_2023_subset.csv")
    )
    assert code == 2 and "column 6 has no name" in document["error"]


@real
def test_a_resent_real_file_is_compared(tmp_path: Path, in_root: Path, call_json: Any) -> None:
    """Forty ages a year up and fifty records left out are found, and nothing else."""
    common = ["--params", str(PARAMS), "--data", str(tmp_path / "data"), "--quiet"]
    frame = pd.read_csv(FOLDER / "acs2024_13states_min.csv.gz", dtype=str, keep_default_na=False)
    name = "acs2024_13states_min.csv.gz"
    frame = frame.iloc[:4000].copy()
    frame.to_csv(tmp_path / name, index=False)
    assert call_json("receive", *common, "2024", str(tmp_path / name))[0] == 0
    old = frame.index[frame["AGEP"].astype(int).between(30, 60)][:40]
    frame.loc[old, "AGEP"] = (frame.loc[old, "AGEP"].astype(int) + 1).astype(str)
    frame.iloc[:-50].to_csv(tmp_path / name, index=False)
    _, document = call_json("receive", *common, "2024", str(tmp_path / name))
    found = document["comparison"]
    assert {key: found["records"][key] for key in ("added", "removed", "amended")} == {
        "added": 0, "removed": 50, "amended": 40,
    }  # fmt: skip
    assert {row["variable"]: row["records"] for row in found["values"]} == {"age": 40}
    assert len(found["headline"]) == 3 and found["headline"][0]["difference"] < 0


def test_a_headline_that_is_no_indicator_is_named(
    data: Path, sent: Path, tmp_path: Path, receive: Call
) -> None:
    """With the nearest one, and before any file is copied."""
    params = edited_params(tmp_path, "report.yml", "  - migrants.rate", "  - migrant.rate")
    before = kept(data)
    code, told = receive(YEAR, sent / "again" / NAME, "--params", params)
    assert code == 2 and "report.yml:" in told and "did you mean migrants.rate?" in told
    assert kept(data) == before
