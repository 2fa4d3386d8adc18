"""Which new column may be a lost one under another name: by name, label and values."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lfsmig.intake.columns import Coded
from lfsmig.newyear.tests import distance_of_numbers, variation

# A column with more distinct values is compared as numbers, or not at all if it holds texts.
FEW_VALUES = 60
WEIGHTS = {"name": 0.2, "label": 0.4, "values": 0.4}


@dataclass(frozen=True)
class Portrait:
    """What tells a column from others.

    Attributes
    ----------
    names
        Its name, and other names it goes by.
    labels
        Its label in the file and those of the dictionary's variables that it makes.
    codes
        Value labels by code.
    coded
        Its values, one per person record; None where there are no records to look at.
    """

    names: Sequence[str]
    labels: Sequence[str] = ()
    codes: Mapping[str, str] = field(default_factory=dict)
    coded: Coded | None = None


@dataclass(frozen=True)
class Suggestion:
    """A column that may be the one looked for, with its score and what the score rests on."""

    column: str
    score: float
    evidence: dict[str, float]


def plain_text(text: str) -> str:
    """Bring a label to what tells it: one case, no marks, no signs, no blanks."""
    key = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in key if unicodedata.category(letter)[0] in "LN")


def likeness(one: str, other: str) -> float:
    """How alike two texts are, from 0 to 1."""
    left, right = plain_text(one), plain_text(other)
    return difflib.SequenceMatcher(None, left, right).ratio() if left and right else 0.0


def suggest(lost: Portrait, new: Mapping[str, Portrait], least: float) -> list[Suggestion]:
    """Order new columns by how much they look like a lost one, the best first.

    The score is the mean of what can be compared, weighted by `WEIGHTS`. Without a label on both
    sides and without records, the name alone decides, and says so in the evidence.
    """
    found = []
    for column, portrait in new.items():
        evidence = compare(lost, portrait)
        total = sum(WEIGHTS[kind] for kind in evidence)
        score = sum(WEIGHTS[kind] * value for kind, value in evidence.items()) / total
        found.append(Suggestion(column, round(score, 2), evidence))
    kept = [one for one in found if one.score >= least]
    return sorted(kept, key=lambda one: (-one.score, one.column))[:3]


def compare(one: Portrait, other: Portrait) -> dict[str, float]:
    """Compare two columns: likeness of names, of labels, of the distributions of their values."""
    evidence = {"name": _best(one.names, other.names)}
    labels = _best(one.labels, other.labels) if one.labels and other.labels else None
    if one.codes and other.codes:
        shared = len(set(_pairs(one.codes)) & set(_pairs(other.codes)))
        alike = shared / len(set(_pairs(one.codes)) | set(_pairs(other.codes)))
        labels = alike if labels is None else max(labels, alike)
    if labels is not None:
        evidence["label"] = labels
    if one.coded is not None and other.coded is not None:
        values = _values_alike(one.coded, other.coded)
        if values is not None:
            evidence["values"] = values
    return {kind: round(value, 2) for kind, value in evidence.items()}


def _best(left: Iterable[str], right: Iterable[str]) -> float:
    return max((likeness(one, other) for one in left for other in right), default=0.0)


def _pairs(codes: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(code.lstrip("0"), plain_text(label)) for code, label in codes.items()]


def _values_alike(one: Coded, other: Coded) -> float | None:
    few = max(len(one.values), len(other.values)) <= FEW_VALUES
    if few:
        return 1 - variation(shares(one, True), shares(other, True))
    left, right = numbers(one), numbers(other)
    if not len(left) or not len(right):
        return None
    blank = abs(float((one.codes < 0).mean()) - float((other.codes < 0).mean()))
    return (1 - distance_of_numbers(left, right)) * (1 - blank)


def shares(column: Coded, with_blanks: bool = False) -> dict[str, float]:
    """Unweighted shares of a column's codes, zeros in front of numbers left out."""
    counts = column.counts()
    total = len(column.codes) if with_blanks else max(int(counts.sum()), 1)
    out: dict[str, float] = {}
    for value, count in zip(column.values, counts, strict=True):
        if count:
            key = value.lstrip("0") or "0"
            out[key] = out.get(key, 0.0) + count / total
    if with_blanks and (blank := int((column.codes < 0).sum())):
        out[""] = blank / total
    return out


def numbers(column: Coded) -> np.ndarray:
    """Return a column's values as numbers, those that are none left out."""
    values = pd.to_numeric(pd.Series(column.values, dtype=object), errors="coerce")
    found = np.append(values.to_numpy(float), np.nan)[column.codes]
    return found[np.isfinite(found)]
