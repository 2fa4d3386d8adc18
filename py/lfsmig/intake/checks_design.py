"""Checks of the sample: provinces and strata, areas, households, response."""

from __future__ import annotations

import pandas as pd

from lfsmig.intake.harmonise import Harmonised
from lfsmig.intake.protocol import (
    Finding,
    NotApplicable,
    Parts,
    Subject,
    before,
    check,
    fact,
    parts,
)


@check(
    "D1",
    "province",
    "stratum",
    "region",
    en="All provinces and strata are there, none of the year before is lost, and each province is "
    "in its region",
    th="มีจังหวัดและชั้นภูมิครบ ไม่มีชั้นภูมิของปีก่อนหายไป และแต่ละจังหวัดอยู่ในภาคที่ถูกต้อง",
)
def strata_complete(subject: Subject) -> Parts:
    strata, provinces = subject.facts.strata, subject.facts.provinces
    present = set(subject.frame["province"].dropna().unique())
    found = subject.frame["stratum"].nunique()

    def numbers() -> Finding:
        if strata is None and provinces is None:
            raise NotApplicable("the facts provinces and strata are not stated in country.yml")
        lost = 0 if strata is None else abs(strata - found)
        missing: list[str] = []
        if provinces is not None:
            lost += abs(provinces - len(present))
            listed = subject.params.codes("province")
            # A survey of some provinces only does not name the others as lost.
            missing = sorted(set(listed) - present) if provinces == len(listed) else []
        note = f"{len(present)} provinces, {found} strata"
        return Finding(lost, strata or len(present), missing[:5], note=note, counts="places")

    def regions() -> Finding:
        region_of = subject.params.region_of()
        pairs = subject.frame[["province", "region"]].drop_duplicates().astype(object).dropna()
        astray = [
            f"{province} in region {region}"
            for province, region in zip(pairs["province"], pairs["region"], strict=True)
            if region_of.get(province) != region
        ]
        note = f"{len(astray)} provinces in another region" if astray else ""
        return Finding(len(astray), len(present), astray[:5], note=note, counts="places")

    def lost() -> Finding:
        then = before(subject).frame
        if "stratum" not in then:
            raise NotApplicable("the earlier year has no strata")
        earlier, here = (one["stratum"].dropna().unique() for one in (then, subject.frame))
        gone = sorted(set(earlier) - set(here))
        note = f"{len(gone)} strata lost since {before(subject).year}" if gone else ""
        return Finding(len(gone), then["stratum"].nunique(), gone[:5], note=note, counts="strata")

    return parts(numbers=numbers, regions=regions, lost=lost)


@check(
    "D2",
    "stratum",
    "psu",
    en="Each stratum has at least two PSUs, and their number is near that of the year before",
    th="แต่ละชั้นภูมิมีหน่วยตัวอย่างขั้นที่หนึ่งอย่างน้อยสองหน่วย และจำนวนรวมใกล้เคียงกับปีก่อน",
)
def enough_psus(subject: Subject) -> Parts:
    def lonely() -> Finding:
        counts = subject.frame.groupby("stratum", sort=True)["psu"].nunique()
        alone = counts[counts < 2]
        worst = [str(name) for name in alone.index[:5]]
        return Finding(len(alone), len(counts), worst, counts="strata")

    def total() -> Finding:
        then, now = (one.frame["psu"].nunique() for one in (before(subject), subject.data))
        note = f"{then} PSUs the year before, {now} now"
        return Finding(abs(now - then), then, note=note, counts="areas")

    return parts(lonely=lonely, total=total)


@check(
    "D3",
    "household_id",
    "psu",
    "area",
    en="No PSU holds more households than planned (split households aside)",
    th="ไม่มีเขตแจงนับใดมีครัวเรือนมากกว่าแผน (ไม่นับครัวเรือนที่แยกออก)",
)
def psu_not_overfull(subject: Subject) -> Finding:
    planned = fact(subject.facts.households_per_psu, "households_per_psu")
    private = subject.frame
    if "relation" in private:
        private = private[private["relation"] != "collective"]
    counts = private.groupby("psu", sort=True)["household_id"].nunique()
    area = private.drop_duplicates("psu").set_index("psu")["area"].astype(object)
    full = counts > area.reindex(counts.index).map(planned)
    worst = [str(name) for name in counts.index[full][:5]]
    return Finding(int(full.sum()), len(counts), worst, counts="areas")


@check(
    "D4",
    "household_id",
    "province",
    en="As many households answered as in the year before, and no province answered much less",
    th="ครัวเรือนที่ตอบมีจำนวนใกล้เคียงกับปีก่อน และไม่มีจังหวัดใดที่อัตราการตอบต่ำหรือลดลงมาก",
)
def response_stable(subject: Subject) -> Parts:
    def households() -> Finding:
        then, now = (one.frame["household_id"].nunique() for one in (before(subject), subject.data))
        note = f"{then} households the year before, {now} now"
        return Finding(abs(now - then), then, note=note, counts="households")

    def low() -> Finding:
        rate = response(subject.data)
        return _lowest(1 - rate, subject.rule.parts.get("low", subject.rule).threshold, "{:.0%}")

    def fall() -> Finding:
        drop = (response(before(subject)) - response(subject.data)).dropna()
        return _lowest(drop, subject.rule.parts.get("fall", subject.rule).threshold, "{:+.0%}")

    return parts(households=households, low=low, fall=fall)


def response(data: Harmonised) -> pd.Series:
    """Return the share of households that answered, by province."""
    if "province" not in data.blanks or not len(data.blanks):
        raise NotApplicable("no record tells of households that were not interviewed")
    households = data.frame.drop_duplicates("household_id")["province"].astype(object)
    answered = households.value_counts()
    blank = data.blanks["province"].astype(object).value_counts()
    whole = answered.add(blank, fill_value=0)
    return (answered.reindex(whole.index).fillna(0) / whole).sort_index()


def _lowest(measure: pd.Series, limit: float, form: str) -> Finding:
    """Tell the provinces above a limit, and judge the highest."""
    high = measure[measure > limit + 1e-12].sort_values(ascending=False)
    worst = [f"{name} {form.format(value)}" for name, value in high.head(5).items()]
    most = float(measure.max()) if len(measure) else 0.0
    return Finding(len(high), len(measure), worst, most, counts="provinces")
