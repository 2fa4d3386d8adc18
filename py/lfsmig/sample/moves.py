"""The moves of the past 12 months: which parties moved, from where, to the year's totals.

Totals by region of residence come from the yearly series. Inside a region they are split between
addresses that were in the sample a year ago and new ones, so that the rate of migration depends
little on the time in the sample: whoever moved into a known address since then either joined the
household or came with the one that replaced it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lfsmig.sample.draw import assign_quota, latent_uniform, pick_rows, select_to_total
from lfsmig.sample.parties import Parties, arrival_leads, candidate_parties, leads
from lfsmig.sample.places import gravity, province_pull, region_flows
from lfsmig.sample.settings import Settings

UNKNOWN_PROVINCE = 99
INTERNAL, INTERNATIONAL = 1, 2
ABROAD_AREA, UNKNOWN_AREA = 3, 9


def assign_moves(
    settings: Settings, people: pd.DataFrame, year: int, rng: np.random.Generator
) -> None:
    """Select the movers of the past 12 months and where they came from (in place).

    `origin` holds the true previous province (0 abroad); `prev_pv` is what was answered. `party`
    numbers those who moved together, `leads` marks one of each, `home_born` who came back from
    abroad.
    """
    for column in ("prev_pv", "prev_cn", "prev_area", "months", "origin", "party"):
        people[column] = np.nan
    people["mover_type"], people["moved"] = 0, 2
    people["leads"] = people["home_born"] = False
    model = settings.model["migration"]
    # Only those not here a year ago can have moved since; who was born here has not.
    fresh = people["new"].to_numpy() & ~(people["joined"] & (people["age"] == 0)).to_numpy()
    lead = leads(people, model)
    abroad = candidate_parties(
        people,
        lead * arrival_leads(people, model),
        fresh,
        model,
        model["arrives_with"],
        rng,
    )
    total = settings.series["international"][year]
    shares = settings.series["international_region"][year]
    goals = {int(code): total * share / 100 for code, share in shares.items()}
    _note(people, abroad, _select(settings, people, abroad, goals, rng), INTERNATIONAL)

    taken = (people["mover_type"] == INTERNATIONAL).to_numpy()
    busy = np.isin(people["household"].to_numpy(), people["household"].to_numpy()[taken])
    pull = province_pull(settings, year)[people["province"].to_numpy()]
    inside = candidate_parties(people, lead * pull, fresh & ~busy, model, model["moves_with"], rng)
    weight, region = people["weight"].to_numpy(), people["region"].to_numpy()
    total += settings.series["internal"][year]
    goals = {
        int(code): total * share / 100 - weight[taken & (region == int(code))].sum()
        for code, share in settings.series["mover_region"][year].items()
    }
    _note(people, inside, _select(settings, people, inside, goals, rng), INTERNAL)
    people["moved"] = np.where(people["mover_type"] > 0, 1, 2)
    _apart(people, inside, rng)
    _previous_country(settings, people, year, rng)
    _previous_province(settings, people, year, rng)


def _select(
    settings: Settings,
    people: pd.DataFrame,
    parties: Parties,
    goals: dict[int, float],
    rng: np.random.Generator,
) -> np.ndarray:
    """Select parties by region and time in the sample; what one cell misses the next takes up."""
    model = settings.model["migration"]
    weight = people["weight"].to_numpy()
    of_party = parties.weight(weight)
    first = np.unique(parties.household, return_index=True)[1]
    region = people["region"].to_numpy()[first]
    known = people["known_address"].to_numpy()
    ea_effect = people["ea_effect"].to_numpy()[first]
    uniform = latent_uniform(rng, len(first), [(model["ea_share"], ea_effect)])
    chance = np.where(of_party > 0, parties.chance, 0.0)
    chosen = np.zeros(len(first), dtype=bool)
    carried = 0.0
    for code, goal in goals.items():
        here = people["region"].to_numpy() == code
        old, new = weight[here & known].sum(), weight[here & ~known].sum()
        old = old * model["known_address_rate"]
        for share, group in ((old, True), (new, False)):
            rows = np.flatnonzero((region == code) & (known[first] == group))
            wanted = goal * share / max(old + new, 1e-12) + carried
            chosen[rows] = select_to_total(of_party[rows], chance[rows], wanted, uniform[rows])
            carried = wanted - of_party[rows][chosen[rows]].sum()
    return chosen


def _note(people: pd.DataFrame, parties: Parties, chosen: np.ndarray, kind: int) -> None:
    """Write down who moved with a chosen party (in place)."""
    moved = parties.member & chosen[parties.household]
    index = people.index[moved]
    people.loc[index, "mover_type"] = kind
    people.loc[index, "months"] = parties.months[parties.household][moved]
    people.loc[index, "party"] = parties.household[moved]
    people.loc[index, "leads"] = parties.leader[moved]


def _apart(people: pd.DataFrame, parties: Parties, rng: np.random.Generator) -> None:
    """Let a few members be parties of their own: another month, another origin (in place)."""
    months = rng.integers(0, 12, len(people))
    apart = parties.apart & (people["mover_type"] == INTERNAL).to_numpy()
    people.loc[apart, "months"] = months[apart]
    people.loc[apart, "party"] = len(people) + np.flatnonzero(apart)
    people.loc[apart, "leads"] = True


def _of_parties(people: pd.DataFrame, kind: int) -> tuple[np.ndarray, pd.DataFrame, np.ndarray]:
    """Rows of the movers of a kind, one row a party, and each mover's party in it."""
    rows = np.flatnonzero(people["mover_type"].to_numpy() == kind)
    movers = people.iloc[rows].sort_values("leads", ascending=False, kind="stable")
    one = movers.drop_duplicates("party").sort_values("party").reset_index(drop=True)
    position = np.searchsorted(one["party"].to_numpy(), people["party"].to_numpy()[rows])
    weight = people["weight"].to_numpy()[rows]
    one["weight"] = np.bincount(position, weights=weight, minlength=len(one))
    return rows, one, position


def _previous_country(
    settings: Settings, people: pd.DataFrame, year: int, rng: np.random.Generator
) -> None:
    """Give parties from abroad a previous country by quota; nationals rarely lived next door."""
    model = settings.model["migration"]
    rows, one, position = _of_parties(people, INTERNATIONAL)
    shares = settings.series["international_country"][year]
    countries = np.array([int(code) for code in shares])
    quota = np.array(list(shares.values()), dtype=float)
    home = rng.random(len(one)) < _home_chance(model, one)
    neighbour = np.isin(countries, model["neighbours"])
    preference = np.where(neighbour[None, :] & home[:, None], model["home_from_neighbour"], 1.0)
    picked = assign_quota(one["weight"].to_numpy(), preference, quota, rng)
    index = people.index[rows]
    people.loc[index, "prev_cn"] = countries[picked][position] if len(rows) else np.nan
    people.loc[index, "prev_area"] = ABROAD_AREA
    people.loc[index, "origin"] = 0
    people.loc[index, "home_born"] = home[position]


def _home_chance(model: dict[str, Any], one: pd.DataFrame) -> np.ndarray:
    """Chance that a party from abroad was born at home: kin of a head who stayed always were."""
    kin = ~np.isin(one["relation"].to_numpy(), (0, 1, 2, 7, 15))
    return np.where(kin, 1.0, model["arrival_home_born"])


def _previous_province(
    settings: Settings, people: pd.DataFrame, year: int, rng: np.random.Generator
) -> None:
    """Give internal parties an origin: the region by quota, the province by gravity (in place)."""
    model = settings.model["migration"]
    provinces = settings.provinces
    rows, one, position = _of_parties(people, INTERNAL)
    if len(rows) == 0:
        return
    region, weight = one["region"].to_numpy(), one["weight"].to_numpy()
    home = one["province"].to_numpy()
    regions = np.sort(provinces["region"].unique())
    arrivals = np.array([weight[region == code].sum() for code in regions])
    flows = region_flows(settings, year, np.maximum(arrivals, 1.0))
    origin = np.zeros(len(one), dtype=int)
    for column, code in enumerate(regions):
        here = np.flatnonzero(region == code)
        pull = np.broadcast_to((flows[:, column] > 0).astype(float), (len(here), len(regions)))
        origin[here] = regions[assign_quota(weight[here], pull, flows[:, column], rng)]
    weights = gravity(settings)[home] / province_pull(settings, year)[None, :]
    weights = weights * (provinces["region"].to_numpy()[None, :] == origin[:, None])
    own = (origin == region) & (rng.random(len(one)) < model["same_province"])
    single = np.bincount(provinces["region"].to_numpy())[region] == 1
    weights[own & ~single] = 0.0
    weights[own & ~single, home[own & ~single]] = 1.0
    chosen = pick_rows(rng, weights)
    municipal = provinces["municipal"].to_numpy()[chosen]
    area = np.where(rng.random(len(one)) < municipal, 1, 2)[position]
    area[rng.random(len(rows)) < model["unknown"]["previous_area"]] = UNKNOWN_AREA
    true = provinces["code"].to_numpy()[chosen][position].astype(float)
    unknown = rng.random(len(rows)) < model["unknown"]["previous_province"]
    index = people.index[rows]
    people.loc[index, "origin"] = true
    people.loc[index, "prev_pv"] = np.where(unknown, UNKNOWN_PROVINCE, true)
    people.loc[index, "prev_cn"] = model["home_country"]
    people.loc[index, "prev_area"] = area
