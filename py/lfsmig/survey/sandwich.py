"""Covariance of several linearised (or replicated) figures at once, as the design has it.

The variance of one figure is in `variance.py`; here several columns of scores share one domain,
and their covariances are wanted too: coefficients of a model, cells of a two-way table. The rules
for population sizes, two stages and lonely PSUs are the same, and R's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from lfsmig.errors import EstimationError
from lfsmig.survey.replicates import Replicates
from lfsmig.survey.stages import FULLY_SAMPLED, Stage

if TYPE_CHECKING:
    from lfsmig.survey.design import SurveyDesign

# Records whose scores are held at a time.
CHUNK = 1 << 15
# Sums of the scores over the units of a stage (units x columns), from the records' units.
UnitSums = Callable[[np.ndarray, int], np.ndarray]


def linearised_covariance(design: SurveyDesign, rows: np.ndarray, sums: UnitSums) -> np.ndarray:
    """Covariance matrix (columns x columns) of the totals of some scores.

    Parameters
    ----------
    rows
        Positions of the records that have scores; the others count with zero.
    sums
        Called with the unit of each of these records and the number of units.
    """
    first = design.stages[0]
    found = _stage_covariance(design, first, 1, rows, sums, np.ones(len(first.n_units)))
    if len(design.stages) == 2:
        fraction = first.share[first.stratum_of_unit]
        found += _stage_covariance(design, design.stages[1], 2, rows, sums, fraction)
    return found


def _stage_covariance(
    design: SurveyDesign, stage: Stage, number: int, rows: np.ndarray, sums: UnitSums,
    fraction: np.ndarray,
) -> np.ndarray:  # fmt: skip
    unit = stage.unit[rows]
    z = sums(unit, len(stage.stratum_of_unit))
    stratum, n_units = stage.stratum_of_unit, stage.n_units.astype(float)
    present = np.bincount(stratum[unit], minlength=len(n_units)) > 0
    lonely = n_units == 1
    refused = lonely & (stage.free >= FULLY_SAMPLED) & present
    if design.lonely_psu == "fail" and refused.any():
        name = stage.stratum_names[int(np.flatnonzero(refused)[0])]
        raise EstimationError(
            f"Stratum ({name}) has only one PSU at stage {number}; "
            "choose another lonely_psu rule or collapse the stratum"
        )
    factor = stage.free * np.where(lonely, 1.0, n_units / np.maximum(n_units - 1, 1)) * fraction
    factor[stage.free < FULLY_SAMPLED] = 0.0
    if design.lonely_psu == "average" and refused.any():
        factor = _averaged(factor, present, refused, number)
    member = sparse.csr_array((np.ones(len(stratum)), (stratum, np.arange(len(stratum)))),
                              shape=(len(n_units), len(stratum)))  # fmt: skip
    mean = (member @ z) / np.maximum(n_units, 1)[:, None]
    if design.lonely_psu == "adjust":
        mean[lonely] = 0.0
    scaled = (z - mean[stratum]) * np.sqrt(factor)[stratum][:, None]
    return scaled.T @ scaled


def _averaged(
    factor: np.ndarray, present: np.ndarray, refused: np.ndarray, number: int
) -> np.ndarray:
    """R's `average`: lonely strata get the mean of the others that have cases."""
    usable = int((present & ~refused).sum())
    if number == 2 or usable == 0:
        # A PSU's only unit has no other strata to learn from (R: NaN).
        return np.full_like(factor, np.nan)
    return np.where(refused, 0.0, factor) * present.sum() / usable


def record_sums(weight: np.ndarray, pattern: np.ndarray, values: np.ndarray) -> UnitSums:
    """Scores `weight * values[pattern]` (records x columns), summed over units in one pass.

    The records' scores are never held all at once: a million records of fifteen columns would
    take 160 MB.
    """

    def sums(unit: np.ndarray, n_units: int) -> np.ndarray:
        total = np.zeros((n_units, values.shape[1]))
        for start in range(0, len(weight), CHUNK):
            part = slice(start, start + CHUNK)
            w, here = weight[part], unit[part]
            entries = sparse.csr_array((w, here, np.arange(len(w) + 1)), shape=(len(w), n_units))
            total += entries.T @ values[pattern[part]]
        return total

    return sums


def whole_domain_df(design: SurveyDesign, rows: np.ndarray) -> tuple[int, int]:
    """PSUs, and PSUs less strata (or the rank of the replicate weights less 1), of some records.

    The records are those of one domain, all with a positive weight.
    """
    psus = np.unique(design.stages[0].unit[rows])
    if design.replicates is not None:
        inside = np.zeros(len(design.weights), bool)
        inside[rows] = True
        return len(psus), int(design.total(domain=inside)["df"][0])
    return len(psus), len(psus) - len(np.unique(design.stages[0].stratum_of_unit[psus]))


def replicate_sums(
    replicates: Replicates, rows: np.ndarray, group: np.ndarray, count: int,
    value: np.ndarray | None = None,
) -> Iterator[np.ndarray]:  # fmt: skip
    """Sums of the weights, or of weight times value, over groups of records, for each replicate.

    Parameters
    ----------
    rows, group
        Positions of the records, and the group (0 to `count` - 1) of each.
    """
    for weight in replicates.weights[rows].T:
        yield np.bincount(group, weight if value is None else weight * value, count)


def replicate_covariance(
    replicates: Replicates, thetas: np.ndarray, estimate: np.ndarray
) -> np.ndarray:
    """Covariance of figures (columns) over replicates (rows), as R's `svrVar`.

    A replicate without a figure is left out.
    """
    known = ~np.isnan(thetas).any(axis=1)
    if not known.any():
        return np.full((len(estimate), len(estimate)), np.nan)
    thetas, rscales = thetas[known], replicates.rscales[known]
    centre = estimate if replicates.mse else thetas[rscales > 0].mean(axis=0)
    scaled = (thetas - centre) * np.sqrt(rscales)[:, None]
    return replicates.scale * (scaled.T @ scaled)
