"""Sums over (unit, cell) pairs by one SQL aggregation, the twin of `sums.sums_of_records`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from lfsmig.survey.crossing import Cells, Crossing, pairs_of, starts_of
from lfsmig.survey.sums import Sums, refuse_too_many_rows

if TYPE_CHECKING:
    from lfsmig.survey.estimate import Request
    from lfsmig.survey.parquet_design import ParquetDesign

Found = dict[str, np.ndarray]


def sums_of_parquet(design: ParquetDesign, request: Request) -> Sums:
    """Add up the records of a domain by one query."""
    cells = design.cells(request.by)
    if request.statistic == "share":
        refuse_too_many_rows(design, request)
        width = max(len(design.levels(str(request.of))), 1)
        return _shares(design, cells, design.source.arrays(*grouped(design, request, cells)), width)
    return _numbers(design, request, cells, design.source.arrays(*grouped(design, request, cells)))


def centre_of(design: ParquetDesign, request: Request) -> float:
    """Squares are taken about the item's mean, so that their differences lose no digits."""
    return 0.0 if request.of is None else design.facts(request.of).mean


def grouped(design: ParquetDesign, request: Request, cells: Cells) -> tuple[str, dict[str, object]]:
    """SQL of the sums, in the order of cells, then units, and the tables it joins.

    Records are added up by their own values; only the groups are then given the codes of their
    unit and cell.
    """
    source = design.source
    share = request.statistic == "share"
    groups = [*request.by, str(request.of)] if share else list(request.by)
    numbers = {} if share else {"y": request.of, "x": request.over}
    items = {key: name for key, name in numbers.items() if name is not None}
    kept = [str(request.mask or "true")]
    kept += [source.observed(name) for name in (*groups, *items.values())]
    units = {key: source.column(name).sql for key, name in design.unit_columns.items()}
    keys = units | {f"b{i}": source.column(name).sql for i, name in enumerate(groups)}
    read = keys | {"w": design.weight_sql}
    read |= {key: source.number(name) for key, name in items.items()}
    sums = {"cases": "count(*) FILTER (w > 0)", "w": "sum(w)"}
    if "y" in items:
        sums |= {"nonzero": "count(*) FILTER (w > 0 AND y <> 0)", "wy": "sum(w * y)"}
        sums["wyy"] = f"sum(w * (y - ({centre_of(design, request)!r})) ** 2)"
        sums |= {"least": "min(y) FILTER (w > 0)", "most": "max(y) FILTER (w > 0)"}
    if "x" in items:
        sums["wx"] = "sum(w * x)"
    of_unit = " AND ".join(f"units.{u} = g.{u}" for u in units)
    of_level = " ".join(f"JOIN level{i} ON level{i}.v = g.b{i}" for i in range(len(groups)))
    sql = f"""
        WITH d AS (
          SELECT {", ".join(f"{value} AS {key}" for key, value in read.items())}
          FROM {source.table} WHERE {" AND ".join(kept)}
        ), g AS (
          SELECT {", ".join(keys)}, {", ".join(f"{sql} AS {key}" for key, sql in sums.items())}
          FROM d GROUP BY {", ".join(keys)}
        )
        SELECT units.unit, {_cell_sql(cells)} AS cell,
          {f"level{len(groups) - 1}.code" if share else "0"} AS code,
          g.* EXCLUDE ({", ".join(keys)})
        FROM g JOIN units ON {of_unit} {of_level} ORDER BY cell, unit, code
    """
    tables: dict[str, object] = {
        f"level{i}": design.level_tables[name] for i, name in enumerate(groups)
    }
    return sql, {"units": design.unit_table, **tables}


def _cell_sql(cells: Cells) -> str:
    """Number of the cell from the codes of its levels, the last column fastest."""
    text = "0"
    for place, column in enumerate(cells.levels):
        text = f"({text} * {len(column)} + level{place}.code)"
    return f"{text}::INTEGER"


def _numbers(design: ParquetDesign, request: Request, cells: Cells, found: Found) -> Sums:
    crossing = Crossing(cells, pairs_of(found["cell"], found["unit"], design.stages))
    cases, weight = found["cases"].astype("int64"), found["w"]
    above, numerator = found.get("wy", weight), cases
    if request.of is not None and request.statistic != "mean":
        numerator = found["nonzero"].astype("int64")
    squares = None
    if request.over is None:
        squares = _squares(crossing, found, centre_of(design, request))
    return Sums(
        crossing, cases, weight, above[:, None],
        None if request.statistic == "total" else found.get("wx", weight),
        crossing.over_cells(numerator)[:, None], squares, None,
    )  # fmt: skip


def _squares(crossing: Crossing, found: Found, centre: float) -> Callable[[np.ndarray], np.ndarray]:
    """Squared deviations from the cells' means by way of those from `centre`."""
    if "wyy" not in found:
        return lambda mean: np.zeros(crossing.n_cells)
    weight, above, about = (crossing.over_cells(found[name]) for name in ("w", "wy", "wyy"))
    least, most = np.full(crossing.n_cells, np.inf), np.full(crossing.n_cells, -np.inf)
    np.minimum.at(least, found["cell"], np.where(found["cases"] > 0, found["least"], np.inf))
    np.maximum.at(most, found["cell"], np.where(found["cases"] > 0, found["most"], -np.inf))

    def squares(mean: np.ndarray) -> np.ndarray:
        shift = mean - centre
        found = about - 2 * shift * (above - centre * weight) + shift**2 * weight
        # Of a constant item only rounding is left.
        return np.where(least < most, np.maximum(found, 0.0), 0.0)

    return squares


def _shares(design: ParquetDesign, cells: Cells, found: Found, width: int) -> Sums:
    start = starts_of(found["cell"], found["unit"])
    pair = np.repeat(np.arange(len(start)), np.diff(start, append=len(found["cell"])))
    above, counts = np.zeros((len(start), width)), np.zeros((len(start), width), "int64")
    above[pair, found["code"]] = found["w"]
    counts[pair, found["code"]] = found["cases"]
    pairs = pairs_of(found["cell"][start], found["unit"][start], design.stages)
    crossing = Crossing(cells, pairs)
    below = above.sum(axis=1)
    return Sums(
        crossing, counts.sum(axis=1), below, above, below, crossing.over_cells(counts), None, None
    )
