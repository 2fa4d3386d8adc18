"""What a chapter's cells showed last time: an author who changes a sentence waits for no chart.

A cell's output is kept under a hash of all that it follows from: the released results, this
package's room, the parameters and the edition (`context`), the cell's own code, and the code of the
cells before it that may have left something behind. Captions and alternative texts are not among
them: no cell sees its own. Where every output is known, no kernel is started.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from lfsmig.atomic import write_json
from lfsmig.errors import ChapterError
from lfsmig.report.source import INLINE_TAG, options

# What draws: another version may draw another picture.
LIBRARIES = ("matplotlib", "seaborn", "pandas", "numpy")


class KeptCells:
    """Outputs of one chapter's cells, kept in a file from one build to the next.

    Parameters
    ----------
    path
        The file; it holds what the chapter's last execution showed and nothing older.
    context
        Hash of all that every cell of the chapter follows from.
    """

    def __init__(self, path: Path, context: str) -> None:
        self._path = path
        versions = [f"{name} {version(name)}" for name in LIBRARIES]
        self._context = "\0".join([context, *versions])
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            found = {}
        self._known: dict[str, list[Any]] = found if isinstance(found, dict) else {}

    def missing(self, notebook: NotebookNode) -> NotebookNode | None:
        """Notebook of the cells that must be run, or None where all outputs are known.

        Cells that may leave something behind are run with them.
        """
        keys = self._keys(notebook)
        if all(key in self._known for key in keys.values()):
            return None
        cells = [notebook.cells[place] for place in self._due(notebook, keys)]
        return nbformat.v4.new_notebook(cells=cells, metadata=notebook.metadata)

    def fill(self, notebook: NotebookNode, executed: NotebookNode | None) -> NotebookNode:
        """Give every cell its output, the executed one or the kept one, and keep all of them."""
        keys = self._keys(notebook)
        if executed is not None:
            ran = [cell for cell in executed.cells if cell.cell_type == "code"]
            for place, cell in zip(self._due(notebook, keys), ran, strict=True):
                # The number depends on how many cells were run before it.
                numbers = [o for o in cell.outputs if "execution_count" in o]
                for output in numbers:
                    output["execution_count"] = None
                self._known[keys[place]] = cell.outputs
        self._known = {key: self._known[key] for key in keys.values()}
        for place, key in keys.items():
            outputs = [nbformat.from_dict(output) for output in self._known[key]]
            notebook.cells[place].outputs = outputs
        if executed is not None:
            write_json(self._path, self._known)
        return notebook

    def _due(self, notebook: NotebookNode, keys: dict[int, str]) -> list[int]:
        """Places of the cells to run: of unknown output, or those that may leave something."""
        return [
            place
            for place, key in keys.items()
            if key not in self._known or leaves_something(notebook.cells[place])
        ]

    def _keys(self, notebook: NotebookNode) -> dict[int, str]:
        """Key of each code cell by its place."""
        before = hashlib.sha256(self._context.encode("utf-8"))
        keys = {}
        for place, cell in enumerate(notebook.cells):
            if cell.cell_type != "code":
                continue
            code = (options(cell.source)[1] + "\0").encode("utf-8")
            key = before.copy()
            key.update(code)
            keys[place] = key.hexdigest()
            if leaves_something(cell):
                before.update(code)
        return keys


def leaves_something(cell: NotebookNode) -> bool:
    """Whether later cells could see that a cell was run.

    A cell that only calls functions of the report with values that stand there leaves nothing; of
    any other it is not known.
    """
    if INLINE_TAG in cell.metadata.get("tags", []):
        codes: Sequence[str] = cell.metadata["expressions"]
    else:
        codes = [options(cell.source)[1]]
    return not all(_only_calls(code) for code in codes)


def _only_calls(code: str) -> bool:
    try:
        body = ast.parse(code.strip()).body
    except (SyntaxError, ChapterError):
        return False
    return all(isinstance(node, ast.Expr) and _is_call(node.value) for node in body)


def _is_call(node: ast.expr) -> bool:
    """Whether an expression is `report.name(…)` of constants, lists and such calls."""
    if isinstance(node, ast.Call):
        named = isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)
        if not named or node.func.value.id != "report":  # type: ignore[attr-defined]
            return False
        values = [*node.args, *(keyword.value for keyword in node.keywords)]
        return all(_is_value(value) or _is_call(value) for value in values)
    return False


def _is_value(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError):
        return False
    return True
