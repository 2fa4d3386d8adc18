"""Small charts side by side, one for each group: of one size and scale, with intervals.

The sheet is laid out by hand, in inches: matplotlib's own layout of many axes takes longer than
all the drawing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lfsmig.report import data, serial_breaks, words
from lfsmig.report.marks import NOTE_SIZE, line, values, wrapped
from lfsmig.report.style import COLOURS, NOTE, WIDTH

if TYPE_CHECKING:
    from lfsmig.params import Break

BESIDE = 3  # panels in a row: each has room for the values of six years
LEFT, RIGHT, GAP = 0.62, 0.06, 0.16  # inches: room for the scale, at the edge, between panels
HEIGHT, YEARS = 0.95, 0.3  # a panel; the years named below it
LINE, TITLE = 0.16, 8.5  # a line of type above a panel in inches; its size in points


def panels(
    names: Sequence[str],
    parts: Sequence[pd.DataFrame],
    unit: str,
    note: str,
    breaks: Sequence[Break] = (),
) -> Figure:
    """Draw a panel for each group.

    Parameters
    ----------
    names
        What stands above each panel.
    parts
        Yearly values of each group.
    unit
        Unit of the values.
    note
        What the marks mean, written below.
    breaks
        Breaks in the series, marked in every panel.
    """
    beside = 2 if len(names) in (2, 4) else min(len(names), BESIDE)
    width = (WIDTH - LEFT - RIGHT - (beside - 1) * GAP) / beside
    fig = plt.figure(figsize=(WIDTH, 2.0))
    fig.set_layout_engine("none")
    titles = [wrapped(fig, name, width, TITLE, "bold") for name in names]
    note = wrapped(fig, note, 0.98 * WIDTH, NOTE_SIZE)
    tops, below = _rows(titles, beside)
    total = below + (LINE * (note.count("\n") + 1) + 0.06 if note else 0)
    fig.set_size_inches(WIDTH, total)
    first: Axes | None = None
    for position, (title, cells) in enumerate(zip(titles, parts, strict=True)):
        row, column = divmod(position, beside)
        left, bottom = LEFT + column * (width + GAP), total - tops[row] - HEIGHT
        place = (left / WIDTH, bottom / total, width / WIDTH, HEIGHT / total)
        panel = fig.add_axes(place, sharex=first, sharey=first)
        first = first or panel
        _draw(panel, title, cells, unit)
        serial_breaks.draw(panel, breaks, inside=True)
        # The lowest panel of a column names the years, the first of a row the scale.
        panel.tick_params(labelbottom=position + beside >= len(names), labelleft=column == 0)
    if first is not None:
        _scale(first, parts, unit, 1.35 if breaks else 1.15)
    middle = 1 - (tops[0] + tops[-1] + HEIGHT) / (2 * total)
    fig.text(0.02, middle, words.unit_name(unit), rotation="vertical", va="center", ha="center")
    fig.text(0.01, 0.04 / total, note, fontsize=NOTE_SIZE, color=NOTE, va="bottom")
    return fig


def _rows(titles: Sequence[str], beside: int) -> tuple[list[float], float]:
    """Distance of each row of panels from the top of the sheet, and of what follows them."""
    tops, below = [], 0.04
    rows = [titles[i : i + beside] for i in range(0, len(titles), beside)]
    for number, row in enumerate(rows):
        below += LINE * max(title.count("\n") + 1 for title in row) + 0.06
        tops.append(below)
        below += HEIGHT
        last = number == len(rows) - 1
        # Years stand below the last row, and below panels that have none beneath them.
        under = last or len(rows[number + 1]) < len(row)
        below += YEARS if under else 0.1
    return tops, below


def _draw(panel: Axes, title: str, cells: pd.DataFrame, unit: str) -> None:
    line(panel, cells, COLOURS[0], 0.0, unit, "")
    values(panel, cells, unit, size=7)
    panel.set_title(title, loc="left", fontweight="bold", fontsize=TITLE, pad=4)
    panel.grid(axis="y", color="#E6E6E6", linewidth=0.7)
    panel.set_axisbelow(True)


def _scale(panel: Axes, parts: Sequence[pd.DataFrame], unit: str, room: float) -> None:
    """One scale for all: from zero to above the highest interval, every other year named.

    `room` above it is for the values, and for the letters of breaks.
    """
    years = data.years()
    named = [(len(years) - 1 - i) % 2 == 0 for i in range(len(years))]
    labels = [words.year(y) if name else "" for y, name in zip(years, named, strict=True)]
    panel.set_xticks(range(len(years)), labels)
    panel.set_xlim(-0.5, len(years) - 0.5)
    top = room * words.scale(unit) * float(pd.concat(parts)[["estimate", "ci_high"]].max().max())
    # No share is above the whole, whatever room stands above it.
    most = min(top, words.scale(unit)) if unit == "share" else top
    ticks = [tick for tick in MaxNLocator(4).tick_values(0, most) if tick <= most]
    panel.set_yticks(ticks, [words.decimal(tick, 0 if tick == int(tick) else 1) for tick in ticks])
    panel.set_ylim(0, top)
