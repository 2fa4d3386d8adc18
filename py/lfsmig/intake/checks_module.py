"""Checks of the migration module: who answers, durations, reasons, households that moved."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from lfsmig.intake.protocol import Finding, NotApplicable, Parts, Subject, before, check, parts

# Asked only of those who moved.
MOVER_ITEMS = (
    "months_since_move",
    "previous_province",
    "previous_country",
    "previous_area",
    "reason",
    "register",
    "expected_stay",
    "number_of_moves",
    "sent_remittances",
)
WORK_REASONS = ("look_for_work", "job_duty", "change_job", "more_income")
MONTHS_A_YEAR = 12


def _moved(subject: Subject) -> np.ndarray:
    return np.asarray(subject.text("moved") == "yes", dtype=bool)


@check(
    "M1",
    "moved",
    en="Questions on the move are answered by those who moved, and by nobody else",
    th="ผู้ย้ายถิ่นเท่านั้นที่ตอบคำถามเกี่ยวกับการย้าย",
)
def skip_pattern(subject: Subject) -> Parts:
    items = [name for name in MOVER_ITEMS if name in subject.frame]
    if not items:
        raise NotApplicable("the survey asks movers nothing further")
    moved = _moved(subject)
    answered = subject.frame[items].notna().any(axis=1).to_numpy()
    return parts(
        stayers=lambda: subject.persons(~moved & answered, ~moved),
        movers=lambda: subject.persons(moved & ~answered, moved),
    )


@check(
    "M3",
    "moved",
    "age",
    en="The time since the move is under the window, the move came after birth, and nobody lives "
    "here longer than alive",
    th="ระยะเวลาหลังการย้ายไม่เกินช่วงอ้างอิง การย้ายเกิดขึ้นหลังเกิด และไม่มีผู้ใดอยู่นานกว่าอายุ",
)
def duration_possible(subject: Subject) -> Finding:
    moved, age = _moved(subject), subject.number("age")
    wrong = np.zeros(len(moved), bool)
    if "months_since_move" in subject.frame:
        months = subject.number("months_since_move")
        wrong |= (months >= subject.params.country.definitions.window_months) | (months < 0)
        # Age counts completed years: someone of age 0 is under twelve months old.
        wrong |= months >= MONTHS_A_YEAR * (age + 1)
    if "years_here" in subject.frame:
        years = subject.number("years_here")
        wrong |= (years > age) | (moved & (years >= 1))
    elif "months_since_move" not in subject.frame:
        raise NotApplicable("the survey does not ask for the time since the move")
    infants = int((moved & (age == 0)).sum())
    return replace(subject.persons(wrong), note=f"{infants} infants among the movers")


@check(
    "M5",
    "reason",
    "birth_province",
    "province",
    en="The share of those returning home who were not born in the province is that of last year",
    th="สัดส่วนผู้ย้ายกลับภูมิลำเนาที่ไม่ได้เกิดในจังหวัดปัจจุบันใกล้เคียงกับปีก่อน",
)
def return_elsewhere(subject: Subject) -> Finding:
    then = before(subject).frame
    if not {"reason", "birth_province", "province"} <= set(then.columns):
        raise NotApplicable("the earlier year does not ask for reason and place of birth")
    (elsewhere, back), (elsewhere_then, back_then) = (
        _elsewhere(frame) for frame in (subject.frame, then)
    )
    few = subject.rule.min_cases
    if back.sum() < few or back_then.sum() < few:
        raise NotApplicable("too few returned home to compare")
    shares = elsewhere.sum() / back.sum(), elsewhere_then.sum() / back_then.sum()
    note = f"{shares[0]:.1%}, the year before {shares[1]:.1%}"
    found = subject.persons(elsewhere, back)
    return replace(found, measure=abs(shares[0] - shares[1]), note=note)


def _elsewhere(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Mark who returns home to a province of another birth, and who returns home at all."""
    back = (frame["reason"] == "return_home") & frame["birth_province"].notna()
    here = frame["birth_province"].astype(object) == frame["province"].astype(object)
    return (back & ~here).to_numpy(dtype=bool), back.to_numpy(dtype=bool)


@check(
    "M6",
    "reason",
    "age",
    en="Reasons fit the age: study from 5 to 35, work from the labour age",
    th="สาเหตุการย้ายสอดคล้องกับอายุ (ศึกษาต่อ 5–35 ปี ด้านการงานตั้งแต่วัยแรงงาน)",
)
def reason_fits_age(subject: Subject) -> Finding:
    reason, age = subject.text("reason"), subject.number("age")
    study = (reason == "study") & ((age < 5) | (age > 35))
    work = np.isin(reason.astype(str), WORK_REASONS) & (age < subject.params.country.labour_age)
    return subject.persons(study | work, subject.known("reason"))


@check(
    "M7",
    "moved",
    "household_id",
    en="Households whose members all moved, but from different places or in different months",
    th="ครัวเรือนที่สมาชิกทุกคนย้ายถิ่น แต่มาจากต่างสถานที่หรือต่างเดือนกัน",
)
def moved_together(subject: Subject) -> Finding:
    names = ("previous_province", "previous_country", "months_since_move")
    told = [name for name in names if name in subject.frame]
    if not told:
        raise NotApplicable("the survey does not ask from where or when")
    households, keys = pd.factorize(subject.frame["household_id"])
    sizes = np.bincount(households)
    whole = (np.bincount(households, weights=_moved(subject)) == sizes) & (sizes > 1)
    rows = np.flatnonzero(whole[households])
    answers = subject.frame[told].iloc[rows].astype(object).astype(str)
    kinds = answers.groupby(households[rows]).nunique().max(axis=1)
    apart = sorted(str(keys[number]) for number in kinds.index[kinds > 1])
    return Finding(len(apart), int(whole.sum()), apart[:5], counts="households")
