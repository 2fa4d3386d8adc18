"""What Quarto's pages lack beside those of the built-in road, put in after a render."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from lfsmig.atomic import write_text
from lfsmig.report import project

CHART_OR_TABLE = re.compile(
    r'<div id="((?:fig|tbl)-[\w-]+)"|<details class="data-table"><summary>(.*?)</summary>', re.S
)
PAGE_LANGUAGE = re.compile(r'<html\b[^>]*\blang="(\w+)')
# A reference to a chapter, or to a section of one; the chapter's number; a section's.
TO_SECTION = re.compile(
    r'(<a href="([^"#]*)#?(sec-[\w-]+)?" class="quarto-xref"><span>).*?(?=</span></a>)', re.S
)
CHAPTER_NUMBER = re.compile(r'<span class="chapter-number">([^<]+)</span>')
SECTION_NUMBER = r'<section id="{}"[^>]* data-number="([^"]+)"'
# An entry of a list of references; a list that is only there for the texts of citations.
ENTRY = re.compile(
    r'(<div id="(ref-[^"]+)" class="csl-entry"[^>]*>)((?:(?!<div).)*?)(?=</div>)', re.S
)
HIDDEN_LIST = re.compile(r'<div id="refs"[^>]*display: none')
EMPTY_LIST = re.compile(r'(<(\w+) id="data-appendix"[^>]*>)\s*(</\2>)')


def mend(root: Path, folder: Path) -> None:
    """Name references alike, write the list of references in the edition's language, list tables.

    Parameters
    ----------
    root
        The project that was rendered: its words for chapters and sections.
    folder
        The edition's output folder. Pages that were mended before stay as they are.
    """
    found = (path for path in folder.rglob("*.html") if "site_libs" not in path.parts)
    pages = {path: path.read_text(encoding="utf-8") for path in found}
    _name_references(root, pages)
    _write_entries_alike(pages)
    _list_data_tables(pages)


def _name_references(root: Path, pages: dict[Path, str]) -> None:
    """Name chapters and sections by their numbers, as the built-in road does.

    On pages without a number of their own Quarto writes the target's title.
    """
    for path, text in pages.items():
        if (language := PAGE_LANGUAGE.search(text)) is None or not TO_SECTION.search(text):
            continue
        named = partial(_reference, path, pages, project.interface_words(root, language[1]))
        if (mended := TO_SECTION.sub(named, text)) != text:
            pages[path] = mended
            write_text(path, mended)


def _reference(
    here: Path, pages: Mapping[Path, str], prefixes: Mapping[str, str], found: re.Match[str]
) -> str:
    page = pages.get(Path(os.path.normpath(here.parent / found[2])) if found[2] else here, "")
    number = re.search(SECTION_NUMBER.format(found[3]) if found[3] else CHAPTER_NUMBER, page)
    if number is None:
        return found[0]
    prefix = prefixes["crossref-sec-prefix" if "." in number[1] else "crossref-ch-prefix"]
    return f"{found[1]}{prefix}&nbsp;{number[1]}"


def _write_entries_alike(pages: dict[Path, str]) -> None:
    """Give the list of references the edition's language, in which the chapters have their own.

    Quarto makes the list of a whole book without it: "and", "et al." in a Thai report.
    """
    own = {
        entry: words
        for text in pages.values()
        if HIDDEN_LIST.search(text)
        for _, entry, words in ENTRY.findall(text)
    }
    for path, text in pages.items():
        if HIDDEN_LIST.search(text) is None:
            mended = ENTRY.sub(partial(_entry, own), text)
            if mended != text:
                pages[path] = mended
                write_text(path, mended)


def _entry(own: Mapping[str, str], found: re.Match[str]) -> str:
    return f"{found[1]}{own.get(found[2], found[3])}"


def _list_data_tables(pages: Mapping[Path, str]) -> None:
    """On screen the data tables are beneath the charts; their own chapter lists where."""
    places: list[tuple[Path, str, str]] = []
    for path in sorted(pages, key=lambda p: (not p.name.startswith("index."), p)):
        chart = ""
        for identifier, summary in CHART_OR_TABLE.findall(pages[path]):
            chart = identifier or chart
            if summary and chart:
                places.append((path, chart, summary.partition(": ")[2].strip()))
    for path, text in pages.items():
        if empty := EMPTY_LIST.search(text):
            items = [_list_item(path, *place) for place in places]
            filled = "\n".join([empty[1], "<ul>", *items, "</ul>", empty[3]])
            write_text(path, text[: empty.start()] + filled + text[empty.end() :])


def _list_item(here: Path, page: Path, chart: str, title: str) -> str:
    target = Path(os.path.relpath(page, here.parent)).as_posix()
    return f'<li><a href="{target}#{chart}">{title}</a></li>'
