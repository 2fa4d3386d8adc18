"""Change between years, planned contrasts and trend, with the covariance that shared PSUs bring.

Half of the sample of one year comes back in the next, so two yearly estimates are not
independent. Their covariance is taken from the PSUs in both years:

    C = sum over strata of sqrt(n1 n2 / ((n1-1)(n2-1))) * sum over shared PSUs of
        (z1 - mean z1)(z2 - mean z2),

with the means over all PSUs of a year. It is the variance at full overlap and 0 at none. PSUs
are matched by stratum and code between years of the same `link` (years whose codes mean the same
places); years without a common link are independent.

With `scale="log"` everything is done on the logarithms of the estimates and given back in per
cent: a relative change, or the annual percentage change (APC) of a trend. t and p are those of the
logarithms, `se` is the delta method's, the limits are transformed.

Six years carry a straight line and planned contrasts; a quadratic is a sign of lack of fit only
(methods.md 5.1). `planned` and `polynomial` write such contrasts down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from lfsmig.errors import EstimationError
from lfsmig.survey import between_years
from lfsmig.survey.estimate import ROUNDING
from lfsmig.survey.inference import TESTED, check_options, tested
from lfsmig.survey.multiplicity import adjusted
from lfsmig.survey.series import Aligned, Series, YearCells, align, on_log_scale

__all__ = [
    "CHANGE_VALUES", "YearCells", "planned", "polynomial", "series_average", "series_change",
    "series_contrasts", "series_equality", "series_trend",
]  # fmt: skip

CHANGE_VALUES = TESTED
SCALES = ("linear", "log")
Contrasts = Mapping[str, Mapping[int, float]]


def series_change(
    cells: Series, engine: str = "python", level: float = 0.95,
    pairs: Sequence[tuple[int, int]] | None = None, scale: str = "linear",
) -> pd.DataFrame:  # fmt: skip
    """Change between two years, row by row.

    Parameters
    ----------
    cells
        Yearly tables with their PSU sums.
    pairs
        Pairs of years, from and to; without it each year of the series and the next one.
    scale
        `linear`, or `log` for the relative change in per cent.

    Returns
    -------
    DataFrame
        The key columns of the tables, year_from, year_to, estimate, se, df, ci_low, ci_high,
        statistic_value (t) and p, in the order of pairs, then rows.
    """
    aligned = align(cells)
    places = _pairs(aligned, pairs)
    if not places:
        return _empty(aligned, ["year_from", "year_to", *CHANGE_VALUES])
    change, se, df = _by(engine, "change", aligned, scale)(places)
    frames = []
    for position, (first, second) in enumerate(places):
        years = {"year_from": aligned.years[first], "year_to": aligned.years[second]}
        size = _size(aligned.estimate[[first, second]], scale)
        found = change[position], se[position], df[position]
        values = _values(engine, found, level, size, scale)
        frames.append(_with_keys(aligned, years, values))
    return pd.concat(frames, ignore_index=True)


def series_contrasts(
    cells: Series, contrasts: Contrasts, engine: str = "python", level: float = 0.95,
    scale: str = "linear", adjust: str = "holm",
) -> pd.DataFrame:  # fmt: skip
    """Planned contrasts over the years, with the full covariance between them (methods.md 5.3).

    Parameters
    ----------
    contrasts
        Name -> {year: coefficient}; see `planned` and `polynomial`.
    adjust
        `holm` (planned contrasts) or `bh`: p_adjusted takes the contrasts of a row as one family.

    Returns
    -------
    DataFrame
        As `series_change`, with contrast before year_from and p_adjusted at the end, in the order
        of contrasts, then rows. A contrast that needs a year without an estimate is NaN.
    """
    aligned = align(cells)
    weights = _contrast_weights(aligned, contrasts)
    columns = ["contrast", "year_from", "year_to", *CHANGE_VALUES, "p_adjusted"]
    if not len(weights):
        return _empty(aligned, columns)
    estimate, se, df = _by(engine, "contrasts", aligned, scale)(weights)
    frames = []
    for position, (name, c) in enumerate(zip(contrasts, weights, strict=True)):
        used = aligned.years[c != 0]
        keys = {"contrast": name, "year_from": used.min(), "year_to": used.max()}
        size = _size(aligned.estimate[c != 0], scale)
        found = estimate[position], se[position], df[position]
        values = _values(engine, found, level, size, scale)
        frames.append(_with_keys(aligned, keys, values))
    out = pd.concat(frames, ignore_index=True)
    p = out["p"].to_numpy().reshape(len(weights), -1)
    return out.assign(p_adjusted=np.apply_along_axis(adjusted, 0, p, adjust).ravel())


def series_equality(cells: Series, engine: str = "python") -> pd.DataFrame:
    """Wald test that the years of a row are all equal, with the covariance between them.

    Returns
    -------
    DataFrame
        The key columns, year_from, year_to, chisq (W), statistic_value (the adjusted F), df_num,
        df_den and p (of F). Without two years, or with a singular covariance, NaN.
    """
    aligned = align(cells)
    columns = ["year_from", "year_to", "chisq", "statistic_value", "df_num", "df_den", "p"]
    if not len(aligned.years):
        return _empty(aligned, columns)
    chisq, value, count, df, p = _by(engine, "equality", aligned, "linear")()
    values = (chisq, value, count, df - count + 1, p)
    frame = pd.DataFrame(dict(zip(columns[2:], values, strict=True)))
    return _with_keys(aligned, _span(aligned), frame)


def series_trend(
    cells: Series, engine: str = "python", level: float = 0.95, scale: str = "linear"
) -> pd.DataFrame:
    """Slope per year of a straight line through the years with an estimate (three at least).

    The line is fitted by generalised least squares with the full covariance matrix; on the log
    scale the slope is the annual percentage change, 100 (exp b - 1).

    Returns
    -------
    DataFrame
        The columns of `series_change` and lack_of_fit_p: whether a straight line is enough.
    """
    aligned = align(cells)
    if not len(aligned.years):
        return _empty(aligned, ["year_from", "year_to", *CHANGE_VALUES, "lack_of_fit_p"])
    *found, misfit = _by(engine, "trend", aligned, scale)()
    values = _values(engine, found, level, _size(aligned.estimate, scale), scale)
    return _with_keys(aligned, _span(aligned), values.assign(lack_of_fit_p=misfit))


def series_average(cells: Series, engine: str = "python", level: float = 0.95) -> pd.DataFrame:
    """Plain mean of the yearly estimates, each year with the same weight.

    Its variance is that of the years and their covariances, divided by the square of their
    number; a year without an estimate leaves the average without one. Returns the columns of
    `series_change`, with the first and last year.
    """
    aligned = align(cells)
    if not len(aligned.years):
        return _empty(aligned, ["year_from", "year_to", *CHANGE_VALUES])
    found = _by(engine, "average", aligned, "linear")()
    values = _values(engine, found, level, _size(aligned.estimate, "linear"), "linear")
    years = {"year_from": aligned.years[0], "year_to": aligned.years[-1]}
    return _with_keys(aligned, years, values)


# ---- contrasts that are often planned ------------------------------------------------------


def planned(later: Sequence[int], earlier: Sequence[int]) -> dict[int, float]:
    """Coefficients of the mean of some years less the mean of others."""
    if not later or not earlier or set(later) & set(earlier):
        raise EstimationError("a contrast needs years on both sides, and none on both")
    return {
        **dict.fromkeys(later, 1 / len(later)),
        **dict.fromkeys(earlier, -1 / len(earlier)),
    }


def polynomial(years: Sequence[int], degree: int = 2) -> dict[str, dict[int, float]]:
    """Orthogonal polynomial contrasts over the years, as R's `contr.poly` (linear, quadratic).

    Each has coefficients that add up to 0 and squares that add up to 1; years need not be equally
    spaced.
    """
    names = ("linear", "quadratic", "cubic")
    points = np.unique(np.asarray(years, dtype=float))
    if not 1 <= degree <= min(len(names), len(points) - 1):
        raise EstimationError(
            f"degree {degree} is not possible: {len(points)} years carry degree 1 to "
            f"{min(len(names), len(points) - 1)}"
        )
    basis, triangle = np.linalg.qr(np.vander(points - points.mean(), degree + 1, increasing=True))
    columns = basis[:, 1:] * np.sign(np.diag(triangle)[1:])
    return {
        name: dict(zip(map(int, points), map(float, column), strict=True))
        for name, column in zip(names, columns.T, strict=False)
    }


# ---- either engine -------------------------------------------------------------------------


def _by(engine: str, what: str, aligned: Aligned, scale: str) -> Callable:
    if scale not in SCALES:
        raise EstimationError(f"scale {scale!r} is not known; use one of {', '.join(SCALES)}")
    check_options(engine)
    if engine == "python":
        function = getattr(between_years, what)
        series = on_log_scale(aligned) if scale == "log" else aligned
        return lambda *arguments: function(series, *arguments)
    from lfsmig.survey import r_change

    in_r = getattr(r_change, f"{what}_in_r")
    return lambda *arguments: in_r(aligned, scale == "log", *arguments)


def _pairs(aligned: Aligned, pairs: Sequence[tuple[int, int]] | None) -> list[tuple[int, int]]:
    if pairs is None:
        return list(pairwise(range(len(aligned.years))))
    return [(_place(aligned, first), _place(aligned, second)) for first, second in pairs]


def _place(aligned: Aligned, year: int) -> int:
    found = np.flatnonzero(aligned.years == year)
    if not len(found):
        known = ", ".join(map(str, aligned.years))
        raise EstimationError(f"year {year} is not in the series; it has {known}")
    return int(found[0])


def _contrast_weights(aligned: Aligned, contrasts: Contrasts) -> np.ndarray:
    weights = np.zeros((len(contrasts), len(aligned.years)))
    for row, (name, parts) in zip(weights, contrasts.items(), strict=True):
        for year, coefficient in parts.items():
            row[_place(aligned, year)] += coefficient
        if not np.isfinite(row).all() or not row.any():
            raise EstimationError(f"contrast {name!r} needs a coefficient that is not zero")
    return weights


def _with_keys(
    aligned: Aligned, constants: Mapping[str, object], values: pd.DataFrame
) -> pd.DataFrame:
    keys = pd.DataFrame(constants, index=aligned.keys.index)
    return pd.concat([aligned.keys, keys, values], axis=1)


def _span(aligned: Aligned) -> dict[str, np.ndarray]:
    """First and last year with an estimate, of each row."""
    known = ~np.isnan(aligned.estimate)
    some = known.any(axis=0)
    last_at = len(aligned.years) - 1 - known[::-1].argmax(axis=0)
    return {
        "year_from": np.where(some, aligned.years[known.argmax(axis=0)], aligned.years[0]),
        "year_to": np.where(some, aligned.years[last_at], aligned.years[-1]),
    }


def _empty(aligned: Aligned, columns: Sequence[str]) -> pd.DataFrame:
    return aligned.keys.iloc[:0].assign(**{name: pd.Series(dtype="float64") for name in columns})


def _size(estimate: np.ndarray, scale: str) -> np.ndarray:
    """Largest yearly estimate of each row, beside which a tiny error is rounding."""
    if scale == "log":
        return np.ones(estimate.shape[1])
    return np.nan_to_num(np.abs(estimate)).max(axis=0, initial=0.0)


def _values(
    engine: str, found: Sequence[np.ndarray], level: float, size: np.ndarray, scale: str
) -> pd.DataFrame:
    """Columns `TESTED` from estimates, SEs and df, by the engine that made them."""
    if engine == "r":
        from lfsmig.survey.r_change import tested_in_r

        check_options(level=level)
        return pd.DataFrame(dict(zip(TESTED, tested_in_r(found, level, size, scale), strict=True)))
    estimate, se, df = found
    frame = tested(estimate, np.where(se < ROUNDING * size, 0.0, se), df, level)
    if scale == "log":
        frame["se"] = 100 * np.exp(frame["estimate"]) * frame["se"]
        for name in ("estimate", "ci_low", "ci_high"):
            frame[name] = 100 * np.expm1(frame[name])
    return frame
