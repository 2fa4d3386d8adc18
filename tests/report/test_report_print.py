"""The printed edition: tagged, with lists of figures and tables, and with running heads."""

from __future__ import annotations

from pathlib import Path

import pikepdf
import pytest
from test_report_build import LANGUAGES, pdf_text

PDFUA = "{http://www.aiim.org/pdfua/ns/id/}part"
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
    pages = pdf_text(built / f"_book/{language}/report-{language}.pdf").split("\f")
    body = next(n for n, page in enumerate(pages) if page.count("A1") or page.count("ก1"))
    front = "\n".join(pages[:body])
    for name in LISTS[language]:
        assert name in front
    label = {"en": "Figure", "th": "รูปที่"}[language]
    # Each stands in the list and below its chart.
    whole = "\n".join(pages).replace("\u00a0", " ")
    assert whole.count(f"{label} 2.1 ") >= 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_running_head_names_the_chapter(built: Path, language: str) -> None:
    heads = pdf_text(built / f"_book/{language}/report-{language}.pdf", *HEAD).split("\f")
    chapter = {"en": "Recent internal migration", "th": "การย้ายถิ่นภายในประเทศช่วงล่าสุด"}[language]
    assert sum(chapter in head for head in heads) >= 2
    assert {"en": "Synthetic records", "th": "ข้อมูลสังเคราะห์"}[language] in heads[5]
    assert heads[0].strip() == ""
