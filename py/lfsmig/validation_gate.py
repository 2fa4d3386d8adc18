"""What a year's last validation bars: its report, where errors were found.

Reads the page's JSON alone, so that a report does not load what the checks are made with.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lfsmig.errors import CheckFailed, InputError
from lfsmig.workspace import Workspace


def stopping_line(made: Mapping[str, Any], folder: Path) -> str:
    """Name the errors of a year and the page that tells more, in one line."""
    named = {one["id"]: one["help"]["en"] for one in made["checks"]}
    told = ", ".join(f"{one} {named[one]}" for one in made["stopping"])
    return f"{made['year']}: {told} (page: {folder / str(made['year'])}.html)"


def refuse_stopped(workspace: Workspace, years: Iterable[int]) -> None:
    """Stop a report over a year whose last validation found errors.

    A run that such a year stopped leaves the released tables of before; a report of them would
    pass over what was found since.

    Raises
    ------
    CheckFailed
        Naming the checks and the page.
    """
    told = []
    for year in years:
        path = workspace.validation / f"{year}.json"
        if not path.is_file():
            continue
        try:
            made = json.loads(path.read_text(encoding="utf-8"))
            # A page of before knew no errors but those that stop the year.
            made = {"stopping": made["errors"]} | made
            told += [stopping_line(made, workspace.validation)] if made["stopping"] else []
        except (ValueError, KeyError, TypeError):
            raise InputError(f"{path}: is damaged; make it with `lfsmig validate {year}`") from None
    if told:
        raise CheckFailed(
            f"validation errors stop the report ({'; '.join(told)}); mend the file or its mapping "
            "and run again"
        )
