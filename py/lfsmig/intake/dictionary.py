"""Writes the data dictionary as a table: data/codebook/dictionary.csv from variables.yml."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from lfsmig.atomic import write_text
from lfsmig.params import Params, Variable, load
from lfsmig.params.models import Text


def dictionary_text(params: Params) -> str:
    """Return the dictionary as CSV: one row per variable and code.

    A list of places or countries is named by its table and not repeated.
    """
    languages = params.country.languages
    head = ["variable", "group", "type", "unit"]
    head += [f"label_{language}" for language in languages]
    head += [f"universe_{language}" for language in languages]
    head.append("asked_if")
    head += [f"missing_{language}" for language in languages]
    head += ["code", *(f"code_label_{language}" for language in languages)]
    head += [f"note_{language}" for language in languages]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)

    def texts(text: Text | None) -> list[str]:
        return [(text or {}).get(language, "") for language in languages]

    for name, entry in params.variables.items():
        start = [name, entry.group, entry.type, entry.unit or ""]
        start += [*texts(entry.label), *texts(entry.universe), entry.asked_if or ""]
        start += texts(entry.missing)
        for code, label in _codes(params, entry):
            writer.writerow([*start, code, *texts(label), *texts(entry.note)])
    return out.getvalue()


def _codes(params: Params, entry: Variable) -> list[tuple[str, Text | None]]:
    codes: list[tuple[str, Text | None]] = [*(entry.codes or {}).items()]
    if entry.codes_from == "regions":
        codes += params.country.regions.items()
    elif entry.codes_from is not None:
        source = (
            params.country.geography
            if entry.codes_from == "geography"
            else params.country.countries
        )
        table = source.table if source else ""
        codes.append((f"({Path(table).name})", None))
    codes += entry.extra_codes.items()
    return codes or [("", None)]


def write_dictionary(params: Params, target: Path) -> None:
    """Write the dictionary; the same parameters give the same bytes."""
    write_text(target, dictionary_text(params))


if __name__ == "__main__":
    write_dictionary(load(Path("params")), Path("data/codebook/dictionary.csv"))
