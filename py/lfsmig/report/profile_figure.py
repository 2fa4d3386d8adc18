"""The profile of migration by age: pooled rates, the fitted curve and its peak."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown
from matplotlib.figure import Figure

from lfsmig.report import alt, data, serial_breaks, words
from lfsmig.report.figures import say_nothing
from lfsmig.report.marks import NOTE_SIZE, numbers, wrapped
from lfsmig.report.style import COLOURS, INK, NOTE, WIDTH, bare, setup

FILE = "age_profile.parquet"
# Kinds of rows by single years of age begin so.
SINGLE = "single_"
UNIT = "percent"


def _profile() -> pd.DataFrame:
    """Released profile; empty where none was made."""
    if not (data.data_dir() / "released" / FILE).is_file():
        return pd.DataFrame({"kind": pd.Series(dtype=object)})
    return data.read(FILE)


def _one(frame: pd.DataFrame, kind: str) -> pd.Series | None:
    rows = frame[frame["kind"].eq(kind)]
    return None if rows.empty else rows.iloc[0]


def _of(single: bool) -> pd.DataFrame:
    """Rows of the single years of age, or of the age groups, under the same names of kinds."""
    frame = _profile()
    ours = frame["kind"].str.startswith(SINGLE)
    frame = frame[ours if single else ~ours.astype(bool)]
    return frame.assign(kind=frame["kind"].str.removeprefix(SINGLE)).reset_index(drop=True)


def profile_rows(kind: str, single: bool = False) -> pd.DataFrame:
    """Rows of one kind, such as `curve`; none where nothing was fitted."""
    frame = _of(single)
    return frame[frame["kind"].eq(kind)].reset_index(drop=True)


def fig_age_profile(single: bool = False) -> Figure | None:
    """Draw pooled rates with their intervals, and the fitted curve with its peak.

    Parameters
    ----------
    single
        By single years of age instead of age groups.
    """
    setup()
    frame = _of(single)
    groups, curve = (frame[frame["kind"].eq(kind)] for kind in ("group", "curve"))
    if groups.empty:
        say_nothing(words.t("figure.nothing"))
        return None
    fig, ax = plt.subplots(figsize=(WIDTH, 3.2))
    middle = (groups["age_from"] + groups["age_to"] + 1).to_numpy(dtype=float) / 2
    value = groups["estimate"].to_numpy(dtype=float)
    low, high = (groups[name].to_numpy(dtype=float) for name in ("ci_low", "ci_high"))
    ax.errorbar(
        middle, value, yerr=np.vstack([value - low, high - value]).clip(min=0), fmt="o",
        color=COLOURS[0], elinewidth=0.8 if single else 1.1, capsize=0 if single else 2.5,
        markersize=3 if single else 5,
        label=words.t("profile.singles" if single else "profile.groups"),
    )  # fmt: skip
    if len(curve):
        # A rate at age x is that of persons between x and x + 1.
        ages = curve["age_from"].to_numpy(dtype=float) + 0.5
        ax.plot(ages, curve["estimate"], color=COLOURS[1], linewidth=1.8,
                label=words.t("profile.curve"))  # fmt: skip
        _mark_peak(ax, frame)
    ax.set_xlim(0, float(groups["age_to"].max()) + 1)
    ax.set_ylim(bottom=0)
    ax.set_xlabel(words.t("profile.age"))
    ax.set_ylabel(words.unit_name(UNIT))
    numbers(ax, "y")
    ax.grid(axis="y", color="#E6E6E6", linewidth=0.7)
    ax.set_axisbelow(True)
    ax.legend(loc="upper right", frameon=False)
    bare(ax)
    alt.tell(str(profile_finding(single).data) or _highest(groups))
    text = wrapped(fig, _note(groups, len(curve) > 0), 0.98 * WIDTH, NOTE_SIZE)
    fig.supxlabel(text, fontsize=NOTE_SIZE, color=NOTE, x=0.01, ha="left")
    fig.draw_without_rendering()
    fig.set_layout_engine("none")
    return fig


def _mark_peak(ax: plt.Axes, frame: pd.DataFrame) -> None:
    """Name the age of the curve's peak beside it."""
    age, rate = _one(frame, "peak_age"), _one(frame, "peak_rate")
    if age is None or rate is None:
        return
    x, height = float(age["estimate"]) + 0.5, float(rate["estimate"])
    ax.plot([x, x], [0, height], color=INK, linewidth=1.0, linestyle=(0, (1.5, 1.5)), zorder=1)
    # At the foot of the curve, where no interval is in the way.
    ax.annotate(
        words.t("profile.peak", age=words.decimal(float(age["estimate"]), 0)), (x, 0),
        xytext=(5, 5), textcoords="offset points", color=INK, fontsize=9, fontweight="bold",
    )  # fmt: skip


def _span(frame: pd.DataFrame) -> str:
    first, last = (int(frame[name].iloc[0]) for name in ("year_from", "year_to"))
    return words.t("year.span", first=words.year(first), last=words.year(last))


@words.inline
def profile_span(single: bool = False) -> str:
    """The years that the profile is an average of, for running text."""
    frame = _of(single)
    return words.DASH if frame.empty else _span(frame)


def _note(groups: pd.DataFrame, fitted: bool) -> str:
    parts = [words.t("profile.note", years=_span(groups))]
    if not fitted:
        parts.append(words.t("profile.no_curve"))
    return " ".join([*parts, *filter(None, [_breaks_within(groups)])])


def _breaks_within(groups: pd.DataFrame) -> str:
    """Say which breaks in the series lie inside the years averaged."""
    stated = data.settings().get("age_profile")
    if not stated:
        return ""
    first, last = (int(groups[name].iloc[0]) for name in ("year_from", "year_to"))
    found = serial_breaks.marked(stated["indicator"], stated["by"])
    return serial_breaks.sentence(serial_breaks.crossing(found, first, last), "map.breaks")


def _highest(groups: pd.DataFrame) -> str:
    """Where the highest rate is, if there is no curve to tell of."""
    top = groups.sort_values("estimate").iloc[-1]
    ages = words.DASH.join(f"{age:g}" for age in dict.fromkeys([top["age_from"], top["age_to"]]))
    return words.t("profile.highest", age=ages, rate=words.number(float(top["estimate"]), UNIT))


def profile_finding(single: bool = False) -> Markdown:
    """One sentence: where the fitted curve has its peak, and how certain that is.

    Parameters
    ----------
    single
        Of the curve fitted to single years of age instead of age groups.
    """
    frame = _of(single)
    age, rate = _one(frame, "peak_age"), _one(frame, "peak_rate")
    # Without replicates the peak is drawn, but no sentence states it without its interval.
    if age is None or rate is None or np.isnan(age["ci_low"]):
        return Markdown("")
    decimals = {
        name: words.decimal(float(age[name]), 0) for name in ("estimate", "ci_low", "ci_high")
    }
    return Markdown(
        words.t(
            "profile.finding_single" if single else "profile.finding",
            years=_span(frame), age=decimals["estimate"],
            low=decimals["ci_low"], high=decimals["ci_high"],
            rate=words.number(float(rate["estimate"]), UNIT),
            error=words.decimal(float(_error(frame)), 0),
        )
        + _gross(frame)
    )  # fmt: skip


def _gross(frame: pd.DataFrame) -> str:
    """Sentence on the moves of one person at these rates, where they were added up."""
    row = _one(frame, "gmr")
    if row is None or np.isnan(row["ci_low"]):
        return ""
    keys = ("estimate", "ci_low", "ci_high")
    value, low, high = (words.decimal(float(row[key]), 2) for key in keys)
    age = words.decimal(float(row["age_to"]) + 1, 0)
    return words.t("profile.gross", age=age, value=value, low=low, high=high)


def _error(frame: pd.DataFrame) -> float:
    row = _one(frame, "error")
    return float("nan") if row is None else float(row["estimate"])
