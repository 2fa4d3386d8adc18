"""Internal moves between places: who came, who left, who lives there, as columns or as rows."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from lfsmig.errors import InputError


def flow_columns(frame: pd.DataFrame, level: str = "region") -> pd.DataFrame:
    """Return indicator columns of internal moves between places of a level.

    For each place: `in_<level>_<code>` (moved there from another place within the window),
    `out_<level>_<code>` (moved away), `net_` (in minus out), `gross_` (in plus out) and
    `resident_` (lives there now), all int8. A move inside a place is no flow; one from an unknown
    place is in no flow either, so that the weighted nets add up to zero over all places.
    """
    places, now, old, moved = _moves(frame, level)
    columns: dict[str, np.ndarray] = {}
    for place in places:
        came, left = moved & (now == place), moved & (old == place)
        columns[f"in_{level}_{place}"] = came.astype(np.int8)
        columns[f"out_{level}_{place}"] = left.astype(np.int8)
        columns[f"net_{level}_{place}"] = came.astype(np.int8) - left.astype(np.int8)
        columns[f"gross_{level}_{place}"] = came.astype(np.int8) + left.astype(np.int8)
        columns[f"resident_{level}_{place}"] = (now == place).astype(np.int8)
    return pd.DataFrame(columns, index=frame.index)


def _moves(frame: pd.DataFrame, level: str) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Places of a level; the place of now and of before of each person, and who moved between."""
    before = f"previous_{level}"
    for name in (level, before, "recent_internal"):
        if name not in frame:
            raise InputError(
                f"flows by {level}: the column {name} is not in the table; "
                "the survey does not ask for it or the level is unknown"
            )
    places = list(frame[level].cat.categories)
    now, old = frame[level].astype(object).to_numpy(), frame[before].astype(object).to_numpy()
    moved = (frame["recent_internal"].to_numpy(dtype=float) == 1) & ~pd.isna(old) & ~pd.isna(now)
    moved &= np.isin(old.astype(str), places) & (now != old)
    return places, now, old, moved


def stacked_flows(frame: pd.DataFrame, level: str, columns: Collection[str]) -> pd.DataFrame:
    """Return `columns` with a row per person and area: movers a second time, where they left.

    The flow items (`in_migration`, `out_migration`, `net_migration`, `gross_migration`,
    `residents`) are columns of 0, 1 and -1; `row` is the position of the person's record. Sums by
    the column of the level are those of `flow_columns`.
    """
    places, _, old, moved = _moves(frame, level)
    left = np.flatnonzero(moved)
    row = np.concatenate([np.arange(len(frame)), left])
    came = np.concatenate([moved, np.zeros(len(left), bool)]).astype(np.int8)
    gone = np.concatenate([np.zeros(len(frame), bool), np.ones(len(left), bool)]).astype(np.int8)
    area = pd.Categorical(
        np.concatenate([frame[level].astype(object).to_numpy(), old[left]]), categories=places
    )
    rows = frame[list(dict.fromkeys(columns))].iloc[row].reset_index(drop=True)
    return rows.assign(
        **{level: area}, row=row, in_migration=came, out_migration=gone,
        net_migration=came - gone, gross_migration=came + gone, residents=1 - gone,
    )  # fmt: skip
