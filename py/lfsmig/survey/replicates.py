"""Replicate weights and the variance that their spread gives, as R's `svrepdesign` has it.

A replicate weight is a record's base weight times a multiplier that whole units (PSUs) share.
An estimate that is a function of cell totals is summed to units x cells once; the multipliers of
all replicates then act on those sums, and the records are not met again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from scipy import sparse

from lfsmig.errors import EstimationError
from lfsmig.survey import columns
from lfsmig.survey.columns import Floats, Namer
from lfsmig.survey.crossing import Crossing
from lfsmig.survey.grouping import Grouping, Response, by_unit, grouped

KINDS = (
    "bootstrap", "BRR", "Fay", "JK1", "JKn", "JK2", "ACS", "successive-difference", "other",
)  # fmt: skip
# Values of one block of replicates that are held at a time.
BLOCK_VALUES = 4_000_000


class Factors(Protocol):
    """Multipliers, units x replicates, which need not all be in memory."""

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of units and replicates."""
        ...

    def block(self, part: slice) -> np.ndarray:
        """Multipliers of some replicates, units x replicates of the part."""
        ...

    def rows(self, units: np.ndarray) -> np.ndarray:
        """Multipliers of some units, units x replicates."""
        ...

    def times(self, sums: sparse.csr_array) -> np.ndarray:
        """Totals of every replicate from sums (rows x units): rows x replicates."""
        ...


@dataclass(frozen=True)
class DenseFactors:
    """Multipliers held as an array."""

    values: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        return self.values.shape[0], self.values.shape[1]

    def block(self, part: slice) -> np.ndarray:
        return self.values[:, part]

    def rows(self, units: np.ndarray) -> np.ndarray:
        return self.values[units]

    def times(self, sums: sparse.csr_array) -> np.ndarray:
        return sums @ self.values


@dataclass(frozen=True)
class SparseFactors:
    """Multipliers that are 1 but for a few: only what they differ by is held (jackknife)."""

    deviations: sparse.csr_array

    @property
    def shape(self) -> tuple[int, int]:
        return self.deviations.shape[0], self.deviations.shape[1]

    def block(self, part: slice) -> np.ndarray:
        return 1.0 + self.deviations[:, part].toarray()

    def rows(self, units: np.ndarray) -> np.ndarray:
        return 1.0 + self.deviations[units].toarray()

    def times(self, sums: sparse.csr_array) -> np.ndarray:
        whole = np.asarray(sums.sum(axis=1)).reshape(-1, 1)
        return whole + (sums @ self.deviations).toarray()


@dataclass(frozen=True)
class Replicates:
    """Replicate weights and how their spread becomes a variance.

    Attributes
    ----------
    kind
        One of `KINDS`.
    unit
        Record to unit; the records of a unit share their multipliers.
    base
        Record to the weight that is multiplied.
    factors
        Multipliers, units x replicates.
    scale, rscales, mse
        As in `svrepdesign`: V = scale * sum of rscales * (theta_r - centre)^2, centred on the
        estimate (`mse`) or on the mean of the replicates.
    draw
        Names the draw. Replicates of two years of one draw can be set against each other: their
        covariance is that of the shared PSUs.
    strata
        Stratum of each unit, and size of each stratum (0 where its units never vary), if each
        stratum varies by itself: the rank of the weights is then known.
    """

    kind: str
    unit: np.ndarray
    base: Floats
    factors: Factors
    scale: float
    rscales: Floats
    mse: bool
    draw: str = ""
    strata: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def count(self) -> int:
        """Number of replicates."""
        return self.factors.shape[1]

    def pairs_in(self, crossing: Crossing) -> Grouping:
        """(unit, cell) pairs of a domain."""
        return grouped(crossing, self.unit, self.factors.shape[0])

    @property
    def weights(self) -> np.ndarray:
        """Full replicate weights, records x replicates (large: for tests and for export)."""
        return self.base[:, None] * self.factors.rows(self.unit)


def refuse_negative(replicates: Replicates, rows: np.ndarray, what: str, namer: Namer) -> None:
    """Refuse replicates in which weights are negative, as linear calibration may make them.

    R's `svyglm` leaves such records out of the replicate, unsaid.
    """
    units = np.unique(replicates.unit[rows])
    width = max(1, BLOCK_VALUES // max(replicates.factors.shape[0], 1))
    for start in range(0, replicates.count, width):
        block = replicates.factors.block(slice(start, start + width))[units]
        for number in np.flatnonzero((block < 0).any(axis=0))[:1]:
            negative = np.zeros(len(replicates.unit), bool)
            negative[rows] = np.isin(replicates.unit[rows], units[block[:, number] < 0])
            raise EstimationError(
                f"{what} needs weights above zero in every replicate; those of replicate "
                f"{start + number + 1} are negative in {namer(negative)}: rake or post-stratify "
                "instead of calibrating linearly"
            )


def read_replicates(
    frame: pd.DataFrame, weight: Floats, names: Sequence[str], kind: str, scale: float | None,
    rscales: Sequence[float] | None, combined: bool, mse: bool, rho: float | None,
    draw: str | None = None, namer: Namer = columns.rows_text,
) -> Replicates:  # fmt: skip
    """Check replicate weights given as columns; settle scale and rscales as R does."""
    if kind not in KINDS:
        raise EstimationError(f"rep_type={kind!r} is not known; use one of {', '.join(KINDS)}")
    if len(names) < 2:
        raise EstimationError(f"repweights names {len(names)} column(s); at least two are needed")
    values = np.column_stack([_one(frame, name, namer) for name in names])
    count = len(names)
    scale, rscales = _scales(kind, count, scale, rscales, rho)
    spread = np.broadcast_to(np.asarray(rscales, dtype=float), (count,)).copy()
    base = np.ones(len(frame)) if combined else weight
    # Two years' weights belong to one draw only if somebody says so.
    token = hashlib.sha256(values.tobytes()).hexdigest()[:12] if draw is None else draw
    return Replicates(
        kind, np.arange(len(frame)), base, DenseFactors(values), float(scale), spread, mse,
        f"given {token}",
    )  # fmt: skip


def _one(frame: pd.DataFrame, name: str, namer: Namer) -> Floats:
    values = columns.numeric(columns.pick(frame, name), "replicate weight", namer)
    bad = np.isnan(values)
    if bad.any():
        raise EstimationError(
            f"replicate weight column {name!r} is missing in {namer(bad)}; "
            "each record needs every replicate weight (0 where it is left out)"
        )
    return values


def _scales(
    kind: str, count: int, scale: float | None, rscales: Sequence[float] | None,
    rho: float | None,
) -> tuple[float, Sequence[float]]:  # fmt: skip
    if kind == "Fay" and rho is None:
        raise EstimationError("rep_type='Fay' needs rep_rho")
    if kind == "JKn" and rscales is None:
        raise EstimationError("rep_type='JKn' needs rep_rscales, one per replicate: (n_h - 1)/n_h")
    if rscales is not None and len(rscales) not in (1, count):
        raise EstimationError(f"rep_rscales has {len(rscales)} values for {count} replicates")
    difference = 4 / count
    fixed = {
        "BRR": 1 / count, "Fay": 1 / (count * (1 - (rho or 0.0)) ** 2), "ACS": difference,
        "successive-difference": difference,
    }  # fmt: skip
    usual = {"bootstrap": 1 / (count - 1), "JK1": (count - 1) / count}
    if kind in ("ACS", "successive-difference", "JK2"):
        rscales = None
        scale = fixed.get(kind, 1.0)
    scale = fixed.get(kind, usual.get(kind, 1.0) if scale is None else scale)
    return scale, [1.0] if rscales is None else rscales


# ---- estimates of every replicate ----------------------------------------------------------


def replicate_values(replicates: Replicates, crossing: Crossing, response: Response) -> np.ndarray:
    """Estimates of every replicate: replicates x cells x categories, NaN where there is none."""
    records = crossing.records
    assert records is not None
    base = replicates.base[records.rows]
    with np.errstate(divide="ignore", invalid="ignore"):
        if response.totals is not None:
            above, below = replicate_totals(replicates, crossing, response)
            return above if below is None else above / below
        assert response.revalue is not None
        unit = replicates.unit[records.rows]
        parts = []
        for r in range(replicates.count):
            factor = replicates.factors.block(slice(r, r + 1))[:, 0]
            parts.append(response.revalue(np.ascontiguousarray(base * factor[unit])))
        return np.stack(parts)


def replicate_totals(
    replicates: Replicates, crossing: Crossing, response: Response
) -> tuple[np.ndarray, np.ndarray | None]:
    """Sums above (replicates x cells x categories) and below the line (replicates x cells x 1)."""
    records = crossing.records
    assert records is not None
    assert response.totals is not None
    pairs = replicates.pairs_in(crossing)
    above, below = response.totals(replicates.base[records.rows], pairs)
    parts = above if below is None else np.column_stack([above, below])
    n_units = replicates.factors.shape[0]
    laid = by_unit(pairs.unit, pairs.cell, parts, n_units, crossing.n_cells)
    totals = replicates.factors.times(laid.T.tocsr())
    totals = totals.T.reshape(replicates.count, crossing.n_cells, parts.shape[1])
    return (totals, None) if below is None else (totals[:, :, :-1], totals[:, :, -1:])


def deviations(replicates: Replicates, thetas: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Deviation of each replicate from the centre, NaN for a replicate without an estimate.

    Parameters
    ----------
    replicates
        Their `mse` and `rscales` settle the centre.
    thetas
        Replicates x cells x categories.
    value
        The estimates, cells x categories.
    """
    known = ~np.isnan(thetas).any(axis=2)
    centre = value
    if not replicates.mse:
        used = (known & (replicates.rscales > 0)[:, None])[:, :, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            centre = np.where(used, thetas, 0.0).sum(axis=0) / used.sum(axis=0)
    return np.where(known[:, :, None], thetas - centre, np.nan)


def replicate_variance(
    replicates: Replicates, crossing: Crossing, response: Response, value: np.ndarray
) -> np.ndarray:
    """Variance per cell and category; a replicate without an estimate is left out, as in R."""
    apart = deviations(replicates, replicate_values(replicates, crossing, response), value)
    known = ~np.isnan(apart)
    weighted = np.where(known, apart, 0.0) ** 2 * replicates.rscales[:, None, None]
    variance = replicates.scale * weighted.sum(axis=0)
    return np.where(known.any(axis=0) & ~np.isnan(value), variance, np.nan)


def replicate_influence(
    replicates: Replicates, crossing: Crossing, response: Response, value: np.ndarray
) -> sparse.csr_array:
    """Deviations as a matrix: a row per cell and category, a column per replicate.

    It stands where a linearised estimate has the PSU sums of its influence; with `replicate_table`
    the covariance of two rows is the sum over replicates of the scaled products.
    """
    thetas = replicate_values(replicates, crossing, response)
    apart = deviations(replicates, thetas, value).reshape(replicates.count, -1).T
    at = np.nonzero(~np.isnan(apart))
    return sparse.coo_array((apart[at], at), shape=apart.shape).tocsr()


def replicate_table(replicates: Replicates) -> pd.DataFrame:
    """One row per replicate in the form of a PSU table: its products enter a covariance uncentred.

    Replicates of one draw carry the same stratum and number in every year, so that years are
    matched replicate by replicate.
    """
    return pd.DataFrame(
        {
            "stratum": f"replicates {replicates.draw}".strip(),
            "psu": [str(number + 1) for number in range(replicates.count)],
            "scale": replicates.scale * replicates.rscales,
            "centred": False,
        }
    )
