"""Cost by number of records and by number of cells: 0.2, 1.3 and 13 million records.

Two kinds of table are told apart. A place is the same for all persons of a PSU, whose records are
then one run; sex and age are not, and each PSU has a sum for each of their combinations that its
persons have. Within each kind the cost is set against the number of cells.
"""

from __future__ import annotations

from typing import Any

import frame as frames
import measure
import pandas as pd
from engines import design_of, encode
from isolated import isolated

YEARS = (1, 6, 60)
PLACES: dict[str, list[str]] = {
    "1 cell": [], "77 places": ["province"], "x years": ["province", "year"],
}  # fmt: skip
PERSONS: dict[str, list[str]] = {
    "2 sexes": ["sex"],
    "x 16 ages": ["sex", "age_group"],
    "x 77 places": ["province", "sex", "age_group"],
    "x years": ["province", "year", "sex", "age_group"],
}
TABLES = [*PLACES.values(), *PERSONS.values()]


def measured(years: int, repeats: int, clock: str) -> dict[str, Any]:
    frame = pooled(years)
    before = measure.resident()
    held: list[Any] = []

    def prepare() -> None:
        held.append(design_of(frame))
        encode(held[0], ["migrant", "province", "year", "sex", "age_group"])

    started = measure.CLOCKS[clock]()
    memory = measure.peak_over(before, prepare)
    design = measure.CLOCKS[clock]() - started
    calls = []
    for by in TABLES:
        memory = max(memory, measure.peak_over(before, lambda by=by: mean(held[0], by)))
        calls.append(
            measure.median_seconds(lambda by=by: mean(held[0], by), repeats, clock, warm=False)
        )
    cells = [len(mean(held[0], by)) for by in TABLES]
    return {
        "rows": len(frame), "design": design, "calls": calls, "cells": cells, "memory": memory,
        "frame": int(frame.memory_usage().sum()),
    }  # fmt: skip


def mean(design: Any, by: list[str]) -> pd.DataFrame:
    return design.mean("migrant", by=by)


def pooled(years: int) -> pd.DataFrame:
    """Years of the frame with only the columns that are used."""
    kept = ["stratum", "psu", "weight", "migrant", "province", "year", "sex", "age_group"]
    parts = [frames.year_frame(2000 + number)[kept] for number in range(years)]
    frame = pd.concat(parts, ignore_index=True)
    frame["year"] = frames.codes(frame["year"].to_numpy() - 2000, frames.numbered(years))
    return frame


def run(repeats: int, clock: str) -> None:
    names = ["design, codes", *PLACES, *PERSONS]
    print(
        f"\n{'seconds by records and cells (mean of a 0/1 item)':<50}"
        + "".join(f"{name:>14}" for name in names) + f"{'over frame':>12}{'frame':>11}"
    )  # fmt: skip
    for years in YEARS:
        found = isolated(measured, years, repeats, clock)
        times = [found["design"], *found["calls"]]
        print(
            f"{found['rows']:>12,} records{'':<30}"
            + "".join(f"{time:>13.4f}s" for time in times)
            + f"{measure.mebibytes(found['memory']):>12}{measure.mebibytes(found['frame']):>11}"
        )
        each = [1e9 * time / found["rows"] for time in times]
        print(f"{'':<13}nanoseconds a record{'':<17}" + "".join(f"{one:>14.0f}" for one in each))
        print(f"{'':<13}cells{'':<46}" + "".join(f"{count:>14,}" for count in found["cells"]))
        for kind, part in (
            ("places", slice(len(PLACES))), ("persons", slice(len(PLACES), None))
        ):  # fmt: skip
            cost, count = found["calls"][part], found["cells"][part]
            print(
                f"{'':<13}{kind}: {count[-1] / count[0]:,.0f} times the cells cost "
                f"{cost[-1] / cost[0]:.1f} times as much",
                flush=True,
            )
