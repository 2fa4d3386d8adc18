"""Amounts of money: what was sent and earned, at the prices of the year and of the base year.

An amount at base-year prices is the same answer times one number that everybody knows; cash and
goods add up to what was sent. Whoever may be counted through one of them is counted through the
others too: disclosure control reads these identities here, where the items are made.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lfsmig.concept_base import Frame, Values, item
from lfsmig.errors import ParameterError

# Items at base-year prices, and the item at the prices of the year that they are made of.
NOMINAL: Mapping[str, str] = {
    "remittance_amount_real": "remittance_amount",
    "cash_sent_real": "cash_sent",
    "goods_sent_real": "goods_sent",
    "monthly_wage_real": "monthly_wage",
}
# Items that are other items with zeros: they add up to the same sum.
WITH_ZEROS: Mapping[str, str] = {"remittance_or_zero_real": "remittance_amount_real"}
# Items that are a multiple of another one.
MULTIPLES: Mapping[str, tuple[str, float]] = {"annual_wage": ("monthly_wage", 12.0)}
# Amounts that are the sum of others, person by person.
SUMS: Mapping[str, tuple[str, ...]] = {"remittance_amount": ("cash_sent", "goods_sent")}
# Conditions that hold for whoever has one of these codes of another item, and nobody else.
# "known": the item is not empty.
SAME_PERSONS: Mapping[tuple[str, str], tuple[str, frozenset[str]]] = {
    ("sent_remittances", "no"): ("remittance_kind", frozenset({"none"})),
    ("known", "remittance_amount"): ("remittance_kind", frozenset({"cash", "goods", "both"})),
    ("known", "cash_sent"): ("remittance_kind", frozenset({"cash", "both"})),
    ("known", "goods_sent"): ("remittance_kind", frozenset({"goods", "both"})),
}
_SENT = ("sent_remittances", "remittance_cash", "remittance_goods")
# What items at base-year prices need beside their amounts; without it they are absent.
PRICES = "@prices"


def in_prices_of_the_year(name: str) -> str:
    """Name the item that an item at base-year prices is made of; any other is its own."""
    return NOMINAL.get(name, name)


def sum_of(name: str) -> str:
    """Name the item, at the prices of the year, whose sum is an item's sum times a known price."""
    return in_prices_of_the_year(WITH_ZEROS.get(name, name))


@item(*_SENT)
def remittance_amount(frame: Frame) -> Values:
    """Cash and goods that a sender sent in the year; empty unless both amounts are stated."""
    amount = frame.number("remittance_cash") + frame.number("remittance_goods")
    return np.where(frame.text("sent_remittances") == "yes", amount, np.nan)


@item(*_SENT)
def remittance_kind(frame: Frame) -> Values:
    """What was sent: `cash` alone, `goods` alone, `both`, or `none`.

    Empty where the question was not answered, where one of the amounts is not stated, and where a
    sender states zero for both.
    """
    answer = frame.text("sent_remittances")
    cash, goods = frame.number("remittance_cash"), frame.number("remittance_goods")
    stated = (answer == "yes") & ~np.isnan(cash) & ~np.isnan(goods)
    kind = np.full(len(answer), None, dtype=object)
    kind[answer == "no"] = "none"
    kind[stated & (cash > 0) & (goods > 0)] = "both"
    kind[stated & (cash > 0) & (goods == 0)] = "cash"
    kind[stated & (cash == 0) & (goods > 0)] = "goods"
    return kind


@item("remittance_kind")
def cash_sent(frame: Frame) -> Values:
    """Cash of those who sent some, among senders who stated both amounts."""
    sent = np.isin(frame.text("remittance_kind").astype(str), ("cash", "both"))
    return np.where(sent, frame.number("remittance_cash"), np.nan)


@item("remittance_kind")
def goods_sent(frame: Frame) -> Values:
    """Value of goods of those who sent some, among senders who stated both amounts."""
    sent = np.isin(frame.text("remittance_kind").astype(str), ("goods", "both"))
    return np.where(sent, frame.number("remittance_goods"), np.nan)


def deflator(frame: Frame) -> float:
    """Prices of the base year over those of the year, by the table that country.yml names."""
    prices = frame.params.country.prices
    assert prices is not None
    series = {row[prices.year]: row[prices.value] for row in frame.params.table(prices.table)}
    for year in (prices.base_year, frame.year):
        if not series.get(str(year)):
            raise ParameterError(
                f"{frame.params.shown(frame.params.dir / prices.table)}: no value of "
                f"{prices.value} for {year}; add the row"
            )
    return float(series[str(prices.base_year)]) / float(series[str(frame.year)])


@item(*_SENT, PRICES)
def remittance_amount_real(frame: Frame) -> Values:
    """The amount sent at the prices of the base year in country.yml."""
    return frame.number("remittance_amount") * deflator(frame)


@item("cash_sent", PRICES)
def cash_sent_real(frame: Frame) -> Values:
    """Cash sent at the prices of the base year."""
    return frame.number("cash_sent") * deflator(frame)


@item("goods_sent", PRICES)
def goods_sent_real(frame: Frame) -> Values:
    """Value of goods sent at the prices of the base year."""
    return frame.number("goods_sent") * deflator(frame)


@item(*_SENT, PRICES)
def remittance_or_zero_real(frame: Frame) -> Values:
    """The amount at base-year prices, with zero for those asked who sent nothing."""
    answer = frame.text("sent_remittances")
    return np.where(answer == "no", 0.0, frame.number("remittance_amount_real"))


@item("monthly_wage")
def annual_wage(frame: Frame) -> Values:
    """Twelve monthly wages."""
    of, times = MULTIPLES["annual_wage"]
    return times * frame.number(of)


@item("monthly_wage", PRICES)
def monthly_wage_real(frame: Frame) -> Values:
    """The monthly wage at the prices of the base year."""
    return frame.number("monthly_wage") * deflator(frame)
