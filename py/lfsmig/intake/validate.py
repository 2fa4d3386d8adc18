"""Runs the validation protocol on one year's harmonised table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from lfsmig.intake import (
    checks_design,
    checks_file,
    checks_keys,
    checks_labour,
    checks_module,
    checks_money,
    checks_places,
    checks_series,
    checks_weights,
    checks_years,
)
from lfsmig.intake.harmonise import Harmonised
from lfsmig.intake.protocol import CHECKS, Subject, judge
from lfsmig.params import Params
from lfsmig.params.models import CheckRule

# Importing these rooms registers their checks.
_ROOMS = (
    checks_file,
    checks_keys,
    checks_years,
    checks_design,
    checks_weights,
    checks_module,
    checks_places,
    checks_money,
    checks_labour,
    checks_series,
)


def validate(
    params: Params,
    year: int,
    harmonised: Harmonised,
    previous: Harmonised | None = None,
    released: pd.DataFrame | None = None,
    only_errors: bool = False,
    others: Mapping[int, Callable[[], pd.DataFrame]] | None = None,
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
    released
        The year's released table, for the check of what was released.
    only_errors
        Make only the checks that can stop the year.
    others
        Readers of other years' records, by year; the year before alone unless given.

    Returns
    -------
    list of dict
        id, severity (E, W, I), status (pass, fail, not_applicable), count, counts (of what),
        share (what was compared with the threshold), threshold, reason, worst (keys only), help,
        stops (what an error stops: year, or indicators that rest on what is wrong),
        parts (the same of each thing that the check measures), explanation by language (empty:
        none is written in the year's parameters).

    Raises
    ------
    ParameterError
        If rules.yml or the year's explanations name a check that there is not.
    """
    rules = params.rules.checks
    _known_names(params, year)
    shared: dict[str, Any] = {}
    written = params.year(year).map.explanations if year in params.years else {}
    return [
        judge(
            CHECKS[name],
            Subject(params, year, harmonised, previous, rule, released, shared, others or {}),
        )
        | {"explanation": written.get(name, {})}
        for name, rule in rules.items()
        if not only_errors or _can_stop(rule)
    ]


def _can_stop(rule: CheckRule) -> bool:
    return any(
        one.severity == "E" or one.error_above is not None for one in (rule, *rule.parts.values())
    )


def _known_names(params: Params, year: int) -> None:
    """Refuse ids of checks and indicators that there are not."""
    rules = params.rules.checks
    document = params.document("rules.yml")
    for name, rule in rules.items():
        if name not in CHECKS:
            known = ", ".join(sorted(CHECKS))
            raise document.error(("checks", name), f"unknown check; known: {known}")
        register = {one.id for one in params.indicators} if rule.indicators else set()
        for place, indicator in enumerate(rule.indicators):
            if indicator not in register:
                raise document.error(
                    ("checks", name, "indicators", place),
                    f"expected the id of an indicator in indicators.yml, found {indicator!r}",
                )
    if year not in params.years:
        return
    for name in params.year(year).map.explanations:
        if name not in rules:
            raise params.year(year).error(
                ("explanations", name),
                f"no check has this id; those of rules.yml are {', '.join(rules)}",
            )


def errors(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the failed checks that must stop a publication, of the year or of indicators."""
    return [one for one in results if one["status"] == "fail" and one["severity"] == "E"]


def stopping(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the errors that stop the whole year."""
    return [one for one in errors(results) if one.get("stops", "year") == "year"]


def warnings(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the failed checks that need a written explanation."""
    return [one for one in results if one["status"] == "fail" and one["severity"] == "W"]


def needless(results: list[dict[str, Any]]) -> list[str]:
    """Return ids of checks that are explained though they did not fail."""
    return [one["id"] for one in results if one["explanation"] and one["status"] != "fail"]
