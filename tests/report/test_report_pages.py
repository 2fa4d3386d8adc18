"""Pages, Word and PDF as they are read: links, locales, narrow screens, formulas, leaks."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pypandoc
import pytest
from test_report_build import CHROMIUM, CHROMIUM_OPTIONS, LANGUAGES, Links, pdf_text

from lfsmig.report import pages, textlayer, worddoc
from lfsmig.report.render import build_report
from lfsmig.report.wordstyle import make_reference

ROOT = Path(__file__).parents[2]


def html_pages(book: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in book.glob("*.html")}


def dead_links(root: Path, language: str) -> list[str]:
    """Targets on an edition's pages that are not there."""
    folder = root / "_book" / language
    targets = {
        target.partition("#")[0]
        for path in folder.glob("*.html")
        for target in Links(path.read_text(encoding="utf-8")).targets
    }
    local = [t for t in targets if t and not t.startswith(("http", "data:"))]
    return [target for target in local if not (folder / target).is_file()]


# --- links that lead to what is there -------------------------------------------------------------


def test_pages_lead_to_documents_only_where_they_are(book: Path, released: Path) -> None:
    """Red before: `--format html` on an empty `_book` led to a DOCX and a PDF not made."""
    shutil.rmtree(book / "_book")
    build_report(book, book / "params", released, ["en"], ["html"], "builtin")
    index = (book / "_book/en/index.html").read_text(encoding="utf-8")
    assert ".docx" not in index
    assert "../th/" not in index
    assert dead_links(book, "en") == []
    # What is made later is led to, by pages that were made before.
    build_report(book, book / "params", released, ["th"], ["html", "docx"], "builtin")
    assert 'href="../th/sec-internal.html"' in (book / "_book/en/sec-internal.html").read_text(
        encoding="utf-8"
    )
    assert 'href="report-th.docx"' in (book / "_book/th/index.html").read_text(encoding="utf-8")
    assert [dead_links(book, language) for language in LANGUAGES] == [[], []]


def test_a_missing_page_is_made_again(book: Path, released: Path) -> None:
    """Red before: only the first page was looked for."""
    lost = book / "_book/en/sec-internal.html"
    before = lost.read_bytes()
    lost.unlink()
    said: list[str] = []
    options = (["en"], ["html", "pdf"], "builtin", said.append)
    build_report(book, book / "params", released, *options)
    assert "en: html" in said
    assert "en: pdf" not in said
    assert lost.read_bytes() == before


def test_documents_of_other_results_are_not_offered(tmp_path: Path) -> None:
    folder, other = tmp_path / "en", tmp_path / "th"
    for each in (folder, other):
        each.mkdir()
        places = "".join(f"<!-- links:{n} --><!-- /links -->" for n in ("editions", "formats"))
        (each / "index.html").write_text(places, encoding="utf-8")
    (folder / "sec-a.html").write_text("<!-- links:editions --><!-- /links -->", encoding="utf-8")
    pages.relink(folder, ["report-en.pdf"], "Other formats", {other: ("th", "ภาษาไทย")})
    index, inner = ((folder / n).read_text("utf-8") for n in ("index.html", "sec-a.html"))
    assert 'href="report-en.pdf"' in index
    assert 'href="../th/index.html"' in index
    # The twin has no such page: to its first one.
    assert 'href="../th/index.html"' in inner
    stamp = (folder / "index.html").stat().st_mtime_ns
    pages.relink(folder, ["report-en.pdf"], "Other formats", {other: ("th", "ภาษาไทย")})
    assert (folder / "index.html").stat().st_mtime_ns == stamp
    pages.relink(folder, [], "Other formats", {})
    assert "href" not in (folder / "index.html").read_text("utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
def test_first_page_has_none_before_it(built: Path, language: str) -> None:
    index = (built / f"_book/{language}/index.html").read_text(encoding="utf-8")
    assert 'rel="prev"' not in index
    assert 'rel="next"' in index
    second = (built / f"_book/{language}/sec-methodology.html").read_text(encoding="utf-8")
    assert 'rel="prev" href="index.html"' in second


# --- the same bytes in every locale ---------------------------------------------------------------


def test_pages_are_the_same_bytes_in_every_locale(
    book: Path, released: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Red before: pandoc read Thai words from its command line in the locale's encoding."""
    before = html_pages(book / "_book/th")
    assert "สารบัญ".encode() in before["index.html"]
    (book / "_work/report/th/built.json").unlink()
    for kept in ("parts", "site"):
        shutil.rmtree(book / "_work/report/th" / kept)
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("LANG", "C")
    build_report(book, book / "params", released, ["th"], ["html"], "builtin")
    after = html_pages(book / "_book/th")
    # The documents beside the pages count as older ones now.
    formats = re.compile(rb"<!-- links:formats -->.*?<!-- /links -->", re.S)
    for name, text in before.items():
        assert formats.sub(b"", text) == formats.sub(b"", after[name]), name


# --- narrow screens -------------------------------------------------------------------------------


def test_no_page_scrolls_sideways_and_no_formula_is_cut(built: Path) -> None:
    """All pages at a phone's and a desk's width, with every data table opened.

    Red before: the working papers were 239 pixels too wide at 390, formulas 2 to 4 too high.
    """
    sync_api = pytest.importorskip("playwright.sync_api")
    if not Path(CHROMIUM).is_file():
        pytest.skip(f"{CHROMIUM} is not installed")
    wide = """() => {
        const faults = [], page = document.documentElement;
        const menu = document.querySelector('.contents details');
        if (menu.open !== (innerWidth > 960)) faults.push('contents open: ' + menu.open);
        document.querySelectorAll('details').forEach(one => one.open = true);
        if (page.scrollWidth > page.clientWidth) faults.push(page.scrollWidth - page.clientWidth);
        const outside = one => one.getBoundingClientRect().right > innerWidth + 1;
        document.querySelectorAll('details.data-table, .scroll').forEach(
            one => outside(one) && faults.push(one.className));
        document.querySelectorAll('.scroll').forEach(
            one => one.scrollWidth > one.clientWidth && one.tabIndex < 0 && faults.push('no key'));
        document.querySelectorAll('.equation p').forEach(
            one => one.scrollHeight > one.clientHeight && faults.push('formula'));
        const title = document.querySelector('.band p').getBoundingClientRect();
        const link = document.querySelector('.editions').getBoundingClientRect();
        const apart = link.left >= title.right || link.top >= title.bottom;
        if (!apart) faults.push('language link over the title');
        return faults;
    }"""
    faults: dict[str, list[object]] = {}
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        for width in (390, 1280):
            page = browser.new_page(viewport={"width": width, "height": 844})
            for language in LANGUAGES:
                for path in sorted((built / f"_book/{language}").glob("*.html")):
                    page.goto(path.as_uri())
                    if found := page.evaluate(wide):
                        faults[f"{width} {language}/{path.name}"] = found
        browser.close()
    assert faults == {}


def test_thai_words_are_not_broken_on_screen(built: Path) -> None:
    text = (built / "_book/th/index.html").read_text(encoding="utf-8")
    kept = re.findall(r'<span\s+class="unbroken">([^<]+)</span>', text)
    assert any(re.fullmatch("ร้อยละ\u00a0[\\d.]+", word) for word in kept)
    assert "พ.ศ.\u00a02567" in kept
    # Lines of a chart are set already.
    text = re.sub(r"<svg.*?</svg>|aria-label=\"[^\"]*\"", "", text, flags=re.S)
    bare = re.sub(r'<span\s+class="unbroken">[^<]+</span>|<title>.*?</title>', "", text)
    body = re.sub(r"<[^>]+>", "", bare[bare.index("<main") :])
    for word in ("ร้อยละ", "ค่าประมาณ", "เชื่อมั่น", "นัยสำคัญ"):
        assert word not in body, word
    # The words themselves stay as they are, for whoever searches them.
    assert "อัตราการย้ายถิ่น" in re.sub(r"<[^>]+>", "", text)


@pytest.mark.parametrize(
    ("language", "text", "kept"),
    [
        ("th", "ช่วง พ.ศ. 2562–2567 เป็นร้อยละ 20.4 ของ", ["พ.ศ.\u00a02562–2567", "ร้อยละ\u00a020.4"]),
        ("th", "ผู้ย้ายถิ่น ค่าประมาณ", ["ผู้ย้ายถิ่น", "ค่าประมาณ"]),
        ("en", "in 2019–2024 of 5–8 persons", ["2019–2024"]),
    ],
)
def test_words_and_numbers_that_belong_together(language: str, text: str, kept: list[str]) -> None:
    made = {}
    for kind in ("html", "typst", "plain"):
        filtered = ROOT / "_extensions/lfsmig/report/unbroken.lua"
        command = [pypandoc.get_pandoc_path(), "-f", "markdown", "-t", kind, "--wrap=none"]
        command += ["-M", f"lang={language}", "--lua-filter", str(filtered)]
        done = subprocess.run(command, input=text.encode(), capture_output=True, check=True)
        made[kind] = done.stdout.decode("utf-8")
    assert re.findall(r'class="unbroken">([^<]+)<', made["html"]) == kept
    boxed = re.findall(r"#box\[([^\]]+)\];", made["typst"])
    boxed = [word.replace("~", "\u00a0").replace("--", "–") for word in boxed]
    assert boxed == kept
    assert made["plain"].strip() == text


# --- Word -----------------------------------------------------------------------------------------


def word_parts(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as archive:
        return {
            name: archive.read(name).decode("utf-8")
            for name in archive.namelist()
            if name.endswith((".xml", ".rels"))
        }


@pytest.mark.parametrize("language", LANGUAGES)
def test_documents_tell_nothing_of_the_machine(built: Path, language: str) -> None:
    """Red before: `docProps/custom.xml` held the path of references.bib and words of the layout."""
    folder = built / "_book" / language
    parts = word_parts(folder / f"report-{language}.docx")
    assert "docProps/custom.xml" not in parts
    assert not any("custom.xml" in text for text in parts.values())
    texts = [*parts.values(), pdf_text(folder / f"report-{language}.pdf")]
    texts += [path.read_text(encoding="utf-8") for path in folder.glob("*.html")]
    secrets = {str(built), str(Path.home()), str(ROOT), "pytest-of"}
    assert [secret for secret in secrets for text in texts if secret in text] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_word_breaks_numbers_as_latin_and_slants_both_scripts(built: Path, language: str) -> None:
    """Red before: LibreOffice broke "2 / 0,420" by `w:val="th"`; captions were half italic."""
    styles = word_parts(built / f"_book/{language}/report-{language}.docx")["word/styles.xml"]
    languages = re.findall(r"<w:lang\b[^>]*/>", styles)
    assert languages
    for found in languages:
        assert 'w:val="en-GB"' in found
        assert 'w:bidi="th-TH"' in found
    caption = re.search(r'<w:style\b[^>]*w:styleId="Caption".*?</w:style>', styles, re.S)
    assert caption is not None
    assert re.search(r"<w:i ?/>\s*<w:iCs ?/>", caption[0])
    heading = re.search(r'<w:style\b[^>]*w:styleId="Title".*?</w:style>', styles, re.S)
    assert heading is not None
    assert not re.search(r"<w:b ?/>(?!\s*<w:bCs)", heading[0])


@pytest.mark.parametrize("language", LANGUAGES)
def test_numbers_in_word_tables_fit_their_columns(built: Path, language: str) -> None:
    """Red before: margins of 108 left too little room, and LibreOffice set "20,50 / 0"."""
    image_font = pytest.importorskip("PIL.ImageFont")
    parts = word_parts(built / f"_book/{language}/report-{language}.docx")
    style = re.search(
        r'<w:style\b[^>]*w:styleId="Table".*?</w:style>', parts["word/styles.xml"], re.S
    )
    assert style is not None
    margins = sum(map(int, re.findall(r'<w:(?:left|right)\b[^>]*w:w="(\d+)"', style[0])))
    size = int(re.findall(r'<w:sz w:val="(\d+)"', style[0])[0]) / 2
    font = image_font.truetype(str(built / "assets/fonts/Sarabun-Regular.ttf"), 1000)
    page = 11906 - 2 * 1361
    broken, seen = [], 0
    for table in re.findall(r"<w:tbl>.*?</w:tbl>", parts["word/document.xml"], re.S):
        grid = [int(found) for found in re.findall(r'<w:gridCol w:w="(\d+)"', table)]
        for row in re.findall(r"<w:tr>.*?</w:tr>", table, re.S):
            cells = re.findall(r"<w:tc>.*?</w:tc>", row, re.S)
            for room, cell in zip(grid, cells, strict=False):
                text = "".join(re.findall(r"<w:t\b[^>]*>([^<]*)</w:t>", cell))
                if not re.fullmatch(r"[−\d.,]+", text):
                    continue
                seen += 1
                needed = 20 * size * font.getlength(text) / 1000 + margins
                if grid and needed > room * page / sum(grid):
                    broken.append(text)
    assert seen > 100
    assert broken == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_small_tables_stay_whole_and_with_their_notes(built: Path, language: str) -> None:
    body = word_parts(built / f"_book/{language}/report-{language}.docx")["word/document.xml"]
    tables = re.findall(r"<w:tbl>.*?</w:tbl>", body, re.S)
    assert len(tables) > 20
    for table in tables:
        rows = re.findall(r"<w:tr>.*?</w:tr>", table, re.S)
        kept = rows if len(rows) <= worddoc.SMALL else rows[-1:]
        styled = [row for row in kept if "<w:pStyle" in row]
        assert all("<w:keepNext/>" in row for row in styled)


@pytest.mark.parametrize("language", LANGUAGES)
def test_formulas_in_word_have_paired_brackets(built: Path, language: str) -> None:
    """Red before: loose brackets are runs of text, which LibreOffice shows as inverted marks."""
    body = word_parts(built / f"_book/{language}/report-{language}.docx")["word/document.xml"]
    formulas = re.findall(r"<m:oMath>.*?</m:oMath>", body, re.S)
    assert len(formulas) >= 10
    loose = re.compile(r"<m:t>[^<]*[()|{}][^<]*</m:t>")
    assert [found[0] for formula in formulas for found in loose.finditer(formula)] == []


def test_library_is_not_needed_for_a_plain_word_document(tmp_path: Path) -> None:
    reference = make_reference(tmp_path / "reference.docx", "Notice")
    target = tmp_path / "a.docx"
    subprocess.run(
        [pypandoc.get_pandoc_path(), "-M", "lang=th", "-M", "secret=/home/me", "-f", "markdown",
         "--reference-doc", str(reference), "-o", str(target)],
        input="# A\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
        text=True, check=True, encoding="utf-8",
    )  # fmt: skip
    assert "secret" in word_parts(target)["docProps/custom.xml"]
    for _ in range(2):
        worddoc.finish(target)
        parts = word_parts(target)
        assert "docProps/custom.xml" not in parts
        assert "docProps/core.xml" in parts["_rels/.rels"]
        assert parts["word/document.xml"].count("<w:keepNext/>") == 4


# --- PDF ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_pdf_text_of_formulas_is_whole(built: Path, language: str) -> None:
    """Red before: the repair cut mathematical letters (29 U+FFFD in each edition)."""
    text = pdf_text(built / f"_book/{language}/report-{language}.pdf")
    assert "\ufffd" not in text
    assert not re.search(r"[\ud800-\udfff]", text)
    assert "𝑉" in text


def test_short_table_keeps_its_notes_on_its_page(tmp_path: Path) -> None:
    """Wherever on a page it comes to stand. Red before: the notes stood alone on the next page."""
    typst = pytest.importorskip("typst")
    template = ROOT / "_extensions/lfsmig/builtin/report.typ"
    table = "#block[#figure(align(left)[#table(columns: 2, [a], [b], [c], [d])], "
    table += "caption: [A table], kind: table)\n#notes[\nNOTE here\n]]"
    parts = [f"#pagebreak()\n#v({height}pt)\n{table}" for height in range(560, 700, 4)]
    text = "```{=typst}\n" + "\n".join(parts) + "\n```\n"
    source = tmp_path / "a.typ"
    command = [pypandoc.get_pandoc_path(), "-f", "markdown", "-t", "typst", "-s"]
    command += ["-M", "title=T", "-M", "lang=en", "--template", str(template), "-o", str(source)]
    subprocess.run(command, input=text.encode(), check=True)
    target = tmp_path / "a.pdf"
    fonts = [str(ROOT / "assets/fonts")]
    typst.compile(str(source), output=str(target), font_paths=fonts, ignore_system_fonts=True)
    # Without the list of tables, which has the captions too.
    pages_read = [page for page in pdf_text(target).split("\f") if page.count("A table") < 2]
    with_note = ["NOTE here" in page for page in pages_read]
    assert sum(with_note) == len(parts)
    assert with_note == ["A table" in page for page in pages_read]


def test_repair_touches_thai_clusters_only() -> None:
    table = "<0003> <D835DC49>\n<0004> <D835DC49>\n<0005> <0E190E34>\n<0006> <0E190E34>\n"
    claims = textlayer.Counter(cluster for _, cluster in textlayer.CLUSTER.findall(table))
    assert dict(claims) == {"0E190E34": 2}
    mended = textlayer._own_marks(table, claims, set())
    assert mended == table.replace("<0006> <0E190E34>", "<0006> <0E34>")


@pytest.mark.parametrize("language", LANGUAGES)
def test_pdf_properties_are_clean(built: Path, language: str) -> None:
    if shutil.which("pdfinfo") is None:
        pytest.skip("pdfinfo is not installed (poppler-utils)")
    path = built / f"_book/{language}/report-{language}.pdf"
    locale = {**os.environ, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(["pdfinfo", str(path)], capture_output=True, check=True, env=locale)
    # A stated default that poppler takes for an error.
    assert done.stderr == b""
    title = re.search(r"^Title: +(.*)$", done.stdout.decode("utf-8"), re.M)
    wanted = {
        "en": "Migration trends from the Labour Force Survey",
        "th": "แนวโน้มการย้ายถิ่นจากการสำรวจภาวะการทำงานของประชากร",
    }
    assert title is not None
    assert title[1] == wanted[language]


@pytest.mark.parametrize("language", LANGUAGES)
def test_title_page_tells_day_and_version_of_the_data(built: Path, language: str) -> None:
    folder = built / "_book" / language
    day = {"en": "29 July 2026", "th": "29 กรกฎาคม พ.ศ. 2569"}[language]
    first = pdf_text(folder / f"report-{language}.pdf", "-l", "1").replace("\u00a0", " ")
    assert day in first
    word = word_parts(folder / f"report-{language}.docx")["word/document.xml"]
    assert day in word.replace("\u00a0", " ")
    version = re.search(r"(?:Data version|ข้อมูลรุ่น) ([0-9a-f]{12})", first)
    assert version is not None
    for text in (word, (folder / "sec-data.html").read_text(encoding="utf-8")):
        assert version[1] in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_working_paper_has_no_empty_table(built: Path, language: str) -> None:
    """Red before: captions stood above a sentence, and the text led to a table that was empty."""
    page = (built / f"_book/{language}/sec-annual-2024.html").read_text(encoding="utf-8")
    parts = re.compile(r'<div id="(tbl-[\w-]+)"(.*?)(?=<div id="tbl-|<section|</section)', re.S)
    labelled = parts.findall(page)
    assert len(labelled) >= 3
    assert [label for label, content in labelled if "<tbody" not in content] == []
    # No figure was published for the year: a sentence, no caption.
    assert "tbl-annual-2024-published" not in page
    assert "svydesign(ids = ~psu" in page
