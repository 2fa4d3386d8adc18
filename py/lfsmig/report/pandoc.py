"""Pandoc, as the built-in road calls it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pypandoc

from lfsmig.errors import ChapterError

# Files carry this time, not the clock's: the same book gives the same bytes.
EPOCH = "1577836800"


def pandoc(work: Path, arguments: Sequence[str]) -> None:
    """Run pandoc in a folder.

    Raises
    ------
    ChapterError
        With pandoc's error in one line; a reference to no work is one too.
    """
    done = subprocess.run(
        [pypandoc.get_pandoc_path(), *arguments],
        cwd=work,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env={**os.environ, "SOURCE_DATE_EPOCH": EPOCH},
    )
    if done.returncode:
        lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
        # A warning comes first and is not what ended it.
        faults = [line for line in lines if not line.startswith("[WARNING]")] or lines
        told = next((line for line in lines if "unknown cross-reference" in line), faults[0])
        raise ChapterError(f"pandoc: {told.strip()}")
    missing = [line for line in done.stderr.splitlines() if "Citeproc: citation" in line]
    if missing:
        raise ChapterError(f"pandoc: {missing[0].strip()}")
