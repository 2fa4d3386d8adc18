"""From an estimate and its covariance to tests and intervals: what models and series share."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real

import numpy as np
import pandas as pd
from scipy import special

from lfsmig.errors import EstimationError
from lfsmig.survey.estimate import ROUNDING
from lfsmig.survey.intervals import t_quantile
from lfsmig.survey.multiplicity import adjusted

ENGINES = ("python", "r")
TESTED = ["estimate", "se", "df", "ci_low", "ci_high", "statistic_value", "p"]
# An eigenvalue of a covariance matrix this small beside the largest is zero.
SINGULAR = 1e-12


def check_options(engine: str = "python", level: object = 0.95) -> None:
    """Refuse an engine that there is not, or a confidence level outside 0 to 1."""
    if engine not in ENGINES:
        raise EstimationError(f"engine {engine!r} is not known; use one of {', '.join(ENGINES)}")
    if not (isinstance(level, Real) and 0 < float(level) < 1):
        raise EstimationError(f"level={level!r} is not between 0 and 1")


def tested(
    estimate: np.ndarray, se: np.ndarray, df: np.ndarray | float, level: float = 0.95,
    engine: str = "python",
) -> pd.DataFrame:  # fmt: skip
    """Limits, t and two-sided p of estimates (columns `TESTED`).

    An estimate without an error has no t; without a degree of freedom there is no interval and
    no p.
    """
    check_options(engine, level)
    estimate, se = np.asarray(estimate, dtype=float), np.asarray(se, dtype=float)
    df = np.broadcast_to(np.asarray(df), estimate.shape)
    if engine == "r":
        from lfsmig.survey.r_models import tested_in_r

        values = (estimate, se, df, *tested_in_r(estimate, se, df, level))
        return pd.DataFrame(dict(zip(TESTED, values, strict=True)))
    t = t_quantile(1 - (1 - level) / 2, df)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(se > 0, estimate / se, np.nan)
        p = np.where(df > 0, 2 * special.stdtr(np.maximum(df, 1), -np.abs(statistic)), np.nan)
    values = (estimate, se, df, estimate - t * se, estimate + t * se, statistic, p)
    return pd.DataFrame(dict(zip(TESTED, values, strict=True)))


def linear_contrasts(
    estimate: np.ndarray, covariance: np.ndarray, df: float,
    contrasts: Mapping[str, np.ndarray], level: float = 0.95, adjust: str | None = None,
    engine: str = "python",
) -> pd.DataFrame:  # fmt: skip
    """Sums `c'estimate` with their tests, one row per contrast (R's `svycontrast`).

    Parameters
    ----------
    contrasts
        Name -> coefficients, one for each estimate.
    adjust
        `holm` or `bh`: adds `p_adjusted` for the contrasts as one family.
    """
    c = np.stack([np.asarray(values, dtype=float) for values in contrasts.values()])
    size = np.abs(c) @ np.abs(np.nan_to_num(estimate))
    variance = np.einsum("ij,jk,ik->i", c, covariance, c)
    se = np.sqrt(np.maximum(variance, 0.0))
    frame = tested(c @ estimate, np.where(se < ROUNDING * size, 0.0, se), df, level, engine)
    frame.insert(0, "contrast", list(contrasts))
    return frame if adjust is None else frame.assign(p_adjusted=adjusted(frame["p"], adjust))


def wald_test(
    estimate: np.ndarray, covariance: np.ndarray, df: float,
    hypothesis: np.ndarray | None = None, engine: str = "python",
) -> pd.DataFrame:  # fmt: skip
    """Wald test of `L estimate = 0` with the F adjusted for the design's degrees of freedom.

    W = (L e)' (L V L')^-1 (L e); with q rows of L, F = (df - q + 1) / (df q) W follows
    F(q, df - q + 1) (Korn and Graubard 1990; methods.md 4.10). W against chi-square would ignore
    that V is estimated from few PSUs.

    Parameters
    ----------
    hypothesis
        L (q x number of estimates); None: every estimate is zero.

    Returns
    -------
    DataFrame
        One row: chisq (W), statistic_value (F), df_num, df_den, p. Without a degree of freedom
        left, or with fewer independent rows than q, statistic_value and p are NaN.
    """
    check_options(engine)
    rows = np.eye(len(estimate)) if hypothesis is None else np.atleast_2d(hypothesis)
    if rows.shape[1] != len(estimate):
        raise EstimationError(
            f"the hypothesis has {rows.shape[1]} columns for {len(estimate)} estimates"
        )
    q = len(rows)
    if engine == "r":
        from lfsmig.survey.r_models import wald_test_in_r

        chisq, statistic, p = wald_test_in_r(estimate, covariance, df, rows)
    else:
        chisq, statistic, p = wald_statistics(rows @ estimate, rows @ covariance @ rows.T, df)
    return pd.DataFrame(
        {"chisq": [chisq], "statistic_value": [statistic], "df_num": [q],
         "df_den": [df - q + 1], "p": [p]}
    )  # fmt: skip


def wald_statistics(
    value: np.ndarray, covariance: np.ndarray, df: float
) -> tuple[float, float, float]:
    """Chi-square, adjusted F and its p of the hypothesis that `value` is zero (see `wald_test`)."""
    q = len(value)
    if not _invertible(covariance):
        return np.nan, np.nan, np.nan
    chisq = float(value @ np.linalg.solve(covariance, value))
    if df - q + 1 <= 0:
        return chisq, np.nan, np.nan
    statistic = (df - q + 1) / (df * q) * chisq
    return chisq, statistic, float(special.fdtrc(q, df - q + 1, statistic))


def _invertible(covariance: np.ndarray) -> bool:
    if not np.isfinite(covariance).all():
        return False
    scale = np.sqrt(np.diag(covariance))
    if not (scale > 0).all():
        return False
    roots = np.linalg.eigvalsh(covariance / np.outer(scale, scale))
    return bool(roots[0] > SINGULAR * roots[-1])
