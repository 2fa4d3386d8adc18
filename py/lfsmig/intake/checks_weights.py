"""Checks of the weights: their totals against what was published, their spread, their growth."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lfsmig.concepts import grouped
from lfsmig.intake.controls import control_of
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
    "W1",
    "weight",
    en="Every person has a weight above zero",
    th="ทุกคนมีค่าถ่วงน้ำหนักมากกว่าศูนย์",
)
def weights_positive(subject: Subject) -> Finding:
    weight = subject.number("weight")
    return subject.persons(~(np.isfinite(weight) & (weight > 0)))


@check(
    "W2",
    "weight",
    en="The weights add up to the published population, of the country and of its parts",
    th="ผลรวมค่าถ่วงน้ำหนักเท่ากับจำนวนประชากรที่เผยแพร่ ทั้งระดับประเทศและระดับย่อย",
)
def weights_add_up(subject: Subject) -> Parts:
    def national() -> Finding:
        published = fact(subject.facts.population, "population").get(subject.year)
        if published is None:
            raise NotApplicable(f"no published population for {subject.year} in country.yml")
        total = float(np.nansum(subject.number("weight")))
        gap = abs(total - published.persons)
        note = f"{total:.0f} against {published.persons:.0f} ({published.source})"
        count, base = round(gap), round(published.persons)
        return Finding(count, base, [], gap / published.persons, note, counts="persons")

    def region() -> Finding:
        return _against(subject, ["region"])

    def province_sex() -> Finding:
        return _against(subject, ["province", "sex"])

    return parts(national=national, region=region, province_sex=province_sex)


def _against(subject: Subject, by: list[str]) -> Finding:
    """Compare sums of weights by some columns with the control that country.yml names for them."""
    control, source = control_of(subject.params, subject.year, by)
    sums = _sums(subject.frame, [subject.frame[name] for name in by])
    both = pd.DataFrame({"control": control, "sum": sums}).fillna(0.0)
    gap = (both["sum"] - both["control"]).abs() / both["control"].where(both["control"] > 0, 1.0)
    limit = subject.rule.parts.get("_".join(by), subject.rule).threshold
    worst = gap[gap > limit].sort_values(ascending=False)
    keys = [_words(name) for name in worst.index[:5]]
    note = f"largest gap {100 * gap.max():.2f} % ({source})"
    return Finding(len(worst), len(gap), keys, float(gap.max()), note, counts="groups")


def _sums(frame: pd.DataFrame, by: list[pd.Series]) -> pd.Series:
    keys = [one.astype(object).astype(str) for one in by]
    return frame["weight"].groupby(keys).sum()


def _words(name: object) -> str:
    return "/".join(map(str, name)) if isinstance(name, tuple) else str(name)


@check(
    "W3",
    "weight",
    en="Shares by age and sex are those of the control, and near those of the year before",
    th="สัดส่วนตามอายุและเพศตรงกับโครงสร้างประชากรอ้างอิง และใกล้เคียงกับปีก่อน",
)
def age_and_sex(subject: Subject) -> Parts:
    def control() -> Finding:
        if subject.facts.age_sex is None and subject.facts.controls is None:
            raise NotApplicable("the fact age_sex is not stated in country.yml")
        by = subject.facts.age_sex.by if subject.facts.age_sex else subject.rule.by
        if not by:
            raise NotApplicable("rules.yml names no groups of age and sex")
        persons, _ = control_of(subject.params, subject.year, by)
        return _shares_apart(subject, "control", _age_sex(subject, subject.frame, by), persons)

    def year_before() -> Finding:
        then = before(subject)
        names = subject.rule.by
        if not names:
            raise NotApplicable("rules.yml names no groups of age and sex")
        now = _age_sex(subject, subject.frame, names)
        return _shares_apart(subject, "before", now, _age_sex(subject, then.frame, names))

    return parts(control=control, before=year_before)


def _age_sex(subject: Subject, frame: pd.DataFrame, names: list[str]) -> pd.Series:
    """Sum the weights by columns of the table or groupings of country.yml."""
    columns = []
    groupings = subject.params.country.groupings
    for name in names:
        source = groupings[name].of if name in groupings else name
        if source not in frame:
            raise NotApplicable(f"{source}: not in this survey")
        values = frame[source]
        columns.append(
            pd.Series(grouped(values, groupings[name]), index=frame.index)
            if name in groupings
            else values
        )
    return _sums(frame, columns)


def _shares_apart(subject: Subject, part: str, now: pd.Series, then: pd.Series) -> Finding:
    """Compare two distributions; the measure is the largest difference of a share."""
    both = pd.DataFrame({"now": now / now.sum(), "then": then / then.sum()}).fillna(0.0)
    gap = (both["now"] - both["then"]).abs().sort_values(ascending=False)
    high = gap[gap > subject.rule.parts.get(part, subject.rule).threshold]
    note = f"largest difference {100 * gap.iloc[0]:.2f} points"
    keys = [_words(name) for name in high.index[:5]]
    return Finding(len(high), len(gap), keys, float(gap.iloc[0]), note, counts="groups")


@check(
    "W4",
    "weight",
    "region",
    en="The weights are not too unequal: 1 + CV² in every region, and the largest to the median",
    th="ค่าถ่วงน้ำหนักไม่แตกต่างกันเกินไป (1 + CV² ในทุกภาค และค่าสูงสุดต่อมัธยฐาน)",
)
def weights_even(subject: Subject) -> Parts:
    def spread() -> Finding:
        groups = subject.frame.groupby("region", observed=True, sort=True)["weight"]
        found = 1 + (groups.std(ddof=0) / groups.mean()) ** 2
        high = found[found > subject.rule.parts.get("spread", subject.rule).threshold]
        worst = [str(name) for name in high.index]
        note = f"1 + CV² {found.max():.2f} in region {found.idxmax()}"
        return Finding(len(high), len(found), worst, float(found.max()), note, counts="regions")

    def largest() -> Finding:
        weight = subject.number("weight")
        middle = float(np.nanmedian(weight))
        if not middle > 0:
            raise NotApplicable("the median weight is not above zero")
        limit = subject.rule.parts.get("largest", subject.rule).threshold
        heavy = subject.persons(weight / middle > limit)
        ratio = float(np.nanmax(weight)) / middle
        note = f"largest weight {ratio:.1f} times the median"
        return Finding(heavy.count, heavy.base, heavy.worst, ratio, note)

    return parts(spread=spread, largest=largest)


@check(
    "W5",
    "weight",
    en="The weighted population grows as a population does; a jump is a change of the frame",
    th="ประชากรถ่วงน้ำหนักเปลี่ยนแปลงในอัตราปกติ หากกระโดดแสดงว่ากรอบประชากรเปลี่ยน",
)
def growth_plausible(subject: Subject) -> Finding:
    then = float(before(subject).frame["weight"].sum())
    now = float(np.nansum(subject.number("weight")))
    low, high = subject.rule.limits or (-0.005, 0.01)
    years = max(subject.year - before(subject).year, 1)
    if not (then > 0 and now > 0):
        return Finding(1, 1, note="a year without weights above zero", counts="years")
    growth = (now / then) ** (1 / years) - 1
    broken = int(not low <= growth <= high)
    note = f"{100 * growth:+.2f} % a year since {before(subject).year}"
    return Finding(broken, 1, note=note, counts="years")
