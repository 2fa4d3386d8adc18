"""Makes the mapping of a new year out of the year before and the files that arrived."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lfsmig.errors import InputError
from lfsmig.intake.columns import pair_columns
from lfsmig.intake.harmonise import design_columns
from lfsmig.intake.read import RawTable
from lfsmig.newyear.draft import entry_text, new_text
from lfsmig.newyear.findings import Finding
from lfsmig.newyear.opened import (
    Opened,
    link_by_key,
    main_first,
    makes,
    open_leniently,
    person_key,
    read_files,
    suffix_of,
)
from lfsmig.params import Params, YearMap, YearParams
from lfsmig.params.mapping import RawFile
from lfsmig.params.source import parse_document

SECTIONS = ("columns", "variables")
# Taken over whole where the year before states them itself.
WHOLE = ("year_check", "blank_records")
Read = list[tuple[RawFile, RawTable]]


@dataclass
class Plan:
    """A year's mapping, its files read by it, and what was found on the way."""

    text: str
    opened: Opened
    findings: list[Finding] = field(default_factory=list)


def existing(
    params: Params, year: int, before: int, folder: Path, names: Sequence[str], where: str
) -> Plan:
    """Check a mapping that a person may have worked on; its text stays as it is."""
    draft = params.draft(year)
    text = (params.dir / "years" / f"{year}.yml").read_text(encoding="utf-8-sig")
    read = read_files(params, folder, draft.map.files)
    opened = open_leniently(params, draft, read, where)
    listed = {spec.path for spec in draft.map.files}
    why = {"why": "the mapping does not name it"}
    found = [Finding("file_unknown", n, "question", why) for n in names if n not in listed]
    found += _drafted(params, draft, before, read, where)
    return Plan(text, opened, found)


def _drafted(
    params: Params, draft: YearParams, before: int, read: Read, where: str
) -> list[Finding]:
    """Ask again about what the draft itself put into the mapping without being sure.

    The file reads well with it, so no comparison would find it: the question stays until it is
    answered or a person wrote something else.
    """
    asked = {one.id for one in draft.map.undecided} | set(draft.map.decided)
    prior = params.year(before)
    found = []
    for spec, table in read[1:]:
        if f"file_key.{spec.path}" in asked:
            stated, finding = _key(params, prior, read[0], (spec, table), where)
            unchanged = (spec.on, spec.reason) == (stated.get("on"), stated.get("reason"))
            if finding.kind == "file_key" and unchanged:
                found.append(finding)
    theirs, ours = (params.document(f"years/{year}.yml").data for year in (prior.year, draft.year))
    for section in SECTIONS:
        for name, entry in (ours.get(section) or {}).items():
            same = (theirs.get(section) or {}).get(name) == entry
            if same and f"carried_unsure.{section}.{name}" in asked:
                values = {"before": before, "reason": entry.get("reason", "")}
                subject = f"{section}.{name}"
                found.append(Finding("carried_unsure", subject, "question", values))
    return found


def fresh(
    params: Params, year: int, before: int, folder: Path, names: Sequence[str], where: str
) -> Plan:
    """Draft a mapping from the year before: what it states is kept where the files need it.

    Raises
    ------
    InputError
        A file cannot be read, is another year's, or none holds a column of the mapping.
    """
    prior = params.year(before)
    own = params.document(f"years/{before}.yml")
    inherits = str(own.data.get("inherits") or before)
    read = read_files(params, folder, [_spec(name, prior.map, folder) for name in names])
    read, findings = _arranged(params, prior, read, where)
    for name in sorted(set(names) - {spec.path for spec, _ in read}):
        why = {"why": "it holds no column of the mapping"}
        findings.append(Finding("file_unknown", name, "question", why))
    files = [spec for spec, _ in read]
    stated = _stated(params, before, own.data) if own.data.get("inherits") else {}
    whole = {key: own.data[key] for key in WHOLE if stated and key in own.data}

    def opened(carried: dict[str, dict[str, str]], plain: dict[str, dict[str, str]]) -> Plan:
        text = new_text(year, inherits, before, files, carried, plain, whole)
        drafted = params.read_year(year, parse_document(text, where))
        return Plan(text, open_leniently(params, drafted, read, where))

    plain, dropped = _plain(prior, own.data if stated else {}, read, before)
    findings += dropped
    base = opened({}, plain)
    carried: dict[str, dict[str, str]] = {}
    plan = base
    if any(stated.get(section) for section in SECTIONS):
        plan = opened({s: stated[s] for s in SECTIONS}, plain)
        carried, told = _needed(own.data, stated, base.opened, plan.opened, before)
        findings += told
        if carried != {s: stated[s] for s in SECTIONS}:
            plan = opened(carried, plain)
    plan.findings = findings + _formats(prior, read, before, params, folder.parent / str(before))
    return plan


def _spec(name: str, prior: YearMap, folder: Path) -> RawFile:
    """Take over how last year's file of the same ending is read, as far as it is not its name."""
    for spec in prior.files:
        if suffix_of(spec.path) != suffix_of(name):
            continue
        kept = spec.model_dump(include={"delimiter", "layout", "sheet", "max_megabytes"})
        if spec.catalog and (folder / spec.catalog).is_file():
            kept["catalog"] = spec.catalog
        return RawFile(path=name, **kept)
    return RawFile(path=name)


def _arranged(
    params: Params, prior: YearParams, read: Read, where: str
) -> tuple[Read, list[Finding]]:
    """Put the main file first, state each file's encoding and the key of further files."""
    ordered = main_first(prior.map, read, design_columns(params, prior))
    if not ordered:
        names = ", ".join(spec.path for spec, _ in read)
        raise InputError(
            f"{names}: no column of the mapping of {prior.year} is in it; is this the survey's "
            "file? Name the files, or choose another year with --from"
        )
    out: Read = []
    findings: list[Finding] = []
    for spec, table in ordered:
        stated: dict[str, Any] = {}
        encoding = str(table.facts["encoding"] or "")
        if str(table.facts["format"]) in ("CSV", "TSV", "text") and encoding.startswith("cp"):
            stated["encoding"] = encoding
        if out:
            more, found = _key(params, prior, out[0], (spec, table), where)
            stated |= more
            findings.append(found)
        out.append((spec.model_copy(update=stated), table))
    for spec in prior.map.files[len(out) :]:
        values = {"main": out[0][0].path}
        findings.append(Finding("file_joined", spec.path, "note", values))
    return out, findings


def _key(
    params: Params,
    prior: YearParams,
    main: tuple[RawFile, RawTable],
    other: tuple[RawFile, RawTable],
    where: str,
) -> tuple[dict[str, Any], Finding]:
    """Find the key of a further file: last year's, else that of a person.

    It is stated where it tells every record of the file and nothing else; a key that leaves
    records over is for a person to judge.
    """
    mapping, name = prior.map, other[0].path
    tried = [spec.on for spec in mapping.files[1:] if spec.on] + [person_key(params, mapping)]
    shares = [(link_by_key(mapping, main[1], other[1], on, where), on) for on in tried]
    known = [(share, on) for share, on in shares if share is not None]
    share, on = max(known, key=lambda one: one[0], default=(0.0, tried[0]))
    shared = set(pair_columns(main[1].columns, mapping).found)
    theirs = pair_columns(other[1].columns, mapping).found
    agree = [column for column in theirs if column in shared and column not in on]
    matched = f"{100 * share:.1f} %"
    values = {"on": on, "matched": matched, "main": main[0].path}
    stated = {
        "on": on,
        "agree": agree,
        "reason": f"delivered apart from {main[0].path}; {matched} of its records are there",
    }
    if share == 1:
        return stated, Finding("file_apart", name, "note", values)
    return (stated if known else {}), Finding("file_key", name, "question", values)


def _formats(
    prior: YearParams, read: Read, before: int, params: Params, folder: Path
) -> list[Finding]:
    """Compare formats and encodings, file by file in their order."""
    findings = []
    for (spec, table), old in zip(read, prior.map.files, strict=False):
        if not (folder / old.path).is_file():
            continue
        facts = read_files(params, folder, [old])[0][1].facts
        now = {"format": str(table.facts["format"]), "encoding": _encoding(table.facts)}
        then = {"format": str(facts["format"]), "encoding": _encoding(facts)}
        if now != then:
            values = now | {f"{key}_before": value for key, value in then.items()}
            findings.append(Finding("format", spec.path, "note", values | {"before": before}))
    return findings


def _encoding(facts: dict[str, object]) -> str:
    return str(facts["encoding"] or "no text")


def _stated(params: Params, before: int, own: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Cut out what the year before states beside what it inherits."""
    text = (params.dir / "years" / f"{before}.yml").read_text(encoding="utf-8-sig")
    return {
        section: {
            name: entry_text(text, section, name, value)
            for name, value in (own.get(section) or {}).items()
        }
        for section in SECTIONS
    }


def _plain(
    prior: YearParams, own: dict[str, Any], read: Read, before: int
) -> tuple[dict[str, dict[str, str]], list[Finding]]:
    """Keep what was ignored or absent last year and is so again."""
    present = {c.upper().removesuffix("_") for _, table in read for c in table.columns}
    ignore = {
        name: why for name, why in (own.get("ignore") or {}).items() if name.upper() in present
    }
    absent, findings = {}, []
    for name, why in (own.get("absent") or {}).items():
        findings.append(
            Finding("carried", f"absent.{name}", "note", {"before": before, "reason": why})
        )
        absent[name] = why
    return {"ignore": ignore, "absent": absent}, findings


def _needed(
    own: dict[str, Any],
    stated: dict[str, dict[str, str]],
    base: Opened,
    full: Opened,
    before: int,
) -> tuple[dict[str, dict[str, str]], list[Finding]]:
    """Keep the entries without which the files are not read, ask where both ways read them."""
    carried: dict[str, dict[str, str]] = {section: {} for section in SECTIONS}
    findings = []
    for section in SECTIONS:
        for name, text in stated[section].items():
            variables = makes(full, name) if section == "columns" else [name]
            values = {"before": before, "reason": own[section][name].get("reason", "")}
            verdict = _verdict(base, full, variables)
            if verdict != "dropped":
                carried[section][name] = text
            level = "question" if verdict == "carried_unsure" else "note"
            findings.append(Finding(verdict, f"{section}.{name}", level, values))  # type: ignore[arg-type]
    return carried, findings


def _verdict(base: Opened, full: Opened, variables: Iterable[str]) -> str:
    unlike = False
    for name in variables:
        worse = _misfits(base, name) - _misfits(full, name)
        made = [one.mapper.made.get(name) for one in (base, full)]
        if worse > 0 or (made[0] is None and made[1] is not None):
            return "carried"
        if made[0] is not None and made[1] is not None and not made[0].equals(made[1]):
            unlike = True
    return "carried_unsure" if unlike else "dropped"


def _misfits(opened: Opened, name: str) -> int:
    return sum(count for _, count in (opened.mapper.misfits or {}).get(name, []))
