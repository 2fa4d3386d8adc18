"""Control groups and control totals of a calibration: reading, checking, collapsing."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lfsmig.errors import EstimationError
from lfsmig.survey.columns import Floats, Levels, Namer, level_text, rows_text

Totals = Mapping[Hashable, float] | pd.Series | pd.DataFrame
Key = tuple[str, ...]


@dataclass(frozen=True)
class Control:
    """One set of controls: cells of crossed columns (`codes`), or one numeric item (`values`).

    `totals` has one number per cell, or one.
    """

    name: str
    totals: Floats
    codes: np.ndarray | None = None
    values: Floats | None = None


def cell_control(
    levels: Sequence[Levels], weights: Floats, totals: Totals | None, min_cases: int,
    namer: Namer = rows_text,
) -> Control:  # fmt: skip
    """Cells of crossed columns as controls, small ones collapsed.

    Parameters
    ----------
    levels
        The columns, the one to be collapsed first last.
    weights
        Sampling weight of each record.
    totals
        Population of each cell; None takes the weighted sums, so that weights stay as they are.
    min_cases
        Cells of fewer records with a weight are collapsed (`collapse`).
    """
    name = " x ".join(column.name for column in levels)
    for column in levels:
        missing = column.codes < 0
        if missing.any():
            raise EstimationError(
                f"control column {column.name!r} is missing in {namer(missing)}; "
                "every record belongs to a control group"
            )
    stated = None if totals is None else cell_totals(levels, totals)
    keys, codes = _cells(levels, stated or {})
    cases = np.bincount(codes[weights > 0], minlength=len(keys))
    group = collapse([position for _, position in keys], cases, min_cases)
    codes = group[codes]
    sums = np.bincount(codes, weights, group.max() + 1)
    if stated is None:
        given = sums
    else:
        _refuse_unstated(name, [key for key, _ in keys], stated, cases)
        values = np.array([stated.get(key, 0.0) for key, _ in keys])
        given = np.bincount(group, values, group.max() + 1)
        _refuse_empty(name, [key for key, _ in keys], group, given, sums)
    return Control(name, given, codes=codes)


def cell_totals(levels: Sequence[Levels], totals: Totals) -> dict[Key, float]:
    """Control totals by the texts of their levels."""
    name = " x ".join(column.name for column in levels)
    if isinstance(totals, pd.DataFrame):
        names = [column.name for column in levels]
        other = [column for column in totals.columns if column not in names]
        if len(other) != 1 or not set(names) <= set(totals.columns):
            raise EstimationError(
                f"totals of {name}: expected the columns {', '.join(names)} and one with the "
                f"totals, found {', '.join(map(str, totals.columns))}"
            )
        totals = totals.set_index(names)[other[0]]
    out: dict[Key, float] = {}
    for label, value in totals.items():
        parts = label if isinstance(label, tuple) else (label,)
        key = tuple(level_text(part) for part in parts)
        if len(key) != len(levels):
            raise EstimationError(
                f"totals of {name}: {label!r} names {len(key)} level(s), expected {len(levels)}"
            )
        if key in out:
            raise EstimationError(f"totals of {name}: {_text(key)} is there twice; keep one")
        number = float(value)
        if not np.isfinite(number) or number < 0:
            raise EstimationError(
                f"totals of {name}: {_text(key)} has {value!r}; give a number of at least 0"
            )
        out[key] = number
    return out


def _cells(
    levels: Sequence[Levels], stated: Mapping[Key, float]
) -> tuple[list[tuple[Key, tuple[int, ...]]], np.ndarray]:
    """Cells that occur or have a total, in code order, and the cell of every record."""
    orders: list[dict[str, int]] = []
    for at, column in enumerate(levels):
        known = (
            [level_text(value) for value in column.dtype.categories]
            if isinstance(column.dtype, pd.CategoricalDtype)
            else column.texts
        )
        new = sorted({key[at] for key in stated} - set(known))
        orders.append({text: position for position, text in enumerate([*known, *new])})
    positions = [
        np.array([order[text] for text in column.texts], "int64")
        for order, column in zip(orders, levels, strict=True)
    ]
    flat = np.zeros(len(levels[0].codes), "int64")
    shape = [len(order) for order in orders]
    for column, position, size in zip(levels, positions, shape, strict=True):
        flat = flat * size + position[column.codes]
    extra = [
        int(np.ravel_multi_index([o[t] for o, t in zip(orders, key, strict=True)], shape))
        for key in stated
    ]
    cells, codes = np.unique(np.concatenate([flat, np.array(extra, "int64")]), return_inverse=True)
    texts = [list(order) for order in orders]
    keys = []
    for cell in cells:
        place = tuple(int(p) for p in np.unravel_index(cell, shape))
        keys.append((tuple(t[p] for t, p in zip(texts, place, strict=True)), place))
    return keys, codes[: len(flat)]


def collapse(places: Sequence[tuple[int, ...]], cases: np.ndarray, min_cases: int) -> np.ndarray:
    """Group of each cell, so that every group has at least `min_cases` records.

    Cells stand in code order. Within equal leading columns a cell that is too small joins the
    next cell, the last ones join the one before; where all of them together are too small, they
    join the next (or previous) group with one leading column less in common, and so on.

    Parameters
    ----------
    places
        Level positions of each cell, ascending.
    cases
        Records of each cell.
    min_cases
        What a group must have.
    """
    group = np.arange(len(places))
    if min_cases <= 1:
        return group
    groups = [[cell] for cell in range(len(places))]
    for shared in range(len(places[0]) - 1, -1, -1):
        merged: list[list[int]] = []
        start = 0
        while start < len(groups):
            leading = places[groups[start][0]][:shared]
            end = start
            while end < len(groups) and places[groups[end][0]][:shared] == leading:
                end += 1
            merged += _join_small(groups[start:end], cases, min_cases)
            start = end
        groups = merged
    for number, members in enumerate(groups):
        group[members] = number
    return group


def _join_small(groups: list[list[int]], cases: np.ndarray, min_cases: int) -> list[list[int]]:
    done: list[list[int]] = []
    open_group: list[int] = []
    for members in groups:
        open_group = open_group + members
        if cases[open_group].sum() >= min_cases:
            done.append(open_group)
            open_group = []
    if open_group and done:
        done[-1] = done[-1] + open_group
    elif open_group:
        done.append(open_group)
    return done


def _refuse_unstated(
    name: str, keys: list[Key], stated: Mapping[Key, float], cases: np.ndarray
) -> None:
    absent = [key for key, n in zip(keys, cases, strict=True) if key not in stated and n > 0]
    if absent:
        more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
        raise EstimationError(
            f"totals of {name}: no total for {_text(absent[0])}{more}, which the sample has; add it"
        )


def _refuse_empty(
    name: str, keys: list[Key], group: np.ndarray, given: Floats, sums: Floats
) -> None:
    """A group that only the sample or only the population has cannot be calibrated."""
    for bad, text in (
        (
            (sums == 0) & (given > 0),
            "nobody in the sample; collapse it (min_cases) or leave it out",
        ),
        ((sums > 0) & (given == 0), "a total of 0 but cases in the sample; correct the total"),
    ):
        if bad.any():
            key = keys[int(np.flatnonzero(bad[group])[0])]
            raise EstimationError(f"totals of {name}: {_text(key)} has {text}")


def numeric_control(name: str, values: Floats, totals: object, namer: Namer = rows_text) -> Control:
    """A numeric item as a control; None takes its weighted sum later on."""
    missing = np.isnan(values)
    if missing.any():
        raise EstimationError(
            f"control column {name!r} is missing in {namer(missing)}; every record needs its value"
        )
    if isinstance(totals, bool) or not isinstance(totals, int | float | np.number):
        raise EstimationError(
            f"totals of {name}: a numeric item has one total, not {type(totals).__name__}"
        )
    if not np.isfinite(float(totals)):
        raise EstimationError(f"totals of {name}: {totals!r} is no number")
    return Control(name, np.array([float(totals)]), values=values)


def _text(key: Key) -> str:
    return repr(key[0]) if len(key) == 1 else f"({', '.join(map(repr, key))})"
