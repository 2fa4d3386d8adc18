"""Finds the files of a year that all commands read: the frozen master, or plain files.

The registry beside the raw folder says which master version of a year is frozen; its files lie in
`<raw>/<year>/<version>/`. A year that nothing was received for is read from `<raw>/<year>/` as it
stands. The registry names bytes, not places: where a master's own folder is absent, plain files
with its hashes stand for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lfsmig.errors import InputError
from lfsmig.intake.read import sha256_of
from lfsmig.intake.registry import NAME, ReceivedFile, YearDeliveries, read_registry


@dataclass(frozen=True)
class Master:
    """The frozen master of a year and where its files lie."""

    year: int
    version: str
    folder: Path
    files: Sequence[ReceivedFile]


def master_of(raw_dir: Path, year: int) -> Master | None:
    """Return the frozen master of a year, None where nothing was received for it.

    Raises
    ------
    InputError
        The registry names a master whose files are not here, or another file of one of its
        names lies beside it: nobody could tell which of the two was meant.
    """
    registry = Path(raw_dir).parent / NAME
    if not registry.is_file():
        return None
    deliveries = read_registry(registry).deliveries.get(year)
    if deliveries is None:
        return None
    version = deliveries.master
    plain = Path(raw_dir) / str(year)
    store = plain / version.version
    if store.is_dir():
        _nothing_else_beside(plain, deliveries)
        return Master(year, version.version, store, version.files)
    here = [plain / one.name for one in version.files]
    if all(path.is_file() for path in here):
        master = Master(year, version.version, plain, version.files)
        verify(master)
        return master
    raise InputError(
        f"{store}: the files of the frozen master {version.version} of {year} are not here "
        f"({registry} names them); copy them from where they are kept"
    )


def year_folder(raw_dir: Path, year: int, first: str | None = None) -> Path:
    """Return the folder of a year's files.

    Parameters
    ----------
    raw_dir
        Folder with one folder per year, or the folder that holds this year's files itself.
    year
        The year (CE).
    first
        Name of the year's main file, by which `raw_dir` is told to be the folder itself; without
        it any folder will do.
    """
    master = master_of(raw_dir, year)
    if master is not None:
        return master.folder
    folder = Path(raw_dir) / str(year)
    if not folder.is_dir() and (first is None or (Path(raw_dir) / first).is_file()):
        return Path(raw_dir)
    return folder


def verify(master: Master) -> None:
    """Stop where a file of a master is no longer what was frozen.

    Raises
    ------
    InputError
        A file is missing or has other bytes.
    """
    damaged = damaged_files(master.folder, master.files)
    if damaged:
        name, what = damaged[0]
        raise InputError(
            f"{master.folder / name}: {what} since it was frozen as {master.version} of "
            f"{master.year}; put the file back from a copy whose sha256 is that of the registry, "
            f"or take another version with lfsmig receive {master.year} --restore"
        )


def damaged_files(folder: Path, files: Sequence[ReceivedFile]) -> list[tuple[str, str]]:
    """List the files of a version that are not as they were received, and what became of them."""
    found = []
    for one in files:
        path = folder / one.name
        if not path.is_file():
            found.append((one.name, "the file was removed"))
        elif path.stat().st_size != one.size or sha256_of(path) != one.sha256:
            found.append((one.name, "the file has changed"))
    return found


def _nothing_else_beside(plain: Path, deliveries: YearDeliveries) -> None:
    """Stop at a file beside the store that has a master's name and was never received."""
    known = {(one.name, one.sha256) for version in deliveries.versions for one in version.files}
    for name in sorted({name for name, _ in known}):
        path = plain / name
        if path.is_file() and (name, sha256_of(path)) not in known:
            raise InputError(
                f"{path}: lies beside the frozen master {deliveries.frozen} and is another file; "
                f"give it to lfsmig receive {plain.name} {path}, or take it away"
            )
