"""What a page leads to: the contents, the other formats, the same page in the other language.

Pandoc writes one edition at a time, and what lies beside its pages is known only when all documents
are in place. The template marks the places (`<!-- links:NAME -->`), and they are filled here: after
every build, for every edition, so that no link waits for a document that was not made and none is
missing to one that was made later.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from lfsmig.atomic import write_text
from lfsmig.report import charts
from lfsmig.report.page_weight import lighter

PLACE = re.compile(r"(<!-- links:(\w+) -->)(.*?)(<!-- /links -->)", re.S)
PREVIOUS = re.compile(r'<a rel="prev".*?</a>', re.S)
KINDS = {"docx": "Word (DOCX)", "pdf": "PDF"}


def finish(site: Path, sitemap: Mapping[str, Any], wanted: Collection[str] | None = None) -> None:
    """Give the pages that pandoc made their list of contents and their entrance.

    Parameters
    ----------
    site
        Folder of the pages.
    sitemap
        Pandoc's list of them.
    wanted
        Names of the pages to be finished where not all are needed.
    """
    sections = [page["section"] for page in sitemap["subsections"]]
    home = sections[0]["path"].split("#")[0]
    # The first chapter takes the place of pandoc's empty title page.
    (site / home).replace(site / "index.html")
    for page in site.glob("*.html"):
        if wanted is not None and page.name not in wanted:
            continue
        text = page.read_text(encoding="utf-8").replace(f'href="{home}', 'href="index.html')
        text = lighter(charts.inlined(text, site))
        if page.name == "index.html":
            text = PREVIOUS.sub("", text)
        contents = _contents(sections, home, page.name)
        page.write_text(_filled(text, {"contents": contents}), encoding="utf-8")


def relink(
    folder: Path,
    documents: Sequence[str],
    label: str,
    editions: Mapping[Path, tuple[str, str]],
) -> None:
    """Bring the links of an edition's pages in line with what is there.

    Parameters
    ----------
    folder
        The edition's folder; pages without marked places (Quarto's) stay as they are.
    documents
        Names of the documents beside the pages that were made from the same results.
    label
        What the list of documents is called.
    editions
        Folders of the other editions that are there, with their language and its own name.
    """
    formats = _formats(documents, label)
    for page in sorted(folder.glob("*.html")):
        text = page.read_text(encoding="utf-8")
        links = {"formats": formats, "editions": _editions(page, editions)}
        if (filled := _filled(text, links)) != text:
            write_text(page, filled)


def _filled(text: str, contents: Mapping[str, str]) -> str:
    def place(found: re.Match[str]) -> str:
        return f"{found[1]}{contents.get(found[2], found[3])}{found[4]}"

    return PLACE.sub(place, text)


def _contents(sections: Sequence[Mapping[str, Any]], home: str, here: str) -> str:
    """List of the pages; reading aids announce, and the style sheet marks, where the reader is."""
    items = []
    for section in sections:
        number = section.get("number") or ""
        shown = f'<span class="number">{number}</span>' if number else ""
        path = section["path"].split("#")[0]
        target = "index.html" if path == home else path
        current = ' aria-current="page"' if target == here else ""
        items.append(f'<li><a href="{target}"{current}>{shown}{section["title"]}</a></li>')
    return f"<ol>{''.join(items)}</ol>"


def _formats(documents: Sequence[str], label: str) -> str:
    if not documents:
        return ""
    items = "".join(
        f'<li><a href="{name}">{KINDS[name.rpartition(".")[2]]}</a></li>' for name in documents
    )
    return f'<div class="formats"><p>{html.escape(label)}</p><ul>{items}</ul></div>'


def _editions(page: Path, editions: Mapping[Path, tuple[str, str]]) -> str:
    """Links to the same page in the other languages, or to their first page."""
    links = ""
    for folder, (language, name) in editions.items():
        target = page.name if (folder / page.name).is_file() else "index.html"
        links += (
            f'<a href="../{folder.name}/{target}" lang="{language}" hreflang="{language}">'
            f"{html.escape(name)}</a>"
        )
    return f'<p class="editions">{links}</p>' if links else ""
