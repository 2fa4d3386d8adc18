"""From raw files to released tables: the steps of `lfsmig.steps`, strung together.

raw → harmonised → checked → estimates (both engines, compared) → trends → released. A run takes
up where the last one stopped, and a second run with nothing changed does nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from threading import Thread
from typing import Any

import pandas as pd

from lfsmig import replicate, steps, workers
from lfsmig.errors import CheckFailed
from lfsmig.manifest import Manifest, versions
from lfsmig.params import load
from lfsmig.progress import Progress, silent, to_stderr
from lfsmig.steps import ENGINES, Step
from lfsmig.survey import r_session
from lfsmig.workspace import Workspace

PROCESSES = 2


@dataclass(frozen=True)
class Job:
    """Work on one year that a process of its own may do."""

    workspace: Workspace
    year: int
    engine: str
    loud: bool

    @property
    def progress(self) -> Progress:
        return to_stderr if self.loud else silent


@dataclass(frozen=True)
class Done:
    """What a job came to: steps for the manifest, failed checks, seconds."""

    year: int
    steps: list[Step]
    failed: list[str]
    seconds: float


def run(
    workspace: Workspace,
    years: Sequence[int] | None = None,
    engine: str = "both",
    progress: Progress = silent,
) -> dict[str, Any]:
    """Take the years from raw files to released tables.

    Parameters
    ----------
    workspace
        Folders of the run.
    years
        Survey years; all years of `report.yml` unless given.
    engine
        `both`, `python` or `r`; with one engine the cross-check is not made and says so.
    progress
        Called with one line per finished step.

    Returns
    -------
    dict
        Summary with stable keys (`lfsmig run --json`).

    Raises
    ------
    MissingDependency
        If R is asked for and absent.
    InputError, ParameterError, EstimationError
        As the steps raise them; finished years stay.
    WorkerKilled
        If a process that worked on a year died.
    CheckFailed
        If a year fails validation or the engines disagree.
    """
    params = load(workspace.params)
    chosen = list(years or params.report.years)
    if "r" in ENGINES[engine]:
        # Fails at once where R or survey is absent, before anything is read.
        r_session.versions()
    for year in chosen:
        params.year(year)
        steps.raw_folder(workspace, year)
    jobs = [Job(workspace, year, engine, progress is not silent) for year in chosen]
    seconds = dict.fromkeys(chosen, 0.0)
    with _Pool(len(jobs)) as pool:
        # Checks look at the year before, so every year is harmonised before the first is checked.
        for work in (_harmonise, _check, _estimate):
            finished = pool.map(work, jobs)
            for done in finished:
                seconds[done.year] += done.seconds
            _stop_at_errors(finished)
    steps.write_register(workspace, params)
    made = steps.estimate_trends(workspace, params, engine, progress)
    # Engines that differ end the run before anything is released.
    crosscheck = _crosscheck(workspace, chosen, engine)
    steps.release_all(workspace, params, made, progress)
    return {
        "schema_version": 1,
        "years": chosen,
        "engine": engine,
        "seconds": {str(year): round(spent, 1) for year, spent in seconds.items()},
        "crosscheck": crosscheck,
        "released": str(workspace.released("").parent),
    }


def _harmonise(job: Job) -> Done:
    started = time.monotonic()
    params = load(job.workspace.params)
    step, failed = steps.harmonise_year(job.workspace, params, job.year, job.progress)
    return Done(job.year, [step] if step else [], failed, time.monotonic() - started)


def _check(job: Job) -> Done:
    started = time.monotonic()
    params = load(job.workspace.params)
    step, failed = steps.check_year(job.workspace, params, job.year, job.progress)
    return Done(job.year, [step] if step else [], failed, time.monotonic() - started)


def _estimate(job: Job) -> Done:
    started = time.monotonic()
    params = load(job.workspace.params)
    made = [
        steps.estimate_engine(job.workspace, params, job.year, name, job.progress)
        for name in ENGINES[job.engine]
    ]
    made.append(
        steps.combine_engines(job.workspace, params, job.year, ENGINES[job.engine], job.progress)
    )
    return Done(job.year, [step for step in made if step], [], time.monotonic() - started)


class _Pool:
    """Two processes for several years; none for a single one.

    Processes are spawned, not forked: an R that the parent started must not be shared.
    """

    def __init__(self, jobs: int) -> None:
        context = get_context("spawn")
        self.pool = (
            ProcessPoolExecutor(PROCESSES, mp_context=context, initializer=_end_with_parent)
            if jobs > 1
            else None
        )

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, *_: object) -> None:
        if self.pool:
            self.pool.shutdown(cancel_futures=True)

    def map(self, work: Any, jobs: Sequence[Job]) -> list[Done]:
        """Do the work for every job; record each one's steps as it finishes."""
        finished = []
        for done in self._results(work, jobs):
            _record(done.steps)
            finished.append(done)
        return sorted(finished, key=lambda done: done.year)

    def _results(self, work: Any, jobs: Sequence[Job]) -> Iterable[Done]:
        if self.pool is None:
            return (work(job) for job in jobs)
        done = workers.finished(self.pool, work, jobs, lambda job: str(job.year))
        return (result for _, result in done)


def _end_with_parent() -> None:
    """End this process when the one that started it is gone, even if that was killed.

    A worker that went on would write beside the next run.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def _record(finished: Iterable[Step]) -> None:
    for step in finished:
        Manifest(step.folder).record(
            step.name, step.key, step.outputs, versions(step.with_r), step.note
        )


def _stop_at_errors(finished: Sequence[Done]) -> None:
    failed = [f"{done.year}: {', '.join(done.failed)}" for done in finished if done.failed]
    if failed:
        raise CheckFailed(
            f"validation errors stop the year ({'; '.join(failed)}); see `lfsmig validate YEAR`, "
            "mend the file or its mapping and run again"
        )


def _crosscheck(workspace: Workspace, years: Sequence[int], engine: str) -> dict[str, Any]:
    """Verdicts of the comparison of the engines; a difference is an error."""
    if engine != "both":
        return {"made": False, "reason": f"only the {engine} engine was asked for"}
    yearly = [pd.read_parquet(workspace.estimates(f"{y}.replication")) for y in years]
    found = replicate.summary(pd.concat(yearly), years)
    over_years = replicate.summary(
        pd.read_parquet(workspace.estimates("trends.replication")), years
    )
    _refuse_differences([*found["differing"], *over_years["differing"]])
    measures = ("cells", "verdicts", "worst")
    return {
        "made": True,
        **{key: found[key] for key in measures},
        "trends": {key: over_years[key] for key in measures},
    }


def _refuse_differences(differing: list[dict[str, Any]]) -> None:
    if not differing:
        return
    first = differing[0]
    year = first.get("year", first.get("year_from"))
    raise CheckFailed(
        f"Python and R differ in {len(differing)} cells, first {year} {first['indicator']} "
        f"{first['domain']} {first['category']} ({first['reason']}): see `lfsmig replicate`"
    )
