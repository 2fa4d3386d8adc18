"""Tiny hand-made raw files in the layout of each year, with that year's peculiarities."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyreadstat

KEY = ["REG", "CWT", "AREA", "PSU_NO", "EA_SET", "SAMSET", "HH_NO", "NO"]
STRATA = [(1, 10, 1), (2, 20, 1), (2, 20, 2), (4, 43, 2)]
NAMES = {
    2019: "lfs624.dta",
    2020: "lfs634.dta",
    2021: "lfs644.sav",
    2022: "lfs654.csv",
    2023: "lfs664.sav",
    2024: "lfs674.sav",
}
THAI = {
    "SEX": {1: "ชาย", 2: "หญิง"},
    "AREA": {1: "ในเขตเทศบาล", 2: "นอกเขตเทศบาล"},
    "MARITAL": {1: "โสด", 2: "สมรส", 6: "ไม่ทราบ"},
    "SYN_NAT": {1: "ไทย", 2: "ไม่ใช่ไทย", 9: "ไม่ทราบ"},
    "SYN_MOVED": {1: "ย้าย", 2: "ไม่ได้ย้าย"},
    "SYN_REMIT": {1: "ส่ง", 2: "ไม่ส่ง"},
}
# One household: head at work who moved from Chon Buri and sends money, spouse waiting for the
# season, child, and a visitor from Myanmar whose amounts are unknown.
PERSONS = [
    {
        "SEX": 1, "AGE": 40, "RELATION": 1, "MARITAL": 2, "RE_ED": 5, "WK_7DAY": 1, "STATUS": 6,
        "OCCUP": 110, "INDUS": 1111, "SIZE": 9, "MAIN_HR": 48, "TOTAL_HR": 48, "WAGE_TYPE": 4,
        "AMOUNT": 99999, "APPROX": 12000, "MORE_WK": 2, "GRADE_A": 1,
        "SYN_NAT": 1, "SYN_BIRTH_PV": 20, "SYN_BIRTH_CN": 764, "SYN_DUR": 0, "SYN_MOVED": 1,
        "SYN_MONTHS": 3, "SYN_PREV_PV": 20, "SYN_PREV_CN": 764, "SYN_PREV_AREA": 1,
        "SYN_REASON": 1, "SYN_REGISTER": 3, "SYN_STAY": 6, "SYN_NMOVES": 1, "SYN_REMIT": 1,
        "SYN_REMIT_TO": 1, "SYN_REMIT_CASH": 10000, "SYN_REMIT_GOODS": 500,
    },
    {
        "SEX": 2, "AGE": 38, "RELATION": 2, "MARITAL": 2, "RE_ED": 3, "WK_7DAY": 2, "RECEIVE": 2,
        "RETURN": 2, "SEEKING": 3, "AVAILABLE": 2, "RE_UNAVAIL": 4, "GRADE_A": 1,
        "SYN_NAT": 1, "SYN_BIRTH_PV": 38, "SYN_BIRTH_CN": 764, "SYN_DUR": 20, "SYN_MOVED": 2,
    },
    {
        "SEX": 1, "AGE": 8, "RELATION": 3,
        "SYN_NAT": 1, "SYN_BIRTH_PV": 99, "SYN_BIRTH_CN": 764, "SYN_DUR": 97, "SYN_MOVED": 2,
    },
    {
        "SEX": 2, "AGE": 22, "RELATION": 15, "MARITAL": 6, "RE_ED": 17, "WK_7DAY": 1, "STATUS": 6,
        "OCCUP": 9970, "INDUS": 41001, "SIZE": 1, "MAIN_HR": 50, "TOTAL_HR": 50, "WAGE_TYPE": 2,
        "AMOUNT": 350, "APPROX": 999999, "MORE_WK": 2, "GRADE_A": 1,
        "SYN_NAT": 2, "SYN_BIRTH_CN": 104, "SYN_DUR": 0, "SYN_MOVED": 1, "SYN_MONTHS": 11,
        "SYN_PREV_CN": 104, "SYN_PREV_AREA": 3, "SYN_REASON": 2, "SYN_REGISTER": 4,
        "SYN_STAY": 9, "SYN_NMOVES": 0, "SYN_REMIT": 1, "SYN_REMIT_TO": 4,
        "SYN_REMIT_CASH": 9999999, "SYN_REMIT_GOODS": 0,
    },
]  # fmt: skip
COLUMNS = """
    SYN_YEAR MONTH REG CWT AREA PSU_NO EA_SET SAMSET HH_NO NO MEMBERS WEIGHT SEX AGE
    RELATION MARITAL GRADE_A RE_ED WK_7DAY RECEIVE RETURN SEEKING AVAILABLE RE_UNAVAIL
    DR_UNEM MORE_WK STATUS OCCUP INDUS SIZE MAIN_HR TOTAL_HR WAGE_TYPE AMOUNT APPROX
    SYN_NAT SYN_BIRTH_PV SYN_BIRTH_CN SYN_DUR SYN_MOVED SYN_MONTHS SYN_PREV_PV
    SYN_PREV_CN SYN_PREV_AREA SYN_REASON SYN_REGISTER SYN_STAY SYN_NMOVES SYN_REMIT
    SYN_REMIT_TO SYN_REMIT_CASH SYN_REMIT_GOODS
""".split()  # noqa: SIM905 - a list of fifty quoted names is harder to read
MODULE = [name for name in COLUMNS if name.startswith("SYN_") and name != "SYN_YEAR"]


def people(year: int) -> pd.DataFrame:
    """Every stratum: two PSUs of two interviewed households and one that was not."""
    rows = []
    for region, province, area in STRATA:
        for psu in (7, 1024):
            for household in (1, 2, 12):
                design = {
                    "SYN_YEAR": year + 543, "MONTH": 10 + household % 3, "REG": region,
                    "CWT": province, "AREA": area, "PSU_NO": psu, "EA_SET": 3, "SAMSET": "A",
                    "HH_NO": household,
                }  # fmt: skip
                if household == 12:
                    rows.append(design)
                    continue
                for number, person in enumerate(PERSONS, start=1):
                    rows.append(
                        design
                        | {"NO": number, "MEMBERS": len(PERSONS), "WEIGHT": 100.5 + psu / 8}
                        | person
                    )
    return pd.DataFrame(rows, columns=COLUMNS)


def padded(values: pd.Series, width: int) -> pd.Series:
    """Write codes as text with leading zeros, blank where missing."""
    return values.map(lambda v: "" if pd.isna(v) else str(int(v)).zfill(width)).astype(object)


def write_year(folder: Path, year: int, frame: pd.DataFrame | None = None) -> Path:
    """Write a year's files into `<folder>/<year>`; return that folder."""
    frame = people(year) if frame is None else frame.copy()
    target = folder / str(year)
    target.mkdir(parents=True, exist_ok=True)
    path = target / NAMES[year]
    frame = frame.rename(columns={"WEIGHT": "Weight" if year < 2021 else "WGT"})
    if year == 2019:
        frame.loc[frame["HH_NO"].eq(2) & frame["PSU_NO"].eq(7), "MEMBERS"] = 5
        pyreadstat.write_dta(frame, path, version=14)
    elif year == 2020:
        names = {"SIZE": "SIZE_", "OCCUP": "OCCUP_", "SEX": "SEX_"}
        pyreadstat.write_dta(frame.rename(columns=names), path, version=13)
    elif year == 2021:
        pyreadstat.write_sav(frame.rename(columns={"SIZE": "SIZE_"}), path)
    elif year == 2022:
        _write_thai_csv(frame, path)
    elif year == 2023:
        _write_two_files(frame, target)
    else:
        frame["EA_SET"] = padded(frame["EA_SET"], 2)
        names = {"REG": "reg", "CWT": "cwt", "AREA": "area"}
        pyreadstat.write_sav(frame.rename(columns=names), path)
    return target


def as_codes(frame: pd.DataFrame) -> pd.DataFrame:
    """Write whole numbers without a decimal point, as a CSV export does."""
    text = frame.astype(object)
    for name in frame.columns:
        if pd.api.types.is_float_dtype(frame[name]) and (frame[name].dropna() % 1 == 0).all():
            text[name] = frame[name].map(lambda v: "" if np.isnan(v) else str(int(v)))
    return text


def _write_thai_csv(frame: pd.DataFrame, path: Path) -> None:
    text = as_codes(frame)
    for name, labels in THAI.items():
        text[name] = frame[name].map(labels).fillna("")
    path.write_bytes(text.to_csv(index=False, lineterminator="\r\n").encode("cp874"))


def _write_two_files(frame: pd.DataFrame, target: Path) -> None:
    module = frame[[*KEY, "SEX", "AGE", "WGT", *MODULE]]
    module = module[module["NO"].notna()].iloc[::-1]
    labour = frame.drop(columns=MODULE)
    for name, width in {"MARITAL": 2, "OCCUP": 4, "RE_ED": 2, "INDUS": 5}.items():
        labour[name] = padded(labour[name], width)
    pyreadstat.write_sav(labour, target / "lfs664.sav")
    pyreadstat.write_sav(module, target / "mig664.sav")
