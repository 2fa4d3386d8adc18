"""The Quarto road: the staged project rendered by `quarto`, one edition at a time.

Quarto is silent about several faults. `prepare` looks for those that show before a render and
`finish` mends what it leaves behind, also when Quarto is called by hand; `_checked` looks for those
that show in what it printed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from lfsmig.atomic import write_text
from lfsmig.errors import ChapterError
from lfsmig.report import data, execution, project, quartopages, worddoc, words
from lfsmig.report.book import environment as variables
from lfsmig.report.fonts import setup_fonts
from lfsmig.yamltext import plain

QUARTO_FORMATS = {"html": "html", "docx": "docx", "pdf": "typst"}
# Files that the configuration names and `prepare` makes.
REFERENCE = Path("_work/reference.docx")
NOTICE = Path("_work/notice.typ")
# Set where the working papers were made a moment ago, in the project that the stage is a copy of.
STAGED = "LFSMIG_STAGED"
COLOURS = re.compile(r"\x1b\[[\d;]*[A-Za-z]")
CHAPTER = re.compile(r"^\[\s*(\d+/\d+)\] (\S+)$")
WRONG = re.compile(r"^(?:ERROR|lfsmig|\w*(?:Error|Exception)): .")
TYPST_FAILED = "ERROR: Typst compilation failed"
SAYS_NOTHING = {"ERROR: Error", TYPST_FAILED}
UNRESOLVED = re.compile(r"unable to resolve (?:crossref|link target).*", re.I)


def find_quarto() -> str | None:
    """Quarto's program: QUARTO_PATH, else the one on PATH."""
    named = os.environ.get("QUARTO_PATH")
    if named:
        return named if Path(named).is_file() else None
    return shutil.which("quarto")


def prepare(root: Path, environment: Mapping[str, str]) -> None:
    """See to what a render needs: the pre-render step.

    Parameters
    ----------
    root
        The project that Quarto renders.
    environment
        Quarto's variables: QUARTO_PROFILE names the edition, and a mistyped one beside it.
    """
    profiles = [name for name in environment.get("QUARTO_PROFILE", "").split(",") if name]
    for profile in profiles:
        project.profile_path(root, profile)
    language = next((p for p in profiles if p in words.LANGUAGES), words.LANGUAGES[0])
    if STAGED not in environment:
        _check_working_papers(root, language)
    setup_fonts(root)
    with variables(LFSMIG_LANG=language):
        notice = words.t("notice.title") if data.synthetic() else ""
    from lfsmig.report.wordstyle import make_reference

    make_reference(root / REFERENCE, notice)
    write_text(root / NOTICE, f"#let notice = {json.dumps(notice, ensure_ascii=False)}\n")


def _check_working_papers(root: Path, language: str) -> None:
    """Quarto takes executed notebooks as they are, however old."""
    work = root / "_work" / "report"
    record = execution.read_record(work / "notebooks.json")
    places = (data.params_dir().resolve(), data.data_dir().resolve())
    years = project.listed_years(root, language)
    plans = [
        execution.plan(root, work, [language], years, *places, figures, only_annual=True)
        for figures in ("png", "svg,png")
    ]
    for tasks in zip(*plans, strict=True):
        if record.get(str(tasks[0].out)) not in {task.key for task in tasks}:
            raise ChapterError(
                f"{tasks[0].chapter}: not made from the results in {places[1]} as they are now; "
                "run `lfsmig report --with quarto`"
            )


def finish(root: Path, folder: Path, made: Iterable[Path]) -> None:
    """Mend what Quarto made: the post-render step.

    Parameters
    ----------
    root
        The project that was rendered.
    folder
        The edition's output folder.
    made
        Documents that were made this time.
    """
    for path in made:
        if path.suffix == ".pdf":
            from lfsmig.report.textlayer import repair

            repair(path)
        elif path.suffix == ".docx":
            worddoc.finish(path)
    quartopages.mend(root, folder)


def render(
    stage: Path,
    out: Path,
    language: str,
    settings: Mapping[str, Any],
    formats: Sequence[str],
    environment: Mapping[str, str],
    progress: Callable[[str], None],
) -> None:
    """Render one edition of a staged project.

    Formats that were not asked for are taken out of the staged configuration: rendering one format
    by `--to` would empty the output folder of the others.
    """
    quarto = find_quarto()
    if quarto is None:
        raise ChapterError("Quarto is not on PATH; use `--with builtin` or set QUARTO_PATH")
    _keep_formats(stage, language, formats)
    progress(f"{language}: quarto render")
    given = {**environment, "QUARTO_PYTHON": sys.executable, "NO_COLOR": "1", STAGED: "1"}
    with subprocess.Popen(
        [quarto, "render", "--profile", language],
        cwd=stage,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, **given},
    ) as running:
        printed = _follow(running.stdout or (), language, progress)
    _checked(printed, running.returncode, language)
    shutil.copytree(stage / settings["project"]["output-dir"], out, dirs_exist_ok=True)


def _follow(stream: Iterable[str], language: str, progress: Callable[[str], None]) -> list[str]:
    """Lines that Quarto prints; the chapters among them are told as progress."""
    printed = []
    for line in stream:
        text = COLOURS.sub("", line).strip()
        printed.append(text)
        if found := CHAPTER.match(text):
            progress(f"{language}: [{found[1]}] {found[2]}")
    return printed


def _checked(printed: Sequence[str], code: int, language: str) -> None:
    """Raise what went wrong; a reference that leads nowhere is only a warning to Quarto."""
    if code:
        raise ChapterError(f"quarto ({language}): {_reason(printed)}")
    for line in printed:
        if found := UNRESOLVED.search(line):
            raise ChapterError(f"quarto ({language}): {found[0]}")


def _reason(printed: Sequence[str]) -> str:
    """What went wrong and, where Quarto was at a chapter, in which."""
    wrong = [i for i, line in enumerate(printed) if WRONG.match(line) and line not in SAYS_NOTHING]
    if not wrong:
        return next((line for line in reversed(printed) if line), "failed without a word")
    reached = [found[2] for line in printed[: wrong[-1]] if (found := CHAPTER.match(line))]
    # The PDF is set when all chapters have been read.
    where = f"{reached[-1]}: " if reached and TYPST_FAILED not in printed else ""
    return where + printed[wrong[-1]].removeprefix("ERROR: ").removeprefix("lfsmig: ")


def _keep_formats(stage: Path, language: str, formats: Sequence[str]) -> None:
    wanted = {QUARTO_FORMATS[kind] for kind in formats}
    for name in ("_quarto.yml", f"_quarto-{language}.yml"):
        path = stage / name
        content = plain(path.read_text(encoding="utf-8"))
        kept = {k: v for k, v in (content.get("format") or {}).items() if k in wanted}
        content["format"] = kept
        if name != "_quarto.yml" and not kept:
            del content["format"]
        if "downloads" in content.get("book", {}):
            content["book"]["downloads"] = [k for k in ("docx", "pdf") if k in formats]
        text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
        path.write_text(text, encoding="utf-8")
