"""Cells of crossed columns, and for each stage the (unit, cell) pairs that occur in a domain.

A table costs one pass over the records of its domain, in the order of sampling units: records of
one unit and cell that follow each other are one run, runs are put in the order of cells by a
counting sort, and pairs are what runs of the same unit and cell add up to. Pairs are numbered by
cell, then stratum, then unit, so that sums over units, strata and cells are sums over consecutive
pairs. Where nearly every record would be a run, because columns differ between the persons of a
unit (sex, age), pairs are laid out as a grid instead (`slots.py`), and nothing is sorted. Nothing
is done cell by cell and nothing is sorted by comparison.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from lfsmig.errors import EstimationError
from lfsmig.survey.slots import SlotPairs, slots_of

if TYPE_CHECKING:
    from lfsmig.survey.columns import Levels
    from lfsmig.survey.stages import Stage

Rows = np.ndarray | slice  # positions of records; slice(None) is all of them, without a copy

# Rows a table may have. A million cells hold 1.3 persons each of six years' sample, and every
# array over cells is 8 MB: more than this is a wrong column, not a table.
MAX_CELLS = 1_000_000
# Runs are added up before anything else where they are at most this part of the records.
FEW_RUNS = 0.5


def counting_order(codes: np.ndarray, n_codes: int) -> np.ndarray:
    """Stable order of records by codes 0..n_codes-1, in time linear in both.

    Turning a sparse matrix with one entry per row from rows to columns is a counting sort in C.
    """
    n = len(codes)
    entries = (np.ones(n, "int8"), codes, np.arange(n + 1, dtype="int32"))
    return sparse.csr_array(entries, shape=(n, n_codes)).tocsc().indices


def starts_of(*columns: np.ndarray) -> np.ndarray:
    """Positions at which any of the columns differs from the position before."""
    new = np.zeros(len(columns[0]), bool)
    new[:1] = True
    for column in columns:
        new[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(new)


@dataclass(frozen=True)
class Cells:
    """Cells of the observed levels of some columns, empty crossings included, in code order."""

    levels: list[Levels]
    n_cells: int

    @classmethod
    def crossed(cls, levels: Sequence[Levels]) -> Cells:
        """Cross columns, unless that makes more cells than a table may have."""
        n_cells = int(np.prod([len(column) for column in levels], dtype=float))
        if n_cells > MAX_CELLS:
            sizes = " x ".join(f"{column.name} ({len(column)})" for column in levels)
            raise EstimationError(
                f"columns {sizes} cross to {n_cells:,} rows, more than the {MAX_CELLS:,} that a "
                "table may have; leave a column out or group its codes"
            )
        return cls(list(levels), n_cells)

    def codes(self) -> list[np.ndarray]:
        """Level codes of each column for every cell, in row order."""
        if not self.levels:
            return []
        return list(np.unravel_index(np.arange(self.n_cells), [len(v) for v in self.levels]))

    def of(self, rows: Rows, n_records: int) -> np.ndarray:
        """Cell of each record in `rows`, none of which misses a column."""
        if not self.levels:
            return np.zeros(n_records, "int32")[rows]
        cell = self.levels[0].codes[rows]
        for column in self.levels[1:]:
            cell = cell * np.int32(len(column))
            cell += column.codes[rows]
        return cell


@dataclass(frozen=True)
class Pairs:
    """The (unit, cell) pairs of one stage and their runs."""

    unit: np.ndarray  # pair -> unit
    cell: np.ndarray  # pair -> cell
    start: np.ndarray | None  # first pair of the finest stage; None: this is the finest
    group_start: np.ndarray  # first pair of each (stratum, cell) group
    group_size: np.ndarray  # pairs in each group
    stratum: np.ndarray  # group -> stratum
    cell_start: np.ndarray  # first group of each occurring cell
    cells: np.ndarray  # occurring cells, ascending

    def of_finest(self, values: np.ndarray) -> np.ndarray:
        """Sum values of the finest stage's pairs over the pairs of this stage."""
        return values if self.start is None else np.add.reduceat(values, self.start, axis=0)

    def by_group(self, values: np.ndarray) -> np.ndarray:
        """Sum pair values within each (stratum, cell) group."""
        return np.add.reduceat(values, self.group_start, axis=0)

    def over_cells(self, of_cell: np.ndarray) -> np.ndarray:
        """Give each pair the value of its cell."""
        return of_cell[self.cell]

    def over_groups(self, of_group: np.ndarray) -> np.ndarray:
        """Give each pair the value of its group."""
        return np.repeat(of_group, self.group_size, axis=0)

    def by_cell(self, values: np.ndarray) -> np.ndarray:
        """Sum group values within each occurring cell."""
        return np.add.reduceat(values, self.cell_start, axis=0)

    @property
    def occurring(self) -> slice:
        """The pairs that hold a record: all of them."""
        return slice(None)

    @property
    def cell_of_group(self) -> np.ndarray:
        """Cell of each group."""
        return self.cell[self.group_start]


@dataclass(frozen=True)
class Records:
    """The records of a domain in the order of sampling units, and the pair each is in."""

    rows: Rows  # positions in the frame
    cell: np.ndarray  # record -> cell
    n_cells: int
    run_start: np.ndarray | None  # first record of each run; None: every record is a run
    run_length: np.ndarray | None
    pair_of_run: np.ndarray  # run -> pair of the finest stage
    n_pairs: int
    in_pair: np.ndarray | None = None  # records in each pair, where they are counted already

    def __len__(self) -> int:
        return len(self.cell)

    def over_runs(self, of_run: np.ndarray) -> np.ndarray:
        """Give each record the value of its run."""
        return of_run if self.run_length is None else np.repeat(of_run, self.run_length)

    def over_cells(self, of_cell: np.ndarray) -> np.ndarray:
        """Give each record the value of its cell."""
        if self.run_start is None:
            return of_cell[self.cell]
        return self.over_runs(of_cell[self.cell[self.run_start]])

    def pair_sums(self, values: np.ndarray) -> np.ndarray:
        """Sum record values over pairs."""
        return np.bincount(self.pair_of_run, self._runs(values), self.n_pairs)

    def pair_counts(self, counted: np.ndarray | None) -> np.ndarray:
        """Count the records of each pair for which `counted` holds; None: all of them."""
        if counted is not None:
            return np.bincount(self.over_runs(self.pair_of_run)[counted], minlength=self.n_pairs)
        if self.in_pair is not None:
            return self.in_pair
        if self.run_length is None:
            return np.bincount(self.pair_of_run, minlength=self.n_pairs)
        return np.bincount(self.pair_of_run, self.run_length, self.n_pairs).astype("int64")

    def cell_sums(self, values: np.ndarray) -> np.ndarray:
        """Sum record values over cells."""
        cell = self.cell if self.run_start is None else self.cell[self.run_start]
        return np.bincount(cell, self._runs(values), self.n_cells)

    def by_category(self, code: np.ndarray, width: int) -> Categories:
        """Split pairs by a code 0..width-1 of each record."""
        return Categories(self.over_runs(self.pair_of_run * width) + code, self.n_pairs, width)

    def _runs(self, values: np.ndarray) -> np.ndarray:
        return values if self.run_start is None else np.add.reduceat(values, self.run_start)


@dataclass(frozen=True)
class Categories:
    """Pairs of a domain split by the categories of an item."""

    key: np.ndarray  # record -> pair and category
    n_pairs: int
    width: int

    def pair_sums(self, values: np.ndarray) -> np.ndarray:
        """Sum record values over pairs, a column per category."""
        return np.bincount(self.key, values, self.n_pairs * self.width).reshape(-1, self.width)

    def pair_counts(self, counted: np.ndarray | None) -> np.ndarray:
        """Count records, or those for which `counted` holds, a column per category."""
        key = self.key if counted is None else self.key[counted]
        return np.bincount(key, minlength=self.n_pairs * self.width).reshape(-1, self.width)


@dataclass(frozen=True)
class Crossing:
    """The pairs of a domain at every stage, and its records where they are in memory."""

    cells: Cells
    stages: list[Pairs | SlotPairs]
    records: Records | None = field(default=None, repr=False)

    @property
    def n_cells(self) -> int:
        return self.cells.n_cells

    def over_cells(self, of_pair: np.ndarray) -> np.ndarray:
        """Sum values of the finest stage's pairs over all cells, 0 where a cell has none."""
        pairs = self.stages[-1]
        out = np.zeros((self.n_cells, *of_pair.shape[1:]), of_pair.dtype)
        out[pairs.cells] = pairs.by_cell(pairs.by_group(of_pair))
        return out


def cross(cells: Cells, stages: Sequence[Stage], rows: Rows) -> Crossing:
    """Find the pairs of a domain, whose records `rows` names in the order of sampling units."""
    finest = stages[-1]
    unit = finest.unit[rows]
    cell = cells.of(rows, len(finest.unit))
    start = starts_of(cell, unit)
    run_start = run_length = None
    run_cell, run_unit = cell, unit
    if len(start) <= FEW_RUNS * len(cell):
        run_start, run_length = start, np.diff(start, append=len(cell))
        run_cell, run_unit = cell[start], unit[start]
    elif len(stages) == 1:
        slots = slots_of(cells, finest, len(cell))
        if slots is not None:
            slot = slots.of_records(rows, unit)
            counts = np.bincount(slot, minlength=slots.count)
            records = Records(rows, cell, cells.n_cells, None, None, slot, slots.count, counts)
            return Crossing(cells, [slots.pairs(finest, counts)], records)
    order = counting_order(run_cell, cells.n_cells)
    run_cell, run_unit = run_cell[order], run_unit[order]
    first = starts_of(run_cell, run_unit)
    new = np.zeros(len(order), "int64")
    new[first[1:]] = 1
    pair_of_run = np.empty(len(order), "int64")
    pair_of_run[order] = np.cumsum(new)
    records = Records(rows, cell, cells.n_cells, run_start, run_length, pair_of_run, len(first))
    return Crossing(cells, pairs_of(run_cell[first], run_unit[first], stages), records)


def pairs_of(
    cell: np.ndarray, unit: np.ndarray, stages: Sequence[Stage]
) -> list[Pairs | SlotPairs]:
    """Lay out distinct (cell, finest unit) pairs, in that order, for every stage."""
    found: list[Pairs | SlotPairs] = [_pairs(cell, unit, None, stages[-1])]
    for stage, finer in zip(stages[-2::-1], stages[:0:-1], strict=True):
        unit = finer.stratum_of_unit[unit]
        start = starts_of(cell, unit)
        found.append(_pairs(cell[start], unit[start], start, stage))
    return found[::-1]


def _pairs(cell: np.ndarray, unit: np.ndarray, start: np.ndarray | None, stage: Stage) -> Pairs:
    stratum = stage.stratum_of_unit[unit]
    group_start = starts_of(cell, stratum)
    group_size = np.diff(group_start, append=len(cell))
    group_cell = cell[group_start]
    cell_start = starts_of(group_cell)
    return Pairs(
        unit, cell, start, group_start, group_size, stratum[group_start], cell_start,
        group_cell[cell_start],
    )  # fmt: skip
