"""Checks of places: previous residence, place of birth, what of them is unknown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from lfsmig.intake.protocol import Finding, NotApplicable, Parts, Subject, before, check, parts


def _moved(subject: Subject) -> np.ndarray:
    return np.asarray(subject.text("moved") == "yes", dtype=bool)


def _home(subject: Subject, name: str) -> np.ndarray:
    return np.asarray(subject.text(name) == subject.params.country.home_country, dtype=bool)


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
    "M4",
    "birth_country",
    "birth_province",
    en="Who was born in the country has a province of birth and who was born abroad has none, and "
    "nationality by place of birth is as in the year before",
    th="ผู้ที่เกิดในประเทศมีจังหวัดที่เกิด ผู้ที่เกิดต่างประเทศไม่มี และสัญชาติจำแนกตามสถานที่เกิดใกล้เคียงกับปีก่อน",
)
def birth_place_whole(subject: Subject) -> Parts:
    def birth() -> Finding:
        home, known = _home(subject, "birth_country"), subject.known("birth_country")
        province = subject.known("birth_province")
        return subject.persons((home & ~province) | (known & ~home & province))

    def nationality() -> Finding:
        then = before(subject).frame
        now_table, then_table = (_cross_table(subject, one) for one in (subject.frame, then))
        both = pd.DataFrame({"now": now_table, "then": then_table}).fillna(0.0)
        shift = (both["now"] - both["then"]).abs()
        limit = subject.rule.parts.get("nationality", subject.rule).threshold
        worst = ["/".join(name) for name in shift.index[shift > limit]]
        note = f"largest difference {100 * shift.max():.2f} points"
        count = len(worst)
        return Finding(count, len(shift), worst[:5], float(shift.max()), note, counts="groups")

    return parts(birth=birth, nationality=nationality)


def _cross_table(subject: Subject, frame: pd.DataFrame) -> pd.Series:
    """Return weighted shares of nationality by birth at home or abroad."""
    for name in ("nationality", "birth_country", "weight"):
        if name not in frame:
            raise NotApplicable(f"{name}: not asked in both years")
    home = frame["birth_country"].astype(object) == subject.params.country.home_country
    born = np.where(frame["birth_country"].isna(), "unknown", np.where(home, "home", "abroad"))
    nation = frame["nationality"].astype(object).fillna("unknown").astype(str)
    sums = frame["weight"].groupby([nation.to_numpy(), born]).sum()
    return sums / sums.sum()


@check(
    "M8",
    en="Few birth and previous provinces are unknown",
    th="จังหวัดที่เกิดและจังหวัดที่อยู่เดิมที่ไม่ทราบมีน้อย",
)
def places_known(subject: Subject) -> Finding:
    found = []
    for place, country in (
        ("birth_province", "birth_country"),
        ("previous_province", "previous_country"),
    ):
        if place in subject.frame and country in subject.frame:
            base = _home(subject, country)
            found.append((subject.persons(base & ~subject.known(place), base), place))
    if not found:
        raise NotApplicable("the survey names no birth or previous province")
    worst, place = max(found, key=lambda part: part[0].share)
    count = sum(part.count for part, _ in found)
    return Finding(count, worst.base, worst.worst, worst.share, f"highest for {place}")
