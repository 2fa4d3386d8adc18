"""The report's front door: chapters in, six documents out.

Everything is made in a work folder and put in place at the end, so a failure leaves the documents
of the last build as they were. What is up to date is not made again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lfsmig import __version__
from lfsmig.atomic import write_json
from lfsmig.errors import InputError, MissingDependency, ParameterError
from lfsmig.lock import held
from lfsmig.manifest import text_hash
from lfsmig.params import Params, Report
from lfsmig.params.loader import refuse_undecided
from lfsmig.report import builtin, data, execution, lint, pages, project, quartoroad, words
from lfsmig.report.book import environment
from lfsmig.report.execution import Task, hash_files
from lfsmig.report.fonts import setup_fonts
from lfsmig.report.parts import assemble
from lfsmig.report.settings import FORMATS, read_settings

Progress = Callable[[str], None]
ROADS = ("auto", "quarto", "builtin")


def build_report(
    root: Path,
    params_dir: Path,
    data_dir: Path,
    langs: Sequence[str] | None = None,
    formats: Sequence[str] | None = None,
    with_: str = "auto",
    progress: Progress | None = None,
) -> list[Path]:
    """Build the report and return its documents.

    Parameters
    ----------
    root
        Folder of the project: `_quarto.yml`, `chapters/`, …; documents go to `root/_book/<lang>`.
    params_dir, data_dir
        Parameter folder, and the data root that holds `released/`.
    langs, formats
        Editions and formats; those of `report.yml` by default.
    with_
        `quarto`, `builtin`, or `auto`: Quarto where it is found.
    progress
        Called with one line of text at each step.
    """
    say = progress or (lambda _: None)
    root, params_dir, data_dir = (Path(p).resolve() for p in (root, params_dir, data_dir))
    settings = read_settings(params_dir)
    _refuse_undecided(params_dir, settings)
    languages = list(langs or settings.languages)
    kinds = _checked_formats(formats or settings.formats)
    road = choose_road(with_)
    say(f"rendering with {'Quarto' if road == 'quarto' else 'the built-in road'}")
    for language in {*languages, *settings.languages}:
        project.profile_path(root, language)
    years = _years(settings, data_dir, say)
    with held(root / "_work" / "report"):
        return _build(root, params_dir, data_dir, settings, years, languages, kinds, road, say)


def _refuse_undecided(params_dir: Path, settings: Report) -> None:
    """Stop where a year of the report has a question that nobody answered yet."""
    params = Params(params_dir)
    for year in settings.years:
        if year in params.years:
            refuse_undecided(params.document(f"years/{year}.yml"), year)


def _build(
    root: Path,
    params_dir: Path,
    data_dir: Path,
    settings: Report,
    years: Sequence[int],
    languages: Sequence[str],
    kinds: Sequence[str],
    road: str,
    say: Progress,
) -> list[Path]:
    """Execute what is due and render it; one build at a time."""
    setup_fonts(root)
    if params_dir == root / "params":
        for path in project.sync_years(root, settings.languages, settings.years):
            say(f"{path.name}: annual chapters brought in line with report.yml")
    lint.check(root, settings.languages, years)
    work = root / "_work" / "report"
    figures = "png" if road == "quarto" else "svg"
    tasks = execution.plan(
        root, work, languages, years, params_dir, data_dir, figures, only_annual=road == "quarto"
    )
    execution.run(tasks, work, say)
    with environment(LFSMIG_DATA=str(data_dir), LFSMIG_PARAMS=str(params_dir)):
        editions = [_edition(root, work, k, tasks, kinds, road) for k in languages]
        due = [edition for edition in editions if edition.due]
        for edition in editions:
            if not edition.due:
                say(f"{edition.language}: up to date")
        if road == "quarto":
            for edition in due:
                _by_quarto(root, work, edition, years, say)
        else:
            builtin.render([job for e in due for job in _jobs(root, work, e, tasks)], say)
        for edition in due:
            _put_in_place(edition)
        _relink(root, work, settings.languages)
    return [e.book / e.names[kind] for e in editions for kind in kinds]


def _relink(root: Path, work: Path, languages: Sequence[str]) -> None:
    """Let the pages of every edition lead to the documents that are there now."""
    books = {language: root / "_book" / language for language in languages}
    there = {k: book for k, book in books.items() if (book / "index.html").is_file()}
    for language, book in there.items():
        names = _documents(project.configuration(root, language))
        built = execution.read_record(work / language / "built.json")
        # Documents of other results than the pages' are not offered beside them.
        same = [k for k in pages.KINDS if built.get(k) and _key(built, k) == _key(built, "html")]
        documents = [names[kind] for kind in same if (book / names[kind]).is_file()]
        others = {b: (k, words.edition_name(k)) for k, b in there.items() if k != language}
        with environment(LFSMIG_LANG=language):
            pages.relink(book, documents, words.t("layout.formats"), others)


def _key(built: dict[str, Any], kind: str) -> str:
    """What a document was made from; empty where it was not made."""
    found = built.get(kind)
    return str(found.get("key", "")) if isinstance(found, dict) else ""


def choose_road(with_: str) -> str:
    """`quarto` or `builtin`; Quarto asked for by name must be there."""
    if with_ not in ROADS:
        raise ParameterError(f"--with {with_}: must be one of {', '.join(ROADS)}")
    if with_ == "auto":
        return "quarto" if quartoroad.find_quarto() else "builtin"
    if with_ == "quarto" and quartoroad.find_quarto() is None:
        raise MissingDependency(
            "Quarto is not on PATH: install it (`pip install quarto-cli`), set QUARTO_PATH, "
            "or use `--with builtin`"
        )
    return with_


def _checked_formats(formats: Sequence[str]) -> list[str]:
    for kind in formats:
        if kind not in FORMATS:
            raise ParameterError(f"--format {kind}: must be one of {', '.join(FORMATS)}")
    return [kind for kind in FORMATS if kind in formats]


def _years(settings: Report, data_dir: Path, say: Progress) -> list[int]:
    """Years of the report that have released results."""
    folder = data_dir / "released"
    have = [year for year in settings.years if (folder / f"{year}.parquet").is_file()]
    if not have:
        raise InputError(f"{folder}: no released results of the report's years; run `lfsmig run`")
    for year in sorted(set(settings.years) - set(have)):
        say(f"{year}: no released results; left out of the report")
    return have


class Edition(NamedTuple):
    """One edition: where it lies, what it is made from, which of its documents are due."""

    language: str
    settings: dict[str, Any]
    book: Path
    names: dict[str, str]
    texts: dict[str, str]
    key: str
    record: Path
    fresh: Path
    due: list[str]


def _edition(
    root: Path, work: Path, language: str, tasks: Sequence[Task], formats: Sequence[str], road: str
) -> Edition:
    """Find out which of an edition's documents are not up to date."""
    settings = project.configuration(root, language)
    book = root / "_book" / language
    with environment(LFSMIG_LANG=language):
        texts = layout_texts()
    mine = [task for task in tasks if task.language == language]
    key = _edition_key(root, language, mine, road, texts)
    record = work / language / "built.json"
    built = execution.read_record(record)
    due = [kind for kind in formats if not _stands(book, built, kind, key)]
    fresh = work / language / "fresh"
    if due:
        shutil.rmtree(fresh, ignore_errors=True)
    return Edition(language, settings, book, _documents(settings), texts, key, record, fresh, due)


def _jobs(root: Path, work: Path, edition: Edition, tasks: Sequence[Task]) -> list[builtin.Job]:
    """Documents that the built-in road has to make of an edition."""
    mine = [task for task in tasks if task.language == edition.language]
    folder = work / edition.language
    chapters = assemble(root, folder, mine)
    place = (root, folder, edition.fresh)
    return builtin.jobs(*place, edition.settings, edition.due, edition.texts, chapters)


def _by_quarto(
    root: Path, work: Path, edition: Edition, years: Sequence[int], say: Progress
) -> None:
    stage = _stage(root, work / edition.language / "stage", edition.language, years)
    variables = {**execution.QUIET, **_places(), "LFSMIG_LANG": edition.language}
    quartoroad.render(
        stage, edition.fresh, edition.language, edition.settings, edition.due, variables, say
    )


def _put_in_place(edition: Edition) -> None:
    """Give an edition's folder its new documents, and note what they were made from."""
    fresh, names = edition.fresh, edition.names
    if "html" in edition.due and data.public_tables().is_dir():
        shutil.copytree(data.public_tables(), fresh / "tables", dirs_exist_ok=True)
    made = {k: {"key": edition.key, "files": _files(fresh, k, names)} for k in edition.due}
    _keep_others(edition.book, fresh, edition.due, names)
    _swap(fresh, edition.book)
    write_json(edition.record, {**execution.read_record(edition.record), **made})


def _places() -> dict[str, str]:
    return {name: os.environ[name] for name in ("LFSMIG_DATA", "LFSMIG_PARAMS")}


def _documents(settings: dict[str, Any]) -> dict[str, str]:
    """File names of an edition's documents by format."""
    name = settings["book"].get("output-file", "book")
    return {kind: "index.html" if kind == "html" else f"{name}.{kind}" for kind in FORMATS}


def _files(folder: Path, kind: str, names: dict[str, str]) -> list[str]:
    """Files of a format: one document, or all that the pages consist of."""
    if kind != "html":
        return [names[kind]]
    every = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(set(every) - {names["docx"], names["pdf"]})


def _stands(book: Path, built: dict[str, Any], kind: str, key: str) -> bool:
    """Whether a format was made from this very key and all its files are in place."""
    if _key(built, kind) != key:
        return False
    return all((book / name).is_file() for name in built[kind]["files"])


def _edition_key(
    root: Path, language: str, tasks: Sequence[Task], road: str, texts: dict[str, str]
) -> str:
    """Hash of all that an edition is made from."""
    paths = [p for p in (root / "_extensions").rglob("*") if p.is_file()]
    paths += [root / n for n in ("_quarto.yml", f"_quarto-{language}.yml")]
    paths += root.glob("references*.bib")
    paths += [p for p in [root / f"_language-{language}.yml"] if p.is_file()]
    if road == "quarto":
        chapters = project.chapters(root, language)
        paths += [root / c for c in chapters if not project.ANNUAL.match(c)]
    parts = [road, hash_files(paths, root), text_hash(texts)[:16]]
    return "-".join([*parts, *(task.key[:16] for task in tasks)])


def _stage(root: Path, stage: Path, language: str, years: Sequence[int]) -> Path:
    """Copy the book's sources, so that Quarto litters a copy and lists the years there are."""
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    for pattern in ("index.*.qmd", "_quarto*.yml", "_language-*.yml", "references*.bib"):
        for path in root.glob(pattern):
            shutil.copyfile(path, stage / path.name)
    for name in ("chapters", "_extensions", "assets"):
        shutil.copytree(root / name, stage / name)
    profile = stage / f"_quarto-{language}.yml"
    text = project.with_years(profile.read_text(encoding="utf-8"), language, years)
    profile.write_text(text, encoding="utf-8")
    return stage


def _keep_others(book: Path, fresh: Path, due: Sequence[str], names: dict[str, str]) -> None:
    """Carry over the documents of formats that are not made this time."""
    printed = {names["docx"]: "docx", names["pdf"]: "pdf"}
    for path in book.iterdir() if book.is_dir() else ():
        if printed.get(path.name, "html") in due or (fresh / path.name).exists():
            continue
        copy = shutil.copytree if path.is_dir() else shutil.copyfile
        copy(path, fresh / path.name)


def _swap(fresh: Path, book: Path) -> None:
    """Put a finished folder in place of the old one."""
    book.parent.mkdir(parents=True, exist_ok=True)
    old = fresh.with_name("old")
    shutil.rmtree(old, ignore_errors=True)
    if book.exists():
        book.rename(old)
    fresh.rename(book)
    shutil.rmtree(old, ignore_errors=True)


def layout_texts() -> dict[str, str]:
    """Words of the built-in layout in the edition's language."""
    folder = data.data_dir()
    version = hash_files(data.released_files(folder), folder)[:12]
    made = words.t("layout.made_from", version=version, software=__version__)
    day = data.released_on()
    texts = {
        "skip-text": words.t("layout.skip"),
        "turn-text": words.t("layout.turn"),
        "search-label": words.t("layout.search"),
        "search-found": words.t("layout.search_found"),
        "search-none": words.t("layout.search_none"),
        "made-on": words.t("layout.made_on", date=words.date_text(day)) if day else "",
        "made-from": made,
    }
    if data.synthetic():
        texts |= {
            "running-notice": words.t("notice.title"),
            "page-notice": words.t("notice.frame"),
            "notice-title": words.t("notice.title"),
            "notice-text": words.t("notice.text"),
        }
    return texts
