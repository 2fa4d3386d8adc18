"""Shared fixtures: one small run of the whole pipeline, made once a session."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from lfsmig import cli
from tests.shared import cut_register, made_once

# A slow machine is no fault of the code: properties are judged by their truth, not their time.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

ROOT = Path(__file__).parents[1]
SCALE = "0.05"
# One indicator of each kind: what a run does with files, failures and locales, it does with these.
FEW = {
    "population.total",
    "migrants.total",
    "migrants.rate",
    "recent_internal.education",
    "recent_internal.net_total",
    "remittances.median_per_sender",
    "remittances.mean_per_sender",
}
FEW_YEAR = 2022


needs_r = pytest.mark.skipif(
    shutil.which("Rscript") is None, reason="R is not on this machine, so nothing to compare with"
)


@pytest.fixture(scope="session")
def small_raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Synthetic raw files of all years at a twentieth of the full size."""

    def make(folder: Path) -> None:
        arguments = ["sample", "--out", str(folder), "--scale", SCALE, "--quiet"]
        assert cli.call([*arguments, "--params", str(ROOT / "params")]) == 0

    return made_once(tmp_path_factory, "small-raw", make)


@pytest.fixture(scope="session")
def small_data(small_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data root after a run of both engines (Python alone where there is no R)."""

    def make(data: Path) -> None:
        engine = "both" if shutil.which("Rscript") else "python"
        assert run_pipeline(data, small_raw, engine) == 0

    return made_once(tmp_path_factory, "small-data", make)


@pytest.fixture(scope="session")
def few_params(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's parameters with a register of a few indicators: a run of seconds."""

    def make(folder: Path) -> None:
        shutil.copytree(ROOT / "params", folder / "params")
        for name in ("codebook", "published"):
            shutil.copytree(ROOT / "data" / name, folder / "data" / name)
        cut_register(folder / "params", FEW)

    return made_once(tmp_path_factory, "few", make) / "params"


@pytest.fixture(scope="session")
def few_data(small_raw: Path, few_params: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data root of one year with a few indicators, estimated by Python alone."""

    def make(data: Path) -> None:
        years = ("--years", str(FEW_YEAR))
        assert run_pipeline(data, small_raw, "python", *years, params=few_params) == 0

    return made_once(tmp_path_factory, "few-data", make)


def run_pipeline(
    data: Path, raw: Path, engine: str, *more: str, params: Path = ROOT / "params"
) -> int:
    """Call `lfsmig run`, with the project's parameters or others."""
    return cli.call(
        [
            "--params",
            str(params),
            "--data",
            str(data),
            "--quiet",
            "run",
            "--raw",
            str(raw),
            "--engine",
            engine,
            *more,
        ]
    )


@pytest.fixture
def in_root(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stand in the project's root, as a user does."""
    monkeypatch.chdir(ROOT)
    yield ROOT


@pytest.fixture
def call_json(capsys: pytest.CaptureFixture[str]) -> Any:
    """Call the command line with `--json`; give the exit code and the document."""

    def call(*arguments: str) -> tuple[int, dict[str, Any]]:
        code = cli.call([*arguments, "--json"])
        return code, json.loads(capsys.readouterr().out or "{}")

    return call
