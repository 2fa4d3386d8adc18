"""Cell-by-cell comparison of two sets of results.

The rule between our own engines is that of the design: estimates and standard errors agree to
1e-9 of the larger value or 1e-12 of the scale, degrees of freedom and counts exactly. Whose
results they are does not matter: the same comparison serves a partner's file.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lfsmig.errors import InputError
from lfsmig.results import RESULT_COLUMNS, RESULT_KEYS, TREND_COLUMNS, TREND_KEYS, domain_read

SCHEMA_VERSION = 1
RELATIVE = 1e-9
ABSOLUTE = 1e-12
VERDICTS = ("exact", "match", "differ", "missing_left", "missing_right", "not_comparable")

# What must agree to the last bit where both sides give it.
COUNTED = ("df", "n", "n_psu", "n_cases")
# What is worked out from estimate, standard error and df by other functions in each language
# (quantiles of t, logarithms), and so agrees less closely.
P_VALUES = ("p", "p_adjusted", "lack_of_fit_p")
DERIVED = ("cv", "deff", "ci_low", "ci_high", "statistic_value", *P_VALUES)
DERIVED_RELATIVE = 1e-6
MEASURES = ("estimate", "se", *COUNTED, *DERIVED)
# An absolute difference is judged by a thousandth of the scale: 1e-12 of it is 1e-9 of that.
SMALL = ABSOLUTE / RELATIVE


def read_results(path: Path) -> pd.DataFrame:
    """Read results from Parquet, CSV or JSON (a list of rows, or `{"results": [...]}`).

    Raises
    ------
    InputError
        If the file is missing, of another kind, or lacks a key column or `estimate`, or if a
        domain or number cannot be read.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; give a Parquet, CSV or JSON file of results")
    name = path.name.lower()
    try:
        if name.endswith(".parquet"):
            frame = pd.read_parquet(path)
        elif name.endswith((".csv", ".csv.gz")):
            text = {"domain": str, "category": str, "indicator": str, "statistic": str}
            frame = pd.read_csv(path, dtype=text, keep_default_na=False)
        elif name.endswith(".json"):
            rows = json.loads(path.read_text(encoding="utf-8"))
            rows = rows.get("results") if isinstance(rows, dict) else rows
            if not isinstance(rows, list):
                raise InputError(
                    f'{path}: expected a list of results, or {{"results": [...]}} with one'
                )
            frame = pd.DataFrame(rows)
        else:
            raise InputError(f"{path}: unknown kind of file; give .parquet, .csv or .json")
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{path}: cannot be read as results ({error})") from error
    keys = TREND_KEYS if "year_from" in frame else RESULT_KEYS
    # A file without categories is one of tables without shares.
    missing = [c for c in (*keys, "estimate") if c not in frame and c != "category"]
    if missing:
        raise InputError(
            f"{path}: column `{missing[0]}` is missing; results need "
            f"{', '.join([*keys, 'estimate'])}"
        )
    if "category" not in frame:
        frame["category"] = ""
    frame["category"] = frame["category"].fillna("").astype(str)
    frame["domain"] = _domains(frame["domain"], path)
    return _typed(frame, path)


def _domains(column: pd.Series, path: Path) -> list[str]:
    domains = []
    for row, value in enumerate(column, start=1):
        text = domain_read(value)
        if text is None:
            raise InputError(
                f"{path}: row {row}, column `domain`: `{value}` is no domain; write it as JSON, "
                'such as {"region":"1"}, and {} for the whole population'
            )
        domains.append(text)
    return domains


def _typed(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Numbers as numbers, whatever the file kept them as; text in their place is refused."""
    years = [name for name in ("year", "year_from", "year_to") if name in frame]
    for name in [*(n for n in MEASURES if n in frame), *years]:
        column = frame[name].replace("", np.nan)
        numbers = pd.to_numeric(column, errors="coerce").astype("float64")
        wrong = numbers.isna() & column.notna() & ~column.astype(str).str.lower().eq("nan")
        if wrong.any():
            row = int(np.flatnonzero(wrong.to_numpy())[0])
            raise InputError(
                f"{path}: row {row + 1}, column `{name}`: `{frame[name].iloc[row]}` is not a number"
            )
        frame[name] = numbers
    for name in years:
        if frame[name].isna().any():
            raise InputError(f"{path}: column `{name}` has rows without a year")
        part = frame[name] % 1 != 0
        if part.any():
            row = int(np.flatnonzero(part.to_numpy())[0])
            raise InputError(
                f"{path}: row {row + 1}, column `{name}`: {frame[name].iloc[row]:g} is no year"
            )
        frame[name] = frame[name].astype("int64")
    return frame


def compare(
    left: pd.DataFrame, right: pd.DataFrame, keys: Sequence[str] = tuple(RESULT_KEYS)
) -> pd.DataFrame:
    """Compare two result frames cell by cell.

    Parameters
    ----------
    left, right
        Frames with `keys`, `estimate` and, where known, `se`, `df`, `n`.
    keys
        Columns that name a cell; each must be unique on both sides.

    Returns
    -------
    DataFrame
        `keys`, then `<measure>_left`, `<measure>_right`, `<measure>_absolute`,
        `<measure>_relative` for estimate and se, the counted measures of both sides, `verdict` and
        `reason` (what differs). Sorted by `keys`.

    Raises
    ------
    InputError
        If a side names a cell twice.
    """
    keys = [key for key in keys if key in left.columns and key in right.columns]
    for side, frame in (("left", left), ("right", right)):
        twice = frame.duplicated(keys)
        if twice.any():
            first = frame.loc[twice, keys].iloc[0].to_dict()
            raise InputError(f"{side} results name the cell {first} twice; keys must be unique")
    measures = [m for m in MEASURES if m in left and m in right]
    both = left[[*keys, *measures]].merge(
        right[[*keys, *measures]],
        on=keys,
        how="outer",
        suffixes=("_left", "_right"),
        indicator=True,
    )
    both["_scale"] = _scale(both, keys, (left, right))
    verdict = np.full(len(both), "exact", dtype=object)
    reason = np.full(len(both), "", dtype=object)
    for measure in measures:
        if measure in COUNTED:
            _compare_counted(both, measure, verdict, reason)
        else:
            _compare_measure(both, measure, verdict, reason)
    if "unit" in left and "unit" in right:
        units = both[list(keys)].merge(left[[*keys, "unit"]], on=keys, how="left")["unit"]
        other = both[list(keys)].merge(right[[*keys, "unit"]], on=keys, how="left")["unit"]
        mixed = (units.notna() & other.notna() & units.ne(other)).to_numpy()
        verdict[mixed], reason[mixed] = "not_comparable", "unit"
    verdict[both["_merge"] == "left_only"] = "missing_right"
    verdict[both["_merge"] == "right_only"] = "missing_left"
    both["verdict"] = verdict
    both["reason"] = np.where(both["_merge"] == "both", reason, "")
    return both.drop(columns=["_merge", "_scale"]).sort_values(keys, ignore_index=True)


def trends_of(
    left: pd.DataFrame, right: pd.DataFrame, years: Sequence[int], both: Sequence[int]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of two engines' trends that speak of the same years, so that they can be compared.

    Parameters
    ----------
    left, right
        Trends over all `years`, and over those that `both` engines estimated.
    years, both
        Where these are the same, nothing is left out.
    """
    alone = np.array(sorted(set(years) - set(both)))
    if not len(alone):
        return left, right
    kept = []
    for frame in (left, right):
        first, last = (frame[n].to_numpy(dtype=float)[:, None] for n in ("year_from", "year_to"))
        touched = ((first <= alone) & (alone <= last)).any(axis=1)
        kept.append(frame.iloc[np.flatnonzero(~touched)])
    # The other side's slope or average of a cell may reach further, and then has no counterpart.
    cells = [pd.MultiIndex.from_frame(frame.loc[:, TREND_KEYS]) for frame in kept]
    paired = kept[1]["statistic"].eq("change") | cells[1].isin(cells[0])
    # Over fewer years there are fewer tests to adjust for.
    left, right = (f.drop(columns="p_adjusted", errors="ignore") for f in (kept[0], kept[1]))
    return left, right.loc[paired]


def _scale(both: pd.DataFrame, keys: Sequence[str], sides: Sequence[pd.DataFrame]) -> pd.Series:
    """Size that an absolute difference is judged by: 1 for shares, the largest cell for others.

    A change between years is a difference of two levels: rounding in it is of the levels' size,
    however small the change itself is. Trend rows carry it as `level`; a file without it is judged
    by its own largest cell.
    """
    size = both[["estimate_left", "estimate_right"]].abs().max(axis=1)
    for side in sides if "year_from" in keys else ():
        if "level" in side:
            level = both[list(keys)].merge(side[[*keys, "level"]], on=list(keys), how="left")
            size = np.fmax(size, level["level"].abs().to_numpy(dtype=float))
    table = ["indicator"] if "year_from" in keys else ["year", "indicator", "statistic"]
    largest = size.groupby([both[key] for key in table if key in keys]).transform("max")
    is_share = both["statistic"].eq("share") if "statistic" in keys else False
    return pd.Series(np.where(is_share, 1.0, largest), index=both.index)


def _compare_measure(
    both: pd.DataFrame, measure: str, verdict: np.ndarray, reason: np.ndarray
) -> None:
    """Judge a number; `<measure>_relative` is what the rule looks at.

    It is the difference over the larger value, or over a small part of the scale where the values
    themselves are next to nothing.
    """
    a = both[f"{measure}_left"].to_numpy(dtype=float)
    b = both[f"{measure}_right"].to_numpy(dtype=float)
    scale = both["_scale"].to_numpy(dtype=float)
    if measure == "se" and "year_from" not in both:
        # A standard error is judged by the size of its estimate.
        scale = both[["estimate_left", "estimate_right"]].abs().max(axis=1).to_numpy(dtype=float)
    if measure in (*P_VALUES, "cv", "deff", "statistic_value"):
        scale = np.ones(len(both)) / SMALL
    with np.errstate(invalid="ignore", divide="ignore"):
        absolute = np.abs(a - b)
        larger = np.fmax(np.abs(a), np.abs(b))
        relative = absolute / np.fmax(larger, SMALL * np.nan_to_num(scale))
        close = relative <= (DERIVED_RELATIVE if measure in DERIVED else RELATIVE)
    # Not-a-number on both sides and equal infinities agree; a difference of infinities is NaN.
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    both[f"{measure}_absolute"] = np.where(same, 0.0, absolute)
    both[f"{measure}_relative"] = np.where(same, 0.0, relative)
    verdict[~same & close & (verdict == "exact")] = "match"
    _differ(~same & ~close, measure, verdict, reason)


def _compare_counted(
    both: pd.DataFrame, measure: str, verdict: np.ndarray, reason: np.ndarray
) -> None:
    a = both[f"{measure}_left"].to_numpy(dtype=float)
    b = both[f"{measure}_right"].to_numpy(dtype=float)
    _differ(~((a == b) | (np.isnan(a) & np.isnan(b))), measure, verdict, reason)


def _differ(wrong: np.ndarray, measure: str, verdict: np.ndarray, reason: np.ndarray) -> None:
    verdict[wrong] = "differ"
    reason[wrong] = [f"{text}, {measure}" if text else measure for text in reason[wrong]]


def summary(compared: pd.DataFrame, years: Sequence[int] = ()) -> dict[str, Any]:
    """Summarise a comparison in the stable form of `lfsmig replicate --json`."""
    keys = [k for k in [*RESULT_KEYS, *TREND_KEYS] if k in compared.columns]
    keys = list(dict.fromkeys(keys))
    counts = compared["verdict"].value_counts()
    found = compared[~compared["verdict"].isin(["exact", "match"])]
    matched = compared[compared["verdict"].isin(["exact", "match"])]
    if not years and "year" in compared:
        years = sorted({int(year) for year in compared["year"]})
    columns = TREND_COLUMNS if "year_from" in compared else RESULT_COLUMNS
    measures = [m for m in MEASURES if m in columns]
    return {
        "schema_version": SCHEMA_VERSION,
        "years": list(years),
        "cells": len(compared),
        "verdicts": {name: int(counts.get(name, 0)) for name in VERDICTS},
        "worst": {m: _worst(matched, m) for m in ("estimate", "se")},
        "not_compared": [m for m in measures if f"{m}_left" not in compared],
        "differing": found[[*keys, "verdict", "reason"]].to_dict("records"),
    }


def _worst(compared: pd.DataFrame, measure: str) -> float | None:
    """Largest difference among agreeing cells, as the rule measures it."""
    column = f"{measure}_relative"
    if column not in compared or compared[column].isna().all():
        return None
    return float(compared[column].max())


def agree(compared: pd.DataFrame) -> bool:
    """Tell whether there are cells and every one is on both sides and agrees."""
    return len(compared) > 0 and bool(compared["verdict"].isin(["exact", "match"]).all())
