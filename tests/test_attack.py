"""An attacker with linear programming against everything that is released, and what stops him.

He knows all shown values to the last stored digit, the rules, that a cell marked `c` is not empty,
and every year's tables and trends; whatever he computes of a secret cell must leave open whether
it has fewer than the threshold, over at least `min_cases` whole numbers.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

from lfsmig.params import load
from lfsmig.release import release, release_trends
from tests.attacker import LINKS, World, attack_counts, attack_weights, trends_of, world
from tests.conftest import ROOT

PUBLICATION = load(ROOT / "params").rules.publication
Years = tuple[list[World], list[pd.DataFrame]]


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
    monkeypatch.setattr(protect, "_complements", lambda cells, guard: set())
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


@pytest.mark.parametrize("fault", [uncovered, with_a_margin, with_numbers, without_links])
def test_the_attacker_finds_what_a_fault_gives_away(
    monkeypatch: pytest.MonkeyPatch, years: Years, fault
) -> None:
    assert attack_counts(years[0][0], fault(monkeypatch, years[0][0]))


def test_the_attacker_finds_a_change_from_a_hidden_year(years: Years) -> None:
    made, outs = years
    assert attack_weights(made, outs, trends_of(made))
