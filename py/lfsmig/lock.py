"""One run at a time in a folder: two would write over each other's work.

The lock belongs to the open file, so it ends with the process that holds it, however that ends.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from lfsmig.errors import LfsmigError


@contextmanager
def held(folder: Path, work: str = "another report is being built here") -> Iterator[None]:
    """Hold the folder, or say in one line what work holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ".lock"
    with path.open("a+", encoding="utf-8") as file:
        if not _take(file):
            file.seek(0)
            holder = file.read().strip()
            who = f" (process {holder})" if holder else ""
            raise LfsmigError(
                f"{folder}: {work}{who}; wait until it has ended, then give the command again"
            )
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _take(file: IO[str]) -> bool:
    """Lock an open file without waiting; False where another process has it."""
    try:
        import fcntl
    except ImportError:  # Windows
        return _take_on_windows(file)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _take_on_windows(file: IO[str]) -> bool:
    import msvcrt

    # A byte far beyond the text: what is locked cannot be read by others.
    file.seek(1 << 20)
    try:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    except OSError:
        return False
    return True
