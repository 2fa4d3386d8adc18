"""`lfsmig validate`: the validation protocol of one year as text, HTML and JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lfsmig import validation_page
from lfsmig.atomic import read_parquet
from lfsmig.errors import InputError, LfsmigError
from lfsmig.intake.harmonise import Harmonised, harmonise
from lfsmig.intake.masters import master_of
from lfsmig.intake.validate import validate
from lfsmig.params import Params, load
from lfsmig.stored import other_years, raw_folder, read_harmonised
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
    table = workspace.released(year)
    released = read_parquet(table) if table.is_file() else None
    previous = year_before(workspace, params, result, progress)
    others = other_years(workspace, year)
    if previous is not None:
        others[previous.year] = lambda: previous.frame
    checks = validate(params, year, result, previous, released, others=others)
    made = validation_page.document(year, bool(result.receipt["synthetic"]), checks)
    validation_page.write(workspace.validation, made)
    return made


def year_before(
    workspace: Workspace, params: Params, now: Harmonised, progress: Callable[[str], None]
) -> Harmonised | None:
    """Return the year before, as it was run or else read and mapped anew; None if it cannot be.

    What a run has made of it is taken first: estimates rest on it. Reading it anew leaves nothing
    behind, and a fault of that year does not stop this one.
    """
    year = now.year - 1
    if workspace.harmonised(year).is_file():
        return read_harmonised(workspace, year)
    if year not in params.years:
        return None
    try:
        if master_of(workspace.raw, year) is None and not (workspace.raw / str(year)).is_dir():
            raise InputError(f"{workspace.raw / str(year)}: no such folder")
        progress(f"{year}: was not run here; reading and mapping it, to compare with")
        found = harmonise(params, year, workspace.raw)
        if found.receipt["synthetic"] != now.receipt["synthetic"]:
            raise InputError(f"one of {year} and {now.year} is synthetic, the other is not")
    except LfsmigError as problem:
        progress(
            f"{year}: nothing is compared with it ({problem}); see `lfsmig run --years {year}`"
        )
        return None
    return found
