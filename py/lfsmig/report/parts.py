"""The chapters of an edition as pandoc reads them.

Each is read once for all formats, until it changes.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from lfsmig.atomic import write_json
from lfsmig.report import execution
from lfsmig.report.execution import Task
from lfsmig.report.markdown import chapter_markdown
from lfsmig.report.pandoc import pandoc

Block = dict[str, Any]
PARSE = Path("_extensions/lfsmig/builtin/parse.lua")
EQUATION = re.compile(r"\{#eq-[\w-]+\}$")


class Part(NamedTuple):
    """A chapter in the edition's work folder.

    `key` is a hash of what it says and of its charts.
    """

    name: str
    path: Path
    key: str

    def text(self) -> str:
        """Return its content as pandoc's JSON."""
        return self.path.read_text(encoding="utf-8")

    def blocks(self) -> list[Block]:
        """Return its content, block by block."""
        found: list[Block] = json.loads(self.text())["blocks"]
        return found


def assemble(root: Path, folder: Path, tasks: Sequence[Task]) -> list[Part]:
    """Bring the chapters and their charts in `folder` in line with the executed notebooks.

    Parameters
    ----------
    root
        Folder of the project.
    folder
        Work folder of the edition: chapters go to `parts/`, charts to `figures/`.
    tasks
        The edition's notebooks, in the order of the book.
    """
    names = {task: _name(task) for task in tasks}
    record_path, figures = folder / "parts.json", folder / "figures"
    before = execution.read_record(record_path)
    # What is noted must be there: the note is written last.
    record_path.unlink(missing_ok=True)
    reader = version("pypandoc_binary")
    now: dict[str, Any] = {}
    for task, name in names.items():
        made_from = f"{reader}-{task.key}"
        if _stands(folder, name, before.get(name), made_from):
            now[name] = before[name]
    _clear(folder, {n: b for n, b in before.items() if n not in now and isinstance(b, dict)})
    due = [(task, name) for task, name in names.items() if name not in now]
    for task, name in due:
        text = chapter_markdown(execution.read(task), figures, name)
        path = folder / "parts" / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
        drawn = sorted(set(re.findall(rf"\]\({figures.name}/([^)]+)\)", text)))
        said = hashlib.sha256(text.encode("utf-8"))
        for chart in drawn:
            said.update((figures / chart).read_bytes())
        made_from = f"{reader}-{task.key}"
        now[name] = {"from": made_from, "figures": drawn, "key": said.hexdigest()}
    if due:
        read = [f"parts/{name}.md" for _, name in due]
        pandoc(folder, ["lua", str(root / PARSE), *read])
    write_json(record_path, now)
    places = {name: folder / "parts" / f"{name}.json" for name in names.values()}
    return [Part(name, places[name], now[name]["key"]) for name in names.values()]


def _name(task: Task) -> str:
    return Path(task.chapter).stem


def _stands(folder: Path, name: str, noted: Any, made_from: str) -> bool:
    """Whether a chapter was read from this very notebook, and its files are there."""
    if not isinstance(noted, dict) or noted.get("from") != made_from:
        return False
    files = [folder / "figures" / chart for chart in noted["figures"]]
    return all(path.is_file() for path in [folder / "parts" / f"{name}.json", *files])


def _clear(folder: Path, gone: dict[str, dict[str, Any]]) -> None:
    """Remove what chapters left that are made again or are no longer in the book."""
    if not (folder / "parts").is_dir():
        shutil.rmtree(folder / "figures", ignore_errors=True)
    for name, noted in gone.items():
        for kind in ("md", "json"):
            (folder / "parts" / f"{name}.{kind}").unlink(missing_ok=True)
        for chart in noted.get("figures", []):
            path = folder / "figures" / chart
            path.unlink(missing_ok=True)
            path.with_suffix(".png").unlink(missing_ok=True)


def write_book(target: Path, contents: Sequence[Sequence[Block]]) -> None:
    """Write chapters one after the other as one document for pandoc."""
    document = {
        "pandoc-api-version": _api(target.parent),
        "meta": {},
        "blocks": [block for blocks in contents for block in blocks],
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    target.write_text(text, encoding="utf-8")


def _api(folder: Path) -> list[int]:
    """Version of pandoc's JSON, which any of the chapters states."""
    text = next((folder / "parts").glob("*.json")).read_text(encoding="utf-8")
    found: list[int] = json.loads(text)["pandoc-api-version"]
    return found


# --- what other chapters need of a chapter -------------------------------------------------------


def outline(blocks: Sequence[Block]) -> list[Block]:
    """What the others' numbers, links and lists need of a chapter, and nothing else of it.

    Headings, labels (of charts, tables, formulas), titles of data tables, and the works it cites.
    """
    kept: list[Block] = []
    for block in blocks:
        if block["t"] == "Header" or _is_equation(block):
            kept.append(block)
        elif block["t"] == "Div":
            (identifier, classes, pairs), inside = block["c"]
            left = outline(inside)
            if left or identifier or "data-table" in classes:
                kept.append({"t": "Div", "c": [[identifier, classes, pairs], left]})
        elif cited := list(_cited(block)):
            kept.append({"t": "Para", "c": cited})
    return kept


def _is_equation(block: Block) -> bool:
    if block["t"] != "Para" or not block["c"]:
        return False
    last = block["c"][-1]
    return last["t"] == "Str" and bool(EQUATION.search(last["c"]))


def _cited(node: Any) -> Iterator[Block]:
    """Citations and notes in a block, as they stand."""
    if isinstance(node, list):
        for part in node:
            yield from _cited(part)
    elif isinstance(node, dict):
        if node.get("t") in {"Cite", "Note"}:
            yield node
        else:
            yield from _cited(node.get("c"))


def identifiers(blocks: Sequence[Block]) -> Iterator[str]:
    """Identifiers of divs at any depth."""
    for block in blocks:
        if block["t"] == "Div":
            yield block["c"][0][0]
            yield from identifiers(block["c"][1])
