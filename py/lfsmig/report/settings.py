"""`report.yml` as the report reads it: the one definition of its keys is `params.models.Report`."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from lfsmig.params.loader import validated
from lfsmig.params.models import Format, Report
from lfsmig.params.source import read_document

FORMATS: tuple[Format, ...] = get_args(Format)


def read_settings(params_dir: Path) -> Report:
    """Read and check `report.yml` by itself.

    A report is made from released results: it needs none of the other parameter files, against
    which `Params.report` checks the same content.

    Raises
    ------
    ParameterError
        The file is missing or wrong, with its line and key.
    """
    path = Path(params_dir) / "report.yml"
    document = read_document(path)
    found = validated(Report, document)
    if found.report_year not in found.years:
        raise document.error(
            ("report_year",), f"{found.report_year} is not among years {found.years}"
        )
    return found
