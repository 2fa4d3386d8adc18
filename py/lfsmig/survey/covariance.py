"""Covariance of any cells of one design, linearised or from replicate weights.

A table asked for with `covariance=True` keeps what its cells vary by: the sums of the linearised
item per sampling unit and stage, or the estimates under each replicate weight. Any linear
combinations of the cells of such tables are combined first and their covariance is taken then, so
that a difference of two nearly equal totals loses no digits.

Linearised, for combinations a and b, with z the sums per unit and f the unsampled fraction:

    C(a, b) = sum over strata of f n / (n - 1) * sum over units of (z_a - mean)(z_b - mean)

and at a second stage the same within each unit, times the first stage's sampled fraction. Under
the lonely-PSU rule `average` a lonely stratum adds to a variance what the cell's other strata have
on average; each cell's sums are raised by the square root of that, so that the diagonal holds the
cells' own variances. Replicates: each cell's deviations as in its own variance; a replicate without
an estimate of the cell counts as no deviation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from lfsmig.survey.crossing import Crossing, Pairs
from lfsmig.survey.stages import FULLY_SAMPLED, Stage
from lfsmig.survey.variance import count_bases, degrees_of_freedom

if TYPE_CHECKING:
    from lfsmig.survey.design import SurveyDesign

# Units are made dense this many numbers at a time.
NUMBERS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Spread:
    """How the rows of one table vary.

    Attributes
    ----------
    design
        The design all tables of one comparison share.
    rows, cell
        Records of the domain with a positive weight, and their cells.
    width
        Rows of the table in each cell.
    cases
        Cells x PSUs: where a cell has a case with a positive weight.
    sums
        For each stage, rows of the table x sampling units: sums of the linearised item.
    deviations
        For replicate weights instead, replicates x rows of the table, scaled.
    """

    design: SurveyDesign
    rows: np.ndarray
    cell: np.ndarray
    width: int
    cases: sparse.csr_array
    sums: list[sparse.csr_array]
    deviations: np.ndarray | None


def spread_of(
    design: SurveyDesign, crossing: Crossing, rows: np.ndarray,
    scores: Callable[[Pairs], np.ndarray], revalue: Callable[[np.ndarray], np.ndarray],
    has_case: np.ndarray, value: np.ndarray, variance: np.ndarray, unit: float,
) -> Spread:  # fmt: skip
    """Keep what the rows of a table vary by; `value` and `variance` are cells x categories."""
    width = value.shape[1]
    weighted = rows[design.weights[rows] > 0]
    cell = crossing.cell[weighted]
    cases = _cases(design, crossing, has_case)
    if design.replicates is not None:
        deviations = _deviations(design, rows, revalue, value, unit)
        return Spread(design, weighted, cell, width, cases, [], deviations)
    sums = [_unit_sums(design, number, crossing, scores, width) for number in _stages(design)]
    lift = np.full(value.size, unit)
    if design.lonely_psu == "average":
        own = sum((scaled**2).sum(axis=1) for scaled in _scaled(design, sums))
        with np.errstate(divide="ignore", invalid="ignore"):
            lift = np.where(own > 0, np.sqrt(np.nan_to_num(variance).ravel() / own), unit)
    raised = [sparse.csr_array(sparse.diags_array(lift) @ part) for part in sums]
    return Spread(design, weighted, cell, width, cases, raised, None)


def _stages(design: SurveyDesign) -> range:
    return range(len(design.stages))


def _cases(design: SurveyDesign, crossing: Crossing, has_case: np.ndarray) -> sparse.csr_array:
    shape = (crossing.n_cells, len(design.stages[0].stratum_of_unit))
    if not crossing.stages:
        return sparse.csr_array(shape)
    pairs = crossing.stages[0]
    place = pairs.cell[has_case], pairs.unit[has_case]
    return sparse.coo_array((np.ones(int(has_case.sum())), place), shape=shape).tocsr()


def _unit_sums(
    design: SurveyDesign, number: int, crossing: Crossing,
    scores: Callable[[Pairs], np.ndarray], width: int,
) -> sparse.csr_array:  # fmt: skip
    shape = (crossing.n_cells * width, len(design.stages[number].stratum_of_unit))
    if not crossing.stages:
        return sparse.csr_array(shape)
    pairs = crossing.stages[number]
    # A cell without a case has no estimate; its rows are left out by whoever asks.
    z = np.nan_to_num(scores(pairs))
    row = (pairs.cell[:, None] * width + np.arange(width)).ravel()
    return sparse.coo_array((z.ravel(), (row, np.repeat(pairs.unit, width))), shape=shape).tocsr()


def _deviations(
    design: SurveyDesign, rows: np.ndarray, revalue: Callable[[np.ndarray], np.ndarray],
    value: np.ndarray, unit: float,
) -> np.ndarray:  # fmt: skip
    replicates = design.replicates
    assert replicates is not None
    weights = replicates.weights[rows]
    with np.errstate(divide="ignore", invalid="ignore"):
        thetas = np.stack(
            [
                revalue(np.ascontiguousarray(weights[:, r])).ravel() * unit
                for r in range(weights.shape[1])
            ]
        )
        centre = value.ravel()
        if not replicates.mse:
            used = ~np.isnan(thetas) & (replicates.rscales > 0)[:, None]
            centre = np.where(used, thetas, 0.0).sum(axis=0) / used.sum(axis=0)
    scale = np.sqrt(replicates.scale * replicates.rscales)[:, None]
    return np.nan_to_num((thetas - centre) * scale)


def combined_covariance(parts: list[Spread], coefficients: list[sparse.csr_array]) -> np.ndarray:
    """Covariance of combinations of rows of several tables of one design.

    Parameters
    ----------
    parts
        The tables' spreads.
    coefficients
        For each table combinations x its rows.
    """
    pairs = list(zip(parts, coefficients, strict=True))
    if parts[0].deviations is not None:
        combined = sum(part.deviations @ weights.T for part, weights in pairs)
        return np.asarray(combined.T @ combined)
    design = parts[0].design
    sums = [
        sparse.csr_array(sum(weights @ part.sums[number] for part, weights in pairs))
        for number in _stages(design)
    ]
    found = np.zeros((coefficients[0].shape[0],) * 2)
    for scaled in _scaled(design, sums):
        found += scaled @ scaled.T
    return found


def combined_df(parts: list[Spread], coefficients: list[sparse.csr_array]) -> np.ndarray:
    """Degrees of freedom of each combination: those of the cases of all its cells together."""
    used = [_cells_used(part, weights) for part, weights in zip(parts, coefficients, strict=True)]
    design = parts[0].design
    if design.replicates is not None:
        return _rank_df(design, parts, used)
    psus = sparse.csr_array(sum(one @ part.cases for part, one in zip(parts, used, strict=True)))
    stage = design.stages[0]
    units = np.arange(len(stage.stratum_of_unit))
    member = sparse.csr_array((np.ones(len(units)), (units, stage.stratum_of_unit)))
    return np.diff(psus.indptr) - np.diff(sparse.csr_array(psus @ member).indptr)


def _cells_used(part: Spread, weights: sparse.csr_array) -> sparse.csr_array:
    """Combinations x cells: which cells a combination takes rows from."""
    places = weights.tocoo()
    taken = places.data != 0
    at = places.row[taken], places.col[taken] // part.width
    return sparse.coo_array(
        (np.ones(int(taken.sum())), at), shape=(weights.shape[0], part.cases.shape[0])
    ).tocsr()


def _rank_df(design: SurveyDesign, parts: list[Spread], used: list[sparse.csr_array]) -> np.ndarray:
    """Rank of the replicate weights of all cases together, less one."""
    whole = design.crossing([])
    df = np.zeros(used[0].shape[0], "int64")
    for position in range(len(df)):
        inside = np.zeros(len(design.weights), bool)
        for part, cells in zip(parts, used, strict=True):
            inside[part.rows[np.isin(part.cell, cells[[position]].indices)]] = True
        rows = np.flatnonzero(inside)
        bases = count_bases(whole, rows, design.weights[rows])
        df[position] = degrees_of_freedom(design, whole, rows, bases)[0]
    return df


# ---- sums per unit -> deviations whose products add up to the covariance ----------------------


def _scaled(design: SurveyDesign, sums: list[sparse.csr_array]):  # type: ignore[no-untyped-def]
    """Yield blocks (combinations x units) of scaled deviations from the stratum means."""
    for number in _stages(design):
        stage = design.stages[number]
        weight = np.ones(len(stage.n_units))
        if number == 1:
            first = design.stages[0]
            weight = first.share[first.stratum_of_unit]
        factor, centred = _factors(stage, design.lonely_psu)
        for strata, units in _blocks(stage, sums[number].shape[0]):
            z = sums[number][:, units].toarray()
            start = np.concatenate([[0], np.cumsum(stage.n_units[strata])[:-1]])
            mean = np.add.reduceat(z, start, axis=1) / stage.n_units[strata]
            mean = np.where(centred[strata], mean, 0.0)
            z -= np.repeat(mean, stage.n_units[strata], axis=1)
            yield z * np.repeat(np.sqrt(factor * weight)[strata], stage.n_units[strata])


def _factors(stage: Stage, lonely_psu: str) -> tuple[np.ndarray, np.ndarray]:
    """Scale of each stratum's squares, and whether its units are centred at their mean."""
    n_units = stage.n_units.astype(float)
    lonely = n_units == 1
    factor = np.where(lonely, stage.free, stage.free * n_units / np.maximum(n_units - 1, 1))
    factor = np.where(stage.free < FULLY_SAMPLED, 0.0, factor)
    return factor, ~lonely if lonely_psu == "adjust" else np.ones(len(lonely), bool)


def _blocks(stage: Stage, n_rows: int):  # type: ignore[no-untyped-def]
    """Split strata, whose units follow each other, into blocks that fit the memory."""
    size = max(1, NUMBERS_AT_ONCE // max(n_rows, 1))
    end = np.cumsum(stage.n_units)
    block = (end - 1) // size
    for number in np.unique(block):
        strata = np.flatnonzero(block == number)
        first = end[strata[0]] - stage.n_units[strata[0]]
        yield strata, slice(int(first), int(end[strata[-1]]))
