"""Run a function in a fresh process, so that memory and caches of one work are its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any


def isolated(work: Callable[..., Any], *arguments: Any) -> Any:
    """Return what the function returns; a process that dies is an error with the work's name."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(work, *arguments).result()
        except BrokenProcessPool:
            raise SystemExit(
                f"bench: the process of {work.__name__}{arguments} was killed (memory?)"
            ) from None
