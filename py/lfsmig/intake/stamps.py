"""Reads years, quarters and months as files write them: 2566, 66, lfs664, 1066.

The forms stand in the table that `stamps` in country.yml names, one row per form: a pattern with
the groups `year`, `quarter`, `month`, and what is added to the year to make it one of the common
era. A text is read by the form that the mapping states: 66 alone could be many things.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lfsmig.errors import ParameterError
from lfsmig.params import Params


@dataclass(frozen=True)
class Stamp:
    """What a stamp says: year (CE), quarter (1-4) and month (1-12), None where it is silent."""

    year: int | None = None
    quarter: int | None = None
    month: int | None = None


@dataclass(frozen=True)
class Form:
    """One way to write a stamp."""

    name: str
    pattern: re.Pattern[str]
    add: int

    def read(self, text: str) -> Stamp | None:
        """Return what a text says in this form, None if it is not written so."""
        found = self.pattern.fullmatch(text.strip().lower())
        if found is None:
            return None
        parts = {name: int(part) for name, part in found.groupdict().items() if part is not None}
        if "year" in parts:
            parts["year"] += self.add
        return Stamp(**parts)


def read_forms(params: Params) -> dict[str, Form]:
    """Read the table of forms; a survey without one has none.

    Raises
    ------
    ParameterError
        A row has no usable pattern.
    """
    stamps = params.country.stamps
    if stamps is None:
        return {}
    forms = {}
    where = params.shown(params.dir / stamps.table)
    for number, row in enumerate(params.table(stamps.table), start=2):
        try:
            pattern = re.compile(row["pattern"])
            forms[row["form"]] = Form(row["form"], pattern, int(row["add"]))
        except (KeyError, ValueError, TypeError, re.error):
            raise ParameterError(
                f"{where}:{number}: expected form, pattern (a regular expression with the groups "
                "year, quarter, month) and add (a whole number)"
            ) from None
        if not set(pattern.groupindex) <= {"year", "quarter", "month"}:
            raise ParameterError(f"{where}:{number}: pattern: groups are year, quarter, month")
    return forms


def readings(text: str, forms: dict[str, Form]) -> dict[str, Stamp]:
    """Return every reading of a text by form: more than one is for a person to decide."""
    found = {name: form.read(text) for name, form in forms.items()}
    return {name: stamp for name, stamp in found.items() if stamp is not None}
