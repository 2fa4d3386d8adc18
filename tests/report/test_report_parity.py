"""Both editions show the same numbers: cell by cell, chart by chart, and in the sentences."""

from __future__ import annotations

import re
from pathlib import Path

import parity
import pytest


def test_twins_show_the_same_numbers(built: Path) -> None:
    """Red before with a 9 before every Thai number: only the names of exhibits were compared."""
    assert parity.problems_of(built / "_book") == []


EN = """<main><h2 id="sec-a">1.1 Part</h2><p>In 2024, 21.5 per cent of twelve thousand moved.</p>
<svg><use href="#t"/><text>0.5</text><text>1.25</text><text>In 2024</text></svg>
<table><tr><th>Age</th><th>2024</th></tr><tr><td>Two years</td><td>1,234 (5)*</td></tr>
<tr><td>95 % interval</td><td>−2 to 3</td></tr></table>
<p>A work, 2019. <a href="https://a.example">there</a></p></main>"""
TH = """<main><h2 id="sec-a">1.1 ส่วน</h2><p>ใน พ.ศ.&nbsp;2567 ร้อยละ 21.5 ของ 12 พันคน</p>
<svg><use href="#t"/><text>1.0</text><text>1.25</text><text>พ.ศ. 2567</text></svg>
<table><tr><th>อายุ</th><th>2567</th></tr><tr><td>2 ปี</td><td>1,234 (5)*</td></tr>
<tr><td>ช่วงความเชื่อมั่น</td><td>−2 ถึง 3</td></tr></table>
<p>งานอื่น 2566 <a href="https://a.example">ที่นี่</a></p></main>"""


def test_years_words_and_marks_of_axes_are_no_difference() -> None:
    assert list(parity.differences(EN, TH)) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("1,234", "1,235", "table 1, cell 4"),
        ("(5)", "(95)", "table 1, cell 4"),
        ("−2 ถึง", "2 ถึง", "table 1, cell 6"),
        ("<th>2567", "<th>2566", "table 1, cell 2"),
        ("<th>2567", "<th>2024", ""),
        ("<td>2 ปี</td>", "", "table 1"),
        ("1.25", "1.26", "chart 1"),
        ("<text>พ.ศ. 2567", "<text>พ.ศ. 2562", "chart 1"),
        ("21.5", "921.5", "section sec-a"),
        ("พ.ศ.&nbsp;2567", "พ.ศ.&nbsp;2565", "section sec-a"),
        ("<svg>", "<svg></svg><svg>", "1 and 2 charts"),
    ],
)
def test_a_planted_difference_is_found(old: str, new: str, told: str) -> None:
    assert old in TH
    found = list(parity.differences(EN, TH.replace(old, new, 1)))
    assert told in " ".join(found)
    assert bool(found) == bool(told)


def test_another_digit_before_every_thai_number_is_found(built: Path) -> None:
    english, thai = (
        (built / f"_book/{language}/sec-internal.html").read_text(encoding="utf-8")
        for language in ("en", "th")
    )
    wrong = re.sub(r"(?<=>)(?=\d+\.\d<)|(?<=>)(?=\d+\.\d \()", "9", thai)
    assert wrong != thai
    found = list(parity.differences(english, wrong))
    assert len(found) > 20
