"""Writes docs/faults.md: every fault, and the check that it turns red.

python -m faults.table          (in the folder tests)
"""

from __future__ import annotations

from pathlib import Path

from faults import answers, records
from faults.case import FAULTS
from faults.files import FILE_FAULTS
from lfsmig.atomic import write_text
from lfsmig.intake.protocol import CHECKS
from lfsmig.intake.validate import validate
from lfsmig.params import Params, load

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "faults.md"
# Importing these registers the faults and the checks.
ROOMS = (records, answers, validate)


def rule_text(params: Params, check: str) -> str:
    """Severity and thresholds of a check."""
    rule = params.rules.checks[check]
    stated = rule.parts or {"": rule}
    return "; ".join(f"{name} {one.severity} {_limit(one)}".strip() for name, one in stated.items())


def _limit(rule) -> str:
    limit = f"> {rule.threshold:g}" if rule.limits is None else f"outside {rule.limits}"
    return limit + (f" (E > {rule.error_above:g})" if rule.error_above is not None else "")


def text() -> str:
    """The page."""
    params = load(ROOT / "params")
    total = len(FAULTS) + len(FILE_FAULTS)
    lines = [
        "# Faults and the checks that find them",
        "",
        f"The tests corrupt good files of the synthetic sample in {total} ways, one at a time. "
        "Each must turn the check red that is meant for it, or stop the reading with words that "
        "name the cause. Made by `tests/faults/table.py`; a test tells when it is out of date.",
        "",
        "## Faults",
        "",
        "| fault | planted in | found by |",
        "|---|---|---|",
    ]
    order = list(params.rules.checks)
    for one in sorted(FAULTS, key=lambda fault: order.index(fault.check)):
        part = f" ({one.part})" if one.part else ""
        lines.append(f"| {one.name} | records of {one.year} | {one.check}{part} |")
    for entry in FILE_FAULTS:
        found = entry.check or "the reading stops"
        lines.append(f"| {entry.name} | files of {entry.year} | {found} |")
    lines += [
        "",
        "## Checks",
        "",
        "E: error, stops the year; W: warning, needs an explanation; I: information. The limits "
        "stand in `params/rules.yml`.",
        "",
        "| check | what it asks | limits | faults that turn it red |",
        "|---|---|---|---|",
    ]
    for name, check in sorted(CHECKS.items(), key=lambda item: order.index(item[0])):
        turned = [f.name for f in FAULTS if f.check == name]
        turned += [f.name for f in FILE_FAULTS if f.check == name]
        asks = check.help["en"].replace("|", "\\|")
        limits = rule_text(params, name)
        lines.append(f"| {name} | {asks} | {limits} | {'; '.join(turned)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    write_text(PAGE, text())
