"""Any statistic that is a function of weights, with the variance of its replicates.

The survey's own estimators cover means, totals, shares, ratios and quantiles. An index of a
matrix of flows, a decomposition, a peak age is a function of many totals: it is computed once
with the full weights and once with each set of replicate weights, and the spread is its variance
(R's `withReplicates`). Totals of all replicates come from PSU sums times multipliers, so the
function meets small arrays and never the records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lfsmig.errors import EstimationError
from lfsmig.survey.inference import tested
from lfsmig.survey.intervals import t_quantile
from lfsmig.survey.rank import records_df
from lfsmig.survey.replicates import Replicates, deviations, replicate_totals

if TYPE_CHECKING:
    from lfsmig.survey.design import SurveyDesign


@dataclass(frozen=True)
class Replicated:
    """A statistic with its replicates.

    Attributes
    ----------
    names
        One name per number of the statistic.
    value
        The statistic with the full weights, shape (k,).
    replicates
        The statistic in every replicate, shape (replicates, k); NaN where it is not defined.
    apart
        Deviations from the centre, as the variance uses them.
    scales
        What each replicate's squared deviation is multiplied by.
    df
        Rank of the replicate weights of all cases, less one.
    draw
        Name of the draw of the replicates.
    """

    names: list[str]
    value: np.ndarray
    replicates: np.ndarray
    apart: np.ndarray
    scales: np.ndarray
    df: int
    draw: str

    @property
    def covariance(self) -> np.ndarray:
        """Covariance matrix (k x k); a replicate without a value is left out, as in R."""
        return _products(self, self)

    @property
    def se(self) -> np.ndarray:
        """Standard errors (k,)."""
        return np.sqrt(np.diag(self.covariance))

    def frame(self, level: float = 0.95, ci: str = "wald") -> pd.DataFrame:
        """One row per number: name, estimate, se, cv, df, ci_low, ci_high.

        `ci` is `wald` (Student's t) or `percentile` (of the replicates: 2,000 or more).
        """
        se = self.se
        if ci == "percentile":
            tails = [(1 - level) / 2, (1 + level) / 2]
            low, high = np.nanquantile(self.replicates, tails, axis=0)
        elif ci == "wald":
            half = t_quantile((1 + level) / 2, np.full(len(se), self.df)) * se
            low, high = self.value - half, self.value + half
        else:
            raise EstimationError(f"ci={ci!r} is not known here; use wald or percentile")
        with np.errstate(divide="ignore", invalid="ignore"):
            cv = np.where(self.value == 0, np.nan, se / np.abs(self.value))
        return pd.DataFrame(
            {
                "name": self.names, "estimate": self.value, "se": se, "cv": cv, "df": self.df,
                "ci_low": low, "ci_high": high,
            }
        )  # fmt: skip


def covariance(left: Replicated, right: Replicated) -> np.ndarray:
    """Covariance of two statistics of one draw (k x l); zero for draws that are not linked."""
    if left.draw != right.draw or len(left.scales) != len(right.scales):
        return np.zeros((len(left.value), len(right.value)))
    return _products(left, right)


def _products(left: Replicated, right: Replicated) -> np.ndarray:
    known = ~(np.isnan(left.apart).any(axis=1) | np.isnan(right.apart).any(axis=1))
    if not known.any():
        return np.full((len(left.value), len(right.value)), np.nan)
    scales = np.sqrt(left.scales * right.scales)[known]
    return (left.apart[known] * scales[:, None]).T @ right.apart[known]


def difference(later: Replicated, earlier: Replicated, level: float = 0.95) -> pd.DataFrame:
    """Difference of a statistic between two years, with the covariance that shared PSUs bring.

    Returns name, estimate, se, df (the smaller), ci_low, ci_high, statistic_value (t) and p.
    """
    if later.names != earlier.names:
        raise EstimationError(
            f"the statistics differ: {', '.join(later.names)} and {', '.join(earlier.names)}"
        )
    value = later.value - earlier.value
    variance = np.diag(later.covariance) + np.diag(earlier.covariance)
    se = np.sqrt(np.maximum(variance - 2 * np.diag(covariance(later, earlier)), 0.0))
    frame = tested(value, se, min(later.df, earlier.df), level)
    frame.insert(0, "name", later.names)
    return frame


def of_totals(
    design: SurveyDesign, function: Callable[..., Any], tables: Mapping[str, Mapping[str, Any]],
    names: Sequence[str] | None, vectorised: bool, engine: str,
) -> Replicated:  # fmt: skip
    """Evaluate a function of tables of totals; see `SurveyDesign.function_of_totals`."""
    replicates = _needed(design)
    full: dict[str, np.ndarray] = {}
    varied: dict[str, np.ndarray] = {}
    cases = np.zeros(len(design.weights), bool)
    for name, table in tables.items():
        unknown = set(table) - {"of", "by", "domain"}
        if unknown:
            raise EstimationError(
                f"table {name!r}: {sorted(unknown)[0]!r} is not known; use of, by and domain"
            )
        full[name], varied[name], rows = _totals(design, replicates, dict(table), engine)
        cases[rows] = True
    if vectorised:
        first = {name: table[None] for name, table in full.items()}
        value = _numbers(function(**first))
        every = np.asarray(function(**varied), dtype=float).reshape(replicates.count, -1)
        return _replicated(replicates, names, value, list(every), np.flatnonzero(cases))
    thetas = [
        _numbers(function(**{name: table[r] for name, table in varied.items()}))
        for r in range(replicates.count)
    ]
    return _replicated(replicates, names, _numbers(function(**full)), thetas, np.flatnonzero(cases))


def _numbers(values: object) -> np.ndarray:
    return np.asarray(values, dtype=float).reshape(-1)


def of_weights(
    design: SurveyDesign, function: Callable[[np.ndarray, pd.DataFrame], Any],
    names: Sequence[str] | None,
) -> Replicated:  # fmt: skip
    """Evaluate a function of the records' weights; see `SurveyDesign.function_of_weights`."""
    replicates = _needed(design)

    thetas = []
    for r in range(replicates.count):
        factor = replicates.factors.block(slice(r, r + 1))[:, 0]
        weights = replicates.base * factor[replicates.unit]
        thetas.append(_numbers(function(weights, design.frame)))
    value = _numbers(function(design.weights, design.frame))
    return _replicated(replicates, names, value, thetas, np.flatnonzero(design.weights != 0))


def _needed(design: SurveyDesign) -> Replicates:
    if design.replicates is None:
        raise EstimationError(
            "a function of weights needs replicate weights; make them with with_replicates"
        )
    return design.replicates


def _totals(
    design: SurveyDesign, replicates: Replicates, table: dict[str, Any], engine: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Totals of a table with the full weights and in every replicate; and its records."""
    from lfsmig.survey.estimate import Request, response_of

    by = table.get("by", ())
    by = [by] if isinstance(by, str) else list(by)
    of, domain = table.get("of"), design.mask(table.get("domain"))
    request = Request.checked(design, "total", of, None, by, domain, False, 0.95, None, (0.5,))
    sums = design.sums(request)
    crossing = sums.crossing
    assert crossing.records is not None
    rows = np.arange(len(design.weights))[crossing.records.rows]
    shape = [len(level) for level in crossing.cells.levels]
    if engine == "r":
        from lfsmig.survey.r_engine import totals_in_r

        full, varied = totals_in_r(design, request)
        return full.reshape(shape), varied.reshape([-1, *shape]), rows
    full = crossing.over_cells(sums.above)
    response = response_of(design, sums, full, None)
    assert response is not None
    varied, _ = replicate_totals(replicates, crossing, response)
    return full.reshape(shape), varied.reshape([replicates.count, *shape]), rows


def _replicated(
    replicates: Replicates, names: Sequence[str] | None, value: np.ndarray,
    values: Sequence[np.ndarray], rows: np.ndarray,
) -> Replicated:  # fmt: skip
    for number, one in enumerate(values):
        if len(one) != len(value):
            raise EstimationError(
                f"the function gives {len(value)} number(s) with the full weights but {len(one)} "
                f"in replicate {number + 1}"
            )
    thetas = np.stack(values)
    labels = [str(i + 1) for i in range(len(value))] if names is None else list(names)
    if len(labels) != len(value):
        raise EstimationError(f"names has {len(labels)} entries for {len(value)} number(s)")
    apart = deviations(replicates, thetas[:, None, :], value[None])[:, 0]
    df = records_df(replicates, rows)
    return Replicated(
        labels, value, thetas, apart, replicates.scale * replicates.rscales, df, replicates.draw
    )
