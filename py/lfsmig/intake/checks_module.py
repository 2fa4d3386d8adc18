"""Checks of the migration module, remittances and labour status."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lfsmig.intake.protocol import Finding, NotApplicable, Subject, before, check

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
AMOUNTS = ("remittance_cash", "remittance_goods")


def _moved(subject: Subject) -> np.ndarray:
    return np.asarray(subject.text("moved") == "yes", dtype=bool)


def _home(subject: Subject, name: str) -> np.ndarray:
    return np.asarray(subject.text(name) == subject.params.country.home_country, dtype=bool)


@check(
    "M1",
    "moved",
    en="Questions on the move are answered by those who moved, and by nobody else",
    th="ผู้ย้ายถิ่นเท่านั้นที่ตอบคำถามเกี่ยวกับการย้าย",
)
def skip_pattern(subject: Subject) -> Finding:
    items = [name for name in MOVER_ITEMS if name in subject.frame]
    if not items:
        raise NotApplicable("the survey asks movers nothing further")
    moved = _moved(subject)
    answered = subject.frame[items].notna().any(axis=1).to_numpy()
    too_much, too_little = ~moved & answered, moved & ~answered
    finding = subject.persons(too_much | too_little)
    shares = [
        part.sum() / base.sum()
        for part, base in ((too_much, ~moved), (too_little, moved))
        if base.any()
    ]
    return Finding(finding.count, finding.base, finding.worst, float(max(shares)))


@check(
    "M2",
    "moved",
    en="The previous place is another one than the present, and its parts do not contradict",
    th="ที่อยู่เดิมเป็นคนละแห่งกับที่อยู่ปัจจุบัน และรายละเอียดไม่ขัดแย้งกัน",
)
def another_place(subject: Subject) -> Finding:
    moved = _moved(subject)
    wrong = np.zeros(len(moved), bool)
    home = country = None
    if "previous_country" in subject.frame:
        home, country = _home(subject, "previous_country"), subject.known("previous_country")
    if country is not None and home is not None:
        if "previous_province" in subject.frame:
            wrong |= country & ~home & subject.known("previous_province")
        if "previous_area" in subject.frame:
            abroad = subject.text("previous_area") == "abroad"
            wrong |= (country & home & abroad) | (
                country & ~home & subject.known("previous_area") & ~abroad
            )
    definitions = subject.params.country.definitions
    single = subject.params.country.single_areas if "previous_province" in subject.frame else []
    if definitions.move_level == "screener" and country is None and not single:
        raise NotApplicable("only the screener tells the previous place")
    note = ""
    if single:
        inside = moved & _inside(subject, single)
        counted = definitions.moves_inside_single_areas.replace("_", " ")
        note = f"{int(inside.sum())} moves inside one area, {counted} by country.yml"
        if counted != "counted":
            wrong |= inside
    return replace(subject.persons(moved & wrong, moved), note=note)


def _inside(subject: Subject, single: list[str]) -> np.ndarray:
    """Mark who names the present place as the previous one where that is one area."""
    now = subject.text("province")
    same = np.equal(subject.text("previous_province"), now)
    return np.asarray(same & np.isin(now.astype(str), single), dtype=bool)


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
    "M4",
    "birth_country",
    "birth_province",
    en="Who was born in the country has a province of birth, who was born abroad has none",
    th="ผู้ที่เกิดในประเทศมีจังหวัดที่เกิด ผู้ที่เกิดต่างประเทศไม่มี",
)
def birth_place_whole(subject: Subject) -> Finding:
    home, known = _home(subject, "birth_country"), subject.known("birth_country")
    province = subject.known("birth_province")
    return subject.persons((home & ~province) | (known & ~home & province))


@check(
    "M5",
    "reason",
    "birth_province",
    "province",
    en="Share of movers returning to their home area who were not born in the present province",
    th="สัดส่วนผู้ย้ายกลับภูมิลำเนาที่ไม่ได้เกิดในจังหวัดปัจจุบัน",
)
def return_elsewhere(subject: Subject) -> Finding:
    back = (subject.text("reason") == "return_home") & subject.known("birth_province")
    return subject.persons(
        back & (subject.text("birth_province") != subject.text("province")), back
    )


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
    "M8",
    en="Few birth and previous provinces are unknown",
    th="จังหวัดที่เกิดและจังหวัดที่อยู่เดิมที่ไม่ทราบมีน้อย",
)
def places_known(subject: Subject) -> Finding:
    parts = []
    for place, country in (
        ("birth_province", "birth_country"),
        ("previous_province", "previous_country"),
    ):
        if place in subject.frame and country in subject.frame:
            base = _home(subject, country)
            parts.append((subject.persons(base & ~subject.known(place), base), place))
    if not parts:
        raise NotApplicable("the survey names no birth or previous province")
    worst, place = max(parts, key=lambda part: part[0].share)
    count = sum(part.count for part, _ in parts)
    return Finding(count, worst.base, worst.worst, worst.share, f"highest for {place}")


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
    en="Amounts above zero lie within plausible limits",
    th="จำนวนเงินและมูลค่าสิ่งของอยู่ในช่วงที่เป็นไปได้",
)
def amounts_plausible(subject: Subject) -> Finding:
    if not subject.rule.limits:
        raise NotApplicable("rules.yml states no limits for amounts")
    low, high = subject.rule.limits
    amounts = np.vstack([subject.number(name) for name in AMOUNTS])
    stated = np.nan_to_num(amounts) != 0
    wrong = stated & ~((amounts >= low) & (amounts <= high))
    return subject.persons(wrong.any(axis=0), stated.any(axis=0))


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
    "R6",
    "sent_remittances",
    *AMOUNTS,
    en="Most senders state their amounts",
    th="ผู้ส่งส่วนใหญ่ระบุจำนวนเงินและมูลค่าสิ่งของ",
)
def amounts_stated(subject: Subject) -> Finding:
    sent = subject.text("sent_remittances") == "yes"
    stated = np.isfinite(np.vstack([subject.number(name) for name in AMOUNTS])).all(axis=0)
    return subject.persons(np.asarray(sent & ~stated, dtype=bool), np.asarray(sent, dtype=bool))


@check(
    "L1",
    "labour_status",
    "age",
    en="Labour status is there for everybody of labour age and nobody below; only the employed "
    "have a sector",
    th="ทุกคนในวัยแรงงานมีสถานภาพแรงงาน ผู้ที่อายุต่ำกว่าไม่มี และเฉพาะผู้มีงานทำมีภาคการจ้างงาน",
)
def labour_status_whole(subject: Subject) -> Finding:
    asked = subject.number("age") >= subject.params.country.labour_age
    wrong = np.not_equal(asked, subject.known("labour_status"))
    if "sector" in subject.frame:
        wrong |= subject.known("sector") & (subject.text("labour_status") != "employed")
    return subject.persons(wrong)


@check(
    "T4",
    "moved",
    en="The number of movers among the records is near that of the year before",
    th="จำนวนผู้ย้ายถิ่นในตัวอย่างใกล้เคียงกับปีก่อน",
)
def movers_stable(subject: Subject) -> Finding:
    if "moved" not in before(subject).frame:
        raise NotApplicable("the earlier year does not ask who moved")
    then = int((before(subject).frame["moved"] == "yes").sum())
    now = int(_moved(subject).sum())
    note = f"{then} the year before, {now} now"
    return Finding(abs(now - then), max(then, 1), note=note, counts="movers")
