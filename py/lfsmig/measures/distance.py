"""How far migrants go: mean, median and decay with distance.

Distances are between centroids of zones (great-circle, in km); moves inside a zone have none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lfsmig.errors import EstimationError
from lfsmig.measures.flows import Floats, between_zones, in_cells, movers, zones_of

MAX_STEPS = 100
STILL = 1e-12
EARTH_RADIUS = 6371.0088  # km, mean radius (IUGG)


def great_circle(latitude: ArrayLike, longitude: ArrayLike) -> Floats:
    """Distances between all pairs of places in km (haversine), from degrees: shape (n, n)."""
    phi, theta = (np.radians(np.asarray(x, dtype="float64")) for x in (latitude, longitude))
    north = np.sin((phi[:, None] - phi[None, :]) / 2) ** 2
    east = np.sin((theta[:, None] - theta[None, :]) / 2) ** 2
    along = north + np.cos(phi)[:, None] * np.cos(phi)[None, :] * east
    return 2 * EARTH_RADIUS * np.arcsin(np.sqrt(np.clip(along, 0, 1)))


def moves(flows: ArrayLike, distances: ArrayLike) -> tuple[Floats, Floats]:
    """Flows above zero, and their distances, row by row."""
    matrix, apart = between_zones(flows), np.asarray(distances, dtype="float64")
    if apart.shape != matrix.shape or matrix.ndim != 2:
        raise EstimationError("flows and distances must be one matrix each, of equal size")
    weight, apart = in_cells(matrix), in_cells(apart)
    return weight[weight > 0], apart[weight > 0]


def mean_distance(flows: ArrayLike, distances: ArrayLike) -> float:
    """Mean distance of a move: distances weighted with the flows."""
    weight, apart = moves(flows, distances)
    return float(weight @ apart / weight.sum()) if weight.sum() > 0 else np.nan


def median_distance(flows: ArrayLike, distances: ArrayLike) -> float:
    """Median distance of a move: the smallest distance that half of the movers do not exceed.

    That is the inverse of the cumulated flows without interpolation, so that the median is a
    distance that occurs and does not hang on the order of zones (as it does in matrixStats, see
    `packages.median_distance_interpolated`).

    Parameters
    ----------
    flows, distances
        Shape (n, n).
    """
    weight, apart = moves(flows, distances)
    if not weight.sum() > 0:
        return np.nan
    order = np.argsort(apart, kind="stable")
    reached = np.cumsum(weight[order])
    return float(apart[order][np.searchsorted(reached, reached[-1] / 2 * (1 - STILL))])


def distance_decay(flows: ArrayLike, distances: ArrayLike) -> float:
    """Exponent of distance in a gravity model with origin and destination effects.

    Poisson maximum likelihood of ln M_ij = o_i + d_j + beta ln d_ij over pairs of zones, by
    Newton's method. NaN with fewer than three zones that have in- and out-migrants, or where
    distance does not vary beside the effects.
    """
    matrix = between_zones(flows)
    kept = (matrix.sum(axis=0) > 0) & (matrix.sum(axis=1) > 0)
    matrix, apart = matrix[np.ix_(kept, kept)], np.asarray(distances, dtype="float64")
    apart = apart[np.ix_(kept, kept)]
    n = zones_of(matrix)
    if n < 3 or not movers(matrix) > 0:
        return np.nan
    origin, destination = (index[~np.eye(n, dtype=bool)] for index in np.indices((n, n)))
    y = in_cells(matrix)
    x = np.column_stack([np.eye(n)[origin], np.eye(n)[destination][:, 1:], np.log(in_cells(apart))])
    if np.linalg.matrix_rank(x) < x.shape[1]:
        return np.nan
    mu = y + y.mean()
    eta = np.log(mu)
    beta = np.zeros(x.shape[1])
    for _ in range(MAX_STEPS):
        root = np.sqrt(mu)
        step = np.linalg.lstsq(x * root[:, None], root * (eta + (y - mu) / mu), rcond=None)[0]
        moved = np.abs(step - beta).max()
        beta = step
        eta = x @ beta
        mu = np.exp(eta)
        if moved <= STILL * max(1.0, np.abs(beta).max()):
            return float(beta[-1])
    return np.nan
