"""Errors stop a year, its run and its report, in one line that names checks and page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lfsmig import cli, validation_gate
from lfsmig.errors import CheckFailed, InputError
from lfsmig.workspace import Workspace

ROOT = Path(__file__).parents[2]


@pytest.fixture
def stopped(raw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Path, str]:
    """A run of a file of four strata, where 153 belong; the data root and what was said."""
    arguments = ["--params", str(ROOT / "params"), "--data", str(tmp_path), "--quiet"]
    code = cli.call([*arguments, "run", "--years", "2021", "--raw", str(raw), "--engine", "python"])
    said = capsys.readouterr().err
    assert code == 1
    return tmp_path, said


def test_errors_stop_run_and_report(
    stopped: tuple[Path, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data, said = stopped
    page = data / "estimates/validation/2021.html"
    assert said.count("\n") == 1
    assert "validation errors stop the year (2021: D1 " in said and str(page) in said
    assert page.is_file() and not (data / "harmonised/2021.parquet").exists()
    monkeypatch.chdir(ROOT)
    code = cli.call(["--params", str(ROOT / "params"), "--data", str(data), "--quiet", "report"])
    said = capsys.readouterr().err
    assert code == 1 and said.count("\n") == 1
    assert "validation errors stop the report (2021: D1 " in said and str(page) in said


def test_a_mended_year_is_reported_again(stopped: tuple[Path, str]) -> None:
    data, _ = stopped
    workspace = Workspace.at(ROOT / "params", data)
    with pytest.raises(CheckFailed):
        validation_gate.refuse_stopped(workspace, [2021])
    path = workspace.validation / "2021.json"
    made = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(made | {"errors": [], "stopping": []}), encoding="utf-8")
    validation_gate.refuse_stopped(workspace, [2020, 2021])
    path.write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="is damaged; make it with `lfsmig validate 2021`"):
        validation_gate.refuse_stopped(workspace, [2021])


def test_the_page_says_by_words_and_signs_what_it_shows_by_colour(
    stopped: tuple[Path, str],
) -> None:
    data, _ = stopped
    page = (data / "estimates/validation/2021.html").read_text(encoding="utf-8")
    assert '<span lang="en">error</span><span lang="th">ข้อผิดพลาด</span>' in page
    assert "✖" in page and "✔" in page
    assert 'name="viewport"' in page and '<label for="th" lang="th">ไทย</label>' in page
    # It needs nothing from elsewhere.
    assert "http" not in page and "src=" not in page and "<link" not in page
    assert "ปีสำรวจ 2564" in page and "survey year 2021" in page
