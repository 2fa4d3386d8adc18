"""Looks for persons' records in files that leave the confidential side.

Three things betray a record: the key of a household, a weight (its digits are as good as a key),
and a table with the columns of records. Files are read as what they are: text of any kind, CSV,
JSON, Parquet, and the texts within Excel, Word and PDF files.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

# Columns that only a table of persons has, and how many of a record's columns make one.
KEYS = frozenset({"household_id", "person_no", "weight", "psu"})
FEW_KEYS, FEW_COLUMNS = 2, 8
PERSONAL = frozenset({"household_id", "person_no"})
# A weight with fewer decimals than this could be any number.
DECIMALS = 5
# Two numbers nearer to each other are one: what a difference of two totals of a nation keeps.
EXACT = 2e-8
TEXT = {".txt", ".md", ".qmd", ".csv", ".json", ".ipynb", ".html", ".svg", ".log", ".yml", ".js",
        ".css", ".xml", ".typ", ".toml"}  # fmt: skip
TOKEN = re.compile(r"[^\s,;|<>\"'(){}\[\]=]+")
# As stored, or as printed for people.
NUMBER = re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d+)\.\d+")
CELLS = re.compile(r"[\w.]+")
ZIPPED = {".xlsx", ".docx"}
MARKED = {".html", ".svg", ".xml"}
# Where a row of a table ends in HTML and Word; on a page its heads may take so many lines.
ROW_ENDS = re.compile(r"</tr>|</w:tr>|</row>", re.IGNORECASE)
TAG = re.compile(r"<[^>]*>")
# Fonts and pictures within a page.
INLINED = re.compile(r"base64,[A-Za-z0-9+/=]+")
HEAD_LINES = 12


@dataclass(frozen=True)
class Secrets:
    """What must not be found: keys, weights, and names of the columns of records."""

    keys: frozenset[str]
    weights: np.ndarray
    columns: frozenset[str]

    @cached_property
    def shapes(self) -> re.Pattern[str] | None:
        """What keys look like, wherever one begins; nothing without keys."""
        found = {re.sub(r"\d", r"\\d", re.escape(key)) for key in self.keys}
        found = {re.sub(r"(?<!\\)[A-Za-z]", "[A-Za-z]", shape) for shape in found}
        return re.compile(f"(?=({'|'.join(sorted(found))}))") if found else None


def secrets_of(files: Iterable[Path]) -> Secrets:
    """Keys, weights and columns of harmonised files."""
    import pyarrow.parquet as pq

    keys: set[str] = set()
    columns: set[str] = set()
    weights = [np.zeros(0)]
    for path in files:
        held = set(pq.read_schema(path).names)
        columns |= held
        wanted = [name for name in ("household_id", "weight") if name in held]
        frame = pd.read_parquet(path, columns=wanted)
        if "household_id" in frame:
            # A short number could be anything.
            keys |= {str(k) for k in frame["household_id"].unique() if len(str(k)) > 7}
        if "weight" in frame:
            found = frame["weight"].dropna().unique()
            weights.append(found[np.abs(found - found.round(DECIMALS - 1)) > 0])
    return Secrets(frozenset(keys), np.unique(np.concatenate(weights)), frozenset(columns))


def scan(paths: Iterable[Path], secrets: Secrets) -> list[str]:
    """Find files that hold a record; one line each, which names the file and never the record.

    Parameters
    ----------
    paths
        Files, and folders that are searched through.
    secrets
        What to look for.
    """
    found = []
    for path in _files(paths):
        for why in sorted(set(_leaks(path, secrets))):
            found.append(f"{path}: {why}")
    return found


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        yield from sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]


def _leaks(path: Path, secrets: Secrets) -> Iterator[str]:
    kind = path.suffix.lower()
    if kind == ".parquet":
        yield from _in_parquet(path, secrets)
    elif kind in TEXT:
        text = path.read_text(encoding="utf-8", errors="replace")
        yield from _in_text(text, secrets)
        if kind in MARKED:
            yield from _in_marked(text, secrets)
    elif kind in ZIPPED:
        for text in _zipped(path):
            yield from _in_text(TAG.sub(" ", text), secrets)
            yield from _in_marked(text, secrets)
    elif kind == ".pdf":
        pages = _pages(path)
        yield from _in_text("\n".join(pages), secrets)
        for page in pages:
            yield from _broken(page, secrets)
            lines = page.splitlines()
            for at, line in enumerate(lines):
                if any(key in line for key in PERSONAL):
                    near = " ".join(lines[max(at - HEAD_LINES, 0) : at + HEAD_LINES])
                    yield from _is_record(CELLS.findall(near), secrets)


def _pages(path: Path) -> list[str]:
    """Text layers of a PDF's pages: by poppler, which is ten times faster, where it is there."""
    if tool := shutil.which("pdftotext"):
        made = subprocess.run(
            [tool, "-layout", "-enc", "UTF-8", path, "-"], capture_output=True, check=False
        )
        if made.returncode == 0:
            return made.stdout.decode("utf-8", errors="replace").split("\f")
    from pypdf import PdfReader

    return [page.extract_text() for page in PdfReader(path).pages]


def _zipped(path: Path) -> Iterator[str]:
    """Texts of an office file."""
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        for name in archive.namelist():
            if name.endswith((".xml", ".csv", ".txt")):
                yield archive.read(name).decode("utf-8", errors="replace")


def _in_marked(text: str, secrets: Secrets) -> Iterator[str]:
    """Look at a text as it is read: a row of a table is one line, and tags break no word."""
    if any(key in text for key in PERSONAL):
        for row in ROW_ENDS.split(text):
            cells = CELLS.findall(TAG.sub(" ", row))
            if not PERSONAL.isdisjoint(cells):
                yield from _is_record(cells, secrets)
    yield from _broken(TAG.sub("", INLINED.sub("", text)), secrets)


def _broken(text: str, secrets: Secrets) -> Iterator[str]:
    """Look for keys that are broken over lines or marked in parts."""
    if secrets.shapes is None:
        return
    found = secrets.shapes.findall("".join(text.split()))
    if not secrets.keys.isdisjoint(found):
        yield "the key of a household"


def _in_parquet(path: Path, secrets: Secrets) -> Iterator[str]:
    frame = pd.read_parquet(path)
    yield from _is_record(map(str, frame.columns), secrets)
    for name in frame:
        column = frame[name].dropna()
        if pd.api.types.is_float_dtype(column):
            values = np.abs(column.to_numpy(dtype=float))
            # Stored as it is, so a weight would be there to the last digit. A count, or a number
            # of few decimals, is near some weight where these are many.
            values = values[np.abs(values - values.round(DECIMALS - 1)) > EXACT]
            if _weights(values, np.full(len(values), EXACT), secrets):
                yield "a weight"
        elif not secrets.keys.isdisjoint(column.astype(str).unique()):
            yield "the key of a household"


def _in_text(text: str, secrets: Secrets) -> Iterator[str]:
    tokens = set(TOKEN.findall(text))
    if not secrets.keys.isdisjoint(tokens):
        yield "the key of a household"
    numbers = {t.replace(",", "") for t in NUMBER.findall(text)}
    decimals = {t: len(t.rpartition(".")[2]) for t in numbers}
    long = {t: n for t, n in decimals.items() if n >= DECIMALS}
    # To half a unit of the last digit that is written.
    within = np.array([0.5 * 10.0**-n for n in long.values()]) + EXACT
    if _weights(np.array([float(t) for t in long]), within, secrets):
        yield "a weight"
    for line in text.splitlines():
        if any(key in line for key in PERSONAL):
            yield from _is_record(CELLS.findall(line), secrets)
    if all(re.search(rf'"{key}\\?"\s*:', text) for key in ("household_id", "person_no")):
        yield "the columns of a record"


def _is_record(names: Iterable[str], secrets: Secrets) -> Iterator[str]:
    held = set(names)
    if len(held & KEYS) >= FEW_KEYS or len(held & secrets.columns) >= FEW_COLUMNS:
        yield "the columns of a record"


def _weights(values: np.ndarray, within: np.ndarray, secrets: Secrets) -> bool:
    """Whether a weight is among numbers, each within its own distance."""
    if not len(values) or not len(secrets.weights):
        return False
    at = np.searchsorted(secrets.weights, values).clip(1, len(secrets.weights) - 1)
    near = np.minimum(
        np.abs(secrets.weights[at] - values), np.abs(secrets.weights[at - 1] - values)
    )
    return bool((near <= within).any())
