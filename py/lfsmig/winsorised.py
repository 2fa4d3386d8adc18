"""Means that a few very large amounts do not decide: one-sided winsorising, by either engine.

Amounts above the quantile `winsorise_at` of country.yml, of the weighted distribution of the
indicator's whole population in the year, count as that quantile; tables by region or sex have the
cut of the whole. Standard errors take the cut as fixed (methods 2.5), in R as in Python: they are
those of the mean of the cut amounts. The quantile itself is one person's answer and is not shown.

A mean and its winsorised twin together tell how much those above the cut hold beyond it. So the
persons above the cut count as the ones behind the winsorised mean: fewer households than
`min_households` above it, and it is confidential.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lfsmig.contributors import Contributors
from lfsmig.survey import SurveyDesign

if TYPE_CHECKING:
    from lfsmig.indicators import Table
    from lfsmig.params import Indicator, Params

SUFFIX = " winsorised"


def column_of(indicator: Indicator) -> str:
    """Column of an indicator's amounts after the cut."""
    return f"{indicator.id}{SUFFIX}"


def with_room(indicators: Iterable[Indicator], frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with an empty column for each winsorised indicator whose item is in it.

    The frame given stays as it is. Columns are filled by `Cuts`, which needs the design to be made.
    """
    names = [column_of(one) for one in indicators if one.winsorised and one.of in frame]
    if not names:
        return frame
    empty = pd.DataFrame(np.full((len(frame), len(names)), np.nan), frame.index, names)
    wide = pd.concat([frame, empty], axis=1)
    wide.attrs = frame.attrs
    return wide


class Cuts:
    """Cuts of a year's winsorised indicators by one engine.

    Parameters
    ----------
    params
        Parameters; `country.winsorise_at` is the quantile.
    design
        Design over a frame of `with_room`.
    behind
        Counts of the records behind cells, which are told who is above a cut.
    engine
        `python` or `r`: each looks for the quantile itself.
    """

    def __init__(
        self, params: Params, design: SurveyDesign, behind: Contributors, engine: str
    ) -> None:
        self.at = params.country.winsorise_at
        self.design, self.behind, self.engine = design, behind, engine
        self.made: set[str] = set()

    def applied(self, table: Table, mask: np.ndarray) -> Table:
        """Return the table with its amounts cut; any other as it is."""
        indicator = table.indicator
        if not indicator.winsorised:
            return table
        name = column_of(indicator)
        if name not in self.made:
            self._cut(indicator, name, mask)
            self.made.add(name)
        return replace(table, indicator=indicator.model_copy(update={"of": name}))

    def _cut(self, indicator: Indicator, name: str, mask: np.ndarray) -> None:
        amounts = self.design.numbers(str(indicator.of))
        at = self.design.estimate(
            "quantile", of=indicator.of, domain=mask, quantiles=[self.at or 1.0], engine=self.engine
        ).frame["estimate"]
        # Nobody with an amount: nothing to cut.
        point = float(at.iloc[0]) if len(at) else np.nan
        above = mask & (amounts > point)
        self.design.frame[name] = np.where(above, point, amounts)
        self.behind.cut(name, str(indicator.of), above)
