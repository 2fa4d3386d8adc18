"""Times and memory on full-scale synthetic data (`make bench`), in sections.

engines    tables, regression and bootstrap by the Python engine against R survey
bridge     a year's frame into R against pandas2ri
scaling    the engine at 0.2, 1.3 and 13 million records
pipeline   the main job: raw files to reports
parquet    66 million records from Parquet by DuckDB (only if asked for: minutes and disk)
"""

from __future__ import annotations

import argparse

import engines

SECTIONS = ("engines",)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sections", nargs="*", default=[], help="sections to run")
    parser.add_argument("--work", action="append", default=[], help="only these works of engines")
    parser.add_argument("--repeats", type=int, default=7, help="timed calls of each [7]")
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall", # noqa
                        help="cpu: seconds of the processor, for a busy machine [wall]")  # fmt: skip
    options = parser.parse_args()
    engines.run(options.work, options.repeats, options.clock)


if __name__ == "__main__":
    main()
