"""`lfsmig new-year`: a mapping for the files that arrived, and a report of what drifted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lfsmig.atomic import write_json, write_text
from lfsmig.errors import InputError, ParameterError
from lfsmig.intake.masters import master_of, verify, year_folder
from lfsmig.newyear import draft, pages, plan
from lfsmig.newyear.drift import drift
from lfsmig.newyear.findings import Finding, catalogue
from lfsmig.newyear.opened import (
    Opened,
    counts,
    data_files,
    files_of,
    open_leniently,
    read_files,
    same_units,
)
from lfsmig.newyear.writing import write_kept
from lfsmig.params import Params, load
from lfsmig.params.source import parse_document
from lfsmig.progress import Progress
from lfsmig.stored import raw_folder
from lfsmig.synthetic import folder_is_synthetic, titles_are_synthetic
from lfsmig.workspace import Workspace

# Languages of the page: those that the words are written in.
LANGUAGES = ("en", "th")
# What the drafted mapping repeats as comments.
NOTED = ("format", "file_joined", "written", "retyped", "types_unstated_before")


def run(
    workspace: Workspace,
    year: int,
    before: int | None,
    files: Sequence[str],
    report_only: bool,
    progress: Progress,
) -> dict[str, Any]:
    """Draft or re-check a year's mapping and write the drift report.

    Nothing is written before everything is known. A mapping that is there keeps every byte but
    for its block `undecided`.

    Parameters
    ----------
    workspace
        Folders; reports go to `<data>/estimates/drift/`, as they count unreleased records.
    year, before
        The new year, and the one it is compared with; the last one with a mapping by default.
    files
        Files of the year; all data files of its folder by default.
    report_only
        Leave the parameter folder as it is.
    progress
        Called with a line per step.

    Raises
    ------
    InputError, ParameterError
        A file is another year's or cannot be read; there is no year to start from.
    """
    params = load(workspace.params)
    target = params.dir / "years" / f"{year}.yml"
    where = params.shown(target)
    before = _before(params, year, before)
    folder = raw_folder(workspace, year)
    if folder == workspace.raw and not data_files(folder):
        # Files of several years lie in folders of their own, and this year has none.
        folder = workspace.raw / str(year)
    _as_received(workspace, year)
    names = files_of(folder, files)
    progress(f"{year}: reading {', '.join(names)}")
    there = target.is_file()
    made = (
        plan.existing(params, year, before, folder, names, where)
        if there
        else plan.fresh(params, year, before, folder, names, where)
    )
    old = _open_before(workspace, params, before, progress)
    findings = [*made.findings, *drift(params, old, made.opened), *_breaks(params, before, year)]
    if old is None:
        findings.append(Finding("not_compared", str(before), "note", {"before": before}))
    findings = _answered(findings, made.opened.year.map.decided)
    questions = [one for one in findings if one.level == "question"]
    notes = [one.text("en") for one in findings if one.kind in NOTED]
    text = made.text if there else draft.with_notes(made.text, notes)
    text = draft.with_questions(text, year, questions)
    # What is written can be read: a fault of ours must not leave a mapping that stops everything.
    params.read_year(year, parse_document(text, where))
    document = _document(params, year, before, where, findings, old, made.opened)
    document["synthetic"] = folder_is_synthetic(folder, year) or titles_are_synthetic(
        table.title for _, table, _ in made.opened.tables
    )
    reports = workspace.data / "estimates" / "drift"
    document["reports"] = [
        str(reports / f"{year}{suffix}") for suffix in (".txt", ".html", ".json")
    ]
    write_json(reports / f"{year}.json", document)
    write_text(reports / f"{year}.html", pages.page(document))
    write_text(reports / f"{year}.txt", pages.text(document) + "\n")
    document["written"] = ""
    if not report_only and not (there and target.read_text(encoding="utf-8-sig") == text):
        write_kept(target, text)
        document["written"] = str(target)
    return document


def text(document: dict[str, Any]) -> str:
    """The report for the terminal, and where it lies."""
    where = f"Reports: {', '.join(document['reports'])}"
    written = f"\nWritten: {document['written']}" if document["written"] else ""
    return f"{pages.text(document)}\n{where}{written}"


def _before(params: Params, year: int, before: int | None) -> int:
    if before is not None:
        if before == year or before not in params.years:
            known = ", ".join(str(one) for one in params.years if one != year) or "none"
            raise ParameterError(f"--from {before}: no other year has a mapping; known: {known}")
        return before
    earlier = [one for one in params.years if one < year]
    if not earlier:
        raise ParameterError(
            f"{params.shown(params.dir / 'years')}: no year before {year} has a mapping to start "
            "from; name one with --from"
        )
    return earlier[-1]


def _as_received(workspace: Workspace, year: int) -> None:
    """Stop at a frozen master whose bytes changed: nothing is drafted from such files."""
    master = master_of(workspace.raw, year)
    if master is not None:
        verify(master)


def _open_before(
    workspace: Workspace, params: Params, before: int, progress: Progress
) -> Opened | None:
    """Read the year before, where all its files are at hand."""
    prior = params.year(before)
    folder = year_folder(workspace.raw, before)
    if not all((folder / spec.path).is_file() for spec in prior.map.files):
        return None
    _as_received(workspace, before)
    progress(f"{before}: reading {', '.join(spec.path for spec in prior.map.files)}")
    where = params.shown(params.dir / "years" / f"{before}.yml")
    try:
        read = read_files(params, folder, prior.map.files)
        return open_leniently(params, prior, read, where)
    except InputError as problem:
        raise InputError(f"{before}, which the new year is compared with: {problem}") from None


def _breaks(params: Params, before: int, year: int) -> list[Finding]:
    return [
        Finding(
            "series_break",
            one.id,
            "note",
            {"before": before, "year": year, "label": dict(one.label)},
        )
        for one in params.breaks
        if one.between(before, year)
    ]


def _answered(findings: Sequence[Finding], decided: dict[str, str]) -> list[Finding]:
    """Take what a person answered out of the questions; an answer stays in sight.

    So does an answer to nothing: its id may be misspelt, or its question no longer arises. A blank
    answer is none.
    """
    decided = {name: answer for name, answer in decided.items() if answer.strip()}
    asked = {one.id for one in findings if one.level == "question"}
    idle = [
        Finding("answer_idle", name, "change", {"answer": answer})
        for name, answer in decided.items()
        if name not in asked
    ]
    return [
        replace(one, level="change", values=one.values | {"answer": decided[one.id]})
        if one.level == "question" and one.id in decided
        else one
        for one in findings
    ] + idle


def _document(
    params: Params,
    year: int,
    before: int,
    where: str,
    findings: Sequence[Finding],
    old: Opened | None,
    new: Opened,
) -> dict[str, Any]:
    eras = {lang: params.country.era_offset.get(lang, 0) for lang in LANGUAGES}
    found = [one.document(eras) for one in findings]
    undecided = [one.id for one in findings if one.level == "question"]
    steps = _next(params, year, before, where, bool(undecided), old, new)
    return {
        "schema_version": 1,
        "year": year,
        "before": before,
        "eras": eras,
        "mapping": where,
        "files": [spec.path for spec, _, _ in new.tables],
        "undecided": undecided,
        "findings": found,
        "counts": _counted(params, old, new),
        "next": steps,
    }


def _counted(params: Params, old: Opened | None, new: Opened) -> list[dict[str, Any]]:
    few = params.rules.publication.disclosure.min_cases
    then, now = counts(old) if old else {}, counts(new)
    rows = []
    for key, here in now.items():
        there = then.get(key)
        small = any(value is not None and 0 < value < few for value in (here, there))
        ratio = f"{here / there:.3f}" if here and there and not small else ""
        rows.append(
            {
                "id": key,
                "label": catalogue()["counts"][key],
                "before": _number(there, few),
                "now": _number(here, few),
                "ratio": ratio,
            }
        )
    return rows


def _number(value: float | None, few: int) -> str:
    if value is None:
        return "–"
    return f"< {few}" if 0 < value < few else f"{value:,.0f}"


def _next(
    params: Params,
    year: int,
    before: int,
    where: str,
    open_: bool,
    old: Opened | None,
    new: Opened,
) -> dict[str, list[str]]:
    """What is left to do, in the order of doing it."""
    keys: list[tuple[str, Path | None]] = [("decide", None)] if open_ else []
    # Not checked as a whole: it may name the new year already, which has no mapping yet.
    if year not in (params.document("report.yml").data.get("years") or []):
        keys.append(("report", params.dir / "report.yml"))
    country = params.dir / "country.yml"
    links = params.country.design.psu_links
    share = same_units(old, new) if old else None
    if share is not None and not any(year in group for group in links):
        keys.append(("link", country))
    if params.country.facts.population is not None and year not in params.country.facts.population:
        keys.append(("facts", country))
    prices = params.country.prices
    if prices is not None and not any(
        row[prices.year] == str(year) and row[prices.value] for row in params.table(prices.table)
    ):
        # Amounts are stated at prices of one year: nothing runs without the index.
        keys.append(("prices", params.dir / prices.table))
    keys.append(("validate", None))
    steps: dict[str, list[str]] = {}
    for lang in LANGUAGES:
        era = params.country.era_offset.get(lang, 0)
        values = {
            "before": before + era,
            "share": f"{100 * share:.0f} %" if share is not None else "",
        }
        steps[lang] = [
            catalogue()["steps"][key][lang].format(
                **values, year=year, file=params.shown(path) if path else where
            )
            for key, path in keys
        ]
    return steps
