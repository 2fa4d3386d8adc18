"""Stages of sampling as integer codes: which unit a record is in, which stratum a unit is in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lfsmig.errors import EstimationError
from lfsmig.survey.columns import Floats, Levels, rows_text

# A stratum whose unsampled fraction is below this has no sampling variance (R's own limit).
FULLY_SAMPLED = 1e-7


@dataclass(frozen=True)
class Stage:
    """One stage: units coded in the order of their strata.

    At the second stage a "stratum" is a first-stage unit.
    """

    unit: np.ndarray  # record -> unit
    stratum_of_unit: np.ndarray  # unit -> stratum
    n_units: np.ndarray  # stratum -> number of sampled units
    free: Floats  # stratum -> unsampled fraction, 1 without a population size
    share: Floats  # stratum -> sampled fraction, 0 without a population size
    stratum_names: list[str]
    names: pd.Index | None  # labels of units; None where every record is a unit
    label: np.ndarray  # unit -> position in names

    def unit_names(self) -> list[str]:
        """Labels of the units in code order."""
        if self.names is None:
            return [str(position + 1) for position in self.label]
        texts = np.array([str(name) for name in self.names], dtype=object)
        return list(texts[self.label])


def first_stage(
    rows: int, stratum: Levels | None, unit: Levels | None, fpc: Floats | None, nest: bool,
    sizes: bool = False,
) -> Stage:  # fmt: skip
    """Encode strata and PSUs; a PSU in two strata is an error unless they nest."""
    strata = np.zeros(rows, "int32") if stratum is None else stratum.codes
    names = ["all"] if stratum is None else stratum.texts
    labels = np.arange(rows) if unit is None else unit.codes.astype("int64")
    n_labels = rows if unit is None else len(unit)
    key, codes = np.unique(strata.astype("int64") * n_labels + labels, return_inverse=True)
    label = key % n_labels
    stratum_of_unit = (key // n_labels).astype("int32")
    if unit is not None and len(np.unique(label)) < len(label) and not nest:
        _refuse_shared_unit(unit, strata, label, stratum_of_unit, names)
    if len(key) == 1:
        raise EstimationError(
            "the design has only one primary sampling unit; a variance needs at least two"
        )
    n_units = np.bincount(stratum_of_unit, minlength=len(names))
    sampled = _sampled_fraction(fpc, sizes, strata, n_units, "stratum", names)
    return Stage(
        codes.astype("int32"), stratum_of_unit, n_units, 1 - sampled, sampled, names,
        None if unit is None else unit.values, label,
    )  # fmt: skip


def second_stage(first: Stage, within: Levels, fpc: Floats, sizes: bool = False) -> Stage:
    """Encode second-stage units inside each PSU."""
    key, codes = np.unique(
        first.unit.astype("int64") * len(within) + within.codes, return_inverse=True
    )
    psu_of_unit = (key // len(within)).astype("int32")
    n_units = np.bincount(psu_of_unit, minlength=len(first.stratum_of_unit))
    names = first.unit_names()
    sampled = _sampled_fraction(fpc, sizes, first.unit, n_units, "PSU", names)
    return Stage(
        codes.astype("int32"), psu_of_unit, n_units, 1 - sampled, sampled, names,
        within.values, key % len(within),
    )  # fmt: skip


def _refuse_shared_unit(
    unit: Levels, strata: np.ndarray, label: np.ndarray, stratum_of_unit: np.ndarray,
    names: list[str],
) -> None:  # fmt: skip
    shared = np.flatnonzero(np.bincount(label) > 1)
    held_by = [names[s] for s in stratum_of_unit[label == shared[0]]]
    raise EstimationError(
        f"PSU column {unit.name!r}: {unit.texts[shared[0]]!r} is in strata "
        f"{', '.join(held_by)} ({rows_text(unit.codes == shared[0])}); "
        "make the codes unique or pass nest=True"
    )


def population_sizes(fpc: Sequence[Floats]) -> bool:
    """Tell whether `fpc` holds population sizes or sampling fractions.

    The kind is one for all stages, as R reads it: beside a size of 12, a 1 is a size and no
    complete count.
    """
    sizes = any(bool((values > 1).any()) for values in fpc)
    below = np.any([(values > 0) & (values < 1) for values in fpc], axis=0)
    if sizes and below.any():
        raise EstimationError(
            f"fpc mixes population sizes and fractions ({rows_text(below)} below 1); "
            "use one kind in all stages"
        )
    return sizes


def _sampled_fraction(
    fpc: Floats | None, sizes: bool, strata: np.ndarray, n_units: np.ndarray, word: str,
    names: list[str],
) -> Floats:  # fmt: skip
    """Sampled fraction per stratum from population sizes or fractions, R's reading of `fpc`."""
    if fpc is None:
        return np.zeros(len(n_units))
    if np.isnan(fpc).any() or (fpc <= 0).any():
        bad = rows_text(np.isnan(fpc) | (fpc <= 0))
        raise EstimationError(f"fpc is missing or not positive in {bad}; give a size or a fraction")
    value = np.full(len(n_units), np.nan)
    value[strata] = fpc
    varies = value[strata] != fpc
    if varies.any():
        where = names[strata[np.flatnonzero(varies)[0]]]
        raise EstimationError(f"fpc varies within {word} {where!r} ({rows_text(varies)})")
    population = value if sizes else n_units / value
    too_many = population < n_units * (1 - 1e-12)
    if too_many.any():
        where = names[int(np.flatnonzero(too_many)[0])]
        raise EstimationError(
            f"fpc of {word} {where!r} is smaller than its number of sampled units"
        )
    return n_units / population
