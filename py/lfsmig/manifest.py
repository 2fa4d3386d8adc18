"""What was made from what: the hashes that tell whether a step must run again.

Each data folder has one `manifest.json`. An output is up to date when the hashes of its inputs, of
the parameters it was made with and of the code that made it are those of today, and the files
are still the ones that were written.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lfsmig import __version__
from lfsmig.atomic import write_json

SCHEMA_VERSION = 1
PACKAGE = Path(__file__).parent
R_CODE = PACKAGE.parents[1] / "r"


def sha256(path: Path) -> str:
    """Hash of a file's bytes."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def text_hash(value: Any) -> str:
    """Hash of a JSON-like value, whatever the order of its keys."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


@cache
def code_hash(*rooms: str) -> str:
    """Hash of the package's code; with `rooms`, of those sub-folders and modules alone.

    `r` names the R functions that stand beside the package.
    """
    sources: list[Path] = []
    for room in rooms or ("",):
        base = R_CODE if room == "r" else PACKAGE / room
        sources += sorted(base.rglob("*")) if base.is_dir() else [base.with_suffix(".py")]
    digest = hashlib.sha256()
    for source in sources:
        if source.suffix in {".py", ".R"}:
            digest.update(source.name.encode("utf-8") + source.read_bytes())
    return digest.hexdigest()


def versions(with_r: bool) -> dict[str, str]:
    """Versions of what computed: Python, this package, the libraries, R and `survey`."""
    found = {"python": platform.python_version(), "lfsmig": __version__}
    for name in ("numpy", "pandas", "pyreadstat", "rpy2"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    if with_r:
        from lfsmig.survey import r_session

        found |= r_session.versions()
    return found


def _whole(record: Any) -> bool:
    """Tell whether a record of a step has what `Manifest.current` looks at."""
    outputs = record["outputs"].values()
    return isinstance(record["key"], dict) and all({"sha256", "size"} <= set(o) for o in outputs)


class Manifest:
    """The manifest of one data folder."""

    def __init__(self, folder: Path) -> None:
        self.path = Path(folder) / "manifest.json"
        self.folder = Path(folder)
        self.steps: dict[str, dict[str, Any]] = {}
        if self.path.is_file():
            # A damaged manifest only costs the work of making everything again.
            with suppress(ValueError, KeyError, TypeError, AttributeError):
                found = json.loads(self.path.read_text(encoding="utf-8"))["steps"]
                self.steps = {name: record for name, record in found.items() if _whole(record)}

    def current(self, step: str, key: Mapping[str, str]) -> bool:
        """Tell whether the step's outputs are there, unchanged and made from `key`."""
        record = self.steps.get(step)
        if record is None or record["key"] != dict(key):
            return False
        return all(
            (path := self.folder / name).is_file()
            and path.stat().st_size == made["size"]
            and sha256(path) == made["sha256"]
            for name, made in record["outputs"].items()
        )

    def record(
        self,
        step: str,
        key: Mapping[str, str],
        outputs: Iterable[Path],
        made_with: Mapping[str, str],
        note: Mapping[str, Any] | None = None,
    ) -> None:
        """Write down a finished step; the file is replaced as a whole."""
        self.steps[step] = {
            "key": dict(key),
            "outputs": {
                # Relative to the folder: an output may lie in a neighbouring one.
                Path(os.path.relpath(path, self.folder)).as_posix(): {
                    "sha256": sha256(path),
                    "size": path.stat().st_size,
                }
                for path in outputs
            },
            "made_with": dict(made_with),
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            **(note or {}),
        }
        write_json(self.path, {"schema_version": SCHEMA_VERSION, "steps": self.steps})
