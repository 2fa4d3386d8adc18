"""Python engine: means, totals, shares, ratios and rates of all cells of a table in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from lfsmig.errors import EstimationError
from lfsmig.survey import intervals
from lfsmig.survey.covariance import Spread, spread_of
from lfsmig.survey.crossing import Cells, Crossing
from lfsmig.survey.grouping import Grouping, Response
from lfsmig.survey.sums import Sums, scores_of, value_of
from lfsmig.survey.variance import (
    Bases,
    count_bases,
    degrees_of_freedom,
    influence_of,
    unit_sums,
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
        if influence and statistic == "quantile":
            raise EstimationError("influence is not supported for quantiles")
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
    design: SurveyDesign, statistic: str, of: str | None, over: str | None, mask: Any
) -> None:
    """Refuse an item that a rate, a Gini coefficient or a top share cannot be made of."""
    if statistic == "rate" and over is None:
        design.refuse_item(
            str(of), "binary", mask,
            f"item column {of!r} is neither 0 nor 1 in {{rows}}; a rate counts who has a "
            "property: recode it, or name a denominator in `over`",
        )  # fmt: skip
    if statistic in ("gini", "top_share"):
        design.refuse_item(
            str(of), "amount", mask,
            f"item column {of!r} is negative in {{rows}}; a {statistic} needs amounts of zero and "
            "more: recode them or leave them out by a domain",
        )  # fmt: skip


@dataclass(frozen=True)
class Estimate:
    """A table: tidy rows, and what comparisons between cells and years need.

    `cases` is the unweighted number of cases in each row's numerator. `influence` has a row per
    row of `frame` and a column per row of `psu_table`; `present` says where a row has cases
    if that is not where `influence` has entries (see `variance.Influence`). `spread` is there if
    the table was asked for with `covariance=True`.
    """

    frame: pd.DataFrame
    cases: np.ndarray
    influence: sparse.csr_array | None = None
    psu_table: pd.DataFrame | None = None
    present: sparse.csr_array | None = None
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
    """Estimates of all cells (rows) and categories (columns), with what their variance needs.

    `scores` holds the sums of the linearised item over the pairs of the finest stage; `response`
    gives them from the records, if these are in memory.
    """

    crossing: Crossing
    bases: Bases
    value: np.ndarray
    scores: np.ndarray
    response: Response | None
    srs_variance: np.ndarray
    cases: np.ndarray


def estimate(design: SurveyDesign, request: Request) -> Estimate:
    """Estimate a table with the Python engine."""
    if request.statistic == "quantile":
        from lfsmig.survey.quantile import quantile_table

        return quantile_table(design, request)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = _parts(design, request)
        crossing, bases, value = parts.crossing, parts.bases, parts.value
        moves = crossing, parts.scores, parts.response, value
        variance = variance_of(design, *moves, bases.n > 0)
        deff = variance / parts.srs_variance
    df = degrees_of_freedom(design, crossing, bases)
    frame = _frame(design, request, parts, np.sqrt(variance), df, deff)
    found = Estimate(frame, parts.cases.ravel())
    if not (request.influence or request.covariance):
        return found
    sums = [part * request.per for part in unit_sums(design, *moves, bases.pair_has_case)]
    if request.influence:
        moved = influence_of(design, crossing, sums[0], bases.pair_has_case, value.shape[1])
        found = replace(
            found, influence=moved.sums, psu_table=moved.table, present=moved.present
        )  # fmt: skip
    if request.covariance:
        spread = spread_of(design, crossing, sums, bases.pair_has_case, variance * request.per**2)
        found = replace(found, spread=spread)
    return found


def _frame(
    design: SurveyDesign, request: Request, parts: Parts, se: np.ndarray, df: np.ndarray,
    deff: np.ndarray,
) -> pd.DataFrame:  # fmt: skip
    """Rows of a table in its unit; intervals are taken before, so that a share's stay in 0-1."""
    value, n, unit = parts.value, parts.bases.n, request.per
    se = without_rounding(value, se)
    freedom, cases = (np.broadcast_to(one[:, None], value.shape) for one in (df, n))
    low, high = intervals.interval(request.ci, value, se, freedom, cases, request.level)
    return table(
        design, request, parts.crossing.cells, parts.bases, value * unit, se * unit, df, deff,
        (low * unit, high * unit),
    )  # fmt: skip


def _parts(design: SurveyDesign, request: Request) -> Parts:
    if request.statistic in ("gini", "top_share"):
        from lfsmig.survey import inequality

        made = inequality.gini if request.statistic == "gini" else inequality.top_share
        return made(design, request)
    return _parts_of_sums(design, request)


def _parts_of_sums(design: SurveyDesign, request: Request) -> Parts:
    """Parts of a total, or of a ratio of totals."""
    sums = design.sums(request)
    crossing = sums.crossing
    bases = count_bases(crossing, sums.cases)
    above = crossing.over_cells(sums.above)
    below = None if sums.below is None else crossing.over_cells(sums.below)
    value = np.where((bases.n > 0)[:, None], value_of(above, below), np.nan)
    scores = scores_of(sums.above, sums.below, crossing.stages[-1].over_cells, value, below)
    return Parts(
        crossing, bases, value, scores, response_of(design, sums, value, below),
        _srs_variance(request.statistic, sums, value, bases.n), sums.numerator_cases,
    )  # fmt: skip


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
        return scores_of(*totals(weights, over), over.over_cells, value, below)

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
    se: np.ndarray, df: np.ndarray, deff: np.ndarray, limits: tuple[np.ndarray, np.ndarray],
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
    with np.errstate(divide="ignore", invalid="ignore"):
        cv = np.where(estimates == 0, np.nan, errors / np.abs(estimates))
    data |= {
        "estimate": estimates, "se": errors, "cv": cv, "df": freedom.astype("int64"),
        "ci_low": limits[0].ravel(), "ci_high": limits[1].ravel(), "n": n.astype("int64"),
        "n_psu": n_psu.astype("int64"), "deff": deff.ravel(),
    }  # fmt: skip
    return pd.DataFrame(data)
