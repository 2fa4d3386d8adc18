"""The same chapters by Quarto and by the built-in road: numbers, labels, references."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import nbformat
import pytest
import yaml
from both_roads import captions, differences, pages, word_texts
from nbformat import NotebookNode, v4
from test_report_build import pdf_text

from lfsmig.report import builtin, parts, project, quartoroad
from lfsmig.report.book import _unlabel_empty
from lfsmig.report.fonts import setup_fonts
from lfsmig.report.markdown import chapter_markdown
from lfsmig.report.pandoc import pandoc
from lfsmig.report.render import build_report, layout_texts
from lfsmig.report.source import read_chapter
from tests.report.conftest import BUILD_YEARS, cut_to_headings, set_years

needs_quarto = pytest.mark.skipif(quartoroad.find_quarto() is None, reason="quarto is not on PATH")
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA"
    "WjR9awAAAABJRU5ErkJggg=="
)
FETCHED = re.compile(r"""(?:@import|url\()\s*["']?https?:""")
HOME = """# Key findings {#sec-home .unnumbered}

Details are in @sec-work and @sec-work-how; @tbl-rates and @fig-rate tell more. See @eq-rate.
"""
WORK = """# Work {#sec-work}

As @lumley2010 says, @tbl-rates follows from @eq-rate.

$$ r = a / b $$ {#eq-rate}

## How {#sec-work-how}
"""
NOTES = """
::: {.table-notes}
Base: residents. Unit: per cent.
:::
"""
TABLE = "| Region | Rate |\n|:--|--:|\n| North | 1.5 |\n| South | – |\n\n" + NOTES
DATA = """::: {.data-table title="Rate" label="Data table" letter="A"}

| Year | Rate |
|:--|--:|
| 2024 | 2.5 |

:::"""


def cell(options: str, shown: dict[str, str]) -> NotebookNode:
    """An executed cell."""
    output = v4.new_output("display_data", data=shown)
    return v4.new_code_cell(options + "show()", outputs=[output], execution_count=1)


def table(label: str, caption: str, text: str) -> NotebookNode:
    return cell(f'#| label: {label}\n#| tbl-cap: "{caption}"\n', {"text/markdown": text})


def chapter_of_work() -> NotebookNode:
    """A chapter that was executed; one of its tables has nothing to show."""
    chart = f'#| label: fig-rate\n#| fig-cap: "Rates"\n#| fig-alt: "{"Rates of a year. " * 2}"\n'
    notebook = v4.new_notebook(
        cells=[
            v4.new_markdown_cell(WORK),
            table("tbl-none", "Nothing", "Not available: the survey does not provide it."),
            table("tbl-rates", "Rates by region", TABLE),
            cell(chart, {"image/png": PIXEL}),
            cell("", {"text/markdown": DATA}),
            v4.new_markdown_cell("Where: @sec-work, @sec-work-how, @tbl-rates."),
        ],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    return notebook


CHAPTERS = ("chapters/{}/01-work.ipynb", "chapters/{}/99-references.qmd")


@pytest.fixture
def small(project: Path, edition: pytest.MonkeyPatch) -> Path:
    """A project whose editions have a home page, one chapter, and the references."""
    edition.setenv("LFSMIG_PARAMS", str(project / "params"))
    for language in ("en", "th"):
        (project / f"index.{language}.qmd").write_text(HOME, encoding="utf-8")
        listed = [f"index.{language}.qmd", *(name.format(language) for name in CHAPTERS)]
        nbformat.write(chapter_of_work(), project / listed[1])
        profile = project / f"_quarto-{language}.yml"
        settings = yaml.safe_load(profile.read_text(encoding="utf-8"))
        settings["book"]["chapters"] = listed
        profile.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    return project


def by_builtin(root: Path, out: Path, language: str, formats: list[str]) -> Path:
    """The built-in road's documents of chapters that are executed already."""
    setup_fonts(root)
    settings = project.configuration(root, language)
    work = root / "_work/small"
    work.mkdir(parents=True, exist_ok=True)
    (work / "parts").mkdir(exist_ok=True)
    names = []
    for name in settings["book"]["chapters"]:
        path = root / name
        executed = path.suffix == ".ipynb"
        notebook = nbformat.read(path, 4) if executed else read_chapter(path)
        _unlabel_empty(notebook)
        names.append(path.stem)
        text = chapter_markdown(notebook, work / "figures", path.stem)
        (work / "parts" / f"{path.stem}.md").write_text(text + "\n", encoding="utf-8")
    pandoc(work, ["lua", str(root / parts.PARSE), *(f"parts/{name}.md" for name in names)])
    read = [parts.Part(name, work / "parts" / f"{name}.json", name) for name in names]
    jobs = builtin.jobs(root, work, out, settings, formats, layout_texts(), read)
    builtin.render(jobs, lambda _: None)
    return out


@needs_quarto
@pytest.mark.parametrize("language", ["en", "th"])
def test_both_roads_say_the_same(
    small: Path, edition: pytest.MonkeyPatch, tmp_path: Path, language: str
) -> None:
    formats = ["html", "docx", "pdf"]
    edition.setenv("LFSMIG_LANG", language)
    settings = project.configuration(small, language)
    built = by_builtin(small, tmp_path / "builtin", language, formats)
    quarto = tmp_path / "quarto"
    quartoroad.render(small, quarto, language, settings, formats, {}, lambda _: None)
    ours, theirs = pages(built), pages(quarto)
    assert differences(ours, theirs) == []
    assert len(captions(ours)) == 2
    named = dict(ours["sec-home"].references)
    number = {"en": ("Table 1.1", "Equation 1.1"), "th": ("ตารางที่ 1.1", "สมการที่ 1.1")}[language]
    assert (named["tbl-rates"], named["eq-rate"]) == number
    name = f"report-{language}"
    words = [word_texts(road / f"{name}.docx", "Key findings") for road in (built, quarto)]
    assert words[0] == words[1]
    printed = ["".join(pdf_text(r / f"{name}.pdf").split()) for r in (built, quarto)]
    for text in (*captions(ours), *("".join(t.split()) for t in ours["sec-home"].texts)):
        assert [text in pdf for pdf in printed] == [True, True], text
    # Nothing comes from the network.
    styles = {path.name: path.read_text(encoding="utf-8") for path in quarto.rglob("*.css")}
    assert styles
    assert [name for name, text in styles.items() if FETCHED.search(text)] == []


@pytest.fixture
def quarto_root(project: Path) -> Path:
    """The sources of the book that `built` was made from."""
    set_years(project, BUILD_YEARS)
    for edition in ("en", "th"):
        for name in ("03-international", "04-lifetime", "05-remittances"):
            cut_to_headings(project / "chapters" / edition / f"{name}.qmd")
    return project


@needs_quarto
@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "th"])
def test_both_roads_make_the_same_book(
    quarto_root: Path, built: Path, released: Path, language: str
) -> None:
    made = build_report(quarto_root, quarto_root / "params", released, [language], None, "quarto")
    assert all(path.is_file() for path in made)
    ours, theirs = (pages(root / "_book" / language) for root in (built, quarto_root))
    assert len(ours) == 11
    assert differences(ours, theirs) == []
    home = ours["sec-findings"].texts[0]
    name = f"_book/{language}/report-{language}"
    words = [word_texts(root / f"{name}.docx", home) for root in (built, quarto_root)]
    assert words[0] == words[1]
    with zipfile.ZipFile(made[1]) as archive:
        body = archive.read("word/document.xml").decode("utf-8")
    texts = re.findall(r'<wp:docPr [^>]*descr="([^"]*)"', body)
    assert texts
    assert all(len(text) > 20 for text in texts)
    printed = ["".join(pdf_text(r / f"{name}.pdf").split()) for r in (built, quarto_root)]
    for caption in captions(ours):
        assert [caption in pdf for pdf in printed] == [True, True], caption
    assert "ถิ่ถิ่น" not in printed[1]
