"""Tables of the chapter on data quality: checks, warnings, non-response, missing answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from IPython.display import Markdown

from lfsmig.report import data, words
from lfsmig.report.tables import escape, notes, pipe, unknown_limits
from lfsmig.report.working import PASSED, SKIPPED, heads, what_counted
from lfsmig.results import domain_codes, domain_text

HOUSEHOLDS, ITEM, UNKNOWN = "households", "item", "unknown"
WHOLE = "{}"
# What a check came to, in one letter; that of a failed check is its severity.
PASS_LETTER, SKIP_LETTER = "·", words.DASH


def _checks(year: int) -> list[dict[str, Any]]:
    return list(data.summary(year).get("checks", []))


def _failed(check: Mapping[str, Any]) -> bool:
    return str(check["status"]) not in PASSED | SKIPPED


def _stops(check: Mapping[str, Any]) -> bool:
    """Whether a failed check is an error that stops the whole year."""
    return check["severity"] == "E" and check.get("stops", "year") == "year"


def _letter(check: Mapping[str, Any]) -> str:
    if _failed(check):
        return str(check["severity"])
    return PASS_LETTER if str(check["status"]) in PASSED else SKIP_LETTER


def _finding(check: Mapping[str, Any]) -> str:
    """What a check remarked, or else how much it counted; the symbol where that is withheld."""
    if remark := words.remark(str(check.get("reason") or "")):
        return remark
    count, share = check.get("count"), check.get("share")
    if count is None or share is None:
        return "c"
    number = words.decimal(float(count), 0)
    part = words.decimal(100 * float(share), 2)
    return words.t("quality.found", count=number, what=what_counted(check), share=part)


def explanation(check: Mapping[str, Any]) -> str:
    """The written explanation in the edition's language, or that there is none."""
    written = check.get("explanation") or {}
    found = written.get(words.lang()) or written.get("") or next(iter(written.values()), "")
    return str(found) or words.t("quality.unexplained")


def tbl_quality_years() -> Markdown:
    """What the checks of each year came to."""
    rows = []
    for year in data.years():
        checks = _checks(year)
        bad = [one for one in checks if _failed(one)]
        counts = [sum(one["severity"] == severity for one in bad) for severity in ("E", "W", "I")]
        open_ones = sum(one["severity"] == "W" and not one.get("explanation") for one in bad)
        passed = sum(str(one["status"]) in PASSED for one in checks)
        skipped = len(checks) - passed - len(bad)
        numbers = [passed, *counts[:2], open_ones, counts[2], skipped]
        verdict = words.t("quality.stopped" if any(map(_stops, bad)) else "quality.accepted")
        rows.append([words.year(year), verdict, *(words.decimal(one, 0) for one in numbers)])
    keys = ("year", "verdict", "passed", "errors", "warnings", "open", "informations", "skipped")
    text = notes(words.t("quality.base_checks"), words.t("quality.unit_checks"), None)
    return Markdown(f"{pipe(heads(*keys), rows, 'llrrrrrr')}\n\n{text}")


def tbl_quality_checks() -> Markdown:
    """Every check by year: passed, failed with its severity, or not applicable."""
    years = data.years()
    found = {year: {one["id"]: one for one in _checks(year)} for year in years}
    ids = list(dict.fromkeys(name for year in years for name in found[year]))
    rows = []
    for name in ids:
        first = next(found[year][name] for year in years if name in found[year])
        help_ = first.get("help") or {}
        told = help_.get(words.lang()) or help_.get("en", "")
        letters = [
            _letter(found[year][name]) if name in found[year] else SKIP_LETTER for year in years
        ]
        rows.append([name, escape(told), *letters])
    head = [*heads("check", "asks"), *map(words.year, years)]
    base, unit = words.t("quality.base_checks"), words.t("quality.unit_letters")
    legend = words.t("quality.letters", passed=PASS_LETTER, skipped=SKIP_LETTER)
    return Markdown(
        f"{pipe(head, rows, 'll' + 'r' * len(years))}\n\n{notes(base, unit, None, legend)}"
    )


def tbl_quality_warnings() -> Markdown:
    """Warnings of all years with their written explanations; a sentence where there is none.

    Errors that stop indicators and not the year stand among them.
    """
    rows = [
        [
            words.year(year),
            escape(one["id"]),
            escape(_finding(one)),
            escape(explanation(one)),
        ]
        for year in data.years()
        for one in _checks(year)
        if _failed(one) and one["severity"] != "I" and not _stops(one)
    ]
    if not rows:
        return Markdown(words.t("quality.no_warnings"))
    text = notes(words.t("quality.base_warnings"), words.t("annual.unit_mixed"), None)
    return Markdown(
        f"{pipe(heads('year', 'check', 'found', 'explanation'), rows, 'llll')}\n\n{text}"
    )


def _rates(kind: str) -> pd.DataFrame:
    frame = data.quality()
    return frame[frame["kind"].eq(kind) & frame["year"].isin(data.years())]


def _regions(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """Domains of a table with their names: the country first, then regions in their order."""
    there = [one for one in frame["domain"].unique() if one != WHOLE]
    codes = sorted(domain_codes(one)["region"] for one in there)
    named = [(domain_text({"region": code}), words.code_label("region", code)) for code in codes]
    return [(WHOLE, words.t("quality.country")), *named]


def _percent(row: Any, both: bool) -> str:
    """A rate in per cent, weighted and unweighted, or the symbol that withholds it."""
    if row is None:
        return words.DASH
    if row.flag in data.WITHHELD:
        return str(row.flag)
    if not both:
        return words.decimal(100 * row.rate, 1)
    return f"{words.decimal(100 * row.rate_weighted, 1)} ({words.decimal(100 * row.rate, 1)})"


def tbl_nonresponse() -> Markdown:
    """Households of the sample that were not interviewed, by region and year."""
    frame = _rates(HOUSEHOLDS)
    if frame.empty:
        return Markdown(words.t("quality.no_blanks"))
    cells = {(row.domain, row.year): row for row in data.rows(frame)}
    years = data.years()
    rows = [
        [escape(name), *(_percent(cells.get((domain, year)), False) for year in years)]
        for domain, name in _regions(frame)
    ]
    head = [*heads("region"), *map(words.year, years)]
    flags = [str(flag) for flag in frame["flag"] if flag]
    text = notes(words.t("quality.base_households"), words.t("quality.unit_rate"), flags or None)
    return Markdown(f"{pipe(head, rows, 'l' + 'r' * len(years))}\n\n{text}")


def tbl_missing_years() -> Markdown:
    """Missing answers by item and year, in the country."""
    frame = _rates(ITEM)
    frame = frame[frame["domain"].eq(WHOLE)]
    years = data.years()
    return _missing(frame, "year", [(year, words.year(year)) for year in years])


def tbl_unknown_years() -> Markdown:
    """Unknown places and amounts by year, with the limits above which numbers are flagged."""
    frame = _rates(UNKNOWN)
    limits = unknown_limits()
    printed = {name: words.decimal(100 * value, 0) for name, value in limits.model_dump().items()}
    years = [(year, words.year(year)) for year in data.years()]
    return _missing(
        frame, "year", years, words.t("unknown.base"), words.t("unknown.limits", **printed)
    )


def tbl_missing_regions(year: int) -> Markdown:
    """Missing answers of a year by item and region."""
    frame = _rates(ITEM)
    frame = frame[frame["year"].eq(year)]
    return _missing(frame, "domain", _regions(frame))


def _missing(
    frame: pd.DataFrame,
    across: str,
    columns: list[tuple[Any, str]],
    base: str = "",
    more: str = "",
) -> Markdown:
    """A table of missing answers: items that lack an answer somewhere, in the order of the file."""
    told = frame[frame["rate"].ne(0)]
    items = [item for item in frame["item"].unique() if item in set(told["item"])]
    if not items:
        return Markdown(words.t("quality.nothing_missing"))
    cells = {(row.item, getattr(row, across)): row for row in data.rows(frame)}
    rows = [
        [
            escape(words.variable_label(item)),
            *(_percent(cells.get((item, code)), True) for code, _ in columns),
        ]
        for item in items
    ]
    head = [*heads("item"), *(name for _, name in columns)]
    flags = [str(flag) for flag in frame["flag"] if flag]
    base, unit = base or words.t("quality.base_items"), words.t("quality.unit_both")
    text = notes(base, unit, flags or None, more or words.t("quality.others_complete"))
    return Markdown(f"{pipe(head, rows, 'l' + 'r' * len(columns))}\n\n{text}")


@words.inline
def quality_verdict() -> str:
    """Sentence on the years of the report: which passed, and how many warnings are unexplained."""
    failed = {year: [one for one in _checks(year) if _failed(one)] for year in data.years()}
    stopped = [year for year, bad in failed.items() if any(map(_stops, bad))]
    warned = [one for bad in failed.values() for one in bad if one["severity"] == "W"]
    unexplained = sum(not one.get("explanation") for one in warned)
    return words.t(
        "quality.verdict_stopped" if stopped else "quality.verdict",
        checks=max((len(_checks(year)) for year in data.years()), default=0),
        years=words.year_listing(stopped or data.years()),
        warnings=len(warned),
        unexplained=unexplained,
    )
