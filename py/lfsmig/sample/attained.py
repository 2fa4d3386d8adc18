"""How near the sample comes to its targets: every listed figure measured on raw records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from lfsmig.sample.labour import SECTORS
from lfsmig.sample.settings import Settings

AGRICULTURE, MANUFACTURING = 4, 44
ADDRESS = ["CWT", "AREA", "PSU_NO", "EA_SET", "SAMSET", "HH_NO"]


def measure(raw: pd.DataFrame, home: int) -> dict[str, pd.DataFrame]:
    """Person records of one year with the classes that the targets are stated in.

    Parameters
    ----------
    raw
        Records of one year under the plain column names, numeric, blank records included.
    home
        Code of the survey's own country.

    Returns
    -------
    dict
        Frames by population: all, migrants, internal, international, lifetime, adults of each.
    """
    people = raw.loc[raw["NO"].notna()].copy()
    people["REGION"] = people["REG"].astype(int)
    moved = people["SYN_MOVED"] == 1
    abroad = people["SYN_PREV_CN"].notna() & (people["SYN_PREV_CN"] != home)
    born_abroad = people["SYN_BIRTH_PV"].isna()
    elsewhere = (people["SYN_BIRTH_PV"] != people["CWT"]) & (people["SYN_BIRTH_PV"] != 99)
    people["ACTIVITY"] = _activity(people)
    people["SECTOR"] = _sector(people)
    provinces = people.drop_duplicates("CWT").set_index("CWT")["REGION"]
    people["PREV_REGION"] = people["SYN_PREV_PV"].map(provinces)
    people["MOVE_TYPE"] = _move_type(people, moved & ~abroad & ~born_abroad)
    adult = people["AGE"] >= 15
    return {
        "all": people,
        "migrants": people[moved],
        "internal": people[moved & ~abroad],
        "international": people[moved & abroad],
        "lifetime": people[born_abroad | elsewhere],
        "internal_adult": people[moved & ~abroad & adult],
        "lifetime_adult": people[(born_abroad | elsewhere) & adult],
        "all_adult": people[adult],
    }


def _move_type(people: pd.DataFrame, asked: pd.Series) -> np.ndarray:
    """Primary, return or onward, of those who moved between known provinces."""
    birth, before, now = (people[name] for name in ("SYN_BIRTH_PV", "SYN_PREV_PV", "CWT"))
    between = asked & (before != now) & (before != 99) & (birth != 99)
    picked = np.select(
        [~between, birth == before, birth == now], ["", "primary", "return"], "onward"
    )
    return np.asarray(picked)


def _activity(people: pd.DataFrame) -> np.ndarray:
    """Activity by the survey's rule: unemployed if looking or available."""
    employed = (people["WK_7DAY"] == 1) | (people["RECEIVE"] == 1) | (people["RETURN"] == 1)
    unemployed = (people["SEEKING"] == 1) | (people["AVAILABLE"] == 1)
    reason = people["RE_UNAVAIL"]
    picked = np.select(
        [people["AGE"] < 15, employed, unemployed, reason == 4, reason == 1, reason == 2],
        ["", "employed", "unemployed", "seasonal", "housework", "study"],
        "outside_other",
    )
    return np.asarray(picked)


def _sector(people: pd.DataFrame) -> np.ndarray:
    division = np.floor(people["INDUS"].where(people["INDUS"] != 99999) / 1000)
    picked = np.select(
        [division.isna(), division < AGRICULTURE, division < MANUFACTURING],
        ["", *SECTORS[:2]],
        SECTORS[2],
    )
    return np.asarray(picked)


def _share(frame: pd.DataFrame, mask: Any, base: Any = None) -> float:
    weight = frame["WEIGHT"] if base is None else frame["WEIGHT"][base]
    hit = frame["WEIGHT"][mask] if base is None else frame["WEIGHT"][mask & base]
    total = float(weight.sum())
    return 100 * float(hit.sum()) / total if total else float("nan")


def _value(target: Mapping[str, Any], frames: dict[str, pd.DataFrame]) -> float:
    """Value of one target in one year."""
    kind = str(target["measure"])
    totals = {name: float(frame["WEIGHT"].sum()) for name, frame in frames.items()}
    simple = {
        "population": totals["all"],
        "recent_internal": totals["internal"],
        "recent_international": totals["international"],
        "share_internal_of_flow": 100 * totals["internal"] / max(totals["migrants"], 1.0),
        "migration_rate": 100 * totals["migrants"] / totals["all"],
        "migrants": totals["migrants"],
    }
    region = int(target.get("region", 0))
    if kind in simple and not region:
        return simple[kind]
    if kind == "migrants":
        frame = frames["migrants"]
        return float(frame["WEIGHT"][frame["REGION"] == region].sum())
    if kind == "net_internal":
        frame = frames["internal"].dropna(subset=["PREV_REGION"])
        arrived = frame["WEIGHT"][frame["REGION"] == region].sum()
        return float(arrived - frame["WEIGHT"][frame["PREV_REGION"] == region].sum())
    if kind.startswith("reason"):
        return _reason(kind, target["codes"], frames["migrants"])
    if "other_than" in target:
        frame = frames["international"]
        return _share(frame, ~frame["SYN_PREV_CN"].isin(target["other_than"]))
    return _class_share(kind, target.get("category"), region, frames)


def _reason(kind: str, codes: list[int], frame: pd.DataFrame) -> float:
    mask = frame["SYN_REASON"].isin(codes)
    if kind == "reason_count":
        return float(frame["WEIGHT"][mask].sum())
    return _share(frame, mask, frame["SYN_REASON"] != 99)


def _class_share(kind: str, category: Any, region: int, frames: dict[str, pd.DataFrame]) -> float:
    population, item = {
        "share_of_migrants": ("migrants", "REGION"),
        "international_region": ("international", "REGION"),
        "lifetime_region": ("lifetime", "REGION"),
        "internal_employment": ("internal_adult", "ACTIVITY"),
        "lifetime_employment": ("lifetime_adult", "ACTIVITY"),
        "lifetime_sector": ("lifetime_adult", "SECTOR"),
        "internal_sector": ("internal_adult", "SECTOR"),
        "move_type": ("internal", "MOVE_TYPE"),
        "internal_remitters": ("internal_adult", "SYN_REMIT"),
        "internal_stay": ("internal", "SYN_STAY"),
        "international_stay": ("international", "SYN_STAY"),
        "international_country": ("international", "SYN_PREV_CN"),
    }[kind]
    frame = frames[population]
    values = frame[item]
    if item == "REGION":
        return _share(frame, values == region)
    if item == "ACTIVITY":
        return _share(frame, values.isin([category] if isinstance(category, str) else category))
    if item in ("SECTOR", "MOVE_TYPE"):
        return _share(frame, values == category, values != "")
    if item == "SYN_REMIT":
        return _share(frame, values == 1, values.notna())
    unknown = 9 if item == "SYN_STAY" else 999
    return _share(frame, values == int(category), values != unknown)


def _known_address_rate(raw: pd.DataFrame, before: pd.DataFrame) -> float:
    """Rate of migration at addresses of the year before, relative to the rate at new ones."""
    people = raw.loc[raw["NO"].notna()]
    known = pd.MultiIndex.from_frame(people[ADDRESS]).isin(
        pd.MultiIndex.from_frame(before[ADDRESS])
    )
    moved = (people["SYN_MOVED"] == 1).to_numpy()
    old, new = (_share(people, moved, base) for base in (known, ~known))
    return old / new


def own_attained(settings: Settings, raw_by_year: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """Compare the model's own targets (`own_targets`, nothing published) with the sample.

    Parameters and columns are those of `attained`; `id` is the measure, with its category.
    """
    home = settings.model["migration"]["home_country"]
    rows = []
    for target in settings.targets["own_targets"]:
        measure_ = target["measure"]
        for year, raw in raw_by_year.items():
            wanted = {"": target.get("value")}
            if measure_ == "move_type":
                wanted = settings.series["move_type"][year]
                frames = measure(raw, home)
                found = {name: _class_share(measure_, name, 0, frames) for name in wanted}
            elif _shares_addresses(raw, raw_by_year.get(year - 1)):
                found = {"": _known_address_rate(raw, raw_by_year[year - 1])}
            else:
                continue
            rows += [
                {
                    "id": f"{measure_} {name}".strip(),
                    "year": str(year),
                    "published": float(value),
                    "attained": found[name],
                    "tolerance": target["tolerance"],
                    "met": abs(found[name] - float(value)) <= target["tolerance"],
                }
                for name, value in wanted.items()
            ]
    return pd.DataFrame(rows)


def _shares_addresses(raw: pd.DataFrame, before: pd.DataFrame | None) -> bool:
    if before is None:
        return False
    left, right = (pd.MultiIndex.from_frame(frame[ADDRESS]) for frame in (raw, before))
    return bool(left.isin(right).any())


def attained(
    settings: Settings, figures: pd.DataFrame, raw_by_year: Mapping[int, pd.DataFrame]
) -> pd.DataFrame:
    """Compare every target with the sample.

    Parameters
    ----------
    settings
        Parameters of the sample.
    figures
        Published figures, with `id` and `value`.
    raw_by_year
        Raw records of the years, numeric and under the plain names.

    Returns
    -------
    pandas.DataFrame
        id, year, published, attained, tolerance, met; targets whose years are not there left out.
    """
    home = settings.model["migration"]["home_country"]
    frames = {year: measure(raw, home) for year, raw in raw_by_year.items()}
    published = figures.set_index("id")["value"]
    rows = []
    for target in settings.targets["targets"]:
        wanted = (
            settings.targets["average_years"] if target["year"] == "average" else [target["year"]]
        )
        if target["measure"] == "change_in_migrants":
            wanted = [target["year"] - 1, target["year"]]
        if not set(wanted) <= set(frames):
            continue
        if target["measure"] == "change_in_migrants":
            before, after = (float(frames[y]["migrants"]["WEIGHT"].sum()) for y in wanted)
            value = after - before
        else:
            value = float(np.mean([_value(target, frames[year]) for year in wanted]))
        figure = float(published[target["id"]])
        if target.get("sign"):
            met = np.sign(value) == target.get("expected", np.sign(figure))
        else:
            met = abs(value - figure) <= target["tolerance"]
        rows.append(
            {
                "id": target["id"],
                "year": str(target["year"]),
                "published": figure,
                "attained": value,
                "tolerance": target.get("tolerance", "sign"),
                "met": bool(met),
            }
        )
    return pd.DataFrame(rows)
