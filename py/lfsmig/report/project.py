"""The book's configuration: editions, their chapter lists, and the years in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lfsmig.atomic import write_text
from lfsmig.errors import ChapterError
from lfsmig.params.source import read_document

ANNUAL = re.compile(r"^chapters/(\w+)/annual/(\d{4})\.ipynb$")
ANNUAL_LINES = re.compile(r"(?m)(?:^[ \t]*- chapters/\w+/annual/\d{4}\.ipynb[ \t]*\n)+")


def profile_path(root: Path, language: str) -> Path:
    """Profile file of an edition, or an error that names the editions there are."""
    path = Path(root) / f"_quarto-{language}.yml"
    if not path.is_file():
        found = sorted(p.stem.removeprefix("_quarto-") for p in Path(root).glob("_quarto-*.yml"))
        raise ChapterError(
            f"no edition {language!r}: {path.name} is missing; editions here: {', '.join(found)}"
        )
    return path


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Base with another mapping laid over it, key by key."""
    out = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(out.get(key), dict)
        out[key] = merged(out[key], value) if both else value
    return out


def configuration(root: Path, language: str) -> dict[str, Any]:
    """Configuration of an edition: what both share, and its own."""
    paths = (Path(root) / "_quarto.yml", profile_path(root, language))
    base, own = (read_document(path, path.name).data for path in paths)
    found = merged(base, own)
    book = found.get("book")
    if not isinstance(book, dict) or not isinstance(book.get("chapters"), list):
        raise ChapterError(f"{paths[1].name}: book: expected the key chapters with a list of them")
    return found


def interface_words(root: Path, language: str) -> dict[str, Any]:
    """Quarto's words in an edition's language, such as what a chapter is called."""
    path = Path(root) / f"_language-{language}.yml"
    return dict(read_document(path, path.name).data) if path.is_file() else {}


def _flat(items: Iterable[Any]) -> list[str]:
    out: list[str] = []
    for item in items:
        out += [item] if isinstance(item, str) else _flat(item.get("chapters", []))
    return out


def chapters(root: Path, language: str, years: Sequence[int] | None = None) -> list[str]:
    """Chapters of an edition in order; with `years`, the annual ones are those of these years."""
    listed = _flat(configuration(root, language)["book"]["chapters"])
    if years is None:
        return listed
    out: list[str] = []
    placed = False
    for item in listed:
        if not ANNUAL.match(item):
            out.append(item)
        elif not placed:
            out += [f"chapters/{language}/annual/{year}.ipynb" for year in years]
            placed = True
    return out


def listed_years(root: Path, language: str) -> list[int]:
    """Years whose working papers are in an edition's chapter list."""
    matches = (ANNUAL.match(item) for item in chapters(root, language))
    return [int(found[2]) for found in matches if found]


def with_years(text: str, language: str, years: Sequence[int]) -> str:
    """A profile's text with the annual chapters of these years."""
    found = ANNUAL_LINES.search(text)
    if found is None:
        raise ChapterError(
            f"_quarto-{language}.yml: no line `- chapters/{language}/annual/<year>.ipynb` "
            "to replace"
        )
    indent = re.match(r"[ \t]*", found[0])
    space = indent[0] if indent else ""
    lines = "".join(f"{space}- chapters/{language}/annual/{year}.ipynb\n" for year in years)
    return text[: found.start()] + lines + ANNUAL_LINES.sub("", text[found.end() :])


def sync_years(root: Path, languages: Sequence[str], years: Sequence[int]) -> list[Path]:
    """Bring the chapter lists in line with the report's years; return the files that changed."""
    changed = []
    for language in languages:
        if listed_years(root, language) == list(years):
            continue
        path = profile_path(root, language)
        write_text(path, with_years(path.read_text(encoding="utf-8"), language, years))
        changed.append(path)
    return changed
