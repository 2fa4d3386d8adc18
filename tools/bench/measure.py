"""Seconds and bytes: medians of repeated calls, and the highest memory a piece of work needs."""

from __future__ import annotations

import ctypes
import gc
import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
STATUS, REFERENCES = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def median_seconds(
    work: Callable[[], object], repeats: int, clock: str = "wall", warm: bool = True
) -> float:
    """Median of several runs; with `warm` after one that is not counted."""
    if warm:
        work()
    times = []
    for _ in range(repeats):
        started = CLOCKS[clock]()
        work()
        times.append(CLOCKS[clock]() - started)
    return statistics.median(times)


def resident() -> int:
    """Bytes of memory this process needs now: what was freed before is given back first."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return _status("VmRSS")


def peak_over(before: int, work: Callable[[], object]) -> int:
    """Run the work once and tell by how much the process rose above `before` at most."""
    gc.collect()
    REFERENCES.write_text("5", encoding="ascii")  # forget the highest value so far
    work()
    return max(0, _status("VmHWM") - before)


def _status(name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", STATUS.read_text(encoding="ascii"), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def mebibytes(size: float) -> str:
    return f"{size / 2**20:,.0f} MiB"
