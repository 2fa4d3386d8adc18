"""Compares a re-sent file with the frozen master: layout, records, values, headline indicators.

What is told are counts. A count of few persons is withheld, with the one that it would follow from,
as in the ledger; keys of a few records stand apart, for the file beside the candidate alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lfsmig import indicators
from lfsmig.errors import EstimationError, LfsmigError
from lfsmig.intake.harmonise import Harmonised, harmonise_folder
from lfsmig.intake.validate import validate
from lfsmig.params import Params
from lfsmig.results import domain_codes

KEY = ("household_id", "person_no")
WORST = 5
MOST_CODES = 20
Layout = Mapping[str, Mapping[str, Any]]


def compare(
    params: Params,
    year: int,
    folders: tuple[Path, Path],
    layouts: tuple[Layout, Layout],
) -> dict[str, Any]:
    """Compare two versions of a year.

    Parameters
    ----------
    params, year
        Both versions are read by the mapping of today.
    folders
        Of the frozen master and of the candidate.
    layouts
        Of their files, as `lfsmig.intake.deliver.layout_of` describes them.

    Returns
    -------
    dict
        `layout`, `made` (whether records could be compared) with `reason`, `records`, `values`,
        `totals`, `headline`, `checks` that come out otherwise or as errors (`before`, `after`), and
        `keys` (confidential: keys of at most five records a kind).
    """
    document: dict[str, Any] = {
        "layout": layout_changes(*layouts),
        "made": False,
        "reason": "",
        "records": None,
        "values": [],
        "totals": [],
        "headline": [],
        "headline_reason": "",
        "checks": [],
        "checks_reason": "",
        "keys": {},
    }
    if year not in params.years:
        return document | {
            "reason": f"there is no mapping for {year} yet; lfsmig new-year {year} makes one"
        }
    sides = []
    for what, folder in zip(("frozen master", "candidate"), folders, strict=True):
        try:
            sides.append(harmonise_folder(params, year, folder))
        except LfsmigError as problem:
            return document | {"reason": f"the {what} cannot be mapped: {problem}"}
    before, after = sides
    few = params.rules.publication.disclosure.min_cases
    document |= {"made": True, "totals": _totals(before, after)}
    missing = [name for name in KEY if name not in before.frame or name not in after.frame]
    if missing:
        document["reason"] = f"{missing[0]} is not in the mapping, so records cannot be paired"
    else:
        document |= records(params, before.frame, after.frame, few)
    rows, reason = headline(params, year, before.frame, after.frame, few)
    checked, why = checks(params, year, before, after)
    return document | {
        "headline": rows,
        "headline_reason": reason,
        "checks": checked,
        "checks_reason": why,
    }


# --- layout -----------------------------------------------------------------------------------


def layout_changes(before: Layout, after: Layout) -> list[dict[str, Any]]:
    """List what changed in the files themselves: files, columns, storage, labels.

    Returns
    -------
    list of dict
        `file`, `what` (a word of the list below), `names` (columns, or old → new).
    """
    changes: list[dict[str, Any]] = []

    def add(file: str, what: str, names: Sequence[str]) -> None:
        if names:
            changes.append({"file": file, "what": what, "names": list(names)})

    for file in [*before, *(name for name in after if name not in before)]:
        if file not in after or file not in before:
            add(file, "file_lost" if file not in after else "file_new", [file])
            continue
        old, new = before[file], after[file]
        for key in ("format", "encoding"):
            if old[key] != new[key]:
                add(file, key, [f"{old[key]} → {new[key]}"])
        here, there = old["columns"], new["columns"]
        add(file, "columns_new", [name for name in there if name not in here])
        add(file, "columns_lost", [name for name in here if name not in there])
        common = [name for name in here if name in there]
        add(
            file,
            "retyped",
            [f"{n}: {here[n]} → {there[n]}" for n in common if here[n] != there[n]],
        )
        if common != [name for name in there if name in here]:
            add(file, "order", ["columns stand in another order"])
        for key in ("labels", "value_labels", "missing"):
            add(file, key, [n for n in common if old[key].get(n) != new[key].get(n)])
    return changes


# --- records and values -----------------------------------------------------------------------


def records(params: Params, before: pd.DataFrame, after: pd.DataFrame, few: int) -> dict[str, Any]:
    """Pair the records of two versions by the person key and compare every variable."""
    left, twins_before = _keys(before)
    right, twins_after = _keys(after)
    position = right.get_indexer(left)
    kept = position >= 0
    added = ~np.isin(np.arange(len(right)), position[kept])
    old = before[kept].reset_index(drop=True)
    new = after.iloc[position[kept]].reset_index(drop=True)
    amended = np.zeros(len(old), dtype=bool)
    # New weights alone amend every record.
    beyond_weight = amended.copy()
    values = []
    for name in params.variables:
        if name in KEY or (name not in old and name not in new):
            continue
        if name not in old or name not in new:
            values.append({"variable": name, "what": "lost" if name in old else "new"})
            continue
        differs, row = _variable(params, name, old[name], new[name], few)
        amended |= differs
        if name != params.country.design.weight:
            beyond_weight |= differs
        if row:
            values.append(row)
    return {
        "records": {
            "before": len(before),
            "after": len(after),
            "added": int(added.sum()),
            "removed": int((~kept).sum()),
            "amended": int(amended.sum()),
            "amended_beyond_weight": int(beyond_weight.sum()),
            "unchanged": int((~amended).sum()),
            "repeated_keys": max(twins_before, twins_after),
        },
        "values": values,
        "keys": {
            "added": list(right[added][:WORST]),
            "removed": list(left[~kept][:WORST]),
            "amended": list(left[kept][amended][:WORST]),
        },
    }


def _keys(frame: pd.DataFrame) -> tuple[pd.Index, int]:
    """Write the person keys; a key that stands twice is numbered, so that nobody is lost."""
    number = frame[KEY[1]].astype(object).map(lambda value: "" if pd.isna(value) else str(value))
    key = frame[KEY[0]].astype(str) + "/" + number
    again = key.groupby(key).cumcount()
    repeated = again > 0
    key = key.where(~repeated, key + " #" + (again + 1).astype(str))
    return pd.Index(key), int(repeated.sum())


def _variable(
    params: Params, name: str, old: pd.Series, new: pd.Series, few: int
) -> tuple[np.ndarray, dict[str, Any] | None]:
    """Compare one variable; the second part is None where nothing differs."""
    category = params.variables[name].type == "category"
    if category or params.variables[name].type == "text":
        here, there = _texts(old), _texts(new)
    else:
        here = old.to_numpy(dtype=float, na_value=np.nan)
        there = new.to_numpy(dtype=float, na_value=np.nan)
    was, is_now = ~pd.isna(here), ~pd.isna(there)
    differs = (was != is_now) | (was & is_now & (here != there))
    count = int(differs.sum())
    if not count:
        return differs, None
    kinds = {
        "changed": int((differs & was & is_now).sum()),
        "filled": int((differs & ~was).sum()),
        "blanked": int((differs & ~is_now).sum()),
    }
    row: dict[str, Any] = {
        "variable": name,
        "what": "amended",
        "records": count if count >= few else None,
        **dict(zip(kinds, withheld(list(kinds.values()), few), strict=True)),
        "codes": [],
        "other_codes": 0,
    }
    if category:
        pairs = Counter(zip(here[differs], there[differs], strict=True))
        ordered = sorted(pairs.items(), key=lambda item: (-item[1], str(item[0])))
        told = withheld([number for _, number in ordered], few)
        row["codes"] = [
            {"before": one, "after": other, "records": number}
            for ((one, other), _), number in zip(ordered, told, strict=True)
        ][:MOST_CODES]
        row["other_codes"] = max(0, len(ordered) - MOST_CODES)
    return differs, row


def _texts(values: pd.Series) -> np.ndarray:
    out = np.array(values.astype(object), dtype=object)
    out[pd.isna(out)] = None
    return out


def withheld(counts: Sequence[int], few: int) -> list[int | None]:
    """Withhold the counts of few records, and the smallest other one that they would follow from.

    The sum of the counts is told, so a single gap could be filled by subtraction.
    """
    small = [0 < count < few for count in counts]
    told: list[int | None] = [None if s else c for c, s in zip(counts, small, strict=True)]
    others = [index for index, count in enumerate(counts) if count and not small[index]]
    if any(small) and others:
        told[min(others, key=lambda index: counts[index])] = None
    return told


# --- totals and indicators --------------------------------------------------------------------


def _totals(before: Harmonised, after: Harmonised) -> list[dict[str, Any]]:
    names = ("records", "blank_records", "persons", "households", "psus", "strata", "weight_total")
    rows = []
    for name in names:
        old, new = before.receipt.get(name), after.receipt.get(name)
        if isinstance(old, int | float) and isinstance(new, int | float):
            rows.append({"name": name, "before": old, "after": new, "difference": new - old})
    return rows


def headline(
    params: Params, year: int, before: pd.DataFrame, after: pd.DataFrame, few: int
) -> tuple[list[dict[str, Any]], str]:
    """Estimate the headline indicators from both versions by the Python engine.

    Both versions are nearly one sample, so their difference is no sampling error: the standard
    error is given as a yardstick.

    Returns
    -------
    tuple
        One row per cell with both estimates, and the reason where there are none.
    """
    wanted = params.headline
    if not wanted:
        return [], "report.yml names no headline indicators (headline)"

    def chosen(table: indicators.Table) -> bool:
        by = table.indicator.by
        return table.indicator.id in wanted and (not table.by or [] not in by)

    sides = []
    for records_of in (before, after):
        frame = indicators.analysis_frame(records_of, params, year)
        if not any(map(chosen, indicators.tables(params, year, frame)[0])):
            return [], f"none of the headline indicators can be estimated for {year}"
        try:
            made = indicators.estimate_year(params, year, frame, "python", chosen=chosen)
        except (EstimationError, LfsmigError) as problem:
            return [], f"the headline indicators cannot be estimated: {problem}"
        sides.append(made.frame.set_index(["indicator", "domain", "category"]))
    calibrated = {one.id for one in params.indicators if one.calibrated}
    old, new = sides
    rows = []
    for name in wanted:
        cells = dict.fromkeys([*old.index, *new.index])
        for key in (cell for cell in cells if cell[0] == name):
            rows.append(_cell(params, key, old, new, few, name in calibrated))
    return rows, ""


def _cell(
    params: Params,
    key: tuple[str, str, str],
    old: pd.DataFrame,
    new: pd.DataFrame,
    few: int,
    calibrated: bool,
) -> dict[str, Any]:
    sides: list[Any] = [
        frame.loc[[key]].iloc[0] if key in frame.index else None for frame in (old, new)
    ]
    known = next(side for side in sides if side is not None)
    row: dict[str, Any] = {
        "indicator": key[0],
        "label": next(one.label for one in params.indicators if one.id == key[0]),
        "domain": domain_codes(key[1]),
        "category": key[2],
        "unit": known["unit"],
        "withheld": False,
    }
    if any(side is not None and 0 < side["n_cases"] < few for side in sides):
        return row | {"withheld": True}
    (estimate_old, se_old), (estimate_new, se_new) = (
        (None, None)
        if side is None
        else (_number(side["estimate"]), None if calibrated else _number(side["se"]))
        for side in sides
    )
    row |= {"before": estimate_old, "se_before": se_old, "after": estimate_new, "se_after": se_new}
    if estimate_old is None or estimate_new is None:
        return row | {"difference": None, "relative": None, "in_se": None}
    difference = estimate_new - estimate_old
    return row | {
        "difference": difference,
        "relative": difference / abs(estimate_old) if estimate_old else None,
        "in_se": abs(difference) / se_old if se_old else None,
    }


# --- checks -----------------------------------------------------------------------------------


def checks(
    params: Params, year: int, before: Harmonised, after: Harmonised
) -> tuple[list[dict[str, str]], str]:
    """Check both versions by the protocol, as far as it needs no other year.

    Returns
    -------
    tuple
        One row per check that comes out otherwise or as an error of the candidate, and why none
        could be made.
    """
    try:
        old, new = (validate(params, year, side) for side in (before, after))
    except LfsmigError as problem:
        return [], str(problem)
    rows = [
        {
            "id": one["id"],
            "before": _verdict(one),
            "after": _verdict(other),
            "stops": other["stops"],
        }
        for one, other in zip(old, new, strict=True)
    ]
    return [row for row in rows if row["before"] != row["after"] or row["after"] == "error"], ""


def _verdict(one: Mapping[str, Any]) -> str:
    if one["status"] == "fail":
        return {"E": "error", "W": "warning", "I": "information"}[one["severity"]]
    return {"pass": "passed"}.get(one["status"], one["status"])


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
