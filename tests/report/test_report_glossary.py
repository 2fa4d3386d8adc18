"""The Thai edition has one term for each concept, and no word-for-word translations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lfsmig.report import data, findings, words
from lfsmig.report.data_tables import data_table
from lfsmig.yamltext import plain

ROOT = Path(__file__).parents[2]
GLOSSARY = plain((ROOT / "py/lfsmig/report/glossary.yml").read_text(encoding="utf-8"))
TEXTS = [
    *(ROOT / "chapters/th").glob("*.qmd"),
    ROOT / "index.th.qmd",
    ROOT / "chapters/analysis/annual.qmd",
    ROOT / "py/lfsmig/report/words.yml",
    ROOT / "py/lfsmig/twins.yml",
    *(ROOT / "params" / f"{name}.yml" for name in ("variables", "indicators", "breaks", "country")),
]  # fmt: skip
THAI = re.compile("[\u0e00-\u0e7f]")


def found(text: str) -> Iterator[tuple[str, str]]:
    """Words that the glossary has another term for, with that term."""
    for entry in GLOSSARY["terms"]:
        for pattern in entry["instead_of"]:
            yield from ((hit, entry["term"]) for hit in re.findall(pattern, text))
    for entry in GLOSSARY["style"]:
        yield from ((hit, entry["term"]) for hit in re.findall(entry["instead_of"], text))


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_one_term_for_each_concept(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert THAI.search(text)
    assert list(found(text)) == []


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("แถวและสดมภ์", "คอลัมน์"),
        ("ครัวเรือนกลุ่มและที่พักคนงาน", "ครัวเรือนกลุ่มบุคคล"),
        ("หลานของหัวหน้าครัวเรือน", "หลาน (ลูกของบุตร)"),
        ("ช่วงคอร์น", "ช่วงความเชื่อมั่นแบบ Korn–Graubard"),
        ("ผู้รอฤดูกาล", "กำลังแรงงานที่รอฤดูกาล"),
        ("การสำรวจเห็นเฉพาะผู้ย้ายเข้า", "ไม่ครอบคลุม"),
        ("เมื่อค่า p ต่ำกว่าร้อยละ 5", "ค่า p น้อยกว่า 0.05"),
        ("ภาคและ“อื่น ๆ”", "และ “"),
    ],
)
def test_another_word_is_found(text: str, term: str) -> None:
    assert term in [instead for _, instead in found(text)]
    # The term itself is none.
    assert list(found(f"{term} ")) == []


def test_labels_that_stand_in_are_those_of_the_dictionary() -> None:
    """One code, one Thai word, whether the parameters are at hand or not."""
    dictionary = plain((ROOT / "params/variables.yml").read_text(encoding="utf-8"))["variables"]
    different = {
        (variable, code): (texts["th"], dictionary[variable]["codes"][code]["th"])
        for variable, codes in words.catalogue()["codes"].items()
        for code, texts in codes.items()
        if code in dictionary.get(variable, {}).get("codes", {})
        and texts["th"] != dictionary[variable]["codes"][code]["th"]
    }
    # The answers yes and no are named here by what they mean.
    assert {variable for variable, _ in different} <= {"sent_remittances"}, different


def test_a_quotation_stands_apart_from_the_word_before_it(edition: pytest.MonkeyPatch) -> None:
    edition.setenv("LFSMIG_LANG", "th")
    assert words.listing(["“ก”", "“ข”"]) == "“ก” และ “ข”"
    assert words.listing(["ก", "ข"]) == "ก และข"
    edition.setenv("LFSMIG_LANG", "en")
    assert words.listing(["“a”", "“b”"]) == "“a” and “b”"


def test_a_balance_begins_without_a_joining_word(edition: pytest.MonkeyPatch) -> None:
    """“ส่วน” joins a clause to the one before it, and there is none where no region gained."""
    edition.setenv("LFSMIG_LANG", "th")
    frame = data.series("recent_internal.net_rate", by="region")
    even = frame.assign(ci_low=-0.5, ci_high=0.5)
    nothing = even.iloc[:0]
    edition.setattr(data, "series", lambda *_, by=None, **__: even if by else nothing)
    assert "ผลสุทธิของ" in findings.finding("recent_internal.net_rate")
    assert "ส่วนผลสุทธิ" not in findings.finding("recent_internal.net_rate")
    gained = even.assign(ci_low=even["ci_low"].where(even["code"].ne("3"), 0.1))
    edition.setattr(data, "series", lambda *_, by=None, **__: gained if by else nothing)
    assert " ส่วนผลสุทธิของ" in findings.finding("recent_internal.net_rate")


def test_central_is_said_to_be_without_bangkok(edition: pytest.MonkeyPatch) -> None:
    """Below whatever is shown by region; not below other tables."""
    edition.setenv("LFSMIG_LANG", "th")
    note = "ภาคกลางไม่รวมกรุงเทพมหานคร"
    assert note in data_table("recent_internal.rate", by="region").data
    assert note in data_table("recent_internal.region_of_birth").data
    assert note not in data_table("recent_internal.rate").data
    assert note not in data_table("recent_internal.reason").data
