"""Birth places and moves: lifetime stock, recent movers, their origins.

Who was born elsewhere and who moved is drawn by latent propensities that households and EAs share;
from where, by gravity between provinces; at what age, by a Rogers-Castro schedule. Regional totals
come from the yearly series, so selection runs inside regions.
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
from lfsmig.sample.settings import Settings

ABROAD = 0
UNKNOWN_PROVINCE = 99
SINCE_BIRTH, UNKNOWN_DURATION = 97, 99


def rogers_castro(age: np.ndarray, parameters: dict[str, float]) -> np.ndarray:
    """Seven-parameter Rogers-Castro migration schedule."""
    p = parameters
    labour = p["alpha2"] * (age - p["mu2"]) + np.exp(-p["lambda2"] * (age - p["mu2"]))
    child = p["a1"] * np.exp(-p["alpha1"] * age)
    return np.asarray(child + p["a2"] * np.exp(-labour) + p["c"])


def gravity(settings: Settings) -> np.ndarray:
    """Weight of each origin (columns) for each place of residence (rows), own province none."""
    model = settings.model["migration"]["gravity"]
    provinces = settings.provinces
    push = provinces["region"].astype(str).map(model["push"]).to_numpy(dtype=float)
    size = push * provinces["registered"].to_numpy() ** model["population"]
    pull = size[None, :] / settings.distance ** model["distance"]
    np.fill_diagonal(pull, 0.0)
    return np.asarray(pull / pull.sum(axis=1, keepdims=True))


def assign_births(
    settings: Settings, people: pd.DataFrame, year: int, rng: np.random.Generator
) -> None:
    """Give new persons a birth place, nationality and years lived here (in place)."""
    model = settings.model["migration"]
    new = people["new"].to_numpy()
    age = people["age"].to_numpy()
    unknown = new & (rng.random(len(people)) < model["birth_unknown"])
    abroad = _born_abroad(settings, people, new & ~unknown & (age > 0), rng)
    elsewhere = _born_elsewhere(settings, people, year, new & ~unknown & ~abroad, abroad, rng)
    code = people["code"].to_numpy()
    codes = settings.provinces["code"].to_numpy()
    province = np.where(new, code, people["birth_pv"])
    rows = np.flatnonzero(elsewhere)
    pull = gravity(settings)[people["province"].to_numpy()[rows]]
    province[rows] = codes[pick_rows(rng, pull)]
    _share_with_head(people, province, elsewhere, model["same_birth_as_head"], rng)
    province[unknown], province[abroad] = UNKNOWN_PROVINCE, ABROAD
    country = np.where(new, model["home_country"], people["birth_cn"])
    country[abroad] = pick(rng, model["birth_country"], int(abroad.sum()))
    people["birth_pv"], people["birth_cn"] = province, country
    _nationality(people, model, new, rng)
    people["dur"] = _duration(people, model, new, rng)


def _born_abroad(
    settings: Settings, people: pd.DataFrame, open_: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Select people born abroad, by region to the stated share of its population."""
    model = settings.model["migration"]
    weight = people["weight"].to_numpy()
    region = people["region"].to_numpy()
    pull = {int(key): value for key, value in model["foreign_pull"].items()}
    chance = by_step(model["born_abroad_by_age"], people["age"].to_numpy())
    chance = chance * people["code"].map(pull).fillna(1.0).to_numpy(dtype=float)
    effects = [(0.62, people["hh_effect_2"].to_numpy()), (0.12, people["ea_effect_2"].to_numpy())]
    uniform = latent_uniform(rng, len(people), effects)
    known = ~people["new"].to_numpy() & (people["birth_pv"].to_numpy() == ABROAD)
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
    abroad: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Select people born in another province, so that the lifetime stock meets its series."""
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
        goal = total * share / 100 - weight[here & (known | abroad)].sum()
        rows = np.flatnonzero(here & open_)
        chosen[rows] = select_to_total(weight[rows], chance[rows], goal, uniform[rows])
    return chosen


def lifetime_migrants(people: pd.DataFrame) -> np.ndarray:
    """Birth place known and not the province of residence; born abroad included."""
    birth = people["birth_pv"].to_numpy()
    return np.asarray(
        ~np.isnan(birth.astype(float))
        & (birth != UNKNOWN_PROVINCE)
        & (birth != people["code"].to_numpy())
    )


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
    """Completed years at this residence; whoever comes back a year later has one more."""
    size = len(people)
    age = people["age"].to_numpy()
    here = people["birth_pv"].to_numpy() == people["code"].to_numpy()
    came = ~here | ((rng.random(size) < model["returned_earlier"]) & (age > 15))
    years = 1 + np.floor(rng.exponential(model["duration_mean"], size)).astype(int)
    years = np.minimum(years, np.maximum(age - np.floor(rng.random(size) * 3).astype(int), 1))
    drawn = np.where(came & (age > 0), years, SINCE_BIRTH)
    drawn[rng.random(size) < model["unknown"]["duration"]] = UNKNOWN_DURATION
    before = people["dur"].to_numpy(dtype=float)
    later = np.where(before >= SINCE_BIRTH - 1, before, before + 1)
    return np.where(new, drawn, later)


def assign_moves(
    settings: Settings, people: pd.DataFrame, year: int, rng: np.random.Generator
) -> None:
    """Select the movers of the past 12 months and where they came from (in place)."""
    size = len(people)
    people["moved"] = 2
    for column in ("prev_pv", "prev_cn", "prev_area", "months"):
        people[column] = np.nan
    international = _arrivals(settings, people, year, rng)
    internal = _internal_movers(settings, people, year, international, rng)
    people["mover_type"] = np.select([internal, international], [1, 2], 0)
    moved = internal | international
    people.loc[moved, "moved"] = 1
    people.loc[moved, "dur"] = 0
    people.loc[moved, "months"] = rng.integers(0, 12, size)[moved]
    _previous_country(settings, people, year, rng)
    _previous_province(settings, people, year, rng)
    # Nobody who moved here has always lived here.
    stayed = (people["dur"] == SINCE_BIRTH) & lifetime_migrants(people) & ~moved
    people.loc[stayed, "dur"] = np.maximum(people.loc[stayed, "age"] - 1, 1)


def _arrivals(
    settings: Settings, people: pd.DataFrame, year: int, rng: np.random.Generator
) -> np.ndarray:
    """Select arrivals from abroad by region of residence: few records, chosen to the total."""
    model = settings.model["migration"]
    weight = people["weight"].to_numpy()
    age = people["age"].to_numpy()
    region = people["region"].to_numpy()
    schedule = rogers_castro(age.astype(float), model["rogers_castro"])
    abroad = people["birth_pv"].to_numpy() == ABROAD
    chance = schedule * np.where(abroad, 1.0, model["home_born_arrival"]) * (age > 0)
    open_ = people["new"].to_numpy() & (people["relation"].to_numpy() >= 0) & (age > 0)
    uniform = latent_uniform(rng, len(people), [(0.3, people["hh_effect_2"].to_numpy())])
    total = settings.series["international"][year]
    chosen = np.zeros(len(people), dtype=bool)
    carried = 0.0
    for code, share in settings.series["international_region"][year].items():
        rows = np.flatnonzero((region == int(code)) & open_)
        goal = total * share / 100 + carried
        chosen[rows] = select_to_total(weight[rows], chance[rows], goal, uniform[rows])
        # What one region misses the next takes up, so the national total holds.
        carried = goal - weight[rows][chosen[rows]].sum()
    return chosen


def _internal_movers(
    settings: Settings,
    people: pd.DataFrame,
    year: int,
    taken: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Select internal movers by region of residence."""
    model = settings.model["migration"]
    weight = people["weight"].to_numpy()
    age = people["age"].to_numpy()
    region = people["region"].to_numpy()
    chance = rogers_castro(age.astype(float), model["rogers_castro"])
    chance = chance * np.where(lifetime_migrants(people), model["lifetime_mover"], 1.0)
    chance = np.where(people["joined"], chance * 4, chance) * (age > 0)
    pull = {int(key): value for key, value in settings.series["province_pull"][year].items()}
    chance = chance * people["code"].map(pull).fillna(1.0).to_numpy(dtype=float)
    open_ = people["new"].to_numpy() & ~taken
    effects = [
        (model["mover_household_share"], people["hh_effect_3"].to_numpy()),
        (model["ea_share"], people["ea_effect"].to_numpy()),
    ]
    uniform = latent_uniform(rng, len(people), effects)
    chosen = np.zeros(len(people), dtype=bool)
    carried = 0.0
    total = settings.series["internal"][year] + settings.series["international"][year]
    for code, share in settings.series["mover_region"][year].items():
        here = region == int(code)
        rows = np.flatnonzero(here & open_)
        goal = total * share / 100 - weight[here & taken].sum() + carried
        chosen[rows] = select_to_total(weight[rows], chance[rows], goal, uniform[rows])
        carried = goal - weight[rows][chosen[rows]].sum()
    return chosen


def _previous_country(
    settings: Settings, people: pd.DataFrame, year: int, rng: np.random.Generator
) -> None:
    """Give arrivals a previous country by quota; most were born there or at home."""
    model = settings.model["migration"]
    home = model["home_country"]
    rows = np.flatnonzero(people["mover_type"].to_numpy() == 2)
    shares = settings.series["international_country"][year]
    countries = np.array([int(code) for code in shares])
    quota = np.array(list(shares.values()), dtype=float)
    birth = people["birth_cn"].to_numpy()[rows]
    neighbour = np.isin(countries, model["neighbours"])
    preference = np.where(neighbour[None, :] & (birth == home)[:, None], 0.15, 1.0)
    preference = preference * np.where(countries[None, :] == birth[:, None], 30.0, 1.0)
    weight = people["weight"].to_numpy()[rows]
    chosen = countries[assign_quota(weight, preference, quota, rng)] if len(rows) else countries[:0]
    born_there = (birth != home) & (rng.random(len(rows)) < 0.93)
    index = people.index[rows]
    people.loc[index, "prev_cn"] = chosen
    people.loc[index, "prev_area"] = 3
    people.loc[index[born_there], "birth_cn"] = chosen[born_there]


def region_flows(settings: Settings, year: int, arrivals: np.ndarray) -> np.ndarray:
    """Internal moves between regions (rows origin) that meet arrivals and the year's net flows."""
    regions = sorted(settings.series["net_thousand"][year])
    net = np.array([settings.series["net_thousand"][year][code] for code in regions]) * 1000.0
    seed_table = settings.model["migration"]["region_seed"]
    flows = np.array([[float(seed_table[o][d]) for d in regions] for o in regions])
    departures = np.maximum(arrivals - net, arrivals * 0.05)
    departures *= arrivals.sum() / departures.sum()
    for _ in range(200):
        flows *= (departures / flows.sum(axis=1))[:, None]
        flows *= (arrivals / np.maximum(flows.sum(axis=0), 1e-12))[None, :]
    return flows


def _previous_province(
    settings: Settings, people: pd.DataFrame, year: int, rng: np.random.Generator
) -> None:
    """Give internal movers an origin: the region by quota, the province by gravity."""
    model = settings.model["migration"]
    provinces = settings.provinces
    codes = provinces["code"].to_numpy()
    position = {code: number for number, code in enumerate(codes)}
    rows = np.flatnonzero(people["mover_type"].to_numpy() == 1)
    if len(rows) == 0:
        return
    region = people["region"].to_numpy()[rows]
    weight = people["weight"].to_numpy()[rows]
    birth = people["birth_pv"].to_numpy(dtype=float)[rows]
    birth_region = pd.Series(birth).map(dict(zip(codes, provinces["region"], strict=True)))
    regions = np.sort(provinces["region"].unique())
    arrivals = np.array([weight[region == code].sum() for code in regions])
    flows = region_flows(settings, year, np.maximum(arrivals, 1.0))
    origin = np.zeros(len(rows), dtype=int)
    for column, code in enumerate(regions):
        here = np.flatnonzero(region == code)
        pull = np.where(
            birth_region.to_numpy()[here][:, None] == regions[None, :],
            model["origin_birth_pull"],
            1.0,
        )
        pull = pull * (flows[:, column] > 0)[None, :]
        picked = assign_quota(weight[here], pull, flows[:, column], rng)
        origin[here] = regions[picked]
    weights = gravity(settings)[people["province"].to_numpy()[rows]]
    weights = weights * (provinces["region"].to_numpy()[None, :] == origin[:, None])
    drawn = {int(key): value for key, value in settings.series["province_pull"][year].items()}
    weights = weights / provinces["code"].map(drawn).fillna(1.0).to_numpy(dtype=float)[None, :]
    known = np.flatnonzero(np.isin(birth, codes))
    at = np.array([position[int(code)] for code in birth[known]])
    weights[known, at] *= model["origin_birth_pull"]
    own = (origin == region) & (rng.random(len(rows)) < model["same_province"])
    single = np.bincount(provinces["region"].to_numpy())[region] == 1
    home = people["province"].to_numpy()[rows]
    weights[own & ~single] = 0.0
    weights[own & ~single, home[own & ~single]] = 1.0
    chosen = pick_rows(rng, weights)
    municipal = provinces["municipal"].to_numpy()[chosen]
    area = np.where(rng.random(len(rows)) < municipal, 1, 2)
    area[rng.random(len(rows)) < model["unknown"]["previous_area"]] = 9
    province = codes[chosen].astype(float)
    province[rng.random(len(rows)) < model["unknown"]["previous_province"]] = UNKNOWN_PROVINCE
    index = people.index[rows]
    people.loc[index, "prev_pv"] = province
    people.loc[index, "prev_cn"] = model["home_country"]
    people.loc[index, "prev_area"] = area
