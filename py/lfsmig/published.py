"""Published figures beside our estimates.

`data/published/figures.csv` holds what was printed, with source and reliability; the register of
exhibits says which cell a figure belongs to. Printed figures are rounded, so agreement is judged
by half a unit of the last printed digit; a figure is never used in place of an estimate.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lfsmig import statements
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
    "compare",
    "printed",
    "printed_unit",
    "published",
    "estimate",
    "se",
    "z",
    "verdict",
    "statement",
    "fails",
    "source",
    "page",
    "reliability",
]
# Units of printed figures that a share is a hundredth of.
PER_HUNDRED = ("percent", "percentage points")
# Keys of a link that make it a statement on an order, a sign or a limit.
STATEMENT = ("sign", "bound", "top", "bottom", "lower", "higher")
# What the report tells of a source, and of a figure that is not as printed.
SOURCE_COLUMNS = ["key", "kind", "title", "title_th", "publisher", "publisher_th", "url"]
REMARK_COLUMNS = ["figure", "en", "th"]


def read_figures(path: Path) -> pd.DataFrame:
    """Read the published figures, one row per figure, indexed by id."""
    if not path.is_file():
        raise InputError(f"{path}: the published figures are missing; restore the file from git")
    return read_table(path).set_index("id")


def companions(figures_path: Path) -> list[Path]:
    """Tables beside the figures: sources, remarks on what is not as printed, what has no link."""
    if not figures_path.name:
        # A survey without published figures.
        return []
    names = ("sources.csv", "remarks.csv", "not_compared.csv")
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


def not_compared(figures_path: Path) -> pd.DataFrame:
    """Figures that no indicator names, one row each, with the reason.

    Parameters
    ----------
    figures_path
        Table of published figures; `not_compared.csv` lies beside it, if at all. A row of it names
        a figure or the first and the last of several (`F0052-F0166`), a kind of reason and the
        reason in each language.

    Returns
    -------
    DataFrame
        Columns `figure`, `kind` and the languages.
    """
    path = figures_path.with_name("not_compared.csv")
    if not path.is_file():
        return pd.DataFrame(columns=["figure", "kind", "en", "th"])
    rows = []
    for row in read_table(path).to_dict("records"):
        first, _, last = str(row.pop("figures")).partition("-")
        for number in range(int(first[1:]), int((last or first)[1:]) + 1):
            rows.append({"figure": f"{first[0]}{number:0{len(first) - 1}d}", **row})
    return pd.DataFrame(rows)


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
            whole = entry.compare == "value" and entry.change_from is None and not entry.plus
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
        unit; a sign, limit or order that holds), `rounding` (up to one and a half), `differ`, or
        `not_comparable` where the estimate may not be shown, the year was not estimated, or the
        register says why it cannot be. `printed` is the figure as its source prints it;
        `statement` is JSON of what a statement says (`params/register.py`), `fails` the years in
        which the estimates do not say so, with commas.
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
    return entry.model_dump(exclude_defaults=True) if hasattr(entry, "model_dump") else dict(entry)


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
        "compare": str(link.get("compare", "value")),
        "printed": figure["value"],
        "printed_unit": figure["unit"],
        "published": printed * factor,
        "estimate": np.nan,
        "se": np.nan,
        "z": np.nan,
        "verdict": "not_comparable",
        "statement": "",
        "fails": "",
        "source": figure["source"],
        "page": figure.get("page", ""),
        "reliability": figure["reliability"],
    }
    said = {key: link[key] for key in STATEMENT if key in link}
    if said:
        row |= {"statement": json.dumps(said, sort_keys=True), "statistic": "estimate"}
        fails = statements.failing_years(
            indicator.id, link, figure["year"], printed * factor, estimates
        )
        if fails is None:
            return row
        row["fails"] = ",".join(map(str, fails))
        return (
            row
            | {"estimate": _one_year(indicator.id, link, figure["year"], estimates)}
            | {"verdict": "differ" if fails else "match"}
        )
    if cell is None or not np.isfinite(cell["estimate"]):
        return row
    row |= {"estimate": cell["estimate"], "se": cell["se"]}
    if link.get("compare") == "none":
        return row
    difference = cell["estimate"] - printed * factor
    row["z"] = difference / cell["se"] if cell["se"] > 0 else np.nan
    if link.get("compare") == "sign":
        agrees = np.sign(cell["estimate"]) == np.sign(printed)
        return row | {"verdict": "match" if agrees else "differ"}
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
    """Find the cell that a figure speaks of, or add up its cells, whose errors are unknown then."""
    kind = _kind(year, link)
    if "plus" in link and kind == "estimate":
        return pd.Series({"estimate": _one_year(indicator, link, year, estimates), "se": np.nan})
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
    if len(found) == 1 and "plus" not in link:
        return found.iloc[0]
    if kind != "change":
        return None
    # Between years that are no neighbours no change is tested: the difference has no error here.
    before, after = (
        statements.value_of(estimates, indicator, link, int(each)) for each in (first, last)
    )
    return pd.Series({"estimate": after - before, "se": np.nan})


def _one_year(indicator: str, link: Mapping[str, Any], year: str, estimates: pd.DataFrame) -> float:
    """Estimate of what a link speaks of, if it speaks of one year."""
    if not year.isdigit() or "top" in link or "bottom" in link or "lower" in link:
        return np.nan
    return statements.value_of(estimates, indicator, link, int(year))
