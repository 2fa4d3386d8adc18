"""Rates are judged as counts too, and numbers of the same persons are flagged together."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lfsmig.release import release
from tests.test_release import PUBLICATION, cell, flags

# The rate of a small group: an interval far below 5 points, three times as wide as the value.
SMALL = cell(
    indicator="b.rate", category="", statistic="rate", unit="percent", estimate=0.018, se=0.0128,
    cv=0.71, ci_low=0.0045, ci_high=0.0725, n=44839, deff=1.3, n_cases=19,
)  # fmt: skip
GOOD = {"se": 0.002, "cv": 0.11, "ci_low": 0.014, "ci_high": 0.022}


@pytest.mark.parametrize("rule", ["nchs2017", "repo"])
def test_a_small_rate_of_a_wide_interval_is_withheld(rule: str) -> None:
    # By the rule for proportions alone it was shown: 0.07 points is less than 5.
    assert flags(SMALL, rule=rule) == ["s"]
    assert flags(SMALL | GOOD, rule=rule) == [""]


def test_a_rate_needs_ten_cases_and_ten_effective_ones() -> None:
    assert flags(SMALL | GOOD | {"n_cases": 9}) == ["s"]
    assert flags(SMALL | GOOD | {"n_cases": 19, "deff": 2.0}) == ["s"]


def test_a_total_without_an_interval_is_withheld() -> None:
    total = {"statistic": "total", "unit": "persons", "estimate": 1e5, "df": 0.0}
    assert flags(cell(**total, ci_low=np.nan, ci_high=np.nan, n=20, n_cases=20)) == ["s"]


def indicator(name: str, statistic: str, **others: Any) -> Any:
    stated = {"population": "all", "where": None, "calibrated": False, "winsorised": False}
    return SimpleNamespace(id=name, statistic=statistic, **(stated | others))


NARROW = {"ci_low": 0.36, "ci_high": 0.44}
WIDE = {"ci_low": 0.01, "ci_high": 0.9}
RATE = indicator("b.rate", "rate", of="recent_internal")
TOTAL = indicator("b.total", "total", of=None, population="recent_internal")


def pair(rate: dict[str, Any], total: dict[str, Any], register: list[Any]) -> list[str]:
    base = {"category": "", "domain": '{"sex":"male"}', "n_cases": 40}
    rows = [
        cell(**base, indicator="b.rate", statistic=register[0].statistic, unit="percent") | rate,
        cell(**base, indicator="b.total", statistic="total", unit="persons", n=40) | total,
    ]
    out: pd.DataFrame = release(pd.DataFrame(rows), PUBLICATION, "nchs2017", register)
    return list(out["flag"])


@pytest.mark.parametrize(
    ("rate", "total", "flag"),
    [
        (NARROW, WIDE, "s"),
        (WIDE, NARROW, "s"),
        (NARROW, NARROW, ""),
        (NARROW, NARROW | {"df": 7}, "r"),
    ],
)
def test_a_rate_and_the_number_of_its_persons_have_one_flag(
    rate: dict[str, Any], total: dict[str, Any], flag: str
) -> None:
    assert pair(rate, total, [RATE, TOTAL]) == [flag, flag]


def test_numbers_of_other_persons_are_not_flagged_together() -> None:
    others = indicator("b.total", "total", of=None, population="lifetime")
    assert pair(NARROW, WIDE, [RATE, others]) == ["", "s"]
    # Of an estimated number of persons a rate does not give the count.
    of_migrants = indicator("b.rate", "rate", of="recent_internal", population="migrants")
    total = indicator("b.total", "total", of=None, population="recent_internal")
    assert pair(NARROW, WIDE, [of_migrants, total]) == ["", "s"]


def test_a_flow_and_its_rate_have_one_flag() -> None:
    flow = {"of": "in_migration"}
    rate = indicator("b.rate", "ratio", **flow, over="residents")
    total = indicator("b.total", "total", **flow)
    place = {"domain": '{"region":"1"}'}
    # As a ratio it is used with caution above 20 per cent; its count, alone, would be shown.
    assert pair(place | {"cv": 0.25}, place | NARROW, [rate, total]) == ["*", "*"]
