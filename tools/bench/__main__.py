"""Times and memory on full-scale synthetic data (`make bench`), in sections.

engines    tables, regression and bootstrap by the Python engine against R survey
bridge     a year's frame into R against pandas2ri
scaling    the engine at 0.2, 1.3 and 13 million records
intake     a full year read, mapped and validated
pipeline   the main job, raw files to reports, and its engines' ratio
parquet    66 million records from Parquet by DuckDB; only if named: minutes and disk
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
from pathlib import Path

BUILD = Path(__file__).resolve().parents[2] / "build" / "bench"
SECTIONS = ("engines", "bridge", "scaling", "intake", "pipeline", "parquet")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "sections",
        nargs="*",
        default=[],
        choices=[*SECTIONS, []],
        metavar="SECTION",
        help="sections to run; all but parquet if none is named",
    )
    parser.add_argument("--work", action="append", default=[], help="only this work of engines")
    parser.add_argument("--repeats", type=int, default=7, help="timed calls of each [7]")
    parser.add_argument(
        "--clock",
        choices=["wall", "cpu"],
        default="wall",
        help="cpu counts processor seconds, for a busy machine [wall]",
    )
    parser.add_argument("--scale", default="1", help="share of the sample for pipeline [1]")
    parser.add_argument("--list", action="store_true", help="say which sections would run")
    options = parser.parse_args()
    sections = options.sections or SECTIONS[:-1]
    if options.list:
        print(*sections)
        return
    load = os.getloadavg()[0]
    print(
        f"{platform.platform()}, {os.cpu_count()} cores, load {load:.1f}"
        + ("; the machine is busy, figures are too high" if load > 1 else "")
    )
    for section in sections:
        run(section, options)


def run(section: str, options: argparse.Namespace) -> None:
    if section in ("engines", "bridge") and not shutil.which("Rscript"):
        print(f"{section}: left out, there is no R on this machine")
    elif section == "engines":
        import engines

        engines.run(options.work, options.repeats, options.clock)
    elif section == "bridge":
        import bridge

        bridge.run(options.repeats, options.clock)
    elif section == "scaling":
        import scaling

        scaling.run(options.repeats, options.clock)
    elif section == "intake":
        import intake

        intake.run(BUILD / "intake")
    elif section == "pipeline":
        import pipeline

        pipeline.run(BUILD / "pipeline", options.scale)
    elif section == "parquet":
        import parquet

        parquet.run(BUILD / "parquet")


if __name__ == "__main__":
    main()
