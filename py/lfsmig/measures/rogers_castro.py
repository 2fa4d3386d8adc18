"""The Rogers-Castro model schedule of migration by age, and its fit.

    m(x) = a1 exp(-alpha1 x)                                                  children
         + a2 exp(-alpha2 (x - mu2) - exp(-lambda2 (x - mu2)))                labour force
         + a3 exp(-alpha3 (x - mu3) - exp(-lambda3 (x - mu3)))                retirement
         + a4 exp(lambda4 x) + c                                              old age, constant

with 7, 9 (old age), 11 (retirement) or 13 parameters (Rogers and Castro 1981, IIASA RR-81-30;
Rogers and Little 1994). mu2 is not the peak, see `labour_peak`. Only the seven-parameter curve is
fitted: more are not identified by a survey (two very different retirement peaks fit the same
data). What is told of a fit is the curve, its peak and its sum, not the parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import least_squares, minimize_scalar
from scipy.special import xlogy

from lfsmig.errors import EstimationError
from lfsmig.measures.flows import Floats

NAMES = ("a1", "alpha1", "a2", "alpha2", "mu2", "lambda2", "c")
OLD_AGE = ("a4", "lambda4")
RETIREMENT = ("a3", "alpha3", "mu3", "lambda3")
LOWEST = np.array([0.0, 0.02, 0.0, 0.02, 15.0, 0.05, 0.0])
HIGHEST = np.array([1.0, 0.5, 1.0, 0.5, 40.0, 1.5, 1.0])
STARTS = 6
SEED = 1981
# A fit whose absolute errors are on average above this part of the mean rate is refused.
ACCEPTED = 0.15
FINE = 0.1  # years of age between points at which extremes are looked for


def model(ages: ArrayLike, parameters: Mapping[str, float]) -> Floats:
    """Rates of the model schedule.

    Parameters
    ----------
    ages
        Exact ages, any shape.
    parameters
        The seven of `NAMES`; with `OLD_AGE` nine, with `RETIREMENT` eleven, with both thirteen.

    Raises
    ------
    EstimationError
        If a parameter is missing or unknown, or a component is given in part.
    """
    given = set(parameters)
    for part in (NAMES, OLD_AGE, RETIREMENT):
        missing = set(part) - given
        if missing and (part == NAMES or missing != set(part)):
            raise EstimationError(f"Rogers-Castro: parameter {sorted(missing)[0]} is missing")
    unknown = given - {*NAMES, *OLD_AGE, *RETIREMENT}
    if unknown:
        raise EstimationError(f"Rogers-Castro: {sorted(unknown)[0]} is no parameter")
    x, p = np.asarray(ages, dtype="float64"), parameters
    rates = p["a1"] * np.exp(-p["alpha1"] * x) + p["c"]
    rates = rates + _wave(x, p["a2"], p["alpha2"], p["mu2"], p["lambda2"])
    if "a3" in p:
        rates = rates + _wave(x, p["a3"], p["alpha3"], p["mu3"], p["lambda3"])
    return rates + p["a4"] * np.exp(p["lambda4"] * x) if "a4" in p else rates


def _wave(x: Floats, a: float, alpha: float, mu: float, lam: float) -> Floats:
    return a * np.exp(-alpha * (x - mu) - np.exp(-lam * (x - mu)))


def labour_peak(parameters: Mapping[str, float]) -> float:
    """Age at the top of the labour-force component: mu2 - ln(alpha2 / lambda2) / lambda2."""
    p = parameters
    return p["mu2"] - float(np.log(p["alpha2"] / p["lambda2"])) / p["lambda2"]


def ratios(parameters: Mapping[str, float]) -> dict[str, float]:
    """Child dependency a1/a2, labour asymmetry lambda2/alpha2, regularity alpha1/alpha2."""
    p = parameters
    return {
        "child_dependency": p["a1"] / p["a2"],
        "labour_asymmetry": p["lambda2"] / p["alpha2"],
        "regularity": p["alpha1"] / p["alpha2"],
    }


@dataclass(frozen=True)
class Landmarks:
    """Peak and low point of a curve: exact ages and rates; labour shift and jump between them."""

    peak_age: float
    peak_rate: float
    low_age: float
    low_rate: float

    @property
    def shift(self) -> float:
        """Years from the low point to the peak."""
        return self.peak_age - self.low_age

    @property
    def jump(self) -> float:
        """Difference of the two rates."""
        return self.peak_rate - self.low_rate


def landmarks(
    parameters: Mapping[str, float], between: tuple[float, float] = (10.0, 60.0)
) -> Landmarks:
    """Highest point of the whole curve between two ages, and the lowest from age 0 up to it."""
    peak = _extreme(parameters, between, -1.0)
    low = _extreme(parameters, (0.0, peak), 1.0)
    rates = model(np.array([peak, low]), parameters)
    return Landmarks(peak, float(rates[0]), low, float(rates[1]))


def _extreme(parameters: Mapping[str, float], span: tuple[float, float], sign: float) -> float:
    grid = np.arange(span[0], span[1] + FINE / 2, FINE)
    at = int(np.argmin(sign * model(grid, parameters)))
    edges = grid[max(at - 1, 0)], grid[min(at + 1, len(grid) - 1)]
    found = minimize_scalar(
        lambda x: sign * float(model(x, parameters)), bounds=edges, method="bounded",
        options={"xatol": 1e-8},
    )  # fmt: skip
    return float(found.x)


@dataclass(frozen=True)
class Fit:
    """A fitted seven-parameter curve.

    Attributes
    ----------
    parameters
        By name; weakly identified one by one.
    fitted
        Fitted rates of the data's ages or age groups.
    deviance
        What was minimised: the Poisson deviance, or the sum of squares.
    error
        Mean absolute error over the mean rate.
    """

    parameters: dict[str, float]
    fitted: Floats
    deviance: float
    error: float

    @property
    def accepted(self) -> bool:
        """Whether the mean absolute error is below 15 per cent of the mean rate."""
        return self.error < ACCEPTED


def fit(
    ages: ArrayLike, rates: ArrayLike, size: ArrayLike | None = None, *,
    width: ArrayLike | None = None, starts: int = STARTS, seed: int = SEED,
    start: Mapping[str, float] | None = None, tolerance: float = 1e-12,
) -> Fit:  # fmt: skip
    """Fit the seven-parameter curve within `LOWEST` and `HIGHEST`.

    Parameters
    ----------
    ages
        Exact ages at which the rates hold, or the first age of each group (with `width`).
    rates
        Migrants over population.
    size
        Effective number of persons behind each rate, p (1-p) / SE^2: Poisson quasi-likelihood of
        rates times size. Without it, least squares.
    width
        Years of each group: the model's rate is then the mean of those at its single years.
    starts, seed
        Starting points: one stated, the others drawn at random; the best end is taken.
    start
        Start from these parameters alone, as when a fit is repeated on nearly the same data.
    tolerance
        Relative change of deviance and parameters at which a search ends.

    Raises
    ------
    EstimationError
        If there are fewer ages than parameters, or a rate or size is missing or negative.
    """
    x, m = np.asarray(ages, dtype="float64"), np.asarray(rates, dtype="float64")
    n = None if size is None else np.asarray(size, dtype="float64")
    if x.shape != m.shape or len(x) <= len(NAMES) or (n is not None and n.shape != x.shape):
        raise EstimationError(
            f"Rogers-Castro: {len(m)} rates for {len(x)} ages; more than {len(NAMES)} are needed"
        )
    if not (np.isfinite(m).all() and (m >= 0).all()):
        raise EstimationError("Rogers-Castro: a rate is missing or below zero")
    if n is not None and not (np.isfinite(n).all() and (n > 0).all()):
        raise EstimationError("Rogers-Castro: an effective size is missing or not above zero")
    points, mean = _points(x, width)
    scale = max(float(m.max()), 1e-12)

    def curve(values: Floats) -> Floats:
        return mean @ model(points, dict(zip(NAMES, values, strict=True)))

    def residuals(values: Floats) -> Floats:
        here = curve(values)
        if n is None:
            return (m - here) / scale
        expected, found = n * np.maximum(here, 1e-15), n * m
        part = xlogy(found, found / expected) - (found - expected)
        return np.sign(found - expected) * np.sqrt(2 * np.maximum(part, 0.0))

    best = None
    many = _starts(x, m, starts, seed) if start is None else [_inside(start)]
    for begin in many:
        end = least_squares(
            residuals, begin, bounds=(LOWEST, HIGHEST), x_scale=HIGHEST - LOWEST,
            xtol=tolerance, ftol=tolerance, gtol=tolerance, max_nfev=400,
        )  # fmt: skip
        if best is None or end.cost < best.cost:
            best = end
    assert best is not None
    fitted = curve(best.x)
    deviance = 2 * float(best.cost) * (scale**2 if n is None else 1.0)
    error = float(np.abs(fitted - m).mean() / m.mean()) if m.mean() > 0 else np.nan
    return Fit(dict(zip(NAMES, map(float, best.x), strict=True)), fitted, deviance, error)


def _points(x: Floats, width: ArrayLike | None) -> tuple[Floats, Floats]:
    """Ages at which the curve is needed, and the matrix that takes the mean over each group."""
    if width is None:
        return x, np.eye(len(x))
    years = np.broadcast_to(np.asarray(width, dtype="int64"), x.shape)
    points = np.concatenate([a + np.arange(w) for a, w in zip(x, years, strict=True)])
    group = np.repeat(np.arange(len(x)), years)
    mean = np.zeros((len(x), len(points)))
    mean[group, np.arange(len(points))] = 1 / years[group]
    return points, mean


def _starts(x: Floats, m: Floats, count: int, seed: int) -> list[Floats]:
    """A start from the data's own height and peak, and random ones around it."""
    rng = np.random.default_rng(seed)
    inside = (x >= LOWEST[4]) & (x <= HIGHEST[4])
    peak = float(x[inside][np.argmax(m[inside])]) if inside.any() else 22.0
    low, high = float(m.min()), float(m.max())
    stated = np.array([0.5 * high, 0.1, 1.5 * high, 0.1, peak - 2.0, 0.3, 0.8 * low])
    found = [stated]
    for _ in range(count - 1):
        found.append(stated * np.exp(rng.normal(0.0, 0.5, len(stated))))
        found[-1][4] = rng.uniform(17.0, 32.0)
    return [_clipped(one) for one in found]


def _inside(parameters: Mapping[str, float]) -> Floats:
    return _clipped(np.array([parameters[name] for name in NAMES]))


def _clipped(values: Floats) -> Floats:
    """A start must not lie on the bounds."""
    margin = 1e-6 * (HIGHEST - LOWEST)
    return np.clip(values, LOWEST + margin, HIGHEST - margin)
