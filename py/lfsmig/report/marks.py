"""What charts are drawn with: lines and dots with intervals, axes, marks and the notes below."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from lfsmig.report import data, words
from lfsmig.report.style import COLOURS, INK, NOTE, QUIET
from lfsmig.report.tables import width

NOTE_WIDTH = 118  # characters of a note's type across the page


def hatch(ax: Axes, left: np.ndarray, sizes: np.ndarray, label: str) -> None:
    """Fill what is withheld, so that nobody takes it for missing or for zero."""
    ax.barh(
        range(len(sizes)),
        sizes,
        left=left,
        height=0.72,
        label=label,
        facecolor="white",
        edgecolor="#B0B0B0",
        hatch="/////",
        linewidth=0.0,
    )


def line(ax: Axes, frame: pd.DataFrame, colour: str, offset: float, unit: str, label: str) -> None:
    scale = words.scale(unit)
    cells = frame.set_index("year").reindex(data.years())
    x = np.arange(len(cells)) + offset
    y = cells["estimate"].to_numpy(dtype=float) * scale
    low = y - cells["ci_low"].to_numpy(dtype=float) * scale
    high = cells["ci_high"].to_numpy(dtype=float) * scale - y
    _joined(ax, frame, x, y, colour, label)
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
    hollow = cells["flag"].eq("*").to_numpy()
    for mask, face in ((shown & ~hollow, colour), (shown & hollow, "white")):
        ax.plot(x[mask], y[mask], "o", color=colour, markerfacecolor=face, markersize=5.2)


def _joined(
    ax: Axes, frame: pd.DataFrame, x: np.ndarray, y: np.ndarray, colour: str, label: str
) -> None:
    """Join the points of years that may be compared: a line would compare them."""
    years = data.years()
    starts = {after for _, after in data.breaks()} if data.is_count(frame) else set()
    cuts = [0, *(i for i, year in enumerate(years) if year in starts), len(years)]
    for number, (first, last) in enumerate(pairwise(cuts)):
        name = label if number == 0 else "_nolegend_"
        part = slice(first, last)
        ax.plot(x[part], y[part], color=colour, linewidth=1.4, alpha=0.9, label=name)


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


def values(ax: Axes, frame: pd.DataFrame, unit: str) -> None:
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
                fontsize=8.5,
                ha="center",
            )


def year_axis(ax: Axes) -> None:
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
    gap = (high - low) / 13
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


def dots(ax: Axes, cells: pd.DataFrame, unit: str, colour: str, offset: float, label: str) -> None:
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
        fmt="o",
        color=colour,
        elinewidth=1.2,
        capsize=2.5,
        markersize=5.5,
        label=label,
    )
    hollow = shown & cells["flag"].eq("*").to_numpy()
    # Above the filled markers, which matplotlib draws over later ones of the same order.
    ax.plot(
        x[hollow], y[hollow], "o", color=colour, markerfacecolor="white", markersize=5.5, zorder=4
    )


def segment_texts(ax: Axes, left: np.ndarray, sizes: np.ndarray, colour: str) -> None:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    ink = "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 140 else INK
    for row, (start, size) in enumerate(zip(left, sizes, strict=True)):
        if size >= 5:
            ax.text(
                start + size / 2,
                row,
                words.decimal(size, 1),
                ha="center",
                va="center_baseline",
                color=ink,
                fontsize=8,
            )


def finish(
    fig: Figure,
    frame: pd.DataFrame,
    intervals: bool = False,
    broken: bool = False,
    shares: bool = False,
) -> None:
    """Say below the chart what its marks mean, as far as it has them, and lay it out."""
    parts = [words.t("figure.interval")] if intervals else []
    if shares:
        parts.append(words.t("figure.withheld_share"))
    elif frame["flag"].isin(data.WITHHELD).any():
        parts.append(words.t("figure.withheld"))
    if intervals and frame["flag"].eq("*").any():
        parts.append(words.t("figure.caution"))
    if broken and data.breaks():
        parts.append(words.t("figure.broken"))
    if parts:
        text = "\n".join(_filled(parts))
        fig.supxlabel(text, fontsize=8, color=NOTE, x=0.01, ha="left")
    # Lay out once: the figure is written in two formats.
    fig.draw_without_rendering()
    fig.set_layout_engine("none")


def _filled(parts: list[str]) -> list[str]:
    """Sentences in as few lines as the page allows; Thai has no spaces to break a line at."""
    lines: list[str] = []
    for part in parts:
        if lines and width(lines[-1]) + 2 + width(part) <= NOTE_WIDTH:
            lines[-1] += f"  {part}"
        else:
            lines.append(part)
    return lines
