"""The frame of the validation protocol: what a check is, what it finds, how it is judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lfsmig.intake.harmonise import Harmonised
from lfsmig.params import Params
from lfsmig.params.models import CheckRule, Facts

WORST = 5


@dataclass(frozen=True)
class Subject:
    """What a check looks at: one year, and the year before where it is known."""

    params: Params
    year: int
    data: Harmonised
    previous: Harmonised | None
    rule: CheckRule

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


@dataclass(frozen=True)
class Check:
    """One check of the protocol."""

    id: str
    needs: tuple[str, ...]
    function: Callable[[Subject], Finding]
    help: dict[str, str]


CHECKS: dict[str, Check] = {}
_Function = Callable[[Subject], Finding]


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


def judge(one: Check, subject: Subject) -> dict[str, Any]:
    """Make one check and compare what it finds with its rule."""
    rule = subject.rule
    result: dict[str, Any] = {
        "id": one.id,
        "severity": rule.severity,
        "status": "not_applicable",
        "count": 0,
        "counts": "",
        "share": None,
        "threshold": rule.threshold,
        "reason": "",
        "worst": [],
        "help": one.help,
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
    failed = found.value > rule.threshold + 1e-12
    severity = rule.severity
    if rule.error_above is not None and found.value > rule.error_above:
        severity = "E"
    return result | {
        "severity": severity,
        "status": "fail" if failed else "pass",
        "count": found.count,
        "counts": found.counts,
        "share": found.value,
        "reason": found.note,
        "worst": found.worst,
    }
