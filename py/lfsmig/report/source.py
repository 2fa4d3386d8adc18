"""Reading a chapter's source (.qmd) as a notebook.

No Quarto is needed: jupytext's "Rmd" reader takes .qmd files as they are and keeps the `#|` lines.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import yaml
from nbformat import NotebookNode

from lfsmig.errors import ChapterError
from lfsmig.yamltext import plain

INLINE = re.compile(r"`\{python\}\s+([^`]+)`")
INCLUDE = re.compile(r"^\{\{<\s*include\s+(\S+)\s*>\}\}\s*$", re.M)
OPTION = re.compile(r"^#\|\s?(.*)$")
LANGUAGE_BLOCK = re.compile(r"^::: \{lang=(\w+)\}[ \t]*\n(.*?)\n^:::[ \t]*$\n?", re.M | re.S)
R_CELL = "%%R"
INLINE_TAG = "inline-values"
MARKER = "lfsmig-inline:"
# Kind of output in which a chart says what it tells (alt.py).
TOLD = "text/x-lfsmig-alt"


def options(source: str) -> tuple[dict[str, Any], str]:
    """Split a cell into its `#|` options and its code."""
    head, lines = [], source.splitlines()
    while lines and (found := OPTION.match(lines[0])):
        head.append(found[1])
        lines.pop(0)
    return dict(_read_options("\n".join(head))), "\n".join(lines)


@cache
def _read_options(text: str) -> dict[str, Any]:
    try:
        read = plain(text) or {}
    except (yaml.YAMLError, ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise ChapterError(f"cell options are not YAML: {text.splitlines()[0]}")
    return read


def source_text(path: Path) -> str:
    """Text of a chapter with its includes put in."""

    def included(found: re.Match[str]) -> str:
        part = path.parent / found[1]
        if not part.is_file():
            raise ChapterError(f"{path}: include {found[1]}: no such file")
        return _utf8(part)

    return INCLUDE.sub(included, _utf8(path))


def _utf8(path: Path) -> str:
    """Text of a file, or one line that names it."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ChapterError(f"{path}: no such file, though the book lists it") from None
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ChapterError(f"{path}:{line}: the text is not UTF-8; save it as UTF-8") from None


def one_language(text: str, language: str) -> str:
    """Keep the blocks and cell options of one language of a template that holds both.

    `::: {lang=th}` … `:::` blocks stand in the text; `#| fig-cap-th:` among the cell options.
    """
    text = LANGUAGE_BLOCK.sub(lambda m: m[2] + "\n" if m[1] == language else "", text)
    kept = []
    for line in text.splitlines():
        found = re.match(r"^#\| ([\w-]+)-(en|th):(.*)$", line)
        if found is None:
            kept.append(line)
        elif found[2] == language:
            kept.append(f"#| {found[1]}:{found[3]}")
    return "\n".join(kept) + "\n"


def read_chapter(
    path: Path, language: str | None = None, tokens: Mapping[str, str] | None = None
) -> NotebookNode:
    """Read a chapter as a notebook; inline expressions get a cell that computes them.

    Parameters
    ----------
    path
        The .qmd file.
    language
        For a template in both languages, the one to keep.
    tokens
        Texts replaced before execution, such as the year in labels.
    """
    import jupytext

    text = source_text(path)
    if language:
        text = one_language(text, language)
    for token, value in (tokens or {}).items():
        text = text.replace(token, value)
    notebook = jupytext.reads(text, fmt="Rmd")
    notebook.metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
    }
    cells: list[NotebookNode] = []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            if expressions := INLINE.findall(cell.source):
                cells.append(_inline_cell(expressions))
            cells.append(cell)
        elif cell.source.startswith(R_CELL):
            cells += _r_cells(cell.source.removeprefix(R_CELL).strip("\n"))
        else:
            try:
                cell.metadata["tags"] = list(options(cell.source)[0].get("tags", []))
            except ChapterError as error:
                raise ChapterError(f"{path}: {error}") from None
            cells.append(cell)
    notebook.cells = cells
    return notebook


def _r_cells(source: str) -> list[NotebookNode]:
    """A cell in R: its code as the reader sees it, and the Python cell that has R run it."""
    head, code = options(source)
    run = f"# R: {code.splitlines()[0]}\nfrom lfsmig.report import run_r\n\nrun_r({code!r})"
    cells = [nbformat.v4.new_code_cell(run, metadata={"tags": []})]
    if head.get("echo"):
        cells.insert(0, nbformat.v4.new_markdown_cell(f"```r\n{code}\n```"))
    return cells


def _inline_cell(expressions: list[str]) -> NotebookNode:
    """Cell that evaluates inline expressions where they stand, as Quarto does."""
    listed = ", ".join(f"({expression})" for expression in expressions)
    code = f"import json as _json\nprint({MARKER!r} + _json.dumps([str(_v) for _v in [{listed}]]))"
    cell = nbformat.v4.new_code_cell(code, metadata={"tags": [INLINE_TAG]})
    cell.metadata["expressions"] = expressions
    return cell
