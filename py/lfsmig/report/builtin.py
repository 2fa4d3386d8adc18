"""The built-in road: from Markdown to HTML, DOCX and PDF without Quarto, by pandoc and Typst."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pypandoc
import yaml

from lfsmig.errors import ChapterError
from lfsmig.pool import side_by_side
from lfsmig.report import charts, pages, project, search, worddoc
from lfsmig.report.fonts import page_fonts
from lfsmig.report.textlayer import repair
from lfsmig.report.wordstyle import make_reference

Progress = Callable[[str], None]
EXTENSION = Path("_extensions/lfsmig/builtin")
FILTERS = (
    EXTENSION / "prepare.lua",
    Path("_extensions/lfsmig/report/data-tables.lua"),
    EXTENSION / "crossref.lua",
)
UNBROKEN = Path("_extensions/lfsmig/report/unbroken.lua")
# Files carry this time, not the clock's: the same book gives the same bytes.
LONGEST_FIRST = ("pdf", "html", "docx")
EPOCH = "1577836800"


class Job(NamedTuple):
    """One document to make of an edition whose chapters lie in `work/book.md`."""

    root: Path
    work: Path
    out: Path
    settings: Mapping[str, Any]
    kind: str
    texts: Mapping[str, str]
    common: Sequence[str]


def jobs(
    root: Path,
    work: Path,
    out: Path,
    settings: Mapping[str, Any],
    formats: Sequence[str],
    texts: Mapping[str, str],
) -> list[Job]:
    """Documents to make in `out`, the one that takes longest first.

    Parameters
    ----------
    settings
        Configuration of the edition.
    texts
        Words of the layout in the edition's language.
    """
    out.mkdir(parents=True, exist_ok=True)
    common = _common(root, work, settings, texts)
    kinds = [kind for kind in LONGEST_FIRST if kind in formats]
    return [Job(root, work, out, settings, kind, texts, common) for kind in kinds]


def render(every: Sequence[Job], progress: Progress) -> None:
    """Make documents, two at a time: pandoc and Typst do the work."""

    def one(job: Job) -> None:
        _render(job)
        progress(f"{job.settings['lang']}: {job.kind}")

    side_by_side(one, sorted(every, key=lambda job: LONGEST_FIRST.index(job.kind)))


def _render(job: Job) -> None:
    root, work, out, common = job.root, job.work, job.out, list(job.common)
    name = job.settings["book"].get("output-file", "book")
    if job.kind == "html":
        _html(root, work, out, common)
    elif job.kind == "docx":
        notice = job.texts.get("running-notice", "")
        reference = make_reference(work / "reference.docx", notice)
        charts.pictures(work / "figures")
        extra = ["-t", "docx", "--reference-doc", str(reference), "-o", f"{out / name}.docx"]
        _pandoc(work, [*common, "--toc", "--toc-depth=2", *extra])
        worddoc.finish(out / f"{name}.docx")
    else:
        _pdf(root, work, out / f"{name}.pdf", common)


def _common(
    root: Path, work: Path, settings: Mapping[str, Any], texts: Mapping[str, str]
) -> list[str]:
    """Options of pandoc that all formats share."""
    book, language = settings["book"], project.interface_words(root, settings["lang"])
    meta = {
        **language,
        **texts,
        "title": book["title"],
        "subtitle": book.get("subtitle", ""),
        "author": book.get("author", ""),
        # Word's title page has a place for one line more.
        "date": " · ".join(line for line in (texts["made-on"], texts["made-from"]) if line),
        "lang": settings["lang"],
        "toc-title": language.get("toc-title-document", "Contents"),
        "lof-title": language.get("crossref-lof-title", "Figures"),
        "lot-title": language.get("crossref-lot-title", "Tables"),
        "link-citations": True,
    }
    path = work / "metadata.yml"
    path.write_text(yaml.safe_dump(meta, allow_unicode=True, sort_keys=True), encoding="utf-8")
    filters = [part for name in FILTERS for part in ("--lua-filter", str(root / name))]
    return [
        *("book.md", "-f", "markdown", "--metadata-file", path.name),
        *("--number-sections", "--resource-path", "."),
        *(*filters, "--citeproc", *_bibliographies(root, work, settings["bibliography"])),
        # After the citations, whose words are breakable too.
        *("--lua-filter", str(root / UNBROKEN)),
    ]


def _bibliographies(root: Path, work: Path, named: str | Sequence[str]) -> list[str]:
    """Options for the lists of references; copies, so that no document names a path from here."""
    names = [named] if isinstance(named, str) else named
    for name in names:
        shutil.copyfile(root / name, work / name)
    return [part for name in names for part in ("--bibliography", name)]


def _pandoc(work: Path, arguments: Sequence[str]) -> None:
    """Run pandoc; its error becomes one line."""
    done = subprocess.run(
        [pypandoc.get_pandoc_path(), *arguments],
        cwd=work,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env={**os.environ, "SOURCE_DATE_EPOCH": EPOCH},
    )
    if done.returncode:
        lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
        # A warning comes first and is not what ended it.
        faults = [line for line in lines if not line.startswith("[WARNING]")] or lines
        told = next((line for line in lines if "unknown cross-reference" in line), faults[0])
        raise ChapterError(f"pandoc: {told.strip()}")
    missing = [line for line in done.stderr.splitlines() if "Citeproc: citation" in line]
    if missing:
        raise ChapterError(f"pandoc: {missing[0].strip()}")


def _html(root: Path, work: Path, out: Path, common: list[str]) -> None:
    """One page per chapter."""
    site = work / "site"
    shutil.rmtree(site, ignore_errors=True)
    options = ["-t", "chunkedhtml", "--template", str(root / EXTENSION / "page.html")]
    options += ["--split-level=1", "--chunk-template=%i.html", "--mathml", "--css", "book.css"]
    _pandoc(work, [*common, *options, "--no-highlight", "--toc", "-o", "site"])
    sitemap = site / "sitemap.json"
    pages.finish(site, json.loads(sitemap.read_text(encoding="utf-8")))
    sitemap.unlink()
    search.write_index(site)
    for name in ("book.css", "book.js"):
        shutil.copyfile(root / EXTENSION / name, site / name)
    # The charts stand in the pages.
    shutil.rmtree(site / "figures", ignore_errors=True)
    said = "".join(path.read_text(encoding="utf-8") for path in sorted(site.glob("*.html")))
    page_fonts(root / "assets" / "fonts", site / "fonts", "".join(sorted(set(said))))
    shutil.copytree(site, out, dirs_exist_ok=True)


def _pdf(root: Path, work: Path, target: Path, common: list[str]) -> None:
    import typst

    template = ["--template", str(root / EXTENSION / "report.typ")]
    # Unwrapped: a line break within the title would come into the PDF's properties.
    _pandoc(work, [*common, "-t", "typst", "-s", "--wrap=none", *template, "-o", "book.typ"])
    source = work / "book.typ"
    # Pandoc centres every table; beside captions on the left that looks astray.
    text = source.read_text(encoding="utf-8")
    text = text.replace("align(center)[#table(", "align(left)[#table(")
    source.write_text(text, encoding="utf-8")
    try:
        typst.compile(
            str(source),
            output=str(target),
            root=str(work),
            font_paths=[str(root / "assets" / "fonts")],
            ignore_system_fonts=True,
            # Tagged for reading aloud; Typst refuses a chart or a formula without a text.
            pdf_standards=["ua-1"],
        )
    except RuntimeError as error:
        raise ChapterError(f"typst: {str(error).strip().splitlines()[0]}") from error
    repair(target)
