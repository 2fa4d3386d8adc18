"""Indices of how flows are spread over streams, and what they tell of a single stream.

An index of inequality, a Gini index or a coefficient of variation is a function of all flows of a
level. To its last digit it is one more equation between them, and where margins leave a withheld
flow little room, it fixes that flow. So these indices are told in hundredths, as they are printed,
with their errors and limits; and disclosure control knows what a hundredth still says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lfsmig.flow_indices import Asked, Matrices, of_matrices

if TYPE_CHECKING:
    from lfsmig.disclosure.sets import Line, Who
    from lfsmig.params import Indicator

OF_STREAMS = frozenset(
    {"connectivity", "inequality", "inequality_independence", "gini_total", "gini_weighted", "cv",
     "acv"}
)  # fmt: skip
DECIMALS = 2
STEP = 10.0**-DECIMALS
# Columns that would tell an index, or its change by the test of it, to more digits.
SIZES = {"estimate", "se", "ci_low", "ci_high", "p", "lack_of_fit_p",
         "estimate_python", "estimate_r", "se_python", "se_r"}  # fmt: skip
# Part of all movers by which a flow is shifted to see what an index makes of it.
NUDGE = 1e-6
INDEX = "index"


def is_of_streams(indicator: Indicator) -> bool:
    """Whether an indicator is an index that single streams go into."""
    return indicator.statistic == "index" and indicator.of in OF_STREAMS


def rounded(frame: pd.DataFrame, indicators: Iterable[Indicator]) -> pd.DataFrame:
    """Tell indices of streams in hundredths; every other row stays as it is.

    Parameters
    ----------
    frame
        Rows of results or of trends.

    Returns
    -------
    DataFrame
        The same rows; of indices the coefficient of variation is that of what is told, and the
        statistic of a test, a quotient of the two, is blank.
    """
    names = [one.id for one in indicators if is_of_streams(one)]
    rows = frame["indicator"].isin(names).to_numpy()
    if not rows.any():
        return frame
    out = frame.copy()
    held = [name for name in out if name in SIZES]
    out.loc[rows, held] = out.loc[rows, held].astype("float64").round(DECIMALS)
    if "cv" in out:
        told = out.loc[rows, "estimate"].abs()
        out.loc[rows, "cv"] = out.loc[rows, "se"] / told.where(told > 0)
    if "statistic_value" in out:
        out.loc[rows, "statistic_value"] = np.nan
    return out


def rooms(estimate: float) -> tuple[float, float]:
    """How far below and above an index's value is what a reader takes for possible."""
    told = round(estimate, DECIMALS)
    half = STEP / 2
    return max(estimate - (told - half), 0.0), max(told + half - estimate, 0.0)


def line(
    number: Who, indicator: Indicator, flows: Mapping[tuple[str, str], tuple[Who, float, float]]
) -> tuple[Line, float] | None:
    """What single flows do to an index near the true ones, as an equation of numbers of movers.

    Parameters
    ----------
    number
        Stands for the index, in movers: times the sampled movers of all streams.
    flows
        By origin and destination: the set, its sampled movers, its estimate.

    Returns
    -------
    tuple
        The equation and the sampled movers of all streams; `None` where nobody moved, or where not
        all streams are known.
    """
    zones = sorted({place for pair in flows for place in pair})
    size = len(zones)
    if len(flows) < size * (size - 1) or size < 2:
        return None
    at = {place: position for position, place in enumerate(zones)}
    cases, weighted = np.zeros((size, size)), np.zeros((size, size))
    for (origin, destination), (_, n, estimate) in flows.items():
        cases[at[origin], at[destination]] = n
        weighted[at[origin], at[destination]] = np.nan_to_num(estimate)
    total = cases.sum()
    if not total or not weighted.sum():
        return None
    counted = indicator.rarefied is not None
    matrix = cases if counted else weighted
    pairs = [pair for pair, (_, n, _) in flows.items() if n > 0]
    asked = Asked(str(indicator.of), False, indicator.rarefied)
    shift = NUDGE * matrix.sum()
    trials = np.repeat(matrix[None], 2 * len(pairs), axis=0)
    for trial, (origin, destination) in enumerate(pairs):
        # Not below zero: a stream of next to nothing is shifted by half of itself.
        by = min(shift, matrix[at[origin], at[destination]] / 2)
        trials[2 * trial, at[origin], at[destination]] += by
        trials[2 * trial + 1, at[origin], at[destination]] -= by
    found = of_matrices(asked, Matrices(trials, trials, np.ones(len(trials))))
    parts = []
    for trial, pair in enumerate(pairs):
        o, d = at[pair[0]], at[pair[1]]
        apart = trials[2 * trial, o, d] - trials[2 * trial + 1, o, d]
        slope = (found[2 * trial] - found[2 * trial + 1]) / apart * matrix.sum()
        if np.isfinite(slope) and slope:
            parts.append((flows[pair][0], float(slope)))
    return (*parts, (number, -1.0)), float(total)
