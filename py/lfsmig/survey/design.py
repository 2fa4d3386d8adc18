"""A survey design: who was sampled how, encoded once and used by both engines.

The design keeps integer codes of strata, sampling units, domains and categories, so that an
estimate is sums over arrays. Nothing here knows about a country or an indicator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lfsmig.errors import EstimationError
from lfsmig.survey import columns, weighting
from lfsmig.survey.calibration import Calibration
from lfsmig.survey.columns import Floats, Levels, names_of
from lfsmig.survey.controls import Totals
from lfsmig.survey.crossing import Cells, Crossing, Rows, cross
from lfsmig.survey.drawing import Options
from lfsmig.survey.estimate import Estimate, Request, estimate
from lfsmig.survey.functionals import Replicated, of_totals, of_weights
from lfsmig.survey.inference import check_options
from lfsmig.survey.replicates import Replicates, read_replicates
from lfsmig.survey.stages import Stage, first_stage, read_fpc, second_stage
from lfsmig.survey.statistics import Statistics
from lfsmig.survey.sums import Sums, sums_of_records
from lfsmig.survey.variance import stratum_rule

if TYPE_CHECKING:
    pass

if TYPE_CHECKING:
    from lfsmig.survey.models import Regression

LONELY_RULES = ("fail", "remove", "certainty", "adjust", "average")


class SurveyDesign(Statistics):
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
    keys
        Columns that name a record in messages about bad rows, such as household and person
        number; without them the frame's index does, if it has one of its own.
    repweights, rep_type, rep_scale, rep_rscales, rep_combined, rep_mse, rep_rho
        Replicate weight columns and their kind, as in R's `svrepdesign`.
    rep_draw
        Name of their draw. Years whose replicates were drawn together, PSUs they share being drawn
        once, carry the same name; without one years are independent.
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
        keys: Sequence[str] = (),
        repweights: Sequence[str] | None = None,
        rep_type: str = "bootstrap",
        rep_scale: float | None = None,
        rep_rscales: Sequence[float] | None = None,
        rep_combined: bool = True,
        rep_mse: bool = False,
        rep_rho: float | None = None,
        rep_draw: str | None = None,
    ) -> None:
        if not isinstance(frame, pd.DataFrame):
            raise EstimationError(
                f"the data are a {type(frame).__name__}; a pandas DataFrame is needed"
            )
        if len(frame) == 0:
            raise EstimationError("the data have no row; a design needs at least one record")
        self.frame = frame
        self._start(lonely_psu)
        self.namer = columns.row_namer(frame, names_of(keys, "keys"))
        self.weights = columns.weights(columns.pick(frame, weight), self.namer)
        self.has_zero_weights = bool((self.weights == 0).any())
        self._set_stages(strata, names_of(psu, "psu"), names_of(fpc, "fpc"), nest)
        if repweights is not None:
            self.replicates = read_replicates(
                frame, self.weights, list(repweights), rep_type, rep_scale, rep_rscales,
                rep_combined, rep_mse, rep_rho, rep_draw, self.namer,
            )  # fmt: skip
            self.base_replicates = self.replicates

    @staticmethod
    def from_parquet(
        path: str | Path, weight: str, strata: str | None = None,
        psu: str | Sequence[str] | None = None, *, memory: str = "2GB", **options: Any,
    ) -> SurveyDesign:  # fmt: skip
        """Return a design over Parquet files of any size, estimated out of memory by DuckDB.

        Means, totals, shares and ratios by cells of a domain come out as from the same records
        in memory; what looks at single records is refused.

        Parameters
        ----------
        path
            A Parquet file, a folder of them, or a pattern such as `data/*.parquet`.
        weight, strata, psu
            Columns as in `SurveyDesign`; `psu` is needed.
        memory
            What DuckDB may use before it writes to disk, such as "2GB".
        options
            `fpc`, `nest`, `lonely_psu` and `keys`, as in `SurveyDesign`.

        Raises
        ------
        InputError
            If there is no such file, or it is not Parquet.
        EstimationError
            For bad columns, as `SurveyDesign` does; rows are counted within each file.
        """
        from lfsmig.survey.parquet_design import ParquetDesign

        return ParquetDesign(path, weight, strata, psu, memory=memory, **options)

    replicates: Replicates | None
    # Replicates before they were calibrated, which is what R is given.
    base_replicates: Replicates | None
    calibration: Calibration | None

    def _start(self, lonely_psu: str) -> None:
        if lonely_psu not in LONELY_RULES:
            raise EstimationError(
                f"lonely_psu={lonely_psu!r} is not known; use one of {', '.join(LONELY_RULES)}"
            )
        self.lonely_psu = lonely_psu
        self.replicates = self.base_replicates = None
        self.calibration = None
        self._numeric: dict[str, Floats] = {}
        self._levels: dict[str, Levels] = {}
        self._r_handle: Any = None

    def _set_stages(self, strata: str | None, psu: list[str], fpc: list[str], nest: bool) -> None:
        if len(psu) > 2:
            raise EstimationError(f"psu has {len(psu)} columns; two stages at most are supported")
        if fpc and len(fpc) != max(len(psu), 1):
            raise EstimationError(
                f"fpc has {len(fpc)} column(s) but psu has {max(len(psu), 1)}; give one per stage"
            )
        self.design_columns = (strata, psu)
        stratum, unit = self._design_column(strata, "stratum"), None
        if psu:
            unit = self._design_column(psu[0], "PSU")
        self.fpc = [
            columns.numeric(columns.pick(self.frame, name), "fpc", self.namer) for name in fpc
        ]
        sizes = read_fpc(fpc, self.fpc, self.namer)
        rows = len(self.frame)
        self.stages: list[Stage] = [
            first_stage(rows, stratum, unit, sizes[0] if sizes else None, nest, self.namer)
        ]
        if len(psu) == 2 and len(sizes) == 2:
            within = self._design_column(psu[1], "second-stage unit")
            assert within is not None
            self.stages.append(second_stage(self.stages[0], within, sizes[1], self.namer))

    def _design_column(self, name: str | None, role: str) -> Levels | None:
        if name is None:
            return None
        return columns.required(columns.pick(self.frame, name), role, self.namer)

    # ---- what the engines read -------------------------------------------------------------

    def column(self, name: str) -> pd.Series:
        """Return one column of the data."""
        return columns.pick(self.frame, name)

    def numbers(self, name: str) -> Floats:
        """Return a numeric item as float64, encoded once."""
        if name not in self._numeric:
            self._numeric[name] = columns.numeric(self.column(name), namer=self.namer)
        return self._numeric[name]

    def levels(self, name: str) -> Levels:
        """Return a category column as codes, encoded once."""
        if name not in self._levels:
            self._levels[name] = columns.classification(self.column(name), self.namer)
        return self._levels[name]

    def cells(self, by: Sequence[str]) -> Cells:
        """Return the cells that columns cross to."""
        return Cells.crossed([self.levels(name) for name in by])

    def has_negative(self, name: str) -> bool:
        """Say whether a numeric item is anywhere below zero."""
        return bool((self.numbers(name) < 0).any())

    def refuse_item(self, name: str, kind: str, mask: Any, message: str) -> None:
        """Refuse an item with values in a domain that are no `binary` 0 or 1, or no `amount`.

        `{rows}` in the message becomes the first of them.
        """
        values = self.numbers(name)
        fits = (values == 0) | (values == 1) if kind == "binary" else values >= 0
        bad = ~(fits | np.isnan(values))
        if mask is not None:
            bad &= mask
        if bad.any():
            raise EstimationError(message.replace("{rows}", self.namer(bad)))

    def crossing(self, request: Request) -> Crossing:
        """Return the pairs and records of the request's domain, every item observed."""
        keep = request.kept(self)
        order = self.stages[-1].order
        rows: Rows
        if keep is None:
            rows = slice(None) if order is None else order
        else:
            rows = np.flatnonzero(keep) if order is None else order[keep[order]]
        return cross(self.cells(request.by), self.stages, rows)

    def sums(self, request: Request) -> Sums:
        """Return the sums that a mean, total, share or ratio is made from."""
        return sums_of_records(self, request)

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
                raise EstimationError(f"domain is not true/false in {self.namer(bad)}")
            values = values == 1
        return values.to_numpy(dtype=bool, na_value=False)

    def stratum_column(self, number: int) -> str:
        """Name the column that holds the strata of a stage, for messages."""
        strata, psu = self.design_columns
        if number == 0:
            return "the design" if strata is None else f"stratum column {strata!r}"
        return f"PSU column {psu[0]!r}"

    def rows_of_units(self, number: int, units: np.ndarray) -> str:
        """Name the first records of some units of a stage."""
        return self.namer(np.isin(self.stages[number].unit, units))

    @property
    def psu_table(self) -> pd.DataFrame:
        """One row per PSU: stratum, psu, and how its squared deviation enters a variance."""
        stage = self.stages[0]
        if self.lonely_psu not in stage.tables:
            rule, of_unit = stratum_rule(stage, self.lonely_psu), stage.stratum_of_unit
            stage.tables[self.lonely_psu] = pd.DataFrame(
                {
                    "stratum": [stage.stratum_names[s] for s in of_unit],
                    "psu": stage.unit_names(),
                    "scale": rule.factor[of_unit],
                    "centred": rule.centred[of_unit],
                }
            )
        return stage.tables[self.lonely_psu].copy()

    # ---- designs made from this one --------------------------------------------------------

    def with_replicates(
        self, kind: str = "bootstrap", replicates: int | None = None, seed: int = 1, *,
        rho: float | None = None, matrix: np.ndarray | None = None, large: str = "split",
        order: str | None = None, mse: bool | None = None,
    ) -> SurveyDesign:  # fmt: skip
        """Return the same sample with replicate weights made from its first stage.

        Calibrated weights are calibrated in each replicate. Several years that share PSUs are
        drawn together by `linked_replicates`.

        Parameters
        ----------
        kind
            `bootstrap` (Rao-Wu-Yue, n - 1 of n PSUs), `JKn` (delete one PSU of a stratum),
            `JK1` (the same without strata), `BRR` (balanced half-samples), `Fay`, or `ACS`
            (successive differences of PSUs in the order of selection).
        replicates
            Number of replicates: of the bootstrap (500 by default), or the least number of the
            balanced kinds, which take the next Hadamard matrix (`ACS`: 80 by default).
        seed
            Seed of the bootstrap.
        rho
            Fay's coefficient, between 0 and 1.
        matrix
            Hadamard matrix of `BRR` and `Fay`, used as R's `brrweights` uses it.
        large
            Strata of more than two PSUs in `BRR` and `Fay`: `split` into pairs, `merge` into two
            halves, or `fail`.
        order
            Column with the order of selection for `ACS`; by default the order of PSU codes.
        mse
            Centre on the estimate instead of the replicates' mean; by default for the bootstrap
            and `ACS` only.
        """
        options = Options(replicates, seed, rho, matrix, large, order, mse)
        return weighting.with_replicates(self, kind, options)

    def poststratified(
        self, by: str | Sequence[str], totals: Totals | None = None, min_cases: int | None = None
    ) -> SurveyDesign:
        """Return the design post-stratified by the cells of crossed columns.

        Parameters
        ----------
        by
            Columns whose crossing makes the control groups.
        totals
            Population of each group: a mapping or Series from level (a tuple for several columns)
            to total, or a frame with the columns and one of totals. Without totals the weights
            count as calibrated already: they stay, and only variances change.
        min_cases
            Groups with fewer records are collapsed with a neighbour (`controls.collapse`):
            by default 5 without totals; with totals none is.
        """
        return weighting.poststratify(self, names_of(by, "by"), totals, min_cases)

    def raked(
        self, margins: Sequence[str | Sequence[str]], totals: Sequence[Totals] | None = None,
        unweighted: bool = False,
    ) -> SurveyDesign:  # fmt: skip
        """Return the design raked to two or more margins, each a column or crossed columns.

        `totals` has the totals of each margin, or is None for weights that are raked already. The
        variance is that of R's `calibrate(calfun = "raking")`, or with `unweighted` that of R's
        `rake`, whose residuals ignore the weights.
        """
        return weighting.rake(self, margins, totals, unweighted)

    def calibrated(
        self, columns: str | Sequence[str], totals: Mapping[str, Any] | None = None,
        allow_negative: bool = False,
    ) -> SurveyDesign:  # fmt: skip
        """Return the design calibrated linearly (GREG) to totals of categories and items.

        Parameters
        ----------
        columns
            Control columns. One with a mapping of totals, or without totals one that is not
            numeric, is a category: each of its levels is a control.
        totals
            For each column its total, or a mapping from level to total; None for weights that are
            calibrated already.
        allow_negative
            Keep weights that calibration makes negative instead of refusing.
        """
        return weighting.calibrate(self, names_of(columns, "columns"), totals, allow_negative)

    def function_of_totals(
        self, function: Callable[..., Any], tables: Mapping[str, Mapping[str, Any]],
        names: Sequence[str] | None = None, vectorised: bool = False, engine: str = "python",
    ) -> Replicated:  # fmt: skip
        """Evaluate a statistic that is a function of totals, with its replicate variance.

        Parameters
        ----------
        function
            Called with one array per table, by name; axes are the levels of the table's `by`
            columns, in code order. Returns a number or an array of k numbers.
        tables
            For each argument the totals it takes: `of` (an item, or persons), `by`, `domain`.
        names
            Names of the k numbers.
        vectorised
            Whether the function takes arrays with the replicates as first axis, all at once.
        engine
            `python` or `r`: who adds up the totals of every replicate.
        """
        return of_totals(self, function, tables, names, vectorised, engine)

    def function_of_weights(
        self, function: Callable[[np.ndarray, pd.DataFrame], Any],
        names: Sequence[str] | None = None,
    ) -> Replicated:  # fmt: skip
        """Evaluate any function of (weights, data), once per replicate (R's `withReplicates`).

        `function_of_totals` is much faster where the statistic is a function of totals.
        """
        return of_weights(self, function, names)

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
        per: float | None = None,
        top: float = 0.1,
        covariance: bool = False,
    ) -> Estimate:
        """Estimate one table by cells of a domain.

        Parameters
        ----------
        statistic
            mean, total, share, ratio, rate, quantile, gini or top_share.
        of, over
            Item, and the denominator of a ratio or rate. A total without `of` counts persons.
        by
            Columns whose observed levels are crossed, any number of them.
        domain
            Boolean array or Series by position, or query text; None for everybody.
        engine
            `python`, or `r` for R's `survey`.
        influence
            Keep the linearised item summed by PSU, which changes between years need.
        level, ci
            Level and method of the intervals (table in `lfsmig.survey.intervals`).
        quantiles
            Levels of a quantile.
        per
            What a rate or ratio is multiplied by (100 for a rate if not given).
        top
            Fraction of the population whose part of the total is a top share.
        covariance
            Keep what `Estimate.covariance` and `contrast` need.

        Raises
        ------
        EstimationError
            For an unknown name or option, an item of the wrong kind, or an error of R's.
        """
        check_options(engine)
        request = Request.checked(
            self, statistic, of, over, names_of(by, "by"), self.mask(domain), influence, level, ci,
            quantiles, per, top, covariance,
        )  # fmt: skip
        if engine == "r":
            from lfsmig.survey.r_engine import estimate_in_r

            return estimate_in_r(self, request)
        return estimate(self, request)

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
