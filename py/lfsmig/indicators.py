"""The register of exhibits turned into estimates of one year, by either engine.

`params/indicators.yml` says what is estimated; the concepts say who belongs to a population; the
survey engine estimates. This module only joins the three and gives every cell its key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from lfsmig import concepts, flow_indices, winsorised
from lfsmig.area_flows import (
    FLOW_ITEMS,
    RECORD_KEYS,
    Estimator,
    Stacked,
    by_columns,
    flow_column,
)
from lfsmig.contributors import Contributors, Uncounted
from lfsmig.draws import Draw
from lfsmig.errors import EstimationError, ParameterError
from lfsmig.flow_indices import Moved
from lfsmig.params.query import query_columns
from lfsmig.results import CONTRIBUTOR_COLUMNS, RESULT_COLUMNS, SCHEMA_VERSION, domain_text
from lfsmig.survey import Estimate, SurveyDesign

if TYPE_CHECKING:
    from lfsmig.params import Indicator, Params

# Statistics that may be of an amount; a rate, share or count is of persons.
OF_AMOUNTS = {"mean", "median", "total", "ratio", "gini", "top_share"}
# Statistics that are given per so many persons or units.
PER_UNIT = ("rate", "ratio")


@dataclass(frozen=True)
class Table:
    """One indicator crossed by one list of columns: the unit of estimation."""

    indicator: Indicator
    by: tuple[str, ...]

    @property
    def is_flow(self) -> bool:
        return self.indicator.of in FLOW_ITEMS


@dataclass(frozen=True)
class YearEstimates:
    """Estimates of a year by one engine, with the influence sums that trends need.

    Attributes
    ----------
    frame
        One row per cell, columns `RESULT_COLUMNS` and `CONTRIBUTOR_COLUMNS`.
    influence
        Sparse, cells × PSUs: the linearised variable summed in each PSU, in the unit of the
        estimate.
    psu_table
        `stratum` and `psu` of each column of `influence`.
    absent
        Indicators that this year's survey cannot give, with the reason.
    present
        Where cells have cases, if the weights are calibrated: the influence then reaches PSUs
        without one. None: where `influence` has entries.
    """

    frame: pd.DataFrame
    influence: sparse.csr_matrix
    psu_table: pd.DataFrame
    absent: dict[str, str]
    present: sparse.csr_matrix | None = None


def is_amount(indicator: Indicator) -> bool:
    """Whether an indicator rests on an item with a size, such as money, and not on counting."""
    return (
        indicator.of is not None
        and indicator.of not in FLOW_ITEMS
        and indicator.statistic in OF_AMOUNTS
    )


def unit_of(indicator: Indicator) -> str:
    """Name the unit of an indicator's estimates."""
    if indicator.unit:
        return indicator.unit
    if indicator.statistic in ("share", "top_share", "gini"):
        return "index" if indicator.statistic == "gini" else "share"
    if indicator.statistic == "index":
        return flow_indices.INDICES[str(indicator.of)][1]
    if indicator.statistic == "rate":
        return {1.0: "share", 100.0: "percent"}.get(indicator.per, f"per_{indicator.per:g}")
    return "persons" if indicator.of is None or indicator.of in FLOW_ITEMS else "value"


def analysis_frame(harmonised: pd.DataFrame, params: Params, year: int) -> pd.DataFrame:
    """Harmonised records with their concepts and the flow columns that the register asks for."""
    frame = concepts.analysis_frame(harmonised, params, year)
    flows_of = [i for i in params.indicators if i.of in FLOW_ITEMS and not i.pooled]
    levels = dict.fromkeys(i.by[0][0] for i in flows_of if i.by and i.by[0])
    flows = [
        concepts.flow_columns(frame, level)
        for level in levels
        if {level, f"previous_{level}", "recent_internal"} <= set(frame.columns)
    ]
    whole = pd.concat([frame, *flows], axis=1)
    whole.attrs = frame.attrs
    return whole


def tables(
    params: Params, year: int, available: pd.DataFrame
) -> tuple[list[Table], dict[str, str]]:
    """List the tables of a year and the indicators it cannot give, with reasons."""
    reasons: dict[str, str] = available.attrs.get("absent", {})
    planned: list[Table] = []
    absent: dict[str, str] = {}
    for indicator in params.indicators:
        if indicator.years and year not in indicator.years:
            absent[indicator.id] = f"not asked for {year} in indicators.yml"
            continue
        missing = next((c for c in columns_needed(indicator) if c not in available.columns), None)
        if missing is None:
            planned += [Table(indicator, tuple(by)) for by in indicator.by]
        else:
            absent[indicator.id] = reasons.get(missing, f"the survey has no item `{missing}`")
    return planned, absent


def columns_needed(indicator: Indicator) -> Iterator[str]:
    """Columns of the analysis frame that an indicator reads."""
    yield indicator.population
    if indicator.where:
        yield from query_columns(indicator.where)
    if indicator.statistic == "index":
        yield from (str(indicator.level), f"previous_{indicator.level}", "recent_internal")
        return
    for item in (indicator.of, indicator.over):
        if item in FLOW_ITEMS:
            if len(indicator.by) != 1 or len(indicator.by[0]) != 1:
                raise ParameterError(
                    f"indicators.yml: {indicator.id}: {item} belongs to an area, "
                    f"so `by` must be one column such as [[region]]"
                )
            yield f"previous_{indicator.by[0][0]}"
        elif item is not None:
            yield item
    for by in indicator.by:
        yield from by


def population_mask(frame: pd.DataFrame, indicator: Indicator) -> np.ndarray:
    """Rows of the indicator's population; persons whose membership is unknown are outside."""
    mask = (frame[indicator.population] == 1).to_numpy(dtype=bool, na_value=False, copy=True)
    return mask & where_mask(frame, indicator.where) if indicator.where else mask


def where_mask(frame: pd.DataFrame, query: str) -> np.ndarray:
    """Rows that a `where` of the register chooses; an unknown answer is not chosen."""
    try:
        chosen = pd.Series(frame.eval(query), index=frame.index)
        return chosen.to_numpy(dtype=bool, na_value=False)
    except Exception as error:
        reason = " ".join(str(error).split())
        raise ParameterError(
            f"indicators.yml: where: `{query}` is no condition on known columns ({reason}); "
            "write for example age >= 15"
        ) from error


def estimate_year(
    params: Params,
    year: int,
    frame: pd.DataFrame,
    engine: str,
    progress: Callable[[str], None] = lambda text: None,
    chosen: Callable[[Table], bool] = lambda table: True,
    draw: Draw | None = None,
    counted: bool = True,
) -> YearEstimates:
    """Estimate every table of a year by one engine.

    Parameters
    ----------
    params
        Parameters of the survey.
    year
        Survey year.
    frame
        Analysis frame of the year, one row per person (`concepts.analysis_frame`).
    engine
        `python` or `r`.
    progress
        Called with the name of each indicator before it is estimated.
    chosen
        Picks tables; all unless given. At least one must be left.
    draw
        Bootstrap multipliers, for indices of flows; drawn for this year alone unless given.
    counted
        Whether `CONTRIBUTOR_COLUMNS` are wanted, which release needs and a test does not.

    Raises
    ------
    EstimationError
        If an engine refuses; the text names the indicator.
    """
    planned, absent = tables(params, year, frame)
    planned = [table for table in planned if chosen(table)]
    frame = winsorised.with_room(params.indicators, frame)
    design = survey_design(params, frame)
    behind = Contributors(frame, params.country.design.weight) if counted else Uncounted()
    stacked = _stacked_records(params, frame, design)
    parts: list[pd.DataFrame] = []
    influences: list[Moved] = []
    indices = flow_indices.YearIndices(params, year, frame, design, engine, draw)
    indices.want(table.indicator for table in planned)
    cuts = winsorised.Cuts(params, design, behind, engine)
    masks: dict[tuple[str, str | None], np.ndarray] = {}
    announced = ""
    for asked in planned:
        if asked.indicator.id != announced:
            announced = asked.indicator.id
            progress(announced)
        key = (asked.indicator.population, asked.indicator.where)
        if key not in masks:
            masks[key] = population_mask(frame, asked.indicator)
        table = cuts.applied(asked, masks[key])
        try:
            if table.indicator.statistic == "index":
                part, influence = indices.estimate(table.indicator, masks[key])
            else:
                part, influence = _estimate_table(
                    design, frame, table, masks[key], engine, behind, stacked
                )
        except EstimationError as error:
            raise EstimationError(f"{table.indicator.id} by {list(table.by)}: {error}") from error
        parts.append(part)
        influences.append(influence)
    results = pd.concat(parts, ignore_index=True)
    results.insert(0, "schema_version", SCHEMA_VERSION)
    results["year"] = year
    results["engine"] = engine
    sums, present = _stacked(indices.beside(influences))
    made = results.reindex(columns=[*RESULT_COLUMNS, *CONTRIBUTOR_COLUMNS])
    return YearEstimates(made, sums, indices.units(), absent, present)


def headline(params: Params, year: int, frame: pd.DataFrame) -> dict[str, float]:
    """Point estimates of the single figures that report.yml names under `headline`.

    Parameters
    ----------
    frame
        Analysis frame of the year.

    Returns
    -------
    dict
        By id, in the unit of the indicator, for the whole population; distributions are left out.
    """
    planned, _ = tables(params, year, frame)
    design = survey_design(params, frame)
    behind = Contributors(frame, params.country.design.weight)
    stacked = _stacked_records(params, frame, design)
    found = {}
    for table in planned:
        one = table.indicator
        single = not (table.by or one.winsorised) and one.statistic not in ("share", "index")
        if not single or one.id not in params.report.headline:
            continue
        mask = population_mask(frame, one)
        cells, _ = _estimate_table(design, frame, table, mask, "python", behind, stacked)
        found[one.id] = float(cells["estimate"].iloc[0])
    return found


def survey_design(params: Params, frame: pd.DataFrame) -> SurveyDesign:
    """Sampling design of an analysis frame as `country.yml` states it.

    With `calibration` the weights are the office's, calibrated to the population of the crossed
    columns: they stay, and variances are those of the residuals within these groups.
    """
    calibration = params.country.design.calibration
    design = _uncalibrated(params, frame)
    return design.poststratified(calibration) if calibration else design


def _uncalibrated(params: Params, frame: pd.DataFrame) -> SurveyDesign:
    stated = params.country.design
    return SurveyDesign(
        frame,
        weight=stated.weight,
        strata=stated.strata,
        psu=stated.psu,
        lonely_psu=stated.lonely_psu,
        keys=[name for name in RECORD_KEYS if name in frame],
    )


def _stacked_records(params: Params, frame: pd.DataFrame, design: SurveyDesign) -> Stacked:
    return Stacked(frame, design, params.country.design, partial(_uncalibrated, params))


def _estimate_table(
    design: SurveyDesign, frame: pd.DataFrame, table: Table, mask: np.ndarray, engine: str,
    behind: Contributors, stacked: Stacked,
) -> tuple[pd.DataFrame, Moved]:  # fmt: skip
    """Estimate one table and give its rows their keys, unit and who stands behind them."""
    indicator = table.indicator
    if table.is_flow:
        cells, influence = _estimate_flow(design, frame, table, mask, engine, behind, stacked)
    else:
        estimate = design.estimate(
            _engine_statistic(indicator),
            of=indicator.of,
            over=indicator.over,
            by=list(table.by),
            domain=mask,
            engine=engine,
            influence=indicator.statistic != "median",
            **_options(indicator),
        )
        cells = estimate.frame.assign(n_cases=estimate.cases)
        figures = behind.of_table(indicator, table.by, mask, cells, is_amount(indicator))
        cells[CONTRIBUTOR_COLUMNS] = figures[CONTRIBUTOR_COLUMNS].to_numpy()
        influence = _influence(estimate, design)
    out = cells.assign(
        indicator=indicator.id,
        domain=_domains(cells, table.by),
        category=cells["category"].astype(str),
        statistic=indicator.statistic,
        unit=unit_of(indicator),
    )
    return out.drop(columns=[*table.by, "quantile"], errors="ignore"), influence


def _engine_statistic(indicator: Indicator) -> str:
    return "quantile" if indicator.statistic == "median" else indicator.statistic


def _options(indicator: Indicator) -> dict[str, Any]:
    """Options of the survey engine that an indicator's keys stand for."""
    if indicator.statistic in PER_UNIT:
        return {"per": indicator.per}
    if indicator.statistic == "top_share":
        return {"top": indicator.top}
    return {"quantiles": [0.5]} if indicator.statistic == "median" else {}


def _domains(cells: pd.DataFrame, by: tuple[str, ...]) -> list[str]:
    if not by:
        return ["{}"] * len(cells)
    return [
        domain_text(dict(zip(by, codes, strict=True)))
        for codes in cells[list(by)].itertuples(index=False, name=None)
    ]


def _influence(estimate: Estimate, design: SurveyDesign) -> Moved:
    """Influence sums of a table; none for quantiles, whose years count as independent."""
    shape = (len(estimate.frame), len(design.psu_table))
    nothing = sparse.csr_matrix(shape)
    calibrated = design.calibration is not None
    if estimate.influence is None:
        return nothing, nothing if calibrated else None
    present = sparse.csr_matrix(estimate.present) if estimate.present is not None else None
    return sparse.csr_matrix(estimate.influence), present


def _stacked(parts: list[Moved]) -> Moved:
    """Put the influence of several tables below each other."""
    sums = sparse.vstack([part[0] for part in parts], format="csr")
    if parts[0][1] is None:
        return sums, None
    return sums, sparse.vstack([part[1] for part in parts], format="csr")


def _estimate_flow(
    design: SurveyDesign, frame: pd.DataFrame, table: Table, mask: np.ndarray, engine: str,
    behind: Contributors, stacked: Stacked,
) -> tuple[pd.DataFrame, Moved]:  # fmt: skip
    """Estimate an area's own flow; of many areas in one pass, with movers in two rows."""
    indicator = table.indicator
    options: dict[str, Any] = {"engine": engine, "influence": True, **_options(indicator)}

    def estimator(of: SurveyDesign) -> Estimator:
        return partial(of.estimate, _engine_statistic(indicator), **options)

    if indicator.pooled:
        cells, found = stacked.estimate(estimator, indicator, mask)
    else:
        cells, found = by_columns(estimator, design, frame, indicator, mask, behind)
    return cells, _stacked([_influence(one, design) for one in found])


def where_masks(params: Params) -> dict[str, str]:
    """Name the column that stands for each `where` of the register: `where_1` and so on."""
    queries = dict.fromkeys(i.where for i in params.indicators if i.where)
    return {query: f"where_{number}" for number, query in enumerate(queries, start=1)}


def with_masks(frame: pd.DataFrame, params: Params) -> pd.DataFrame:
    """Add a 0/1 column for each `where`, so that R need not read pandas queries."""
    columns = {
        name: where_mask(frame, query).astype("int8")
        for query, name in where_masks(params).items()
        if set(query_columns(query)) <= set(frame.columns)
    }
    return frame.assign(**columns)


def columns_asked(params: Params) -> dict[str, Any]:
    """What the register adds to the analysis frame: conditions and flows.

    A year's tables are made again when this changes, and not for each new indicator.
    """
    flows = [[i.of, i.over, i.by] for i in params.indicators if i.of in FLOW_ITEMS and not i.pooled]
    return {"where": where_masks(params), "flows": flows}


def estimates_asked(params: Params) -> list[dict[str, Any]]:
    """What of the register decides estimates: all but what is only printed or published.

    `calibrated` says what is shown of an estimate and takes effect at its release.
    """
    printed = {"label", "base", "note", "topic", "published", "calibrated"}
    return [i.model_dump(mode="json", exclude=printed) for i in params.indicators]


def register_for_r(params: Params) -> dict[str, Any]:
    """Spell out the register for people without YAML: one entry per table, nothing implied.

    `Rscript r/replicate.R` reads it beside the analysis frame of a year.
    """
    masks = where_masks(params)
    entries = [
        _entry(indicator, list(by), masks, params)
        for indicator in params.indicators
        for by in indicator.by
    ]
    design = params.country.design
    stated = ("strata", "psu", "weight", "lonely_psu", "calibration")
    return {
        "schema_version": SCHEMA_VERSION,
        "design": {
            **{name: getattr(design, name) for name in stated},
            "keys": list(RECORD_KEYS),
        },
        "categories": {
            name: params.codes(name)
            for name, variable in params.variables.items()
            if variable.type == "category"
        },
        "tables": entries,
    }


def _entry(indicator: Indicator, by: list[str], masks: dict[str, str], params: Params) -> Any:
    entry: dict[str, Any] = {
        "indicator": indicator.id,
        "statistic": indicator.statistic,
        "unit": unit_of(indicator),
        "population": indicator.population,
        "where": masks.get(indicator.where or ""),
        "of": indicator.of,
        "over": indicator.over,
        "level": indicator.level,
        "corrected": indicator.corrected,
        "rarefied": indicator.rarefied,
        "highest": flow_indices.highest(indicator),
        "per": indicator.per if indicator.statistic in PER_UNIT else 1,
        "top": indicator.top if indicator.statistic == "top_share" else None,
        "winsorise_at": params.country.winsorise_at if indicator.winsorised else None,
        "by": by,
        "flow": None,
    }
    if indicator.of not in FLOW_ITEMS:
        return entry
    level = by[0]
    flow: dict[str, Any] = {"by": level}
    if indicator.pooled:
        # Movers stand in two rows there, and the items are columns of these.
        return entry | {"flow": flow}
    for role, item in (("of", indicator.of), ("over", indicator.over)):
        columns = {code: flow_column(item, level, code) for code in params.codes(level)}
        flow[role] = columns if item else None
    return entry | {"of": None, "over": None, "by": [], "flow": flow}
