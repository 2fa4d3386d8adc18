"""The released room: everything the report reads, and nothing a person could be found in.

Files are written for each year and for all years together; CSV twins serve people without
Parquet. Values of withheld cells are not in them, by any engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from lfsmig import (
    age_profile,
    age_replicates,
    disclosure,
    nonresponse,
    overrules,
    pools,
    published,
    quality,
    release,
    replicate,
    twins,
)
from lfsmig.atomic import atomic_path, read_parquet, write_json, write_parquet
from lfsmig.params import Params
from lfsmig.pool import WorkerPool
from lfsmig.results import RESULT_KEYS
from lfsmig.workspace import Workspace

# What a check counts that stands for people.
SECRET = ("records", "households")
RECEIPT_KEYS = [
    "year",
    "synthetic",
    "files",
    "master",
    "records",
    "blank_records",
    "persons",
    "households",
    "psus",
    "strata",
    "weight_total",
    "checks",
    "absent",
]


class Job(NamedTuple):
    """One year to be released, in a process of its own: disclosure control is the dearest step."""

    year: int
    estimates: pd.DataFrame
    public: Any
    rules: tuple[Any, Any, Any, Any]
    # Share of unknown answers that each row rests on.
    unknown: np.ndarray


def release_year(job: Job) -> pd.DataFrame:
    """Apply publication rules and disclosure control to the rows that a year releases."""
    publication, rule_set, indicators, sums = job.rules
    return release.release(
        job.estimates, publication, rule_set, indicators, sums, job.public, job.unknown
    )


def _main(both: pd.DataFrame) -> pd.DataFrame:
    """Rows of the engine that is released: Python's, or R's where it ran alone.

    They are the same numbers by the same rule.
    """
    main = "python" if both["engine"].eq("python").any() else "r"
    return both[both["engine"] == main]


def _released_years(
    params: Params,
    estimates: Mapping[int, pd.DataFrame],
    public: Mapping[int, Any],
    rates: pd.DataFrame,
) -> dict[int, pd.DataFrame]:
    rules = (
        params.rules.publication,
        release.rule_set(params),
        params.indicators,
        disclosure.links(params),
    )
    jobs = []
    for year, both in estimates.items():
        rows = pools.yearly(_main(both), params.indicators)
        shares = nonresponse.shares_of(rates[rates["year"].eq(year)])
        unknown = nonresponse.unknown_share(params, rows, shares)
        jobs.append(Job(year, rows, public.get(year, ()), rules, unknown))
    shown: dict[int, pd.DataFrame] = {}

    def finished(job: Job, frame: pd.DataFrame) -> None:
        shown[job.year] = frame

    with WorkerPool(len(jobs)) as pool:
        pool.each(release_year, jobs, finished)
    return {job.year: shown[job.year] for job in jobs}


def write(
    workspace: Workspace,
    params: Params,
    received: Mapping[int, Mapping[str, Any]],
    figures_path: Path | None,
) -> list[Path]:
    """Write the released files of all years; return their paths.

    Parameters
    ----------
    workspace
        Folders of the run; estimates and comparisons are read from them.
    params
        Parameters: publication rules, register of exhibits.
    received
        By year, what was written down when its files were received, and its checks.
    figures_path
        Table of published figures, if the survey has one.
    """
    years = sorted(received)
    few = params.rules.publication.disclosure.min_cases
    receipts = {year: _receipt(received[year], few) for year in years}
    figures = None if figures_path is None else published.read_figures(figures_path)
    public = published.cells(params, figures)
    outputs: list[Path] = []
    estimates = {year: read_parquet(workspace.estimates(year)) for year in years}
    found = pd.concat(
        [read_parquet(workspace.harmonised(year, ".quality.parquet")) for year in years],
        ignore_index=True,
    )
    shown = _released_years(params, estimates, public, found)
    for year in years:
        both = estimates[year]
        outputs += _write_both(workspace.released(year), shown[year])
        crosscheck = _crosscheck(workspace, params, year, shown[year])
        if crosscheck is not None:
            write_parquet(workspace.released(f"{year}.crosscheck"), crosscheck)
            outputs.append(workspace.released(f"{year}.crosscheck"))
        else:
            workspace.released(f"{year}.crosscheck").unlink(missing_ok=True)
        summary = workspace.released(year, ".summary.json")
        write_json(summary, receipts[year] | {"crosscheck": _verdicts(workspace, year, both)})
        outputs.append(summary)
    outputs += _write_both(workspace.released("quality"), quality.release(found, few))
    made = _main(read_parquet(workspace.estimates("trends")))
    calibrated = [i.id for i in params.indicators if i.calibrated]
    trends = release.release_trends(pools.yearly(made, params.indicators), shown, calibrated)
    trends = disclosure.streams.rounded(trends, params.indicators)
    outputs += _write_both(workspace.released("trends"), trends)
    cells = {year: _main(both) for year, both in estimates.items()}
    averages = pools.released(params, made, cells, shown, disclosure.links(params), found, public)
    outputs += _write_both(workspace.released("pools"), averages)
    if params.report.age_profile is not None:
        outputs += _write_both(
            workspace.released("age_profile"),
            age_profile.profile(
                params,
                trends,
                averages,
                replicated=partial(age_replicates.deviations, workspace),
            ),
        )
    synthetic = any(bool(received[year]["synthetic"]) for year in years)
    outputs += twins.write(
        workspace.released("").parent / "tables", params, shown, synthetic, averages
    )
    outputs += _write_both(workspace.released("overrules"), overrules.table(shown))
    if figures_path is not None and figures is not None:
        compared = published.compare(
            params,
            figures,
            pd.concat(list(shown.values()), ignore_index=True),
            trends,
        )
        outputs += _write_both(workspace.released("published"), compared)
        sources, remarks = published.told_with(figures_path, compared)
        outputs += _write_both(workspace.released("published_sources"), sources)
        outputs += _write_both(workspace.released("published_remarks"), remarks)
        outside = published.not_compared(figures_path)
        outputs += _write_both(workspace.released("published_not_compared"), outside)
    return outputs


def _write_both(target: Path, frame: pd.DataFrame) -> list[Path]:
    write_parquet(target, frame)
    twin = target.with_suffix(".csv")
    with atomic_path(twin) as path:
        frame.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")
    return [target, twin]


def _receipt(received: Mapping[str, Any], min_cases: int) -> dict[str, Any]:
    out = {key: received.get(key) for key in RECEIPT_KEYS}
    # Keys of single records help whoever mends the file; they are not for release, and neither
    # is the count of a handful of records.
    out["checks"] = [
        _open(check, min_cases)
        | {"parts": [_open(part, min_cases) for part in check.get("parts", [])]}
        for check in received["checks"]
    ]
    return out


def _open(check: Mapping[str, Any], min_cases: int) -> dict[str, Any]:
    """Return what may be told of a check or of one of its parts."""
    return {k: v for k, v in check.items() if k != "worst"} | _few(check, min_cases)


def _few(check: Mapping[str, Any], min_cases: int) -> dict[str, Any]:
    """Withhold the count of a handful of records that a check has found; a column is no secret."""
    found = bool(check.get("worst")) and check.get("counts") in SECRET
    secret = found and 0 < (check["count"] or 0) < min_cases
    return {"count": None, "share": None, "reason": ""} if secret else {}


def _crosscheck(
    workspace: Workspace, params: Params, year: int, shown: pd.DataFrame
) -> pd.DataFrame | None:
    """Both engines' values of the cells that may be shown; `None` if R did not run."""
    path = workspace.estimates(f"{year}.replication")
    if not path.is_file():
        return None
    compared = read_parquet(path)
    visible = shown[~shown["flag"].isin(release.WITHHELD)]
    merged = visible[[*RESULT_KEYS, "unit", "se"]].merge(compared, on=RESULT_KEYS, how="left")
    told = pd.DataFrame(
        {
            **{key: merged[key] for key in [*RESULT_KEYS, "unit"]},
            "estimate_python": merged["estimate_left"],
            "estimate_r": merged["estimate_right"],
            "se_python": merged["se_left"].where(merged["se"].notna()),
            "se_r": merged["se_right"].where(merged["se"].notna()),
            "relative_difference": merged["estimate_relative"],
            "verdict": merged["verdict"],
        }
    )
    return disclosure.streams.rounded(told, params.indicators)


def _verdicts(workspace: Workspace, year: int, both: pd.DataFrame) -> dict[str, Any]:
    path = workspace.estimates(f"{year}.replication")
    if not path.is_file():
        alone = "Python" if both["engine"].eq("python").any() else "R"
        return {"made": False, "reason": f"only {alone} estimated this year", "cells": 0}
    found = replicate.summary(read_parquet(path), [year])
    return {
        "made": True,
        "reason": "",
        **{k: found[k] for k in ("cells", "verdicts", "worst")},
    }
