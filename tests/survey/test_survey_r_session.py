"""Starting R inside Python leaves the process, and its children, as they were."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from tests.conftest import needs_r

START_R = "from lfsmig.survey import r_session; r_session.versions()"


@needs_r
@pytest.mark.parametrize("before", [None, "/nowhere"])
def test_children_do_not_inherit_r_s_library_folders(before: str | None) -> None:
    """rpy2 exports `LD_LIBRARY_PATH`; a child Python would load the system's libpython by it.

    Before the repair a Python that is not the system's could not import `ssl` (and so neither
    pyarrow) in any process started after R: "undefined symbol: _PyModule_Add".
    """
    code = f"import os; {START_R}; print(os.environ.get('LD_LIBRARY_PATH'))"
    environment = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"}
    if before:
        environment["LD_LIBRARY_PATH"] = before
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, encoding="utf-8",
        check=True, timeout=60,
    )  # fmt: skip
    assert run.stdout.split() == [str(before)]


@needs_r
def test_a_child_started_after_r_imports_extension_modules() -> None:
    code = (
        f"import subprocess, sys; {START_R}; "
        "sys.exit(subprocess.call([sys.executable, '-c', 'import ssl, pyarrow.parquet']))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


@needs_r
def test_reading_results_keeps_python_alive() -> None:
    """Thousands of results can be read: no reference to None is lost (rpy2's memoryview() does).

    With `vector.memoryview()` each read lost one; after some 60,000, about 6,000 tables, Python
    died with "deallocating None".
    """
    from lfsmig.survey import r_session as r

    vector = r.numbers(np.arange(6.0))
    before = sys.getrefcount(None)
    for _ in range(200):
        assert r.array(vector)[5] == 5
    assert sys.getrefcount(None) > before - 50
    assert len(r.array(r.numbers(np.zeros(0)))) == 0
