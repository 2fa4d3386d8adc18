"""Net migration as the residual of two censuses, by survival ratios.

A survey of moves has no second source inside itself. Where an office has two censuses, what is left
of a cohort beyond those who survived is its net migration, and the survey's balance can be held
against it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lfsmig.errors import EstimationError
from lfsmig.measures.rogers_castro import Floats


@dataclass(frozen=True)
class Residual:
    """Net migration of cohorts between two censuses.

    Attributes
    ----------
    forward
        Persons missing or in excess at the second census: migrants as if all moved at its time.
    reverse
        The same at the first census: migrants as if all moved then and died at the cohort's rate.
    average
        Mean of both, for moves that are spread over the time between.
    """

    forward: Floats
    reverse: Floats
    average: Floats


def survival_ratio_net(first: ArrayLike, second: ArrayLike, ratio: ArrayLike) -> Residual:
    """Net migration of cohorts by the survival-ratio method (United Nations, Manual VI, 1970).

    Parameters
    ----------
    first, second
        Persons of a cohort at the two censuses, one value per cohort; NaN in `first` for those born
        between them, of whom the method says nothing.
    ratio
        Share of the cohort that survives. Above 1 it also holds differences in enumeration.

    Raises
    ------
    EstimationError
        If the arrays differ in length, or a ratio is not above zero.
    """
    one, two, survived = (np.asarray(x, dtype="float64") for x in (first, second, ratio))
    if not one.shape == two.shape == survived.shape:
        raise EstimationError("survival ratios: the cohorts of the two censuses differ in number")
    if (survived <= 0).any():
        raise EstimationError("survival ratios: a ratio is not above zero")
    forward = two - survived * one
    reverse = two / survived - one
    return Residual(forward, reverse, (forward + reverse) / 2)
