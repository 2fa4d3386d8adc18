"""Sums of an estimate's parts over any grouping of the records, all cells at once.

The variance needs them per PSU, calibration per control group, replicate weights per set of
records that share their multipliers. Each is one pass over the records of the domain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import sparse

from lfsmig.survey.crossing import Categories, Crossing


class Over(Protocol):
    """What records are added up over: pairs of a unit and a cell."""

    def pair_sums(self, values: np.ndarray) -> np.ndarray:
        """Sum record values over pairs."""
        ...

    def by_category(self, code: np.ndarray, width: int) -> Categories:
        """Split pairs by a code 0..width-1 of each record."""
        ...


@dataclass(frozen=True)
class Grouping:
    """Pairs of any code of the records and their cell, for the records of a domain."""

    of_record: np.ndarray  # record of the domain -> pair
    unit: np.ndarray  # pair -> code
    cell: np.ndarray  # pair -> cell

    def pair_sums(self, values: np.ndarray) -> np.ndarray:
        """Sum record values over pairs."""
        return np.bincount(self.of_record, values, len(self.unit))

    def over_cells(self, of_cell: np.ndarray) -> np.ndarray:
        """Give each pair the value of its cell."""
        return of_cell[self.cell]

    def by_category(self, code: np.ndarray, width: int) -> Categories:
        """Split pairs by a code 0..width-1 of each record."""
        return Categories(self.of_record * width + code, len(self.unit), width)


def grouped(crossing: Crossing, code: np.ndarray, n_codes: int) -> Grouping:
    """Pairs of (code, cell) that occur in a domain, for a code 0..n_codes-1 of every record."""
    records = crossing.records
    assert records is not None
    key, of_record = np.unique(
        records.cell.astype("int64") * n_codes + code[records.rows], return_inverse=True
    )
    return Grouping(of_record, key % n_codes, key // n_codes)


@dataclass(frozen=True)
class Response:
    """How the estimates of a table follow from the records: what their variances are made of.

    Attributes
    ----------
    scores
        Sums of the linearised item over any pairs, one column per category.
    totals
        Sums above and below the fraction line with any weights, over any pairs, if estimates are
        totals or ratios of totals.
    revalue
        Otherwise: the estimates (cells x categories) with any weights of the domain's records.
    """

    scores: Callable[[Grouping], np.ndarray]
    totals: Callable[[np.ndarray, Over], tuple[np.ndarray, np.ndarray | None]] | None = None
    revalue: Callable[[np.ndarray], np.ndarray] | None = None


def by_unit(
    unit: np.ndarray, cell: np.ndarray, sums: np.ndarray, n_units: int, n_cells: int
) -> sparse.csr_array:
    """Lay pair sums (pairs x k) out as units x (cells x k); absent pairs are not stored."""
    k = sums.shape[1]
    column = (cell.astype("int64")[:, None] * k + np.arange(k)).ravel()
    shape = (n_units, n_cells * k)
    return sparse.coo_array((sums.ravel(), (np.repeat(unit, k), column)), shape=shape).tocsr()
