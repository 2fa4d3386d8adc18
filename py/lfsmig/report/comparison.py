"""Published figures beside our estimates: where each was printed, and what was done to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from IPython.display import Markdown

from lfsmig.report import data, printed, words
from lfsmig.report.tables import break_note, escape, flag_legend, pipe, source_line
from lfsmig.report.working import cell_name, heads

# Published figures that are not the value of one year, and the words for them.
KINDS = {"average": "annual.average", "change": "annual.change"}
# How far a figure is from what was printed, and its mark.
MARKS = {"derived": "‡", "edited": "§"}
LONGEST = 24  # characters of a published figure with its limit; statements have more


def tbl_published(year: int | None = None) -> Markdown:
    """Published figures beside our estimates, with their sources; a sentence where none is."""
    frame = data.published(year)
    if frame.empty:
        return Markdown(words.t("annual.no_published"))
    frame = frame.sort_values(["year", "figure"], kind="stable")
    numbers = {key: n for n, key in enumerate(dict.fromkeys(frame["source"]), start=1)}
    rows: list[list[str]] = []
    flags: list[str] = []
    broken = False
    for row in data.rows(frame):
        statistic = str(row.statistic)
        before = printed.change_from(row) if statistic == "change" else 0
        mark = "†" if statistic == "change" and _crosses_break(row, before) else ""
        broken |= bool(mark)
        flag = _withheld(row) if row.verdict == "not_comparable" else ""
        flags.append(flag)
        rows.append(
            [
                escape(row.figure),
                printed.years(row),
                _name(row) + mark,
                printed.told(row) + MARKS.get(row.reliability, ""),
                printed.ours(row, flag if pd.isna(row.estimate) else ""),
                words.decimal(row.z, 2),
                printed.verdict(row),
                _place(numbers[row.source], row.page),
            ]
        )
    keys = ("figure", "year", "indicator", "published", "estimate_se", "z", "verdict", "source")
    parts = [
        words.t("table.base", base=words.t("annual.base_published")),
        words.t("table.unit", unit=words.t("annual.unit_mixed")),
        words.t("annual.comparing", dash=words.DASH),
        *_marks(frame),
        _incomparable(frame),
        break_note("broken_rows") if broken else "",
        flag_legend(flags) if any(flags) else "",
        words.t("published.estimates", source=source_line()),
    ]
    text = " ".join(part for part in parts if part)
    listed = "\n\n".join([text, *_sources(numbers)])
    # Statements are words; a column of figures keeps the room that they need.
    said = any(len(row[3]) > LONGEST for row in rows)
    table = pipe(heads(*keys), rows, "llllrrll" if said else "lllrrrll")
    return Markdown(f"{table}\n\n::: {{.table-notes}}\n{listed}\n:::")


def tbl_not_compared() -> Markdown:
    """How many published figures have no cell beside them, by the reason."""
    frame = data.not_compared()
    if frame.empty:
        # A row all the same: the text refers to the table.
        rows = [[words.DASH, "0"]]
    else:
        counted = frame.groupby(words.lang(), sort=False)["figure"].count()
        rows = [[escape(str(why)), words.decimal(float(n), 0)] for why, n in counted.items()]
    # These are no estimates of ours: their source is not the survey.
    parts = [
        words.t("table.base", base=words.t("annual.base_not_compared")),
        words.t("table.unit", unit=words.t("annual.unit_figures")),
        words.t("table.source", source=words.t("annual.from_published")),
    ]
    text = "::: {.table-notes}\n" + " ".join(parts) + "\n:::"
    return Markdown(f"{pipe(heads('why', 'figures'), rows, 'lr')}\n\n{text}")


def _name(row: Any) -> str:
    """What a figure is of; a sum of cells by the register's own words."""
    kind = KINDS.get(str(row.statistic), "")
    if not printed.entry(row).get("label"):
        return cell_name(row, True, kind)
    label = f"{words.indicator_text(row.indicator)}: {printed.cell_words(row)[0]}"
    if kind:
        label = words.t(kind, label=label)
    return escape(f"{label} ({words.unit_name(row.unit)})")


def _place(number: int, page: str) -> str:
    return words.t("published.page", n=number, page=page) if page else str(number)


def _marks(frame: pd.DataFrame) -> list[str]:
    """What was done to figures that are not as printed, each with its remark."""
    remarks = data.remarks()
    texts = []
    for reliability, mark in MARKS.items():
        figures = frame.loc[frame["reliability"].eq(reliability), "figure"]
        told = [_remark(figure, remarks) for figure in figures]
        if told:
            listed = words.t("published.joint").join(told)
            texts.append(words.t(f"published.{reliability}", mark=mark, figures=listed))
    return texts


def _remark(figure: str, remarks: Mapping[str, Mapping[str, str]]) -> str:
    text = remarks.get(figure, {}).get(words.lang(), "")
    return words.t("published.remark", figure=figure, text=text) if text else figure


def _incomparable(frame: pd.DataFrame) -> str:
    """Why figures are not compared, those with one reason together."""
    reasons: dict[str, list[str]] = {}
    for row in data.rows(frame):
        reason = (printed.entry(row).get("reason") or {}).get(words.lang())
        if reason:
            reasons.setdefault(str(reason), []).append(str(row.figure))
    told = [
        words.t("published.remark", figure=words.t("listing_comma").join(figures), text=reason)
        for reason, figures in reasons.items()
    ]
    if not told:
        return ""
    return words.t("published.incomparable", figures=words.t("published.joint").join(told))


def _sources(numbers: Mapping[str, int]) -> list[str]:
    """The list of sources: number, title, publisher, address."""
    known_sources = data.sources()
    lines = []
    for key, number in numbers.items():
        found = known_sources.get(key, {})
        kind = found.get("kind", "")
        lines.append(
            words.t(
                "published.source",
                n=number,
                kind=words.t(f"published.kind.{kind}") if kind else "",
                title=_named(found, "title") or key,
                publisher=_named(found, "publisher"),
                url=f"<{found['url']}>" if found.get("url") else "",
            )
        )
    return [words.t("published.sources"), *lines]


def _named(source: Mapping[str, str], name: str) -> str:
    """Title or publisher in the edition's language, else as the table has it."""
    return source.get(f"{name}_{words.lang()}") or source.get(name, "")


@words.inline
def published_figure(figure: str) -> str:
    """A published number of persons for running text, in millions."""
    frame = data.published()
    found = frame[frame["figure"].eq(figure)] if len(frame) else frame
    if found.empty:
        return words.DASH
    return words.t("quantity.million", n=words.decimal(found["published"].iloc[0] / 1e6, 2))


@words.inline
def breaks_found() -> str:
    """Sentence on where the sum of weights was found to jump."""
    pairs = [
        words.t("breaks.pair", before=words.year_text(a), after=words.year_text(b))
        for a, b in data.breaks()
    ]
    return words.t("breaks.found", pairs=words.listing(pairs)) if pairs else words.t("breaks.none")


def _crosses_break(row: Any, before: int) -> bool:
    """Whether a change of a count runs across a change of the population projections."""
    counted = row.unit in ("persons", "baht")
    return counted and any(before <= a and b <= printed.last_year(row) for a, b in data.breaks())


def _withheld(row: Any) -> str:
    """The symbol of the released cell that stands behind a published figure without estimate."""
    try:
        year = int(str(row.year))
    except ValueError:  # an average of years: withheld as soon as one of its years is
        first, _, last = str(row.year).partition("-")
        span = [y for y in data.years() if int(first) <= y <= int(last)]
    else:
        span = [year] if year in data.years() else []
    flags = set()
    for each in span:
        cells = data.estimates(each)
        same = cells["indicator"].eq(row.indicator) & cells["domain"].eq(row.domain)
        flags |= set(cells.loc[same & cells["category"].eq(row.category), "flag"])
    return next((flag for flag in data.WITHHELD if flag in flags), "")
