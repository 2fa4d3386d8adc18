"""Loads a parameter folder into typed parameters; every problem is one line with file and line."""

from __future__ import annotations

import csv
import difflib
import hashlib
import json
import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from lfsmig.errors import ParameterError
from lfsmig.params import consistency
from lfsmig.params.mapping import YearMap
from lfsmig.params.maps import Tiles
from lfsmig.params.models import Break, Breaks, Country, Report, Rules, Text, Variable
from lfsmig.params.register import Indicator
from lfsmig.params.source import Document, KeyPath, key_text, merge, read_document

ModelT = TypeVar("ModelT", bound=BaseModel)


class _Variables(BaseModel):
    variables: dict[str, Variable]
    model_config = {"extra": "forbid", "strict": True}


class _Indicators(BaseModel):
    indicators: list[Indicator]
    model_config = {"extra": "forbid", "strict": True}


# What a person should read instead of pydantic's words, by error type.
_WORDS = {
    "missing": "this key is required and missing",
    "string_type": "expected text",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "float_type": "expected a number",
    "bool_type": "expected true or false",
    "dict_type": "expected keys with values",
    "model_type": "expected keys with values",
    "list_type": "expected a list",
}


def _model_at(annotation: Any, location: tuple[str | int, ...]) -> type[BaseModel] | None:
    """Return the model whose keys stand at `location`, to name the keys it knows."""
    for argument in _arguments(annotation):
        if not location and isinstance(argument, type) and issubclass(argument, BaseModel):
            return argument
        if not location:
            continue
        head, rest = location[0], location[1:]
        if isinstance(argument, type) and issubclass(argument, BaseModel):
            field = argument.model_fields.get(str(head))
            found = _model_at(field.annotation, rest) if field else None
        elif typing.get_origin(argument) is dict:
            found = _model_at(typing.get_args(argument)[1], rest)
        elif typing.get_origin(argument) is list:
            found = _model_at(typing.get_args(argument)[0], rest)
        else:
            found = None
        if found:
            return found
    return None


def _arguments(annotation: Any) -> list[Any]:
    """Unfold unions and annotations into their plain members."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return [one for part in typing.get_args(annotation) for one in _arguments(part)]
    if origin is typing.Annotated:
        return _arguments(typing.get_args(annotation)[0])
    return [annotation]


def _expected(model: type[BaseModel], error: Any) -> str:
    kind = error["type"]
    if kind == "extra_forbidden":
        parent = _model_at(model, tuple(error["loc"][:-1]))
        known = list(parent.model_fields) if parent else []
        near = difflib.get_close_matches(str(error["loc"][-1]), known, 1)
        hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(known)}"
        return f"unknown key; {hint}"
    words = _WORDS.get(kind)
    if kind == "missing":
        return str(words)
    if words is None:
        words = error["msg"][0].lower() + error["msg"][1:]
    value = error["input"]
    shown = "nothing" if value is None else repr(value)
    return f"{words}, found {shown if len(shown) <= 60 else shown[:57] + '...'}"


def validated(model: type[ModelT], document: Document) -> ModelT:
    """Check a document against a model; the first problem becomes the one line."""
    try:
        return model.model_validate(document.data)
    except ValidationError as problem:
        errors = problem.errors(include_url=False)
        located = [(_known_path(document, error["loc"]), error) for error in errors]

        def position(item: tuple[KeyPath, Any]) -> tuple[bool, str, int]:
            # A mistyped key is the cause where another one is missing, so it goes first.
            file, line = document.where(item[0]).rsplit(":", 1)
            return item[1]["type"] != "extra_forbidden", file, int(line)

        path, error = min(located, key=position)
        raise document.error(path, _expected(model, error)) from None


def _known_path(document: Document, location: tuple[int | str, ...]) -> KeyPath:
    """Drop the words that pydantic adds to a location (`[key]`, a union's member)."""
    path: KeyPath = ()
    for index, part in enumerate(location):
        if (*path, part) in document.lines or (index == len(location) - 1 and part != "[key]"):
            path = (*path, part)
    return path


@dataclass(frozen=True)
class YearParams:
    """One year's mapping and the document it came from, for messages and the record of changes."""

    year: int
    map: YearMap
    document: Document
    own_keys: frozenset[KeyPath]

    def error(self, path: KeyPath, expected: str) -> ParameterError:
        """Make an error line for a key of this year's mapping."""
        return self.document.error(path, expected)


class Params:
    """All parameters of one survey; each file is read when it is first asked for.

    Parameters
    ----------
    folder
        The parameter folder.
    """

    def __init__(self, folder: Path) -> None:
        self.dir = Path(folder)
        if not self.dir.is_dir():
            raise ParameterError(
                f"{self.dir}: the parameter folder is missing; "
                "name the folder that holds country.yml with --params"
            )
        self._years: dict[int, YearParams] = {}

    def shown(self, path: Path) -> str:
        """Return a file's name as messages show it: below the folder's own name."""
        try:
            return (Path(self.dir.name) / path.relative_to(self.dir)).as_posix()
        except ValueError:
            return path.as_posix()

    def document(self, name: str) -> Document:
        """Read `name` in the folder, without checking it."""
        path = self.dir / name
        return read_document(path, self.shown(path))

    def check(self, years: Iterable[int]) -> None:
        """Load every file and check it: all that a run of these years and its release read."""
        _ = self.country, self.variables, self.indicators, self.rules, self.report, self.breaks
        _ = self.tiles
        for year in years:
            self.year(year)
        # The hash of all files reads the ones that nobody asked for yet, and every table.
        self.hash()

    @cached_property
    def country(self) -> Country:
        """country.yml."""
        document = self.document("country.yml")
        country = validated(Country, document)
        consistency.check_country(document, country)
        return country

    @cached_property
    def variables(self) -> dict[str, Variable]:
        """variables.yml: the data dictionary by variable name."""
        document = self.document("variables.yml")
        variables = validated(_Variables, document).variables
        consistency.check_variables(document, self.country, variables)
        consistency.check_groupings(self.document("country.yml"), self.country, variables)
        consistency.check_design(self.document("country.yml"), self.country, variables)
        geography = self.country.geography
        places = {row[geography.code] for row in self.table(geography.table)}
        consistency.check_places(self.document("country.yml"), self.country, places)
        return variables

    @cached_property
    def indicators(self) -> list[Indicator]:
        """indicators.yml: the register of exhibits, in its own order."""
        document = self.document("indicators.yml")
        indicators = validated(_Indicators, document).indicators
        consistency.check_indicators(document, self.country, self.variables, indicators)
        consistency.check_pooled(document, indicators)
        return indicators

    @cached_property
    def rules(self) -> Rules:
        """rules.yml."""
        document = self.document("rules.yml")
        rules = validated(Rules, document)
        if rules.publication.overrules:
            consistency.check_overrules(document, rules, self.indicators, self.report, self.codes)
        return rules

    @cached_property
    def report(self) -> Report:
        """report.yml."""
        document = self.document("report.yml")
        report = validated(Report, document)
        consistency.check_report(document, self.country, report, self.years)
        return report

    @property
    def headline(self) -> list[str]:
        """Ids of the indicators by which the effect of a re-sent file is judged."""
        consistency.check_headline(self.document("report.yml"), self.report, self.indicators)
        return self.report.headline

    @cached_property
    def breaks(self) -> list[Break]:
        """breaks.yml: the breaks in series; a survey without the file states none."""
        breaks = self.stated_breaks
        if breaks:
            document = self.document("breaks.yml")
            consistency.check_breaks(document, self.country, self.variables, breaks)
        return breaks

    @cached_property
    def stated_breaks(self) -> list[Break]:
        """The breaks as they stand, not compared with other files: the report needs no more."""
        if not (self.dir / "breaks.yml").is_file():
            return []
        return validated(Breaks, self.document("breaks.yml")).breaks

    @cached_property
    def tiles(self) -> Tiles | None:
        """tiles.yml: the grid of the map; a country without the file has no map of tiles."""
        if not (self.dir / "tiles.yml").is_file():
            return None
        document = self.document("tiles.yml")
        tiles = validated(Tiles, document)
        place = self.country.geography
        places = {row[place.code] for row in self.table(place.table)}
        consistency.check_tiles(document, tiles, places)
        return tiles

    @cached_property
    def years(self) -> list[int]:
        """The years that have a mapping, ascending."""
        found = (self.dir / "years").glob("[0-9][0-9][0-9][0-9].yml")
        return sorted(int(path.stem) for path in found)

    def year(self, year: int) -> YearParams:
        """Return a year's mapping: the base it inherits with its own differences laid over.

        Raises
        ------
        ParameterError
            Also where a question of `lfsmig new-year` is open: nothing is made of such a year.
        """
        found = self.draft(year)
        refuse_undecided(found.document, year)
        return found

    def draft(self, year: int) -> YearParams:
        """Return a year's mapping, with or without open questions."""
        if year not in self._years:
            self._years[year] = self._read_year(year)
        return self._years[year]

    def _read_year(self, year: int) -> YearParams:
        if year not in self.years:
            known = ", ".join(map(str, self.years)) or "none"
            raise ParameterError(
                f"{self.shown(self.dir / 'years' / f'{year}.yml')}: "
                f"there is no mapping for {year}; years with one: {known}"
            )
        return self.read_year(year, self.document(f"years/{year}.yml"))

    def read_year(self, year: int, own: Document) -> YearParams:
        """Lay a year's own document, on disk or not yet, over what it inherits, and check it."""
        document = own
        base_name = own.data.get("inherits")
        if base_name is not None:
            path = self.dir / "years" / f"{base_name}.yml"
            if not path.is_file():
                raise own.error(
                    ("inherits",),
                    f"expected the name of a file beside this one: {self.shown(path)} is missing",
                )
            base = read_document(path, self.shown(path))
            # Questions, answers and explanations belong to the year that was asked.
            for key in ("undecided", "decided", "role", "explanations"):
                base.data.pop(key, None)
            document = merge(base, own)
            # What a year does not ask leaves the base's mapping.
            for name in own.data.get("absent") or {}:
                document.data.get("variables", {}).pop(name, None)
        year_map = validated(YearMap, document)
        own_keys = frozenset(own.lines)
        consistency.check_year(document, own, self.variables, year_map, year)
        return YearParams(year, year_map, document, own_keys)

    def table(self, name: str) -> list[dict[str, str]]:
        """Read a table that parameters name, relative to the parameter folder."""
        return _read_table(self.dir / name, self.shown(self.dir / name))

    def codes(self, variable: str) -> list[str]:
        """Return the codes of a category in order."""
        return list(self.code_labels(variable))

    def code_labels(self, variable: str) -> dict[str, Text]:
        """Return the codes of a category with their labels, whatever list they come from."""
        entry = self.variables[variable]
        labels: dict[str, Text] = dict(entry.codes or {})
        if entry.codes_from == "geography":
            labels |= self._table_labels(
                self.country.geography.table,
                self.country.geography.code,
                self.country.geography.labels,
            )
        elif entry.codes_from == "regions":
            labels |= self.country.regions
        elif entry.codes_from == "countries" and self.country.countries:
            source = self.country.countries
            labels |= self._table_labels(source.table, source.code, source.labels)
        return labels | entry.extra_codes

    def _table_labels(self, table: str, code: str, labels: Text) -> dict[str, Text]:
        rows = self.table(table)
        for column in (code, *labels.values()):
            if rows and column not in rows[0]:
                raise ParameterError(
                    f"{self.shown(self.dir / table)}:1: expected a column {column}, "
                    f"found {', '.join(rows[0])}"
                )
        return {
            row[code]: {language: row[column] for language, column in labels.items()}
            for row in rows
        }

    def region_of(self) -> dict[str, str]:
        """Return each province's region."""
        place = self.country.geography
        return {row[place.code]: row[place.region] for row in self.table(place.table)}

    def hash(self, year: int | None = None) -> str:
        """Return a hash of what decides the result.

        With a year: of all that decides its harmonised table and analysis frame (country.yml,
        variables.yml, the year's merged mapping, the tables they name). Without: of every file.
        """
        digest = hashlib.sha256()
        if year is None:
            content: dict[str, Any] = {
                self.shown(path): self.document(path.relative_to(self.dir).as_posix()).data
                for path in sorted(self.dir.rglob("*.yml"))
            }
        else:
            content = {
                "country": self.document("country.yml").data,
                "variables": self.document("variables.yml").data,
                # Why a check warns changes no record.
                "year": {
                    key: value
                    for key, value in self.draft(year).document.data.items()
                    if key != "explanations"
                },
            }
        digest.update(json.dumps(content, ensure_ascii=False, sort_keys=True).encode())
        for name in self._table_names(year):
            digest.update((self.dir / name).read_bytes())
        return digest.hexdigest()

    def _table_names(self, year: int | None) -> list[str]:
        names = {self.country.geography.table}
        if self.country.countries:
            names.add(self.country.countries.table)
        if self.country.prices:
            names.add(self.country.prices.table)
        if self.country.stamps:
            names.add(self.country.stamps.table)
        for one in self.years if year is None else [year]:
            mapping = self.draft(one).map
            names |= {one.lookup.table for one in mapping.variables.values() if one.lookup}
            names |= {spec.layout for spec in mapping.files if spec.layout}
        facts = self.country.facts
        names |= {one.table for one in (*(facts.population_by or []), facts.age_sex) if one}
        return sorted(name for name in names if (self.dir / name).is_file())


def refuse_undecided(document: Document, year: int) -> None:
    """Stop at the first open question of a year's mapping.

    Raises
    ------
    ParameterError
        Names file, line, key, what is open, and what to do.
    """
    found = document.data.get("undecided")
    if not found:
        return
    first = found[0] if isinstance(found, list) and isinstance(found[0], dict) else {}
    more = f" ({len(found) - 1} more questions below it)" if len(found) > 1 else ""
    raise document.error(
        ("undecided", 0),
        f"{first.get('id')}: {first.get('what')}; {first.get('decide')}{more}; "
        f"then call `lfsmig new-year {year}` again",
    )


def load(folder: Path) -> Params:
    """Open a parameter folder; country and dictionary are checked at once, the rest when used."""
    params = Params(Path(folder))
    _ = params.country, params.variables
    return params


@lru_cache(maxsize=32)
def _cached_table(path: Path, stamp: tuple[int, int]) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def _read_table(path: Path, shown: str) -> list[dict[str, str]]:
    try:
        stat = path.stat()
        return _cached_table(path, (stat.st_mtime_ns, stat.st_size))
    except FileNotFoundError:
        raise ParameterError(f"{shown}: the table named in the parameters is missing") from None
    except UnicodeDecodeError:
        raise ParameterError(f"{shown}: the table is not UTF-8 text; save it as UTF-8") from None


def label(params: Params, variable: str, code: str | None, lang: str) -> str:
    """Return the label of a code, or of the variable itself when `code` is None or empty.

    A language without a label falls back to the survey's first language.
    """
    if variable not in params.variables:
        raise ParameterError(
            f"{params.shown(params.dir / 'variables.yml')}:1: {key_text(('variables', variable))}: "
            "this variable is not in the data dictionary"
        )
    first = params.country.languages[0]
    if not code:
        return _in_language(params.variables[variable].label, lang, first)
    labels = params.code_labels(variable).get(code)
    return _in_language(labels, lang, first) if labels else code


def _in_language(text: Text, lang: str, first: str) -> str:
    return text.get(lang) or text.get(first) or next(iter(text.values()))
