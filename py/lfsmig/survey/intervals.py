"""Confidence intervals from an estimate, its standard error and its degrees of freedom.

Defaults: logit for shares, log for totals of an item that is never negative, Wald elsewhere.
All use Student's t; without a degree of freedom there is no interval.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from lfsmig.errors import EstimationError

METHODS = ("logit", "beta", "wilson", "log", "wald")
# A share this close to 0 or 1 is 0 or 1: only summation order is left in the difference.
AT_BOUND = 1e-12


def default_method(statistic: str, signed: bool) -> str:
    """Name the interval used when none is asked for."""
    if statistic == "share":
        return "logit"
    return "log" if statistic == "total" and not signed else "wald"


def check_method(method: str, statistic: str) -> str:
    """Refuse an unknown interval, or one made for proportions on something else."""
    if method not in METHODS:
        raise EstimationError(f"ci={method!r} is not known; use one of {', '.join(METHODS)}")
    if method in ("logit", "beta", "wilson") and statistic not in ("share", "mean"):
        raise EstimationError(
            f"ci={method!r} is for shares, not for a {statistic}; use log or wald"
        )
    return method


def t_quantile(probability: float | np.ndarray, df: np.ndarray) -> np.ndarray:
    """Student's quantile; NaN where there is no degree of freedom."""
    df = np.asarray(df, dtype=float)
    with np.errstate(invalid="ignore"):
        value = special.stdtrit(np.where(df > 0, df, 1.0), probability)
    return np.where(df > 0, value, np.nan)


def interval(
    method: str, estimate: np.ndarray, se: np.ndarray, df: np.ndarray, n: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return both limits by one method."""
    t = t_quantile(1 - (1 - level) / 2, df)
    with np.errstate(all="ignore"):
        if method == "wald":
            return estimate - t * se, estimate + t * se
        if method == "log":
            return _log(estimate, se, t)
        if method == "logit":
            return logit(estimate, se, df, n, level)
        if method == "wilson":
            return wilson(estimate, se, t)
        return korn_graubard(estimate, se, df, n, level)


def _log(estimate: np.ndarray, se: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    spread = np.exp(t * se / estimate)
    return (
        np.where(estimate > 0, estimate / spread, np.nan),
        np.where(estimate > 0, estimate * spread, np.nan),
    )


def logit(
    p: np.ndarray, se: np.ndarray, df: np.ndarray, n: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Wald on the logit scale (R's `xlogit`); Korn-Graubard at 0 and 1, where that has none."""
    with np.errstate(all="ignore"):
        half = t_quantile(1 - (1 - level) / 2, df) * se / (p * (1 - p))
        low, high = special.expit(special.logit(p) - half), special.expit(special.logit(p) + half)
        bound = at_bound(p)
        kg_low, kg_high = korn_graubard(p, se, df, n, level)
    return np.where(bound, kg_low, low), np.where(bound, kg_high, high)


def at_bound(p: np.ndarray) -> np.ndarray:
    """Say which shares are 0 or 1."""
    with np.errstate(invalid="ignore"):
        return (p < AT_BOUND) | (p > 1 - AT_BOUND)


def effective_n(
    p: np.ndarray, se: np.ndarray, df: np.ndarray, n: np.ndarray, level: float,
    cap: bool = False,
) -> np.ndarray:  # fmt: skip
    """Effective sample size with Korn and Graubard's correction for degrees of freedom.

    At 0 and 1 the sample size itself; `cap` keeps it at or below the sample size (NCHS).
    """
    with np.errstate(all="ignore"):
        upper = 1 - (1 - level) / 2
        correction = (t_quantile(upper, n - 1) / t_quantile(upper, df)) ** 2
        size = p * (1 - p) / se**2 * correction
        size = np.where(at_bound(p), np.where(df > 0, n, np.nan), size)
        return np.minimum(size, n) if cap else size


def korn_graubard(
    p: np.ndarray, se: np.ndarray, df: np.ndarray, n: np.ndarray, level: float = 0.95,
    cap: bool = False,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Clopper-Pearson limits with the effective sample size (R's `beta`; `cap` as NCHS)."""
    p, se, df, n = (np.asarray(v, dtype=float) for v in (p, se, df, n))
    alpha = 1 - level
    with np.errstate(all="ignore"):
        size = effective_n(p, se, df, n, level, cap)
        cases = size * np.clip(p, 0, 1)
        low = special.betaincinv(cases, size - cases + 1, alpha / 2)
        high = special.betaincinv(cases + 1, size - cases, 1 - alpha / 2)
    low = np.where(p < AT_BOUND, 0.0, low)
    high = np.where(p > 1 - AT_BOUND, 1.0, high)
    known = ~np.isnan(size) & ~np.isnan(p)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


def wilson(p: np.ndarray, se: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's interval with the effective sample size p(1-p)/variance; a check on the others."""
    size = p * (1 - p) / se**2
    middle = p + t**2 / (2 * size)
    half = t * np.sqrt(p * (1 - p) / size + t**2 / (4 * size**2))
    return (middle - half) / (1 + t**2 / size), (middle + half) / (1 + t**2 / size)
