"""From a chapter as it was read to an executed notebook.

Both roads share this: annual notebooks are made here for Quarto too.
"""

from __future__ import annotations

import ast
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from lfsmig.atomic import atomic_path
from lfsmig.errors import ChapterError
from lfsmig.report.kept import KeptCells
from lfsmig.report.kernels import shared
from lfsmig.report.source import INLINE, INLINE_TAG, MARKER, options


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
    figures: str = "svg",
    kept: KeptCells | None = None,
) -> NotebookNode:
    """Run a chapter in the project's root and write the notebook; a failing cell is one error line.

    Parameters
    ----------
    name
        What messages call the chapter.
    figures
        Kinds of image that the notebook keeps.
    kept
        What the chapter's cells showed before; cells whose output is known are not run.
    """
    if unknown := set(parameters or {}) - declared_parameters(notebook):
        raise ChapterError(
            f"{name}: unknown parameter {sorted(unknown)[0]!r}; the chapter declares "
            f"{sorted(declared_parameters(notebook))}"
        )
    if any(cell.cell_type == "code" for cell in notebook.cells):
        due = kept.missing(notebook) if kept else notebook
        ran = None
        if due is not None:
            out.parent.mkdir(parents=True, exist_ok=True)
            source = out.with_name(f".{out.stem}.source.ipynb")
            nbformat.write(due, source)
            with environment(LFSMIG_LANG=language, LFSMIG_FIGURES=figures, PYTHONWARNINGS="ignore"):
                ran = _run(due, source, name, root, parameters)
        if kept:
            notebook = kept.fill(notebook, ran)
        elif ran is not None:
            notebook = ran
        notebook = _fill_inline(notebook)
        _unlabel_empty(notebook)
    _tidy(notebook)
    with atomic_path(out) as temporary:
        nbformat.write(notebook, temporary)
    return notebook


def _run(
    notebook: NotebookNode,
    source: Path,
    name: str,
    root: Path,
    parameters: Mapping[str, Any] | None,
) -> NotebookNode:
    """Run the cells of a notebook that was written to `source`, which is removed."""
    # It loads its libraries while the next lines load theirs.
    shared.start()
    import papermill
    from nbclient.exceptions import DeadKernelError

    try:
        with quiet("papermill"):
            return papermill.execute_notebook(
                str(source),
                None,
                parameters=dict(parameters or {}),
                kernel_name="python3",
                cwd=str(root),
                progress_bar=False,
                log_output=False,
                km=shared.fresh(root),
            )
    except papermill.PapermillExecutionError as error:
        shared.end()
        raise ChapterError(_failure(name, notebook, error)) from error
    except (DeadKernelError, RuntimeError) as error:
        shared.end()
        raise ChapterError(
            f"{name}: the kernel that runs the cells did not start or died "
            f"({str(error).splitlines()[0]}); run the command again"
        ) from error
    finally:
        source.unlink(missing_ok=True)


@contextmanager
def quiet(name: str) -> Iterator[None]:
    """Keep a library's log off the screen: what matters comes as an exception, in one line."""
    log = logging.getLogger(name)
    before = log.disabled
    log.disabled = True
    try:
        yield
    finally:
        log.disabled = before


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


def _unlabel_empty(notebook: NotebookNode) -> None:
    """Take label and caption off cells that have no table to show, but a sentence or nothing."""
    for cell in notebook.cells:
        label = re.search(r"^#\| label: *[\"']?tbl-", cell.source, re.M)
        if cell.cell_type != "code" or label is None:
            continue
        texts = [str(o.get("data", {}).get("text/markdown", "")) for o in cell.outputs]
        if not any(re.search(r"^\|", text, re.M) for text in texts):
            cell.source = re.sub(r"^#\| (?:label|tbl-cap):.*\n", "", cell.source, flags=re.M)


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
