"""`lfsmig trend`: an indicator's yearly series, its changes and its linear trend."""

from __future__ import annotations

from typing import Any

import pandas as pd

from lfsmig.atomic import read_parquet
from lfsmig.errors import InputError
from lfsmig.params import load
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
    return {
        "schema_version": 1,
        "indicator": indicator,
        "years": years,
        "series": _rows(estimates, indicator, ["year", "category", "unit", *keep]),
        "trends": _rows(
            trends,
            indicator,
            ["category", "statistic", "year_from", "year_to", *keep, "p", "lack_of_fit_p"],
        ),
    }


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
            frame = frame.dropna(axis="columns", how="all")
            lines += ["", frame.to_string(index=False, float_format=lambda x: f"{x:,.4g}")]
    return "\n".join(lines)
