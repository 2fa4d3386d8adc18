"""Files that appear whole or not at all.

Everything is written to a temporary name beside its target and renamed at the end, so that an
interrupted run leaves the earlier output as it was.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lfsmig.errors import InputError
from lfsmig.later import Later

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = Later("pandas")


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
    except OSError as problem:
        # Libraries name the temporary file or none.
        words = problem.strerror or str(problem)
        full = "no space left" in words.lower()
        number = problem.errno or (errno.ENOSPC if full else errno.EIO)
        raise OSError(number, words, str(target)) from problem
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


def read_parquet(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a table that an earlier step wrote.

    Raises
    ------
    InputError
        If it is missing, damaged, or lacks a column.
    """
    try:
        return pd.read_parquet(path, columns=None if columns is None else list(columns))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; call `lfsmig run` first") from None
    except (OSError, ValueError, LookupError):
        raise InputError(
            f"{path}: the file is damaged and cannot be read; call `lfsmig run` for its year, "
            "which makes it again"
        ) from None
