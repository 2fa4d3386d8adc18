"""Python engine: means, totals, shares, ratios and rates of all cells of a table in one pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from lfsmig.errors import EstimationError
from lfsmig.survey import intervals
from lfsmig.survey.columns import rows_text
from lfsmig.survey.covariance import Spread, spread_of
from lfsmig.survey.crossing import Crossing, Pairs
from lfsmig.survey.variance import (
    Bases,
    Revalue,
    Scores,
    count_bases,
    degrees_of_freedom,
    influence_matrix,
    pair_sums,
    variance_of,
)

if TYPE_CHECKING:
    from lfsmig.survey.design import SurveyDesign
    from lfsmig.survey.r_engine import RSpread

STATISTICS = ("mean", "total", "share", "ratio", "rate", "quantile", "gini", "top_share")
VALUE_COLUMNS = ["estimate", "se", "cv", "df", "ci_low", "ci_high", "n", "n_psu", "deff"]
# Below this part of its mean square an item is constant: only rounding is left in its variance.
CONSTANT = 1e-24
# Below this part of the estimate a standard error is zero.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Request:
    """One table asked for, checked and the same for both engines."""

    statistic: str
    of: str | None
    over: str | None
    by: list[str]
    mask: np.ndarray | None
    influence: bool
    level: float
    ci: str
    quantiles: list[float]
    per: float
    top: float
    covariance: bool

    @classmethod
    def checked(
        cls, design: SurveyDesign, statistic: str, of: str | None, over: str | None,
        by: list[str], mask: np.ndarray | None, influence: bool, level: float, ci: str | None,
        quantiles: Sequence[float], per: float | None = None, top: float = 0.1,
        covariance: bool = False,
    ) -> Request:  # fmt: skip
        """Check names and options against the design before either engine starts."""
        if statistic not in STATISTICS:
            raise EstimationError(
                f"statistic {statistic!r} is not known; use one of {', '.join(STATISTICS)}"
            )
        if of is None and statistic != "total":
            raise EstimationError(f"a {statistic} needs an item: name its column in `of`")
        if (over is None and statistic == "ratio") or (
            over is not None and statistic not in ("ratio", "rate")
        ):
            raise EstimationError("`over` is the denominator of a ratio, and a ratio needs one")
        for name, value in (("level", level), ("top", top)):
            if not (isinstance(value, Real) and 0 < value < 1):
                raise EstimationError(f"{name}={value!r} is not between 0 and 1")
        unit = _unit(statistic, per)
        clash = {"category", "quantile", *VALUE_COLUMNS} & set(by)
        if clash:
            raise EstimationError(
                f"by column {sorted(clash)[0]!r} has the name of a result column; rename it"
            )
        for name in by:
            design.levels(name)
        inside = all(isinstance(q, Real) and 0 < q < 1 for q in quantiles)
        if statistic == "quantile" and not (len(quantiles) and inside):
            raise EstimationError(f"quantiles {quantiles} must lie strictly between 0 and 1")
        levels = [float(q) for q in quantiles]
        if influence and (statistic == "quantile" or design.replicates is not None):
            raise EstimationError("influence is not supported for quantiles or replicate weights")
        if covariance and statistic == "quantile":
            raise EstimationError(
                "the covariance of quantiles is not supported; ask for it of shares"
            )
        signed = _signed(design, statistic, of)
        _check_item(design, statistic, of, over, mask)
        method = intervals.check_method(
            ci or intervals.default_method(statistic, signed, over), statistic, over
        )
        return cls(
            statistic, of, over, by, mask, influence, level, method, levels, unit, float(top),
            covariance,
        )  # fmt: skip

    def rows(self, design: SurveyDesign, crossing: Crossing) -> np.ndarray:
        """Positions of the records of the domain with every item observed."""
        keep = crossing.cell >= 0
        if self.mask is not None:
            keep = keep & self.mask
        if self.statistic == "share":
            keep = keep & (design.levels(str(self.of)).codes >= 0)
        else:
            for name in (self.of, self.over):
                if name is not None:
                    keep = keep & ~np.isnan(design.numbers(name))
        return np.flatnonzero(keep)


def _signed(design: SurveyDesign, statistic: str, of: str | None) -> bool:
    if statistic == "share":
        design.levels(str(of))
        return False
    if of is None:
        return False
    values = design.numbers(of)
    return bool((values < 0).any())


def _unit(statistic: str, per: float | None) -> float:
    """Number of persons or units that a rate or ratio is given for: 100 for a rate, else 1."""
    if per is None:
        return 100.0 if statistic == "rate" else 1.0
    if not (np.isfinite(per) and per > 0):
        raise EstimationError(f"per={per!r} is not a positive number; give 100 or 1000, say")
    if per != 1 and statistic not in ("rate", "ratio"):
        raise EstimationError(f"per={per:g} belongs to a rate or a ratio, not to a {statistic}")
    return float(per)


def _check_item(
    design: SurveyDesign, statistic: str, of: str | None, over: str | None,
    mask: np.ndarray | None,
) -> None:  # fmt: skip
    """Refuse an item that a rate, a Gini coefficient or a top share cannot be made of."""
    inside = np.True_ if mask is None else mask
    if statistic == "rate" and over is None:
        values = design.numbers(str(of))
        bad = ~np.isnan(values) & (values != 0) & (values != 1) & inside
        if bad.any():
            raise EstimationError(
                f"item column {of!r} is neither 0 nor 1 in {rows_text(bad)}; a rate counts who "
                "has a property: recode it, or name a denominator in `over`"
            )
    if statistic in ("gini", "top_share"):
        bad = (design.numbers(str(of)) < 0) & inside
        if bad.any():
            raise EstimationError(
                f"item column {of!r} is negative in {rows_text(bad)}; a {statistic} needs amounts "
                "of zero and more: recode them or leave them out by a domain"
            )


@dataclass(frozen=True)
class Estimate:
    """A table: tidy rows, and what comparisons between cells and years need.

    `cases` is the unweighted number of cases in each row's numerator. `influence` has a row per
    row of `frame` and a column per row of `psu_table`. `spread` is there if the table was asked
    for with `covariance=True`.
    """

    frame: pd.DataFrame
    cases: np.ndarray
    influence: sparse.csr_array | None = None
    psu_table: pd.DataFrame | None = None
    spread: Spread | RSpread | None = None

    @property
    def labels(self) -> pd.Index:
        """Names of the rows: the values of the `by` columns, and the category of a share."""
        from lfsmig.survey.contrast import labels

        return labels(self.frame)

    @property
    def covariance(self) -> pd.DataFrame:
        """Covariance matrix of all rows, labelled; NaN where a row has no estimate."""
        from lfsmig.survey.contrast import covariance

        return covariance(self)


@dataclass(frozen=True)
class Parts:
    """Estimates of all cells (rows) and categories (columns) with what the variance needs."""

    value: np.ndarray
    scores: Scores
    revalue: Revalue
    srs_variance: np.ndarray
    cases: np.ndarray


def estimate(design: SurveyDesign, request: Request) -> Estimate:
    """Estimate a table with the Python engine."""
    crossing = design.crossing(request.by)
    rows = request.rows(design, crossing)
    bases = count_bases(crossing, rows, design.weights[rows])
    if request.statistic == "quantile":
        from lfsmig.survey.quantile import quantile_table

        return quantile_table(design, request, crossing, rows, bases)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = _parts(request)(design, request, crossing, rows, bases.n)
        counted = bases.n > 0
        value = np.where(counted[:, None], parts.value, np.nan)
        variance = variance_of(design, crossing, rows, parts.scores, parts.revalue, value, counted)
        deff = variance / parts.srs_variance
    df = degrees_of_freedom(design, crossing, rows, bases)
    se = without_rounding(value, np.sqrt(variance))
    wide = np.broadcast_to(df[:, None], value.shape), np.broadcast_to(bases.n[:, None], value.shape)
    low, high = intervals.interval(request.ci, value, se, *wide, request.level)
    unit = request.per
    frame = table(
        design, request, crossing, bases, value * unit, se * unit, df, deff,
        (low * unit, high * unit),
    )  # fmt: skip
    matrix = psus = spread = None
    if request.influence:
        matrix = influence_matrix(
            crossing, parts.scores, bases.pair_has_case, value.shape[1],
            len(design.stages[0].stratum_of_unit),
        )  # fmt: skip
        matrix, psus = matrix * unit, design.psu_table
    if request.covariance:
        spread = spread_of(
            design, crossing, rows, parts.scores, parts.revalue, bases.pair_has_case,
            value * unit, variance * unit**2, unit,
        )  # fmt: skip
    return Estimate(frame, parts.cases.ravel(), matrix, psus, spread)


def _mean(
    design: SurveyDesign, request: Request, crossing: Crossing, rows: np.ndarray, n: np.ndarray
) -> Parts:
    w, cell, size = design.weights[rows], crossing.cell[rows], crossing.n_cells
    y = design.numbers(str(request.of))[rows]

    def revalue(w: np.ndarray) -> np.ndarray:
        return (np.bincount(cell, w * y, size) / np.bincount(cell, w, size))[:, None]

    population = np.bincount(cell, w, size)
    mean = revalue(w)[:, 0]
    u = w * (y - mean[cell]) / population[cell]
    srs = _spread(cell, w, y, mean, population, n) * _srs_factor(population, n)
    return Parts(mean[:, None], of_rows(rows, u), revalue, srs[:, None], n)


def _total(
    design: SurveyDesign, request: Request, crossing: Crossing, rows: np.ndarray, n: np.ndarray
) -> Parts:
    w, cell, size = design.weights[rows], crossing.cell[rows], crossing.n_cells
    y = np.ones(len(rows)) if request.of is None else design.numbers(request.of)[rows]

    def revalue(w: np.ndarray) -> np.ndarray:
        return np.bincount(cell, w * y, size)[:, None]

    total = revalue(w)
    population = np.bincount(cell, w, size)
    spread = _spread(cell, w, y, total[:, 0] / population, population, n)
    srs = spread * _srs_factor(population, n) * population**2
    return Parts(total, of_rows(rows, w * y), revalue, srs[:, None], _nonzero(cell, w, y, size))


def _ratio(
    design: SurveyDesign, request: Request, crossing: Crossing, rows: np.ndarray, n: np.ndarray
) -> Parts:
    w, cell, size = design.weights[rows], crossing.cell[rows], crossing.n_cells
    y, x = design.numbers(str(request.of))[rows], design.numbers(str(request.over))[rows]

    def revalue(w: np.ndarray) -> np.ndarray:
        return (np.bincount(cell, w * y, size) / np.bincount(cell, w * x, size))[:, None]

    ratio = revalue(w)[:, 0]
    below = np.bincount(cell, w * x, size)
    u = w * (y - ratio[cell] * x) / below[cell]
    unknown = np.full((size, 1), np.nan)
    return Parts(ratio[:, None], of_rows(rows, u), revalue, unknown, _nonzero(cell, w, y, size))


def _share(
    design: SurveyDesign, request: Request, crossing: Crossing, rows: np.ndarray, n: np.ndarray
) -> Parts:
    category = design.levels(str(request.of))
    w, cell, size = design.weights[rows], crossing.cell[rows], crossing.n_cells
    code, k = category.codes[rows], max(len(category), 1)
    key = cell * k + code

    def revalue(w: np.ndarray) -> np.ndarray:
        parts = np.bincount(key, w, size * k).reshape(size, k)
        return parts / np.bincount(cell, w, size)[:, None]

    population = np.bincount(cell, w, size)
    share = revalue(w)

    def scores(pairs: Pairs) -> np.ndarray:
        pair = pairs.of_row[rows].astype("int64")
        whole = np.bincount(pair, w, len(pairs.unit))[:, None]
        part = np.bincount(pair * k + code, w, len(pairs.unit) * k).reshape(-1, k)
        z = (part - share[pairs.cell] * whole) / population[pairs.cell][:, None]
        return np.where(whole > 0, z, 0.0)

    spread = share * (1 - share) * (n / (n - 1))[:, None]
    spread = np.where(intervals.at_bound(share) | (n < 2)[:, None], np.nan, spread)
    srs = spread * _srs_factor(population, n)[:, None]
    return Parts(share, scores, revalue, srs, np.bincount(key[w > 0], minlength=size * k))


def _rate(
    design: SurveyDesign, request: Request, crossing: Crossing, rows: np.ndarray, n: np.ndarray
) -> Parts:
    """A rate before it is multiplied by `per`: a mean of 0 and 1, or a ratio of two totals."""
    if request.over is not None:
        return _ratio(design, request, crossing, rows, n)
    w, y = design.weights[rows], design.numbers(str(request.of))[rows]
    having = _nonzero(crossing.cell[rows], w, y, crossing.n_cells)
    return replace(_mean(design, request, crossing, rows, n), cases=having)


PartsOf = Callable[["SurveyDesign", Request, Crossing, np.ndarray, np.ndarray], Parts]
_PARTS: dict[str, PartsOf] = {
    "mean": _mean, "total": _total, "ratio": _ratio, "share": _share, "rate": _rate,
}  # fmt: skip


def _parts(request: Request) -> PartsOf:
    if request.statistic in _PARTS:
        return _PARTS[request.statistic]
    from lfsmig.survey import inequality

    return inequality.gini if request.statistic == "gini" else inequality.top_share


def of_rows(rows: np.ndarray, u: np.ndarray) -> Scores:
    """Scores of a linearised item that has one value per record of the domain."""
    return lambda pairs: pair_sums(pairs, rows, u)[:, None]


def _nonzero(cell: np.ndarray, w: np.ndarray, y: np.ndarray, size: int) -> np.ndarray:
    return np.bincount(cell[(w > 0) & (y != 0)], minlength=size)


def _spread(
    cell: np.ndarray, w: np.ndarray, y: np.ndarray, mean: np.ndarray, population: np.ndarray,
    n: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Weighted population variance as R's `svyvar`, NaN where the item is constant."""
    square = np.bincount(cell, w * (y - mean[cell]) ** 2, len(n)) / population
    whole = np.bincount(cell, w * y**2, len(n)) / population
    return np.where((n > 1) & (square > CONSTANT * whole), square * (n / (n - 1)), np.nan)


def _srs_factor(population: np.ndarray, n: np.ndarray) -> np.ndarray:
    """(1 - n/N)/n; NaN where weights sum to less than the sample (R warns and gives NA)."""
    factor = (population - n) / (population * n)
    return np.where(population >= n, factor, np.nan)


def without_rounding(estimate: np.ndarray, se: np.ndarray) -> np.ndarray:
    """Make a standard error zero where only the order of summation is left in it.

    What is no number (a ratio over nothing) has no error either, in a full count too.
    """
    with np.errstate(invalid="ignore"):
        se = np.where(se <= ROUNDING * np.abs(estimate), 0.0, se)
    return np.where(np.isfinite(estimate), se, np.nan)


def table(
    design: SurveyDesign, request: Request, crossing: Crossing, bases: Bases, value: np.ndarray,
    se: np.ndarray, df: np.ndarray, deff: np.ndarray, limits: tuple[np.ndarray, np.ndarray],
) -> pd.DataFrame:  # fmt: skip
    """Lay out cells x categories (or quantiles) as tidy rows with intervals."""
    k = value.shape[1]
    data: dict[str, object] = {
        column.name: column.take(np.repeat(codes, k))
        for column, codes in zip(crossing.levels, crossing.codes(), strict=True)
    }
    size = crossing.n_cells * k
    names = design.levels(str(request.of)).texts if request.statistic == "share" else [""]
    if request.statistic == "quantile":
        data["category"] = np.full(size, "", dtype=object)
        data["quantile"] = np.tile(np.array(request.quantiles), crossing.n_cells)
    else:
        data["category"] = np.tile(np.array(names or [""], dtype=object), crossing.n_cells)
    n, n_psu, freedom = (np.repeat(v, k) for v in (bases.n, bases.n_psu, df))
    estimates, errors = value.ravel(), without_rounding(value.ravel(), se.ravel())
    with np.errstate(divide="ignore", invalid="ignore"):
        cv = np.where(estimates == 0, np.nan, errors / np.abs(estimates))
    data |= {
        "estimate": estimates, "se": errors, "cv": cv, "df": freedom.astype("int64"),
        "ci_low": limits[0].ravel(), "ci_high": limits[1].ravel(), "n": n.astype("int64"),
        "n_psu": n_psu.astype("int64"), "deff": deff.ravel(),
    }  # fmt: skip
    return pd.DataFrame(data)
