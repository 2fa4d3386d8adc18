"""Replicate weights made from the first stage of a design: bootstrap, jackknife, balanced.

What each kind does with a stratum of one PSU follows the design's `lonely_psu`: `fail` refuses;
`remove` and `certainty` never change its weights, so it adds no variance; `average` does the same
and scales the others up; `adjust` changes it alone, so that its total enters squared, about zero
(for the jackknife R's way: it is deleted and the other strata weighted up).

Only the first stage varies: of a second stage its share of the variance is left out, with a
warning, as in R's `as.svrepdesign`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lfsmig.errors import EstimationError
from lfsmig.survey.balanced import half_samples, successive_difference
from lfsmig.survey.bootstrap import bootstraps
from lfsmig.survey.drawing import Options, lonely_strata
from lfsmig.survey.jackknife import jackknives
from lfsmig.survey.replicates import Replicates
from lfsmig.survey.variance import refuse_lonely

if TYPE_CHECKING:
    from lfsmig.survey.design import SurveyDesign

MADE_KINDS = ("bootstrap", "JK1", "JKn", "BRR", "Fay", "ACS")


def make_replicates(design: SurveyDesign, kind: str, options: Options) -> Replicates:
    """Replicate weights of one design."""
    _check(design, kind, options)
    if kind == "bootstrap":
        return bootstraps([design], options)[0]
    if kind in ("JK1", "JKn"):
        return jackknives([design], kind, options)[0]
    if kind == "ACS":
        return successive_difference(design, options)
    return half_samples(design, kind, options)


def make_linked(designs: Sequence[SurveyDesign], kind: str, options: Options) -> list[Replicates]:
    """Replicate weights of several years' designs, drawn once for a PSU that years share."""
    if kind not in ("bootstrap", "JKn"):
        raise EstimationError(
            f"replicates of kind {kind!r} are not made for several years together; "
            "use bootstrap or JKn"
        )
    for design in designs:
        _check(design, kind, options)
        if design.stages[0].names is None:
            raise EstimationError(
                "years cannot be linked without a PSU column: nothing says which units are the same"
            )
    return (
        bootstraps(designs, options) if kind == "bootstrap" else jackknives(designs, kind, options)
    )


def _check(design: SurveyDesign, kind: str, options: Options) -> None:
    if kind not in MADE_KINDS:
        raise EstimationError(
            f"replicates of kind {kind!r} cannot be made; use one of {', '.join(MADE_KINDS)}"
        )
    if design.replicates is not None:
        raise EstimationError("the design has replicate weights already; start from one without")
    if options.replicates is not None and options.replicates < 2:
        raise EstimationError(
            f"replicates={options.replicates} is too few; at least two are needed"
        )
    if kind in ("JK1", "JKn") and options.replicates is not None:
        raise EstimationError(f"{kind} has one replicate per PSU; leave replicates out")
    if kind == "Fay" and (options.rho is None or not 0 < options.rho < 1):
        raise EstimationError(f"Fay's method needs rho between 0 and 1, not {options.rho!r}")
    if len(design.stages) > 1:
        warnings.warn("replicate weights leave out the variance of the second stage", stacklevel=4)
    lonely = lonely_strata(design.stages[0])
    if design.lonely_psu == "fail" and lonely.any():
        refuse_lonely(design, 0, int(np.flatnonzero(lonely)[0]))
