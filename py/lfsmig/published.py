"""Published figures beside our estimates.

`data/published/figures.csv` holds what was printed, with source and reliability; the register of
exhibits says which cell a figure belongs to. Printed figures are rounded, so agreement is judged
by half a unit of the last printed digit; a figure is never used in place of an estimate.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lfsmig.errors import InputError, ParameterError
from lfsmig.indicators import unit_of
from lfsmig.results import domain_text

if TYPE_CHECKING:
    from lfsmig.params import Params

COLUMNS = [
    "figure",
    "year",
    "indicator",
    "domain",
    "category",
    "statistic",
    "unit",
    "published",
    "estimate",
    "se",
    "z",
    "verdict",
    "source",
    "page",
    "reliability",
]
# Units of printed figures that a share is a hundredth of.
PER_HUNDRED = ("percent", "percentage points")
# What the report tells of a source, and of a figure that is not as printed.
SOURCE_COLUMNS = ["key", "kind", "title", "title_th", "publisher", "publisher_th", "url"]
REMARK_COLUMNS = ["figure", "en", "th"]


def read_figures(path: Path) -> pd.DataFrame:
    """Read the published figures, one row per figure, indexed by id."""
    if not path.is_file():
        raise InputError(f"{path}: the published figures are missing; restore the file from git")
    return read_table(path).set_index("id")


def companions(figures_path: Path) -> list[Path]:
    """Tables beside the figures: their sources, and remarks on figures that are not as printed."""
    if not figures_path.name:
        # A survey without published figures.
        return []
    names = ("sources.csv", "remarks.csv")
    return [path for name in names if (path := figures_path.with_name(name)).is_file()]


def told_with(figures_path: Path, compared: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sources and remarks of the figures that are compared.

    Parameters
    ----------
    figures_path
        Table of published figures; `sources.csv` and `remarks.csv` lie beside it, if at all.
    compared
        Rows of `compare`.

    Returns
    -------
    tuple
        Sources (`SOURCE_COLUMNS`) in the order of their keys, and remarks (`REMARK_COLUMNS`).

    Raises
    ------
    InputError
        If `sources.csv` lacks a source that a figure names.
    """
    tables = {path.name: read_table(path) for path in companions(figures_path)}
    sources = tables.get("sources.csv", pd.DataFrame(columns=SOURCE_COLUMNS))
    named = sorted(set(compared["source"]))
    if "sources.csv" in tables and (lost := set(named) - set(sources["key"])):
        path = figures_path.with_name("sources.csv")
        raise InputError(f"{path}: no row with the key {min(lost)!r}, which figures.csv names")
    used = sources[sources["key"].isin(named)].sort_values("key").reindex(columns=SOURCE_COLUMNS)
    remarks = tables.get("remarks.csv", pd.DataFrame(columns=REMARK_COLUMNS))
    remarks = remarks[remarks["figure"].isin(compared["figure"])].reindex(columns=REMARK_COLUMNS)
    return used.fillna("").reset_index(drop=True), remarks.fillna("").reset_index(drop=True)


def read_table(path: Path) -> pd.DataFrame:
    """Read a table of texts as it is."""
    return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")


def printed_unit(text: str, unit: str) -> float:
    """Unit of the last printed digit: 0.1 for "18.3", 1000 for "664000" persons."""
    if "." in text:
        return 10.0 ** -len(text.split(".")[1])
    if unit == "percent":
        return 1.0
    zeros = len(text) - len(text.rstrip("0"))
    return 10.0**zeros


def cells(params: Params, figures: pd.DataFrame | None) -> dict[int, set[tuple[str, str, str]]]:
    """Cells (indicator, domain, category) of each year whose value others have published."""
    found: dict[int, set[tuple[str, str, str]]] = {}
    for indicator in params.indicators if figures is not None else ():
        for entry in indicator.published:
            whole = entry.compare == "value" and entry.change_from is None
            if not whole or figures is None or entry.figure not in figures.index:
                continue
            year = str(figures.loc[entry.figure, "year"])
            if year.isdigit():
                key = (indicator.id, domain_text(entry.domain), entry.category or "")
                found.setdefault(int(year), set()).add(key)
    return found


def compare(
    params: Params, figures: pd.DataFrame, estimates: pd.DataFrame, trends: pd.DataFrame
) -> pd.DataFrame:
    """Put every published figure that an indicator names beside its estimate.

    Parameters
    ----------
    params
        Parameters; `indicators[].published` names the figures.
    figures
        As read by `read_figures`.
    estimates
        Rows of one engine, all years.
    trends
        Trend rows of the same engine (`change` and `average`).

    Returns
    -------
    DataFrame
        Columns `COLUMNS`, values in the indicator's unit. `verdict` is `match` (half a printed
        unit), `rounding` (up to one and a half), `differ`, `sign_agrees`, `sign_differs`, or
        `not_comparable` where the year was not estimated or the register says why it cannot be.
    """
    rows = []
    for indicator in params.indicators:
        for entry in indicator.published:
            link = {"figure": entry} if isinstance(entry, str) else _plain(entry)
            if link["figure"] not in figures.index:
                raise ParameterError(
                    f"indicators.yml: {indicator.id}: published figure {link['figure']} "
                    "is not in data/published/figures.csv"
                )
            figure = figures.loc[link["figure"]]
            rows.append(_compare_one(indicator, link, figure, estimates, trends))
    return pd.DataFrame(rows, columns=COLUMNS)


def _plain(entry: Any) -> dict[str, Any]:
    return entry.model_dump(exclude_none=True) if hasattr(entry, "model_dump") else dict(entry)


def _compare_one(
    indicator: Any,
    link: Mapping[str, Any],
    figure: pd.Series,
    estimates: pd.DataFrame,
    trends: pd.DataFrame,
) -> dict[str, Any]:
    domain = domain_text(link.get("domain", {}))
    category = str(link.get("category", ""))
    cell = _find(indicator.id, domain, category, figure["year"], link, estimates, trends)
    # The unit of the register serves where the cell is withheld or was not estimated.
    unit = unit_of(indicator)
    factor = 0.01 if figure["unit"] in PER_HUNDRED and unit == "share" else 1.0
    printed = float(figure["value"])
    row = {
        "figure": link["figure"],
        "year": figure["year"],
        "indicator": indicator.id,
        "domain": domain,
        "category": category,
        "statistic": _kind(figure["year"], link),
        "unit": unit,
        "published": printed * factor,
        "estimate": np.nan,
        "se": np.nan,
        "z": np.nan,
        "verdict": "not_comparable",
        "source": figure["source"],
        "page": figure.get("page", ""),
        "reliability": figure["reliability"],
    }
    if cell is None or not np.isfinite(cell["estimate"]):
        return row
    row |= {"estimate": cell["estimate"], "se": cell["se"]}
    if link.get("compare") == "none":
        return row
    difference = cell["estimate"] - printed * factor
    row["z"] = difference / cell["se"] if cell["se"] > 0 else np.nan
    if link.get("compare") == "sign":
        agrees = np.sign(cell["estimate"]) == np.sign(printed)
        return row | {"verdict": "sign_agrees" if agrees else "sign_differs"}
    steps = abs(difference) / (printed_unit(figure["value"], figure["unit"]) * factor)
    # The small excess keeps a value that lies exactly on the edge inside it.
    edge = 1 + 1e-6
    row["verdict"] = (
        "match" if steps <= 0.5 * edge else "rounding" if steps <= 1.5 * edge else "differ"
    )
    return row


def _kind(year: str, link: Mapping[str, Any]) -> str:
    """What a figure is: the estimate of a year, an average over years, or a change."""
    if "change_from" in link:
        return "change"
    return "average" if re.fullmatch(r"\d{4}-\d{4}", year) else "estimate"


def _find(
    indicator: str,
    domain: str,
    category: str,
    year: str,
    link: Mapping[str, Any],
    estimates: pd.DataFrame,
    trends: pd.DataFrame,
) -> pd.Series | None:
    """Find the cell that a figure speaks of."""
    kind = _kind(year, link)
    if kind != "estimate":
        first, last = year[:4], year[-4:]
        if kind == "change":
            first = link["change_from"]
        frame = trends
        where = (
            frame["statistic"].eq(kind)
            & frame["year_from"].eq(int(first))
            & frame["year_to"].eq(int(last))
        )
    else:
        frame = estimates
        where = frame["year"].eq(int(year))
    where &= (
        frame["indicator"].eq(indicator)
        & frame["domain"].eq(domain)
        & frame["category"].eq(category)
    )
    found = frame[where]
    return found.iloc[0] if len(found) == 1 else None
