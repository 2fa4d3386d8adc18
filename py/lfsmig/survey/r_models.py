"""Regressions by R's `svyglm`, through the functions in `r/models.R`.

R builds its own model matrix from the columns; its names of the coefficients are checked against
ours before a number is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lfsmig.errors import EstimationError
from lfsmig.survey import r_session as r
from lfsmig.survey.formula import Formula, Term
from lfsmig.survey.model_matrix import Column, ModelMatrix
from lfsmig.survey.r_engine import held_in_r, lonely_named

if TYPE_CHECKING:
    from lfsmig.survey.design import SurveyDesign
    from lfsmig.survey.models import Regression


def regression_in_r(
    design: SurveyDesign, formula: Formula, family: str, model: ModelMatrix, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray, int, Any]:
    """Coefficients, covariance, residual degrees of freedom, and R's own model."""
    held = held_in_r(design)
    names = _r_names(model)
    columns, levels = [], []
    for name, variable in model.variables.items():
        if variable.positions is None:
            columns.append(held.number(design, name))
            levels.append(r.null())
        else:
            columns.append(held.category(design, name))
            levels.append(r.text(*(str(code + 1) for code in variable.positions)))
    offset = r.null()
    if formula.offset is not None:
        values = design.numbers(formula.offset)
        with np.errstate(divide="ignore", invalid="ignore"):
            offset = r.numbers(np.log(values) if formula.log_offset else values)
    right = " + ".join(["1", *(_r_term(term, names) for term in formula.terms)])
    with lonely_named(design):
        found = r.fields(
            r.call(
                "fit_regression", held.design, _r_mask(design, rows),
                held.number(design, formula.response), r.text(right),
                r.listed(columns, list(names.values())), r.listed(levels, list(names.values())),
                r.text(family), offset,
            )
        )  # fmt: skip
    ours = [_r_column(column, model, names) for column in model.columns]
    if list(found["names"]) != ours:
        raise EstimationError(
            f"R made other coefficients of the formula than Python: {', '.join(found['names'])}"
        )
    count = len(ours)
    covariance = r.array(found["covariance"]).reshape(count, count)
    return r.array(found["estimate"]), covariance, int(r.array(found["df"])[0]), found["model"]


def term_test_in_r(model: Regression, positions: Sequence[int], method: str) -> tuple[float, float]:
    """Statistic and p of `regTermTest` for the terms at some coefficients."""
    names = _r_names(model.model)
    terms = dict.fromkeys(model.model.columns[i].term for i in positions)
    text = " + ".join(_r_term(term, names) for term in terms)
    function = "likelihood_ratio" if method == "LRT" else "test_terms"
    value, p = r.array(r.call(function, model.handle, r.text(text)))
    return float(value), float(p)


def margins_in_r(
    model: Regression, settings: Sequence[Mapping[str, float]]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean prediction under each setting (variable -> code of level, or number), and gradients."""
    found = r.fields(r.call("predictive_margins", model.handle, _r_settings(model, settings)))
    gradient = r.array(found["gradient"]).reshape(len(settings), -1)
    return r.array(found["estimate"]), gradient


def covariance_of_means_in_r(
    model: Regression, settings: Sequence[Mapping[str, float]]
) -> np.ndarray:
    """The design's covariance of the mean predictions, the coefficients taken as known."""
    found = r.array(r.call("covariance_of_means", model.handle, _r_settings(model, settings)))
    return found.reshape(len(settings), len(settings))


def _r_settings(model: Regression, settings: Sequence[Mapping[str, float]]) -> Any:
    names = _r_names(model.model)
    passed = []
    for setting in settings:
        values = [_r_value(model.model, name, value) for name, value in setting.items()]
        passed.append(r.listed(values, [names[name] for name in setting]))
    return r.listed(passed)


def slope_in_r(model: Regression, name: str) -> tuple[float, np.ndarray]:
    """Average derivative of the prediction by a number, and its gradient by the coefficients."""
    found = r.fields(r.call("average_slope", model.handle, r.text(_r_names(model.model)[name])))
    return float(r.array(found["estimate"])[0]), r.array(found["gradient"])


def table_test_in_r(
    design: SurveyDesign, rows: np.ndarray, names: tuple[str, str], statistic: str
) -> tuple[float, float, float, float]:
    """Value, degrees of freedom and p of `svychisq`."""
    held = held_in_r(design)
    both = [held.category(design, name) for name in names]
    with lonely_named(design):
        found = r.fields(
            r.call("table_test", held.design, _r_mask(design, rows), *both, r.text(statistic))
        )
    value, df_num, df_den, p = (
        float(r.array(found[name])[0]) for name in ("value", "df_num", "df_den", "p")
    )
    return value, df_num, df_den, p


def mean_test_in_r(
    design: SurveyDesign, rows: np.ndarray, of: str, group: str | None, null: float
) -> tuple[float, float, int]:
    """Estimate, SE and degrees of freedom of `svyttest`."""
    held = held_in_r(design)
    groups = r.null() if group is None else held.category(design, group)
    with lonely_named(design):
        found = r.fields(
            r.call("mean_test", held.design, _r_mask(design, rows), held.number(design, of), groups,
                   r.numbers(np.array([null])))
        )  # fmt: skip
    estimate, se, df = (float(r.array(found[name])[0]) for name in ("estimate", "se", "df"))
    return estimate, se, int(df)


def wald_test_in_r(
    estimate: np.ndarray, covariance: np.ndarray, df: float, hypothesis: np.ndarray
) -> tuple[float, float, float]:
    """Chi-square, adjusted F and p by `wald_test` of `r/tests.R`."""
    found = r.call(
        "wald_test", r.numbers(estimate), r.numbers(covariance.ravel()),
        r.numbers(np.array([df], dtype=float)), r.numbers(hypothesis.ravel()),
    )  # fmt: skip
    chisq, value, p = map(float, r.array(found))
    return chisq, value, p


def tested_in_r(
    estimate: np.ndarray, se: np.ndarray, df: np.ndarray, level: float
) -> tuple[np.ndarray, ...]:
    """Limits, t and p of estimates by `tested` of `r/tests.R`."""
    passed = (r.numbers(np.asarray(values, dtype=float)) for values in (estimate, se, df))
    found = r.fields(r.call("tested", *passed, r.numbers(np.array([level]))))
    return tuple(r.array(found[name]) for name in ("ci_low", "ci_high", "statistic_value", "p"))


def _r_mask(design: SurveyDesign, rows: np.ndarray) -> Any:
    keep = np.zeros(len(design.weights), bool)
    keep[rows] = True
    return r.logicals(keep)


def _r_names(model: ModelMatrix) -> dict[str, str]:
    """Plain names for R: no column's own name or label goes there."""
    return {name: f"v{number}" for number, name in enumerate(model.variables, start=1)}


def _r_term(term: Term, names: Mapping[str, str]) -> str:
    return ":".join(names[name] for name in term)


def _r_column(column: Column, model: ModelMatrix, names: Mapping[str, str]) -> str:
    if not column.term:
        return "(Intercept)"
    parts = []
    for name, code in zip(column.term, column.codes, strict=True):
        positions = model.variables[name].positions
        level = "" if code is None or positions is None else str(positions[code] + 1)
        parts.append(names[name] + level)
    return ":".join(parts)


def _r_value(model: ModelMatrix, name: str, value: float) -> Any:
    positions = model.variables[name].positions
    if positions is None:
        return r.numbers(np.array([value]))
    return r.text(str(positions[int(value)] + 1))
