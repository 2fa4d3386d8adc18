"""The built-in road: from Markdown to HTML, DOCX and PDF without Quarto, by pandoc and Typst."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from lfsmig.errors import ChapterError
from lfsmig.pool import side_by_side
from lfsmig.report import charts, project, site
from lfsmig.report.pandoc import pandoc
from lfsmig.report.parts import Part, write_book

Progress = Callable[[str], None]
EXTENSION = Path("_extensions/lfsmig/builtin")
FILTERS = (
    EXTENSION / "prepare.lua",
    Path("_extensions/lfsmig/report/data-tables.lua"),
    EXTENSION / "crossref.lua",
)
UNBROKEN = Path("_extensions/lfsmig/report/unbroken.lua")
LONGEST_FIRST = ("pdf", "html", "docx")
BOOK = "book.json"


class Job(NamedTuple):
    """One document to make of an edition whose chapters lie in `work/parts`."""

    root: Path
    work: Path
    out: Path
    settings: Mapping[str, Any]
    kind: str
    texts: Mapping[str, str]
    common: Sequence[str]
    parts: Sequence[Part]


def jobs(
    root: Path,
    work: Path,
    out: Path,
    settings: Mapping[str, Any],
    formats: Sequence[str],
    texts: Mapping[str, str],
    parts: Sequence[Part],
) -> list[Job]:
    """Documents to make in `out`, the one that takes longest first.

    Parameters
    ----------
    settings
        Configuration of the edition.
    texts
        Words of the layout in the edition's language.
    parts
        The edition's chapters in their order.
    """
    out.mkdir(parents=True, exist_ok=True)
    common = _common(root, work, settings, texts)
    kinds = [kind for kind in LONGEST_FIRST if kind in formats]
    if set(kinds) - {"html"}:
        write_book(work / BOOK, [part.blocks() for part in parts])
    return [Job(root, work, out, settings, kind, texts, common, parts) for kind in kinds]


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
        site.build(root, work, out, common, job.parts)
    elif job.kind == "docx":
        from lfsmig.report import worddoc
        from lfsmig.report.wordstyle import make_reference

        notice = job.texts.get("running-notice", "")
        reference = make_reference(work / "reference.docx", notice)
        charts.pictures(work / "figures")
        extra = ["-t", "docx", "--reference-doc", str(reference), "-o", f"{out / name}.docx"]
        pandoc(work, [BOOK, *common, "--toc", "--toc-depth=2", *extra])
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
        *("-f", "json", "--metadata-file", path.name),
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


def _pdf(root: Path, work: Path, target: Path, common: list[str]) -> None:
    import typst

    from lfsmig.report.textlayer import repair

    template = ["--template", str(root / EXTENSION / "report.typ")]
    # Unwrapped: a line break within the title would come into the PDF's properties.
    options = ["-t", "typst", "-s", "--wrap=none", *template]
    source = work / "book.typ"
    source.write_text(typst_source(work, [BOOK, *common, *options]), encoding="utf-8")
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


def typst_source(work: Path, arguments: Sequence[str]) -> str:
    """Have pandoc write for Typst, and mend what it cannot be told."""
    source = work / "pandoc.typ"
    pandoc(work, [*arguments, "-o", source.name])
    text = source.read_text(encoding="utf-8")
    # Pandoc centres every table; beside captions on the left that looks astray.
    text = text.replace("align(center)[#table(", "align(left)[#table(")
    # A foot is a table's last rows: not a line for every page, and not ruled off.
    text = re.sub(r"table\.hline\(\),\s*table\.footer\(", "table.footer(", text)
    return text.replace("table.footer(", "table.footer(repeat: false, ")
