"""Covariance of several linearised (or replicated) figures at once, as the design has it.

The variance of one figure is in `variance.py`; here several columns of scores share one domain,
and their covariances are wanted too: coefficients of a model, cells of a two-way table. The rules
for population sizes, two stages, lonely PSUs and calibrated weights are the same, and R's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from lfsmig.survey.rank import records_df
from lfsmig.survey.replicates import BLOCK_VALUES, Replicates, deviations
from lfsmig.survey.residuals import control_sums, regression
from lfsmig.survey.variance import borrowed, refuse_lonely, stratum_rule

if TYPE_CHECKING:
    from lfsmig.survey.design import SurveyDesign

# Records whose scores are held at a time.
CHUNK = 1 << 15
# Sums of the scores over the units of a stage (units x columns), from the records' units.
UnitSums = Callable[[np.ndarray, int], np.ndarray]


def linearised_covariance(design: SurveyDesign, rows: np.ndarray, sums: UnitSums) -> np.ndarray:
    """Covariance matrix (columns x columns) of the totals of some scores.

    Where weights are calibrated, that of the scores less their regression on the controls.

    Parameters
    ----------
    rows
        Positions of the records that have scores; the others count with zero.
    sums
        Called with a code of each of these records, such as its unit, and the number of codes.
    """
    calibration = design.calibration
    slope = None
    if calibration is not None:
        slope = regression(calibration, lambda code, count: sums(code[rows], count))
    first = design.stages[0]
    found = np.zeros(())
    for number, stage in enumerate(design.stages):
        z = sums(stage.unit[rows], len(stage.stratum_of_unit))
        if calibration is not None:
            z = z - control_sums(calibration, number, stage) @ slope
        fraction = np.ones(1) if number == 0 else first.share[first.stratum_of_unit]
        found = found + _stage_covariance(design, number, rows, z, fraction)
    return found


def _stage_covariance(
    design: SurveyDesign, number: int, rows: np.ndarray, z: np.ndarray, fraction: np.ndarray
) -> np.ndarray:
    stage, rule = design.stages[number], stratum_rule(design.stages[number], design.lonely_psu)
    stratum = stage.stratum_of_unit
    # Residuals of calibrated weights reach every stratum, whatever the domain.
    present = np.ones(len(rule.factor), bool)
    if design.calibration is None:
        present = np.bincount(stratum[stage.unit[rows]], minlength=len(present)) > 0
    refused = rule.refused & present
    if design.lonely_psu == "fail" and refused.any():
        refuse_lonely(design, number, int(np.flatnonzero(refused)[0]))
    factor = rule.factor * fraction
    if design.lonely_psu == "average" and refused.any():
        usable = int((present & ~refused).sum())
        # A PSU's only unit has no other strata to learn from (R: NaN).
        lift = borrowed(np.array([present.sum()]), np.array([usable]))[0]
        factor = factor * (lift if number == 0 else np.nan)
    units = np.arange(len(stratum))
    member = sparse.csr_array((np.ones(len(units)), (stratum, units)))
    mean = np.where(rule.centred[:, None], (member @ z) / stage.n_units[:, None], 0.0)
    scaled = (z - mean[stratum]) * np.sqrt(factor)[stratum][:, None]
    return scaled.T @ scaled


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
        return len(psus), records_df(design.replicates, rows)
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
    n_units = replicates.factors.shape[0]
    base = replicates.base[rows] if value is None else replicates.base[rows] * value
    place = (group, replicates.unit[rows])
    laid = sparse.coo_array((base, place), shape=(count, n_units)).tocsr()
    width = max(1, BLOCK_VALUES // max(count, n_units))
    for start in range(0, replicates.count, width):
        yield from (laid @ replicates.factors.block(slice(start, start + width))).T


def replicate_covariance(
    replicates: Replicates, thetas: np.ndarray, estimate: np.ndarray
) -> np.ndarray:
    """Covariance of figures (columns) over replicates (rows), as R's `svrVar`.

    A replicate without a figure is left out.
    """
    apart = deviations(replicates, thetas[:, None, :], estimate[None])[:, 0]
    if np.isnan(apart).all():
        return np.full((len(estimate), len(estimate)), np.nan)
    scaled = np.nan_to_num(apart) * np.sqrt(replicates.rscales)[:, None]
    return replicates.scale * (scaled.T @ scaled)
