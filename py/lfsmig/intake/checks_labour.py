"""Checks of labour status: who has one, and the numbers against published ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lfsmig.intake.protocol import Finding, NotApplicable, Parts, Subject, check, fact, parts
from lfsmig.intake.year_estimates import Made, made_now
from lfsmig.published import read_figures

# How many persons a published unit stands for.
PERSONS = {"persons": 1.0, "thousand persons": 1000.0}


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
    "L2",
    "labour_status",
    "weight",
    en="The employed and the unemployed are as many as the survey's own publication says; "
    "synthetic records are judged by |z| ≤ 3, for information",
    th="จำนวนผู้มีงานทำและผู้ว่างงานตรงกับที่สำนักงานเผยแพร่ (ข้อมูลสังเคราะห์พิจารณาจาก |z| ≤ 3 เพื่อเป็นข้อมูลเท่านั้น)",
)
def labour_as_published(subject: Subject) -> Parts:
    known = fact(subject.facts.labour_status, "labour_status").get(subject.year)
    if not known:
        raise NotApplicable(f"no published labour status of {subject.year} in country.yml")
    named = subject.params.country.published_figures
    figures = read_figures(subject.params.dir / str(fact(named, "published_figures")))
    printed = {}
    for status, figure in known.items():
        if figure not in figures.index or figures.at[figure, "unit"] not in PERSONS:
            document = subject.params.document("country.yml")
            raise document.error(
                ("facts", "labour_status", str(subject.year), status),
                f"expected a published number of persons, found {figure!r}",
            )
        row = figures.loc[figure]
        printed[status] = float(row["value"]) * PERSONS[row["unit"]]
    synthetic = bool(subject.data.receipt.get("synthetic"))

    def real() -> Finding:
        if synthetic:
            raise NotApplicable("the records are synthetic")
        sums = subject.frame["weight"].groupby(subject.frame["labour_status"].astype(object)).sum()
        gap = {one: abs(float(sums.get(one, 0.0)) / value - 1) for one, value in printed.items()}
        limit = subject.rule.parts.get("real", subject.rule).threshold
        return told(gap, limit, lambda value: f"{100 * value:.2f} %")

    def by_z() -> Finding:
        if not synthetic:
            raise NotApplicable("the records are a survey's own")
        limit = subject.rule.parts.get("synthetic", subject.rule).threshold
        return told(_z(made_now(subject), printed), limit, lambda value: f"|z| {value:.1f}")

    return parts(real=real, synthetic=by_z)


def told(gap: dict[str, float], limit: float, word: Callable[[float], str]) -> Finding:
    """Judge the largest of some gaps, and name those above the limit."""
    far = [name for name, value in gap.items() if value > limit]
    note = ", ".join(f"{name} {word(value)}" for name, value in gap.items())
    return Finding(len(far), len(gap), far[:5], max(gap.values()), note, counts="figures")


def _z(made: Made, printed: dict[str, float]) -> dict[str, float]:
    """Return how many standard errors the weighted numbers are from the printed ones."""
    table = made.design.total(by=["labour_status"], domain=made.frame["labour_status"].notna())
    codes = table["labour_status"].astype(str)
    estimate = dict(zip(codes, table["estimate"].astype(float), strict=True))
    error = dict(zip(codes, table["se"].astype(float), strict=True))
    return {
        status: abs(estimate[status] - value) / error[status]
        if error.get(status, 0.0) > 0
        else float("inf")
        for status, value in printed.items()
    }
