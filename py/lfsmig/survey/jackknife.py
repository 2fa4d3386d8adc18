"""Jackknife replicates: delete one PSU at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from lfsmig.errors import EstimationError
from lfsmig.survey.drawing import (
    Options,
    common_units,
    lonely_strata,
    name_draw,
    varying_strata,
)
from lfsmig.survey.replicates import Replicates, SparseFactors

if TYPE_CHECKING:
    from lfsmig.survey.design import SurveyDesign

# Multipliers that differ from 1 in a jackknife: the squares of the strata's sizes, added up.
LARGEST_JACKKNIFE = 5e7


def jackknives(designs: Sequence[SurveyDesign], kind: str, options: Options) -> list[Replicates]:
    """Delete one PSU at a time and weight up the rest of its stratum (R's `jknweights`).

    With several years a replicate deletes a PSU in every year that has it.
    """
    if kind == "JK1" and any(len(d.stages[0].n_units) > 1 for d in designs):
        raise EstimationError("JK1 is for a sample without strata; use JKn")
    common = common_units(designs)
    columns = {
        (stratum, int(number)): position
        for position, (stratum, number) in enumerate(
            (stratum, number)
            for stratum, years in common.items()
            for number in sorted({n for units in years for n in units[:, 0]})
        )
    }
    token = name_draw(designs, kind)
    return [
        _jackknife(design, kind, options, [
            (columns[stratum, int(number)], int(unit))
            for stratum, years in common.items() for number, unit in years[year]
        ], len(columns), token, len(designs) == 1)
        for year, design in enumerate(designs)
    ]  # fmt: skip


def _jackknife(
    design: SurveyDesign, kind: str, options: Options, places: list[tuple[int, int]], count: int,
    token: str, alone_in_draw: bool,
) -> Replicates:  # fmt: skip
    stage = design.stages[0]
    if float((stage.n_units.astype(float) ** 2).sum()) > LARGEST_JACKKNIFE:
        raise EstimationError(
            f"a jackknife of {len(stage.stratum_of_unit)} PSUs in {len(stage.n_units)} strata is "
            "too large; use bootstrap"
        )
    column = np.zeros(len(places), "int64")
    column[[unit for _, unit in places]] = [position for position, _ in places]
    varying, lonely = varying_strata(stage), lonely_strata(stage)
    adjusted = lonely & (design.lonely_psu == "adjust")
    if not (varying | adjusted).any():
        raise EstimationError("every stratum was sampled whole; there is no sampling variance")
    member = sparse.csr_array(
        (np.ones(len(column)), (stage.stratum_of_unit, np.arange(len(column))))
    )
    n = stage.n_units[stage.stratum_of_unit].astype(float)
    deleted = varying[stage.stratum_of_unit]
    rise = sparse.diags_array(np.where(deleted, 1 / np.maximum(n - 1, 1), 0.0))
    own = sparse.diags_array(np.where(deleted, n / np.maximum(n - 1, 1), 0.0))
    by_unit = (member.T @ member @ rise - own).tocoo()
    parts = [(by_unit.row, by_unit.col, by_unit.data)]
    rscales = np.zeros(count)
    free = stage.free[stage.stratum_of_unit]
    rscales[column[deleted]] = (free * (n - 1) / n)[deleted]
    n_strata = len(stage.n_units)
    for alone in np.flatnonzero(adjusted[stage.stratum_of_unit]):
        units = np.arange(len(column))
        change = np.where(units == alone, -1.0, 1 / (n_strata - 1))
        parts.append((units, np.full(len(units), alone), change))
        rscales[column[alone]] = (n_strata - 1) / n_strata
    row, at, value = (np.concatenate(piece) for piece in zip(*parts, strict=True))
    kept = value != 0
    deviations = sparse.coo_array(
        (value[kept], (row[kept], column[at[kept]])), shape=(len(column), count)
    ).tocsr()
    # One year by itself has no use for replicates that delete nothing; several keep step.
    used = np.flatnonzero(rscales > 0) if alone_in_draw else np.arange(count)
    strata = stage.stratum_of_unit, np.where(varying, stage.n_units, 0)
    return Replicates(
        kind, stage.unit, design.weights, SparseFactors(deviations[:, used].tocsr()),
        _jackknife_spread(design, len(column), len(used)), rscales[used], bool(options.mse), token,
        None if adjusted.any() else strata,
    )  # fmt: skip


def _jackknife_spread(design: SurveyDesign, n_units: int, used: int) -> float:
    """R's `jknweights` scales by PSUs, not by strata, under `average`."""
    lonely = lonely_strata(design.stages[0]).any()
    return n_units / used if design.lonely_psu == "average" and lonely else 1.0
