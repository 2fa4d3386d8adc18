"""Charts that compare: the populations side by side, the regions side by side, on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Markdown
from matplotlib.figure import Figure

from lfsmig.report import alt, data, serial_breaks, words
from lfsmig.report.data_tables import INDENT, data_div
from lfsmig.report.figures import say_nothing
from lfsmig.report.marks import dots, finish, notes_of, numbers, wrapped
from lfsmig.report.panels import panels
from lfsmig.report.style import COLOURS, WIDTH, bare, setup
from lfsmig.report.tables import cell, escape, interval, notes, occurring, pipe, review_reasons

UNIT = "share"
MANY = 8  # rows from which on they stand closer


def fig_populations(indicators: Sequence[str]) -> Figure | None:
    """Draw the same distributions of several populations in the report year, a panel for each.

    All panels have one scale and one order of categories. A population of which no value may be
    shown keeps its panel, empty: leaving it out would look as if it had not been asked about.

    Parameters
    ----------
    indicators
        Shares, of each item one indicator for each population.
    """
    setup()
    cells = _cells(indicators)
    if not cells["estimate"].notna().any():
        say_nothing(words.t("figure.all_withheld"))
        return None
    rows = _rows(cells)
    populations = list(dict.fromkeys(cells["population"]))
    fig, axes = plt.subplots(
        1,
        len(populations),
        figsize=(WIDTH, (0.4 if len(rows) < MANY else 0.27) * len(rows) + 1.5),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    for number, (population, ax) in enumerate(zip(populations, axes[0], strict=True)):
        own = cells[cells["population"].eq(population)].set_index(["item", "category"])
        dots(ax, own.reindex(rows), UNIT, COLOURS[number], 0.0, "", number)
        title = words.population_name(population)
        ax.set_title(title, loc="left", fontsize=9, fontweight="bold", color=COLOURS[number])
        ax.grid(axis="both", color="#E6E6E6", linewidth=0.7)
        ax.tick_params(left=False)
        bare(ax, "left")
    first = axes[0][0]
    names = [wrapped(fig, _row_name(row), 0.22 * WIDTH, 9) for row in rows]
    first.set_yticks(range(len(rows)), names)
    for label, (_, code) in zip(first.get_yticklabels(), rows, strict=True):
        label.set_fontweight("normal" if code else "bold")
    first.set_ylim(len(rows) - 0.5, -0.5)
    first.set_xlim(left=0)
    numbers(first, "x")
    middle = axes[0][len(populations) // 2]
    middle.set_xlabel(f"{words.unit_name(UNIT)}, {words.year_text(data.report_year())}")
    alt.tell(_told(cells))
    finish(fig, cells, intervals=True)
    return fig


def _cells(indicators: Sequence[str]) -> pd.DataFrame:
    """Cells of the report year with their population and item."""
    year = data.report_year()
    parts = []
    for name in indicators:
        frame = data.series(name)
        parts.append(
            frame[frame["year"].eq(year)].assign(
                population=name.partition(".")[0], item=words.item_of(name)
            )
        )
    return pd.concat(parts, ignore_index=True)


def _rows(cells: pd.DataFrame) -> list[tuple[str, str]]:
    """Item and category of each row; where there are several items, a row names each."""
    items = list(dict.fromkeys(cells["item"]))
    rows: list[tuple[str, str]] = []
    for item in items:
        if len(items) > 1:
            rows.append((item, ""))
        codes = occurring(cells[cells["item"].eq(item)])
        rows += [(item, code) for code in words.codes_in_order(item, codes)]
    return rows


def _row_name(row: tuple[str, str]) -> str:
    item, code = row
    return words.code_label(item, code) if code else words.variable_label(item)


def _told(cells: pd.DataFrame) -> str:
    """Of each population the highest estimate of each item; it states no order of the others."""
    told = []
    for population, own in cells.groupby("population", sort=False):
        shown = own.dropna(subset=["estimate"])
        highest = shown.loc[shown.groupby("item", sort=False)["estimate"].idxmax()]
        parts = [
            words.t(
                "alt.highest",
                name=words.code_label(row.item, row.category),
                value=words.quantity(row.estimate, UNIT),
            )
            for row in data.rows(highest)
        ]
        if parts:
            name = words.population_name(str(population))
            told.append(words.t("alt.highest_of", name=name, parts=words.listing(parts)))
    return " ".join(told)


def populations_table(indicators: Sequence[str]) -> Markdown:
    """Table behind the comparison: a row for each category, a column for each population.

    Parameters
    ----------
    indicators
        As the chart has them.
    """
    cells = _cells(indicators)
    title = words.t("compared.title", year=words.year_text(data.report_year()))
    if cells.empty:
        return data_div(list(indicators), title, words.t("figure.nothing"))
    populations = list(dict.fromkeys(cells["population"]))
    found = {(row.population, row.item, row.category): row for row in data.rows(cells)}
    body: list[list[str]] = []
    for item, code in _rows(cells):
        if not code:
            body.append([escape(words.variable_label(item)), *[""] * len(populations)])
            continue
        own = [found.get((population, item, code)) for population in populations]
        body.append([escape(words.code_label(item, code)), *map(_estimate, own)])
        body.append([INDENT + words.t("column.ci"), *map(_interval, own)])
    head = [words.t("column.category"), *map(words.population_name, populations)]
    bases = dict.fromkeys(words.indicator_text(name, "base") for name in indicators)
    told = notes(
        "; ".join(filter(None, bases)),
        words.unit_name(UNIT),
        list(cells["flag"]),
        words.t("table.se"),
        words.t("table.ci"),
        reasons=review_reasons(cells),
    )
    table = pipe(head, body, "l" + "r" * len(populations))
    return data_div(list(indicators), title, f"{table}\n\n{told}")


def _estimate(row: Any) -> str:
    return words.DASH if row is None else cell(row.estimate, row.se, UNIT, row.flag)


def _interval(row: Any) -> str:
    if row is None or row.flag in data.WITHHELD:
        return ""
    return interval(row.ci_low, row.ci_high, UNIT)


def fig_small(indicator: str, by: str = "region", category: str | None = None) -> Figure | None:
    """Draw an indicator's years in a panel for each code of a variable, on one scale.

    Parameters
    ----------
    indicator
        A rate or a share.
    by
        Variable whose codes have a panel each.
    category
        The category of a share.
    """
    setup()
    frame = data.series(indicator, by=by, category=category)
    codes = words.codes_in_order(by, list(frame["code"].unique()) if len(frame) else [])
    parts = {code: frame[frame["code"].eq(code)] for code in codes}
    shown = [code for code in codes if parts[code]["estimate"].notna().any()]
    if not shown:
        say_nothing(words.t("figure.all_withheld"))
        return None
    unit = str(frame["unit"].iloc[0])
    names = {code: words.code_label(by, code) for code in codes}
    breaks = serial_breaks.marked(indicator, by)
    hidden = [names[code] for code in codes if code not in shown]
    told = f"{words.regions_note(by)} {serial_breaks.sentence(breaks)}".strip()
    note = notes_of(frame, intervals=True, hidden=hidden, more=told)
    alt.tell(alt.of_lines({names[code]: parts[code] for code in shown}, unit))
    return panels([names[c] for c in shown], [parts[c] for c in shown], unit, note, breaks)
