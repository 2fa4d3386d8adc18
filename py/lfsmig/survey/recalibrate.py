"""Replicate weights calibrated anew in each replicate, as R does with a replicate design.

The weight of a record in a replicate is its base weight times the multiplier of its PSU times the
calibration factor of its profile in that replicate; the last two are kept apart, so that nothing
of the size of records x replicates is held.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from lfsmig.survey.calibration import CONVERGED, Calibration, rake_profiles
from lfsmig.survey.replicates import BLOCK_VALUES, DenseFactors, Factors, Replicates


@dataclass(frozen=True)
class ProductFactors:
    """Multipliers that are products of those of a unit and those of a profile."""

    units: Factors
    profiles: Factors
    unit: np.ndarray
    profile: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.unit), self.units.shape[1]

    def block(self, part: slice) -> np.ndarray:
        return self.units.block(part)[self.unit] * self.profiles.block(part)[self.profile]

    def rows(self, units: np.ndarray) -> np.ndarray:
        return self.units.rows(self.unit[units]) * self.profiles.rows(self.profile[units])

    def times(self, sums: sparse.csr_array) -> np.ndarray:
        step = max(1, BLOCK_VALUES // len(self.unit))
        starts = range(0, self.shape[1], step)
        return np.hstack([sums @ self.block(slice(start, start + step)) for start in starts])


@dataclass(frozen=True)
class LinearFactors:
    """Factors 1 + x' lambda of linear calibration, lambda being that of each replicate."""

    x: sparse.csr_array
    multiplier: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        return self.x.shape[0], self.multiplier.shape[1]

    def block(self, part: slice) -> np.ndarray:
        return 1.0 + self.x @ self.multiplier[:, part]

    def rows(self, units: np.ndarray) -> np.ndarray:
        return 1.0 + self.x[units] @ self.multiplier

    def times(self, sums: sparse.csr_array) -> np.ndarray:
        return np.asarray(sums.sum(axis=1)).reshape(-1, 1) + (sums @ self.x) @ self.multiplier


def recalibrated(replicates: Replicates, calibration: Calibration) -> Replicates:
    """Calibrate each replicate to the totals of a calibration of the full sample."""
    n_profiles = calibration.x.shape[0]
    shape = (n_profiles, replicates.factors.shape[0])
    place = (calibration.profile, replicates.unit)
    sizes = sparse.coo_array((replicates.base, place), shape=shape).tocsr()
    if calibration.method == "linear":
        profiles: Factors = _linear_factors(sizes, replicates.factors, calibration)
    else:
        profiles = _scaled(sizes, replicates.factors, calibration)
    key = replicates.unit.astype("int64") * n_profiles + calibration.profile
    pairs, unit = np.unique(key, return_inverse=True)
    factors = ProductFactors(replicates.factors, profiles, pairs // n_profiles, pairs % n_profiles)
    return Replicates(
        replicates.kind, unit, replicates.base, factors, replicates.scale, replicates.rscales,
        replicates.mse, replicates.draw,
    )  # fmt: skip


def _scaled(sizes: sparse.csr_array, factors: Factors, calibration: Calibration) -> DenseFactors:
    """Factors of post-stratification or raking, profiles x replicates."""
    met = factors.times(sizes)
    if calibration.method == "poststratified":
        wanted = calibration.totals[:, None]
        _warn_of_empty(met, calibration)
        return DenseFactors(np.divide(wanted, met, out=np.ones_like(met), where=met > 0))
    first = np.zeros(calibration.x.shape[0], "int64")
    first[calibration.profile] = np.arange(len(calibration.profile))
    members = [np.asarray(control.codes)[first] for control in calibration.controls]
    scaled, missed = rake_profiles(met, calibration.controls, members)
    if missed > CONVERGED:
        warnings.warn(
            "raking did not converge in every replicate: a margin is off by "
            f"{missed:.2g} of its total", stacklevel=4
        )  # fmt: skip
    return DenseFactors(np.divide(scaled, met, out=np.ones_like(met), where=met > 0))


def _warn_of_empty(met: np.ndarray, calibration: Calibration) -> None:
    held = (calibration.totals > 0)[:, None]
    empty = (held & (met <= 0)).any(axis=0).sum()
    if empty:
        warnings.warn(
            f"in {empty} of {met.shape[1]} replicates a control group has no case and its total "
            "is not met; collapse small groups (min_cases)", stacklevel=5
        )  # fmt: skip


def _linear_factors(
    sizes: sparse.csr_array, factors: Factors, calibration: Calibration
) -> LinearFactors:
    """Multipliers of the controls of each replicate, from sums of products per unit."""
    x, n_controls = calibration.x, calibration.x.shape[1]
    dense = x.toarray()
    upper = np.triu_indices(n_controls)
    products = sizes.T @ (dense[:, upper[0]] * dense[:, upper[1]])
    cross = factors.times(sparse.csr_array(products.T))
    matrix = np.zeros((cross.shape[1], n_controls, n_controls))
    matrix[:, upper[0], upper[1]] = cross.T
    matrix[:, upper[1], upper[0]] = cross.T
    missing = calibration.totals[:, None] - factors.times(sparse.csr_array((sizes.T @ dense).T))
    # A replicate may lack a level; the pseudo-inverse then meets the totals that can be met.
    inverse = np.linalg.pinv(matrix, rcond=1e-12, hermitian=True)
    return LinearFactors(x, np.einsum("rij,jr->ir", inverse, missing))
