"""Charts that compare: the populations side by side, the regions side by side, on one scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from lfsmig.report import alt, data, serial_breaks, words
from lfsmig.report.figures import say_nothing
from lfsmig.report.marks import dots, finish, notes_of, numbers, wrapped
from lfsmig.report.panels import panels
from lfsmig.report.style import COLOURS, WIDTH, setup

UNIT = "share"


def fig_populations(indicators: Sequence[str]) -> Figure | None:
    """Draw the same distribution of several populations in the report year, a panel for each.

    All panels have one scale and one order of categories. A population of which no value may be
    shown keeps its panel, empty: leaving it out would look as if it had not been asked about.

    Parameters
    ----------
    indicators
        Shares of one item, one indicator for each population.
    """
    setup()
    year = data.report_year()
    every = {name: data.series(name) for name in indicators}
    cells = {name: frame[frame["year"].eq(year)] for name, frame in every.items()}
    together = pd.concat(cells.values())
    if not together["estimate"].notna().any():
        say_nothing(words.t("figure.all_withheld"))
        return None
    item = words.item_of(indicators[0])
    codes = words.codes_in_order(item, sorted(together["category"].unique()))
    fig, axes = plt.subplots(
        1, len(indicators), figsize=(WIDTH, 0.4 * len(codes) + 1.5), sharex=True, sharey=True
    )
    for number, (name, ax) in enumerate(zip(indicators, axes, strict=True)):
        shown = cells[name].set_index("category").reindex(codes)
        dots(ax, shown, UNIT, COLOURS[number], 0.0, "", number)
        title = words.population_name(name.partition(".")[0])
        ax.set_title(title, loc="left", fontsize=9, fontweight="bold", color=COLOURS[number])
        ax.grid(axis="both", color="#E6E6E6", linewidth=0.7)
        ax.tick_params(left=False)
        sns.despine(ax=ax, left=True)
    names = [wrapped(fig, words.code_label(item, code), 0.22 * WIDTH, 9) for code in codes]
    axes[0].set_yticks(range(len(codes)), names)
    axes[0].set_ylim(len(codes) - 0.5, -0.5)
    axes[0].set_xlim(left=0)
    numbers(axes[0], "x")
    axes[len(axes) // 2].set_xlabel(f"{words.unit_name(UNIT)}, {words.year_text(year)}")
    alt.tell(_told(cells, item))
    finish(fig, together, intervals=True)
    return fig


def _told(cells: Mapping[str, pd.DataFrame], item: str) -> str:
    """What the chart tells of each population that has anything to show."""
    parts = {
        words.population_name(name.partition(".")[0]): alt.of_codes(
            frame.rename(columns={"category": "code"}), item, UNIT
        )
        for name, frame in cells.items()
    }
    return " ".join(f"{name}: {text}" for name, text in parts.items() if text)


def fig_small(indicator: str, by: str = "region", category: str | None = None) -> Figure | None:
    """Draw an indicator's years in a panel for each code of a variable, on one scale.

    Parameters
    ----------
    indicator
        A rate or a share.
    by
        Variable whose codes have a panel each.
    category
        The category of a share.
    """
    setup()
    frame = data.series(indicator, by=by, category=category)
    codes = words.codes_in_order(by, list(frame["code"].unique()) if len(frame) else [])
    parts = {code: frame[frame["code"].eq(code)] for code in codes}
    shown = [code for code in codes if parts[code]["estimate"].notna().any()]
    if not shown:
        say_nothing(words.t("figure.all_withheld"))
        return None
    unit = str(frame["unit"].iloc[0])
    names = {code: words.code_label(by, code) for code in codes}
    breaks = serial_breaks.marked(indicator, by)
    hidden = [names[code] for code in codes if code not in shown]
    told = f"{words.regions_note(by)} {serial_breaks.sentence(breaks)}".strip()
    note = notes_of(frame, intervals=True, hidden=hidden, more=told)
    alt.tell(alt.of_lines({names[code]: parts[code] for code in shown}, unit))
    return panels([names[c] for c in shown], [parts[c] for c in shown], unit, note, breaks)
