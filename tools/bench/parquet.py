"""66 million records that stay on disk, estimated from Parquet in less than 4 GB.

The files are made once in build/bench/parquet (0.7 GB, some minutes). Sixty-six million persons are
a census of a middling country: 153 strata and 298,500 PSUs of 221 persons.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import frame as frames
import measure
from isolated import isolated

CHUNKS, PER_PSU = 300, 6
LIMIT = 4 * 2**30
KEPT = [
    "stratum", "psu", "weight", "province", "region", "sex", "age_group", "labour_status",
    "migrant", "income",
]  # fmt: skip

TABLES: dict[str, Callable[[Any], Any]] = {
    "mean of a 0/1 item by province": lambda d: d.mean("migrant", by=["province"]),
    "share of a 7-category item by region": lambda d: d.share("labour_status", by=["region"]),
    "mean income of working-age women by province": lambda d: d.mean(
        "income", by=["province"], domain="sex == 'female' and age_group not in ['01', '02', '03']"
    ),
    "total by province x sex x age (2,464 cells)": lambda d: d.total(
        by=["province", "sex", "age_group"]
    ),
}


def make(folder: Path) -> int:
    """Write the files that are not there yet; rows in all."""
    folder.mkdir(parents=True, exist_ok=True)
    for chunk in range(CHUNKS):
        path = folder / f"{chunk:03d}.parquet"
        if path.exists():
            continue
        frame = frames.year_frame(2000, seed=chunk)
        # Six chunks fill the same PSUs: the records of a PSU are spread over the files.
        frame["psu"] += frames.PSUS * (chunk // PER_PSU)
        part = path.with_suffix(".part")
        frame[KEPT].to_parquet(part, index=False)
        part.rename(path)
        if chunk % 30 == 0:
            print(f"    writing {path.parent}: {chunk} of {CHUNKS}", flush=True)
    return CHUNKS * frames.PERSONS


def estimated(folder: str) -> dict[str, Any]:
    """Seconds of each table and the highest memory of the whole process."""
    from lfsmig.survey import SurveyDesign

    times: dict[str, float] = {}

    def work() -> None:
        started = time.perf_counter()
        design = SurveyDesign.from_parquet(folder, "weight", "stratum", "psu")
        times["design"] = time.perf_counter() - started
        for name, table in TABLES.items():
            started = time.perf_counter()
            found = table(design)
            times[name] = time.perf_counter() - started
            assert (found["se"] > 0).all()

    return {"memory": measure.peak_over(0, work), "times": times}


def run(folder: Path) -> None:
    rows = make(folder)
    size = sum(path.stat().st_size for path in folder.glob("*.parquet"))
    print(f"\nfrom Parquet by DuckDB: {rows:,} records, {measure.mebibytes(size)} on disk")
    found = isolated(estimated, str(folder))
    for name, seconds in found["times"].items():
        print(f"{name:<53}{seconds:>8.1f}s")
    print(f"{'highest memory of the process':<53}{measure.mebibytes(found['memory']):>9}")
    if found["memory"] > LIMIT:
        raise SystemExit(f"bench: memory is over {measure.mebibytes(LIMIT)}")
