"""How much of what an indicator rests on is unknown: places of birth, previous places, amounts.

Above limits of `rules.yml` (`publication.item_nonresponse`) every number of an indicator that rests
on such an item is flagged, and above a second limit it is not published: the limits are those of
the European Union's Labour Force Survey for unknown answers (methods.md, section 7, M8 and R6).
Which indicators rest on an item is no list kept by hand. The register of exhibits says which
columns an indicator reads, the register of concepts what these are made of, down to the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lfsmig.concept_base import CONCEPTS, Frame, foreign_mask, is_known
from lfsmig.concepts import needs_of, origin_of
from lfsmig.indicators import FLOW_ITEMS, columns_needed
from lfsmig.results import domain_codes

if TYPE_CHECKING:
    from lfsmig.params import Indicator, Params

# Rows of `quality.rates` that hold these shares.
KIND = "unknown"
Masks = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Item:
    """An answer that indicators rest on: its columns, and who is asked and whose is unknown."""

    name: str
    columns: frozenset[str]
    masks: Callable[[Frame], Masks | None]


def _birth_country(frame: Frame) -> Masks | None:
    """Of everybody: neither a country nor a province of birth is known."""
    if not frame.has("birth_country"):
        return None
    unknown = ~is_known(frame.text("birth_country"))
    if frame.has("birth_province"):
        unknown &= ~is_known(frame.text("birth_province"))
    return np.ones(len(unknown), bool), unknown


def _birth_province(frame: Frame) -> Masks | None:
    """Of those who are not known to be born abroad: the province of birth is unknown."""
    if not frame.has("birth_province"):
        return None
    asked = ~foreign_mask(frame)
    return asked, asked & ~is_known(frame.text("birth_province"))


def _previous_country(frame: Frame) -> Masks | None:
    """Of movers: whether they came from inside the country or from abroad is unknown."""
    if not frame.has("moved") or not (frame.has("previous_country") or frame.has("previous_area")):
        return None
    moved = np.asarray(frame.text("moved") == "yes", dtype=bool)
    inside, outside = origin_of(frame)
    return moved, moved & ~inside & ~outside


def _previous_province(frame: Frame) -> Masks | None:
    """Of movers who are not known to have come from abroad: the previous province is unknown."""
    if not frame.has("moved", "previous_province"):
        return None
    asked = np.asarray(frame.text("moved") == "yes", dtype=bool) & ~origin_of(frame)[1]
    return asked, asked & ~is_known(frame.text("previous_province"))


def _amount(frame: Frame) -> Masks | None:
    """Of senders: an amount of money or the value of goods is unknown, so that the sum is."""
    columns = ("remittance_cash", "remittance_goods")
    if not frame.has("sent_remittances", *columns):
        return None
    sent = np.asarray(frame.text("sent_remittances") == "yes", dtype=bool)
    stated = np.isfinite(np.vstack([frame.number(name) for name in columns])).all(axis=0)
    return sent, sent & ~stated


PLACES = ("birth_country", "birth_province", "previous_country", "previous_province")
AMOUNT = "remittance_amount"
ITEMS: dict[str, Item] = {
    name: Item(name, frozenset(columns), masks)
    for name, columns, masks in (
        ("birth_country", ("birth_country",), _birth_country),
        ("birth_province", ("birth_province",), _birth_province),
        ("previous_country", ("previous_country", "previous_area"), _previous_country),
        ("previous_province", ("previous_province",), _previous_province),
        (AMOUNT, ("remittance_cash", "remittance_goods"), _amount),
    )
}


@dataclass(frozen=True)
class Unknown:
    """Who is asked for an item, whose answer is unknown, and the shares of a year (0-1)."""

    item: str
    asked: np.ndarray
    missing: np.ndarray
    rate: float
    rate_weighted: float

    @property
    def share(self) -> float:
        """Return what is compared with the limits: the larger of the two shares."""
        return float(np.fmax(self.rate, self.rate_weighted))


def unknown_items(
    params: Params, year: int, table: pd.DataFrame, names: Iterable[str] = tuple(ITEMS)
) -> list[Unknown]:
    """Measure what is unknown of the items that a year asks for.

    Parameters
    ----------
    params
        The survey's parameters.
    year
        The year (CE).
    table
        The harmonised table, one row per person.
    names
        Items of `ITEMS`; all unless given.

    Returns
    -------
    list of Unknown
        One for each item that somebody is asked for; shares unweighted and weighted.
    """
    frame = Frame(table, params, year)
    weight = np.ones(len(table))
    if "weight" in table:
        weight = np.nan_to_num(table["weight"].to_numpy(dtype=float, na_value=np.nan))
    found = []
    for name in names:
        masks = ITEMS[name].masks(frame)
        if masks is None or not masks[0].any():
            continue
        asked, missing = masks
        total = weight[asked].sum()
        weighted = float(weight[missing].sum() / total) if total > 0 else float("nan")
        found.append(Unknown(name, asked, missing, float(missing.sum() / asked.sum()), weighted))
    return found


def answers_behind(params: Params, columns: Iterable[str]) -> set[str]:
    """Follow columns of the analysis frame down to the answers that they are made of.

    Of answers of which one is enough all count as read: which one decides differs by person.
    """
    seen: set[str] = set()
    open_ = list(columns)
    while open_:
        name = open_.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in params.country.groupings:
            open_.append(params.country.groupings[name].of)
        if name in CONCEPTS:
            open_ += needs_of(CONCEPTS[name], params)
    return seen


def rests_on(params: Params, indicator: Indicator, by: Iterable[str] = ()) -> list[str]:
    """Items that an indicator rests on in a table by some columns."""
    # The table of an area's own flow says what it is; others are looked at one by one.
    of_areas = indicator.of in FLOW_ITEMS
    whole = indicator if of_areas else indicator.model_copy(update={"by": []})
    behind = answers_behind(params, [*columns_needed(whole), *by])
    return [name for name, one in ITEMS.items() if one.columns & behind]


def unknown_share(
    params: Params, estimates: pd.DataFrame, shares: Mapping[str, float]
) -> np.ndarray:
    """Return for each row of estimates the largest unknown share of what it rests on.

    Parameters
    ----------
    params
        Register of exhibits and of groupings.
    estimates
        Rows with `indicator` and `domain`.
    shares
        Unknown share by item, of the year.

    Returns
    -------
    array of float
        One per row, 0 where it rests on no such item.
    """
    register = {one.id: one for one in params.indicators}
    made: dict[tuple[str, str], float] = {}
    out = np.zeros(len(estimates))
    for place, (name, domain) in enumerate(
        zip(estimates["indicator"], estimates["domain"], strict=True)
    ):
        by = ",".join(sorted(domain_codes(domain)))
        key = (name, by)
        if key not in made:
            items = (
                rests_on(params, register[name], domain_codes(domain)) if name in register else []
            )
            made[key] = max((shares.get(item, 0.0) for item in items), default=0.0)
        out[place] = made[key]
    return out


def shares_of(rates: pd.DataFrame) -> dict[str, float]:
    """Unknown share by item from rows of `quality.rates`: the larger of both."""
    rows = rates[rates["kind"].eq(KIND) & rates["domain"].eq("{}")]
    larger = np.fmax(
        rows["rate"].to_numpy(dtype=float), rows["rate_weighted"].to_numpy(dtype=float)
    )
    return dict(zip(rows["item"], map(float, larger), strict=True))


def touched(params: Params, item: str) -> list[str]:
    """Ids of the indicators that rest on an item in every table or in one of them."""
    return [
        one.id
        for one in params.indicators
        if any(item in rests_on(params, one, by) for by in one.by)
    ]
