"""Population pyramids of migrants: age and sex, with the resident population as an outline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lfsmig.report import alt, data, words
from lfsmig.report.data_tables import data_div
from lfsmig.report.figures import nothing
from lfsmig.report.maps import HATCH
from lfsmig.report.marks import NOTE_SIZE, wrapped
from lfsmig.report.style import COLOURS, INK, NOTE, QUIET, WIDTH, setup
from lfsmig.report.tables import (
    MARKED,
    cell,
    flag_legend,
    marks_legend,
    pipe,
    print_unit,
    source_line,
)

LEFT, RIGHT, GAP, ROW, HEAD, FOOT = 0.62, 0.06, 0.14, 0.19, 0.62, 0.36  # inches
SIDES = (-1, 1)
# Shares by age and sex.
Shares = dict[tuple[str, str], float]
Limits = dict[tuple[str, str], tuple[float, float]]
# Where a bar is withheld a short hatched mark stands, of this part of the scale.
MARK = 0.05


def _pool(indicator: str) -> pd.DataFrame:
    """Averages over the latest span of years."""
    frame = data.pools(indicator)
    return frame[frame["year_to"].eq(frame["year_to"].max())]


def _cells(indicator: str, age: str, sex: str) -> pd.DataFrame:
    return data.crossed(_pool(indicator), age, sex)


def _whole(indicator: str) -> float:
    """Number of the whole population, of which the bars are shares; nothing if it is withheld."""
    frame = _pool(indicator)
    values = frame.loc[frame["domain"].eq("{}"), "estimate"].to_numpy(dtype=float)
    return float(values[0]) if len(values) else float("nan")


def _span(indicator: str) -> str:
    frame = _pool(indicator)
    return str(words.span([int(frame["year_from"].iloc[0]), int(frame["year_to"].iloc[0])]))


def _shares(indicator: str, age: str, sex: str) -> Shares:
    """Per cent of the whole population by (age, sex); nothing where a value is withheld."""
    whole = _whole(indicator)
    return {
        (row.row, row.column): 100 * float(row.estimate) / whole
        for row in data.rows(_cells(indicator, age, sex))
    }


def _limits(indicator: str, age: str, sex: str) -> Limits:
    """Confidence limits of the numbers, per cent of the whole population, where there are any."""
    whole = _whole(indicator)
    return {
        (row.row, row.column): (100 * row.ci_low / whole, 100 * row.ci_high / whole)
        for row in data.rows(_cells(indicator, age, sex).dropna(subset=["ci_low"]))
    }


def _known(shares: Shares) -> Shares:
    return {group: share for group, share in shares.items() if not math.isnan(share)}


def fig_pyramid(
    indicators: Sequence[str], residents: str, age: str = "age_group5", sex: str = "sex"
) -> Figure | None:
    """Draw a pyramid for each population on one scale: per cent of it, by age and sex.

    Men stand to the left. The dark line is the resident population; a group whose number is
    withheld has a short hatched mark instead of a bar.
    """
    setup()
    parts = {name: _shares(name, age, sex) for name in indicators}
    parts = {name: share for name, share in parts.items() if share}
    outline = _shares(residents, age, sex)
    if not any(_known(share) for share in parts.values()):
        nothing(indicators[0])
        return None
    ages = words.codes_of(age) or list(dict.fromkeys(group for group, _ in outline))
    sexes = words.codes_in_order(sex, list(dict.fromkeys(code for _, code in outline)))
    limits = {name: _limits(name, age, sex) for name in parts}
    tops = [high for held in limits.values() for _, high in held.values()]
    largest = max(max(_known(s).values(), default=0.0) for s in (*parts.values(), outline))
    largest = max(largest, *tops) if tops else largest
    height = HEAD + ROW * len(ages) + FOOT
    fig = plt.figure(figsize=(WIDTH, 3.0))
    fig.set_layout_engine("none")
    shown = pd.concat([_cells(name, age, sex) for name in parts])
    note = wrapped(fig, _note(shown, _span(residents)), 0.98 * WIDTH, NOTE_SIZE)
    below = 0.18 * (note.count("\n") + 1) + 0.06
    total = height + below
    fig.set_size_inches(WIDTH, total)
    width = (WIDTH - LEFT - RIGHT - (len(parts) - 1) * GAP) / len(parts)
    for number, (name, share) in enumerate(parts.items()):
        box = (
            (LEFT + number * (width + GAP)) / WIDTH, (below + FOOT) / total,
            width / WIDTH, ROW * len(ages) / total,
        )  # fmt: skip
        ax = fig.add_axes(box)
        _draw(ax, share, outline, ages, sexes, largest)
        _mark(ax, _cells(name, age, sex), share, limits[name], ages, sexes)
        ax.set_title(wrapped(fig, _title(name), width, 8.5, "bold"), loc="left", fontsize=8.5,
                     fontweight="bold", pad=15)  # fmt: skip
        for side, code in zip(SIDES, sexes, strict=True):
            ax.annotate(words.code_label(sex, code), (0.25 if side < 0 else 0.75, 1),
                        xycoords="axes fraction", xytext=(0, 3), textcoords="offset points",
                        ha="center", fontsize=8)  # fmt: skip
        labels = [words.code_label(age, code) for code in ages]
        ax.set_yticks(range(len(ages)), labels if number == 0 else [""] * len(ages), fontsize=7.5)
    fig.text(0.5, (below + 0.04) / total, words.unit_name("percent"), ha="center", fontsize=8.5)
    fig.text(0.01, 0.04 / total, note, fontsize=NOTE_SIZE, color=NOTE, va="bottom")
    alt.tell(
        alt.of_pyramids({_title(n): _told(n, s, age, sex) for n, s in parts.items()}, age, sex)
    )
    return fig


def _title(indicator: str) -> str:
    """The population whose pyramid an indicator is."""
    return words.indicator_text(f"{indicator.rpartition('.')[0]}.total")


def _told(indicator: str, share: Shares, age: str, sex: str) -> pd.DataFrame:
    """Cells of a pyramid with their shares of the population."""
    cells = _cells(indicator, age, sex)
    pairs = zip(cells["row"], cells["column"], strict=True)
    return cells.assign(share=[share[pair] for pair in pairs])


def _draw(
    ax: Axes, share: Shares, outline: Shares, ages: Sequence[str], sexes: Sequence[str],
    largest: float,
) -> None:  # fmt: skip
    y = np.arange(len(ages))
    for side, code, colour in zip(SIDES, sexes, COLOURS, strict=False):
        values = np.array([share.get((group, code), 0.0) for group in ages])
        around = np.array([outline.get((group, code), np.nan) for group in ages])
        ax.barh(y, np.nan_to_num(side * values), height=0.82, color=colour, alpha=0.75, linewidth=0)
        hidden = np.flatnonzero(np.isnan(values))
        mark: dict[str, Any] = {"color": "white", "edgecolor": QUIET, "hatch": HATCH}
        ax.barh(hidden, side * MARK * largest, height=0.7, linewidth=0.4, **mark)
        ax.stairs(side * around, np.arange(len(y) + 1) - 0.5, orientation="horizontal",
                  color=INK, linewidth=1.1)  # fmt: skip
    ax.axvline(0, color="white", linewidth=1.0)
    end = 1.1 * largest
    ax.set(xlim=(-end, end), ylim=(-0.5, len(ages) - 0.5))
    step = next(s for s in (1, 2, 5, 10, 20) if largest / s < 3.5 or s == 20)
    ticks = [t * step for t in range(-3, 4) if abs(t * step) <= end]
    ax.set_xticks(ticks, [words.decimal(abs(t), 0) for t in ticks], fontsize=7.5)
    ax.tick_params(length=2)
    ax.grid(axis="x", color="#E6E6E6", linewidth=0.6)
    ax.set_axisbelow(True)
    for name in ("left", "right", "top"):
        ax.spines[name].set_visible(False)


def _mark(
    ax: Axes, cells: pd.DataFrame, share: Shares, limits: Limits, ages: Sequence[str],
    sexes: Sequence[str],
) -> None:  # fmt: skip
    """Intervals as thin lines, and the symbols of the values that carry one."""
    place = {code: y for y, code in enumerate(ages)}
    sides = dict(zip(sexes, SIDES, strict=False))
    for row in data.rows(cells):
        group = (row.row, row.column)
        value, side = share.get(group, float("nan")), sides.get(row.column)
        if row.row not in place or side is None or math.isnan(value):
            continue
        low, high = limits.get(group, (value, value))
        if high > low:
            ax.plot([side * low, side * high], [place[row.row]] * 2, color=INK, linewidth=0.8)
        if row.flag in MARKED:
            ax.annotate(row.flag, (side * high, place[row.row]), xytext=(2 * side, 0), va="center",
                        textcoords="offset points", fontsize=7,
                        ha="left" if side > 0 else "right")  # fmt: skip


def _note(cells: pd.DataFrame, years: str) -> str:
    parts = [words.t("pyramid.note", years=years)]
    if cells["ci_low"].notna().any():
        parts.append(words.t("pyramid.interval"))
    if cells["flag"].isin(data.WITHHELD).any():
        parts.append(words.t("pyramid.hatched"))
    parts.append(marks_legend(cells))
    return " ".join(part for part in parts if part)


def pyramid_table(
    indicators: Sequence[str], residents: str, age: str = "age_group5", sex: str = "sex"
) -> Markdown:
    """Table behind the pyramids: average numbers by age, a column per sex."""
    names = [*indicators, residents]
    parts = {name: _cells(name, age, sex) for name in names}
    parts = {name: frame for name, frame in parts.items() if len(frame)}
    title = words.t("pyramid.title")
    if not parts:
        return data_div(names, title, words.t("figure.nothing"))
    title += f", {_span(next(iter(parts)))}"
    every = pd.concat(parts.values())
    unit = print_unit(every, str(every["unit"].iloc[0]))
    sexes = words.codes_in_order(sex, list(every["column"].unique()))
    found = {
        (name, row.row, row.column): row
        for name, frame in parts.items() for row in data.rows(frame)
    }  # fmt: skip
    bodies = []
    for name in parts:
        rows = []
        for code in words.codes_of(age):
            values = [found.get((name, code, one)) for one in sexes]
            rows.append([words.code_label(age, code), *(_value(v, unit) for v in values)])
        head = [words.t(f"column.{age}"), *(words.code_label(sex, one) for one in sexes)]
        bodies.append(f"**{words.indicator_text(name)}**\n\n{pipe(head, rows, 'lrr')}")
    told = [
        words.t("table.unit", unit=words.unit_name(unit)), words.t("table.se"),
        flag_legend(list(every["flag"]), set(every["reason"])),
        words.t("table.source", source=source_line()),
    ]  # fmt: skip
    body = "\n\n".join(bodies) + "\n\n::: {.table-notes}\n" + " ".join(told) + "\n:::"
    return data_div(names, title, body)


def _value(row: Any, unit: str) -> str:
    return words.DASH if row is None else cell(row.estimate, row.se, unit, row.flag)


def pyramid_finding(
    indicators: Sequence[str], residents: str, age: str = "age_group5", sex: str = "sex"
) -> Markdown:
    """Name the largest group of each population, and its share of the resident population."""
    outline = _shares(residents, age, sex)
    lines = []
    for name in indicators:
        share = _known(_shares(name, age, sex))
        if not share:
            continue
        group = max(share, key=lambda one: share[one])
        frame = _cells(name, age, sex)
        [row] = data.rows(frame[frame["row"].eq(group[0]) & frame["column"].eq(group[1])])
        if not data.quotable(frame.loc[[row.Index]]).all():
            continue
        value, low, high = (
            words.quantity(number, "persons") for number in (row.estimate, row.ci_low, row.ci_high)
        )
        lines.append("- " + words.t(
            "pyramid.finding", label=words.indicator_text(f"{name.rpartition('.')[0]}.total"),
            sex=words.code_label(sex, group[1]), age=words.code_label(age, group[0]),
            share=words.decimal(share[group], 1),
            residents=words.decimal(outline.get(group, math.nan), 1),
            years=_span(name), value=value, low=low, high=high,
        ))  # fmt: skip
    return Markdown("\n".join(lines) or words.t("finding.none"))
