"""How migration depends on age, without a model; and migration expectancy.

Sources: Bell et al. (2002); Bernard, Bell and Charles-Edwards (2014), Population Studies
68:179-195; Wilber (1963) and the procedure of the US Census Bureau for migration expectancy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lfsmig.errors import EstimationError
from lfsmig.measures.flows import Floats, divided

# The peak is looked for between these ages: children move with their parents, old people again.
PEAK_AGES = (5, 65)
BREADTH = 5
# Times the number of ages at which bandwidths are tried for the smoother.
BANDWIDTHS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)


@dataclass(frozen=True)
class AgeProfile:
    """Summary of a schedule of migration rates by single year of age.

    Attributes
    ----------
    gmr
        Gross migraproduction rate, the sum of the rates.
    peak_intensity, peak_age
        Highest rate above age 5 and below 65, and its age.
    peak_breadth, peak_share
        Sum of the rates from five years before to five after the peak; per cent of the GMR.
    murc_age, mdrc_age
        Ages at which the rates, normalised to add up to 1, rise and fall fastest from one year
        to the next (the younger age of the two): maximum upward and downward rate of change.
    murc, mdrc
        These changes themselves.
    asymmetry
        murc_age / mdrc_age.
    """

    gmr: float
    peak_intensity: float
    peak_age: float
    peak_breadth: float
    peak_share: float
    murc_age: float
    mdrc_age: float
    murc: float
    mdrc: float
    asymmetry: float


def age_profile(ages: ArrayLike, rates: ArrayLike) -> AgeProfile:
    """Summarise a schedule; smooth a survey's rates first, or the peak jumps from year to year.

    Parameters
    ----------
    ages
        Single years, ascending without a gap.
    rates
        Migrants over population at each age.

    Raises
    ------
    EstimationError
        If the ages are not single years or rates are missing.
    """
    x, m = _schedule(ages, rates)
    total = float(m.sum())
    inside = (x > PEAK_AGES[0]) & (x < PEAK_AGES[1])
    if total <= 0 or not inside.any():
        return AgeProfile(total, *[np.nan] * 9)
    at = int(np.flatnonzero(inside)[np.argmax(m[inside])])
    breadth = float(m[np.abs(x - x[at]) <= BREADTH].sum())
    step = np.diff(m / total)
    up, down = int(np.argmax(step)), int(np.argmin(step))
    return AgeProfile(
        gmr=total,
        peak_intensity=float(m[at]),
        peak_age=float(x[at]),
        peak_breadth=breadth,
        peak_share=100 * breadth / total,
        murc_age=float(x[up]),
        mdrc_age=float(x[down]),
        murc=float(step[up]),
        mdrc=float(step[down]),
        asymmetry=float(divided(x[up], x[down])),
    )


def _schedule(ages: ArrayLike, rates: ArrayLike) -> tuple[Floats, Floats]:
    x, m = np.asarray(ages, dtype="float64"), np.asarray(rates, dtype="float64")
    if x.ndim != 1 or x.shape != m.shape or len(x) < 2 or (np.diff(x) != 1).any():
        raise EstimationError("an age profile needs one rate for each single year of age, in order")
    if np.isnan(m).any() or (m < 0).any():
        raise EstimationError("an age profile needs rates of all ages, none below zero")
    return x, m


def moving_average(movers: ArrayLike, population: ArrayLike, width: int = 5) -> Floats:
    """Rates over `width` ages around each age, fewer at the ends: migrants over population.

    Parameters
    ----------
    movers, population
        By single year of age.
    width
        An odd number of ages.
    """
    if width < 1 or width % 2 == 0:
        raise EstimationError(f"width={width} is no odd number of ages")
    window = np.ones(width)
    sums = [np.convolve(np.asarray(v, dtype="float64"), window)[width // 2 :]
            for v in (movers, population)]  # fmt: skip
    size = len(np.asarray(movers))
    return divided(sums[0][:size], sums[1][:size])


def kernel_smooth(
    movers: ArrayLike, population: ArrayLike, bandwidth: float | None = None
) -> tuple[Floats, float]:
    """Rates smoothed by a normal kernel, and the bandwidth in years of age.

    Parameters
    ----------
    movers, population
        By single year of age.
    bandwidth
        Standard deviation of the kernel; without it the one whose prediction of each age from the
        others has the smallest squared error, weighted with the population.
    """
    y, p = np.asarray(movers, dtype="float64"), np.asarray(population, dtype="float64")
    apart = np.subtract.outer(np.arange(len(y)), np.arange(len(y)))

    def smoothed(width: float, without: bool) -> Floats:
        kernel = np.exp(-0.5 * (apart / width) ** 2)
        if without:
            np.fill_diagonal(kernel, 0.0)
        return divided(kernel @ y, kernel @ p)

    if bandwidth is None:
        rates = divided(y, p)
        scores = [np.nansum(p * (rates - smoothed(b, True)) ** 2) for b in BANDWIDTHS]
        bandwidth = BANDWIDTHS[int(np.argmin(scores))]
    return smoothed(bandwidth, False), float(bandwidth)


def expectancy(rates: ArrayLike, person_years: ArrayLike, survivors: ArrayLike) -> Floats:
    """Migration expectancy at each age: years still to be lived in which at least one move is made.

    ME_x = (1 / l_x) sum over a >= x of m_a L_a. With a constant rate it is m times the expectation
    of life, without mortality the sum of the rates.

    Parameters
    ----------
    rates
        m_a, migrants over population, for the ages of the life table; shape (ages,).
    person_years, survivors
        L_a and l_a of a life table of the same sex and year, shape (ages,).
    """
    lived = np.asarray(rates, dtype="float64") * np.asarray(person_years, dtype="float64")
    return divided(np.cumsum(lived[::-1])[::-1], survivors)
