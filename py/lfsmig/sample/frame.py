"""Strata, enumeration areas and the rotation of households.

A stratum is a province by area cell. Inside a rotation round the same EAs are visited every year;
each holds four sets of households and a year takes two neighbouring sets, so half of the
households come back once.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lfsmig.sample.draw import stream
from lfsmig.sample.settings import Settings

AREAS = {1: "municipal", 2: "non_municipal"}
# Household numbers of one set start here times the set's position.
HOUSEHOLD_SET = 1_000_000


def strata(settings: Settings) -> pd.DataFrame:
    """One row a stratum: province position, area, region, residents; empty cells left out."""
    provinces = settings.provinces
    parts = []
    for area in AREAS:
        municipal = provinces["municipal"].to_numpy(dtype=float)
        share = municipal if area == 1 else 1 - municipal
        part = pd.DataFrame(
            {
                "province": np.arange(len(provinces)),
                "code": provinces["code"],
                "area": area,
                "region": provinces["region"],
                "residents": provinces["residents"].to_numpy(dtype=float) * share,
            }
        )
        parts.append(part.loc[share > 0])
    return pd.concat(parts).sort_values(["province", "area"], ignore_index=True)


def planned_eas(settings: Settings) -> np.ndarray:
    """EAs of each stratum: area totals by region shape, then by the root of residents."""
    table = strata(settings)
    design = settings.model["design"]
    counts = np.zeros(len(table), dtype=int)
    for area, name in AREAS.items():
        shape = design["region_shape"][name]
        regions = [int(key) for key in shape]
        by_region = _largest_remainder(
            np.array(list(shape.values()), dtype=float), design["planned_eas"][name]
        )
        for region, total in zip(regions, by_region, strict=True):
            rows = np.flatnonzero((table["area"] == area) & (table["region"] == region))
            size = np.sqrt(table["residents"].to_numpy()[rows])
            counts[rows] = _largest_remainder(size, int(total))
    return counts


def _largest_remainder(size: np.ndarray, total: int) -> np.ndarray:
    """Split a total by size into whole numbers."""
    exact = size / size.sum() * total
    whole = np.floor(exact).astype(int)
    order = np.argsort(-(exact - whole), kind="stable")
    whole[order[: total - whole.sum()]] += 1
    return np.asarray(whole)


def enumeration_areas(
    settings: Settings, rotation_round: int, scale: float, seed: int
) -> pd.DataFrame:
    """EAs of a rotation round, with the numbers that stay the same in all its years."""
    rng = stream(seed, "eas", rotation_round)
    table = strata(settings)
    design = settings.model["design"]
    counts = np.maximum(
        np.floor(planned_eas(settings) * scale + 0.5).astype(int), design["smallest_stratum"]
    )
    stratum = np.repeat(np.arange(len(table)), counts)
    size = len(stratum)
    take = {area: design["households_per_ea"][name] for area, name in AREAS.items()}
    frame = pd.DataFrame({"stratum": stratum, "psu_no": 0})
    # Each round numbers its PSUs from a range of its own: no number means the same EA twice.
    low = 1 + 700 * rotation_round
    numbers = [np.sort(rng.choice(np.arange(low, low + 700), n, replace=False)) for n in counts]
    frame["psu_no"] = np.concatenate(numbers)
    frame["ea_set"] = rng.integers(1, design["ea_sets"] + 1, size)
    months = np.array(design["months"])
    # The three months share each stratum evenly.
    frame["month"] = months[(rng.permutation(size) + np.arange(size)) % len(months)]
    for column in ("province", "code", "area", "region"):
        frame[column] = table[column].to_numpy()[stratum]
    frame["take"] = frame["area"].map(take).astype(int)
    frame["ea_effect"] = rng.standard_normal(size)
    frame["ea_effect_2"] = rng.standard_normal(size)
    spread = design["base_weight_spread"]
    frame["ea_base"] = np.exp(spread * rng.standard_normal(size) - spread**2 / 2)
    return frame


def household_set(
    settings: Settings, eas: pd.DataFrame, rotation_round: int, position: int, seed: int
) -> pd.DataFrame:
    """Planned households of one household set: half of each EA's take, numbered for good."""
    rng = stream(seed, "households", rotation_round, position)
    half = (eas["take"] // 2).to_numpy()
    ea = np.repeat(np.arange(len(eas)), half)
    within = np.arange(len(ea)) - np.repeat(np.cumsum(half) - half, half)
    frame = eas.iloc[ea].reset_index(drop=True)
    frame["ea"] = ea
    # Sets alternate between the lower and the upper numbers, so a year shows 1 to 16 (or 12).
    frame["hh_no"] = within + 1 + np.where(position % 2 == 1, np.repeat(half, half), 0)
    frame["samset"] = settings.model["design"]["household_sets"][position]
    frame["hh_effect"] = rng.standard_normal(len(frame))
    frame["hh_effect_2"] = rng.standard_normal(len(frame))
    frame["household"] = position * HOUSEHOLD_SET + np.arange(len(frame))
    frame["answer_draw"] = rng.random(len(frame))
    response = {int(key): value for key, value in settings.model["design"]["response"].items()}
    frame["answers"] = frame["answer_draw"] < frame["region"].map(response)
    return frame


def answers_next_year(settings: Settings, households: pd.DataFrame, seed: int) -> np.ndarray:
    """Whether each household answers in its second year: mostly as in its first."""
    design = settings.model["design"]
    rng = stream(seed, "again", households["samset"].iloc[0], int(households["psu_no"].iloc[0]))
    chance = np.where(
        households["answers"], design["answers_again"], design["answers_after_refusal"]
    )
    return np.asarray(rng.random(len(households)) < chance)
