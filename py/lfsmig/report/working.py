"""Tables of the working papers of each year and of the replication chapter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from IPython.display import Markdown

from lfsmig.report import data, words
from lfsmig.report.tables import escape, notes, pipe
from lfsmig.results import domain_codes

PASSED = {"passed", "pass", "ok"}
SKIPPED = {"not_applicable", "skipped"}
# What was counted, with its decimals.
COUNTS = {
    "records": 0,
    "blank_records": 0,
    "persons": 0,
    "households": 0,
    "psus": 0,
    "strata": 0,
    "weight_total": 0,
    "weight_min": 1,
    "weight_max": 1,
}


def heads(*keys: str) -> list[str]:
    """Column heads by key."""
    return [words.t(f"column.{key}") for key in keys]


def known(section: str, key: object) -> str:
    """A word of the catalogue; the key itself where the catalogue has none."""
    return words.t(f"{section}.{key}") if key in words.catalogue()[section] else str(key)


def tbl_files(year: int) -> Markdown:
    """Files received, with the start of their hashes."""
    rows = [
        [
            escape(f["name"]),
            str(f.get("format", "")),
            words.decimal(f.get("rows", 0), 0),
            words.decimal(f.get("columns", 0), 0),
            f"`{str(f.get('sha256', ''))[:12]}`",
        ]
        for f in data.summary(year).get("files", [])
    ]
    table = pipe(heads("file", "format", "rows", "columns", "sha256"), rows, "llrrl")
    version = data.summary(year).get("master")
    master = words.t("annual.master", version=version) if version else ""
    text = notes(words.t("annual.base_files"), words.t("annual.unit_count"), None, master)
    return Markdown(f"{table}\n\n{text}")


def tbl_counts(year: int) -> Markdown:
    """Unweighted and weighted counts."""
    summary = data.summary(year)
    rows = [
        [words.t(f"summary.{key}"), words.decimal(float(summary[key]), digits)]
        for key, digits in COUNTS.items()
        if summary.get(key) is not None
    ]
    table = pipe([words.t("column.item"), words.t("column.count")], rows, "lr")
    text = notes(words.t("annual.base_records"), words.t("annual.unit_count"), None)
    return Markdown(f"{table}\n\n{text}")


@words.inline
def verdict(year: int, label: str) -> str:
    """Sentence on the checks of a year, and where those that did not simply pass are listed.

    Parameters
    ----------
    label
        Label of the table of `tbl_checks`, which is empty where every check passed.
    """
    text = _verdict(year)
    rows = [c for c in data.summary(year).get("checks", []) if str(c["status"]) not in PASSED]
    return f"{text} {words.t('annual.see_checks', label=label)}" if rows else text


def _verdict(year: int) -> str:
    checks = data.summary(year).get("checks", [])
    status = [str(c["status"]) for c in checks]
    passed = sum(s in PASSED for s in status)
    if passed == len(checks):
        return words.t("annual.verdict_clean", n=len(checks))
    bad = [c for c in checks if str(c["status"]) not in PASSED | SKIPPED]
    errors = sum(c["severity"] == "E" and str(c["status"]) in data.FAILED for c in bad)
    return words.t(
        "annual.verdict_mixed",
        n=len(checks),
        passed=passed,
        errors=errors,
        warnings=len(bad) - errors,
        skipped=sum(s in SKIPPED for s in status),
    )


def tbl_checks(year: int) -> Markdown:
    """Checks of a year that did not simply pass, with what they remarked; nothing if all passed."""
    rows, flags = [], []
    for check in data.summary(year).get("checks", []):
        if str(check["status"]) in PASSED:
            continue
        text = check.get("help") or {}
        told = text.get(words.lang()) or text.get("en", "")
        why = words.remark(str(check.get("reason") or ""))
        count, share = check.get("count"), check.get("share")
        # A count of a handful of records is left out of what is released.
        secret = count is None and str(check["status"]) not in SKIPPED
        unknown = "c" if secret else words.DASH
        flags += ["c"] if secret else []
        counted = count is not None and str(check["status"]) not in SKIPPED
        number = words.decimal(float(count), 0) if counted else unknown
        rows.append(
            [
                escape(check["id"]),
                escape(f"{told} ({why})" if why else told),
                known("severity", check["severity"]),
                known("status", check["status"]),
                f"{number}\u00a0{what_counted(check)}"
                if number not in ("c", words.DASH)
                else number,
                unknown if share is None else words.decimal(100 * float(share), 2),
            ]
        )
    if not rows:
        return Markdown("")
    keys = ("check", "remark", "severity", "status", "count", "share")
    text = notes(words.t("annual.base_checks"), words.t("annual.unit_checks"), flags or None)
    return Markdown(f"{pipe(heads(*keys), rows, 'llllrr')}\n\n{text}")


def what_counted(check: Mapping[str, Any]) -> str:
    """What a check counts: records unless it says something else."""
    kind = check.get("counts") or "records"
    named = "one" if check["count"] == 1 else "many"
    return words.t(f"counted.{kind}.{named}") if kind in words.catalogue()["counted"] else kind


def tbl_engines(year: int, indicators: Sequence[str]) -> Markdown:
    """Estimates by Python and by R side by side, to all the digits that could differ."""
    frame = data.crosscheck(year)
    if frame is None:
        return Markdown("")
    frame = frame[frame["domain"].eq("{}") & frame["indicator"].isin(list(indicators))]
    order = {name: i for i, name in enumerate(indicators)}
    frame = frame.assign(_order=frame["indicator"].map(order)).sort_values("_order", kind="stable")
    rows: list[list[str]] = []
    heading = ""
    for row in data.rows(frame):
        name = cell_name(row)
        if row.category:
            # The groups of one distribution stand under its name.
            if row.indicator != heading:
                heading = row.indicator
                rows.append([escape(words.indicator_text(heading)), *[""] * 6])
            label = words.code_label(words.item_of(row.indicator), row.category)
            name = f"{words.DASH} {escape(label)}"
        rows.append(
            [
                name,
                significant(row.estimate_python),
                significant(row.estimate_r),
                significant(row.se_python, 6),
                significant(row.se_r, 6),
                difference(row.relative_difference),
                known("verdict", row.verdict),
            ]
        )
    keys = ("indicator", "python", "r", "se_python", "se_r", "difference", "verdict")
    table = pipe(heads(*keys), rows, "lrrrrrl")
    base, unit = words.t("annual.base_cells"), words.t("annual.unit_stored")
    text = notes(base, unit, None, words.t("annual.se"))
    return Markdown(f"{table}\n\n{text}")


def significant(value: float, digits: int = 10) -> str:
    """Significant digits in plain notation; a dash for nothing."""
    return words.DASH if pd.isna(value) else f"{value:.{digits}g}"


def difference(value: float | None) -> str:
    """A relative difference; a dash where there is none."""
    if value is None or pd.isna(value):
        return words.DASH
    return "0" if value == 0 else f"{value:.1e}".replace("e-", "e" + words.MINUS)


@words.inline
def agreement(year: int) -> str:
    """One sentence on how the engines agreed."""
    check = data.summary(year).get("crosscheck") or {}
    if not check.get("made"):
        reason = words.remark(check.get("reason") or "") or words.t("annual.r_missing")
        return words.t("annual.no_crosscheck", year=words.year_text(year), reason=reason)
    counts = check.get("verdicts", {})
    same = counts.get("exact", 0) + counts.get("match", 0)
    worst = check.get("worst", {})
    return words.t(
        "annual.agreement",
        year=words.year_text(year),
        cells=words.decimal(check["cells"], 0),
        same=words.decimal(same, 0),
        estimate=difference(worst.get("estimate")),
        se=difference(worst.get("se")),
    )


def made_twice() -> Markdown:
    """Say for which years both engines made the estimates."""
    made = {y: bool((data.summary(y).get("crosscheck") or {}).get("made")) for y in data.years()}
    lines = [
        words.t(f"annual.{key}", years=words.year_listing(years))
        for key, years in (
            ("made_twice", [y for y in made if made[y]]),
            ("made_once", [y for y in made if not made[y]]),
        )
        if years
    ]
    return Markdown(" ".join(lines))


def tbl_agreement() -> Markdown:
    """How the engines agreed, one row per year."""
    rows = []
    for year in data.years():
        check = data.summary(year).get("crosscheck") or {}
        counts, worst = check.get("verdicts", {}), check.get("worst", {})
        good = [counts.get("exact", 0), counts.get("match", 0)]
        rest = sum(counts.values()) - sum(good)
        if not check.get("made"):
            rows.append([words.year(year), *[words.DASH] * 6])
            continue
        numbers = [words.decimal(v, 0) for v in (check["cells"], *good, rest)]
        rows.append(
            [
                words.year(year),
                *numbers,
                difference(worst.get("estimate")),
                difference(worst.get("se")),
            ]
        )
    keys = ("year", "cells", "exact", "match", "differ", "worst_estimate", "worst_se")
    text = notes(words.t("annual.base_all_cells"), words.t("annual.unit_cells"), None)
    return Markdown(f"{pipe(heads(*keys), rows, 'lrrrrrr')}\n\n{text}")


def tbl_live(
    python: pd.DataFrame | None, r: pd.DataFrame | None, year: int, indicator: str
) -> Markdown:
    """Estimates just made, by each engine that ran, beside the released value of the same cell.

    A cell that the publication rules withhold is not shown here either.
    """
    if python is None:
        return Markdown(words.t("annual.no_microdata"))
    cells = data.series(indicator)
    released: dict[str, Any] = {
        row.category: row for row in data.rows(cells[cells["year"].eq(year)])
    }
    rows = []
    order = words.codes_in_order(words.item_of(indicator), list(released))
    for engine, frame in (("Python", python), ("R", r)):
        made = {} if frame is None else {row.category: row for row in data.rows(frame)}
        for row in (made[code] for code in order if code in made):
            beside = released[row.category]
            if beside.flag in data.WITHHELD:
                continue
            label = words.code_label(words.item_of(indicator), row.category)
            rows.append(
                [
                    engine,
                    escape(label),
                    significant(row.estimate),
                    significant(row.se, 6),
                    significant(beside.estimate),
                ]
            )
    if not rows:
        return Markdown(words.t("annual.withheld_live"))
    head = [*heads("engine", "category", "estimate", "se"), words.t("annual.released")]
    base = words.indicator_text(indicator, "base") or words.indicator_text(indicator)
    # Ten digits side by side are shares as stored, not per cent.
    text = notes(base, words.t("annual.unit_share"), None)
    return Markdown(f"{pipe(head, rows, 'llrrr')}\n\n{text}")


def cell_name(row: Any, with_unit: bool = False, kind: str = "") -> str:
    """Name a cell in words: indicator, category, domain, what of it, unit where it is printed."""
    label = words.indicator_text(row.indicator)
    # Of a yes-or-no item the label says already what the answer yes means.
    if row.category not in ("", "yes"):
        label += f": {words.code_label(words.item_of(row.indicator), row.category)}"
    codes = domain_codes(row.domain)
    if codes:
        label += f" – {', '.join(words.code_label(name, codes[name]) for name in codes)}"
    if kind:
        label = words.t(kind, label=label)
    # A decision on a cell has no unit.
    if with_unit and row.unit:
        stated = row.unit == "percent" and words.states_base(row.indicator)
        label += "" if stated else f" ({words.unit_name(row.unit)})"
    return escape(label)
