"""The table behind an exhibit: estimates with standard errors, intervals and sample sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
from IPython.display import Markdown

from lfsmig.report import data, printed, serial_breaks, words
from lfsmig.report.tables import (
    break_note,
    cell,
    escape,
    interval,
    notes,
    occurring,
    pipe,
    print_unit,
    review_reasons,
    row_label,
    several,
    several_notes,
)

if TYPE_CHECKING:
    from lfsmig.params import Break

INDENT = "\u2003"
YEARLY = ("estimate", "se", "ci", "n", "flag")


def data_table(
    indicators: str | Sequence[str], by: str | None = None, category: str | None = None
) -> Markdown:
    """Table behind an exhibit: folded on screen, in the appendix of the printed editions.

    Parameters
    ----------
    indicators
        An indicator, or several that stand in one exhibit.
    by, category
        As the exhibit has them: every code of a variable, one category of a share.
    """
    names = [indicators] if isinstance(indicators, str) else list(indicators)
    if isinstance(indicators, str):
        title, body = _one(indicators, by, category)
    else:
        title, body = _several(list(indicators), category)
    return data_div(names, title, body, by, category)


def data_div(
    indicators: str | Sequence[str],
    title: str,
    body: str,
    by: str | None = None,
    category: str | None = None,
) -> Markdown:
    """Put a table behind its exhibit, with the public files of its indicators one click away.

    What others have published of the exhibit stands before it, where the reader of the exhibit
    sees it.
    """
    names = [indicators] if isinstance(indicators, str) else list(indicators)
    marks = f'title="{title}" label="{words.t("table.data")}" letter="{words.t("table.letter")}"'
    files = [name for name in names if data.has_public_table(name)]
    if files:
        told = words.t("table.files")
        labels = "|".join(escape(words.indicator_text(name)) for name in files)
        marks += f' files="{" ".join(files)}" download="{told}" names="{labels}"'
    published = printed.beside(names, by, category)
    return Markdown(f"{published}\n\n::: {{.data-table {marks}}}\n\n{body}\n\n:::".lstrip())


def _one(indicator: str, by: str | None, category: str | None) -> tuple[str, str]:
    frame = data.series(indicator, by=by, category=category)
    title = words.indicator_text(indicator)
    # An indicator that exists by region only says so in its label.
    if by is not None and [] in (words.register().get(indicator) or {}).get("by", [[]]):
        title += words.t("table.by", variable=words.t(f"column.{by}").lower())
    if frame.empty:
        return title, _absent(indicator)
    if by is not None:
        return title, _by_code(frame, "code", by, indicator)
    if category is None and frame["category"].ne("").any():
        return title, _by_code(frame, "category", words.item_of(indicator), indicator)
    return title, _by_year(frame, indicator)


def _absent(indicator: str) -> str:
    """Say why an indicator has no table."""
    reason = data.absent_reason(indicator) or words.t("table.absent_unasked")
    return words.t("table.absent", reason=reason)


def _by_year(frame: pd.DataFrame, indicator: str) -> str:
    """One row per year: estimate, standard error, interval, sample size, symbol."""
    unit = print_unit(frame, str(frame["unit"].iloc[0]))
    breaks = serial_breaks.marked(indicator)
    rows = [
        [serial_breaks.year_head(row.year, breaks), *_cells(row, unit)] for row in data.rows(frame)
    ]
    table = pipe([words.t(f"column.{key}") for key in ("year", *YEARLY)], rows, "lrrrrc")
    told = f"{words.t('table.ci')} {serial_breaks.sentence(breaks)}".rstrip()
    return f"{table}\n\n{cell_notes(frame, indicator, unit, told)}"


def _cells(row: Any, unit: str) -> list[str]:
    """What a row of one year shows: columns `YEARLY`."""
    values = [words.DASH] * 3
    if row.flag not in data.WITHHELD:
        values = [
            words.number(row.estimate, unit),
            words.number(row.se, unit),
            interval(row.ci_low, row.ci_high, unit),
        ]
    cases = words.DASH if row.flag == "c" else words.decimal(float(row.n), 0)
    return [*values, cases, escape(row.flag)]


def _by_code(frame: pd.DataFrame, column: str, variable: str, indicator: str) -> str:
    """Rows for each category or region, a column for each year."""
    unit = print_unit(frame, str(frame["unit"].iloc[0]))
    codes = words.codes_in_order(variable, occurring(frame, column))
    parts = {words.code_label(variable, c): (frame[frame[column].eq(c)], unit) for c in codes}
    head = words.t("column.category") if column == "category" else words.t(f"column.{variable}")
    shown = frame[frame[column].isin(codes)]
    breaks = serial_breaks.marked(indicator, variable)
    told = [words.t("table.se"), words.t("table.ci"), words.regions_note(variable)]
    more = " ".join(part for part in (*told, serial_breaks.sentence(breaks)) if part)
    return f"{years_across(head, parts, breaks)}\n\n{cell_notes(shown, indicator, unit, more)}"


def _several(names: list[str], category: str | None) -> tuple[str, str]:
    """The years of each indicator below its name: their units and sizes differ."""
    used = several(names, category)
    title = words.listing([words.indicator_text(name) for name in names[:2]])
    if len(names) > 2:
        first = words.indicator_text(names[0])
        title = words.t("table.more", label=first, n=len(names) - 1)
    if not used:
        return title, _absent(names[0])
    broken = bool(data.breaks()) and any(data.is_count(frame) for frame in used.values())
    rows: list[list[str]] = []
    for name, frame in used.items():
        unit = print_unit(frame, str(frame["unit"].iloc[0]))
        mark = "†" if broken and data.is_count(frame) else ""
        rows.append([escape(row_label(name, unit)) + mark, *[""] * len(YEARLY)])
        breaks = serial_breaks.marked(name)
        rows += [
            [INDENT + serial_breaks.year_head(r.year, breaks), *_cells(r, unit)]
            for r in data.rows(frame)
        ]
    table = pipe([words.t(f"column.{key}") for key in ("indicator", *YEARLY)], rows, "lrrrrc")
    return title, f"{table}\n\n{several_notes(used, words.t('table.ci'), broken)}"


def years_across(
    head: str, parts: Mapping[str, tuple[pd.DataFrame, str]], breaks: Sequence[Break]
) -> str:
    """Below each estimate its interval, and its sample size unless all rows share one."""
    years = data.years()
    sizes = {label: _sizes(frame) for label, (frame, _) in parts.items()}
    shared = _shared(list(sizes.values()), years)
    signed = any(frame["ci_low"].min() < 0 for frame, _ in parts.values())
    rows: list[list[str]] = []
    for label, (frame, unit) in parts.items():
        found = {row.year: row for row in data.rows(frame)}
        rows.append([escape(label), *(_estimate(found.get(y), unit) for y in years)])
        if frame["ci_low"].notna().any():
            intervals = [_interval(found.get(y), unit, signed) for y in years]
            rows.append([INDENT + words.t("column.ci"), *intervals])
        if shared is None:
            counts = [_count(sizes[label].get(y)) for y in years]
            rows.append([INDENT + words.t("column.n"), *counts])
    if shared is not None:
        rows.append([words.t("column.n"), *(_count(shared.get(y)) for y in years)])
    heads = [serial_breaks.year_head(y, breaks) for y in years]
    return pipe([head, *heads], rows, "l" + "r" * len(years), even=True)


def _sizes(frame: pd.DataFrame) -> dict[int, float]:
    """Sample size by year, as far as it may be told."""
    told = frame[~frame["flag"].isin(data.WITHHELD)].dropna(subset=["n"])
    return dict(zip(told["year"], told["n"], strict=True))


def _shared(sizes: Sequence[Mapping[int, float]], years: Sequence[int]) -> dict[int, float] | None:
    """The one sample size of each year, where all rows have the same; else nothing."""
    every = {year: {size[year] for size in sizes if year in size} for year in years}
    if any(len(found) > 1 for found in every.values()):
        return None
    return {year: found.pop() for year, found in every.items() if found}


def _estimate(row: Any, unit: str) -> str:
    return words.DASH if row is None else cell(row.estimate, row.se, unit, row.flag)


def _interval(row: Any, unit: str, signed: bool) -> str:
    if row is None or row.flag in data.WITHHELD:
        return ""
    return interval(row.ci_low, row.ci_high, unit, signed)


def _count(value: float | None) -> str:
    return words.DASH if value is None else words.decimal(float(value), 0)


def cell_notes(frame: pd.DataFrame, indicator: str, unit: str, more: str) -> str:
    """Lines below a table of one indicator: base, unit, note, break, symbols, source."""
    base = words.indicator_text(indicator, "base") or words.indicator_text(indicator)
    note = words.indicator_text(indicator, "note")
    extra = words.t("table.note", note=note) if note else ""
    broken = break_note() if data.is_count(frame) else ""
    flags, reasons = list(frame["flag"]), review_reasons(frame)
    return notes(base, words.unit_name(unit), flags, more, extra, broken, reasons=reasons)
