"""Parquet: typed columns, their text coded once per value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lfsmig.errors import InputError
from lfsmig.intake.readers.contract import Content, Delivery
from lfsmig.intake.readers.limits import check_cells, check_size
from lfsmig.intake.readers.text import clean, coded_text, unique_names


def read_parquet(delivery: Delivery) -> Content:
    """Read a Parquet file; nested columns are refused, dates become ISO text."""
    name = delivery.name
    try:
        with delivery.open() as stream:
            file = pq.ParquetFile(stream)
            facts = file.metadata
            size = sum(facts.row_group(i).total_byte_size for i in range(facts.num_row_groups))
            # A column of one value takes no room in the file and all of it in memory.
            check_cells(name, facts.num_rows, facts.num_columns, delivery.limit)
            check_size(name, size, delivery.limit, "unpacked it takes")
            table = file.read(use_pandas_metadata=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        words = str(error).strip().splitlines()[0][:120] if str(error).strip() else "unknown reason"
        raise InputError(
            f"{name}: this is not a readable Parquet file, perhaps cut short ({words}); "
            "copy it again from the source"
        ) from None
    names = [clean(one, name, "a column name") for one in table.column_names]
    unique_names(name, names)
    columns = {one: _column(name, one, table.column(i)) for i, one in enumerate(names)}
    return Content(columns, table.num_rows, "utf-8")


def _column(file: str, name: str, values: pa.ChunkedArray) -> Any:
    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.cast(kind.value_type)
        kind = kind.value_type
    if pa.types.is_boolean(kind):
        kind, values = pa.int8(), values.cast(pa.int8())
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    if pa.types.is_null(kind):
        return np.full(len(values), np.nan)
    if pa.types.is_temporal(kind):
        values = values.cast(pa.string())
    elif not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise InputError(
            f"{file}: column {name} is of the type {kind}; expected numbers, text or dates"
        )
    return coded_text(values.cast(pa.string()).dictionary_encode())
