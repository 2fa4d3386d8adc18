"""A full year read, mapped and validated: seconds, memory, and where the seconds go."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from isolated import isolated

ROOT = Path(__file__).resolve().parents[2]
# The second year of a round, so that checks compare with a year of the same areas.
BEFORE, YEAR = 2022, 2023
LIMIT_SECONDS, LIMIT_GIGABYTES = 20, 2


def run(folder: Path) -> None:
    from lfsmig.sample import generate

    raw = folder / "raw"
    if not (raw / "SYNTHETIC.json").is_file():
        print("intake: making the full sample of two years")
        generate(raw, [BEFORE, YEAR], 1.0, params_dir=ROOT / "params")
    isolated(prepare, folder)
    found = isolated(measure, folder)
    total = sum(found["wall"].values())
    print(f"\nintake: {found['persons']:,} persons of {YEAR}, {found['checks']} checks")
    for name, seconds in found["wall"].items():
        print(f"  {name:<28}{seconds:6.1f} s wall {found['cpu'][name]:6.1f} s processor")
    print(f"  {'all':<28}{total:6.1f} s wall {sum(found['cpu'].values()):6.1f} s processor")
    print(f"  peak memory {found['gigabytes']:.2f} GB")
    print(f"  limits: {LIMIT_SECONDS} s, {LIMIT_GIGABYTES} GB")


def prepare(folder: Path) -> None:
    """Harmonise the year before, as an earlier run leaves it."""
    from lfsmig import steps
    from lfsmig.manifest import Manifest, versions
    from lfsmig.params import load
    from lfsmig.progress import silent
    from lfsmig.workspace import Workspace

    workspace = Workspace.at(ROOT / "params", folder)
    step, failed = steps.harmonise_year(workspace, load(workspace.params), BEFORE, silent)
    if failed:
        raise SystemExit(f"bench: {failed[0]}")
    if step:
        Manifest(step.folder).record(step.name, step.key, step.outputs, versions(False))


def measure(folder: Path) -> dict[str, Any]:
    """Read, map and validate a year in a process of its own."""
    from lfsmig.intake import files, read
    from lfsmig.intake.harmonise import harmonise
    from lfsmig.intake.validate import validate
    from lfsmig.params import load
    from lfsmig.stored import read_harmonised
    from lfsmig.workspace import Workspace

    workspace = Workspace.at(ROOT / "params", folder)
    wall: dict[str, float] = {}
    cpu: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        clocks = time.perf_counter(), time.process_time()
        try:
            return work()
        finally:
            wall[name] = wall.get(name, 0.0) + time.perf_counter() - clocks[0]
            cpu[name] = cpu.get(name, 0.0) + time.process_time() - clocks[1]

    params = load(workspace.params)
    plain = read.read_raw
    # The name in the room that calls it: what is timed is the reading of the files alone.
    files.read_raw = lambda *given, **more: timed(  # type: ignore[attr-defined]
        "reading the files", lambda: plain(*given, **more)
    )
    data = timed("all", lambda: harmonise(params, YEAR, workspace.raw))
    for clock in (wall, cpu):
        clock["linking and mapping"] = clock.pop("all") - clock["reading the files"]
    previous = timed("reading the year before", lambda: read_harmonised(workspace, BEFORE))
    results = timed("validating", lambda: validate(params, YEAR, data, previous))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {
        "persons": len(data.frame),
        "checks": len(results),
        "wall": wall,
        "cpu": cpu,
        "gigabytes": peak,
    }
