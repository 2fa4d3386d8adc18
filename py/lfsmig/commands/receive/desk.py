"""The registry of a data root, opened under its lock, with one year at hand."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from lfsmig.errors import InputError
from lfsmig.intake.masters import damaged_files
from lfsmig.intake.registry import MasterVersion, YearDeliveries, open_registry, write_registry
from lfsmig.params import Params, load
from lfsmig.progress import Progress
from lfsmig.workspace import Workspace


def timestamp() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


class Desk:
    """The registry of a data root, opened under its lock, with the year at hand."""

    def __init__(self, workspace: Workspace, year: int, progress: Progress) -> None:
        self.workspace, self.year, self.progress = workspace, year, progress
        self.params: Params = load(workspace.params)
        self.raw = workspace.data / "raw"
        self.registry, self.head = open_registry(workspace.data, workspace.params)
        self.warnings: list[str] = []

    @property
    def deliveries(self) -> YearDeliveries | None:
        return self.registry.deliveries.get(self.year)

    def write(self, deliveries: YearDeliveries) -> None:
        """Put the year's deliveries into the registry."""
        years = self.registry.deliveries | {self.year: deliveries}
        self.registry = self.registry.model_copy(update={"deliveries": years})
        write_registry(self.workspace.data, self.registry, self.head)

    def folder(self, version: str) -> Path:
        return self.raw / str(self.year) / version

    def beside(self, version: str, suffix: str) -> Path:
        """Return the path of a document that stands beside a version's folder."""
        return self.raw / str(self.year) / f"{version}{suffix}"

    def document(self, action: str, version: str | None = None, **more: Any) -> dict[str, Any]:
        deliveries = self.deliveries
        candidate = deliveries.candidate if deliveries else None
        return {
            "schema_version": 1,
            "action": action,
            "year": self.year,
            "version": version,
            "dataset": deliveries.dataset if deliveries else None,
            "frozen": deliveries.frozen if deliveries else None,
            "candidate": candidate.version if candidate else None,
            "versions": [v.model_dump(mode="json") for v in deliveries.versions]
            if deliveries
            else [],
            "decisions": [d.model_dump(mode="json") for d in deliveries.decisions]
            if deliveries
            else [],
            "companions": [c.model_dump(mode="json") for c in deliveries.companions or []]
            if deliveries
            else [],
            "warnings": self.warnings,
            "comparison": None,
            "documents": [],
            "folder": str(self.folder(version)) if version else str(self.raw / str(self.year)),
            **more,
        }


def stop_at_damage(desk: Desk, version: MasterVersion) -> None:
    if not desk.folder(version.version).is_dir() and version.status == "frozen":
        return  # plain files with the master's hashes stand for it; they were verified
    damaged = damaged_files(desk.folder(version.version), version.files)
    if damaged:
        name, what = damaged[0]
        raise InputError(
            f"{desk.folder(version.version) / name}: {what} since it was received as "
            f"{version.version}; put back a copy whose sha256 is that of the registry"
        )
