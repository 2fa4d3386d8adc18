"""Looks for persons' records in files that leave the confidential side.

Three things betray a record: the key of a household, a weight (its digits are as good as a key),
and a table with the columns of records. Files are read as what they are: text of any kind, CSV,
JSON, Parquet, and the texts within Excel, Word and PDF files.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

# Columns that only a table of persons has, and how many of a record's columns make one.
KEYS = frozenset({"household_id", "person_no", "weight", "psu"})
FEW_KEYS, FEW_COLUMNS = 2, 8
# A weight with fewer decimals than this could be any number.
DECIMALS = 5
# Two numbers nearer to each other are one: what a difference of two totals of a nation keeps.
EXACT = 2e-8
TEXT = {".txt", ".md", ".qmd", ".csv", ".json", ".ipynb", ".html", ".svg", ".log", ".yml", ".js",
        ".css", ".xml", ".typ", ".toml"}  # fmt: skip
TOKEN = re.compile(r"[^\s,;|<>\"'(){}\[\]=]+")
NUMBER = re.compile(r"\d+\.\d+")
CELLS = re.compile(r"[\w.]+")
ZIPPED = {".xlsx", ".docx"}


@dataclass(frozen=True)
class Secrets:
    """What must not be found: keys, weights, and names of the columns of records."""

    keys: frozenset[str]
    weights: np.ndarray
    columns: frozenset[str]


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
        yield from _in_text(path.read_text(encoding="utf-8", errors="replace"), secrets)
    elif kind in ZIPPED:
        yield from _in_text(_zipped(path), secrets)
    elif kind == ".pdf":
        from pypdf import PdfReader

        text = "\n".join(page.extract_text() for page in PdfReader(path).pages)
        yield from _in_text(text, secrets)


def _zipped(path: Path) -> str:
    """Texts of an office file; a tag ends a word."""
    parts = []
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        for name in archive.namelist():
            if name.endswith((".xml", ".csv", ".txt")):
                text = archive.read(name).decode("utf-8", errors="replace")
                parts.append(re.sub(r"<[^>]*>", " ", text))
    return "\n".join(parts)


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
    decimals = {t: len(t.rpartition(".")[2]) for t in NUMBER.findall(text)}
    long = {t: n for t, n in decimals.items() if n >= DECIMALS}
    # To half a unit of the last digit that is written.
    within = np.array([0.5 * 10.0**-n for n in long.values()]) + EXACT
    if _weights(np.array([float(t) for t in long]), within, secrets):
        yield "a weight"
    for line in text.splitlines():
        if any(key in line for key in ("household_id", "person_no")):
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
