"""The released profile of migration by age: pooled rates, and a curve fitted to them.

Made from released averages over years alone, so nothing withheld can be found from it. One year
has too few migrants for a curve; the average over years of each age group has enough, and that
over all years of the report of each single age (methods.md 2.3).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm

from lfsmig.errors import EstimationError
from lfsmig.measures import rogers_castro
from lfsmig.results import domain_codes

if TYPE_CHECKING:
    from lfsmig.params import Params
    from lfsmig.params.models import RatesBy

COLUMNS = [
    "kind", "age_from", "age_to", "estimate", "ci_low", "ci_high", "year_from", "year_to",
]  # fmt: skip
# How closely the curve is fitted again, to the rates of a replicate.
ROUGH = 1e-6
LEVEL = 0.95
# Gives the replicates of the cells of a domain list over some years, less the averages themselves.
Replicated = Callable[[str, Sequence[str], Sequence[int]], "np.ndarray | None"]


def profile(
    params: Params, trends: pd.DataFrame, pools: pd.DataFrame | None = None,
    *, replicated: Replicated | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Pooled rates by age group and by single years of age, each with its curve and its peak.

    Parameters
    ----------
    params
        `report.age_profile` names the indicator (a rate per 100) and its age groups.
    trends
        Released trends; the longest average over years is taken.
    pools
        Released averages of pooled indicators; `report.age_profile.single` names the one by single
        years of age.
    replicated
        Replicates of cells (`age_replicates.deviations`); without them the peak has no interval.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`, rates in per cent. `kind` is `group` (an age group), `curve` (a single
        year of age), `peak_age` and `peak_rate` (of the curve fitted to every bootstrap replicate
        of the rates: a variance of mean squares about the estimate, methods.md 2.3 and 4.3), `gmr`
        (gross migraproduction rate: the sum of the rates over all single years of the groups, as
        moves of one person) and `error` (mean absolute error of the curve, per cent of the mean
        rate). Without enough groups, or where the curve does not fit, there are no rows of the
        curve; the sum of the rates needs all groups from age 0 on. Of the single years of age the
        kinds begin with `single_`.
    """
    wanted = params.report.age_profile
    if wanted is None:
        return pd.DataFrame(columns=COLUMNS)
    rows = trends[trends["statistic"].eq("average")] if len(trends) else trends
    parts = [_of(params, rows, wanted, replicated)]
    if wanted.single is not None and pools is not None:
        single = _of(params, pools, wanted.single, replicated)
        parts.append(single.assign(kind="single_" + single["kind"].astype(str)))
    parts = [part for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def _of(
    params: Params, averages: pd.DataFrame, wanted: RatesBy, replicated: Replicated | None
) -> pd.DataFrame:
    """Rates of one table of averages, and what is told of the curve fitted to them."""
    if averages.empty:
        return pd.DataFrame(columns=COLUMNS)
    groups = _groups(params, averages, wanted.indicator, wanted.by)
    if groups.empty:
        return pd.DataFrame(columns=COLUMNS)
    span = {
        "year_from": int(groups["year_from"].iloc[0]),
        "year_to": int(groups["year_to"].iloc[0]),
    }
    shown = groups.assign(kind="group", **span)
    years = range(span["year_from"], span["year_to"] + 1)
    apart = replicated(wanted.indicator, list(groups["domain"]), years) if replicated else None
    told = [_gross(params, groups, apart, wanted.by), _curve(groups, apart)]
    parts = [shown, *(part.assign(**span) for part in told if len(part))]
    return pd.concat(parts, ignore_index=True).reindex(columns=COLUMNS)


def _groups(params: Params, averages: pd.DataFrame, indicator: str, by: str) -> pd.DataFrame:
    """Age groups with both ends and a released average over the longest span of years."""
    rows = averages[averages["indicator"].eq(indicator)]
    codes = [domain_codes(text) for text in rows["domain"]]
    rows = rows.assign(code=[c[by] if set(c) == {by} else "" for c in codes])
    bands = params.country.groupings[by].bands or {}
    ends = {code: edges for code, edges in bands.items() if edges[1] is not None}
    # Of an age that nobody of the sample moved at there is no error, but the persons are known.
    known = (rows["se"] > 0) | (rows["estimate"].eq(0) & rows.get("n", rows["se"]).gt(0))
    rows = rows[rows["code"].isin(ends) & rows["estimate"].notna() & known]
    if rows.empty:
        return rows
    length = rows["year_to"] - rows["year_from"]
    rows = rows[length.eq(length.max())]
    rows = rows[rows["year_from"].eq(rows["year_from"].min())]
    edges = [ends[code] for code in rows["code"]]
    rows = rows.assign(
        age_from=[int(e[0] or 0) for e in edges], age_to=[int(e[1] or 0) for e in edges]
    )
    return rows.sort_values("age_from", ignore_index=True)


def _interval(value: float, replicates: np.ndarray | None) -> tuple[float, float]:
    """Interval of an estimate by the mean square of its replicates about it; NaN without them."""
    if replicates is None or not len(replicates):
        return np.nan, np.nan
    half = norm.ppf((1 + LEVEL) / 2) * float(np.sqrt(np.mean((replicates - value) ** 2)))
    return value - half, value + half


def _gross(params: Params, groups: pd.DataFrame, apart: np.ndarray | None, by: str) -> pd.DataFrame:
    """Row of the gross migraproduction rate, where every age below the open group is there."""
    ends = {e[1] for e in (params.country.groupings[by].bands or {}).values() if e[1] is not None}
    width = (groups["age_to"] - groups["age_from"] + 1).to_numpy(dtype=float)
    if groups["age_from"].iloc[0] > 0 or set(groups["age_to"]) != ends:
        return pd.DataFrame(columns=COLUMNS)
    value = float(width @ groups["estimate"].to_numpy(dtype=float)) / 100
    spread = None if apart is None else value + width @ apart / 100
    row = ("gmr", 0.0, float(groups["age_to"].iloc[-1]), value, *_interval(value, spread))
    return pd.DataFrame([row], columns=COLUMNS[:6])


def _curve(groups: pd.DataFrame, apart: np.ndarray | None) -> pd.DataFrame:
    """Rows of the fitted curve and of what is told of it; none where there is no good fit."""
    first = groups["age_from"].to_numpy(dtype=float)
    width = (groups["age_to"] - groups["age_from"] + 1).to_numpy(dtype="int64")
    rate, error = (groups[name].to_numpy(dtype=float) / 100 for name in ("estimate", "se"))
    size = _size(groups, rate, error)
    usable = size > 0
    try:
        fit = rogers_castro.fit(first[usable], rate[usable], size[usable], width=width[usable])
    except EstimationError:
        return pd.DataFrame(columns=COLUMNS)
    rows = [("error", np.nan, np.nan, 100 * fit.error, np.nan, np.nan)]
    marks = rogers_castro.landmarks(fit.parameters)
    if fit.accepted and _covered(marks.peak_age, first[usable], width[usable]):
        ages = np.arange(first[0], first[-1] + width[-1])
        stars = np.empty((0, usable.sum())) if apart is None else (rate + apart.T / 100)[:, usable]
        drawn = _refits(first[usable], stars, size[usable], width[usable], fit)
        for kind, value, spread in (
            ("peak_age", marks.peak_age, [m.peak_age for m in drawn]),
            ("peak_rate", 100 * marks.peak_rate, [100 * m.peak_rate for m in drawn]),
        ):
            low, high = _interval(value, np.array(spread))
            rows.append((kind, np.nan, np.nan, value, low, high))
        curve = 100 * rogers_castro.model(ages, fit.parameters)
        rows += [
            ("curve", float(a), float(a), float(m), np.nan, np.nan)
            for a, m in zip(ages, curve, strict=True)
        ]
    return pd.DataFrame(rows, columns=COLUMNS[:6])


def _covered(age: float, first: np.ndarray, width: np.ndarray) -> bool:
    """Whether a rate is known at an age: a peak among withheld ones is none of the data."""
    return bool(((first <= age) & (age < first + width)).any())


def _size(groups: pd.DataFrame, rate: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Effective persons behind each rate; of a rate of zero those interviewed, if they are told."""
    with np.errstate(divide="ignore", invalid="ignore"):
        size = rate * (1 - rate) / error**2
    persons = groups["n"].to_numpy(dtype=float) if "n" in groups else np.zeros(len(rate))
    return np.nan_to_num(np.where(rate > 0, size, persons), posinf=0.0)


def _refits(
    first: np.ndarray, replicates: np.ndarray, size: np.ndarray, width: np.ndarray,
    fit: rogers_castro.Fit,
) -> list[rogers_castro.Landmarks]:  # fmt: skip
    """Landmarks of the curves fitted to each replicate of the rates, with the same weights."""
    found = []
    for sample in replicates:
        again = rogers_castro.fit(
            first, np.maximum(sample, 0.0), size, width=width, start=fit.parameters, tolerance=ROUGH
        )
        found.append(rogers_castro.landmarks(again.parameters))
    return found
