"""Maps of places: tiles of one size, or the office's own boundaries where it supplies them.

The value stands in its tile, so that the map can be read in grey print, and a loss has a mark of
its own; a place whose value is withheld is hatched. A bold outline says that sampling does not
explain a balance; a dashed one, that a place cannot be told from the whole country.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize, TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path as Outline

from lfsmig.params.maps import Tiles
from lfsmig.report import alt, data, geojson, serial_breaks, words
from lfsmig.report.figures import nothing
from lfsmig.report.marks import NOTE_SIZE, wrapped
from lfsmig.report.style import INK, NOTE, QUIET, WIDTH, setup
from lfsmig.report.tables import MARKED, marks_legend, print_unit

HATCH = "//////"
# Fills on which dark type can be read everywhere (contrast above 4.5).
MUCH, LOSS, PAPER = "#6FAAD2", "#E39A55", "#FFFFFF"
AMOUNTS = LinearSegmentedColormap.from_list("amounts", [PAPER, MUCH])
MARGIN, BAR, HEAD, GAP = 0.08, 0.5, 0.28, 0.24  # inches: edges, colour scale, titles, between maps
LARGEST = 0.34  # inches: side of a tile at most
SMALLEST_BOUNDARY = 5.0  # inches: height of a map with real boundaries
TILE_TYPE = 7.0  # points
# In grey print a loss is as dark as a gain: it has a bar at the foot of its tile, or dots.
FOOT, DOTS = 0.1, "..."
CERTAIN = 1.6  # points: outline of a place whose interval leaves the value compared with out


def fig_map(indicator: str, by: str = "province") -> Figure | None:
    """Draw an indicator by place: each span of a pooled one, else the report year."""
    setup()
    panels = _panels(indicator, by)
    shapes = _shapes(by)
    if shapes is None or not any(cells["estimate"].notna().any() for cells in panels.values()):
        nothing(indicator)
        return None
    every = pd.concat(panels.values())
    unit = print_unit(every, str(every["unit"].iloc[0]))
    colours, norm = _scale(every["estimate"] * words.scale(unit))
    against = _against(indicator, every)
    fig, axes, bottom = _sheet(shapes, len(panels), _note(indicator, by, every, against))
    for ax, (title, cells) in zip(axes, panels.items(), strict=True):
        ax.set_title(title, loc="left", fontsize=9.5, fontweight="bold", pad=4)
        marks = cells.assign(outlined=outlined(cells, against)).set_index("code")
        _draw(ax, shapes, marks, unit, colours, norm)
    height = fig.get_size_inches()[1]
    place = (0.2, (bottom + 0.2) / height, 0.6, 0.09 / height)
    bar = fig.colorbar(ScalarMappable(norm, colours), cax=fig.add_axes(place),
                       orientation="horizontal")  # fmt: skip
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=7.5, length=2)
    low, high = bar.ax.get_xlim()
    ticks = [tick for tick in bar.get_ticks() if low <= tick <= high]
    bar.set_ticks(ticks, labels=[words.decimal(t, 0 if t == int(t) else 2) for t in ticks])
    bar.ax.set_title(words.unit_name(unit), fontsize=8, pad=3)
    drawn = {title: cells[cells["code"].isin(list(shapes))] for title, cells in panels.items()}
    alt.tell(alt.of_places(drawn, by, unit))
    return fig


def _panels(indicator: str, by: str) -> dict[str, pd.DataFrame]:
    """Cells of each map by its title."""
    if (words.register().get(indicator) or {}).get("pooled"):
        frame = data.pools_by(indicator, by)
        spans = frame[["year_from", "year_to"]].drop_duplicates()
        return {
            str(words.span([int(first), int(last)])): frame[frame["year_from"].eq(first)]
            for first, last in spans.itertuples(index=False, name=None)
        }
    frame, year = data.series(indicator, by=by), data.report_year()
    return {words.year_text(year): frame[frame["year"].eq(year)]}


def _against(indicator: str, cells: pd.DataFrame) -> float:
    """What places are compared with: zero for balances, else the value of the whole country.

    NaN where that is not to be had: of averages over years there is none.
    """
    if cells["estimate"].min() < 0:
        return 0.0
    if "year_from" in cells:
        return np.nan
    whole = data.series(indicator)
    values = whole.loc[whole["year"].eq(data.report_year()), "estimate"].to_numpy(dtype=float)
    return float(values[0]) if len(values) else np.nan


def outlined(cells: pd.DataFrame, against: float) -> pd.Series:
    """Places with an outline: balances whose interval leaves zero out, else those it does not tell.

    Few of the balances of places are certain, and few of their shares are like the country's.
    """
    if against == 0:
        return (cells["ci_low"] > 0) | (cells["ci_high"] < 0)
    return (cells["ci_low"] <= against) & (cells["ci_high"] >= against)


def _note(indicator: str, by: str, cells: pd.DataFrame, against: float) -> str:
    parts = []
    if outlined(cells, against).any():
        parts.append(words.t("map.certain" if against == 0 else "map.unsettled"))
    if cells["estimate"].min() < 0:
        parts.append(words.t("map.loss" if _boundaries() is None else "map.loss_dots"))
    if cells["flag"].isin(data.WITHHELD).any():
        parts.append(words.t("map.hatched"))
    if _boundaries() is None:
        parts.append(words.t("map.tiles"))
    if "year_from" in cells:
        within = [
            one
            for one in serial_breaks.marked(indicator, by)
            for first, last in {(int(a), int(b)) for a, b in zip(cells["year_from"],
                                                                 cells["year_to"], strict=True)}
            if any(one.between(year, year + 1) for year in range(first, last))
        ]  # fmt: skip
        parts.append(serial_breaks.sentence(list({b.id: b for b in within}.values()), "map.breaks"))
    parts.append(marks_legend(cells))
    return " ".join(part for part in parts if part)


def signed(value: float, unit: str, plus: bool) -> str:
    """A value as its tile has it: no sign where nothing but zeros is printed."""
    text = words.number(value, unit)
    if not any(digit in text for digit in "123456789"):
        return words.number(0.0, unit)
    return f"+{text}" if plus and value > 0 else text


def _scale(values: pd.Series) -> tuple[Colormap, Normalize]:
    """Light to dark for amounts; two hues from zero for balances."""
    low, high = float(values.min()), float(values.max())
    if low < 0:
        end = max(-low, high)
        return LinearSegmentedColormap.from_list("balance", [LOSS, PAPER, MUCH]), TwoSlopeNorm(
            0, -end, end
        )
    return AMOUNTS, Normalize(0, high or 1.0)


# --- shapes --------------------------------------------------------------------------------------


def _boundaries() -> dict[str, str] | None:
    return data.settings().get("boundaries")


def _shapes(by: str) -> dict[str, Outline] | None:
    """Outline of each place, north up; None where the country has neither tiles nor boundaries."""
    folder = data.params_dir()
    stated = _boundaries()
    if stated is not None:
        path = folder / stated["file"]
        codes = tuple(words.codes_of(by))
        return _polygons(path, stated["property"], codes, _stamp(path))
    path = folder / "tiles.yml"
    return _squares(path, _stamp(path)) if path.is_file() else None


def _stamp(path: Path) -> int:
    return path.stat().st_mtime_ns if path.is_file() else 0


@cache
def _polygons(path: Path, name: str, codes: tuple[str, ...], _stamp: int) -> dict[str, Outline]:
    found = geojson.outlines(path, name, codes)
    middle = np.mean([_points(one)[:, 1].mean() for one in found.values()])
    # Degrees of longitude are shorter than those of latitude away from the equator.
    squeeze = np.array([np.cos(np.radians(middle)), 1.0]) if abs(middle) < 90 else np.ones(2)
    return {code: Outline(_points(one) * squeeze, one.codes) for code, one in found.items()}


@cache
def _tiles(path: Path, _stamp: int) -> Tiles:
    from lfsmig.params import Params

    params = Params(path.parent)
    document = params.document(path.name)
    return Tiles.model_validate(document.data)


def _squares(path: Path, stamp: int) -> dict[str, Outline]:
    side = 0.94
    corners = np.array([(0, 0), (side, 0), (side, side), (0, side), (0, 0)])
    places = _tiles(path, stamp).places
    return {
        code: Outline(corners + np.array([column, -row]), closed=True)
        for code, row, column in places
    }


def _points(outline: Outline) -> np.ndarray:
    return np.asarray(outline.vertices, dtype=float)


def short_name(code: str) -> str:
    """What is written in a place's tile."""
    path = data.params_dir() / "tiles.yml"
    names = _tiles(path, _stamp(path)).names.get(code, {}) if path.is_file() else {}
    return names.get(words.lang(), code)


# --- drawing -------------------------------------------------------------------------------------


def _sheet(
    shapes: dict[str, Outline], count: int, note: str
) -> tuple[Figure, list[Axes], float]:  # fmt: skip
    """A figure with a frame for each map, and how far from its foot the colour scale stands."""
    points = np.concatenate([_points(one) for one in shapes.values()])
    (left, low), (right, top) = points.min(axis=0), points.max(axis=0)
    room = (WIDTH - 2 * MARGIN - (count - 1) * GAP) / count
    most = SMALLEST_BOUNDARY / (top - low) if _boundaries() else LARGEST
    size = min(room / (right - left), most)
    fig = plt.figure(figsize=(WIDTH, 3.0))
    fig.set_layout_engine("none")
    text = wrapped(fig, note, 0.98 * WIDTH, NOTE_SIZE)
    bottom = 0.18 * (text.count("\n") + 1) + 0.08 if text else 0.04
    height = bottom + BAR + (top - low) * size + HEAD
    fig.set_size_inches(WIDTH, height)
    width = (right - left) * size
    start = (WIDTH - count * width - (count - 1) * GAP) / 2
    axes = []
    for number in range(count):
        x = start + number * (width + GAP)
        ax = fig.add_axes(
            (x / WIDTH, (bottom + BAR) / height, width / WIDTH, (top - low) * size / height)
        )
        # Room for half a line at the edges.
        ax.set(xlim=(left - 0.03, right + 0.03), ylim=(low - 0.03, top + 0.03))
        ax.axis("off")
        axes.append(ax)
    fig.text(0.01, 0.04 / height, text, fontsize=NOTE_SIZE, color=NOTE, va="bottom")
    return fig, axes, bottom


def _draw(
    ax: Axes, shapes: dict[str, Outline], cells: pd.DataFrame, unit: str, colours: Colormap,
    norm: Normalize,
) -> None:  # fmt: skip
    scale = words.scale(unit)
    tiles, balance = _boundaries() is None, isinstance(norm, TwoSlopeNorm)
    for code, outline in shapes.items():
        value = float(cells["estimate"].get(code, np.nan)) * scale
        sure = bool(cells["outlined"].get(code, False))
        look: dict[str, Any] = {"linewidth": 0.5, "edgecolor": QUIET}
        if np.isnan(value):
            ax.add_patch(PathPatch(outline, facecolor="white", hatch=HATCH, **look))
        else:
            dots = {"hatch": DOTS} if value < 0 and not tiles else {}
            ax.add_patch(PathPatch(outline, facecolor=colours(norm(value)), **look, **dots))
        if sure:
            frame: dict[str, Any] = {"fill": False, "edgecolor": INK, "linewidth": CERTAIN}
            frame |= {} if balance else {"linewidth": 0.9, "linestyle": (0, (3, 2))}
            ax.add_patch(PathPatch(outline, zorder=1.8, **frame))
        if not tiles:
            continue
        x, y = _points(outline)[:-1].mean(axis=0)
        text = short_name(code)
        if np.isnan(value):
            # White behind the letters, or the hatching would cross them out.
            ax.add_patch(Rectangle((x - 0.3, y - 0.2), 0.6, 0.4, color="white", zorder=1.5))
        else:
            flag = str(cells["flag"].get(code, ""))
            shown = signed(value / scale, unit, balance)
            text += f"\n{shown}{flag if flag in MARKED else ''}"
            if value < 0 and shown != words.number(0.0, unit):
                (left, low), (right, _) = _points(outline).min(axis=0), _points(outline).max(axis=0)
                ax.add_patch(Rectangle((left, low), right - left, FOOT, color=INK, linewidth=0))
                y += FOOT / 2
        weight = "bold" if sure and balance else "normal"
        ax.text(x, y, text, ha="center", va="center", fontsize=TILE_TYPE, color=INK,
                linespacing=1.0, fontweight=weight)  # fmt: skip
