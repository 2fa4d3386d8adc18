"""Rules that a change can break without any estimate going wrong."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from lfsmig import cli
from tests.conftest import ROOT


def tracked() -> list[str]:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    done = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=True
    )
    return done.stdout.splitlines()


def test_the_lock_is_hashed_and_names_no_registry() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text
    packages = [line for line in text.splitlines() if re.match(r"^[a-z]", line)]
    assert len(packages) > 50
    assert all("==" in line and line.endswith("\\") for line in packages)
    assert text.count("--hash=sha256:") > len(packages)


def test_the_lock_holds_what_the_package_needs() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.search(r"\ndependencies = \[(.*?)\]", project, re.DOTALL)
    assert listed is not None
    wanted = re.findall(r'"([A-Za-z0-9_.-]+)', listed[1])
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8").lower().replace("_", "-")
    assert wanted
    for name in wanted:
        assert f"\n{name.lower().replace('_', '-')}==" in f"\n{lock}", name


def test_no_microdata_and_no_generated_chapters_in_git() -> None:
    forbidden = re.compile(r"\.(sav|zsav|dta|parquet|sas7bdat|rds|rda|feather)$|annual/.*\.ipynb$")
    assert [path for path in tracked() if forbidden.search(path)] == []


def test_no_file_is_more_than_one_thing() -> None:
    long = {
        path: lines
        for path in tracked()
        if path.endswith((".py", ".R", ".lua"))
        and (lines := len((ROOT / path).read_text(encoding="utf-8").splitlines())) > 500
    }
    assert long == {}


def test_make_help_explains_every_target() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z-]+):", text, re.MULTILINE)
    assert {"setup", "report", "test", "bench", "help"} <= set(targets)
    for target in targets:
        assert re.search(rf"^{target}:.*## \S", text, re.MULTILINE), target


def test_doctor_tells_what_is_there(call_json, in_root) -> None:
    code, document = call_json("doctor")
    names = {item["name"] for item in document["items"]}
    assert {"python", "pandas", "R", "R survey", "rpy2", "quarto", "chromium"} <= names
    assert code == (3 if document["missing_required"] else 0)
    assert all(item["install"] for item in document["items"])


def test_doctor_names_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from lfsmig.commands import doctor

    monkeypatch.setattr(doctor, "PACKAGES", ("a-package-that-is-not-there",))
    assert cli.call(["doctor"]) == 3
    assert "MISSING" in capsys.readouterr().out
