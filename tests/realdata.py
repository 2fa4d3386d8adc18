"""Where the public-use microdata of another survey lie, and the mark of tests that need them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PARAMS = ROOT / "tests" / "params" / "usa_acs"
FOLDER = Path(
    os.environ.get("LFSMIG_REALDATA") or ROOT.parent / "shared" / "realdata" / "acs_pums_2024"
)
if not (FOLDER / "acs2024_13states_min.csv.gz").is_file():
    FOLDER = FOLDER / "acs_pums_2024"

real = pytest.mark.skipif(
    not (FOLDER / "acs2024_13states_min.csv.gz").is_file(),
    reason="the public-use microdata are not part of the project; name their folder in "
    "LFSMIG_REALDATA to run this test",
)
