"""Where the sample's parameters lie, and plain readers for its files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyreadstat

from lfsmig.sample.settings import Settings

ROOT = Path(__file__).parents[2]
PARAMS = ROOT / "params"
YEARS = [2019, 2020, 2021, 2022, 2023, 2024]
SCALE = 0.03
KEY = ["REG", "CWT", "AREA", "PSU_NO", "EA_SET", "SAMSET", "HH_NO", "NO"]
HOUSEHOLD = KEY[:-1]


def as_delivered(folder: Path, year: int, name: str) -> pd.DataFrame:
    """Read a file as it is: no renaming, no recoding."""
    path = folder / str(year) / name
    if path.suffix == ".sav":
        return pyreadstat.read_sav(path)[0]
    if path.suffix == ".dta":
        return pd.read_stata(path, convert_categoricals=False)
    return pd.read_csv(path, encoding="cp874", dtype={"INDUS": str, "OCCUP": str})


def read_plain(folder: Path, settings: Settings, year: int) -> pd.DataFrame:
    """Read a year under the plain names, numeric but for SAMSET, module merged."""
    layout = settings.layout["years"][year]
    frame = as_delivered(folder, year, layout["file"])
    back = {layout["weight"]: "WEIGHT"}
    back |= {new: old for old, new in layout.get("rename", {}).items()}
    frame = frame.rename(columns=back)
    for name in layout.get("labelled", []):
        codes = settings.layout["variables"][name]["codes"]
        frame[name] = frame[name].map({pair[1]: code for code, pair in codes.items()})
    for name in frame.columns.drop("SAMSET"):
        frame[name] = pd.to_numeric(frame[name]).astype(float)
    if "module_file" in layout:
        module = as_delivered(folder, year, layout["module_file"])
        module = module.drop(columns=["SEX", "AGE", layout["weight"]])
        frame = frame.merge(module, on=KEY, how="left", validate="one_to_one")
    return frame
