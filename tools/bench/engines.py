"""The same tables by the Python engine and by plain R `survey` calls, on the same frame.

Each engine runs in a process of its own, so that memory can be told apart. Timed is one call from
an encoded frame with the design built: crossing of the `by` columns, estimates, standard errors,
degrees of freedom, intervals, design effects, and the finished table. Nothing is kept from one call
to the next. The results of both are compared: a ratio of times means nothing if they differ.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import frame as frames
import measure
import numpy as np
import pandas as pd
from isolated import isolated

from lfsmig.survey import SurveyDesign

R_FILE = Path(__file__).with_name("survey.R")
REPLICATES = 500


def logit(design: Any) -> pd.DataFrame:
    """Coefficients of a logistic regression with 15 terms."""
    terms = "sex + area + education + labour_status + age + age_squared"
    found = design.regression(f"migrant ~ {terms}", family="binomial").frame
    return found.assign(key=found["term"] + found["level"])


def bootstrap(design: Any) -> pd.DataFrame:
    """Migration effectiveness between regions with 500 bootstrap replicates, drawn here too."""
    drawn = design.with_replicates("bootstrap", replicates=REPLICATES, seed=1)
    flow = {"flow": {"by": ["previous_region", "region"]}}
    return drawn.function_of_totals(effectiveness, flow, vectorised=True).frame()


def effectiveness(flow: np.ndarray) -> np.ndarray:
    """Net flows over gross flows, all regions together; replicates x origin x destination."""
    flow = flow * (1 - np.eye(flow.shape[1]))
    out, into = flow.sum(axis=2), flow.sum(axis=1)
    return np.abs(out - into).sum(axis=1) / (out + into).sum(axis=1)


@dataclass(frozen=True)
class Work:
    """One row of the table: what is estimated, from how many years, and how fast it must be."""

    name: str
    years: int
    python: Callable[[Any], pd.DataFrame]
    r: str
    wanted: float
    encoded: list[str]  # columns whose codes or numbers are made before the clock starts
    keys: list[str]  # columns of the result that name a row
    needs: str = "estimate"  # method of the design without which the work is left out
    # What must be equal in both. Random replicates are drawn by each engine for itself.
    compared: tuple[str, ...] = ("estimate", "se")
    tolerance: float = 1e-9


WORKS = {
    "mean": Work(
        "mean of a 0/1 item by province x year (462 cells)", 6,
        lambda d: d.mean("migrant", by=["province", "year"]), "bench_mean", 200,
        ["migrant", "province", "year"], ["province", "year", "category"],
    ),
    "total": Work(
        "total by province x sex x age, 1 year (2,464 cells)", 1,
        lambda d: d.total(by=["province", "sex", "age_group"]), "bench_total", 1000,
        ["province", "sex", "age_group"], ["province", "sex", "age_group", "category"],
    ),
    "share": Work(
        "share of a 7-category item by region x year", 6,
        lambda d: d.share("labour_status", by=["region", "year"]), "bench_share", 100,
        ["labour_status", "region", "year"], ["region", "year", "category"],
    ),
    "logit": Work(
        "logistic regression, 6 years, 15 terms", 6, logit, "bench_logit", 4,
        ["migrant", "sex", "area", "education", "labour_status", "age", "age_squared"], ["key"],
        "regression", tolerance=1e-6,
    ),
    "bootstrap": Work(
        "500 bootstrap replicates of a 5 x 5 flow index, 1 year", 1, bootstrap, "bench_bootstrap",
        50, ["previous_region", "region"], [], "function_of_totals", ("estimate",),
    ),
}  # fmt: skip


def design_of(frame: pd.DataFrame) -> Any:
    return SurveyDesign(frame, weight="weight", strata="stratum", psu="psu")


def pooled(years: int) -> pd.DataFrame:
    """The frame of a work; the square of age is a column that both engines see."""
    frame = frames.pooled_frame(years)
    return frame.assign(age_squared=frame["age"].astype("float64") ** 2)


def encode(design: Any, names: list[str]) -> None:
    for name in names:
        if isinstance(design.column(name).dtype, pd.CategoricalDtype):
            design.levels(name)
        else:
            design.numbers(name)


def python_side(key: str, repeats: int, clock: str) -> dict[str, Any]:
    """Times, memory and results of one work by the Python engine."""
    work = WORKS[key]
    frame = pooled(work.years)
    before = measure.resident()
    times: dict[str, float] = {}
    made: list[Any] = []

    def prepare() -> None:
        started = measure.CLOCKS[clock]()
        made.append(design_of(frame))
        times["design"] = measure.CLOCKS[clock]() - started
        started = measure.CLOCKS[clock]()
        encode(made[0], work.encoded)
        times["encoding"] = measure.CLOCKS[clock]() - started
        work.python(made[0])

    memory = measure.peak_over(before, prepare)
    times["call"] = measure.median_seconds(lambda: work.python(made[0]), repeats, clock)
    found = work.python(made[0])
    labels = found[work.keys].astype(str).agg("|".join, axis=1) if work.keys else ["index"]
    return {
        "times": times, "memory": memory, "frame": int(frame.memory_usage().sum()),
        "keys": list(labels), "estimate": found["estimate"].to_numpy(),
        "se": found["se"].to_numpy(),
    }  # fmt: skip


def r_side(key: str, clock: str) -> dict[str, Any]:
    """The same by R's survey; the frame is passed first, which is not timed here."""
    work = WORKS[key]
    frame = pooled(work.years)
    room, handle = r_room(frame)
    del frame
    before = measure.resident()
    times: dict[str, float] = {}
    made: list[Any] = []

    def prepare() -> None:
        started = measure.CLOCKS[clock]()
        made.append(room["bench_design"](handle))
        times["design"] = measure.CLOCKS[clock]() - started
        started = measure.CLOCKS[clock]()
        made.append(room[work.r](made[0]))
        times["call"] = measure.CLOCKS[clock]() - started

    memory = measure.peak_over(before, prepare)
    keys, estimate, se = room["bench_values"](made[1])
    return {
        "times": times, "memory": memory, "keys": list(keys),
        "estimate": np.array(estimate), "se": np.array(se),
    }  # fmt: skip


def r_room(frame: pd.DataFrame) -> tuple[Any, Any]:
    """R with the benchmark's functions loaded and a frame passed."""
    from lfsmig.survey import r_session
    from lfsmig.survey.r_frame import frame_to_r

    handle = frame_to_r(frame)
    base = r_session._interface().baseenv
    room = base["new.env"]()
    base["sys.source"](r_session.text(str(R_FILE)), envir=room)
    return room, handle


def difference(
    python: dict[str, Any], r: dict[str, Any], compared: tuple[str, ...] = ("estimate", "se")
) -> float:
    """Largest relative difference, row by row."""
    worst = 0.0
    places = pd.Index(r["keys"]).get_indexer(pd.Index(python["keys"]))
    if (places < 0).any() or len(r["keys"]) != len(python["keys"]):
        raise SystemExit(f"bench: the engines give different rows: {python['keys'][:3]} …")
    for name in compared:
        a, b = python[name], r[name][places]
        size = np.maximum(np.abs(a), np.abs(b))
        gap = np.abs(a - b) / np.where(size > 0, size, 1.0)
        worst = max(worst, float(np.nanmax(gap)))
    return worst


def run(only: list[str], repeats: int, clock: str) -> None:
    print(
        f"\n{'engines on the same work, medians':<53}{'Python':>9}{'R survey':>9}{'ratio':>8}"
        f"{'wanted':>8}{'differ':>9}{'Python over frame':>19}{'R over frame':>14}"
    )
    for key in [key for key in WORKS if not only or key in only]:
        work = WORKS[key]
        if not hasattr(SurveyDesign, work.needs):
            print(f"{work.name:<53} left out: the design has no {work.needs}() yet")
            continue
        started = time.monotonic()
        python = isolated(python_side, key, repeats, clock)
        r = isolated(r_side, key, clock)
        call, call_r = python["times"]["call"], r["times"]["call"]
        gap = difference(python, r, work.compared)
        print(
            f"{work.name:<53}{call:>8.4f}s{call_r:>8.2f}s{call_r / call:>7,.0f}x"
            f"{work.wanted:>7,.0f}x{gap:>9.0e}{measure.mebibytes(python['memory']):>19}"
            f"{measure.mebibytes(r['memory']):>14}"
        )
        design, design_r = python["times"]["design"], r["times"]["design"]
        print(
            f"    before: design {design:.3f} s (R {design_r:.2f} s), encoding "
            f"{python['times']['encoding']:.3f} s; frame {measure.mebibytes(python['frame'])}; "
            f"measured in {time.monotonic() - started:.0f} s",
            flush=True,
        )
        if gap > work.tolerance:
            raise SystemExit(f"bench: {work.name}: the engines differ by {gap:.1e}")
