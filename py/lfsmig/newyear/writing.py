"""Keeps the bytes of a file that people write: its byte order mark, its line ends, its last line.

Editors of other systems end lines with CRLF or begin a file with a mark. A command that changes one
block of such a file leaves every other byte as it is.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from pathlib import Path

from lfsmig.atomic import atomic_path

MARK = b"\xef\xbb\xbf"


def write_kept(target: Path, text: str) -> None:
    """Write text in place of a file; lines that were there before keep their bytes.

    New lines end as most lines of the file do. A file that is not there gets Unix line ends.
    """
    old = target.read_bytes() if target.is_file() else b""
    with atomic_path(target) as path:
        path.write_bytes(kept(old, text))


def kept(old: bytes, text: str) -> bytes:
    """Return a text as bytes, with the lines that `old` has too as they stand there."""
    mark = MARK if old.startswith(MARK) else b""
    before = _lines(old.removeprefix(MARK))
    windows = sum(line.endswith(b"\r\n") for line in before)
    end = b"\r\n" if windows * 2 > len(before) else b"\n"
    after = _lines(text.encode("utf-8"))
    out = [_bare(line) + (end if line.endswith(b"\n") else b"") for line in after]
    same = SequenceMatcher(None, [*map(_bare, before)], [*map(_bare, after)], autojunk=False)
    for here, there, size in same.get_matching_blocks():
        for step in range(size):
            # A last line without an end gets one where more follows it, and keeps none else.
            if before[here + step].endswith(b"\n") == after[there + step].endswith(b"\n"):
                out[there + step] = before[here + step]
    return mark + b"".join(out)


def _lines(content: bytes) -> list[bytes]:
    """Split at line feeds alone: other separators may stand inside a text."""
    parts = content.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _bare(line: bytes) -> bytes:
    return line.removesuffix(b"\n").removesuffix(b"\r")
