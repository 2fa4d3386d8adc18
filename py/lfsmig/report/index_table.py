"""The table of indices of internal migration: each with its interval, a column for each year."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from IPython.display import Markdown

from lfsmig.index_noise import noisy
from lfsmig.report import data, serial_breaks, words
from lfsmig.report.tables import cell, escape, pipe, print_unit, several, several_notes

INDENT = "\u2003"
NOISE = " ‡"


def tbl_indices(indicators: Sequence[str]) -> Markdown:
    """One row per index, its interval below it, and the movers of the sample in the last row."""
    years = data.years()
    used = several(indicators)
    noise = False
    rows: list[list[str]] = []
    for name, frame in used.items():
        found: dict[int, Any] = {row.year: row for row in data.rows(frame)}
        unit = print_unit(frame, str(frame["unit"].iloc[0]))
        label = words.indicator_text(name)
        if unit.startswith("percent"):
            label += f" ({words.unit_name(unit)})"
        noise = noise or _noisy(name)
        label += NOISE if _noisy(name) else ""
        rows.append([escape(label), *(_value(found.get(y), unit) for y in years)])
        if frame["ci_low"].notna().any():
            limits = [_limits(found.get(y), unit) for y in years]
            rows.append([INDENT + words.t("column.ci"), *limits])
        rows += _relative(name, years)
    rows.append([words.t("column.movers"), *(_movers(used, y) for y in years)])
    breaks = serial_breaks.marked(list(used))
    heads = [serial_breaks.year_head(year, breaks) for year in years]
    head = [words.t("column.index"), *heads]
    table = pipe(head, rows, "l" + "r" * len(years), even=True)
    told = words.t("table.index_ci")
    told += f" {words.t('table.noisy', mark=NOISE.strip())}" if noise else ""
    return Markdown(f"{table}\n\n{several_notes(used, told, False)}")


def _noisy(indicator: str) -> bool:
    """Whether sampling noise is left in an index, by its entry in the register."""
    entry = words.register().get(indicator) or {}
    if entry.get("statistic") != "index":
        return False
    return noisy(str(entry.get("of")), bool(entry.get("corrected")), entry.get("rarefied"))


def _relative(indicator: str, years: Sequence[int]) -> list[list[str]]:
    """An index as a multiple of its first year's value, if the parameters ask for it."""
    if indicator not in data.settings().get("relative_to_first", []):
        return []
    changes = data.trends(indicator)
    changes = changes[changes["statistic"].eq("relative")].dropna(subset=["estimate"])
    found = {int(row.year_to): row for row in data.rows(changes)}
    if not found:
        return []
    first = int(changes["year_from"].iloc[0])
    head = words.t("table.relative", label=words.indicator_text(indicator), year=words.year(first))

    def values(*keys: str) -> list[str]:
        return [
            ", ".join(words.decimal(100 + float(getattr(found[y], key)), 0) for key in keys)
            if y in found
            else ("100" if y == first and len(keys) == 1 else "")
            for y in years
        ]

    limits = [INDENT + words.t("column.ci"), *values("ci_low", "ci_high")]
    return [[escape(head), *values("estimate")], limits]


def _value(row: Any, unit: str) -> str:
    return words.DASH if row is None else cell(row.estimate, float("nan"), unit, row.flag)


def _limits(row: Any, unit: str) -> str:
    """Both limits: a dash between them would meet the minus of corrected indices."""
    if row is None or row.flag in data.WITHHELD or row.ci_low != row.ci_low:
        return ""
    return words.t(
        "table.limits", low=words.number(row.ci_low, unit), high=words.number(row.ci_high, unit)
    )


def _movers(used: dict[str, pd.DataFrame], year: int) -> str:
    """Sampled movers of a year; all indices of the table rest on the same."""
    told = [
        float(value)
        for frame in used.values()
        for value in frame.loc[frame["year"].eq(year), "n_cases"].dropna()
    ]
    return words.decimal(max(told), 0) if told else words.DASH
