"""Checks of places: previous residence, place of birth, what of them is unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from lfsmig import nonresponse
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
    en="Few places of birth and previous places are unknown; above the limits of publication the "
    "indicators that rest on them are flagged, or not published",
    th="สถานที่เกิดและที่อยู่เดิมที่ไม่ทราบมีน้อย หากเกินเกณฑ์การเผยแพร่ ตัวชี้วัดที่ใช้ข้อมูลนั้นจะมีสัญลักษณ์กำกับหรือไม่เผยแพร่",
)
def places_known(subject: Subject) -> Finding:
    return unknown_finding(subject, nonresponse.PLACES, "no birth or previous place")


def unknown_finding(subject: Subject, names: Sequence[str], absent: str) -> Finding:
    """Measure what is unknown of some items, weighted and not, and what publication makes of it."""
    found = nonresponse.unknown_items(subject.params, subject.year, subject.frame, names)
    if not found:
        raise NotApplicable(f"the survey asks for {absent}")
    limits = subject.params.rules.publication.item_nonresponse
    notes = []
    for one in sorted(found, key=lambda item: -item.share):
        if not one.missing.any():
            continue
        notes.append(
            f"{one.item} {100 * one.rate:.1f} % ({100 * one.rate_weighted:.1f} % weighted)"
        )
        if one.share > limits.flag_above:
            what = "not published" if one.share > limits.withhold_above else "flagged"
            resting = len(nonresponse.touched(subject.params, one.item))
            notes.append(f"{resting} indicators on {one.item} {what}")
    worst = max(found, key=lambda item: item.share)
    persons = subject.persons(worst.missing, worst.asked)
    count = int(np.any([one.missing for one in found], axis=0).sum())
    return Finding(count, persons.base, persons.worst, worst.share, "; ".join(notes))
