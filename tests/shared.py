"""What the processes of one test session make together: the first to need it, once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return the session's folder `name`, filled by `make` in whichever process comes first.

    The tests only read what lies in it, as another process may be reading too.
    """
    base = factory.getbasetemp()
    common = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    folder, done = common / name, common / f"{name}.made"
    with _one_at_a_time(common / f"{name}.lock"):
        if not done.is_file():
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """Wait for whoever holds the file."""
    with path.open("w") as file:
        if os.name == "posix":
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield
