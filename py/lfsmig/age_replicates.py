"""Bootstrap replicates of the rates by age: what the interval of the curve's peak comes from.

Persons of one household, and of one sampled area in two years, are in several age groups and years,
so the errors of the groups' rates are not independent. The replicates are those of the indices
(`draws`): each rate's influence sums by sampling unit times the multipliers of the units, which
linked years share.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from lfsmig import draws
from lfsmig.atomic import read_parquet
from lfsmig.workspace import Workspace

ENGINES = ("python", "r")


def deviations(
    workspace: Workspace, indicator: str, domains: Sequence[str], years: Sequence[int]
) -> np.ndarray | None:
    """Replicates of averages over years, less the averages themselves.

    Parameters
    ----------
    workspace
        Folders of the run: the cells of each year with their influence sums, and the draws.
    indicator, domains
        Cells without a category; each must be in every year.
    years
        Years of the average, each with the same weight.

    Returns
    -------
    ndarray or None
        Shape (domains, replicates), in the unit of the estimate; the mean of the squares of a row
        is its variance. None where a year has no draw, no influence sums or not every cell.
    """
    total: np.ndarray | None = None
    for year in years:
        found = _of_year(workspace.data / "estimates" / "engines", year, indicator, domains)
        if found is None or (total is not None and total.shape != found.shape):
            return None
        total = found if total is None else total + found
    return None if total is None else total / len(years)


def _of_year(folder: Path, year: int, indicator: str, domains: Sequence[str]) -> np.ndarray | None:
    """Replicates of a year's cells less the cells; their mean square is the variance."""
    drawn = folder / f"{year}.draw.npz"
    stem = next((f"{year}.{e}" for e in ENGINES if (folder / f"{year}.{e}.npz").is_file()), None)
    if stem is None or not drawn.is_file():
        return None
    frame = read_parquet(folder / f"{stem}.parquet")
    mine = frame[frame["indicator"].eq(indicator) & frame["category"].eq("")]
    row_of = dict(zip(mine["domain"], mine.index, strict=True))
    if not all(domain in row_of for domain in domains):
        return None
    draw = draws.read(drawn)
    units = read_parquet(folder / f"{stem}.psu.parquet")
    # After the sampling units stand the columns of the indices' replicates.
    own = np.flatnonzero(~units["stratum"].astype(str).isin(draw.table["stratum"]))
    influence = sparse.csr_matrix(sparse.load_npz(folder / f"{stem}.npz"))
    sums = influence[[row_of[domain] for domain in domains]][:, own]
    factors = draw.factors[draw.units_of(pd.DataFrame(units).iloc[own])]
    return np.asarray(sums @ (factors - 1.0)) * np.sqrt(draw.scale * factors.shape[1])
