"""Matrices of flows: their form, and the sums along their sides."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lfsmig.errors import EstimationError

Floats = NDArray[np.float64]


def between_zones(flows: ArrayLike) -> Floats:
    """Flows between different zones, as float: the diagonal is set to zero.

    Parameters
    ----------
    flows
        Shape (..., n, n): origins x destinations, in persons.

    Raises
    ------
    EstimationError
        If the last two axes differ or a flow is negative.
    """
    matrix = np.array(flows, dtype="float64")
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2]:
        raise EstimationError(f"flows must be origins x destinations, not {matrix.shape}")
    if (matrix < 0).any():
        raise EstimationError("a flow is negative; flows are numbers of persons")
    zones = np.arange(matrix.shape[-1])
    matrix[..., zones, zones] = 0.0
    return matrix


def zones_of(flows: Floats) -> int:
    """Number of zones."""
    return flows.shape[-1]


def outflows(flows: ArrayLike) -> Floats:
    """Out-migrants of each zone, O_i: shape (..., n)."""
    return between_zones(flows).sum(axis=-1)


def inflows(flows: ArrayLike) -> Floats:
    """In-migrants of each zone, D_i: shape (..., n)."""
    return between_zones(flows).sum(axis=-2)


def movers(flows: ArrayLike) -> Floats:
    """Movers between zones, M."""
    return between_zones(flows).sum(axis=(-2, -1))


def divided(above: ArrayLike, below: ArrayLike) -> Floats:
    """Quotient, NaN where the denominator is not positive."""
    top, bottom = np.broadcast_arrays(
        np.asarray(above, dtype="float64"), np.asarray(below, dtype="float64")
    )
    found = np.full(top.shape, np.nan)
    np.divide(top, bottom, out=found, where=bottom > 0)
    return found


def in_cells(flows: Floats) -> Floats:
    """Cells off the diagonal, row by row: shape (..., n(n-1))."""
    n = zones_of(flows)
    return flows[..., ~np.eye(n, dtype=bool)]


def row_cells(flows: Floats) -> Floats:
    """Cells of each origin off the diagonal: shape (..., n, n-1)."""
    n = zones_of(flows)
    return in_cells(flows).reshape(*flows.shape[:-2], n, n - 1)


def transposed(flows: Floats) -> Floats:
    """Destinations x origins."""
    return np.swapaxes(flows, -1, -2)
