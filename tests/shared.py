"""What the processes of one test session make together: the first to need it, once."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml


def cut_register(params: Path, kept: Collection[str]) -> None:
    """Keep a few indicators of a copied parameter folder, in the register and where it is named."""
    path = params / "indicators.yml"
    head, *entries = path.read_text(encoding="utf-8").split("\n  - id: ")
    entries = [entry for entry in entries if entry.split("\n")[0] in kept]
    path.write_text("\n  - id: ".join([head, *entries]), encoding="utf-8")
    path = params / "rules.yml"
    rules = yaml.safe_load(path.read_text(encoding="utf-8"))
    for check in rules["checks"].values():
        if "indicators" in check:
            check["indicators"] = [name for name in check["indicators"] if name in kept]
    path.write_text(yaml.safe_dump(rules), encoding="utf-8")
    path = params / "report.yml"
    report = yaml.safe_load(path.read_text(encoding="utf-8"))
    for key in ("headline", "relative_to_first"):
        report[key] = [name for name in report.get(key, []) if name in kept]
    path.write_text(yaml.safe_dump(report), encoding="utf-8")


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
