"""A changed chapter: what is made again, and that the book is the one that would be made anew."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest

from lfsmig.report import kept, site
from lfsmig.report.kept import KeptCells
from lfsmig.report.render import build_report
from tests.report.conftest import change_text

FORMATS = re.compile(rb"<!-- links:formats -->.*?<!-- /links -->", re.S)
# A sentence, a work that is cited, and a label before which others count.
MORE = {"en": ("A sentence on zebras.", "More"), "th": ("ประโยคเกี่ยวกับม้าลาย", "เพิ่มเติม")}


def html(root: Path, released: Path) -> dict[str, bytes]:
    """Build the English pages; all their files."""
    build_report(root, root / "params", released, ["en"], ["html"], "builtin")
    return files_of(root / "_book/en")


def files_of(book: Path) -> dict[str, bytes]:
    """Files of the pages; without the links to documents, which count as older ones now."""
    every = [path for path in book.rglob("*") if path.suffix not in {".docx", ".pdf", ""}]
    return {p.relative_to(book).as_posix(): FORMATS.sub(b"", p.read_bytes()) for p in every}


def anew(root: Path, released: Path) -> dict[str, bytes]:
    """Build the pages without what is kept of the build before."""
    work = root / "_work/report/en"
    for name in ("parts", "figures", "site"):
        shutil.rmtree(work / name)
    (work / "built.json").unlink()
    return html(root, released)


def test_mended_pages_are_those_of_a_book_made_anew(
    book: Path, released: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Red with outlines without labels or works, and where a label's new number goes unnoticed."""
    monkeypatch.setattr(kept.KeptCells, "fill", _only_kept)
    given: list[set[str]] = []
    monkeypatch.setattr(site, "_run", _noted(given))
    for language, (sentence, title) in MORE.items():
        path = book / "chapters" / language / "01-methodology.qmd"
        more = f"\n{sentence} [@nchs2023; @lumley2010]\n\n## {title} {{#sec-more}}\n\n## "
        change_text(path, "\n## ", more)
    before = files_of(book / "_book/en")
    mended = html(book, released)
    assert {name for name, text in before.items() if mended[name] != text} == {
        "sec-methodology.html", "sec-references.html", "search-index.js",
        # It names sections of the first, which have other numbers now.
        "sec-internal.html",
    }  # fmt: skip
    assert b"zebras" in mended["search-index.js"]
    # The works are the first chapter's, which is not touched this time.
    change_text(book / "chapters/en/07-data-quality.qmd", "\n## ", "\nAnother sentence.\n\n## ")
    mended = html(book, released)
    first = "01-methodology"
    assert given == [{first}, {first, "02-internal"}, {"07-data-quality"}]
    assert {n for n, v in anew(book, released).items() if mended.get(n) != v} == set()
    assert len(given[-1]) > 4


def _is_prose(block: Any) -> bool:
    return block["t"] == "Para" and sum(part["t"] == "Str" for part in block["c"]) > 3


def _noted(given: list[set[str]]) -> Any:
    """Have pandoc run as before, and note which chapters' prose it was given."""
    run = site._run

    def noting(*arguments: Any) -> Any:
        contents = arguments[3]
        given.append({name for name, blocks in contents.items() if any(map(_is_prose, blocks))})
        return run(*arguments)

    return noting


def _only_kept(self: KeptCells, notebook: object, executed: object) -> object:
    assert executed is None, "cells were run, though only text was changed"
    return FILL(self, notebook, executed)  # type: ignore[arg-type]


FILL = KeptCells.fill


def notebook(*cells: str) -> nbformat.NotebookNode:
    made = [nbformat.v4.new_code_cell(cell, metadata={"tags": []}) for cell in cells]
    return nbformat.v4.new_notebook(cells=made)


def shown(*texts: str) -> nbformat.NotebookNode:
    """What a kernel would have made of as many cells."""
    ran = notebook(*texts)
    for cell, text in zip(ran.cells, texts, strict=True):
        cell.outputs = [nbformat.v4.new_output("stream", text=text)]
    return ran


def told(made: nbformat.NotebookNode) -> list[str]:
    return [cell.outputs[0].text for cell in made.cells]


IMPORT = "from lfsmig import report"
ONE, TWO = 'report.fig_series("a");', 'report.data_table("a", by="sex")'


def test_only_what_a_cell_follows_from_makes_it_run_again(tmp_path: Path) -> None:
    """Red with keys without the context, and with keys of the whole cell or of its code alone."""
    path = tmp_path / "cells.json"
    first = notebook(IMPORT, ONE, TWO)
    assert len(KeptCells(path, "results").missing(first).cells) == 3  # type: ignore[union-attr]
    KeptCells(path, "results").fill(first, shown("", "one", "two"))

    captioned = notebook(IMPORT, f"#| fig-cap: other\n{ONE}", TWO)
    assert KeptCells(path, "results").missing(captioned) is None
    assert told(KeptCells(path, "results").fill(captioned, None)) == ["", "one", "two"]

    other = notebook(IMPORT, ONE, TWO.replace("sex", "region"))
    again = KeptCells(path, "results").missing(other)
    assert again is not None
    assert [cell.source for cell in again.cells] == [IMPORT, other.cells[2].source]
    assert told(KeptCells(path, "results").fill(other, shown("", "new"))) == ["", "one", "new"]

    assert len(KeptCells(path, "other results").missing(first).cells) == 3  # type: ignore[union-attr]
    before = notebook(f"{IMPORT}\nreport.years = list", ONE, TWO)
    assert len(KeptCells(path, "results").missing(before).cells) == 3  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("code", "leaves"),
    [
        ('report.fig_series(["a", "b"], by="sex");', False),
        ("report.agreement(report.report_year())", False),
        ("x = report.years()", True),
        ("report.data_table(x)", True),
        ("print(report.years())", True),
        ("report.years().append(1)", True),
    ],
)
def test_cells_that_may_leave_something_behind(code: str, leaves: bool) -> None:
    assert kept.leaves_something(notebook(code).cells[0]) is leaves


def test_damaged_notes_cost_time_and_nothing_else(book: Path, released: Path) -> None:
    work = book / "_work/report/en"
    pages = html(book, released)
    for name in ("parts.json", "site.json"):
        (work / name).write_text("{", encoding="utf-8")
    (work / "notebooks/01-methodology.cells.json").write_text("[]", encoding="utf-8")
    change_text(book / "_extensions/lfsmig/builtin/book.css", "--ink: #24292f", "--ink: #24292e")
    mended = html(book, released)
    assert {name for name, text in pages.items() if mended[name] != text} == {"book.css"}
