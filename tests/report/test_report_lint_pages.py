"""The linter of rendered pages: nothing found in the book, every rule finds its planted fault."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path

import pytest

from lfsmig.report import lint_pages, lint_pdf
from lfsmig.report.lint_pages import problems_of, word_problems

LANGUAGES = ("en", "th")
PAGE = """<!DOCTYPE html><html lang="{lang}"><head><title>{head} 2024</title>
<link rel="stylesheet" href="a.css"></head><body><main>
<h1 id="top">{head}</h1><p>{text}</p><h2 id="two">{head}</h2>
<svg role="img" aria-label="{alt}"><text>{text}</text></svg>
<table><thead><tr><th>{head}</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>
<p><a href="#two">{text}</a> <code>None, nan, {{python}}</code></p></main></body></html>"""
ALT = {
    "en": "Line chart: the rate rose to 2 per cent.",
    "th": "แผนภูมิเส้น อัตราเพิ่มขึ้นเป็นร้อยละ 2 ของประชากร",
}
WORDS = {
    "en": {"head": "Heading", "text": "Some words.", "alt": ALT["en"]},
    "th": {"head": "หัวข้อของหน้า", "text": "ข้อความ", "alt": ALT["th"]},
}  # fmt: skip
CSS = "@font-face { font-family: Sarabun; src: url(a.woff); }"
# Rule, edition, what stands in the page, what is put in its place.
FAULTS = [
    ("unresolved_reference", "en", "Some words.", "See ?@fig-rate."),
    ("unresolved_reference", "th", "ข้อความ", "ดู @tbl-main"),
    ("not_a_number", "en", "<td>1</td>", "<td>nan</td>"),
    ("not_a_number", "en", "<td>1</td>", "<td>None</td>"),
    ("raw_code", "en", "Some words.", "`{python} report.span()`"),
    ("raw_code", "th", "ข้อความ", ":::: {.callout-note}"),
    ("r_chatter", "en", "Some words.", "Loading required package: grid"),
    ("r_chatter", "en", "Some words.", "[1] 0.42 "),
    ("python_chatter", "en", "Some words.", "FutureWarning: this will change"),
    ("machine", "en", "Some words.", "/home/someone/book.md"),
    ("placeholder", "en", "Some words.", "TODO: the source"),
    ("other_language", "th", "<p>ข้อความ", "<p>ข้อความ forgotten"),
    ("other_language", "en", "<p>Some words.", "<p>Some words ลืม."),
    ("other_language", "th", "<text>ข้อความ", "<text>Male"),
    ("alt", "en", ' aria-label="Line chart: the rate rose to 2 per cent."', ""),
    ("alt", "en", "</main>", '<img src="a.css"></main>'),
    ("alt", "th", "แผนภูมิเส้น อัตราเพิ่มขึ้นเป็นร้อยละ 2 ของประชากร", "Line chart of the rate, per cent"),
    ("no_language", "th", '<html lang="th">', '<html lang="en">'),
    ("headings", "en", "<h2 ", "<h4 "),
    ("headings", "en", '<h1 id="top">Heading</h1>', ""),
    ("twice", "en", 'id="two"', 'id="top"'),
    ("silent_link", "en", '<a href="#two">Some words.</a>', '<a href="#two"></a>'),
    ("table", "en", "<th>Heading</th>", "<td>Heading</td>"),
    ("title", "en", "Heading 2024", "A"),
    ("outside", "en", "</head>", '<script src="https://cdn.example/a.js"></script></head>'),
    ("dead_link", "en", 'href="#two"', 'href="#three"'),
    ("dead_link", "en", 'href="#two"', 'href="gone.html"'),
]  # fmt: skip


def small_edition(folder: Path, language: str) -> Path:
    folder.mkdir(exist_ok=True)
    page = PAGE.format(lang=language, **WORDS[language])
    (folder / "index.html").write_text(page, encoding="utf-8")
    (folder / "a.css").write_text(CSS, encoding="utf-8")
    (folder / "a.woff").write_bytes(b"x")
    return folder


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_report_breaks_no_rule(built: Path, language: str) -> None:
    """Red before: `None` for a category, `province, sex` in the Thai checks, no fonts in Word."""
    assert [str(p) for p in problems_of(built / "_book" / language, language)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_clean_page_is_clean(tmp_path: Path, language: str) -> None:
    assert problems_of(small_edition(tmp_path / language, language), language) == []


@pytest.mark.parametrize(("rule", "language", "old", "new"), FAULTS)
def test_a_planted_fault_is_found(
    tmp_path: Path, rule: str, language: str, old: str, new: str
) -> None:
    folder = small_edition(tmp_path / language, language)
    page = folder / "index.html"
    text = page.read_text(encoding="utf-8")
    assert old in text
    page.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert rule in {problem.rule for problem in problems_of(folder, language)}


def test_every_rule_has_a_planted_fault() -> None:
    checks = {check.__name__.strip("_") for check in lint_pages.PAGE_CHECKS}
    rules = set(lint_pages.rules()["text"]) | checks | {"other_language", "dead_link"}
    assert rules == {rule for rule, *_ in FAULTS}


def test_fonts_and_weight_of_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = small_edition(tmp_path / "en", "en")
    (folder / "a.woff").write_bytes(b"x" * 1_600_000)
    assert {p.rule for p in problems_of(folder, "en")} == {"weight"}
    assert "of them 1,600," in problems_of(folder, "en")[0].found
    # What waits for a search counts, and is told apart.
    (folder / "a.woff").write_bytes(b"x" * 900_000)
    (folder / "index.js").write_bytes(b"x" * 700_000)
    page = (folder / "index.html").read_text(encoding="utf-8")
    (folder / "index.html").write_text(
        page.replace("<main>", '<main data-index="index.js">'), encoding="utf-8"
    )
    [told] = [p.found for p in problems_of(folder, "en")]
    assert told.startswith("1,600,") and "of them 900," in told
    (folder / "index.html").write_text(page, encoding="utf-8")
    (folder / "a.woff").unlink()
    assert "no such file" in problems_of(folder, "en")[0].found
    (folder / "a.css").write_text("body { font-family: Arial }", encoding="utf-8")
    assert {p.rule for p in problems_of(folder, "en")} == {"fonts"}


def test_words_of_a_pdf_are_asked_and_its_code_is_not(built: Path, tmp_path: Path) -> None:
    """Red before: the rules said they were asked of the PDF, and only its fonts were."""
    if shutil.which(lint_pdf.READER) is None:
        assert lint_pdf.pdf_texts(tmp_path / "a.pdf", ["Sarabun"]) is None
        pytest.skip("poppler-utils is not installed")
    typst = pytest.importorskip("typst")
    source, target = tmp_path / "a.typ", tmp_path / "a.pdf"
    fonts = {"ignore_system_fonts": True, "font_paths": [str(built / "assets/fonts")]}
    for word, broken in (("nan", {"not_a_number"}), ("TODO", {"placeholder"}), ("2.1", set())):
        text = f'#set text(font: "Sarabun")\nThe share is {word}.\n\n`None, nan`'
        source.write_text(text, encoding="utf-8")
        typst.compile(str(source), output=str(target), **fonts)
        assert {problem.rule for problem in problems_of(tmp_path, "en")} == broken


def test_faults_of_a_word_document(built: Path, tmp_path: Path) -> None:
    source = built / "_book/en/report-en.docx"
    faults = [
        ("alt", r' descr="[^"]*"', ""),
        ("table", r"<w:tblHeader[^>]*/>", ""),
        ("fonts", r'w:ascii="Sarabun"', 'w:ascii="Arial"'),
        ("not_a_number", r"<w:t([^>]*)>[^<]+</w:t>", r"<w:t\1>nan</w:t>"),
    ]
    for rule, pattern, new in faults:
        target = tmp_path / "a.docx"
        shutil.copyfile(source, target)
        _change(target, pattern, new)
        assert rule in {problem.rule for problem in word_problems(target, "en")}


def _change(path: Path, pattern: str, new: str) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for name in ("word/document.xml", "word/styles.xml"):
        text = parts[name].decode("utf-8")
        parts[name] = re.sub(pattern, new, text, count=2000).encode("utf-8")
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
