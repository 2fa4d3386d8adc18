"""Work in several processes, with one clear error where a process dies.

A process can be killed from outside, most often for its memory, or by an R that crashes in it.
Python then breaks the whole pool and says so in words that name neither the work nor the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from lfsmig.errors import WorkerKilled

Job = TypeVar("Job")
Result = TypeVar("Result")


def finished(
    pool: ProcessPoolExecutor, work: Callable[[Job], Result], jobs: Sequence[Job],
    name: Callable[[Job], str],
) -> Iterator[tuple[Job, Result]]:  # fmt: skip
    """Yield each job with its result as it is done.

    Raises
    ------
    WorkerKilled
        If a process died; the text names the jobs that were not done.
    """
    waiting: dict[Future[Result], Job] = {pool.submit(work, job): job for job in jobs}
    done: set[str] = set()
    try:
        for future in as_completed(waiting):
            result = future.result()
            done.add(name(waiting[future]))
            yield waiting[future], result
    except BrokenProcessPool:
        undone = [name(job) for job in jobs if name(job) not in done]
        raise WorkerKilled(
            f"a worker process was killed with {', '.join(undone)} not done, most often because "
            "memory ran out; what was finished is kept: close other programs and run again, with "
            "fewer years at a time"
        ) from None
