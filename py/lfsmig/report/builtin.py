"""The built-in road: from Markdown to HTML, DOCX and PDF without Quarto, by pandoc and Typst."""

from __future__ import annotations

import html
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pypandoc
import yaml

from lfsmig.errors import ChapterError
from lfsmig.report import worddoc
from lfsmig.report.textlayer import repair
from lfsmig.report.wordstyle import make_reference

Progress = Callable[[str], None]
EXTENSION = Path("_extensions/lfsmig/builtin")
FILTERS = (
    EXTENSION / "prepare.lua",
    Path("_extensions/lfsmig/report/data-tables.lua"),
    EXTENSION / "crossref.lua",
)
# Stands for the page's own name until the pages are there.
SAME_PAGE = "SAME-PAGE.html"
# Files carry this time, not the clock's: the same book gives the same bytes.
EPOCH = "1577836800"


def render(
    root: Path,
    work: Path,
    out: Path,
    settings: Mapping[str, Any],
    formats: Sequence[str],
    texts: Mapping[str, str],
    progress: Progress,
    editions: Mapping[str, str] | None = None,
) -> None:
    """Render `work/book.md` into `out`.

    Parameters
    ----------
    settings
        Configuration of the edition.
    texts
        Words of the layout in the edition's language.
    editions
        Other editions beside this one: their language and its name.
    """
    out.mkdir(parents=True, exist_ok=True)
    name = settings["book"].get("output-file", "book")
    common = _common(root, work, settings, texts)
    for kind in formats:
        progress(f"{settings['lang']}: {kind}")
        if kind == "html":
            _html(root, work, out, common, settings, texts, editions or {})
        elif kind == "docx":
            notice = texts.get("running-notice", "")
            reference = make_reference(work / "reference.docx", notice)
            extra = ["-t", "docx", "--reference-doc", str(reference), "-o", f"{out / name}.docx"]
            _pandoc(work, [*common, "--toc", "--toc-depth=2", *extra])
            worddoc.finish(out / f"{name}.docx")
        else:
            _pdf(root, work, out / f"{name}.pdf", common)


def _common(
    root: Path, work: Path, settings: Mapping[str, Any], texts: Mapping[str, str]
) -> list[str]:
    """Options of pandoc that all formats share."""
    book, language = settings["book"], _language(root, settings["lang"])
    meta = {
        **language,
        **texts,
        "title": book["title"],
        "subtitle": book.get("subtitle", ""),
        "author": book.get("author", ""),
        "lang": settings["lang"],
        "toc-title": language.get("toc-title-document", "Contents"),
        "link-citations": True,
    }
    path = work / "metadata.yml"
    path.write_text(yaml.safe_dump(meta, allow_unicode=True, sort_keys=True), encoding="utf-8")
    filters = [part for name in FILTERS for part in ("--lua-filter", str(root / name))]
    return [
        "book.md",
        "-f",
        "markdown",
        "--metadata-file",
        path.name,
        "--number-sections",
        "--resource-path",
        ".",
        *filters,
        "--citeproc",
        "--bibliography",
        str(root / settings["bibliography"]),
    ]


def _language(root: Path, language: str) -> dict[str, Any]:
    path = root / f"_language-{language}.yml"
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.is_file() else {}


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
        told = next((line for line in lines if "unknown cross-reference" in line), lines[0])
        raise ChapterError(f"pandoc: {told.strip()}")
    missing = [line for line in done.stderr.splitlines() if "Citeproc: citation" in line]
    if missing:
        raise ChapterError(f"pandoc: {missing[0].strip()}")


def _html(
    root: Path,
    work: Path,
    out: Path,
    common: list[str],
    settings: Mapping[str, Any],
    texts: Mapping[str, str],
    editions: Mapping[str, str],
) -> None:
    """One page per chapter. Pandoc gives inner pages no contents: the first run lists the pages."""
    site = work / "site"
    options = [
        *common,
        "-t",
        "chunkedhtml",
        "--template",
        str(root / EXTENSION / "page.html"),
        "--split-level=1",
        "--chunk-template=%i.html",
        "--mathml",
        "--css",
        "book.css",
        "--no-highlight",
        "--toc",
        "-V",
        f"formats={_format_links(settings, texts)}",
        "-V",
        f"editions={_edition_links(editions)}",
        "-o",
        "site",
    ]
    shutil.rmtree(site, ignore_errors=True)
    _pandoc(work, options)
    pages = json.loads((site / "sitemap.json").read_text(encoding="utf-8"))
    shutil.rmtree(site)
    _pandoc(work, [*options, "-V", f"nav={_contents(pages)}"])
    (site / "sitemap.json").unlink()
    _first_page(site, pages["subsections"][0]["section"]["path"].split("#")[0])
    shutil.copyfile(root / EXTENSION / "book.css", site / "book.css")
    shutil.copytree(root / "assets" / "fonts", site / "fonts", dirs_exist_ok=True)
    shutil.copytree(site, out, dirs_exist_ok=True)


def _first_page(site: Path, home: str) -> None:
    """Make the first chapter the site's entrance, in place of pandoc's empty title page."""
    (site / home).replace(site / "index.html")
    for page in site.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        text = text.replace(f'href="{home}', 'href="index.html')
        text = text.replace(SAME_PAGE, page.name)
        # Reading aids announce, and the style sheet marks, where the reader is.
        here = f'<li><a href="{page.name}"'
        page.write_text(text.replace(here, f'{here} aria-current="page"'), encoding="utf-8")


def _contents(sitemap: Mapping[str, Any]) -> str:
    """List of the pages for the side of each."""
    items = []
    for page in sitemap["subsections"]:
        section = page["section"]
        number = section.get("number") or ""
        shown = f'<span class="number">{number}</span>' if number else ""
        path = section["path"].split("#")[0]
        items.append(f'<li><a href="{path}">{shown}{section["title"]}</a></li>')
    return f"<ol>{''.join(items)}</ol>"


def _edition_links(editions: Mapping[str, str]) -> str:
    """Links to the same page in the other languages."""
    links = "".join(
        f'<a href="../{language}/{SAME_PAGE}" lang="{language}" hreflang="{language}">'
        f"{html.escape(name)}</a>"
        for language, name in editions.items()
    )
    return f'<p class="editions">{links}</p>' if links else ""


def _format_links(settings: Mapping[str, Any], texts: Mapping[str, str]) -> str:
    """Links to the other formats of the edition."""
    name = settings["book"].get("output-file", "book")
    kinds = [k for k in settings["book"].get("downloads", []) if k in ("docx", "pdf")]
    if not kinds:
        return ""
    items = "".join(
        f'<li><a href="{name}.{kind}">{ {"docx": "Word (DOCX)", "pdf": "PDF"}[kind] }</a></li>'
        for kind in kinds
    )
    return f'<div class="formats"><p>{html.escape(texts["formats-text"])}</p><ul>{items}</ul></div>'


def _pdf(root: Path, work: Path, target: Path, common: list[str]) -> None:
    import typst

    template = ["--template", str(root / EXTENSION / "report.typ")]
    _pandoc(work, [*common, "-t", "typst", "-s", *template, "-o", "book.typ"])
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
        )
    except RuntimeError as error:
        raise ChapterError(f"typst: {str(error).strip().splitlines()[0]}") from error
    repair(target)
