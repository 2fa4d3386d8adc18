"""Writes the mapping of a new year: what differs, and the questions that a person must answer.

Text is put together line by line, so that the entries taken over from the year before keep their
comments, and what a person wrote is never written again: only the block `undecided` at the end of
the file is ours.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from lfsmig.newyear.findings import Finding
from lfsmig.params.mapping import RawFile

OURS = "# Questions that only a person can answer; lfsmig new-year {year} writes this block anew."
_BLOCK = re.compile(
    r"(?:^# Questions that only a person can answer;[^\n]*\n)?^undecided:[^\n]*\n?"
    r"(?:(?:[ \t]+[^\n]*|-[^\n]*|[ \t]*"
    # A remark at the margin belongs to the block where more of the block follows.
    r"|#[^\n]*(?=\n(?:[ \t]*\n|#[^\n]*\n)*(?:[ \t]+[^\s#]|-)))(?:\n|\Z))*",
    re.MULTILINE,
)


def flow(value: Any) -> str:
    """Write a value on one line of YAML."""
    text = yaml.safe_dump(
        value, default_flow_style=True, allow_unicode=True, width=10_000, sort_keys=False
    )
    return text.removesuffix("\n").removesuffix("\n...")


def new_text(
    year: int,
    inherits: str,
    before: int,
    files: Sequence[RawFile],
    carried: Mapping[str, Mapping[str, str]],
    plain: Mapping[str, Mapping[str, str]],
    whole: Mapping[str, Any],
) -> str:
    """Write a year's file without its questions.

    Parameters
    ----------
    inherits
        File that it inherits.
    files
        The year's files, the main one first.
    carried
        Entries of `columns` and `variables` taken over, as they stand in the file of the year
        before, comments and all.
    plain
        Entries of `ignore` and `absent`.
    whole
        Keys taken over whole, such as `year_check`.
    """
    lines = [
        f"# Mapping of {year}, drafted by lfsmig new-year from that of {before}. It states what",
        f"# differs from {inherits}.yml, each difference with its reason.",
        f"inherits: {flow(inherits)}",
        f"year: {year}",
    ]
    lines.append("files:")
    for spec in files:
        stated = spec.model_dump(exclude_defaults=True)
        first, *rest = stated.items()
        lines.append(f"  - {first[0]}: {flow(first[1])}")
        lines += [f"    {key}: {flow(value)}" for key, value in rest]
    lines += [f"{key}: {flow(value)}" for key, value in whole.items()]
    for section, entries in carried.items():
        if entries:
            lines += [f"{section}:", *(text.rstrip("\n") for text in entries.values())]
    for section, stated_entries in plain.items():
        if stated_entries:
            lines.append(f"{section}:")
            lines += [f"  {flow(key)}: {flow(why)}" for key, why in stated_entries.items()]
    return "\n".join(lines) + "\n"


def with_notes(text: str, notes: Sequence[str]) -> str:
    """Put differences that settle themselves into the comment at the head of a drafted file."""
    if not notes:
        return text
    head, rest = text.split("\ninherits:", 1)
    lines = [head, "# Written otherwise than the year before, which reading takes as it is:"]
    lines += [line for note in notes for line in _comment(note)]
    return "\n".join(lines) + "\ninherits:" + rest


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, 96, initial_indent="#  - ", subsequent_indent="#    ")


def with_questions(text: str, year: int, questions: Sequence[Finding]) -> str:
    """Put the questions at the end of a file; everything else keeps its bytes."""
    kept = _BLOCK.sub(_remarks, text).rstrip("\n") + "\n"
    if not questions:
        return kept
    entries = []
    for one in questions:
        entry: dict[str, Any] = {"id": one.id, "what": one.text("en")}
        if evidence := one.evidence("en"):
            entry["suggestions"] = evidence
        entries.append(entry | {"decide": one.decide("en")})
    listed = yaml.safe_dump(entries, allow_unicode=True, width=96, sort_keys=False)
    return f"{kept}{OURS.format(year=year)}\nundecided:\n{textwrap.indent(listed, '  ')}"


def _remarks(block: re.Match[str]) -> str:
    """Keep what a person remarked at the margin of the block that is written anew."""
    start = OURS.partition(";")[0]
    lines = block.group(0).splitlines(keepends=True)
    return "".join(line for line in lines if line.startswith("#") and not line.startswith(start))


def entry_text(text: str, section: str, name: str, value: Any) -> str:
    """Cut an entry of a section out of a file, with the comment lines right above it.

    Where the file is laid out in another way the entry is written anew.
    """
    try:
        return _cut(text, section, name)
    except StopIteration:
        return f"  {flow(name)}: {flow(value)}"


def _cut(text: str, section: str, name: str) -> str:
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if re.match(rf"{section}:\s*(#.*)?$", line))
    key = re.compile(rf"  (?:{re.escape(name)}|\"{re.escape(name)}\"|'{re.escape(name)}'):")
    at = next(i for i in range(start + 1, len(lines)) if key.match(lines[i]))
    end = at + 1
    while end < len(lines) and (lines[end].startswith("   ") or not lines[end].strip()):
        end += 1
    while at - 1 > start and re.match(r"  #", lines[at - 1]):
        at -= 1
    return "\n".join(lines[at:end]).rstrip()
