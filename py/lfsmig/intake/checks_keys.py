"""Checks of the keys: persons and households that stand twice, blank records, heads, sizes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lfsmig.intake.protocol import Finding, NotApplicable, Parts, Subject, check, fact, parts

# What makes two households look like one that was copied, and the members that they need.
MEMBER = ("sex", "age", "birth_province", "birth_country", "education")
MANY = 4


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
    en="No person stands twice in a household but for the line number, no household twice but for "
    "its key, and no large household's members again in the same area",
    th="ไม่มีบุคคลที่ข้อมูลซ้ำกันทุกตัวแปรในครัวเรือนเดียวกันยกเว้นลำดับที่ "
    "ไม่มีครัวเรือนที่ข้อมูลซ้ำกันยกเว้นรหัส "
    "และไม่มีครัวเรือนขนาดใหญ่ที่สมาชิกเหมือนครัวเรือนอื่นในเขตแจงนับเดียวกัน",
)
def nothing_twice(subject: Subject) -> Parts:
    frame = subject.frame
    rest = [name for name in frame.columns if name not in ("household_id", "person_no")]
    answers = _fingerprint(frame, rest)

    def persons() -> Finding:
        # Twins of one birth share few answers by chance once labour and moves are asked, so only
        # persons of labour age are compared.
        old_enough = subject.number("age") >= subject.params.country.labour_age
        again = pd.DataFrame({"answers": answers, "household": frame["household_id"].to_numpy()})
        return subject.persons(again.duplicated().to_numpy() & old_enough)

    def households() -> Finding:
        return _repeated(subject, answers, 2, within="")

    def members() -> Finding:
        names = [name for name in MEMBER if name in frame]
        if "psu" not in frame or len(names) < len(MEMBER):
            raise NotApplicable("the survey does not tell sex, age, birth place and education")
        return _repeated(subject, _fingerprint(frame, names), MANY, within="psu")

    return parts(persons=persons, households=households, members=members)


def _fingerprint(frame: pd.DataFrame, names: list[str]) -> np.ndarray:
    """Give each record a number that equal answers share."""
    total = np.zeros(len(frame), dtype=np.uint64)
    odd = np.uint64(0x9E3779B97F4A7C15)
    for name in names:
        values = frame[name]
        if isinstance(values.dtype, pd.CategoricalDtype):
            codes = values.cat.codes.to_numpy(dtype=np.int64).astype(np.uint64)
        elif pd.api.types.is_numeric_dtype(values):
            filled = values.to_numpy(dtype=float, na_value=-1.5)
            codes = np.nan_to_num(filled, nan=-1.5).view(np.uint64)
        else:
            codes = pd.factorize(values)[0].astype(np.uint64)
        mixed = (codes + np.uint64(1)) * odd
        total = (total ^ mixed ^ (mixed >> np.uint64(29))) * odd + np.uint64(1)
    return total


def _repeated(subject: Subject, prints: np.ndarray, least: int, within: str) -> Finding:
    """Count households of at least so many persons whose records all stand in another one too."""
    frame = subject.frame
    table = pd.DataFrame({"household": frame["household_id"].to_numpy(), "print": prints})
    table["square"] = prints * prints
    table["one"] = 1
    table["place"] = frame[within].to_numpy() if within else ""
    grouped = table.groupby("household", sort=True)
    # Sums of the members' numbers do not depend on their order.
    whole = grouped[["print", "square", "one"]].sum()
    whole["place"] = grouped["place"].first()
    large = whole[whole["one"] >= least]
    again = large.duplicated(["place", "print", "square", "one"]).to_numpy()
    keys = [str(name) for name in large.index[again][:5]]
    return Finding(int(again.sum()), len(whole), keys, counts="households")


@check(
    "K3",
    "household_id",
    "psu",
    "area",
    en="Interviewed households and blank records add up to the planned sample, and each blank "
    "record stands for another household that was not interviewed",
    th="ครัวเรือนที่สัมภาษณ์ได้รวมกับระเบียนว่างเท่ากับจำนวนตัวอย่างตามแผน "
    "และระเบียนว่างแต่ละระเบียนแทนครัวเรือนที่ไม่ได้สัมภาษณ์หนึ่งครัวเรือน",
)
def plan_met(subject: Subject) -> Parts:
    interviewed = subject.frame["household_id"]
    blanks = subject.data.blanks

    def plan() -> Finding:
        planned_each = fact(subject.facts.households_per_psu, "households_per_psu")
        seen = [subject.frame[["psu", "area"]]]
        if {"psu", "area"} <= set(blanks.columns):
            seen.append(blanks[["psu", "area"]])
        areas = pd.concat([one.astype(object) for one in seen]).drop_duplicates("psu")["area"]
        planned = int(areas.map(planned_each).sum())
        met = interviewed.nunique()
        gap = abs(planned - met - len(blanks))
        note = f"planned {planned}, interviewed {met}, blank {len(blanks)}"
        return Finding(gap, planned, note=note, counts="households")

    def blank() -> Finding:
        if "household_id" not in blanks or not len(blanks):
            raise NotApplicable("the year has no blank record that names its household")
        named = blanks["household_id"].astype(object)
        wrong = named.duplicated() | named.isin(interviewed.unique())
        keys = [str(name) for name in named[wrong].head(5)]
        return Finding(int(wrong.sum()), len(blanks), keys, counts="households")

    return parts(plan=plan, blank=blank)


@check(
    "K4",
    "household_id",
    "relation",
    en="Each private household has one head, and its stated size equals its records",
    th="ครัวเรือนส่วนบุคคลมีหัวหน้าหนึ่งคน และจำนวนสมาชิกที่ระบุเท่ากับจำนวนระเบียน",
)
def one_head(subject: Subject) -> Parts:
    relation = subject.text("relation")
    table = pd.DataFrame(
        {
            "household": subject.frame["household_id"].to_numpy(),
            "head": relation == "head",
            "collective": relation == "collective",
            "one": 1,
        }
    )
    grouped = table.groupby("household", sort=True)
    households = grouped.agg({"head": "sum", "collective": "max", "one": "sum"})

    def told(wrong: np.ndarray) -> Finding:
        keys = [str(name) for name in households.index[wrong][:5]]
        return Finding(int(wrong.sum()), len(households), keys, counts="households")

    def heads() -> Finding:
        return told(((households["head"] != 1) & ~households["collective"]).to_numpy())

    def members() -> Finding:
        if "members_reported" not in subject.frame:
            raise NotApplicable("the survey does not state the size of a household")
        stated = subject.frame.groupby("household_id", sort=True)["members_reported"].first()
        differ = (stated.to_numpy(dtype=float, na_value=np.nan) != households["one"]) & (
            stated.notna().to_numpy()
        )
        return told(differ.to_numpy())

    return parts(heads=heads, members=members)
