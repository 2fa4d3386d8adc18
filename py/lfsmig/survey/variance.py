"""Taylor-linearised variance of every cell at once, from sums per (stratum, unit, cell).

A domain keeps the whole design: a unit without a case of the domain counts with a sum of zero.
The rules for a stratum of one unit are those of R's `survey`, option by option:

* `fail`: an error if the domain has a case there;
* `remove`, `certainty`: the stratum adds nothing;
* `adjust`: its sum is squared uncentred (about zero);
* `average`: it gets the mean variance of the other strata in which the cell has cases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from lfsmig.errors import EstimationError
from lfsmig.survey.crossing import Crossing, Pairs, SlotPairs
from lfsmig.survey.grouping import Response, by_unit
from lfsmig.survey.rank import replicate_df
from lfsmig.survey.replicates import replicate_influence, replicate_table, replicate_variance
from lfsmig.survey.residuals import Matrix, Residuals, residuals
from lfsmig.survey.stages import FULLY_SAMPLED, Stage

if TYPE_CHECKING:
    from lfsmig.survey.design import SurveyDesign


@dataclass(frozen=True)
class Bases:
    """What each cell stands on: cases with a weight, their PSUs and strata."""

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
    per_group = pairs.by_group(has_case.astype("float64"))
    n_psu, n_strata = (np.zeros(crossing.n_cells, "int64") for _ in range(2))
    n_psu[pairs.cells] = pairs.by_cell(per_group)
    n_strata[pairs.cells] = pairs.by_cell((per_group > 0).astype("float64"))
    return Bases(crossing.over_cells(cases), n_psu, n_psu - n_strata, has_case)


def variance_of(
    design: SurveyDesign, crossing: Crossing, scores: np.ndarray, response: Response | None,
    value: np.ndarray, counted: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Variance per cell and category: replicates where the design has them, else linearised.

    `scores` holds the sums of the linearised item over the pairs of the finest stage, one column
    per category; `response` gives them over other pairs and with other weights, where records are
    in memory; `counted` says which cells have a case.
    """
    if design.replicates is not None:
        assert response is not None
        return replicate_variance(design.replicates, crossing, response, value)
    if design.calibration is not None:
        assert response is not None
        found = residual_variance(design, residuals(design, crossing, scores, response))
        return np.where(counted[:, None], found.reshape(value.shape), np.nan)
    return linearised_variance(design, crossing, scores, counted)


def degrees_of_freedom(design: SurveyDesign, crossing: Crossing, bases: Bases) -> np.ndarray:
    """PSUs minus strata of each cell's cases; for replicates the rank of their weights less 1."""
    if design.replicates is not None:
        return replicate_df(design.replicates, crossing, bases.n)
    return bases.df


@dataclass(frozen=True)
class StratumRule:
    """How the strata of a stage enter a variance under the lonely-PSU rule in force."""

    factor: np.ndarray  # what a sum of squares is multiplied by
    centred: np.ndarray  # whether deviations are from the stratum's mean, or from zero
    refused: np.ndarray  # strata of one unit that was sampled


def stratum_rule(stage: Stage, lonely_psu: str) -> StratumRule:
    """Factor and centre of each stratum; `average` and `fail` need the caller's attention."""
    n_units = stage.n_units.astype(float)
    lonely = n_units == 1
    sampled_all = stage.free < FULLY_SAMPLED
    factor = np.where(lonely, stage.free, stage.free * n_units / np.maximum(n_units - 1, 1))
    factor[sampled_all] = 0.0
    refused = lonely & ~sampled_all
    if lonely_psu != "adjust":
        factor[lonely] = 0.0
    return StratumRule(factor, ~lonely, refused)


def linearised_variance(
    design: SurveyDesign, crossing: Crossing, scores: np.ndarray, counted: np.ndarray
) -> np.ndarray:
    """Variance per cell and category, NaN where a cell has no case (`counted` false)."""
    pairs = crossing.stages[0]
    by_group, usable = _group_variance(design, 0, pairs, pairs.of_finest(scores), counted)
    strata = pairs.by_cell(np.ones(len(usable)))
    usable_strata = pairs.by_cell(usable.astype(float))
    found = pairs.by_cell(by_group) * borrowed(strata, usable_strata)[:, None]
    if len(crossing.stages) == 2:
        found = found + _within(design, crossing.stages[1], scores, counted)
    variance = np.full((crossing.n_cells, found.shape[1]), np.nan)
    variance[pairs.cells] = found
    variance[~counted] = np.nan
    return variance


def borrowed(strata: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """What the lonely strata borrow: all strata over those with a variance of their own."""
    with np.errstate(divide="ignore", invalid="ignore"):
        # With every stratum lonely there is no mean to give them: not estimable (R: NaN).
        spread = np.where(strata == usable, 1.0, strata / usable)
        return np.where(np.isinf(spread), np.nan, spread)


def _within(
    design: SurveyDesign, pairs: Pairs | SlotPairs, scores: np.ndarray, counted: np.ndarray
) -> np.ndarray:
    """Second-stage variance, each PSU's share weighted by the first stage's sampled fraction."""
    by_group, usable = _group_variance(design, 1, pairs, scores, counted)
    by_group = np.where(~usable[:, None], np.nan, by_group)
    first = design.stages[0]
    fraction = first.share[first.stratum_of_unit][pairs.stratum]
    return pairs.by_cell(by_group * fraction[:, None])


def _group_variance(
    design: SurveyDesign, number: int, pairs: Pairs | SlotPairs, z: np.ndarray, counted: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Variance per (stratum, cell) and whether the rule in force can use the stratum."""
    stage: Stage = design.stages[number]
    rule = stratum_rule(stage, design.lonely_psu)
    n_units = stage.n_units[pairs.stratum].astype(float)
    mean = pairs.by_group(z) / n_units[:, None]
    apart = pairs.over_groups(mean)
    np.subtract(z, apart, out=apart)
    apart *= apart
    squares = pairs.by_group(apart)
    squares += (n_units - pairs.group_size)[:, None] * mean**2
    about_zero = ~rule.centred[pairs.stratum]
    if about_zero.any():
        squares[about_zero] = pairs.by_group(z**2)[about_zero]
    refused = rule.refused[pairs.stratum]
    if design.lonely_psu == "fail":
        failing = refused & counted[pairs.cell_of_group]
        if failing.any():
            refuse_lonely(design, number, int(pairs.stratum[np.flatnonzero(failing)[0]]))
    usable = ~refused if design.lonely_psu == "average" else np.ones(len(refused), bool)
    return squares * rule.factor[pairs.stratum][:, None], usable


def refuse_lonely(design: SurveyDesign, number: int, stratum: int) -> None:
    """Raise what the rule `fail` says of a stratum of one unit."""
    stage = design.stages[number]
    column = design.stratum_column(number)
    where = design.rows_of_units(number, np.flatnonzero(stage.stratum_of_unit == stratum))
    raise EstimationError(
        f"{column}: Stratum ({stage.stratum_names[stratum]}) has only one PSU at stage "
        f"{number + 1} ({where}); choose another lonely_psu rule or collapse the stratum"
    )


# ---- calibrated weights --------------------------------------------------------------------


def residual_variance(design: SurveyDesign, found: Residuals) -> np.ndarray:
    """Variance of every cell and category from residual sums (flat, categories fastest).

    As in R every stratum counts, whatever the domain: residuals reach beyond it.
    """
    first = design.stages[0]
    rules = [_usable_rule(design, number) for number in range(len(design.stages))]
    average = design.lonely_psu == "average"
    lonely = rules[0].refused & average
    spread = borrowed(np.array([len(lonely)]), np.array([(~lonely).sum()]))[0]
    factors = [rules[0].factor * spread]
    if len(rules) == 2:
        within = rules[1].factor * first.share[first.stratum_of_unit]
        factors.append(np.where(rules[1].refused & average, np.nan, within))
    variance = np.zeros(found.slope.shape[1])
    for part, sums in found.blocks():
        for stage, rule, factor, z in zip(design.stages, rules, factors, sums, strict=True):
            variance[part] += factor @ squares_by_stratum(stage, rule, z)
    return variance


def _usable_rule(design: SurveyDesign, number: int) -> StratumRule:
    rule = stratum_rule(design.stages[number], design.lonely_psu)
    if design.lonely_psu == "fail" and rule.refused.any():
        refuse_lonely(design, number, int(np.flatnonzero(rule.refused)[0]))
    return rule


def squares_by_stratum(stage: Stage, rule: StratumRule, sums: Matrix) -> np.ndarray:
    """Sum of squared deviations, strata x columns; units that are not stored are zeros."""
    n_strata, width = len(stage.n_units), sums.shape[1]
    size = stage.n_units[:, None].astype(float)
    if sparse.issparse(sums):
        entries = sums.tocoo()
        key = stage.stratum_of_unit[entries.row].astype("int64") * width + entries.col
        total, stored = (
            np.bincount(key, weights, n_strata * width).reshape(n_strata, width)
            for weights in (entries.data, None)
        )
        mean = np.where(rule.centred[:, None], total / size, 0.0)
        squares = np.bincount(key, (entries.data - mean.ravel()[key]) ** 2, n_strata * width)
        return squares.reshape(n_strata, width) + (size - stored) * mean**2
    units = np.arange(len(stage.stratum_of_unit))
    member = sparse.csr_array((np.ones(len(units)), (stage.stratum_of_unit, units)))
    mean = np.where(rule.centred[:, None], (member @ sums) / size, 0.0)
    return member @ (sums - mean[stage.stratum_of_unit]) ** 2


# ---- what comparisons between years need ---------------------------------------------------


@dataclass(frozen=True)
class Influence:
    """How the sampling units move each estimate: what covariances between tables are made of.

    Attributes
    ----------
    sums
        Cells x categories by PSUs: PSU sums of the linearised item, of its residuals where
        weights are calibrated; with replicate weights the deviation of each replicate.
    table
        One row per column of `sums`: stratum, psu, scale and whether to centre.
    present
        Where a cell has cases, if that is not where `sums` has entries (zeros included).
    """

    sums: sparse.csr_array
    table: pd.DataFrame
    present: sparse.csr_array | None = None


def unit_sums(
    design: SurveyDesign, crossing: Crossing, scores: np.ndarray, response: Response | None,
    value: np.ndarray, has_case: np.ndarray,
) -> list[sparse.csr_array]:  # fmt: skip
    """What every cell and category varies by: cells x categories by units, for each stage.

    These are sums of the linearised item, or of its residuals where weights are calibrated. With
    replicate weights there is one stage, whose units are the replicates and their deviations.
    """
    if design.replicates is not None:
        assert response is not None
        return [replicate_influence(design.replicates, crossing, response, value)]
    if design.calibration is not None:
        assert response is not None
        blocks = [
            [sparse.csr_array(z.T) for z in stages]
            for _, stages in residuals(design, crossing, scores, response).blocks()
        ]
        return [
            _without_unknown(sparse.vstack(parts, format="csr"))
            for parts in zip(*blocks, strict=True)
        ]
    sums = []
    for number, (stage, pairs) in enumerate(zip(design.stages, crossing.stages, strict=True)):
        kept = np.flatnonzero(has_case) if number == 0 else slice(None)
        z, n_units = pairs.of_finest(scores)[kept], len(stage.stratum_of_unit)
        laid = by_unit(pairs.unit[kept], pairs.cell[kept], z, n_units, crossing.n_cells)
        sums.append(laid.T.tocsr())
    return sums


def influence_of(
    design: SurveyDesign, crossing: Crossing, sums: sparse.csr_array, has_case: np.ndarray,
    width: int,
) -> Influence:  # fmt: skip
    """Influence of every cell and category, of which `sums` are the first stage's."""
    if design.replicates is not None:
        return Influence(sums, replicate_table(design.replicates))
    if design.calibration is None:
        return Influence(sums, design.psu_table)
    cases = case_table(crossing, has_case, sums.shape[1])
    every = np.repeat(np.arange(crossing.n_cells), width)
    return Influence(sums, design.psu_table, sparse.csr_array(cases[every]))


def case_table(crossing: Crossing, has_case: np.ndarray, n_units: int) -> sparse.csr_array:
    """Cells x PSUs: 1 where a cell has a case."""
    pairs = crossing.stages[0]
    place = pairs.cell[has_case], pairs.unit[has_case]
    ones = np.ones(int(has_case.sum()))
    return sparse.coo_array((ones, place), shape=(crossing.n_cells, n_units)).tocsr()


def _without_unknown(sums: sparse.csr_array) -> sparse.csr_array:
    """Leave out what is no number: a cell that nobody is in has no influence."""
    known = ~np.isnan(sums.data)
    row = np.repeat(np.arange(sums.shape[0]), np.diff(sums.indptr))
    entries = sums.data[known], (row[known], sums.indices[known])
    return sparse.coo_array(entries, shape=sums.shape).tocsr()
