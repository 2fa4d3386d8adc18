"""Refuses what would fill memory or reach outside the folder, before anything is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from lfsmig.errors import InputError
from lfsmig.intake.readers.text import printable

_CHUNK = 1 << 20


def inside(folder: Path, name: str) -> Path:
    """Return the path of a file below the folder of the year.

    A link that a person laid in the folder may lead elsewhere; a name may not.
    """
    if leads_out(name):
        raise InputError(
            f"{printable(name)}: the name leads out of the folder {folder.name}; "
            "put the file into that folder and name it without .."
        )
    return folder / name


def leads_out(name: str) -> bool:
    """Tell whether a name is absolute, of a drive, or climbs with `..`."""
    unified = name.replace("\\", "/")
    return (
        unified.startswith("/")
        or re.match(r"^[A-Za-z]:", unified) is not None
        or ".." in PurePosixPath(unified).parts
    )


def check_size(name: str, size: int, limit: int, what: str = "the file takes") -> None:
    """Refuse more bytes than the mapping allows."""
    if size > limit:
        raise InputError(
            f"{name}: {what} {size / 1e6:,.0f} MB, more than the {limit / 1e6:,.0f} MB allowed; "
            "if that is right, raise max_megabytes of the file in the year's mapping"
        )


def check_cells(name: str, rows: int, columns: int, limit: int) -> None:
    """Refuse a table that would take more memory than allowed, at 8 bytes a cell."""
    check_size(name, rows * columns * 8, limit, f"{rows:,} records of {columns:,} columns take")


def unpacked(read: Callable[[int], bytes], name: str, limit: int) -> bytes:
    """Unpack a stream up to the limit; what the file says about its own size is not believed."""
    parts, size = [], 0
    while part := read(_CHUNK):
        size += len(part)
        if size > limit:
            raise InputError(
                f"{name}: unpacks to more than the {limit / 1e6:,.0f} MB allowed; if that is "
                "right, raise max_megabytes of the file in the year's mapping"
            )
        parts.append(part)
    return b"".join(parts)
