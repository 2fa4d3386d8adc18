"""Checks of remittances: who states an amount, what amounts are possible, how round they are."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lfsmig.intake.checks_places import unknown_finding
from lfsmig.intake.protocol import Finding, NotApplicable, Parts, Subject, before, check, parts
from lfsmig.nonresponse import AMOUNT

AMOUNTS = ("remittance_cash", "remittance_goods")


@check(
    "R1",
    "sent_remittances",
    "remittance_cash",
    "remittance_goods",
    en="Amounts are stated by senders only, and a sender's known amounts are not both zero",
    th="เฉพาะผู้ส่งเท่านั้นที่มีจำนวนเงินหรือสิ่งของ และต้องไม่เป็นศูนย์ทั้งสองรายการ",
)
def amounts_of_senders(subject: Subject) -> Finding:
    sent = np.asarray(subject.text("sent_remittances") == "yes", dtype=bool)
    amounts = [subject.number(name) for name in AMOUNTS]
    nothing = sent & (amounts[0] == 0) & (amounts[1] == 0)
    not_sender = ~sent & np.isfinite(np.vstack(amounts)).any(axis=0)
    return subject.persons(nothing | not_sender, subject.known("sent_remittances"))


@check(
    "R2",
    "sent_remittances",
    "remittance_receiver",
    en="A receiver is named by those who sent, and by nobody else",
    th="ผู้ที่ส่งเท่านั้นที่ระบุผู้รับ",
)
def receiver_of_senders(subject: Subject) -> Finding:
    sent = np.asarray(subject.text("sent_remittances") == "yes", dtype=bool)
    wrong = np.not_equal(sent, subject.known("remittance_receiver"))
    return subject.persons(wrong, subject.known("sent_remittances") | wrong)


@check(
    "R3",
    *AMOUNTS,
    en="Amounts above zero lie within plausible limits, and their median is near last year's",
    th="จำนวนเงินและมูลค่าสิ่งของอยู่ในช่วงที่เป็นไปได้ และค่ามัธยฐานใกล้เคียงกับปีก่อน",
)
def amounts_plausible(subject: Subject) -> Parts:
    amounts = np.vstack([subject.number(name) for name in AMOUNTS])

    def span() -> Finding:
        limits = subject.rule.parts.get("range", subject.rule).limits
        if not limits:
            raise NotApplicable("rules.yml states no limits for amounts")
        stated = np.nan_to_num(amounts) != 0
        wrong = stated & ~((amounts >= limits[0]) & (amounts <= limits[1]))
        return subject.persons(wrong.any(axis=0), stated.any(axis=0))

    def median() -> Finding:
        then, now = _cash(before(subject).frame), _cash(subject.frame)
        few = subject.rule.min_cases
        if min(len(then), len(now)) < few:
            raise NotApplicable("too few amounts to compare")
        low, high = subject.rule.parts.get("median", subject.rule).limits or [0.5, 2.0]
        ratio = float(np.median(now) / np.median(then))
        note = f"median {ratio:.2f} times that of the year before"
        return Finding(int(not low <= ratio <= high), 1, note=note, counts="medians")

    return parts(range=span, median=median)


def _cash(frame: pd.DataFrame) -> np.ndarray:
    """Return the amounts of cash above zero."""
    if AMOUNTS[0] not in frame:
        raise NotApplicable("the earlier year does not ask for amounts")
    amounts = frame[AMOUNTS[0]].to_numpy(dtype=float, na_value=np.nan)
    return amounts[np.nan_to_num(amounts) > 0]


@check(
    "R4",
    en="No special code for unknown is left among amounts of money",
    th="ไม่มีรหัสพิเศษของค่าไม่ทราบค้างอยู่ในตัวแปรจำนวนเงิน",
)
def no_sentinel_left(subject: Subject) -> Finding:
    names = [name for name in ("monthly_wage", *AMOUNTS) if name in subject.frame]
    if not names:
        raise NotApplicable("the survey asks for no amounts")
    special = [10**digits - last for digits in range(5, 9) for last in (1, 2)]
    left = np.vstack([np.isin(subject.number(name), special) for name in names])
    return subject.persons(np.asarray(left.any(axis=0)))


@check(
    "R5",
    *AMOUNTS,
    en="The share of round amounts is near that of the year before",
    th="สัดส่วนของจำนวนเงินที่เป็นเลขกลมใกล้เคียงกับปีก่อน",
)
def amounts_heaped(subject: Subject) -> Finding:
    unit = subject.rule.multiple_of
    if unit is None:
        raise NotApplicable("rules.yml does not say what a round amount is")
    then, now = _cash(before(subject).frame), _cash(subject.frame)
    if min(len(then), len(now)) < subject.rule.min_cases:
        raise NotApplicable("too few amounts to compare")
    shares = [float((amounts % unit == 0).mean()) for amounts in (now, then)]
    note = f"{shares[0]:.0%} are multiples of {unit:g}, the year before {shares[1]:.0%}"
    round_now = int((now % unit == 0).sum())
    return Finding(round_now, len(now), [], abs(shares[0] - shares[1]), note)


@check(
    "R6",
    "sent_remittances",
    *AMOUNTS,
    en="Most senders state their amounts; above the limits of publication the indicators that rest "
    "on amounts are flagged, or not published",
    th="ผู้ส่งส่วนใหญ่ระบุจำนวนเงินและมูลค่าสิ่งของ หากเกินเกณฑ์การเผยแพร่ "
    "ตัวชี้วัดที่ใช้จำนวนเงินจะมีสัญลักษณ์กำกับหรือไม่เผยแพร่",
)
def amounts_stated(subject: Subject) -> Finding:
    return unknown_finding(subject, [AMOUNT], "no amounts, or nobody sent any")
