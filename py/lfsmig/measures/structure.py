"""How flows are spread over origins and destinations.

Sources: Bell et al. (2002), JRSS A 165:435-464; Plane and Mulligan (1997), Demography 34:251-262;
Rogers and Sweeney (1998), The Professional Geographer 50:232-242.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lfsmig.errors import EstimationError
from lfsmig.measures.flows import (
    Floats,
    between_zones,
    divided,
    in_cells,
    movers,
    outflows,
    row_cells,
    transposed,
    zones_of,
)

# Proportional fitting ends when no margin misses by more than this part of all movers.
MARGIN = 1e-14
MAX_ROUNDS = 2000


def connectivity(flows: ArrayLike) -> Floats:
    """Part of the n(n-1) streams that are not empty; in a sample it grows with its size."""
    matrix = between_zones(flows)
    n = zones_of(matrix)
    found = divided((matrix > 0).sum(axis=(-2, -1)), float(n * (n - 1)))
    return np.where(movers(matrix) > 0, found, np.nan)


def inequality(flows: ArrayLike, expected: str = "equal") -> Floats:
    """Index of dissimilarity between the flows and expected ones: (1/2) sum |M_ij/M - M'_ij/M'|.

    Parameters
    ----------
    flows
        Shape (..., n, n), persons.
    expected
        `equal`: all streams of one size; `independence`: what the zones' totals alone would give
        (`quasi_independence`).
    """
    matrix = between_zones(flows)
    n = zones_of(matrix)
    total = movers(matrix)[..., None, None]
    if expected == "equal":
        other = np.broadcast_to(between_zones(np.ones((n, n))) / max(n * (n - 1), 1), matrix.shape)
    elif expected == "independence":
        other = divided(quasi_independence(matrix), total)
    else:
        raise EstimationError(f"expected={expected!r} is not known; use equal or independence")
    return 0.5 * np.abs(divided(matrix, total) - other).sum(axis=(-2, -1))


def quasi_independence(flows: ArrayLike) -> Floats:
    """Flows that the margins alone would give: Poisson with origin and destination effects.

    The fit off the diagonal of ln M_ij = o_i + d_j, by proportional fitting from ones: rows, then
    columns, until both margins are met.
    """
    matrix = between_zones(flows)
    n = zones_of(matrix)
    rows, columns = matrix.sum(axis=-1), matrix.sum(axis=-2)
    fitted = np.broadcast_to(between_zones(np.ones((n, n))), matrix.shape).copy()
    flat = [part.reshape(-1, *part.shape[-k:]) for part, k in
            ((fitted, 2), (rows, 1), (columns, 1))]  # fmt: skip
    most = MARGIN * flat[1].sum(axis=-1)
    # Each matrix stops by itself, so that its result does not hang on the others.
    open_ = np.arange(len(most))
    for _ in range(MAX_ROUNDS):
        here, left, down = (part[open_] for part in flat)
        here *= _factor(left, here.sum(axis=-1))[..., :, None]
        here *= _factor(down, here.sum(axis=-2))[..., None, :]
        flat[0][open_] = here
        missed = np.abs(here.sum(axis=-1) - left).max(axis=-1)
        open_ = open_[missed > most[open_]]
        if not len(open_):
            break
    return flat[0].reshape(matrix.shape)


def _factor(wanted: Floats, there: Floats) -> Floats:
    return np.divide(wanted, there, out=np.zeros_like(wanted), where=there > 0)


# ---- Gini ----------------------------------------------------------------------------------


def pair_differences(values: Floats) -> Floats:
    """Sum over all ordered pairs of |x_i - x_j| along the last axis."""
    ordered = np.sort(values, axis=-1)
    m = ordered.shape[-1]
    return 2 * (ordered * (2 * np.arange(1, m + 1) - m - 1)).sum(axis=-1)


def gini_total(flows: ArrayLike, corrected: bool = True) -> Floats:
    """Gini index of all streams: 0 all equal, 1 one stream only.

    Sum over ordered pairs of streams |M_ij - M_kl| / (2 [n(n-1) - 1] M) (Bell et al. 2002);
    `corrected=False` has n(n-1) in place of n(n-1) - 1 (Plane and Mulligan 1997).
    """
    matrix = between_zones(flows)
    n = zones_of(matrix)
    streams = n * (n - 1) - (1 if corrected else 0)
    return divided(pair_differences(in_cells(matrix)), 2 * streams * movers(matrix))


def gini_out(flows: ArrayLike) -> Floats:
    """Gini index of each zone's out-field, shape (..., n): needs three zones and out-migrants."""
    matrix = between_zones(flows)
    below = 2 * (zones_of(matrix) - 2) * outflows(matrix)
    return divided(pair_differences(row_cells(matrix)), below)


def gini_in(flows: ArrayLike) -> Floats:
    """Gini index of each zone's in-field, shape (..., n)."""
    return gini_out(transposed(between_zones(flows)))


def gini_out_weighted(flows: ArrayLike) -> Floats:
    """Out-field indices weighted with each zone's share of out-migrants: sum G_i O_i / M."""
    matrix = between_zones(flows)
    below = 2 * (zones_of(matrix) - 2) * movers(matrix)
    return divided(pair_differences(row_cells(matrix)).sum(axis=-1), below)


def gini_in_weighted(flows: ArrayLike) -> Floats:
    """In-field indices weighted with each zone's share of in-migrants: sum G_j D_j / M."""
    return gini_out_weighted(transposed(between_zones(flows)))


def gini_weighted(flows: ArrayLike) -> Floats:
    """Migration-weighted Gini: mean of those of the out- and of the in-fields."""
    return (gini_out_weighted(flows) + gini_in_weighted(flows)) / 2


def gini_rows(flows: ArrayLike, standardised: bool = False) -> Floats:
    """Row Gini of Plane and Mulligan: differences of streams from one origin over 2 n(n-1) M.

    `standardised`: per cent of the uncorrected total Gini, as in their paper.
    """
    matrix = between_zones(flows)
    found = _of_all_pairs(matrix, pair_differences(row_cells(matrix)).sum(axis=-1))
    return _standardised(matrix, found) if standardised else found


def gini_columns(flows: ArrayLike, standardised: bool = False) -> Floats:
    """Column Gini: differences of streams to one destination over 2 n(n-1) M."""
    return gini_rows(transposed(between_zones(flows)), standardised)


def gini_exchange(flows: ArrayLike, standardised: bool = False) -> Floats:
    """Exchange Gini: sum of |M_ij - M_ji| over 2 n(n-1) M, streams against counter-streams."""
    matrix = between_zones(flows)
    found = _of_all_pairs(matrix, np.abs(matrix - transposed(matrix)).sum(axis=(-2, -1)))
    return _standardised(matrix, found) if standardised else found


def _of_all_pairs(matrix: Floats, differences: Floats) -> Floats:
    n = zones_of(matrix)
    return divided(differences, 2 * n * (n - 1) * movers(matrix))


def _standardised(matrix: Floats, part: Floats) -> Floats:
    return 100 * divided(part, gini_total(matrix, corrected=False))


# ---- coefficients of variation -------------------------------------------------------------


def flow_cv(flows: ArrayLike) -> Floats:
    """Coefficient of variation of all n(n-1) streams, with that divisor."""
    cells = in_cells(between_zones(flows))
    return divided(cells.std(axis=-1), cells.mean(axis=-1))


def out_cv(flows: ArrayLike) -> Floats:
    """Each origin's CV over its n-1 streams, weighted with its share of out-migrants."""
    matrix = between_zones(flows)
    # O_i / M times sd over the mean O_i / (n-1): a zone that nobody left adds nothing.
    spread = row_cells(matrix).std(axis=-1).sum(axis=-1)
    return divided((zones_of(matrix) - 1) * spread, movers(matrix))


def in_cv(flows: ArrayLike) -> Floats:
    """Each destination's CV over its n-1 streams, weighted with its share of in-migrants."""
    return out_cv(transposed(between_zones(flows)))


def aggregate_cv(flows: ArrayLike) -> Floats:
    """Aggregate CV of Rogers and Sweeney: that of the origins plus that of the destinations."""
    return out_cv(flows) + in_cv(flows)
