"""What every reader is given and what it hands back, so that a new format is one function."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from lfsmig.params.mapping import RawFile


@dataclass(frozen=True)
class Delivery:
    """One file ready to be read: on disk, or unpacked in memory.

    Attributes
    ----------
    name
        What messages call it.
    suffix
        The ending that names its format, in lower case.
    spec
        What the year's mapping says of it.
    path, content
        Where it lies; content goes before the path.
    layout
        Rows of the layout table of a fixed-width file.
    """

    name: str
    suffix: str
    spec: RawFile
    path: Path
    content: bytes | None = None
    layout: Sequence[Mapping[str, str]] | None = None

    @property
    def limit(self) -> int:
        """Largest size in bytes, of the file and of what comes out of it."""
        return self.spec.max_megabytes * 1_000_000

    def open(self) -> BinaryIO:
        """Open the content for reading."""
        return self.path.open("rb") if self.content is None else io.BytesIO(self.content)

    def read(self) -> bytes:
        """Return the whole content."""
        return self.path.read_bytes() if self.content is None else self.content

    def head(self, size: int) -> bytes:
        """Return the first bytes."""
        with self.open() as stream:
            return stream.read(size)


@dataclass
class Content:
    """What a reader found, under the names of the file.

    Attributes
    ----------
    columns
        Arrays of numbers (float, NaN is blank), arrays of objects (text, or numbers with the
        letters of missing values among them) or categoricals (text, coded once per value).
    rows
        Number of records.
    encoding
        How the text was written.
    labels
        Variable labels by column.
    value_labels
        Value labels by column, then by the code as a person writes it ("1", ".a").
    missing
        What the file itself declares as missing, by column: codes or ranges ("9", "97-99").
    title
        Title inside the file.
    notes
        Further facts for the receipt.
    """

    columns: dict[str, Any]
    rows: int
    encoding: str
    labels: dict[str, str] = field(default_factory=dict)
    value_labels: dict[str, dict[str, str]] = field(default_factory=dict)
    missing: dict[str, list[str]] = field(default_factory=dict)
    title: str = ""
    notes: dict[str, object] = field(default_factory=dict)


def plain(value: object) -> str:
    """Write a value as a person would: 3.0 is 3, text stays."""
    if isinstance(value, float | np.floating):
        return str(int(value)) if float(value).is_integer() else repr(float(value))
    return str(value)
