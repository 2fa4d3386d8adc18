"""A survey design: who was sampled how, encoded once and used by both engines.

The design keeps integer codes of strata, sampling units, domains and categories, so that an
estimate is sums over arrays. Nothing here knows about a country or an indicator.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lfsmig.errors import EstimationError
from lfsmig.survey import columns
from lfsmig.survey.columns import Floats, Levels, rows_text
from lfsmig.survey.crossing import Crossing, cross
from lfsmig.survey.estimate import Estimate, Request, estimate
from lfsmig.survey.replicates import Replicates, read_replicates
from lfsmig.survey.stages import (
    FULLY_SAMPLED,
    Stage,
    first_stage,
    population_sizes,
    second_stage,
)

if TYPE_CHECKING:
    from lfsmig.survey.models import Regression

LONELY_RULES = ("fail", "remove", "certainty", "adjust", "average")
ENGINES = ("python", "r")


class SurveyDesign:
    """A stratified (clustered) sample, ready to estimate from with either engine.

    Parameters
    ----------
    frame
        One row per record. It is not copied; do not change it while the design is in use.
    weight
        Column of sampling weights.
    strata, psu
        Columns of the first stage; without `psu` every record is its own unit. Two names in
        `psu` describe two stages.
    fpc
        Column of population sizes, or of sampling fractions up to 1, one per stage.
    nest
        Whether a PSU code may be used again in another stratum for another unit.
    lonely_psu
        What to do with a stratum of one PSU: fail, remove, certainty, adjust or average, each
        as R's `survey` does it.
    repweights, rep_type, rep_scale, rep_rscales, rep_combined, rep_mse, rep_rho
        Replicate weight columns and their kind, as in R's `svrepdesign`.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        weight: str,
        strata: str | None = None,
        psu: str | Sequence[str] | None = None,
        *,
        fpc: str | Sequence[str] | None = None,
        nest: bool = False,
        lonely_psu: str = "adjust",
        repweights: Sequence[str] | None = None,
        rep_type: str = "bootstrap",
        rep_scale: float | None = None,
        rep_rscales: Sequence[float] | None = None,
        rep_combined: bool = True,
        rep_mse: bool = False,
        rep_rho: float | None = None,
    ) -> None:
        if len(frame) == 0:
            raise EstimationError("the data have no row; a design needs at least one record")
        if lonely_psu not in LONELY_RULES:
            raise EstimationError(
                f"lonely_psu={lonely_psu!r} is not known; use one of {', '.join(LONELY_RULES)}"
            )
        self.frame = frame
        self.lonely_psu = lonely_psu
        self.weights = columns.weights(columns.pick(frame, weight))
        self._numeric: dict[str, Floats] = {}
        self._levels: dict[str, Levels] = {}
        self._crossings: dict[tuple[str, ...], Crossing] = {}
        self._r_handle: Any = None
        self._set_stages(strata, _names(psu, "psu"), _names(fpc, "fpc"), nest)
        self.replicates: Replicates | None = None
        if repweights is not None:
            self.replicates = read_replicates(
                frame, self.weights, list(repweights), rep_type, rep_scale, rep_rscales,
                rep_combined, rep_mse, rep_rho,
            )  # fmt: skip

    def _set_stages(self, strata: str | None, psu: list[str], fpc: list[str], nest: bool) -> None:
        if len(psu) > 2:
            raise EstimationError(f"psu has {len(psu)} columns; two stages at most are supported")
        if fpc and len(fpc) != max(len(psu), 1):
            raise EstimationError(
                f"fpc has {len(fpc)} column(s) but psu has {max(len(psu), 1)}; give one per stage"
            )
        stratum = None if strata is None else columns.required(self.column(strata), "stratum")
        unit = columns.required(self.column(psu[0]), "PSU") if psu else None
        rates = self.fpc = [columns.numeric(self.column(name), "fpc") for name in fpc]
        sizes = population_sizes(rates)
        self.stages: list[Stage] = [
            first_stage(len(self.frame), stratum, unit, rates[0] if rates else None, nest, sizes)
        ]
        if len(psu) == 2 and len(rates) == 2:
            within = columns.required(self.column(psu[1]), "second-stage unit")
            self.stages.append(second_stage(self.stages[0], within, rates[1], sizes))

    # ---- what the engines read -------------------------------------------------------------

    def column(self, name: str) -> pd.Series:
        """Return one column of the data."""
        return columns.pick(self.frame, name)

    def numbers(self, name: str) -> Floats:
        """Return a numeric item as float64, encoded once."""
        if name not in self._numeric:
            self._numeric[name] = columns.numeric(self.column(name))
        return self._numeric[name]

    def levels(self, name: str) -> Levels:
        """Return a category column as codes, encoded once."""
        if name not in self._levels:
            self._levels[name] = columns.levels(self.column(name))
        return self._levels[name]

    def crossing(self, by: Sequence[str]) -> Crossing:
        """Return the cells of crossed columns with their PSUs, worked out once."""
        key = tuple(by)
        if key not in self._crossings:
            self._crossings[key] = cross([self.levels(name) for name in key], self.stages)
        return self._crossings[key]

    def mask(self, domain: object) -> np.ndarray | None:
        """Turn a domain (boolean array, Series by position, or query text) into a mask."""
        if domain is None:
            return None
        if isinstance(domain, str):
            try:
                domain = self.frame.eval(domain)
            except Exception as error:
                words = str(error).splitlines()[0] if str(error) else type(error).__name__
                raise EstimationError(f"domain {domain!r} cannot be evaluated: {words}") from None
        try:
            values = pd.Series(domain).reset_index(drop=True)  # type: ignore[call-overload]
        except (TypeError, ValueError) as error:
            raise EstimationError(
                f"domain is no list of one true/false value per row ({error})"
            ) from None
        if len(values) != len(self.frame):
            raise EstimationError(
                f"domain has {len(values)} values but the data have {len(self.frame)} rows; "
                "it is matched by position"
            )
        if not pd.api.types.is_bool_dtype(values.dtype):
            bad = ~values.isin([0, 1]).to_numpy() & values.notna().to_numpy()
            if bad.any():
                raise EstimationError(f"domain is not true/false in {rows_text(bad)}")
            values = values == 1
        return values.to_numpy(dtype=bool, na_value=False)

    @property
    def psu_table(self) -> pd.DataFrame:
        """One row per PSU: stratum, psu, and how its squared deviation enters a variance."""
        stage = self.stages[0]
        lonely = (stage.n_units == 1)[stage.stratum_of_unit]
        n_units = stage.n_units.astype(float)
        scale = stage.free * np.where(n_units > 1, n_units / np.maximum(n_units - 1, 1), 1.0)
        scale = np.where(stage.free < FULLY_SAMPLED, 0.0, scale)[stage.stratum_of_unit]
        if self.lonely_psu != "adjust":
            scale = np.where(lonely, 0.0, scale)
        return pd.DataFrame(
            {
                "stratum": [stage.stratum_names[s] for s in stage.stratum_of_unit],
                "psu": stage.unit_names(),
                "scale": scale,
                "centred": ~lonely,
            }
        )

    # ---- estimation ------------------------------------------------------------------------

    def estimate(
        self,
        statistic: str,
        of: str | None = None,
        over: str | None = None,
        by: str | Sequence[str] = (),
        domain: object = None,
        engine: str = "python",
        influence: bool = False,
        level: float = 0.95,
        ci: str | None = None,
        quantiles: Sequence[float] = (0.5,),
    ) -> Estimate:
        """Estimate one table: mean, total, share, ratio or quantile, by cells of a domain."""
        if engine not in ENGINES:
            raise EstimationError(f"engine {engine!r} is not known; use python or r")
        request = Request.checked(
            self, statistic, of, over, _names(by, "by"), self.mask(domain), influence, level, ci,
            quantiles,
        )  # fmt: skip
        if engine == "r":
            from lfsmig.survey.r_engine import estimate_in_r

            return estimate_in_r(self, request)
        return estimate(self, request)

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

    def quantile(self, of: str, quantiles: Sequence[float] | float = (0.5,),
                 by: str | Sequence[str] = (), domain: object = None, engine: str = "python",
                 **options: Any) -> pd.DataFrame:  # fmt: skip
        """Quantiles of a numeric item per cell, with Woodruff intervals."""
        levels = [quantiles] if isinstance(quantiles, float | int) else list(quantiles)
        return self.estimate(
            "quantile", of, None, by, domain, engine, quantiles=levels, **options
        ).frame

    def regression(self, formula: str, terms: Sequence[str] | None = None,
                   family: str = "gaussian", domain: object = None, engine: str = "python",
                   **options: Any) -> Regression:  # fmt: skip
        """Linear, logistic or Poisson regression; `models.regression` tells the options."""
        from lfsmig.survey.models import regression

        return regression(self, formula, terms, family, domain, engine, **options)

    def chisq(self, rows: str, columns: str, domain: object = None, engine: str = "python",
              **options: Any) -> pd.DataFrame:  # fmt: skip
        """Test of association in a two-way table: Rao-Scott (F, Chisq), Wald or adjWald."""
        from lfsmig.survey.table_tests import chisq

        return chisq(self, rows, columns, domain, engine, **options)

    def ttest(self, of: str, group: str | None = None, domain: object = None,
              engine: str = "python", **options: Any) -> pd.DataFrame:  # fmt: skip
        """T test of a mean, or of the difference of two groups' means."""
        from lfsmig.survey.mean_tests import ttest

        return ttest(self, of, group, domain=domain, engine=engine, **options)


def _names(value: str | Sequence[str] | None, role: str) -> list[str]:
    names = [] if value is None else [value] if isinstance(value, str) else list(value)
    if len(set(names)) != len(names):
        raise EstimationError(f"{role} names a column twice: {', '.join(map(str, names))}")
    return names
