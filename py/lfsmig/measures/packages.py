"""Variants that R packages compute under the same names; never published, only for comparison.

They let a partner's figure from migest or migration.indices be reproduced and explained. Each
docstring says what differs. Sources: migest 2.0.5 (Abel), migration.indices (Daroczi).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lfsmig.measures import structure
from lfsmig.measures.distance import moves
from lfsmig.measures.flows import (
    Floats,
    between_zones,
    divided,
    inflows,
    movers,
    outflows,
    zones_of,
)
from lfsmig.measures.impact import preference, velocity


def preference_sum(flows: ArrayLike, populations: ArrayLike) -> Floats:
    """Preference as migest gives it: the sum of the streams' indices."""
    return preference(flows, populations).sum(axis=(-2, -1))


def velocity_sum(flows: ArrayLike, populations: ArrayLike) -> Floats:
    """Velocity as migest gives it: the sum over streams.

    Its example has the population in millions, so that its figure is a million times this one (and
    its ANMR ten thousand times the proportion).
    """
    return velocity(flows, populations).sum(axis=(-2, -1))


def gini_out_crosswise(flows: ArrayLike) -> Floats:
    """`mwg_orig`: out-field indices weighted with the shares of *in*-migrants, divided by n."""
    matrix = between_zones(flows)
    share = divided(inflows(matrix), movers(matrix)[..., None])
    return (structure.gini_out(matrix) * share).sum(axis=-1) / zones_of(matrix)


def gini_in_crosswise(flows: ArrayLike) -> Floats:
    """`mwg_dest`: in-field indices weighted with the shares of *out*-migrants, divided by n."""
    matrix = between_zones(flows)
    share = divided(outflows(matrix), movers(matrix)[..., None])
    return (structure.gini_in(matrix) * share).sum(axis=-1) / zones_of(matrix)


def gini_field_uncorrected(flows: ArrayLike) -> Floats:
    """Out-field indices with n - 1 in place of n - 2 (`corrected = FALSE`)."""
    n = zones_of(between_zones(flows))
    return structure.gini_out(flows) * (n - 2) / (n - 1)


def cv_with_diagonal(flows: ArrayLike) -> Floats:
    """`cv` of migest: zero diagonal counted, the root taken of the variance over the mean."""
    matrix = between_zones(flows)
    n = zones_of(matrix)
    mean = matrix.mean(axis=(-2, -1))
    squares = ((matrix - mean[..., None, None]) ** 2).sum(axis=(-2, -1))
    return np.sqrt(divided(squares / (n**2 * (n**2 - 1)), mean))


def inequality_of_persons(flows: ArrayLike) -> Floats:
    """`migration.inequality`: half the sum of |M_ij - M'_ij| in persons, not in shares."""
    return structure.inequality(flows) * movers(flows)


def age_window_by_position(rates: ArrayLike, peak: int) -> float:
    """`peak_breadth` of migest: positions peak-5..peak+5 counted from 1 where ages begin at 0.

    With a rate for every age from 0 on these are the ages peak-6..peak+4.
    """
    values = np.asarray(rates, dtype="float64")
    return float(values[max(peak - 6, 0) : peak + 5].sum())


def median_distance_interpolated(flows: ArrayLike, distances: ArrayLike) -> float:
    """Median of `index_distance`: between the midpoints of the steps of the cumulated flows.

    As matrixStats interpolates; where two pairs of zones are equally far apart, the result hangs on
    their order.
    """
    weight, apart = moves(flows, distances)
    if not weight.sum() > 0:
        return np.nan
    order = np.argsort(apart, kind="stable")
    reached = np.cumsum(weight[order])
    return float(np.interp(reached[-1] / 2, reached - weight[order] / 2, apart[order]))
