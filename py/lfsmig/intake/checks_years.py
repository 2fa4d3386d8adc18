"""Checks of one year against all others: whether its records were another year's already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lfsmig.intake.protocol import Finding, NotApplicable, Parts, Subject, check, parts

# What a record is known by in any year, and what it is known by where keys were changed.
KEYED = ("household_id", "person_no", "sex", "age", "weight")
WEIGHED = ("stratum", "sex", "age", "weight")
COLUMNS = tuple(dict.fromkeys([*KEYED, *WEIGHED]))
ODD = np.uint64(0x9E3779B97F4A7C15)
# A weight's digits beyond this may come from the format of the file.
DIGITS = 4


@check(
    "K5",
    "weight",
    en="The records are not those of another year: neither persons by their key with the same sex, "
    "age and weight, nor weights by stratum, sex and age",
    th="ระเบียนไม่ซ้ำกับข้อมูลของปีอื่น ทั้งบุคคลที่รหัส เพศ อายุ และค่าถ่วงน้ำหนักตรงกัน "
    "และค่าถ่วงน้ำหนักที่ตรงกันตามชั้นภูมิ เพศ และอายุ",
)
def no_other_years_records(subject: Subject) -> Parts:
    others = subject.once("other years", lambda: _others(subject))

    def records() -> Finding:
        return _shared(subject, others, KEYED)

    def weights() -> Finding:
        return _shared(subject, others, WEIGHED)

    return parts(records=records, weights=weights)


def _others(subject: Subject) -> Mapping[int, pd.DataFrame]:
    found = {year: read() for year, read in sorted(subject.others.items()) if year != subject.year}
    if not found and subject.previous is not None:
        found = {subject.previous.year: subject.previous.frame}
    if not found:
        raise NotApplicable("no other year to compare with")
    return found


def _shared(subject: Subject, others: Mapping[int, pd.DataFrame], names: Sequence[str]) -> Finding:
    """Tell the year that most records are in already."""
    if missing := [name for name in names if name not in subject.frame]:
        raise NotApplicable(f"{missing[0]}: not in this survey")
    now = _prints(subject.frame, names)
    counts = {
        year: int(np.isin(now, _prints(frame, names)).sum())
        for year, frame in others.items()
        if set(names) <= set(frame.columns)
    }
    if not counts:
        raise NotApplicable("no other year to compare with")
    year = max(counts, key=lambda one: counts[one])
    note = f"{counts[year]} records are in {year} too; years looked at: {len(counts)}"
    return Finding(counts[year], len(now), note=note)


def _prints(frame: pd.DataFrame, names: Sequence[str]) -> np.ndarray:
    """Give each record a number that equal values of some columns share, in any year."""
    total: np.ndarray = np.zeros(len(frame), dtype=np.uint64)
    for name in names:
        values = frame[name]
        if pd.api.types.is_numeric_dtype(values):
            number = values.to_numpy(dtype=float, na_value=np.nan)
            values = pd.Series(number.round(DIGITS) if name == "weight" else number)
        # A code has the same number whatever list it stands in.
        one = pd.util.hash_pandas_object(values, index=False).to_numpy()
        total = (total ^ one) * ODD
        total ^= total >> np.uint64(29)
    return total
