"""The attacker against averages over years: with every year's tables he looks for a single year.

A population's kinds of persons are unknown numbers of each year. He reads the numbers of persons
that the years' tables and the averages tell; an average tells three times its own. Nothing here
knows of the code under test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lfsmig import indicators
from lfsmig.results import domain_codes
from tests.attacker import Attacker
from tests.test_attack_run import FLOWS, KEYS, LIMITS, PARAMS, persons, within

SPAN = (2019, 2020, 2021)
# Items by which averages are told, and those that are coarser ones of them.
ITEMS = {"sex", "region", "age_group", "age_group5", "migrant_type", "lifetime_type"}
PLACES = {"province", "region", "previous_region", "previous_province", "greater_bangkok",
          "previous_greater_bangkok"}  # fmt: skip
# What is looked at: whose records, which items, what is averaged.
VIEWS = {
    "movers": ("migrants", ITEMS, ("recent_internal.age_sex", "recent_international.age_sex")),
    "flows": ("migrants", PLACES, ("provinces.",)),
}
PROGRAMMES = 5


@dataclass
class View:
    """Cells of a population: by year, and the averages, with whom each counts by kinds."""

    years: dict[int, pd.DataFrame]
    pools: pd.DataFrame
    of_years: np.ndarray
    of_pools: np.ndarray

    @property
    def kinds(self) -> int:
        return self.of_years.shape[1]

    def wide(self, row: np.ndarray, years: list[int]) -> np.ndarray:
        """A sum of kinds as one of the unknown numbers of some years."""
        blocks = [row if year in years else np.zeros(self.kinds) for year in self.years]
        return np.concatenate(blocks)


@cache
def people(data: Path, population: str) -> pd.DataFrame:
    # Every kind of person that there is in a year, and many that there are not.
    parts = [pd.read_parquet(data / f"harmonised/{year}.parquet") for year in SPAN]
    columns = [name for name in parts[0] if all(name in one for one in parts)]
    records = pd.concat([one[columns] for one in parts], ignore_index=True)
    records = records.astype(parts[0][columns].dtypes)
    return persons(PARAMS, records, population, SPAN[0])


def view_of(data: Path, name: str) -> View:
    population, items, pooled = VIEWS[name]
    frame = people(data, population)
    register = {one.id: one for one in PARAMS.indicators}
    inside = within(population)

    def seen(key: str, domain: str) -> bool:
        one = register[key]
        if one.of in (*FLOWS, "gross_migration"):
            return name == "flows" and one.statistic == "total"
        named = {*domain_codes(domain), *([one.of] if one.statistic == "share" else [])}
        return key in inside and named <= items

    found: dict[int, pd.DataFrame] = {}
    for year in SPAN:
        true = pd.read_parquet(data / f"estimates/{year}.parquet")
        true = true[true["engine"].eq("python") & ~true["indicator"].isin(averaged())]
        shown = pd.read_parquet(data / f"released/{year}.parquet")
        true = true[[seen(*key) for key in zip(true["indicator"], true["domain"], strict=True)]]
        found[year] = joined(true, shown)
    base = found[SPAN[0]][KEYS]
    assert all(frame[KEYS].equals(base) for frame in found.values())
    shown = pd.read_parquet(data / "released/pools.parquet")
    shown = shown[shown["year_to"].eq(SPAN[-1]) & shown["statistic"].eq("total")]
    shown = shown[shown["indicator"].str.startswith(pooled)]
    true = pd.concat([pd.read_parquet(data / f"estimates/{year}.parquet") for year in SPAN])
    true = true[true["engine"].eq("python")]
    whole = true.groupby(KEYS, as_index=False)["n_cases"].sum()
    pools = joined(shown[KEYS].merge(whole, on=KEYS), shown)
    sums = [sets_of(frame, register, one[KEYS]) for one in (base, pools)]
    kinds = np.unique(np.vstack(sums), axis=1).astype(float)
    return View(found, pools, *np.split(kinds, [len(base)]))


def averaged() -> set[str]:
    return {one.id for one in PARAMS.indicators if one.pooled}


def joined(true: pd.DataFrame, shown: pd.DataFrame) -> pd.DataFrame:
    """True numbers of cells with what is told of them."""
    told = shown[[*KEYS, "flag", "n_cases"]].rename(columns={"n_cases": "told"})
    rows = true[[*KEYS, "n_cases"]].merge(told, on=KEYS, how="left", validate="1:1")
    return rows.sort_values(KEYS, ignore_index=True)


def sets_of(frame: pd.DataFrame, register: dict, keys: pd.DataFrame) -> np.ndarray:
    """Whom each cell counts: cells x persons."""
    counted = np.zeros((len(keys), len(frame)), dtype="int8")
    crossed: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for at, (name, domain, category) in enumerate(keys.itertuples(index=False, name=None)):
        one, codes = register[name], domain_codes(domain)
        if one.of in (*FLOWS, "gross_migration"):
            [(level, code)] = codes.items()
            if level not in crossed:
                now = frame[level].astype(object).to_numpy()
                before = frame[f"previous_{level}"].astype(object).to_numpy()
                away = (
                    frame["recent_internal"].eq(1).to_numpy() & pd.notna(before) & (now != before)
                )
                crossed[level] = np.where(away, now, None), np.where(away, before, None)
            came, left = (one == code for one in crossed[level])
            kind = {"in_migration": came, "out_migration": left}
            counted[at] = kind.get(str(one.of), came | left)
            continue
        mask = indicators.population_mask(frame, one)
        if one.statistic == "rate":
            mask &= frame[str(one.of)].eq(1).to_numpy(dtype=bool)
        if one.statistic == "share":
            codes = {**codes, str(one.of): category}
        for item, code in codes.items():
            mask &= frame[item].astype("object").eq(code).to_numpy(dtype=bool)
        counted[at] = mask
    return counted


def knowledge(view: View) -> Iterator[tuple[np.ndarray, float]]:
    for year, frame in view.years.items():
        for at in np.flatnonzero(frame["told"].notna() & view.of_years.any(axis=1)):
            yield view.wide(view.of_years[at], [year]), frame["told"].iloc[at]
    for at in np.flatnonzero(view.pools["told"].notna() & view.of_pools.any(axis=1)):
        yield view.wide(view.of_pools[at], [*SPAN]), view.pools["told"].iloc[at]


def secrets(view: View) -> Iterator[tuple[str, np.ndarray]]:
    """Cells of a handful, of a year or of an average."""
    for year, frame in view.years.items():
        few = frame["n_cases"].between(1, LIMITS.min_cases - 1) & view.of_years.any(axis=1)
        for at in np.flatnonzero(few):
            yield f"{year} {tuple(frame.loc[at, KEYS])}", view.wide(view.of_years[at], [year])
    few = view.pools["n_cases"].between(1, LIMITS.min_cases - 1) & view.of_pools.any(axis=1)
    for at in np.flatnonzero(few):
        yield f"pool {tuple(view.pools.loc[at, KEYS])}", view.wide(view.of_pools[at], [*SPAN])


def attack(view: View, most: int = PROGRAMMES, first: bool = False) -> list[str]:
    """Secret cells whose number is known too well; only the `first` that is found, if asked for."""
    reader = Attacker(view.kinds * len(SPAN))
    reader.equal = list(knowledge(view))
    wanted = list(secrets(view))
    chosen = np.random.default_rng(5).permutation(len(wanted))[:most]
    found = []
    for name, row in (wanted[at] for at in chosen):
        low, high = reader.bounds(row)
        low, high = np.ceil(low - 1e-6), np.floor(high + 1e-6)
        if high < LIMITS.min_cases or high - low < LIMITS.min_cases - 1:
            found.append(f"{name} in {low:g}..{high:g}")
        if first and found:
            break
    return found


@pytest.mark.parametrize("name", VIEWS)
def test_no_year_is_found_from_averages(small_data: Path, name: str) -> None:
    view = view_of(small_data, name)
    assert view.pools["told"].notna().any()
    assert len(list(secrets(view))) > 100
    assert attack(view) == []
    # He finds what the withheld averages would give away.
    whole = view.pools.assign(told=view.pools["n_cases"])
    assert attack(replace(view, pools=whole), 10**6, first=True)
