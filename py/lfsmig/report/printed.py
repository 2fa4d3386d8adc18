"""What others have printed, as words and numbers: for the table of all figures and beside exhibits.

A figure keeps the digits that its source prints: 1.2 is not 1.20, and 55 is not 55.0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from lfsmig.report import data, words
from lfsmig.report.tables import cell, escape
from lfsmig.results import domain_codes, domain_text


def entry(row: Any) -> dict[str, Any]:
    """What the register says of a published figure beside its id; empty where it names only that.

    A figure may stand at several cells; the entry is that of the row's cell.
    """
    entries = (words.register().get(row.indicator) or {}).get("published") or []
    found = [e for e in entries if isinstance(e, dict) and e.get("figure") == row.figure]
    if len(found) < 2:
        return found[0] if found else {}
    return next((one for one in found if _speaks_of(one, row)), {})


def _speaks_of(found: Mapping[str, Any], row: Any) -> bool:
    named = {key: str(code) for key, code in (found.get("domain") or {}).items()}
    return str(found.get("category") or "") == row.category and domain_text(named) == row.domain


def last_year(row: Any) -> int:
    """The year that a figure is of, of several the last."""
    return int(str(row.year)[-4:])


def change_from(row: Any) -> int:
    """The year from which a published change is counted, as the register of indicators says."""
    return int(entry(row).get("change_from") or last_year(row) - 1)


def years(row: Any) -> str:
    """The year of a figure or the years it spans, as a table shows them."""
    if row.statistic == "change":
        return words.years_label(f"{change_from(row)}-{last_year(row)}")
    return words.years_label(row.year)


def told(row: Any, unit: bool = False) -> str:
    """A published figure as printed, or what a published statement says; with its unit if asked."""
    said = statement(row)
    if "bound" in said:
        return words.t(f"statement.{said['bound']}", n=_figure(row, unit))
    if "sign" in said:
        return words.t("statement.gain" if said["sign"] > 0 else "statement.loss")
    parts = [
        words.t(f"statement.{key}", groups=_groups(row, said[key]))
        for key in ("top", "bottom")
        if key in said
    ]
    if "lower" in said:
        named = {key: words.year_listing(list(said[key])) for key in ("lower", "higher")}
        parts.append(words.t("statement.years", **named))
    return words.t("published.joint").join(parts) if parts else _figure(row, unit)


def _figure(row: Any, unit: bool) -> str:
    digits = _digits(row)
    if not unit:
        return digits
    if row.unit in ("share", "percent"):
        kind = "points" if row.printed_unit == "percentage points" else "percent"
        return words.t(f"quantity.{kind}", n=digits)
    return f"{digits}\u00a0{words.unit_name(row.unit)}"


def statement(row: Any) -> dict[str, Any]:
    """What a published statement says, by the keys of the register; empty for a number."""
    text = getattr(row, "statement", "")
    found: dict[str, Any] = json.loads(text) if text else {}
    return found


def _digits(row: Any) -> str:
    """The printed digits; of persons and baht in the report's own units."""
    text = str(getattr(row, "printed", "") or "")
    if not text or row.unit in ("persons", "baht"):
        return words.number(row.published, row.unit)
    return text.replace("-", words.MINUS)


def _groups(row: Any, groups: Sequence[Any]) -> str:
    item = words.item_of(row.indicator)
    names = []
    for one in groups:
        codes = [one] if isinstance(one, str) else one
        names.append(words.listing([words.code_label(item, code) for code in codes]))
    return words.t("statement.then").join(names)


def ours(row: Any, flag: str) -> str:
    """Our estimate beside it; of a statement the years in which our estimates do not say so."""
    if statement(row) and pd.isna(row.estimate) and row.verdict != "not_comparable":
        return _failing(row) or words.t("statement.holds")
    return cell(row.estimate, row.se, row.unit, flag)


def _failing(row: Any) -> str:
    """The years in which a statement does not hold; of an order of years that it does not."""
    if not row.fails:
        return ""
    if "lower" in statement(row):
        return words.t("statement.not_so")
    failing = words.year_listing([int(year) for year in row.fails.split(",")])
    return words.t("statement.fails", years=failing)


def verdict(row: Any) -> str:
    """How a figure compares: one of match, rounding, differs, not comparable."""
    return words.t(f"verdict.{row.verdict}")


def beside(indicators: Sequence[str], by: str | None = None, category: str | None = None) -> str:
    """Lines below an exhibit on what others have published of it; empty where nothing is.

    Parameters
    ----------
    indicators
        Ids of what the exhibit shows.
    by, category
        As the exhibit has them. An exhibit by an item tells the figures by that item; the others
        all that are published of the indicator, whatever domain they are for.
    """
    frame = data.published()
    if frame.empty:
        return ""
    keep = frame["indicator"].isin(list(indicators))
    if by is not None:
        keep &= frame["domain"].map(lambda text: set(domain_codes(text)) == {by})
    if category is not None:
        keep &= frame["category"].isin([category, ""])
    frame = frame[keep].sort_values(["source", "page", "year", "figure"], kind="stable")
    if frame.empty:
        return ""
    several = len(set(frame["indicator"])) > 1
    made = "beside_synthetic" if data.synthetic() else "beside"
    lines = [words.t(f"published.{made}")]
    for (source, page), rows in frame.groupby(["source", "page"], sort=False):
        place = escape(source_title(str(source)))
        if page:
            place = words.t("published.page", n=place, page=page)
        items = words.t("published.between").join(_item(row, several) for row in data.rows(rows))
        lines.append(words.t("published.by_source", source=place, items=items))
    text = "\n\n".join(lines)
    return f"::: {{.table-notes .published-beside}}\n{text}\n:::"


def source_title(key: str) -> str:
    """Title of a source, in the edition's language where the table has it."""
    found = data.sources().get(key, {})
    return found.get(f"title_{words.lang()}") or found.get("title") or key


def _item(row: Any, several: bool) -> str:
    """One figure in a line: of what, of when, printed, ours, verdict."""
    what = [words.indicator_text(row.indicator)] if several else []
    what += cell_words(row)
    if row.statistic in ("change", "average"):
        what.append(words.t(f"published.{row.statistic}", years=years(row)))
    elif "lower" not in statement(row):
        what.append(years(row))
    label = words.t("published.comma").join(what)
    text = told(row, unit=True)
    if label:
        text = words.t("published.item", label=label, printed=text)
    return escape(f"{text} ({_judged(row)})")


def cell_words(row: Any) -> list[str]:
    """What part of an indicator a figure is of: its cell, or the register's own words."""
    own = (entry(row).get("label") or {}).get(words.lang())
    if own:
        return [str(own)]
    said = []
    if row.category not in ("", "yes"):
        said.append(words.code_label(words.item_of(row.indicator), row.category))
    return [*said, *(words.code_label(k, code) for k, code in domain_codes(row.domain).items())]


def _judged(row: Any) -> str:
    """The verdict, with our estimate, or why there is none."""
    parts = []
    if not pd.isna(row.estimate):
        parts.append(words.t("published.ours", ours=words.number(row.estimate, row.unit)))
    parts.append(verdict(row))
    if row.verdict == "not_comparable":
        reason = (entry(row).get("reason") or {}).get(words.lang())
        if reason or pd.isna(row.estimate):
            parts[-1] += ": " + str(reason or words.t(f"published.{_why_none(row)}"))
    elif failing := _failing(row):
        parts.append(failing)
    return words.t("published.comma").join(parts)


def _why_none(row: Any) -> str:
    """Why there is no estimate of ours: its year is not in the report, or it may not be shown."""
    span = range(int(str(row.year)[:4]), last_year(row) + 1)
    return "hidden" if set(span) <= set(data.years()) else "unmade"
