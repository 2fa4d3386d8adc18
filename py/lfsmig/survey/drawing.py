"""What all kinds of replicate weights share: options, lonely strata, names of draws."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lfsmig.errors import EstimationError
from lfsmig.survey.columns import Floats
from lfsmig.survey.replicates import DenseFactors, Replicates
from lfsmig.survey.stages import FULLY_SAMPLED, Stage

if TYPE_CHECKING:
    from lfsmig.survey.design import SurveyDesign


@dataclass(frozen=True)
class Options:
    """What a kind of replicates may be told; see `SurveyDesign.with_replicates`."""

    replicates: int | None = None
    seed: int = 1
    rho: float | None = None
    matrix: np.ndarray | None = None
    large: str = "split"
    order: str | None = None
    mse: bool | None = None


def lonely_strata(stage: Stage) -> np.ndarray:
    """Strata of one PSU that were not sampled whole."""
    return (stage.n_units == 1) & (stage.free >= FULLY_SAMPLED)


def varying_strata(stage: Stage) -> np.ndarray:
    """Strata whose PSUs vary between replicates."""
    return (stage.n_units > 1) & (stage.free >= FULLY_SAMPLED)


def borrowed(design: SurveyDesign) -> float:
    """What the `average` rule scales the variance up by: all strata over those with one."""
    lonely = lonely_strata(design.stages[0])
    if design.lonely_psu != "average" or not lonely.any():
        return 1.0
    if lonely.all():
        raise EstimationError("every stratum has one PSU; `average` has nothing to average")
    return len(lonely) / (len(lonely) - lonely.sum())


def dense_replicates(
    design: SurveyDesign, kind: str, factors: DenseFactors, scale: float,
    rscales: Floats, mse: bool, token: str, strata: tuple[np.ndarray, np.ndarray] | None = None,
) -> Replicates:  # fmt: skip
    """Replicates of a design whose units are its PSUs."""
    return Replicates(
        kind, design.stages[0].unit, design.weights, factors, scale * borrowed(design), rscales,
        mse, token, strata,
    )  # fmt: skip


def name_draw(designs: Sequence[SurveyDesign], *what: object) -> str:
    """Name a draw by what it is made of, so that equal draws have equal names."""
    digest = hashlib.sha256(repr(what).encode())
    for design in designs:
        stage = design.stages[0]
        names = [stage.stratum_names[s] for s in stage.stratum_of_unit]
        digest.update(repr(list(zip(names, stage.unit_names(), strict=True))).encode())
    return f"{what[0]} {digest.hexdigest()[:12]}"


def common_units(designs: Sequence[SurveyDesign]) -> dict[str, list[np.ndarray]]:
    """Units of each stratum by year, numbered within the stratum over all years."""
    strata: dict[str, list[dict[str, int]]] = {}
    for year, design in enumerate(designs):
        stage = design.stages[0]
        for unit, name in enumerate(stage.unit_names()):
            stratum = stage.stratum_names[stage.stratum_of_unit[unit]]
            held = strata.setdefault(stratum, [{} for _ in designs])
            held[year][name] = unit
    return {stratum: _numbered(held) for stratum, held in sorted(strata.items())}


def _numbered(years: list[dict[str, int]]) -> list[np.ndarray]:
    """For each year rows of (number of the PSU among all years' PSUs, unit of the year)."""
    number = {name: i for i, name in enumerate(sorted({n for held in years for n in held}))}
    return [
        np.array([(number[name], unit) for name, unit in sorted(held.items())], "int64").reshape(
            -1, 2
        )
        for held in years
    ]
