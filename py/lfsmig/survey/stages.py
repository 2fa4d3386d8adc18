"""Stages of sampling as integer codes: which unit a record is in, which stratum a unit is in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lfsmig.errors import EstimationError
from lfsmig.survey.columns import Floats, Levels, Namer, rows_text
from lfsmig.survey.crossing import counting_order, starts_of

# A stratum whose unsampled fraction is below this has no sampling variance (R's own limit).
FULLY_SAMPLED = 1e-7


@dataclass(frozen=True)
class Fpc:
    """A column of population sizes, or of sampling fractions, of one stage."""

    name: str
    values: Floats
    sizes: bool


@dataclass(frozen=True)
class Stage:
    """One stage: units coded in the order of their strata.

    At the second stage a "stratum" is a first-stage unit.
    """

    unit: np.ndarray  # record -> unit
    order: np.ndarray | None  # records in the order of units; None: they are in it already
    stratum_of_unit: np.ndarray  # unit -> stratum
    n_units: np.ndarray  # stratum -> number of sampled units
    free: Floats  # stratum -> unsampled fraction, 1 without a population size
    share: Floats  # stratum -> sampled fraction, 0 without a population size
    stratum_names: list[str]
    names: pd.Index | None  # labels of units; None where every record is a unit
    label: np.ndarray  # unit -> position in names
    _codes: dict[str, np.ndarray | None] = field(default_factory=dict, repr=False, compare=False)
    # Tables of the units by lonely-PSU rule: every estimate with influence sums hands one on.
    tables: dict[str, pd.DataFrame] = field(default_factory=dict, repr=False, compare=False)

    def codes_of_units(self, column: Levels) -> np.ndarray | None:
        """Code of each unit in a column that is the same for all its records; None: it is not.

        Found once for each column, whose name stands for it as in the design.
        """
        if column.name not in self._codes:
            codes = column.codes if self.order is None else column.codes[self.order]
            unit = self.unit if self.order is None else self.unit[self.order]
            code = codes[starts_of(unit)]
            self._codes[column.name] = code if (code[unit] == codes).all() else None
        return self._codes[column.name]

    def unit_names(self) -> list[str]:
        """Labels of the units in code order."""
        if self.names is None:
            return [str(position + 1) for position in self.label]
        texts = np.array([str(name) for name in self.names], dtype=object)
        return list(texts[self.label])


def first_stage(
    rows: int, stratum: Levels | None, unit: Levels | None, fpc: Fpc | None, nest: bool,
    namer: Namer = rows_text,
) -> Stage:  # fmt: skip
    """Encode strata and PSUs; a PSU in two strata is an error unless they nest."""
    strata = np.zeros(rows, "int32") if stratum is None else stratum.codes
    names = ["all"] if stratum is None else stratum.texts
    labels = np.arange(rows, dtype="int32") if unit is None else unit.codes
    n_labels = rows if unit is None else len(unit)
    codes, order, first = _number_units(strata, len(names), labels, n_labels)
    label, stratum_of_unit = labels[first], strata[first]
    if unit is not None and not nest:
        _refuse_shared_unit(unit, label, first, stratum_of_unit, names, namer)
    if len(first) == 1:
        raise EstimationError(
            "the design has only one primary sampling unit; a variance needs at least two"
        )
    n_units = np.bincount(stratum_of_unit, minlength=len(names))
    sampled = _sampled_fraction(fpc, strata, n_units, "stratum", names, namer)
    return Stage(
        codes, order, stratum_of_unit, n_units, 1 - sampled, sampled, names,
        None if unit is None else unit.values, label,
    )  # fmt: skip


def second_stage(first: Stage, within: Levels, fpc: Fpc, namer: Namer = rows_text) -> Stage:
    """Encode second-stage units inside each PSU."""
    codes, order, start = _number_units(
        first.unit, len(first.stratum_of_unit), within.codes, len(within)
    )
    psu_of_unit = first.unit[start]
    n_units = np.bincount(psu_of_unit, minlength=len(first.stratum_of_unit))
    names = first.unit_names()
    sampled = _sampled_fraction(fpc, first.unit, n_units, "PSU", names, namer)
    return Stage(
        codes, order, psu_of_unit, n_units, 1 - sampled, sampled, names,
        within.values, within.codes[start],
    )  # fmt: skip


def _number_units(
    stratum: np.ndarray, n_strata: int, label: np.ndarray, n_labels: int
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Number the (stratum, label) pairs that occur, by stratum, then label.

    Returns the number of each record, the records in that order (None if they are in it), and the
    first record of each unit.
    """
    order = None
    if not _ascending(stratum, label):
        order = counting_order(label, n_labels)
        order = order[counting_order(stratum[order], n_strata)]
        stratum, label = stratum[order], label[order]
    start = starts_of(stratum, label)
    size = np.diff(start, append=len(label))
    unit = np.repeat(np.arange(len(start), dtype="int32"), size)
    if order is None:
        return unit, None, start
    codes = np.empty(len(unit), "int32")
    codes[order] = unit
    return codes, order, order[start]


def _ascending(major: np.ndarray, minor: np.ndarray) -> bool:
    a, b = major[:-1], major[1:]
    return bool(((a < b) | ((a == b) & (minor[:-1] <= minor[1:]))).all())


def _refuse_shared_unit(
    unit: Levels, label: np.ndarray, first: np.ndarray, stratum_of_unit: np.ndarray,
    names: list[str], namer: Namer,
) -> None:  # fmt: skip
    strata_of_label = np.bincount(label, minlength=len(unit))
    if (strata_of_label <= 1).all():
        return
    shared = int(np.flatnonzero(strata_of_label > 1)[0])
    held = np.flatnonzero(label == shared)
    more = int((strata_of_label > 1).sum()) - 1
    others = f", and {more} more such" if more else ""
    raise EstimationError(
        f"PSU column {unit.name!r}: {unit.texts[shared]!r} is in strata "
        f"{', '.join(names[s] for s in stratum_of_unit[held])} ({namer(np.sort(first[held]))})"
        f"{others}; "
        "make the codes unique or pass nest=True"
    )


def read_fpc(names: Sequence[str], values: Sequence[Floats], namer: Namer = rows_text) -> list[Fpc]:
    """Check population sizes or sampling fractions of all stages and tell which of both they are.

    The kind is one for all stages, as R reads it: beside a size of 12, a 1 is a size and no
    complete count.
    """
    for name, column in zip(names, values, strict=True):
        unusable = ~(column > 0)
        if unusable.any():
            raise EstimationError(
                f"fpc column {name!r} is missing or not positive in {namer(unusable)}; "
                "give a size or a fraction"
            )
    sizes = any(bool((column > 1).any()) for column in values)
    below = np.any([column < 1 for column in values], axis=0)
    if sizes and below.any():
        raise EstimationError(
            f"fpc column {' and '.join(map(repr, names))} mixes population sizes and fractions "
            f"({namer(below)} below 1); use one kind in all stages"
        )
    return [Fpc(name, column, sizes) for name, column in zip(names, values, strict=True)]


def _sampled_fraction(
    fpc: Fpc | None, strata: np.ndarray, n_units: np.ndarray, word: str, names: list[str],
    namer: Namer,
) -> Floats:  # fmt: skip
    """Sampled fraction per stratum from population sizes or fractions, R's reading of `fpc`."""
    if fpc is None:
        return np.zeros(len(n_units))
    column = f"fpc column {fpc.name!r}"
    value = np.full(len(n_units), np.nan)
    value[strata] = fpc.values
    varies = value[strata] != fpc.values
    if varies.any():
        where = names[strata[np.flatnonzero(varies)[0]]]
        raise EstimationError(
            f"{column} varies within {word} {where!r} ({namer(varies)}); give each one value"
        )
    population = value if fpc.sizes else n_units / value
    too_many = population < n_units * (1 - 1e-12)
    if too_many.any():
        at = int(np.flatnonzero(too_many)[0])
        raise EstimationError(
            f"{column} of {word} {names[at]!r} is smaller than its {n_units[at]} sampled units "
            f"({namer(strata == at)}); correct the size"
        )
    return n_units / population
