"""A project whose parameters may be changed, and raw files large enough for tests by units."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyreadstat
import pytest

from lfsmig.commands import new_year
from lfsmig.progress import silent
from lfsmig.workspace import Workspace
from tests.intake import raw_files

ROOT = Path(__file__).parents[2]
LABELS = {
    "SEX": {1: "ชาย", 2: "หญิง"},
    "MARITAL": {1: "โสด", 2: "สมรส", 6: "ไม่ทราบ"},
    "SYN_MOVED": {1: "ย้าย", 2: "ไม่ได้ย้าย"},
}
NAMES = {"WGT": "ค่าถ่วงน้ำหนัก", "SYN_REASON": "เหตุผลที่ย้าย", "AGE": "อายุ"}


@pytest.fixture(scope="session")
def tiny_raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hand-made files of all years, read only."""
    folder = tmp_path_factory.mktemp("years")
    for year in raw_files.NAMES:
        raw_files.write_year(folder, year)
    return folder


class Home:
    """A copy of the parameters, and what `lfsmig new-year` does with them."""

    def __init__(self, root: Path, raw: Path) -> None:
        self.params, self.raw = root / "params", raw
        self.workspace = Workspace.at(self.params, root / "data", raw)
        shutil.copytree(ROOT / "params", self.params)
        (root / "data").mkdir()
        for name in ("codebook", "published"):
            (root / "data" / name).symlink_to(ROOT / "data" / name)

    def mapping(self, year: int) -> Path:
        return self.params / "years" / f"{year}.yml"

    def without(self, year: int) -> None:
        """Take a year's mapping, and it from the report, as before its files arrived."""
        self.mapping(year).unlink()
        self.edit("report.yml", "years: [2019, 2020, 2021, 2022, 2023, 2024]", "years: [2019]")
        self.edit("report.yml", "report_year: 2024", "report_year: 2019")

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.params / name
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {name}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def new_year(self, year: int, *files: str, before: int | None = None, **more: Any) -> Any:
        only = more.get("report_only", False)
        return new_year.run(self.workspace, year, before, files, only, silent)


@pytest.fixture
def home(tmp_path: Path, tiny_raw: Path) -> Home:
    return Home(tmp_path / "home", tiny_raw)


def large(year: int, copies: int = 7) -> pd.DataFrame:
    """Hand-made records in many sampling units."""
    base = raw_files.people(year)
    parts = [base.assign(PSU_NO=base["PSU_NO"] + 10 * n) for n in range(copies)]
    return pd.concat(parts, ignore_index=True).rename(columns={"WEIGHT": "WGT"})


Write = Callable[..., Path]


@pytest.fixture
def two_years(tmp_path: Path) -> Write:
    """Write 2023 and 2024 as labelled SPSS files, the second one after a change."""

    def write(change: Callable[[pd.DataFrame], pd.DataFrame], **labels: Any) -> Path:
        for year, frame in ((2023, large(2023)), (2024, change(large(2024)))):
            folder = tmp_path / "raw" / str(year)
            folder.mkdir(parents=True)
            given = LABELS | (labels.get("codes", {}) if year == 2024 else {})
            named = NAMES | (labels.get("names", {}) if year == 2024 else {})
            pyreadstat.write_sav(
                frame,
                folder / raw_files.NAMES[year],
                column_labels={k: v for k, v in named.items() if k in frame},
                variable_value_labels={k: v for k, v in given.items() if k in frame},
            )
        return tmp_path / "raw"

    return write


@pytest.fixture
def pair(tmp_path: Path, two_years: Write) -> Callable[..., Home]:
    """A project at the arrival of 2024, whose files were changed."""

    def make(change: Callable[[pd.DataFrame], pd.DataFrame], **labels: Any) -> Home:
        home = Home(tmp_path / "home", two_years(change, **labels))
        home.without(2024)
        home.mapping(2023).write_text(
            "inherits: base\nyear: 2023\nfiles:\n  - path: lfs664.sav\n", encoding="utf-8"
        )
        return home

    return make
