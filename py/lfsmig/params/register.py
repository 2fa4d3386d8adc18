"""The typed content of indicators.yml: the register of exhibits."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from lfsmig.params.models import Code, Model, Text, Year


def _whole_population() -> list[list[str]]:
    """Give the one table that an indicator makes unless it names others: the population."""
    return [[]]


class Addend(Model):
    """A further cell of the same indicator whose estimate a published figure includes."""

    category: Code | None = None
    domain: dict[str, Code] = Field(default_factory=dict)


class PublishedCell(Model):
    """One published figure or statement, and the cells that it is compared with."""

    figure: str
    category: Code | None = None
    domain: dict[str, Code] = Field(default_factory=dict)
    # Of a figure that covers several of our cells: the others.
    plus: list[Addend] = Field(default_factory=list)
    # What such a sum is called.
    label: Text | None = None
    # `sign`: only whether it is above or below zero can be compared. `bound`: the figure is a
    # limit. `rank`: the figure is a statement on an order. `none`: it stands beside our estimate
    # of the nearest cell, if there is one, and is not compared, for the reason stated.
    compare: Literal["value", "sign", "bound", "rank", "none"] = "value"
    reason: Text | None = None
    # The figure is a change since this year.
    change_from: int | None = None
    # Of a statement without a number: the sign that it states of every year.
    sign: Literal[-1, 1] | None = None
    # Which side of the limit all years lie on.
    bound: Literal["above", "below"] | None = None
    # Order of the categories in every year, from the largest and from the smallest on; codes in
    # one list stand beside each other, in either order.
    top: list[Code | list[Code]] = Field(default_factory=list)
    bottom: list[Code | list[Code]] = Field(default_factory=list)
    # Order of years: each of the first below each of the second.
    lower: list[Year] = Field(default_factory=list)
    higher: list[Year] = Field(default_factory=list)

    @model_validator(mode="after")
    def _says_what_is_compared(self) -> Self:
        ranked = bool(self.top or self.bottom or (self.lower and self.higher))
        if (self.compare == "rank") != ranked:
            raise ValueError("`compare: rank` needs `top`, `bottom` or `lower` with `higher`")
        if (self.compare == "bound") != (self.bound is not None):
            raise ValueError("`compare: bound` needs `bound: above` or `bound: below`")
        if bool(self.plus) != (self.label is not None):
            raise ValueError("a sum of cells (`plus`) needs a `label`, and nothing else has one")
        if self.sign is not None and self.compare != "sign":
            raise ValueError("`sign` needs `compare: sign`")
        return self


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
