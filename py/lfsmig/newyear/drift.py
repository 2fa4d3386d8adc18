"""Compares a year's files with those of the year before, column by column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from lfsmig.intake.columns import Coded
from lfsmig.intake.lookups import other_list
from lfsmig.intake.read import RawTable
from lfsmig.newyear.findings import Finding
from lfsmig.newyear.opened import Opened, makes
from lfsmig.newyear.suggest import Portrait, shares, suggest
from lfsmig.newyear.tests import match_shares
from lfsmig.newyear.values import compare_values
from lfsmig.params import Params
from lfsmig.params.models import DriftRule

# Codes named in one finding.
SHOWN = 8
# What the receipt calls the columns of a text file.
UNTYPED = "untyped"


def drift(params: Params, before: Opened | None, new: Opened) -> list[Finding]:
    """Compare two years.

    Parameters
    ----------
    params
        The survey's parameters; thresholds are `drift` of rules.yml.
    before
        The year before, None where its files are not at hand.
    new
        The new year.

    Returns
    -------
    list of Finding
        By kind, each kind in the order of the mapping.
    """
    rule = params.rules.drift
    findings = [*_columns(params, before, new, rule), *_codes(params, before, new)]
    if before is not None:
        findings += [*_written(before, new), *_types(before, new)]
        findings += compare_values(params, before, new)
    return findings


def _label(table: RawTable | None, column: str) -> str:
    return (table.labels.get(column, "") if table else "") or "without a label"


# --- columns ------------------------------------------------------------------------------------


def _columns(
    params: Params, before: Opened | None, new: Opened, rule: DriftRule
) -> Iterator[Finding]:
    unknown = {
        column: (table, _portrait_of_new(new, table, column))
        for _, table, pairing in new.tables
        for column in pairing.unknown
    }
    for name in new.lost:
        wanted = _portrait(params, before, new, name)
        found = suggest(wanted, {c: p for c, (_, p) in unknown.items()}, rule.suggest_above)
        variables = makes(new, name) or ["the key or the check of the year"]
        there = before.file_of(name) if before else None
        label = _label(there[0], there[1]) if there else "without a label"
        values: dict[str, Any] = {"label": label, "variables": variables}
        if found:
            line = f"columns: {{{name}: {{aliases: [{found[0].column}], reason: …}}}}"
            values["write"] = [{"text": line, "why": "by_score"}]
        yield Finding("column_lost", name, "question", values, found)
    for column, (table, _) in unknown.items():
        values = {"label": _label(table, column), "file": table.name}
        yield Finding("column_new", column, "question", values)
    for _, table, pairing in new.tables:
        for name, first, second in pairing.doubled:
            values = {"first": first, "second": second, "file": table.name}
            yield Finding("column_doubled", name, "question", values)
    if before is not None:
        old, now = _ignored(before), _ignored(new)
        yield from (Finding("ignored_lost", name, "note") for name in old if name not in now)
        values = {"before": before.year.year}
        yield from (Finding("ignored_new", name, "note", values) for name in now if name not in old)


def _ignored(opened: Opened) -> dict[str, str]:
    """Ignored columns by their plain name, as the file writes them."""
    names = [column for _, _, pairing in opened.tables for column in pairing.ignored]
    return {name.upper().removesuffix("_"): name for name in names}


def _portrait(params: Params, before: Opened | None, new: Opened, name: str) -> Portrait:
    """Picture a lost column by what the year before and the dictionary say of it."""
    dictionary = [text for one in makes(new, name) for text in params.variables[one].label.values()]
    there = before.file_of(name) if before else None
    if before is None or there is None:
        return Portrait([name, *new.year.map.columns[name].aliases], dictionary)
    table, column = there
    labels = [table.labels[column]] if column in table.labels else dictionary
    codes = table.value_labels.get(column, {})
    return Portrait([name, column], labels, codes, before.persons_of(table, column))


def _portrait_of_new(new: Opened, table: RawTable, column: str) -> Portrait:
    labels = [table.labels[column]] if column in table.labels else []
    linked = any(s.table is table and (s.rows >= 0).any() for s in new.raw.sources)
    coded = new.persons_of(table, column) if linked else None
    return Portrait([column], labels, table.value_labels.get(column, {}), coded)


def _written(before: Opened, new: Opened) -> Iterator[Finding]:
    """Columns that are found, under another writing than last year; ignored ones too."""
    pairs = [
        (name, here[1], there[1])
        for name in new.year.map.columns
        if (here := new.file_of(name)) and (there := before.file_of(name))
    ]
    old, now = _ignored(before), _ignored(new)
    pairs += [(name, now[name], old[name]) for name in now if name in old]
    for name, found, found_before in pairs:
        if found == found_before:
            continue
        how = "another name, known as an alias"
        if found.upper().removesuffix("_") == found_before.upper().removesuffix("_"):
            bare = found.removesuffix("_") == found_before.removesuffix("_")
            how = "a trailing _" if bare else "upper or lower case"
        values = {"found": found, "found_before": found_before, "how": how}
        yield Finding("written", name, "note", values | {"before": before.year.year})


def _types(before: Opened, new: Opened) -> Iterator[Finding]:
    """Columns stored otherwise; a text file stores all columns as text and says nothing of it."""
    untold: dict[str, list[str]] = {}
    for name in new.year.map.columns:
        here, there = new.file_of(name), before.file_of(name)
        if here is None or there is None:
            continue
        now, then = (_type(table, column) for table, column in (here, there))
        if UNTYPED in (now, then):
            untold.setdefault(now, []).append(name)
        elif now != then:
            values = {"type": now, "type_before": then, "before": before.year.year}
            yield Finding("retyped", name, "note", values)
    if untold:
        values = {"before": before.year.year, "columns": untold.get("text", [])}
        kind = "types_unstated" if set(untold) == {UNTYPED} else "types_unstated_before"
        yield Finding(kind, "types", "note", values)


def _type(table: RawTable, column: str) -> str:
    types = table.facts["types"]
    return str(types[column]) if isinstance(types, dict) else ""


# --- codes without a meaning --------------------------------------------------------------------


def _codes(params: Params, before: Opened | None, new: Opened) -> Iterator[Finding]:
    few = params.rules.publication.disclosure.min_cases
    for variable, codes in (new.mapper.misfits or {}).items():
        entry = new.year.map.variables[variable]
        column = new.coded(str(entry.column))
        if column is None:
            continue
        values: dict[str, Any] = {
            "variable": variable,
            "codes": _counted(codes, few),
            "hint": other_list(params, entry, column.values),
        }
        texts = [code for code, _ in codes]
        decode = _decoded(params, new, variable, texts)
        values["write"] = _line(column.name, decode, {"why": "by_label"})
        old = _coded(before, column.name)
        rest = set(texts) - set(decode)
        if old is not None and rest:
            more, alike = _by_share(shares(old), shares(column), rest, set(decode.values()))
            values["write"] += _line(column.name, more, {"why": "by_share", "alike": alike})
        yield Finding("code_new", column.name, "question", values)


def _line(column: str, decode: dict[str, str], why: dict[str, Any]) -> list[dict[str, Any]]:
    """Write codes for texts as the mapping takes them, with what they rest on."""
    if not decode:
        return []
    pairs = ", ".join(f"{label}: {code}" for label, code in decode.items())
    return [{"text": f"columns: {{{column}: {{decode: {{{pairs}}}, reason: …}}}}"} | why]


def _by_share(
    before: dict[str, float], after: dict[str, float], rest: set[str], taken: set[str]
) -> tuple[dict[str, str], float]:
    """Pair texts that no label explains with the codes left over, by their shares last year."""
    old = {code: share for code, share in before.items() if code not in taken}
    now = {text: share for text, share in after.items() if text in rest}
    if not now or len(now) > len(old) or set(now) & set(before):
        return {}, 0.0
    paired, alike = match_shares(old, now)
    return paired, round(alike, 2)


def _coded(opened: Opened | None, name: str) -> Coded | None:
    return opened.coded(name) if opened and name in opened.year.map.columns else None


def _counted(codes: Iterable[tuple[str, int]], few: int) -> dict[str, int | None]:
    """Codes with their counts, those of a handful of persons without; long texts are answers."""
    shown: dict[str, int | None] = {}
    rest = 0
    for code, count in codes:
        if len(shown) < SHOWN and ((len(code) <= 40 and count >= few) or len(code) <= 6):
            shown[code] = count if count >= few else None
        else:
            rest += 1
    if rest:
        shown[f"… ({rest})"] = None
    return shown


def _decoded(params: Params, new: Opened, variable: str, texts: list[str]) -> dict[str, str]:
    """Find the codes whose labels in the dictionary are the texts of the file."""
    entry = new.year.map.variables[variable]
    if params.variables[variable].type != "category" or entry.lookup or not entry.codes:
        return {}
    labels = params.code_labels(variable)
    found = {}
    for text in texts:
        for raw, code in entry.codes.items():
            if raw.isdecimal() and text in (labels.get(str(code)) or {}).values():
                found[text] = raw
    return found
