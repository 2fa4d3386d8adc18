"""Checks of the file, the keys, the sample design and the weights."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lfsmig.intake.protocol import Finding, NotApplicable, Subject, before, check, fact


@check(
    "S1",
    en="Every variable of the data dictionary is mapped, or absent with a reason",
    th="ตัวแปรทุกตัวในพจนานุกรมข้อมูลมีการจับคู่ หรือระบุเหตุผลที่ไม่มี",
)
def variables_present(subject: Subject) -> Finding:
    absent = subject.data.receipt.get("absent") or {}
    expected = [name for name, one in subject.params.variables.items() if not one.made]
    lost = [
        name
        for name in expected
        if name not in subject.frame and not (isinstance(absent, dict) and name in absent)
    ]
    return Finding(len(lost), len(expected), lost[:5], counts="variables")


@check(
    "S2",
    en="Every variable has the type of the data dictionary after harmonisation",
    th="ตัวแปรทุกตัวมีชนิดข้อมูลตรงตามพจนานุกรมข้อมูลหลังการปรับให้เป็นมาตรฐาน",
)
def types_right(subject: Subject) -> Finding:
    wrong = []
    for name in subject.frame.columns:
        values = subject.frame[name]
        kind = subject.params.variables[name].type
        right = {
            "category": isinstance(values.dtype, pd.CategoricalDtype),
            "integer": pd.api.types.is_integer_dtype(values),
            "number": pd.api.types.is_float_dtype(values),
            "text": pd.api.types.is_string_dtype(values),
        }
        if not right.get(kind, True):
            wrong.append(name)
    return Finding(len(wrong), subject.frame.shape[1], wrong[:5], counts="variables")


@check(
    "S3",
    "month",
    en="The month of interview lies in the survey's quarter",
    th="เดือนที่สัมภาษณ์อยู่ในไตรมาสของการสำรวจ",
)
def month_in_quarter(subject: Subject) -> Finding:
    months = fact(subject.facts.months, "months")
    return subject.persons(~np.isin(subject.number("month"), months))


@check(
    "S4",
    en="Design variables, age and sex have a known code in every record",
    th="ตัวแปรแผนการเลือกตัวอย่าง อายุ และเพศ มีรหัสที่รู้จักครบทุกระเบียน",
)
def codes_known(subject: Subject) -> Finding:
    names = ["region", "province", "area", "stratum", "psu", "sex", "age"]
    names = [name for name in names if name in subject.frame]
    return subject.persons(subject.frame[names].isna().any(axis=1).to_numpy())


@check(
    "S5",
    en="The layout is that of the year before: no new, lost or retyped column",
    th="โครงสร้างแฟ้มเหมือนปีก่อน ไม่มีคอลัมน์ใหม่ หายไป หรือเปลี่ยนชนิด",
)
def layout_same(subject: Subject) -> Finding:
    now, then = (_layout(one.receipt) for one in (subject.data, before(subject)))
    new = [f"+{name}" for name in sorted(now.keys() - then.keys())]
    lost = [f"-{name}" for name in sorted(then.keys() - now.keys())]
    # A text file has no types, so nothing can be said of a column that came from one.
    retyped = [
        f"~{name}"
        for name in sorted(now.keys() & then.keys())
        if now[name] != then[name] and "untyped" not in (now[name], then[name])
    ]
    changes = new + lost + retyped
    note = " ".join(changes)
    return Finding(len(changes), len(now | then), changes, note=note, counts="columns")


def _layout(receipt: dict[str, object]) -> dict[str, str]:
    files = receipt.get("files")
    layout: dict[str, str] = {}
    for one in files if isinstance(files, list) else []:
        layout |= {name.upper(): kind for name, kind in one["types"].items()}
    return layout


@check(
    "S6",
    en="The module's file links one to one to the labour file, and both agree on the person",
    th="แฟ้มโมดูลเชื่อมกับแฟ้มแรงงานแบบหนึ่งต่อหนึ่ง และข้อมูลบุคคลตรงกัน",
)
def module_linked(subject: Subject) -> Finding:
    merges = subject.data.receipt.get("merges")
    if not isinstance(merges, list) or not merges:
        raise NotApplicable("the year has no file to link")
    failing = sum(
        int(one["unmatched_here"]) + int(one["unmatched_there"]) + sum(one["disagree"].values())
        for one in merges
    )
    return Finding(failing, len(subject.frame), [key for one in merges for key in one["worst"]][:5])


@check(
    "K1",
    "household_id",
    "person_no",
    en="The person key (household key and line number) is unique",
    th="รหัสบุคคล (รหัสครัวเรือนและลำดับที่) ไม่ซ้ำกัน",
)
def key_unique(subject: Subject) -> Finding:
    return subject.persons(subject.frame.duplicated(["household_id", "person_no"]).to_numpy())


@check(
    "K2",
    "household_id",
    "person_no",
    en="No person stands twice in a household but for the line number",
    th="ไม่มีบุคคลที่ข้อมูลซ้ำกันทุกตัวแปรในครัวเรือนเดียวกัน ยกเว้นลำดับที่",
)
def no_twin_records(subject: Subject) -> Finding:
    # Twins of one birth share few answers by chance once labour and moves are asked, so only
    # persons of labour age are compared.
    old_enough = subject.number("age") >= subject.params.country.labour_age
    rest = [name for name in subject.frame.columns if name != "person_no"]
    return subject.persons(subject.frame.duplicated(rest).to_numpy() & old_enough)


@check(
    "K3",
    "household_id",
    "psu",
    "area",
    en="Interviewed households and blank records add up to the planned sample of the PSUs",
    th="ครัวเรือนที่สัมภาษณ์ได้รวมกับระเบียนว่างเท่ากับจำนวนตัวอย่างตามแผนของเขตแจงนับ",
)
def plan_met(subject: Subject) -> Finding:
    planned_each = fact(subject.facts.households_per_psu, "households_per_psu")
    interviewed = subject.frame["household_id"].nunique()
    seen = [subject.frame[["psu", "area"]]]
    blanks = subject.data.blanks
    if {"psu", "area"} <= set(blanks.columns):
        seen.append(blanks[["psu", "area"]])
    areas = pd.concat([one.astype(object) for one in seen]).drop_duplicates("psu")["area"]
    planned = int(areas.map(planned_each).sum())
    gap = abs(planned - interviewed - len(blanks))
    note = f"planned {planned}, interviewed {interviewed}, blank {len(blanks)}"
    return Finding(gap, planned, note=note, counts="households")


@check(
    "K4",
    "household_id",
    "relation",
    en="Each private household has one head, and its stated size equals its records",
    th="ครัวเรือนส่วนบุคคลมีหัวหน้าหนึ่งคน และจำนวนสมาชิกที่ระบุเท่ากับจำนวนระเบียน",
)
def one_head(subject: Subject) -> Finding:
    relation = subject.text("relation")
    table = pd.DataFrame(
        {
            "household": subject.frame["household_id"],
            "head": relation == "head",
            "collective": relation == "collective",
            "one": 1,
        }
    )
    households = table.groupby("household", sort=True).agg(
        {"head": "sum", "collective": "max", "one": "sum"}
    )
    wrong = (households["head"] != 1) & ~households["collective"]
    if "members_reported" in subject.frame:
        stated = subject.frame.groupby("household_id", sort=True)["members_reported"].first()
        wrong |= (stated != households["one"]).fillna(False).to_numpy(dtype=bool)
    keys = list(households.index[wrong][:5])
    return Finding(int(wrong.sum()), len(households), keys, counts="households")


@check(
    "D1",
    "province",
    "stratum",
    "region",
    en="All provinces and strata are there, and each province is in its region",
    th="มีจังหวัดและชั้นภูมิครบ และแต่ละจังหวัดอยู่ในภาคที่ถูกต้อง",
)
def strata_complete(subject: Subject) -> Finding:
    strata, provinces = subject.facts.strata, subject.facts.provinces
    if strata is None and provinces is None:
        raise NotApplicable("the facts provinces and strata are not stated in country.yml")
    present = set(subject.frame["province"].dropna().unique())
    found = subject.frame["stratum"].nunique()
    lost = 0 if strata is None else abs(strata - found)
    missing: list[str] = []
    if provinces is not None:
        lost += abs(provinces - len(present))
        listed = subject.params.codes("province")
        # A survey of some provinces only does not name the others as lost.
        missing = sorted(set(listed) - present) if provinces == len(listed) else []
    region_of = subject.params.region_of()
    pairs = subject.frame[["province", "region"]].drop_duplicates().astype(object).dropna()
    astray = [
        f"{province} in region {region}"
        for province, region in zip(pairs["province"], pairs["region"], strict=True)
        if region_of.get(province) != region
    ]
    note = f"{len(present)} provinces, {found} strata" + "".join(f"; {one}" for one in astray[:3])
    count = lost + len(astray)
    worst = [*missing[:5], *astray[:5]]
    return Finding(count, strata or len(present), worst, note=note, counts="places")


@check(
    "D2",
    "stratum",
    "psu",
    en="Each stratum has at least two PSUs",
    th="แต่ละชั้นภูมิมีหน่วยตัวอย่างขั้นที่หนึ่งอย่างน้อยสองหน่วย",
)
def two_psus(subject: Subject) -> Finding:
    counts = subject.frame.groupby("stratum", sort=True)["psu"].nunique()
    lonely = counts[counts < 2]
    worst = [str(name) for name in lonely.index[:5]]
    return Finding(len(lonely), len(counts), worst, counts="strata")


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
    "psu",
    en="The number of PSUs is near that of the year before",
    th="จำนวนเขตแจงนับใกล้เคียงกับปีก่อน",
)
def psus_stable(subject: Subject) -> Finding:
    then, now = (one.frame["psu"].nunique() for one in (before(subject), subject.data))
    note = f"{then} PSUs the year before, {now} now"
    return Finding(abs(now - then), then, note=note, counts="areas")


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
    en="The weights add up to the published population",
    th="ผลรวมค่าถ่วงน้ำหนักเท่ากับจำนวนประชากรที่เผยแพร่",
)
def weights_add_up(subject: Subject) -> Finding:
    published = fact(subject.facts.population, "population").get(subject.year)
    if published is None:
        raise NotApplicable(f"no published population for {subject.year} in country.yml")
    total = float(np.nansum(subject.number("weight")))
    gap = abs(total - published.persons) / published.persons
    note = f"{total:.0f} against {published.persons:.0f} ({published.source})"
    count = round(abs(total - published.persons))
    return Finding(count, round(published.persons), [], gap, note, counts="persons")


@check(
    "W4",
    "weight",
    "region",
    en="The spread of the weights, 1 + CV², is moderate in every region",
    th="ความแปรปรวนของค่าถ่วงน้ำหนัก (1 + CV²) ไม่สูงเกินในทุกภาค",
)
def weights_even(subject: Subject) -> Finding:
    groups = subject.frame.groupby("region", observed=True, sort=True)["weight"]
    spread = 1 + (groups.std(ddof=0) / groups.mean()) ** 2
    high = spread[spread > subject.rule.threshold]
    worst = [str(name) for name in high.index]
    return Finding(len(high), len(spread), worst, float(spread.max()), counts="regions")


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
    growth = (now / then) ** (1 / years) - 1
    broken = int(not low <= growth <= high)
    note = f"{100 * growth:+.2f} % a year since {before(subject).year}"
    return Finding(broken, 1, note=note, counts="years")
