"""Bootstrap multipliers of a year's PSUs, drawn once for PSUs that linked years share.

A draw needs no more of a year than the names of its strata and PSUs; those of the years that
`country.yml` links are drawn together, so that a change of an index carries the covariance of the
areas seen twice. A file beside the harmonised table gives the multipliers to people with R alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd

from lfsmig.errors import EstimationError
from lfsmig.params.models import Design
from lfsmig.survey import SurveyDesign, linked_replicates
from lfsmig.survey.replicates import replicate_table

# Columns of a table of multipliers before those of the replicates.
NAMED = ["stratum", "psu"]


@dataclass(frozen=True)
class Draw:
    """Multipliers of one year.

    Attributes
    ----------
    psus
        `stratum` and `psu`, one row per PSU.
    factors
        Multipliers of the weights, PSUs x replicates.
    table
        One row per replicate in the form of a PSU table (`replicate_table`); its stratum names
        the draw, and only replicates of one draw can be set against each other.
    """

    psus: pd.DataFrame
    factors: np.ndarray
    table: pd.DataFrame

    @property
    def scale(self) -> float:
        """What the sum of squared deviations is multiplied by."""
        return float(self.table["scale"].iloc[0])

    def units_of(self, psus: pd.DataFrame) -> np.ndarray:
        """Row of `factors` for each PSU of a table with `stratum` and `psu`."""
        there = pd.MultiIndex.from_frame(self.psus).get_indexer(
            pd.MultiIndex.from_frame(psus[NAMED].astype(str))
        )
        if (there < 0).any():
            first = psus.iloc[int(np.flatnonzero(there < 0)[0])]
            raise EstimationError(
                f"the bootstrap has no multipliers for PSU {first['psu']} of stratum "
                f"{first['stratum']}; make the draw again"
            )
        return there


def psus_of(frame: pd.DataFrame, design: Design) -> pd.DataFrame:
    """PSUs of a year's records: `stratum` and `psu` as text, each once, in order."""
    named = frame[[design.strata, design.psu]].drop_duplicates().astype(str)
    return named.set_axis(NAMED, axis=1).sort_values(NAMED, ignore_index=True)


def draw(years: Mapping[int, pd.DataFrame], year: int, design: Design) -> Draw:
    """Draw the multipliers of a year together with those of the years it shares PSUs with.

    Parameters
    ----------
    years
        PSUs by year (`psus_of`), the year itself among them.
    year
        Whose multipliers are wanted.
    design
        Rule for lonely PSUs, number of replicates and seed.
    """
    order = sorted(years)
    designs = [
        SurveyDesign(
            years[y].assign(weight=1.0), weight="weight", strata="stratum", psu="psu",
            lonely_psu=design.lonely_psu, nest=True,
        )
        for y in order
    ]  # fmt: skip
    made = linked_replicates(designs, "bootstrap", design.replicates, design.seed)
    one = made[order.index(year)]
    assert one.replicates is not None
    factors = one.replicates.factors.block(slice(None))
    return Draw(one.psu_table[NAMED].astype(str), factors, replicate_table(one.replicates))


def as_counts(made: Draw) -> pd.DataFrame:
    """Multipliers as a step and whole numbers: `stratum, psu, scale, step, r1, r2, …`.

    A multiplier is `step` times the number of times that the PSU was drawn; a lonely PSU has the
    step 1.
    """
    step, counts = _counted(made)
    names = [f"r{number + 1}" for number in range(counts.shape[1])]
    first = made.psus.assign(scale=made.scale, step=step)
    return pd.concat([first, pd.DataFrame(counts, columns=names)], axis=1)


def _counted(made: Draw) -> tuple[np.ndarray, np.ndarray]:
    size = made.psus.groupby("stratum")["psu"].transform("size").to_numpy(dtype="float64")
    step = np.where(size > 1, size / np.maximum(size - 1, 1), 1.0)
    counts = np.rint(made.factors / step[:, None]).astype("int16")
    assert np.allclose(counts * step[:, None], made.factors, rtol=1e-12, atol=1e-12)
    return step, counts


def write(made: Draw, file: BinaryIO) -> None:
    """Write a draw for the engines of a later process: the same numbers as the table for R."""
    step, counts = _counted(made)
    held = {name: made.psus[name].to_numpy(dtype=str) for name in NAMED}
    held |= {"draw": np.array(made.table["stratum"].iloc[0]), "scale": np.array(made.scale)}
    np.savez(file, step=step, counts=counts, allow_pickle=False, **held)


def read(path: Path | BinaryIO) -> Draw:
    """Read what `write` has written."""
    with np.load(path, allow_pickle=False) as held:
        factors = held["counts"] * held["step"][:, None]
        psus = pd.DataFrame({name: held[name].astype(object) for name in NAMED})
        count = factors.shape[1]
        table = pd.DataFrame(
            {
                "stratum": str(held["draw"]), "psu": [str(n + 1) for n in range(count)],
                "scale": float(held["scale"]), "centred": False,
            }
        )  # fmt: skip
    return Draw(psus, factors, table)
