"""Files that appear whole or not at all.

Everything is written to a temporary name beside its target and renamed at the end, so that an
interrupted run leaves the earlier output as it was.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`, renamed to it if the block ends without an error."""
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays last: writers choose their format by it.
    temporary = target.with_name(f".{target.stem}.{os.getpid()}.part{target.suffix}")
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(target: Path, text: str) -> None:
    """Write UTF-8 text with Unix line ends."""
    with atomic_path(target) as path:
        path.write_bytes(text.encode("utf-8"))


def write_json(target: Path, value: Any) -> None:
    """Write JSON with sorted keys, so that equal content gives equal bytes."""
    write_text(target, json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n")


def write_parquet(target: Path, frame: pd.DataFrame) -> None:
    """Write a frame without its index."""
    with atomic_path(target) as path:
        frame.to_parquet(path, index=False, compression="zstd")
