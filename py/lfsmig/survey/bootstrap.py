"""Rao-Wu-Yue bootstrap of one stratum, for one year or for several that share PSUs.

Each replicate draws n - 1 of the n PSUs with replacement; a PSU drawn r times has its weights
multiplied by n / (n - 1) * r (Rao, Wu and Yue 1992). Years that share PSUs are drawn together:

* every PSU gets a slot, the same in all its years; a PSU that leaves is replaced in its slot by
  one that comes, at random and anew for each replicate;
* one sequence of slots is drawn; each year takes the first n - 1 draws that meet its own PSUs.

So each year by itself is an ordinary bootstrap, and a PSU in two years is drawn equally often in
both where the stratum keeps its size. The covariance of two years' totals over the replicates is
then, with z as deviations from the stratum's mean, n / (n - 1) * [sum over shared PSUs of z1 z2 +
(sum of shared z1)(sum of shared z2) / (number not shared)]: the overlap covariance of `change.py`
and the term that makes it unbiased. Where n changes the last draws of the years differ and the
covariance is a few per cent smaller.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lfsmig.survey.drawing import (
    Options,
    common_units,
    dense_replicates,
    lonely_strata,
    name_draw,
    varying_strata,
)
from lfsmig.survey.replicates import DenseFactors, Replicates
from lfsmig.survey.stages import FULLY_SAMPLED

if TYPE_CHECKING:
    from lfsmig.survey.design import SurveyDesign

BOOTSTRAP_REPLICATES = 500


def bootstraps(designs: Sequence[SurveyDesign], options: Options) -> list[Replicates]:
    """Rao-Wu-Yue; with a finite population the deviations shrink by the root of 1 - f."""
    count = options.replicates or BOOTSTRAP_REPLICATES
    values = [np.ones((len(d.stages[0].stratum_of_unit), count)) for d in designs]
    for stratum, years in common_units(designs).items():
        rng = stratum_generator(options.seed, stratum)
        drawn = [
            year
            for year, (design, units) in enumerate(zip(designs, years, strict=True))
            if len(units) > 1 and _free(design, units) >= FULLY_SAMPLED
        ]
        signs = _signs(rng, years, count)
        counts = draw_counts(rng, [years[y][:, 0] for y in drawn], count) if drawn else []
        for year, times in zip(drawn, counts, strict=True):
            units = years[year][:, 1]
            n = len(units)
            shrink = np.sqrt(_free(designs[year], years[year]))
            values[year][units] = 1 + shrink * (n / (n - 1) * times.T - 1)
        for year, (design, units) in enumerate(zip(designs, years, strict=True)):
            alone = len(units) == 1 and _free(design, units) >= FULLY_SAMPLED
            if alone and design.lonely_psu == "adjust":
                root = np.sqrt(_free(design, units))
                values[year][units[0, 1]] = 1 + root * signs[units[0, 0]]
    token = name_draw(designs, "bootstrap", options.seed, count)
    mse = True if options.mse is None else options.mse
    scale = 1 / count if mse else 1 / (count - 1)
    return [
        dense_replicates(
            design, "bootstrap", DenseFactors(v), scale, np.ones(count), mse, token,
            _strata(design),
        )
        for design, v in zip(designs, values, strict=True)
    ]  # fmt: skip


def _strata(design: SurveyDesign) -> tuple[np.ndarray, np.ndarray]:
    """Strata as they vary: a lonely PSU of the rule `adjust` does so by itself."""
    stage = design.stages[0]
    sizes = np.where(varying_strata(stage), stage.n_units, 0)
    if design.lonely_psu == "adjust":
        # One of two, as it were: never all of its stratum.
        sizes[lonely_strata(stage)] = 2
    return stage.stratum_of_unit, sizes


def _free(design: SurveyDesign, units: np.ndarray) -> float:
    stage = design.stages[0]
    return float(stage.free[stage.stratum_of_unit[units[0, 1]]])


def _signs(rng: np.random.Generator, years: list[np.ndarray], count: int) -> np.ndarray:
    """A random sign per PSU and replicate, for the years in which the PSU is alone."""
    if all(len(units) != 1 for units in years):
        return np.zeros((0, count))
    size = 1 + max(int(units[:, 0].max(initial=0)) for units in years)
    return rng.choice([-1.0, 1.0], (size, count))


def stratum_generator(seed: int, stratum: str) -> np.random.Generator:
    """Random numbers of one stratum: the same whatever other strata there are."""
    digest = hashlib.sha256(stratum.encode("utf-8")).digest()
    words = np.frombuffer(digest[:16], dtype="<u4")
    return np.random.default_rng([seed, *words.tolist()])


def draw_counts(
    rng: np.random.Generator, years: Sequence[np.ndarray], replicates: int
) -> list[np.ndarray]:
    """Times that each PSU of a stratum is drawn, in each year.

    Parameters
    ----------
    rng
        Random numbers of the stratum.
    years
        For each year the numbers of its PSUs (at least two), each below the number of all of them;
        equal numbers in two years are one PSU.
    replicates
        Number of replicates.

    Returns
    -------
    list of arrays
        For each year replicates x PSUs; each row adds up to n - 1.
    """
    slots, n_slots = _slots(rng, years, replicates)
    held = [slots[:, units] for units in years]
    occupied = []
    for own in held:
        here = np.zeros((replicates, n_slots), bool)
        np.put_along_axis(here, own, True, axis=1)
        occupied.append(here)
    draws = np.zeros((replicates, 0), "int64")
    taken: list[np.ndarray] = []
    more = n_slots - 1
    while True:
        draws = np.hstack([draws, rng.integers(0, n_slots, (replicates, more))])
        met = [np.cumsum(np.take_along_axis(here, draws, axis=1), axis=1) for here in occupied]
        needed = [own.shape[1] - 1 for own in held]
        if all((count[:, -1] >= want).all() for count, want in zip(met, needed, strict=True)):
            break
        more = max(8, n_slots // 4)
    row = np.arange(replicates)[:, None] * n_slots
    for here, own, count, want in zip(occupied, held, met, needed, strict=True):
        used = np.take_along_axis(here, draws, axis=1) & (count <= want)
        drawn = np.bincount((row + draws)[used], minlength=replicates * n_slots)
        taken.append(np.take_along_axis(drawn.reshape(replicates, n_slots), own, axis=1))
    return taken


def _slots(
    rng: np.random.Generator, years: Sequence[np.ndarray], replicates: int
) -> tuple[np.ndarray, int]:
    """Slot of every PSU in every replicate: two PSUs of one year never have the same."""
    n_units = 1 + max(int(units.max()) for units in years)
    n_slots = max(len(units) for units in years)
    present = np.zeros((len(years), n_units), bool)
    for year, units in enumerate(years):
        present[year, units] = True
    slots = np.full((replicates, n_units), -1)
    placed = np.zeros(n_units, bool)
    for units in years:
        new = units[~placed[units]]
        if len(new) == 0:
            continue
        # PSUs that share any year with a new one keep their slots to themselves.
        meets = present[present[:, new].any(axis=1)].any(axis=0) & placed
        free = np.ones((replicates, n_slots), bool)
        np.put_along_axis(free, slots[:, meets], False, axis=1)
        short = len(new) - int(free.sum(axis=1).min())
        if short > 0:
            n_slots += short
            free = np.hstack([free, np.ones((replicates, short), bool)])
        order = np.where(free, rng.random(free.shape), 2.0).argsort(axis=1)
        slots[:, new] = order[:, : len(new)]
        placed[new] = True
    return slots, n_slots
