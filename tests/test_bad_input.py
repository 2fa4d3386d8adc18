"""What a user can get wrong: one line, the right exit code, and earlier outputs as they were."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from lfsmig import __version__, cli
from lfsmig.progress import to_stderr
from tests.conftest import ROOT, needs_r, run_pipeline

YEAR = "2021"


@pytest.fixture(scope="module")
def good(
    small_raw: Path, few_params: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """Raw files of one year and the data root of a run of a few indicators that went well."""
    folder = tmp_path_factory.mktemp("good")
    raw, data = folder / "raw", folder / "data"
    shutil.copytree(small_raw / YEAR, raw / YEAR)
    shutil.copy(small_raw / "SYNTHETIC.json", raw)
    assert run_pipeline(data, raw, "python", "--years", YEAR, params=few_params) == 0
    return raw, data


def fingerprint(folder: Path) -> dict[str, str]:
    """Names and hashes of every file under a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def sav(raw: Path) -> Path:
    return raw / YEAR / "lfs644.sav"


def remove(raw: Path) -> None:
    sav(raw).unlink()


def truncate(raw: Path) -> None:
    content = sav(raw).read_bytes()
    sav(raw).write_bytes(content[: len(content) // 3])


def garble(raw: Path) -> None:
    sav(raw).write_bytes(b"this is not an SPSS file" * 1000)


def other_year(raw: Path, other: Path) -> None:
    shutil.copy(other / "2024" / "lfs674.sav", sav(raw))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [(remove, "lfs644.sav"), (truncate, "lfs644.sav"), (garble, "lfs644.sav")],
)
def test_unreadable_raw_files(
    spoil: Callable[[Path], None],
    words: str,
    good: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert_refused(spoil, words, good, tmp_path, capsys)


def test_a_file_of_another_year(
    good: tuple[Path, Path],
    small_raw: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert_refused(lambda raw: other_year(raw, small_raw), "2021", good, tmp_path, capsys)


def assert_refused(
    spoil: Callable[[Path], None],
    words: str,
    good: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    raw, data = tmp_path / "raw", good[1]
    shutil.copytree(good[0], raw)
    spoil(raw)
    before = fingerprint(data)
    capsys.readouterr()
    assert run_pipeline(data, raw, "python", "--years", YEAR) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    assert words in lines[0]
    assert "Traceback" not in lines[0]
    assert fingerprint(data) == before


def test_a_year_that_the_report_does_not_name_is_not_run(
    good: tuple[Path, Path], few_params: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would be estimated and then be missing among what is released, without a word."""
    params = tmp_path / "home" / "params"
    shutil.copytree(few_params, params)
    for name in ("codebook", "published"):
        shutil.copytree(ROOT / "data" / name, tmp_path / "home" / "data" / name)
    report = params / "report.yml"
    text = report.read_text(encoding="utf-8")
    years = f"years:\n- 2019\n- 2020\n- {YEAR}\n"
    assert years in text
    report.write_text(text.replace(years, "years:\n- 2019\n- 2020\n"), encoding="utf-8")
    data = tmp_path / "data"
    capsys.readouterr()
    assert run_pipeline(data, good[0], "python", "--years", YEAR, params=params) == 2
    told = capsys.readouterr().err.strip()
    assert f"{YEAR} not among them" in told and "report.yml:" in told and "\n" not in told
    assert not (data / "harmonised").exists()


def test_wrong_encoding(
    small_raw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(small_raw / "2022", raw / "2022")
    file = raw / "2022" / "lfs654.csv"
    # 0xFC is a letter in Latin-1 and nothing in CP874 or UTF-8.
    file.write_bytes(file.read_bytes().replace("ชาย".encode("cp874"), b"m\xfcnnlich"))
    assert run_pipeline(tmp_path / "data", raw, "python", "--years", "2022") == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert "lfs654.csv" in lines[0]
    assert "cp874" in lines[0].lower()
    assert not (tmp_path / "data" / "harmonised" / "2022.parquet").exists()


def edited_params(tmp_path: Path, file: str, old: str, new: str) -> Path:
    """Parameters with one text replaced, beside the project's own data tables."""
    shutil.copytree(ROOT / "params", tmp_path / "project" / "params")
    shutil.copytree(ROOT / "data", tmp_path / "project" / "data", ignore=_records)
    path = tmp_path / "project" / "params" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path.parent if path.parent.name == "params" else path.parent.parent


def _records(folder: str, names: list[str]) -> list[str]:
    return [n for n in names if n in {"raw", "harmonised", "estimates", "released"}]


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("report.yml", "report_year:", "reprot_year:", "report.yml:"),
        ("report.yml", "report_year: 2024", "report_year: soon", "report_year"),
        ("indicators.yml", "    statistic: total", "    statistik: total", "indicators.yml:"),
        ("indicators.yml", "of: migrants", "of: migrantz", "migrantz"),
        ("country.yml", "lonely_psu: adjust", "lonely_psu: ajust", "lonely_psu"),
        ("rules.yml", "publication:", "publications:", "publications"),
        ("years/2019.yml", "year: 2019", "year: 2018", "expected 2019"),
    ],
)
def test_mistyped_parameters(
    file: str,
    old: str,
    new: str,
    words: str,
    good: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What can be known at the start is: nothing is written, not even into an empty folder."""
    params = edited_params(tmp_path, file, old, new)
    arguments = ["run", "--params", str(params), "--data", str(tmp_path / "data")]
    arguments += ["--raw", str(good[0]), "--engine", "python", "--years", YEAR, "--quiet"]
    code = cli.call(arguments)
    lines = capsys.readouterr().err.strip().splitlines()
    assert code == 2
    assert len(lines) == 1
    assert words in lines[0]
    assert file in lines[0]
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--years", "20x1"], "--years"),
        (["run", "--years", "1999"], "1999"),
        (["run", "--engine", "julia"], "--engine"),
        (["report", "--lang", "fr"], "--lang"),
        (["report", "--format", "odt"], "--format"),
        (["report", "--with", "latex"], "--with"),
        (["validate", "20x1"], "20x1"),
        (["trend", "recent_internal.rat"], "recent_internal.rat"),
        (["replicate", "--left", "nowhere.csv"], "nowhere.csv"),
        (["run", "--years"], "--years"),
        (["ruin"], "ruin"),
    ],
)
def test_mistyped_commands(
    arguments: list[str],
    words: str,
    in_root: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.call(["--data", str(tmp_path), *arguments]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    assert words in lines[0]


def outside(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `lfsmig run --engine both` in a process of its own, with a changed environment."""
    kept = {k: v for k, v in os.environ.items() if k not in ("R_HOME", "LD_LIBRARY_PATH")}
    return subprocess.run(
        [sys.executable, "-m", "lfsmig.cli", "--data", str(tmp_path), "run"],
        env=kept | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def test_without_r(tmp_path: Path) -> None:
    done = outside(tmp_path, PATH=str(tmp_path))
    assert done.returncode == 3, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "apt-get install" in done.stderr
    assert "--engine python" in done.stderr


@needs_r
def test_without_survey(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere")
    done = outside(tmp_path, R_LIBS_SITE=nowhere, R_LIBS=nowhere, R_LIBS_USER=nowhere)
    assert done.returncode == 3, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "r-cran-survey" in done.stderr


def test_a_fault_of_ours_is_one_line_with_a_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from lfsmig import pipeline

    def broken(*_: object) -> None:
        answer = "a person's " + "answer"
        try:
            _ = {}[answer]
        except KeyError as error:
            raise RuntimeError(answer) from error

    monkeypatch.setattr(pipeline, "run", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert cli.call(["run"]) == 4
    line = capsys.readouterr().err.strip()
    log = next(tmp_path.glob("lfsmig-*.log"))
    assert log.name in line
    text = log.read_text(encoding="utf-8")
    assert "RuntimeError" in text and "KeyError" in text
    assert "in broken" in text
    # The words of an exception may quote a record.
    assert "a person's answer" not in text


def test_a_torn_line_is_told_without_the_record(
    small_raw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A parser's own message quotes the row: weight, sex and age of a person."""
    raw = tmp_path / "raw"
    shutil.copytree(small_raw / "2022", raw / "2022")
    file = raw / "2022" / "lfs654.csv"
    content = file.read_bytes().rstrip(b"\r\n")
    last = content.rsplit(b"\n", 1)[-1].decode("cp874")
    file.write_bytes(content[:-50])
    assert run_pipeline(tmp_path / "data", raw, "python", "--years", "2022") == 2
    line = capsys.readouterr().err.strip()
    assert "lfs654.csv" in line
    assert "expected 5" in line
    assert ",".join(last.split(",")[:4]) not in line


def test_json_gives_a_document_also_when_nothing_came_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], in_root: Path
) -> None:
    assert cli.call(["run", "--json", "--years", "", "--data", str(tmp_path)]) == 2
    document = json.loads(capsys.readouterr().out)
    assert next(iter(document)) == "schema_version"
    assert document["exit_code"] == 2
    assert "--years" in document["error"]


def test_nothing_to_compare_is_no_agreement(
    good: tuple[Path, Path], capsys: pytest.CaptureFixture[str], in_root: Path
) -> None:
    stored = str(good[1] / "estimates" / f"{YEAR}.parquet")
    arguments = ["replicate", "--years", "2019", "--left", stored, "--right", stored]
    assert cli.call([*arguments, "--data", str(good[1])]) == 2
    assert "nothing to compare" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written(
    good: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = tmp_path / "data"
    blocked.write_text("a file, not a folder", encoding="utf-8")
    assert run_pipeline(blocked, good[0], "python", "--years", YEAR) == 2
    line = capsys.readouterr().err.strip()
    assert "data" in line and "check path and rights" in line


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_a_full_disk_and_a_locked_folder_are_told_apart(
    number: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Libraries name the temporary file or none; the line names the one that was wanted."""
    from lfsmig import atomic, pipeline

    def fails(*_: object) -> None:
        with atomic.atomic_path(tmp_path / "2022.parquet"):
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(pipeline, "run", fails)
    assert cli.call(["run"]) == 2
    line = capsys.readouterr().err.strip()
    assert f"{tmp_path / '2022.parquet'}: {os.strerror(number)}" in line
    assert ("free space" in line) == (number == errno.ENOSPC)
    assert ("check path and rights" in line) == (number == errno.EACCES)


def command(*arguments: str, stdout: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lfsmig.cli", *arguments],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        check=False,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("more", [[], pytest.param(["--json"], marks=pytest.mark.slow)])
def test_a_full_disk_behind_stdout(more: list[str]) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = command("doctor", *more, stdout=full)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "standard output" in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="pipes of a Unix shell")
def test_a_reader_who_leaves_is_no_finding(tmp_path: Path) -> None:
    """Exit 1 would say that a check found something."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = command("doctor", stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("arguments", [["--version"], ["run", "--help"]])
def test_texts_are_a_document_with_json(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.call([*arguments, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema_version"] == 1
    assert ("--engine" if "run" in arguments else __version__) in document["text"]


def test_the_report_is_made_in_the_project_s_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.call(["report", "--params", str(ROOT / "params")]) == 2
    assert "go to the folder of the project" in capsys.readouterr().err


@needs_r
@pytest.mark.parametrize(
    "fault",
    [
        "locale",
        "nowhere",
        pytest.param("broken", marks=pytest.mark.slow),
        pytest.param("elsewhere", marks=pytest.mark.slow),
    ],
)
def test_what_r_prints_at_its_start_is_not_heard(fault: str, tmp_path: Path) -> None:
    """A broken R, a wrong R_HOME or a locale that is not there: our line at most, and no other."""
    script = tmp_path / "R"
    script.write_text("#!/bin/sh\necho broken >&2\nexit 1\n", encoding="utf-8")
    script.chmod(0o755)
    changes = {
        "broken": {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        "elsewhere": {"R_HOME": str(tmp_path)},
        "nowhere": {"R_HOME": str(tmp_path / "nowhere")},
        "locale": {"LC_ALL": "xx_XX.UTF-8"},
    }[fault]
    # Without raw files the run ends right after R was found.
    done = outside(tmp_path, **changes)
    assert done.returncode == (2 if fault == "locale" else 3), done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "no such folder" in done.stderr if fault == "locale" else "apt-get" in done.stderr


def test_lines_of_progress_are_written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes share stderr: a line and its end must not be parted."""
    written: list[str] = []
    stream = SimpleNamespace(write=written.append, flush=lambda: None)
    monkeypatch.setattr("sys.stderr", stream)
    to_stderr("2022: done")
    assert written == ["2022: done\n"]
