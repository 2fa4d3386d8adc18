"""A killed R ends with one clear error and not with a wait that never ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lfsmig.errors import WorkerKilled
from lfsmig.pool import WorkerPool
from tests.conftest import needs_r

PATIENCE = 60


def kill_r(job: int) -> int:
    """Job 2 kills its R, which lives in the worker's process; the others are done."""
    from lfsmig.survey import r_session

    if job == 2:
        base = r_session._interface().baseenv
        code = r_session.text("tools::pskill(Sys.getpid(), 9); Sys.sleep(60)")
        base["eval"](base["parse"](text=code))
    return job


def run(work: Any, jobs: list[int]) -> list[int]:
    """Run in a pool of spawned processes, as the pipeline does, with an end to patience."""
    done: list[int] = []

    def all_of_it() -> list[int]:
        with WorkerPool(len(jobs)) as pool:
            pool.each(work, jobs, lambda job, _: done.append(job))
        return done

    thread = ThreadPoolExecutor(1)
    try:
        return thread.submit(all_of_it).result(timeout=PATIENCE)
    finally:
        thread.shutdown(wait=False)


@needs_r
def test_a_killed_r_is_one_error_with_its_reason() -> None:
    with pytest.raises(WorkerKilled, match=r"^a worker process was killed") as caught:
        run(kill_r, [1, 2, 3])
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


@needs_r
def test_a_killed_rscript_does_not_hang() -> None:
    """`Rscript r/replicate.R` is a process of its own: its caller sees the signal."""
    code = "cat('started\\n'); tools::pskill(Sys.getpid(), 9); Sys.sleep(60)"
    ended = subprocess.run(
        ["Rscript", "-e", code], capture_output=True, timeout=PATIENCE, check=False
    )
    assert ended.stdout == b"started\n"
    assert ended.returncode != 0


@needs_r
def test_a_killed_r_in_this_process_ends_it() -> None:
    """Where R runs inside the caller there is no one left to wait."""
    code = (
        "from tests.test_killed_r import kill_r\n"
        "kill_r(2)\n"
    )  # fmt: skip
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=PATIENCE, check=False
    )
    assert ended.returncode == -signal.SIGKILL
