"""How much migration there is: intensities and sex ratios.

Sources: Bell et al. (2002), JRSS A 165:435-464; Courgeau (1973); Courgeau, Muhidin and Bell (2012);
Bell et al. (2015), Population and Development Review 41:33-58.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lfsmig.errors import EstimationError
from lfsmig.measures.flows import Floats, divided

# A straight line through two scales fits them exactly.
LEAST_SCALES = 3


def crude_intensity(movers: ArrayLike, population: ArrayLike) -> Floats:
    """Crude migration intensity, CMI = 100 M / P, in per cent.

    Parameters
    ----------
    movers
        Persons who moved between zones.
    population
        Persons at risk; the age base is the caller's and belongs into the title.
    """
    return 100 * divided(movers, population)


def courgeau_k(intensity: ArrayLike, zones: int) -> Floats:
    """Courgeau's k, from CMI = k ln(n squared): comparable over systems of zones.

    Parameters
    ----------
    intensity
        CMI in per cent; k is in per cent then too.
    zones
        Number of zones, at least two (NaN below).
    """
    value = np.asarray(intensity, dtype="float64")
    return value / np.log(zones**2) if zones >= 2 else np.full_like(value, np.nan)


@dataclass(frozen=True)
class AggregateIntensity:
    """CMI over scales as a straight line of ln(households per zone).

    Attributes
    ----------
    intensity
        Intercept: the CMI with one household per zone, all changes of address (per cent).
    slope
        Change of the CMI per unit of ln(households per zone), about -2 k.
    r_squared
        Part of the variance that the line explains.
    """

    intensity: float
    slope: float
    r_squared: float


def aggregate_intensity(
    intensities: ArrayLike, zones: ArrayLike, households: float
) -> AggregateIntensity:
    """Aggregate CMI: regress the CMI of several scales on ln(H / n) and go to one household a zone.

    An extrapolation, experimental where the question misses moves inside the smallest zone.

    Parameters
    ----------
    intensities
        CMI in per cent at each scale, all from the same question.
    zones
        Number of zones at each scale; fewer than three different ones give NaN.
    households
        Households of the country.
    """
    y, n = np.asarray(intensities, dtype="float64"), np.asarray(zones, dtype="float64")
    if y.shape != n.shape or households <= 0 or (n <= 0).any():
        raise EstimationError(
            "aggregate intensity needs a positive number of zones for each intensity, "
            "and a positive number of households"
        )
    if len(np.unique(n)) < LEAST_SCALES:
        return AggregateIntensity(np.nan, np.nan, np.nan)
    x = np.log(households / n)
    apart = x - x.mean()
    slope = float(apart @ y / (apart @ apart))
    intercept = float(y.mean() - slope * x.mean())
    rest = y - intercept - slope * x
    spread = float(((y - y.mean()) ** 2).sum())
    r_squared = 1 - float(rest @ rest) / spread if spread > 0 else np.nan
    return AggregateIntensity(intercept, slope, r_squared)


def sex_ratio(men: ArrayLike, women: ArrayLike) -> Floats:
    """Men per 100 women among migrants."""
    return 100 * divided(men, women)


def relative_sex_ratio(
    men: ArrayLike, women: ArrayLike, all_men: ArrayLike, all_women: ArrayLike
) -> Floats:
    """CMI of men over CMI of women: the population's own sex ratio is taken out."""
    return divided(divided(men, all_men), divided(women, all_women))
