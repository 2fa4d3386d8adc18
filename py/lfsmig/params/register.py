"""The typed content of indicators.yml: the register of exhibits."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from lfsmig.params.models import Code, Model, Text


def _whole_population() -> list[list[str]]:
    """Give the one table that an indicator makes unless it names others: the population."""
    return [[]]


class PublishedCell(Model):
    """One published figure and the cell that it is compared with."""

    figure: str
    category: Code | None = None
    domain: dict[str, Code] = Field(default_factory=dict)
    # `sign`: only whether it is above or below zero can be compared. `none`: it stands beside our
    # estimate of the nearest cell, if there is one, and is not compared, for the reason stated.
    compare: Literal["value", "sign", "none"] = "value"
    reason: Text | None = None
    # The figure is a change since this year.
    change_from: int | None = None


Published = Annotated[
    PublishedCell,
    BeforeValidator(lambda value: {"figure": value} if isinstance(value, str) else value),
]


class Indicator(Model):
    """One entry of the register of exhibits."""

    id: str
    population: str = "all"
    where: str | None = None
    statistic: Literal[
        "share", "mean", "total", "ratio", "median", "rate", "gini", "top_share", "index"
    ]  # fmt: skip
    of: str | None = None
    over: str | None = None
    per: float = Field(default=100, gt=0)
    # Of a top share: the fraction of the population whose part of the total it is.
    top: float = Field(default=0.1, gt=0, lt=1)
    # Of an index of flows (`of` names it): between places of which level; whether the bootstrap's
    # bias is taken out; the number of sampled movers that a connectivity is brought down to.
    level: str | None = None
    corrected: bool = False
    rarefied: int | None = Field(default=None, gt=0)
    # Of a mean: amounts above the quantile `winsorise_at` of country.yml count as it.
    winsorised: bool = False
    by: list[list[str]] = Field(default_factory=_whole_population)
    years: list[int] | None = None
    label: Text
    base: Text | None = None
    note: Text | None = None
    unit: str | None = None
    # Shown as an average over the spans of years that report.yml names under `pools`, never yearly.
    pooled: bool = False
    # A total that the weights are calibrated to has no sampling error; none is shown for it.
    calibrated: bool = False
    topic: str
    published: list[Published] = Field(default_factory=list)
