"""Writes the files that no tool here writes, and one table in every format that one does."""

from __future__ import annotations

import base64
import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyreadstat

FOLDER = Path(__file__).parents[1] / "fixtures" / "foreign"
LABELS = {"SEX": "เพศ", "NAME": "ชื่อน้ำ", "WGT": "ค่าถ่วงน้ำหนัก"}
VALUE_LABELS = {"SEX": {1.0: "ชาย", 2.0: "หญิง"}}
FRAME = pd.DataFrame(
    {"SEX": [1.0, 2.0, np.nan], "NAME": ["น้ำ", "ก", "ญี่ปุ่น"], "WGT": [1.5, 100.25, 0.125]}
)
# What older formats can hold: no Thai.
ASCII = FRAME.assign(NAME=["water", "a", "Japan"])
ASCII_LABELS = {"SEX": "sex", "NAME": "name", "WGT": "weight"}


def foreign(folder: Path, name: str) -> Path:
    """Unpack one of the foreign files."""
    text = (FOLDER / f"{name}.gz.b64").read_text(encoding="ascii")
    path = folder / name
    path.write_bytes(gzip.decompress(base64.b64decode(text)))
    return path


def text_of(frame: pd.DataFrame, delimiter: str = ",") -> str:
    """Write a frame as delimited text."""
    return frame.convert_dtypes().to_csv(index=False, sep=delimiter, lineterminator="\n")


def zipped(members: dict[str, bytes]) -> bytes:
    """Make a .zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def _spss(path: Path) -> None:
    pyreadstat.write_sav(
        FRAME, path, file_label="แฟ้มทดสอบ", column_labels=LABELS,
        variable_value_labels=VALUE_LABELS, missing_ranges={"SEX": [9.0, {"lo": 97, "hi": 99}]},
        compress=path.suffix == ".zsav",
    )  # fmt: skip


def _portable(path: Path) -> None:
    pyreadstat.write_por(ASCII, path, column_labels=ASCII_LABELS)


def _stata(version: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        thai = version >= 14
        pyreadstat.write_dta(
            FRAME if thai else ASCII, path, version=version,
            column_labels=LABELS if thai else ASCII_LABELS,
            variable_value_labels=VALUE_LABELS if thai else {"SEX": {1.0: "male", 2.0: "female"}},
        )  # fmt: skip

    return write


def _transport(version: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        # Version 5 has room for 40 bytes of a label.
        labels = LABELS if version == 8 else {"SEX": LABELS["SEX"]}
        pyreadstat.write_xport(FRAME, path, column_labels=labels, file_format_version=version)

    return write


def _packed(path: Path) -> None:
    plain = path.with_suffix("")
    WRITERS[plain.suffix](plain)
    content = plain.read_bytes()
    plain.unlink()
    path.write_bytes(
        gzip.compress(content) if path.suffix == ".gz" else zipped({plain.name: content})
    )


def _with_macros(path: Path) -> None:
    """A workbook by the type that Excel gives one with macros."""
    plain = path.with_suffix(".xlsx")
    FRAME.to_excel(plain, index=False)
    sheet, macros = b"sheet.main+xml", b"application/vnd.ms-excel.sheet.macroEnabled.main+xml"
    with zipfile.ZipFile(plain) as archive:
        parts = {one: archive.read(one) for one in archive.namelist()}
    plain.unlink()
    types = "[Content_Types].xml"
    before = b"application/vnd.openxmlformats-officedocument.spreadsheetml." + sheet
    assert before in parts[types]
    path.write_bytes(zipped(parts | {types: parts[types].replace(before, macros)}))


WRITERS: dict[str, Callable[[Path], None]] = {
    ".sav": _spss,
    ".zsav": _spss,
    ".por": _portable,
    ".dta": _stata(15),
    ".xpt": _transport(8),
    ".csv": lambda path: path.write_text(text_of(FRAME), encoding="utf-8") and None,
    ".tsv": lambda path: path.write_text(text_of(FRAME, "\t"), encoding="utf-8") and None,
    ".txt": lambda path: path.write_text(text_of(FRAME, "|"), encoding="utf-8") and None,
    ".dat": lambda path: path.write_text(text_of(FRAME, ";"), encoding="utf-8") and None,
    ".xlsx": lambda path: FRAME.to_excel(path, index=False),
    ".xlsm": _with_macros,
    ".parquet": FRAME.to_parquet,
}
VERSIONS: dict[str, Callable[[Path], None]] = {
    **{f"stata {version}": _stata(version) for version in (8, 10, 12, 13, 14, 15)},
    "stata 118": lambda path: FRAME.to_stata(path, write_index=False, version=118),
    "stata 119": lambda path: FRAME.to_stata(path, write_index=False, version=119),
    "transport 5": _transport(5),
    "transport 8": _transport(8),
}


def write(path: Path) -> Path:
    """Write the table in the format of the path's ending."""
    (_packed if path.suffix in (".gz", ".zip") else WRITERS[path.suffix])(path)
    return path


def texts(values: object) -> list[str | None]:
    """Return a column as people read it, None where it is blank."""
    from lfsmig.intake.readers.contract import plain

    series = pd.Series(values)
    return [None if pd.isna(one) else plain(one) for one in series.astype(object)]
