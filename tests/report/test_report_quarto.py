"""The Quarto road: its guards, its configuration, and what its filters and type styles do."""

from __future__ import annotations

import io
import re
import subprocess
import zipfile
from pathlib import Path

import pypandoc
import pytest
import typst
import yaml
from pypdf import PdfReader

from lfsmig.atomic import write_json
from lfsmig.errors import ChapterError
from lfsmig.report import execution, project, quartoroad
from lfsmig.report.style import font_files
from tests.report.conftest import BUILD_YEARS, ROOT, set_years

LANGUAGES = ("en", "th")
EXTENSION = ROOT / "_extensions/lfsmig/report"
# As Quarto makes it: the table in the one cell of a centred table, its caption styled by raw XML.
PACKED = """
function Pandoc(doc)
  local style = '<w:pPr>\\n<w:jc w:val="left"/><w:pStyle w:val="ImageCaption" /></w:pPr>'
  local caption = pandoc.Para({ pandoc.RawInline("openxml", style), pandoc.Str("Table 1: Rates") })
  local cell = pandoc.Div({ caption, doc.blocks[1] }, { id = "tbl-rates" })
  local packed = pandoc.SimpleTable({}, { "AlignCenter" }, { 1 }, {}, { { { cell } } })
  return pandoc.Pandoc({ pandoc.utils.from_simple_table(packed) })
end
"""


@pytest.fixture
def with_results(project: Path, edition: pytest.MonkeyPatch) -> Path:
    """A copied project, and the environment of a render by hand."""
    edition.setenv("LFSMIG_PARAMS", str(project / "params"))
    edition.delenv("LFSMIG_LANG")
    return project


def record_working_papers(root: Path, released: Path) -> None:
    """Write down that the working papers are up to date."""
    work = root / "_work/report"
    places = (root / "params", released)
    years = project.listed_years(root, "en")
    tasks = execution.plan(root, work, ["en"], years, *places, "png", only_annual=True)
    write_json(work / "notebooks.json", {str(task.out): task.key for task in tasks})


def test_mistyped_profile_is_refused(with_results: Path) -> None:
    # Quarto adds the default to a profile that is not of the group, and renders that.
    with pytest.raises(ChapterError, match=r"no edition 'ent'.*en, th"):
        quartoroad.prepare(with_results, {"QUARTO_PROFILE": "ent,en"})


def test_old_working_papers_are_refused(with_results: Path, released: Path) -> None:
    quarto = {"QUARTO_PROFILE": "en"}
    with pytest.raises(ChapterError, match=r"chapters/en/annual/2019\.ipynb: not made from"):
        quartoroad.prepare(with_results, quarto)
    record_working_papers(with_results, released)
    quartoroad.prepare(with_results, quarto)
    set_years(with_results, BUILD_YEARS)
    with pytest.raises(ChapterError, match=r"not made from"):
        quartoroad.prepare(with_results, quarto)


@pytest.mark.parametrize(("language", "notice"), [("en", "Synthetic"), ("th", "ข้อมูลสังเคราะห์")])
def test_render_finds_what_the_configuration_names(
    with_results: Path, language: str, notice: str
) -> None:
    staged = {"QUARTO_PROFILE": language, quartoroad.STAGED: "1"}
    quartoroad.prepare(with_results, staged)
    formats = project.configuration(with_results, language)["format"]
    base = yaml.safe_load((with_results / "_quarto.yml").read_text(encoding="utf-8"))["format"]
    named = [
        formats["docx"]["reference-doc"],
        formats["html"]["css"],
        formats["typst"]["include-in-header"],
        *formats["typst"]["include-before-body"],
        *base["typst"]["include-before-body"],
        *formats["typst"]["font-paths"],
    ]
    assert [name for name in named if not (with_results / name).exists()] == []
    assert notice in (with_results / quartoroad.NOTICE).read_text(encoding="utf-8")


def test_configuration_keeps_clear_of_what_quarto_is_silent_about() -> None:
    base = yaml.safe_load((ROOT / "_quarto.yml").read_text(encoding="utf-8"))
    assert base["execute"] == {"echo": False, "warning": False, "freeze": False}
    assert base["format"]["html"]["html-math-method"] == "mathml"
    # The theme's font would come from the network.
    theme = ROOT / base["format"]["html"]["theme"][-1]
    assert "$web-font-path: false;" in theme.read_text(encoding="utf-8")
    assert base["filters"][0]["at"] == "pre-ast"
    assert "mainfont" not in base["format"]["typst"]
    for language in LANGUAGES:
        home = (ROOT / f"index.{language}.qmd").read_text(encoding="utf-8")
        assert not home.startswith("---")
        assert home.startswith("# ")
        book = project.configuration(ROOT, language)["book"]
        assert book["chapters"][0] == f"index.{language}.qmd"
        assert book["output-file"] == f"report-{language}"


def test_formats_not_asked_for_leave_the_staged_configuration(project: Path) -> None:
    quartoroad._keep_formats(project, "th", ["html", "docx"])
    base, own = (
        yaml.safe_load((project / name).read_text(encoding="utf-8"))
        for name in ("_quarto.yml", "_quarto-th.yml")
    )
    assert set(base["format"]) == {"html", "docx"}
    assert "format" not in own
    assert own["book"]["downloads"] == ["docx"]


def test_progress_and_what_went_wrong() -> None:
    said: list[str] = []
    lines = ["\x1b[1m\x1b[34m[ 3/15] chapters/en/02-internal.qmd\x1b[39m\x1b[22m\n", "other\n"]
    printed = quartoroad._follow(lines, "en", said.append)
    assert said == ["en: [3/15] chapters/en/02-internal.qmd"]
    quartoroad._checked(printed, 0, "en")
    faults = {
        "chapters/en/02-internal.qmd: ValueError: no good": [
            "ValueError                    Traceback (most recent call last)",
            "ValueError: no good",
            "",
            "WARN: Error encountered when rendering files",
        ],
        "error: expected content": [
            "ERROR: error: expected content",
            "ERROR: Typst compilation failed",
        ],
    }
    for fault, told in faults.items():
        with pytest.raises(ChapterError, match=re.escape(f"quarto (en): {fault}")):
            quartoroad._checked([*printed, *told], 1, "en")
    with pytest.raises(ChapterError, match=r"quarto \(en\): no edition 'ent'"):
        quartoroad._checked(["lfsmig: no edition 'ent'", "ERROR: Error"], 1, "en")
    lost = "WARN: index.en.html: Unable to resolve crossref @fig-nothing"
    with pytest.raises(ChapterError, match="@fig-nothing"):
        quartoroad._checked([lost], 0, "en")


def test_chapter_of_data_tables_lists_them(tmp_path: Path) -> None:
    folder = tmp_path / "chapters/en"
    folder.mkdir(parents=True)
    chart = (
        '<div id="fig-{0}" class="x"></div>'
        '<details class="data-table"><summary>\nData table: {1}\n</summary>'
    )
    (tmp_path / "index.en.html").write_text(chart.format("a", "Rate"), encoding="utf-8")
    (folder / "02-b.html").write_text(chart.format("b", "By sex"), encoding="utf-8")
    page = folder / "90-data-tables.html"
    page.write_text('<div id="data-appendix">\n\n</div>', encoding="utf-8")
    for _ in range(2):
        quartoroad.finish(ROOT, tmp_path, [])
        links = re.findall(r'<a href="([^"]+)">([^<]+)</a>', page.read_text(encoding="utf-8"))
        assert links == [
            ("../../index.en.html#fig-a", "Rate"),
            ("02-b.html#fig-b", "By sex"),
        ]


def test_references_name_chapters_and_sections_by_number(tmp_path: Path) -> None:
    """On a page without a number Quarto writes the title of what a reference leads to."""
    folder = tmp_path / "chapters/th"
    folder.mkdir(parents=True)
    link = '<a href="{}" class="quarto-xref"><span>{}</span></a>'
    home = tmp_path / "index.th.html"
    told = [("chapters/th/02-b.html", "2&nbsp; Work"), ("chapters/th/02-b.html#sec-how", "How")]
    told += [("chapters/th/90-d.html", "Tables"), ("chapters/th/02-b.html#sec-none", "No")]
    links = "".join(link.format(*one) for one in told)
    home.write_text(f'<html lang="th" xml:lang="th">{links}', encoding="utf-8")
    (folder / "02-b.html").write_text(
        '<h1><span class="chapter-number">2</span></h1><section id="sec-how" data-number="2.1">',
        encoding="utf-8",
    )
    (folder / "90-d.html").write_text("<h1>Tables</h1>", encoding="utf-8")
    for _ in range(2):
        quartoroad.finish(ROOT, tmp_path, [])
        texts = re.findall(r"<span>(.*?)</span>", home.read_text(encoding="utf-8"))
        assert texts == ["บทที่&nbsp;2", "หัวข้อ&nbsp;2.1", "Tables", "No"]


def test_list_of_references_is_in_the_editions_language(tmp_path: Path) -> None:
    """Quarto makes it without the language; the chapters' own lists, which are hidden, have it."""
    entry = '<div id="ref-a" class="csl-entry" role="listitem">\n{}\n</div>'
    listed = tmp_path / "99-references.html"
    listed.write_text(f'<div id="refs">{entry.format("A, and B")}</div>', encoding="utf-8")
    hidden = '<div id="refs" class="references" style="display: none">{}</div>'
    chapter = hidden.format(entry.format("A, และ B"))
    (tmp_path / "01-a.html").write_text(chapter, encoding="utf-8")
    quartoroad.finish(ROOT, tmp_path, [])
    assert "A, และ B" in listed.read_text(encoding="utf-8")
    assert (tmp_path / "01-a.html").read_text(encoding="utf-8") == chapter


def through(filters: list[Path], text: str, *more: str) -> str:
    """What pandoc makes of a text under filters."""
    done = subprocess.run(
        [pypandoc.get_pandoc_path(), *(f"--lua-filter={path}" for path in filters), *more],
        input=text,
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
    )
    return done.stdout


def test_cell_that_shows_a_sentence_is_no_table() -> None:
    """Its number would go to it, and the tables after it would have others than the built-in's."""
    shown = {"A sentence.": False, "| a |\n|---|\n| 1 |": True}
    for text, numbered in shown.items():
        cell = f'::: {{#tbl-a .cell tbl-cap="Rates"}}\n::: {{.cell-output}}\n{text}\n:::\n:::'
        made = through([EXTENSION / "no-table.lua"], cell, "-t", "native")
        assert ("tbl-a" in made, "Rates" in made) == (numbered, numbered)
    figure = through([EXTENSION / "no-table.lua"], "::: {#fig-a}\nNone\n:::", "-t", "native")
    assert "fig-a" in figure


def test_word_numbers_chapters_without_a_dot(tmp_path: Path) -> None:
    """Quarto writes "1. Work" in Word, and "1 Work" everywhere else."""
    path = tmp_path / "numbered.lua"
    path.write_text(
        "function Header(h)\n"
        '  h.content:insert(1, pandoc.Str(h.level == 1 and ". " or " "))\n'
        '  h.content:insert(1, pandoc.Str("1"))\n'
        "  return h\n"
        "end\n",
        encoding="utf-8",
    )
    target = tmp_path / "t.docx"
    through([path, EXTENSION / "docx.lua"], "# Work\n\n## How\n", "-o", str(target))
    with zipfile.ZipFile(target) as archive:
        body = archive.read("word/document.xml").decode("utf-8")
    assert re.findall(r"<w:t[^>]*>([^<]+)</w:t>", body) == ["1 Work", "1 How"]


def test_word_tables_keep_their_columns_alignment(tmp_path: Path) -> None:
    filters = [tmp_path / "packed.lua", EXTENSION / "docx.lua"]
    filters[0].write_text(PACKED, encoding="utf-8")
    target = tmp_path / "t.docx"
    subprocess.run(
        [
            *(pypandoc.get_pandoc_path(), "-f", "markdown", "-o", str(target)),
            *(f"--lua-filter={path}" for path in filters),
        ],
        input="| Region | Rate |\n|:--|--:|\n| North | 1.5 |\n",
        text=True,
        check=True,
        encoding="utf-8",
    )
    with zipfile.ZipFile(target) as archive:
        body = archive.read("word/document.xml").decode("utf-8")
    assert body.count("<w:tbl>") == 1
    assert '<w:jc w:val="center"' not in body
    assert re.search(r'w:val="TableCaption" ?/></w:pPr>.*Table 1', body, re.S)
    assert 'w:name="tbl-rates"' in body
    # Word's format knows one set of properties in a paragraph.
    assert not re.search(r"</w:pPr>\s*<w:pPr>", body)


def printed(language: str, text: str) -> list[str]:
    """Pages that Typst makes of a text beneath the book's type styles."""
    extra = (EXTENSION / "typst-th.typ").read_text(encoding="utf-8") if language == "th" else ""
    template = """
    #set heading(numbering: (..n) => numbering(if n.pos().len() == 1 { "1." } else { "1.1" }, ..n))
    #let notice = "Synthetic"
    """
    parts = [
        (EXTENSION / f"typst-{name}.typ").read_text(encoding="utf-8") for name in ("header", "body")
    ]
    source = "\n".join([parts[0], template, parts[1], extra, text])
    fonts = [str(font_files()[0].parent)]
    made = typst.compile(source.encode("utf-8"), font_paths=fonts, ignore_system_fonts=True)
    return [page.extract_text() for page in PdfReader(io.BytesIO(made)).pages]


@pytest.mark.parametrize("language", LANGUAGES)
def test_print_numbers_chapters_and_breaks_long_tables(language: str) -> None:
    table = "#figure(table(columns: 2, table.header([Year], [Rate]), ..range({0}).map(i => [#i])),"
    table += ' kind: "quarto-float-tbl", supplement: "Table", caption: [Rates])'
    pages = printed(
        language,
        "#heading(level: 1, numbering: none)[Findings]\n"
        '#figure([x], kind: "quarto-float-fig", supplement: "Figure", caption: [Home]) <fig-home>\n'
        "Details are in #ref(<sec-work>, supplement: [Chapter]).\n"
        '#let numbered(n) = numbering("(1.1)", counter(heading).get().first(), n)\n'
        "#set math.equation(numbering: numbered)\n"
        "= Work <sec-work>\n"
        "$ x = 1 $ <eq-x>\n"
        "#ref(<eq-x>, supplement: [Equation]) gives it.\n" + table.format(200),
    )
    assert re.search(r"Details are in Chapter\s1\.(?!\.)", pages[0])
    assert re.search(r"Figure\s1\sHome", pages[0])
    assert re.search(r"Equation\s1\.1 gives", pages[1])
    # The table's header comes again; nothing is printed over the end of a page.
    assert len(pages) >= 3
    assert all(re.search(r"Year\s+Rate", page) for page in pages[1:])
    assert "199" in pages[-1]
    assert [page for page in pages if "Synthetic" not in page] == []
    assert "Work" in pages[-1]
