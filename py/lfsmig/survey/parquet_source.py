"""Parquet files of any size as columns that a design can ask about, through DuckDB.

DuckDB reads only the columns a query names, adds up in parallel, and puts on disk what does not
fit into its share of memory. Each question here is one query; nothing holds a record in Python.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lfsmig.errors import EstimationError, InputError
from lfsmig.survey.columns import SHOWN_ROWS, level_text, pick
from lfsmig.survey.query_sql import Column, quoted

NUMBERS = (
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
    "UBIGINT", "FLOAT", "DOUBLE", "DECIMAL",
)  # fmt: skip
TIMES = ("DATE", "TIMESTAMP")


@dataclass(frozen=True)
class NumberFacts:
    """What one pass over a numeric column tells: its least value and its mean."""

    least: float
    mean: float


class ParquetSource:
    """The files, their columns and a connection that queries them.

    Parameters
    ----------
    path
        A file, a folder or a pattern; several files are read one after the other, by name.
    memory
        What DuckDB may use before it writes to disk, such as "2GB".
    keys
        Columns that name a record in messages.
    """

    def __init__(self, path: str | Path, memory: str = "2GB", keys: Sequence[str] = ()) -> None:
        self.files = _files(path)
        self._spill = tempfile.TemporaryDirectory(prefix="lfsmig-")
        self.connection = _connect(memory, self._spill.name)
        # Types as pandas reads them: what the engine in memory would see.
        self.types = _typed(lambda: pq.read_schema(self.files[0])).empty_table().to_pandas()
        described = self.rows(f"DESCRIBE SELECT * FROM {self.table}").to_pydict()
        # By position: DuckDB gives names that differ in case only a number.
        self.columns = {
            name: Column(quoted(found), _kind(sql_type), self.types[name].dtype)
            for name, found, sql_type in zip(
                self.types.columns, described["column_name"], described["column_type"], strict=True
            )
        }
        self.keys = {name: self.column(name).sql for name in keys}

    @property
    def table(self) -> str:
        """The files as a table expression."""
        names = ", ".join("'" + name.replace("'", "''") + "'" for name in self.files)
        return f"read_parquet([{names}])"

    def arrays(self, sql: str, tables: Mapping[str, object] | None = None) -> dict[str, np.ndarray]:
        """Run a query over the files and some tables; columns without missing values as arrays."""
        found = self._run(sql, tables, "fetchnumpy")
        return {name: np.ma.getdata(values) for name, values in found.items()}

    def rows(self, sql: str, tables: Mapping[str, object] | None = None) -> pa.Table:
        """Run a query whose columns keep their types and missing values."""
        return self._run(sql, tables, "to_arrow_table")

    def _run(self, sql: str, tables: Mapping[str, object] | None, fetch: str) -> Any:
        import duckdb

        for name, table in (tables or {}).items():
            self.connection.register(name, table)
        try:
            return getattr(self.connection.sql(sql), fetch)()
        except duckdb.Error as error:
            words = str(error).splitlines()[0]
            raise EstimationError(
                f"{self.files[0]}: DuckDB cannot answer ({words}); check that all files have the "
                "same columns, or give more memory"
            ) from None

    def column(self, name: str) -> Column:
        """Find a column or say which there are."""
        pick(self.types, name)
        return self.columns[name]

    def observed(self, name: str) -> str:
        """Condition under which a column is not missing."""
        column = self.column(name)
        if getattr(column.dtype, "kind", "") == "f":
            return f"({column.sql} IS NOT NULL AND NOT isnan({column.sql}))"
        return f"({column.sql} IS NOT NULL)"

    def number(self, name: str, role: str = "item") -> str:
        """SQL of a column as double; text is refused as the engine in memory does."""
        column = self.column(name)
        if column.kind not in ("number", "boolean"):
            found = self.rows(
                f"SELECT {column.sql} AS v FROM {self.table} WHERE {column.sql} IS NOT NULL LIMIT 1"
            )
            if len(found) == 0:
                return "NULL::DOUBLE"
            raise EstimationError(
                f"{role} column {name!r} holds text or categories ({found['v'][0].as_py()!r} in "
                f"{self.rows_text(f'{column.sql} IS NOT NULL')}); "
                "numbers are needed: convert it, or ask for share"
            )
        if column.kind == "boolean":
            return f"{column.sql}::INTEGER::DOUBLE"
        return f"{column.sql}::DOUBLE"

    def refuse(self, messages: Mapping[str, str]) -> None:
        """Look once for rows of which one of the conditions holds and raise its message.

        `{rows}` in the message becomes the first of them.
        """
        counts = ", ".join(f"count(*) FILTER ({bad}) AS c{i}" for i, bad in enumerate(messages))
        found = self.arrays(f"SELECT {counts} FROM {self.table}")
        for place, (bad, message) in enumerate(messages.items()):
            if found[f"c{place}"][0]:
                raise EstimationError(message.replace("{rows}", self.rows_text(bad)))

    def rows_text(self, condition: str, **tables: object) -> str:
        """Name the first rows for which a condition holds, counted from 1 in each file."""
        keys = "".join(f", {sql} AS {quoted(name)}" for name, sql in self.keys.items())
        numbered = self.table[:-1] + ", file_row_number = true, filename = true)"
        found = self.rows(
            f"SELECT file_row_number, filename, count(*) OVER () AS total{keys} "
            f"FROM {numbered} WHERE {condition} ORDER BY filename, file_row_number "
            f"LIMIT {SHOWN_ROWS}",
            tables,
        ).to_pylist()
        if not found:
            return "no row"
        shown = []
        for row in found:
            notes = [f"{name} {level_text(row[name])}" for name in self.keys]
            if len(self.files) > 1:
                notes.insert(0, Path(row["filename"]).name)
            key = f" ({', '.join(notes)})" if notes else ""
            shown.append(f"{row['file_row_number'] + 1}{key}")
        total = found[0]["total"]
        more = f", … ({total} in all)" if total > SHOWN_ROWS else ""
        return f"row{'s' if total > 1 else ''} {', '.join(shown)}{more}"

    def distinct(self, name: str, at_most: int) -> pa.Table:
        """Different values of a column, a missing one too, `at_most` of them and two more."""
        sql = self.column(name).sql
        return self.rows(f"SELECT DISTINCT {sql} AS v FROM {self.table} LIMIT {at_most + 2}")

    def as_read(self, name: str, values: pd.Series) -> pd.Series:
        """Give values of a column the type that pandas reads it as."""
        dtype: Any = self.column(name).dtype
        if isinstance(dtype, pd.CategoricalDtype):
            known = dict.fromkeys([*self._categories(name), *sorted(values.dropna())])
            dtype = pd.CategoricalDtype(list(known), dtype.ordered)
        elif isinstance(dtype, np.dtype) and dtype.kind in "iub" and values.isna().any():
            # pandas makes whole numbers with holes floats, and true/false with holes objects.
            dtype = "object" if dtype.kind == "b" else "float64"
        return pd.Series(values.to_numpy(), name=name).astype(dtype)

    def _categories(self, name: str) -> list[Any]:
        """Categories in the files' own order, from the first row group of each."""
        found: dict[Any, None] = {}
        for file in self.files:
            read = pq.ParquetFile(file)
            if read.num_row_groups:
                table = read.read_row_group(0, columns=[name])
                found |= dict.fromkeys(table.to_pandas()[name].cat.categories)
        return list(found)

    def number_facts(self, name: str) -> NumberFacts:
        """Look once over a numeric column; infinite values are refused."""
        sql = self.number(name)
        bad = f"item column {name!r} is infinite in {{rows}}; make it missing or correct it"
        self.refuse({f"isinf({sql})": bad})
        found = self.rows(
            f"SELECT min(v) AS least, avg(v) AS mean FROM (SELECT {sql} AS v FROM {self.table}) "
            "WHERE NOT isnan(v)"
        ).to_pylist()[0]
        return NumberFacts(found["least"] or 0.0, found["mean"] or 0.0)


def _files(path: str | Path) -> list[str]:
    place = Path(path)
    if place.is_dir():
        place = place / "*.parquet"
    if any(mark in str(place) for mark in "*?["):
        root = Path(place.anchor)
        found = sorted(map(str, root.glob(str(place.relative_to(root)))))
    else:
        found = [str(place)]
    found = [name for name in found if Path(name).is_file()]
    if not found:
        raise InputError(f"{path}: there is no such Parquet file; check the path or the pattern")
    return found


def _typed(read: Any) -> pa.Schema:
    try:
        return read()
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"the file is not Parquet ({str(error).splitlines()[0]})") from None


def _connect(memory: str, spill: str) -> Any:
    import duckdb

    connection = duckdb.connect(":memory:")
    try:
        # Nothing is fetched at run time; the Parquet reader is part of the wheel.
        connection.execute("SET autoinstall_known_extensions = false")
        connection.execute("SET autoload_known_extensions = false")
        connection.execute(f"SET temp_directory = '{spill}'")
        connection.execute(f"SET memory_limit = '{memory}'")
    except duckdb.Error as error:
        raise EstimationError(f"memory={memory!r} is not a size such as 2GB ({error})") from None
    return connection


def _kind(sql_type: str) -> str:
    name = str(sql_type)
    if name.startswith(NUMBERS):
        return "number"
    if name.startswith(TIMES):
        return "time"
    return {"VARCHAR": "text", "BOOLEAN": "boolean"}.get(name, "other")
