"""Weights add up to the population controls, in joined cells where groups are thin."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_files import YEARS

from lfsmig.sample.calibrate import age_groups, collapse, population_controls
from lfsmig.sample.frame import planned_eas, strata
from lfsmig.sample.settings import Settings

POPULATION = {2019: 68_020_000, 2022: 69_910_000}


@pytest.mark.parametrize("year", YEARS)
def test_weights_meet_the_controls(
    plain: Callable[[int], pd.DataFrame], settings: Settings, year: int
) -> None:
    people = plain(year)[lambda frame: frame["NO"].notna()]
    controls = population_controls(settings, year)
    table = strata(settings)
    position = {
        (c, a): n for n, (c, a) in enumerate(zip(table["code"], table["area"], strict=True))
    }
    stratum = np.array(
        [position[int(c), int(a)] for c, a in zip(people["CWT"], people["AREA"], strict=True)]
    )
    group = age_groups(settings, people["AGE"].to_numpy(), people["SEX"].astype(int).to_numpy())
    weight = people["WEIGHT"].to_numpy()
    assert weight.min() > 0
    total = np.bincount(stratum, weights=weight, minlength=len(table))
    np.testing.assert_allclose(total, controls.sum(axis=1), rtol=1e-6)
    counts = np.zeros_like(controls, dtype=int)
    np.add.at(counts, (stratum, group), 1)
    sums = np.zeros_like(controls)
    np.add.at(sums, (stratum, group), weight)
    for row in range(len(table)):
        cells = collapse(counts[row], 5)
        size = np.bincount(cells, weights=counts[row])
        assert size.min() >= min(5, counts[row].sum())
        np.testing.assert_allclose(
            np.bincount(cells, weights=sums[row]),
            np.bincount(cells, weights=controls[row]),
            rtol=1e-6,
        )


def test_totals_are_the_published_ones(settings: Settings) -> None:
    for year, total in POPULATION.items():
        assert population_controls(settings, year).sum() == pytest.approx(total)
    totals = [population_controls(settings, year).sum() for year in YEARS]
    assert totals == sorted(totals)
    steps = np.diff(totals)
    assert steps.argmax() == YEARS.index(2022) - 1


def test_shares_are_of_residents_not_of_the_register(settings: Settings) -> None:
    controls = population_controls(settings, 2019)
    bangkok = controls[strata(settings)["region"].to_numpy() == 1].sum() / controls.sum()
    assert 0.12 < bangkok < 0.14
    registered = settings.provinces["registered"]
    assert bangkok > 1.4 * registered.iloc[0] / registered.sum()


def test_population_ages(settings: Settings) -> None:
    starts = settings.model["controls"]["age_starts"]
    old = [
        population_controls(settings, year)[:, [starts.index(65), 10 + starts.index(65)]].sum()
        / population_controls(settings, year).sum()
        for year in YEARS
    ]
    assert old == sorted(old)


def test_full_design_is_the_planned_one(settings: Settings) -> None:
    counts, table = planned_eas(settings), strata(settings)
    municipal = (table["area"] == 1).to_numpy()
    assert len(table) == 153
    assert counts[municipal].sum() == 3060
    assert counts[~municipal].sum() == 2910
    assert 16 * 3060 + 12 * 2910 == 83_880
    assert counts.min() >= 10


@given(st.lists(st.integers(0, 12), min_size=20, max_size=20))
def test_joined_cells_hold_enough_and_are_neighbours(counts: list[int]) -> None:
    cells = collapse(np.array(counts), 5)
    size = np.bincount(cells, weights=counts)
    assert size.min() >= 5 or sum(counts) < 10
    for part in (cells[:10], cells[10:]):
        assert (np.diff(part) >= 0).all()
        assert (np.diff(part) <= 1).all()


def test_full_cells_are_left_alone() -> None:
    assert collapse(np.full(20, 5), 5).tolist() == list(range(20))
