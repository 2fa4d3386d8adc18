"""The printed edition: tagged, with lists of figures and tables, and with running heads."""

from __future__ import annotations

import re
from pathlib import Path

import pikepdf
import pytest
from test_report_build import LANGUAGES, pdf_text

PDFUA = "{http://www.aiim.org/pdfua/ns/id/}part"
LABELS = {"en": {"fig": "Figure", "tbl": "Table"}, "th": {"fig": "รูปที่", "tbl": "ตารางที่"}}
LISTS = {"en": ("Figures", "Tables"), "th": ("สารบัญรูป", "สารบัญตาราง")}
# The part of a page above the text, in points.
HEAD = ["-x", "0", "-y", "0", "-W", "600", "-H", "66"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_pdf_is_tagged_and_knows_its_language(built: Path, language: str) -> None:
    """Red before: a formula had no text, so that Typst refused the standard."""
    with pikepdf.open(built / f"_book/{language}/report-{language}.pdf") as pdf:
        assert bool(pdf.Root.MarkInfo.Marked)
        assert str(pdf.Root.Lang) == language
        assert pdf.open_metadata().get(PDFUA) == "1"
        kinds: dict[str, int] = {}
        silent = 0
        for found in pdf.objects:
            if isinstance(found, pikepdf.Dictionary) and found.get("/Type") == "/StructElem":
                kind = str(found.get("/S", ""))
                kinds[kind] = kinds.get(kind, 0) + 1
                silent += kind in {"/Figure", "/Formula"} and not str(found.get("/Alt", ""))
    assert silent == 0
    assert {"/H1", "/Table", "/TH", "/Figure", "/Formula", "/Caption"} <= set(kinds)


@pytest.mark.parametrize("language", LANGUAGES)
def test_pdf_lists_its_figures_and_tables(built: Path, language: str) -> None:
    """Red before with nothing between the headings of the lists: the headings alone were asked."""
    text = pdf_text(built / f"_book/{language}/report-{language}.pdf").replace("\u00a0", " ")
    listed = lists_of(text, language)
    said = "".join(
        path.read_text(encoding="utf-8").replace("\u00a0", " ")
        for path in (built / f"_book/{language}").glob("*.html")
    )
    for kind, label in LABELS[language].items():
        shown = re.findall(rf"<strong>{label} ([\d.]+)</strong>", said)
        assert len(shown) > 3, kind
        # Each once, in the book's order.
        assert sorted(listed[kind]) == sorted(shown), kind
    assert "2.1" in listed["fig"]


def lists_of(text: str, language: str) -> dict[str, list[str]]:
    """Numbers in the lists of figures and of tables, which stand one after the other."""
    figures, tables = LISTS[language]
    start = re.search(rf"^{figures}$", text, re.M)
    assert start is not None
    middle = re.search(rf"^{tables}$", text[start.end() :], re.M)
    assert middle is not None
    parts = {"fig": text[start.end() :][: middle.start()]}
    # Every entry ends with dots and a page; what has none is the report itself.
    entries = re.finditer(r"(?:\. ){3,}\.?\s*\u2060?\d+", text)
    after = start.end() + middle.end()
    last = max((found.end() for found in entries), default=after)
    parts["tbl"] = text[after : max(after, last)]
    return {
        kind: re.findall(rf"^{LABELS[language][kind]} ([\d.]*\d)\b", part, re.M)
        for kind, part in parts.items()
    }


def test_an_empty_list_is_seen() -> None:
    dots = ". . . . . . 9"
    text = f"Contents\n1 A {dots}\nFigures\n{{}}\nTables\nTable 1.1 B {dots}\nText\nTable 1.1 B"
    assert lists_of(text.format(f"Figure 2.1 A {dots}"), "en") == {"fig": ["2.1"], "tbl": ["1.1"]}
    assert lists_of(text.format(""), "en")["fig"] == []


def test_the_cover_reads_as_written(built: Path) -> None:
    """Red before: readers that go by place gave a mark to the next letter, "สิง่ ของ"."""
    path = built / "_book/th/report-th.pdf"
    subtitle = re.search(r'subtitle: "(.+)"', (built / "_quarto-th.yml").read_text("utf-8"))
    assert subtitle is not None
    for layout in ([], ["-layout"]):
        cover = re.sub(r"\s+", "", pdf_text(path, "-l", "1", *layout))
        assert re.sub(r"\s+", "", subtitle[1]) in cover


@pytest.mark.parametrize("language", LANGUAGES)
def test_running_head_names_the_chapter(built: Path, language: str) -> None:
    heads = pdf_text(built / f"_book/{language}/report-{language}.pdf", *HEAD).split("\f")
    chapter = {"en": "Recent internal migration", "th": "การย้ายถิ่นภายในประเทศช่วงล่าสุด"}[language]
    assert sum(chapter in head for head in heads) >= 2
    assert {"en": "Synthetic records", "th": "ข้อมูลสังเคราะห์"}[language] in heads[5]
    assert heads[0].strip() == ""
