"""Compares what the columns of two years hold: codes, labels, blanks, distributions, counts."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from lfsmig.intake.columns import Coded
from lfsmig.newyear.findings import Finding, Level
from lfsmig.newyear.opened import Opened, counts, makes, same_units
from lfsmig.newyear.suggest import likeness, plain_text
from lfsmig.newyear.tests import (
    Sample,
    difference_p,
    distance_of_numbers,
    distance_p,
    holm,
    swapped,
    variation,
)
from lfsmig.params import Params, VariableMap
from lfsmig.params.models import DriftRule

# Persons whose answers are enough to compare distributions of numbers.
ENOUGH = 30
# Part of the sampling units that a rotating panel keeps at the least from year to year.
LINKED = 0.05


def compare_values(params: Params, before: Opened, new: Opened) -> list[Finding]:
    """Compare the records of two years; the mapping need not be complete."""
    rule = params.rules.drift
    few = params.rules.publication.disclosure.min_cases
    return [
        *_code_lists(params, before, new, rule, few),
        *_labels(params, before, new),
        *_blanks(before, new, rule),
        *_shifts(params, before, new, rule, few),
        *_sizes(before, new, rule, few),
        *_panel(params, before, new),
    ]


def _both(before: Opened, new: Opened) -> Iterator[tuple[str, Coded, Coded]]:
    for name in new.year.map.columns:
        old = before.coded(name) if name in before.year.map.columns else None
        now = new.coded(name)
        if old is not None and now is not None:
            yield name, old, now


def _level(ask: bool) -> Level:
    return "question" if ask else "change"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


# --- code lists ---------------------------------------------------------------------------------


def _code_lists(
    params: Params, before: Opened, new: Opened, rule: DriftRule, few: int
) -> Iterator[Finding]:
    """Codes that came or went, of columns whose codes are a list of answers."""
    started = _Started(before, new)
    for name, old, now in _both(before, new):
        variables = [v for v in makes(new, name) if _listed(params, new, v)]
        if not variables:
            continue
        then, here = _counts(old), _counts(now)
        unmapped = {code for v in variables for code, _ in (new.mapper.misfits or {}).get(v, [])}
        came = {c: n for c, n in here.items() if c not in then and c not in unmapped}
        gone = {c: n for c, n in then.items() if c not in here}
        # What the new file writes in words is told as codes without a meaning.
        words = bool(unmapped) and not set(then) & set(here)
        values = {"before": before.year.year}
        if came:
            yield Finding("code_known", name, "note", values | {"codes": _few(came, few)})
        if not gone or words:
            continue
        surely = {c: n for c, n in gone.items() if started.surely(old, c, rule.p)}
        chance = {c: n for c, n in gone.items() if c not in surely}
        if chance:
            yield Finding("code_rare", name, "note", values | {"codes": _few(chance, few)})
        if surely:
            more = {"codes": _few(surely, few), "variables": variables}
            yield Finding("code_vanished", name, "question", values | more)


class _Started:
    """Design of both years, for tests that need it."""

    def __init__(self, before: Opened, new: Opened) -> None:
        self.old = Sample.of(before.clusters())
        self.now = Sample.of(new.clusters())

    def surely(self, old: Coded, code: str, level: float) -> bool:
        """Tell whether a code that was there is gone for more than chance.

        Under the old share a sampling unit holds the code with the frequency it did; that none of
        the new units does has probability (1 - q)^m.
        """
        wanted = {i for i, value in enumerate(old.values) if value == code}
        has = np.isin(old.codes, list(wanted))
        units = len(np.unique(self.old.unit[has]))
        part = units / max(self.old.units, 1)
        return bool((1 - part) ** self.now.units < level)


def _listed(params: Params, opened: Opened, variable: str) -> bool:
    entry: VariableMap = opened.year.map.variables[variable]
    return (
        params.variables[variable].type == "category"
        and entry.lookup is None
        and entry.prefix is None
    )


def _counts(column: Coded) -> dict[str, int]:
    found = zip(column.values, column.counts(), strict=True)
    return {value: int(count) for value, count in found if count}


def _few(codes: Mapping[str, int], few: int) -> dict[str, int | None]:
    return {code: count if count >= few else None for code, count in sorted(codes.items())}


# --- labels -------------------------------------------------------------------------------------


def _labels(params: Params, before: Opened, new: Opened) -> Iterator[Finding]:
    """Labels of codes against last year's, and against what the mapping takes the codes for."""
    other_script = 0
    had = any(table.value_labels for _, table, _ in before.tables)
    if had and not any(table.value_labels for _, table, _ in new.tables):
        yield Finding("labels_gone", "labels", "note", {"before": before.year.year})
    for name in new.year.map.columns:
        here, there = new.file_of(name), before.file_of(name)
        labels = _by_code(here[0].value_labels.get(here[1], {})) if here else {}
        if not labels:
            continue
        old = _by_code(there[0].value_labels.get(there[1], {})) if there else {}
        variables = makes(new, name)
        shared = sorted(set(labels) & set(old))
        changed = [c for c in shared if plain_text(labels[c]) != plain_text(old[c])]
        if changed and all(_script(labels[c]) != _script(old[c]) for c in changed):
            other_script += 1
        elif changed and variables:
            told = {c: f"{old[c]} → {labels[c]}" for c in changed}
            values: dict[str, Any] = {"labels": told, "variables": variables}
            yield Finding("relabelled", name, "question", values)
            continue
        wrong = _against_dictionary(params, new, name, labels)
        if wrong:
            yield Finding(
                "label_contradicts", name, "question", {"labels": wrong, "variables": variables}
            )
    if other_script:
        values = {"n": other_script, "before": before.year.year}
        yield Finding("labels_other_language", "labels", "note", values)


def _by_code(labels: Mapping[str, str]) -> dict[str, str]:
    return {code.lstrip("0") or "0": label for code, label in labels.items()}


def _script(text: str) -> str:
    letters = [unicodedata.name(letter, "").split()[0] for letter in text if letter.isalpha()]
    return max(set(letters), key=letters.count) if letters else ""


def _against_dictionary(
    params: Params, new: Opened, name: str, labels: Mapping[str, str]
) -> dict[str, str]:
    """Find codes whose label is the dictionary's label of another code of the variable."""
    for variable in makes(new, name):
        entry = new.year.map.variables[variable]
        if not _listed(params, new, variable) or not entry.codes:
            continue
        known = params.code_labels(variable)
        wrong = {}
        for raw, code in entry.codes.items():
            label = labels.get(raw)
            if label is None or code is None or code not in known:
                continue
            own = max(likeness(label, text) for text in known[code].values())
            others = {
                other: max(likeness(label, text) for text in texts.values())
                for other, texts in known.items()
                if other != code
            }
            best = max(others, key=lambda other: others[other], default=None)
            if best is not None and others[best] > 0.95 and own < 0.95:
                wrong[raw] = f"{label}, mapped to {code}"
        if wrong:
            return wrong
    return {}


# --- blanks and distributions -------------------------------------------------------------------


def _blanks(before: Opened, new: Opened, rule: DriftRule) -> Iterator[Finding]:
    """Columns whose share of blanks changed more than chance and more than a little."""
    old_units, new_units = Sample.of(before.clusters()), Sample.of(new.clusters())
    rows = []
    for name, old, now in _both(before, new):
        then, here = old_units.share(old.codes < 0), new_units.share(now.codes < 0)
        rows.append((name, then[0], here[0], difference_p(then, here)))
    for (name, then_share, now_share, _), p in zip(
        rows, holm([row[3] for row in rows]), strict=True
    ):
        gap = abs(now_share - then_share)
        if p < rule.p and gap >= rule.smallest:
            values: dict[str, Any] = {
                "now": _percent(now_share),
                "then": _percent(then_share),
                "p": f"{p:.1g}",
                "before": before.year.year,
                "variables": makes(new, name),
            }
            level = _level(gap >= rule.ask_above)
            yield Finding("blanks", name, level, values)


def _shifts(
    params: Params, before: Opened, new: Opened, rule: DriftRule, few: int
) -> Iterator[Finding]:
    old_units, new_units = Sample.of(before.clusters()), Sample.of(new.clusters())
    rows: list[tuple[str, dict[str, float], dict[str, float], float]] = []
    numbers: list[tuple[str, float, float]] = []
    for name, now in new.mapper.made.items():
        old = before.mapper.made.get(name)
        kind = params.variables[name].type
        if old is None or not old.notna().any() or not now.notna().any():
            continue
        if kind == "category":
            smallest = 1.0
            then, here = {}, {}
            codes = list(old.cat.categories)
            left, right = (
                units.shares(values.cat.codes.to_numpy(np.int64), len(codes))
                for units, values in ((old_units, old), (new_units, now))
            )
            for i in np.flatnonzero(left[0] + right[0]):
                then[codes[i]], here[codes[i]] = float(left[0][i]), float(right[0][i])
                one, two = (left[0][i], left[1][i]), (right[0][i], right[1][i])
                smallest = min(smallest, difference_p(one, two))
            # Bonferroni within a variable, Holm over the variables.
            rows.append((name, then, here, min(1.0, smallest * max(len(then), 1))))
        elif kind in ("integer", "number") and name not in ("year", params.country.design.weight):
            units = [
                len(np.unique(one.unit[values.notna().to_numpy(bool)]))
                for one, values in ((old_units, old), (new_units, now))
            ]
            distance = _distance(old, now)
            numbers.append((name, distance, distance_p(distance, *units)))
    # One family of tests, whatever their kind: chance must not raise a question in quiet years.
    corrected = holm([*(row[3] for row in rows), *(row[2] for row in numbers)])
    for (name, distance, _), p in zip(numbers, corrected[len(rows) :], strict=True):
        if p < rule.p and distance >= rule.ask_above:
            level = _level(distance >= rule.shift_above)
            apart = {"before": before.year.year, "distance": round(distance, 3)}
            yield Finding("numbers", name, level, apart)
    for (name, then, here, _), p in zip(rows, corrected[: len(rows)], strict=True):
        distance = variation(then, here)
        if not p < rule.p or distance < rule.smallest:
            continue
        values: dict[str, Any] = {"before": before.year.year, "distance": round(distance, 3)}
        pairs = swapped(then, here) if distance >= rule.ask_above else None
        if pairs:
            told = {new_code: f"as {old_code} was" for new_code, old_code in pairs.items()}
            yield Finding("swapped", name, "question", values | {"pairs": told})
            continue
        level = _level(distance >= rule.shift_above)
        moved = sorted(then, key=lambda code: -abs(here[code] - then[code]))[:5]
        told = {
            code: f"{_percent(then[code])} → {_percent(here[code])}"
            for code in moved
            if _enough(before, name, code, few) and _enough(new, name, code, few)
        }
        yield Finding("shift", name, level, values | {"codes": told})


def _enough(opened: Opened, name: str, code: str, few: int) -> bool:
    count = int(opened.mapper.made[name].eq(code).sum())
    return not 0 < count < few


def _distance(old: pd.Series, now: pd.Series) -> float:
    """Distance of two sets of numbers; NaN where too few persons have one."""
    left, right = (values.dropna().to_numpy(float) for values in (old, now))
    return distance_of_numbers(left, right) if min(len(left), len(right)) >= ENOUGH else np.nan


# --- sizes --------------------------------------------------------------------------------------


def _sizes(before: Opened, new: Opened, rule: DriftRule, few: int) -> Iterator[Finding]:
    old, now = counts(before), counts(new)
    for what, then in old.items():
        here = now[what]
        if not then or not here:
            continue
        ratio = here / then
        limit = rule.weight_ratio if what == "weight_total" else rule.count_ratio
        if 1 / limit <= ratio <= limit:
            continue
        values: dict[str, Any] = {
            "now": round(here) if here >= few else None,
            "then": round(then) if then >= few else None,
            # One count and the ratio would give the other.
            "ratio": round(ratio, 3) if min(here, then) >= few else None,
            "before": before.year.year,
        }
        if what == "weight_total":
            yield Finding("weight", what, "question", values)
        else:
            # Movers come and go with the times; the size of the sample does not.
            level = _level(what not in ("movers", "blank_records"))
            yield Finding("count", what, level, values | {"what": what.replace("_", " ")})


def _panel(params: Params, before: Opened, new: Opened) -> Iterator[Finding]:
    """Whether the sampling units go on, as country.yml says of years in one group."""
    share = same_units(before, new)
    if share is None:
        return
    years = {before.year.year, new.year.year}
    linked = any(years <= set(group) for group in params.country.design.psu_links)
    values = {"share": _percent(share), "before": before.year.year}
    if linked and share < LINKED:
        yield Finding("panel_broken", "psu", "question", values)
    else:
        yield Finding("panel", "psu", "note", values)
