"""Key findings as sentences: every number and every "significant" computed from released trends.

What the data do not allow is not said: counts are not compared across a change of the population
projections, and no order of groups is stated that a withheld value or sampling could turn round.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from IPython.display import Markdown

from lfsmig.report import data, words
from lfsmig.report.tables import print_unit

SIGNIFICANT = 0.05
NORMAL = 1.96


def key_findings(indicators: Sequence[str]) -> Markdown:
    """One bullet per indicator that has something to say."""
    lines = [line for name in indicators if (line := finding(name))]
    return Markdown("\n".join(f"- {line}" for line in lines) or words.t("finding.none"))


def finding(indicator: str) -> str:
    """Sentence about one indicator, empty where its latest value is withheld or absent."""
    frame = data.series(indicator)
    if frame.empty:
        return _net(indicator) if data.absent_reason(indicator) is None else ""
    codes = set(frame["category"])
    if codes <= {"yes", "no"} and "yes" in codes:
        return _level(indicator, frame[frame["category"].eq("yes")], "yes")
    if codes != {""}:
        return _groups(indicator, frame)
    return _level(indicator, frame, "")


# --- one value by year ---------------------------------------------------------------------------


def _level(indicator: str, frame: pd.DataFrame, category: str) -> str:
    year = data.report_year()
    rows = frame[frame["year"].eq(year) & ~frame["flag"].isin(data.WITHHELD)]
    if rows.empty or pd.isna(rows["estimate"].iloc[0]):
        return ""
    row = rows.iloc[0]
    unit = print_unit(frame, str(row["unit"]))
    text = words.t(
        "finding.level_known" if pd.isna(row["ci_low"]) else "finding.level",
        label=words.indicator_text(indicator),
        year=words.year_text(year),
        value=words.quantity(row["estimate"], unit, indicator),
        low=_plain(row["ci_low"], unit),
        high=_plain(row["ci_high"], unit),
    )
    if row["flag"] == "*":
        text += words.t("finding.level_caution")
    trends = data.trends(indicator)
    trends = trends[trends["category"].eq(category)]
    broken = data.breaks() if data.is_count(frame) else []
    text += _change(trends, year, unit, broken)
    if not broken:
        text += _trend(trends, unit)
    return text + _range(frame, unit, indicator, bool(broken))


def _change(
    trends: pd.DataFrame, year: int, unit: str, broken: Sequence[tuple[int, int]] = ()
) -> str:
    rows = trends[trends["statistic"].eq("change") & trends["year_to"].eq(year)]
    rows = rows.dropna(subset=["estimate", "p"])
    if rows.empty:
        return ""
    row = rows.iloc[0]
    first = int(row["year_from"])
    before, p = words.year_text(first), p_text(row["p"])
    if any(first <= one and other <= year for one, other in broken):
        return words.t("finding.change_broken", before=before)
    if row["p"] >= SIGNIFICANT:
        return words.t("finding.change_none", before=before, p=p)
    key = "finding.change_up" if row["estimate"] > 0 else "finding.change_down"
    return words.t(key, size=_size(row["estimate"], unit), before=before, p=p)


def _trend(trends: pd.DataFrame, unit: str) -> str:
    rows = trends[trends["statistic"].eq("slope")].dropna(subset=["estimate", "p"])
    if rows.empty:
        return ""
    row = rows.iloc[0]
    span = words.span([int(row["year_from"]), int(row["year_to"])])
    if row["lack_of_fit_p"] < SIGNIFICANT:
        return words.t("finding.trend_bent", span=span, p=p_text(row["lack_of_fit_p"]))
    p = p_text(row["p"])
    if row["p"] >= SIGNIFICANT:
        return words.t("finding.trend_none", span=span, p=p)
    key = "finding.trend_up" if row["estimate"] > 0 else "finding.trend_down"
    return words.t(key, span=span, size=_size(row["estimate"], unit), p=p)


def _range(frame: pd.DataFrame, unit: str, indicator: str, broken: bool) -> str:
    """Smallest and largest yearly estimate, among the years that may be compared."""
    if broken:
        frame = frame[frame["year"].isin(data.comparable_years(data.report_year()))]
    shown = frame.dropna(subset=["estimate"])
    if len(shown) < (2 if broken else 3):
        return ""
    printed = {
        int(row.year): (row.estimate, words.quantity(row.estimate, unit, indicator))
        for row in data.rows(shown)
    }
    ends = [pick(printed.values()) for pick in (min, max)]
    if ends[0][1] == ends[1][1]:
        return words.t("finding.range_flat", low=ends[0][1])
    years = [
        words.year_listing([y for y, (_, text) in printed.items() if text == end[1]])
        for end in ends
    ]
    key = "broken" if broken else "shown" if len(shown) < len(frame) else ""
    return words.t(
        f"finding.range_{key}" if key else "finding.range",
        low=ends[0][1],
        low_years=years[0],
        high=ends[1][1],
        high_years=years[1],
        first=words.year_text(min(printed)),
    )


# --- a distribution ------------------------------------------------------------------------------


def _groups(indicator: str, frame: pd.DataFrame) -> str:
    """Say which groups are largest, as far as withheld values and sampling allow."""
    year = data.report_year()
    cells = frame[frame["year"].eq(year)]
    withheld = cells["flag"].isin(data.WITHHELD)
    shown = cells[~withheld & cells["estimate"].gt(0)]
    shown = shown.sort_values("estimate", ascending=False, kind="stable").head(3)
    if shown.empty:
        return ""
    # What the groups with a withheld value have together: none of them can be larger.
    rest = 1 - float(cells["estimate"].sum()) if withheld.any() else 0.0
    item = words.item_of(indicator)
    values: dict[str, object] = {}
    for name, row in zip(("first", "second", "third"), data.rows(shown), strict=False):
        values[name] = words.code_label(item, row.category)
        values[f"{name}_value"] = words.quantity(row.estimate, "share")
    place = {"label": words.indicator_text(indicator), "year": words.year_text(year)}
    lead = words.t("finding.groups.lead", **place)
    if len(cells) == len(shown) == 2:
        return lead + words.t("finding.groups.pair", **values)
    text, complete = _order(list(data.rows(shown)), rest, values)
    return lead + text + words.t("finding.groups.end" if complete else "finding.groups.hidden")


def _order(shown: list[Any], rest: float, values: dict[str, object]) -> tuple[str, bool]:
    """The sentence on the order of the groups, and whether it stands without a warning."""
    known = [row for row in shown if row.estimate > rest]
    if not known:
        return words.t("finding.groups.shown", **values), True
    if len(known) == 1:
        return words.t("finding.groups.largest", **values), rest == 0
    if not _larger(known[0], known[1]):
        return words.t("finding.groups.level_pair", **values), True
    text = words.t("finding.groups.largest", **values)
    tied = len(known) > 2 and not _larger(known[1], known[2])
    return text + words.t(f"finding.groups.followed{'_pair' if tied else ''}", **values), True


def _larger(one: Any, other: Any) -> bool:
    """Whether one share is larger whatever the covariance of the two: |cov| is at most se x se."""
    return bool(one.estimate - other.estimate > NORMAL * (one.se + other.se))


def _net(indicator: str) -> str:
    """Say which regions gain and which lose, by intervals that leave zero out."""
    year = data.report_year()
    frame = data.series(indicator, by="region")
    frame = frame[frame["year"].eq(year)].dropna(subset=["estimate"])
    if frame.empty:
        return ""
    groups = {
        "gain": frame[frame["ci_low"] > 0],
        "loss": frame[frame["ci_high"] < 0],
        "even": frame[(frame["ci_low"] <= 0) & (frame["ci_high"] >= 0)],
    }
    parts = [
        words.t(
            f"finding.net.{key}",
            names=words.listing([words.code_label("region", c) for c in part["code"]]),
        )
        for key, part in groups.items()
        if len(part)
    ]
    lead = words.t(
        "finding.net.lead", label=words.indicator_text(indicator), year=words.year_text(year)
    )
    return lead + words.t("finding.net.joint").join(parts) + words.t("finding.net.end")


# --- numbers -------------------------------------------------------------------------------------


def p_text(p: float) -> str:
    """A p-value to three decimals."""
    if p < 0.001:
        return words.t("finding.p_small")
    if p > 0.9995:
        return words.t("finding.p_large")
    return words.t("finding.p_equal", p=words.decimal(p, 3))


def _plain(value: float, unit: str) -> str:
    if unit == "persons":
        return words.decimal(words.rounded_count(value), 0)
    return words.number(value, unit)


def _size(value: float, unit: str) -> str:
    """Size of a change; a share changes by percentage points."""
    if unit == "share" or unit.startswith("percent"):
        return words.t("quantity.points", n=words.number(abs(value), unit))
    return words.quantity(abs(value), unit)
