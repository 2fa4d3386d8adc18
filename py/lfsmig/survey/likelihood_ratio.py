"""Working likelihood ratio test of terms of a survey-weighted regression (Rao-Scott).

Twice the difference of the log pseudo-likelihoods, with weights that sum to the sample size, is
distributed as a sum of chi-squares with 1 df, each times an eigenvalue of V0^-1 V: V the design's
covariance of the tested coefficients, V0 the one that the likelihood would give. The denominator
degrees of freedom make it a sum of F, whose tail is Kuonen's saddlepoint approximation. Sources:
Lumley and Scott (2014), Australian and New Zealand Journal of Statistics 56, 1-14; Kuonen (1999),
Biometrika 86, 929-935; R survey 4.1-1, `regTermTest(method = "LRT")`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize, special

from lfsmig.errors import EstimationError
from lfsmig.survey.formula import Term, term_text
from lfsmig.survey.irls import Sums, basis_of, derivatives, fit
from lfsmig.survey.model_matrix import ModelMatrix

if TYPE_CHECKING:
    from lfsmig.survey.models import Regression

# A saddlepoint this near zero is a removable singularity of the formula (R's `saddle`).
NEAR_ZERO = 1e-4


def refuse_nested(terms: Sequence[Term], tested: set[Term]) -> None:
    """Refuse a test of a term that a remaining interaction contains: its model is the same."""
    for term in terms:
        inside = [one for one in tested if term not in tested and set(one) < set(term)]
        if inside:
            raise EstimationError(
                f"term {term_text(inside[0])!r} is part of {term_text(term)!r}; a likelihood ratio "
                "test needs both left out"
            )


def likelihood_ratio(model: Regression, sums: Sums, positions: list[int]) -> tuple[float, float]:
    """Working 2 log likelihood ratio of some coefficients, and its p.

    `sums` are those of the model's patterns.
    """
    kept = [i for i in range(len(model.model.columns)) if i not in positions]
    smaller = replace(model.model, columns=tuple(model.model.columns[i] for i in kept))
    whole, information = _likelihood(model, model.model, sums)
    part, _ = _likelihood(model, smaller, sums)
    at = np.ix_(positions, positions)
    naive = np.linalg.inv(information)[at] / model.n
    lambdas = np.linalg.eigvals(np.linalg.solve(naive, model.covariance[at])).real
    chisq = 2 * model.n * (whole - part)
    return chisq, tail_of_f_sum(chisq, lambdas, model.df)


def _likelihood(model: Regression, matrix: ModelMatrix, sums: Sums) -> tuple[float, np.ndarray]:
    """Log pseudo-likelihood at its highest and the information, per unit of weight."""
    basis = basis_of(matrix, sums.weight)
    beta, _ = fit(model.family, matrix, basis, sums)
    value, _, information = derivatives(model.family, matrix, basis, sums, beta)
    return value, basis.triangle.T @ information @ basis.triangle


def tail_of_f_sum(x: float, lambdas: np.ndarray, df: float) -> float:
    """Probability that a sum of F(1, df), each times a lambda, exceeds x (R's `pFsum`)."""
    weights = np.concatenate([lambdas, np.full(round(df), -x / df)])
    found = _saddlepoint(weights)
    if not np.isnan(found):
        return found
    # Satterthwaite's, where the saddlepoint has no value.
    mean, ratio = lambdas.mean(), (lambdas**2).mean() / lambdas.mean() ** 2
    count = len(lambdas) / ratio
    return float(special.fdtrc(count, df, x / count / (mean * ratio)))


def _saddlepoint(weights: np.ndarray) -> float:
    """Probability that a sum of chi-squares with 1 df, each times a weight, exceeds zero."""
    scaled = weights / weights.max()
    if not (scaled < 0).any():
        return np.nan
    low = (1 / (2 * scaled[scaled < 0])).max() * 0.99999
    high = (1 / (2 * scaled[scaled > 0])).min() * 0.99999

    def slope(zeta: float) -> float:
        return float((scaled / (1 - 2 * zeta * scaled)).sum())

    if slope(low) * slope(high) > 0:
        return np.nan
    zeta = optimize.brentq(slope, low, high, xtol=1e-14)
    if abs(zeta) < NEAR_ZERO:
        return np.nan
    height = np.log(1 - 2 * zeta * scaled).sum()
    curve = 2 * (scaled**2 / (1 - 2 * zeta * scaled) ** 2).sum()
    w = np.sign(zeta) * np.sqrt(height)
    return float(special.ndtr(-(w + np.log(zeta * np.sqrt(curve) / w) / w)))
