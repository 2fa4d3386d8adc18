"""Pairs of sampling units and cells as a grid: for columns that differ between a unit's persons.

Columns of a table are of two kinds: the same for all records of a unit, as a province is, or
different between them, as sex and age are. A unit has a slot for each combination of the second
kind, whether a record is in it or not. Slots follow each other as units do, so that records are
added up nearly in order, and sums over the units of a stratum are sums of whole rows of the grid.
It is made where there are no more slots than records and the first kind is the same for a whole
stratum; otherwise pairs are sorted (`crossing.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from lfsmig.survey.columns import Levels
    from lfsmig.survey.crossing import Cells, Rows
    from lfsmig.survey.stages import Stage


@dataclass(frozen=True)
class Slots:
    """The grid of a table: units x combinations of the levels of its personal columns."""

    of_unit: np.ndarray  # unit -> what the other columns give to the number of a cell
    personal: Sequence[Levels]
    within: np.ndarray  # combination -> what the personal columns give to it

    @property
    def count(self) -> int:
        return len(self.of_unit) * len(self.within)

    def of_records(self, rows: Rows, unit: np.ndarray) -> np.ndarray:
        """Slot of each record."""
        slot = unit.astype("int64")
        for column in self.personal:
            slot *= len(column)
            slot += column.codes[rows]
        return slot

    def pairs(self, stage: Stage, counts: np.ndarray) -> SlotPairs:
        """Lay out the grid of a domain, which has `counts` records in each slot."""
        stratum_end = np.cumsum(stage.n_units)
        n_units = len(self.of_unit)
        members = sparse.csr_array(
            (np.ones(n_units), np.arange(n_units), np.append(0, stratum_end)),
            shape=(len(stratum_end), n_units),
        )
        held = np.flatnonzero(members @ counts.reshape(n_units, -1).astype("float64"))
        stratum = held // len(self.within)
        of_group = self.of_unit[stratum_end - 1][stratum] + self.within[held % len(self.within)]
        order = np.argsort(of_group, kind="stable")
        of_group = of_group[order]
        cell_start = np.flatnonzero(np.diff(of_group, prepend=-1))
        return SlotPairs(
            self, counts, members, stage.n_units, held[order], stratum[order], of_group, cell_start,
            of_group[cell_start],
        )  # fmt: skip


def slots_of(cells: Cells, stage: Stage, at_most: int) -> Slots | None:
    """Tell the columns of a table apart; None where a grid cannot or need not be made."""
    of_unit = np.zeros(len(stage.stratum_of_unit), "int32")
    within, personal, step = np.zeros(1, "int32"), [], 1
    for column in cells.levels[::-1]:
        codes = stage.codes_of_units(column)
        if codes is None:
            levels = np.arange(len(column), dtype="int32") * np.int32(step)
            within = (levels[:, None] + within).ravel()
            personal.append(column)
        else:
            of_unit += codes * np.int32(step)
        step *= len(column)
        if len(of_unit) * len(within) > at_most:
            return None
    first = of_unit[np.cumsum(stage.n_units) - stage.n_units]
    if (first[stage.stratum_of_unit] != of_unit).any():
        return None
    return Slots(of_unit, personal[::-1], within)


@dataclass(frozen=True)
class SlotPairs:
    """The pairs of a one-stage design as a grid; as `crossing.Pairs`, with empty ones among them.

    Groups are those that hold a record, in the order of cells, then strata.
    """

    slots: Slots
    counts: np.ndarray  # slot -> records in it
    members: sparse.csr_array  # strata x units: which units a stratum has
    n_units: np.ndarray  # stratum -> number of units
    place: np.ndarray  # group -> place among strata x combinations
    stratum: np.ndarray  # group -> stratum
    cell_of_group: np.ndarray
    cell_start: np.ndarray  # first group of each occurring cell
    cells: np.ndarray  # occurring cells, ascending

    @property
    def width(self) -> int:
        """Slots of each unit."""
        return len(self.slots.within)

    @property
    def unit(self) -> np.ndarray:
        """Unit of each slot."""
        return np.repeat(np.arange(self.members.shape[1]), self.width)

    @property
    def cell(self) -> np.ndarray:
        """Cell of each slot."""
        return (self.slots.of_unit[:, None] + self.slots.within).ravel()

    @property
    def occurring(self) -> np.ndarray:
        """The slots that hold a record."""
        return np.flatnonzero(self.counts)

    @property
    def group_size(self) -> np.ndarray:
        """Slots in each group: every unit of the stratum has one."""
        return self.n_units[self.stratum]

    def of_finest(self, values: np.ndarray) -> np.ndarray:
        """Sum values over the pairs of this stage, which is the finest."""
        return values

    def by_group(self, values: np.ndarray) -> np.ndarray:
        """Sum slot values within each (stratum, cell) group."""
        grid = values.reshape(self.members.shape[1], -1).astype("float64", copy=False)
        sums = (self.members @ grid).reshape(-1, *values.shape[1:])
        return sums[self.place].astype(values.dtype, copy=False)

    def over_cells(self, of_cell: np.ndarray) -> np.ndarray:
        """Give each slot the value of its cell; zero where no record of its stratum is in that."""
        return self.over_groups(of_cell[self.cell_of_group])

    def over_groups(self, of_group: np.ndarray) -> np.ndarray:
        """Give each slot the value of its group."""
        whole = np.zeros((len(self.n_units) * self.width, *of_group.shape[1:]), of_group.dtype)
        whole[self.place] = of_group
        rows = np.repeat(whole.reshape(self.members.shape[0], -1), self.n_units, axis=0)
        return rows.reshape(-1, *of_group.shape[1:])

    def by_cell(self, values: np.ndarray) -> np.ndarray:
        """Sum group values within each occurring cell."""
        return np.add.reduceat(values, self.cell_start, axis=0)
