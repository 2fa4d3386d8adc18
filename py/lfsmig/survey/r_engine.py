"""R engine: the same tables by R's `survey`, through the functions in `r/`.

The same request gives the same rows, order and names as the Python engine. A design is made once
in R and each column passed once; both stay there as long as the Python design lives.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from lfsmig.survey import r_session as r
from lfsmig.survey.estimate import Bases, Estimate, Request, table

if TYPE_CHECKING:
    from lfsmig.survey.design import SurveyDesign

RESTRICTED_KEPT = 8


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


def _make_design(design: SurveyDesign) -> Any:
    weight = r.numbers(design.weights)
    first = design.stages[0]
    if design.replicates is not None:
        made = design.replicates
        return r.call(
            "replicate_design", weight, r.numbers(made.weights.T.ravel()),
            r.numbers(np.array([made.scale])),
            r.numbers(made.rscales), r.flag(made.mse), r.integers(first.unit + 1),
        )  # fmt: skip
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
    found = r.fields(r.call(
        "estimate_table", held.domain(request.mask), r.text(request.statistic), of, over, by,
        level=r.numbers(np.array([request.level])), ci=r.text(request.ci),
        quantiles=r.numbers(np.array(request.quantiles)), influence=r.flag(request.influence),
    ))  # fmt: skip
    return _read_table(design, request, found)


def _read_table(design: SurveyDesign, request: Request, found: Any) -> Estimate:
    columns = {name: r.array(v) for name, v in found.items() if name != "influence"}
    crossing = design.crossing(request.by)
    width = len(columns["estimate"]) // crossing.n_cells if crossing.n_cells else 1

    def shaped(name: str) -> np.ndarray:
        return columns[name].reshape(-1, width)

    n, n_psu, df = (shaped(name)[:, 0].astype("int64") for name in ("n", "n_psu", "df"))
    bases = Bases(n, n_psu, df, np.zeros(0, bool))
    frame: pd.DataFrame = table(
        design, request, crossing, bases, shaped("estimate"), shaped("se"), df, shaped("deff"),
        (columns["ci_low"], columns["ci_high"]),
    )  # fmt: skip
    cases = columns["cases"].astype("int64")
    if not request.influence:
        return Estimate(frame, cases)
    return Estimate(frame, cases, _read_influence(design, len(frame), found), design.psu_table)


def _read_influence(design: SurveyDesign, n_rows: int, found: Any) -> sparse.csr_array:
    shape = (n_rows, len(design.stages[0].stratum_of_unit))
    triplets = r.fields(found["influence"]) if "influence" in found else {}
    if not triplets:
        return sparse.csr_array(shape)
    row, psu, value = (r.array(triplets[name]) for name in ("row", "psu", "value"))
    where = (row.astype("int64") - 1, psu.astype("int64") - 1)
    return sparse.coo_array((value, where), shape=shape).tocsr()
