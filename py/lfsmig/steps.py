"""The steps of the pipeline: one function per arrow of the data flow.

Every step looks into the manifest of its folder first and does nothing where its inputs,
parameters and code are those of the last time. A step returns what the manifest should record;
only the process that started the run writes manifests.
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from scipy import sparse

from lfsmig import (
    draws,
    indicators,
    leaks,
    pools,
    published,
    quality,
    released,
    replicate,
    trends,
    validation_gate,
    validation_page,
)
from lfsmig.atomic import atomic_path, read_parquet, write_json, write_parquet
from lfsmig.effects import effects_of
from lfsmig.errors import CheckFailed, InputError
from lfsmig.intake.controls import compared_hash
from lfsmig.intake.harmonise import harmonise
from lfsmig.intake.ledger import with_effects, write_ledger
from lfsmig.intake.masters import master_of
from lfsmig.intake.validate import validate
from lfsmig.made_by import CHECKS, CONCEPTS, INDICES, RELEASE
from lfsmig.manifest import Manifest, code_hash, sha256, text_hash, versions
from lfsmig.params import Params
from lfsmig.progress import Progress
from lfsmig.results import TREND_KEYS
from lfsmig.stored import (
    CASES,
    engines_of,
    other_years,
    part_file,
    raw_folder,
    read_analysis_frame,
    read_harmonised,
    read_part,
    read_receipt,
)
from lfsmig.synthetic import folder_is_synthetic
from lfsmig.workspace import Workspace

# What an engine leaves of a year: its cells, their influence sums, and the PSUs of those.
PARTS = (".parquet", ".npz", ".psu.parquet")
# Non-response and missing answers of a year, before disclosure control.
QUALITY = ".quality.parquet"
ENGINES = {"both": ("python", "r"), "python": ("python",), "r": ("r",)}


@dataclass
class Step:
    """A finished step on its way to the manifest (only the parent process writes manifests)."""

    folder: Path
    name: str
    key: dict[str, str]
    outputs: list[Path]
    with_r: bool = False
    note: dict[str, Any] = field(default_factory=dict)


def refuse_mixture(workspace: Workspace, params: Params, signs: Mapping[int, bool]) -> None:
    """Refuse real and synthetic years in one data folder.

    `signs` tells of the years that are about to be made whether they are synthetic; of the
    other years of the report what their receipts say counts, where they were received already.
    """
    known = dict(signs)
    for year in params.report.years:
        if year not in known and workspace.harmonised(year, ".receipt.json").is_file():
            known[year] = bool(read_receipt(workspace, year)["synthetic"])
    if len(set(known.values())) > 1:
        kinds = {
            kind: ", ".join(str(year) for year in sorted(known) if known[year] is made_up)
            for kind, made_up in (("synthetic", True), ("real", False))
        }
        raise InputError(
            f"{workspace.data}: synthetic years ({kinds['synthetic']}) and real ones "
            f"({kinds['real']}) would lie in one data folder; keep them apart with --data"
        )


# --- raw → harmonised ---------------------------------------------------------------------------


def harmonise_year(
    workspace: Workspace, params: Params, year: int, progress: Progress
) -> tuple[Step | None, list[str]]:
    """Read and map a year's raw files; give the step and the ids of failed checks.

    A file that fails a check of severity E is not taken: the harmonised table of before stays.
    """
    source = raw_folder(workspace, year)
    master = master_of(workspace.raw, year)
    files = [source / file.path for file in params.year(year).map.files]
    key = {
        "raw": text_hash({path.name: sha256(path) if path.is_file() else "" for path in files}),
        "master": master.version if master else "",
        "synthetic": str(folder_is_synthetic(source, year)),
        "parameters": params.hash(year),
        "register": text_hash(indicators.columns_asked(params)),
        "headline": text_hash(params.report.headline),
        "disclosure": text_hash(params.rules.publication.disclosure.model_dump(mode="json")),
        "code": code_hash("intake", "params", "indicators", "effects", "synthetic", *CONCEPTS),
    }
    target = workspace.harmonised(year)
    if Manifest(target.parent).current(str(year), key):
        progress(f"{year}: harmonised file is up to date")
        return None, []
    started = time.monotonic()
    result = harmonise(params, year, workspace.raw)
    checks = validate(params, year, result, only_errors=True)
    failed = _stopping(workspace, year, bool(result.receipt["synthetic"]), checks)
    if failed:
        return None, failed
    frame = indicators.analysis_frame(result.frame, params, year)
    receipt = {
        **result.receipt,
        "year": year,
        "absent": frame.attrs.get("absent", {}),
    }
    suffixes = (".blanks.parquet", ".csv.gz", ".receipt.json")
    outputs = [target, *(workspace.harmonised(year, suffix) for suffix in suffixes)]
    write_parquet(target, result.frame)
    write_parquet(outputs[1], result.blanks)
    _write_csv(outputs[2], indicators.with_masks(frame, params))
    write_json(outputs[3], receipt)
    few = params.rules.publication.disclosure.min_cases
    told = with_effects(result.ledger, effects_of(params, result, frame))
    outputs.append(write_ledger(told, workspace.data / "ledger", year, few))
    progress(
        f"{year}: {receipt['persons']:,} persons read and mapped "
        f"({time.monotonic() - started:.1f} s)"
    )
    return Step(target.parent, str(year), key, outputs), []


def check_year(
    workspace: Workspace, params: Params, year: int, progress: Progress
) -> tuple[Step | None, list[str]]:
    """Make the validation protocol of a year, beside the year before where that is at hand."""
    target = workspace.harmonised(year, ".checks.json")
    before = year - 1 if workspace.harmonised(year - 1).is_file() else None
    # A record that two years share is told of the later one, so that a new year leaves the others.
    others = other_years(workspace, year, before=True)
    key = {
        "harmonised": sha256(workspace.harmonised(year)),
        "before": text_hash({one: sha256(workspace.harmonised(one)) for one in others}),
        "parameters": params.hash(year),
        "rules": text_hash(params.rules.model_dump(mode="json")),
        "explanations": text_hash(params.year(year).map.explanations),
        "register": text_hash([one.model_dump(mode="json") for one in params.indicators]),
        "figures": compared_hash(params, year),
        "code": code_hash(*CHECKS, *CONCEPTS),
    }
    step = None
    folder = workspace.validation
    if not Manifest(target.parent).current(f"{year}.checks", key):
        previous = read_harmonised(workspace, before) if before else None
        data = read_harmonised(workspace, year)
        checks = validate(params, year, data, previous, others=others)
        write_json(target, checks)
        made = validation_page.document(year, bool(data.receipt["synthetic"]), checks)
        # The page is an output too: one that tells of other files is made again.
        pages = validation_page.write(folder, made)
        rates = workspace.harmonised(year, QUALITY)
        write_parquet(rates, quality.rates(params, data))
        step = Step(target.parent, f"{year}.checks", key, [target, rates, pages[0]])
        words = ", ".join(f"{c['id']} {c['severity']}" for c in checks if c["status"] == "fail")
        progress(f"{year}: checked, {words or 'nothing found'}")
    checks = json.loads(target.read_text(encoding="utf-8"))
    synthetic = bool(read_receipt(workspace, year)["synthetic"])
    return step, _stopping(workspace, year, synthetic, checks)


def _stopping(
    workspace: Workspace, year: int, synthetic: bool, checks: list[dict[str, Any]]
) -> list[str]:
    """Return the line that stops a year with errors, whose page is then there to read."""
    made = validation_page.document(year, synthetic, checks)
    if not made["stopping"]:
        return []
    validation_page.write(workspace.validation, made)
    return [validation_gate.stopping_line(made, workspace.validation)]


def _write_csv(target: Path, frame: pd.DataFrame) -> None:
    """Write the analysis frame as gzipped CSV for people without Parquet."""
    import pyarrow as pa
    from pyarrow import csv

    with atomic_path(target) as path:
        table = pa.Table.from_pandas(frame, preserve_index=False)
        # Level 3 takes half the time of the default; without a time stamp in it, equal records
        # give equal bytes.
        with (
            path.open("wb") as file,
            gzip.GzipFile("", "wb", compresslevel=3, fileobj=file, mtime=0) as stream,
        ):
            csv.write_csv(table, stream)


# --- harmonised → estimates ---------------------------------------------------------------------


def draw_replicates(
    workspace: Workspace, params: Params, year: int, progress: Progress
) -> Step | None:
    """Draw the bootstrap of a year with the years it shares PSUs with, as far as they are at hand.

    The CSV serves R without Python. Where the register asks for no index nothing is drawn.
    """
    if not any(one.statistic == "index" for one in params.indicators):
        return None
    design = params.country.design
    group = next((group for group in design.psu_links if year in group), [year])
    psus = {
        y: draws.psus_of(
            read_parquet(workspace.harmonised(y), columns=[design.strata, design.psu]), design
        )
        for y in group
        if workspace.harmonised(y).is_file()
    }
    key = {
        **{f"psus {y}": text_hash(table.to_numpy().tolist()) for y, table in psus.items()},
        "design": text_hash(design.model_dump(mode="json")),
        "code": code_hash("survey", "draws"),
    }
    outputs = [
        workspace.data / "estimates" / "engines" / f"{year}.draw.npz",
        workspace.harmonised(year, ".replicates.csv.gz"),
    ]
    if Manifest(outputs[0].parent).current(f"{year}.draw", key):
        return None
    started = time.monotonic()
    made = draws.draw(psus, year, design)
    with atomic_path(outputs[0]) as path, path.open("wb") as file:
        draws.write(made, file)
    _write_csv(outputs[1], draws.as_counts(made))
    progress(
        f"{year}: {made.factors.shape[1]} bootstrap replicates drawn with "
        f"{', '.join(map(str, psus))} ({time.monotonic() - started:.1f} s)"
    )
    return Step(outputs[0].parent, f"{year}.draw", key, outputs)


def estimate_engine(
    workspace: Workspace, params: Params, year: int, engine: str, progress: Progress
) -> Step | None:
    """Estimate a year by one engine; `None` where nothing changed."""
    rooms = ("survey", "params", "indicators", "contributors", "results", *INDICES, *CONCEPTS)
    drawn = workspace.data / "estimates" / "engines" / f"{year}.draw.npz"
    key = {
        "draw": sha256(drawn) if drawn.is_file() else "",
        "harmonised": sha256(workspace.harmonised(year)),
        "parameters": params.hash(year),
        "register": text_hash(indicators.estimates_asked(params)),
        "code": code_hash(*rooms, *(("r",) if engine == "r" else ())),
    }
    outputs = [part_file(workspace, year, engine, suffix) for suffix in PARTS]
    folder = outputs[0].parent
    name = f"{year}.{engine}"
    if Manifest(folder).current(name, key):
        progress(f"{year}: {_engine_name(engine)} estimates are up to date")
        return None
    started = time.monotonic()
    frame = read_analysis_frame(workspace, params, year)
    made = indicators.estimate_year(
        params, year, frame, engine, draw=draws.read(drawn) if drawn.is_file() else None
    )
    write_parquet(outputs[0], made.frame)
    with atomic_path(outputs[1]) as path:
        sparse.save_npz(path, made.influence)
    write_parquet(outputs[2], made.psu_table)
    cases = part_file(workspace, year, engine, CASES)
    if made.present is None:
        cases.unlink(missing_ok=True)
    else:
        with atomic_path(cases) as path:
            sparse.save_npz(path, made.present)
        outputs.append(cases)
    progress(
        f"{year}: {len(made.frame):,} cells estimated by {_engine_name(engine)} "
        f"({time.monotonic() - started:.1f} s)"
    )
    return Step(folder, name, key, outputs, engine == "r", {"absent": made.absent})


def _engine_name(engine: str) -> str:
    return {"python": "Python", "r": "R"}[engine]


def combine_engines(
    workspace: Workspace,
    params: Params,
    year: int,
    engines: Sequence[str],
    progress: Progress,
) -> Step | None:
    """Put the engines' rows into one file and compare them cell by cell."""
    target = workspace.estimates(year)
    key = {e: sha256(part_file(workspace, year, e, ".parquet")) for e in engines}
    key |= {"code": code_hash("replicate", "results")}
    if Manifest(target.parent).current(str(year), key):
        return None
    parts = {e: read_parquet(part_file(workspace, year, e, ".parquet")) for e in engines}
    outputs = [target]
    write_parquet(target, pd.concat(parts.values(), ignore_index=True))
    compared_path = workspace.estimates(f"{year}.replication")
    if len(parts) == 2:
        compared = replicate.compare(parts["python"], parts["r"])
        write_parquet(compared_path, compared)
        outputs.append(compared_path)
        progress(f"{year}: Python and R compared: {_words(compared)}")
    else:
        # An old comparison beside new estimates would claim a check that was not made.
        compared_path.unlink(missing_ok=True)
    return Step(target.parent, str(year), key, outputs, "r" in engines)


def _words(compared: pd.DataFrame) -> str:
    counts = {str(name): int(n) for name, n in compared["verdict"].value_counts().items()}
    return ", ".join(f"{counts[name]:,} {name}" for name in replicate.VERDICTS if counts.get(name))


def write_register(workspace: Workspace, params: Params) -> None:
    """Write the register for `r/replicate.R`, with the number of records of every year at hand.

    A table that was cut off on its way is noticed there by that number.
    """
    target = workspace.estimates("indicators", ".json")
    receipts = sorted((workspace.data / "harmonised").glob("[0-9]*.receipt.json"))
    made = [json.loads(path.read_text(encoding="utf-8")) for path in receipts]
    records = {str(receipt["year"]): receipt["persons"] for receipt in made}
    register = indicators.register_for_r(params) | {"records": records}
    key = {"register": text_hash(register)}
    manifest = Manifest(target.parent)
    if not manifest.current("register", key):
        write_json(target, register)
        manifest.record("register", key, [target], versions(False))


# --- estimates → trends -------------------------------------------------------------------------


def estimate_trends(
    workspace: Workspace, params: Params, engine: str, progress: Progress
) -> dict[str, Any]:
    """Changes, averages and slopes over all years at hand, whichever engine estimated them.

    The first engine asked for works over all years, and takes the other's cells of a year that it
    did not estimate itself. The second works over the years that both have: those are compared.

    Returns
    -------
    dict
        `years` at hand, and those `compared`: estimated by both engines.
    """
    started = time.monotonic()
    having = {year: engines_of(workspace, year) for year in params.report.years}
    years = [year for year in having if having[year]]
    both = [year for year in years if len(having[year]) == len(ENGINES["both"])]
    main, *second = ENGINES[engine]
    # Whose cells of which year enter the trends of which engine.
    used = {main: {y: main if main in having[y] else having[y][0] for y in years}}
    used |= {name: dict.fromkeys(both, name) for name in second}
    target = workspace.estimates("trends")
    parts = {(y, e) for cells in used.values() for y, e in cells.items()}
    key = {
        **{f"{y}.{e}{s}": sha256(part_file(workspace, y, e, s)) for y, e in parts for s in PARTS},
        "engines": text_hash([used, pools.names(params.indicators)]),
        "parameters": text_hash(
            [params.country.model_dump(mode="json"), params.report.model_dump(mode="json")]
        ),
        "code": code_hash("survey", "trends", "families", "replicate", "results", "r"),
    }
    made = {"years": years, "compared": both, "with_r": "r" in ENGINES[engine]}
    manifest = Manifest(target.parent)
    if manifest.current("trends", key):
        progress("trends are up to date")
        return made
    if len(years) < 2:
        progress("no trends: they need two years")
    frames = [
        trends.estimate(params, {y: read_part(workspace, y, e) for y, e in cells.items()}, name)
        for name, cells in used.items()
    ]
    write_parquet(target, pd.concat(frames, ignore_index=True))
    outputs = [target]
    if second:
        left, right = replicate.trends_of(frames[0], frames[1], years, both)
        compared = replicate.compare(left, right, TREND_KEYS)
        write_parquet(workspace.estimates("trends.replication"), compared)
        outputs.append(workspace.estimates("trends.replication"))
        if len(compared):
            progress(f"trends compared: {_words(compared)}")
    else:
        workspace.estimates("trends.replication").unlink(missing_ok=True)
    manifest.record("trends", key, outputs, versions("r" in ENGINES[engine]))
    if len(years) > 1:
        progress(f"trends over {len(years)} years ({time.monotonic() - started:.1f} s)")
    return made


# --- estimates → released -----------------------------------------------------------------------


def _receipt_with_checks(workspace: Workspace, year: int) -> dict[str, Any]:
    path = workspace.harmonised(year, ".checks.json")
    if not path.is_file():
        raise InputError(f"{path}: year {year} was not checked; call `lfsmig run --years {year}`")
    return read_receipt(workspace, year) | {"checks": json.loads(path.read_text(encoding="utf-8"))}


def _refuse_records(workspace: Workspace, years: Sequence[int], outputs: Sequence[Path]) -> None:
    """Look for persons' records in what was just released; nothing stays where one is found."""
    known = leaks.secrets_of(workspace.harmonised(year) for year in years)
    if found := leaks.scan(outputs, known):
        for path in outputs:
            path.unlink(missing_ok=True)
        raise CheckFailed(
            f"{found[0]}; nothing was released. Leave out the table that shows it, or, if it is no "
            "record, tell the maintainers"
        )


def release_all(
    workspace: Workspace, params: Params, made: dict[str, Any], progress: Progress
) -> None:
    """Apply publication rules and disclosure control; write all that the report reads."""
    years = made["years"]
    folder = workspace.released("").parent
    received = {year: _receipt_with_checks(workspace, year) for year in years}
    sources = [workspace.estimates(y) for y in years] + [workspace.estimates("trends")]
    receipts = [
        workspace.harmonised(y, suffix)
        for y in years
        for suffix in (".receipt.json", ".checks.json", QUALITY)
    ]
    named = params.country.published_figures
    figures_path = params.dir / named if named else None
    key = {
        **{path.name: sha256(path) for path in [*sources, *receipts]},
        "figures": sha256(figures_path) if figures_path else "",
        **{path.name: sha256(path) for path in published.companions(figures_path or Path())},
        "rules": text_hash(params.rules.model_dump(mode="json")),
        "parameters": params.hash(None),
        "code": code_hash(*RELEASE),
    }
    manifest = Manifest(folder)
    if manifest.current("released", key):
        progress("released tables are up to date")
        return
    outputs = released.write(workspace, params, received, figures_path)
    _refuse_records(workspace, years, outputs)
    synthetic = any(bool(receipt["synthetic"]) for receipt in received.values())
    manifest.record("released", key, outputs, versions(made["with_r"]), {"synthetic": synthetic})
    progress(f"released tables written to {folder}")
