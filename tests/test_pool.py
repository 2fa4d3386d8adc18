"""Workers: what they finished is kept, they end with their parent, and their end is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lfsmig.errors import InputError, LfsmigError
from lfsmig.lock import held
from lfsmig.pool import WorkerPool

TWO_SLEEPERS = """
import os, signal, sys
from pathlib import Path
from lfsmig.pool import WorkerPool
from tests.test_pool import sleep_long

if __name__ == "__main__":
    # A shell that starts the tests in the background makes its children ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with WorkerPool(2) as pool:
        pool.each(sleep_long, [Path(sys.argv[1]) / "a", Path(sys.argv[1]) / "b"], print)
"""


def tenth(number: int) -> int:
    """Fail for odd numbers, the larger ones sooner."""
    time.sleep(0.3 / number)
    if number % 2:
        raise InputError(f"{number} is odd")
    return number


def kill_me(number: int) -> int:
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def sleep_long(mark: Path) -> None:
    mark.write_text(str(os.getpid()), encoding="utf-8")
    time.sleep(120)


@pytest.mark.parametrize("jobs", [[1, 2, 3, 4], [1]])
def test_results_are_kept_and_the_first_failure_in_order_is_raised(jobs: list[int]) -> None:
    kept: list[int] = []
    with WorkerPool(len(jobs)) as pool, pytest.raises(InputError, match="1 is odd"):
        pool.each(tenth, jobs, lambda job, result: kept.append(result))
    assert sorted(kept) == [job for job in jobs if job % 2 == 0]


def test_a_killed_worker_is_one_clear_error() -> None:
    with WorkerPool(2) as pool, pytest.raises(LfsmigError, match=r"memory.*again") as caught:
        pool.each(kill_me, [1, 2], lambda job, result: None)
    assert caught.value.exit_code == 2


def deaf(_: int) -> bool:
    return signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_workers_leave_ctrl_c_to_their_parent() -> None:
    """A worker at its start would answer it with a traceback of its own."""
    told: list[bool] = []
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with WorkerPool(2) as pool:
            pool.each(deaf, [1, 2], lambda job, result: told.append(result))
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert told == [True, True]


def started(folder: Path) -> tuple[subprocess.Popen[str], list[int]]:
    """Start a process with two workers that sleep; give it and the ids of the workers."""
    script = folder / "main.py"
    script.write_text(TWO_SLEEPERS, encoding="utf-8")
    root = Path(__file__).parents[1]
    parent = subprocess.Popen(
        [sys.executable, str(script), str(folder)],
        env=os.environ | {"PYTHONPATH": str(root)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    marks = [folder / "a", folder / "b"]
    wait_for(lambda: all(mark.is_file() and mark.read_text() for mark in marks))
    return parent, [int(mark.read_text()) for mark in marks]


def wait_for(condition, seconds: float = 20) -> None:  # type: ignore[no-untyped-def]
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def alive(process: int) -> bool:
    """Tell whether a process runs; a dead one that nobody collected does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1]
    except FileNotFoundError:
        return False
    return state.split()[0] != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_their_parent(ending: signal.Signals, tmp_path: Path) -> None:
    parent, workers = started(tmp_path)
    began = time.monotonic()
    if ending is signal.SIGINT:
        # As a terminal does: to the whole group.
        os.killpg(parent.pid, ending)
    else:
        parent.kill()
    _, errors = parent.communicate(timeout=20)
    wait_for(lambda: not any(alive(worker) for worker in workers))
    assert time.monotonic() - began < 10
    # The parent's own KeyboardInterrupt is the only voice.
    assert errors.count("Traceback") == (ending is signal.SIGINT), errors


def test_a_folder_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    who = rf"process {os.getpid()}"
    with held(tmp_path), pytest.raises(LfsmigError, match=who), held(tmp_path):
        pass
    with held(tmp_path):
        pass
