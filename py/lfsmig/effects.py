"""What each difference of a year's mapping does to the headline: the year without it, mapped anew.

For every entry under `columns` and `variables` of a year's own file the affected variables are
mapped once more by what the file inherits, from the tables that are in memory already; a code that
has no meaning there becomes missing, since nothing could be made of it. The headline is then
estimated with and without the entry.
"""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd

from lfsmig import indicators
from lfsmig.errors import LfsmigError
from lfsmig.intake.columns import pair_columns
from lfsmig.intake.files import RawYear, Source
from lfsmig.intake.harmonise import Harmonised, Mapper
from lfsmig.params import Params, YearParams
from lfsmig.params.source import Document

Entry = tuple[str, str]
SAME = "none: the inherited mapping gives the same"


def effects_of(params: Params, harmonised: Harmonised, frame: pd.DataFrame) -> dict[Entry, str]:
    """Tell of each difference of a year what the headline would be without it.

    Parameters
    ----------
    params
        The survey's parameters.
    harmonised
        The year as just mapped, with its mapper.
    frame
        Its analysis frame.

    Returns
    -------
    dict
        By section and name of the entry: the relative change of every headline indicator by the
        entry, `none`, or why it cannot be told. Entries that touch fewer records than may be shown
        are not told: a change of a total would be the weight of a few persons.
    """
    mapper = harmonised.mapper
    if mapper is None or mapper.year.map.inherits is None:
        return {}
    own = params.document(f"years/{harmonised.year}.yml")
    found: dict[Entry, str] = {}
    now: dict[str, float] | None = None
    for section in ("columns", "variables"):
        for name in own.data.get(section) or {}:
            without = _without(params, mapper, own, section, name)
            if isinstance(without, str):
                found[section, name] = without
                continue
            if now is None:
                now = indicators.headline(params, harmonised.year, frame)
            found[section, name] = _effect(params, harmonised, without, now)
    for name in own.data.get("absent") or {}:
        found["absent", name] = "not computable: not asked this year"
    return found


def _without(
    params: Params, mapper: Mapper, own: Document, section: str, name: str
) -> Mapper | str:
    """Map what an entry touches as if it were not there, or say why that cannot be done."""
    document = Document(copy.deepcopy(own.data), own.lines, own.name)
    del document.data[section][name]
    try:
        year = params.read_year(mapper.year.year, document)
    except LfsmigError:
        return "not computable: nothing is inherited that could stand in its place"
    made = _remapped(params, mapper, year)
    touched = _touched(year, section, name)
    for variable in list(made.made):
        if variable in touched or year.map.variables.get(variable, None) is None:
            made.made.pop(variable)
    made.made["year"] = mapper.made["year"]
    try:
        for variable in params.variables:
            if variable in year.map.variables:
                made.make(variable)
        made.universes([variable for variable in touched if variable in made.made])
    except LfsmigError:
        return "not computable: without it a column is not found, so nothing can be mapped"
    return made


def _remapped(params: Params, mapper: Mapper, year: YearParams) -> Mapper:
    """Prepare another mapping of the tables that are in memory; nothing is read again."""
    raw = mapper.raw
    sources = [
        Source(one.table, pair_columns(one.table.columns, year.map).found, one.rows)
        for one in raw.sources
    ]
    other = Mapper(
        params,
        year,
        RawYear(year.map, raw.where, sources, raw.blanks, raw.merges),
        mapper.where,
        lenient=True,
    )
    other.made = dict(mapper.made)
    return other


def _touched(year: YearParams, section: str, name: str) -> set[str]:
    """Variables that an entry makes, those that borrow from them, and all derived ones."""
    entries = year.map.variables
    direct = {name} if section == "variables" else set()
    for variable, entry in entries.items():
        columns = [entry.column, *(part.column for part in entry.parts or [])]
        if section == "columns" and name in columns:
            direct.add(variable)
    borrowed = {
        variable
        for variable, entry in entries.items()
        if {f"={one}" for one in direct} & set((entry.codes or {}).values())
        or any(one in (entry.only_if or "") for one in direct)
    }
    return direct | borrowed | {v for v, entry in entries.items() if entry.derive}


def _effect(params: Params, harmonised: Harmonised, other: Mapper, now: dict[str, float]) -> str:
    """Compare the headline with what it is without an entry."""
    with_it = harmonised.frame
    order = [name for name in with_it.columns if name in other.made]
    frame = pd.DataFrame({name: other.made[name] for name in order})
    changed = np.zeros(len(frame), dtype=bool)
    before = harmonised.mapper.made if harmonised.mapper else {}
    for name in order:
        if other.made[name] is not before.get(name):
            one, two = frame[name].astype(object), with_it[name].astype(object)
            changed |= ~((one == two) | (one.isna() & two.isna())).fillna(False).to_numpy(bool)
    count = int(changed.sum())
    few = params.rules.publication.disclosure.min_cases
    if not count:
        return SAME
    if count < few:
        return f"withheld: it touches fewer than {few} records"
    try:
        analysed = indicators.analysis_frame(frame, params, harmonised.year)
        then = indicators.headline(params, harmonised.year, analysed)
    except (LfsmigError, ValueError, KeyError):
        return "not computable: without it the design or the population cannot be made"
    return _told(now, then)


def _told(now: dict[str, float], then: dict[str, float]) -> str:
    if not now:
        return "not computable: report.yml names no headline that could be estimated"
    parts = []
    for name, value in now.items():
        before = then.get(name, np.nan)
        if not np.isfinite(before) or before == 0:
            parts.append(f"{name} not computable: without it nobody is counted")
        elif value == before:
            parts.append(f"{name} unchanged")
        else:
            parts.append(f"{name} {100 * (value / before - 1):+.2f} %")
    return "; ".join(parts)
