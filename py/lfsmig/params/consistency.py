"""Checks across parameter files: names that must exist, codes that must be in the dictionary."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from lfsmig.params.mapping import VariableMap, YearMap
from lfsmig.params.maps import Tiles
from lfsmig.params.models import Break, Country, Report, Rules, Text, Variable
from lfsmig.params.query import query_columns
from lfsmig.params.register import Indicator
from lfsmig.params.source import Document, KeyPath

FLOW_ITEMS = (
    "in_migration",
    "out_migration",
    "net_migration",
    "gross_migration",
    "residents",
)
# Indices of flows that `lfsmig.flow_indices` makes.
INDEX_NAMES = (
    "cmi",
    "courgeau_k",
    "mei",
    "mei_floor",
    "anmr",
    "connectivity",
    "inequality",
    "inequality_independence",
    "gini_total",
    "gini_weighted",
    "cv",
    "acv",
)
# Made by the harmoniser for every survey, whatever its mapping says.
ALWAYS_MADE = {"year"}


def _near(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {close[0]}?" if close else ""


def _languages(document: Document, path: KeyPath, text: Text | None, languages: list[str]) -> None:
    for language in languages:
        if text is not None and not text.get(language):
            raise document.error(path, f"expected a text in every language, {language} is missing")
    for language in text or {}:
        if language not in languages:
            raise document.error(
                (*path, language),
                f"unknown language; languages of country.yml: {', '.join(languages)}",
            )


def check_country(document: Document, country: Country) -> None:
    """Check the texts' languages and the groupings' form."""
    for key in ("name", "survey", "currency"):
        _languages(document, (key,), getattr(country, key), country.languages)
    for code, text in country.regions.items():
        _languages(document, ("regions", code), text, country.languages)
    _languages(document, ("regions_note",), country.regions_note, country.languages)
    for name, grouping in country.groupings.items():
        if (grouping.codes is None) == (grouping.bands is None):
            raise document.error(("groupings", name), "expected either codes or bands")
        for band, edges in (grouping.bands or {}).items():
            if len(edges) != 2 or edges[0] is None:
                raise document.error(
                    ("groupings", name, "bands", band),
                    "expected two numbers, the second may be null: [15, 24]",
                )


def check_places(document: Document, country: Country, known: set[str]) -> None:
    """Check that the places which country.yml names are in the geography table."""
    named: list[tuple[KeyPath, str]] = [
        (("families", number, place), code)
        for number, family in enumerate(country.families)
        for place, code in enumerate(family)
    ]
    named += [(("single_areas", place), code) for place, code in enumerate(country.single_areas)]
    for path, code in named:
        if code not in known:
            raise document.error(path, f"{code} is not in {country.geography.table}")


def check_variables(document: Document, country: Country, variables: dict[str, Variable]) -> None:
    """Check that categories have codes and that every text is there in every language."""
    for name, entry in variables.items():
        path: KeyPath = ("variables", name)
        for key in ("label", "universe", "missing", "note"):
            _languages(document, (*path, key), getattr(entry, key), country.languages)
        for kind in ("codes", "extra_codes"):
            for code, text in (getattr(entry, kind) or {}).items():
                _languages(document, (*path, kind, code), text, country.languages)
        listed = (entry.codes is not None) + (entry.codes_from is not None)
        if entry.type == "category" and listed != 1:
            raise document.error(path, "a category needs either codes or codes_from")
        if entry.type != "category" and listed:
            raise document.error(path, f"codes belong to a category, this is {entry.type}")
        if (entry.type == "flag") != (entry.group == "population"):
            raise document.error(path, "a flag belongs to group population, and the reverse")


def check_design(document: Document, country: Country, variables: dict[str, Variable]) -> None:
    """Check that the design's columns are in the data dictionary."""
    for key in ("strata", "psu", "weight"):
        name = getattr(country.design, key)
        if name not in variables:
            near = _near(name, list(variables))
            raise document.error(("design", key), f"no variable {name} in variables.yml{near}")
    for position, name in enumerate(country.design.calibration):
        entry = variables.get(name)
        if entry is None or entry.type != "category":
            near = _near(name, [n for n, v in variables.items() if v.type == "category"])
            raise document.error(
                ("design", "calibration", position), f"no category {name} in variables.yml{near}"
            )


def check_groupings(document: Document, country: Country, variables: dict[str, Variable]) -> None:
    """Check that groupings use and make codes of the dictionary."""
    for name, grouping in country.groupings.items():
        path: KeyPath = ("groupings", name)
        entry, source = variables.get(name), variables.get(grouping.of)
        if entry is None or entry.codes is None or not entry.made:
            raise document.error(path, "expected a derived category of variables.yml by this name")
        if source is None:
            raise document.error((*path, "of"), f"{grouping.of} is not in variables.yml")
        for key, made in (grouping.codes or {}).items():
            if source.codes is not None and key not in source.codes and key != "other":
                raise document.error((*path, "codes", key), f"{grouping.of} has no code {key}")
            if made is not None and made not in entry.codes:
                raise document.error((*path, "codes", key), f"{name} has no code {made}")
        for band in grouping.bands or {}:
            if band not in entry.codes:
                raise document.error((*path, "bands", band), f"{name} has no code {band}")


def check_indicators(
    document: Document,
    country: Country,
    variables: dict[str, Variable],
    indicators: list[Indicator],
) -> None:
    """Check ids, populations, items and languages of the register of exhibits."""
    seen: set[str] = set()
    flags = [name for name, entry in variables.items() if entry.type == "flag"]
    for index, one in enumerate(indicators):
        path: KeyPath = ("indicators", index)
        if one.id in seen:
            raise document.error((*path, "id"), f"{one.id} stands twice; an id must be unique")
        seen.add(one.id)
        if one.population not in flags:
            raise document.error(
                (*path, "population"),
                f"{one.population} is not a population of variables.yml"
                f"{_near(one.population, flags)}",
            )
        for key in ("label", "base", "note"):
            _languages(document, (*path, key), getattr(one, key), country.languages)
        for number, link in enumerate(one.published):
            at: KeyPath = (*path, "published", number)
            if (link.compare == "none") != (link.reason is not None):
                raise document.error(at, "`compare: none` needs a reason, and nothing else has one")
            _languages(document, (*at, "reason"), link.reason, country.languages)
            _languages(document, (*at, "label"), link.label, country.languages)
        if one.statistic == "index":
            _check_index(document, path, one, variables)
            continue
        _check_table(document, path, one, variables)
        if one.winsorised and (one.statistic != "mean" or country.winsorise_at is None):
            raise document.error(
                (*path, "winsorised"), "it belongs to a mean, and country.yml states winsorise_at"
            )


def check_pooled(document: Document, country: Country, indicators: list[Indicator]) -> None:
    """Check that pooled indicators count persons, are rates by age, or flows of areas."""
    banded = {name for name, grouping in country.groupings.items() if grouping.bands}
    for index, one in enumerate(indicators):
        flow = one.of in FLOW_ITEMS and len(one.by) == 1 and len(one.by[0]) == 1
        by_age = one.statistic == "rate" and all(len(by) == 1 and by[0] in banded for by in one.by)
        persons = (one.statistic, one.of) == ("total", None)
        if one.pooled and not (flow or by_age or persons):
            raise document.error(
                ("indicators", index, "pooled"),
                "pooled belongs to numbers of persons (statistic total without of), to rates by "
                "bands of age, and to flows of areas, such as net_migration by [[province]]",
            )


def _check_table(
    document: Document, path: KeyPath, one: Indicator, variables: dict[str, Variable]
) -> None:
    """Check items, columns and conditions of an indicator of persons."""
    for key in ("level", "corrected", "rarefied"):
        if getattr(one, key):
            raise document.error((*path, key), f"{key} belongs to statistic index")
    known = [*variables, *FLOW_ITEMS]
    for key, name in (("of", one.of), ("over", one.over)):
        if name is not None and name not in known:
            raise document.error(
                (*path, key), f"{name} is not in variables.yml{_near(name, known)}"
            )
    for table, columns in enumerate(one.by):
        for column in columns:
            if column not in variables:
                raise document.error(
                    (*path, "by", table),
                    f"{column} is not in variables.yml{_near(column, list(variables))}",
                )
    if one.where is not None:
        _check_where(document, (*path, "where"), one.where, variables)
    if one.statistic != "total" and one.of is None:
        raise document.error(path, f"statistic {one.statistic} needs the key of")
    if (one.over is None) == (one.statistic == "ratio"):
        # A rate counts persons with a property; of two totals it is a ratio with `per`.
        raise document.error(
            (*path, "statistic"), "over is the denominator of a ratio, and a ratio needs one"
        )


def _check_index(
    document: Document, path: KeyPath, one: Indicator, variables: dict[str, Variable]
) -> None:
    """Check an index of flows: a known one, between places of a level, of everybody at once."""
    if one.of not in INDEX_NAMES:
        raise document.error(
            (*path, "of"), f"{one.of} is no index{_near(str(one.of), list(INDEX_NAMES))}"
        )
    for name in (one.level, f"previous_{one.level}"):
        if name not in variables:
            raise document.error(
                (*path, "level"),
                f"{name} is not in variables.yml{_near(str(name), list(variables))}",
            )
    if one.by != [[]]:
        raise document.error((*path, "by"), "an index of flows is one number: leave `by` out")
    if one.winsorised:
        raise document.error((*path, "winsorised"), "it belongs to a mean")
    if one.over is not None:
        raise document.error((*path, "over"), "an index of flows has no denominator of its own")
    if one.rarefied and one.of != "connectivity":
        raise document.error((*path, "rarefied"), "only connectivity can be rarefied")
    if one.corrected and (one.rarefied or one.of == "mei_floor"):
        raise document.error((*path, "corrected"), "what is free of noise has no bias to correct")
    if one.where is not None:
        _check_where(document, (*path, "where"), one.where, variables)


def _check_where(
    document: Document, path: KeyPath, where: str, variables: dict[str, Variable]
) -> None:
    """Check that a condition can be read and that its columns are in the data dictionary.

    A column of the dictionary that a year does not have makes the indicator absent in that year;
    one that no year can have is a slip of the pen.
    """
    try:
        columns = query_columns(where)
    except ValueError as error:
        raise document.error(
            path, f"`{where}` is no condition ({error}); write for example age >= 15"
        ) from None
    for name in columns:
        if name not in variables:
            raise document.error(
                path, f"{name} is not in variables.yml{_near(name, list(variables))}"
            )


def check_report(document: Document, country: Country, report: Report, years: list[int]) -> None:
    """Check that the report's years have a mapping and its languages are known."""
    for index, year in enumerate(report.years):
        if year not in years:
            raise document.error(("years", index), f"there is no years/{year}.yml")
    if report.report_year not in report.years:
        raise document.error(("report_year",), "expected one of the report's years")
    for index, (first, last) in enumerate(report.pools):
        before = report.pools[index - 1][1] if index else first - 1
        # Two averages that share years would tell a third, of the years that they do not share.
        if not before < first < last:
            raise document.error(
                ("pools", index), "expected a first and a later last year, after the pool before it"
            )
    profile = report.age_profile
    for path, rates in (((), profile), (("single",), profile.single if profile else None)):
        if rates and not getattr(country.groupings.get(rates.by), "bands", None):
            raise document.error(
                ("age_profile", *path, "by"), "expected bands of age in country.yml"
            )
    for index, language in enumerate(report.languages):
        if language not in country.languages:
            raise document.error(
                ("languages", index),
                f"unknown language; languages of country.yml: {', '.join(country.languages)}",
            )


def check_headline(document: Document, report: Report, indicators: list[Indicator]) -> None:
    """Check that the headline names indicators of the register."""
    known = [one.id for one in indicators]
    single = report.age_profile.single if report.age_profile else None
    pooled = [one.id for one in indicators if one.pooled]
    if single is not None and single.indicator not in pooled:
        raise document.error(
            ("age_profile", "single", "indicator"),
            f"no pooled indicator of the register{_near(single.indicator, pooled)}",
        )
    for key in ("headline", "relative_to_first"):
        for index, name in enumerate(getattr(report, key)):
            if name not in known:
                raise document.error(
                    (key, index), f"no indicator of the register{_near(name, known)}"
                )


def check_tiles(document: Document, tiles: Tiles, places: set[str]) -> None:
    """Check that every tile is a place of the geography table, each once and none left out."""
    seen: dict[str, int] = {}
    for code, row, _ in tiles.places:
        if code not in places:
            raise document.error(("rows", row), f"{code} is no place of the geography table")
        if code in seen:
            raise document.error(("rows", row), f"{code} stands twice; a place has one tile")
        seen[code] = row
    if left := sorted(places - set(seen)):
        raise document.error(("rows",), f"no tile for {', '.join(left)}")


def check_breaks(
    document: Document, country: Country, variables: dict[str, Variable], breaks: list[Break]
) -> None:
    """Check ids, items, years and languages of the breaks in series."""
    seen: set[str] = set()
    for index, one in enumerate(breaks):
        path: KeyPath = ("breaks", index)
        if one.id in seen:
            raise document.error((*path, "id"), f"{one.id} stands twice; an id must be unique")
        seen.add(one.id)
        if one.to_year is not None and one.to_year < one.from_year:
            raise document.error((*path, "to"), "expected no year before `from`")
        for name in one.touches.variables:
            if name not in variables:
                raise document.error(
                    (*path, "touches", "variables"),
                    f"{name} is not in variables.yml{_near(name, list(variables))}",
                )
        for key in ("label", "note"):
            _languages(document, (*path, key), getattr(one, key), country.languages)


def check_overrules(
    document: Document,
    rules: Rules,
    indicators: list[Indicator],
    report: Report,
    codes: Callable[[str], list[str]],
) -> None:
    """Check that every decision against the rule speaks of a cell that the register makes."""
    register = {indicator.id: indicator for indicator in indicators}
    for index, one in enumerate(rules.publication.overrules):
        at: KeyPath = ("publication", "overrules", index)
        indicator = register.get(one.indicator)
        if indicator is None:
            raise document.error((*at, "indicator"), f"no indicator {one.indicator!r}")
        if one.year not in report.years:
            raise document.error((*at, "year"), f"{one.year} is no year of report.yml")
        if sorted(one.domain) not in [sorted(by) for by in indicator.by]:
            raise document.error(
                (*at, "domain"), f"no table of {one.indicator} is by {sorted(one.domain)}"
            )
        for name, code in one.domain.items():
            if code not in codes(name):
                raise document.error((*at, "domain", name), f"{name} has no code {code!r}")
        known = codes(str(indicator.of)) if indicator.statistic == "share" else [""]
        if one.category not in known:
            path = (*at, "category") if "category" in one.model_fields_set else at
            raise document.error(
                path, f"no category {one.category!r}; {one.indicator} has {', '.join(known)}"
            )


def check_year(
    document: Document,
    own: Document,
    variables: dict[str, Variable],
    year_map: YearMap,
    year: int,
) -> None:
    """Check a year's mapping against the dictionary; differences from the base need a reason."""
    if year_map.year != year:
        raise document.error(("year",), f"expected {year}, as the file's name says")
    for name, entry in year_map.variables.items():
        _check_mapped(document, variables, year_map, name, entry)
    _check_whole(document, variables, year_map)
    if own.data.get("inherits") is None:
        return
    for section in ("columns", "variables"):
        for name, fields in (own.data.get(section) or {}).items():
            if not isinstance(fields, dict) or not fields.get("reason"):
                raise own.error((section, name), "a difference from the base needs the key reason")


def _check_mapped(
    document: Document,
    variables: dict[str, Variable],
    year_map: YearMap,
    name: str,
    entry: VariableMap,
) -> None:
    """Check one mapped variable: in the dictionary, made in one way, from known columns."""
    path: KeyPath = ("variables", name)
    if name not in variables:
        raise document.error(
            path, f"not in the data dictionary variables.yml{_near(name, list(variables))}"
        )
    if variables[name].made:
        raise document.error(path, "made by concepts, it cannot be mapped")
    ways = [key for key in ("column", "parts", "derive") if getattr(entry, key) is not None]
    if len(ways) != 1:
        raise document.error(path, "expected exactly one of column, parts, derive")
    if entry.limits is not None:
        if variables[name].type not in ("integer", "number"):
            raise document.error((*path, "limits"), "limits belong to a number")
        if entry.limits[0] > entry.limits[1]:
            raise document.error((*path, "limits"), "expected the lower limit first")
    if entry.stamp is not None and (variables[name].type != "integer" or entry.column is None):
        raise document.error((*path, "stamp"), "a stamp gives a whole number from one column")
    used = [entry.column] if entry.column else [part.column for part in entry.parts or []]
    for column in used:
        if column not in year_map.columns:
            raise document.error(
                (*path, ways[0]),
                f"{column} is not under columns{_near(column, list(year_map.columns))}",
            )


def _check_whole(document: Document, variables: dict[str, Variable], year_map: YearMap) -> None:
    """Check that every variable of the dictionary is mapped or absent with a reason."""
    mapped = set(year_map.variables)
    for name in year_map.absent:
        if name not in variables or variables[name].made or name in mapped:
            raise document.error(
                ("absent", name), "expected a variable of variables.yml that is not mapped"
            )
    for name, variable in variables.items():
        if not variable.made and name not in mapped | set(year_map.absent) | ALWAYS_MADE:
            raise document.error(
                ("variables",),
                f"{name} is in the data dictionary and not mapped; map it, "
                "or give the reason under absent",
            )
