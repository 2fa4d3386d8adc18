"""R engine: the same tables by R's `survey`, through the functions in `r/`.

The same request gives the same rows, order and names as the Python engine. A design is made once
in R and each column passed once; both stay there as long as the Python design lives.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from lfsmig.errors import EstimationError
from lfsmig.survey import r_session as r
from lfsmig.survey.estimate import Bases, Estimate, Request, table
from lfsmig.survey.replicates import replicate_table
from lfsmig.survey.variance import refuse_lonely

if TYPE_CHECKING:
    from lfsmig.survey.controls import Control
    from lfsmig.survey.design import SurveyDesign

RESTRICTED_KEPT = 8
NOT_COLUMNS = ("influence", "spread")


class RDesign:
    """What of a design is already in R: the design, its columns, its latest domains."""

    def __init__(self, design: SurveyDesign) -> None:
        self.design = _make_design(design)
        self.items: dict[tuple[str, str], Any] = {}
        self.restricted: OrderedDict[bytes, Any] = OrderedDict()

    def number(self, design: SurveyDesign, name: str) -> Any:
        """Pass a numeric column once."""
        key = ("number", name)
        if key not in self.items:
            self.items[key] = r.numbers(design.numbers(name))
        return self.items[key]

    def category(self, design: SurveyDesign, name: str) -> Any:
        """Pass a category column once, as a factor of codes: R never sees a label."""
        key = ("category", name)
        if key not in self.items:
            levels = design.levels(name)
            codes = [str(code) for code in range(1, len(levels) + 1)]
            self.items[key] = r.factor(levels.codes, codes)
        return self.items[key]

    def domain(self, mask: np.ndarray | None) -> Any:
        """Return the design restricted to a domain; the latest ones are kept."""
        if mask is None:
            return self.design
        key = np.packbits(mask).tobytes()
        if key in self.restricted:
            self.restricted.move_to_end(key)
        else:
            self.restricted[key] = r.call("restrict", self.design, r.logicals(mask))
            if len(self.restricted) > RESTRICTED_KEPT:
                self.restricted.popitem(last=False)
        return self.restricted[key]


@dataclass(frozen=True)
class RSpread:
    """How the rows of a table vary: the table's `spread`, which stays in R."""

    design: SurveyDesign
    handle: Any


@contextmanager
def lonely_named(design: SurveyDesign) -> Iterator[None]:
    """Give R's error about a stratum of one PSU the column and the rows that R does not know."""
    try:
        yield
    except EstimationError as error:
        found = re.fullmatch(r"R: Stratum \((.*)\) has only one PSU at stage 1", str(error))
        names = design.stages[0].stratum_names
        if found is None or found[1] not in names:
            raise
        try:
            refuse_lonely(design, 0, names.index(found[1]))
        except EstimationError as told:
            raise EstimationError(f"R: {told}") from None


def _make_design(design: SurveyDesign) -> Any:
    """Make the design in R; weights that are calibrated here R calibrates itself."""
    calibration = design.calibration
    weight = r.numbers(design.weights if calibration is None else calibration.base)
    made = _with_replicates(design, weight) if design.replicates else _stratified(design, weight)
    if calibration is None:
        return made
    method = "raked_unweighted" if calibration.unweighted else calibration.method
    controls = r.listed([_control(control) for control in calibration.controls])
    return r.call("calibrated_design", made, r.text(method), controls)


def _with_replicates(design: SurveyDesign, weight: Any) -> Any:
    made = design.base_replicates
    assert made is not None
    factors = made.factors.block(slice(None))
    return r.call(
        "replicate_design", weight, r.numbers(factors.T.ravel()), r.integers(made.unit + 1),
        r.numbers(np.array([made.scale])), r.numbers(made.rscales), r.flag(made.mse),
        r.integers(design.stages[0].unit + 1), r.numbers(made.base),
    )  # fmt: skip


def _stratified(design: SurveyDesign, weight: Any) -> Any:
    first = design.stages[0]
    stratum = r.factor(first.stratum_of_unit[first.unit], first.stratum_names)
    units = [r.integers(stage.unit + 1) for stage in design.stages]
    fpc = r.listed([r.numbers(values) for values in _fpc(design)]) if design.fpc else r.null()
    # Units were made unique when the design was encoded, so there is nothing left to nest.
    return r.call("stratified_design", weight, stratum, r.listed(units), fpc)


def _fpc(design: SurveyDesign) -> list[np.ndarray]:
    """Population sizes or fractions; R takes fractions of nothing but 1 for neither and fails."""
    if any((values != 1).any() for values in design.fpc):
        return design.fpc
    stages = design.stages
    strata = [stages[0].stratum_of_unit[stages[0].unit], stages[0].unit]
    return [
        stage.n_units[of_record].astype(float)
        for stage, of_record in zip(stages, strata, strict=False)
    ]


def _control(control: Control) -> Any:
    totals = r.numbers(control.totals)
    if control.codes is None:
        return r.listed([r.numbers(np.asarray(control.values)), totals], ["values", "totals"])
    levels = [str(code) for code in range(1, len(control.totals) + 1)]
    return r.listed([r.factor(control.codes, levels), totals], ["codes", "totals"])


def totals_in_r(design: SurveyDesign, request: Request) -> tuple[np.ndarray, np.ndarray]:
    """Totals of a table with the full weights (cells) and in every replicate (by cells)."""
    held = held_in_r(design)
    of = r.null() if request.of is None else held.number(design, request.of)
    by = r.listed([held.category(design, name) for name in request.by])
    domain = r.null() if request.mask is None else r.logicals(request.mask)
    found = r.fields(r.call("replicate_totals", held.design, of, by, domain))
    total = r.array(found["total"])
    return total, r.array(found["replicates"]).reshape(len(total), -1).T


def held_in_r(design: SurveyDesign) -> RDesign:
    """Return what R has of a design, made at first use, with the design's lonely-PSU rule on."""
    if design._r_handle is None:
        design._r_handle = RDesign(design)
    r.call("use_lonely_rule", r.text(design.lonely_psu))
    return design._r_handle


def estimate_in_r(design: SurveyDesign, request: Request) -> Estimate:
    """Estimate a table with R's `survey`."""
    held = held_in_r(design)
    of = over = r.null()
    if request.of is not None:
        column = held.category if request.statistic == "share" else held.number
        of = column(design, request.of)
    if request.over is not None:
        over = held.number(design, request.over)
    by = r.listed([held.category(design, name) for name in request.by])
    with lonely_named(design):
        found = r.fields(r.call(
            "estimate_table", held.domain(request.mask), r.text(request.statistic), of, over, by,
            level=r.numbers(np.array([request.level])), ci=r.text(request.ci),
            quantiles=r.numbers(np.array(request.quantiles)),
            influence=r.flag(request.influence), per=r.numbers(np.array([request.per])),
            top=r.numbers(np.array([request.top])), covariance=r.flag(request.covariance),
        ))  # fmt: skip
    return _read_table(design, request, found)


def _read_table(design: SurveyDesign, request: Request, found: Any) -> Estimate:
    columns = {name: r.array(v) for name, v in found.items() if name not in NOT_COLUMNS}
    cells = design.cells(request.by)
    width = len(columns["estimate"]) // cells.n_cells if cells.n_cells else 1

    def shaped(name: str) -> np.ndarray:
        return columns[name].reshape(-1, width)

    n, n_psu, df = (shaped(name)[:, 0].astype("int64") for name in ("n", "n_psu", "df"))
    bases = Bases(n, n_psu, df, np.zeros(0, bool))
    frame: pd.DataFrame = table(
        design, request, cells, bases, shaped("estimate"), shaped("se"), df, shaped("deff"),
        (columns["ci_low"], columns["ci_high"]),
    )  # fmt: skip
    cases = columns["cases"].astype("int64")
    spread = RSpread(design, found["spread"]) if request.covariance else None
    if not request.influence:
        return Estimate(frame, cases, spread=spread)
    psus = design.psu_table if design.replicates is None else replicate_table(design.replicates)
    sums, present = _read_influence((len(frame), len(psus)), found)
    reaches_further = design.calibration is not None and design.replicates is None
    return Estimate(frame, cases, sums, psus, present if reaches_further else None, spread)


def _read_influence(
    shape: tuple[int, int], found: Any
) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Influence sums, and where the cells have cases."""
    triplets = r.fields(found["influence"]) if "influence" in found else {}
    if not triplets:
        return sparse.csr_array(shape), sparse.csr_array(shape)
    row, psu, value, case = (r.array(triplets[name]) for name in ("row", "psu", "value", "case"))
    where = np.array([row.astype("int64") - 1, psu.astype("int64") - 1])
    cases = where[:, case == 1]
    sums = sparse.coo_array((value, tuple(where)), shape=shape).tocsr()
    ones = np.ones(cases.shape[1])
    return sums, sparse.coo_array((ones, tuple(cases)), shape=shape).tocsr()


def covariance_in_r(
    spreads: Sequence[RSpread], coefficients: Sequence[sparse.csr_array]
) -> np.ndarray:
    """Covariance of combinations of cells of several tables (`covariance.combined_covariance`)."""
    design = spreads[0].design
    r.call("use_lonely_rule", r.text(design.lonely_psu))
    found = r.call(
        "combined_covariance", design._r_handle.design,
        r.listed([spread.handle for spread in spreads]), _matrices(coefficients),
        r.text(design.lonely_psu),
    )  # fmt: skip
    size = coefficients[0].shape[0]
    return r.array(found).reshape(size, size)


def df_in_r(spreads: Sequence[RSpread], coefficients: Sequence[sparse.csr_array]) -> np.ndarray:
    """Degrees of freedom of each combination (`covariance.combined_df`)."""
    found = r.call(
        "combined_df", spreads[0].design._r_handle.design,
        r.listed([spread.handle for spread in spreads]), _matrices(coefficients),
    )  # fmt: skip
    return r.array(found).astype("int64")


def _matrices(coefficients: Sequence[sparse.csr_array]) -> Any:
    return r.listed([r.matrix(one.toarray()) for one in coefficients])
