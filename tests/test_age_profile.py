"""The released profile by age: pooled rates, the curve and its peak, from released averages."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from lfsmig import age_profile, age_replicates, draws
from lfsmig.measures import rogers_castro
from lfsmig.params import load
from lfsmig.workspace import Workspace
from tests.conftest import ROOT

PARAMS = load(ROOT / "params")
BANDS = PARAMS.country.groupings["age_group5"].bands or {}
FUNDAMENTAL = {
    "a1": 0.02, "alpha1": 0.1, "a2": 0.06, "alpha2": 0.1, "mu2": 20, "lambda2": 0.4, "c": 0.003,
}  # fmt: skip


def averages(first: int = 2019, last: int = 2023, noise: float = 0.0004) -> pd.DataFrame:
    """Average rates per 100 of every age group, those of the fundamental schedule with errors."""
    rng = np.random.default_rng(6)
    rows = []
    for code, (low, high) in BANDS.items():
        ages = np.arange(int(low or 0), int(high or 90) + 1)
        rate = 100 * (rogers_castro.model(ages, FUNDAMENTAL).mean() + noise * rng.normal())
        rows.append(
            {
                "indicator": "recent_internal.rate", "category": "", "statistic": "average",
                "domain": json.dumps({"age_group5": code}, separators=(",", ":")),
                "year_from": first, "year_to": last, "estimate": rate, "se": 100 * noise,
                "ci_low": rate - 200 * noise, "ci_high": rate + 200 * noise,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def test_the_peak_of_the_curve_behind_the_rates_is_found() -> None:
    trends = pd.concat([averages(), averages(2022, 2023).assign(estimate=9.0)], ignore_index=True)
    other = averages().assign(domain='{"sex":"male"}')
    every = pd.concat([trends, other], ignore_index=True)
    found = age_profile.profile(PARAMS, every, replicated=replicated)
    groups = found[found["kind"].eq("group")]
    # The open group has no middle, the shorter span and other tables are not the profile's.
    assert list(groups["age_from"]) == list(range(0, 75, 5))
    assert set(groups["year_from"]) == {2019}
    peak = found[found["kind"].eq("peak_age")].iloc[0]
    assert peak["estimate"] == pytest.approx(23.3, abs=0.8)
    assert peak["ci_low"] < 23.3 < peak["ci_high"]
    assert 0.2 < peak["ci_high"] - peak["ci_low"] < 5
    curve = found[found["kind"].eq("curve")]
    assert list(curve["age_from"]) == list(range(75))
    truth = 100 * rogers_castro.model(np.arange(75), FUNDAMENTAL)
    assert curve["estimate"].to_numpy() == pytest.approx(truth, abs=0.3)
    # Every person's rates over all ages added up, in moves of one person.
    gross = found[found["kind"].eq("gmr")].iloc[0]
    assert gross["estimate"] == pytest.approx(truth.sum() / 100, abs=0.05)
    assert found.equals(age_profile.profile(PARAMS, every, replicated=replicated))
    # Without replicates there is a peak, and no interval that nobody knows.
    bare = age_profile.profile(PARAMS, every)
    assert bare.loc[bare["kind"].isin(["peak_age", "gmr"]), "ci_low"].isna().tolist() == [True] * 2


def replicated(
    indicator: str, domains: list[str], years: range, correlation: float = 0.0
) -> np.ndarray:
    """Twenty replicates of the groups' rates, with a part of the error that all groups share."""
    assert (indicator, len(domains), next(iter(years))) == ("recent_internal.rate", 15, 2019)
    rng = np.random.default_rng(3)
    own, shared = rng.normal(size=(15, 20)), rng.normal(size=20)
    return 0.04 * (np.sqrt(1 - correlation) * own + np.sqrt(correlation) * shared)


def test_the_interval_knows_that_groups_err_together() -> None:
    """The same errors of every group: shared ones add up in the sum of the rates."""
    widths = []
    for correlation in (0.0, 0.5):
        found = age_profile.profile(
            PARAMS, averages(), replicated=partial(replicated, correlation=correlation)
        )
        row = found[found["kind"].eq("gmr")].iloc[0]
        widths.append(row["ci_high"] - row["ci_low"])
    assert widths[1] > 2 * widths[0]


def test_replicates_of_averages_have_the_variance_of_their_cells(tmp_path: Path) -> None:
    """Two years that share their sampling units, in which the same units are drawn."""
    folder = tmp_path / "estimates" / "engines"
    folder.mkdir(parents=True)
    psus = pd.DataFrame({"stratum": ["a"] * 4 + ["b"] * 4, "psu": [str(k) for k in range(8)]})
    design = PARAMS.country.design.model_copy(update={"replicates": 4000})
    rng = np.random.default_rng(1)
    sums = rng.normal(size=(2, 8))
    sums -= sums.mean(axis=1, keepdims=True)
    for year in (2022, 2023):
        made = draws.draw({2022: psus, 2023: psus}, year, design)
        with (folder / f"{year}.draw.npz").open("wb") as file:
            draws.write(made, file)
        frame = pd.DataFrame({"indicator": "a.rate", "domain": ["x", "y"], "category": ""})
        frame.to_parquet(folder / f"{year}.python.parquet")
        sparse.save_npz(folder / f"{year}.python.npz", sparse.csr_matrix(sums))
        psus.to_parquet(folder / f"{year}.python.psu.parquet")
    found = age_replicates.deviations(
        Workspace(tmp_path, tmp_path, tmp_path), "a.rate", ["y", "x"], [2022, 2023]
    )
    assert found is not None
    strata = sums.reshape(2, 2, 4)
    centred = strata - strata.mean(axis=2, keepdims=True)
    # Full overlap: an average of the same number twice errs as one year does.
    expected = 4 / 3 * np.einsum("ahi,bhi->ab", centred, centred)[::-1, ::-1]
    assert found @ found.T / found.shape[1] == pytest.approx(expected, abs=0.15 * expected.max())
    assert (
        age_replicates.deviations(Workspace(tmp_path, tmp_path, tmp_path), "a.rate", ["z"], [2022])
        is None
    )


def singles(first: int = 2019, last: int = 2024) -> pd.DataFrame:
    """Released averages by single years of age, as `pools` leaves them; nobody moved at 60."""
    rng = np.random.default_rng(3)
    ages = np.arange(76)
    rate = 100 * rogers_castro.model(ages, FUNDAMENTAL) * np.exp(rng.normal(0, 0.03, len(ages)))
    rate[60] = 0.0
    codes = ["75+" if age == 75 else str(age) for age in ages]
    return pd.DataFrame(
        {
            "indicator": "recent_internal.rate_by_age", "category": "", "statistic": "rate",
            "domain": [json.dumps({"age_single": c}, separators=(",", ":")) for c in codes],
            "year_from": first, "year_to": last, "estimate": rate, "se": 0.03 * rate,
            "ci_low": rate, "ci_high": rate, "n": 9000.0,
        }
    )  # fmt: skip


def test_single_years_of_age_have_a_curve_of_their_own() -> None:
    pools = singles()
    pools.loc[[44, 73], ["estimate", "se"]] = np.nan

    def errors(indicator: str, domains: list[str], years: range) -> np.ndarray:
        assert (indicator, list(years)) == ("recent_internal.rate_by_age", list(range(2019, 2025)))
        return np.random.default_rng(4).normal(0, 0.03, (len(domains), 5))

    found = age_profile.profile(PARAMS, averages().iloc[:0], pools, replicated=errors)
    assert set(found["kind"].str.startswith("single_")) == {True}
    held = found[found["kind"].eq("single_group")]
    # Without the open group and what is withheld; an age at which nobody moved is known.
    assert list(held["age_from"]) == [age for age in range(75) if age not in (44, 73)]
    assert set(zip(held["year_from"], held["year_to"], strict=True)) == {(2019, 2024)}
    peak = found[found["kind"].eq("single_peak_age")].iloc[0]
    assert peak["estimate"] == pytest.approx(23.3, abs=0.5)
    assert peak["ci_low"] <= peak["estimate"] <= peak["ci_high"]
    curve = found[found["kind"].eq("single_curve")]
    truth = 100 * rogers_castro.model(np.arange(75), FUNDAMENTAL)
    assert curve["estimate"].to_numpy() == pytest.approx(truth, rel=0.1)
    both = age_profile.profile(PARAMS, averages(), pools)
    assert {"group", "single_group"} <= set(both["kind"])


def test_a_peak_among_withheld_ages_is_not_told() -> None:
    pools = singles()
    pools.loc[12:32, ["estimate", "se"]] = np.nan
    found = age_profile.profile(PARAMS, pd.DataFrame(), pools)
    assert set(found["kind"]) == {"single_group", "single_error"}


def test_what_is_withheld_or_fits_no_curve_has_none() -> None:
    hidden = averages()
    few = hidden.assign(estimate=hidden["estimate"].where(np.arange(len(hidden)) < 7))
    found = age_profile.profile(PARAMS, few)
    assert set(found["kind"]) == {"group"}
    assert len(found) == 7
    jagged = hidden.assign(estimate=np.where(np.arange(len(hidden)) % 2, 0.2, 3.0))
    found = age_profile.profile(PARAMS, jagged)
    assert set(found["kind"]) == {"group", "gmr", "error"}
    assert found.loc[found["kind"].eq("error"), "estimate"].iloc[0] > 15
    assert age_profile.profile(PARAMS, hidden.iloc[:0]).empty
