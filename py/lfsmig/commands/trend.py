"""`lfsmig trend`: an indicator's yearly series, its changes and its linear trend."""

from __future__ import annotations

from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any

import pandas as pd

from lfsmig.atomic import read_parquet
from lfsmig.errors import InputError
from lfsmig.params import Break, Params, load
from lfsmig.workspace import Workspace

VALUES = ["estimate", "se", "ci_low", "ci_high"]


def series(workspace: Workspace, indicator: str) -> dict[str, Any]:
    """Gather an indicator's released series for the whole population.

    Raises
    ------
    InputError
        If the indicator is not in the register or nothing was released.
    """
    params = load(workspace.params)
    known = [i.id for i in params.indicators]
    if indicator not in known:
        near = [i for i in known if i.split(".")[0] == indicator.split(".", maxsplit=1)[0]]
        raise InputError(
            f"`{indicator}` is not in {params.dir / 'indicators.yml'}; "
            f"known are for example {', '.join((near or known)[:5])}"
        )
    path = workspace.released("trends")
    if not path.is_file():
        raise InputError(f"{path}: no trends yet; call `lfsmig run` first")
    years = [y for y in params.report.years if workspace.released(y).is_file()]
    estimates = pd.concat([read_parquet(workspace.released(y)) for y in years])
    trends = read_parquet(path)
    keep = [*VALUES, "flag"]
    tests = ["p", "p_adjusted", "lack_of_fit_p"]
    columns = ["category", "statistic", "year_from", "year_to", *keep, *tests]
    changes = _rows(trends, indicator, columns)
    for row in changes:
        crossed = _crossed(params, indicator, row)
        row["breaks"] = [one.id for one in crossed]
    return {
        "schema_version": 1,
        "indicator": indicator,
        "years": years,
        "series": _rows(estimates, indicator, ["year", "category", "unit", *keep]),
        "trends": changes,
        "breaks": {
            one.id: {"label": one.label, "note": one.note, "source": one.source}
            for one in params.breaks
            if any(one.id in row["breaks"] for row in changes)
        },
    }


def _crossed(params: Params, indicator: str, row: dict[str, Any]) -> list[Break]:
    """Breaks that make figures of a span differ for another reason than the population."""
    entry = next(one for one in params.indicators if one.id == indicator)
    used = {entry.of, entry.over, entry.population}
    first, last = int(row["year_from"]), int(row["year_to"])
    # A line over many years crosses what lies inside it; a change, what lies between its ends.
    whole = range(first, last + 1)
    pairs = [(first, last)] if row["statistic"] == "change" else list(pairwise(whole))
    return [
        one
        for one in params.breaks
        if one.mark
        and any(one.between(a, b) for a, b in pairs)
        and (
            any(fnmatchcase(indicator, pattern) for pattern in one.touches.indicators)
            or used & set(one.touches.variables)
        )
    ]


def _rows(frame: pd.DataFrame, indicator: str, columns: list[str]) -> list[dict[str, Any]]:
    chosen = frame[frame["indicator"].eq(indicator) & frame["domain"].eq("{}")]
    plain = chosen[columns].astype(object)
    rows = plain.where(plain.notna(), None).to_dict("records")
    return [{str(key): value for key, value in row.items()} for row in rows]


def text(document: dict[str, Any]) -> str:
    """Print the series as two aligned tables."""
    lines = [document["indicator"]]
    for name in ("series", "trends"):
        frame = pd.DataFrame(document[name])
        if len(frame):
            if "breaks" in frame:
                frame["breaks"] = [", ".join(names) for names in frame["breaks"]]
            frame = frame.dropna(axis="columns", how="all")
            lines += ["", frame.to_string(index=False, float_format=lambda x: f"{x:,.4g}")]
    told = []
    for name, texts in document["breaks"].items():
        label = texts["label"].get("en") or next(iter(texts["label"].values()))
        told.append(f"across the break {name}: {label}")
    return "\n".join([*lines, "", *told] if told else lines)
