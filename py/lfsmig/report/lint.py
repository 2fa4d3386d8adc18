"""Rules that keep chapters right in every format: what Quarto is silent about is an error here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from lfsmig.errors import ChapterError
from lfsmig.report import project
from lfsmig.report.annual import TEMPLATE
from lfsmig.report.lint_text import (
    CITATION,
    CODE_BLOCK,
    REFERENCE,
    exhibit_problems,
    finding_problems,
    prose_problems,
    twin_problems,
)
from lfsmig.report.source import INLINE, one_language, options, read_chapter, source_text

OPTIONS = {
    "label",
    "fig-cap",
    "fig-alt",
    "tbl-cap",
    "echo",
    "include",
    "tags",
    "output",
    "warning",
}
TEXT_OPTIONS = {"fig-cap", "fig-alt", "tbl-cap"}
# A chapter shows results; what computes them belongs into the package.
FORBIDDEN = re.compile(r"\.(groupby|agg|mean|sum|median|merge|pivot_table)\(|read_parquet|read_csv")
HEADING_ID = re.compile(r"^#{1,6} .*\{[^}]*#([\w-]+)", re.M)
EQUATION_ID = re.compile(r"^\$\$.*\$\$\s*\{#(eq-[\w-]+)\}", re.M)
BIB_KEY = re.compile(r"^@\w+\{([^,\s]+),", re.M)
# Pandoc takes `@` after a letter for part of a word: in Thai a space must stand before it.
GLUED = re.compile(r"[\u0e01-\u0e4e\w]@(?:fig|tbl|sec|eq)-[\w-]*\w")
R_BLOCK = re.compile(r"^```\{r\b", re.M)


class Cell(NamedTuple):
    """A code cell: its options, its code, what messages call it."""

    options: dict[str, Any]
    code: str
    name: str


def cells(text_path: Path, language: str | None = None) -> list[Cell]:
    """Code cells of a chapter; those that only compute inline values are left out."""
    return _cells(text_path, source_text(text_path), language)


@cache
def _cells(text_path: Path, _text: str, language: str | None) -> list[Cell]:
    """Read a chapter once, though its rules and its twin's ask for its cells."""
    out = []
    for cell in read_chapter(text_path, language).cells:
        if cell.cell_type == "code" and "inline-values" not in cell.metadata.get("tags", []):
            head, code = options(cell.source)
            first = code.strip().splitlines()[0] if code.strip() else "(empty)"
            out.append(Cell(head, code, repr(head.get("label", first))))
    return out


def check(root: Path, languages: Sequence[str], years: Sequence[int]) -> None:
    """Raise one error that names the first problem of the chapters and counts the others."""
    problems = list(problems_of(Path(root), languages, years))
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise ChapterError(problems[0] + more)


def problems_of(root: Path, languages: Sequence[str], years: Sequence[int]) -> Iterator[str]:
    """Every broken rule, one line each."""
    lists = {language: _written(root, language) for language in languages}
    missing = False
    for language, names in lists.items():
        for name in names:
            if not (root / name).is_file():
                missing = True
                yield f"_quarto-{language}.yml: chapter {name}: no such file"
    if missing:
        return
    if not (root / TEMPLATE).is_file():
        yield f"{TEMPLATE}: no such file; it is the template of the annual chapters"
        return
    for language, names in lists.items():
        quoted: dict[str, list[tuple[str, str]]] = {}
        for name in names:
            found, text = cells(root / name), source_text(root / name)
            yield from _cell_problems(name, found, thin=True)
            yield from exhibit_problems(name, [(cell.name, cell.code) for cell in found])
            yield from prose_problems(name, text, language)
            quoted[name] = [(cell.name, cell.code) for cell in found]
            if R_BLOCK.search(text):
                yield f"{name}: a cell in R; it can be run in {TEMPLATE} only"
        yield from finding_problems(quoted)
        yield from _cell_problems(f"{TEMPLATE}", cells(root / TEMPLATE, language), thin=False)
        template = one_language(source_text(root / TEMPLATE), language)
        yield from prose_problems(f"{TEMPLATE} ({language})", template, language)
        yield from _reference_problems(root, language, names, years)
    if len(languages) > 1:
        first, *others = languages
        for other in others:
            yield from _unequal_twins(root, lists[first], lists[other])
            texts = [one_language(source_text(root / TEMPLATE), k) for k in (first, other)]
            names = [f"{TEMPLATE} ({k})" for k in (first, other)]
            yield from twin_problems(names[0], names[1], *texts)


def _written(root: Path, language: str) -> list[str]:
    """Chapters of an edition that are written by hand."""
    return [n for n in project.chapters(root, language) if not project.ANNUAL.match(n)]


def _cell_problems(name: str, found: list[Cell], thin: bool) -> Iterator[str]:
    for cell in found:
        where = f"{name}: cell {cell.name}"
        unknown = sorted(set(map(str, cell.options)) - OPTIONS)
        if unknown:
            yield f"{where}: unknown option {unknown[0]!r}; known are {', '.join(sorted(OPTIONS))}"
        label = str(cell.options.get("label", ""))
        draws = re.search(r"\bfig_\w+\(", cell.code) is not None
        if draws and not label.startswith("fig-"):
            yield f"{where}: a chart needs a label that begins with 'fig-'"
        wanted = {"fig-": ("fig-cap", "fig-alt"), "tbl-": ("tbl-cap",)}.get(label[:4], ())
        for option in wanted:
            if not str(cell.options.get(option) or "").strip():
                yield f"{where}: {option} is missing"
        if thin and (estimation := FORBIDDEN.search(cell.code)):
            yield f"{where}: {estimation[0]!r} computes in a chapter; move it into the package"


def _reference_problems(
    root: Path, language: str, names: list[str], years: Sequence[int]
) -> Iterator[str]:
    texts = {name: source_text(root / name) for name in names}
    template = one_language(source_text(root / TEMPLATE), language)
    for year in years:
        texts[f"{TEMPLATE} ({year})"] = template.replace("YYYY", str(year))
    defined: dict[str, str] = {}
    for name, text in texts.items():
        for label in _defined(text):
            if label in defined:
                yield f"{name}: label {label!r} is in {defined[label]} already"
            defined[label] = name
    works = [p.read_text(encoding="utf-8") for p in sorted(root.glob("references*.bib"))]
    keys = set(BIB_KEY.findall("\n".join(works)))
    for name, text in texts.items():
        prose = INLINE.sub("", CODE_BLOCK.sub("", text))
        for label in REFERENCE.findall(prose):
            if label not in defined:
                yield f"{name}: unknown cross-reference @{label}"
        for found in GLUED.findall(prose):
            yield f"{name}: cross-reference {found[1:]} needs a space before it"
        for key in CITATION.findall(prose):
            if not re.match(r"(fig|tbl|sec|eq)-", key) and key not in keys:
                yield f"{name}: citation @{key} is not in references.bib"


def _defined(text: str) -> list[str]:
    labels = re.findall(r"^#\| label: *[\"']?([\w-]+)", text, re.M)
    prose = CODE_BLOCK.sub("", text)
    return labels + HEADING_ID.findall(prose) + EQUATION_ID.findall(prose)


def _unequal_twins(root: Path, left: list[str], right: list[str]) -> Iterator[str]:
    if len(left) != len(right):
        yield f"chapter lists differ in length: {len(left)} and {len(right)}"
        return
    for one, other in zip(left, right, strict=True):
        yield from _unequal_cells(root, one, other)
        texts = [source_text(root / name) for name in (one, other)]
        yield from twin_problems(one, other, *texts)
        ids = [HEADING_ID.findall(CODE_BLOCK.sub("", text)) for text in texts]
        if ids[0] != ids[1]:
            odd = sorted(set(ids[0]) ^ set(ids[1])) or ["their order"]
            yield f"{other}: sections are not those of {one}: {odd[0]}"


def _unequal_cells(root: Path, one: str, other: str) -> Iterator[str]:
    mine, theirs = cells(root / one), cells(root / other)
    for left, right in zip(mine, theirs, strict=False):
        if _bare(left) != _bare(right):
            yield f"{other}: cell {right.name} differs from its twin {left.name} in {one}"
            return
    if len(mine) != len(theirs):
        yield f"{other}: {len(theirs)} cells, its twin {one} has {len(mine)}"


def _bare(cell: Cell) -> tuple[str, dict[str, Any]]:
    """What twins must share: all but captions and alternative texts."""
    return cell.code, {k: v for k, v in cell.options.items() if k not in TEXT_OPTIONS}
