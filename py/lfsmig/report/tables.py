"""Tables as Markdown pipe tables: the one kind that is right in every format.

Numbers are formatted here and nowhere else. Below every table stand its base, unit, source and
the meaning of the symbols in it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import pandas as pd
from IPython.display import Markdown

from lfsmig.params.models import ItemNonresponse
from lfsmig.report import data, serial_breaks, words
from lfsmig.results import UNKNOWN_ANSWERS

PAGE = 92  # characters of a table's type that fit the printed page
SHORT = 14  # characters that a head above numbers takes at most
# Flags of values that are shown: they stand beside the value.
MARKED = ("*", "r", "+")
LEAST = 16  # width that a column of long texts has at least
KEPT = 16  # width up to which a column of text keeps what it needs


def escape(text: object) -> str:
    """Make a text safe inside a pipe table's cell."""
    return (
        str(text).replace("\\", "\\\\").replace("|", "\\|").replace("*", "\\*").replace("_", "\\_")
    )


def width(text: str) -> int:
    """Columns a text takes when printed: Thai marks and the signs of a raised letter take none."""
    return sum(unicodedata.category(letter) not in {"Mn", "Cf"} for letter in text if letter != "^")


def pipe(
    header: Sequence[str], rows: Sequence[Sequence[str]], align: str, even: bool = False
) -> str:
    """Write a pipe table; `align` has one letter (l, r, c) per column.

    Where a line is long, pandoc takes the columns' widths from the dashes: columns of numbers get
    what they need, columns of text share the rest of the page.
    """
    needed = _needed(header, rows, align, _cell_width)
    # Where numbers need all the room, words get what their letters' number asks for.
    long = _long_texts(needed, align)
    others = sum(size + 1 for i, size in enumerate(needed) if i not in long)
    if others + LEAST * len(long) > PAGE:
        needed = _needed(header, rows, align, width)
    if even:  # a column of years is as wide as its neighbours, whatever it holds
        numbers = [i for i, letter in enumerate(align) if letter == "r"]
        most = max((needed[i] for i in numbers), default=0)
        needed = [most if i in numbers else size for i, size in enumerate(needed)]
    widths = _page_widths(needed, align)
    rule = {"l": (":", ""), "r": ("", ":"), "c": (":", ":")}
    dashes = [rule[a][0] + "-" * size + rule[a][1] for a, size in zip(align, widths, strict=True)]
    lines = [header, dashes, *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _cell_width(text: str) -> int:
    """Room that a cell needs so that a word of its own stays on one line.

    Thai letters are wider than the average that `PAGE` counts in; a word is not to be taken apart.
    """
    thai = sum("\u0e01" <= letter <= "\u0e46" for letter in text if width(letter))
    needed = width(text)
    return needed + (thai + 3) // 4 if needed <= KEPT else needed


def _needed(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    align: str,
    measure: Callable[[str], int],
) -> list[int]:
    """Room that each column needs by a measure of its cells."""
    return [
        max([3, *(measure(str(row[i])) for row in rows), _head_width(name, align[i])])
        for i, name in enumerate(header)
    ]


def _long_texts(needed: Sequence[int], align: str) -> list[int]:
    """Columns of texts that are too long to keep what they need."""
    return [i for i, letter in enumerate(align) if letter == "l" and needed[i] + 2 > KEPT]


def _page_widths(needed: Sequence[int], align: str) -> list[int]:
    """Widths that fit the page: long texts give way, and where there is no room the gaps too."""
    texts = _long_texts(needed, align)
    gap = 2 if sum(needed) + 2 * len(needed) <= PAGE else 1
    widths = [size + gap for size in needed]
    room = max(PAGE - sum(w for i, w in enumerate(widths) if i not in texts), LEAST * len(texts))
    wanted = sum(widths[i] for i in texts)
    for i in texts if wanted > room else ():
        widths[i] = max(5, min(widths[i], round(room * widths[i] / wanted)))
    return widths


def _head_width(name: str, letter: str) -> int:
    """Room that a column's head needs; above numbers it may take several lines."""
    if letter == "l":
        return width(name)
    # One more than the letters: heads are bold.
    return min(SHORT, max(map(width, name.split()), default=3) + 1)


def flag_legend(flags: Sequence[str], reasons: Iterable[str] = ()) -> str:
    """Meaning of the symbols that occur; `reasons` are those of `review_reasons`."""
    seen = [flag for flag in data.FLAGS if flag in set(flags)]
    if not seen:
        return words.t("table.no_flags")
    told = set(reasons)
    why = review_text(told)
    meanings = [unknown_meaning(f, told) or words.t(f"flag.{f}", why=why) for f in seen]
    return words.t("table.flags", flags="; ".join(meanings))


def review_text(reasons: Collection[str]) -> str:
    """Why values are to be reviewed."""
    known = [why for why in words.catalogue()["review"] if why in reasons] or ["df"]
    return words.t("review.or").join(words.t(f"review.{name}") for name in known)


def marked(value: float, unit: str, flag: str) -> str:
    """A value as a chart writes it, with the symbol that it carries."""
    return words.number(value, unit) + (flag if flag in MARKED else "")


def marks_legend(frame: pd.DataFrame) -> str:
    """Meaning of the symbols beside the values of a chart, of those that occur; else nothing."""
    flags = [flag for flag in frame["flag"] if flag in MARKED]
    return flag_legend(flags, review_reasons(frame)).replace("\\", "") if flags else ""


def unknown_meaning(flag: str, reasons: Collection[str]) -> str:
    """Meaning of a symbol that stands where many answers are unknown; empty where it does not."""
    of_flag = {reason for reason in reasons if reason.startswith(f"{flag}:")}
    if f"{flag}:{UNKNOWN_ANSWERS}" not in of_flag:
        return ""
    limits = unknown_limits()
    limit = limits.withhold_above if flag == "s" else limits.flag_above
    key = "only" if len(of_flag) == 1 else "also"
    return words.t(f"unknown.{key}.{flag}", limit=words.decimal(100 * limit, 0))


def unknown_limits() -> ItemNonresponse:
    """Limits of unknown answers, as rules.yml states them."""
    return ItemNonresponse.model_validate(data.rules().get("item_nonresponse", {}))


def review_reasons(frame: pd.DataFrame) -> list[str]:
    """Why rows of a table are to be reviewed; with their symbol, why others carry theirs."""
    if "reason" not in frame:
        return []
    others = frame.loc[frame["flag"].isin(["*", "s"]), ["flag", "reason"]].drop_duplicates()
    named = [f"{flag}:{reason}" for flag, reason in others.itertuples(index=False)]
    return [*frame.loc[frame["flag"].eq("r"), "reason"].unique(), *named]


def notes(
    base: str,
    unit: str,
    flags: Sequence[str] | None,
    *more: str,
    reasons: Iterable[str] = (),
) -> str:
    """The lines below a table: base, unit, symbols, source."""
    parts = [words.t("table.base", base=base), words.t("table.unit", unit=unit), *more]
    if flags is not None:
        parts.append(flag_legend(flags, reasons))
    parts.append(words.t("table.source", source=source_line()))
    return "::: {.table-notes}\n" + " ".join(p for p in parts if p) + "\n:::"


def source_line() -> str:
    """What the estimates were made from."""
    return words.t("table.from_synthetic" if data.synthetic() else "table.from_survey")


def cell(value: float, se: float, unit: str, flag: str) -> str:
    """An estimate with its standard error, or the symbol that withholds it."""
    if flag in data.WITHHELD:
        return flag
    text = words.number(value, unit)
    if pd.isna(value):
        return text
    # Where nobody (or everybody) is in the group, the sample gives no standard error.
    error = "" if pd.isna(se) or se == 0 else f" ({words.number(se, unit)})"
    return f"{text}{error}{escape(flag)}"


def interval(low: float, high: float, unit: str, signed: bool = False) -> str:
    """Write a confidence interval: `0.9–1.1`, and in words where a minus would follow the dash."""
    if pd.isna(low) or pd.isna(high):
        return words.DASH
    if low >= 0 and not signed:
        return f"{words.number(low, unit)}–{words.number(high, unit)}"
    return words.t("table.interval", low=words.number(low, unit), high=words.number(high, unit))


def occurring(frame: pd.DataFrame, column: str = "category") -> list[str]:
    """Codes with a case or a withheld value in some year: a class that cannot occur is no row."""
    occurs = frame["estimate"].ne(0) | frame["flag"].isin(data.WITHHELD)
    return list(frame.loc[occurs, column].unique())


def tbl_overview(indicators: Sequence[str], category: str | None = None) -> Markdown:
    """One row per indicator, one column per year: estimates with their symbols."""
    years = data.years()
    rows: list[list[str]] = []
    used = several(indicators, category)
    broken = bool(data.breaks()) and any(data.is_count(frame) for frame in used.values())
    nothing = float("nan")
    same = {str(frame["unit"].iloc[0]) for frame in used.values()} == {"percent"}
    every = pd.concat(used.values()) if used else pd.DataFrame()
    for name, frame in used.items():
        # Rates side by side have the same decimals.
        unit = print_unit(every if same else frame, str(frame["unit"].iloc[0]))
        found: dict[int, Any] = {row.year: row for row in data.rows(frame)}
        values = [
            cell(found[y].estimate, nothing, unit, found[y].flag) if y in found else words.DASH
            for y in years
        ]
        mark = "†" if broken and data.is_count(frame) else ""
        rows.append([escape(row_label(name, unit)) + mark, *values])
    breaks = serial_breaks.marked(list(used))
    head = [words.t("column.indicator"), *(serial_breaks.year_head(y, breaks) for y in years)]
    table = pipe(head, rows, "l" + "r" * len(years), even=True)
    return Markdown(f"{table}\n\n{_overview_notes(used, broken)}")


def several(indicators: Sequence[str], category: str | None = None) -> dict[str, pd.DataFrame]:
    """Series of indicators that stand in one table; of a yes-or-no share the part that says yes."""
    found = {}
    for name in indicators:
        frame = data.series(name)
        if frame["category"].ne("").any():
            frame = frame[frame["category"].eq(category or "yes")]
        if not frame.empty:
            found[name] = frame
    return found


def row_label(indicator: str, unit: str) -> str:
    """An indicator with the unit of its row, unless the label states it."""
    label = words.indicator_text(indicator)
    if unit.startswith("percent") and words.states_base(indicator):
        return label
    return f"{label} ({words.unit_name(unit)})"


def _overview_notes(used: dict[str, pd.DataFrame], broken: bool) -> str:
    """The lines below an overview: its errors stand in the data table that follows it."""
    return several_notes(used, words.t("table.errors_elsewhere"), broken)


def several_notes(used: dict[str, pd.DataFrame], more: str, broken: bool) -> str:
    """Bases of the rows, the break in the counts, symbols and source."""
    bases: dict[str, list[str]] = {}
    for name, frame in used.items():
        base = words.indicator_text(name, "base")
        if base and not data.is_count(frame):
            bases.setdefault(base, []).append(words.indicator_text(name))
    told = [
        words.t("table.base_of", labels=words.listing(labels), base=base)
        if len(bases) > 1
        else base
        for base, labels in bases.items()
    ]
    flags = [flag for frame in used.values() for flag in frame["flag"]]
    parts = [
        words.t("table.bases", bases="; ".join(told)) if told else "",
        more,
        break_note("broken_rows") if broken else "",
        serial_breaks.sentence(serial_breaks.marked(list(used))),
        flag_legend(flags, [why for f in used.values() for why in review_reasons(f)]),
        words.t("table.source", source=source_line()),
    ]
    return "::: {.table-notes}\n" + " ".join(p for p in parts if p) + "\n:::"


def break_note(key: str = "broken") -> str:
    """Between which years counts are not comparable."""
    return " ".join(
        words.t(f"table.{key}", before=words.year_text(before), after=words.year_text(after))
        for before, after in data.breaks()
    )


def print_unit(frame: pd.DataFrame, unit: str) -> str:
    """How a unit is printed: large sums of baht in millions, rates with the decimals they need."""
    largest = frame["estimate"].abs().max()
    if unit == "baht" and largest >= 1e7:
        return "million_baht"
    if unit == "percent" and largest >= 10:
        return "percent_large"
    if unit == "percent" and largest < 0.1:
        return "percent_small"
    return unit


def notice(short: bool = True) -> Markdown:
    """Callout that the figures are synthetic; nothing where they come from a survey."""
    if not data.synthetic():
        return Markdown("")
    title, text = words.t("notice.title"), words.t("notice.short" if short else "notice.text")
    return Markdown(f"::: {{.callout-warning}}\n## {title}\n\n{text.strip()}\n:::")
