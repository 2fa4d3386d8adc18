"""The frame of the validation protocol: what a check is, what it finds, how it is judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from lfsmig.intake.harmonise import Harmonised
from lfsmig.params import Params
from lfsmig.params.models import CheckRule, Facts, PartRule

WORST = 5
# What is worse stands later.
GRADES = ("I", "W", "E")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Subject:
    """What a check looks at: one year, and the year before where it is known."""

    params: Params
    year: int
    data: Harmonised
    previous: Harmonised | None
    rule: CheckRule
    # Released tables of the year, where they are at hand.
    released: pd.DataFrame | None = None
    # What several checks need and is made once.
    shared: dict[str, Any] = field(default_factory=dict)
    # Readers of other years' records, by year; what they hold of `checks_years.COLUMNS`.
    others: Mapping[int, Callable[[], pd.DataFrame]] = field(default_factory=dict)

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """Make something the first time a check asks for it."""
        if name not in self.shared:
            try:
                self.shared[name] = make()
            except NotApplicable as reason:
                self.shared[name] = reason
        made = self.shared[name]
        if isinstance(made, NotApplicable):
            raise made
        return made

    @property
    def frame(self) -> pd.DataFrame:
        """Return the harmonised table."""
        return self.data.frame

    @property
    def facts(self) -> Facts:
        """Return what is known about the survey."""
        return self.params.country.facts

    def text(self, name: str) -> np.ndarray:
        """Return a column's codes, None where missing."""
        values = np.array(self.frame[name].astype(object), dtype=object)
        values[pd.isna(values)] = None
        return values

    def number(self, name: str) -> np.ndarray:
        """Return a column as floats."""
        return self.frame[name].to_numpy(dtype=float, na_value=np.nan)

    def known(self, name: str) -> np.ndarray:
        """Mark the records with a value."""
        return self.frame[name].notna().to_numpy(dtype=bool)

    def persons(self, failing: np.ndarray, base: np.ndarray | None = None) -> Finding:
        """Make a finding of person records; the base is everybody unless given."""
        total = len(self.frame) if base is None else int(base.sum())
        keys = []
        if "household_id" in self.frame and "person_no" in self.frame:
            rows = np.flatnonzero(failing)[:WORST]
            chosen = self.frame.iloc[rows]
            keys = [
                f"{household}/{'' if pd.isna(number) else number}"
                for household, number in zip(
                    chosen["household_id"], chosen["person_no"], strict=True
                )
            ]
        return Finding(int(failing.sum()), total, keys)


@dataclass(frozen=True)
class Finding:
    """How many of how many fail, keys of a few, and the measure if it is not their share.

    `counts` says what was counted: records, households, or something that is no secret.
    """

    count: int
    base: int
    worst: list[str] = field(default_factory=list)
    measure: float | None = None
    note: str = ""
    counts: str = "records"

    @property
    def share(self) -> float:
        """Return the share that fails."""
        return self.count / self.base if self.base else 0.0

    @property
    def value(self) -> float:
        """Return what is compared with the threshold."""
        return self.share if self.measure is None else self.measure


class NotApplicable(Exception):
    """A check cannot be made; the text says why."""


Parts = Mapping[str, Finding | NotApplicable]
"""What a check of several parts finds in each."""


@dataclass(frozen=True)
class Check:
    """One check of the protocol."""

    id: str
    needs: tuple[str, ...]
    function: Callable[[Subject], Finding | Parts]
    help: dict[str, str]


CHECKS: dict[str, Check] = {}
_Function = Callable[[Subject], Finding | Parts]


def check(identifier: str, *needs: str, en: str, th: str) -> Callable[[_Function], _Function]:
    """Register a check; `needs` are variables without which it is not applicable."""

    def register(function: _Function) -> _Function:
        CHECKS[identifier] = Check(identifier, needs, function, {"en": en, "th": th})
        return function

    return register


def fact(value: Any, name: str) -> Any:
    """Return a fact of country.yml, or end the check as not applicable."""
    if value is None:
        raise NotApplicable(f"the fact {name} is not stated in country.yml")
    return value


def before(subject: Subject) -> Harmonised:
    """Return the year before, or end the check as not applicable."""
    if subject.previous is None:
        raise NotApplicable("no earlier year to compare with")
    return subject.previous


def parts(**made: Callable[[], Finding]) -> Parts:
    """Make the parts of a check; one that cannot be made says why and leaves the others be."""
    found: dict[str, Finding | NotApplicable] = {}
    for name, make in made.items():
        try:
            found[name] = make()
        except NotApplicable as reason:
            found[name] = reason
    return found


def judge(one: Check, subject: Subject) -> dict[str, Any]:
    """Make one check and compare what it finds with its rule."""
    rule = subject.rule
    result: dict[str, Any] = {
        "id": one.id,
        "severity": rule.severity,
        **_nothing(rule),
        "help": one.help,
        "parts": [],
    }
    missing = [name for name in one.needs if name not in subject.frame]
    if missing:
        absent = subject.data.receipt.get("absent")
        why = absent.get(missing[0], "") if isinstance(absent, dict) else ""
        return result | {"reason": f"{missing[0]}: {why or 'not in this survey'}"}
    try:
        found = one.function(subject)
    except NotApplicable as reason:
        return result | {"reason": str(reason)}
    if isinstance(found, Finding):
        return result | _judged(found, rule)
    judged = [
        {"part": name}
        | (
            {"severity": own.severity, **_nothing(own), "reason": str(finding)}
            if isinstance(finding, NotApplicable)
            else {**_nothing(own), **_judged(finding, own)}
        )
        for name, finding in found.items()
        for own in [rule.parts.get(name, rule)]
    ]
    return result | _leading(judged) | {"parts": judged}


def _nothing(rule: PartRule) -> dict[str, Any]:
    return {
        "status": "not_applicable",
        "count": 0,
        "counts": "",
        "share": None,
        "threshold": rule.threshold,
        "stops": rule.stops,
        "reason": "",
        "worst": [],
    }


def _judged(found: Finding, rule: PartRule) -> dict[str, Any]:
    failed = found.value > rule.threshold + 1e-12
    severity = rule.severity
    if rule.error_above is not None and found.value > rule.error_above:
        severity = "E"
    return {
        "severity": severity,
        "status": "fail" if failed else "pass",
        "count": found.count,
        "counts": found.counts,
        "share": found.value,
        "reason": found.note,
        "worst": found.worst,
    }


def _leading(judged: list[dict[str, Any]]) -> dict[str, Any]:
    """Let the worst part speak for the check: what failed, the graver first, else what was made.

    The reasons of all parts that failed, or of all that were made, are told together.
    """
    grade = {"not_applicable": 0, "pass": 1, "fail": 2}
    lead = max(judged, key=lambda p: (grade[p["status"]], GRADES.index(p["severity"])))
    same = [p for p in judged if p["status"] == lead["status"] and p["reason"]]
    told = "; ".join(dict.fromkeys(p["reason"] for p in same))
    return {key: value for key, value in lead.items() if key != "part"} | {"reason": told}
