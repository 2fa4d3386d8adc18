"""Variance from replicate weights, with the conventions of R's `svrepdesign`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lfsmig.errors import EstimationError
from lfsmig.survey import columns
from lfsmig.survey.columns import Floats
from lfsmig.survey.crossing import Crossing, Rows, counting_order, starts_of

KINDS = ("bootstrap", "BRR", "Fay", "JK1", "JKn", "JK2", "ACS", "other")
# Relative size below which a pivot of the replicate weights counts as zero (R's `degf`).
RANK_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Replicates:
    """Full replicate weights (a column each) and how their spread becomes a variance."""

    weights: Floats
    scale: float
    rscales: Floats
    mse: bool


def read_replicates(
    frame: pd.DataFrame, weight: Floats, names: Sequence[str], kind: str, scale: float | None,
    rscales: Sequence[float] | None, combined: bool, mse: bool, rho: float | None,
) -> Replicates:  # fmt: skip
    """Check replicate weights and settle scale and rscales as R does for the kind."""
    if kind not in KINDS:
        raise EstimationError(f"rep_type={kind!r} is not known; use one of {', '.join(KINDS)}")
    if len(names) < 2:
        raise EstimationError(f"repweights names {len(names)} column(s); at least two are needed")
    values = np.column_stack([_one(frame, name) for name in names])
    if not combined:
        values = values * weight[:, None]
    count = len(names)
    scale, rscales = _scales(kind, count, scale, rscales, rho)
    spread = np.broadcast_to(np.asarray(rscales, dtype=float), (count,)).copy()
    return Replicates(values, float(scale), spread, mse)


def _one(frame: pd.DataFrame, name: str) -> Floats:
    values = columns.numeric(columns.pick(frame, name), "replicate weight")
    bad = np.isnan(values)
    if bad.any():
        raise EstimationError(
            f"replicate weight column {name!r} is missing in {columns.rows_text(bad)}; "
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
    fixed = {"BRR": 1 / count, "Fay": 1 / (count * (1 - (rho or 0.0)) ** 2), "ACS": 4 / count}
    usual = {"bootstrap": 1 / (count - 1), "JK1": (count - 1) / count}
    if kind in ("ACS", "JK2"):
        rscales = None
        scale = fixed.get(kind, 1.0)
    scale = fixed.get(kind, usual.get(kind, 1.0) if scale is None else scale)
    return scale, [1.0] if rscales is None else rscales


def replicate_variance(
    replicates: Replicates, rows: Rows, revalue: Callable[[np.ndarray], np.ndarray],
    value: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Variance per cell and category; a replicate without an estimate is left out, as in R."""
    weights = replicates.weights[rows]
    with np.errstate(divide="ignore", invalid="ignore"):
        thetas = np.stack(
            [revalue(np.ascontiguousarray(weights[:, r])) for r in range(weights.shape[1])]
        )
        known = ~np.isnan(thetas).any(axis=2)
        scales = replicates.rscales[:, None] * known
        centre = value
        if not replicates.mse:
            used = (known & (replicates.rscales > 0)[:, None])[:, :, None]
            centre = np.where(used, thetas, 0.0).sum(axis=0) / used.sum(axis=0)
        squares = np.where(known[:, :, None], (thetas - centre) ** 2, 0.0)
        variance = replicates.scale * (squares * scales[:, :, None]).sum(axis=0)
    return np.where(known.any(axis=0)[:, None] & ~np.isnan(value), variance, np.nan)


def replicate_df(replicates: Replicates, crossing: Crossing, n: np.ndarray) -> np.ndarray:
    """Rank of each cell's replicate weights less one."""
    count = replicates.weights.shape[1]
    records = crossing.records
    assert records is not None
    order = counting_order(records.cell, crossing.n_cells)
    start = starts_of(records.cell[order])
    cells = records.cell[order][start]
    df = np.zeros(crossing.n_cells, "int64")
    if len(cells) == 0:
        return df
    weights = replicates.weights[records.rows][order]
    gram = np.empty((len(cells), count, count))
    for r in range(count):
        gram[:, r, :] = np.add.reduceat(weights[:, [r]] * weights, start, axis=0)
    size = np.sqrt(np.maximum(np.einsum("crr->cr", gram), 0))
    size[size == 0] = 1.0
    scaled = gram / size[:, :, None] / size[:, None, :]
    roots = np.linalg.eigvalsh(scaled)
    rank = (roots > RANK_TOLERANCE**2 * roots[:, -1:]).sum(axis=1)
    df[cells] = rank - 1
    df[n == 0] = 0
    return df
