"""Tiny raw files of every year and a parameter folder that tests may change."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lfsmig.params import Params, load

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(Path(__file__).parent))

import raw_files  # noqa: E402


@pytest.fixture(scope="session")
def params() -> Params:
    """The project's own parameters."""
    return load(ROOT / "params")


@pytest.fixture(scope="session")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Raw files of all years, read only."""
    folder = tmp_path_factory.mktemp("raw")
    for year in raw_files.NAMES:
        raw_files.write_year(folder, year)
    return folder


Edit = Callable[[str, str, str], Params]


@pytest.fixture
def edited(tmp_path: Path) -> Edit:
    """A copy of the parameters in which a file's text is replaced; gives the loaded copy."""
    home = tmp_path / "home"
    shutil.copytree(ROOT / "params", home / "params")
    shutil.copytree(ROOT / "data/codebook", home / "data/codebook")
    (home / "data/published").mkdir()
    for name in ("cpi_thailand.csv", "figures.csv"):
        shutil.copy(ROOT / "data/published" / name, home / "data/published")

    def edit(name: str, old: str, new: str) -> Params:
        path = home / "params" / name
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {name}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return Params(home / "params")

    return edit
