"""Published numbers of persons that the weights should meet: the office's control tables of a year.

`facts.controls` of country.yml names a folder; `<year>.csv` in it holds all tables of the year. A
row is a cell: the columns that it fills say which table it belongs to, and `persons` how many there
are. A table is there whole or not at all, so that no cell is compared with nothing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import pandas as pd

from lfsmig.errors import ParameterError
from lfsmig.intake.protocol import NotApplicable
from lfsmig.manifest import sha256, text_hash
from lfsmig.params import Params
from lfsmig.params.models import ControlTable

PERSONS = "persons"
Cell = tuple[str, ...]


def control_of(params: Params, year: int, by: Sequence[str]) -> tuple[pd.Series, str]:
    """Return persons of a year by some columns, and whose numbers they are.

    Raises
    ------
    NotApplicable
        Without a table of these columns for the year.
    ParameterError
        If the file has a cell that is unknown, given twice, missing or no number of persons.
    """
    facts = params.country.facts
    for table in [*(facts.population_by or []), *([facts.age_sex] if facts.age_sex else [])]:
        if table.by == list(by):
            return _from_table(params, year, table), table.source
    words = ", ".join(by)
    if facts.controls is None or list(by) not in facts.controls.by:
        raise NotApplicable(f"no published population by {words} in country.yml")
    path = Path(os.path.normpath(params.dir / facts.controls.folder / f"{year}.csv"))
    if not path.is_file():
        raise NotApplicable(f"no control table of {year}")
    cells = _read(params, path)
    found = {key[1]: number for key, number in cells.items() if key[0] == tuple(by)}
    if not found:
        raise NotApplicable(f"the control table of {year} is not by {words}")
    return _indexed(found), facts.controls.source


def _from_table(params: Params, year: int, table: ControlTable) -> pd.Series:
    """Return the rows of a year of a table of all years."""
    rows = [one for one in params.table(table.table) if one["year"] == str(year)]
    if not rows:
        raise NotApplicable(f"{Path(table.table).name} has no row of {year}")
    try:
        keys = [tuple(row[name] for name in table.by) for row in rows]
        persons = [float(row[PERSONS]) for row in rows]
    except (KeyError, ValueError):
        raise ParameterError(
            f"{params.shown(params.dir / table.table)}: expected columns year, "
            f"{', '.join(table.by)} and persons, with numbers of persons"
        ) from None
    index = pd.MultiIndex.from_tuples(keys) if len(table.by) > 1 else [key[0] for key in keys]
    return pd.Series(persons, index=index).groupby(level=list(range(len(table.by)))).sum()


def _indexed(found: dict[Cell, float]) -> pd.Series:
    keys = list(found)
    several = len(keys[0]) > 1
    index = pd.MultiIndex.from_tuples(keys) if several else [key[0] for key in keys]
    return pd.Series(list(found.values()), index=index)


def _read(params: Params, path: Path) -> dict[tuple[Cell, Cell], float]:
    """Read all tables of a file; a fault is an error that names its line and what was expected."""
    stated = params.country.facts.controls
    assert stated is not None
    shown = path.as_posix()
    # Absolute: a relative one would be taken from the parameter folder once more.
    rows = params.table(str(path.absolute()))
    names = list(dict.fromkeys(name for by in stated.by for name in by))
    if not rows or set(rows[0]) - {*names, PERSONS} or PERSONS not in rows[0]:
        raise ParameterError(
            f"{shown}: expected a head line with {', '.join(names)} (as far as there are tables "
            f"by them) and {PERSONS}, and a line for each cell"
        )
    codes = {name: _codes(params, name) for name in names}
    found: dict[tuple[Cell, Cell], float] = {}
    for line, row in enumerate(rows, start=2):
        filled = tuple(name for name in names if (row.get(name) or "").strip())
        table = next((tuple(by) for by in stated.by if set(by) == set(filled)), None)
        if table is None:
            known = "; ".join(", ".join(by) for by in stated.by)
            raise ParameterError(
                f"{shown}: line {line}: fills {', '.join(filled) or 'no column'}, which is no "
                f"table; the tables are by {known}"
            )
        cell = tuple(str(row[name]).strip() for name in table)
        for name, code in zip(table, cell, strict=True):
            if code not in codes[name]:
                raise ParameterError(
                    f"{shown}: line {line}: {name} {code} is unknown; its codes are "
                    f"{', '.join(codes[name][:8])}{' …' if len(codes[name]) > 8 else ''}"
                )
        if (table, cell) in found:
            raise ParameterError(f"{shown}: line {line}: {_words(table, cell)} is given twice")
        found[(table, cell)] = _number(shown, line, row.get(PERSONS))
    _refuse_gaps(shown, found, codes)
    return found


def _number(shown: str, line: int, text: str | None) -> float:
    try:
        # Pasted from a sheet, thousands may be separated.
        value = float((text or "").replace(",", "").strip())
    except ValueError:
        value = float("nan")
    if not 0 <= value < float("inf"):
        raise ParameterError(
            f"{shown}: line {line}: {PERSONS} is {text or 'empty'}; expected a number of persons"
        )
    return value


def _refuse_gaps(
    shown: str, found: dict[tuple[Cell, Cell], float], codes: dict[str, list[str]]
) -> None:
    for table in dict.fromkeys(key[0] for key in found):
        whole = list(product(*(codes[name] for name in table)))
        gaps = [cell for cell in whole if (table, cell) not in found]
        if gaps:
            more = f" and {len(gaps) - 1} more" if len(gaps) > 1 else ""
            raise ParameterError(
                f"{shown}: no line for {_words(table, gaps[0])}{more}; a table is there whole or "
                "not at all"
            )


def _words(table: Cell, cell: Cell) -> str:
    return ", ".join(f"{name} {code}" for name, code in zip(table, cell, strict=True))


def _codes(params: Params, name: str) -> list[str]:
    """Codes of a variable, or names of the groups of country.yml."""
    grouping = params.country.groupings.get(name)
    if grouping is None:
        return params.codes(name)
    if grouping.bands is not None:
        return list(grouping.bands)
    return list(dict.fromkeys(code for code in (grouping.codes or {}).values() if code))


def compared_hash(params: Params, year: int) -> str:
    """Hash of all published numbers that checks of a year compare with."""
    facts = params.country.facts
    named = [params.country.published_figures]
    named += [one.table for one in facts.population_by or []]
    named += [facts.age_sex.table] if facts.age_sex else []
    named += [f"{facts.controls.folder}/{year}.csv"] if facts.controls else []
    paths = [params.dir / name for name in named if name]
    return text_hash([sha256(path) for path in paths if path.is_file()])
