"""`report.yml`: which years, languages and formats the report has, and what it is called."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from lfsmig.errors import ParameterError

Format = Literal["html", "docx", "pdf"]
FORMATS: tuple[Format, ...] = ("html", "docx", "pdf")


class ReportSettings(BaseModel):
    """Content of `report.yml`; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid")
    years: list[int]
    report_year: int
    formats: list[Format] = ["html", "docx", "pdf"]
    languages: list[str] = ["en", "th"]
    averages: list[list[int]] = []
    pools: list[list[int]] = []
    relative_to_first: list[str] = []
    boundaries: dict[str, str] | None = None
    # Read by `lfsmig receive` alone.
    headline: list[str] = []
    age_profile: dict[str, str] | None = None


def read_settings(params_dir: Path) -> ReportSettings:
    """Read and check `report.yml`."""
    path = Path(params_dir) / "report.yml"
    if not path.is_file():
        raise ParameterError(f"{path}: no such file; it names the report's years and languages")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        found = ReportSettings.model_validate(content)
    except yaml.YAMLError as error:
        raise ParameterError(f"{path}: not YAML: {str(error).splitlines()[0]}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "file"
        raise ParameterError(f"{path}: {key}: {first['msg']}") from error
    if found.report_year not in found.years:
        raise ParameterError(
            f"{path}: report_year {found.report_year} is not among years {found.years}"
        )
    return found
