"""Where things lie: the parameter folder and the data root with its four rooms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Workspace:
    """The folders of one run.

    Parameters
    ----------
    params
        Parameter folder (`country.yml`, `years/`, `indicators.yml`, …).
    data
        Data root that holds `harmonised/`, `estimates/` and `released/`.
    raw
        Folder with one sub-folder of raw files per year; `<data>/raw` unless given.
    """

    params: Path
    data: Path
    raw: Path

    @classmethod
    def at(cls, params: Path, data: Path, raw: Path | None = None) -> Workspace:
        return cls(Path(params), Path(data), Path(raw) if raw else Path(data) / "raw")

    def harmonised(self, year: int, suffix: str = ".parquet") -> Path:
        return self.data / "harmonised" / f"{year}{suffix}"

    def estimates(self, name: int | str, suffix: str = ".parquet") -> Path:
        return self.data / "estimates" / f"{name}{suffix}"

    @property
    def validation(self) -> Path:
        """Folder of the pages of the validation protocol, which name keys of records."""
        return self.data / "estimates" / "validation"

    def released(self, name: int | str, suffix: str = ".parquet") -> Path:
        return self.data / "released" / f"{name}{suffix}"
