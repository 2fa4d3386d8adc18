"""`lfsmig replicate`: compare the two engines, or any two files of results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from lfsmig import replicate
from lfsmig.errors import InputError
from lfsmig.results import RESULT_KEYS, TREND_KEYS
from lfsmig.workspace import Workspace

SHOWN = 10


def run(
    workspace: Workspace,
    years: Sequence[int] | None = None,
    left: Path | None = None,
    right: Path | None = None,
) -> dict[str, Any]:
    """Compare two sets of results and summarise what was found.

    Without files the Python rows of `estimates/<year>.parquet` are compared with the R rows.
    With one file, it is compared with the stored Python rows of the same years.
    """
    if left is None and right is None:
        chosen = list(years or _stored_years(workspace))
        compared = pd.concat([_engines(workspace, year) for year in chosen], ignore_index=True)
        document = replicate.summary(compared, chosen)
        return document if years else _with_trends(workspace, document)
    a = replicate.read_results(left) if left else None
    b = replicate.read_results(right) if right else None
    given = a if a is not None else b
    assert given is not None
    chosen = list(years or sorted({int(y) for y in given["year"]}) if "year" in given else [])
    sides = [
        _of_years(side, chosen) if side is not None else _stored(workspace, chosen)
        for side in (a, b)
    ]
    one, other = _one_engine(sides)
    keys = TREND_KEYS if "year_from" in one and "year_from" in other else RESULT_KEYS
    compared = replicate.compare(one, other, keys)
    if compared.empty:
        raise InputError(
            f"nothing to compare: {left or 'the stored estimates'} and "
            f"{right or 'the stored estimates'} have no cell in {chosen or 'any year'}"
        )
    return replicate.summary(compared, chosen)


def _with_trends(workspace: Workspace, document: dict[str, Any]) -> dict[str, Any]:
    """Add the comparison of changes, averages and slopes, made of all years."""
    path = workspace.estimates("trends")
    both = pd.read_parquet(path) if path.is_file() else pd.DataFrame(columns=["engine"])
    sides = [both[both["engine"] == engine] for engine in ("python", "r")]
    if any(side.empty for side in sides):
        return document
    found = replicate.summary(replicate.compare(sides[0], sides[1], TREND_KEYS))
    document["trends"] = {key: found[key] for key in ("cells", "verdicts", "worst")}
    document["differing"] += found["differing"]
    return document


def _stored_years(workspace: Workspace) -> list[int]:
    folder = workspace.estimates("").parent
    years = sorted(int(p.stem) for p in folder.glob("*.parquet") if p.stem.isdigit())
    if not years:
        raise InputError(f"{folder}: no estimates yet; call `lfsmig run` first")
    return years


def _estimates(workspace: Workspace, year: int) -> pd.DataFrame:
    path = workspace.estimates(year)
    if not path.is_file():
        raise InputError(f"{path}: {year} was not estimated; call `lfsmig run --years {year}`")
    return pd.read_parquet(path)


def _engines(workspace: Workspace, year: int) -> pd.DataFrame:
    both = _estimates(workspace, year)
    sides = [both[both["engine"] == engine] for engine in ("python", "r")]
    for engine, side in zip(("python", "r"), sides, strict=True):
        if side.empty:
            raise InputError(
                f"{workspace.estimates(year)}: the {engine} engine did not estimate {year}, so "
                f"nothing can be compared; call `lfsmig run --years {year} --engine both`"
            )
    return replicate.compare(sides[0], sides[1])


def _stored(workspace: Workspace, years: Sequence[int]) -> pd.DataFrame:
    frames = [_estimates(workspace, year) for year in years]
    both = pd.concat(frames, ignore_index=True)
    return both[both["engine"] == "python"]


def _of_years(frame: pd.DataFrame, years: Sequence[int]) -> pd.DataFrame:
    return frame[frame["year"].isin(years)] if "year" in frame and years else frame


def _one_engine(sides: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """Files with both engines' rows name every cell twice: take Python on the left, R on the right.

    A file of one engine is taken as it is.
    """
    out = []
    for side, preferred in zip(sides, ("python", "r"), strict=True):
        many = "engine" in side and side["engine"].nunique() > 1
        out.append(side[side["engine"] == preferred] if many else side)
    return out


def text(document: dict[str, Any]) -> str:
    """Put a comparison into words: counts first, then the first cells that differ."""
    counts = ", ".join(f"{n:,} {verdict}" for verdict, n in document["verdicts"].items() if n)
    lines = [f"{document['cells']:,} cells compared: {counts}"]
    worst = {k: v for k, v in document["worst"].items() if v is not None}
    if worst:
        sizes = ", ".join(f"{measure} {size:.1e}" for measure, size in worst.items())
        lines.append(f"largest relative difference among agreeing cells: {sizes}")
    for cell in document["differing"][:SHOWN]:
        keys = " ".join(str(v) for k, v in cell.items() if k not in ("verdict", "reason"))
        lines.append(f"  {cell['verdict']}: {keys} ({cell['reason'] or 'absent on one side'})")
    if "trends" in document:
        lines.insert(1, f"{document['trends']['cells']:,} changes, averages and slopes compared")
    rest = len(document["differing"]) - SHOWN
    if rest > 0:
        lines.append(f"  … and {rest:,} more (all of them with --json)")
    return "\n".join(lines)
