"""What sampling does to indices of flows, and how to compare years in spite of it.

With some thousand sampled movers an index of absolute differences or of empty cells is mostly about
the sample: noise adds to it, the more the smaller the sample. Years can be compared only at equal
noise, or with the noise taken out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from lfsmig.measures.flows import Floats, between_zones, in_cells, zones_of


def rarefied_connectivity(counts: ArrayLike, size: float) -> Floats:
    """Connectivity that a sample of `size` movers would show, on average.

    E[I] = sum over streams of 1 - C(N - N_ij, m) / C(N, m), over n(n-1) (Hurlbert 1971), the chance
    that a stream is met when m of the N sampled movers are drawn. Binomial coefficients are those
    of the gamma function, so that counts of bootstrap replicates need not be whole.

    Parameters
    ----------
    counts
        Unweighted movers of the sample, shape (..., n, n).
    size
        Movers to draw, m: the smallest yearly number of the series, or a fixed one below it. NaN
        where a sample has fewer.
    """
    matrix = between_zones(counts)
    cells = in_cells(matrix)
    total = cells.sum(axis=-1)[..., None]
    n = zones_of(matrix)
    rest = total - cells
    # Fewer than m movers outside the stream: it is met for certain.
    left = rest - size > -1 + 1e-9
    with np.errstate(invalid="ignore"):
        missed = np.exp(
            gammaln(np.where(left, rest, size) + 1)
            - gammaln(np.where(left, rest - size, 0.0) + 1)
            - gammaln(np.maximum(total, size) + 1)
            + gammaln(np.maximum(total - size, 0.0) + 1)
        )
    met = np.where(cells > 0, 1 - np.where(left, missed, 0.0), 0.0).sum(axis=-1)
    enough = (total[..., 0] >= size) & (n >= 2) & (size > 0)
    return np.where(enough, met / max(n * (n - 1), 1), np.nan)


def bias_corrected(value: ArrayLike, replicates: ArrayLike) -> Floats:
    """Bootstrap correction of an estimate's bias: 2 theta - mean(theta*) (Efron).

    Parameters
    ----------
    value
        Estimate with the full weights, shape (...).
    replicates
        The replicates' estimates, shape (replicates, ...); one that is not defined is left out.
    """
    star = np.asarray(replicates, dtype="float64")
    known = ~np.isnan(star)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, star, 0.0).sum(axis=0) / known.sum(axis=0)
    return 2 * np.asarray(value, dtype="float64") - mean


def noise_floor(errors: ArrayLike) -> Floats:
    """Expected sum of |D_i - O_i| if every net were zero: sum of sqrt(2 / pi) SE(D_i - O_i).

    Parameters
    ----------
    errors
        Standard errors of the zones' net migration, shape (..., n).
    """
    return np.sqrt(2 / np.pi) * np.asarray(errors, dtype="float64").sum(axis=-1)
