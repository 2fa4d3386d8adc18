"""Excel workbooks (.xlsx, .xlsm): one sheet whose first filled line holds the column names.

The older .xls is refused: whether a cell is a formula cannot be seen in it.
"""

from __future__ import annotations

import datetime
import re
import zipfile
from typing import Any

import numpy as np
import pyarrow as pa
import python_calamine as calamine

from lfsmig.errors import InputError
from lfsmig.intake.readers.contract import Content, Delivery, plain
from lfsmig.intake.readers.limits import check_cells, check_size
from lfsmig.intake.readers.text import clean, coded_text, one_writing, printable, unique_names

_FORMULA = re.compile(rb"<(?:\w+:)?f[ />]")
# Where a calculation failed (#REF!, #N/A) the library hands over a blank.
_FAILED = re.compile(rb"<(?:\w+:)?c [^>]*t=\"e\"")
_CHUNK = 1 << 20


def read_workbook(delivery: Delivery) -> Content:
    """Read the sheet that the mapping names, or the only one that is not empty."""
    name = delivery.name
    _check_parts(delivery)
    try:
        with delivery.open() as stream, calamine.CalamineWorkbook.from_filelike(stream) as book:
            sheet = _sheet(book, delivery)
            title = str(sheet.name)
            check_cells(name, sheet.total_height, sheet.total_width, delivery.limit)
            rows = sheet.to_python(skip_empty_area=True)
    except (calamine.CalamineError, OSError, ValueError) as error:
        words = printable(str(error))[:120] or "unknown reason"
        raise InputError(
            f"{name}: this is not a readable Excel file, perhaps cut short or locked ({words}); "
            "save it again as .xlsx without a password"
        ) from None
    if not rows:
        raise InputError(f"{name}: the sheet {title} is empty; expected column names and records")
    names = [clean(plain(one), name, "a column name") for one in rows[0]]
    unique_names(name, names)
    # Lines below the table that were once formatted come along as blank ones.
    records = [row for row in rows[1:] if any(cell != "" for cell in row)]
    columns = {one: _column([row[index] for row in records]) for index, one in enumerate(names)}
    return Content(columns, len(records), "utf-8", notes={"sheet": title})


def _check_parts(delivery: Delivery) -> None:
    """Refuse a workbook that unpacks to too much, one with formulas or failed calculations.

    A formula's stored result may be old or missing, and nothing tells which.
    """
    name, total = delivery.name, 0
    try:
        with delivery.open() as stream, zipfile.ZipFile(stream) as archive:
            for info in archive.infolist():
                sheet = info.filename.startswith("xl/worksheets/")
                with archive.open(info) as part:
                    tail = b""
                    while chunk := part.read(_CHUNK):
                        total += len(chunk)
                        check_size(name, total, delivery.limit, "unpacked it takes more than")
                        if sheet and _FORMULA.search(tail + chunk):
                            raise InputError(
                                f"{name}: a sheet holds formulas; copy it and paste the values "
                                "only, so that what is read is what was meant"
                            )
                        if sheet and _FAILED.search(tail + chunk):
                            raise InputError(
                                f"{name}: a sheet holds a failed calculation such as #REF! or "
                                "#N/A; correct it in Excel"
                            )
                        tail = chunk[-200:]
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(
            f"{name}: this is not a readable Excel file, perhaps cut short or locked "
            f"({printable(str(error))}); save it again as .xlsx without a password"
        ) from None


def _sheet(book: calamine.CalamineWorkbook, delivery: Delivery) -> calamine.CalamineSheet:
    names = list(book.sheet_names)
    wanted = delivery.spec.sheet
    shown = ", ".join(printable(one) for one in names[:6]) + (", …" if len(names) > 6 else "")
    if wanted is not None:
        found = next((one for one in names if one_writing(one) == one_writing(wanted)), None)
        if found is None:
            raise InputError(
                f"{delivery.name}: there is no sheet {wanted}; it holds {shown}; "
                "correct sheet in the year's mapping"
            )
        return book.get_sheet_by_name(found)
    filled = [sheet for sheet in map(book.get_sheet_by_name, names) if sheet.height]
    if len(filled) > 1:
        raise InputError(
            f"{delivery.name}: several sheets hold something ({shown}); "
            "name the one to read as sheet in the year's mapping"
        )
    return filled[0] if filled else book.get_sheet_by_name(names[0])


def _column(cells: list[Any]) -> Any:
    """Make an array of numbers, or text coded once per value where any cell is text."""
    kinds = {type(cell) for cell in cells if cell != ""}
    if kinds <= {float, int, bool}:
        return np.array([np.nan if cell == "" else float(cell) for cell in cells])
    texts = [None if cell == "" else _text(cell) for cell in cells]
    return coded_text(pa.chunked_array([pa.array(texts, pa.string()).dictionary_encode()]))


def _text(cell: Any) -> str:
    if isinstance(cell, bool):
        return str(int(cell))
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    return plain(cell)
