"""The record of harmonisation: one row per source code and what it became.

`<folder>/<year>.csv` holds counts of codes, never records. Its columns are explained in
data/ledger/README.md.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from lfsmig.atomic import write_text

COLUMNS = [
    "variable",
    "year",
    "source_file",
    "source_column",
    "source_code",
    "harmonised_code",
    "universe",
    "records",
    "reason",
    "role",
    "effect",
]
# Entries of a year's own file that a row rests on, such as ("columns", "SEX"): not written.
OVERRIDES = "overrides"
# Counts are told to so many records.
TENS = 10


def ledger_frame(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Put rows in order: as the variables were mapped, codes ascending, blanks last."""
    ordered = sorted(
        enumerate(rows),
        key=lambda item: (item[1]["order"], _code_key(str(item[1]["source_code"])), item[0]),
    )
    frame = pd.DataFrame([row for _, row in ordered], columns=["order", *COLUMNS, OVERRIDES])
    out = frame[COLUMNS].copy()
    out["effect"] = ""
    out.attrs[OVERRIDES] = frame[OVERRIDES].tolist()
    return out


def with_effects(ledger: pd.DataFrame, effects: Mapping[tuple[str, str], str]) -> pd.DataFrame:
    """Say in the rows of each difference what it does to the headline."""
    out = ledger.copy()
    rows = ledger.attrs.get(OVERRIDES, [()] * len(ledger))
    told = []
    for row in rows:
        texts = [effects[entry] for entry in row or () if entry in effects]
        told.append("; ".join(dict.fromkeys(texts)))
    out["effect"] = told
    return out


def _code_key(code: str) -> tuple[int, int, str]:
    if code.startswith("("):
        return 2, 0, code
    return (0, int(code), code) if code.isascii() and code.isdigit() else (1, 0, code)


def without_few(ledger: pd.DataFrame, min_cases: int) -> pd.DataFrame:
    """Round counts to tens and blank those of a handful of persons: ledgers are kept in git.

    The rows of a variable add up to all persons, whose number is told elsewhere. So another count
    goes with those of a handful: the smallest that is at least twice `min_cases`, or the largest
    where none is, so that what is blank together could be shared out in many ways. Tens keep other
    tables, or the ledger of a re-sent file, from filling the gaps to the last person.
    """
    out = ledger.copy()
    counts = out["records"].astype(int)
    few = counts.gt(0) & counts.lt(min_cases)
    hidden = few.copy()
    for name in out.loc[few, "variable"].unique():
        others = counts[out["variable"].eq(name) & ~few & counts.gt(0)]
        if len(others) and name:
            many = others[others.ge(2 * min_cases)]
            hidden |= out.index == (many.idxmin() if len(many) else others.idxmax())
    out["records"] = ((counts + TENS // 2) // TENS * TENS).astype(object).mask(hidden, "")
    words = f"count withheld: fewer than {min_cases} records, or they would follow from it"
    reasons = out.loc[hidden, "reason"]
    out.loc[hidden, "reason"] = [f"{text}; {words}" if text else words for text in reasons]
    return out


def write_ledger(ledger: pd.DataFrame, folder: Path, year: int, min_cases: int) -> Path:
    """Write one year's ledger as CSV, with counts by `without_few`; same ledger, same bytes."""
    ledger = without_few(ledger, min_cases)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(ledger[COLUMNS].itertuples(index=False, name=None))
    target = Path(folder) / f"{year}.csv"
    write_text(target, text.getvalue())
    return target
