"""What a chart tells, for those who do not see it: computed from the results, like the chart.

The chapter says what kind of chart it is (`fig-alt`); the finding is added when the chart is drawn.
It travels beside the picture in the executed notebook, in a kind of its own that the built-in road
reads. Quarto shows kinds that it does not know as errors, so it gets none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from lfsmig.report import data, findings, words
from lfsmig.report.source import TOLD as KIND


def tell(text: str) -> None:
    """Put a finding beside the chart that is being drawn, where somebody reads it."""
    if not text or not os.environ.get("LFSMIG_FIGURES") or os.environ.get("QUARTO_DOCUMENT_PATH"):
        return
    from IPython.core.getipython import get_ipython
    from IPython.display import display

    if get_ipython() is not None:
        display({KIND: text}, raw=True)


def of_indicator(indicator: str) -> str:
    """The key finding on an indicator, without its typography."""
    text = findings.finding(indicator)
    return " ".join(text.replace("*", "").replace("\\", "").split())


def of_lines(lines: Mapping[str, pd.DataFrame], unit: str) -> str:
    """Where each line begins and ends; years whose values are withheld have no part in it."""
    told = []
    for label, frame in lines.items():
        shown = frame[data.quotable(frame)].dropna(subset=["estimate"]).sort_values("year")
        if shown.empty:
            continue
        first, last = shown.iloc[0], shown.iloc[-1]
        key = "alt.line" if first["year"] != last["year"] else "alt.point"
        told.append(
            words.t(
                key,
                label=label,
                first=words.number(first["estimate"], unit),
                last=words.number(last["estimate"], unit),
                first_year=words.year_text(int(first["year"])),
                last_year=words.year_text(int(last["year"])),
            )
        )
    return _joined(told)


def of_codes(frame: pd.DataFrame, variable: str, unit: str) -> str:
    """Smallest and largest estimate of the report year, with what they belong to.

    It states no order: the sample may not settle it.
    """
    year = data.report_year()
    shown = frame[frame["year"].eq(year) & data.quotable(frame)]
    shown = shown.dropna(subset=["estimate"]).sort_values("estimate")
    if len(shown) < 2:
        return ""
    low, high = shown.iloc[0], shown.iloc[-1]
    return words.t(
        "alt.codes",
        year=words.year_text(year),
        low=words.number(low["estimate"], unit),
        low_name=words.code_label(variable, str(low["code"])),
        high=words.number(high["estimate"], unit),
        high_name=words.code_label(variable, str(high["code"])),
    )


def _shown(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows with a value that may be told, the largest first."""
    known = frame[~frame["flag"].isin(data.WITHHELD) & frame["estimate"].notna()]
    return known.sort_values("estimate", ascending=False, kind="stable")


def _withheld(frame: pd.DataFrame) -> int:
    """How many values the publication rules withhold; where nobody is nothing is withheld."""
    return int((frame["flag"].isin(data.WITHHELD) & frame["reason"].ne("empty")).sum())


def _with_hidden(text: str, hidden: int) -> str:
    return text + (words.t("alt.hidden", n=hidden) if hidden else "")


def of_places(maps: Mapping[str, pd.DataFrame], by: str, unit: str) -> str:
    """Highest and lowest place of each map, how many have a value, how many are withheld.

    Parameters
    ----------
    maps
        Cells of each map by its title, the place in a column `code`.
    by
        The item that the places are codes of.
    unit
        Unit that the map prints.
    """

    def highest_and_lowest(title: str, known: pd.DataFrame) -> str:
        high, low = known.iloc[0], known.iloc[-1]
        return words.t(
            "alt.places", title=title, n=len(known),
            high=words.quantity(high["estimate"], unit),
            high_name=words.code_label(by, str(high["code"])),
            low=words.quantity(low["estimate"], unit),
            low_name=words.code_label(by, str(low["code"])),
        )  # fmt: skip

    return _each(maps, highest_and_lowest)


def _each(parts: Mapping[str, pd.DataFrame], tell: Callable[[str, pd.DataFrame], str]) -> str:
    """What is told of each part of a chart by its title and the values shown, the largest first."""
    told = []
    for title, frame in parts.items():
        known, hidden = _shown(frame), _withheld(frame)
        if len(known):
            told.append(_with_hidden(tell(title, known), hidden))
        elif hidden:
            told.append(words.t("alt.all_hidden", title=title))
    return " ".join(told)


def of_flows(frame: pd.DataFrame, rows: str, columns: str, most: int = 3) -> str:
    """The largest flows between areas, the largest inside one, and how many are withheld.

    Parameters
    ----------
    frame
        Cells that are drawn, with the ends of a flow in `row` and `column`; an arc diagram has none
        inside an area.
    rows, columns
        The items that the ends are codes of.
    most
        So many flows are named.
    """
    known = _shown(frame)
    known = known[known["estimate"] > 0]
    between = known[known["row"].ne(known["column"])].head(most)
    within = known[known["row"].eq(known["column"])]
    told = []
    if len(between):
        flows = [
            words.t(
                "alt.flow",
                flow=words.t(
                    "flow.pair",
                    origin=words.code_label(rows, str(one.row)),
                    target=words.code_label(columns, str(one.column)),
                ),
                value=words.quantity(one.estimate, str(one.unit)),
            )
            for one in data.rows(between)
        ]
        told.append(words.t("alt.flows", flows=_joined(flows)))
    if len(within):
        one = within.iloc[0]
        told.append(words.t(
            "alt.within", name=words.code_label(columns, str(one["column"])),
            value=words.quantity(one["estimate"], str(one["unit"])),
        ))  # fmt: skip
    return _with_hidden(" ".join(told), _withheld(frame)) if told else ""


def _joined(texts: Sequence[str]) -> str:
    """Texts in a row, as lines of a chart are told."""
    return words.t("alt.joint").join(texts)


def of_pyramids(groups: Mapping[str, pd.DataFrame], age: str, sex: str) -> str:
    """Largest age and sex of each population, and how many groups are withheld.

    Parameters
    ----------
    groups
        Cells of each pyramid by its title: `row` an age, `column` a sex, and `share` in per cent.
    age, sex
        The items that these are codes of.
    """

    def largest(title: str, known: pd.DataFrame) -> str:
        one = known.iloc[0]
        return words.t(
            "alt.pyramid", title=title, sex=words.code_label(sex, str(one["column"])),
            age=words.code_label(age, str(one["row"])), share=words.decimal(one["share"], 1),
        )  # fmt: skip

    return _each(groups, largest)


def of_years(years: Mapping[str, pd.DataFrame], by: str) -> str:
    """The group with the highest value of each year, and how many values are withheld in all.

    Parameters
    ----------
    years
        Cells of each year by its name, the group in a column `code`.
    by
        The item that the groups are codes of.
    """
    told = [
        words.t(
            "alt.year", year=year, name=words.code_label(by, str(known["code"].iloc[0])),
            value=words.quantity(known["estimate"].iloc[0], str(known["unit"].iloc[0])),
        )
        for year, frame in years.items()
        if len(known := _shown(frame))
    ]  # fmt: skip
    hidden = sum(_withheld(frame) for frame in years.values())
    return _with_hidden(words.t("alt.years", told=_joined(told)), hidden) if told else ""
