"""Documents that come with a year's records: kept, hashed, never read as records."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lfsmig.intake.masters import master_of
from lfsmig.intake.registry import read_registry
from tests.realdata import FOLDER, PARAMS, real

YEAR = 2021


@pytest.fixture
def call(tmp_path: Path, in_root: Path, call_json: Any) -> Any:
    data = tmp_path / "data"

    def receive(*arguments: object) -> tuple[int, dict[str, Any]]:
        words = map(str, arguments)
        return call_json("receive", "--params", "params", "--data", str(data), "--quiet", *words)

    return receive


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "แบบสอบถาม 2560.pdf"
    path.write_bytes(b"%PDF no records here")
    return path


def test_a_document_is_kept_beside_the_records(
    call: Any, small_raw: Path, document: Path, tmp_path: Path
) -> None:
    code, told = call(YEAR, document, "--companion")
    assert code == 2 and "nothing was received yet" in told["error"]
    assert call(YEAR, small_raw / str(YEAR) / "lfs644.sav")[0] == 0
    before = read_registry(tmp_path / "data" / "registry.yml").deliveries[YEAR]
    code, told = call(YEAR, document, "--companion")
    assert (code, told["action"], told["companions_new"]) == (0, "companions", [document.name])
    kept = tmp_path / "data" / "raw" / str(YEAR) / "companions" / document.name
    assert kept.read_bytes() == document.read_bytes()
    assert not kept.stat().st_mode & stat.S_IWUSR
    # The master and its versions are as before, and still what commands read.
    after = read_registry(tmp_path / "data" / "registry.yml").deliveries[YEAR]
    assert after.model_copy(update={"companions": None}) == before
    master = master_of(tmp_path / "data" / "raw", YEAR)
    assert master is not None and [one.name for one in master.files] == ["lfs644.sav"]
    assert call(YEAR, document, "--companion")[1]["companions_new"] == []
    assert call(YEAR)[1]["companions"][0]["name"] == document.name
    assert call("--verify")[1]["files"] == 2
    kept.chmod(0o644)
    kept.write_bytes(b"changed")
    code, told = call("--verify")
    assert code == 1 and told["damaged"][0]["file"] == document.name


def test_no_document_takes_the_place_of_another(
    call: Any, small_raw: Path, document: Path, tmp_path: Path
) -> None:
    assert call(YEAR, small_raw / str(YEAR) / "lfs644.sav")[0] == 0
    assert call(YEAR, document, "--companion")[0] == 0
    document.write_bytes(b"another edition")
    code, told = call(YEAR, document, "--companion")
    assert code == 2 and "nothing is overwritten" in told["error"]
    assert call(YEAR, document, "--companion", "--as", "second.pdf")[0] == 0
    home = tmp_path / "data" / "raw" / str(YEAR) / "companions"
    assert {one.name for one in home.iterdir()} == {document.name, "second.pdf"}
    for arguments, says in (
        ((document, "--companion", "--as", "../out.pdf"), "cannot be the name"),
        ((tmp_path / "none.pdf", "--companion"), "no such file"),
        (("--companion",), "give it with their files"),
        ((document, "--companion", "--accept", "why"), "without --accept"),
        ((document, document, "--companion"), "two documents would both be"),
    ):
        code, told = call(YEAR, *arguments)
        assert code == 2 and says in told["error"], told
    assert {one.name for one in home.iterdir()} == {document.name, "second.pdf"}


@real
def test_every_real_file_is_received(tmp_path: Path, in_root: Path, call_json: Any) -> None:
    """The records as the year's master, all that lies beside them as documents."""
    common = ["--params", str(PARAMS), "--data", str(tmp_path / "data"), "--quiet", "2024"]
    records = "acs2024_13states_min.csv.gz"
    beside = sorted(one for one in FOLDER.iterdir() if one.is_file() and one.name != records)
    assert len(beside) >= 3
    assert call_json("receive", *common, str(FOLDER / records))[0] == 0
    code, told = call_json("receive", *common, *map(str, beside), "--companion")
    assert code == 0 and told["companions_new"] == [one.name for one in beside]
    assert call_json("receive", *common[:-1], "--verify")[1]["damaged"] == []
    home = tmp_path / "data" / "raw" / "2024" / "companions"
    assert len(pd.read_csv(home / "official_state_mobility.csv")) == 13
