"""A small world of movers, its tables, and an attacker who knows everything that was released.

Nothing here knows of the code under test: a cell is a row of zeros and ones over kinds of persons
(place of before × place × sex × age), and the attacker solves linear programmes over the unknown
numbers of each kind. Amounts are further unknowns, one for each kind.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from highspy import Highs, HighsLp, HighsModelStatus, MatrixFormat
from scipy import sparse

from lfsmig.results import domain_text

ITEMS = ("sent", "wage")
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
    # Cells x three times the kinds, persons and two amounts: what is above and below the line of an
    # estimate, with signs where a number is a balance.
    above: np.ndarray
    below: np.ndarray
    counts: np.ndarray
    weights: np.ndarray  # three times the kinds: weighted persons, weighted amounts

    @property
    def secret(self) -> np.ndarray:
        cases = self.counted @ self.counts
        low = np.where(self.table["is_od"] | self.table["amount"].notna(), 10, FEW)
        few = (cases > 0) & (cases < low)
        return np.flatnonzero(few | self.table["largest"].gt(0.5).to_numpy())

    @property
    def is_amount(self) -> np.ndarray:
        return self.table["amount"].notna().to_numpy()


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
    # What each person sent, in thousands: a few sent much.
    sent = [rng.uniform(180, 320) * rng.lognormal(2, 1, size=n) for n in counts]
    persons_of = counts * rng.uniform(180, 320, len(KINDS))
    wages = np.random.default_rng([year, *counts])
    held = {"sent": sent, "wage": [wages.uniform(2e3, 4e3, size=n) for n in counts]}
    weights = np.concatenate([persons_of, *([sum(k) for k in held[item]] for item in ITEMS)])
    rows: list[dict[str, Any]] = []
    sets: list[tuple[np.ndarray, ...]] = []
    register: dict[str, Any] = {}

    def add(
        name: str, spec: dict[str, Any], domain: dict[str, str], category: str,
        part: np.ndarray, base: np.ndarray, signed: np.ndarray | None = None,
        over: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        defaults = {"where": None, "calibrated": False, "of": None, "over": None, "level": None}
        defaults |= {"winsorised": False, "corrected": False, "rarefied": None, "per": 1.0}
        register.setdefault(name, SimpleNamespace(id=name, **{**defaults, **spec}))
        kind, item = spec["statistic"], str(spec.get("of"))
        money = item in ITEMS
        persons = (part if signed is None else signed).astype(float)
        above = _block(item, persons)
        below = _block(str(spec.get("over")), (base if over is None else over).astype(float))
        if kind == "total":
            below = 0 * below
        under = below @ weights
        estimate = above @ weights / (under or 1.0) if under or kind == "total" else np.nan
        amounts = np.sort(
            np.concatenate([held[item][k] for k in np.flatnonzero(part)] if money else [[]])
        )[::-1]
        total = amounts.sum() if money and len(amounts) else np.nan
        rows.append(
            {
                "year": year, "indicator": name, "domain": domain_text(domain),
                "category": category, "statistic": kind, "engine": "python",
                "unit": {"index": "percent", "share": "share"}.get(kind, "persons"),
                "amount": total, "largest": amounts[:1].sum() / total,
                "two_largest": amounts[:2].sum() / total, "estimate": estimate,
                "n_contributors": len(amounts) if money else np.nan,
                "se": CV * abs(estimate), "cv": CV, "df": 200.0, "ci_low": 0.9 * estimate,
                "ci_high": 1.1 * estimate, "n": int(base @ counts), "n_psu": 90, "deff": 1.2,
                "n_cases": int(part @ counts),
                "is_od": name.endswith(("previous", "od")) and bool(domain),
            }
        )  # fmt: skip
        sets.append((part, base if kind != "total" else part, above, below))

    for tabulate in (_persons, _shares, _flows, _amounts):
        tabulate(add)
    _indices(add, weights[: len(KINDS)])
    arrays = [np.array(one, dtype=float) for one in zip(*sets, strict=True)]
    return World(pd.DataFrame(rows), [*register.values()], *arrays, counts, weights)


def _block(item: str, kinds: np.ndarray) -> np.ndarray:
    """A sum of kinds as one of the unknown numbers: of persons, or of an amount."""
    nobody = np.zeros(len(KINDS))
    at = 1 + ITEMS.index(item) if item in ITEMS else 0
    return np.concatenate([kinds if k == at else nobody for k in range(1 + len(ITEMS))])


EVERYBODY = np.ones(len(KINDS), bool)
TABLES: list[dict[str, str]] = [
    {}, *({"region": r} for r in PLACES), *({"sex": s} for s in SEXES),
]  # fmt: skip
CROSSINGS = [{"region": r, "sex": s} for r in PLACES for s in SEXES]
Add = Callable[..., None]


def _persons(add: Add) -> None:
    for name, mask in (("migrants", MOVED), ("recent_internal", INTERNAL)):
        for domain in [*TABLES, *(CROSSINGS if name == "recent_internal" else [])]:
            here = who(**domain)
            total = {"population": name, "statistic": "total"}
            add(f"{name}.total", total, domain, "", mask & here, mask & here)
            rate = {"population": "all", "statistic": "rate", "of": name}
            add(f"{name}.rate", rate, domain, "", mask & here, EVERYBODY & here)
    for age in AGES:
        rate = {"population": "all", "statistic": "rate", "of": "recent_internal"}
        here = who(age_group=age)
        add("recent_internal.rate", rate, {"age_group": age}, "", INTERNAL & here, here)


def _shares(add: Add) -> None:
    share = {"population": "recent_internal", "statistic": "share"}
    for domain in ({}, *({"sex": s} for s in SEXES)):
        here = INTERNAL & who(**domain)
        for age in AGES:
            spec = {**share, "of": "age_group"}
            add("recent_internal.age", spec, domain, age, here & who(age_group=age), here)
    for domain in ({}, *({"region": r} for r in PLACES)):
        here = INTERNAL & who(**domain)
        for place in PLACES:
            spec = {**share, "of": "previous_region"}
            add("recent_internal.previous", spec, domain, place, here & who(origin=place), here)
        for sex in SEXES:
            spec = {**share, "of": "sex", "where": "age >= 15"}
            old = here & ADULT
            add("recent_internal.adults", spec, domain, sex, old & who(sex=sex), old)


def _flows(add: Add) -> None:
    for before, now in itertools.product(PLACES, PLACES):
        spec = {"population": "recent_internal", "statistic": "total"}
        part = INTERNAL & who(origin=before, region=now)
        domain = {"previous_region": before, "region": now}
        add("recent_internal.od", spec, domain, "", part, part)
    for place in PLACES:
        came, left = CROSSED & who(region=place), CROSSED & who(origin=place)
        flows = {"in": (came, came), "out": (left, left), "net": (came | left, _net(place))}
        for name, (part, signed) in flows.items():
            spec = {"population": "all", "statistic": "total", "of": f"{name}_migration"}
            add(f"recent_internal.{name}", spec, {"region": place}, "", part, part, signed)


def _amounts(add: Add) -> None:
    for domain in [*TABLES, *CROSSINGS]:
        here = INTERNAL & who(**domain)
        for kind in ("total", "mean"):
            spec = {"population": "recent_internal", "statistic": kind, "of": "sent"}
            if kind == "total" or "sex" not in domain:
                add(f"remittances.{kind}", spec, domain, "", here, here)
        add("wage.mean", {**spec, "of": "wage"}, domain, "", here, here)
        ratio = {**spec, "statistic": "ratio", "over": "wage"}
        add("remittances.share_of_wage", ratio, domain, "", here, here)


def _indices(add: Add, weights: np.ndarray) -> None:
    nets = [_net(place) for place in PLACES]
    spread = sum(net * np.sign(net @ weights) for net in nets)
    made = {"cmi": (CROSSED, EVERYBODY), "mei": (spread, 2 * CROSSED), "anmr": (spread, EVERYBODY)}
    for name, (signed, over) in made.items():
        spec = {"population": "all", "statistic": "index", "of": name, "level": "region"}
        add(f"indices.{name}", spec, {}, "", CROSSED, EVERYBODY, signed, over)
    # Given which streams are larger than others, these are linear too.
    pairs = itertools.permutations(PLACES, 2)
    streams = np.array([who(origin=before, region=now) for before, now in pairs], dtype=float)
    sizes = streams @ weights
    signs = np.sign(sizes - sizes.mean())
    ranks = 2.0 * np.argsort(np.argsort(sizes)) + 1 - len(sizes)
    made = {
        "inequality": (0.5 * signs @ (streams - CROSSED / len(streams)), CROSSED),
        "gini_total": (ranks @ streams / (len(streams) - 1), CROSSED),
    }
    for name, (signed, over) in made.items():
        spec = {"population": "all", "statistic": "index", "of": name, "level": "region"}
        add(f"indices.{name}", spec, {}, "", CROSSED, EVERYBODY, signed, over)


def _net(place: str) -> np.ndarray:
    """In-movers of a place less its out-movers."""
    return (CROSSED & who(region=place)).astype(int) - (CROSSED & who(origin=place))


class Attacker:
    """Collects what is known of the unknown numbers and asks how far one of them is fixed."""

    def __init__(self, size: int) -> None:
        self.equal: list[tuple[np.ndarray, float]] = []
        self.above: list[tuple[np.ndarray, float]] = []
        self.size = size
        self.solver: Highs | None = None

    def _ready(self) -> Highs:
        """Hand what is known to the solver, once."""
        known = {(*row.round(9), round(value, 6)): (row, value) for row, value in self.equal}
        rows = [*known.values(), *self.above]
        size = np.array([np.abs(row).max() or 1.0 for row, _ in rows])
        matrix = sparse.csr_array(np.array([row for row, _ in rows]) / size[:, None])
        values = np.array([value for _, value in rows]) / size
        # What is stored is a double; a reader allows for its last digits.
        room = 1e-9 * np.maximum(np.abs(values), 1.0)
        programme = HighsLp()
        programme.num_col_, programme.num_row_ = self.size, len(rows)
        programme.col_cost_ = programme.col_lower_ = np.zeros(self.size)
        programme.col_upper_ = np.full(self.size, np.inf)
        programme.row_lower_ = values - room
        top = np.arange(len(rows)) < len(known)
        programme.row_upper_ = np.where(top, values + room, np.inf)
        programme.a_matrix_.format_ = MatrixFormat.kRowwise
        programme.a_matrix_.start_ = matrix.indptr
        programme.a_matrix_.index_ = matrix.indices
        programme.a_matrix_.value_ = matrix.data
        solver = Highs()
        solver.silent()
        solver.passModel(programme)
        return solver

    def bounds(self, of: np.ndarray) -> tuple[float, float]:
        """Smallest and largest possible value of a sum of the unknown numbers."""
        self.solver = solver = self.solver or self._ready()
        ends = []
        for sign in (1.0, -1.0):
            solver.changeColsCost(self.size, np.arange(self.size, dtype=np.int32), sign * of)
            solver.run()
            status = solver.getModelStatus()
            assert status in (HighsModelStatus.kOptimal, HighsModelStatus.kUnbounded), status
            found = sign * solver.getObjectiveValue()
            ends.append(found if status == HighsModelStatus.kOptimal else -sign * np.inf)
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
        # Imprecise, not confidential: nobody, which he may know, or as many as the rules ask for.
        if flags[at] == "s" and year.counted[at] @ year.counts > 0:
            reader.above.append((year.counted[at], FEW))
    found = []
    for at in np.setdiff1d(year.secret, np.flatnonzero(year.is_amount)):
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
    size = (1 + len(ITEMS)) * len(KINDS)
    reader = Attacker(size * len(years))

    def wide(number: int, row: np.ndarray) -> np.ndarray:
        return np.concatenate([row if k == number else np.zeros(size) for k in range(len(years))])

    for number, (year, out) in enumerate(zip(years, outs, strict=True)):
        for at in np.flatnonzero(out["estimate"].notna()):
            estimate = float(out["estimate"].iloc[at])
            if out["statistic"].iloc[at] == "total":
                reader.equal.append((wide(number, year.above[at]), estimate))
            else:
                rows = [
                    wide(number, year.above[at] - end * year.below[at])
                    for end in _ends(out["indicator"].iloc[at], estimate)
                ]
                if len(rows) == 1:
                    reader.equal.append((rows[0], 0.0))
                else:
                    reader.above += [(rows[0], 0.0), (-rows[1], 0.0)]
    for one in [] if trends is None else trends[trends["estimate"].notna()].itertuples():
        parts = [wide(k, year.above[one.cell]) for k, year in enumerate(years)]
        signs = (-1.0, 1.0) if one.statistic == "change" else (0.5, 0.5)
        reader.equal.append((signs[0] * parts[0] + signs[1] * parts[1], one.estimate))
    found = []
    for number, year in enumerate(years):
        for at in year.secret:
            if year.table["indicator"].iloc[at].endswith("net"):
                continue
            true = year.above[at] @ year.weights
            low, high = reader.bounds(wide(number, year.above[at]))
            if high - low < 0.5 * true:
                found.append(f"{_name(year, at)}: {true:.0f} in {low:.0f}..{high:.0f}")
    return found


def _ends(indicator: str, estimate: float) -> list[float]:
    """Where a value lies: an index told in hundredths somewhere in its hundredth."""
    if indicator in ("indices.inequality", "indices.gini_total") and estimate == round(estimate, 2):
        return [estimate - 0.005, estimate + 0.005]
    return [estimate]


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
        key["p"] = np.nan
        rows.append(key | {"statistic": "change", "estimate": b - a})
        rows.append(key | {"statistic": "average", "estimate": (a + b) / 2})
    return pd.DataFrame(rows)
