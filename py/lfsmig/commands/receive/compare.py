"""Compares a candidate with the frozen master and writes what was found beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lfsmig.atomic import write_json, write_text
from lfsmig.commands.receive.desk import Desk, stop_at_damage
from lfsmig.commands.receive.page import comparison_page
from lfsmig.commands.receive.words import comparison_text
from lfsmig.intake import amended
from lfsmig.intake.masters import master_of
from lfsmig.intake.registry import MasterVersion


def comparison(desk: Desk, candidate: MasterVersion) -> dict[str, Any]:
    """Compare a candidate with the frozen master and write what was found beside it."""
    deliveries = desk.deliveries
    assert deliveries is not None
    frozen = master_of(desk.raw, desk.year)
    assert frozen is not None
    stop_at_damage(desk, deliveries.master)
    stop_at_damage(desk, candidate)
    paths = [desk.beside(candidate.version, f".comparison{s}") for s in (".txt", ".html", ".json")]
    found = _made_before(paths, frozen.version)
    if found is not None:
        return _told(found, paths)
    desk.progress(f"{desk.year}: comparing {candidate.version} with {frozen.version}")
    made = amended.compare(
        desk.params,
        desk.year,
        (frozen.folder, desk.folder(candidate.version)),
        (_layout(desk, frozen.version), _layout(desk, candidate.version)),
    )
    dataset = desk.registry.dataset(deliveries.dataset)
    found = {
        "schema_version": 1,
        "year": desk.year,
        "frozen": frozen.version,
        "candidate": candidate.version,
        "synthetic": bool(dataset and dataset.confidentiality == "synthetic"),
        "min_cases": desk.params.rules.publication.disclosure.min_cases,
        "variables": {
            name: entry.label
            for name, entry in desk.params.variables.items()
            if any(row["variable"] == name for row in made["values"])
        },
        **made,
    }
    write_text(paths[0], comparison_text(found) + "\n")
    write_text(paths[1], comparison_page(desk.params, found))
    write_json(paths[2], found)
    return _told(found, paths)


def _told(found: dict[str, Any], paths: list[Path]) -> dict[str, Any]:
    """Leave out what only the files beside the candidate may hold: keys of records."""
    told = {key: value for key, value in found.items() if key != "keys"}
    return {"comparison": told, "documents": [str(path) for path in paths]}


def _made_before(paths: list[Path], frozen: str) -> dict[str, Any] | None:
    """Return the comparison that a decision was prepared with, if records were compared in it."""
    if not all(path.is_file() for path in paths):
        return None
    try:
        found = dict(json.loads(paths[2].read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return found if found.get("frozen") == frozen and found.get("made") else None


def _layout(desk: Desk, version: str) -> dict[str, Any]:
    path = desk.beside(version, ".layout.json")
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))["files"])
    except (OSError, ValueError, KeyError, TypeError):
        # Where the description was lost, only the files' layout goes uncompared.
        desk.warnings.append(f"{path}: missing or damaged, so the layout was not compared")
        return {}
