"""Times and memory of the main job, and the engines' ratio on the year it made.

The full-scale synthetic sample is made first. Memory is the largest sum over all processes of a
job, sampled every tenth of a second.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
from measure import median_seconds

ROOT = Path(__file__).resolve().parents[2]
LFSMIG = str(Path(sys.executable).with_name("lfsmig"))


def timed(name: str, limit: str, *command: str) -> None:
    """Run a command, print its wall time and the peak memory of its process tree."""
    started = time.monotonic()
    process = subprocess.Popen(
        [LFSMIG, *command], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    peak = 0
    while process.poll() is None:
        peak = max(peak, _memory(process.pid))
        time.sleep(0.1)
    seconds = time.monotonic() - started
    if process.returncode:
        assert process.stderr is not None
        sys.exit(f"{name} failed: {process.stderr.read().decode('utf-8')[-500:]}")
    print(f"{name:<52}{seconds:>8.1f} s{peak / 2**30:>8.2f} GiB   ({limit})", flush=True)


def _memory(pid: int) -> int:
    """Memory that only this tree holds: shared pages are not counted once per process."""
    total = 0
    try:
        parent = psutil.Process(pid)
        for process in [parent, *parent.children(recursive=True)]:
            total += process.memory_full_info().uss
    except psutil.Error:
        pass
    return total


def engines(folder: Path) -> None:
    """Same tables by both engines on one year; designs are built and encoded before."""
    import pandas as pd

    from lfsmig.concepts import analysis_frame
    from lfsmig.params import load
    from lfsmig.survey import SurveyDesign

    params = load(ROOT / "params")
    year = params.report.report_year
    harmonised = folder / "harmonised" / f"{year}.parquet"
    frame = analysis_frame(pd.read_parquet(harmonised), params, year)
    design = SurveyDesign(frame, weight="weight", strata="stratum", psu="psu")
    jobs = {
        "mean of a 0/1 item by province": lambda e: design.mean(
            "lifetime", by=["province"], engine=e
        ),
        "total by province and sex": lambda e: design.total(by=["province", "sex"], engine=e),
        "share of labour status by region": lambda e: design.share(
            "labour_status", by=["region"], engine=e
        ),
    }
    print(f"\n{'one year, both engines':<40}{'Python':>10}{'R survey':>10}{'ratio':>8}")
    for name, job in jobs.items():
        python = median_seconds(lambda job=job: job("python"), repeats=5)
        r = median_seconds(lambda job=job: job("r"), repeats=3)
        print(f"{name:<40}{python:>9.4f}s{r:>9.2f}s{r / python:>7.0f}x", flush=True)


def run(folder: Path, scale: str) -> None:
    raw = str(folder / "raw")
    data = ("--data", str(folder))
    shutil.rmtree(folder, ignore_errors=True)
    print(f"\n{'the main job':<52}{'':>10}{'memory':>10}")
    timed("sample: one full year", "15 s, 1.5 GiB", "sample", "--out", raw, "--scale", scale,
          "--years", "2019")  # fmt: skip
    timed("sample: six years", "90 s", "sample", "--out", raw, "--scale", scale)
    timed("raw to released, six years, Python", "60 s, 3 GiB", *data, "run", "--raw", raw,
          "--engine", "python")  # fmt: skip
    if shutil.which("Rscript"):
        timed("all indicators and years by R, compared", "300 s", *data, "run", "--raw", raw)
    timed("run again, nothing changed", "seconds", *data, "run", "--raw", raw,
          "--engine", "both" if shutil.which("Rscript") else "python")  # fmt: skip
    timed("report: two languages, three formats", "90 s", *data, "report", "--with", "builtin")
    timed("report again, nothing changed", "seconds", *data, "report", "--with", "builtin")
    if shutil.which("Rscript"):
        engines(folder)
