"""What a regression says in the outcome's own unit: predictive margins and marginal effects.

A predictive margin is the mean of the model's predictions if every record of the model had one
level of a category (Graubard and Korn 1999; methods.md 5.4); its gradient gives its variance by
the delta method. An average marginal effect is the difference of the margins of a level and the
reference, or the mean derivative by a number. Both keep each record's own offset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from lfsmig.errors import EstimationError
from lfsmig.survey.columns import level_text
from lfsmig.survey.inference import TESTED, linear_contrasts, tested
from lfsmig.survey.intervals import interval
from lfsmig.survey.model_matrix import ModelMatrix, Variable
from lfsmig.survey.models import Regression, pattern_sums
from lfsmig.survey.sandwich import (
    linearised_covariance,
    record_sums,
    replicate_covariance,
    replicate_sums,
)

Setting = Mapping[str, float]
COVARIATES = ("fixed", "sampled")
# Interval of a mean prediction: inside the range that the family allows.
INTERVALS = {"gaussian": "wald", "binomial": "logit", "poisson": "log"}


@dataclass(frozen=True)
class Margins:
    """Margins or effects: tidy rows, and the covariance of their estimates in that order."""

    frame: pd.DataFrame
    covariance: np.ndarray
    df: int
    level: float
    engine: str = "python"


def predictive_margins(
    model: Regression, by: str | Sequence[str], covariates: str = "fixed"
) -> Margins:
    """Mean prediction at every level of a category, or every crossing of several.

    Parameters
    ----------
    by
        Categories of the model. Empty: the mean prediction as the records are.
    covariates
        `fixed`: the other columns count as they are in the sample (the variance is g'Vg).
        `sampled`: they are a sample, too; the design's variance of the mean prediction is added,
        as R's `svypredmeans` does.

    Returns
    -------
    Margins
        Rows in the order of levels, the reference first: the columns of `by`, then estimate, se,
        df, limits (logit scale for binomial, log scale for Poisson), t and p.
    """
    if covariates not in COVARIATES:
        raise EstimationError(
            f"covariates={covariates!r} is not known; use one of {', '.join(COVARIATES)}"
        )
    names = [by] if isinstance(by, str) else list(by)
    variables = [_category(model, name) for name in names]
    sizes = [range(len(variable.texts)) for variable in variables]
    settings = [dict(zip(names, map(float, codes), strict=True)) for codes in product(*sizes)]
    estimate, gradient = _margins(model, settings)
    covariance = gradient @ model.covariance @ gradient.T
    if covariates == "sampled":
        covariance = covariance + _covariance_of_means(model, settings, estimate)
    keys = pd.DataFrame(
        {
            variable.name: variable.levels.take(
                np.array([int(setting[variable.name]) for setting in settings])
            )
            for variable in variables
            if variable.levels is not None
        },
        index=range(len(settings)),
    )
    values = tested(estimate, np.sqrt(np.diag(covariance)), model.df, model.level, model.engine)
    ci = INTERVALS[model.family.name]
    n = np.full(len(values), model.n)
    df = np.full(len(values), model.df)
    limits = interval(ci, estimate, values["se"].to_numpy(), df, n, model.level)
    values["ci_low"], values["ci_high"] = limits
    frame = pd.concat([keys, values], axis=1)
    return Margins(frame, covariance, model.df, model.level, model.engine)


def marginal_effects(model: Regression, *variables: str) -> Margins:
    """Average marginal effects of some variables (all, if none is named).

    Returns
    -------
    Margins
        One row for a number (the mean derivative; `level` empty), one for each level but the
        reference of a category (margin less the reference's): term, level, estimate, se, df,
        limits, t and p. Effects of a probability are differences, 0.01 a percentage point.
    """
    names = list(variables) or list(model.model.variables)
    if not names:
        raise EstimationError("the model has no term, so there is no marginal effect")
    estimates, gradients, keys = [], [], []
    for name in names:
        variable = _variable(model, name)
        if variable.levels is None:
            found = [_slope(model, name)]
            keys.append((name, ""))
        else:
            found = _level_effects(model, variable)
            keys += [(name, text) for text in variable.texts[1:]]
        for estimate, gradient in found:
            estimates.append(estimate)
            gradients.append(gradient)
    g = np.stack(gradients)
    covariance = g @ model.covariance @ g.T
    frame = pd.DataFrame(keys, columns=["term", "level"])
    se = np.sqrt(np.diag(covariance))
    values = tested(np.array(estimates), se, model.df, model.level, model.engine)
    frame = pd.concat([frame, values], axis=1)
    return Margins(frame, covariance, model.df, model.level, model.engine)


def margin_contrasts(
    margins: Margins, contrasts: Mapping[str, Mapping[object, float]], adjust: str | None = None
) -> pd.DataFrame:
    """Sums over margins or effects with their covariance, such as one year less another.

    Parameters
    ----------
    contrasts
        Name -> {key of a row: coefficient}. The key is the level (its text or value); for a
        crossing, or for effects, a tuple in the order of the key columns.
    adjust
        `holm` or `bh`: adds `p_adjusted` over the contrasts.
    """
    keys = [name for name in margins.frame.columns if name not in TESTED]
    rows = {
        tuple(map(level_text, key)): position
        for position, key in enumerate(margins.frame[keys].itertuples(index=False))
    }
    weights = {}
    for name, parts in contrasts.items():
        weights[name] = np.zeros(len(rows))
        for key, coefficient in parts.items():
            wanted = tuple(map(level_text, key if isinstance(key, tuple) else (key,)))
            if wanted not in rows:
                known = ", ".join("/".join(row) for row in rows)
                raise EstimationError(
                    f"contrast {name!r}: there is no row {'/'.join(wanted)!r} (rows: {known})"
                )
            weights[name][rows[wanted]] += coefficient
    estimate = margins.frame["estimate"].to_numpy()
    return linear_contrasts(
        estimate, margins.covariance, margins.df, weights, margins.level, adjust, margins.engine
    )


def _variable(model: Regression, name: str) -> Variable:
    if name not in model.model.variables:
        raise EstimationError(
            f"{name!r} is not in the model; it has {', '.join(model.model.variables)}"
        )
    return model.model.variables[name]


def _category(model: Regression, name: str) -> Variable:
    variable = _variable(model, name)
    if variable.levels is None:
        raise EstimationError(
            f"{name!r} is a number in the model; margins need a category: "
            f"write factor({name}) in the formula, or ask for its marginal effect"
        )
    return variable


# ---- estimates and gradients, by the model's engine ----------------------------------------


def _margins(model: Regression, settings: Sequence[Setting]) -> tuple[np.ndarray, np.ndarray]:
    """Mean prediction under each setting, and the gradients (settings x coefficients)."""
    if model.engine == "r":
        from lfsmig.survey.r_models import margins_in_r

        return margins_in_r(model, settings)
    weight = _pattern_weights(model)
    found = [_mean_prediction(model, setting, weight) for setting in settings]
    return np.array([value for value, _ in found]), np.stack([slope for _, slope in found])


def _pattern_weights(model: Regression) -> np.ndarray:
    weight = model.design.weights[model.rows]
    return pattern_sums(model.model, weight, np.zeros(len(weight))).weight


def _mean_prediction(
    model: Regression, setting: Setting, weight: np.ndarray
) -> tuple[float, np.ndarray]:
    """Weighted mean of the predictions under a setting, and its gradient."""
    value, gradient = 0.0, np.zeros(len(model.coefficients))
    for chunk in model.model.chunks():
        x = model.model.matrix(chunk, setting)
        mu = _prediction(model, model.model, chunk, x)
        value += float(weight[chunk] @ mu)
        gradient += (weight[chunk] * model.family.slope(mu)) @ x
    return value / weight.sum(), gradient / weight.sum()


def _prediction(model: Regression, matrix: ModelMatrix, chunk: slice, x: np.ndarray) -> np.ndarray:
    return model.family.mean(x @ model.coefficients + matrix.offset[chunk])


def _covariance_of_means(
    model: Regression, settings: Sequence[Setting], estimate: np.ndarray
) -> np.ndarray:
    """The design's covariance of the mean predictions, the coefficients taken as known."""
    if model.engine == "r":
        from lfsmig.survey.r_models import covariance_of_means_in_r

        return covariance_of_means_in_r(model, settings)
    fitted = np.empty((model.model.n_patterns, len(settings)))
    for chunk in model.model.chunks():
        for position, setting in enumerate(settings):
            x = model.model.matrix(chunk, setting)
            fitted[chunk, position] = _prediction(model, model.model, chunk, x)
    design, rows = model.design, model.rows
    if design.replicates is not None:
        groups = design.replicates, rows, model.model.pattern, model.model.n_patterns
        thetas = np.stack([w @ fitted / w.sum() for w in replicate_sums(*groups)])
        return replicate_covariance(design.replicates, thetas, estimate)
    weight = design.weights[rows]
    scores = record_sums(weight / weight.sum(), model.model.pattern, fitted - estimate)
    return linearised_covariance(design, rows, scores)


def _slope(model: Regression, name: str) -> tuple[float, np.ndarray]:
    """Mean derivative by a number; the predictor is linear in each variable."""
    if model.engine == "r":
        from lfsmig.survey.r_models import slope_in_r

        return slope_in_r(model, name)
    weight = _pattern_weights(model)
    value, gradient = 0.0, np.zeros(len(model.coefficients))
    for chunk in model.model.chunks():
        x = model.model.matrix(chunk)
        step = model.model.matrix(chunk, {name: 1.0}) - model.model.matrix(chunk, {name: 0.0})
        mu = _prediction(model, model.model, chunk, x)
        rate = step @ model.coefficients
        first = weight[chunk] * model.family.slope(mu)
        value += float(first @ rate)
        gradient += (weight[chunk] * model.family.curve(mu) * rate) @ x + first @ step
    return value / weight.sum(), gradient / weight.sum()


def _level_effects(model: Regression, variable: Variable) -> list[tuple[float, np.ndarray]]:
    """Margin of each level less the reference's, with gradients."""
    settings = [{variable.name: float(code)} for code in range(len(variable.texts))]
    value, slope = _margins(model, settings)
    return [(value[i] - value[0], slope[i] - slope[0]) for i in range(1, len(value))]
