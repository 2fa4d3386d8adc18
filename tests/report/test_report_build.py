"""The documents of the built-in road: pages, Word, PDF, in both languages, and the browser."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lfsmig.errors import ChapterError, LfsmigError
from lfsmig.lock import held
from lfsmig.report.render import build_report
from tests.report.conftest import BUILD_YEARS, change_text, without_exhibits

LANGUAGES = ("en", "th")
HEADINGS = {
    "en": {"index": "Key findings", "sec-internal": "Recent internal migration"},
    "th": {"index": "ข้อค้นพบสำคัญ", "sec-internal": "การย้ายถิ่นภายในประเทศช่วงล่าสุด"},
}
CHROMIUM = "/usr/bin/chromium"
CHROMIUM_OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
]  # fmt: skip


class Links(HTMLParser):
    """Targets, identifiers and image texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.loaded: list[str] = []
        self.ids: set[str] = set()
        self.images: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if "id" in found:
            self.ids.add(found["id"])
        if tag == "img":
            self.images.append((found.get("src", ""), found.get("alt", "")))
        if tag in {"a", "link"} and "href" in found:
            self.targets.append(found["href"])
        # What the browser fetches by itself, unlike what a reader clicks on.
        if tag in {"img", "link", "script", "source"}:
            self.loaded += [found[name] for name in ("src", "href") if name in found]


def pages(root: Path, language: str) -> dict[str, str]:
    """Text of an edition's pages by name."""
    folder = root / "_book" / language
    return {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.html")}


# The part of a page between its header and its footer, in points.
BETWEEN_EDGES = ["-x", "0", "-y", "66", "-W", "600", "-H", "712"]


def pdf_text(path: Path, *part: str) -> str:
    """Text layer of a PDF, or of a part of each of its pages."""
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed (poppler-utils)")
    done = subprocess.run(["pdftotext", *part, str(path), "-"], capture_output=True, check=True)
    return done.stdout.decode("utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_say_what_they_should(built: Path, language: str) -> None:
    found = pages(built, language)
    assert f"sec-annual-{BUILD_YEARS[0]}" in found
    for name, heading in HEADINGS[language].items():
        assert heading in re.sub(r"<[^>]+>", "", found[name])
    for name, text in found.items():
        prose = re.sub(r"<[^>]+>", " ", text)
        for wrong in ("{python}", "?@", "@fig-", "@sec-", "@tbl-", "Traceback", ":::"):
            assert wrong not in prose, (name, wrong)
        assert not re.search(r"\bnan\b", prose), name
        assert f'lang="{language}"' in text
    notice = {"en": "not statistics of Thailand", "th": "มิใช่สถิติของประเทศไทย"}[language]
    # Red before on the list of references: every page can be passed on alone.
    assert [n for n, text in found.items() if notice not in " ".join(text.split())] == []
    heads = [" ".join(text.partition("<main")[0].split()) for text in found.values()]
    assert all(notice in head for head in heads)


@pytest.mark.parametrize("language", LANGUAGES)
def test_links_lead_somewhere_and_images_have_texts(built: Path, language: str) -> None:
    folder = built / "_book" / language
    read = {name: Links(text) for name, text in pages(built, language).items()}
    for name, page in read.items():
        assert not [t for t in page.loaded if t.startswith(("http:", "https:", "//"))]
        for target in page.targets:
            if target.startswith(("http:", "https:", "data:")):
                continue
            file, _, anchor = target.partition("#")
            assert not file or (folder / file).is_file(), (name, target)
            if anchor:
                stem = Path(file).stem if file else name
                assert anchor in read[stem].ids, (name, target)
        for source, text in page.images:
            assert (folder / source).is_file()
            assert len(text) > 20


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_lead_to_the_other_edition_and_to_the_data_tables(built: Path, language: str) -> None:
    other = {"en": "th", "th": "en"}[language]
    found = pages(built, language)
    for name, text in found.items():
        assert f'href="../{other}/{name}.html"' in text
    listed = Links(found["sec-data"]).targets
    assert "sec-internal.html#fig-internal-rate" in listed
    assert "index.html#fig-findings-rate" in listed


def test_twins_show_the_same_figures(built: Path) -> None:
    english, thai = (pages(built, language) for language in LANGUAGES)
    assert set(english) == set(thai)
    for name in ("index", "sec-internal", "sec-replication"):
        ids = [set(re.findall(r'id="((?:fig|tbl|sec)-[\w-]+)"', p[name])) for p in (english, thai)]
        assert ids[0] == ids[1]
    assert "2024" in english["index"]
    assert "2567" in thai["index"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_pdf_fonts_and_text(built: Path, language: str) -> None:
    path = built / f"_book/{language}/report-{language}.pdf"
    if shutil.which("pdffonts") is None:
        pytest.skip("pdffonts is not installed (poppler-utils)")
    listed = subprocess.run(["pdffonts", str(path)], capture_output=True, text=True, check=True)
    names = {line.split()[0].partition("+")[2] for line in listed.stdout.splitlines()[2:]}
    # The code font comes with Typst; anything else would be a silent replacement.
    odd = {n for n in names if not n.startswith(("Sarabun", "NewCMMath", "DejaVuSansMono"))}
    assert names
    assert not odd
    text = pdf_text(path)
    assert "{python}" not in text
    assert HEADINGS[language]["index"] in text


def test_thai_text_layer_reads_as_written(built: Path) -> None:
    # A sentence may run on over the edge of a page.
    shown = pdf_text(built / "_book/th/report-th.pdf", *BETWEEN_EDGES)
    text = re.sub(r"\s+", "", shown)
    assert text.count("ย้ายถิ่น") > 50
    doubled = re.finditer(r"([\u0e01-\u0e2e][\u0e31-\u0e3a]?[\u0e48-\u0e4b])\1", text)
    # The one word that is rightly said twice in a row.
    assert {found[1] for found in doubled} <= {"ที่"}
    assert "ถิ่ถิ่น" not in text
    source = (built / "chapters/th/01-methodology.qmd").read_text(encoding="utf-8")
    prose = re.sub(r"```.*?```|\$[^$]*\$|\[?@[\w-]+\]?|\{[^}]*\}", "|", source, flags=re.S)
    phrases = re.findall(r"[\u0e01-\u0e5b]{12,}", prose)
    assert len(phrases) > 60
    assert [phrase for phrase in phrases if phrase not in text] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_word_document(built: Path, language: str) -> None:
    path = built / f"_book/{language}/report-{language}.docx"
    with zipfile.ZipFile(path) as archive:
        body = archive.read("word/document.xml").decode("utf-8")
        styles = archive.read("word/styles.xml").decode("utf-8")
        media = [n for n in archive.namelist() if n.startswith("word/media/")]
    texts = re.findall(r'<pic:cNvPr [^>]*descr="([^"]*)"', body)
    assert media
    assert all(name.endswith(".png") for name in media)
    assert len(texts) >= len(media)
    assert all(len(text) > 20 for text in texts)
    assert 'w:cs="Sarabun"' in styles
    assert 'w:bidi="th-TH"' in styles
    assert HEADINGS[language]["sec-internal"] in re.sub(r"<[^>]+>", "", body)
    assert "Consolas" in styles


@pytest.mark.parametrize("language", LANGUAGES)
def test_word_pages_have_contents_notice_number_and_whole_rows(built: Path, language: str) -> None:
    with zipfile.ZipFile(built / f"_book/{language}/report-{language}.docx") as archive:
        body = archive.read("word/document.xml").decode("utf-8")
        edges = {
            kind: "".join(
                archive.read(name).decode("utf-8")
                for name in archive.namelist()
                if re.fullmatch(rf"word/{kind}\d*\.xml", name)
            )
            for kind in ("header", "footer")
        }
    entries = re.findall(r'w:val="TOC1"/></w:pPr><w:hyperlink w:anchor="([^"]+)"', body)
    assert "sec-internal" in entries
    for anchor in entries:
        assert f'w:name="{anchor}"' in body
    assert {"en": "Synthetic records", "th": "ข้อมูลสังเคราะห์"}[language] in edges["header"]
    assert 'w:instr="PAGE"' in edges["footer"]
    assert 'w:w="11906"' in body
    assert body.count("<w:cantSplit/>") > 100
    # A numbered formula stands in a row of its own with its number.
    assert re.search(r"</m:oMathPara>.{0,400}\(1\.1\)", body, re.S)


@pytest.mark.parametrize("language", LANGUAGES)
def test_print_collects_the_data_tables(built: Path, language: str) -> None:
    text = pdf_text(built / f"_book/{language}/report-{language}.pdf")
    label = {"en": "Data table A1", "th": "ตารางข้อมูล ก1"}[language]
    # Once beneath the chart, once in the appendix.
    assert text.replace("\u00a0", " ").count(label) >= 2


def test_unchanged_report_is_not_made_again(
    built: Path, released: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_exhibits(monkeypatch)
    said: list[str] = []
    before = {p: p.stat().st_mtime_ns for p in (built / "_book").rglob("*") if p.is_file()}
    made = build_report(built, built / "params", released, with_="builtin", progress=said.append)
    assert len(made) == 6
    assert all(path.is_file() for path in made)
    assert "en: up to date" in said
    assert not any("[" in line for line in said)
    after = {p: p.stat().st_mtime_ns for p in (built / "_book").rglob("*") if p.is_file()}
    assert before == after


def test_second_build_in_the_same_folder_is_refused(project: Path, released: Path) -> None:
    with (
        held(project / "_work/report"),
        pytest.raises(LfsmigError, match=r"another report is being built here \(process \d+\)"),
    ):
        build_report(project, project / "params", released, with_="builtin")
    with held(project / "_work/report"):
        pass
    assert not (project / "_book").exists()


def test_failure_leaves_earlier_documents(book: Path, released: Path) -> None:
    old = book / "_book/en/report-en.pdf"
    before = old.read_bytes()
    for name in LANGUAGES:
        fault = "1 / 0 or report.tbl_overview("
        change_text(book / f"index.{name}.qmd", "report.tbl_overview(", fault)
    with pytest.raises(
        ChapterError, match=r"index\.en\.qmd: cell 'tbl-findings-main': ZeroDivisionError"
    ):
        build_report(book, book / "params", released, ["en"], ["pdf"], "builtin")
    assert old.read_bytes() == before


def test_browser_reads_the_pages(built: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    if not Path(CHROMIUM).is_file():
        pytest.skip(f"{CHROMIUM} is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        page = browser.new_page()
        errors: list[str] = []
        requests: list[str] = []
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: errors.append(str(e)))
        page.on("request", lambda r: requests.append(r.url))
        for language in LANGUAGES:
            page.goto((built / f"_book/{language}/index.html").as_uri())
            page.click("nav.contents a[href='sec-internal.html']")
            page.wait_for_load_state("load")
            assert HEADINGS[language]["sec-internal"] in page.title()
            assert page.locator("svg.chart").count() >= 5
            empty = "es => es.filter(e => e.getBBox().width < 300).length"
            assert page.eval_on_selector_all("svg.chart", empty) == 0
            wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            assert not page.evaluate(wide)
            table = page.locator("details.data-table").first
            assert not table.locator("table").is_visible()
            table.locator("summary").click()
            assert table.locator("table").is_visible()
            assert "Sarabun" in page.evaluate("getComputedStyle(document.body).fontFamily")
            page.click("a[rel=next]")
            page.click("a[rel=prev]")
            assert page.url.endswith("sec-internal.html")
        browser.close()
    assert errors == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
