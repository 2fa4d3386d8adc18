"""Python engine: means, totals, shares and ratios of all cells of a table in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from lfsmig.errors import EstimationError
from lfsmig.survey import intervals
from lfsmig.survey.crossing import Crossing, Pairs
from lfsmig.survey.grouping import CellTotals, Scores, pair_sums, quotient
from lfsmig.survey.replicates import Revalue
from lfsmig.survey.variance import (
    Bases,
    count_bases,
    degrees_of_freedom,
    influence_of,
    variance_of,
)

if TYPE_CHECKING:
    from lfsmig.survey.design import SurveyDesign

STATISTICS = ("mean", "total", "share", "ratio", "quantile")
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

    @classmethod
    def checked(
        cls, design: SurveyDesign, statistic: str, of: str | None, over: str | None,
        by: list[str], mask: np.ndarray | None, influence: bool, level: float, ci: str | None,
        quantiles: Sequence[float],
    ) -> Request:  # fmt: skip
        """Check names and options against the design before either engine starts."""
        if statistic not in STATISTICS:
            raise EstimationError(
                f"statistic {statistic!r} is not known; use one of {', '.join(STATISTICS)}"
            )
        if of is None and statistic != "total":
            raise EstimationError(f"a {statistic} needs an item: name its column in `of`")
        if (over is None) == (statistic == "ratio"):
            raise EstimationError("`over` is the denominator of a ratio, and a ratio needs one")
        if not 0 < level < 1:
            raise EstimationError(f"level={level!r} is not between 0 and 1")
        clash = {"category", "quantile", *VALUE_COLUMNS} & set(by)
        if clash:
            raise EstimationError(
                f"by column {sorted(clash)[0]!r} has the name of a result column; rename it"
            )
        for name in by:
            design.levels(name)
        levels = [float(q) for q in quantiles]
        if statistic == "quantile" and not (levels and all(0 < q < 1 for q in levels)):
            raise EstimationError(f"quantiles {levels} must lie strictly between 0 and 1")
        if influence and statistic == "quantile":
            raise EstimationError("influence is not supported for quantiles")
        signed = _signed(design, statistic, of)
        method = intervals.check_method(
            ci or intervals.default_method(statistic, signed), statistic
        )
        return cls(statistic, of, over, by, mask, influence, level, method, levels)

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


@dataclass(frozen=True)
class Estimate:
    """A table: tidy rows, and what comparisons between years need.

    `cases` is the unweighted number of cases in each row's numerator. `influence` has a row per
    row of `frame` and a column per row of `psu_table`; `present` says where a row has cases
    if that is not where `influence` has entries (see `variance.Influence`).
    """

    frame: pd.DataFrame
    cases: np.ndarray
    influence: sparse.csr_array | None = None
    psu_table: pd.DataFrame | None = None
    present: sparse.csr_array | None = None


@dataclass(frozen=True)
class Parts:
    """Estimates of all cells (rows) and categories (columns) with what the variance needs.

    `scores` linearises them; `revalue` tells how they follow when weights change.
    """

    value: np.ndarray
    scores: Scores
    revalue: CellTotals | Revalue
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
        parts = _PARTS[request.statistic](design, request, crossing, rows, bases.n)
        counted = bases.n > 0
        value = np.where(counted[:, None], parts.value, np.nan)
        variance = variance_of(design, crossing, rows, parts.scores, parts.revalue, value, counted)
        deff = variance / parts.srs_variance
    df = degrees_of_freedom(design, crossing, rows, bases)
    frame = table(design, request, crossing, bases, value, np.sqrt(variance), df, deff)
    cases = parts.cases.ravel()
    if not request.influence:
        return Estimate(frame, cases)
    found = influence_of(
        design, crossing, rows, parts.scores, parts.revalue, value, bases.pair_has_case
    )
    return Estimate(frame, cases, found.sums, found.table, found.present)


def _mean(
    design: SurveyDesign, request: Request, crossing: Crossing, rows: np.ndarray, n: np.ndarray
) -> Parts:
    w, cell, size = design.weights[rows], crossing.cell[rows], crossing.n_cells
    y = design.numbers(str(request.of))[rows]
    population = np.bincount(cell, w, size)
    mean = np.bincount(cell, w * y, size) / population
    u = w * (y - mean[cell]) / population[cell]
    srs = _spread(cell, w, y, mean, population, n) * _srs_factor(population, n)
    return Parts(
        mean[:, None], _of_rows(rows, u), quotient(rows, y, np.ones(len(rows))), srs[:, None], n
    )


def _total(
    design: SurveyDesign, request: Request, crossing: Crossing, rows: np.ndarray, n: np.ndarray
) -> Parts:
    w, cell, size = design.weights[rows], crossing.cell[rows], crossing.n_cells
    y = np.ones(len(rows)) if request.of is None else design.numbers(request.of)[rows]
    total = np.bincount(cell, w * y, size)
    population = np.bincount(cell, w, size)
    spread = _spread(cell, w, y, total / population, population, n)
    srs = spread * _srs_factor(population, n) * population**2
    revalue = CellTotals(
        lambda pairs, weights: pair_sums(pairs, rows, weights * y)[:, None], lambda totals: totals
    )
    cases = _nonzero(cell, w, y, size)
    return Parts(total[:, None], _of_rows(rows, w * y), revalue, srs[:, None], cases)


def _ratio(
    design: SurveyDesign, request: Request, crossing: Crossing, rows: np.ndarray, n: np.ndarray
) -> Parts:
    w, cell, size = design.weights[rows], crossing.cell[rows], crossing.n_cells
    y, x = design.numbers(str(request.of))[rows], design.numbers(str(request.over))[rows]
    below = np.bincount(cell, w * x, size)
    ratio = np.bincount(cell, w * y, size) / below
    u = w * (y - ratio[cell] * x) / below[cell]
    unknown = np.full((size, 1), np.nan)
    cases = _nonzero(cell, w, y, size)
    return Parts(ratio[:, None], _of_rows(rows, u), quotient(rows, y, x), unknown, cases)


def _share(
    design: SurveyDesign, request: Request, crossing: Crossing, rows: np.ndarray, n: np.ndarray
) -> Parts:
    category = design.levels(str(request.of))
    w, cell, size = design.weights[rows], crossing.cell[rows], crossing.n_cells
    code, k = category.codes[rows], max(len(category), 1)
    key = cell * k + code
    population = np.bincount(cell, w, size)
    share = np.bincount(key, w, size * k).reshape(size, k) / population[:, None]

    def by_category(pairs: Pairs, weights: np.ndarray) -> np.ndarray:
        pair = pairs.of_row[rows].astype("int64")
        return np.bincount(pair * k + code, weights, len(pairs.unit) * k).reshape(-1, k)

    def scores(pairs: Pairs) -> np.ndarray:
        part = by_category(pairs, w)
        whole = pair_sums(pairs, rows, w)[:, None]
        z = (part - share[pairs.cell] * whole) / population[pairs.cell][:, None]
        return np.where(whole != 0, z, 0.0)

    revalue = CellTotals(by_category, lambda totals: totals / totals.sum(axis=-1, keepdims=True))
    spread = share * (1 - share) * (n / (n - 1))[:, None]
    spread = np.where(intervals.at_bound(share) | (n < 2)[:, None], np.nan, spread)
    srs = spread * _srs_factor(population, n)[:, None]
    return Parts(share, scores, revalue, srs, np.bincount(key[w != 0], minlength=size * k))


_PARTS = {"mean": _mean, "total": _total, "ratio": _ratio, "share": _share}


def _of_rows(rows: np.ndarray, u: np.ndarray) -> Scores:
    return lambda pairs: pair_sums(pairs, rows, u)[:, None]


def _nonzero(cell: np.ndarray, w: np.ndarray, y: np.ndarray, size: int) -> np.ndarray:
    return np.bincount(cell[(w != 0) & (y != 0)], minlength=size)


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
    """Make a standard error zero where only the order of summation is left in it."""
    with np.errstate(invalid="ignore"):
        return np.where(se <= ROUNDING * np.abs(estimate), 0.0, se)


def table(
    design: SurveyDesign, request: Request, crossing: Crossing, bases: Bases, value: np.ndarray,
    se: np.ndarray, df: np.ndarray, deff: np.ndarray,
    limits: tuple[np.ndarray, np.ndarray] | None = None,
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
    if limits is None:
        limits = intervals.interval(request.ci, estimates, errors, freedom, n, request.level)
    with np.errstate(divide="ignore", invalid="ignore"):
        cv = np.where(estimates == 0, np.nan, errors / np.abs(estimates))
    data |= {
        "estimate": estimates, "se": errors, "cv": cv, "df": freedom.astype("int64"),
        "ci_low": limits[0].ravel(), "ci_high": limits[1].ravel(), "n": n.astype("int64"),
        "n_psu": n_psu.astype("int64"), "deff": deff.ravel(),
    }  # fmt: skip
    return pd.DataFrame(data)
