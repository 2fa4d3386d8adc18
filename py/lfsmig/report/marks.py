"""What charts are drawn with: lines and dots with intervals, axes, marks and the notes below."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from lfsmig.report import data, words
from lfsmig.report.style import COLOURS, INK, NOTE, QUIET, WIDTH
from lfsmig.report.tables import review_reasons, review_text

NOTE_SIZE = 8  # points
# What tells lines apart where colours do not: in grey print, for the colour-blind.
MARKERS = "osD^v"
# Markers of values with a flag, and what fills them: hollow, a cross, a plus sign.
FLAGGED = {"*": ("", "white"), "r": ("X", ""), "+": ("P", "")}
DASHES = ["-", (0, (5, 1.5)), (0, (1.5, 1.5)), (0, (5, 1.5, 1.5, 1.5)), (0, (8, 2))]


def line(
    ax: Axes,
    frame: pd.DataFrame,
    colour: str,
    offset: float,
    unit: str,
    label: str,
    shape: int = 0,
) -> None:
    """Yearly values with intervals; lines differ in marker and dash, not in colour alone."""
    scale = words.scale(unit)
    cells = frame.set_index("year").reindex(data.years())
    x = np.arange(len(cells)) + offset
    y = cells["estimate"].to_numpy(dtype=float) * scale
    low = y - cells["ci_low"].to_numpy(dtype=float) * scale
    high = cells["ci_high"].to_numpy(dtype=float) * scale - y
    _joined(ax, frame, x, y, colour, label, shape)
    shown = ~np.isnan(y)
    ax.errorbar(
        x[shown],
        y[shown],
        yerr=np.vstack([low, high])[:, shown].clip(min=0),
        fmt="none",
        ecolor=colour,
        elinewidth=1.1,
        capsize=2.5,
    )
    _points(ax, x, y, cells["flag"], colour, shape, 5)


def _points(
    ax: Axes, x: np.ndarray, y: np.ndarray, flags: pd.Series, colour: str, shape: int, size: float,
) -> None:  # fmt: skip
    """Markers of the values that are shown: a flag has one of its own, whatever the line's is.

    An ordinary marker is the line's (`MARKERS`), filled; with caution it is hollow. They lie above
    the intervals, and flagged ones above all others.
    """
    shown, ordinary = ~np.isnan(y), ~flags.isin([*FLAGGED]).to_numpy()
    marker = MARKERS[shape % len(MARKERS)]
    looks = {flag: (form or marker, face) for flag, (form, face) in FLAGGED.items()}
    for flag, (form, face) in {"": (marker, colour), **looks}.items():
        mask = shown & (flags.eq(flag).to_numpy() if flag else ordinary)
        if not mask.any():
            continue
        look: dict[str, Any] = {"color": colour, "markerfacecolor": face or colour}
        # A zero stands on the axis, whole.
        look |= {"markersize": size + (1.5 if form != marker else 0), "clip_on": False}
        ax.plot(x[mask], y[mask], form, zorder=4 if face == "white" else 3, **look)


def _joined(
    ax: Axes,
    frame: pd.DataFrame,
    x: np.ndarray,
    y: np.ndarray,
    colour: str,
    label: str,
    shape: int,
) -> None:
    """Join the points of years that may be compared: a line would compare them."""
    years = data.years()
    starts = {after for _, after in data.breaks()} if data.is_count(frame) else set()
    cuts = [0, *(i for i, year in enumerate(years) if year in starts), len(years)]
    for number, (first, last) in enumerate(pairwise(cuts)):
        name = label if number == 0 else "_nolegend_"
        part = slice(first, last)
        look: dict[str, Any] = {"linewidth": 1.4, "linestyle": DASHES[shape % len(DASHES)]}
        # The marker is for the legend; the points' own are drawn above the intervals.
        look |= {"marker": MARKERS[shape % len(MARKERS)], "markersize": 5, "markevery": []}
        ax.plot(x[part], y[part], color=colour, label=name, **look)


def mark_breaks(ax: Axes) -> None:
    """A dashed line where the population projections behind counts change."""
    years = data.years()
    for _, after in data.breaks():
        ax.axvline(years.index(after) - 0.5, color=QUIET, linewidth=1.0, linestyle=(0, (4, 3)))


def numbers(ax: Axes, which: str) -> None:
    """Numbers on an axis as the text prints them: thousands separated, a true minus."""
    axis = ax.yaxis if which == "y" else ax.xaxis

    def shown(value: float, _: int | None) -> str:
        step = float(np.diff(axis.get_majorticklocs()[:2])[0])
        steps = (step * 10**digits for digits in range(6))
        whole = (abs(size - round(size)) < 1e-6 and round(size) > 0 for size in steps)
        return words.decimal(value, next((d for d, fits in enumerate(whole) if fits), 6))

    axis.set_major_formatter(FuncFormatter(shown))


def values(ax: Axes, frame: pd.DataFrame, unit: str, size: float = 8.5) -> None:
    """Write each value beside its point, where there is but one line."""
    cells = frame.set_index("year").reindex(data.years())
    for x, (value, high) in enumerate(zip(cells["estimate"], cells["ci_high"], strict=True)):
        if not np.isnan(value):
            top = value if np.isnan(high) else high
            ax.annotate(
                words.number(value, unit),
                (x, top * words.scale(unit)),
                xytext=(0, 3),
                textcoords="offset points",
                fontsize=size,
                ha="center",
            )


def year_axis(ax: Axes) -> None:
    """Years along the bottom, with room for the lines' names on the right."""
    years = data.years()
    ax.set_xticks(range(len(years)), [words.year(y) for y in years])
    ax.set_xlim(-0.35, len(years) - 0.75)
    ax.set_xlabel(words.t("year.axis"))
    ax.grid(axis="y", color="#E6E6E6", linewidth=0.7)
    ax.set_axisbelow(True)


def from_zero(ax: Axes, lines: dict[str, pd.DataFrame]) -> None:
    low = min(float(frame["ci_low"].min()) for frame in lines.values())
    if np.isnan(low):
        return
    if low >= 0:
        # Room for the value written above the highest point.
        ax.set_ylim(bottom=0, top=ax.get_ylim()[1] * 1.08)
    else:
        ax.axhline(0, color=INK, linewidth=0.8, zorder=0)


def end_labels(ax: Axes, lines: dict[str, pd.DataFrame], unit: str) -> None:
    """Name each line at its right end, far enough apart to be read."""
    years = data.years()
    ends: list[tuple[float, str, str]] = []
    for position, (label, frame) in enumerate(lines.items()):
        shown = frame.dropna(subset=["estimate"])
        if not shown.empty:
            value = float(shown["estimate"].iloc[-1]) * words.scale(unit)
            ends.append((value, label, COLOURS[position % len(COLOURS)]))
    ends.sort()
    low, high = ax.get_ylim()
    gap = (high - low) / 11  # Thai marks stand above and below the letters
    heights = _apart([end[0] for end in ends], gap, low, high)
    for (_, label, colour), height in zip(ends, heights, strict=True):
        ax.text(
            len(years) - 0.72,
            height,
            label,
            color=colour,
            va="center",
            fontsize=9,
            fontweight="bold",
            clip_on=False,
        )


def _apart(heights: list[float], gap: float, low: float, high: float) -> list[float]:
    """Move ascending heights until neighbours are `gap` apart, inside the axis."""
    placed: list[float] = []
    for height in heights:
        placed.append(max(height, placed[-1] + gap) if placed else max(height, low))
    over = max(0.0, placed[-1] - high) if placed else 0.0
    for index in range(len(placed) - 1, -1, -1):
        ceiling = placed[index + 1] - gap if index + 1 < len(placed) else placed[-1] - over
        placed[index] = min(placed[index], ceiling)
    return placed


def dots(
    ax: Axes,
    cells: pd.DataFrame,
    unit: str,
    colour: str,
    offset: float,
    label: str,
    shape: int = 0,
) -> None:
    """Values side by side with their intervals."""
    marker = MARKERS[shape % len(MARKERS)]
    scale = words.scale(unit)
    y = np.arange(len(cells)) + offset
    x = cells["estimate"].to_numpy(dtype=float) * scale
    low = x - cells["ci_low"].to_numpy(dtype=float) * scale
    high = cells["ci_high"].to_numpy(dtype=float) * scale - x
    shown = ~np.isnan(x)
    ax.errorbar(
        x[shown],
        y[shown],
        xerr=np.vstack([low, high])[:, shown].clip(min=0),
        fmt="none",
        ecolor=colour,
        elinewidth=1.2,
        capsize=2.5,
    )
    # The ordinary marker is the legend's, also where every value has a flag.
    ax.plot([], [], marker, color=colour, markersize=5.5, label=label)
    _points(ax, x, y, cells["flag"], colour, shape, 5.5)


def finish(
    fig: Figure,
    frame: pd.DataFrame,
    intervals: bool = False,
    broken: bool = False,
    more: str = "",
) -> None:
    """Say below the chart what its marks mean, as far as it has them, and lay it out."""
    if text := notes_of(frame, intervals, broken, more=more):
        text = wrapped(fig, text, 0.98 * WIDTH, NOTE_SIZE)
        fig.supxlabel(text, fontsize=NOTE_SIZE, color=NOTE, x=0.01, ha="left")
    # Lay out once: the figure is written in two formats.
    fig.draw_without_rendering()
    fig.set_layout_engine("none")


def notes_of(
    frame: pd.DataFrame,
    intervals: bool = False,
    broken: bool = False,
    hidden: Sequence[str] = (),
    more: str = "",
) -> str:
    """What the marks of a chart mean, as far as it has them.

    Parameters
    ----------
    hidden
        Names of groups that have no place in the chart, because all their values are withheld.
    more
        What is said last: the breaks in the series.
    """
    parts = [words.t("figure.interval")] if intervals else []
    if frame["flag"].isin(data.WITHHELD).any():
        parts.append(words.t("figure.withheld"))
    parts += _meanings(frame) if intervals else []
    if hidden:
        parts.append(words.t("figure.hidden", names=words.listing(list(hidden))))
    if broken and data.breaks():
        parts.append(words.t("figure.broken"))
    return " ".join([*parts, more] if more else parts)


def _meanings(frame: pd.DataFrame) -> list[str]:
    """What the markers of flagged values mean, of the flags that occur."""
    flags, told = set(frame["flag"]), []
    if "*" in flags:
        told.append(words.t("figure.caution"))
    if "r" in flags:
        told.append(words.t("figure.review", why=review_text(review_reasons(frame))))
    if "+" in flags:
        told.append(words.t("figure.complement"))
    return told


def wrapped(fig: Figure, text: str, room: float, size: float, weight: str = "normal") -> str:
    """Text in lines of at most `room` inches, broken where the language allows it."""
    lines = [""]
    for part in words.breakable(text):
        longer = lines[-1] + part
        if lines[-1] and _inches(fig, longer.rstrip(), size, weight) > room:
            lines.append(part)
        else:
            lines[-1] = longer
    return "\n".join(line.rstrip() for line in lines)


def _inches(fig: Figure, text: str, size: float, weight: str) -> float:
    """Width of a text as it is set: Thai marks take no room, letters differ."""
    shown = fig.text(0, 0, text, fontsize=size, fontweight=weight)
    extent = shown.get_window_extent().width / fig.dpi
    shown.remove()
    return float(extent)
