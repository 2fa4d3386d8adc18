"""Public tables of each exhibit for people and machines: CSV, its metadata, and an Excel file.

The metadata beside a CSV follow the W3C's "CSV on the Web": software that knows it reads names,
types and keys of the columns. Columns carry the names of SDMX concepts, as statistical offices
exchange them, and point to them in the RDF vocabulary of SDMX; status codes are those of SDMX's
code lists CL_OBS_STATUS and CL_CONF_STATUS. Universe and concept are named by DDI's vocabulary
"Discovery", title, source and note by Dublin Core. Numbers and blanks are those of the released
results, row for row.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from lfsmig.atomic import atomic_path, write_json
from lfsmig.params.loader import label
from lfsmig.params.source import read_document
from lfsmig.results import UNKNOWN_ANSWERS, domain_codes

if TYPE_CHECKING:
    from lfsmig.params import Indicator, Params

# A row is of a year, or of the years from one to another.
PERIODS = ("year", "year_from", "year_to")
VALUES = ["estimate", "se", "ci_low", "ci_high", "n"]
SDMX = "http://purl.org/linked-data/sdmx/2009/"
DDI = "http://rdf-vocabulary.ddialliance.org/discovery#"
LEGEND = "skos:hasTopConcept"
STATUS = ("obs_status", "conf_status")
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


def _flag(flag: str, lang: str, rows: pd.DataFrame) -> str:
    """Meaning of a flag, and that it stands where many answers are unknown, if it does."""
    unknown = rows["flag"].eq(flag) & rows["reason"].eq(UNKNOWN_ANSWERS)
    return _text("flags", flag, lang) + (_text("unknown", flag, lang) if unknown.any() else "")


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
    # One flag says both; machines want to know apart how a number is and whether it is a secret.
    columns |= {name: [_words()[name][flag] for flag in rows["flag"]] for name in STATUS}
    return pd.DataFrame(columns).astype({"n": "Int64"})


def _concept(params: Params, indicator: Indicator, lang: str) -> str:
    """What a table is about in words: population and items; its base states further conditions."""
    named = [indicator.population, indicator.of, indicator.over]
    labels = [params.variables[one].label for one in named if one in params.variables]
    return "; ".join(dict.fromkeys(texts.get(lang) or texts["en"] for texts in labels))


def describe(
    params: Params, indicator: Indicator, rows: pd.DataFrame, frame: pd.DataFrame, synthetic: bool
) -> dict[str, Any]:
    """Metadata of a table in the vocabulary of CSV on the Web.

    What it has no word for stands under names of other vocabularies, as it asks for, with texts as
    values that name their language.
    """
    langs = params.country.languages
    note = [*_texts(indicator.note or {})]
    if synthetic:
        note += _texts(_words()["synthetic"])
    concept = {
        "schema:name": indicator.population,
        "schema:description": indicator.where,
        "schema:measurementTechnique": indicator.statistic,
        "schema:variableMeasured": indicator.of,
        "schema:valueReference": indicator.over,
    }
    used = [flag for flag in _words()["flags"] if frame["flag"].eq(flag).any()]
    keys = [c for c in frame if c in {*PERIODS, "category"} or c in params.variables]
    facts: dict[str, Any] = {
        "@context": "http://www.w3.org/ns/csvw",
        "url": f"{indicator.id}.csv",
        "dc:identifier": indicator.id,
        "dc:title": _texts(indicator.label),
        "dc:language": list(langs),
        "dc:source": _texts(_source(params.country.survey, synthetic)),
        "dc:coverage": _texts(params.country.name),
        "dc:conformsTo": str(rows["rule_set"].iloc[0]),
        f"{DDI}concept": {key: text for key, text in concept.items() if text},
        "schema:about": _texts({lang: _concept(params, indicator, lang) for lang in langs}),
        f"{DDI}universe": _texts(indicator.base or indicator.label),
        f"{SDMX}attribute#unitMeasure": str(rows["unit"].iloc[0]),
        LEGEND: [
            {"skos:notation": flag,
             "skos:prefLabel": _texts({lang: _flag(flag, lang, rows) for lang in langs})}
            for flag in used
        ],
        "tableSchema": {
            "columns": [_column(params, indicator, str(name), frame) for name in frame],
            "primaryKey": keys,
        },
    }  # fmt: skip
    if note:
        facts["dc:description"] = note
    return facts


def _source(survey: Mapping[str, str], synthetic: bool) -> Mapping[str, str]:
    """What the figures were made from: a file is passed on without the report's notice."""
    if not synthetic:
        return survey
    said = _words()["source"]
    return {lang: said.get(lang, said["en"]).format(survey=name) for lang, name in survey.items()}


def _texts(words: Mapping[str, str]) -> list[dict[str, str]]:
    """A text in each language, as JSON-LD writes it."""
    return [{"@value": text, "@language": lang} for lang, text in words.items()]


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
    if named := _words()["concepts"].get(name):
        found |= {"dc:identifier": named["sdmx"], "propertyUrl": f"{SDMX}{named['term']}"}
    if name in STATUS:
        found["dc:conformsTo"] = f"CL_{name.upper()}"
    return found


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
    statistic = facts[f"{DDI}concept"]["schema:measurementTechnique"]
    unit = facts[f"{SDMX}attribute#unitMeasure"]
    items: list[tuple[str, Any]] = [
        ("title", facts["dc:title"]), ("concept", facts["schema:about"]),
        ("statistic", _texts(_words()["statistics"][statistic])),
        ("unit", _texts(_words()["units"][unit]) if unit in _words()["units"] else unit),
        ("base", facts[f"{DDI}universe"]),
        ("source", facts["dc:source"]), ("rule_set", facts["dc:conformsTo"]),
    ]  # fmt: skip
    note = facts.get("dc:description", [])
    items += [("note", note[at : at + len(langs)]) for at in range(0, len(note), len(langs))]
    rows = [(_text("items", key, "en"), *_by_language(langs, value)) for key, value in items]
    flag = _text("items", "flag", "en")
    rows += [
        (f"{flag} {one['skos:notation']}", *_by_language(langs, one["skos:prefLabel"]))
        for one in facts[LEGEND]
    ]
    for column in facts["tableSchema"]["columns"]:
        named = f" ({column['dc:identifier']})" if "dc:identifier" in column else ""
        titles = [column["titles"].get(lang, "") for lang in langs]
        rows.append((f"{column['name']}{named}", *titles))
    return rows


def _by_language(langs: list[str], value: Any) -> list[str]:
    if isinstance(value, str):
        return [value for _ in langs]
    texts = {one["@language"]: str(one["@value"]) for one in value}
    return [texts.get(lang, "") for lang in langs]
