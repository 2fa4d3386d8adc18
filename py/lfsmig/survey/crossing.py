"""Cells of crossed columns, and for each stage the (unit, cell) pairs that occur in the data.

Pairs are numbered by cell, then stratum, then unit, so that sums over units, strata and cells
are sums over consecutive runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lfsmig.survey.columns import Levels
from lfsmig.survey.stages import Stage


@dataclass(frozen=True)
class Pairs:
    """The (unit, cell) pairs of one stage and their runs."""

    of_row: np.ndarray  # record -> pair
    unit: np.ndarray  # pair -> unit
    cell: np.ndarray  # pair -> cell
    group_of_pair: np.ndarray  # pair -> (stratum, cell) group
    group_start: np.ndarray  # first pair of each group
    group_size: np.ndarray  # pairs in each group
    stratum: np.ndarray  # group -> stratum
    cell_start: np.ndarray  # first group of each occurring cell
    cells: np.ndarray  # occurring cells, ascending

    def by_group(self, values: np.ndarray) -> np.ndarray:
        """Sum pair values within each (stratum, cell) group."""
        return np.add.reduceat(values, self.group_start, axis=0)

    def by_cell(self, values: np.ndarray) -> np.ndarray:
        """Sum group values within each occurring cell."""
        return np.add.reduceat(values, self.cell_start, axis=0)


@dataclass(frozen=True)
class Crossing:
    """Cells of the observed levels of some columns, empty crossings included."""

    levels: list[Levels]
    cell: np.ndarray  # record -> cell, -1 where a column is missing
    n_cells: int
    stages: list[Pairs]

    def codes(self) -> list[np.ndarray]:
        """Level codes of each column for every cell, in row order."""
        if not self.levels:
            return []
        return list(np.unravel_index(np.arange(self.n_cells), [len(v) for v in self.levels]))


def cross(levels: Sequence[Levels], stages: Sequence[Stage]) -> Crossing:
    """Number the cells of crossed columns in code order and find the pairs of every stage."""
    cell = np.zeros(len(stages[0].unit), "int64")
    missing = np.zeros(len(cell), bool)
    n_cells = 1
    for column in levels:
        cell = cell * len(column) + column.codes
        missing |= column.codes < 0
        n_cells *= len(column)
    cell = np.where(missing, -1, cell)
    kept = np.flatnonzero(~missing)
    pairs = [_pairs(cell, kept, stage) for stage in stages] if len(kept) else []
    return Crossing(list(levels), cell, n_cells, pairs)


def _pairs(cell: np.ndarray, kept: np.ndarray, stage: Stage) -> Pairs:
    n_units = len(stage.stratum_of_unit)
    key, inverse = np.unique(cell[kept] * n_units + stage.unit[kept], return_inverse=True)
    of_row = np.zeros(len(cell), "int32")
    of_row[kept] = inverse
    unit = (key % n_units).astype("int32")
    cell_of_pair = key // n_units
    stratum_of_pair = stage.stratum_of_unit[unit]
    new = np.empty(len(key), bool)
    new[0] = True
    new[1:] = (cell_of_pair[1:] != cell_of_pair[:-1]) | (
        stratum_of_pair[1:] != stratum_of_pair[:-1]
    )
    group_start = np.flatnonzero(new)
    group_cell = cell_of_pair[group_start]
    cells, cell_start = np.unique(group_cell, return_index=True)
    return Pairs(
        of_row, unit, cell_of_pair, np.cumsum(new) - 1, group_start,
        np.diff(np.append(group_start, len(key))), stratum_of_pair[group_start],
        cell_start, cells,
    )  # fmt: skip
