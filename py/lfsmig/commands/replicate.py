"""`lfsmig replicate`: compare the two engines, or any two files of results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from lfsmig import replicate
from lfsmig.atomic import read_parquet
from lfsmig.errors import InputError
from lfsmig.results import RESULT_KEYS, TREND_COLUMNS, TREND_KEYS
from lfsmig.stored import engines_of
from lfsmig.workspace import Workspace

SHOWN = 10
# Whose rows stand on the left and on the right.
ENGINES = ("python", "r")


def run(
    workspace: Workspace,
    years: Sequence[int] | None = None,
    left: Path | None = None,
    right: Path | None = None,
) -> dict[str, Any]:
    """Compare two sets of results and summarise what was found.

    Without files the Python rows of `estimates/<year>.parquet` are compared with the R rows, and
    so are the trends that lie within the years. With one file, it is compared with the stored
    Python rows of the same years; with two, all years of both are compared. `years` narrows that.

    Raises
    ------
    InputError
        If a file cannot be read, the two are of different kinds, or there is nothing to compare.
    """
    if left is None and right is None:
        return _compare_engines(workspace, years)
    sides = [replicate.read_results(path) if path else None for path in (left, right)]
    given = [side for side in sides if side is not None]
    keys = _keys(given, left, right)
    chosen = list(years or _years(given))
    a, b = (
        _within(_stored(workspace, keys, chosen) if side is None else side, chosen)
        for side in sides
    )
    one, other = _one_engine([a, b])
    compared = replicate.compare(one, other, keys)
    if compared.empty:
        raise InputError(
            f"nothing to compare: {left or 'the stored estimates'} and "
            f"{right or 'the stored estimates'} have no cell in {chosen or 'any year'}"
        )
    return replicate.summary(compared, chosen)


def _compare_engines(workspace: Workspace, years: Sequence[int] | None) -> dict[str, Any]:
    chosen = list(years or _stored_years(workspace))
    yearly = pd.concat([_engines(workspace, year) for year in chosen], ignore_index=True)
    document = replicate.summary(yearly, chosen)
    path = workspace.estimates("trends")
    both = read_parquet(path) if path.is_file() else pd.DataFrame(columns=TREND_COLUMNS)
    both = _within(both, chosen)
    sides = [both[both["engine"] == engine] for engine in ENGINES]
    if all(side.empty for side in sides):
        return document
    for engine, side in zip(ENGINES, sides, strict=True):
        if side.empty:
            raise InputError(
                f"{path}: the {engine} engine made no trends, so they cannot be compared; "
                "call `lfsmig run --engine both`"
            )
    stored = _stored_years(workspace)
    shared = [year for year in stored if len(engines_of(workspace, year)) == len(ENGINES)]
    sides = [*replicate.trends_of(sides[0], sides[1], stored, shared)]
    found = replicate.summary(replicate.compare(sides[0], sides[1], TREND_KEYS))
    document["trends"] = {key: found[key] for key in ("cells", "verdicts", "worst")}
    document["differing"] += found["differing"]
    return document


def _keys(given: Sequence[pd.DataFrame], left: Path | None, right: Path | None) -> list[str]:
    """Keys of the cells of yearly results or of trends; the two are not compared."""
    are_trends = ["year_from" in side for side in given]
    if len(set(are_trends)) > 1:
        trends, yearly = (left, right) if are_trends[0] else (right, left)
        raise InputError(
            f"{trends} holds changes over years and {yearly} estimates of years; "
            "give two files of the same kind"
        )
    return TREND_KEYS if are_trends[0] else RESULT_KEYS


def _years(given: Sequence[pd.DataFrame]) -> list[int]:
    """All years that any of the files names."""
    names = ("year", "year_from", "year_to")
    columns = [side[name] for side in given for name in names if name in side]
    return sorted({int(year) for column in columns for year in column.unique()})


def _stored_years(workspace: Workspace) -> list[int]:
    folder = workspace.estimates("").parent
    years = sorted(int(p.stem) for p in folder.glob("*.parquet") if p.stem.isdecimal())
    if not years:
        raise InputError(f"{folder}: no estimates yet; call `lfsmig run` first")
    return years


def _estimates(workspace: Workspace, year: int) -> pd.DataFrame:
    path = workspace.estimates(year)
    if not path.is_file():
        raise InputError(f"{path}: {year} was not estimated; call `lfsmig run --years {year}`")
    return read_parquet(path)


def _engines(workspace: Workspace, year: int) -> pd.DataFrame:
    both = _estimates(workspace, year)
    sides = [both[both["engine"] == engine] for engine in ENGINES]
    for engine, side in zip(ENGINES, sides, strict=True):
        if side.empty:
            raise InputError(
                f"{workspace.estimates(year)}: the {engine} engine did not estimate {year}, so "
                f"nothing can be compared; call `lfsmig run --years {year} --engine both`"
            )
    return replicate.compare(sides[0], sides[1])


def _stored(workspace: Workspace, keys: Sequence[str], years: Sequence[int]) -> pd.DataFrame:
    """The stored Python rows that a file without a partner is compared with."""
    if keys == RESULT_KEYS:
        both = pd.concat([_estimates(workspace, year) for year in years], ignore_index=True)
    else:
        path = workspace.estimates("trends")
        if not path.is_file():
            raise InputError(f"{path}: no trends yet; call `lfsmig run` first")
        both = read_parquet(path)
    return both[both["engine"] == "python"]


def _within(frame: pd.DataFrame, years: Sequence[int]) -> pd.DataFrame:
    """Rows of the years; a change, average or slope belongs to them if both its ends do."""
    names = ("year_from", "year_to") if "year_from" in frame else ("year",)
    inside = frame[list(names)].isin(list(years)).all(axis=1)
    return frame[inside]


def _one_engine(sides: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """Files with both engines' rows name every cell twice: take Python on the left, R on the right.

    A file of one engine is taken as it is.
    """
    out = []
    for side, preferred in zip(sides, ENGINES, strict=True):
        many = "engine" in side and side["engine"].nunique() > 1
        out.append(side[side["engine"] == preferred] if many else side)
    return out


def text(document: dict[str, Any]) -> str:
    """Put a comparison into words: counts first, then the first cells that differ."""
    lines = [f"{document['cells']:,} cells compared: {_counts(document)}"]
    if "trends" in document:
        over_years = document["trends"]
        lines.append(
            f"{over_years['cells']:,} changes, averages and slopes compared: {_counts(over_years)}"
        )
    if document["not_compared"]:
        lines.append(f"not compared, for one side lacks it: {', '.join(document['not_compared'])}")
    worst = {k: v for k, v in document["worst"].items() if v is not None}
    if worst:
        sizes = ", ".join(f"{measure} {size:.1e}" for measure, size in worst.items())
        lines.append(f"largest relative difference among agreeing cells: {sizes}")
    for cell in document["differing"][:SHOWN]:
        keys = " ".join(str(v) for k, v in cell.items() if k not in ("verdict", "reason"))
        lines.append(f"  {cell['verdict']}: {keys} ({cell['reason'] or 'absent on one side'})")
    rest = len(document["differing"]) - SHOWN
    if rest > 0:
        lines.append(f"  … and {rest:,} more (all of them with --json)")
    return "\n".join(lines)


def _counts(document: dict[str, Any]) -> str:
    return ", ".join(f"{n:,} {verdict}" for verdict, n in document["verdicts"].items() if n)


def cells_compared(document: dict[str, Any]) -> int:
    """Number of all cells that were compared, trends among them."""
    return int(document["cells"]) + int(document.get("trends", {}).get("cells", 0))
