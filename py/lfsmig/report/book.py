"""From a chapter's source (.qmd) to an executed notebook.

Both roads share this: annual notebooks are made here for Quarto too. Reading needs no Quarto:
jupytext's "Rmd" reader takes .qmd files as they are and keeps the `#|` lines.
"""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jupytext
import nbformat
import yaml
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from traitlets.config import Config

from lfsmig.atomic import atomic_path
from lfsmig.errors import ChapterError

INLINE = re.compile(r"`\{python\}\s+([^`]+)`")
INCLUDE = re.compile(r"^\{\{<\s*include\s+(\S+)\s*>\}\}\s*$", re.M)
OPTION = re.compile(r"^#\|\s?(.*)$")
LANGUAGE_BLOCK = re.compile(r"^::: \{lang=(\w+)\}[ \t]*\n(.*?)\n^:::[ \t]*$\n?", re.M | re.S)
INLINE_TAG = "inline-values"
MARKER = "lfsmig-inline:"


def options(source: str) -> tuple[dict[str, Any], str]:
    """Split a cell into its `#|` options and its code."""
    head, lines = [], source.splitlines()
    while lines and (found := OPTION.match(lines[0])):
        head.append(found[1])
        lines.pop(0)
    try:
        read = yaml.safe_load("\n".join(head)) or {}
    except (yaml.YAMLError, ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise ChapterError(f"cell options are not YAML: {head[0]}")
    return read, "\n".join(lines)


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
    text = source_text(path)
    if language:
        text = one_language(text, language)
    for token, value in (tokens or {}).items():
        text = text.replace(token, value)
    notebook = jupytext.reads(text, fmt="Rmd")
    notebook.metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
    }
    cells = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            try:
                cell.metadata["tags"] = list(options(cell.source)[0].get("tags", []))
            except ChapterError as error:
                raise ChapterError(f"{path}: {error}") from None
        elif expressions := INLINE.findall(cell.source):
            cells.append(_inline_cell(expressions))
        cells.append(cell)
    notebook.cells = cells
    return notebook


def _inline_cell(expressions: list[str]) -> NotebookNode:
    """Cell that evaluates inline expressions where they stand, as Quarto does."""
    listed = ", ".join(f"({expression})" for expression in expressions)
    code = f"import json as _json\nprint({MARKER!r} + _json.dumps([str(_v) for _v in [{listed}]]))"
    cell = nbformat.v4.new_code_cell(code, metadata={"tags": [INLINE_TAG]})
    cell.metadata["expressions"] = expressions
    return cell


def declared_parameters(notebook: NotebookNode) -> set[str]:
    """Names assigned in the cells tagged `parameters`."""
    names: set[str] = set()
    for cell in notebook.cells:
        if cell.cell_type == "code" and "parameters" in cell.metadata.get("tags", []):
            for node in ast.parse(cell.source).body:
                if isinstance(node, ast.Assign):
                    names |= {t.id for t in node.targets if isinstance(t, ast.Name)}
                elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    names.add(node.target.id)
    return names


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """Set environment variables for the kernels started inside, and put the old ones back."""
    old = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in old.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def execute(
    notebook: NotebookNode,
    out: Path,
    name: str,
    language: str,
    root: Path,
    parameters: Mapping[str, Any] | None = None,
    figures: str = "svg,png",
) -> NotebookNode:
    """Run a chapter in the project's root and write the notebook; a failing cell is one error line.

    Parameters
    ----------
    name
        What messages call the chapter.
    figures
        Kinds of image that the notebook keeps.
    """
    import papermill

    if unknown := set(parameters or {}) - declared_parameters(notebook):
        raise ChapterError(
            f"{name}: unknown parameter {sorted(unknown)[0]!r}; the chapter declares "
            f"{sorted(declared_parameters(notebook))}"
        )
    if any(cell.cell_type == "code" for cell in notebook.cells):
        out.parent.mkdir(parents=True, exist_ok=True)
        source = out.with_name(f".{out.stem}.source.ipynb")
        nbformat.write(notebook, source)
        try:
            with (
                environment(LFSMIG_LANG=language, LFSMIG_FIGURES=figures, PYTHONWARNINGS="ignore"),
                kernel_connection() as connection,
            ):
                notebook = papermill.execute_notebook(
                    str(source),
                    None,
                    parameters=dict(parameters or {}),
                    kernel_name="python3",
                    cwd=str(root),
                    progress_bar=False,
                    log_output=False,
                    # The kernel's own messages are not for the reader of the progress.
                    extra_arguments=["--log-level=50"],
                    config=connection,
                )
        except papermill.PapermillExecutionError as error:
            raise ChapterError(_failure(name, notebook, error)) from error
        except (DeadKernelError, RuntimeError) as error:
            raise ChapterError(
                f"{name}: the kernel that runs the cells did not start or died "
                f"({str(error).splitlines()[0]}); run the command again"
            ) from error
        finally:
            source.unlink(missing_ok=True)
        notebook = _fill_inline(notebook)
    _tidy(notebook)
    with atomic_path(out) as temporary:
        nbformat.write(notebook, temporary)
    return notebook


@contextmanager
def kernel_connection() -> Iterator[Config]:
    """Connect to a kernel by socket files of its own, where the system has them.

    Kernels that start at the same moment, in two processes or two builds, can be given the same
    TCP port; the second one dies.
    """
    if os.name != "posix":
        yield Config()
        return
    with TemporaryDirectory(prefix="lfsmig-") as folder:
        yield Config({"KernelManager": {"transport": "ipc", "ip": f"{folder}/kernel"}})


def _failure(name: str, notebook: NotebookNode, error: Any) -> str:
    """One line: chapter, cell, message."""
    message = str(error.evalue).strip().splitlines()[0] if str(error.evalue).strip() else ""
    head, code = options(str(error.source))
    if MARKER in code:
        cell = "inline expression"
        found = next((c for c in notebook.cells if c.source == error.source), None)
        if found is not None:
            cell += f" `{'`, `'.join(found.metadata.get('expressions', []))}`"
    else:
        cell = f"cell {head['label']!r}" if "label" in head else f"cell {code.splitlines()[0]!r}"
    return f"{name}: {cell}: {error.ename}: {message}"


def _fill_inline(notebook: NotebookNode) -> NotebookNode:
    """Put computed values into the text and drop the cells that computed them."""
    cells: list[NotebookNode] = []
    values: list[str] = []
    for cell in notebook.cells:
        if INLINE_TAG in cell.metadata.get("tags", []):
            printed = "".join(o.text for o in cell.outputs if o.output_type == "stream")
            lines = [line for line in printed.splitlines() if line.startswith(MARKER)]
            values = json.loads(lines[-1].removeprefix(MARKER))
            continue
        if cell.cell_type != "code":
            for value in values if INLINE.search(cell.source) else ():
                cell.source = INLINE.sub(partial(_constant, value), cell.source, count=1)
        cells.append(cell)
    notebook.cells = cells
    return notebook


def _constant(value: str, _: re.Match[str]) -> str:
    """Put a value in as it is, whatever backslashes it holds."""
    return value


def _tidy(notebook: NotebookNode) -> None:
    """Drop times, paths and papermill's records: equal results give equal bytes."""
    notebook.metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:03d}"
        cell.metadata = {"tags": cell.metadata.get("tags", [])}
        if cell.cell_type == "code":
            cell.outputs = [
                o for o in cell.outputs if not (o.output_type == "stream" and o.name == "stderr")
            ]
