"""Households and largest contributions behind cells, by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd

from lfsmig.contributors import Contributors

FRAME = pd.DataFrame(
    {
        "household_id": ["a", "a", "b", "c", "c", "d"],
        "weight": [1.0, 1.0, 2.0, 1.0, 1.0, 5.0],
        "region": pd.Categorical(["1", "1", "1", "2", "2", "2"]),
        "sex": pd.Categorical(["f", "m", "m", None, "f", "f"]),
        "money": [10.0, 0.0, 20.0, np.nan, 30.0, 1.0],
    }
)
EVERYBODY = np.ones(6, bool)


def figures(cells: pd.DataFrame, by: list[str], is_amount: bool = False, **spec: object):
    indicator = SimpleNamespace(**{"of": None, "over": None, **spec})
    behind = Contributors(FRAME, "weight")
    return behind.of_table(indicator, by, EVERYBODY, cells, is_amount)


def test_households_of_totals_and_shares() -> None:
    cells = pd.DataFrame({"region": ["1", "2", "3"], "category": ""})
    found = figures(cells, ["region"], statistic="total")
    assert found["n_households"].tolist() == [2, 2, 0]
    cells = pd.DataFrame({"category": ["f", "m", "x"]})
    found = figures(cells, [], statistic="share", of="sex")
    # Household c has a woman beside the person of unknown sex.
    assert found["n_households"].tolist() == [3, 2, 0]


def test_largest_parts_of_an_amount() -> None:
    cells = pd.DataFrame({"region": ["1", "2"], "category": ""})
    found = figures(cells, ["region"], True, statistic="mean", of="money")
    assert found["amount"].tolist() == [50.0, 35.0]
    assert found["n_contributors"].tolist() == [2, 2]
    # Nothing was sent by one of household a: it does not count as giving twice.
    assert found["n_households"].tolist() == [2, 2]
    np.testing.assert_allclose(found["largest"], [40 / 50, 30 / 35])
    np.testing.assert_allclose(found["two_largest"], [1.0, 1.0])
