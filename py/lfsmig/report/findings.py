"""Key findings as sentences: every number and every "significant" computed from released trends.

What the data do not allow is not said: a value that is to be reviewed is not quoted, counts are not
compared across a change of the population projections, and no order of groups is stated that a
withheld value or sampling could turn round.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd
from IPython.display import Markdown

from lfsmig.report import data, serial_breaks, words
from lfsmig.report.tables import print_unit

SIGNIFICANT = 0.05
NORMAL = 1.96


def key_findings(indicators: Sequence[str]) -> Markdown:
    """One bullet per indicator that has something to say, and the breaks that lie in its years."""
    told = {name: line for name in indicators if (line := finding(name))}
    text = "\n".join(f"- {line}" for line in told.values()) or words.t("finding.none")
    breaks = serial_breaks.marked([name for name in told if _is_level(name)])
    return Markdown("\n\n".join(filter(None, [text, serial_breaks.sentence(breaks)])))


def _is_level(indicator: str) -> bool:
    """Whether one value a year is told, with its change and its trend."""
    return set(data.series(indicator)["category"]) <= {"", "yes", "no"}


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
    rows = frame[frame["year"].eq(year) & data.quotable(frame)]
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
    trends: pd.DataFrame,
    year: int,
    unit: str,
    broken: Sequence[tuple[int, int]] = (),
    key: str = "change",
    name: str = "",
) -> str:
    """Sentence on the change since the year before; `key` names its words, `name` its subject."""
    trends = trends[data.quotable(trends)]
    rows = trends[trends["statistic"].eq("change") & trends["year_to"].eq(year)]
    rows = rows.dropna(subset=["estimate", "p"])
    if rows.empty:
        return ""
    row = rows.iloc[0]
    first = int(row["year_from"])
    before, p = words.year_text(first), both_p(row)
    if any(first <= one and other <= year for one, other in broken):
        return words.t("finding.change_broken", before=before)
    way = "none" if _decisive(row) >= SIGNIFICANT else "up" if row["estimate"] > 0 else "down"
    size = _size(row["estimate"], unit)
    return words.t(f"finding.{key}_{way}", name=name, size=size, before=before, p=p)


def _trend(trends: pd.DataFrame, unit: str) -> str:
    trends = trends[data.quotable(trends)]
    rows = trends[trends["statistic"].eq("slope")].dropna(subset=["estimate", "p"])
    if rows.empty:
        return ""
    row = rows.iloc[0]
    span = words.span([int(row["year_from"]), int(row["year_to"])])
    if row["lack_of_fit_p"] < SIGNIFICANT:
        return words.t("finding.trend_bent", span=span, p=p_text(row["lack_of_fit_p"]))
    p = both_p(row)
    if _decisive(row) >= SIGNIFICANT:
        return words.t("finding.trend_none", span=span, p=p)
    key = "finding.trend_up" if row["estimate"] > 0 else "finding.trend_down"
    return words.t(key, span=span, size=_size(row["estimate"], unit), p=p)


def _range(frame: pd.DataFrame, unit: str, indicator: str, broken: bool) -> str:
    """Smallest and largest yearly estimate, among the years that may be compared."""
    if broken:
        frame = frame[frame["year"].isin(data.comparable_years(data.report_year()))]
    shown = frame[data.quotable(frame)].dropna(subset=["estimate"])
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


class Group(NamedTuple):
    """A group of a distribution; without a row, all groups together whose values are withheld."""

    estimate: float
    se: float
    row: Any = None


def _groups(indicator: str, frame: pd.DataFrame) -> str:
    """Say which groups are largest, as far as withheld values and sampling allow."""
    year = data.report_year()
    cells = frame[frame["year"].eq(year)]
    withheld = cells["flag"].isin(data.WITHHELD)
    shown = cells[~withheld & cells["estimate"].gt(0)]
    # Without the group that waits for its review the order of the others is not known either.
    if shown.empty or not data.quotable(shown).all():
        return ""
    groups = [Group(row.estimate, row.se, row) for row in data.rows(shown)]
    if withheld.any():
        groups.append(_withheld_together(groups, 1 - float(cells["estimate"].sum())))
    item = words.item_of(indicator)
    place = {"label": words.indicator_text(indicator), "year": words.year_text(year)}
    ranks = ranked(groups)
    if len(cells) == len(shown) == 2:
        leaders = sorted(groups, key=lambda group: -group.estimate)
        text = _named(leaders, item, first=True)
    else:
        leaders = ranks[0] if len(ranks[0]) == 1 else []
        text = _order(ranks, item)
    text = words.t("finding.groups.lead", **place) + text + words.t("finding.groups.end")
    return text + (_leader_change(indicator, leaders[0], item, year) if leaders else "")


def _withheld_together(groups: Sequence[Group], rest: float) -> Group:
    """What the withheld groups have together: none of them can be larger.

    Its standard error is not published. It is taken as the largest that a group of this size would
    have with the design effect of one of the groups shown: se² is in proportion to p (1 - p).
    """
    rest = min(max(rest, 0.0), 1.0)
    spread = max(
        (g.se / math.sqrt(g.estimate * (1 - g.estimate)) for g in groups if 0 < g.estimate < 1),
        default=0.0,
    )
    return Group(rest, spread * math.sqrt(rest * (1 - rest)))


def ranked(groups: Sequence[Group]) -> list[list[Group]]:
    """Sort groups into ranks: each group of a rank is larger than every group of the next.

    What the sample does not tell apart shares a rank, and so does whatever cannot be told from one
    of them; a rank ends where every group in it is larger than every group after it.
    """
    left = sorted(groups, key=lambda group: -group.estimate)
    ranks: list[list[Group]] = []
    while left:
        end = 1
        while reached := [i for i in range(end, len(left)) if _mixes(left[:end], left[i])]:
            end = reached[-1] + 1
        ranks.append(left[:end])
        left = left[end:]
    return ranks


def _mixes(rank: Sequence[Group], group: Group) -> bool:
    """Whether a group cannot be told from some group of a rank."""
    return any(not _larger(one, group) for one in rank)


def _larger(one: Group, other: Group) -> bool:
    """Whether one share is larger whatever the covariance of the two: |cov| is at most se x se."""
    return bool(one.estimate - other.estimate > NORMAL * (one.se + other.se))


def _order(ranks: Sequence[Sequence[Group]], item: str) -> str:
    """The sentence on the order of the groups: the first rank, and the second where it is known."""
    first, known = ranks[0], [group for group in ranks[0] if group.row is not None]
    hidden = next((group for group in first if group.row is None), None)
    if hidden is not None and (not known or not _larger(known[0], hidden)):
        return words.t("finding.groups.hidden_first", groups=_named(known[:1], item, first=True))
    names = _named(known, item, first=True)
    if hidden is not None:
        return words.t("finding.groups.hidden_among", groups=names)
    if len(first) > 1:
        key = "level_pair" if len(first) == 2 else "level_more"
        return words.t(f"finding.groups.{key}", groups=names)
    text = words.t("finding.groups.largest", groups=names)
    if len(ranks) < 2:
        return text
    if any(group.row is None for group in ranks[1]):
        return text + words.t("finding.groups.hidden_second")
    key = "followed" if len(ranks[1]) == 1 else "followed_level"
    return text + words.t(f"finding.groups.{key}", groups=_named(ranks[1], item))


def _named(groups: Sequence[Group], item: str, first: bool = False) -> str:
    """Groups with their values and intervals; the very first says what the interval is."""
    texts = []
    for position, group in enumerate(groups):
        row = group.row
        key = "group_first" if first and position == 0 else "group"
        text = words.t(
            "finding.groups.group_known" if pd.isna(row.ci_low) else f"finding.groups.{key}",
            name=words.code_label(item, row.category),
            value=words.quantity(row.estimate, "share"),
            low=_plain(row.ci_low, "share"),
            high=_plain(row.ci_high, "share"),
            caution=words.t("finding.groups.caution") if row.flag == "*" else "",
        )
        texts.append(text)
    return words.listing(texts)


def _leader_change(indicator: str, leader: Group, item: str, year: int) -> str:
    """How the share of the largest group changed since the year before."""
    if leader.row is None:
        return ""
    trends = data.trends(indicator)
    trends = trends[trends["category"].eq(leader.row.category)]
    name = words.code_label(item, leader.row.category)
    return _change(trends, year, "share", key="groups.change", name=name)


def _net(indicator: str) -> str:
    """Say which regions gain and which lose, by intervals that leave zero out."""
    year = data.report_year()
    frame = data.series(indicator, by="region")
    frame = frame[frame["year"].eq(year) & data.quotable(frame)].dropna(subset=["estimate"])
    if frame.empty:
        return ""
    unit = print_unit(frame, str(frame["unit"].iloc[0]))
    groups = {
        "gain": frame[frame["ci_low"] > 0],
        "loss": frame[frame["ci_high"] < 0],
        "even": frame[(frame["ci_low"] <= 0) & (frame["ci_high"] >= 0)],
    }
    changed = len(groups["gain"]) + len(groups["loss"])
    parts = [
        words.t(
            f"finding.net.{'even_too' if key == 'even' and changed else key}",
            names=words.listing([_balance(r, unit) for r in data.rows(p)]),
        )
        for key, p in groups.items()
        if len(p)
    ]
    lead = words.t(
        "finding.net.lead",
        label=words.indicator_text(indicator),
        year=words.year_text(year),
        unit=words.unit_name(unit),
    )
    return lead + words.t("finding.net.joint").join(parts) + words.t("finding.net.end")


def _balance(row: Any, unit: str) -> str:
    """A region with its balance and interval."""
    return words.t(
        "finding.net.region",
        name=words.code_label("region", row.code),
        value=_plain(row.estimate, unit),
        low=_plain(row.ci_low, unit),
        high=_plain(row.ci_high, unit),
    )


# --- numbers -------------------------------------------------------------------------------------


def _decisive(row: pd.Series) -> float:
    """The p-value by which a finding is told: the one adjusted for the tests of its indicator."""
    adjusted = row.get("p_adjusted")
    return float(row["p"] if adjusted is None or pd.isna(adjusted) else adjusted)


def both_p(row: pd.Series) -> str:
    """The p-value, and the adjusted one where that is another."""
    p, adjusted = p_text(row["p"]), p_text(_decisive(row))
    if _decisive(row) == row["p"]:
        return p
    return words.t("finding.p_adjusted", p=p, adjusted=adjusted)


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
