"""Flows between areas: a matrix, arcs, lines of one area, their table and what they say."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path as Outline

from lfsmig.report import alt, data, serial_breaks, words
from lfsmig.report.data_tables import cell_notes, data_div, years_across
from lfsmig.report.figures import nothing
from lfsmig.report.maps import AMOUNTS, HATCH
from lfsmig.report.marks import (
    NOTE_SIZE,
    end_labels,
    finish,
    from_zero,
    line,
    mark_breaks,
    wrapped,
    year_axis,
)
from lfsmig.report.marks import numbers as axis_numbers
from lfsmig.report.style import COLOURS, INK, NOTE, QUIET, WIDTH, bare, setup
from lfsmig.report.tables import (
    cell,
    escape,
    interval,
    marked,
    marks_legend,
    pipe,
    print_unit,
)

# Widest arc in points, and the thinnest that can be seen.
WIDEST, THINNEST = 13.0, 0.6
ARCS_HEIGHT = 4.3  # inches
# So many flows that are not drawn are named below the arcs; of more the number is told.
NAMED = 5
# A line of area names takes so much of the unit between two neighbours.
ROOM = 0.46


def _label(item: str, code: str) -> str:
    return words.code_label(item, code)


def _codes(frame: pd.DataFrame, column: str, item: str) -> list[str]:
    """Codes that somebody has, in the catalogue's order: the survey's regions, then the others."""
    occurs = frame[frame["estimate"].gt(0) | frame["flag"].eq("c")]
    return words.codes_in_order(item, list(occurs[column].unique()))


def _year_cells(indicator: str, rows: str, columns: str) -> pd.DataFrame:
    frame = data.cells(indicator, rows, columns)
    return frame[frame["year"].eq(data.report_year())]


# --- the matrix ----------------------------------------------------------------------------------


def fig_flow_matrix(indicator: str, rows: str, columns: str) -> Figure | None:
    """Draw origins by destinations in the report year; each cell holds its value.

    Dark cells are large flows. Withheld cells are hatched; a cell that cannot be (a lifetime
    migrant between regions in the region of birth) is blank.
    """
    setup()
    frame = _year_cells(indicator, rows, columns)
    if not frame["estimate"].gt(0).any():
        nothing(indicator)
        return None
    unit = print_unit(frame, str(frame["unit"].iloc[0]))
    froms, tos = _codes(frame, "row", rows), _codes(frame, "column", columns)
    values = frame.set_index(["row", "column"])
    # On the square root smaller flows can still be told apart.
    norm = Normalize(0, float(np.sqrt(frame["estimate"].max())))
    side = 0.4
    fig, ax = plt.subplots(figsize=(WIDTH, side * len(froms) + 1.25))
    blank = []
    for y, origin in enumerate(froms):
        for x, target in enumerate(tos):
            known = (origin, target) in values.index
            row = values.loc[(origin, target)] if known else None
            if not _cell(ax, x, y, row, unit, norm):
                blank.append((origin, target))
    ax.set(xlim=(0, len(tos)), ylim=(len(froms), 0))
    room = 0.62 * WIDTH / len(tos)
    heads = [wrapped(fig, _label(columns, code), room, 8) for code in tos]
    ax.set_xticks(np.arange(len(tos)) + 0.5, heads, fontsize=8)
    ax.set_yticks(np.arange(len(froms)) + 0.5, [_label(rows, code) for code in froms])
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.xaxis.set_label_position("top")
    ax.set_xlabel(words.variable_label(columns), fontweight="bold")
    ax.set_ylabel(words.variable_label(rows), fontweight="bold")
    bare(ax, "left", "bottom")
    drawn = frame[frame["row"].isin(froms) & frame["column"].isin(tos)]
    alt.tell(alt.of_flows(drawn, rows, columns))
    year = words.year_text(data.report_year())
    note = [words.t("flow.matrix_note", unit=words.unit_name(unit), year=year)]
    note += _blanks(indicator, blank, set(froms) & set(tos))
    _foot(fig, " ".join(note), frame)
    return fig


def _blanks(indicator: str, blank: list[tuple[str, str]], both: set[str]) -> list[str]:
    """What empty cells mean: a whole diagonal is no accident of the sample but the group's bounds.

    Parameters
    ----------
    blank
        Origin and destination of the cells that are drawn empty.
    both
        Codes that are origins and destinations.
    """
    diagonal = {(code, code) for code in both}
    base = words.indicator_text(indicator, "base")
    told = []
    if diagonal and base and diagonal <= set(blank):
        told.append(words.t("flow.blank_diagonal", base=base))
        blank = [pair for pair in blank if pair not in diagonal]
    return [*told, words.t("flow.blank")] if blank else told


def _cell(ax: Axes, x: int, y: int, row: Any, unit: str, norm: Normalize) -> bool:
    """Draw a cell; tell whether there was anything to draw."""
    look: dict[str, Any] = {"edgecolor": "white", "linewidth": 1.5}
    if row is not None and row["flag"] in data.WITHHELD and row["reason"] != "empty":
        look = {"edgecolor": QUIET, "linewidth": 0.6, "hatch": HATCH, "facecolor": "white"}
        ax.add_patch(Rectangle((x + 0.02, y + 0.03), 0.96, 0.94, **look))
        return True
    if row is None or not row["estimate"] > 0:
        return False
    fill = AMOUNTS(norm(np.sqrt(row["estimate"])))
    ax.add_patch(Rectangle((x, y), 1, 1, facecolor=fill, **look))
    text = marked(row["estimate"], unit, row["flag"])
    ax.text(x + 0.5, y + 0.5, text, ha="center", va="center", fontsize=9, color=INK)
    return True


def _foot(fig: Figure, text: str, frame: pd.DataFrame) -> None:
    """What the marks of the cells that are drawn mean, below the chart."""
    told = [text]
    if (frame["flag"].isin(data.WITHHELD) & frame["reason"].ne("empty")).any():
        told.append(words.t("map.hatched_cells"))
    told.append(marks_legend(frame))
    note = wrapped(fig, " ".join(part for part in told if part), 0.98 * WIDTH, NOTE_SIZE)
    fig.supxlabel(note, fontsize=NOTE_SIZE, color=NOTE, x=0.01, ha="left")
    fig.draw_without_rendering()
    fig.set_layout_engine("none")


# --- the arcs ------------------------------------------------------------------------------------


def fig_flow_arcs(indicator: str, rows: str, columns: str) -> Figure | None:
    """Draw the flows between areas as arcs, as wide as the flows are large.

    Flows to the right pass above the line of areas, flows to the left below it, so that a flow and
    its counter-flow face each other. Each arc has its value; withheld flows are not drawn, and are
    named below.
    """
    setup()
    frame = _year_cells(indicator, rows, columns)
    between = frame[frame["row"].ne(frame["column"])]
    if not between["estimate"].gt(0).any():
        nothing(indicator)
        return None
    unit = print_unit(between, str(between["unit"].iloc[0]))
    ends = {*frame["column"], *(set(frame["row"]) & set(words.codes_of(columns)))}
    codes = words.codes_in_order(columns, sorted(ends))
    place = {code: position for position, code in enumerate(codes)}
    fig, ax = plt.subplots(figsize=(WIDTH, ARCS_HEIGHT))
    largest = float(between["estimate"].max())
    hidden, drawn = [], []
    between = between[between["row"].isin(place) & between["column"].isin(place)]
    for flow in data.rows(between):
        if flow.flag in data.WITHHELD or not flow.estimate > 0:
            if flow.flag in data.WITHHELD and flow.reason != "empty":
                hidden.append(pair(rows, columns, flow.row, flow.column))
            continue
        width = max(THINNEST, WIDEST * flow.estimate / largest)
        text = marked(flow.estimate, unit, flow.flag)
        _arc(ax, place[flow.row], place[flow.column], width, text)
        drawn.append(flow.Index)
    top = _height(0, len(codes) - 1) + 0.24
    ax.set(xlim=(-0.6, len(codes) - 0.4), ylim=(-top - ROOM / 2, top + ROOM / 2))
    for code, x in place.items():
        name = wrapped(fig, _label(columns, code), WIDTH / len(codes), 9, "bold")
        ax.text(x, 0, name, ha="center", va="center", fontsize=9, fontweight="bold")
    for sign, key in ((1, "flow.rightwards"), (-1, "flow.leftwards")):
        ax.text(-0.58, sign * (top + 0.1), words.t(key), fontsize=8, color=NOTE,
                va="center", ha="left")  # fmt: skip
    ax.axis("off")
    alt.tell(alt.of_flows(between, rows, columns))
    year = words.year_text(data.report_year())
    note = words.t("flow.arcs_note", unit=words.unit_name(unit), year=year)
    told = words.t("flow.undrawn", names="; ".join(hidden)) if hidden else ""
    if len(hidden) > NAMED:
        told = words.t("flow.undrawn_many", n=len(hidden))
    _foot(fig, f"{note} {told}".rstrip(), between.loc[drawn])
    return fig


def _height(one: float, other: float) -> float:
    """How far from the names the top of an arc is: long arcs pass above short ones."""
    return ROOM / 2 + 0.42 * abs(other - one)


def _arc(ax: Axes, start: int, end: int, width: float, text: str) -> None:
    side = 1 if end > start else -1
    foot, height = side * ROOM / 2, side * _height(start, end)
    # A curve of the third degree reaches three quarters of the way to its handles.
    handle = foot + (height - foot) * 4 / 3
    curve = Outline(
        [(start + 0.07 * side, foot), (start, handle), (end, handle), (end - 0.07 * side, foot)],
        [Outline.MOVETO, Outline.CURVE4, Outline.CURVE4, Outline.CURVE4],
    )
    colour = COLOURS[0] if side > 0 else COLOURS[1]
    ax.add_patch(PathPatch(curve, fill=False, edgecolor=colour, linewidth=width, alpha=0.55,
                           capstyle="butt"))  # fmt: skip
    ax.annotate("", (end - 0.07 * side, foot), (end - 0.07 * side, foot + side * 0.05),
                arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 0.8})  # fmt: skip
    middle = (start + end) / 2
    paper = {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.85}
    ax.text(middle, height, text, ha="center", va="center", fontsize=8, color=INK, bbox=paper)


# --- one area ------------------------------------------------------------------------------------


def fig_area(indicator: str, rows: str, columns: str, inside: str) -> Figure | None:
    """Draw by year who moved into an area of interest, out of it and within it."""
    setup()
    frame = data.cells(indicator, rows, columns)
    come, stay = frame["column"].eq(inside), frame["row"].eq(inside)
    parts = {"into": come & ~stay, "out": stay & ~come, "within": come & stay}
    lines = {words.t(f"flow.{key}"): frame[rows_of] for key, rows_of in parts.items()}
    lines = {name: cells for name, cells in lines.items() if cells["estimate"].notna().any()}
    if not lines:
        nothing(indicator)
        return None
    fig, ax = plt.subplots(figsize=(WIDTH, 3.3))
    every = pd.concat(lines.values())
    unit = print_unit(every, str(every["unit"].iloc[0]))
    for position, (label, cells) in enumerate(lines.items()):
        offset = (position - (len(lines) - 1) / 2) * 0.07
        line(ax, cells, COLOURS[position % len(COLOURS)], offset, unit, label, position)
    year_axis(ax)
    ax.set_ylabel(words.unit_name(unit))
    axis_numbers(ax, "y")
    from_zero(ax, lines)
    mark_breaks(ax)
    breaks = serial_breaks.marked(indicator, columns)
    serial_breaks.draw(ax, breaks)
    end_labels(ax, lines, unit)
    bare(ax)
    alike = data.comparable_years(data.report_year())
    alt.tell(alt.of_lines({n: one[one["year"].isin(alike)] for n, one in lines.items()}, unit))
    told = serial_breaks.sentence(breaks)
    finish(fig, every, intervals=True, broken=data.is_count(every), more=told)
    return fig


# --- table and finding ---------------------------------------------------------------------------


def pair(rows: str, columns: str, origin: str, target: str) -> str:
    """A flow by its two ends."""
    return words.t("flow.pair", origin=_label(rows, origin), target=_label(columns, target))


def flow_table(indicator: str, rows: str, columns: str) -> Markdown:
    """Table behind the flows: a row for each pair, a column for each year, with intervals."""
    frame = data.cells(indicator, rows, columns)
    title = words.indicator_text(indicator)
    if frame.empty:
        return data_div(indicator, title, words.t("figure.nothing"))
    unit = print_unit(frame, str(frame["unit"].iloc[0]))
    parts = {
        pair(rows, columns, origin, target): (
            frame[frame["row"].eq(origin) & frame["column"].eq(target)], unit
        )
        for origin in _codes(frame, "row", rows)
        for target in _codes(frame, "column", columns)
    }  # fmt: skip
    held = {
        name: part for name, part in parts.items()
        if part[0]["estimate"].gt(0).any() or part[0]["flag"].eq("c").any()
    }  # fmt: skip
    breaks = serial_breaks.marked(indicator, rows, columns)
    said = [words.t("table.se"), words.t("table.ci"), words.regions_note(rows, columns)]
    more = " ".join(part for part in (*said, serial_breaks.sentence(breaks)) if part)
    body = years_across(words.t("column.flow"), held, breaks)
    told = _averages(indicator, rows, columns, list(held), unit)
    return data_div(
        indicator, title, f"{body}\n\n{cell_notes(frame, indicator, unit, more)}\n\n{told}"
    )


def _averages(indicator: str, rows: str, columns: str, names: list[str], unit: str) -> str:
    """Second table: averages over years of the flows whose every year may be shown."""
    frame = data.averages(indicator, rows, columns).dropna(subset=["estimate"])
    found = {pair(rows, columns, one.row, one.column): one for one in data.rows(frame)}
    shown = [name for name in names if name in found and found[name].estimate > 0]
    if not shown:
        return ""
    span = words.span([int(frame["year_from"].iloc[0]), int(frame["year_to"].iloc[0])])
    lines = [
        [
            escape(name), cell(found[name].estimate, found[name].se, unit, ""),
            interval(found[name].ci_low, found[name].ci_high, unit),
        ]
        for name in shown
    ]  # fmt: skip
    head = [words.t("column.flow"), words.t("column.estimate_se"), words.t("column.ci")]
    return f"{words.t('flow.average', years=span)}\n\n{pipe(head, lines, 'lrr')}"


def flows_finding(indicator: str, rows: str, columns: str, most: int = 3) -> Markdown:
    """Name the largest flows between areas in the report year, as far as they may be shown."""
    frame = _year_cells(indicator, rows, columns)
    frame = frame[frame["row"].ne(frame["column"])]
    shown = frame[frame["estimate"].gt(0)].sort_values("estimate", ascending=False)
    # A flow that waits for its review is not passed over either: a smaller one is not the largest.
    if shown.empty or not data.quotable(shown.head(most)).all():
        return Markdown(words.t("finding.none"))
    named = [
        words.t(
            "flow.finding_one", flow=pair(rows, columns, row.row, row.column),
            value=words.quantity(row.estimate, str(row.unit)),
            low=words.quantity(row.ci_low, str(row.unit)),
            high=words.quantity(row.ci_high, str(row.unit)),
        )
        for row in data.rows(shown.head(most))
    ]  # fmt: skip
    secret = (frame["flag"].isin(data.WITHHELD) & frame["reason"].ne("empty")).sum()
    text = words.t(
        "flow.finding", label=words.indicator_text(indicator),
        year=words.year_text(data.report_year()), flows=words.listing(named),
    )  # fmt: skip
    return Markdown(text + (words.t("flow.finding_hidden", n=int(secret)) if secret else ""))
