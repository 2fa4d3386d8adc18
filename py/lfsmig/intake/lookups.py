"""Codes taken from tables: one list of several, or names however they are spelt."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

from lfsmig.params import Params, VariableMap, YearParams
from lfsmig.params.mapping import Lookup


def name_key(text: str, drop: Iterable[str] = ()) -> str:
    """Bring a name to the letters and digits that tell it: no case, blanks, signs or marks.

    Vowel signs and tone marks of Thai are marks too, which is what printing programs break most
    often; a test proves that all names of the country stay apart without them.

    Parameters
    ----------
    text
        The name as written.
    drop
        Words before or after it that are no part of it ("province").
    """
    key = unicodedata.normalize("NFKD", text).casefold().strip()
    for word in drop:
        bare = unicodedata.normalize("NFKD", word).casefold()
        key = key.removeprefix(bare).removesuffix(bare).strip()
    return "".join(letter for letter in key if unicodedata.category(letter)[0] in "LN")


@dataclass(frozen=True)
class Names:
    """Names of a list by their key, with the code and the listed writing of each."""

    drop: tuple[str, ...] = ()
    codes: dict[str, tuple[str, str]] = field(default_factory=dict)

    def find(self, text: str) -> tuple[str, str] | None:
        """Return code and listed name of a text, None if no name is spelt so."""
        return self.codes.get(name_key(text, self.drop))

    def near(self, text: str) -> str | None:
        """Return the listed name that is spelt most alike, for a person to decide."""
        found = difflib.get_close_matches(name_key(text, self.drop), list(self.codes), 1)
        return self.codes[found[0]][1] if found else None


def lookup_rows(
    params: Params, year: YearParams, name: str, lookup: Lookup
) -> list[dict[str, str]]:
    """Return the rows of the list that a variable names.

    Raises
    ------
    ParameterError
        The table lacks a column, or has no row of the list.
    """
    rows = params.table(lookup.table)
    for key, column in (("key", lookup.key), ("value", lookup.value)):
        if rows and column not in rows[0]:
            raise year.error(
                ("variables", name, "lookup", key), f"{lookup.table} has no column {column}"
            )
    for column in lookup.where:
        if rows and column not in rows[0]:
            raise year.error(
                ("variables", name, "lookup", "where"), f"{lookup.table} has no column {column}"
            )
    chosen = [row for row in rows if all(row[key] == value for key, value in lookup.where.items())]
    if not chosen:
        told = ", ".join(f"{key} {value}" for key, value in lookup.where.items())
        known = sorted({row[key] for row in rows for key in lookup.where})
        raise year.error(
            ("variables", name, "lookup", "where"),
            f"{lookup.table} has no row with {told}; known: {', '.join(known)}",
        )
    return chosen


def lookup_names(year: YearParams, name: str, lookup: Lookup, rows: list[dict[str, str]]) -> Names:
    """Index the names of a list; two places under one key are refused."""
    names = Names(tuple(lookup.drop))
    for row in rows:
        key = name_key(row[lookup.key], names.drop)
        code = row[lookup.value]
        other = names.codes.setdefault(key, (code, row[lookup.key]))
        if other[0] != code:
            raise year.error(
                ("variables", name, "lookup"),
                f"{lookup.table}: {other[1]} ({other[0]}) and {row[lookup.key]} ({code}) are "
                "spelt alike; take one of them out",
            )
    return names


def other_list(params: Params, entry: VariableMap, codes: Iterable[str]) -> str:
    """Name another list of the same table that has all the codes, for a message.

    It is a suggestion for a person: codes of several lists overlap, so a list is never taken
    because it fits.
    """
    lookup = entry.lookup
    if lookup is None or not lookup.where:
        return ""
    lists: dict[tuple[str, ...], set[str]] = {}
    for row in params.table(lookup.table):
        label = tuple(row[key] for key in lookup.where)
        lists.setdefault(label, set()).add(row[lookup.key].lstrip("0"))
    wanted = {code.lstrip("0") for code in codes} - {code.lstrip("0") for code in entry.missing}
    own = tuple(lookup.where.values())
    fits = [label for label, known in lists.items() if label != own and wanted <= known]
    if not wanted or not fits:
        return ""
    return f"; all its codes are in the list {' or '.join('/'.join(label) for label in fits)}"
