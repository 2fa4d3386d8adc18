"""`lfsmig validate`: the validation protocol of one year as text, HTML and JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lfsmig import validation_page
from lfsmig.atomic import read_parquet
from lfsmig.intake.harmonise import harmonise
from lfsmig.intake.validate import validate
from lfsmig.params import load
from lfsmig.stored import raw_folder, read_harmonised
from lfsmig.validation_page import text
from lfsmig.workspace import Workspace

__all__ = ["run", "text"]


def run(workspace: Workspace, year: int, progress: Callable[[str], None]) -> dict[str, Any]:
    """Read the year's raw files anew, check them, and write `<data>/estimates/validation/`.

    The pages name record keys, so they stay beside the unreleased estimates.
    """
    params = load(workspace.params)
    params.year(year)
    progress(f"{year}: reading and mapping the raw files")
    raw_folder(workspace, year)
    result = harmonise(params, year, workspace.raw)
    # Checks of the series need the year before; it is at hand once it was run.
    before = workspace.harmonised(year - 1).is_file()
    previous = read_harmonised(workspace, year - 1) if before else None
    table = workspace.released(year)
    released = read_parquet(table) if table.is_file() else None
    if not before and year - 1 in params.years:
        progress(
            f"{year - 1} was not run here, so nothing is compared with it; "
            f"call lfsmig run --years {year - 1} first where its files are at hand"
        )
    checks = validate(params, year, result, previous, released)
    made = validation_page.document(year, bool(result.receipt["synthetic"]), checks)
    validation_page.write(workspace.validation, made)
    return made
