"""Amounts that follow from others are withheld with them: cash, goods, prices, cuts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from lfsmig.disclosure.sets import base_known, equations, links, numerator
from lfsmig.params import load
from lfsmig.release import release
from tests.conftest import ROOT

PARAMS = load(ROOT / "params")
REGISTER = {one.id: one for one in PARAMS.indicators}
TOTAL, CASH, GOODS = (
    f"remittances.{name}"
    for name in ("mean_nominal_per_sender", "cash_mean_nominal", "goods_mean_nominal")
)
REAL = {TOTAL: "remittances.mean_per_sender", CASH: "remittances.cash_mean",
        GOODS: "remittances.goods_mean"}  # fmt: skip


def cell(indicator: str, amount: float, persons: int, **values: Any) -> dict[str, Any]:
    """A mean of many senders, precise enough for every rule."""
    base = {
        "year": 2023, "indicator": indicator, "domain": "{}", "category": "", "statistic": "mean",
        "unit": "baht", "engine": "python", "estimate": amount / persons, "se": 1.0, "cv": 0.01,
        "df": 200.0, "ci_low": 1.0, "ci_high": 2.0, "n": persons, "n_psu": 90, "deff": 1.2,
        "n_cases": persons, "n_households": persons, "n_contributors": persons, "amount": amount,
        "largest": 0.05, "two_largest": 0.1,
    }  # fmt: skip
    return base | values


def shown(*cells: dict[str, Any]) -> dict[str, str]:
    out = release(
        pd.DataFrame(list(cells)), PARAMS.rules.publication, "nso", PARAMS.indicators, links(PARAMS)
    )
    return dict(zip(out["indicator"], out["flag"], strict=True))


def test_what_few_sent_in_goods_cannot_be_taken_from_the_rest() -> None:
    """Red before: total and cash were shown beside the goods of nine persons."""
    flags = shown(cell(TOTAL, 9e6, 300), cell(CASH, 8.9e6, 295), cell(GOODS, 1e5, 9))
    assert flags[GOODS] == "c"
    assert "c" in (flags[TOTAL], flags[CASH])
    # Enough senders of goods: nothing to hide.
    flags = shown(cell(TOTAL, 9e6, 300), cell(CASH, 8.9e6, 295), cell(GOODS, 1e5, 40))
    assert set(flags.values()) == {""}


def test_another_year_of_prices_hides_nothing() -> None:
    """The price index is public: an amount at 2019 prices is the amount."""
    cells = [cell(TOTAL, 9e6, 300), cell(CASH, 8.9e6, 295), cell(GOODS, 1e5, 9)]
    twins = [one | {"indicator": REAL[one["indicator"]], "estimate": 0.9 * one["estimate"]}
             for one in cells]  # fmt: skip
    flags = shown(*cells, *twins)
    assert all(flags[name] == flags[twin] for name, twin in REAL.items())
    assert "c" in (flags[TOTAL], flags[CASH])


def test_a_cut_mean_of_few_above_the_cut_is_confidential() -> None:
    cut = "remittances.winsorised_mean_per_sender"
    plain = cell(REAL[TOTAL], 9e6, 300)
    for households, flag in ((2, "c"), (3, "")):
        # What the largest hold tells the cut amounts from the others.
        parts = {"largest": 0.04, "two_largest": 0.08}
        flags = shown(plain, cell(cut, 8.5e6, 300, n_households=households, **parts))
        assert flags == {REAL[TOTAL]: "", cut: flag}


@pytest.mark.parametrize(
    ("name", "category"), [("sent_remittances", "no"), ("remittance_kind", "none")]
)
def test_whoever_sent_nothing_is_one_set_under_two_names(name: str, category: str) -> None:
    pairs = [("sent_remittances", "no"), ("remittance_kind", "none")]
    sets = [numerator(REGISTER[f"recent_internal.{n}"], "{}", c) for n, c in pairs]
    lines = equations([s for s in sets if s], dict.fromkeys([s for s in sets if s], 50.0),
                      links(PARAMS))  # fmt: skip
    assert ((sets[1], 1.0), (sets[0], -1.0)) in lines
    assert (name, category) in dict(sets[pairs.index((name, category))] or ()).items()


def test_senders_of_money_are_those_who_sent_it_alone_or_with_goods() -> None:
    """Red before: 104 persons gave the mean of money, 100 of them sent nothing else."""
    kinds = {"cash": 100, "goods": 50, "both": 4, "none": 400}
    shares = [
        cell("recent_internal.remittance_kind", np.nan, 554, category=code, statistic="share",
             unit="share", estimate=n / 554, n_cases=n, n_households=n,
             n_contributors=np.nan)
        for code, n in kinds.items()
    ]  # fmt: skip
    money = cell(CASH, 8.9e6, 104)
    out = release(
        pd.DataFrame([*shares, money]), PARAMS.rules.publication, "nso", PARAMS.indicators,
        links(PARAMS),
    )  # fmt: skip
    told = out.set_index(["indicator", "category"])
    assert told.loc["recent_internal.remittance_kind", "both"]["flag"] == "c"
    # A weighted share without the number it is a share of tells no number of persons.
    alone = told.loc["recent_internal.remittance_kind", "cash"]["n"] > 0
    assert not (alone and told.loc[CASH, ""]["n"] == 104)


def test_a_ratio_and_a_cut_are_other_sums_than_the_mean() -> None:
    names = [TOTAL, "remittances.share_of_wage", "remittances.winsorised_mean_per_sender"]
    assert len({numerator(REGISTER[name], "{}", "") for name in names}) == 3
    assert base_known(REGISTER[TOTAL], "{}") == base_known(REGISTER[REAL[TOTAL]], "{}")
