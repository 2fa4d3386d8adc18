"""Charts of released series: lines by year with intervals, shares in panels, dots by region.

A withheld cell is a gap, never a guess; a cell to be used with caution has a hollow marker. Where
all cells are withheld there is no chart but a sentence.
"""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown, display
from matplotlib.figure import Figure

from lfsmig.report import alt, data, serial_breaks, words
from lfsmig.report.marks import (
    dots,
    end_labels,
    finish,
    from_zero,
    line,
    mark_breaks,
    notes_of,
    numbers,
    values,
    wrapped,
    year_axis,
)
from lfsmig.report.panels import panels
from lfsmig.report.style import COLOURS, INK, QUIET, WIDTH, bare, setup
from lfsmig.report.tables import occurring, print_unit, width

LONGEST_END_LABEL = 18  # characters that may stand to the right of a line


def fig_series(
    indicators: str | Sequence[str], by: str | None = None, category: str | None = None
) -> Figure | None:
    """Draw yearly values with 95 % intervals: one line per indicator, or per code of `by`."""
    setup()
    names = [indicators] if isinstance(indicators, str) else list(indicators)
    lines = _lines(names, by, category)
    if not lines:
        nothing(names[0])
        return None
    fig, ax = plt.subplots(figsize=(WIDTH, 2.9 if len(lines) < 4 else 3.4))
    every = pd.concat(lines.values())
    unit = print_unit(every, str(every["unit"].iloc[0]))
    for position, (label, frame) in enumerate(lines.items()):
        offset = (position - (len(lines) - 1) / 2) * 0.07
        line(ax, frame, COLOURS[position % len(COLOURS)], offset, unit, label, position)
        if len(lines) == 1:
            values(ax, frame, unit)
    year_axis(ax)
    ax.set_ylabel(words.unit_name(unit))
    numbers(ax, "y")
    from_zero(ax, lines)
    if data.is_count(every):
        mark_breaks(ax)
    breaks = serial_breaks.marked(names, by)
    serial_breaks.draw(ax, breaks)
    if len(lines) > 1 and max(map(width, lines)) <= LONGEST_END_LABEL:
        end_labels(ax, lines, unit)
    elif len(lines) > 1:
        fig.legend(loc="outside upper left", frameon=False, handlelength=1.2)
    bare(ax)
    alt.tell(alt.of_lines(lines, unit) if len(lines) > 1 else alt.of_indicator(names[0]))
    told = f"{words.regions_note(by or '')} {serial_breaks.sentence(breaks)}".strip()
    finish(fig, every, intervals=True, broken=data.is_count(every), more=told)
    return fig


def fig_shares(indicator: str) -> Figure | None:
    """Draw a distribution: a panel for each category, its shares by year with 95 % intervals.

    All panels have one scale, so that they can be compared. A category of which no year may be
    shown has no panel and is named below.
    """
    setup()
    frame = data.series(indicator)
    item = words.item_of(indicator)
    codes = words.codes_in_order(item, occurring(frame))
    parts = {code: frame[frame["category"].eq(code)] for code in codes}
    shown = [code for code, cells in parts.items() if cells["estimate"].notna().any()]
    # A zero may be all that is told, of a category that nobody is in.
    if not shown:
        nothing(indicator)
        return None
    names = {code: words.code_label(item, code) for code in codes}
    hidden = [names[code] for code in codes if code not in shown]
    breaks = serial_breaks.marked(indicator)
    told = f"{words.regions_note(item)} {serial_breaks.sentence(breaks)}".strip()
    note = notes_of(frame, intervals=True, hidden=hidden, more=told)
    alt.tell(alt.of_indicator(indicator))
    return panels([names[c] for c in shown], [parts[c] for c in shown], "share", note, breaks)


def fig_regions(indicator: str, by: str = "region", category: str | None = None) -> Figure | None:
    """Draw a dot with its interval for each region: the first and the report year.

    Of numbers of persons the first year is that of the same population projections.
    """
    setup()
    frame = data.series(indicator, by=by, category=category)
    if not frame["estimate"].notna().any():
        nothing(indicator)
        return None
    unit = print_unit(frame, str(frame["unit"].iloc[0]))
    codes = words.codes_in_order(by, list(frame["code"].unique()))
    last = data.report_year()
    first = (data.comparable_years(last) if data.is_count(frame) else data.years())[0]
    fig, ax = plt.subplots(figsize=(WIDTH, 0.42 * len(codes) + 1.0))
    pairs = (
        [(first, QUIET, -0.14, 1), (last, COLOURS[0], 0.14, 0)]
        if first != last
        else [(last, COLOURS[0], 0.0, 0)]
    )
    for year, colour, offset, shape in pairs:
        cells = frame[frame["year"].eq(year)].set_index("code").reindex(codes)
        dots(ax, cells, unit, colour, offset, words.year(year), shape)
    if frame["ci_low"].min() < 0:
        ax.axvline(0, color=INK, linewidth=0.8, zorder=0)
    else:
        ax.set_xlim(left=0)
    ax.set_yticks(range(len(codes)), [words.code_label(by, c) for c in codes])
    ax.set_ylim(len(codes) - 0.5, -0.5)
    ax.set_xlabel(words.unit_name(unit))
    numbers(ax, "x")
    ax.grid(axis="y", color="#E6E6E6", linewidth=0.7)
    bare(ax, "left")
    ax.tick_params(left=False)
    fig.legend(loc="outside upper left", ncols=2, frameon=False, handletextpad=0.4)
    alt.tell(alt.of_codes(frame, by, unit))
    crossed = serial_breaks.crossing(serial_breaks.marked(indicator, by), first, last)
    told = serial_breaks.sentence(crossed, "breaks.between")
    told = f"{words.regions_note(by)} {told}".strip()
    finish(fig, frame[frame["year"].isin([first, last])], intervals=True, more=told)
    return fig


def fig_variants(indicators: Sequence[str]) -> Figure | None:
    """Draw several indicators of one unit in the report year, a dot with its interval each."""
    setup()
    year = data.report_year()
    every = [data.series(name).assign(code=name) for name in indicators]
    frame = pd.concat(every)
    cells = frame[frame["year"].eq(year)].set_index("code")
    names = [name for name in indicators if name in cells.index]
    if not cells["estimate"].notna().any():
        nothing(indicators[0])
        return None
    fig, ax = plt.subplots(figsize=(WIDTH, 0.42 * len(names) + 0.8))
    unit = print_unit(cells, str(cells["unit"].iloc[0]))
    dots(ax, cells.reindex(names), unit, COLOURS[0], 0.0, words.year(year))
    for row, value in enumerate(cells.reindex(names)["estimate"]):
        if not np.isnan(value):
            ax.annotate(
                words.number(value, unit),
                (value * words.scale(unit), row),
                xytext=(0, 6),
                textcoords="offset points",
                fontsize=8.5,
                ha="center",
            )
    labels = [wrapped(fig, words.indicator_text(name), 0.38 * WIDTH, 9) for name in names]
    ax.set_yticks(range(len(names)), labels)
    ax.set_ylim(len(names) - 0.5, -0.7)
    ax.set_xlim(left=0)
    ax.set_xlabel(f"{words.unit_name(unit)}, {words.year_text(year)}")
    ax.grid(axis="y", color="#E6E6E6", linewidth=0.7)
    bare(ax, "left")
    ax.tick_params(left=False)
    alt.tell(
        alt.of_lines({words.indicator_text(n): cells.loc[[n]].reset_index() for n in names}, unit)
    )
    finish(fig, cells.reindex(names), intervals=True)
    return fig


def _lines(names: list[str], by: str | None, category: str | None) -> dict[str, pd.DataFrame]:
    if by is None:
        found = {words.indicator_text(name): data.series(name, category=category) for name in names}
        return {k: frame for k, frame in found.items() if frame["estimate"].notna().any()}
    frame = data.series(names[0], by=by, category=category)
    codes = words.codes_in_order(by, list(frame["code"].unique()) if len(frame) else [])
    by_code = {words.code_label(by, code): frame[frame["code"].eq(code)] for code in codes}
    return {k: cells for k, cells in by_code.items() if cells["estimate"].notna().any()}


def say_nothing(reason: str) -> None:
    """Say in words, where a chart would stand, that there is nothing to draw and why."""
    display(Markdown(f"::: {{.no-chart}}\n{reason}\n:::"))


def nothing(indicator: str) -> None:
    """Say why an indicator has no chart."""
    reason = data.absent_reason(indicator)
    if reason is None:
        say_nothing(words.t("figure.all_withheld"))
    else:
        say_nothing(words.t("figure.nothing") + (f": {reason}" if reason else ""))
