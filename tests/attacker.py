"""A small world of movers, its tables, and an attacker who knows everything that was released.

Nothing here knows of the code under test: a cell is a row of zeros and ones over kinds of persons
(place of before × place × sex × age), and the attacker solves linear programmes over the unknown
numbers of each kind.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import linprog

from lfsmig.results import domain_text

PLACES = ("1", "2", "3")
SEXES = ("male", "female")
AGES = ("0-14", "15-24", "25+")
ABROAD, STAYED = "abroad", "stayed"
LINKS = {
    ("where", "age >= 15"): [("age_group", frozenset(AGES[1:]))],
    ("where", "not age >= 15"): [("age_group", frozenset(AGES[:1]))],
}
FEW = 5
# Standard error over estimate: small, so that precision hides nothing.
CV = 0.05


@dataclass
class World:
    """A year: true numbers by kind, and what each cell of its tables counts."""

    table: pd.DataFrame
    register: list[Any]
    counted: np.ndarray  # cells x kinds
    based: np.ndarray  # cells x kinds
    weighted: np.ndarray  # cells x kinds: with signs, where a number is a balance
    counts: np.ndarray
    weights: np.ndarray

    @property
    def secret(self) -> np.ndarray:
        cases = self.counted @ self.counts
        low = np.where(self.table["is_od"], 10, FEW)
        return np.flatnonzero((cases > 0) & (cases < low))


KINDS = [
    dict(zip(("origin", "region", "sex", "age_group"), kind, strict=True))
    for kind in itertools.product((*PLACES, ABROAD, STAYED), PLACES, SEXES, AGES)
]


def who(**codes: str) -> np.ndarray:
    return np.array([all(kind[k] == v for k, v in codes.items()) for kind in KINDS])


MOVED = np.array([kind["origin"] != STAYED for kind in KINDS])
INTERNAL = np.array([kind["origin"] in PLACES for kind in KINDS])
ADULT = ~who(age_group=AGES[0])
CROSSED = np.array([k["origin"] in PLACES and k["origin"] != k["region"] for k in KINDS])


def world(rng: np.random.Generator, year: int = 2023) -> World:
    """Draw a year's persons and make its tables."""
    usual = np.array([400.0 if k["origin"] == STAYED else 0.9 for k in KINDS])
    usual[[k["origin"] == k["region"] for k in KINDS]] = 2.0
    usual *= np.array([{"1": 0.4, "2": 1.0, "3": 1.8}[k["region"]] for k in KINDS])
    usual *= np.array([0.4 if k["age_group"] == AGES[0] else 1.0 for k in KINDS])
    counts = rng.poisson(usual)
    weights = counts * rng.uniform(180, 320, len(KINDS))
    rows: list[dict[str, Any]] = []
    sets: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    register: dict[str, Any] = {}

    def add(
        name: str, spec: dict[str, Any], domain: dict[str, str], category: str,
        part: np.ndarray, base: np.ndarray, signed: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        defaults = {"where": None, "calibrated": False, "of": None}
        register.setdefault(name, SimpleNamespace(id=name, **{**defaults, **spec}))
        weighted = (part if signed is None else signed).astype(float)
        above, below = weighted @ weights, base @ weights
        kind = spec["statistic"]
        estimate = above if kind == "total" else above / below if below else np.nan
        rows.append(
            {
                "year": year, "indicator": name, "domain": domain_text(domain),
                "category": category, "statistic": kind, "engine": "python",
                "unit": "share" if kind == "share" else "persons", "estimate": estimate,
                "se": CV * abs(estimate), "cv": CV, "df": 200.0, "ci_low": 0.9 * estimate,
                "ci_high": 1.1 * estimate, "n": int(base @ counts), "n_psu": 90, "deff": 1.2,
                "n_cases": int(part @ counts), "is_od": name.endswith("previous") and bool(domain),
            }
        )  # fmt: skip
        sets.append((part, base if kind != "total" else part, weighted))

    everybody = np.ones(len(KINDS), bool)
    tables: list[dict[str, str]] = [{}]
    tables += [{"region": r} for r in PLACES] + [{"sex": s} for s in SEXES]
    crossed = [{"region": r, "sex": s} for r in PLACES for s in SEXES]
    for name, mask in (("migrants", MOVED), ("recent_internal", INTERNAL)):
        for domain in [*tables, *(crossed if name == "recent_internal" else [])]:
            here = who(**domain)
            total = {"population": name, "statistic": "total"}
            add(f"{name}.total", total, domain, "", mask & here, mask & here)
            rate = {"population": "all", "statistic": "rate", "of": name}
            add(f"{name}.rate", rate, domain, "", mask & here, everybody & here)
    for age in AGES:
        rate = {"population": "all", "statistic": "rate", "of": "recent_internal"}
        here = who(age_group=age)
        add("recent_internal.rate", rate, {"age_group": age}, "", INTERNAL & here, here)
    for domain in ({}, *({"sex": s} for s in SEXES)):
        for age in AGES:
            spec = {"population": "recent_internal", "statistic": "share", "of": "age_group"}
            here = INTERNAL & who(**domain)
            add("recent_internal.age", spec, domain, age, here & who(age_group=age), here)
    for domain in ({}, *({"region": r} for r in PLACES)):
        for place in PLACES:
            spec = {"population": "recent_internal", "statistic": "share", "of": "previous_region"}
            here = INTERNAL & who(**domain)
            add("recent_internal.previous", spec, domain, place, here & who(origin=place), here)
        for sex in SEXES:
            spec = {"population": "recent_internal", "statistic": "share", "of": "sex",
                    "where": "age >= 15"}  # fmt: skip
            here = INTERNAL & ADULT & who(**domain)
            add("recent_internal.adults", spec, domain, sex, here & who(sex=sex), here)
    for place in PLACES:
        came, left = CROSSED & who(region=place), CROSSED & who(origin=place)
        flows = {"in": (came, came), "out": (left, left),
                 "net": (came | left, came.astype(int) - left.astype(int))}  # fmt: skip
        for name, (part, signed) in flows.items():
            spec = {"population": "all", "statistic": "total", "of": f"{name}_migration"}
            domain = {"region": place}
            add(f"recent_internal.{name}", spec, domain, "", part, part, signed)
    part, base, weighted = (np.array(one, dtype=float) for one in zip(*sets, strict=True))
    table = pd.DataFrame(rows)
    return World(table, [*register.values()], part, base, weighted, counts, weights)


class Attacker:
    """Collects what is known of the unknown numbers and asks how far one of them is fixed."""

    def __init__(self, size: int) -> None:
        self.equal: list[tuple[np.ndarray, float]] = []
        self.above: list[tuple[np.ndarray, float]] = []
        self.size = size

    def bounds(self, of: np.ndarray) -> tuple[float, float]:
        """Smallest and largest possible value of a sum of the unknown numbers."""
        rows = {(*row.round(9), round(value, 6)): (row, value) for row, value in self.equal}
        matrix = sparse.csr_array(np.array([row for row, _ in rows.values()]))
        known = np.array([value for _, value in rows.values()])
        # What is stored is a double; a reader allows for its last digits.
        room = 1e-9 * np.maximum(np.abs(known), 1.0)
        less = [sparse.vstack([matrix, -matrix])]
        limits = [known + room, room - known]
        if self.above:
            less.append(sparse.csr_array(-np.array([row for row, _ in self.above])))
            limits.append(-np.array([value for _, value in self.above]))
        ends = []
        for sign in (1.0, -1.0):
            made = linprog(
                sign * of, A_ub=sparse.vstack(less), b_ub=np.concatenate(limits),
                bounds=(0, None), method="highs",
            )  # fmt: skip
            assert made.status in (0, 3), made.message
            ends.append(sign * made.fun if made.status == 0 else -sign * np.inf)
        return ends[0], ends[1]


def attack_counts(year: World, out: pd.DataFrame) -> list[str]:
    """Secret cells whose number of persons is known too well, and how well."""
    reader = Attacker(len(KINDS))
    flags = out["flag"].to_numpy()
    for at, (n, cases) in enumerate(zip(out["n"], out["n_cases"], strict=True)):
        if not np.isnan(n):
            reader.equal.append((year.based[at], n))
        if not np.isnan(cases):
            reader.equal.append((year.counted[at], cases))
        if flags[at] == "c":
            reader.above.append((year.counted[at], 1.0))
        if flags[at] == "s" and out["reason"].iloc[at] != "empty":
            reader.above.append((year.counted[at], FEW))
    found = []
    for at in year.secret:
        low, high = reader.bounds(year.counted[at])
        # Persons are whole.
        low, high = np.ceil(low - 1e-6), np.floor(high + 1e-6)
        if high < FEW or high - low < FEW - 1:
            found.append(f"{_name(year, at)} in {low:g}..{high:g}")
    return found


def attack_weights(
    years: list[World], outs: list[pd.DataFrame], trends: pd.DataFrame | None = None
) -> list[str]:
    """Secret cells whose estimate is known to within half its size, over all years together."""
    size = len(KINDS)
    reader = Attacker(size * len(years))

    def wide(number: int, row: np.ndarray) -> np.ndarray:
        return np.concatenate([row if k == number else np.zeros(size) for k in range(len(years))])

    for number, (year, out) in enumerate(zip(years, outs, strict=True)):
        for at in np.flatnonzero(out["estimate"].notna()):
            estimate = float(out["estimate"].iloc[at])
            row = year.weighted[at] / 1.0
            if out["statistic"].iloc[at] == "total":
                reader.equal.append((wide(number, row), estimate))
            else:
                reader.equal.append((wide(number, row - estimate * year.based[at]), 0.0))
    for one in [] if trends is None else trends[trends["estimate"].notna()].itertuples():
        parts = [wide(k, year.weighted[one.cell]) for k, year in enumerate(years)]
        signs = (-1.0, 1.0) if one.statistic == "change" else (0.5, 0.5)
        reader.equal.append((signs[0] * parts[0] + signs[1] * parts[1], one.estimate))
    found = []
    for number, year in enumerate(years):
        for at in year.secret:
            if year.table["indicator"].iloc[at].endswith("net"):
                continue
            true = year.weighted[at] @ year.weights
            low, high = reader.bounds(wide(number, year.weighted[at]))
            if high - low < 0.5 * true:
                found.append(f"{_name(year, at)}: {true:.0f} in {low:.0f}..{high:.0f}")
    return found


def _name(year: World, at: int) -> str:
    row = year.table.iloc[at]
    return f"{row['year']} {row['indicator']} {row['domain']} {row['category']}"


def trends_of(years: list[World]) -> pd.DataFrame:
    """Changes and averages of the totals of two years, with the row of each cell."""
    first, second = (year.table for year in years)
    rows = []
    for at in np.flatnonzero(first["statistic"].eq("total")):
        a, b = first["estimate"].iloc[at], second["estimate"].iloc[at]
        key = {k: first[k].iloc[at] for k in ("indicator", "domain", "category")}
        key |= {"year_from": first["year"].iloc[0], "year_to": second["year"].iloc[0], "cell": at}
        rows.append(key | {"statistic": "change", "estimate": b - a})
        rows.append(key | {"statistic": "average", "estimate": (a + b) / 2})
    return pd.DataFrame(rows)
