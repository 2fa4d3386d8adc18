"""Internal moves between places as columns: who came, who left, who lives there."""

from __future__ import annotations

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
    columns: dict[str, np.ndarray] = {}
    for place in places:
        came, left = moved & (now == place), moved & (old == place)
        columns[f"in_{level}_{place}"] = came.astype(np.int8)
        columns[f"out_{level}_{place}"] = left.astype(np.int8)
        columns[f"net_{level}_{place}"] = came.astype(np.int8) - left.astype(np.int8)
        columns[f"gross_{level}_{place}"] = came.astype(np.int8) + left.astype(np.int8)
        columns[f"resident_{level}_{place}"] = (now == place).astype(np.int8)
    return pd.DataFrame(columns, index=frame.index)
