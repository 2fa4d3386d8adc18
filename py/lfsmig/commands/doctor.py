"""`lfsmig doctor`: what this machine has, what it lacks, and the command that mends it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lfsmig.commands.receive.terms import due, verify
from lfsmig.errors import LfsmigError
from lfsmig.intake.registry import registry_path
from lfsmig.workspace import Workspace

APT = "apt-get install --no-install-recommends"
ASK_RPY2 = "import rpy2.robjects, importlib.metadata as m; print(m.version('rpy2'))"
PACKAGES = (
    "pandas",
    "pyreadstat",
    "papermill",
    "jupytext",
    "pypandoc_binary",
    "typst",
    "matplotlib",
)


def examine(workspace: Workspace) -> dict[str, Any]:
    """Look at everything the commands need, and at the files that were received.

    Returns
    -------
    dict
        `items`, each with name, found (text or None), required, purpose and install;
        `missing_required`, the names of required things that are absent; and `store`: the number
        of `files` received, those `damaged`, datasets whose records are `due` to be deleted, and
        why it could not be looked at (`error`).
    """
    items = [_python(), *(_package(name) for name in PACKAGES), *_r(), _fonts(), *_programs()]
    return {
        "schema_version": 1,
        "platform": platform.platform(),
        "items": items,
        "missing_required": [i["name"] for i in items if i["required"] and not i["found"]],
        "store": _store(workspace),
    }


def _store(workspace: Workspace) -> dict[str, Any]:
    found: dict[str, Any] = {"files": 0, "damaged": [], "due": [], "error": ""}
    if not registry_path(workspace.data).is_file():
        return found
    try:
        stored = verify(workspace, None)
        terms = due(workspace)["datasets"]
    except LfsmigError as problem:
        return found | {"error": str(problem)}
    late = [{"dataset": one["dataset"], "delete_by": one["delete_by"], "years": one["years"]}
            for one in terms if one["due"] and one["years"]]  # fmt: skip
    return found | {"files": stored["files"], "damaged": stored["damaged"], "due": late}


def _item(
    name: str, found: str | None, required: bool, purpose: str, install: str
) -> dict[str, Any]:
    return {
        "name": name,
        "found": found,
        "required": required,
        "purpose": purpose,
        "install": install,
    }


def _python() -> dict[str, Any]:
    ok = sys.version_info >= (3, 11)
    return _item(
        "python",
        platform.python_version() if ok else None,
        True,
        "runs everything; 3.11 or later",
        f"{APT} python3.11-venv",
    )


def _package(name: str) -> dict[str, Any]:
    try:
        found = version(name)
    except PackageNotFoundError:
        found = None
    return _item(name, found, True, "Python package of requirements.lock", "make setup")


def _r() -> list[dict[str, Any]]:
    """R is asked in a process of its own: a broken R must not end the doctor."""
    packages = (
        ("survey", "r-cran-survey", "second engine of the cross-check"),
        ("jsonlite", "r-cran-jsonlite", "lets Rscript r/replicate.R read and write JSON"),
        ("testthat", "r-cran-testthat", "tests of the R functions"),
    )
    rscript = shutil.which("Rscript")
    found = _first_line(["R", "--version"]) if rscript else None
    items = [_item("R", found, False, "second engine of the cross-check", f"{APT} r-base-core")]
    for name, debian, purpose in packages:
        asked = ["Rscript", "-e", f'cat(as.character(packageVersion("{name}")))']
        seen = _first_line(asked) if rscript else None
        items.append(_item(f"R {name}", seen, False, purpose, f"{APT} {debian}"))
    bridge = _first_line([sys.executable, "-c", ASK_RPY2])
    items.append(_item("rpy2", bridge, False, "calls R from Python", "make setup"))
    return items


def _fonts() -> dict[str, Any]:
    folder = Path("assets/fonts")
    found = sorted(path.name for path in folder.glob("Sarabun-*.ttf"))
    return _item(
        "Sarabun",
        f"{len(found)} font files" if found else None,
        False,
        "Thai and Latin type of the report",
        "make setup",
    )


def _programs() -> list[dict[str, Any]]:
    quarto = os.environ.get("QUARTO_PATH") or "quarto"
    return [
        _item(
            "quarto",
            _first_line([quarto, "--version"]),
            False,
            "renders the report; without it the built-in road does",
            "pip install quarto-cli (downloads from the project's release page)",
        ),
        _item(
            "chromium",
            _first_line(["chromium", "--version"]),
            False,
            "browser test of the report",
            f"{APT} chromium",
        ),
        _item(
            "pdftotext",
            shutil.which("pdftotext"),
            False,
            "tests of the PDF's text",
            f"{APT} poppler-utils",
        ),
        _item(
            "rsvg-convert",
            shutil.which("rsvg-convert"),
            False,
            "drawings in DOCX when Quarto renders",
            f"{APT} librsvg2-bin",
        ),
    ]


def _first_line(command: list[str]) -> str | None:
    if shutil.which(command[0]) is None:
        return None
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False, encoding="utf-8"
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = done.stdout.strip().splitlines()
    return lines[0] if done.returncode == 0 and lines else None


def text(document: dict[str, Any]) -> str:
    """One line per thing: what was found, or the command that installs it."""
    lines = []
    for item in document["items"]:
        if item["found"]:
            lines.append(f"ok       {item['name']:<16} {item['found']}")
        else:
            word = "MISSING" if item["required"] else "absent"
            lines.append(f"{word:<8} {item['name']:<16} {item['purpose']}: {item['install']}")
    lines += _told(document["store"])
    missing = document["missing_required"]
    lines.append(
        f"Missing and required: {', '.join(missing)}"
        if missing
        else "All that is required is there."
    )
    return "\n".join(lines)


def _told(store: dict[str, Any]) -> list[str]:
    """Lines on the received files: nothing where there are none."""
    if store["error"]:
        return [f"BROKEN   received files: {store['error']}"]
    lines = [
        f"DAMAGED  {one['year']} {one['version']} {one['file']}: {one['what']}; put back a copy "
        "with the sha256 of the registry"
        for one in store["damaged"]
    ]
    lines += [
        f"DUE      {one['dataset']}: its records were to be deleted by {one['delete_by']}; "
        "see lfsmig receive --due"
        for one in store["due"]
    ]
    if store["files"] and not store["damaged"]:
        lines.append(f"ok       received files   {store['files']}, as they were received")
    return lines
