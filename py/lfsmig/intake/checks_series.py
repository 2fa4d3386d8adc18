"""Checks of the series: changes beyond sampling error, published headlines, identities of flows.

Changes are tested with the covariance that shared PSUs bring (`lfsmig.survey.change`), and p-values
are adjusted for the number of tests that a check makes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from lfsmig import indicators, published
from lfsmig.flows import flow_columns
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
from lfsmig.intake.year_estimates import (
    estimated,
    made_now,
    registered,
    two_years,
)
from lfsmig.params.models import CheckRule
from lfsmig.results import domain_codes
from lfsmig.survey.change import YearCells, series_change
from lfsmig.survey.homogeneity import homogeneity
from lfsmig.survey.multiplicity import adjusted


def _tested(subject: Subject, by: list[list[str]], scale: str = "linear") -> pd.DataFrame:
    """Test the changes of the rule's indicators since the year before; p adjusted over them all."""
    return _changes(two_years(subject, registered(subject, by)), subject.rule, scale)


def _changes(cells: list[YearCells], rule: CheckRule, scale: str = "linear") -> pd.DataFrame:
    found = series_change(cells, scale=scale)
    known = found["p"].notna() & np.isfinite(found["statistic_value"])
    found = found[known].reset_index(drop=True)
    return found.assign(p_adjusted=adjusted(found["p"].clip(0, 1), rule.adjust))


def _told(subject: Subject, found: pd.DataFrame, far: pd.Series, word: Callable) -> Finding:
    """Name the changes that are far, the most significant first."""
    order = found[far].sort_values("statistic_value", key=lambda t: -t.abs(), kind="stable")
    worst = [f"{_cell(row)} {word(row)}" for row in order.head(5).itertuples()]
    # The cells are told to those who mend the file; they may be withheld from publication.
    note = f"{len(found)} changes tested"
    return Finding(int(far.sum()), len(found), worst, note=note, counts="cells")


def _cell(row: object) -> str:
    codes = "/".join(domain_codes(str(row.domain)).values())  # type: ignore[attr-defined]
    named = (row.indicator, row.category, codes)  # type: ignore[attr-defined]
    return " ".join(str(part) for part in named if part)


@check(
    "T1",
    "weight",
    en="No national rate or mean changed since last year by more than three standard errors of the "
    "change (shared areas counted, adjusted for the number of tests)",
    th="อัตราและค่าเฉลี่ยระดับประเทศไม่เปลี่ยนแปลงจากปีก่อนเกินสามเท่าของความคลาดเคลื่อนมาตรฐาน "
    "(คำนึงถึงเขตแจงนับร่วมและปรับตามจำนวนการทดสอบ)",
)
def national_changes(subject: Subject) -> Finding:
    found = _tested(subject, [[]])
    far = (found["statistic_value"].abs() > subject.rule.z) & (
        found["p_adjusted"] < subject.rule.level
    )
    return _told(subject, found, far, lambda row: f"z {row.statistic_value:+.1f}")


@check(
    "T2",
    "weight",
    en="No share of a category changed since last year by more than three standard errors and five "
    "points (adjusted for the number of tests); and which categories contribute most where a whole "
    "distribution changed beyond chance",
    th="สัดส่วนของแต่ละประเภทไม่เปลี่ยนแปลงจากปีก่อนเกินสามเท่าของความคลาดเคลื่อนมาตรฐานและห้าจุดร้อยละ "
    "(ปรับตามจำนวนการทดสอบ) และประเภทใดมีส่วนมากที่สุดเมื่อการแจกแจงทั้งหมดเปลี่ยนแปลงอย่างมีนัยสำคัญ",
)
def category_changes(subject: Subject) -> Parts:
    cells = two_years(subject, registered(subject, [[]]))
    rule = subject.rule

    def change() -> Finding:
        found = _changes(cells, rule)
        far = (
            (found["statistic_value"].abs() > rule.z)
            & (found["estimate"].abs() > rule.change)
            & (found["p_adjusted"] < rule.level)
        )
        return _told(subject, found, far, lambda row: f"{100 * row.estimate:+.1f} points")

    def contribution() -> Finding:
        """Name the largest contributions to distributions that changed, one test for each.

        The number that is named (`top`) is for all distributions together.
        """
        found = homogeneity(cells, ["indicator", "domain"])
        if found.empty:
            raise NotApplicable("no distribution has persons in both years")
        tests = found.drop_duplicates(["indicator", "domain"]).reset_index(drop=True)
        tests = tests.assign(p_adjusted=adjusted(tests["p"], rule.adjust))
        beyond = tests[tests["p_adjusted"] < rule.level]
        named = found[found["indicator"].isin(beyond["indicator"])]
        named = named[named["contribution"] > 0]
        named = named.sort_values("contribution", ascending=False, kind="stable")
        worst = [
            f"{_cell(row)} {row.contribution:.1f} of {row.chisq:.1f}"
            for row in named.head(rule.top).itertuples()
        ]
        note = f"{len(tests)} distributions tested, {len(beyond)} changed"
        return Finding(len(worst), len(found), worst, note=note, counts="cells")

    return parts(change=change, contribution=contribution)


@check(
    "T3",
    "weight",
    "province",
    en="No province's rate changed since last year by more than half and beyond chance "
    "(Benjamini-Hochberg over the provinces)",
    th="อัตราของแต่ละจังหวัดไม่เปลี่ยนแปลงจากปีก่อนเกินครึ่งหนึ่งอย่างมีนัยสำคัญ (ปรับด้วยวิธี Benjamini-Hochberg)",
)
def province_changes(subject: Subject) -> Finding:
    found = _tested(subject, [["province"]], scale="log")
    far = (found["estimate"].abs() > 100 * subject.rule.change) & (
        found["p_adjusted"] < subject.rule.level
    )
    return _told(subject, found, far, lambda row: f"{row.estimate:+.0f} %")


@check(
    "T4",
    "moved",
    en="The number of movers among the records is near that of the year before, in the country and "
    "in each region",
    th="จำนวนผู้ย้ายถิ่นในตัวอย่างใกล้เคียงกับปีก่อน ทั้งระดับประเทศและรายภาค",
)
def movers_stable(subject: Subject) -> Parts:
    earlier = before(subject).frame
    if "moved" not in earlier:
        raise NotApplicable("the earlier year does not ask who moved")
    then, now = (one[one["moved"] == "yes"] for one in (earlier, subject.frame))

    def total() -> Finding:
        note = f"{len(then)} the year before, {len(now)} now"
        return Finding(abs(len(now) - len(then)), max(len(then), 1), note=note, counts="movers")

    def region() -> Finding:
        if "region" not in then or "region" not in now:
            raise NotApplicable("region: not in both years")
        both = pd.DataFrame(
            {
                "now": now["region"].astype(object).value_counts(),
                "then": then["region"].astype(object).value_counts(),
            }
        ).fillna(0.0)
        both = both[both[["now", "then"]].max(axis=1) >= subject.rule.min_cases]
        if both.empty:
            raise NotApplicable("too few movers in any region to compare")
        gap = (both["now"] / both["then"].clip(lower=1) - 1).abs().sort_values(ascending=False)
        limit = subject.rule.parts.get("region", subject.rule).threshold
        worst = [str(name) for name in gap.index[gap > limit]]
        note = f"largest change of a region {gap.iloc[0]:.0%}"
        return Finding(len(worst), len(gap), worst[:5], float(gap.iloc[0]), note, counts="regions")

    return parts(total=total, region=region)


@check(
    "T5",
    "weight",
    en="The published headline figures come out again, but for rounding; synthetic records are "
    "judged by |z| ≤ 3, for information",
    th="ได้ค่าหลักตามที่เผยแพร่ ต่างกันได้เพียงการปัดเศษ (ข้อมูลสังเคราะห์พิจารณาจาก |z| ≤ 3 เพื่อเป็นข้อมูลเท่านั้น)",
)
def headline_reproduced(subject: Subject) -> Parts:
    synthetic = bool(subject.data.receipt.get("synthetic"))

    def real() -> Finding:
        if synthetic:
            raise NotApplicable("the records are synthetic")
        return judged("real", lambda row: abs(row["estimate"] - row["published"]) / row["unit"])

    def by_z() -> Finding:
        if not synthetic:
            raise NotApplicable("the records are a survey's own")
        return judged("synthetic", _z)

    def judged(part: str, measure: Callable[[dict[str, float]], float]) -> Finding:
        figures = subject.once("headline", lambda: _headline(subject))
        limit = subject.rule.parts.get(part, subject.rule).threshold
        gap = {name: measure(row) for name, row in figures.items()}
        far = [name for name, value in gap.items() if value > limit + 1e-6]
        unit = "printed units off" if part == "real" else "|z|"
        note = ", ".join(f"{name} {unit} {value:.2f}" for name, value in gap.items())
        return Finding(len(far), len(gap), far[:5], max(gap.values()), note, counts="figures")

    return parts(real=real, synthetic=by_z)


def _z(row: dict[str, float]) -> float:
    gap = abs(row["estimate"] - row["published"])
    # What the weights are calibrated to has no error beyond that of the printed digits.
    return gap / max(row["se"], 0.5 * row["unit"])


def _headline(subject: Subject) -> dict[str, dict[str, float]]:
    """Return the year's published national figures of the rule's indicators with our estimates."""
    named = subject.params.country.published_figures
    path = subject.params.dir / str(fact(named, "published_figures"))
    chosen = registered(subject, [[]])
    figures = published.read_figures(path)
    made = made_now(subject)
    found = estimated(subject.params, made, chosen).frame
    out = {}
    for indicator in chosen:
        for link in indicator.published:
            row = figures.loc[link.figure] if link.figure in figures.index else None
            # What others derived from printed figures has their rounding too: it stops no year.
            if row is None or row["year"] != str(subject.year) or row["reliability"] != "printed":
                continue
            if link.domain or link.plus or link.change_from or link.compare != "value":
                continue
            cell = found[
                found["indicator"].eq(indicator.id) & found["category"].eq(link.category or "")
            ]
            if cell.empty:
                continue
            # A share is stored as 0.18 and printed as 18 %; a rate per 100 is printed as it is.
            per = 100.0 if indicators.unit_of(indicator) == "share" else 1.0
            out[link.figure] = {
                "published": float(str(row["value"])),
                "unit": published.printed_unit(str(row["value"]), str(row["unit"])),
                "estimate": per * float(cell["estimate"].iloc[0]),
                "se": per * float(cell["se"].iloc[0]),
            }
    if not out:
        raise NotApplicable(f"no published headline figure of {subject.year}")
    return out


@check(
    "T6",
    "previous_province",
    "province",
    "region",
    "weight",
    en="Flows between regions are consistent: nets add up to zero, margins equal the flows, net "
    "migration equals intensity times effectiveness",
    th="กระแสการย้ายระหว่างภาคสอดคล้องกัน (ผลรวมสุทธิเป็นศูนย์ ยอดรวมตรงกับกระแส "
    "และอัตราสุทธิเท่ากับความเข้มคูณประสิทธิผล)",
)
def flows_consistent(subject: Subject) -> Finding:
    made = made_now(subject)
    frame = made.frame
    for name in ("previous_region", "recent_internal"):
        if name not in frame:
            raise NotApplicable(f"{name}: not in this survey")
    codes = list(subject.params.codes("region"))
    weight = frame["weight"].to_numpy(dtype=float)
    flows = flow_columns(frame, "region")
    came, left, resident = (
        np.array([weight[flows[f"{kind}_region_{code}"].to_numpy() == 1].sum() for code in codes])
        for kind in ("in", "out", "resident")
    )
    moves = _origin_destination(subject, frame, codes)
    total, people = moves.sum(), resident.sum()
    if not total > 0:
        raise NotApplicable("nobody moved between regions")
    net = came - left
    intensity, effectiveness = 100 * total / people, 100 * np.abs(net).sum() / (came + left).sum()
    impact = 100 * 0.5 * np.abs(net).sum() / people
    gaps = {
        "nets": abs(net.sum()) / total,
        "destinations": np.abs(moves.sum(axis=0) - came).max() / total,
        "origins": np.abs(moves.sum(axis=1) - left).max() / total,
        "net rate": abs(impact - intensity * effectiveness / 100) / intensity,
    }
    off = [name for name, gap in gaps.items() if gap > subject.rule.threshold]
    note = f"off: {', '.join(off)}" if off else ""
    return Finding(len(off), len(gaps), off, float(max(gaps.values())), note, counts="sums")


def _origin_destination(subject: Subject, frame: pd.DataFrame, codes: list[str]) -> np.ndarray:
    """Cross the regions of the previous and the present province of internal movers.

    Another way to the same flows: they go by the region that each record states.
    """
    region_of = subject.params.region_of()
    table = pd.DataFrame(
        {
            "origin": frame["previous_province"].astype(object).map(region_of),
            "destination": frame["province"].astype(object).map(region_of),
            "weight": frame["weight"].to_numpy(dtype=float),
        }
    )
    moved = frame["recent_internal"].to_numpy(dtype=float) == 1
    table = table[moved & table.notna().all(axis=1).to_numpy()]
    moves = table.pivot_table("weight", "origin", "destination", aggfunc="sum", fill_value=0.0)
    matrix = np.array(moves.reindex(index=codes, columns=codes).fillna(0.0), dtype=float)
    np.fill_diagonal(matrix, 0.0)
    return matrix


@check(
    "T7",
    "psu",
    "moved",
    en="Areas in which most persons moved within the year",
    th="เขตแจงนับที่ประชากรส่วนใหญ่เพิ่งย้ายถิ่นในรอบปี",
)
def areas_of_movers(subject: Subject) -> Finding:
    moved = (subject.frame["moved"] == "yes").to_numpy(dtype=bool)
    groups = pd.Series(moved.astype(float)).groupby(subject.frame["psu"].to_numpy())
    found = groups.agg(["mean", "size"])
    found = found[found["size"] >= subject.rule.min_cases]
    if found.empty:
        raise NotApplicable("no area has enough records")
    most = subject.rule.limits[1] if subject.rule.limits else 1.0
    high = found[found["mean"] > most].sort_values("mean", ascending=False, kind="stable")
    worst = [str(name) for name in high.index[:5]]
    return Finding(len(high), len(found), worst, counts="areas")
