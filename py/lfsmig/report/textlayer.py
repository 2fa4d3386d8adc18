"""Repair of the Thai text layer in PDF files made by Typst.

Sarabun sets a tone mark above another mark at a height of its own. Typst draws such a mark as a
separate piece and writes the text of the whole cluster to both pieces, so that searching and
copying find the syllable twice. Here the text is shared out: the first piece keeps the cluster
without the mark, the second gets the mark. The page's picture stays the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pikepdf

from lfsmig.atomic import atomic_path

# Characters in hexadecimal digits of UTF-16. A formula's letter is a pair of such units outside the
# Thai block: one character, which must not be cut in two.
THAI = "0E[0-7][0-9A-F]"
# A glyph that stands for more than one Thai character, in a font's table of characters.
CLUSTER = re.compile(rf"<([0-9A-F]{{4}})> <((?:{THAI}){{2,}})>(?=\s*\n)", re.I)
# One piece of text: its height on the page and what it draws.
PIECE = re.compile(r"1 0 0 -1 [-\d.]+ ([-\d.]+) cm(?:(?! cm|BT).)*?BT(.*?)\nET", re.S)
# A span that carries its own text.
SPAN = re.compile(rf"<<\s*/ActualText\s*<FEFF((?:{THAI})+)>\s*>>", re.I)
# A mark drawn exactly where the next letter begins: readers that go by place give it to that one.
BARE = re.compile(r"(?<=Tm)(\s*)(\((?:\\.|[^\\()])*\))(\s*)Tj", re.S)
NUDGE = 1  # thousandths of the type's size, to the left: nothing that can be seen
UNIT = 4  # hexadecimal digits of a character
NEAR = 3.0  # points: a mark stands no farther from its line


class Span(NamedTuple):
    """Text of a span and where its digits stand in the page's content."""

    text: str
    start: int
    end: int


class Piece(NamedTuple):
    """Text at one height: its spans, and how it begins and ends."""

    height: float
    spans: list[Span]
    begins_with_span: bool
    ends_with_span: bool
    start: int
    end: int


def repair(path: Path) -> int:
    """Repair a PDF in place and return how many places were changed."""
    changed = 0
    with pikepdf.open(path) as pdf:
        tables = _character_tables(pdf)
        claimed = {cluster for _, text in tables for _, cluster in CLUSTER.findall(text)}
        contents = [_content(page) for page in pdf.pages]
        # A mark alone on its height, after a span with the text that the mark's glyph claims.
        alone = {
            last.text
            for content in contents
            for last, piece in _neighbours(content)
            if not piece.begins_with_span and last.text in claimed
        }
        shared = alone | _repair_tables(tables, alone)
        for page, content in zip(pdf.pages, contents, strict=True):
            edits = _edits(content, shared)
            text = content
            for start, end, replacement in sorted(edits, reverse=True):
                text = text[:start] + replacement + text[end:]
            if edits:
                page.Contents.write(text.encode("latin-1"))
            changed += len(edits)
        _drop_default(pdf)
        with atomic_path(path) as temporary:
            pdf.save(temporary, deterministic_id=True)
    return changed


def _drop_default(pdf: pikepdf.Pdf) -> None:
    """Leave unsaid that no tag is suspect: some readers take the stated default for an error."""
    marks: Any = pdf.Root.get("/MarkInfo")
    if marks is not None and marks.get("/Suspects") is False:
        del marks["/Suspects"]


def _content(page: Any) -> str:
    page.contents_coalesce()
    return str(page.Contents.read_bytes().decode("latin-1"))


def _character_tables(pdf: pikepdf.Pdf) -> list[tuple[Any, str]]:
    """Fonts' tables from glyphs to characters, with their text."""
    found = []
    for item in pdf.objects:
        if isinstance(item, pikepdf.Dictionary) and "/ToUnicode" in item:
            table: Any = item.ToUnicode
            found.append((table, table.read_bytes().decode("latin-1")))
    return found


def _repair_tables(tables: list[tuple[Any, str]], alone: set[str]) -> set[str]:
    """Give marks their own character; return the clusters that two glyphs of a font claimed."""
    shared: set[str] = set()
    for table, text in tables:
        claims = Counter(cluster for _, cluster in CLUSTER.findall(text))
        shared |= {cluster for cluster, times in claims.items() if times > 1}
        table.write(_own_marks(text, claims, alone).encode("latin-1"))
    return shared


def _own_marks(table: str, claims: Counter[str], alone: set[str]) -> str:
    seen: set[str] = set()

    def entry(found: re.Match[str]) -> str:
        glyph, cluster = found.groups()
        first = cluster not in seen
        seen.add(cluster)
        # Of two glyphs the first is the letter. A single one is the mark where the letter carries
        # the cluster's text in a span of its own.
        if first and not (claims[cluster] == 1 and cluster in alone):
            return found[0]
        return f"<{glyph}> <{cluster[-UNIT:]}>"

    return CLUSTER.sub(entry, table)


def _pieces(content: str) -> Iterator[Piece]:
    for found in PIECE.finditer(content):
        body, offset = found[2], found.start(2)
        spans = [Span(m[1], offset + m.start(1), offset + m.end(1)) for m in SPAN.finditer(body)]
        yield Piece(
            float(found[1]),
            spans,
            body.lstrip().startswith("/Span"),
            body.rstrip().endswith("EMC"),
            offset,
            found.end(2),
        )


def _neighbours(content: str) -> Iterator[tuple[Span, Piece]]:
    """Spans that end a piece, each with the next piece where that stands a little off the line."""
    last: Span | None = None
    height = 1e9
    for piece in _pieces(content):
        is_mark = False
        if last is not None and 0 < abs(piece.height - height) < NEAR:
            yield last, piece
            is_mark = [span.text for span in piece.spans] == [last.text]
        # What follows a mark is the line again, not a second mark of the same cluster.
        ends = piece.spans and piece.ends_with_span and not is_mark
        last = piece.spans[-1] if ends else None
        height = piece.height


def _edits(content: str, shared: set[str]) -> list[tuple[int, int, str]]:
    """Replacements in a page's content: (start, end, text)."""
    edits: list[tuple[int, int, str]] = []
    for last, piece in _neighbours(content):
        repeated = piece.begins_with_span and piece.spans[0].text == last.text
        if repeated or (not piece.begins_with_span and last.text in shared):
            edits.append((last.start, last.end, last.text[:-UNIT]))
            edits += _nudge(content, piece)
        if repeated:
            mark = piece.spans[0]
            edits.append((mark.start, mark.end, mark.text[-UNIT:]))
    return edits


def _nudge(content: str, piece: Piece) -> list[tuple[int, int, str]]:
    """Move a mark that stands alone in its piece a trifle towards the letter that it belongs to."""
    found = list(BARE.finditer(content, piece.start, piece.end))
    if len(found) != 1 or content.count(" Tm", piece.start, piece.end) != 1:
        return []
    [mark] = found
    return [(mark.start(), mark.end(), f"{mark[1]}[{NUDGE}{mark[2]}{mark[3]}]TJ")]
