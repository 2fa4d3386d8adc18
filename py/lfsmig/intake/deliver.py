"""Takes a delivery in: names each file, copies it into the store whole, and reads what it is.

A version is copied to a hidden folder first, read there, and renamed when all of it stands on the
disk: a half-copied delivery never has a version's name, and no version is ever written into.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from lfsmig.atomic import write_json
from lfsmig.errors import InputError
from lfsmig.intake.columns import code_column
from lfsmig.intake.files import another_year, year_in_name
from lfsmig.intake.read import RawTable, read_raw, sha256_of
from lfsmig.intake.readers.limits import check_size, leads_out
from lfsmig.intake.readers.text import printable
from lfsmig.intake.registry import LabelFacts, ReceivedFile, version_number
from lfsmig.manifest import text_hash
from lfsmig.params import Params, YearParams
from lfsmig.params.mapping import RawFile
from lfsmig.synthetic import NOTICE, folder_is_synthetic, titles_are_synthetic

_CHUNK = 1 << 20
_READ_ONLY = 0o444
COMPANION = ".sas7bcat"
STATEMENT = "SYNTHETIC records: no record describes a real person.\n"


@dataclass
class Incoming:
    """A file on its way in: where it lies, what it will be called, how it is read.

    `spec` is None for a catalogue of labels, which is kept and not read by itself.
    """

    source: Path
    name: str
    spec: RawFile | None
    sha256: str = ""
    size: int = 0
    carried_from: str | None = None

    @property
    def delivered_as(self) -> str:
        """Return what it was called when it came."""
        return printable(unicodedata.normalize("NFC", self.source.name))


@dataclass
class Stored:
    """A version in the store: facts for the registry, the tables as read, what to warn of."""

    folder: Path
    files: list[ReceivedFile]
    tables: dict[str, RawTable]
    synthetic: bool
    warnings: list[str] = field(default_factory=list)


def mapping_of(params: Params, year: int) -> tuple[YearParams | None, bool]:
    """Return the year's mapping, or else that of the latest year before; and whether it is its own.

    A new year is received before it is mapped; until then the year before says how files such as
    these are written.
    """
    if year in params.years:
        return params.year(year), True
    earlier = [one for one in params.years if one < year] or params.years
    return (params.year(earlier[-1]), False) if earlier else (None, False)


# --- names ----------------------------------------------------------------------------------------


def named(
    params: Params, year: int, sources: Sequence[Path], given: Sequence[str]
) -> list[Incoming]:
    """Give every delivered file the name that it is stored by.

    Parameters
    ----------
    params, year
        The year whose mapping names files; without a mapping files keep their names.
    sources
        The delivered files.
    given
        Names that the user gave, in the order of the files; empty if none.

    Raises
    ------
    InputError
        A file is missing, stands twice, tells another year, or fits no name of the mapping.
    """
    if given and len(given) != len(sources):
        raise InputError(
            f"--as: {len(given)} names for {len(sources)} files; give one --as for each file, "
            "in the same order"
        )
    incoming = []
    for index, source in enumerate(sources):
        if not source.is_file():
            what = "is a folder; name the files in it" if source.is_dir() else "no such file"
            raise InputError(f"{printable(str(source))}: {what}")
        told = year_in_name(params, source.name)
        if told not in (None, year):
            raise InputError(
                f"{printable(source.name)}: the name says {told}, expected {year}; give it to "
                f"lfsmig receive {told}, or rename it if its name is wrong"
            )
        incoming.append(Incoming(source, given[index] if given else "", None))
    mapping, own = mapping_of(params, year)
    if own and mapping is not None:
        _by_mapping(params, mapping, incoming)
    else:
        for one in incoming:
            one.name = one.name or one.delivered_as
            one.spec = spec_like(mapping, one.name)
    for one in incoming:
        if leads_out(one.name) or one.name.startswith(".") or not one.name.strip():
            raise InputError(f"{printable(one.name)}: cannot be the name of a stored file")
        if version_number(PurePosixPath(one.name).parts[0]) is not None or one.name == NOTICE:
            raise InputError(f"{one.name}: the store uses this name itself; rename the file")
    _each_once(incoming)
    return incoming


def _by_mapping(params: Params, mapping: YearParams, incoming: list[Incoming]) -> None:
    """Pair delivered files with the files of the mapping: by name, else the only one that fits."""
    where = params.shown(params.dir / "years" / f"{mapping.year}.yml")
    specs: dict[str, RawFile | None] = {spec.path: spec for spec in mapping.map.files}
    specs |= {spec.catalog: None for spec in mapping.map.files if spec.catalog}
    folded = {_folded(PurePosixPath(name).name): name for name in specs}
    free = dict.fromkeys(specs)
    for one in incoming:
        found = folded.get(_folded(one.name or one.delivered_as))
        if found is not None:
            one.name, one.spec = found, specs[found]
            free.pop(found, None)
        elif one.name:
            raise InputError(
                f"--as {printable(one.name)}: expected a name of files in {where}: "
                f"{', '.join(specs)}"
            )
    left = [one for one in incoming if not one.name]
    for one in left:
        fitting = [name for name in free if _suffix(name) == _suffix(one.delivered_as)]
        rivals = [two for two in left if _suffix(two.delivered_as) == _suffix(one.delivered_as)]
        if len(fitting) != 1 or len(rivals) != 1:
            told = ", ".join(specs)
            advice = (
                "say which one it is with --as NAME"
                if fitting
                else f"convert or unpack it, state its name under files in {where}, or, "
                "if it holds no records, keep it with --companion"
            )
            raise InputError(
                f"{printable(one.delivered_as)}: the mapping names {told}, and "
                f"{'several of them' if fitting else 'none of them'} could be this file; {advice}"
            )
    for one in left:
        one.name = next(name for name in free if _suffix(name) == _suffix(one.delivered_as))
        one.spec = specs[one.name]


def spec_like(mapping: YearParams | None, name: str) -> RawFile | None:
    """Say how to read a file of an unmapped year: as the like one of the year before."""
    if name.lower().endswith(COMPANION):
        return None
    for spec in mapping.map.files if mapping else []:
        if _suffix(spec.path) == _suffix(name) and _letters(spec.path) == _letters(name):
            return spec.model_copy(update={"path": name, "member": None})
    return RawFile(path=name)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _suffix(name: str) -> str:
    """Return the ending that tells the format; what a .gz holds stands before it."""
    path = PurePosixPath(name.lower())
    return PurePosixPath(path.stem).suffix + path.suffix if path.suffix == ".gz" else path.suffix


def _letters(name: str) -> str:
    return "".join(letter for letter in PurePosixPath(name).stem.lower() if letter.isalpha())


def _each_once(incoming: Sequence[Incoming]) -> None:
    for index, one in enumerate(incoming):
        for other in incoming[:index]:
            if one.source.resolve() == other.source.resolve():
                raise InputError(f"{printable(str(one.source))}: the file is given twice")
            if one.name == other.name:
                raise InputError(
                    f"{printable(str(one.source))} and {printable(str(other.source))} would both "
                    f"be {one.name}; give one of them"
                )


def hashed(incoming: Sequence[Incoming]) -> None:
    """Note size and sha256 of every file; refuse what is too large, or one content twice.

    Raises
    ------
    InputError
        As said.
    """
    seen: dict[str, str] = {}
    for one in incoming:
        shown = printable(one.delivered_as)
        one.size = one.source.stat().st_size
        limit = (one.spec or RawFile(path=one.name)).max_megabytes * 1_000_000
        check_size(shown, one.size, limit)
        one.sha256 = sha256_of(one.source)
        if one.sha256 in seen:
            raise InputError(f"{shown} and {seen[one.sha256]} are the same file under two names")
        seen[one.sha256] = shown


# --- copies ---------------------------------------------------------------------------------------


def store(
    params: Params,
    year: int,
    raw_dir: Path,
    version: str,
    incoming: Sequence[Incoming],
    approve: Callable[[Stored], None],
) -> Stored:
    """Copy a delivery into the store as a version, and read every file of it.

    Parameters
    ----------
    params, year
        The year that the files must be of.
    raw_dir
        The raw folder; the version becomes `<raw_dir>/<year>/<version>/`.
    version
        A version name that is free.
    incoming
        Files with their names, sizes and hashes.
    approve
        Called with what was read, before it gets the version's name; may raise.

    Raises
    ------
    InputError
        A file cannot be read, is another year's, changed while it was copied, or is synthetic
        beside real ones. Nothing is left behind.
    """
    home = Path(raw_dir) / str(year)
    target, stage = home / version, home / f".{version}.part"
    if target.exists():
        raise InputError(f"{target}: is there already; a version is never overwritten")
    home.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(stage, ignore_errors=True)
    try:
        stage.mkdir()
        for one in incoming:
            copied(one, stage / one.name)
        stored = _read(params, year, stage, incoming)
        approve(stored)
        if stored.synthetic:
            (stage / NOTICE).write_text(STATEMENT, encoding="utf-8")
        for path in stage.rglob("*"):
            if path.is_file():
                path.chmod(_READ_ONLY)
        layout = {name: layout_of(table) for name, table in stored.tables.items()}
        write_json(home / f"{version}.layout.json", {"schema_version": 1, "files": layout})
        _flush_folder(stage)
        stage.rename(target)
        _flush_folder(home)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    stored.folder = target
    return stored


def withdraw(folder: Path) -> None:
    """Take a version out of the store that was not recorded; the files that came are elsewhere."""
    stage = folder.with_name(f".{folder.name}.part")
    folder.rename(stage)
    folder.with_name(f"{folder.name}.layout.json").unlink(missing_ok=True)
    shutil.rmtree(stage, ignore_errors=True)


def copied(one: Incoming, target: Path) -> None:
    """Copy a file, force it onto the disk, and compare what stands there with what came."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with one.source.open("rb") as here, target.open("xb") as there:
        while chunk := here.read(_CHUNK):
            digest.update(chunk)
            there.write(chunk)
        there.flush()
        os.fsync(there.fileno())
    if digest.hexdigest() != one.sha256:
        raise InputError(
            f"{printable(str(one.source))}: the file changed while it was being copied; "
            "wait until it is written, then give the command again"
        )
    if sha256_of(target) != one.sha256:
        raise InputError(
            f"{printable(str(one.source))}: the copy differs from the file; check the disk of "
            f"{target.parent.parent}"
        )


def _flush_folder(folder: Path) -> None:
    """Force a folder's list of names onto the disk, where the system can."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# --- what they are --------------------------------------------------------------------------------


def _read(params: Params, year: int, stage: Path, incoming: Sequence[Incoming]) -> Stored:
    stored = Stored(stage, [], {}, False)
    signs: dict[str, bool] = {}
    for one in incoming:
        facts = ReceivedFile(
            name=one.name,
            delivered_as=one.delivered_as if one.delivered_as != one.name else None,
            carried_from=one.carried_from,
            sha256=one.sha256,
            size=one.size,
        )
        if one.spec is None:
            stored.files.append(facts)
            continue
        layout = params.table(one.spec.layout) if one.spec.layout else None
        table = read_raw(stage, one.spec, layout)
        stored.tables[one.name] = table
        signs[one.name] = folder_is_synthetic(one.source.parent, year) or titles_are_synthetic(
            [table.title]
        )
        stored.files.append(
            facts.model_copy(
                update={
                    "format": str(table.facts["format"]),
                    "rows": table.rows,
                    "columns": len(table.columns),
                    "labels": _label_facts(table),
                }
            )
        )
        if table.facts.get("complete_last_line") is False:
            stored.warnings.append(
                f"{one.name}: the last line has no end; if the file was cut there the last record "
                "is not whole: ask the sender for its number of records"
            )
    if not signs:
        raise InputError(f"{incoming[0].name}: no file of records in this delivery")
    if len(set(signs.values())) > 1:
        made_up = ", ".join(name for name, sign in signs.items() if sign)
        real = ", ".join(name for name, sign in signs.items() if not sign)
        raise InputError(f"synthetic files ({made_up}) and real ones ({real}) in one delivery")
    stored.synthetic = any(signs.values())
    stored.warnings += _check_year(params, year, stored.tables)
    return stored


def _check_year(params: Params, year: int, tables: Mapping[str, RawTable]) -> list[str]:
    """Stop at another year's records; say so where nothing in the files tells their year."""
    mapping, _ = mapping_of(params, year)
    check = mapping.map.year_check if mapping else None
    if mapping is None or check is None:
        return []
    column = mapping.map.columns[check.column]
    names = {name.casefold() for name in (check.column, *column.aliases)}
    told = False
    for table in tables.values():
        for found in table.columns:
            if found.casefold() not in names:
                continue
            told = True
            coded = code_column(table, found, check.column, column, "")
            other = another_year(params, mapping, check, coded.values, year)
            if other is not None:
                raise InputError(
                    f"{table.name}: {found} says {other}, expected {year}; this is another "
                    "year's file"
                )
    return [] if told else [f"no column {check.column}: nothing in the files tells their year"]


def layout_of(table: RawTable) -> dict[str, Any]:
    """Describe a file for comparison with another: columns, storage, labels; no records."""
    types = table.facts["types"]
    return {
        "format": table.facts["format"],
        "encoding": table.facts["encoding"],
        "rows": table.rows,
        "columns": types if isinstance(types, dict) else {},
        "labels": table.labels,
        "value_labels": table.value_labels,
        "missing": table.missing,
    }


def _label_facts(table: RawTable) -> LabelFacts:
    return LabelFacts(
        variables=len(table.labels),
        values=sum(map(len, table.value_labels.values())),
        sha256=text_hash([table.labels, table.value_labels]),
    )
