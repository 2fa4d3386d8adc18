"""How charts look: the Thai font, colours that colour-blind readers can tell apart, fixed bytes."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import seaborn as sns
from cycler import cycler
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lfsmig.report.fonts import FONT, font_files

WIDTH = 6.2  # inches: the text width of the printed page
# Five hues that the names of lines can be read in (contrast with white above 4.5), each of its own
# lightness, so that grey print keeps them apart, and far apart for readers without red or green
# cones (measured in the tests). Markers and dashes say the same once more.
COLOURS = ["#043974", "#C34C05", "#025C42", "#8C497D", "#262727"]
INK = "#2B2B2B"
QUIET = "#767676"
NOTE = "#5F5F5F"  # small type: dark enough to be read


@cache
def setup() -> None:
    """Prepare matplotlib once per process."""
    for path in font_files():
        font_manager.fontManager.addfont(str(path))
    sns.set_theme(style="ticks", rc=_settings())
    # No date in SVG files: the same data give the same bytes.
    os.environ.setdefault("SOURCE_DATE_EPOCH", "1577836800")
    _setup_notebook()


def _settings() -> dict[str, Any]:
    return {
        "font.family": FONT,
        "font.size": 9.5,
        "axes.labelsize": 9.5,
        "axes.titlesize": 10,
        "xtick.labelsize": 9,
        "ytick.labelsize": 9,
        "legend.fontsize": 9,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": QUIET,
        "xtick.color": INK,
        "ytick.color": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": False,
        "figure.constrained_layout.use": True,
        "savefig.dpi": 200,
        "figure.dpi": 200,
        "svg.fonttype": "path",
        "svg.hashsalt": "lfsmig",
        "axes.unicode_minus": True,
        "axes.prop_cycle": cycler(color=COLOURS),
    }


def bare(ax: Axes, *sides: str) -> None:
    """Take the frame off a chart: top, right, and the sides named (`left`, `bottom`)."""
    sns.despine(ax=ax, **dict.fromkeys(sides, True))


def _setup_notebook() -> None:
    """In a notebook kernel: keep the figure's own size and the formats that were asked for."""
    try:
        from IPython import get_ipython
        from matplotlib_inline import backend_inline
        from matplotlib_inline.config import InlineBackend
    except ImportError:
        return
    shell = get_ipython()
    if shell is None:
        return
    # Quarto has chosen the format by now; setting the size would put it back to PNG.
    kinds = {"svg": "image/svg+xml", "png": "image/png"}
    formatters = shell.display_formatter.formatters
    chosen = [kind for kind, mime in kinds.items() if Figure in formatters[mime].type_printers]
    as_drawn: dict[str, Any] = {"bbox_inches": None}
    InlineBackend.instance().print_figure_kwargs = as_drawn
    asked = os.environ.get("LFSMIG_FIGURES")
    backend_inline.set_matplotlib_formats(*(asked.split(",") if asked else chosen or ["png"]))
