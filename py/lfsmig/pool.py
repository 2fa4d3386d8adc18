"""Work in processes of their own: for years of a run and for the notebooks of a report.

Processes are spawned, not forked: an R that the parent started must not be shared. A worker ends
with the process that started it, however that ended; one that went on would write beside the next
run. Ctrl-C is the parent's to handle.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    CancelledError,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    as_completed,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection, get_context, parent_process
from threading import Thread
from typing import Any, TypeVar

from lfsmig.errors import WorkerKilled

PROCESSES = 2
Job = TypeVar("Job")
Result = TypeVar("Result")


class WorkerPool:
    """Two processes for several jobs; none for a single one, which is done in this process."""

    def __init__(self, jobs: int) -> None:
        self._executor = (
            ProcessPoolExecutor(
                min(PROCESSES, jobs),
                mp_context=get_context("spawn"),
                initializer=_end_with_parent,
            )
            if jobs > 1
            else None
        )

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._executor is None:
            return
        if kind is not None and not issubclass(kind, Exception):
            # Interrupted: nobody waits for what the workers are doing.
            for worker in list((self._executor._processes or {}).values()):
                worker.terminate()
        self._executor.shutdown(cancel_futures=True)

    def each(
        self,
        work: Callable[[Job], Result],
        jobs: Sequence[Job],
        finished: Callable[[Job, Result], None],
        stop: bool = False,
    ) -> None:
        """Do the work for every job; hand over each result as it comes.

        Parameters
        ----------
        work
            A function of a module, and jobs that can be pickled.
        jobs
            In the order in which failures count.
        finished
            Called in this process with a job and its result.
        stop
            Whether a failure keeps the jobs that were not begun from being done.

        Raises
        ------
        Exception
            The failure of the first job that failed, in the order of the jobs, after all results
            were handed over.
        WorkerKilled
            If a worker was killed, as the system does when memory runs out.
        """
        failures: dict[int, Exception] = {}
        futures = self._submit(work, jobs)
        for future in as_completed(futures) if self._executor else futures:
            place = futures[future]
            try:
                result = future.result()
            except CancelledError:
                continue
            except BrokenProcessPool:
                failures[place] = WorkerKilled(
                    "a worker process was killed, perhaps because memory ran out (a year needs "
                    "about 1.5 GB); close other programs and give the command again: what is "
                    "finished is kept"
                )
            except Exception as failure:
                failures[place] = failure
            else:
                finished(jobs[place], result)
                continue
            if stop:
                for waiting in futures:
                    waiting.cancel()
        if failures:
            raise failures[min(failures)]

    def _submit(
        self, work: Callable[[Job], Result], jobs: Sequence[Job]
    ) -> dict[Future[Result], int]:
        futures: dict[Future[Result], int] = {}
        for place, job in enumerate(jobs):
            if self._executor is None:
                futures[_at_once(work, job)] = place
                continue
            with _without_interrupts():
                futures[self._executor.submit(work, job)] = place
        return futures


def side_by_side(work: Callable[[Job], object], jobs: Sequence[Job]) -> None:
    """Do jobs two at a time in this process: for those that mostly wait for other programs.

    Raises
    ------
    Exception
        The failure of the first job that failed, in the order of the jobs; those begun are ended.
    """
    with ThreadPoolExecutor(min(PROCESSES, max(1, len(jobs)))) as executor:
        futures = [executor.submit(work, job) for job in jobs]
        for future in as_completed(futures):
            if not future.cancelled() and future.exception() is not None:
                for waiting in futures:
                    waiting.cancel()
    for future in futures:
        if not future.cancelled():
            future.result()


def _at_once(work: Callable[[Job], Result], job: Job) -> Future[Result]:
    """Do the job in this process and put its result where a worker's would be."""
    future: Future[Result] = Future()
    try:
        future.set_result(work(job))
    except Exception as failure:
        future.set_exception(failure)
    return future


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Let new processes be born deaf to Ctrl-C: what is ignored at birth stays ignored.

    The terminal sends it to every process; a worker at its start would answer with a traceback.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: Any = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end_with_parent() -> None:
    """End this process when the one that started it is gone, even if that was killed.

    The sentinel is a pipe that the parent holds open: it tells also when the parent was gone
    before this process could look.
    """
    parent = parent_process()
    if parent is None:
        return
    sentinel = parent.sentinel

    def watch() -> None:
        connection.wait([sentinel])
        os._exit(1)

    Thread(target=watch, daemon=True).start()
