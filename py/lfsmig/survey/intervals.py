"""Confidence intervals from an estimate, its standard error and its degrees of freedom.

====================  ===========  ==============================================================
method                for          limits
====================  ===========  ==============================================================
``logit``             proportions  expit(logit(p) -+ t se / (p (1 - p))); R's ``xlogit``
``beta``              proportions  Korn-Graubard as R's ``beta``: n* = n_eff (t_n / t)^2
``beta_nchs``         proportions  Korn-Graubard as NCHS: the same n*, but at most n
``beta_nhis``         proportions  Korn-Graubard as NHIS: n* = n_eff without (t_n / t)^2, at most n
``beta_plain``        proportions  Korn-Graubard with n* = n_eff: neither adjusted nor capped
``wilson``            proportions  Wilson's score interval with n_eff and t
``log``               positive     estimate exp(-+ t se / estimate)
``wald``              all          estimate -+ t se
====================  ===========  ==============================================================

t is Student's quantile with the cell's df, t_n with n - 1; n_eff = p (1 - p) / se^2, and n where p
is 0 or 1. The Korn-Graubard limits are the quantiles of Beta(x, n* - x + 1) and
Beta(x + 1, n* - x) with x = n* p. Defaults: logit for shares and rates of a 0/1 item, log for
totals of an item that is never negative, Wald elsewhere; logit takes the ``beta`` limits where p
is 0 or 1. Without a degree of freedom there is no interval.

Sources: Korn and Graubard (1998), Survey Methodology 24; R survey 4.1-1, `svyciprop`; NCHS: Parker
et al. (2017), Vital and Health Statistics 2(175), as CDC's R package surveytable computes it
(`svyciprop_adjusted`, adj = "NCHS" and "NHIS").
"""

from __future__ import annotations

import numpy as np
from scipy import special

from lfsmig.errors import EstimationError

# Korn-Graubard intervals: whether n_eff is adjusted for the degrees of freedom, and capped at n.
KORN_GRAUBARD = {
    "beta": (True, False),
    "beta_nchs": (True, True),
    "beta_nhis": (False, True),
    "beta_plain": (False, False),
}
FOR_PROPORTIONS = ("logit", *KORN_GRAUBARD, "wilson")
METHODS = (*FOR_PROPORTIONS, "log", "wald")
# A share this close to 0 or 1 is 0 or 1: only summation order is left in the difference.
AT_BOUND = 1e-12


def is_proportion(statistic: str, over: str | None) -> bool:
    """Say whether a statistic lies between 0 and 1; a mean does if its item is 0 and 1."""
    return statistic in ("share", "mean") or (statistic == "rate" and over is None)


def default_method(statistic: str, signed: bool, over: str | None = None) -> str:
    """Name the interval used when none is asked for."""
    if statistic != "mean" and is_proportion(statistic, over):
        return "logit"
    return "log" if statistic == "total" and not signed else "wald"


def check_method(method: str, statistic: str, over: str | None = None) -> str:
    """Refuse an unknown interval, or one made for proportions on something else."""
    if method not in METHODS:
        raise EstimationError(f"ci={method!r} is not known; use one of {', '.join(METHODS)}")
    if method in FOR_PROPORTIONS and not is_proportion(statistic, over):
        word = f"{statistic} of two totals" if over is not None else statistic
        raise EstimationError(f"ci={method!r} is for shares, not for a {word}; use log or wald")
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
    """Return both limits by one method; proportions as 0 to 1."""
    t = t_quantile(1 - (1 - level) / 2, df)
    with np.errstate(all="ignore"):
        if method == "wald":
            return estimate - t * se, estimate + t * se
        if method == "log":
            return _log(estimate, se, t)
        if method == "logit":
            return logit(estimate, se, df, n, level)
        if method == "wilson":
            return wilson(estimate, se, t, n)
        adjust, cap = KORN_GRAUBARD[method]
        return korn_graubard(estimate, se, df, n, level, cap, adjust)


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
    cap: bool = False, adjust: bool = True,
) -> np.ndarray:  # fmt: skip
    """Effective sample size p (1 - p) / se^2; at 0 and 1 the sample size itself.

    `adjust` multiplies it by Korn and Graubard's correction for degrees of freedom,
    (t_n / t)^2; `cap` keeps it at or below the sample size. Infinite without sampling error.
    """
    with np.errstate(all="ignore"):
        size = p * (1 - p) / se**2
        if adjust:
            upper = 1 - (1 - level) / 2
            size = size * (t_quantile(upper, n - 1) / t_quantile(upper, df)) ** 2
        size = np.where(at_bound(p), n, size)
        size = np.where(df > 0, size, np.nan)
        return np.minimum(size, n) if cap else size


def korn_graubard(
    p: np.ndarray, se: np.ndarray, df: np.ndarray, n: np.ndarray, level: float = 0.95,
    cap: bool = False, adjust: bool = True,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Clopper-Pearson limits with the effective sample size (see `effective_n`)."""
    p, se, df, n = (np.asarray(v, dtype=float) for v in (p, se, df, n))
    alpha = 1 - level
    with np.errstate(all="ignore"):
        size = effective_n(p, se, df, n, level, cap, adjust)
        cases = size * np.clip(p, 0, 1)
        low = special.betaincinv(cases, size - cases + 1, alpha / 2)
        high = special.betaincinv(cases + 1, size - cases, 1 - alpha / 2)
    # An infinite effective size: no sampling error, so both limits are the estimate.
    low, high = (np.where(np.isinf(size), p, limit) for limit in (low, high))
    low = np.where(p < AT_BOUND, 0.0, low)
    high = np.where(p > 1 - AT_BOUND, 1.0, high)
    known = ~np.isnan(size) & ~np.isnan(p)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


def wilson(
    p: np.ndarray, se: np.ndarray, t: np.ndarray, n: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's score interval with the effective sample size, n where p is 0 or 1."""
    with np.errstate(all="ignore"):
        size = np.where(at_bound(p), n, p * (1 - p) / se**2)
        middle = p + t**2 / (2 * size)
        half = t * np.sqrt(p * (1 - p) / size + t**2 / (4 * size**2))
        low, high = (middle - half) / (1 + t**2 / size), (middle + half) / (1 + t**2 / size)
    return np.where(p < AT_BOUND, 0.0, low), np.where(p > 1 - AT_BOUND, 1.0, high)
