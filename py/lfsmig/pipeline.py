"""From raw files to released tables: the steps of `lfsmig.steps`, strung together.

raw → harmonised → checked → estimates (both engines, compared) → trends → released. A run takes
up where the last one stopped, and a second run with nothing changed does nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lfsmig import release, replicate, steps
from lfsmig.atomic import read_parquet
from lfsmig.errors import CheckFailed
from lfsmig.lock import held
from lfsmig.manifest import Manifest, versions
from lfsmig.params import Params, load
from lfsmig.pool import WorkerPool
from lfsmig.progress import Progress, silent, to_stderr
from lfsmig.steps import ENGINES, Step
from lfsmig.survey import r_session
from lfsmig.synthetic import folder_is_synthetic
from lfsmig.workspace import Workspace


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
    # Whatever can be known to be wrong is found before the first file is written.
    params = load(workspace.params)
    chosen = list(years or params.report.years)
    params.check(chosen)
    _refuse_unreported(params, chosen)
    release.rule_set(params)
    if "r" in ENGINES[engine]:
        r_session.versions()
    signs = {year: folder_is_synthetic(steps.raw_folder(workspace, year), year) for year in chosen}
    steps.refuse_mixture(workspace, params, signs)
    jobs = [Job(workspace, year, engine, progress is not silent) for year in chosen]
    seconds = dict.fromkeys(chosen, 0.0)
    with held(workspace.data, "another run is at work here"), WorkerPool(len(jobs)) as pool:
        # Checks look at the year before, so every year is harmonised before the first is checked.
        for work in (_harmonise, _check, _estimate):
            finished = _each_year(pool, work, jobs)
            for done in finished:
                seconds[done.year] += done.seconds
            _stop_at_errors(finished)
            if work is _harmonise:
                # The title inside a file may call records synthetic where its folder did not.
                steps.refuse_mixture(workspace, params, {})
        steps.write_register(workspace, params)
        made = steps.estimate_trends(workspace, params, engine, progress)
        # Engines that differ end the run before anything is released.
        crosscheck = _crosscheck(workspace, chosen, engine, made)
        steps.release_all(workspace, params, made, progress)
    return {
        "schema_version": 1,
        "years": chosen,
        "engine": engine,
        "seconds": {str(year): round(spent, 1) for year, spent in seconds.items()},
        "crosscheck": crosscheck,
        "released": str(workspace.released("").parent),
    }


def _refuse_unreported(params: Params, years: Sequence[int]) -> None:
    """Stop at a year that the report does not name: it would be estimated and never released."""
    unnamed = [str(year) for year in years if year not in params.report.years]
    if unnamed:
        raise params.document("report.yml").error(
            ("years",), f"{', '.join(unnamed)} not among them; add it, only these are released"
        )


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
    made = [steps.draw_replicates(job.workspace, params, job.year, job.progress)]
    made += [
        steps.estimate_engine(job.workspace, params, job.year, name, job.progress)
        for name in ENGINES[job.engine]
    ]
    made.append(
        steps.combine_engines(job.workspace, params, job.year, ENGINES[job.engine], job.progress)
    )
    return Done(job.year, [step for step in made if step], [], time.monotonic() - started)


def _each_year(pool: WorkerPool, work: Callable[[Job], Done], jobs: Sequence[Job]) -> list[Done]:
    """Do the work for every year; record each one's steps as it finishes."""
    finished: list[Done] = []

    def record(_: Job, done: Done) -> None:
        _record(done.steps)
        finished.append(done)

    pool.each(work, jobs, record)
    return sorted(finished, key=lambda done: done.year)


def _record(finished: Iterable[Step]) -> None:
    for step in finished:
        Manifest(step.folder).record(
            step.name, step.key, step.outputs, versions(step.with_r), step.note
        )


def _stop_at_errors(finished: Sequence[Done]) -> None:
    failed = [line for done in finished for line in done.failed]
    if failed:
        raise CheckFailed(
            f"validation errors stop the year ({'; '.join(failed)}); see `lfsmig validate YEAR`, "
            "mend the file or its mapping and run again"
        )


def _crosscheck(
    workspace: Workspace, years: Sequence[int], engine: str, made: dict[str, Any]
) -> dict[str, Any]:
    """Verdicts of the comparison of the engines; a difference is an error.

    `years_without` are years that are released though one engine alone estimated them.
    """
    without = {"years_without": sorted(set(made["years"]) - set(made["compared"]))}
    if engine != "both":
        return {"made": False, "reason": f"only the {engine} engine was asked for", **without}
    yearly = [read_parquet(workspace.estimates(f"{y}.replication")) for y in years]
    found = replicate.summary(pd.concat(yearly), years)
    over_years = replicate.summary(read_parquet(workspace.estimates("trends.replication")), years)
    _refuse_differences([*found["differing"], *over_years["differing"]])
    measures = ("cells", "verdicts", "worst")
    return {
        "made": True,
        **{key: found[key] for key in measures},
        "trends": {key: over_years[key] for key in measures},
        **without,
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
