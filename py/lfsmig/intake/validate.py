"""Runs the validation protocol on one year's harmonised table."""

from __future__ import annotations

from typing import Any

from lfsmig.intake import checks_design, checks_module
from lfsmig.intake.harmonise import Harmonised
from lfsmig.intake.protocol import CHECKS, Subject, judge
from lfsmig.params import Params

# Importing these two rooms registers their checks.
_ROOMS = (checks_design, checks_module)


def validate(
    params: Params, year: int, harmonised: Harmonised, previous: Harmonised | None = None
) -> list[dict[str, Any]]:
    """Make every check that rules.yml names, in its order.

    Parameters
    ----------
    params
        The survey's parameters: thresholds in rules.yml, facts in country.yml.
    year
        The year (CE).
    harmonised
        The year's harmonised table with its receipt and blank records.
    previous
        An earlier year, for checks that compare; without it they are not applicable.

    Returns
    -------
    list of dict
        id, severity (E, W, I), status (pass, fail, not_applicable), count, counts (of what),
        share (what was compared with the threshold), threshold, reason, worst (keys only), help.
    """
    rules = params.rules.checks
    unknown = [name for name in rules if name not in CHECKS]
    if unknown:
        document = params.document("rules.yml")
        raise document.error(
            ("checks", unknown[0]), f"unknown check; known: {', '.join(sorted(CHECKS))}"
        )
    return [
        judge(CHECKS[name], Subject(params, year, harmonised, previous, rule))
        for name, rule in rules.items()
    ]


def errors(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the failed checks that must stop a publication."""
    return [one for one in results if one["status"] == "fail" and one["severity"] == "E"]
