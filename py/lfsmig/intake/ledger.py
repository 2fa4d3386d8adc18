"""The record of harmonisation: one row per source code and what it became.

`<folder>/<year>.csv` holds counts of codes, never records: variable, source file, source column,
source code, harmonised code, records, reason.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd

from lfsmig.atomic import write_text

COLUMNS = [
    "variable",
    "source_file",
    "source_column",
    "source_code",
    "harmonised_code",
    "records",
    "reason",
]


def ledger_frame(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Put rows in order: as the variables were mapped, codes ascending, blanks last."""
    ordered = sorted(
        enumerate(rows),
        key=lambda item: (item[1]["order"], _code_key(str(item[1]["source_code"])), item[0]),
    )
    return pd.DataFrame([row for _, row in ordered], columns=["order", *COLUMNS])[COLUMNS]


def _code_key(code: str) -> tuple[int, int, str]:
    if code.startswith("("):
        return 2, 0, code
    return (0, int(code), code) if code.isascii() and code.isdigit() else (1, 0, code)


def write_ledger(ledger: pd.DataFrame, folder: Path, year: int) -> Path:
    """Write one year's ledger as CSV; the same ledger gives the same bytes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(ledger[COLUMNS].itertuples(index=False, name=None))
    target = Path(folder) / f"{year}.csv"
    write_text(target, text.getvalue())
    return target
