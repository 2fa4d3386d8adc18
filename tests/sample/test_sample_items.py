"""Universes and skips: who is asked what, and what cannot be true at once."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest
from sample_files import YEARS

LABOUR = [
    "GRADE_A",
    "RE_ED",
    "WK_7DAY",
    "RECEIVE",
    "RETURN",
    "SEEKING",
    "AVAILABLE",
    "RE_UNAVAIL",
    "DR_UNEM",
    "MORE_WK",
    "STATUS",
    "OCCUP",
    "INDUS",
    "SIZE",
    "MAIN_HR",
    "TOTAL_HR",
    "WAGE_TYPE",
    "AMOUNT",
    "APPROX",
]
MOVERS = [
    "SYN_MONTHS",
    "SYN_PREV_CN",
    "SYN_PREV_AREA",
    "SYN_REASON",
    "SYN_REGISTER",
    "SYN_STAY",
    "SYN_NMOVES",
]


@pytest.fixture(params=YEARS)
def people(request: pytest.FixtureRequest, plain: Callable[[int], pd.DataFrame]) -> pd.DataFrame:
    frame = plain(request.param)
    return frame[frame["NO"].notna()]


def asked(frame: pd.DataFrame, name: str, universe: pd.Series) -> None:
    """The item is answered by everybody in its universe and by nobody else."""
    assert frame[name].notna().equals(universe), name


def test_labour_is_asked_from_fifteen(people: pd.DataFrame) -> None:
    assert people.loc[people["AGE"] < 15, LABOUR].isna().all().all()
    adult = people["AGE"] >= 15
    for name in ("GRADE_A", "RE_ED", "WK_7DAY"):
        asked(people, name, adult)


def test_labour_questions_skip_as_printed(people: pd.DataFrame) -> None:
    away = people["WK_7DAY"] == 2
    asked(people, "RECEIVE", away)
    asked(people, "RETURN", people["RECEIVE"] == 2)
    employed = (people["WK_7DAY"] == 1) | (people["RECEIVE"] == 1) | (people["RETURN"] == 1)
    idle = (people["AGE"] >= 15) & ~employed
    for name in ("SEEKING", "AVAILABLE"):
        asked(people, name, idle)
    for name in ("STATUS", "OCCUP", "INDUS", "SIZE", "MAIN_HR", "TOTAL_HR", "MORE_WK"):
        asked(people, name, employed)
    asked(people, "RE_UNAVAIL", people["AVAILABLE"] == 2)
    unemployed = (people["SEEKING"] == 1) | (people["AVAILABLE"] == 1)
    asked(people, "DR_UNEM", unemployed)
    employee = people["STATUS"].isin([4, 5, 6])
    for name in ("WAGE_TYPE", "AMOUNT", "APPROX"):
        asked(people, name, employee)
    assert (people["TOTAL_HR"].dropna() >= people["MAIN_HR"].dropna()).all()
    assert people["MAIN_HR"].max() <= 84
    assert (people.loc[people["SEEKING"] == 2, "AVAILABLE"] == 1).all()
    assert (people.loc[people["SEEKING"] == 3, "AVAILABLE"] == 2).all()


def test_labour_force_is_like_the_survey(people: pd.DataFrame) -> None:
    adult = people[people["AGE"] >= 15]
    weight = adult["WEIGHT"]
    employed = adult["STATUS"].notna()
    unemployed = adult["DR_UNEM"].notna()
    assert 0.64 < weight[employed].sum() / weight.sum() < 0.71
    assert weight[employed].sum() / weight[employed | unemployed].sum() > 0.965
    known = employed & (adult["INDUS"] != 99999)
    farm = weight[known & (adult["INDUS"] < 4000)].sum() / weight[known].sum()
    assert 0.27 < farm < 0.35


def test_movers_only_items(people: pd.DataFrame) -> None:
    moved = people["SYN_MOVED"] == 1
    assert people["SYN_MOVED"].isin([1, 2]).all()
    for name in MOVERS:
        asked(people, name, moved)
    abroad = moved & (people["SYN_PREV_CN"] != 764)
    asked(people, "SYN_PREV_PV", moved & ~abroad)
    assert (people.loc[abroad, "SYN_PREV_AREA"] == 3).all()
    assert (people.loc[moved & ~abroad, "SYN_PREV_AREA"] != 3).all()
    assert (people.loc[moved, "SYN_DUR"] == 0).all()
    assert people["SYN_MONTHS"].dropna().between(0, 11).all()
    assert (people["SYN_NMOVES"].dropna() >= 0).all()


def test_remittance_items(people: pd.DataFrame) -> None:
    asked(people, "SYN_REMIT", (people["SYN_MOVED"] == 1) & (people["AGE"] >= 15))
    sent = people["SYN_REMIT"] == 1
    for name in ("SYN_REMIT_TO", "SYN_REMIT_CASH", "SYN_REMIT_GOODS"):
        asked(people, name, sent)
    assert (people.loc[sent, ["SYN_REMIT_CASH", "SYN_REMIT_GOODS"]].sum(axis=1) > 0).all()


def test_birth_place_and_duration(people: pd.DataFrame) -> None:
    abroad = people["SYN_BIRTH_CN"] != 764
    asked(people, "SYN_BIRTH_PV", ~abroad)
    years = people["SYN_DUR"]
    counted = years < 97
    assert (years[counted] <= people.loc[counted, "AGE"]).all()
    since = people[years == 97]
    assert (since["SYN_BIRTH_PV"].isin([99]) | (since["SYN_BIRTH_PV"] == since["CWT"])).all()
    # Who joined or took over an address without crossing the border lives here under a year too.
    near = people[(years == 0) & (people["SYN_MOVED"] == 2)]
    assert len(near) < 0.1 * len(people)


def test_a_single_province_region_has_no_moves_inside(people: pd.DataFrame) -> None:
    bangkok = people[(people["CWT"] == 10) & (people["SYN_MOVED"] == 1)]
    assert (bangkok["SYN_PREV_PV"] != 10).all()


def test_schooling_fits_age(people: pd.DataFrame) -> None:
    assert not people.loc[people["AGE"] < 22, "RE_ED"].isin([11, 12, 13, 14, 15]).any()
    assert not people.loc[people["AGE"] < 18, "RE_ED"].isin([5, 6, 7, 8, 9, 10]).any()
