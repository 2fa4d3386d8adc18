"""The working papers: one template, executed by papermill for every year and language."""

from __future__ import annotations

from pathlib import Path

from lfsmig.errors import ChapterError
from lfsmig.report import words
from lfsmig.report.book import environment, execute
from lfsmig.report.source import read_chapter

TEMPLATE = Path("chapters/analysis/annual.qmd")


def notebook_path(root: Path, language: str, year: int) -> Path:
    """Where a year's executed working paper lies."""
    return root / "chapters" / language / "annual" / f"{year}.ipynb"


def run_year(
    root: Path, language: str, year: int, figures: str = "svg", template: Path = TEMPLATE
) -> Path:
    """Execute the template for one year and language.

    `YYYY` in labels and captions becomes the year, `YEAR` the year as the edition writes it.
    """
    source = root / template
    if not source.is_file():
        raise ChapterError(f"{source}: no such file; it is the template of the annual chapters")
    with environment(LFSMIG_LANG=language):
        shown = words.year_text(year)
    notebook = read_chapter(source, language, {"YYYY": str(year), "{YEAR}": shown})
    out = notebook_path(root, language, year)
    name = f"{template} ({language}, {year})"
    execute(notebook, out, name, language, root, {"year": year, "lang": language}, figures)
    return out
