"""How long work tells what it is doing: one line per finished step."""

from __future__ import annotations

import sys
from collections.abc import Callable

Progress = Callable[[str], None]


def silent(text: str) -> None:
    """Say nothing."""


def to_stderr(text: str) -> None:
    """Print to stderr, so that stdout stays clean for results."""
    # At once with its end: lines of two processes must not run into each other.
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
