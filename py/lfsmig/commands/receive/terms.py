"""Questions about all years: are stored files what was received, and until when may they stay."""

from __future__ import annotations

import datetime
from typing import Any

from lfsmig.errors import InputError
from lfsmig.intake.masters import damaged_files
from lfsmig.intake.registry import (
    COMPANIONS,
    Registry,
    open_registry,
    read_registry,
    registry_path,
)
from lfsmig.workspace import Workspace


def verify(workspace: Workspace, year: int | None) -> dict[str, Any]:
    """Compare every stored file with the hash under which it was received."""
    path = registry_path(workspace.data)
    deliveries = read_registry(path).deliveries if path.is_file() else {}
    if year is not None and year not in deliveries:
        raise InputError(f"{path}: nothing was received for {year}")
    files, damaged = 0, []
    for one, received in deliveries.items():
        for version in received.versions if year in (None, one) else []:
            folder = workspace.data / "raw" / str(one) / version.version
            files += len(version.files)
            damaged += [
                {"year": one, "version": version.version, "file": name, "what": what}
                for name, what in damaged_files(folder, version.files)
            ]
        kept = received.companions or [] if year in (None, one) else []
        files += len(kept)
        damaged += [
            {"year": one, "version": COMPANIONS, "file": name, "what": what}
            for name, what in damaged_files(workspace.data / "raw" / str(one) / COMPANIONS, kept)
        ]
    return {"schema_version": 1, "action": "verified", "files": files, "damaged": damaged}


def due(workspace: Workspace, today: datetime.date | None = None) -> dict[str, Any]:
    """List the terms of every dataset, and whether its records are due to be deleted.

    Nothing is deleted here: that is a decision and a duty of the people who hold the records.
    """
    registry: Registry = open_registry(workspace.data, workspace.params)[0]
    day = (today or datetime.date.today()).isoformat()
    rows = []
    for one in registry.datasets:
        years = sorted(y for y, d in registry.deliveries.items() if d.dataset == one.id)
        rows.append(
            {
                "dataset": one.id,
                "confidentiality": one.confidentiality,
                "agreement": one.agreement,
                "agreement_missing": one.confidentiality == "restricted" and not one.agreement,
                "retention": one.retention,
                "delete_by": one.delete_by,
                "due": one.delete_by is not None and one.delete_by < day,
                "years": years,
            }
        )
    return {"schema_version": 1, "action": "due", "today": day, "datasets": rows}
