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

# The estimates of all cells with other weights for the records of the domain.
Revalue = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Bases:
    """What each cell stands on: cases with a positive weight, their PSUs and strata."""

    n: np.ndarray
    n_psu: np.ndarray
    df: np.ndarray
    pair_has_case: np.ndarray


def count_bases(crossing: Crossing, cases: np.ndarray) -> Bases:
    """Count cases, PSUs and strata per cell; a zero weight is no case (as in R's `degf`).

    `cases` is the number of cases in each pair of the finest stage.
    """
    pairs = crossing.stages[0]
    has_case = pairs.of_finest(cases) > 0
    per_group = pairs.by_group(has_case.astype("int64"))
    n_psu, n_strata = (np.zeros(crossing.n_cells, "int64") for _ in range(2))
    n_psu[pairs.cells] = pairs.by_cell(per_group)
    n_strata[pairs.cells] = pairs.by_cell((per_group > 0).astype("int64"))
    return Bases(crossing.over_cells(cases), n_psu, n_psu - n_strata, has_case)


def variance_of(
    design: SurveyDesign, crossing: Crossing, scores: np.ndarray, revalue: Revalue | None,
    value: np.ndarray, counted: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Variance per cell and category: replicates where the design has them, else linearised.

    `scores` holds the sums of the linearised item over the pairs of the finest stage, one column
    per category; `counted` says which cells have a case.
    """
    if design.replicates is not None:
        assert crossing.records is not None
        assert revalue is not None
        return replicate_variance(design.replicates, crossing.records.rows, revalue, value)
    return linearised_variance(design, crossing, scores, counted)


def degrees_of_freedom(design: SurveyDesign, crossing: Crossing, bases: Bases) -> np.ndarray:
    """PSUs minus strata of each cell's cases; for replicates the rank of their weights less 1."""
    if design.replicates is not None:
        return replicate_df(design.replicates, crossing, bases.n)
    return bases.df


def linearised_variance(
    design: SurveyDesign, crossing: Crossing, scores: np.ndarray, counted: np.ndarray
) -> np.ndarray:
    """Variance per cell and category, NaN where a cell has no case (`counted` false)."""
    pairs = crossing.stages[0]
    by_group, usable = _group_variance(design, 0, pairs, pairs.of_finest(scores), counted)
    strata = pairs.by_cell(np.ones(len(usable)))
    usable_strata = pairs.by_cell(usable.astype(float))
    with np.errstate(divide="ignore", invalid="ignore"):
        # With every stratum lonely there is no mean to give them: not estimable (R: NaN).
        spread = np.where(strata == usable_strata, 1.0, strata / usable_strata)
        spread = np.where(np.isinf(spread), np.nan, spread)
        found = pairs.by_cell(by_group) * spread[:, None]
    if len(crossing.stages) == 2:
        found = found + _within(design, crossing.stages[1], scores, counted)
    variance = np.full((crossing.n_cells, found.shape[1]), np.nan)
    variance[pairs.cells] = found
    variance[~counted] = np.nan
    return variance


def _within(
    design: SurveyDesign, pairs: Pairs, scores: np.ndarray, counted: np.ndarray
) -> np.ndarray:
    """Second-stage variance, each PSU's share weighted by the first stage's sampled fraction."""
    by_group, usable = _group_variance(design, 1, pairs, scores, counted)
    by_group = np.where(~usable[:, None], np.nan, by_group)
    first = design.stages[0]
    fraction = first.share[first.stratum_of_unit][pairs.stratum]
    return pairs.by_cell(by_group * fraction[:, None])


def _group_variance(
    design: SurveyDesign, number: int, pairs: Pairs, z: np.ndarray, counted: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
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
        failing = refused & counted[cell_of_group]
        if failing.any():
            _refuse_lonely(design, number, int(pairs.stratum[np.flatnonzero(failing)[0]]))
    usable = ~refused if design.lonely_psu == "average" else np.ones(len(lonely), bool)
    if design.lonely_psu == "average":
        factor = np.where(refused, 0.0, factor)
    return squares * factor[:, None], usable


def _refuse_lonely(design: SurveyDesign, number: int, stratum: int) -> None:
    stage = design.stages[number]
    column = design.stratum_column(number)
    where = design.rows_of_units(number, np.flatnonzero(stage.stratum_of_unit == stratum))
    raise EstimationError(
        f"{column}: Stratum ({stage.stratum_names[stratum]}) has only one PSU at stage "
        f"{number + 1} ({where}); choose another lonely_psu rule or collapse the stratum"
    )


def influence_matrix(
    design: SurveyDesign, crossing: Crossing, scores: np.ndarray, has_case: np.ndarray
) -> sparse.csr_array:
    """PSU sums of the linearised item: a row per cell and category, a column per PSU.

    Entries are stored for exactly the PSUs with a case of the cell, zeros included, so that the
    structure also says where the cell has cases.
    """
    n_categories = scores.shape[1]
    shape = (crossing.n_cells * n_categories, len(design.stages[0].stratum_of_unit))
    pairs = crossing.stages[0]
    kept = np.flatnonzero(has_case)
    z = pairs.of_finest(scores)[kept]
    rows = (
        pairs.cell[kept].astype("int64")[:, None] * n_categories + np.arange(n_categories)
    ).ravel()
    psus = np.repeat(pairs.unit[kept], n_categories)
    return sparse.coo_array((z.ravel(), (rows, psus)), shape=shape).tocsr()
