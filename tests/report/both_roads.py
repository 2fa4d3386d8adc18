"""What a reader gets of a document, the same for both roads: texts in order, numbers, references.

Left out is what a layout adds (title, ways to other pages, a hidden list of references), and how a
formula's number is set.
"""

from __future__ import annotations

import re
import zipfile
from difflib import unified_diff
from pathlib import Path
from typing import NamedTuple

from lxml import etree, html

from lfsmig.report.page_reader import Page

LAYOUT = (
    ".//script|.//style|.//svg|.//nav|.//footer|.//*[@class='screen-reader-only']"
    "|.//*[contains(@style, 'display: none')]"
    "|.//header[@id='title-block-header']//p|.//header[@id='title-block-header']//div[not(.//h1)]"
    "|.//h1[@class='title'][not(.//*[starts-with(@id, 'sec-')])]"
)
LABEL = re.compile(r"(?:fig|tbl|sec|eq)-[\w-]+")
NUMBER_OF_FORMULA = re.compile(r"\(\d+\.\d+\)")
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"


class Said(NamedTuple):
    """A page's texts in order, its labels, and how references name what they lead to."""

    texts: list[str]
    captions: list[str]
    labels: set[str]
    references: list[tuple[str, str]]


def pages(folder: Path) -> dict[str, Said]:
    """An edition's pages by the label of their chapter, whatever their files are called."""
    found = {}
    for path in sorted(folder.rglob("*.html")):
        if "site_libs" in path.parts:
            continue
        main = html.fromstring(path.read_bytes()).find(".//main")
        if main is None:  # the entrance that leads on to the home page
            continue
        for part in main.xpath(LAYOUT):
            part.drop_tree()
        labels = [i for i in main.xpath(".//@id|.//@data-anchor-id") if LABEL.fullmatch(i)]
        labels = [i for i in labels if not re.search(r"-caption-[0-9a-f-]{36}$", i)]
        texts = [text.words for text in Page(html.tostring(main, encoding="unicode")).texts]
        chapter = next(label for label in labels if label.startswith("sec-"))
        found[chapter] = Said(
            [text for text in texts if not NUMBER_OF_FORMULA.fullmatch(text)],
            ["".join(part.text_content().split()) for part in main.iterfind(".//figcaption")]
            + ["".join(part.text_content().split()) for part in main.iterfind(".//caption")],
            set(labels),
            [
                (link.get("href").partition("#")[2], " ".join(link.text_content().split()))
                for link in main.iterfind(".//a[@href]")
                if re.search(r"#(?:fig|tbl|eq|ref)-", link.get("href"))
            ],
        )
    return found


def differences(ours: dict[str, Said], theirs: dict[str, Said]) -> list[str]:
    """Lines that only one of two editions says, with their chapter."""
    found = [f"only on one side: {chapter}" for chapter in sorted(ours.keys() ^ theirs.keys())]
    for chapter in ours.keys() & theirs.keys():
        for left, right in zip(*(_lines(said[chapter]) for said in (ours, theirs)), strict=True):
            compared = [*unified_diff(left, right, lineterm="", n=0)][2:]
            found += [f"{chapter}: {line}" for line in compared if line[0] in "+-"]
    return found


def _lines(said: Said) -> tuple[list[str], list[str], list[str]]:
    return said.texts, sorted(said.labels), [" = ".join(pair) for pair in said.references]


def captions(said: dict[str, Said]) -> list[str]:
    """Captions of an edition's figures and tables, without spaces."""
    return [caption for page in said.values() for caption in page.captions]


def word_texts(path: Path, home: str) -> list[str]:
    """Paragraphs of a Word document from its first chapter on, without spaces."""
    with zipfile.ZipFile(path) as archive:
        body = etree.fromstring(archive.read("word/document.xml"))
    # A formula has its number beside it in one road and in it in the other.
    texts = (
        "".join("".join(part.text or "" for part in paragraph.iter(f"{W}t")).split())
        for paragraph in body.iter(f"{W}p")
        if paragraph.find(f".//{M}oMath") is None
    )
    # Thai words are kept whole by a mark that Quarto's citations do not have.
    plain = (text.replace("\u200d", "") for text in texts)
    said = [text for text in plain if text and not NUMBER_OF_FORMULA.fullmatch(text)]
    # The first is in the list of contents.
    return said[said.index("".join(home.split()), said.index("".join(home.split())) + 1) :]
