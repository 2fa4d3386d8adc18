"""Numbers of the two editions, side by side: every cell, every chart, every number in the prose.

Years of the Thai edition are of the Buddhist Era and are counted back first.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from lfsmig.years import BUDDHIST_OFFSET

NUMBER = re.compile(r"[−-]?\d(?:[\d,]*\d)?(?:\.\d+)?")
# Thousands are separated, so four digits in a row are a year.
BUDDHIST = re.compile(r"(?<![\d.])(?<!\d,)2[45]\d\d(?!\d|[,.]\d)")
# Where there are words, whole numbers are words in one language and digits in the other.
TOLD = re.compile(r"−?\d+\.\d+|−?\d{1,3}(?:,\d{3})+|(?<![\d.])(?<!\d,)(?:19|20)\d\d(?!\d|[,.]\d)")
WORDS = re.compile(r"[A-Za-z]{2}|[\u0e01-\u0e4e]{2}")
# Between the ends of an interval.
BETWEEN = re.compile(r"\bto\b|ถึง")
# Titles of works and their addresses stand in the language of the work.
WORK = re.compile(r"<(p|li|div)\b(?:(?!</\1>).)*?href=\"https?:.*?</\1>", re.S)
# The name of a mark on an axis: how many an axis has follows from the room that words leave.
TICK = re.compile(r"<use\b[^>]*/><text\b[^>]*>[^<]*</text>")
TABLE, ROW, CELL = (re.compile(rf"<{t}\b.*?</{t}>", re.S) for t in ("table", "tr", "t[dh]"))
CHART = re.compile(r"<svg\b.*?</svg>", re.S)
LETTERS = re.compile(r"<text\b[^>]*>([^<]*)</text>")
SECTION = re.compile(r'<section[^>]*\bid="([^"]+)"|<h[1-6][^>]*\bid="([^"]+)"')


def christian(text: str, language: str) -> str:
    """A text with its years as the English edition counts them."""
    if language != "th":
        return text
    return BUDDHIST.sub(lambda year: str(int(year[0]) - BUDDHIST_OFFSET), text)


def words_of(markup: str, language: str) -> str:
    """Words of a piece of a page."""
    return christian(html.unescape(re.sub(r"<[^>]+>", "", markup)), language)


def numbers_of(cells: tuple[str, str]) -> list[list[str]]:
    """Numbers of a cell in both editions; their order follows the language, so they are sorted."""
    named = any(WORDS.search(BETWEEN.sub("", text)) for text in cells)
    return [sorted((TOLD if named else NUMBER).findall(text)) for text in cells]


def _tables(page: str, language: str) -> list[list[list[str]]]:
    return [
        [[words_of(cell, language) for cell in CELL.findall(row)] for row in ROW.findall(table)]
        for table in TABLE.findall(page)
    ]


def _charts(page: str, language: str) -> list[Counter[str]]:
    # A label may be in one line in one language and in two in the other.
    found = []
    for chart in CHART.findall(page):
        texts = [words_of(said, language) for said in LETTERS.findall(TICK.sub("", chart))]
        alone = [text for text in texts if not WORDS.search(text)]
        told = [text for text in texts if WORDS.search(text)]
        found.append(
            Counter(NUMBER.findall(" ".join(alone))) + Counter(TOLD.findall(" ".join(told)))
        )
    return found


def _told(page: str, language: str) -> dict[str, Counter[str]]:
    """Numbers in prose by section: those that only results have, and years."""
    prose = WORK.sub(" ", TABLE.sub(" ", CHART.sub(" ", page)))
    parts = SECTION.split(prose)
    names = ["", *(a or b for a, b in zip(parts[1::3], parts[2::3], strict=True))]
    found: dict[str, Counter[str]] = {}
    for name, text in zip(names, parts[::3], strict=True):
        found.setdefault(name, Counter()).update(TOLD.findall(words_of(text, language)))
    return found


def differences(english: str, thai: str) -> Iterator[str]:
    """What two pages that should say the same number by number do not share."""
    pages = {"en": _main(english), "th": _main(thai)}
    tables = [_tables(page, language) for language, page in pages.items()]
    if len(tables[0]) != len(tables[1]):
        yield f"{len(tables[0])} and {len(tables[1])} tables"
    for number, (one, other) in enumerate(zip(*tables, strict=False), start=1):
        if [len(row) for row in one] != [len(row) for row in other]:
            yield f"table {number}: other rows or columns"
            continue
        flat = (list(chain.from_iterable(rows)) for rows in (one, other))
        for place, cells in enumerate(zip(*flat, strict=True), start=1):
            left, right = numbers_of(cells)
            if left != right:
                yield f"table {number}, cell {place}: {left} and {right}"
    charts = [_charts(page, language) for language, page in pages.items()]
    if len(charts[0]) != len(charts[1]):
        yield f"{len(charts[0])} and {len(charts[1])} charts"
    for number, (said, other_said) in enumerate(zip(*charts, strict=False), start=1):
        if said != other_said:
            yield f"chart {number}: {_apart(said, other_said)}"
    told = [_told(page, language) for language, page in pages.items()]
    for name in dict.fromkeys([*told[0], *told[1]]):
        mine, theirs = (one.get(name, Counter()) for one in told)
        if mine != theirs:
            yield f"section {name}: {_apart(mine, theirs)}"


def _apart(one: Counter[str], other: Counter[str]) -> str:
    return f"only English {dict(one - other)}, only Thai {dict(other - one)}"


def _main(page: str) -> str:
    return page[page.index("<main") : page.index("</main>")]


def problems_of(book: Path) -> list[str]:
    """Differences between the twins of a book, each with its page."""
    names = sorted(path.name for path in (book / "en").glob("*.html"))
    assert names == sorted(path.name for path in (book / "th").glob("*.html"))
    found = []
    for name in names:
        texts = [(book / language / name).read_text(encoding="utf-8") for language in ("en", "th")]
        found += [f"{name}: {what}" for what in differences(*texts)]
    return found
