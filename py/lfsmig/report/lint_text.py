"""Rules for a chapter's prose and for its twin: numbers, letters, formulas, references.

What the rules look for stands in `lint.yml`.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from lfsmig.report.source import INLINE
from lfsmig.yamltext import plain

CODE_BLOCK = re.compile(r"^```.*?^```", re.M | re.S)
MATH = re.compile(r"\$\$(.+?)\$\$|(?<![\\$])\$(?!\s)([^$\n]+?)\$", re.S)
PAIRED = re.compile(r"\\(?:left|right)\s*(?:\\[{}|]|[()|\[\].])")
LOOSE = re.compile(r"\\[{}|]|[()|]")
REFERENCE = re.compile(r"(?<![\w.\\])@((?:fig|tbl|sec|eq)-[\w-]*\w)")
CITATION = re.compile(r"(?<![\w.\\])@([A-Za-z][\w:-]*\w)")
NOT_PROSE = re.compile(r"`[^`\n]*`|\{[^}\n]*\}|<[^>\s]+>|\[?@[\w:-]+\]?")
HEADING = re.compile(r"^#{1,6} (.*?)(?:\s*\{[^}]*\})?\s*$", re.M)
# Functions that put numbers into charts and tables, and those that put them into sentences.
SHOWS = re.compile(r"fig_|tbl_|\w*_tables?$")
TELLS = re.compile(r"_findings?$")
TEXT_OPTION = re.compile(r"^#\| (fig-cap|fig-alt|tbl-cap): *(.*)$", re.M)


@cache
def rules() -> dict[str, Any]:
    """The rules that are data."""
    path = Path(__file__).with_name("lint.yml")
    found: dict[str, Any] = plain(path.read_text(encoding="utf-8"))
    return found


def prose_of(text: str) -> str:
    """A chapter without its code blocks."""
    return CODE_BLOCK.sub("", text)


def prose_problems(name: str, text: str, language: str) -> Iterator[str]:
    """Literal results, formulas that break in Word, texts in another language."""
    prose = prose_of(text)
    told = [(kind, words.strip("\"' ")) for kind, words in TEXT_OPTION.findall(text)]
    plain = NOT_PROSE.sub("", MATH.sub("", prose))
    for words in (plain, *(words for _, words in told)):
        for number in _literal_results(words):
            yield (
                f"{name}: {number} looks like a result; write an inline expression, so that it "
                "follows the data"
            )
        for claim in _claims(words):
            yield f"{name}: {claim!r} states a result in words; compute it, or leave it out"
    for found in MATH.finditer(prose):
        formula = found[1] or found[2]
        if loose := LOOSE.search(PAIRED.sub("", formula)):
            yield (
                f"{name}: formula ${formula.strip()}$: a loose {loose[0]} breaks in Word; "
                f"write \\left{loose[0]} … \\right"
            )
    headings = [("heading", NOT_PROSE.sub("", words)) for words in HEADING.findall(prose)]
    for kind, words in [*headings, *told]:
        if _other_language(words, language):
            yield f"{name}: {kind} {words[:40]!r} is not in the edition's language ({language})"


def _literal_results(text: str) -> list[str]:
    found = {}
    for pattern in rules()["results"]["patterns"]:
        for match in re.finditer(pattern, text):
            number = match[0].strip("\u00a0 .,")
            if number not in rules()["results"]["allowed"]:
                found[match.start()] = number
    return list(dict.fromkeys(found[place] for place in sorted(found)))


def _claims(text: str) -> list[str]:
    return [found[0] for pattern in rules()["claims"] for found in re.finditer(pattern, text)]


def _other_language(words: str, language: str) -> bool:
    letters = rules()["letters"].get(language)
    if letters is None or not words.strip():
        return False
    return not re.search(letters["wanted"], words) or bool(re.search(letters["foreign"], words))


def twin_problems(one: str, other: str, left: str, right: str) -> Iterator[str]:
    """What twins must share in their prose: inline expressions, sections and works they cite.

    Parameters
    ----------
    one, other
        Names of the chapters.
    left, right
        Their texts.
    """
    prose = [prose_of(text) for text in (left, right)]
    expressions = [Counter(map(str.strip, INLINE.findall(text))) for text in prose]
    for mine, theirs, name, twin in (
        (expressions[0], expressions[1], other, one),
        (expressions[1], expressions[0], one, other),
    ):
        for expression in mine - theirs:
            yield f"{name}: no inline expression `{expression}`, which its twin {twin} has"
    cited = [set(CITATION.findall(INLINE.sub("", text))) for text in prose]
    for key in sorted(cited[0] ^ cited[1]):
        name, twin = (other, one) if key in cited[0] else (one, other)
        yield f"{name}: no reference to @{key}, which its twin {twin} has"


def exhibit_problems(name: str, cells: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Exhibits whose values stand in no data table of the chapter.

    Parameters
    ----------
    cells
        What messages call a cell, and its code.
    """
    exhibits: Mapping[str, str | None] = rules()["exhibits"]
    calls = [(cell, *call) for cell, code in cells for call in _calls(code)]
    tabled = {
        (indicator, by)
        for _, function, indicators, by in calls
        if function in ("data_table", "populations_table")
        for indicator in indicators
    }
    for cell, function, indicators, by in calls:
        if function in exhibits:
            wanted = by or exhibits[function]
            for indicator in indicators:
                if (indicator, wanted) not in tabled:
                    what = f"{indicator} by {wanted}" if wanted else indicator
                    yield f"{name}: cell {cell}: no data table of {what} in the chapter"


def finding_problems(chapters: Mapping[str, Sequence[tuple[str, str]]]) -> Iterator[str]:
    """Indicators that sentences of an edition quote and none of its exhibits shows.

    Parameters
    ----------
    chapters
        By its name, a chapter's cells: what messages call them, and their code.
    """
    calls = [
        (name, cell, function, indicators)
        for name, cells in chapters.items()
        for cell, code in cells
        for function, indicators, _ in _calls(code)
    ]
    shown = {i for *_, function, indicators in calls if SHOWS.match(function) for i in indicators}
    for name, cell, function, indicators in calls:
        if TELLS.search(function):
            for indicator in indicators:
                if indicator not in shown:
                    yield f"{name}: cell {cell}: {indicator} is quoted, and no exhibit shows it"


def _calls(code: str) -> Iterator[tuple[str, list[str], str | None]]:
    """Calls of the report's functions: name, indicators, the variable they are crossed by."""
    try:
        tree = ast.parse(code)
    except SyntaxError:  # the kernel will say it better
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            try:
                first = ast.literal_eval(node.args[0])
                options = {k.arg: ast.literal_eval(k.value) for k in node.keywords if k.arg}
            except ValueError:
                continue
            indicators = [first] if isinstance(first, str) else first
            if isinstance(indicators, list):
                yield node.func.attr, list(map(str, indicators)), options.get("by")
