"""Flows of areas estimated: who came, who left, the balance and the turnover, area by area.

In- and out-migrants of an area live in different areas at the survey, so a flow is no domain of
residence. For a few areas (regions) each item is a column per area, and every estimate is one of
the whole population. For many areas (provinces), which are only shown over several years, that
would be hundreds of passes: there every mover stands in two rows, one for the area of now and one
for the area before, and a flow is a domain after all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from lfsmig.contributors import Contributors
from lfsmig.errors import EstimationError
from lfsmig.flows import stacked_flows
from lfsmig.results import CONTRIBUTOR_COLUMNS
from lfsmig.survey import Estimate, SurveyDesign

if TYPE_CHECKING:
    from lfsmig.params import Indicator
    from lfsmig.params.models import Design

# Items that belong to an area and not to a person: someone who left the North for Bangkok counts
# in both regions. Each stands for one column per area, made by `flows.flow_columns`.
FLOW_ITEMS = {
    "in_migration": "in",
    "out_migration": "out",
    "net_migration": "net",
    "gross_migration": "gross",
    "residents": "resident",
}

# Columns that name a record in messages about bad rows.
RECORD_KEYS = ("household_id", "person_no")

# Makes a table of a design: `SurveyDesign.estimate` with the statistic, its unit and the engine.
Estimator = Callable[..., Estimate]


def flow_column(item: str | None, level: str, code: str) -> str | None:
    """Name the column that holds a flow item of one area."""
    return None if item is None else f"{FLOW_ITEMS[item]}_{level}_{code}"


def by_columns(
    estimator: Callable[[SurveyDesign], Estimator], design: SurveyDesign, frame: pd.DataFrame,
    indicator: Indicator, mask: np.ndarray, behind: Contributors,
) -> tuple[pd.DataFrame, list[Estimate]]:  # fmt: skip
    """One whole-population estimate per area: the rows, and the estimates in their order."""
    level = indicator.by[0][0]
    parts: list[pd.DataFrame] = []
    found: list[Estimate] = []
    for code in frame[level].cat.categories:
        estimate = estimator(design)(
            of=flow_column(indicator.of, level, code),
            over=flow_column(indicator.over, level, code),
            domain=mask,
        )
        households = behind.of_column(str(flow_column(indicator.of, level, code)), mask)
        values = {level: code, "n_cases": estimate.cases, "n_households": households}
        parts.append(estimate.frame.assign(**values))
        found.append(estimate)
    cells = pd.concat(parts, ignore_index=True)
    return cells.reindex(columns=[*cells, *CONTRIBUTOR_COLUMNS[1:]]), found


class Stacked:
    """Records of a year with a row per person and area, by level; made when first asked for.

    The weights count as design weights, also where the other tables calibrate them: age, sex and
    type of area explain next to nothing of who moves between two provinces, and the error is then
    on the careful side.
    """

    def __init__(
        self, frame: pd.DataFrame, design: SurveyDesign, stated: Design,
        make: Callable[[pd.DataFrame], SurveyDesign],
    ) -> None:  # fmt: skip
        self.frame, self.design, self.stated, self.make = frame, design, stated, make
        self._made: dict[str, tuple[pd.DataFrame, SurveyDesign, Contributors]] = {}

    def _of(self, level: str) -> tuple[pd.DataFrame, SurveyDesign, Contributors]:
        if level not in self._made:
            columns = [self.stated.strata, self.stated.psu, self.stated.weight]
            columns += [name for name in RECORD_KEYS if name in self.frame]
            rows = stacked_flows(self.frame, level, columns)
            self._made[level] = rows, self.make(rows), Contributors(rows, self.stated.weight)
        return self._made[level]

    def estimate(
        self, estimator: Callable[[SurveyDesign], Estimator], indicator: Indicator,
        mask: np.ndarray,
    ) -> tuple[pd.DataFrame, list[Estimate]]:  # fmt: skip
        """Estimate a flow of all areas in one pass; PSU sums in the order of the year's PSUs."""
        level = indicator.by[0][0]
        rows, design, behind = self._of(level)
        chosen = mask[rows["row"].to_numpy()]
        estimate = estimator(design)(
            of=indicator.of, over=indicator.over, by=[level], domain=chosen
        )
        cells = estimate.frame.assign(n_cases=estimate.cases)
        figures = behind.of_table(indicator, [level], chosen, cells, is_amount=False)
        cells[CONTRIBUTOR_COLUMNS] = figures[CONTRIBUTOR_COLUMNS].to_numpy()
        return cells, [self._in_order(design, estimate)]

    def _in_order(self, design: SurveyDesign, estimate: Estimate) -> Estimate:
        """Put the columns of the sums, one per PSU, into the order of the year's design."""
        keys = ["stratum", "psu"]
        ours, theirs = (
            pd.MultiIndex.from_frame(one.psu_table[keys]) for one in (self.design, design)
        )
        place = ours.get_indexer(theirs)
        if (place < 0).any() or estimate.influence is None:
            raise EstimationError("a sampling unit of the movers is none of the year's")
        sums = sparse.coo_array(estimate.influence)
        shape = (sums.shape[0], len(ours))
        at = (sums.row, place[sums.col])
        moved = sparse.csr_array((sums.data, at), shape=shape)
        calibrated = self.design.calibration is not None
        present = sparse.csr_array((np.ones(len(sums.data)), at), shape=shape)
        return replace(
            estimate, influence=moved, psu_table=self.design.psu_table,
            present=present if calibrated else None,
        )  # fmt: skip
