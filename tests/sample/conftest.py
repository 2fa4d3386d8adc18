"""One small sample of all six years, read back with the plain readers of each format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from sample_files import PARAMS, SCALE, YEARS, read_plain

from lfsmig.sample import generate
from lfsmig.sample.settings import Settings, load_settings
from tests.shared import made_once


@pytest.fixture(scope="session")
def settings() -> Settings:
    return load_settings(PARAMS)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(
        tmp_path_factory, "sample", lambda out: generate(out, YEARS, SCALE, params_dir=PARAMS)
    )


@pytest.fixture(scope="session")
def plain(folder: Path, settings: Settings) -> Callable[[int], pd.DataFrame]:
    """Records of a year under the plain names, all numeric but SAMSET."""
    cache: dict[int, pd.DataFrame] = {}

    def read(year: int) -> pd.DataFrame:
        if year not in cache:
            cache[year] = read_plain(folder, settings, year)
        return cache[year]

    return read
