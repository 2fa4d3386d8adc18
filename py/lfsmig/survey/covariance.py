"""Covariance of any cells of one design, linearised or from replicate weights.

A table asked for with `covariance=True` keeps what its cells vary by: the sums of the linearised
item per sampling unit and stage, or the estimates under each replicate weight. Any linear
combinations of the cells of such tables are combined first and their covariance is taken then, so
that a difference of two nearly equal totals loses no digits.

Linearised, for combinations a and b, with z the sums per unit (of residuals where weights are
calibrated) and f the unsampled fraction:

    C(a, b) = sum over strata of f n / (n - 1) * sum over units of (z_a - mean)(z_b - mean)

and at a second stage the same within each unit, times the first stage's sampled fraction. Under
the lonely-PSU rule `average` a lonely stratum adds to a variance what the cell's other strata have
on average; each cell's sums are raised by the square root of that, so that the diagonal holds the
cells' own variances. Replicates: each cell's deviations as in its own variance; a replicate without
an estimate of the cell counts as no deviation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from lfsmig.survey.crossing import Crossing
from lfsmig.survey.rank import records_df
from lfsmig.survey.replicates import BLOCK_VALUES, Replicates
from lfsmig.survey.stages import Stage
from lfsmig.survey.variance import case_table, stratum_rule

if TYPE_CHECKING:
    from lfsmig.survey.design import SurveyDesign


@dataclass(frozen=True)
class Spread:
    """How the rows of one table vary.

    Attributes
    ----------
    design
        The design all tables of one comparison share.
    crossing
        Cells and records of the table.
    width
        Rows of the table in each cell.
    cases
        Cells x PSUs: where a cell has a case with a weight.
    sums
        For each stage, rows of the table x sampling units: sums of the linearised item, or of its
        residuals where weights are calibrated. With replicate weights rows x replicates: their
        deviations.
    """

    design: SurveyDesign
    crossing: Crossing
    width: int
    cases: sparse.csr_array
    sums: list[sparse.csr_array]


def spread_of(
    design: SurveyDesign, crossing: Crossing, sums: list[sparse.csr_array], has_case: np.ndarray,
    variance: np.ndarray,
) -> Spread:  # fmt: skip
    """Keep what the rows of a table vary by (`variance.unit_sums`).

    `variance` is that of the rows, cells x categories.
    """
    cases = case_table(crossing, has_case, len(design.stages[0].stratum_of_unit))
    # A cell without an estimate is left out by whoever asks.
    sums = [_known(part) for part in sums]
    if design.lonely_psu == "average" and design.replicates is None:
        own = sum((scaled**2).sum(axis=1) for scaled in _scaled(design, sums))
        with np.errstate(divide="ignore", invalid="ignore"):
            lift = np.where(own > 0, np.sqrt(np.nan_to_num(variance).ravel() / own), 1.0)
        sums = [sparse.csr_array(sparse.diags_array(lift) @ part) for part in sums]
    return Spread(design, crossing, variance.shape[1], cases, sums)


def _known(sums: sparse.csr_array) -> sparse.csr_array:
    return sparse.csr_array((np.nan_to_num(sums.data), sums.indices, sums.indptr), shape=sums.shape)


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
    sums = [
        sparse.csr_array(sum(weights @ part.sums[number] for part, weights in pairs))
        for number in range(len(parts[0].sums))
    ]
    found = np.zeros((coefficients[0].shape[0],) * 2)
    for scaled in _scaled(parts[0].design, sums):
        found += scaled @ scaled.T
    return found


def combined_df(parts: list[Spread], coefficients: list[sparse.csr_array]) -> np.ndarray:
    """Degrees of freedom of each combination: those of the cases of all its cells together."""
    used = [_cells_used(part, weights) for part, weights in zip(parts, coefficients, strict=True)]
    design = parts[0].design
    if design.replicates is not None:
        return _rank_df(design.replicates, parts, used)
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


def _rank_df(
    replicates: Replicates, parts: list[Spread], used: list[sparse.csr_array]
) -> np.ndarray:
    """Rank of the replicate weights of all cases together, less one."""
    every = np.arange(len(replicates.unit))
    df = np.zeros(used[0].shape[0], "int64")
    for position in range(len(df)):
        inside = np.zeros(len(every), bool)
        for part, cells in zip(parts, used, strict=True):
            records = part.crossing.records
            assert records is not None
            inside[every[records.rows][np.isin(records.cell, cells[[position]].indices)]] = True
        df[position] = records_df(replicates, np.flatnonzero(inside))
    return df


# ---- sums per unit -> deviations whose products add up to the covariance ----------------------


def _scaled(design: SurveyDesign, sums: list[sparse.csr_array]) -> Iterator[np.ndarray]:
    """Yield blocks (combinations x units) of scaled deviations from the stratum means."""
    if design.replicates is not None:
        scale = design.replicates.scale * design.replicates.rscales
        yield sums[0].toarray() * np.sqrt(scale)
        return
    for number, stage in enumerate(design.stages):
        rule = stratum_rule(stage, design.lonely_psu)
        factor = rule.factor
        if number == 1:
            first = design.stages[0]
            factor = factor * first.share[first.stratum_of_unit]
        for strata, units in _blocks(stage, sums[number].shape[0]):
            z, size = sums[number][:, units].toarray(), stage.n_units[strata]
            start = np.concatenate([[0], np.cumsum(size)[:-1]])
            mean = np.add.reduceat(z, start, axis=1) / size
            z -= np.repeat(np.where(rule.centred[strata], mean, 0.0), size, axis=1)
            yield z * np.repeat(np.sqrt(factor[strata]), size)


def _blocks(stage: Stage, n_rows: int) -> Iterator[tuple[np.ndarray, slice]]:
    """Split strata, whose units follow each other, into blocks that fit the memory."""
    size = max(1, BLOCK_VALUES // max(n_rows, 1))
    end = np.cumsum(stage.n_units)
    block = (end - 1) // size
    for number in np.unique(block):
        strata = np.flatnonzero(block == number)
        first = end[strata[0]] - stage.n_units[strata[0]]
        yield strata, slice(int(first), int(end[strata[-1]]))
