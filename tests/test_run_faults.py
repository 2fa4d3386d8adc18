"""Runs that fail, are interrupted or meet spoilt files: what is kept and what is made again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lfsmig import cli
from lfsmig.lock import held
from tests.conftest import FEW_YEAR, ROOT, needs_r, run_pipeline
from tests.test_bad_input import edited_params, fingerprint

YEAR = FEW_YEAR


@pytest.fixture
def data(few_data: Path, tmp_path: Path) -> Path:
    """A copy of a good year to be spoilt."""
    shutil.copytree(few_data, tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def again(few_params: Path) -> Callable[..., int]:
    """Run the Python engine with the few indicators, the good year or others."""

    def run(data: Path, raw: Path, years: str = str(YEAR)) -> int:
        return run_pipeline(data, raw, "python", "--years", years, params=few_params)

    return run


def without_times(folder: Path) -> dict[str, str]:
    """Hashes of all files but the manifests, which hold times, and the lock."""
    found = fingerprint(folder)
    return {
        name: h for name, h in found.items() if Path(name).name not in ("manifest.json", ".lock")
    }


def line(capsys: pytest.CaptureFixture[str]) -> str:
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@needs_r
@pytest.mark.slow
def test_years_of_one_engine_stay_in_the_series(
    small_data: Path, small_raw: Path, tmp_path: Path, call_json, in_root: Path
) -> None:
    """2019 by Python alone, the rest by both: one series of six years, five of them compared."""
    data = tmp_path / "data"
    shutil.copytree(small_data, data)
    common = ["--data", str(data), "--raw", str(small_raw), "--quiet"]
    assert call_json("run", *common, "--years", "2019", "--engine", "python")[0] == 0
    code, document = call_json("run", *common, "--years", "2022", "--engine", "both")
    assert code == 0
    assert document["crosscheck"]["made"] is True
    assert document["crosscheck"]["years_without"] == [2019]
    trends = pd.read_parquet(data / "estimates" / "trends.parquet")
    spans = {
        engine: set(rows.loc[rows["statistic"].eq("change"), "year_from"])
        for engine, rows in trends.groupby("engine")
    }
    assert spans == {"python": {2019, 2020, 2021, 2022, 2023}, "r": {2020, 2021, 2022, 2023}}
    released = pd.read_parquet(data / "released" / "trends.parquet")
    before = pd.read_parquet(small_data / "released" / "trends.parquet")
    pd.testing.assert_frame_equal(released, before, rtol=1e-9)
    code, document = call_json("replicate", "--data", str(data), "--years", "2020-2024")
    assert (code, document["differing"]) == (0, [])
    assert document["trends"]["cells"] > 1000


def test_a_missing_report_file_leaves_everything(
    data: Path, small_raw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    params = edited_params(tmp_path, "report.yml", "report_year:", "report_year:")
    (params / "report.yml").unlink()
    before = fingerprint(data)
    arguments = ["--params", str(params), "--data", str(data), "run", "--raw", str(small_raw)]
    assert cli.call([*arguments, "--years", "2022,2023", "--engine", "python"]) == 2
    assert "report.yml" in line(capsys)
    assert fingerprint(data) == before


def test_real_and_synthetic_years_are_refused_before_anything_is_written(
    data: Path,
    small_raw: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    again: Callable[..., int],
) -> None:
    (tmp_path / "raw" / "2023").mkdir(parents=True)
    for file in (small_raw / "2023").iterdir():
        if not file.name.startswith("SYNTHETIC"):
            shutil.copy(file, tmp_path / "raw" / "2023")
    before = fingerprint(data)
    assert again(data, tmp_path / "raw", "2023") == 2
    text = line(capsys)
    assert "2022" in text and "2023" in text and "--data" in text
    assert fingerprint(data) == before


def test_finished_years_are_kept_when_another_fails(
    small_raw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], again: Callable[..., int]
) -> None:
    raw, data = tmp_path / "raw", tmp_path / "data"
    for year in ("2021", "2022"):
        shutil.copytree(small_raw / year, raw / year)
    file = raw / "2021" / "lfs644.sav"
    file.write_bytes(file.read_bytes()[:5000])
    assert again(data, raw, "2021,2022") == 2
    assert "lfs644.sav" in line(capsys)
    recorded = json.loads((data / "harmonised" / "manifest.json").read_text(encoding="utf-8"))
    assert list(recorded["steps"]) == ["2022"]


@pytest.mark.parametrize(
    ("name", "gone"),
    [
        ("harmonised/2022.parquet", False),
        ("harmonised/2022.parquet", True),
        ("harmonised/2022.receipt.json", False),
        ("estimates/engines/2022.python.parquet", False),
        ("estimates/engines/2022.python.parquet", True),
        ("estimates/2022.parquet", False),
        ("released/2022.parquet", False),
        ("released/2022.parquet", True),
        ("ledger/2022.csv", True),
    ],
)
def test_a_spoilt_or_lost_output_is_made_again(
    name: str, gone: bool, data: Path, small_raw: Path, again: Callable[..., int]
) -> None:
    """One changed byte in the middle, the size as before; or no file at all."""
    before = without_times(data)
    path = data / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    if not gone:
        path.write_bytes(content)
    assert without_times(data) != before
    assert again(data, small_raw) == 0
    assert without_times(data) == before


@pytest.mark.parametrize(
    "text",
    [
        '{"steps": {"2022": {}}}',
        pytest.param("[]", marks=pytest.mark.slow),
        pytest.param("\xff", marks=pytest.mark.slow),
    ],
)
def test_a_damaged_manifest_costs_only_the_work(
    text: str, data: Path, small_raw: Path, again: Callable[..., int]
) -> None:
    before = without_times(data)
    (data / "harmonised" / "manifest.json").write_text(text, encoding="latin-1")
    assert again(data, small_raw) == 0
    assert without_times(data) == before


def test_one_run_at_a_time_in_a_data_folder(
    data: Path, small_raw: Path, capsys: pytest.CaptureFixture[str], again: Callable[..., int]
) -> None:
    with held(data):
        assert again(data, small_raw) == 2
    assert "another run" in line(capsys)


def test_an_interruption_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from lfsmig import pipeline

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "run", interrupted)
    assert cli.call(["run"]) == 130
    assert "interrupted" in line(capsys)


@pytest.mark.skipif(os.name != "posix", reason="the script is for a Unix shell")
@pytest.mark.parametrize(("scale", "code"), [("abc", 2), ("0.02", 0)])
def test_the_old_sample_goes_when_the_new_one_is_complete(
    scale: str, code: int, tmp_path: Path
) -> None:
    for folder in ("tools", "params", "py/lfsmig/sample"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copytree(ROOT / "data", tmp_path / "data", ignore=shutil.ignore_patterns("raw"))
    command = tmp_path / ".venv" / "bin" / "lfsmig"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m lfsmig.cli "$@" --years 2022\n')
    command.chmod(0o755)
    old = tmp_path / "build" / "data" / "raw" / "2019" / "lfs624.dta"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"the last one")
    script = ["bash", str(tmp_path / "tools" / "report.sh"), "sample", scale]
    done = subprocess.run(script, capture_output=True, check=False)
    assert done.returncode == code, done.stderr
    assert old.exists() == (code != 0)
    assert (tmp_path / "build" / "data" / "raw" / "2022").exists() == (code == 0)


def test_a_check_that_stops_a_year_is_told_in_words(
    small_raw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], again: Callable[..., int]
) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(small_raw / "2022", raw / "2022")
    file = raw / "2022" / "lfs654.csv"
    names, first, rest = file.read_bytes().decode("cp874").split("\n", 2)
    values = first.split(",")
    values[names.split(",").index("WGT")] = "999999999999"
    file.write_bytes("\n".join([names, ",".join(values), rest]).encode("cp874"))
    assert again(tmp_path / "data", raw) == 1
    text = line(capsys)
    known = {check["id"]: check for check in protocol(raw, tmp_path)}
    assert f"2022: W2 {known['W2']['help']['en']}" in text


def protocol(raw: Path, tmp_path: Path) -> list[dict[str, Any]]:
    arguments = ["--params", str(ROOT / "params"), "--data", str(tmp_path), "--quiet"]
    cli.call([*arguments, "validate", "2022", "--raw", str(raw)])
    path = tmp_path / "estimates" / "validation" / "2022.json"
    return list(json.loads(path.read_text(encoding="utf-8"))["checks"])
