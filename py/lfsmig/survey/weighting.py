"""Designs made from a design: with replicate weights, with calibrated weights, or with both."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from lfsmig.errors import EstimationError
from lfsmig.survey.calibration import Calibration, linear, poststratified, raked
from lfsmig.survey.columns import Floats
from lfsmig.survey.controls import Control, Totals, cell_control, numeric_control
from lfsmig.survey.drawing import Options
from lfsmig.survey.recalibrate import recalibrated
from lfsmig.survey.replicate_weights import make_linked, make_replicates
from lfsmig.survey.replicates import Replicates

if TYPE_CHECKING:
    from lfsmig.survey.design import SurveyDesign

# Fewest persons of a control group when weights come calibrated and groups are only ours.
MIN_CASES = 5


def _changed(
    design: SurveyDesign, weights: Floats, replicates: Replicates | None,
    calibration: Calibration | None,
) -> SurveyDesign:  # fmt: skip
    """Copy a design with other weights; encoded columns and cells are shared."""
    made = copy.copy(design)
    made.weights = weights
    made.has_zero_weights = bool((weights == 0).any())
    made.replicates = replicates
    made.calibration = calibration
    made._r_handle = None
    return made


# ---- replicate weights ---------------------------------------------------------------------


def with_replicates(design: SurveyDesign, kind: str, options: Options) -> SurveyDesign:
    """Give a design replicate weights; calibrated weights are calibrated in each replicate."""
    plain = _uncalibrated(design)
    return _replicated(design, make_replicates(plain, kind, options))


def linked_replicates(
    designs: Sequence[SurveyDesign], kind: str = "bootstrap", replicates: int | None = None,
    seed: int = 1, *, mse: bool | None = None,
) -> list[SurveyDesign]:  # fmt: skip
    """Replicate weights of several years, a PSU that years share being drawn once for all of them.

    The covariance of two years' estimates is then that of their replicates: `series_change` takes
    it from the `influence` of the tables, `functionals.difference` from statistics of one's own.
    For a total and kind JKn it equals the overlap covariance of `change.py`; the bootstrap's
    expectation is that with its small-sample term (see `bootstrap.py`).

    Parameters
    ----------
    designs
        One design per year. PSUs are matched by stratum and PSU code, so only years whose codes
        mean the same places belong together.
    kind
        `bootstrap` or `JKn`.
    replicates
        Number of bootstrap replicates, 500 by default.
    seed
        Seed of the draw; a stratum's draw depends on the seed, its name and its PSUs only.
    mse
        Centre on the estimate; by default for the bootstrap only.

    Returns
    -------
    list of SurveyDesign
        The designs with replicates, in the order given.
    """
    if not designs:
        raise EstimationError("no design was given; link the designs of two years or more")
    plain = [_uncalibrated(design) for design in designs]
    made = make_linked(plain, kind, Options(replicates=replicates, seed=seed, mse=mse))
    return [_replicated(design, one) for design, one in zip(designs, made, strict=True)]


def _uncalibrated(design: SurveyDesign) -> SurveyDesign:
    if design.calibration is None:
        return design
    return _changed(design, design.calibration.base, design.replicates, None)


def _replicated(design: SurveyDesign, replicates: Replicates) -> SurveyDesign:
    made = _changed(design, design.weights, replicates, design.calibration)
    made.base_replicates = replicates
    if design.calibration is not None:
        made.replicates = recalibrated(replicates, design.calibration)
    return made


# ---- calibration ---------------------------------------------------------------------------


def poststratify(
    design: SurveyDesign, by: Sequence[str], totals: Totals | None, min_cases: int | None
) -> SurveyDesign:
    """Post-stratify; see `SurveyDesign.poststratified`."""
    least = (MIN_CASES if totals is None else 1) if min_cases is None else min_cases
    levels = [design.levels(name) for name in by]
    if not levels:
        raise EstimationError("post-stratification needs a column; name it in `by`")
    control = cell_control(levels, design.weights, totals, least, design.namer)
    return _calibrated(design, poststratified(control, design.weights), totals is None)


def rake(
    design: SurveyDesign, margins: Sequence[str | Sequence[str]], totals: Sequence[Totals] | None,
    unweighted: bool,
) -> SurveyDesign:  # fmt: skip
    """Rake to several margins; see `SurveyDesign.raked`."""
    if len(margins) < 2:
        raise EstimationError("raking needs two margins; with one use poststratified")
    if totals is not None and len(totals) != len(margins):
        raise EstimationError(
            f"{len(margins)} margins have totals for {len(totals)}; give each its"
        )
    controls = []
    for number, margin in enumerate(margins):
        names = [margin] if isinstance(margin, str) else list(margin)
        levels = [design.levels(name) for name in names]
        stated = None if totals is None else totals[number]
        controls.append(cell_control(levels, design.weights, stated, 1, design.namer))
    return _calibrated(design, raked(controls, design.weights, unweighted), totals is None)


def calibrate(
    design: SurveyDesign, columns: Sequence[str], totals: Mapping[str, object] | None,
    allow_negative: bool,
) -> SurveyDesign:  # fmt: skip
    """Calibrate linearly; see `SurveyDesign.calibrated`."""
    if not columns:
        raise EstimationError("calibration needs a control column")
    if totals is not None and set(totals) != set(columns):
        odd = sorted(set(totals) ^ set(columns))[0]
        raise EstimationError(
            f"totals and control columns differ in {odd!r}; give each column its totals"
        )
    controls = [
        _control(design, name, None if totals is None else totals[name], totals is not None)
        for name in columns
    ]
    made = linear(controls, design.weights, allow_negative, totals is not None, design.namer)
    return _calibrated(design, made, totals is None)


def _control(design: SurveyDesign, name: str, totals: object, given: bool) -> Control:
    stated = isinstance(totals, Mapping) or hasattr(totals, "items")
    if stated if given else _is_category(design, name):
        levels = [design.levels(name)]
        return cell_control(levels, design.weights, totals, 1, design.namer)  # type: ignore[arg-type]
    values = design.numbers(name)
    return numeric_control(
        name, values, totals if given else float(design.weights @ values), design.namer
    )


def _is_category(design: SurveyDesign, name: str) -> bool:
    return not pd.api.types.is_numeric_dtype(design.column(name).dtype)


def _calibrated(design: SurveyDesign, calibration: Calibration, given: bool) -> SurveyDesign:
    if design.calibration is not None:
        raise EstimationError("the weights of this design are calibrated already")
    # Weights that came calibrated are the office's: not a bit of them changes.
    weights = design.weights if given else calibration.weights
    made = _changed(design, weights, design.replicates, calibration)
    if design.replicates is not None:
        made.base_replicates = design.replicates
        made.replicates = recalibrated(design.replicates, calibration)
    return made
