"""What README tells a reader to type works as it stands there, on the small sample."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import ROOT

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
TABLE = re.findall(r"^\| `(lfsmig [^`]+)` \|", TEXT, re.MULTILINE)
SHELL = "\n".join(re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL))


@pytest.fixture(scope="module")
def project(small_data: Path, small_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone as `make report` leaves it, small: parameters, R functions, results, raw files."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "r").symlink_to(ROOT / "r")
    # A command may write into it.
    shutil.copytree(ROOT / "params", folder / "params")
    shutil.copytree(
        ROOT / "data", folder / "data", ignore=shutil.ignore_patterns("raw", "released")
    )
    shutil.copytree(small_data, folder / "build" / "data")
    shutil.copytree(small_raw, folder / "build" / "data" / "raw")
    command = folder / ".venv" / "bin" / "lfsmig"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m lfsmig.cli "$@"\n', "utf-8")
    command.chmod(0o755)
    return folder


def typed(project: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Give a command in a shell after the two `export` lines."""
    exports = [line for line in SHELL.splitlines() if line.startswith("export ")]
    assert len(exports) == 2
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LFSMIG_")}
    return subprocess.run(
        ["bash", "-e", "-c", "\n".join([*exports, command])],
        cwd=project,
        env=kept,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def test_the_table_names_every_command() -> None:
    commands = {command.split()[1] for command in TABLE}
    assert commands == {
        "sample", "run", "receive", "new-year", "validate", "replicate", "trend", "report",
        "doctor",
    }  # fmt: skip


@pytest.mark.parametrize("command", [c for c in TABLE if not c.startswith("lfsmig report")])
def test_commands_of_the_table(command: str, project: Path) -> None:
    if command == "lfsmig replicate" and shutil.which("Rscript") is None:
        pytest.skip("nothing to compare without R")
    done = typed(project, command)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not on this machine")
def test_the_lines_for_people_with_r_only(project: Path) -> None:
    start = SHELL.index("Rscript r/replicate.R")
    done = typed(project, SHELL[start:])
    assert done.returncode == 0, done.stderr
    assert "cells compared" in done.stdout
    # Every cell of the year, indices of flows too, and none that differs: the command ended well.
    estimates = pd.read_parquet(project / "build" / "data" / "estimates" / "2023.parquet")
    python = estimates[estimates["engine"] == "python"]
    alone = json.loads((project / "build" / "r.json").read_text(encoding="utf-8"))["results"]
    assert python["statistic"].eq("index").any()
    assert len(alone) == len(python)
