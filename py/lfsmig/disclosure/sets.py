"""Whom a released number counts, and which of these sets add up.

The same persons are counted in many tables: a total, a rate times the population, a share times
its base, movers of all kinds less internal ones, the base of a table (`n`), the flows of an area.
So every number is first traced to *whom* it counts, a set of conditions such as (recent movers,
from abroad, region 1). Sets that add up make an equation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from lfsmig.concept_money import (
    MULTIPLES,
    SAME_PERSONS,
    SUMS,
    in_prices_of_the_year,
    sum_of,
)
from lfsmig.disclosure.streams import INDEX, is_of_streams
from lfsmig.indicators import FLOW_ITEMS, is_amount
from lfsmig.results import domain_codes
from lfsmig.winsorised import SUFFIX

if TYPE_CHECKING:
    from lfsmig.params import Indicator, Params
    from lfsmig.params.models import Grouping

Who = frozenset[tuple[str, str]]
"""Whom a cell counts: conditions that all hold."""
Line = tuple[tuple[Who, float], ...]
"""Sets with coefficients whose sum is a number that a reader knows."""
Links = Mapping[tuple[str, str], list[tuple[str, frozenset[str]]]]
"""A condition that is the sum of codes of another item: a region of its provinces, say."""

# Populations that are parts of another one are written as that one and a condition, so that the
# parts and the whole stand in one equation.
PARTS: dict[str, Who] = {
    "all": frozenset(),
    "recent_internal": frozenset({("population", "migrants"), ("migrant_type", "internal")}),
    "recent_international": frozenset(
        {("population", "migrants"), ("migrant_type", "international")}
    ),
    "lifetime_internal": frozenset({("population", "lifetime"), ("lifetime_type", "internal")}),
    "foreign_born": frozenset({("population", "lifetime"), ("lifetime_type", "foreign_born")}),
}
# Conditions that are no codes of an item: no whole is made of them.
WHOLE = ("where", "population", "known", "amount", "between", "gross", "net", "ratio", "spread",
         INDEX)  # fmt: skip
# Indices that are a multiple of all moves between places, and of the sum of the places' net numbers
# without their signs: the population is known.
OF_MOVES, OF_NETS = ("cmi", "courgeau_k"), ("mei", "anmr")
# What the items of an area's place of before are called.
ORIGINS = ("previous_", "birth_")


def population(name: str) -> Who:
    """Conditions that make a population."""
    return PARTS.get(name, frozenset({("population", name)}))


def base_of(indicator: Indicator, domain: str) -> Who:
    """Population, condition and domain of a table's cell, items known or not."""
    where = {("where", indicator.where)} if indicator.where else set()
    return population(indicator.population) | where | set(domain_codes(domain).items())


def numerator(indicator: Indicator, domain: str, category: str) -> Who | None:
    """What a cell's number counts or adds up; `None` where it is no sum (medians, for one)."""
    base = base_of(indicator, domain)
    if indicator.statistic == "share":
        return base | {(str(indicator.of), category)}
    if indicator.of in FLOW_ITEMS:
        [(level, code)] = domain_codes(domain).items() or [("", "")]
        return flow(str(indicator.of), level, code)
    if indicator.statistic in ("index", "rate"):
        name = str(indicator.of)
        return base | population(name) if indicator.statistic == "rate" else _of_index(indicator)
    if indicator.statistic == "total" and indicator.of is None:
        return base
    if is_amount(indicator) and indicator.statistic in ("mean", "total", "ratio"):
        # A ratio adds up only those of whom both amounts are known.
        both = {("known", str(indicator.over))} if indicator.statistic == "ratio" else set()
        return base | {("amount", amount(indicator))} | both
    return None


def amount(indicator: Indicator) -> str:
    """Name the sum behind an amount: cut amounts add up to another one."""
    name = sum_of(str(indicator.of))
    return name + SUFFIX if indicator.winsorised else name


def denominator(indicator: Indicator, domain: str) -> tuple[Who, float]:
    """The sum below the line of a ratio of amounts, and which multiple of it stands there."""
    of, times = MULTIPLES.get(str(indicator.over), (str(indicator.over), 1.0))
    both = {("known", in_prices_of_the_year(str(indicator.of)))}
    return base_of(indicator, domain) | {("amount", sum_of(of))} | both, times


def _of_index(indicator: Indicator) -> Who | None:
    """What an index of flows is a multiple of; one of single streams is a number of its own."""
    name, level = str(indicator.of), str(indicator.level)
    if is_of_streams(indicator):
        return moves_between(level) | {(INDEX, indicator.id)}
    if name in OF_MOVES:
        return moves_between(level)
    return moves_between(level) | {("spread", level)} if name in OF_NETS else None


def moves_between(level: str) -> Who:
    """Everybody who moved from one place of a level to another."""
    return population("recent_internal") | {("between", level)}


def flow(item: str, level: str, code: str) -> Who | None:
    """In-movers of an area, its out-movers, or both, which a net number gives with its cases."""
    movers = population("recent_internal")
    if item == "in_migration":
        return movers | {(level, code), ("between", level)}
    if item == "out_migration":
        return movers | {(f"previous_{level}", code), ("between", level)}
    return None if item == "residents" else movers | {("gross", level), (level, code)}


def base_known(indicator: Indicator, domain: str) -> Who | None:
    """Whom a cell's `n` counts: the base with the item known; `None` for flows (all persons)."""
    if indicator.of in FLOW_ITEMS:
        return None
    base = base_of(indicator, domain)
    if indicator.of is None:
        return base
    return base | {("known", in_prices_of_the_year(str(indicator.of)))}


def stream(level: str, origin: str, destination: str) -> Who:
    """Movers from one place of a level to another."""
    return population("recent_internal") | {(f"previous_{level}", origin), (level, destination)}


def plain(who: Who) -> Who:
    """A set without the condition that an item is known."""
    return frozenset(condition for condition in who if condition[0] != "known")


def balance(gross: Who) -> Who:
    """The net number of an area whose in- and out-movers together are `gross`."""
    return frozenset(("net" if key == "gross" else key, code) for key, code in gross)


@cache
def owner(who: Who) -> Who:
    """The set whose rows show a number: its own, a balance its moves', a ratio its share's."""
    return frozenset(("gross" if key == "net" else key, code) for key, code in who if key != RATIO)


def slack(who: Who, base: Who = frozenset()) -> Who:
    """What a share may differ from its stated ratio to a base: nothing, while it is shown."""
    return who | {(RATIO, ", ".join(f"{key} {code}" for key, code in sorted(base)))}


def is_origin_destination(who: Who) -> bool:
    """Whether a set crosses a place of before with a place of now: few go from here to there."""
    keys = {key for key, _ in who}
    before = {key.removeprefix(start) for key in keys for start in ORIGINS if key.startswith(start)}
    return bool(before & keys)


NOT = "not "
RATIO = "ratio"
REST = "rest"
# Below this part of a whole a difference is rounding.
NOTHING = 1e-9


def rest_of(who: Who) -> Who | None:
    """Persons of a set without its condition who do not fulfil it; `None` where it has none."""
    where = dict(who).get("where")
    if where is None or where.startswith(NOT):
        return None
    return who - {("where", where)} | {("where", NOT + where)}


def equations(sets: Collection[Who], cases: Mapping[Who, float], links: Links) -> list[Line]:
    """All sums of sets: codes of an item and their whole, flows, coarser codes of finer ones."""
    known = {plain(who): who for who in sets if plain(who) != who}
    families: dict[tuple[Who, str], list[Who]] = defaultdict(list)
    for who in sorted(sets, key=sorted):
        for condition in who:
            if condition[0] not in WHOLE:
                families[who - {condition}, condition[0]].append(who)
    lines: list[Line] = []
    for (whole, item), parts in families.items():
        for name in sorted({whole, whole | {("known", item)}} & set(sets), key=sorted):
            # Parts that no table shows are not known either.
            gap = cases[name] - sum(cases[part] for part in parts) > NOTHING * cases[name]
            rest: Line = ((name | {(REST, item)}, 1.0),) if gap else ()
            lines.append((*((part, 1.0) for part in parts), *rest, (name, -1.0)))
    for who in sets:
        others = rest_of(who)
        if others in sets and others is not None:
            whole = frozenset(c for c in who if c[0] != "where")
            lines.append(((who, 1.0), (others, 1.0), (whole, -1.0)))
    lines += _flow_lines(sets, cases)
    lines += _linked(sets, links)
    lines += _sums_of_amounts(sets)
    lines += _unknown(known, cases)
    return list(dict.fromkeys(lines))


def _flow_lines(sets: Collection[Who], cases: Mapping[Who, float]) -> list[Line]:
    """In-movers are the movers of a place less those within it, and come from all the others.

    All moves between places are the in-movers of every place, and the out-movers.
    """
    have = set(sets)
    lines: list[Line] = []
    sides: dict[tuple[str, str], list[Who]] = defaultdict(list)
    crossing = (w for w in have if dict(w).keys() >= {"between"} and w != moves_between(_level(w)))
    numbers = {"spread", INDEX}
    for who in sorted((w for w in crossing if numbers.isdisjoint(dict(w))), key=sorted):
        level = _level(who)
        rest = who - {("between", level)}
        key = level if level in dict(rest) else f"previous_{level}"
        code = dict(rest)[key]
        other = f"previous_{level}" if key == level else level
        sides[level, key].append(who)
        within = rest | {(other, code)}
        if rest in have and within in have:
            lines.append(((who, 1.0), (within, 1.0), (rest, -1.0)))
        cells = [w for w in have if w > rest and len(w) == len(rest) + 1 and other in dict(w)]
        if others := sorted((w for w in cells if dict(w)[other] != code), key=sorted):
            lines.append((*((w, 1.0) for w in others), (who, -1.0)))
        movers = population("recent_internal") | {("gross", level), (level, code)}
        back = movers - {("gross", level), (level, code)} | {(other, code), ("between", level)}
        if key == level and movers in have and back in have:
            lines.append(((who, 1.0), (back, 1.0), (movers, -1.0)))
    for (level, _), parts in sides.items():
        whole = moves_between(level)
        if whole in have:
            gap = cases[whole] - sum(cases[part] for part in parts) > NOTHING * cases[whole]
            rest_moves: Line = ((whole | {(REST, level)}, 1.0),) if gap else ()
            lines.append((*((part, 1.0) for part in parts), *rest_moves, (whole, -1.0)))
    for (level, key), arrived in sides.items():
        left = sides.get((level, f"previous_{level}"))
        if key == level and left and len(left) == len(arrived):
            lines.append((*((w, 1.0) for w in arrived), *((w, -1.0) for w in left)))
    return lines


def _level(who: Who) -> str:
    return dict(who)["between"]


def balances(sets: Collection[Who], signs: Mapping[Who, float]) -> list[Line]:
    """Net numbers are in-movers less out-movers, now less before, and add up to zero.

    An index tells their sum without signs, and signs are no secret: `signs` by moves in and out.
    """
    have = set(sets)
    movers = population("recent_internal")
    found: dict[str, list[Who]] = defaultdict(list)
    lines: list[Line] = []
    for who in sorted((w for w in have if any(k == "gross" for k, _ in w)), key=sorted):
        level = dict(who)["gross"]
        code = dict(who)[level]
        found[level].append(balance(who))
        now, before = movers | {(level, code)}, movers | {(f"previous_{level}", code)}
        for crossing in (frozenset({("between", level)}), frozenset[tuple[str, str]]()):
            came, left = now | crossing, before | crossing
            if came in have and left in have:
                lines.append(((came, 1.0), (left, -1.0), (balance(who), -1.0)))
    for level, every in found.items():
        lines.append(tuple((who, 1.0) for who in every))
        spread = moves_between(level) | {("spread", level)}
        signed = [(who, signs.get(owner(who), 0.0)) for who in every]
        if spread in have and all(sign for _, sign in signed):
            lines.append((*signed, (spread, -1.0)))
    return lines


def areas(sets: Collection[Who], links: Links) -> list[Line]:
    """Net numbers of places add up to that of their area; flows of a place that is an area are its.

    Moves between the places of an area are flows of the places and none of the area.
    """
    have = set(sets)
    movers = population("recent_internal")
    lines: list[Line] = []
    for who in sorted((w for w in have if "gross" in dict(w)), key=sorted):
        level = dict(who)["gross"]
        code = dict(who)[level]
        for finer, codes in links.get((level, code), ()):
            parts = [movers | {("gross", finer), (finer, one)} for one in sorted(codes)]
            if not have.issuperset(parts):
                continue
            lines.append((*((balance(part), 1.0) for part in parts), (balance(who), -1.0)))
            if len(parts) == 1:
                [(one)] = codes
                pairs = [(parts[0], who)] + [
                    (movers | {(start + finer, one), ("between", finer)},
                     movers | {(start + level, code), ("between", level)})
                    for start in ("", "previous_")
                ]  # fmt: skip
                lines += [((a, 1.0), (b, -1.0)) for a, b in pairs if {a, b} <= have]
    return lines


def _linked(sets: Collection[Who], links: Links) -> list[Line]:
    """A coarse code, or a condition on an item, is the sum of the finer codes in it."""
    have = set(sets)
    lines: list[Line] = []
    for who in sorted(have, key=sorted):
        for condition in who:
            for item, codes in links.get(condition, ()):
                rest = who - {condition}
                parts = [rest | {(item, code)} for code in sorted(codes)]
                if found := [part for part in parts if part in have]:
                    lines.append((*((part, 1.0) for part in found), (who, -1.0)))
    return lines


def _sums_of_amounts(sets: Collection[Who]) -> list[Line]:
    """What was sent is the money sent and the value of the goods sent."""
    have = set(sets)
    lines: list[Line] = []
    for who in sorted(have, key=sorted):
        whole = dict(who).get("amount", "")
        rest = who - {("amount", whole)}
        parts = [rest | {("amount", name)} for name in SUMS.get(whole, ())]
        if parts and have.issuperset(parts):
            lines.append((*((part, 1.0) for part in parts), (who, -1.0)))
    return lines


def _unknown(known: Mapping[Who, Who], cases: Mapping[Who, float]) -> list[Line]:
    """Persons with an item less those with another may be a population: birthplace unknown, say.

    Found by their number; one that is equal by chance protects a little more than it must.
    """
    lines: list[Line] = []
    for base, narrow in known.items():
        if base in cases and (gap := cases[base] - cases[narrow]) > 0:
            for who, number in cases.items():
                if number == gap and who > base and {k for k, _ in who - base} == {"population"}:
                    lines.append(((narrow, 1.0), (who, 1.0), (base, -1.0)))
    return lines


def links(params: Params) -> Links:
    """Conditions that are sums of codes of other items, as the parameters define them."""
    found: dict[tuple[str, str], list[tuple[str, frozenset[str]]]] = defaultdict(list)
    groupings = params.country.groupings
    for name, grouping in groupings.items():
        for group, codes in _grouped(params, grouping).items():
            found[name, group].append((grouping.of, frozenset(codes)))
    banded = {name: g for name, g in groupings.items() if g.bands is not None}
    wheres = dict.fromkeys(i.where for i in params.indicators if i.where)
    for name, grouping in banded.items():
        bands = grouping.bands or {}
        for other, finer in banded.items():
            for group, band in bands.items() if other != name and finer.of == grouping.of else ():
                if inside := _inside(_within(band), finer.bands or {}):
                    found[name, group].append((other, inside))
        for where in wheres:
            if inside := _inside(_holds(where, grouping.of), bands):
                found["where", where].append((name, inside))
                found["where", NOT + where].append((name, frozenset(set(bands) - inside)))
    places: dict[str, set[str]] = defaultdict(set)
    for place, region in params.region_of().items():
        places[region].add(place)
    for condition, same in SAME_PERSONS.items():
        found[condition] += [same] if same[0] in params.variables else []
    for start in ("", *ORIGINS):
        for region, provinces in places.items():
            found[f"{start}region", region].append((f"{start}province", frozenset(provinces)))
    return found


def _grouped(params: Params, grouping: Grouping) -> Mapping[str, set[str]]:
    """Codes in each group of a grouping by codes."""
    coarse: dict[str, set[str]] = defaultdict(set)
    if grouping.codes is not None and params.variables[grouping.of].type == "category":
        rest = grouping.codes.get("other")
        for fine in params.codes(grouping.of):
            if group := grouping.codes.get(fine, rest):
                coarse[group].add(fine)
    return coarse


HIGHEST = 130  # above any age or number of moves: where an open band is looked at


def _band(band: Any) -> range:
    low, high = (None if limit is None else int(limit) for limit in band)
    return range(low or 0, (HIGHEST if high is None else high) + 1)


def _within(band: Any) -> Any:
    numbers = _band(band)
    return lambda number: number in numbers


def _holds(where: str, item: str) -> Any:
    """A condition as a test of a number; one on other columns too never holds."""
    import pandas as pd

    numbers = pd.DataFrame({item: np.arange(HIGHEST + 1)})
    try:
        chosen = np.asarray(numbers.eval(where), dtype=bool)
    except Exception:
        return lambda number: None
    return lambda number: bool(chosen[number])


def _inside(test: Any, bands: Mapping[str, Any]) -> frozenset[str]:
    """Codes of bands that make up all that passes a test; none if a band is half in."""
    inside = set()
    for code, band in bands.items():
        passed = {test(number) for number in _band(band)}
        if passed == {True}:
            inside.add(code)
        elif passed != {False}:
            return frozenset()
    return frozenset(inside)
