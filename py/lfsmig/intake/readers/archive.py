"""Zipped copies: takes one file out of a .gz or .zip, in memory, never onto the disk."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from lfsmig.errors import InputError
from lfsmig.intake.readers.limits import leads_out, unpacked
from lfsmig.intake.readers.text import one_writing, printable

SUFFIXES = (".gz", ".zip")
# What packing programs add by themselves.
_CLUTTER = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")
_MOST_MEMBERS = 1000


def unzip(
    path: Path, name: str, member: str | None, known: set[str], limit: int
) -> tuple[str, bytes]:
    """Take the data file out of an archive.

    Parameters
    ----------
    path, name
        The archive, and what messages call it.
    member
        The file inside that the mapping names; unnamed, there must be one data file only.
    known
        Endings of data files.
    limit
        Largest size after unpacking, bytes.

    Returns
    -------
    tuple
        Name of the file inside and its content.
    """
    try:
        if path.suffix.lower() == ".gz":
            with gzip.GzipFile(path) as stream:
                return path.stem, unpacked(stream.read, name, limit)
        with zipfile.ZipFile(path) as archive:
            info = _chosen(archive, name, member, known)
            with archive.open(info) as stream:
                return _named(info), unpacked(stream.read, name, limit)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError) as error:
        words = printable(str(error)) or type(error).__name__
        raise InputError(
            f"{name}: cannot be unpacked, perhaps cut short ({words}); copy it again"
        ) from None


def _named(info: zipfile.ZipInfo) -> str:
    """Return a member's name; older programs write Thai names in the code page of the machine."""
    if info.flag_bits & 0x800 or info.filename.isascii():
        return one_writing(info.filename)
    try:
        return one_writing(info.filename.encode("cp437").decode("cp874"))
    except UnicodeError:
        return info.filename


def _chosen(
    archive: zipfile.ZipFile, name: str, member: str | None, known: set[str]
) -> zipfile.ZipInfo:
    infos = archive.infolist()
    if len(infos) > _MOST_MEMBERS:
        raise InputError(
            f"{name}: the archive holds {len(infos):,} files; pack the data file by itself"
        )
    bad = next((info for info in infos if leads_out(info.filename)), None)
    if bad is not None:
        raise InputError(
            f"{name}: {printable(bad.filename)} in the archive leads out of its folder; "
            "do not use this archive, ask its sender for another"
        )
    files = {
        _named(info): info
        for info in infos
        if not info.is_dir() and not any(clutter in info.filename for clutter in _CLUTTER)
    }
    if member is None:
        files = {key: info for key, info in files.items() if _data_file(key, known)}
    else:
        files = {
            key: info
            for key, info in files.items()
            if one_writing(member) in (key, PurePosixPath(key).name)
        }
    if len(files) != 1:
        inside = ", ".join(printable(_named(info)) for info in infos[:6]) or "nothing"
        wanted = f"one file named {member}" if member else "one data file"
        raise InputError(
            f"{name}: expected {wanted} in the archive, which holds {inside}"
            f"{', …' if len(infos) > 6 else ''}; name the file as member in the year's mapping"
        )
    info = next(iter(files.values()))
    if info.flag_bits & 1:
        raise InputError(
            f"{name}: the archive is locked with a password; unpack it and put the file itself "
            "into the folder of the year"
        )
    return info


def _data_file(name: str, known: set[str]) -> bool:
    return PurePosixPath(name).suffix.lower() in known
