"""Python engine: means, totals, shares and ratios of all cells of a table in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from lfsmig.errors import EstimationError
from lfsmig.survey import intervals
from lfsmig.survey.crossing import Cells
from lfsmig.survey.grouping import Grouping, Response
from lfsmig.survey.sums import Sums, scores_of, value_of
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
        if not (isinstance(level, Real) and 0 < level < 1):
            raise EstimationError(f"level={level!r} is not between 0 and 1")
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
        if influence and statistic == "quantile":
            raise EstimationError("influence is not supported for quantiles")
        signed = _signed(design, statistic, of)
        method = intervals.check_method(
            ci or intervals.default_method(statistic, signed), statistic
        )
        return cls(statistic, of, over, by, mask, influence, level, method, levels)

    def kept(self, design: SurveyDesign) -> np.ndarray | None:
        """Mask of the domain's records with every item observed; None: all of them."""
        categories = [*self.by, str(self.of)] if self.statistic == "share" else self.by
        items = () if self.statistic == "share" else (self.of, self.over)
        missing = [design.levels(name).codes < 0 for name in categories]
        missing += [np.isnan(design.numbers(name)) for name in items if name is not None]
        keep = self.mask
        for absent in missing:
            if absent.any():
                keep = ~absent if keep is None else keep & ~absent
        return keep


def _signed(design: SurveyDesign, statistic: str, of: str | None) -> bool:
    if statistic == "share":
        design.levels(str(of))
        return False
    return of is not None and design.has_negative(of)


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


def estimate(design: SurveyDesign, request: Request) -> Estimate:
    """Estimate a table with the Python engine."""
    if request.statistic == "quantile":
        from lfsmig.survey.quantile import quantile_table

        return quantile_table(design, request)
    sums = design.sums(request)
    crossing = sums.crossing
    bases = count_bases(crossing, sums.cases)
    counted = bases.n > 0
    above = crossing.over_cells(sums.above)
    below = None if sums.below is None else crossing.over_cells(sums.below)
    value = np.where(counted[:, None], value_of(above, below), np.nan)
    pairs = crossing.stages[-1]
    scores = scores_of(sums.above, sums.below, pairs.cell, value, below)
    response = response_of(design, sums, value, below)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = variance_of(design, crossing, scores, response, value, counted)
        deff = variance / _srs_variance(request.statistic, sums, value, bases.n)
    df = degrees_of_freedom(design, crossing, bases)
    frame = table(design, request, crossing.cells, bases, value, np.sqrt(variance), df, deff)
    cases = sums.numerator_cases.ravel()
    if not request.influence:
        return Estimate(frame, cases)
    moved = influence_of(design, crossing, scores, response, value, bases.pair_has_case)
    return Estimate(frame, cases, moved.sums, moved.table, moved.present)


def response_of(
    design: SurveyDesign, sums: Sums, value: np.ndarray, below: np.ndarray | None
) -> Response | None:
    """How a table follows from its records; None where no record is in memory.

    `value` and `below` are the estimates and the sums below the line, over cells.
    """
    records, totals = sums.crossing.records, sums.reweighted
    if records is None or totals is None:
        return None

    def scores(over: Grouping) -> np.ndarray:
        weights = design.weights[records.rows]
        return scores_of(*totals(weights, over), over.cell, value, below)

    return Response(scores, totals)


def _srs_variance(statistic: str, sums: Sums, value: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Variance under simple random sampling, R's denominator of a design effect; NaN for ratios."""
    population = sums.crossing.over_cells(sums.weight)
    factor = _srs_factor(population, n)[:, None]
    if statistic == "share":
        spread = value * (1 - value) * (n / (n - 1))[:, None]
        spread = np.where(intervals.at_bound(value) | (n < 2)[:, None], np.nan, spread)
        return spread * factor
    if sums.squares is None:
        return np.full(value.shape, np.nan)
    mean = value[:, 0] / population if statistic == "total" else value[:, 0]
    spread = _spread(sums.squares(mean), mean, population, n)[:, None]
    return spread * factor * (population[:, None] ** 2 if statistic == "total" else 1)


def _spread(
    squares: np.ndarray, mean: np.ndarray, population: np.ndarray, n: np.ndarray
) -> np.ndarray:
    """Weighted population variance as R's `svyvar`, NaN where the item is constant."""
    square = squares / population
    varies = square > CONSTANT * (square + mean**2)
    return np.where((n > 1) & varies, square * (n / (n - 1)), np.nan)


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
    design: SurveyDesign, request: Request, cells: Cells, bases: Bases, value: np.ndarray,
    se: np.ndarray, df: np.ndarray, deff: np.ndarray,
    limits: tuple[np.ndarray, np.ndarray] | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Lay out cells x categories (or quantiles) as tidy rows with intervals."""
    k = value.shape[1]
    data: dict[str, object] = {
        column.name: column.take(np.repeat(codes, k))
        for column, codes in zip(cells.levels, cells.codes(), strict=True)
    }
    size = cells.n_cells * k
    names = design.levels(str(request.of)).texts if request.statistic == "share" else [""]
    if request.statistic == "quantile":
        data["category"] = np.full(size, "", dtype=object)
        data["quantile"] = np.tile(np.array(request.quantiles), cells.n_cells)
    else:
        data["category"] = np.tile(np.array(names or [""], dtype=object), cells.n_cells)
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
