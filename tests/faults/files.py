"""Faults of the files themselves: what must stop the reading, and say which column or code."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyreadstat

TEXT, SPSS, MODULE = "2022/lfs654.csv", "2023/lfs664.sav", "2023/mig664.sav"
KEY = ["REG", "CWT", "AREA", "PSU_NO", "EA_SET", "SAMSET", "HH_NO", "NO"]
# Every so-manieth household is enough to read a file and to find what is wrong with it.
STEP = 12


@dataclass(frozen=True)
class FileFault:
    """One way to corrupt a delivered file, and the words in which the reading stops."""

    name: str
    year: int
    says: str
    make: Callable[[Path], None]
    # The check of the protocol that turns red, where the file can be read all the same.
    check: str = ""


FILE_FAULTS: list[FileFault] = []


def file_fault(name: str, year: int, says: str = "", check: str = "") -> Callable:
    """Register a fault on a year's files; the function gets the folder of raw files."""

    def register(make: Callable[[Path], None]) -> Callable[[Path], None]:
        FILE_FAULTS.append(FileFault(name, year, says, make, check))
        return make

    return register


def thinned(source: Path, target: Path) -> None:
    """Copy the raw files of 2022 and 2023 with a part of their households."""
    for year in (2022, 2023):
        (target / str(year)).mkdir(parents=True)
    for sign in ("2022/SYNTHETIC.txt", "2023/SYNTHETIC.txt"):
        if (source / sign).is_file():
            shutil.copy(source / sign, target / sign)
    lines = (source / TEXT).read_bytes().decode("cp874").splitlines(keepends=True)
    kept = [lines[0], *lines[1 : 1 + len(lines) // STEP]]
    (target / TEXT).write_bytes("".join(kept).encode("cp874"))
    numbers: set[object] | None = None
    for name in (SPSS, MODULE):
        frame, _ = pyreadstat.read_sav(source / name)
        numbers = numbers or set(sorted(frame["PSU_NO"].unique())[::STEP])
        pyreadstat.write_sav(frame[frame["PSU_NO"].isin(numbers)], target / name)


def edit_text(folder: Path, change: Callable[[str], str]) -> None:
    path = folder / TEXT
    text = path.read_bytes().decode("cp874").replace("\r\n", "\n")
    path.write_bytes(change(text).encode("cp874"))


def edit_table(folder: Path, name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    frame, _ = pyreadstat.read_sav(folder / name)
    pyreadstat.write_sav(change(frame), folder / name)


def header(text: str, change: Callable[[list[str]], list[str]]) -> str:
    first, rest = text.split("\n", 1)
    return ",".join(change(first.split(","))) + "\n" + rest


def column(text: str, name: str, change: Callable[[str], str]) -> str:
    lines = text.split("\n")
    place = lines[0].split(",").index(name)
    out = [lines[0]]
    for line in lines[1:]:
        cells = line.split(",")
        if len(cells) > place:
            cells[place] = change(cells[place])
        out.append(",".join(cells))
    return "\n".join(out)


def swapped(names: list[str], one: str, other: str) -> list[str]:
    turn = {one: other, other: one}
    return [turn.get(name, name) for name in names]


@file_fault("the text file breaks off in a record", 2022, "expected|fields|columns|damaged|breaks")
def broken_text(folder: Path) -> None:
    path = folder / TEXT
    lines = path.read_bytes().replace(b"\r\n", b"\n").split(b"\n")
    path.write_bytes(b"\n".join(lines[:40]) + b"\n" + lines[40][: len(lines[40]) // 2])


@file_fault("the SPSS file breaks off", 2023, "damaged|cannot be read|incomplete|broken|cut")
def broken_spss(folder: Path) -> None:
    path = folder / SPSS
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 3])


@file_fault("an empty file", 2022, "found none")
def empty(folder: Path) -> None:
    (folder / TEXT).write_bytes(b"")


@file_fault("column names without a record", 2022, "no record|no row|empty")
def only_names(folder: Path) -> None:
    edit_text(folder, lambda text: text.split("\n", 1)[0] + "\n")


@file_fault("Thai text in a wrong encoding", 2022, "encoded twice")
def wrong_encoding(folder: Path) -> None:
    path = folder / TEXT
    path.write_bytes(path.read_bytes().decode("cp874").encode("utf-8").decode("latin-1").encode())


@file_fault("columns of sex and age interchanged", 2022, "SEX|AGE")
def swapped_columns(folder: Path) -> None:
    edit_text(folder, lambda t: header(t, lambda names: swapped(names, "SEX", "AGE")))


@file_fault("columns of marital status and schooling interchanged", 2022, "MARITAL|RE_ED")
def swapped_codes(folder: Path) -> None:
    edit_text(folder, lambda t: header(t, lambda names: swapped(names, "MARITAL", "RE_ED")))


@file_fault("the column of weights is missing", 2022, "WGT")
def no_weights(folder: Path) -> None:
    edit_table_text(folder, "WGT")


def edit_table_text(folder: Path, name: str) -> None:
    def without(text: str) -> str:
        rows = [line.split(",") for line in text.split("\n") if line]
        place = rows[0].index(name)
        return "\n".join(",".join(row[:place] + row[place + 1 :]) for row in rows) + "\n"

    edit_text(folder, without)


@file_fault("a column that nobody knows", 2022, "TENURE")
def unknown_column(folder: Path) -> None:
    edit_text(
        folder,
        lambda text: "\n".join(
            line + (",TENURE" if not number else ",1") if line else line
            for number, line in enumerate(text.split("\n"))
        ),
    )


@file_fault("the file of another year", 2022, "year|2565|2022")
def other_year(folder: Path) -> None:
    edit_text(folder, lambda t: column(t, "SYN_YEAR", lambda cell: "2564" if cell else cell))


@file_fault("years of two eras in one column", 2022, "SYN_YEAR")
def two_eras(folder: Path) -> None:
    seen = [0]

    def mixed(cell: str) -> str:
        seen[0] += 1
        return "2022" if cell and seen[0] % 2 else cell

    edit_text(folder, lambda t: column(t, "SYN_YEAR", mixed))


@file_fault("codes of labour questions shifted by ten", 2022, "no meaning for code")
def shifted_codes(folder: Path) -> None:
    edit_text(
        folder, lambda t: column(t, "WK_7DAY", lambda cell: str(int(cell) + 10) if cell else cell)
    )


@file_fault("a province code of no list", 2022, "CWT")
def strange_province(folder: Path) -> None:
    edit_text(folder, lambda t: column(t, "CWT", lambda cell: "98" if cell == "10" else cell))


@file_fault("weights with decimal commas", 2022, "WGT|fields|columns|expected")
def decimal_commas(folder: Path) -> None:
    edit_text(folder, lambda t: column(t, "WGT", lambda c: f'"{c.replace(".", ",")}"' if c else c))


@file_fault("an age of 999", 2022, "AGE.*outside the limits")
def age_999(folder: Path) -> None:
    edit_text(folder, lambda t: column(t, "AGE", lambda c: "999" if c == "70" else c))


@file_fault("numbers with a formula", 2022, "formula|no number|AGE")
def formula(folder: Path) -> None:
    edit_text(folder, lambda t: column(t, "AGE", lambda c: "=1+1" if c == "70" else c))


@file_fault("the area number is blank in persons' records", 2023, "PSU_NO")
def blank_area(folder: Path) -> None:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame.loc[frame.index[::50], "PSU_NO"] = None
        return frame

    edit_table(folder, SPSS, change)


@file_fault("two columns of weights", 2023, "WGT|WEIGHT")
def two_weights(folder: Path) -> None:
    edit_table(folder, SPSS, lambda frame: frame.assign(WEIGHT=frame["WGT"]))


@file_fault("the module of another round", 2023, check="S6")
def other_module(folder: Path) -> None:
    edit_table(folder, MODULE, lambda frame: frame.assign(PSU_NO=frame["PSU_NO"] + 1))


@file_fault("half of the module is missing", 2023, check="S6")
def half_module(folder: Path) -> None:
    edit_table(folder, MODULE, lambda frame: frame.iloc[::2])


@file_fault("the module holds persons twice", 2023, "twice|unique|more than one|repeated|duplicate")
def doubled_module(folder: Path) -> None:
    edit_table(folder, MODULE, lambda frame: pd.concat([frame, frame.head(30)]))


@file_fault("the module gives persons another sex", 2023, check="S6")
def other_sex(folder: Path) -> None:
    edit_table(folder, MODULE, lambda frame: frame.assign(SEX=3 - frame["SEX"]))
