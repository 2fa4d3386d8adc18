"""The profile of migration by age, year by year, and the table behind the single years of age."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lfsmig.report import alt, data, serial_breaks, words
from lfsmig.report.data_tables import cell_notes, data_div
from lfsmig.report.figures import nothing
from lfsmig.report.marks import NOTE_SIZE, numbers, wrapped
from lfsmig.report.profile_figure import UNIT, profile_rows
from lfsmig.report.style import COLOURS, NOTE, QUIET, WIDTH, bare, setup
from lfsmig.report.tables import cell, interval, pipe, print_unit

BESIDE = 3  # panels in a row
HEIGHT = 1.45  # inches: a panel


def fig_profile_years(indicator: str, by: str) -> Figure | None:
    """Draw the rates by age group of each year, a panel each on one scale.

    Behind the points stands the curve that was fitted to the average over years, so that a year
    can be compared with it.

    Parameters
    ----------
    indicator
        A rate.
    by
        Age groups; an open one is left out.
    """
    setup()
    frame = data.series(indicator, by=by)
    ends = {code: ages for code in words.codes_of(by) if (ages := _ages(code)) is not None}
    frame = frame[frame["code"].isin(ends)]
    if not frame["estimate"].notna().any():
        nothing(indicator)
        return None
    years = data.years()
    curve = profile_rows("curve")
    rows = math.ceil(len(years) / BESIDE)
    fig, axes = plt.subplots(
        rows, min(BESIDE, len(years)), figsize=(WIDTH, HEIGHT * rows + 0.75), sharex=True,
        sharey=True, squeeze=False,
    )  # fmt: skip
    unit = print_unit(frame, str(frame["unit"].iloc[0]))
    breaks = serial_breaks.marked(indicator, by)
    for ax, year in zip(axes.flat, years, strict=False):
        cells = frame[frame["year"].eq(year)]
        middle = np.array([sum(ends[code]) / 2 for code in cells["code"]]) + 0.5
        if len(curve):
            ax.plot(curve["age_from"] + 0.5, curve["estimate"], color=QUIET, linewidth=1.4)
        _points(ax, cells, middle, words.scale(unit))
        # The letters of breaks stand beside the year, as in a table.
        title = serial_breaks.year_head(year, breaks).replace("^", " ").rstrip()
        ax.set_title(title, loc="left", fontsize=9, fontweight="bold")
        ax.grid(axis="y", color="#E6E6E6", linewidth=0.7)
        ax.set_axisbelow(True)
        bare(ax)
    for ax in axes.flat[len(years) :]:
        ax.axis("off")
    first = axes.flat[0]
    first.set_ylim(bottom=0)
    numbers(first, "y")
    fig.supylabel(words.unit_name(unit), fontsize=9)
    axes[-1, axes.shape[1] // 2].set_xlabel(words.t("profile.age"), fontsize=9)
    note = [words.t("profile.years_note")]
    if len(curve):
        span = words.span([int(curve["year_from"].iloc[0]), int(curve["year_to"].iloc[0])])
        note.append(words.t("profile.years_curve", years=span))
    if frame["flag"].isin(data.WITHHELD).any():
        note.append(words.t("figure.withheld"))
    note.append(serial_breaks.sentence(breaks))
    alt.tell(alt.of_years({words.year_text(y): frame[frame["year"].eq(y)] for y in years}, by))
    text = wrapped(fig, " ".join(part for part in note if part), 0.98 * WIDTH, NOTE_SIZE)
    fig.supxlabel(text, fontsize=NOTE_SIZE, color=NOTE, x=0.01, ha="left")
    fig.draw_without_rendering()
    fig.set_layout_engine("none")
    return fig


def _points(ax: Axes, cells: pd.DataFrame, middle: np.ndarray, scale: float) -> None:
    """Rates with their intervals; a withheld one is a gap."""
    value, low, high = (
        cells[name].to_numpy(dtype=float) * scale for name in ("estimate", "ci_low", "ci_high")
    )
    shown = ~np.isnan(value)
    error = np.vstack([value - low, high - value])[:, shown].clip(min=0)
    ax.errorbar(middle[shown], value[shown], yerr=np.nan_to_num(error), fmt="o",
                color=COLOURS[0], elinewidth=1.0, capsize=0, markersize=3.5)  # fmt: skip


def _ages(code: str) -> tuple[int, int] | None:
    """First and last age of a group such as 20-24 or 23; nothing for an open one."""
    first, _, last = code.partition("-")
    if not first.isdecimal() or not (last or first).isdecimal():
        return None
    return int(first), int(last or first)


def profile_table(indicator: str, by: str) -> Markdown:
    """Table behind the profile by single years of age: a row for each, over all years."""
    frame = data.pools_by(indicator, by)
    title = words.indicator_text(indicator)
    if frame.empty:
        return data_div(indicator, title, words.t("figure.nothing"))
    span = words.span([int(frame["year_from"].iloc[0]), int(frame["year_to"].iloc[0])])
    unit = print_unit(frame, str(frame["unit"].iloc[0]))
    found = {row.code: row for row in data.rows(frame)}
    rows = []
    for code in words.codes_of(by):
        row = found.get(code)
        if row is None:
            continue
        shown = row.flag not in data.WITHHELD
        rows.append([
            words.code_label(by, code), cell(row.estimate, row.se, unit, row.flag),
            interval(row.ci_low, row.ci_high, unit) if shown else words.DASH,
            words.decimal(float(row.n), 0) if shown else words.DASH,
        ])  # fmt: skip
    head = [words.t(f"column.{key}") for key in (by, "estimate_se", "ci", "n")]
    told = cell_notes(frame, indicator, unit, f"{words.t('table.se')} {words.t('table.ci')}")
    return data_div(indicator, f"{title}, {span}", f"{pipe(head, rows, 'lrrr')}\n\n{told}")


def groups_table() -> Markdown:
    """Table behind the profile by age groups: a row for each, averaged over years."""
    stated = data.settings().get("age_profile") or {}
    indicator, frame = str(stated.get("indicator", "")), profile_rows("group")
    title = words.indicator_text(indicator)
    if frame.empty:
        return data_div(indicator, title, words.t("figure.nothing"))
    span = words.span([int(frame["year_from"].iloc[0]), int(frame["year_to"].iloc[0])])
    rows = [
        [
            f"{row.age_from:.0f}{words.DASH}{row.age_to:.0f}",
            words.number(row.estimate, UNIT),
            interval(row.ci_low, row.ci_high, UNIT),
        ]
        for row in data.rows(frame)
    ]
    head = [words.t("column.age_group5"), words.unit_name(UNIT), words.t("column.ci")]
    return data_div(indicator, f"{title}, {span}", pipe(head, rows, "lrr"))
