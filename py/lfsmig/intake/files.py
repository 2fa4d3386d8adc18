"""Brings a year's raw files together: reads them, drops blank records, links the module."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from lfsmig.errors import InputError
from lfsmig.intake.coding import common_keys, compose
from lfsmig.intake.columns import Coded, code_column, find_columns
from lfsmig.intake.read import RawTable, read_raw
from lfsmig.intake.stamps import read_forms
from lfsmig.params import Params, YearParams
from lfsmig.params.mapping import RawFile, YearCheck, YearMap
from lfsmig.years import whole_number


@dataclass
class Source:
    """One file with the rows that stand for the records of the year (-1: no row)."""

    table: RawTable
    found: dict[str, str]
    rows: np.ndarray


@dataclass
class RawYear:
    """All files of a year, record by record."""

    mapping: YearMap
    where: str
    sources: list[Source]
    blanks: np.ndarray
    merges: list[dict[str, object]] = field(default_factory=list)
    _coded: dict[str, Coded] = field(default_factory=dict)

    @property
    def records(self) -> int:
        """Return the number of person records."""
        return len(self.sources[0].rows)

    def source_of(self, name: str) -> Source | None:
        """Return the file that holds a column; the main file goes first."""
        return next((source for source in self.sources if name in source.found), None)

    def column(self, name: str) -> Coded:
        """Return a column, coded, for the person records."""
        if name not in self._coded:
            source = self.source_of(name)
            if source is None:
                files = ", ".join(one.table.name for one in self.sources)
                raise InputError(
                    f"{files}: the column {name} is missing; if the year names it otherwise add "
                    f"the name to columns.{name}.aliases in {self.where}, if it was not asked "
                    "put its variable under absent"
                )
            whole = code_column(
                source.table, source.found[name], name, self.mapping.columns[name], self.where
            )
            self._coded[name] = _rows(whole, source.rows)
        return self._coded[name]

    def blank_columns(self, names: list[str]) -> list[Coded]:
        """Return columns of the blank records of the main file."""
        source = self.sources[0]
        return [
            code_column(
                source.table, source.found[name], name, self.mapping.columns[name], self.where
            ).take(self.blanks)
            for name in names
        ]


def _rows(column: Coded, rows: np.ndarray) -> Coded:
    taken = np.where(rows >= 0, column.codes[rows], -1)
    return Coded(column.file, column.name, column.found, taken, column.values, column.raw)


def open_year(
    params: Params, year: YearParams, folder: Path, where: str, design: Set[str]
) -> RawYear:
    """Read all files of a year and link them to one row per person.

    Parameters
    ----------
    params
        The survey's parameters: layouts of fixed-width files, ways to write a year.
    year
        The year's mapping.
    folder
        Folder of the files.
    where
        The mapping's file, for messages.
    design
        Columns that a record of a household not interviewed may hold.

    Raises
    ------
    InputError
        A file cannot be read, is another year's, or holds records that would be lost.
    """
    mapping = year.map
    check_names(params, year, where)
    tables = [
        (spec, read_raw(folder, spec, params.table(spec.layout) if spec.layout else None))
        for spec in mapping.files
    ]
    sources = []
    for _, table in tables:
        found = find_columns(table, mapping, where)
        sources.append(Source(table, found, np.arange(table.rows)))
    _unused(mapping, sources, where)
    main = sources[0]
    main.rows, blanks = drop_blanks(mapping, main, where, design)
    check_year(params, year, main, where)
    raw = RawYear(mapping, where, sources, blanks)
    for (spec, _), source in zip(tables[1:], sources[1:], strict=True):
        raw.merges.append(link_file(raw, spec, source, design))
    return raw


def _unused(mapping: YearMap, sources: list[Source], where: str) -> None:
    """Stop on a column that the file holds and no variable uses: it would vanish silently."""
    used = {entry.column for entry in mapping.variables.values() if entry.column}
    used |= {part.column for entry in mapping.variables.values() for part in entry.parts or []}
    used |= {name for spec in mapping.files for name in [*(spec.on or []), *spec.agree]}
    used |= {mapping.blank_records or ""} | (
        {mapping.year_check.column} if mapping.year_check else set()
    )
    for source in sources:
        for name, found in source.found.items():
            if name not in used:
                raise InputError(
                    f"{source.table.name}: no variable uses the column {found}; "
                    f"put it with a reason under ignore in {where}"
                )


def check_names(params: Params, year: YearParams, where: str) -> None:
    """Stop where a file's name says another year (lfs654 is 2565); a name may also say nothing."""
    for spec in year.map.files:
        for name in (spec.path, spec.member or ""):
            told = year_in_name(params, name)
            if told not in (None, year.year):
                raise InputError(
                    f"{name}: the name says {told}, expected {year.year}; is this the right "
                    f"file? Correct files in {where} if not"
                )


def year_in_name(params: Params, name: str) -> int | None:
    """Return the year (CE) that a file's name tells, None where it tells none."""
    stamps = params.country.stamps
    if stamps is None or stamps.file is None:
        return None
    form = read_forms(params).get(stamps.file)
    if form is None:
        raise params.document("country.yml").error(
            ("stamps", "file"), f"{stamps.table} has no form {stamps.file}"
        )
    told = form.read(PurePosixPath(name).name)
    return told.year if told is not None else None


def check_year(params: Params, year: YearParams, main: Source, where: str) -> None:
    check = year.map.year_check
    if check is None:
        return
    if check.column not in main.found:
        raise InputError(
            f"{main.table.name}: the column {check.column} that names the year is missing; "
            f"is this the file of {year.year}? Correct year_check in {where} if so"
        )
    column = code_column(
        main.table, main.found[check.column], check.column, year.map.columns[check.column], where
    )
    blank = int((column.codes[main.rows] < 0).sum())
    if blank:
        raise InputError(
            f"{main.table.name}: {column.found} is blank in {blank} person records, so nothing "
            f"tells that this is the file of {year.year}; correct the file or year_check in {where}"
        )
    told = another_year(params, year, check, column.values, year.year)
    if told is not None:
        raise InputError(
            f"{main.table.name}: {column.found} says {told}, expected {year.year}; "
            "this is another year's file"
        )


def another_year(
    params: Params, mapping: YearParams, check: YearCheck, values: Iterable[str], year: int
) -> str | None:
    """Say which other year the values of the year's column tell, None where all tell this one."""
    forms = read_forms(params)
    if check.form is not None and check.form not in forms:
        raise mapping.error(
            ("year_check", "form"),
            f"expected a form of the table of stamps: {', '.join(forms) or 'none is known'}",
        )
    for text in sorted({value[: check.prefix] for value in values}):
        says = None
        if check.form is not None:
            stamp = forms[check.form].read(text)
            says = stamp.year if stamp else None
        elif (number := whole_number(text)) is not None:
            says = number - check.offset
        if says != year:
            return text[:8] if says is None else f"{says} ({text})"
    return None


def drop_blanks(
    mapping: YearMap, main: Source, where: str, design: Set[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Part person records from blank ones, which hold nothing but the design."""
    rows = np.arange(main.table.rows)
    if mapping.blank_records is None:
        return rows, rows[:0]
    name = mapping.blank_records
    if name not in main.found:
        raise InputError(
            f"{main.table.name}: the column {name} that tells blank records is missing; "
            f"correct blank_records in {where}"
        )
    column = code_column(main.table, main.found[name], name, mapping.columns[name], where)
    persons, blanks = np.flatnonzero(column.codes >= 0), np.flatnonzero(column.codes < 0)
    if not len(persons):
        raise InputError(
            f"{main.table.name}: no person records: {column.found} is blank in all "
            f"{main.table.rows}; correct the file, or blank_records in {where}"
        )
    _hold_nothing(mapping, main, blanks, name, design, f"blank_records in {where}")
    return persons, blanks


def _hold_nothing(
    mapping: YearMap, source: Source, rows: np.ndarray, key: str, design: Set[str], cure: str
) -> None:
    """Stop where records without the key hold answers: they would be lost without a word."""
    answered = np.zeros(len(rows), dtype=bool)
    names = []
    for name, found in source.found.items():
        if name == key or name in design or not len(rows):
            continue
        part = RawTable(source.table.name, {found: source.table.columns[found].take(rows)}, 0, {})
        filled = code_column(part, found, name, mapping.columns[name], "").codes >= 0
        if filled.any():
            answered |= filled
            names.append(found)
    if answered.any():
        shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if names[4:] else "")
        raise InputError(
            f"{source.table.name}: {int(answered.sum())} records have no {source.found[key]} but "
            f"other answers ({shown}); a record of a household not interviewed holds the design "
            f"alone; correct the file, or {cure}"
        )


def link_file(raw: RawYear, spec: RawFile, source: Source, design: Set[str]) -> dict[str, object]:
    """Find each person's row in a further file by the key; report what does not fit."""
    on = spec.on or []
    if not on:
        raise InputError(
            f"{spec.path}: a further file needs the key columns under on in {raw.where}"
        )
    absent = [name for name in on if name not in source.found]
    if absent:
        raise InputError(
            f"{spec.path}: the key column {absent[0]} is missing; correct on in {raw.where}"
        )
    theirs = [
        code_column(source.table, source.found[name], name, raw.mapping.columns[name], raw.where)
        for name in on
    ]
    full = np.flatnonzero(theirs[-1].codes >= 0)
    _hold_nothing(
        raw.mapping,
        source,
        np.flatnonzero(theirs[-1].codes < 0),
        on[-1],
        design | {*on, *spec.agree},
        f"on of {spec.path} in {raw.where}",
    )
    ours = [raw.column(name) for name in on]
    key_here, key_there = common_keys(ours, [column.take(full) for column in theirs])
    index = pd.Index(key_there)
    twins = np.flatnonzero(index.duplicated())
    if len(twins):
        first = _written(theirs, full[twins[:1]])[0]
        raise InputError(
            f"{spec.path}: the key {'+'.join(on)} is not unique: {len(twins)} records repeat it, "
            f"first {first}; correct the file or on in {raw.where}"
        )
    position = index.get_indexer(pd.Index(key_here))
    source.rows = np.where(position >= 0, full[position], -1) if len(full) else position
    shared = set(source.found) & set(raw.sources[0].found) - set(on) - set(spec.agree)
    if shared:
        raise InputError(
            f"{spec.path}: the column {sorted(shared)[0]} stands in the main file too; "
            f"name it under agree to compare the two, in {raw.where}"
        )
    linked = position >= 0
    disagree = {}
    for name in spec.agree:
        if name in source.found:
            whole = code_column(
                source.table, source.found[name], name, raw.mapping.columns[name], raw.where
            )
            disagree[name] = _differences(raw.column(name), _rows(whole, source.rows), linked)
    return {
        "file": spec.path,
        "on": on,
        "rows": len(full),
        "matched": int(linked.sum()),
        "unmatched_here": int((~linked).sum()),
        "unmatched_there": int(len(full) - len(np.unique(position[linked]))),
        "disagree": disagree,
        "worst": _written(ours, np.flatnonzero(~linked)[:5]),
    }


def _written(columns: list[Coded], rows: np.ndarray) -> list[str]:
    """Write the keys of a few records."""
    return [
        str(key) for key in compose([c.take(rows) for c in columns], [None] * len(columns), "-")
    ]


def _differences(here: Coded, there: Coded, linked: np.ndarray) -> int:
    """Count linked records whose texts differ (two blanks agree)."""
    left = np.array([*here.values, ""], dtype=object)[here.codes]
    right = np.array([*there.values, ""], dtype=object)[there.codes]
    return int(((left != right) & linked).sum())
