"""A year with the year before, as the fault injector takes and returns it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from lfsmig.intake.harmonise import Harmonised


@dataclass(frozen=True)
class Case:
    """A year, the one before, and its released table where a fault needs one."""

    now: Harmonised
    before: Harmonised | None
    released: pd.DataFrame | None = None

    @property
    def frame(self) -> pd.DataFrame:
        return self.now.frame

    def with_frame(self, frame: pd.DataFrame) -> Case:
        return replace(self, now=replace(self.now, frame=frame.reset_index(drop=True)))

    def with_blanks(self, blanks: pd.DataFrame) -> Case:
        return replace(self, now=replace(self.now, blanks=blanks.reset_index(drop=True)))

    def with_receipt(self, **changed: object) -> Case:
        return replace(self, now=replace(self.now, receipt=self.now.receipt | changed))


@dataclass(frozen=True)
class Fault:
    """One way to corrupt a good year, and the check that must turn red."""

    name: str
    check: str
    make: Callable[[Any], Any]
    part: str = ""
    year: int = 2023


FAULTS: list[Fault] = []


def fault(name: str, check: str, part: str = "", year: int = 2023) -> Callable:
    """Register a fault on the harmonised year."""

    def register(make: Callable[[Case], Case]) -> Callable[[Case], Case]:
        FAULTS.append(Fault(name, check, make, part, year))
        return make

    return register


def put(case: Case, name: str, rows: np.ndarray, value: object) -> Case:
    """Set a variable in some records; a category takes a code that is not in its list too."""
    frame = case.frame.copy()
    values = frame[name]
    if isinstance(values.dtype, pd.CategoricalDtype):
        changed = values.astype(object)
        changed[rows] = value
        listed = list(values.cat.categories)
        more = [one for one in pd.unique(changed.dropna()) if one not in listed]
        frame[name] = pd.Categorical(changed, categories=[*listed, *more], ordered=True)
    else:
        frame.loc[rows, name] = value
    return case.with_frame(frame)


def every(case: Case, step: int, among: np.ndarray | None = None) -> np.ndarray:
    """Mark each so-manieth record, or each so-manieth of some."""
    chosen = np.arange(len(case.frame)) if among is None else np.flatnonzero(among)
    mask = np.zeros(len(case.frame), bool)
    mask[chosen[::step]] = True
    return mask


def where(case: Case, condition: str) -> np.ndarray:
    """Mark the records that meet a condition."""
    return pd.Series(case.frame.eval(condition)).fillna(False).to_numpy(dtype=bool)


def households(case: Case, step: int) -> np.ndarray:
    """Mark all records of each so-manieth household."""
    numbers = pd.factorize(case.frame["household_id"])[0]
    return np.asarray(numbers % step == 0)


def drop(case: Case, rows: np.ndarray) -> Case:
    return case.with_frame(case.frame[~rows])


def scale(case: Case, rows: np.ndarray, factor: float, name: str = "weight") -> Case:
    frame = case.frame.copy()
    frame.loc[rows, name] = frame.loc[rows, name] * factor
    return case.with_frame(frame)


def copy_rows(case: Case, rows: np.ndarray, **changed: object) -> Case:
    """Append copies of some records with some variables changed."""
    again = case.frame[rows].copy()
    for name, value in changed.items():
        again[name] = value(again[name]) if callable(value) else value
    return case.with_frame(pd.concat([case.frame, again], ignore_index=True))
