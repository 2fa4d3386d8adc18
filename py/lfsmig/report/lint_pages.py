"""A linter of what readers get: every page of an edition, its Word document and its PDF.

The rules are data (`lint_pages.yml`); here is how they are asked. `python -m
lfsmig.report.lint_pages _book/en en` prints the problems of an edition, one a line.
"""

from __future__ import annotations

import re
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import pikepdf

from lfsmig.report.lint_pdf import pdf_texts
from lfsmig.report.page_reader import Page, Text
from lfsmig.yamltext import plain

LOCAL = re.compile(r"^(?!https?:|mailto:|data:|#|//)")
LOADED = re.compile(r"""url\(\s*['"]?([^'")]+)""")


class Problem(NamedTuple):
    """A broken rule: where, which, and what was found."""

    file: str
    rule: str
    found: str

    def __str__(self) -> str:
        """One line for a person."""
        return f"{self.file}: {self.rule}: {self.found}"


@cache
def rules() -> dict[str, Any]:
    """The rules that are data."""
    path = Path(__file__).with_name("lint_pages.yml")
    found: dict[str, Any] = plain(path.read_text(encoding="utf-8"))
    return found


def problems_of(folder: Path, language: str) -> list[Problem]:
    """Problems of an edition's pages and documents.

    Parameters
    ----------
    folder
        Folder of the edition, such as `_book/en`.
    language
        Its language.
    """
    pages = {p.name: Page(p.read_text(encoding="utf-8")) for p in sorted(folder.glob("*.html"))}
    found: list[Problem] = []
    for name, page in pages.items():
        for check in PAGE_CHECKS:
            rule = check.__name__.strip("_")
            found += [Problem(name, rule, what) for what in check(page, language)]
        found += [Problem(name, rule, what) for rule, what in text_problems(page.texts, language)]
        found += [Problem(name, "dead_link", what) for what in _dead_links(folder, name, pages)]
        found += [Problem(name, "weight", what) for what in _weight(folder, name, page)]
    found += [Problem("*.css", "fonts", what) for what in _page_fonts(folder)]
    for path in sorted(folder.glob("*.docx")):
        found += word_problems(path, language)
    for path in sorted(folder.glob("*.pdf")):
        found += [Problem(path.name, "fonts", what) for what in _pdf_fonts(path)]
        # Words of the other language: as in Word, the pages have been asked.
        texts = pdf_texts(path, rules()["fonts"]["prose"]) or []
        found += [Problem(path.name, rule, what) for rule, what in text_problems(texts, "")]
    return found


# --- text ----------------------------------------------------------------------------------------


def text_problems(texts: list[Text], language: str) -> Iterator[tuple[str, str]]:
    """Rule and finding, for what no text may hold and for words of another language."""
    for text in texts:
        for rule, told in rules()["text"].items():
            if found := re.search(told["pattern"], text.words, re.M):
                yield rule, f"{_around(text.words, found)!r} ({told['why']})"
        if text.language == language and not text.reference:
            for word in foreign_words(text.words, language):
                yield "other_language", f"{word!r} in {text.words[:60]!r}"


def foreign_words(text: str, language: str) -> list[str]:
    """Words of a text that are not in its language and no names."""
    rule = rules()["language"].get(language)
    if rule is None:
        return []
    names = set(rule.get("names", ()))
    if "not_words" in rule:
        text = re.sub(rule["not_words"], " ", text)
    return [word for word in re.findall(rule["foreign"], text) if word not in names]


def _around(text: str, found: re.Match[str]) -> str:
    return text[max(0, found.start() - 25) : found.end() + 25].strip()


# --- pages ---------------------------------------------------------------------------------------


def _no_language(page: Page, language: str) -> Iterator[str]:
    if page.language != language:
        yield f"the page says its language is {page.language!r}, not {language!r}"


def _alt(page: Page, language: str) -> Iterator[str]:
    limits = rules()["alt"]
    for source, alt in page.images:
        if len(alt.strip()) < limits["shortest"]:
            yield f"{source}: no text that says what the chart shows: {alt!r}"
        elif len(alt) > limits["longest"]:
            yield f"{source}: {len(alt)} characters are more than anyone listens to"
        elif foreign_words(alt, language):
            yield f"{source}: in another language: {alt[:60]!r}"


def _headings(page: Page, _: str) -> Iterator[str]:
    levels = [level for level, _ in page.headings]
    if levels.count(1) != 1 or levels[0] != 1:
        yield f"one heading of the first level begins a page, here are {levels.count(1)}"
    for before, (level, text) in zip(levels, page.headings[1:], strict=False):
        if level > before + 1:
            yield f"level {level} follows level {before}: {text!r}"
    yield from (f"level {level} without words" for level, text in page.headings if not text)


def _twice(page: Page, _: str) -> Iterator[str]:
    yield from (f"id {name!r} stands twice" for name, n in Counter(page.ids).items() if n > 1)


def _silent_link(page: Page, _: str) -> Iterator[str]:
    yield from (f"link to {target} without words" for target, text in page.links if not text)


def _table(page: Page, _: str) -> Iterator[str]:
    yield from (f"table {n} without a row of headings" for n in page.headless)


def _title(page: Page, _: str) -> Iterator[str]:
    if len(page.title) < rules()["title"]["shortest"]:
        yield f"title {page.title!r}"


def _outside(page: Page, _: str) -> Iterator[str]:
    allowed = re.compile(rules()["loads"]["allowed"])
    yield from (f"loads {target}" for target in page.loaded if not allowed.match(target))


PAGE_CHECKS: tuple[Callable[[Page, str], Iterator[str]], ...] = (
    _no_language, _alt, _headings, _twice, _silent_link, _table, _title, _outside,
)  # fmt: skip


def _dead_links(folder: Path, name: str, pages: dict[str, Page]) -> Iterator[str]:
    targets = [target for target, _ in pages[name].links] + pages[name].loaded
    for target in dict.fromkeys(targets):
        file, _, anchor = unquote(target).partition("#")
        if target.startswith("#"):
            file = name
        elif not LOCAL.match(target):
            continue
        if not (folder / file).is_file():
            yield f"{target}: no such file"
        elif anchor and file in pages and anchor not in pages[file].ids:
            yield f"{target}: no such place"


def _weight(folder: Path, name: str, page: Page) -> Iterator[str]:
    most = rules()["weight"]["most"]
    start, all_ = weight_of(folder, name, page), weight_of(folder, name, page, later=True)
    if all_ > most:
        yield f"{all_:,} bytes, of them {start:,} before anybody searches; at most {most:,}"


def weight_of(folder: Path, name: str, page: Page, later: bool = False) -> int:
    """Bytes of a page with its images, styles, fonts and scripts.

    Parameters
    ----------
    later
        Count also the index of the search, which is loaded when somebody goes to its field.
    """
    targets = page.loaded if later else [t for t in page.loaded if t not in page.later]
    files = {folder / unquote(t) for t in targets if LOCAL.match(t)} | {folder / name}
    for css in [path for path in files if path.suffix == ".css" and path.is_file()]:
        files |= {css.parent / target for target in LOADED.findall(css.read_text("utf-8"))}
    return sum(path.stat().st_size for path in files if path.is_file())


# --- fonts and documents -------------------------------------------------------------------------


def _page_fonts(folder: Path) -> Iterator[str]:
    allowed = set(rules()["fonts"]["pages"])
    for css in sorted(folder.glob("*.css")):
        text = css.read_text(encoding="utf-8")
        for target in LOADED.findall(text):
            if not target.startswith("data:") and not (css.parent / target).is_file():
                yield f"{css.name}: {target}: no such file"
        names = re.findall(r"@font-face\s*\{[^}]*font-family:\s*['\"]?([\w -]+)", text)
        yield from (f"{css.name}: {name}" for name in sorted(set(names) - allowed))
        if not names:
            yield f"{css.name}: brings no font; Thai would be set in whatever the reader has"


def _pdf_fonts(path: Path) -> Iterator[str]:
    allowed = tuple(rules()["fonts"]["pdf"])
    with pikepdf.open(path) as pdf:
        for font in (o for o in pdf.objects if _is_font(o)):
            name = str(font.get("/BaseFont", "")).lstrip("/").partition("+")[2]
            told = str(font.get("/BaseFont", "")).lstrip("/")
            if not name or not name.startswith(allowed):
                yield f"{told}: not one of ours, or not embedded"


def _is_font(found: Any) -> bool:
    return isinstance(found, pikepdf.Dictionary) and found.get("/Type") == "/Font"


def word_problems(path: Path, language: str) -> list[Problem]:
    """Problems of a Word document: its texts, the texts of its images, its tables, its fonts."""
    with zipfile.ZipFile(path) as archive:
        body = archive.read("word/document.xml").decode("utf-8")
        styles = archive.read("word/styles.xml").decode("utf-8")
        names = set(archive.namelist())
    found: list[tuple[str, str]] = []
    texts = []
    for paragraph in re.findall(r"<w:p>.*?</w:p>|<w:p .*?</w:p>", body, re.S):
        style = re.search(r'<w:pStyle w:val="(\w+)"', paragraph)
        kind = style[1] if style else ""
        runs = re.findall(r"<w:r>.*?</w:r>", paragraph, re.S)
        plain = [run for run in runs if "VerbatimChar" not in run and "<m:" not in run]
        words = "".join(re.findall(r"<w:t\b[^>]*>([^<]*)</w:t>", "".join(plain)))
        if kind not in {"SourceCode"}:
            texts.append(Text(_unescaped(words), language, kind == "Bibliography"))
    # Words of the other language: the pages are made from the same text, and say what is a name.
    found += [(rule, what) for rule, what in text_problems(texts, "")]
    limits = rules()["alt"]
    for alt in re.findall(r'<pic:cNvPr [^>]*?descr="([^"]*)"', body):
        if len(alt) < limits["shortest"]:
            found.append(("alt", f"no text that says what the chart shows: {alt!r}"))
    images, described = body.count("<pic:cNvPr "), len(re.findall(r"<pic:cNvPr [^>]*descr=", body))
    if described < images:
        found.append(("alt", f"{images - described} images without a text"))
    for table in re.findall(r"<w:tbl>.*?</w:tbl>", body, re.S):
        if "<w:tblHeader" not in table and "<m:oMath" not in table:
            found.append(("table", "a table without a row of headings"))
    fonts = {name for style in (styles, body) for name in re.findall(r'w:ascii="([^"]+)"', style)}
    odd = sorted(fonts - set(rules()["fonts"]["word"]))
    found += [("fonts", name) for name in odd]
    if not any(name.startswith("word/fonts/") for name in names):
        found.append(("fonts", "none embedded; Thai would be set in whatever the reader has"))
    return [Problem(path.name, rule, what) for rule, what in found]


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


if __name__ == "__main__":
    problems = problems_of(Path(sys.argv[1]), sys.argv[2])
    sys.stdout.writelines(f"{problem}\n" for problem in problems)
    sys.exit(1 if problems else 0)
