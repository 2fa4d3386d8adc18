"""Places in tables and sentences: averages over spans of years, and the rates of one year."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from IPython.display import Markdown

from lfsmig.report import data, serial_breaks, words
from lfsmig.report.data_tables import cell_notes, data_div
from lfsmig.report.tables import cell, escape, flag_legend, interval, pipe, print_unit, source_line

MOST = 5  # places that a sentence names


def _spans(frame: pd.DataFrame) -> list[tuple[int, int]]:
    pairs = frame[["year_from", "year_to"]].drop_duplicates().itertuples(index=False, name=None)
    return sorted((int(first), int(last)) for first, last in pairs)


def pool_tables(indicators: Sequence[str], by: str = "province") -> Markdown:
    """Tables behind the pooled flows: for each span a row per place, a column per indicator."""
    parts = {name: data.pools_by(name, by) for name in indicators}
    spans = _spans(pd.concat(parts.values()))
    if not spans:
        return data_div(indicators, words.t("pool.title"), words.t("figure.nothing"))
    texts = [_pool_table(parts, span, by) for span in spans]
    return Markdown("\n\n".join(
        data_div(
            indicators, f"{words.t('pool.title')}, {words.span(list(span))}", text,
        ).data
        for span, text in zip(spans, texts, strict=True)
    ))  # fmt: skip


def _pool_table(parts: dict[str, pd.DataFrame], span: tuple[int, int], by: str) -> str:
    held: dict[str, tuple[dict[str, Any], str]] = {}
    for name, every in parts.items():
        frame = every[every["year_from"].eq(span[0]) & every["year_to"].eq(span[1])]
        if len(frame):
            unit = print_unit(frame, str(frame["unit"].iloc[0]))
            held[name] = {row.code: row for row in data.rows(frame)}, unit
    codes = sorted({code for found, _ in held.values() for code in found})
    rows = [
        [
            escape(words.code_label(by, code)),
            *(_value(found.get(code), unit) for found, unit in held.values()),
        ]
        for code in codes
    ]
    heads = [words.t(f"pool.column.{name.rpartition('.')[2]}") for name in held]
    cells = [row for found, _ in held.values() for row in found.values()]
    flags = [str(row.flag) for row in cells]
    units = {words.unit_name(unit) for _, unit in held.values()}
    within = [
        one for one in serial_breaks.marked(list(held), by)
        if any(one.between(year, year + 1) for year in range(*span))
    ]  # fmt: skip
    told = [
        words.t("pool.note", years=words.span(list(span))), words.t("table.se"),
        words.t("table.unit", unit=words.listing(sorted(units))),
        serial_breaks.sentence(within, "map.breaks"), flag_legend(flags, {r.reason for r in cells}),
        words.t("table.source", source=source_line()),
    ]  # fmt: skip
    table = pipe([words.t(f"column.{by}"), *heads], rows, "l" + "r" * len(heads))
    return f"{table}\n\n::: {{.table-notes}}\n{' '.join(part for part in told if part)}\n:::"


def _value(row: Any, unit: str) -> str:
    return words.DASH if row is None else cell(row.estimate, row.se, unit, row.flag)


def place_table(indicator: str, by: str = "province") -> Markdown:
    """Table behind a map of the report year: a row per place."""
    frame = data.series(indicator, by=by)
    frame = frame[frame["year"].eq(data.report_year())]
    title = words.indicator_text(indicator) + words.t(
        "table.by", variable=words.t(f"column.{by}").lower()
    )
    title += f", {words.year_text(data.report_year())}"
    if frame.empty:
        return data_div(indicator, title, words.t("figure.nothing"))
    unit = print_unit(frame, str(frame["unit"].iloc[0]))
    rows = []
    for row in data.rows(frame.sort_values("code")):
        shown = row.flag not in data.WITHHELD
        rows.append([
            escape(words.code_label(by, row.code)), _value(row, unit),
            interval(row.ci_low, row.ci_high, unit) if shown else words.DASH,
            words.decimal(float(row.n), 0) if row.flag != "c" else words.DASH,
        ])  # fmt: skip
    head = [words.t(f"column.{key}") for key in (by, "estimate_se", "ci", "n")]
    more = f"{words.t('table.se')} {words.t('table.ci')}"
    told = cell_notes(frame, indicator, unit, more)
    return data_div(indicator, title, f"{pipe(head, rows, 'lrrr')}\n\n{told}")


def places_finding(indicator: str, by: str = "province") -> Markdown:
    """Name the places with the highest and the lowest rate of the report year."""
    frame = data.series(indicator, by=by)
    frame = frame[frame["year"].eq(data.report_year()) & data.quotable(frame)]
    frame = frame.dropna(subset=["estimate"])
    if len(frame) < 2:
        return Markdown(words.t("finding.none"))
    ordered = frame.sort_values("estimate", ascending=False)
    unit = print_unit(frame, str(frame["unit"].iloc[0]))
    ends = [
        words.listing([_named(row, unit, by) for row in data.rows(part)])
        for part in (ordered.head(3), ordered.tail(3).iloc[::-1])
    ]
    return Markdown(
        words.t(
            "pool.places", label=words.indicator_text(indicator),
            year=words.year_text(data.report_year()), high=ends[0], low=ends[1], n=len(frame),
        )
    )  # fmt: skip


def _named(row: Any, unit: str, by: str) -> str:
    low, high = words.number(row.ci_low, unit), words.number(row.ci_high, unit)
    return words.t(
        "finding.net.region", name=words.code_label(by, row.code),
        value=words.number(row.estimate, unit), low=low, high=high,
    )  # fmt: skip


def pools_finding(indicator: str, by: str = "province") -> Markdown:
    """Say for each span which places gained and which lost, by intervals that leave zero out.

    With so many places some intervals leave zero out by chance, and the sentence says how many.
    """
    frame = data.pools_by(indicator, by)
    frame = frame[data.quotable(frame)].dropna(subset=["estimate"])
    lines = []
    for span in _spans(frame):
        cells = frame[frame["year_from"].eq(span[0])]
        unit = print_unit(cells, str(cells["unit"].iloc[0]))
        gain = cells[cells["ci_low"] > 0].sort_values("estimate", ascending=False)
        loss = cells[cells["ci_high"] < 0].sort_values("estimate")
        parts = [
            words.t(
                f"pool.{key}_more" if len(part) > MOST else f"pool.{key}", n=len(part),
                names=words.listing([_named(row, unit, by) for row in data.rows(part.head(MOST))]),
            )
            for key, part in (("gain", gain), ("loss", loss)) if len(part)
        ]  # fmt: skip
        lines.append("- " + words.t(
            "pool.finding", label=words.indicator_text(indicator), years=words.span(list(span)),
            unit=words.unit_name(unit), shown=len(cells),
            told=words.t("pool.joint").join(parts) if parts else words.t("pool.nothing"),
            chance=words.decimal(0.05 * len(cells), 0),
        ))  # fmt: skip
    return Markdown("\n".join(lines) or words.t("finding.none"))
