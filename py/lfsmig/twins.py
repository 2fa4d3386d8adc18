"""Public tables of each exhibit for people and machines: CSV, its metadata, and an Excel file.

The metadata beside a CSV follow the W3C's "CSV on the Web": software that knows it reads names,
types and keys of the columns. Columns point to the concepts of SDMX, as statistical offices
exchange them. Numbers and blanks are those of the released results, row for row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from lfsmig.atomic import atomic_path, write_json
from lfsmig.params.loader import label
from lfsmig.params.source import read_document
from lfsmig.results import domain_codes

if TYPE_CHECKING:
    from lfsmig.params import Indicator, Params

# A row is of a year, or of the years from one to another.
PERIODS = ("year", "year_from", "year_to")
VALUES = ["estimate", "se", "ci_low", "ci_high", "n"]
SDMX = "http://purl.org/linked-data/sdmx/2009/"
CONCEPTS = {
    "year": f"{SDMX}dimension#refPeriod",
    "estimate": f"{SDMX}measure#obsValue",
    "unit": f"{SDMX}attribute#unitMeasure",
    "flag": f"{SDMX}attribute#obsStatus",
}
# Files carry this time, not the clock's: the same results give the same bytes.
EPOCH = datetime(2020, 1, 1)


@cache
def _words() -> Mapping[str, Any]:
    path = Path(__file__).with_suffix(".yml")
    found: Mapping[str, Any] = read_document(path, path.name).data
    return found


def _text(section: str, key: str, lang: str) -> str:
    texts = _words()[section][key]
    return str(texts.get(lang) or texts["en"])


def write(
    folder: Path, params: Params, shown: Mapping[int, pd.DataFrame], synthetic: bool,
    pools: pd.DataFrame | None = None,
) -> list[Path]:  # fmt: skip
    """Write three files for every exhibit that has rows; return their paths.

    Parameters
    ----------
    folder
        Where they go; files of exhibits that are gone are removed.
    shown
        Released rows by year.
    synthetic
        Whether any year comes from synthetic records: every file then says so.
    pools
        Released averages of pooled indicators, which have no yearly rows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    every = pd.concat([shown[year] for year in sorted(shown)], ignore_index=True)
    groups = dict(list(every.groupby("indicator", sort=False)))
    if pools is not None:
        groups |= dict(list(pools.groupby("indicator", sort=False)))
    made: list[Path] = []
    for indicator in params.indicators:
        if indicator.id not in groups:
            continue
        frame = table(params, indicator, groups[indicator.id])
        facts = describe(params, indicator, groups[indicator.id], frame, synthetic)
        target = folder / f"{indicator.id}.csv"
        with atomic_path(target) as path:
            frame.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")
        write_json(target.with_name(f"{target.name}-metadata.json"), facts)
        book = target.with_suffix(".xlsx")
        with atomic_path(book) as path:
            _excel(path, params, frame, facts)
        made += [target, target.with_name(f"{target.name}-metadata.json"), book]
    for old in set(folder.iterdir()) - set(made):
        old.unlink()
    return made


def table(params: Params, indicator: Indicator, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of an exhibit with a column per dimension: codes, and their labels by language."""
    domains = [domain_codes(text) for text in rows["domain"]]
    names = list(dict.fromkeys(name for by in indicator.by for name in by))
    periods = [name for name in PERIODS if name in rows]
    columns: dict[str, Any] = {name: rows[name].to_numpy() for name in periods}
    items = {name: (name, [one.get(name, "") for one in domains]) for name in names}
    if indicator.statistic == "share":
        items["category"] = str(indicator.of), list(rows["category"])
    for column, (variable, codes) in items.items():
        columns[column] = codes
        for lang in params.country.languages:
            named = {code: label(params, variable, code, lang) for code in set(codes) if code}
            columns[f"{column}_{lang}"] = [named.get(code, "") for code in codes]
    columns |= {name: rows[name].to_numpy() for name in VALUES}
    columns |= {name: rows[name].to_numpy() for name in ("unit", "flag")}
    return pd.DataFrame(columns).astype({"n": "Int64"})


def describe(
    params: Params, indicator: Indicator, rows: pd.DataFrame, frame: pd.DataFrame, synthetic: bool
) -> dict[str, Any]:
    """Metadata of a table in the vocabulary of CSV on the Web."""
    langs = params.country.languages
    used = [flag for flag in _words()["flags"] if frame["flag"].eq(flag).any()]
    keys = [c for c in frame if c in {*PERIODS, "category"} or c in params.variables]
    facts: dict[str, Any] = {
        "@context": "http://www.w3.org/ns/csvw",
        "url": f"{indicator.id}.csv",
        "dc:identifier": indicator.id,
        "dc:title": indicator.label,
        "dc:source": dict(params.country.survey),
        "dc:publisher": dict(params.country.name),
        "lfsmig:concept": {
            "population": indicator.population, "condition": indicator.where,
            "statistic": indicator.statistic, "item": indicator.of, "per": indicator.over,
        },
        "lfsmig:unit": str(rows["unit"].iloc[0]),
        "lfsmig:base": indicator.base or indicator.label,
        "lfsmig:note": indicator.note,
        "lfsmig:ruleSet": str(rows["rule_set"].iloc[0]),
        "lfsmig:flags": {f: {lang: _text("flags", f, lang) for lang in langs} for f in used},
        "tableSchema": {
            "columns": [_column(params, indicator, str(name), frame) for name in frame],
            "primaryKey": keys,
        },
    }  # fmt: skip
    if synthetic:
        facts["dc:description"] = dict(_words()["synthetic"])
    return facts


def _column(params: Params, indicator: Indicator, name: str, frame: pd.DataFrame) -> dict[str, Any]:
    """What a column holds: its titles, type and concept."""
    langs = params.country.languages
    base, _, language = name.rpartition("_")
    item = base if base in frame and language in langs else name
    variable = str(indicator.of) if item == "category" else item
    if variable in params.variables:
        titles = dict(params.variables[variable].label)
    else:
        titles = {lang: _text("columns", item, lang) for lang in langs}
    if item != name:
        titles = {
            lang: _text("columns", "label", lang).format(name=title, language=language)
            for lang, title in titles.items()
        }
    kinds = (
        dict.fromkeys(PERIODS, "gYear") | {"n": "integer"} | dict.fromkeys(VALUES[:-1], "double")
    )
    found: dict[str, Any] = {
        "name": name, "titles": titles, "datatype": kinds.get(name, "string"),
    }  # fmt: skip
    return found | ({"propertyUrl": CONCEPTS[name]} if name in CONCEPTS else {})


def _excel(path: Path, params: Params, frame: pd.DataFrame, facts: Mapping[str, Any]) -> None:
    """Write the table and its metadata as two sheets."""
    import xlsxwriter

    langs = params.country.languages
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False}) as book:
        book.set_properties({"title": str(facts["dc:identifier"]), "created": EPOCH})
        bold, wrap = book.add_format({"bold": True}), book.add_format({"text_wrap": True})
        sheet = book.add_worksheet("Data")
        sheet.freeze_panes(1, 1)
        sheet.autofilter(0, 0, len(frame), len(frame.columns) - 1)
        for column, name in enumerate(frame):
            sheet.write_string(0, column, str(name), bold)
            for row, value in enumerate(frame[name], start=1):
                if pd.isna(value) or value == "":
                    continue
                if isinstance(value, str):
                    sheet.write_string(row, column, value)
                else:
                    sheet.write_number(row, column, float(value))
        about = book.add_worksheet("Metadata")
        about.set_column(0, 0, 24)
        about.set_column(1, len(langs), 60)
        rows = [("", *langs), *_facts(langs, facts)]
        for row, texts in enumerate(rows):
            for column, text in enumerate(texts):
                about.write_string(row, column, str(text), bold if row == 0 else wrap)


def _facts(langs: list[str], facts: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The metadata as rows: what, and its text in each language."""
    concept = json.dumps(
        {k: v for k, v in facts["lfsmig:concept"].items() if v}, ensure_ascii=False
    )
    items: list[tuple[str, Any]] = [
        ("title", facts["dc:title"]), ("concept", concept),
        ("statistic", facts["lfsmig:concept"]["statistic"]), ("unit", facts["lfsmig:unit"]),
        ("base", facts["lfsmig:base"]), ("note", facts["lfsmig:note"]),
        ("source", facts["dc:source"]), ("rule_set", facts["lfsmig:ruleSet"]),
    ]  # fmt: skip
    items += [("note", facts.get("dc:description"))]
    rows = [
        (_text("items", key, "en"), *(value.get(k, "") if isinstance(value, dict) else value
                                      for k in langs))
        for key, value in items
        if value
    ]  # fmt: skip
    flag = _text("items", "flag", "en")
    rows += [(f"{flag} {f}", *texts.values()) for f, texts in facts["lfsmig:flags"].items()]
    for column in facts["tableSchema"]["columns"]:
        rows.append((column["name"], *(column["titles"].get(k, "") for k in langs)))
    return rows
