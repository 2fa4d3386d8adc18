"""The report's words: the edition's language, years, numbers, labels.

Chapters of the two editions hold the same code, so the package finds out for itself which edition
it works for. Words stand in `words.yml`; labels of indicators and codes come from the parameter
folder first, so that another country's survey brings its own.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from datetime import date
from functools import cache, wraps
from pathlib import Path
from typing import Any, ParamSpec

from lfsmig.report import data
from lfsmig.yamltext import plain

LANGUAGES = ("en", "th")
MINUS = "−"
DASH = "–"
P = ParamSpec("P")


class Prose(str):
    """Text for a sentence: Quarto writes a plain string as Python shows it, escapes and all."""

    def _repr_markdown_(self) -> str:
        return str(self)


def inline(function: Callable[P, str]) -> Callable[P, Prose]:
    """Mark a function that chapters call in the middle of a sentence."""

    @wraps(function)
    def wrapped(*args: P.args, **values: P.kwargs) -> Prose:
        return Prose(function(*args, **values))

    return wrapped


def lang() -> str:
    """Edition: LFSMIG_LANG, else a folder of the chapter's path, else English."""
    named = os.environ.get("LFSMIG_LANG")
    if named:
        return named
    path = Path(os.environ.get("QUARTO_DOCUMENT_PATH", ""))
    name = Path(os.environ.get("QUARTO_DOCUMENT_FILE", "")).name
    for language in LANGUAGES:
        if language in path.parts or f".{language}." in name:
            return language
    return "en"


@cache
def catalogue() -> dict[str, Any]:
    """All words, by key, then by language."""
    text = (Path(__file__).parent / "words.yml").read_text(encoding="utf-8")
    words: dict[str, Any] = plain(text)
    return words


def t(key: str, **values: object) -> str:
    """Text of a key such as `table.base` in the edition's language, with values filled in."""
    found: Any = catalogue()
    for part in key.split("."):
        found = found[part]
    text = str(found[lang()]).format(**values)
    # Thai joins words without a space, but an opening quotation mark has one before it.
    return closed_up(re.sub(r"(?<=\w)“", " “", text))


def closed_up(text: str) -> str:
    """Text with the spaces of Thai: none before a percentage, one between “and” and a quotation."""
    before = "|".join(catalogue()["closes_up"][lang()])
    percent = catalogue()["units"]["share"][lang()]
    text = re.sub(rf"({before}) (?={percent})", r"\1", text) if before else text
    joins = "|".join(catalogue()["opens_up"][lang()])
    return re.sub(rf"({joins})(?=“)", r"\1 ", text) if joins else text


def breakable(text: str) -> list[str]:
    """Parts of a text between which a line may end: at spaces, in Thai also before some words."""
    before = "|".join(catalogue()["breaks_before"][lang()])
    pattern = rf"(?<= )|(?<!^)(?={before})" if before else r"(?<= )"
    return [part for part in re.split(pattern, text) if part]


def edition_name(language: str) -> str:
    """A language's own name for itself."""
    return str(catalogue()["layout"]["edition"].get(language, language))


def year(value: int) -> str:
    """A year as the edition counts it: Common Era, or Buddhist Era in Thai."""
    return str(int(value) + int(catalogue()["era_offset"][lang()]))


def years_label(value: object) -> str:
    """A year, or a range of years such as `2019-2023`, as a table shows it."""
    return DASH.join(year(int(part)) for part in str(value).split("-"))


def year_text(value: int) -> str:
    """A year in running text: `2024`, `พ.ศ. 2567`."""
    return t("year.text", year=year(value))


def date_text(value: date) -> str:
    """A day in running text, its year as the edition counts it."""
    month = catalogue()["months"][lang()][value.month - 1]
    return t("year.date", day=value.day, month=month, year=year_text(value.year))


@inline
def span(values: list[int]) -> str:
    """First to last year in running text."""
    if len(values) == 1:
        return year_text(values[0])
    return t("year.span", first=year(values[0]), last=year(values[-1]))


def decimal(value: float, digits: int) -> str:
    """A number with thousands separated, half away from zero, a true minus; a dash for nothing.

    Negative digits round to tens, hundreds, …
    """
    if value is None or math.isnan(value):
        return DASH
    step = 10.0**digits
    # Ten significant digits first: 0.125 stored as 0.12499999999999999 still rounds up.
    scaled = float(f"{abs(value) * step:.10g}")
    rounded = math.floor(scaled + 0.5) / step
    sign = MINUS if value < 0 and rounded > 0 else ""
    return f"{sign}{rounded:,.{max(digits, 0)}f}"


@cache
def _unit(unit: str) -> dict[str, Any]:
    units: dict[str, dict[str, Any]] = catalogue()["units"]
    return units.get(unit, units["other"])


def scale(unit: str) -> float:
    """Factor from the stored value to the printed one."""
    return float(_unit(unit)["factor"])


def digits(unit: str) -> int:
    """Decimals printed for a unit."""
    return int(_unit(unit)["digits"])


def number(value: float, unit: str) -> str:
    """A stored value as printed, without its unit."""
    return decimal(value * scale(unit), digits(unit))


def unit_name(unit: str) -> str:
    """The unit as a column or axis names it."""
    return str(_unit(unit)[lang()])


def states_base(indicator: str) -> bool:
    """Whether the label of a rate says "per 100" itself: "per cent" would say it twice."""
    return re.search(r"(?<!\d)100(?!\d)", indicator_text(indicator)) is not None


def quantity(value: float, unit: str, indicator: str = "") -> str:
    """A stored value with its unit, for running text."""
    if unit == "persons":
        return t("quantity.persons", n=decimal(rounded_count(value), 0))
    if unit in ("baht", "million_baht"):
        return t(f"quantity.{unit}", n=number(value, unit))
    kind = "plain" if indicator and states_base(indicator) else "percent"
    return t(f"quantity.{kind}", n=number(value, unit))


def rounded_count(value: float) -> float:
    """A count as printed in text: to the nearest thousand from ten thousand on."""
    return round(value, -3) if abs(value) >= 10_000 else round(value, -2)


@cache
def _register(path: Path, _stamp: int) -> dict[str, dict[str, Any]]:
    content = plain(path.read_text(encoding="utf-8")) or {}
    items = content.get("indicators", content) if isinstance(content, dict) else content
    return {item["id"]: item for item in items}


def register() -> dict[str, dict[str, Any]]:
    """Entries of the register of indicators by identifier."""
    path = data.params_dir() / "indicators.yml"
    return _register(path, path.stat().st_mtime_ns) if path.is_file() else {}


def remark(text: str, language: str | None = None) -> str:
    """A check's remark in a language (the edition's) and its years; as it is where it is unknown.

    A check of several parts joins their remarks by semicolons.
    """
    spoken = language or lang()
    for entry in catalogue()["remarks"]:
        # Such a remark is one sentence with a semicolon of its own.
        if "; " in entry["match"] and (told := _fitted(entry, text, spoken)) is not None:
            return told
    # Else part by part: a name in a pattern would reach over the semicolons between them.
    return "; ".join(_remark(part, spoken) for part in text.split("; "))


def _remark(text: str, language: str) -> str:
    for entry in catalogue()["remarks"]:
        if (told := _fitted(entry, text, language)) is not None:
            return told
    return text


@cache
def _pattern(match: str) -> re.Pattern[str]:
    pattern = re.escape(match)
    for name, kind in (("n", r"\S+"), ("m", r"\S+"), ("year", r"\d{4}"), ("name", r".+")):
        pattern = pattern.replace(re.escape(f"{{{name}}}"), f"(?P<{name}>{kind})")
    return re.compile(pattern)


def _fitted(entry: dict[str, str], text: str, language: str) -> str | None:
    """Say a remark that fits a pattern in a language; None where it does not fit."""
    found = _pattern(entry["match"]).fullmatch(text)
    if found is None:
        return None
    values = {
        key: _year_in(int(value), language) if key == "year" else value.replace("-", MINUS)
        for key, value in found.groupdict().items()
    }
    if "name" in values:
        values["name"] = _variables_in(values["name"], language)
    return str(entry.get(language, entry["match"])).format(**values)


def _variables_in(text: str, language: str) -> str:
    """Variables that a check names by their columns, by their labels; other names stay."""
    labels = [
        _param_label(str(data.params_dir()), name, "", language) if name.islower() else None
        for name in text.split(", ")
    ]
    if not all(labels):
        return text
    named = [str(label)[:1].lower() + str(label)[1:] for label in labels]
    if len(named) == 1:
        return named[0]
    first = str(catalogue()["listing_comma"][language]).join(named[:-1])
    return str(catalogue()["listing"][language]).format(first=first, last=named[-1])


def _year_in(value: int, language: str) -> str:
    """A year in running text of a language."""
    counted = value + int(catalogue()["era_offset"][language])
    return str(catalogue()["year"]["text"][language]).format(year=counted)


def indicator_text(indicator: str, key: str = "label") -> str:
    """Label, base or note of an indicator; its identifier where no label is known."""
    texts = (register().get(indicator) or {}).get(key) or {}
    found = texts.get(lang()) or texts.get("en")
    if found:
        return str(found)
    return indicator if key == "label" else ""


def population_name(population: str) -> str:
    """Short name of a population; its identifier where none is known."""
    return str(catalogue()["population"].get(population, {}).get(lang(), population))


def item_of(indicator: str) -> str:
    """The item whose codes are the categories of an indicator."""
    return str((register().get(indicator) or {}).get("of") or indicator.rpartition(".")[2])


def code_label(variable: str, code: str) -> str:
    """Label of a code: the parameter folder's, else the catalogue's, else the code."""
    found = _param_label(str(data.params_dir()), variable, code, lang())
    if found:
        return found
    codes = catalogue()["codes"]
    if variable in codes and code in codes[variable]:
        return str(codes[variable][code][lang()])
    if code in codes["common"]:
        return str(codes["common"][code][lang()])
    return code


def variable_label(variable: str) -> str:
    """Label of a variable of the data dictionary; its name where none is known."""
    return _param_label(str(data.params_dir()), variable, "", lang()) or variable


@cache
def _params(folder: str) -> Any:
    try:
        from lfsmig.params import load

        return load(Path(folder))
    except Exception:
        # The report needs no parameters but its own: codes then keep the catalogue's labels.
        return None


def regions_note(*variables: str) -> str:
    """What is said below a table or chart by region; empty where none of its items is one."""
    params = _params(str(data.params_dir()))
    if params is None or not params.country.regions_note:
        return ""
    known = (params.variables.get(variable) for variable in variables)
    if all(one is None or one.codes_from != "regions" for one in known):
        return ""
    return str(params.country.regions_note.get(lang(), ""))


def codes_of(variable: str) -> list[str]:
    """All codes of a variable of the data dictionary, in its order; none where it is not known."""
    params = _params(str(data.params_dir()))
    try:
        return list(params.codes(variable)) if params is not None else []
    except Exception:
        return []


@cache
def _param_label(folder: str, variable: str, code: str, language: str) -> str:
    params = _params(folder)
    if params is None:
        return ""
    from lfsmig import params as module

    try:
        text = str(module.label(params, variable, code, language))
    except Exception:
        return ""
    return "" if text == code else text


def codes_in_order(variable: str, present: list[str]) -> list[str]:
    """Codes in the order of `variables.yml`, else of the catalogue; unknown ones after, sorted.

    Sorting as text would put the ages 5-9 behind 45-49.
    """
    known = dict.fromkeys([*codes_of(variable), *catalogue()["codes"].get(variable, {})])
    listed = [code for code in known if code in present]
    return listed + sorted(code for code in present if code not in listed)


def listing(items: list[str], key: str = "listing") -> str:
    """Join names into running text."""
    if len(items) < 2:
        return "".join(items)
    return t(key, first=t("listing_comma").join(items[:-1]), last=items[-1])


def year_listing(values: list[int]) -> str:
    """Join years into running text: a span where none is left out."""
    if len(values) > 2 and values == list(range(values[0], values[-1] + 1)):
        return span(values)
    return listing([year_text(value) for value in values], "listing_years")
