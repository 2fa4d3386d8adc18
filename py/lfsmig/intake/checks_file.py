"""Checks of the files as they came: variables, types, codes, layout, linked files, identifiers."""

from __future__ import annotations

import re

import pandas as pd

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
from lfsmig.intake.schema import KNOWN, rows_of, schema_failures

WITHHELD = ("c", "s")


def failures(subject: Subject) -> pd.DataFrame:
    """Return what in the table is not as the data dictionary says."""
    return subject.once("schema", lambda: schema_failures(subject.params, subject.frame))


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
    found = failures(subject)
    wrong = list(dict.fromkeys(found.loc[found["check"] == "type", "column"]))
    return Finding(len(wrong), subject.frame.shape[1], wrong[:5], counts="variables")


@check(
    "S3",
    "month",
    en="The month of interview lies in the survey's quarter",
    th="เดือนที่สัมภาษณ์อยู่ในไตรมาสของการสำรวจ",
)
def month_in_quarter(subject: Subject) -> Finding:
    months = fact(subject.facts.months, "months")
    return subject.persons(~subject.frame["month"].isin(months).fillna(False).to_numpy(dtype=bool))


@check(
    "S4",
    en="Design variables, age and sex have a known code in every record, and nearly every other "
    "answer lies in its list of codes",
    th="ตัวแปรแผนการเลือกตัวอย่าง อายุ และเพศ มีรหัสที่รู้จักครบทุกระเบียน และคำตอบอื่นเกือบทั้งหมดอยู่ในรายการรหัส",
)
def codes_known(subject: Subject) -> Parts:
    found, size = failures(subject), len(subject.frame)
    others = [name for name in subject.frame.columns if name not in KNOWN]
    strange = found[(found["check"] == "code") & found["column"].isin(others)]
    counts = strange.groupby("column", sort=True)["value"].agg(["size", "unique"])
    told = [
        f"{name}: {', '.join(sorted(map(str, one['unique']))[:5])} ({one['size']})"
        for name, one in counts.iterrows()
    ]

    def design() -> Finding:
        return subject.persons(rows_of(found, size, column=KNOWN, check=("code", "missing")))

    def other() -> Finding:
        finding = subject.persons(rows_of(found, size, column=others, check=("code",)))
        worst_column = float(counts["size"].max()) / max(size, 1) if len(counts) else 0.0
        return Finding(finding.count, size, [*told[:2], *finding.worst][:5], worst_column)

    return parts(design=design, other=other)


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
    "C1",
    en="No column tells who a person is, and no released cell rests on a handful of persons",
    th="ไม่มีคอลัมน์ที่ระบุตัวบุคคล และไม่มีเซลล์ที่เผยแพร่ซึ่งมาจากคนเพียงไม่กี่ราย",
)
def nobody_named(subject: Subject) -> Parts:
    def columns() -> Finding:
        patterns = subject.rule.identifiers
        if not patterns:
            raise NotApplicable("rules.yml names no identifiers to look for")
        # Letters only: HH_NO, hh-no and HhNo are one name.
        names = [*_layout(subject.data.receipt), *map(str, subject.frame.columns)]
        telling = re.compile("|".join(f"(?:{one})" for one in patterns), re.IGNORECASE)
        named = sorted({name for name in names if telling.fullmatch(name)})
        return Finding(len(named), len(set(names)), named[:5], counts="columns")

    def output() -> Finding:
        if subject.released is None:
            raise NotApplicable("the year was not released yet")
        few = subject.params.rules.publication.disclosure.min_cases
        cells = subject.released
        shown = ~cells["flag"].isin(WITHHELD) & cells["n_cases"].between(1, few - 1)
        telling = [
            f"{row.indicator} {row.domain} {row.category}".strip()
            for row in cells[shown].head(5).itertuples()
        ]
        return Finding(int(shown.sum()), len(cells), telling, counts="cells")

    return parts(columns=columns, output=output)
