"""Charts of released series: lines by year with intervals, stacked shares, dots by region.

A withheld cell is a gap, never a guess; a cell to be used with caution has a hollow marker.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from lfsmig.report import data, words
from lfsmig.report.marks import (
    dots,
    end_labels,
    finish,
    from_zero,
    hatch,
    line,
    mark_breaks,
    numbers,
    segment_texts,
    values,
    year_axis,
)
from lfsmig.report.style import COLOURS, INK, ORDERED, QUIET, WIDTH, setup
from lfsmig.report.tables import occurring, print_unit, width

LONGEST_END_LABEL = 18  # characters that may stand to the right of a line
LEGEND_WIDTH = 92  # characters of a legend's type across the page
ORDERED_ITEMS = {"age_group", "education_group", "expected_stay", "moves_group"}


def fig_series(
    indicators: str | Sequence[str], by: str | None = None, category: str | None = None
) -> Figure:
    """Draw yearly values with 95 % intervals: one line per indicator, or per code of `by`."""
    setup()
    names = [indicators] if isinstance(indicators, str) else list(indicators)
    lines = _lines(names, by, category)
    if not lines:
        return _nothing(names[0])
    fig, ax = plt.subplots(figsize=(WIDTH, 2.9 if len(lines) < 4 else 3.4))
    every = pd.concat(lines.values())
    unit = print_unit(every, str(every["unit"].iloc[0]))
    for position, (label, frame) in enumerate(lines.items()):
        offset = (position - (len(lines) - 1) / 2) * 0.07
        line(ax, frame, COLOURS[position % len(COLOURS)], offset, unit, label)
        if len(lines) == 1:
            values(ax, frame, unit)
    year_axis(ax)
    ax.set_ylabel(words.unit_name(unit))
    numbers(ax, "y")
    from_zero(ax, lines)
    if data.is_count(every):
        mark_breaks(ax)
    if len(lines) > 1 and max(map(width, lines)) <= LONGEST_END_LABEL:
        end_labels(ax, lines, unit)
    elif len(lines) > 1:
        fig.legend(loc="outside upper left", frameon=False, handlelength=1.2)
    sns.despine(ax=ax)
    finish(fig, every, intervals=True, broken=data.is_count(every))
    return fig


def fig_shares(indicator: str) -> Figure:
    """Draw shares of the categories by year, stacked to 100 per cent."""
    setup()
    frame = data.series(indicator)
    if not frame["estimate"].notna().any():
        return _nothing(indicator)
    item = words.item_of(indicator)
    every = words.codes_in_order(item, occurring(frame))
    shown = frame.loc[frame["estimate"].gt(0), "category"].unique()
    # A group keeps its colour whatever else is withheld; one that is never shown has no legend.
    colours = dict(zip(every, _stack_colours(item, every), strict=True))
    codes = [code for code in every if code in shown]
    years = data.years()
    names = [words.code_label(item, code) for code in codes]
    withheld = _withheld_rest(frame, years)
    if withheld.any():
        names.append(words.t("figure.withheld_part"))
    columns = _legend_columns(names)
    height = 0.34 * len(years) + 0.24 * -(-len(names) // columns) + 0.75
    fig, ax = plt.subplots(figsize=(WIDTH, height))
    table = frame.pivot(index="category", columns="year", values="estimate").reindex(
        index=codes, columns=years
    )
    left = np.zeros(len(years))
    for code, label in zip(codes, names, strict=False):
        colour = colours[code]
        share = 100 * table.loc[code].to_numpy(dtype=float)
        sizes = np.nan_to_num(share)
        ax.barh(
            range(len(years)),
            sizes,
            left=left,
            color=colour,
            height=0.72,
            label=label,
            edgecolor="white",
            linewidth=0.7,
        )
        segment_texts(ax, left, sizes, colour)
        left += sizes
    if withheld.any():
        hatch(ax, left, withheld, names[-1])
    ax.set_yticks(range(len(years)), [words.year(y) for y in years])
    ax.invert_yaxis()
    ax.set_xlim(0, 100)
    ax.set_xlabel(words.unit_name("share"))
    sns.despine(ax=ax, left=True)
    ax.tick_params(left=False)
    fig.legend(
        loc="outside upper left",
        ncols=columns,
        frameon=False,
        handlelength=0.9,
        handletextpad=0.4,
        columnspacing=1.2,
    )
    finish(fig, frame, shares=bool(withheld.any()))
    return fig


def _withheld_rest(frame: pd.DataFrame, years: list[int]) -> np.ndarray:
    """What is left to 100 per cent in the years that have a withheld group; else nothing."""
    by_year = frame.groupby("year")
    hidden = frame["flag"].isin(data.WITHHELD).groupby(frame["year"]).any()
    rest = 100 * (1 - by_year["estimate"].sum())
    return np.asarray(rest.where(hidden, 0.0).clip(lower=0).reindex(years).fillna(0.0))


def fig_regions(indicator: str, by: str = "region", category: str | None = None) -> Figure:
    """Draw a dot with its interval for each region: the first and the report year."""
    setup()
    frame = data.series(indicator, by=by, category=category)
    if not frame["estimate"].notna().any():
        return _nothing(indicator)
    unit = str(frame["unit"].iloc[0])
    codes = words.codes_in_order(by, list(frame["code"].unique()))
    first, last = data.years()[0], data.report_year()
    fig, ax = plt.subplots(figsize=(WIDTH, 0.42 * len(codes) + 1.0))
    pairs = (
        [(first, QUIET, -0.14), (last, COLOURS[0], 0.14)]
        if first != last
        else [(last, COLOURS[0], 0.0)]
    )
    for year, colour, offset in pairs:
        cells = frame[frame["year"].eq(year)].set_index("code").reindex(codes)
        dots(ax, cells, unit, colour, offset, words.year(year))
    if frame["ci_low"].min() < 0:
        ax.axvline(0, color=INK, linewidth=0.8, zorder=0)
    else:
        ax.set_xlim(left=0)
    ax.set_yticks(range(len(codes)), [words.code_label(by, c) for c in codes])
    ax.set_ylim(len(codes) - 0.5, -0.5)
    ax.set_xlabel(words.unit_name(unit))
    numbers(ax, "x")
    ax.grid(axis="y", color="#E6E6E6", linewidth=0.7)
    sns.despine(ax=ax, left=True)
    ax.tick_params(left=False)
    fig.legend(loc="outside upper left", ncols=2, frameon=False, handletextpad=0.4)
    finish(fig, frame[frame["year"].isin([first, last])], intervals=True)
    return fig


def fig_variants(indicators: Sequence[str]) -> Figure:
    """Draw several indicators of one unit in the report year, a dot with its interval each."""
    setup()
    year = data.report_year()
    every = [data.series(name).assign(code=name) for name in indicators]
    frame = pd.concat(every)
    cells = frame[frame["year"].eq(year)].set_index("code")
    names = [name for name in indicators if name in cells.index]
    if not cells["estimate"].notna().any():
        return _nothing(indicators[0])
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
    labels = [textwrap.fill(words.indicator_text(name), 42) for name in names]
    ax.set_yticks(range(len(names)), labels)
    ax.set_ylim(len(names) - 0.5, -0.7)
    ax.set_xlim(left=0)
    ax.set_xlabel(f"{words.unit_name(unit)}, {words.year_text(year)}")
    ax.grid(axis="y", color="#E6E6E6", linewidth=0.7)
    sns.despine(ax=ax, left=True)
    ax.tick_params(left=False)
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


def _stack_colours(item: str, codes: list[str]) -> list[str]:
    if item not in ORDERED_ITEMS:
        return [COLOURS[i % len(COLOURS)] for i in range(len(codes))]
    return [ORDERED[min(i, len(ORDERED) - 1)] for i in range(len(codes))]


def _legend_columns(labels: list[str]) -> int:
    """As many legend columns as fit the page: all in one row, or by the longest label."""
    if sum(width(label) + 5 for label in labels) <= LEGEND_WIDTH:
        return len(labels)
    longest = max(width(label) for label in labels)
    return max(1, min(len(labels), int(LEGEND_WIDTH / (longest + 5))))


def _nothing(indicator: str) -> Figure:
    """An empty frame that says why there is nothing to draw."""
    fig, ax = plt.subplots(figsize=(WIDTH, 1.0))
    ax.axis("off")
    reason = data.absent_reason(indicator)
    if reason is None:
        text = words.t("figure.all_withheld")
    else:
        text = words.t("figure.nothing") + (f": {reason}" if reason else "")
    ax.text(0.5, 0.5, text, ha="center", va="center", color=QUIET)
    return fig
