"""The typed content of years/<year>.yml: how raw files become harmonised variables.

Three layers, each stated once: `files` says what is read, `columns` says how each raw column is
written in them, `variables` says what the codes mean. The language is explained in
params/years/README.md.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from lfsmig.params.models import Code, Model, Year


class RawFile(Model):
    """One file of the year; files after the first are merged on `on`."""

    path: str
    encoding: str | None = None
    # Of text files; unstated, it is found in the first lines.
    delimiter: str | None = None
    # Table of positions of a fixed-width file, relative to the parameter folder.
    layout: str | None = None
    # The file inside a .zip, the sheet of a workbook, the SAS catalogue of labels beside the file.
    member: str | None = None
    sheet: str | None = None
    catalog: str | None = None
    # Largest size of the file, and of what it unpacks to.
    max_megabytes: int = Field(default=2048, ge=1)
    on: list[str] | None = None
    agree: list[str] = Field(default_factory=list)
    reason: str | None = None
    role: str | None = None


class Column(Model):
    """How a raw column is named and written; the meaning of its codes is under `variables`."""

    aliases: list[str] = Field(default_factory=list)
    width: int | None = Field(default=None, ge=1)
    decode: dict[str, Code] = Field(default_factory=dict)
    reason: str | None = None
    # Who gave it, by role and never by name; unstated, the role of the whole file.
    role: str | None = None


class Part(Model):
    """One part of a composed key."""

    column: str
    width: int | None = Field(default=None, ge=1)


class Lookup(Model):
    """Codes taken from a table: from its column `key` to its column `value`.

    `where` picks the rows of one list out of a table of several. With `match: name` the keys are
    names, compared without blanks, marks and case, and without the words under `drop`.
    """

    table: str
    key: str
    value: str
    where: dict[str, Code] = Field(default_factory=dict)
    match: Literal["exact", "name"] = "exact"
    drop: list[str] = Field(default_factory=list)


class StampPart(Model):
    """One part of a stamp such as 1066 (month and Buddhist year); forms stand in country.yml."""

    form: str
    part: Literal["year", "quarter", "month"]


Parts = Annotated[
    Part, BeforeValidator(lambda value: {"column": value} if isinstance(value, str) else value)
]


def _in_each_language(value: object) -> object:
    """Take a plain text for one that holds in every language; a blank one explains nothing."""
    texts = {"": value} if isinstance(value, str) else value
    if not isinstance(texts, dict):
        return texts
    return {key: text for key, text in texts.items() if not _blank(text)}


def _blank(text: object) -> bool:
    return isinstance(text, str) and not text.strip()


Explanation = Annotated[dict[str, str], BeforeValidator(_in_each_language)]


class VariableMap(Model):
    """How one harmonised variable is made."""

    column: str | None = None
    parts: list[Parts] | None = None
    separator: str = "-"
    derive: str | None = None
    prefix: int | None = Field(default=None, ge=1)
    missing: dict[str, str] = Field(default_factory=dict)
    codes: dict[str, Code | None] | None = None
    lookup: Lookup | None = None
    stamp: StampPart | None = None
    # Lowest and highest possible number; what lies outside is a code without a meaning.
    limits: list[float] | None = Field(default=None, min_length=2, max_length=2)
    only_if: str | None = None
    reason: str | None = None
    role: str | None = None


class YearCheck(Model):
    """The column that tells one year's file from another's.

    Its year is written as a form of the table of stamps, or plainly: the first `prefix` letters
    less `offset`.
    """

    column: str
    form: str | None = None
    offset: int = 0
    prefix: int | None = None


class Question(Model):
    """What `lfsmig new-year` could not settle: a year with one of these is worked on by nobody."""

    id: str
    what: str
    suggestions: list[str] = Field(default_factory=list)
    decide: str


class YearMap(Model):
    """A year's mapping after the base and the year's own file are merged."""

    year: Year
    inherits: str | None = None
    files: list[RawFile] = Field(min_length=1)
    year_check: YearCheck | None = None
    blank_records: str | None = None
    columns: dict[str, Column]
    ignore: dict[str, str] = Field(default_factory=dict)
    variables: dict[str, VariableMap]
    absent: dict[str, str] = Field(default_factory=dict)
    # Why a check of the protocol warns of this year, by its id: a text, or one in each language.
    explanations: dict[str, Explanation] = Field(default_factory=dict)
    note: str | None = None
    # Who gave what this file states, by role ("head of the survey"), for the ledger.
    role: str | None = None
    undecided: list[Question] = Field(default_factory=list)
    # Questions that a person answered without a change of the mapping, by id, with the answer.
    decided: dict[str, str] = Field(default_factory=dict)
