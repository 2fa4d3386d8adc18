"""Cost by number of records and by number of cells: 0.2, 1.3 and 13 million records."""

from __future__ import annotations

from typing import Any

import frame as frames
import measure
import pandas as pd
from engines import design_of, encode
from isolated import isolated

YEARS = (1, 6, 60)
BY: dict[str, list[str]] = {
    "1 cell": [],
    "77 cells": ["province"],
    "462+ cells": ["province", "year"],
    "2,464+ cells": ["province", "sex", "age_group"],
}


def measured(years: int, repeats: int, clock: str) -> dict[str, Any]:
    frame = pooled(years)
    before = measure.resident()
    held: list[Any] = []

    def prepare() -> None:
        held.append(design_of(frame))
        encode(held[0], ["migrant", "province", "year", "sex", "age_group"])

    started = measure.CLOCKS[clock]()
    memory = measure.peak_over(before, prepare)
    times = {"design": measure.CLOCKS[clock]() - started}
    for name, by in BY.items():
        memory = max(
            memory, measure.peak_over(before, lambda by=by: held[0].mean("migrant", by=by))
        )
        times[name] = measure.median_seconds(
            lambda by=by: held[0].mean("migrant", by=by), repeats, clock, warm=False
        )
    return {
        "rows": len(frame), "times": times, "memory": memory,
        "frame": int(frame.memory_usage().sum()),
    }  # fmt: skip


def pooled(years: int) -> pd.DataFrame:
    """Years of the frame with only the columns that are used."""
    kept = ["stratum", "psu", "weight", "migrant", "province", "year", "sex", "age_group"]
    parts = [frames.year_frame(2000 + number)[kept] for number in range(years)]
    frame = pd.concat(parts, ignore_index=True)
    frame["year"] = frames.codes(frame["year"].to_numpy() - 2000, frames.numbered(years))
    return frame


def run(repeats: int, clock: str) -> None:
    names = ["design", *BY]
    print(
        f"\n{'seconds by records and cells (mean of a 0/1 item)':<53}"
        + "".join(f"{name:>14}" for name in names) + f"{'over frame':>12}{'frame':>11}"
    )  # fmt: skip
    for years in YEARS:
        found = isolated(measured, years, repeats, clock)
        print(
            f"{found['rows']:>12,} records{'':<33}"
            + "".join(f"{found['times'][name]:>13.4f}s" for name in names)
            + f"{measure.mebibytes(found['memory']):>12}{measure.mebibytes(found['frame']):>11}",
            flush=True,
        )
        each = {name: 1e9 * found["times"][name] / found["rows"] for name in names}
        print(
            f"{'':<12} nanoseconds a record{'':<19}"
            + "".join(f"{each[name]:>14.0f}" for name in names)
        )
