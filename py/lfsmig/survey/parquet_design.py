"""A survey design over Parquet files that need not fit into memory.

Estimates are made from sums per stratum, PSU and cell, and those are one aggregation by DuckDB: the
only pass over the data that a table costs. From there on everything is the engine in memory, and
the rows are the same. What looks at single records (quantiles, replicate weights, R) is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import pyarrow as pa

from lfsmig.errors import EstimationError
from lfsmig.survey import columns
from lfsmig.survey.columns import MAX_LEVELS, Floats, Levels, names_of
from lfsmig.survey.crossing import Crossing
from lfsmig.survey.design import SurveyDesign
from lfsmig.survey.estimate import Request
from lfsmig.survey.parquet_source import NumberFacts, ParquetSource
from lfsmig.survey.parquet_sums import sums_of_parquet
from lfsmig.survey.query_sql import condition
from lfsmig.survey.sums import Sums


class ParquetDesign(SurveyDesign):
    """A design whose records stay in Parquet files (see `SurveyDesign.from_parquet`).

    `frame` has a row per sampling unit instead of a row per record.
    """

    def __init__(
        self,
        path: str | Path,
        weight: str,
        strata: str | None = None,
        psu: str | Sequence[str] | None = None,
        *,
        fpc: str | Sequence[str] | None = None,
        nest: bool = False,
        lonely_psu: str = "adjust",
        keys: Sequence[str] = (),
        memory: str = "2GB",
    ) -> None:
        self.source = ParquetSource(path, memory, names_of(keys, "keys"))
        self._start(lonely_psu)
        units, sizes = names_of(psu, "psu"), names_of(fpc, "fpc")
        if not units:
            raise EstimationError(
                "a design from Parquet needs psu: with every record a unit of its own there are "
                "as many sums as records"
            )
        self._facts: dict[str, NumberFacts] = {}
        self.level_tables: dict[str, pa.Table] = {}
        self.weight_sql = self._check_weight(weight)
        if len(sizes) < 2:
            units = units[:1]
        found = [name for name in (strata, *units) if name is not None]
        # Columns of `unit_table` that tell units apart, and what the files call them.
        self.unit_columns = {f"u{place}": name for place, name in enumerate(found)}
        self.unit_table = self._read_units([*found, *sizes])
        read = zip([*found, *sizes], self.unit_table.columns, strict=True)
        self.frame = pd.DataFrame(
            {name: self.source.as_read(name, column.to_pandas()) for name, column in read}
        )
        self.namer = self._name_units
        self._set_stages(strata, names_of(psu, "psu"), sizes, nest)
        self.unit_table = self.unit_table.append_column("unit", pa.array(self.stages[-1].unit))
        if strata is not None and not nest:
            # A PSU is in one stratum only, so that its code alone says which unit it is.
            del self.unit_columns["u0"]

    def _check_weight(self, name: str) -> str:
        sql = self.source.number(name, "weight")
        self.source.refuse(
            {
                f"isinf({sql})": f"weight column {name!r} is infinite in {{rows}}; correct it",
                f"NOT {self.source.observed(name)}": f"weight column {name!r} is missing in "
                "{rows}; give each record a weight or drop it from the design",
                f"{sql} < 0": f"weight column {name!r} is negative in {{rows}}; correct the weight",
            }
        )
        found = self.source.arrays(
            f"SELECT count(*) AS n, max({sql}) AS most FROM {self.source.table}"
        )
        if found["n"][0] == 0:
            raise EstimationError("the data have no row; a design needs at least one record")
        if found["most"][0] == 0:
            raise EstimationError(
                f"weight column {name!r} is zero in every one of {found['n'][0]} rows; "
                "at least one positive weight is needed"
            )
        return sql

    def _read_units(self, names: list[str]) -> pa.Table:
        """One row per sampling unit with its design columns, called u0, u1 and so on."""
        self.source.refuse(
            {
                f"NOT {self.source.observed(name)}": f"design column {name!r} is missing in "
                "{rows}; every record belongs to the design"
                for name in self.unit_columns.values()
            }
        )
        listed = ", ".join(f"{self.source.column(n).sql} AS u{i}" for i, n in enumerate(names))
        return self.source.rows(f"SELECT DISTINCT {listed} FROM {self.source.table}")

    def _name_units(self, bad: np.ndarray) -> str:
        """Name the first records of some rows of `frame`."""
        first = np.flatnonzero(bad) if bad.dtype == bool else bad
        table = self.unit_table.take(first)
        matched = " AND ".join(
            f"b.{key} = {self.source.column(name).sql}" for key, name in self.unit_columns.items()
        )
        return self.source.rows_text(f"EXISTS (FROM bad b WHERE {matched})", bad=table)

    # ---- what the engine asks --------------------------------------------------------------

    def levels(self, name: str) -> Levels:
        """Return the observed levels of a column; there are no codes of records."""
        if name not in self._levels:
            table = self.source.distinct(name, MAX_LEVELS)
            read = self.source.as_read(name, table["v"].to_pandas())
            columns.refuse_too_many(name, len(read.dropna()))
            found = columns.classification(read)
            self.level_tables[name] = table.append_column("code", pa.array(found.codes))
            self._levels[name] = Levels(name, np.zeros(0, "int32"), found.values, read.dtype)
        return self._levels[name]

    def facts(self, name: str) -> NumberFacts:
        """Least value and mean of a numeric item, looked at once."""
        if name not in self._facts:
            self._facts[name] = self.source.number_facts(name)
        return self._facts[name]

    def has_negative(self, name: str) -> bool:
        """Say whether a numeric item is anywhere below zero."""
        return self.facts(name).least < 0

    def refuse_item(self, name: str, kind: str, mask: Any, message: str) -> None:
        """Refuse an item that is not 0 or 1; what needs amounts needs records, and is refused."""
        if kind == "binary":
            wrong = f"{self.source.number(name)} NOT IN (0, 1) AND {self.source.observed(name)}"
            self.source.refuse({f"{wrong} AND ({mask or 'true'})": message})

    def mask(self, domain: object) -> Any:
        """Turn a domain, which must be query text here, into an SQL condition."""
        if domain is None:
            return None
        if not isinstance(domain, str):
            raise EstimationError(
                "the domain of a design from Parquet is query text, such as 'age >= 15'; an array "
                "would have to be as long as the data"
            )
        return condition(domain, self.source.column)

    def sums(self, request: Request) -> Sums:
        """Return the sums that a total, mean, share, ratio or rate is made from, by one query."""
        return sums_of_parquet(self, request)

    # ---- what needs records ----------------------------------------------------------------

    def _refuse(self, what: str) -> NoReturn:
        raise EstimationError(
            f"{what} needs single records, which a design from Parquet does not hold; read the "
            "columns it needs: SurveyDesign(pandas.read_parquet(path, columns=[…]), …)"
        )

    def crossing(self, request: Request) -> Crossing:
        """Refuse: pairs are known, but not the records in them."""
        self._refuse(f"a {request.statistic}")

    def numbers(self, name: str) -> Floats:
        """Refuse: the values stay in the files."""
        self._refuse(f"this use of column {name!r}")

    def column(self, name: str) -> pd.Series:
        """Refuse: the values stay in the files."""
        self._refuse(f"this use of column {name!r}")

    @property
    def weights(self) -> Floats:  # type: ignore[override]
        """Refuse: the weights stay in the files."""
        self._refuse("this estimate (or the R engine)")
