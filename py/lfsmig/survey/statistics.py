"""The statistics by name: what an analyst calls on a design, each one line to the estimator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import Any

import pandas as pd

from lfsmig.survey.contrast import Coefficients, contrast, differences
from lfsmig.survey.estimate import Estimate


class Statistics(ABC):
    """Named statistics over `estimate`, which the design defines and documents."""

    @abstractmethod
    def estimate(
        self, statistic: str, of: str | None = None, over: str | None = None,
        by: str | Sequence[str] = (), domain: object = None, engine: str = "python",
        influence: bool = False, level: float = 0.95, ci: str | None = None,
        quantiles: Sequence[float] = (0.5,), per: float | None = None, top: float = 0.1,
        covariance: bool = False,
    ) -> Estimate:  # fmt: skip
        """Estimate one table by cells of a domain."""

    def mean(self, of: str, by: str | Sequence[str] = (), domain: object = None,
             engine: str = "python", **options: Any) -> pd.DataFrame:  # fmt: skip
        """Mean of a numeric item per cell (for a 0/1 item, the proportion)."""
        return self.estimate("mean", of, None, by, domain, engine, **options).frame

    def total(self, of: str | None = None, by: str | Sequence[str] = (), domain: object = None,
              engine: str = "python", **options: Any) -> pd.DataFrame:  # fmt: skip
        """Weighted total of an item per cell; without an item, the number of persons."""
        return self.estimate("total", of, None, by, domain, engine, **options).frame

    def share(self, of: str, by: str | Sequence[str] = (), domain: object = None,
              engine: str = "python", **options: Any) -> pd.DataFrame:  # fmt: skip
        """Share of each category of a column per cell, 0 to 1."""
        return self.estimate("share", of, None, by, domain, engine, **options).frame

    def ratio(self, of: str, over: str, by: str | Sequence[str] = (), domain: object = None,
              engine: str = "python", **options: Any) -> pd.DataFrame:  # fmt: skip
        """Ratio of two totals per cell."""
        return self.estimate("ratio", of, over, by, domain, engine, **options).frame

    def rate(self, of: str, per: float = 100, by: str | Sequence[str] = (), domain: object = None,
             engine: str = "python", over: str | None = None,
             **options: Any) -> pd.DataFrame:  # fmt: skip
        """Rate per 100 (or `per`): of a 0/1 item with a logit interval, or of two totals."""
        return self.estimate("rate", of, over, by, domain, engine, per=per, **options).frame

    def gini(self, of: str, by: str | Sequence[str] = (), domain: object = None,
             engine: str = "python", **options: Any) -> pd.DataFrame:  # fmt: skip
        """Gini coefficient per cell of an item that is never negative."""
        return self.estimate("gini", of, None, by, domain, engine, **options).frame

    def top_share(self, of: str, top: float = 0.1, by: str | Sequence[str] = (),
                  domain: object = None, engine: str = "python",
                  **options: Any) -> pd.DataFrame:  # fmt: skip
        """Part of an item's total that the fraction `top` of the population holds, per cell."""
        return self.estimate("top_share", of, None, by, domain, engine, top=top, **options).frame

    def difference(self, statistic: str, of: str | None = None, over: str | None = None,
                   by: str | Sequence[str] = (), domain: object = None, engine: str = "python",
                   reference: Hashable = None, level: float = 0.95,
                   **options: Any) -> pd.DataFrame:  # fmt: skip
        """Each cell less a reference cell (the first if none is named), with covariance."""
        cells = self.estimate(statistic, of, over, by, domain, engine, covariance=True, **options)
        return contrast(cells, differences(cells, reference), level=level)

    def contrast(self, coefficients: Coefficients, statistic: str, of: str | None = None,
                 over: str | None = None, by: str | Sequence[str] = (), domain: object = None,
                 engine: str = "python", level: float = 0.95, log: bool = False,
                 **options: Any) -> pd.DataFrame:  # fmt: skip
        """Linear combinations of the cells of one table (see `lfsmig.survey.contrast`)."""
        cells = self.estimate(statistic, of, over, by, domain, engine, covariance=True, **options)
        return contrast(cells, coefficients, level=level, log=log)

    def quantile(self, of: str, quantiles: Sequence[float] | float = (0.5,),
                 by: str | Sequence[str] = (), domain: object = None, engine: str = "python",
                 **options: Any) -> pd.DataFrame:  # fmt: skip
        """Quantiles of a numeric item per cell, with Woodruff intervals."""
        levels = [quantiles] if isinstance(quantiles, float | int) else list(quantiles)
        return self.estimate(
            "quantile", of, None, by, domain, engine, quantiles=levels, **options
        ).frame
