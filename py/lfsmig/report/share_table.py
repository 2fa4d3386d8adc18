"""Distributions as a table: where years differ little, numbers tell more than a sheet of panels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from IPython.display import Markdown

from lfsmig.report import data, serial_breaks, words
from lfsmig.report.tables import cell, escape, occurring, pipe, print_unit, several_notes

INDENT = "\u2003"


def tbl_shares(indicators: str | Sequence[str]) -> Markdown:
    """One row per category, a column per year: shares with their symbols.

    Several distributions stand below each other, each under the name of its item. One that has no
    released cell is left out; its data table says why.
    """
    names = [indicators] if isinstance(indicators, str) else list(indicators)
    years = data.years()
    every = {name: data.series(name) for name in names}
    used = {name: frame for name, frame in every.items() if not frame.empty}
    rows: list[list[str]] = []
    for name, frame in used.items():
        item = words.item_of(name)
        if len(names) > 1:
            rows.append([escape(words.variable_label(item)), *[""] * len(years)])
        rows += _categories(frame, item, years, INDENT if len(names) > 1 else "")
    if not rows:
        return Markdown(words.t("table.absent", reason=_why(names[0])))
    breaks = serial_breaks.marked(list(used))
    head = [words.t("column.category"), *(serial_breaks.year_head(y, breaks) for y in years)]
    table = pipe(head, rows, "l" + "r" * len(years), even=True)
    more = f"{words.t('table.unit', unit=words.unit_name('share'))} "
    more += words.t("table.errors_elsewhere")
    regions = words.regions_note(*(words.item_of(name) for name in used))
    notes = several_notes(used, f"{more} {regions}".rstrip(), False)
    return Markdown(f"{table}\n\n{notes}")


def _categories(frame: Any, item: str, years: Sequence[int], indent: str) -> list[list[str]]:
    unit = print_unit(frame, str(frame["unit"].iloc[0]))
    nothing = float("nan")
    rows = []
    for code in words.codes_in_order(item, occurring(frame)):
        found = {row.year: row for row in data.rows(frame[frame["category"].eq(code)])}
        values = [
            cell(found[y].estimate, nothing, unit, found[y].flag) if y in found else words.DASH
            for y in years
        ]
        rows.append([indent + escape(words.code_label(item, code)), *values])
    return rows


def _why(indicator: str) -> str:
    return data.absent_reason(indicator) or words.t("table.absent_unasked")
