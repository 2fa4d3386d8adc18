"""What concepts share: the view of the table, three-valued truth and the register of concepts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lfsmig.params import Params

Values = np.ndarray


@dataclass(frozen=True)
class Frame:
    """What a concept sees: the harmonised table and the survey's definitions."""

    table: pd.DataFrame
    params: Params
    year: int
    # Codes of columns that concepts have asked for; they only read them.
    texts: dict[str, Values] = field(default_factory=dict)

    def text(self, name: str) -> Values:
        """Return a column's codes, None where missing."""
        if name not in self.texts:
            values = np.array(self.table[name].astype(object), dtype=object)
            values[pd.isna(values)] = None
            values.flags.writeable = False
            self.texts[name] = values
        return self.texts[name]

    def number(self, name: str) -> Values:
        """Return a column as floats, NaN where missing."""
        return self.table[name].to_numpy(dtype=float, na_value=np.nan)

    def has(self, *names: str) -> bool:
        """Tell whether the survey has these columns."""
        return all(name in self.table for name in names)

    def flag(self, name: str) -> Values:
        """Return a population made before."""
        return self.table[name].to_numpy(dtype=float)


@dataclass(frozen=True)
class Concept:
    """A named item: what it needs and how it is made."""

    name: str
    needs: tuple[str, ...]
    make: Callable[[Frame], Values]
    flag: bool


CONCEPTS: dict[str, Concept] = {}
# A need that begins with it is read where the survey asks for it, and can be done without.
MAY = "?"


def in_order(first: Sequence[str]) -> list[str]:
    """Names of all concepts, each after those it needs; those of `first` lead, in their order."""
    done: dict[str, None] = {}

    def visit(name: str) -> None:
        if name in done or name not in CONCEPTS:
            return
        for need in CONCEPTS[name].needs:
            for one in need.split("|"):
                visit(one.removeprefix(MAY))
        done[name] = None

    # Sorted: the order of registration is that of imports, and columns must not depend on it.
    for name in [*first, *sorted(CONCEPTS)]:
        visit(name)
    return list(done)


def population(*needs: str) -> Callable[[Callable[[Frame], Values]], Callable[[Frame], Values]]:
    """Register a population under its function's name (without the leading `is_`)."""

    def register(function: Callable[[Frame], Values]) -> Callable[[Frame], Values]:
        name = function.__name__.removeprefix("is_")
        CONCEPTS[name] = Concept(name, needs, function, True)
        return function

    return register


def item(*needs: str) -> Callable[[Callable[[Frame], Values]], Callable[[Frame], Values]]:
    """Register a derived item under its function's name."""

    def register(function: Callable[[Frame], Values]) -> Callable[[Frame], Values]:
        name = function.__name__
        CONCEPTS[name] = Concept(name, needs, function, False)
        return function

    return register


def truth(yes: Values, unknown: Values) -> Values:
    """Make 1, 0 or empty of what is true and what cannot be known."""
    return np.where(unknown, np.nan, yes.astype(float))


def is_known(codes: Values) -> Values:
    return ~pd.isna(codes)


def regions(frame: Frame, provinces: Values) -> Values:
    """Return the region of each province."""
    region = frame.params.region_of()
    return mapped(provinces, region.get)


def mapped(codes: Values, meaning: Callable[[str], object]) -> Values:
    """Return what each code means, asked once for each that occurs; None stays None."""
    places, known = pd.factorize(codes)
    # The last entry stands for a missing code, whose place is -1.
    found = np.array([*map(meaning, known), None], dtype=object)
    return found[places]


def foreign_mask(frame: Frame) -> Values:
    """Mark who is known to be born abroad."""
    if not frame.has("birth_country"):
        return np.zeros(len(frame.table), bool)
    country = frame.text("birth_country")
    return is_known(country) & (country != frame.params.country.home_country)
