"""A page as a reader meets it: texts block by block, links, images, headings, tables."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import NamedTuple

VOID = {"img", "br", "hr", "meta", "link", "input", "col", "source", "wbr"}
# Where one text ends and another begins.
BLOCKS = {
    "p", "li", "td", "th", "h1", "h2", "h3", "h4", "h5", "h6", "figcaption", "caption", "summary",
    "div", "section", "main", "nav", "footer", "header", "details", "label", "button", "title",
    "tr", "table", "ul", "ol", "form", "blockquote", "dd", "dt", "body", "text", "svg",
}  # fmt: skip
UNREAD = {"script", "style", "math", "pre", "code"}
REFERENCE = re.compile(r"\bcsl-")
HEADING = re.compile(r"h([1-6])$")


class Text(NamedTuple):
    """Text of a block, the language that it says it is in, and whether it names a work."""

    words: str
    language: str
    reference: bool = False


class Page(HTMLParser):
    """What a page holds."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: list[Text] = []
        self.links: list[tuple[str, str]] = []
        self.images: list[tuple[str, str]] = []
        self.headings: list[tuple[int, str]] = []
        self.loaded: list[str] = []
        # Of what is loaded, what only a reader's doing loads.
        self.later: list[str] = []
        self.ids: list[str] = []
        self.headless: list[int] = []
        self.language = self.title = ""
        self._open: list[tuple[str, dict[str, str]]] = []
        self._words: list[str] = []
        self._link: list[str] | None = None
        self._tables: list[bool] = []
        self._count = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self._place(tag, found)
        if tag in VOID:
            return
        if tag in BLOCKS or "lang" in found:
            self._end_text()
        self._open.append((tag, found))
        if tag == "html":
            self.language = found.get("lang", "")
        elif tag == "a" and "href" in found:
            self._link = [found.get("aria-label", "")]
        elif tag == "table":
            self._count += 1
            self._tables.append(False)
        elif tag == "th" and self._tables:
            self._tables[-1] = True

    def _place(self, tag: str, found: dict[str, str]) -> None:
        """Note what a tag names: ids, images, what is loaded with it."""
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "img":
            # An empty text is an image that says nothing; none at all is a fault too.
            self.images.append((found.get("src", ""), found.get("alt", "")))
            if self._link is not None:
                self._link.append(found.get("alt", ""))
        if tag == "svg" and found.get("role") == "img":
            self.images.append((f"chart {len(self.images) + 1}", found.get("aria-label", "")))
        if tag in {"img", "script", "source", "iframe"} and "src" in found:
            self.loaded.append(found["src"])
        if tag == "link" and "href" in found and not found["href"].startswith("data:"):
            self.loaded.append(found["href"])
        if "data-index" in found:
            self.loaded.append(found["data-index"])
            self.later.append(found["data-index"])

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID or not any(name == tag for name, _ in self._open):
            return
        if tag == "a" and self._link is not None:
            target = next(found["href"] for name, found in reversed(self._open) if name == "a")
            self.links.append((target, " ".join("".join(self._link).split())))
            self._link = None
        if tag in BLOCKS or any(n == tag and "lang" in found for n, found in self._open[-1:]):
            self._end_text()
        if tag == "table" and self._tables and not self._tables.pop():
            self.headless.append(self._count)
        while self._open:
            if self._open.pop()[0] == tag:
                break

    def handle_data(self, data: str) -> None:
        names = {name for name, _ in self._open}
        if self._link is not None:
            self._link.append(data)
        # A word of code stands for itself, and a work for its author: neither is prose.
        unread = names & UNREAD or any("citation" in a.get("class", "") for _, a in self._open)
        self._words.append(" " if unread else data)

    def _end_text(self) -> None:
        words = " ".join("".join(self._words).replace("\u00a0", " ").split())
        self._words = []
        names = [name for name, _ in self._open]
        level = next((found[1] for n in reversed(names) if (found := HEADING.match(n))), None)
        if level and names[-1] == f"h{level}":
            self.headings.append((int(level), words))
        if "title" in names:
            self.title = words
        if not words:
            return
        language = next((a["lang"] for _, a in reversed(self._open) if "lang" in a), "")
        reference = any(REFERENCE.search(a.get("class", "")) for _, a in self._open)
        self.texts.append(Text(words, language, reference))
