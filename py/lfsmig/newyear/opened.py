"""Opens a year's files against a mapping that may not fit them yet, and does not stop at that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from lfsmig.errors import InputError, LfsmigError
from lfsmig.intake.coding import compose
from lfsmig.intake.columns import Coded, Pairing, code_column, pair_columns
from lfsmig.intake.files import RawYear, Source, check_names, check_year, drop_blanks, link_file
from lfsmig.intake.harmonise import Mapper, design_columns
from lfsmig.intake.read import RawTable, read_raw
from lfsmig.intake.readers import FORMATS
from lfsmig.intake.readers.archive import SUFFIXES
from lfsmig.params import Params, YearMap, YearParams
from lfsmig.params.mapping import RawFile
from lfsmig.synthetic import MANIFEST, NOTICE


@dataclass
class Opened:
    """A year's files, read as far as the mapping goes.

    Attributes
    ----------
    year
        The mapping they are read by.
    tables
        The files as read, the main one first, with what their columns are paired with.
    raw
        The same as the harmoniser reads it.
    mapper
        Harmonised variables, and codes without a meaning.
    lost
        Mapped columns that something uses and no file has.
    """

    year: YearParams
    tables: list[tuple[RawFile, RawTable, Pairing]]
    raw: RawYear
    mapper: Mapper
    lost: list[str] = field(default_factory=list)

    def file_of(self, name: str) -> tuple[RawTable, str] | None:
        """Return the file that holds a mapped column, and its name there."""
        for _, table, pairing in self.tables:
            if name in pairing.found:
                return table, pairing.found[name]
        return None

    def coded(self, name: str) -> Coded | None:
        """Return a mapped column of the person records, None where no file has it."""
        return None if self.raw.source_of(name) is None else self.raw.column(name)

    def clusters(self) -> np.ndarray:
        """Number the sampling unit of every person record; records themselves without a design."""
        psu = self.mapper.made.get("psu")
        if psu is None or psu.isna().all():
            return np.arange(self.raw.records)
        return pd.factorize(psu)[0]

    def persons_of(self, table: RawTable, column: str) -> Coded:
        """Return a column that no mapping knows, for the person records, as plain codes."""
        from lfsmig.params.mapping import Column

        rows = next(source.rows for source in self.raw.sources if source.table is table)
        whole = code_column(table, column, column, Column(), "")
        taken = np.where(rows >= 0, whole.codes[rows], -1)
        return Coded(whole.file, whole.name, whole.found, taken, whole.values, whole.raw)


def data_files(folder: Path) -> list[str]:
    """Names of the files in a folder that a reader exists for."""
    known = set(FORMATS) | set(SUFFIXES)
    return sorted(
        path.name
        for path in folder.iterdir()
        if path.is_file()
        and path.suffix.lower() in known
        and path.name not in (NOTICE, MANIFEST)
        and not path.name.startswith(".")
    )


def files_of(folder: Path, named: Sequence[str]) -> list[str]:
    """List the data files of a year's folder, or check those that were named.

    Raises
    ------
    InputError
        There is none, or a named file lies elsewhere.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder}: no such folder; put the raw files of the year there, or call lfsmig receive"
        )
    if named:
        found = []
        for one in named:
            path = Path(one)
            inside = path if path.is_absolute() else Path.cwd() / path
            if (folder / path.name).is_file() and len(path.parts) == 1:
                inside = folder / path
            if inside.resolve().parent != folder.resolve() or not inside.is_file():
                raise InputError(
                    f"{one}: no file of {folder}; put it there, or call lfsmig receive, first"
                )
            found.append(inside.name)
        return list(dict.fromkeys(found))
    found = data_files(folder)
    if not found:
        raise InputError(f"{folder}: holds no data file; put the raw files of the year there")
    return found


def read_files(
    params: Params, folder: Path, specs: Sequence[RawFile]
) -> list[tuple[RawFile, RawTable]]:
    """Read the files as the mapping writes them."""
    return [
        (spec, read_raw(folder, spec, params.table(spec.layout) if spec.layout else None))
        for spec in specs
    ]


def used_columns(mapping: YearMap) -> list[str]:
    """List the mapped columns that something needs, in the mapping's order."""
    used = {entry.column for entry in mapping.variables.values() if entry.column}
    used |= {part.column for entry in mapping.variables.values() for part in entry.parts or []}
    used |= {mapping.blank_records or ""}
    used |= {mapping.year_check.column} if mapping.year_check else set()
    return [name for name in mapping.columns if name in used]


def open_leniently(
    params: Params, year: YearParams, read: Sequence[tuple[RawFile, RawTable]], where: str
) -> Opened:
    """Pair, link and map files as far as it goes.

    Raises
    ------
    InputError
        A file's name or content says another year, month or survey: no drift, the wrong file.
    """
    check_names(params, year, where)
    mapping = year.map
    tables = [(spec, table, pair_columns(table.columns, mapping)) for spec, table in read]
    sources = [Source(t, pairing.found, np.arange(t.rows)) for _, t, pairing in tables]
    main = sources[0]
    design = design_columns(params, year)
    blanks = np.arange(0)
    if mapping.blank_records in main.found:
        main.rows, blanks = drop_blanks(mapping, main, where, design)
    if mapping.year_check and mapping.year_check.column in main.found:
        check_year(params, year, main, where)
    raw = RawYear(mapping, where, sources[:1], blanks)
    for (spec, _, _), source in zip(tables[1:], sources[1:], strict=True):
        raw.sources.append(source)
        if spec.on and all(n in main.found and n in source.found for n in spec.on):
            raw.merges.append(link_file(raw, spec, source, design))
        else:
            # Nothing tells whose rows these are.
            source.rows = np.full(len(main.rows), -1)
    mapper = Mapper(params, year, raw, where, lenient=True)
    for name in params.variables:
        if name in mapping.variables:
            _make(mapper, name)
    _check_month(params, raw, mapper)
    everywhere = {name for source in raw.sources for name in source.found}
    lost = [name for name in used_columns(mapping) if name not in everywhere]
    return Opened(year, tables, raw, mapper, lost)


def _make(mapper: Mapper, name: str) -> None:
    try:
        mapper.make(name)
    except LfsmigError:
        # A column is lost, which is told of the column, or a derived item lacks what it needs.
        mapper.made.pop(name, None)


def _check_month(params: Params, raw: RawYear, mapper: Mapper) -> None:
    """Stop where the months are those of another quarter."""
    months, found = params.country.facts.months, mapper.made.get("month")
    if months is None or found is None:
        return
    strange = sorted({int(month) for month in found.dropna().unique()} - set(months))
    if strange:
        raise InputError(
            f"{raw.sources[0].table.name}: month {strange[0]} is none of the survey's months "
            f"({', '.join(map(str, months))}, facts.months in country.yml); "
            "this is the file of another quarter"
        )


def main_first(
    mapping: YearMap, tables: Sequence[tuple[RawFile, RawTable]], design: set[str]
) -> list[tuple[RawFile, RawTable]]:
    """Order files: the main one, which holds most of the design, then by columns that are mapped.

    A file that holds no column of the mapping is left out; the caller asks about it.
    """
    scored = []
    for spec, table in tables:
        found = set(pair_columns(table.columns, mapping).found)
        if found:
            needed = len(found & {mapping.blank_records or ""} | found & design)
            scored.append((-needed, -len(found), spec.path, (spec, table)))
    return [item[3] for item in sorted(scored, key=lambda one: one[:3])]


def person_key(params: Params, mapping: YearMap) -> list[str]:
    """Name the raw columns that tell a person: those of the household's key and the line number."""
    names: list[str] = []
    for variable in ("household_id", "person_no"):
        entry = mapping.variables.get(variable)
        if entry is not None:
            names += [entry.column] if entry.column else [p.column for p in entry.parts or []]
    return names


def link_by_key(
    mapping: YearMap, main: RawTable, other: RawTable, on: Sequence[str], where: str
) -> float | None:
    """Tell which part of a file's records are found in the main file by a key.

    None if a key column is missing, or the key tells no single record in one of the files.
    """
    keys = []
    for table in (main, other):
        found = pair_columns(table.columns, mapping).found
        if not all(name in found for name in on):
            return None
        columns = [code_column(table, found[n], n, mapping.columns[n], where) for n in on]
        made = pd.Series(compose(columns, [None] * len(columns), "-")).dropna()
        if made.duplicated().any():
            return None
        keys.append(set(made))
    return len(keys[0] & keys[1]) / len(keys[1]) if keys[1] else None


def suffix_of(path: str) -> str:
    """Return the ending that names a file's format."""
    return PurePosixPath(path).suffix.lower()


def makes(opened: Opened, column: str) -> list[str]:
    """List the variables that a raw column makes."""
    entries = opened.year.map.variables.items()
    return [
        name
        for name, entry in entries
        if entry.column == column or column in [part.column for part in entry.parts or []]
    ]


def counts(opened: Opened) -> dict[str, float | None]:
    """Count what a year holds, as far as the mapping tells it."""
    made = opened.mapper.made

    def distinct(name: str) -> int | None:
        return int(made[name].nunique()) if name in made else None

    weight, moved = made.get("weight"), made.get("moved")
    return {
        "records": opened.tables[0][1].rows,
        "blank_records": len(opened.raw.blanks),
        "persons": opened.raw.records,
        "households": distinct("household_id"),
        "psus": distinct("psu"),
        "strata": distinct("stratum"),
        "movers": int(moved.eq("yes").sum()) if moved is not None else None,
        "weight_total": float(np.nansum(weight)) if weight is not None else None,
    }


def same_units(before: Opened, new: Opened) -> float | None:
    """Part of the sampling units of the year before that occur again by their keys."""
    old, now = before.mapper.made.get("psu"), new.mapper.made.get("psu")
    if old is None or now is None or not len(old):
        return None
    keys = set(pd.unique(old))
    return len(keys & set(pd.unique(now))) / len(keys)
