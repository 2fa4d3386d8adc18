"""What movers are asked besides where from: reason, stay, register, moves, remittances."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lfsmig.sample.draw import assign_quota, by_step, pick, select_to_total
from lfsmig.sample.settings import Settings

INTERNAL, INTERNATIONAL = 1, 2
UNKNOWN_AMOUNT = 9_999_999
WORK = (1, 2, 3, 4)
# How much likelier a work reason is by activity (1 employed, 2 unemployed, 3 seasonal, …).
WORK_REASON = {0: 0.0, 1: 3.0, 2: 2.0, 3: 1.0, 4: 0.3, 5: 0.1, 6: 0.3}
ITEMS = ["reason", "register", "stay", "nmoves", "remit", "remit_to", "remit_cash", "remit_goods"]


def assign_module(
    settings: Settings, people: pd.DataFrame, year: int, rng: np.random.Generator
) -> None:
    """Fill the items asked of movers only (in place)."""
    for column in ITEMS:
        people[column] = np.nan
    _reasons(settings, people, year, rng)
    _stays(settings, people, year, rng)
    _moves(settings, people, year, rng)
    _register(people, rng)
    _remittances(settings, people, year, rng)


def _quota(
    people: pd.DataFrame,
    rows: np.ndarray,
    shares: dict[str, float],
    preference: np.ndarray | None,
    rng: np.random.Generator,
) -> np.ndarray:
    """Codes by quota on the weights of the rows."""
    codes = np.array([int(code) for code in shares])
    if preference is None:
        preference = np.ones((len(rows), len(codes)))
    weight = people["weight"].to_numpy()[rows]
    totals = np.array(list(shares.values()), dtype=float)
    return np.asarray(codes[assign_quota(weight, preference, totals, rng)])


def _reasons(settings: Settings, people: pd.DataFrame, year: int, rng: np.random.Generator) -> None:
    movers = people["moved"].to_numpy() == 1
    size = len(people)
    unknown = movers & (rng.random(size) < settings.model["migration"]["unknown"]["reason"])
    rows = np.flatnonzero(movers & ~unknown)
    shares = settings.series["reason"][year]
    codes = [int(code) for code in shares]
    frame = people.iloc[rows]
    age = frame["age"].to_numpy()
    preference = np.ones((len(rows), len(codes)))

    def scale(code: int, factor: np.ndarray) -> None:
        preference[:, codes.index(code)] *= factor

    child = age < 15
    works = by_step(WORK_REASON, frame["activity"].to_numpy()) * np.where(age >= 60, 0.2, 1.0)
    for code in WORK:
        scale(code, np.where(child, 0.0, works))
    scale(
        5,
        np.where((frame["attend"] > 1) | (child & (age >= 5)), 12.0, np.where(age < 30, 0.2, 0.0)),
    )
    scale(6, np.where((frame["marital"] == 2) & (age < 50), 3.0, 0.0))
    returns = (frame["birth_pv"] == frame["code"]) & (frame["prev_pv"] != frame["code"])
    scale(8, np.where(returns, 12.0, np.where(child, 0.3, 0.8)))
    scale(9, _follows_family(people, rows, child))
    scale(10, np.where(child, 0.1, 1.0))
    scale(11, np.where(age >= 60, 4.0, 0.7))
    people.loc[people.index[rows], "reason"] = _quota(people, rows, shares, preference, rng)
    people.loc[people.index[unknown], "reason"] = 99


def _follows_family(people: pd.DataFrame, rows: np.ndarray, child: np.ndarray) -> np.ndarray:
    """How likely the reason is to follow the family: who came along or joined kin, nobody alone."""
    frame = people.iloc[rows]
    company = people.groupby("household")["line"].transform("size").to_numpy()[rows] > 1
    lead = frame["leads"].to_numpy()
    kin = ~frame["relation"].isin([0, 1, 15]).to_numpy()
    factor = np.where(lead, np.where(kin, 1.2, 0.3), 5.0)
    return np.asarray(np.where(child, 14.0, factor) * company)


def _stays(settings: Settings, people: pd.DataFrame, year: int, rng: np.random.Generator) -> None:
    for kind, name in ((INTERNAL, "internal_stay"), (INTERNATIONAL, "international_stay")):
        mine = people["mover_type"].to_numpy() == kind
        # Arrivals from abroad are too few to lose one to an unknown answer.
        share = settings.model["migration"]["unknown"]["stay"] * (kind == INTERNAL)
        unknown = mine & (rng.random(len(people)) < share)
        rows = np.flatnonzero(mine & ~unknown)
        shares = settings.series[name][year]
        preference = np.ones((len(rows), len(shares)))
        home = np.isin(people["reason"].to_numpy()[rows], [6, 7, 8])
        preference[home, list(shares).index("6")] *= 3.0
        people.loc[people.index[rows], "stay"] = _quota(people, rows, shares, preference, rng)
        people.loc[people.index[unknown], "stay"] = 9


def _moves(settings: Settings, people: pd.DataFrame, year: int, rng: np.random.Generator) -> None:
    shares = {
        INTERNAL: settings.series["internal_moves"],
        INTERNATIONAL: settings.series["international_moves"][year],
    }
    for kind, table in shares.items():
        rows = np.flatnonzero(people["mover_type"].to_numpy() == kind)
        moves = _quota(people, rows, table, None, rng)
        more = (moves == 3) & (rng.random(len(rows)) < 0.3)
        people.loc[people.index[rows], "nmoves"] = moves + more * rng.integers(1, 3, len(rows))


def _register(people: pd.DataFrame, rng: np.random.Generator) -> None:
    """Most movers stay registered elsewhere; those who came home are more often registered here."""
    rows = np.flatnonzero(people["moved"].to_numpy() == 1)
    frame = people.iloc[rows]
    usual = pick(rng, {1: 19, 2: 11, 3: 64, 4: 6}, len(rows))
    home = pick(rng, {1: 62, 2: 16, 3: 20, 4: 2}, len(rows))
    foreign = pick(rng, {1: 8, 2: 2, 3: 2, 4: 88}, len(rows))
    native = (frame["birth_pv"] == frame["code"]).to_numpy()
    value = np.where(native, home, usual)
    people.loc[people.index[rows], "register"] = np.where(frame["nat"] == 2, foreign, value)


def _remittances(
    settings: Settings, people: pd.DataFrame, year: int, rng: np.random.Generator
) -> None:
    """Senders by propensity (work, age, distance from home) and lognormal amounts."""
    adult = (people["age"] >= 15).to_numpy()
    weight = people["weight"].to_numpy()
    for kind, name in (
        (INTERNAL, "internal_remitters"),
        (INTERNATIONAL, "international_remitters"),
    ):
        rows = np.flatnonzero(adult & (people["mover_type"].to_numpy() == kind))
        frame = people.iloc[rows]
        chance = np.where(frame["activity"] == 1, 0.30, 0.04)
        chance = chance * np.where(frame["birth_pv"] == frame["code"], 0.5, 1.2)
        chance = np.clip(chance * np.where(frame["age"] < 50, 1.15, 0.6), 0.005, 0.9)
        goal = weight[rows].sum() * settings.series[name][year] / 100
        sends = select_to_total(weight[rows], chance, goal, rng.random(len(rows)))
        people.loc[people.index[rows], "remit"] = np.where(sends, 1, 2)
        _amounts(settings, people, rows[sends], kind, year, rng)


def _amounts(
    settings: Settings,
    people: pd.DataFrame,
    rows: np.ndarray,
    kind: int,
    year: int,
    rng: np.random.Generator,
) -> None:
    model: dict[str, Any] = settings.model["migration"]
    shares = settings.series["remit_to"][year]
    frame = people.iloc[rows]
    preference = np.ones((len(rows), len(shares)))
    unmarried = (frame["marital"] == 1).to_numpy()
    preference[:, 1] *= np.where(unmarried, 0.0, 2.0)
    preference[:, 2] *= np.where(unmarried | (frame["age"] < 22).to_numpy(), 0.02, 1.5)
    index = people.index[rows]
    people.loc[index, "remit_to"] = _quota(people, rows, shares, preference, rng)
    size = len(rows)
    growth = (1 + model["yearly_growth"]) ** (year - 2019)
    cash, goods = model["cash"], model["goods"]
    level = growth * (cash["international_factor"] if kind == INTERNATIONAL else 1.0)
    money = cash["median"] * level * np.exp(cash["spread"] * rng.standard_normal(size))
    things = goods["median"] * growth * np.exp(goods["spread"] * rng.standard_normal(size))
    money = np.maximum(np.rint(money / 500) * 500, 500)
    things = np.maximum(np.rint(things / 100) * 100, 100)
    sends_cash = rng.random(size) < cash["sends_cash"]
    sends_goods = ~sends_cash | (rng.random(size) < goods["sends_goods"])
    money, things = np.where(sends_cash, money, 0), np.where(sends_goods, things, 0)
    lost = rng.random(size) < model["unknown"]["cash"]
    people.loc[index, "remit_cash"] = np.where(lost, UNKNOWN_AMOUNT, money)
    lost = rng.random(size) < model["unknown"]["cash"]
    people.loc[index, "remit_goods"] = np.where(lost, UNKNOWN_AMOUNT, things)
