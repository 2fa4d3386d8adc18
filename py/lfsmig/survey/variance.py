"""Taylor-linearised variance of every cell at once, from sums per (stratum, unit, cell).

A domain keeps the whole design: a unit without a case of the domain counts with a sum of zero.
The rules for a stratum of one unit are those of R's `survey`, option by option:

* `fail`: an error if the domain has a case there;
* `remove`, `certainty`: the stratum adds nothing;
* `adjust`: its sum is squared uncentred (about zero);
* `average`: it gets the mean variance of the other strata in which the cell has cases.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from lfsmig.errors import EstimationError
from lfsmig.survey.crossing import Crossing, Pairs
from lfsmig.survey.replicates import replicate_df, replicate_variance
from lfsmig.survey.stages import FULLY_SAMPLED, Stage

if TYPE_CHECKING:
    from lfsmig.survey.design import SurveyDesign

# Sums of the linearised item over each pair, one column per category.
Scores = Callable[[Pairs], np.ndarray]
# The estimates of all cells with other weights for the records of the domain.
Revalue = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Bases:
    """What each cell stands on: cases with a positive weight, their PSUs and strata."""

    n: np.ndarray
    n_psu: np.ndarray
    df: np.ndarray
    pair_has_case: np.ndarray


def pair_sums(pairs: Pairs, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Sum record values over the pairs of a stage."""
    return np.bincount(pairs.of_row[rows], weights=values, minlength=len(pairs.unit))


def count_bases(crossing: Crossing, rows: np.ndarray, weights: np.ndarray) -> Bases:
    """Count cases, PSUs and strata per cell; a zero weight is no case (as in R's `degf`)."""
    zeros = np.zeros(crossing.n_cells, "int64")
    if not crossing.stages:
        return Bases(zeros, zeros, zeros, np.zeros(0, bool))
    pairs = crossing.stages[0]
    cases = rows[weights > 0]
    n = np.bincount(crossing.cell[cases], minlength=crossing.n_cells)
    has_case = np.bincount(pairs.of_row[cases], minlength=len(pairs.unit)) > 0
    n_psu, n_strata = zeros.copy(), zeros.copy()
    per_group = pairs.by_group(has_case.astype("int64"))
    n_psu[pairs.cells] = pairs.by_cell(per_group)
    n_strata[pairs.cells] = pairs.by_cell((per_group > 0).astype("int64"))
    return Bases(n, n_psu, n_psu - n_strata, has_case)


def variance_of(
    design: SurveyDesign, crossing: Crossing, rows: np.ndarray, scores: Scores, revalue: Revalue,
    value: np.ndarray, counted: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Variance per cell and category: replicates where the design has them, else linearised."""
    if design.replicates is not None:
        return replicate_variance(design.replicates, rows, revalue, value)
    return linearised_variance(design, crossing, rows, scores, counted)


def degrees_of_freedom(
    design: SurveyDesign, crossing: Crossing, rows: np.ndarray, bases: Bases
) -> np.ndarray:
    """PSUs minus strata of each cell's cases; for replicates the rank of their weights less 1."""
    if design.replicates is not None:
        return replicate_df(design.replicates, crossing, rows, bases.n)
    return bases.df


def linearised_variance(
    design: SurveyDesign, crossing: Crossing, rows: np.ndarray, scores: Scores, counted: np.ndarray
) -> np.ndarray:
    """Variance per cell and category, NaN where a cell has no case (`counted` false)."""
    if not crossing.stages:
        return np.full((crossing.n_cells, 1), np.nan)
    pairs = crossing.stages[0]
    by_group, usable = _group_variance(design, 0, pairs, scores(pairs), rows, counted)
    present = _present(pairs, rows)
    strata = pairs.by_cell(present.astype(float))
    usable_strata = pairs.by_cell((present & usable).astype(float))
    with np.errstate(divide="ignore", invalid="ignore"):
        # With every stratum lonely there is no mean to give them: not estimable (R: NaN).
        spread = np.where(strata == usable_strata, 1.0, strata / usable_strata)
        spread = np.where(np.isinf(spread), np.nan, spread)
        found = pairs.by_cell(by_group) * spread[:, None]
    if len(crossing.stages) == 2:
        found = found + _within(design, crossing.stages[1], scores, rows, counted)
    variance = np.full((crossing.n_cells, found.shape[1]), np.nan)
    variance[pairs.cells] = found
    variance[~counted] = np.nan
    return variance


def _within(
    design: SurveyDesign, pairs: Pairs, scores: Scores, rows: np.ndarray, counted: np.ndarray
) -> np.ndarray:
    """Second-stage variance, each PSU's share weighted by the first stage's sampled fraction."""
    by_group, usable = _group_variance(design, 1, pairs, scores(pairs), rows, counted)
    not_estimable = _present(pairs, rows) & ~usable
    by_group = np.where(not_estimable[:, None], np.nan, by_group)
    first = design.stages[0]
    fraction = first.share[first.stratum_of_unit][pairs.stratum]
    return pairs.by_cell(by_group * fraction[:, None])


def _present(pairs: Pairs, rows: np.ndarray) -> np.ndarray:
    records = np.bincount(pairs.of_row[rows], minlength=len(pairs.unit))
    return pairs.by_group(records) > 0


def _group_variance(
    design: SurveyDesign, number: int, pairs: Pairs, z: np.ndarray, rows: np.ndarray,
    counted: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Variance per (stratum, cell) and whether the rule in force can use the stratum."""
    stage: Stage = design.stages[number]
    n_units = stage.n_units[pairs.stratum].astype(float)
    free = stage.free[pairs.stratum]
    mean = pairs.by_group(z) / n_units[:, None]
    squares = pairs.by_group((z - mean[pairs.group_of_pair]) ** 2)
    squares += (n_units - pairs.group_size)[:, None] * mean**2
    lonely = n_units == 1
    sampled_all = free < FULLY_SAMPLED
    if design.lonely_psu == "adjust" and lonely.any():
        squares[lonely] = pairs.by_group(z**2)[lonely]
    factor = np.where(lonely, free, free * n_units / np.maximum(n_units - 1, 1))
    factor[sampled_all] = 0.0
    refused = lonely & ~sampled_all
    if design.lonely_psu == "fail":
        cell_of_group = pairs.cell[pairs.group_start]
        failing = refused & _present(pairs, rows) & counted[cell_of_group]
        if failing.any():
            name = stage.stratum_names[int(pairs.stratum[np.flatnonzero(failing)[0]])]
            raise EstimationError(
                f"Stratum ({name}) has only one PSU at stage {number + 1}; "
                "choose another lonely_psu rule or collapse the stratum"
            )
    usable = ~refused if design.lonely_psu == "average" else np.ones(len(lonely), bool)
    if design.lonely_psu == "average":
        factor = np.where(refused, 0.0, factor)
    return squares * factor[:, None], usable


def influence_matrix(
    crossing: Crossing, scores: Scores, has_case: np.ndarray, n_categories: int, n_psu: int
) -> sparse.csr_array:
    """PSU sums of the linearised item: a row per cell and category, a column per PSU.

    Entries are stored for exactly the PSUs with a case of the cell, zeros included, so that the
    structure also says where the cell has cases.
    """
    shape = (crossing.n_cells * n_categories, n_psu)
    if not crossing.stages:
        return sparse.csr_array(shape)
    pairs = crossing.stages[0]
    kept = np.flatnonzero(has_case)
    z = scores(pairs)[kept]
    rows = (pairs.cell[kept][:, None] * n_categories + np.arange(n_categories)).ravel()
    psus = np.repeat(pairs.unit[kept], n_categories)
    return sparse.coo_array((z.ravel(), (rows, psus)), shape=shape).tocsr()
