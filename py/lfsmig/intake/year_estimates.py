"""Estimates of a year and of the year before, made once for all checks of the series."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from lfsmig import indicators, trends
from lfsmig.errors import EstimationError, InputError
from lfsmig.intake.harmonise import Harmonised
from lfsmig.intake.protocol import NotApplicable, Subject, before
from lfsmig.params import Indicator, Params
from lfsmig.survey import SurveyDesign
from lfsmig.survey.change import YearCells


@dataclass(frozen=True)
class Made:
    """A year's analysis frame and its sampling design."""

    year: int
    frame: pd.DataFrame
    design: SurveyDesign


def made_now(subject: Subject) -> Made:
    """Return the year's analysis frame and design, or end the check."""
    return subject.once("now", lambda: _made(subject.params, subject.year, subject.data))


def made_before(subject: Subject) -> Made:
    """Return those of the year before."""
    earlier = before(subject)
    return subject.once("before", lambda: _made(subject.params, earlier.year, earlier))


def _made(params: Params, year: int, data: Harmonised) -> Made:
    try:
        frame = indicators.analysis_frame(data.frame, params, year)
        return Made(year, frame, indicators.survey_design(params, frame))
    except (EstimationError, InputError, KeyError, ValueError, TypeError):
        # The reason is what another check finds, such as a person without a weight.
        raise NotApplicable(f"{year} cannot be estimated before its errors are mended") from None


def narrowed(params: Params, chosen: Sequence[Indicator]) -> Params:
    """Return the parameters with a register of these indicators alone."""
    narrow = copy.copy(params)
    narrow.__dict__["indicators"] = list(chosen)
    return narrow


def registered(subject: Subject, by: list[list[str]]) -> list[Indicator]:
    """Return the indicators that the rule names, each with these tables."""
    named = set(subject.rule.indicators)
    found = [one for one in subject.params.indicators if one.id in named]
    if not found:
        raise NotApplicable("rules.yml names no indicators for it")
    return [one.model_copy(update={"by": by}) for one in found]


def estimated(params: Params, made: Made, chosen: Sequence[Indicator]) -> indicators.YearEstimates:
    """Estimate some indicators of a year by the Python engine, with their influence sums."""
    narrow = narrowed(params, chosen)
    planned, _ = indicators.tables(narrow, made.year, made.frame)
    if not planned:
        raise NotApplicable("the survey does not ask for what its indicators need")
    try:
        return indicators.estimate_year(narrow, made.year, made.frame, "python", counted=False)
    except (EstimationError, KeyError, ValueError, TypeError):
        raise NotApplicable(
            f"{made.year} cannot be estimated before its errors are mended"
        ) from None


def two_years(subject: Subject, chosen: Sequence[Indicator]) -> list[YearCells]:
    """Estimate indicators in the year before and in this one, ready for a test of the change."""
    params = subject.params
    cells = []
    for made in (made_before(subject), made_now(subject)):
        found = estimated(params, made, chosen)
        names = sorted(found.frame["indicator"].unique())
        cells.append(trends.year_cells(params, made.year, found, names))
    return cells
