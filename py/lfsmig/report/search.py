"""The index of the pages' search: what each section, chart and table says.

It is a script that sets one variable, because a page that was opened from the file system may load
a script from beside itself and fetch nothing. Words are found as they stand (`book.js` looks for
them anywhere in the text: Thai writes no spaces between words), so that no word list is needed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from html.parser import HTMLParser
from pathlib import Path

from lfsmig.atomic import write_text

NAME = "search-index.js"
BEGIN = "window.bookIndex="
# What is not prose: formulas, code, the way round the pages, and scripts.
SKIPPED = {"math", "pre", "svg", "nav", "footer", "script", "style"}
# Notes and links that stand below every table.
REPEATED = re.compile(r"\btable-(?:notes|files)\b")
HEADINGS = {"h1", "h2", "h3", "h4"}
VOID = {"img", "br", "hr", "meta", "link", "input", "col"}
# A cell with numbers says nothing that anyone would look for.
LETTERS = re.compile(r"[^\W\d_]{2}")
EXHIBIT = re.compile(r"(?:fig|tbl)-")


class Entry:
    """A place that a result leads to: its name, and the text that belongs to it."""

    def __init__(self, identifier: str) -> None:
        self.id = identifier
        self.title: list[str] = []
        self.text: list[str] = []
        # Rows of its tables: the same name in every second row is found once.
        self.rows: set[str] = set()


class _Reader(HTMLParser):
    """Sections and exhibits of a page, in their order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.entries: list[Entry] = []
        # Tags that are open: what they begin, and whether what they hold is passed over.
        self._open: list[tuple[str, Entry | None, bool]] = []
        self._skipped = 0
        self._main = False
        self._section: Entry | None = None
        self._into = "text"
        self._column = 0
        self._cell: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "main":
            self._main = True
        if not self._main or tag in VOID:
            return
        began = None
        identifier = found.get("id", "")
        if tag in HEADINGS:
            self._section = Entry(identifier)
            self.entries.append(self._section)
        elif tag == "div" and EXHIBIT.match(identifier):
            began = Entry(identifier)
            self.entries.append(began)
        skipped = tag in SKIPPED or bool(REPEATED.search(found.get("class", "")))
        self._open.append((tag, began, skipped))
        self._skipped += skipped
        if tag in HEADINGS or tag in {"figcaption", "caption"}:
            self._into = "title"
        elif tag == "tr":
            self._column = 0
        elif tag in {"td", "th"}:
            self._column += 1
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag == "main":
            self._main = False
        if not self._main or tag in VOID or not any(name == tag for name, *_ in self._open):
            return
        while self._open:
            name, _, skipped = self._open.pop()
            self._skipped -= skipped
            if name == tag:
                break
        if tag in HEADINGS or tag in {"figcaption", "caption"}:
            self._into = "text"
        if tag in {"td", "th"}:
            self._end_cell()
        if (entry := self._entry()) is not None and tag in {"p", "li", "td", "th", "summary", "dd"}:
            entry.text.append(" ")

    def handle_data(self, data: str) -> None:
        entry = self._entry()
        if not self._main or self._skipped or entry is None:
            return
        names = {name for name, *_ in self._open}
        if self._into == "title":
            entry.title.append(data)
        elif not names & {"td", "th"}:
            entry.text.append(data)
        elif self._column == 1:
            self._cell.append(data)

    def _end_cell(self) -> None:
        """Take up the name of a row, unless the place has it already."""
        name, entry = _joined(self._cell), self._entry()
        self._cell = []
        if entry is not None and LETTERS.search(name) and name not in entry.rows:
            entry.rows.add(name)
            entry.text.append(name)

    def _entry(self) -> Entry | None:
        """The exhibit that is open, or the section since its heading."""
        exhibits = (entry for _, entry, _ in reversed(self._open) if entry is not None)
        return next(exhibits, self._section)


def entries_of(text: str) -> list[dict[str, str]]:
    """Entries of one page: `id`, `title`, `text`, and `chapter`, the page's first heading."""
    read = [
        {"id": entry.id, "title": _joined(entry.title), "text": _joined(entry.text)}
        for entry in _Reader(text).entries
    ]
    named = [entry for entry in read if entry["title"]]
    chapter = named[0]["title"] if named else ""
    return [{**entry, "chapter": chapter} for entry in named]


def _joined(parts: list[str]) -> str:
    """Text with one space where there were several, and none that does not break."""
    return re.sub(r"[\s\u00a0]+", " ", "".join(parts)).strip()


def write_index(site: Path, changed: Collection[str] | None = None) -> Path:
    """Write the index of all pages in a folder; the same pages give the same bytes.

    Parameters
    ----------
    changed
        Names of the pages that are not as the index has them; all by default.
    """
    known: dict[str, list[dict[str, str]]] = {}
    if changed is not None and (site / NAME).is_file():
        for entry in read_index(site):
            known.setdefault(entry["page"], []).append(entry)
    entries: list[dict[str, str]] = []
    for page in sorted(site.glob("*.html")):
        if changed is None or page.name in changed or not known:
            found = entries_of(page.read_text(encoding="utf-8"))
            entries += [{"page": page.name, **entry} for entry in found]
        else:
            entries += known.get(page.name, [])
    # "</" could end the script that it stands in, if someone put it into a page.
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    target = site / NAME
    write_text(target, f"{BEGIN}{text};\n")
    return target


def read_index(site: Path) -> list[dict[str, str]]:
    """Entries of the index in a folder."""
    text = (site / NAME).read_text(encoding="utf-8")
    found: list[dict[str, str]] = json.loads(text.removeprefix(BEGIN).rstrip(";\n"))
    return found
