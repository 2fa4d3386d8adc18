"""Execution of all chapters and working papers, in two processes, skipping what is up to date."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import nbformat

from lfsmig.atomic import write_json
from lfsmig.errors import ChapterError
from lfsmig.pool import WorkerPool
from lfsmig.report import annual, data, project
from lfsmig.report.book import environment, execute
from lfsmig.report.kept import KeptCells
from lfsmig.report.source import read_chapter, source_text

# A working paper takes as long as a chapter with so many charts.
WORKING_PAPER = 6
PACKAGE = Path(__file__).parent
# Jupyter's own messages are not for the reader of a report's progress.
QUIET = {"PYDEVD_DISABLE_FILE_VALIDATION": "1", "JUPYTER_PLATFORM_DIRS": "1", "PYTHONUTF8": "1"}


class Task(NamedTuple):
    """One notebook to make: a chapter, or a year's working paper."""

    root: Path
    language: str
    chapter: str
    out: Path
    figures: str
    key: str
    context: str
    data_dir: Path
    params_dir: Path

    @property
    def name(self) -> str:
        """What progress and messages call it."""
        found = project.ANNUAL.match(self.chapter)
        return f"{self.language}: {found[2]}" if found else self.chapter


def hash_files(paths: Iterable[Path], base: Path) -> str:
    """Hash of files' names and bytes."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(os.path.relpath(path, base).encode("utf-8") + b"\0" + path.read_bytes())
    return digest.hexdigest()


def code_files() -> list[Path]:
    """Files of this package's room that what it makes follows from."""
    return [p for p in PACKAGE.rglob("*") if p.suffix in {".py", ".yml"}]


def shared_key(params_dir: Path, data_dir: Path) -> str:
    """Hash of what every chapter depends on: this package's room, parameters, released results."""
    code = code_files()
    released = data.released_files(data_dir)
    params = [p for p in params_dir.rglob("*.yml") if p.parent.name != "years"]
    parts = [hash_files(code, PACKAGE), hash_files(released, data_dir)]
    return "-".join([*parts, hash_files(params, params_dir)])


def plan(
    root: Path,
    work: Path,
    languages: Sequence[str],
    years: Sequence[int],
    params_dir: Path,
    data_dir: Path,
    figures: str,
    only_annual: bool,
) -> list[Task]:
    """Notebooks of the editions; with `only_annual` just the working papers."""
    shared = shared_key(params_dir, data_dir)
    tasks = []
    for language in languages:
        for chapter in project.chapters(root, language, years):
            found = project.ANNUAL.match(chapter)
            if found is None and only_annual:
                continue
            source = root / (annual.TEMPLATE if found else chapter)
            parts = [shared, source_text(source), language, chapter, figures]
            if found:
                parts.append(_stamp(data_dir / "harmonised" / f"{found[2]}.parquet"))
                out = annual.notebook_path(root, language, int(found[2]))
            else:
                out = work / language / "notebooks" / f"{Path(chapter).stem}.ipynb"
            key = hashlib.sha256("\0".join(parts).encode("utf-8")).hexdigest()
            context = "\0".join([shared, language, figures])
            places = (data_dir, params_dir)
            tasks.append(Task(root, language, chapter, out, figures, key, context, *places))
    return tasks


def _stamp(path: Path) -> str:
    """Size and time of a file too large to hash at every build."""
    return f"{path.stat().st_size}-{path.stat().st_mtime_ns}" if path.is_file() else "absent"


def run(tasks: Sequence[Task], work: Path, progress: Callable[[str], None]) -> None:
    """Execute what is not up to date; the first failure stops the rest."""
    record_path = work / "notebooks.json"
    record = read_record(record_path)
    due = [t for t in tasks if record.get(str(t.out)) != t.key or not t.out.is_file()]
    if not due:
        return
    due.sort(key=_work_in, reverse=True)
    numbers = itertools.count(1)

    def finished(task: Task, _: None) -> None:
        record[str(task.out)] = task.key
        write_json(record_path, record)
        progress(f"[{next(numbers)}/{len(due)}] {task.name}")

    with WorkerPool(len(due)) as pool:
        pool.each(make, due, finished, stop=True)


def _work_in(task: Task) -> float:
    """About how much work a notebook is: what takes longest goes first."""
    if project.ANNUAL.match(task.chapter):
        return WORKING_PAPER
    return source_text(task.root / task.chapter).count("report.fig_")


def read_record(path: Path) -> dict[str, Any]:
    """Read what was made from what; nothing where the record is lost."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def make(task: Task) -> None:
    """Execute one notebook; runs in a process of its own."""
    places = {"LFSMIG_DATA": str(task.data_dir), "LFSMIG_PARAMS": str(task.params_dir)}
    with environment(**QUIET, **places):
        found = project.ANNUAL.match(task.chapter)
        if found:
            annual.run_year(task.root, task.language, int(found[2]), task.figures)
            return
        notebook = read_chapter(task.root / task.chapter)
        kept = KeptCells(task.out.with_suffix(".cells.json"), task.context)
        place = (task.out, task.chapter, task.language, task.root)
        execute(notebook, *place, None, task.figures, kept)


def read(task: Task) -> nbformat.NotebookNode:
    """Read an executed notebook."""
    if not task.out.is_file():
        raise ChapterError(f"{task.chapter}: was not executed")
    return nbformat.read(task.out, 4)
