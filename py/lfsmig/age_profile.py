"""The released profile of migration by age: pooled rates, and a curve fitted to them.

Made from released averages over years alone, so nothing withheld can be found from it. One year
has too few migrants for a curve; the average over years of each age group has enough, and that
over all years of the report of each single age (methods.md 2.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lfsmig.errors import EstimationError
from lfsmig.measures import rogers_castro
from lfsmig.results import domain_codes

if TYPE_CHECKING:
    from lfsmig.params import Params
    from lfsmig.params.models import RatesBy

COLUMNS = [
    "kind", "age_from", "age_to", "estimate", "ci_low", "ci_high", "year_from", "year_to",
]  # fmt: skip
# Times that the curve is fitted again, to rates drawn from their standard errors.
REFITS = 100
ROUGH = 1e-6
SEED = 2019
LEVEL = 0.95


def profile(
    params: Params, trends: pd.DataFrame, pools: pd.DataFrame | None = None
) -> pd.DataFrame:
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

    Returns
    -------
    DataFrame
        Columns `COLUMNS`, rates in per cent. `kind` is `group` (an age group), `curve` (a single
        year of age), `peak_age` and `peak_rate` (of the curve, with what refitting to rates drawn
        from their errors gives for 95 in 100 draws) and `error` (mean absolute error of the curve,
        per cent of the mean rate). Without enough groups, or where the curve does not fit, there
        are no rows of the curve. Of the single years of age the kinds begin with `single_`.
    """
    wanted = params.report.age_profile
    if wanted is None:
        return pd.DataFrame(columns=COLUMNS)
    rows = trends[trends["statistic"].eq("average")] if len(trends) else trends
    parts = [_of(params, rows, wanted)]
    if wanted.single is not None and pools is not None:
        single = _of(params, pools, wanted.single)
        parts.append(single.assign(kind="single_" + single["kind"].astype(str)))
    parts = [part for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def _of(params: Params, averages: pd.DataFrame, wanted: RatesBy) -> pd.DataFrame:
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
    curve = _curve(groups).assign(**span)
    return pd.concat([shown, curve], ignore_index=True).reindex(columns=COLUMNS)


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


def _curve(groups: pd.DataFrame) -> pd.DataFrame:
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
        held = (first[usable], rate[usable], error[usable], size[usable], width[usable])
        drawn = _refits(*held, fit)
        for kind, value, spread in (
            ("peak_age", marks.peak_age, [m.peak_age for m in drawn]),
            ("peak_rate", 100 * marks.peak_rate, [100 * m.peak_rate for m in drawn]),
        ):
            low, high = np.quantile(spread, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
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
    first: np.ndarray, rate: np.ndarray, error: np.ndarray, size: np.ndarray, width: np.ndarray,
    fit: rogers_castro.Fit,
) -> list[rogers_castro.Landmarks]:  # fmt: skip
    rng = np.random.default_rng(SEED)
    error = np.nan_to_num(error)
    found = []
    for _ in range(REFITS):
        sample = np.maximum(rng.normal(rate, error), 0.0)
        again = rogers_castro.fit(
            first, sample, size, width=width, start=fit.parameters, tolerance=ROUGH
        )
        found.append(rogers_castro.landmarks(again.parameters))
    return found
