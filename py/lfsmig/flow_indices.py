"""Indices of internal migration of a year, by either engine, with bootstrap standard errors.

All indices of one population and level share one pass: movers are summed to origin x destination
x PSU once, the multipliers of all replicates act on these sums, and each index is a function of
the matrices. R does the same with its own functions (`r/indices.R`) on the same multipliers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from lfsmig.draws import Draw, psus_of
from lfsmig.draws import draw as make_draw
from lfsmig.measures import impact, intensity, noise, structure
from lfsmig.measures.flows import Floats, movers, zones_of
from lfsmig.survey import SurveyDesign
from lfsmig.survey.intervals import t_quantile

if TYPE_CHECKING:
    from lfsmig.params import Indicator, Params

# Influence sums of some cells, and where the cells have cases if that is not where the sums are.
Moved = tuple[sparse.csr_matrix, sparse.csr_matrix | None]

LEVEL = 0.95
COLUMNS = ["estimate", "se", "cv", "df", "ci_low", "ci_high", "n", "n_psu", "deff", "n_cases"]
# Deviations and errors below this part of the estimate are the order of summation.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Matrices:
    """What indices are made of: the full weights first, then every replicate.

    Attributes
    ----------
    flows
        Weighted movers, (1 + replicates) x origins x destinations.
    counts
        Sampled movers, each as often as its PSU counts in the replicate; same shape.
    people
        Weighted population, (1 + replicates).
    """

    flows: Floats
    counts: Floats
    people: Floats


def _cmi(held: Matrices) -> Floats:
    return intensity.crude_intensity(movers(held.flows), held.people)


# What each index of the register is, and the unit of its estimates.
INDICES: dict[str, tuple[Callable[[Matrices], Floats], str]] = {
    "cmi": (_cmi, "percent"),
    "courgeau_k": (lambda h: intensity.courgeau_k(_cmi(h), zones_of(h.flows)), "percent"),
    "mei": (lambda h: impact.effectiveness(h.flows), "percent"),
    "anmr": (lambda h: impact.aggregate_net_rate(h.flows, h.people), "percent"),
    "connectivity": (lambda h: structure.connectivity(h.flows), "index"),
    "inequality": (lambda h: structure.inequality(h.flows), "index"),
    "inequality_independence": (
        lambda h: structure.inequality(h.flows, "independence"),
        "index",
    ),
    "gini_total": (lambda h: structure.gini_total(h.flows), "index"),
    "gini_weighted": (lambda h: structure.gini_weighted(h.flows), "index"),
    "cv": (lambda h: structure.flow_cv(h.flows), "index"),
    "acv": (lambda h: structure.aggregate_cv(h.flows), "index"),
    "mei_floor": (lambda h: np.full(len(h.people), np.nan), "percent"),
}
HIGHEST = {"courgeau_k": np.inf, "cv": np.inf, "acv": np.inf}


@dataclass(frozen=True)
class Asked:
    """One index that is wanted; see the keys of an indicator."""

    of: str
    corrected: bool
    rarefied: int | None

    @property
    def highest(self) -> float:
        """Largest value that the index can have."""
        return HIGHEST.get(self.of, 100.0 if INDICES[self.of][1] == "percent" else 1.0)


def highest(indicator: Indicator) -> float | None:
    """Largest value of an index as R is told it; none for other statistics and where none is."""
    if indicator.statistic != "index":
        return None
    most = Asked(str(indicator.of), indicator.corrected, indicator.rarefied).highest
    return most if np.isfinite(most) else None


@dataclass(frozen=True)
class Persons:
    """Who counts, record by record.

    Attributes
    ----------
    rows
        Positions of the population's persons with a known place and a weight.
    mover
        Positions of those who moved between places.
    origin, destination
        Their places, numbered from 0.
    zones
        Number of places.
    """

    rows: np.ndarray
    mover: np.ndarray
    origin: np.ndarray
    destination: np.ndarray
    zones: int


def persons(frame: pd.DataFrame, level: str, mask: np.ndarray, weights: np.ndarray) -> Persons:
    """Find the population and its movers between places of a level.

    As `flows.flow_columns`: a move inside a place or from an unknown one is no flow.
    """
    places = [str(code) for code in frame[level].cat.categories]
    now, old = (_codes(frame[name], places) for name in (level, f"previous_{level}"))
    here = mask & (now >= 0) & (weights > 0)
    moved = here & (frame["recent_internal"].to_numpy(dtype=float) == 1) & (old >= 0) & (old != now)
    at = np.flatnonzero(moved)
    return Persons(np.flatnonzero(here), at, old[at], now[at], len(places))


def _codes(column: pd.Series, places: list[str]) -> np.ndarray:
    return pd.Index(places).get_indexer(pd.Index(column.astype(object)))


def estimate(
    design: SurveyDesign, who: Persons, draw: Draw, asked: Sequence[Asked], engine: str
) -> tuple[pd.DataFrame, np.ndarray]:
    """Estimate several indices of one population.

    Parameters
    ----------
    design
        The year's design; the replicates multiply its weights, calibrated or not.
    who
        Population and movers.
    draw
        Multipliers of the PSUs.
    asked
        The indices, a row each.
    engine
        `python` or `r`.

    Returns
    -------
    frame
        estimate, se, cv, df, ci_low, ci_high, n, n_psu, deff, n_cases.
    deviations
        Replicates about the estimate, or about their mean if the bias is corrected; indices x
        replicates, 0 where one is not defined.
    """
    if engine == "r":
        return _in_r(design, who, draw, asked)
    held = matrices(design, who, draw)
    made = [_values(one, held, draw.scale) for one in asked]
    return _table(
        design, who, draw, asked, np.array([m[0] for m in made]), np.array([m[1:] for m in made])
    )


def matrices(design: SurveyDesign, who: Persons, draw: Draw) -> Matrices:
    """Sum movers and population to PSUs once, and multiply."""
    unit = draw.units_of(design.psu_table)[design.stages[0].unit]
    factors = np.column_stack([np.ones(len(draw.factors)), draw.factors])
    size, n_psu = who.zones**2, len(factors)
    cell = who.origin * who.zones + who.destination
    at = cell * n_psu + unit[who.mover]
    weights = design.weights

    def replicated(values: np.ndarray | None) -> Floats:
        sums = np.bincount(at, values, size * n_psu).reshape(size, n_psu)
        return (sums @ factors).T.reshape(-1, who.zones, who.zones)

    people = np.bincount(unit[who.rows], weights[who.rows], n_psu) @ factors
    return Matrices(replicated(weights[who.mover]), replicated(None), people)


def _values(one: Asked, held: Matrices, scale: float) -> Floats:
    """One index with the full weights and in every replicate; what is only rounding is zero."""
    found = _plain(one, held, scale)
    return np.where(np.abs(found) <= ROUNDING, 0.0, found)


def of_matrices(one: Asked, held: Matrices) -> Floats:
    """One index of each of several matrices, by itself: no replicates, so no bias to correct."""
    return _plain(one, held, 1.0)


def _plain(one: Asked, held: Matrices, scale: float) -> Floats:
    if one.of == "mei_floor":
        return _mei_floor(held, scale)
    if one.rarefied is not None:
        return noise.rarefied_connectivity(held.counts, one.rarefied)
    return INDICES[one.of][0](held)


def _mei_floor(held: Matrices, scale: float) -> Floats:
    """MEI that sampling noise alone would give if all nets were zero; nothing by replicate."""
    nets = impact.net_flows(held.flows)
    errors = np.sqrt(scale * ((nets[1:] - nets[0]) ** 2).sum(axis=0))
    found = np.full(len(nets), np.nan)
    turnover = 2 * movers(held.flows[0])
    found[0] = 100 * noise.noise_floor(errors) / turnover if turnover > 0 else np.nan
    return found


def _table(
    design: SurveyDesign, who: Persons, draw: Draw, asked: Sequence[Asked], value: np.ndarray,
    star: np.ndarray,
) -> tuple[pd.DataFrame, np.ndarray]:  # fmt: skip
    corrected = np.array([one.corrected for one in asked])
    known = ~np.isnan(star)
    with np.errstate(invalid="ignore"):
        mean = np.where(known, star, 0.0).sum(axis=1) / known.sum(axis=1)
    # Where the bias is taken out, it is no part of the error.
    centre = np.where(corrected, mean, value)
    deviations = np.where(known, star - centre[:, None], 0.0)
    deviations[np.abs(deviations) <= ROUNDING * np.abs(value)[:, None]] = 0.0
    se = np.where(known.any(axis=1), np.sqrt(draw.scale * (deviations**2).sum(axis=1)), np.nan)
    shown = np.where(corrected, noise.bias_corrected(value, star.T), value)
    # An index cannot leave its range; a corrected one may, or its changes would be biased again.
    lowest = np.where(corrected, -np.inf, 0.0)
    highest = np.array([np.inf if one.corrected else one.highest for one in asked])
    n, n_psu, df = _base(design, who)
    half = t_quantile((1 + LEVEL) / 2, np.full(len(se), df)) * se
    with np.errstate(invalid="ignore", divide="ignore"):
        cv = np.where(shown == 0, np.nan, se / np.abs(shown))
    frame = pd.DataFrame(
        {
            "estimate": shown, "se": se, "cv": cv, "df": df,
            "ci_low": np.clip(shown - half, lowest, highest),
            "ci_high": np.clip(shown + half, lowest, highest),
            "n": n, "n_psu": n_psu, "deff": np.nan, "n_cases": len(who.mover),
        }
    )[COLUMNS]  # fmt: skip
    return frame, deviations


def _base(design: SurveyDesign, who: Persons) -> tuple[int, int, int]:
    """Persons, PSUs that hold them, and PSUs less strata."""
    stage = design.stages[0]
    units = np.unique(stage.unit[who.rows])
    return len(who.rows), len(units), len(units) - len(np.unique(stage.stratum_of_unit[units]))


def _in_r(
    design: SurveyDesign, who: Persons, draw: Draw, asked: Sequence[Asked]
) -> tuple[pd.DataFrame, np.ndarray]:
    """The same table by `r/indices.R`."""
    from lfsmig.survey import r_session as r

    place = draw.units_of(design.psu_table)
    unit = place[design.stages[0].unit]
    stratum = pd.factorize(draw.psus["stratum"])[0]
    wanted = [
        r.listed(
            [
                r.text(one.of),
                r.flag(one.corrected),
                r.numbers(np.array([np.nan if one.rarefied is None else float(one.rarefied)])),
                r.numbers(np.array([one.highest])),
            ],
            ["of", "corrected", "rarefied", "highest"],
        )
        for one in asked
    ]
    found = r.fields(r.call(
        "index_table", r.numbers(design.weights[who.rows]), r.integers(unit[who.rows] + 1),
        r.numbers(design.weights[who.mover]), r.integers(unit[who.mover] + 1),
        r.integers(who.origin + 1), r.integers(who.destination + 1),
        r.integers(np.array([who.zones])), r.integers(stratum + 1), r.matrix(draw.factors),
        r.numbers(np.array([draw.scale])), r.listed(wanted),
    ))  # fmt: skip
    frame = pd.DataFrame({name: r.array(found["cases" if name == "n_cases" else name])
                          for name in COLUMNS})  # fmt: skip
    counted = ["df", "n", "n_psu", "n_cases"]
    frame[counted] = frame[counted].astype("int64")
    return frame, r.array(found["deviations"]).reshape(len(asked), -1)


class YearIndices:
    """Indices of flows of a year: those of one population and level are made together.

    Their deviations by replicate stand where other cells have their sums by PSU: the columns of the
    replicates follow those of the PSUs.
    """

    def __init__(
        self, params: Params, year: int, frame: pd.DataFrame, design: SurveyDesign, engine: str,
        draw: Draw | None,
    ) -> None:  # fmt: skip
        self.stated, self.year = params.country.design, year
        self.frame, self.design, self.engine, self.draw = frame, design, engine, draw
        self.wanted: list[Indicator] = []
        self.made: dict[str, tuple[pd.DataFrame, np.ndarray]] = {}

    def want(self, indicators: Iterable[Indicator]) -> None:
        """Take note of the indices among the indicators of the year."""
        self.wanted = [one for one in indicators if one.statistic == "index"]
        if self.wanted and self.draw is None:
            psus = psus_of(self.frame, self.stated)
            self.draw = make_draw({self.year: psus}, self.year, self.stated)

    def estimate(self, indicator: Indicator, mask: np.ndarray) -> tuple[pd.DataFrame, Moved]:
        """Row of one index, and its deviations in the columns of the replicates."""
        if indicator.id not in self.made:
            self._make(indicator, mask)
        row, deviations = self.made[indicator.id]
        out = row.assign(
            indicator=indicator.id, domain="{}", category="", statistic="index",
            unit=indicator.unit or INDICES[str(indicator.of)][1],
        )  # fmt: skip
        n_psu = len(self.design.psu_table)
        at = np.flatnonzero(deviations)
        where = (np.zeros(len(at), dtype="int64"), n_psu + at)
        sums = sparse.csr_matrix((deviations[at], where), shape=(1, n_psu + len(deviations)))
        return out, (sums, sums != 0 if self.design.calibration is not None else None)

    def _make(self, first: Indicator, mask: np.ndarray) -> None:
        """Make every index of a population and level in one pass."""
        assert self.draw is not None
        kind = (first.population, first.where, first.level)
        group = [i for i in self.wanted if (i.population, i.where, i.level) == kind]
        asked = [Asked(str(i.of), i.corrected, i.rarefied) for i in group]
        who = persons(self.frame, str(first.level), mask, self.design.weights)
        table, apart = estimate(self.design, who, self.draw, asked, self.engine)
        for number, one in enumerate(group):
            self.made[one.id] = table.iloc[[number]].reset_index(drop=True), apart[number]

    def beside(self, parts: list[Moved]) -> list[Moved]:
        """Give the tables without replicates empty columns for them."""
        width = len(self.units())
        return [
            (_widened(sums, width), None if cases is None else _widened(cases, width))
            for sums, cases in parts
        ]

    def units(self) -> pd.DataFrame:
        """PSUs, and the replicates if there is an index."""
        psus = self.design.psu_table
        if not self.wanted or self.draw is None:
            return psus
        return pd.concat([psus, self.draw.table], ignore_index=True)


def _widened(matrix: sparse.csr_matrix, width: int) -> sparse.csr_matrix:
    shape = (matrix.shape[0], width)
    return sparse.csr_matrix((matrix.data, matrix.indices, matrix.indptr), shape=shape)
