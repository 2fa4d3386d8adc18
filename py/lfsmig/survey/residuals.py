"""Variance of calibrated estimates: the linearised item less its regression on the controls.

With u the linearised item of a cell (weight included), the residual of a record is
u - w x' B with B = (sum d x x')^-1 sum d x (u / w). Only sums enter the variance: B needs u per
profile of controls and cell, a PSU's residual sum is its sum of u less its sum of w x times B.
So nothing loops over cells, and the records are met once. A PSU without a case of the cell may
have a residual, because its persons are in control groups that the cell's cases are in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy import sparse

from lfsmig.survey.calibration import Calibration
from lfsmig.survey.crossing import Crossing
from lfsmig.survey.grouping import Response, by_unit, grouped
from lfsmig.survey.replicates import BLOCK_VALUES
from lfsmig.survey.stages import Stage

if TYPE_CHECKING:
    from lfsmig.survey.design import SurveyDesign

# Sparse after post-stratification, whose groups have few cells; dense otherwise.
Matrix: TypeAlias = Any
# Code of every record and number of codes -> sums of items over the codes, codes x items.
SumsOver = Callable[[np.ndarray, int], Matrix]
# Rounds over the margins in the variance of R's `rake`.
R_RAKE_ROUNDS = 10
# Eigenvalues below this part of the largest are those of dependent margins.
RANK = 1e-11


@dataclass(frozen=True)
class Residuals:
    """Residual sums of every stage, made a block of columns at a time.

    Attributes
    ----------
    own
        For each stage units x (cells x categories): sums of the linearised item.
    controls
        For each stage units x controls: sums of weights times controls.
    slope
        Controls x (cells x categories): the regression. Sparse after post-stratification, where
        groups have few cells, dense otherwise.
    """

    own: list[sparse.csc_array]
    controls: list[sparse.csr_array]
    slope: Matrix

    def blocks(self) -> Iterator[tuple[slice, list[Matrix]]]:
        """Columns and the residual sums of all stages in them."""
        width = max(1, BLOCK_VALUES // max(own.shape[0] for own in self.own))
        for start in range(0, self.slope.shape[1], width):
            part = slice(start, start + width)
            yield part, [self._sums(number, part) for number in range(len(self.own))]

    def _sums(self, number: int, part: slice) -> Matrix:
        explained = self.controls[number] @ self.slope[:, part]
        own = self.own[number][:, part]
        return own - explained if sparse.issparse(explained) else own.toarray() - explained


def residuals(
    design: SurveyDesign, crossing: Crossing, scores: np.ndarray, response: Response
) -> Residuals:
    """Linearised items of all cells and their regression on the controls of the design."""
    calibration = design.calibration
    assert calibration is not None
    own, controls = [], []
    for number, stage in enumerate(design.stages):
        pairs = crossing.stages[number]
        z = pairs.of_finest(scores)
        n_units = len(stage.stratum_of_unit)
        at = pairs.occurring
        laid = by_unit(pairs.unit[at], pairs.cell[at], z[at], n_units, crossing.n_cells)
        own.append(laid.tocsc())
        controls.append(control_sums(calibration, number, stage))

    def sums(code: np.ndarray, n_codes: int) -> Matrix:
        pairs = grouped(crossing, code, n_codes)
        return by_unit(pairs.unit, pairs.cell, response.scores(pairs), n_codes, crossing.n_cells)

    return Residuals(own, controls, regression(calibration, sums))


def control_sums(calibration: Calibration, number: int, stage: Stage) -> sparse.csr_array:
    """Units of a stage x controls: sum of weights times controls, worked out once."""
    if ("units", number) not in calibration.held:
        shape = (len(stage.stratum_of_unit), calibration.x.shape[0])
        place = (stage.unit, calibration.profile)
        sizes = sparse.coo_array((calibration.weights, place), shape=shape).tocsr()
        calibration.held["units", number] = (sizes @ calibration.x).tocsr()
    return calibration.held["units", number]


def regression(calibration: Calibration, sums: SumsOver) -> Matrix:
    """Coefficients of linearised items: controls x items.

    `sums` gives the sums of the items (codes x items) over a code of every record.
    """
    if calibration.unweighted:
        return _unweighted_regression(calibration, sums)
    # u / w times d is u over the factor of the weights.
    laid = _divided(sums(calibration.profile, calibration.x.shape[0]), calibration.g)
    moments = calibration.x.T @ laid
    if calibration.method == "poststratified":
        size = np.bincount(calibration.profile, calibration.base, calibration.x.shape[0])
        return _divided(moments, size)
    return _inverse(calibration) @ _dense(moments)


def _divided(sums: Matrix, by: np.ndarray) -> Matrix:
    """Rows over a number each; 0 where that is 0."""
    inverse = np.divide(1.0, by, out=np.zeros(len(by)), where=by != 0)
    found = sparse.diags_array(inverse) @ sums
    return found.tocsr() if sparse.issparse(found) else found


def _dense(values: Matrix) -> np.ndarray:
    return values.toarray() if sparse.issparse(values) else values


def _inverse(calibration: Calibration) -> np.ndarray:
    """Pseudo-inverse of the cross-product of the controls; margins may depend on each other."""
    if "inverse" not in calibration.held:
        cross = calibration.cross_product()
        width = np.sqrt(np.diag(cross))
        width = np.where(width > 0, width, 1.0)
        roots, vectors = np.linalg.eigh(cross / width / width[:, None])
        kept = roots > RANK * roots[-1]
        root = vectors[:, kept] / np.sqrt(roots[kept])
        calibration.held["inverse"] = (root @ root.T) / width / width[:, None]
    return calibration.held["inverse"]


def _unweighted_regression(calibration: Calibration, sums: SumsOver) -> np.ndarray:
    """Coefficients as R's `rake` takes them: ten rounds of unweighted means over the margins."""
    margins = _all_levels(calibration)
    n = len(calibration.weights)
    items = _divided(sums(np.arange(n), n), calibration.weights)
    moments = [_dense(margin.T @ items) for margin in margins]
    counts = [[(left.T @ right).toarray() for right in margins] for left in margins]
    slopes = [np.zeros_like(moment) for moment in moments]
    for _ in range(R_RAKE_ROUNDS):
        for here in range(len(margins)):
            taken = sum(counts[here][j] @ slopes[j] for j in range(len(margins)))
            size = np.diag(counts[here][here])[:, None]
            left = moments[here] - taken
            slopes[here] += np.divide(left, size, out=np.zeros_like(left), where=size > 0)
    return _without_reference(slopes)


def _all_levels(calibration: Calibration) -> list[sparse.csr_array]:
    """Indicators of every level of every margin, records x levels."""
    out = []
    for control in calibration.controls:
        codes = np.asarray(control.codes)
        shape = (len(codes), len(control.totals))
        out.append(
            sparse.csr_array((np.ones(len(codes)), (np.arange(len(codes)), codes)), shape=shape)
        )
    return out


def _without_reference(slopes: list[np.ndarray]) -> np.ndarray:
    """Move the first level of every margin but the first into the constant of the first."""
    constant = sum((slope[0] for slope in slopes[1:]), start=np.zeros_like(slopes[0][0]))
    return np.vstack([slopes[0] + constant, *[slope[1:] - slope[0] for slope in slopes[1:]]])
