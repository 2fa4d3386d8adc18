"""Who stands behind a cell: its households, and how much of an amount its largest cases hold.

Disclosure control needs these figures beside the unweighted cases. They are counted from the
records while these are at hand, go into `estimates` with the cell, and are never released.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lfsmig.concept_money import sum_of
from lfsmig.results import CONTRIBUTOR_COLUMNS

if TYPE_CHECKING:
    from lfsmig.params import Indicator

HOUSEHOLD = "household_id"
# Statistics of which every person of the base is a case, whatever the item's value.
OF_THE_BASE = ("mean", "median", "gini", "top_share")


class Contributors:
    """Counts of the records behind cells; columns are coded once for all tables of a year.

    Parameters
    ----------
    frame
        Analysis frame, one row per person.
    weight
        Column of the weights.
    """

    def __init__(self, frame: pd.DataFrame, weight: str) -> None:
        self.frame = frame
        self.weights = frame[weight].to_numpy(dtype=float)
        self.households: np.ndarray | None = None
        if HOUSEHOLD in frame:
            self.households = pd.factorize(frame[HOUSEHOLD])[0].astype("int64")
        self._coded: dict[str, tuple[np.ndarray, dict[str, int]]] = {}
        self._cuts: dict[str, tuple[str, np.ndarray]] = {}

    def cut(self, column: str, item: str, above: np.ndarray) -> None:
        """Tell that a column holds an item with the amounts of those `above` cut."""
        self._cuts[column] = (item, above)

    def of_table(
        self, indicator: Indicator, by: Sequence[str], mask: np.ndarray, cells: pd.DataFrame,
        is_amount: bool,
    ) -> pd.DataFrame:  # fmt: skip
        """Figures of a table's rows.

        Parameters
        ----------
        indicator, by, mask
            What the table shows, crossed by what, of whom.
        cells
            Rows of the table: its `by` columns and `category`.
        is_amount
            Whether the item is an amount, whose largest cases are looked for.

        Returns
        -------
        DataFrame
            A row per row of `cells`: `n_households`, distinct households with a case of the
            numerator (NaN where records name no household); of amounts those with an amount (of
            cut ones with an amount above the cut, where there are any), and `n_contributors`, such
            persons, `amount`, the sum of weight times absolute item at the prices of the year, and
            `largest`, `two_largest`, the fractions of it that the one and the two largest hold.
        """
        rows = np.flatnonzero(mask)
        codes = [*by, str(indicator.of)] if indicator.statistic == "share" else list(by)
        for name in codes:
            rows = rows[self._codes(name)[0][rows] >= 0]
        values = None
        if indicator.of is not None and indicator.statistic != "share":
            values = self.frame[indicator.of].to_numpy(dtype=float, na_value=np.nan)[rows]
            known = ~np.isnan(values)
            if indicator.over is not None:
                below = self.frame[indicator.over].to_numpy(dtype=float, na_value=np.nan)
                known &= ~np.isnan(below[rows])
            if indicator.statistic not in OF_THE_BASE:
                known &= values != 0
            rows, values = rows[known], values[known]
        cell, place = self._cells(codes, rows, cells)
        found = self._figures(cell, rows, values if is_amount else None, place)
        if is_amount:
            found["amount"] *= self._price(str(indicator.of))
        if indicator.of in self._cuts:
            above = self._cuts[str(indicator.of)][1][rows]
            few = self._figures(cell[above], rows[above], None, place)["n_households"]
            found["n_households"] = np.where(few > 0, few, found["n_households"])
        return found

    def _price(self, column: str) -> float:
        """Factor from an item to the prices of the year: one sum is one number in both."""
        name = self._cuts[column][0] if column in self._cuts else column
        nominal = sum_of(name)
        if nominal == name or nominal not in self.frame:
            return 1.0
        below = self.frame[name].sum()
        return float(self.frame[nominal].sum() / below) if below else 1.0

    def of_column(self, column: str, mask: np.ndarray) -> int | float:
        """Distinct households among the records whose column is not zero."""
        if self.households is None:
            return float("nan")
        values = self.frame[column].to_numpy(dtype=float, na_value=0.0)
        return len(np.unique(self.households[mask & (values != 0)]))

    def _codes(self, name: str) -> tuple[np.ndarray, dict[str, int]]:
        if name not in self._coded:
            column = self.frame[name].astype("category")
            levels = {str(level): code for code, level in enumerate(column.cat.categories)}
            self._coded[name] = column.cat.codes.to_numpy(dtype="int64"), levels
        return self._coded[name]

    def _cells(
        self, codes: Sequence[str], rows: np.ndarray, cells: pd.DataFrame
    ) -> tuple[np.ndarray, np.ndarray]:
        """Number of the crossing of each record, and of each row of the table (-1: of none)."""
        cell = np.zeros(len(rows), "int64")
        place = np.zeros(len(cells), "int64")
        for name in codes:
            coded, levels = self._codes(name)
            column = cells[name if name in cells else "category"].astype(str)
            at = column.map(levels).fillna(-1).to_numpy(dtype="int64")
            cell = cell * len(levels) + coded[rows]
            place = np.where((at < 0) | (place < 0), -1, place * len(levels) + at)
        return cell, place

    def _figures(
        self, cell: np.ndarray, rows: np.ndarray, values: np.ndarray | None, place: np.ndarray
    ) -> pd.DataFrame:
        found, number = np.unique(cell, return_inverse=True)
        at = np.searchsorted(found, place)
        at = np.where(at < len(found), at, 0)
        inside = found[at] == place if len(found) else np.zeros(len(place), bool)

        def of_rows(of_cell: np.ndarray) -> np.ndarray:
            return np.where(inside, of_cell[at], 0.0) if len(found) else np.zeros(len(place))

        out = {name: np.full(len(place), np.nan) for name in CONTRIBUTOR_COLUMNS}
        if self.households is not None:
            size = int(self.households.max(initial=0)) + 1
            have = np.flatnonzero(values) if values is not None else slice(None)
            pairs = np.unique(number[have] * size + self.households[rows][have])
            distinct = np.bincount(pairs // size, minlength=len(found))
            out["n_households"] = of_rows(distinct)
        if values is not None:
            part = np.abs(values * self.weights[rows])
            order = np.lexsort((-part, number))
            ordered, sizes = part[order], np.bincount(number, minlength=len(found))
            start = np.cumsum(sizes) - sizes
            total = np.bincount(number, part, len(found))
            first = ordered[start] if len(found) else total
            second = np.where(sizes > 1, ordered[np.minimum(start + 1, len(part) - 1)], 0.0)
            with np.errstate(divide="ignore", invalid="ignore"):
                out["n_contributors"] = of_rows(
                    np.bincount(number[values != 0], minlength=len(found))
                )
                out["amount"] = of_rows(total)
                out["largest"] = of_rows(np.where(total > 0, first / total, 0.0))
                out["two_largest"] = of_rows(np.where(total > 0, (first + second) / total, 0.0))
        return pd.DataFrame(out)


class Uncounted(Contributors):
    """Stands where nobody asks who is behind a cell, such as tests of a change: counts nothing."""

    def __init__(self) -> None:
        """Take no records."""

    def of_table(
        self, indicator: Indicator, by: Sequence[str], mask: np.ndarray, cells: pd.DataFrame,
        is_amount: bool,
    ) -> pd.DataFrame:  # fmt: skip
        """Figures that are not known, a row per row of `cells`."""
        return pd.DataFrame(np.nan, index=range(len(cells)), columns=CONTRIBUTOR_COLUMNS)

    def of_column(self, column: str, mask: np.ndarray) -> int | float:
        """Return a number that is not known."""
        return float("nan")

    def cut(self, column: str, item: str, above: np.ndarray) -> None:
        """Pass over who lies above a cut: nothing is withheld here."""
