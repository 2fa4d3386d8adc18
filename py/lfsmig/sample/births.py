"""Birth places, nationality and years lived here, so that a life's places fit together.

The places of recent movers come first: who moved between provinces was born where they came from
(primary), where they live now (return) or in a third place (onward), by the shares of the year
(Eldridge 1965). The others are drawn by latent propensities that households and EAs share, up to
the lifetime stock of each region.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lfsmig.sample.draw import (
    assign_quota,
    by_step,
    latent_uniform,
    pick,
    pick_rows,
    select_to_total,
)
from lfsmig.sample.moves import INTERNAL, INTERNATIONAL, UNKNOWN_PROVINCE
from lfsmig.sample.places import gravity
from lfsmig.sample.settings import Settings

ABROAD = 0
SINCE_BIRTH, UNKNOWN_DURATION = 97, 99
TYPES = ("primary", "return", "onward")


def assign_births(
    settings: Settings, people: pd.DataFrame, year: int, rng: np.random.Generator
) -> None:
    """Give new persons a birth place, nationality and years lived here (in place)."""
    model = settings.model["migration"]
    new = people["new"].to_numpy()
    age = people["age"].to_numpy()
    code = people["code"].to_numpy()
    codes = settings.provinces["code"].to_numpy()
    unknown = new & (rng.random(len(people)) < model["birth_unknown"])
    province = np.where(new, code, people["birth_pv"])
    moved_abroad = _foreign_movers(settings, people, rng)
    settled = _by_move(settings, people, province, year, moved_abroad, rng)
    open_ = new & ~unknown & ~settled & ~moved_abroad & (age > 0)
    abroad = moved_abroad | _born_abroad(settings, people, open_, moved_abroad, rng)
    held = settled & ~unknown & (province != code)
    elsewhere = _born_elsewhere(settings, people, year, open_ & ~abroad, abroad | held, rng)
    rows = np.flatnonzero(elsewhere)
    pull = gravity(settings)[people["province"].to_numpy()[rows]]
    province[rows] = codes[pick_rows(rng, pull)]
    _share_with_head(people, province, elsewhere, model["same_birth_as_head"], rng)
    province[unknown], province[abroad] = UNKNOWN_PROVINCE, ABROAD
    people["birth_pv"] = province
    people["birth_cn"] = _birth_country(people, model, new, abroad, rng)
    _nationality(people, model, new, rng)
    people["dur"] = _duration(people, model, new, rng)


def lifetime_migrants(people: pd.DataFrame) -> np.ndarray:
    """Birth place known and not the province of residence; born abroad included."""
    birth = people["birth_pv"].to_numpy()
    return np.asarray(
        ~np.isnan(birth.astype(float))
        & (birth != UNKNOWN_PROVINCE)
        & (birth != people["code"].to_numpy())
    )


def _foreign_movers(
    settings: Settings, people: pd.DataFrame, rng: np.random.Generator
) -> np.ndarray:
    """Movers born abroad: arrivals but for returning nationals, and a few internal parties."""
    model = settings.model["migration"]
    kind = people["mover_type"].to_numpy()
    arrived = (kind == INTERNATIONAL) & ~people["home_born"].to_numpy()
    lead = people.loc[(kind == INTERNAL) & people["leads"]]
    pull = {int(key): value for key, value in model["foreign_pull"].items()}
    chance = lead["code"].map(pull).fillna(1.0).to_numpy(dtype=float)
    # Workers from abroad live by themselves, not as kin of a head who stayed.
    chance = chance * ~np.isin(lead["relation"], model["kin"]) * (lead["age"] < 60)
    chosen = rng.random(len(lead)) < model["foreign_mover"] * chance
    return arrived | ((kind == INTERNAL) & people["party"].isin(lead["party"][chosen]).to_numpy())


def _by_move(
    settings: Settings,
    people: pd.DataFrame,
    province: np.ndarray,
    year: int,
    abroad: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Settle the birth province of those who moved between provinces (in place); who they are."""
    model = settings.model["migration"]
    origin, code = people["origin"].to_numpy(), people["code"].to_numpy()
    between = (people["mover_type"] == INTERNAL).to_numpy() & (origin != code) & ~abroad
    picked = np.full(len(people), -1)
    shares = settings.series["move_type"][year]
    totals = np.array([shares[name] for name in TYPES], dtype=float)
    weight, age = people["weight"].to_numpy(), people["age"].to_numpy()
    lead = people["leads"].to_numpy()
    by_age = np.column_stack([by_step(model["move_type_by_age"][name], age) for name in TYPES])
    for rows in (np.flatnonzero(between & lead), np.flatnonzero(between & ~lead)):
        preference = by_age[rows]
        led = (
            people["party"]
            .iloc[rows]
            .map(pd.Series(picked[between & lead], people["party"][between & lead]))
        )
        same = led.to_numpy(dtype=float)[:, None] == np.arange(len(TYPES))[None, :]
        grown = (age[rows] >= model["shares_birth_from"])[:, None]
        preference = preference * np.where(same & grown, model["same_birth_type"], 1.0)
        picked[rows] = assign_quota(weight[rows], preference, totals, rng)
    province[picked == 0] = origin[picked == 0]
    province[picked == 1] = code[picked == 1]
    rows = np.flatnonzero(picked == TYPES.index("onward"))
    codes = settings.provinces["code"].to_numpy()
    weights = gravity(settings)[np.searchsorted(codes, origin[rows])]
    weights[np.arange(len(rows)), people["province"].to_numpy()[rows]] = 0.0
    province[rows] = codes[pick_rows(rng, weights)]
    return np.asarray(picked >= 0)


def _born_abroad(
    settings: Settings,
    people: pd.DataFrame,
    open_: np.ndarray,
    moved: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Select people born abroad, by region to the stated share of its population."""
    model = settings.model["migration"]
    weight = people["weight"].to_numpy()
    region = people["region"].to_numpy()
    pull = {int(key): value for key, value in model["foreign_pull"].items()}
    chance = by_step(model["born_abroad_by_age"], people["age"].to_numpy())
    chance = chance * people["code"].map(pull).fillna(1.0).to_numpy(dtype=float)
    household = people["household"].to_numpy()
    among = np.isin(household, household[moved])
    chance = np.minimum(chance * np.where(among, model["foreign_household"], 1.0), 0.95)
    effects = [(0.62, people["hh_effect_2"].to_numpy()), (0.12, people["ea_effect_2"].to_numpy())]
    uniform = latent_uniform(rng, len(people), effects)
    known = (~people["new"].to_numpy() & (people["birth_pv"].to_numpy() == ABROAD)) | moved
    chosen = np.zeros(len(people), dtype=bool)
    for code, share in settings.series["foreign_born_share"].items():
        here = region == int(code)
        goal = weight[here].sum() * share / 100 - weight[here & known].sum()
        rows = np.flatnonzero(here & open_)
        chosen[rows] = select_to_total(weight[rows], chance[rows], goal, uniform[rows])
    return chosen


def _born_elsewhere(
    settings: Settings,
    people: pd.DataFrame,
    year: int,
    open_: np.ndarray,
    held: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Select people born in another province, so that the lifetime stock meets its series.

    `held` marks new persons who are in the stock already: born abroad, or by their move.
    """
    model = settings.model["migration"]
    weight = people["weight"].to_numpy()
    region = people["region"].to_numpy()
    provinces = settings.provinces
    ratio = (provinces["residents"] / provinces["registered"]).to_numpy() ** model["attraction"]
    chance = by_step(model["lifetime_by_age"], people["age"].to_numpy())
    chance = chance * ratio[people["province"].to_numpy()]
    chance = np.minimum(chance * np.where(people["area"] == 1, 1.15, 0.95), 0.95)
    effects = [
        (model["household_share"], people["hh_effect"].to_numpy()),
        (model["ea_share"], people["ea_effect"].to_numpy()),
    ]
    uniform = latent_uniform(rng, len(people), effects)
    known = lifetime_migrants(people) & ~people["new"].to_numpy()
    total = weight.sum() * settings.series["lifetime_share"][year] / 100
    chosen = np.zeros(len(people), dtype=bool)
    for code, share in settings.series["lifetime_region"][year].items():
        here = region == int(code)
        goal = total * share / 100 - weight[here & (known | held)].sum()
        rows = np.flatnonzero(here & open_)
        chosen[rows] = select_to_total(weight[rows], chance[rows], goal, uniform[rows])
    return chosen


def _share_with_head(
    people: pd.DataFrame,
    province: np.ndarray,
    elsewhere: np.ndarray,
    share: float,
    rng: np.random.Generator,
) -> None:
    """Let members born elsewhere often come from the head's province of birth."""
    heads = people["relation"].to_numpy() == 1
    origin = pd.Series(province[heads], index=people["household"].to_numpy()[heads])
    shared = people["household"].map(origin).to_numpy(dtype=float)
    same = elsewhere & ~heads & (rng.random(len(people)) < share)
    same &= ~np.isnan(shared) & (shared != people["code"].to_numpy()) & (shared != ABROAD)
    same &= shared != UNKNOWN_PROVINCE
    province[same] = shared[same]


def _birth_country(
    people: pd.DataFrame,
    model: dict[str, Any],
    new: np.ndarray,
    abroad: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Country of birth; arrivals were mostly born in the country they came from."""
    country = np.where(new, model["home_country"], people["birth_cn"])
    country[abroad] = pick(rng, model["birth_country"], int(abroad.sum()))
    arrived = abroad & (people["mover_type"] == INTERNATIONAL).to_numpy()
    there = arrived & (rng.random(len(people)) < model["born_where_from"])
    return np.where(there, people["prev_cn"], country)


def _nationality(
    people: pd.DataFrame, model: dict[str, Any], new: np.ndarray, rng: np.random.Generator
) -> None:
    size = len(people)
    abroad = people["birth_pv"].to_numpy() == ABROAD
    thai = np.where(
        abroad,
        rng.random(size) < model["foreign_is_thai"],
        rng.random(size) >= model["non_thai_born_here"],
    )
    nationality = np.where(thai, 1, 2)
    nationality[rng.random(size) < model["unknown"]["nationality"]] = 9
    people["nat"] = np.where(new, nationality, people["nat"])


def _duration(
    people: pd.DataFrame, model: dict[str, Any], new: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Completed years at this residence; whoever comes back a year later has one more.

    Movers have none, nor has whoever joined or replaced a household by a move too short to count.
    """
    size = len(people)
    age = people["age"].to_numpy()
    here = people["birth_pv"].to_numpy() == people["code"].to_numpy()
    came = ~here | ((rng.random(size) < model["returned_earlier"]) & (age > 15))
    years = 1 + np.floor(rng.exponential(model["duration_mean"], size)).astype(int)
    years = np.minimum(years, np.maximum(age - np.floor(rng.random(size) * 3).astype(int), 1))
    drawn = np.where(came & (age > 0), years, SINCE_BIRTH)
    near = (people["joined"] | people["arrived"]).to_numpy() & (age > 0)
    drawn = np.where(near, 0, drawn)
    drawn[rng.random(size) < model["unknown"]["duration"]] = UNKNOWN_DURATION
    before = people["dur"].to_numpy(dtype=float)
    later = np.where(before >= SINCE_BIRTH - 1, before, before + 1)
    moved = (people["mover_type"] > 0).to_numpy()
    return np.where(moved, 0, np.where(new, drawn, later))
