"""An attacker with linear programming against everything that is released, and what stops him.

He knows all shown values to the last stored digit, the rules, that a cell marked `c` is not empty,
and every year's tables and trends; whatever he computes of a secret cell must leave open whether
it has fewer than the threshold, over at least `min_cases` whole numbers.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from lfsmig.disclosure import cells, sets
from lfsmig.params import load
from lfsmig.release import release, release_trends
from tests.attacker import LINKS, World, attack_counts, attack_weights, trends_of, world
from tests.conftest import ROOT

PUBLICATION = load(ROOT / "params").rules.publication
Years = tuple[list[World], list[pd.DataFrame]]
Fault = Callable[[pytest.MonkeyPatch, World], pd.DataFrame]


def shown(year: World, rule: str = "nso", links: dict = LINKS) -> pd.DataFrame:
    return release(year.table, PUBLICATION, rule, year.register, links)


@pytest.fixture(scope="module")
def years() -> Years:
    rng = np.random.default_rng(4)
    made = [world(rng, year) for year in (2022, 2023)]
    return made, [shown(one) for one in made]


def test_no_secret_number_of_persons_is_found(years: Years) -> None:
    for year, out in zip(*years, strict=True):
        assert len(year.secret) >= 10
        assert out.loc[year.secret, "estimate"].isna().all()
        assert attack_counts(year, out) == []
        # Something is left to read.
        assert out["estimate"].notna().sum() > len(out) / 6


def test_no_secret_estimate_is_found_over_the_years(years: Years) -> None:
    made, outs = years
    trends = release_trends(trends_of(made), dict(zip((2022, 2023), outs, strict=True)))
    assert attack_weights(made, outs, trends) == []


def test_stricter_rules_help_no_attacker(years: Years) -> None:
    # Cells withheld as imprecise tell that they are not confidential: at least five persons.
    year = years[0][0]
    assert attack_counts(year, shown(year, "nchs2017")) == []


def uncovered(monkeypatch: pytest.MonkeyPatch, year: World) -> pd.DataFrame:
    """Withhold secret cells alone."""
    protect = sys.modules["lfsmig.disclosure.protect"]
    monkeypatch.setattr(protect, "_complements", lambda guard: set())
    monkeypatch.setattr(protect.Guard, "exposed", lambda guard: [])
    return shown(year)


def with_a_margin(monkeypatch: pytest.MonkeyPatch, year: World) -> pd.DataFrame:
    """Show the withheld cells that are not secret themselves."""
    out = shown(year)
    back = np.setdiff1d(np.flatnonzero(out["flag"].eq("c")), year.secret)
    out.loc[back, ["estimate", "n_cases"]] = year.table.loc[back, ["estimate", "n_cases"]]
    return out


def with_numbers(monkeypatch: pytest.MonkeyPatch, year: World) -> pd.DataFrame:
    """Tell the bases that were withheld."""
    return shown(year).assign(n=year.table["n"])


def without_links(monkeypatch: pytest.MonkeyPatch, year: World) -> pd.DataFrame:
    """Forget that persons of 15 and over are two of the age groups."""
    return shown(year, links={})


def as_imprecise(monkeypatch: pytest.MonkeyPatch, year: World) -> pd.DataFrame:
    """Tell of every withheld cell that is not secret itself that it is not."""
    monkeypatch.setattr(sys.modules["lfsmig.disclosure.protect"], "_letters", lambda *_: set())
    return shown(year, "nchs2017")


@pytest.mark.parametrize(
    ("fault", "seed"),
    [(uncovered, 4), (with_a_margin, 4), (with_numbers, 4), (without_links, 10), (as_imprecise, 8)],
)
def test_the_attacker_finds_what_a_fault_gives_away(
    monkeypatch: pytest.MonkeyPatch, fault: Fault, seed: int
) -> None:
    year = world(np.random.default_rng(seed))
    assert attack_counts(year, fault(monkeypatch, year))


def without_means(monkeypatch: pytest.MonkeyPatch, year: World) -> pd.DataFrame:
    """Forget that an amount over its mean is a number of persons."""
    name_bases = cells._name_bases

    def forgetful(held: cells.Cells, *more: object) -> None:
        name_bases(held, *more)
        held.means = {}

    monkeypatch.setattr(cells, "_name_bases", forgetful)
    return shown(year)


def without_indices(monkeypatch: pytest.MonkeyPatch, year: World) -> pd.DataFrame:
    """Forget that an intensity times the population is the number of moves."""
    monkeypatch.setattr(sets, "_of_index", lambda _: None)
    return shown(year)


def without_ratios(monkeypatch: pytest.MonkeyPatch, year: World) -> pd.DataFrame:
    """Forget that a ratio of amounts times what is below its line is what is above."""
    strangers = {("amount", "of others")}
    monkeypatch.setattr(cells, "denominator", lambda *cell: (sets.base_of(*cell) | strangers, 1.0))
    return shown(year)


def without_streams(monkeypatch: pytest.MonkeyPatch, year: World) -> pd.DataFrame:
    """Forget that an index of inequality is a sum of flows, small ones with a minus."""
    monkeypatch.setattr(cells, "_of_indices", lambda _: [])
    return shown(year)


SEED = 7


@pytest.fixture(scope="module")
def closed() -> World:
    """A year of which nothing is found, before one of the faults is planted."""
    year = world(np.random.default_rng(SEED), 2022)
    assert attack_weights([year], [shown(year)]) == []
    return year


@pytest.mark.parametrize("fault", [without_means, without_indices, without_ratios, without_streams])
def test_amounts_and_indices_give_away_numbers_of_persons(
    monkeypatch: pytest.MonkeyPatch, closed: World, fault: Fault
) -> None:
    assert attack_weights([closed], [fault(monkeypatch, closed)])


def test_the_attacker_finds_a_change_from_a_hidden_year(years: Years) -> None:
    made, outs = years
    assert attack_weights(made, outs, trends_of(made))
