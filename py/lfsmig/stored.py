"""Finds and reads back what lies on disk: raw files, records, receipts, engines' estimates."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from pyarrow import parquet
from scipy import sparse

from lfsmig import indicators
from lfsmig.atomic import read_parquet
from lfsmig.errors import InputError
from lfsmig.intake.checks_years import COLUMNS
from lfsmig.intake.harmonise import Harmonised
from lfsmig.intake.ledger import ledger_frame
from lfsmig.intake.masters import year_folder
from lfsmig.params import Params
from lfsmig.workspace import Workspace

# Where cells have cases, beside the influence sums, if the weights are calibrated.
CASES = ".cases.npz"


def raw_folder(workspace: Workspace, year: int) -> Path:
    """Folder of a year's raw files: its frozen master, `<raw>/<year>`, or `<raw>` itself."""
    if workspace.raw.is_dir():
        return year_folder(workspace.raw, year)
    raise InputError(
        f"{workspace.raw}: no such folder; put the raw files of {year} into "
        f"{workspace.raw / str(year)} or make synthetic ones with `lfsmig sample`"
    )


def read_harmonised(workspace: Workspace, year: int) -> Harmonised:
    """Read a harmonised year back with all that checks look at: the ledger is for people."""
    return Harmonised(
        year,
        read_parquet(workspace.harmonised(year)),
        ledger_frame([]),
        read_receipt(workspace, year),
        read_parquet(workspace.harmonised(year, ".blanks.parquet")),
    )


def other_years(
    workspace: Workspace, year: int, before: bool = False
) -> dict[int, Callable[[], pd.DataFrame]]:
    """Readers of what tells a record of the other years at hand, or of those before the year."""
    folder = workspace.harmonised(year).parent
    found = sorted(int(path.stem) for path in folder.glob("[0-9]*.parquet") if path.stem.isdigit())
    return {
        one: partial(_known_by, workspace.harmonised(one))
        for one in found
        if one != year and not (before and one > year)
    }


def _known_by(path: Path) -> pd.DataFrame:
    there = set(parquet.read_schema(path).names)
    return read_parquet(path, columns=[name for name in COLUMNS if name in there])


def read_receipt(workspace: Workspace, year: int) -> dict[str, Any]:
    """Read what was written down when the year was received."""
    path = workspace.harmonised(year, ".receipt.json")
    if not path.is_file():
        raise InputError(f"{path}: year {year} was not run yet; call `lfsmig run --years {year}`")
    return dict(json.loads(path.read_text(encoding="utf-8")))


def read_analysis_frame(workspace: Workspace, params: Params, year: int) -> pd.DataFrame:
    """Harmonised records of a year with their concepts, ready for estimation."""
    return indicators.analysis_frame(read_parquet(workspace.harmonised(year)), params, year)


def part_file(workspace: Workspace, year: int, engine: str, suffix: str) -> Path:
    """Where a file of what an engine leaves of a year lies."""
    return workspace.data / "estimates" / "engines" / f"{year}.{engine}{suffix}"


def engines_of(workspace: Workspace, year: int) -> list[str]:
    """Engines whose rows of a year stand in the estimates, as its last run left them."""
    path = workspace.estimates(year)
    if not path.is_file():
        return []
    return sorted(read_parquet(path, columns=["engine"])["engine"].unique())


def read_part(workspace: Workspace, year: int, engine: str) -> indicators.YearEstimates:
    """Read back what an engine left of a year, influence sums included."""
    cases = part_file(workspace, year, engine, CASES)
    return indicators.YearEstimates(
        read_parquet(part_file(workspace, year, engine, ".parquet")),
        sparse.load_npz(part_file(workspace, year, engine, ".npz")),
        read_parquet(part_file(workspace, year, engine, ".psu.parquet")),
        {},
        sparse.load_npz(cases) if cases.is_file() else None,
    )
