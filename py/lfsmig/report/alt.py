"""What a chart tells, for those who do not see it: computed from the results, like the chart.

The chapter says what kind of chart it is (`fig-alt`); the finding is added when the chart is drawn.
It travels beside the picture in the executed notebook, in a kind of its own that the built-in road
reads. Quarto shows kinds that it does not know as errors, so it gets none.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

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
        shown = frame.dropna(subset=["estimate"]).sort_values("year")
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
    return words.t("alt.joint").join(told)


def of_codes(frame: pd.DataFrame, variable: str, unit: str) -> str:
    """Smallest and largest estimate of the report year, with what they belong to.

    It states no order: the sample may not settle it.
    """
    year = data.report_year()
    shown = frame[frame["year"].eq(year)].dropna(subset=["estimate"]).sort_values("estimate")
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
