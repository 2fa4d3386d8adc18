"""`lfsmig validate` beside other years: read anew where they were not run, never the same."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lfsmig import cli
from lfsmig.atomic import write_parquet
from lfsmig.intake.checks_years import COLUMNS
from lfsmig.intake.harmonise import harmonise
from lfsmig.params import load
from lfsmig.stored import other_years
from lfsmig.workspace import Workspace
from tests.conftest import ROOT
from tests.shared import cut_register

YEAR = 2022


@pytest.fixture(scope="module")
def home(small_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Parameters with few indicators and the raw files of two years; nothing was run."""
    home = tmp_path_factory.mktemp("before")
    shutil.copytree(ROOT / "params", home / "params")
    shutil.copytree(ROOT / "data" / "codebook", home / "data" / "codebook")
    shutil.copytree(ROOT / "data" / "published", home / "data" / "published")
    cut_register(home / "params", ("migrants.rate", "lifetime.sex"))
    for year in (YEAR - 1, YEAR):
        shutil.copytree(small_raw / str(year), home / "raw" / str(year))
    return home


def validated(
    home: Path, data: Path, raw: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[int, dict, str]:
    common = ["--params", str(home / "params"), "--data", str(data), "--json"]
    code = cli.call([*common, "validate", str(YEAR), "--raw", str(raw)])
    told = capsys.readouterr()
    return code, {one["id"]: one for one in json.loads(told.out)["checks"]}, told.err


def test_the_year_before_is_read_where_it_was_not_run(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found, told = validated(home, tmp_path / "data", home / "raw", capsys)
    assert code == 0 and f"{YEAR - 1}: was not run here; reading and mapping it" in told
    for name in ("T1", "T2", "T4", "W5", "D2", "K5"):
        assert found[name]["status"] != "not_applicable", found[name]
    # Reading it leaves nothing behind that a run would take for its own.
    assert not list(tmp_path.glob("data/harmonised/*"))


def test_a_year_before_that_cannot_be_read_is_told_and_stops_nothing(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(home / "raw", raw)
    (raw / str(YEAR - 1) / "lfs644.sav").write_bytes(b"no SPSS file")
    code, found, told = validated(home, tmp_path / "data", raw, capsys)
    assert code == 0 and f"{YEAR - 1}: nothing is compared with it (" in told
    assert found["T1"]["status"] == "not_applicable"
    shutil.rmtree(raw / str(YEAR - 1))
    code, found, told = validated(home, tmp_path / "data", raw, capsys)
    assert code == 0 and "no such folder" in told and found["W5"]["status"] == "not_applicable"


def test_records_of_another_year_stop_with_their_number(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    params = load(home / "params")
    made = harmonise(params, YEAR, home / "raw")
    folder = tmp_path / "data" / "harmonised"
    folder.mkdir(parents=True)
    # What was run as 2019 are the records that came as this year's.
    write_parquet(folder / "2019.parquet", made.frame)
    code, found, _ = validated(home, tmp_path / "data", home / "raw", capsys)
    parts = {one["part"]: one for one in found["K5"]["parts"]}
    assert (code, found["K5"]["severity"]) == (1, "E")
    assert [one["status"] for one in parts.values()] == ["fail", "fail"]
    assert parts["records"]["count"] == len(made.frame)
    assert f"{len(made.frame)} records are in 2019 too" in parts["records"]["reason"]
    workspace = Workspace.at(home / "params", tmp_path / "data")
    readers = other_years(workspace, YEAR, before=True)
    assert list(readers) == [2019] and set(readers[2019]().columns) == set(COLUMNS)
    assert list(other_years(workspace, 2018, before=True)) == []
