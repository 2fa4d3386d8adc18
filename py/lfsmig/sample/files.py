"""Raw files of a year in the layout, format and encoding that params/sample_layout.yml states.

A year's folder is written under another name and renamed when complete; it carries SYNTHETIC.txt,
so that it is known for what it is wherever it is copied to. SYNTHETIC.json says `complete: false`
from the start of the work to its end: an interruption leaves no folder without the sign. Files
carry no time of writing: equal arguments give equal bytes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyreadstat

from lfsmig.atomic import write_json
from lfsmig.errors import ParameterError
from lfsmig.sample.draw import stream
from lfsmig.sample.settings import Settings
from lfsmig.synthetic import MANIFEST, NOTICE

SCHEMA_VERSION = 1
# The writers stamp the time; a fixed one keeps bytes equal.
STAMP = datetime(2000, 1, 1)
SAV_STAMP = slice(92, 109)
# Columns of the file and of the person table they come from, where the names differ.
SOURCES = {
    "REG": "region",
    "CWT": "code",
    "NO": "line",
    "WEIGHT": "weight",
    "GRADE_A": "attend",
    "RE_ED": "educ",
    "OCCUP": "occup_answer",
    "INDUS": "indus_answer",
    "SYN_NAT": "nat",
    "SYN_DUR": "dur",
    "SYN_MOVED": "moved",
    "SYN_MONTHS": "months",
    "SYN_PREV_PV": "prev_pv",
    "SYN_PREV_CN": "prev_cn",
    "SYN_PREV_AREA": "prev_area",
    "SYN_BIRTH_CN": "birth_cn",
}
TEXT = {"OCCUP": 4, "INDUS": 5}


def open_manifest(
    out: Path, settings: Settings, years: list[int], scale: float, seed: int
) -> dict[str, Any]:
    """Start the manifest, keeping years of an earlier run with the same arguments.

    It is written at once, marked as incomplete.

    Raises
    ------
    ParameterError
        `out` holds year folders that are not ours, or a sample made with other arguments.
    """
    out = Path(out)
    manifest: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "synthetic": True,
        "statement": " ".join(settings.layout["statement"].split()),
        "model_version": str(settings.targets["model_version"]),
        "parameters": settings.digest,
        "seed": seed,
        "scale": float(scale),
        "every_year": settings.layout["every_year"],
        "complete": False,
        "years": {},
    }
    for year in years:
        folder = out / str(year)
        if any(folder.glob("v[0-9]*_M")):
            raise ParameterError(
                f"{folder}: holds master versions that were received; choose another --out"
            )
        if folder.is_dir() and any(folder.iterdir()) and not (folder / NOTICE).exists():
            raise ParameterError(
                f"{folder}: holds files that are not a synthetic sample; choose another --out"
            )
    path = out / MANIFEST
    if path.exists():
        manifest["years"] = _other_years(path, manifest, years)
    write_json(path, manifest)
    return manifest


def _other_years(path: Path, manifest: dict[str, Any], years: list[int]) -> dict[str, Any]:
    """Years that stand in the folder already and stay."""
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        others = {year: entry for year, entry in before["years"].items() if int(year) not in years}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ParameterError(f"{path}: not readable; remove it or choose another --out") from None
    alike = all(before.get(key) == manifest[key] for key in ("parameters", "seed", "scale"))
    if others and not alike:
        raise ParameterError(
            f"{path}: year {min(others)} was made with another seed, scale or model; "
            "remove it, choose another --out or make all years"
        )
    return others


def close_manifest(out: Path, manifest: dict[str, Any]) -> None:
    """Write SYNTHETIC.json anew, now complete."""
    manifest["complete"] = True
    write_json(Path(out) / MANIFEST, manifest)


def write_year(
    out: Path,
    settings: Settings,
    year: int,
    households: pd.DataFrame,
    people: pd.DataFrame,
    seed: int,
) -> dict[str, Any]:
    """Write the files of one year; returns their entry in the manifest."""
    layout = settings.layout["years"][year]
    raw = raw_frame(settings, year, households, people, seed)
    folder = Path(out) / str(year)
    part = Path(out) / f".{year}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    columns = settings.layout["columns"]
    main = raw
    names = [layout["file"]]
    if "module_file" in layout:
        names.append(layout["module_file"])
        main = raw[[*columns["design"], *columns["core"]]]
        module = raw.loc[
            raw["NO"].notna(), [*columns["key"], *layout["module_also"], *columns["module"]]
        ]
        _write(part / names[1], module, settings, year)
    _write(part / names[0], main, settings, year)
    statement = " ".join(settings.layout["statement"].split())
    (part / NOTICE).write_bytes(f"{statement}\n".encode())
    entries = [_describe(part / name, layout, raw) for name in names]
    _replace_folder(part, folder)
    return {
        "year_be": year + int(settings.layout["era_offset"]),
        "files": entries,
        "records": len(raw),
        "blank_records": int(raw["NO"].isna().sum()),
        "persons": len(people),
        "households": int(people["household"].nunique()),
        "planned_households": len(households),
        "replaced_households": int(people.loc[people["arrived"], "household"].nunique()),
        "eas": int(households["ea"].nunique()),
        "weight": layout["weight"],
        "weight_total": round(float(people["weight"].sum()), 3),
        "layout": settings.layout["evidence"]["none" if layout.get("extrapolated") else "seen"],
        "inconsistencies": settings.layout["inconsistencies"][year],
    }


def _describe(path: Path, layout: dict[str, Any], raw: pd.DataFrame) -> dict[str, Any]:
    is_module = path.name == layout.get("module_file")
    return {
        "name": path.name,
        "format": layout["format"],
        "encoding": layout.get("encoding", "utf-8"),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "bytes": path.stat().st_size,
        "rows": int(raw["NO"].notna().sum()) if is_module else len(raw),
    }


def _replace_folder(part: Path, folder: Path) -> None:
    """Put the finished folder in place of an earlier one."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    part.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def raw_frame(
    settings: Settings, year: int, households: pd.DataFrame, people: pd.DataFrame, seed: int
) -> pd.DataFrame:
    """Persons and blank records with the survey's column names, numeric but for SAMSET."""
    columns = settings.layout["columns"]
    table = households.set_index("household")
    rows = table.index.get_indexer(pd.Index(people["household"]))
    frame = pd.DataFrame(index=range(len(people)))
    for column in (*columns["design"], *columns["core"], *columns["module"]):
        source = SOURCES.get(column, column.removeprefix("SYN_").lower())
        if source in people:
            frame[column] = people[source].to_numpy()
        elif source in table:
            frame[column] = table[source].to_numpy()[rows]
    frame["SYN_YEAR"] = year + int(settings.layout["era_offset"])
    frame["MEMBERS"] = people.groupby("household")["line"].transform("size").to_numpy()
    _module_columns(frame, people)
    blank = households.loc[~households["household"].isin(people["household"])]
    empty = pd.DataFrame(
        {
            "SYN_YEAR": frame["SYN_YEAR"].iloc[0],
            "MONTH": blank["month"],
            "REG": blank["region"],
            "CWT": blank["code"],
            "AREA": blank["area"],
            "PSU_NO": blank["psu_no"],
            "EA_SET": blank["ea_set"],
            "SAMSET": blank["samset"],
            "HH_NO": blank["hh_no"],
        }
    )
    whole = pd.concat([frame, empty], ignore_index=True)
    whole = whole[[*columns["design"], *columns["core"], *columns["module"]]]
    whole = whole.sort_values(list(columns["key"]), kind="stable", ignore_index=True)
    _plant_members(whole, settings.layout["years"][year].get("wrong_members", 0), seed, year)
    return whole


def _module_columns(frame: pd.DataFrame, people: pd.DataFrame) -> None:
    """Provinces are blank for places abroad; items of movers stay blank for the rest."""
    birth = people["birth_pv"].to_numpy(dtype=float)
    frame["SYN_BIRTH_PV"] = np.where(birth == 0, np.nan, birth)


def _plant_members(frame: pd.DataFrame, count: int, seed: int, year: int) -> None:
    """Let MEMBERS disagree with the rows in a few households."""
    if not count:
        return
    heads = frame.index[frame["RELATION"] == 1].to_numpy()
    chosen = stream(seed, "members", year).choice(heads, min(count, len(heads)), replace=False)
    key = ["CWT", "AREA", "PSU_NO", "EA_SET", "SAMSET", "HH_NO"]
    planted = pd.MultiIndex.from_frame(frame.loc[chosen, key])
    mine = pd.MultiIndex.from_frame(frame[key]).isin(planted) & frame["NO"].notna().to_numpy()
    frame.loc[mine, "MEMBERS"] += 1


def _write(path: Path, frame: pd.DataFrame, settings: Settings, year: int) -> None:
    layout = settings.layout["years"][year]
    names = {"WEIGHT": layout["weight"], **layout.get("rename", {})}
    text = {key: value for key, value in layout.get("strings", {}).items() if key in frame}
    frame = frame.copy()
    for column, width in text.items():
        frame[column] = _padded(frame[column], width)
    if layout["format"] == "csv":
        _write_csv(path, frame, settings, layout, names)
        return
    labels, values = _labels(settings, frame, layout["language"], text)
    frame = frame.rename(columns=names)
    labels = {names.get(key, key): label for key, label in labels.items()}
    values = {names.get(key, key): table for key, table in values.items()}
    be = year + int(settings.layout["era_offset"])
    title = settings.layout["file_label"][layout["language"]].format(be=be)
    if layout["format"] == "dta":
        _write_dta(path, frame, labels, values, title, layout["version"])
    else:
        _write_sav(path, frame, labels, values, title, layout["weight"])


def _padded(column: pd.Series, width: int) -> pd.Series:
    """Zero-padded text, empty where the number is missing."""
    whole = column.fillna(0).astype(int).astype(str).str.zfill(width)
    return whole.where(column.notna(), "")


def _labels(
    settings: Settings, frame: pd.DataFrame, language: str, text: dict[str, int]
) -> tuple[dict[str, str], dict[str, dict[Any, str]]]:
    """Variable labels and value labels in one language."""
    column = {"en": 0, "th": 1}[language]
    labels, values = {}, {}
    for name in frame.columns:
        entry = settings.layout["variables"][name]
        labels[name] = entry[language]
        if "codes" in entry:
            values[name] = {
                (str(code).zfill(text[name]) if name in text else int(code)): pair[column]
                for code, pair in entry["codes"].items()
            }
    return labels, values


def _write_dta(
    path: Path,
    frame: pd.DataFrame,
    labels: dict[str, str],
    values: dict[str, dict[Any, str]],
    title: str,
    version: Literal[117, 118],
) -> None:
    numbers = frame.copy()
    for name in numbers.columns:
        if name == "SAMSET" or numbers[name].dtype == object or name in ("Weight", "WGT"):
            continue
        if pd.api.types.is_numeric_dtype(numbers[name]):
            numbers[name] = numbers[name].astype("Int32")
    numbers["SAMSET"] = numbers["SAMSET"].astype(object)
    numbers.to_stata(
        path,
        write_index=False,
        version=version,
        time_stamp=STAMP,
        data_label=title,
        variable_labels=labels,
        value_labels=values,
    )


def _write_sav(
    path: Path,
    frame: pd.DataFrame,
    labels: dict[str, str],
    values: dict[str, dict[Any, str]],
    title: str,
    weight: str,
) -> None:
    numeric = [str(name) for name in frame if pd.api.types.is_numeric_dtype(frame[name])]
    formats = {name: "F12.6" if name == weight else "F8.0" for name in numeric}
    floats = frame.assign(**{name: frame[name].astype(float) for name in numeric})
    pyreadstat.write_sav(
        floats,
        str(path),
        file_label=title,
        column_labels=dict(labels),
        row_compress=True,
        variable_value_labels=values,
        variable_format=formats,
    )
    content = bytearray(path.read_bytes())
    content[SAV_STAMP] = STAMP.strftime("%d Jan %y%H:%M:%S").encode("ascii")
    path.write_bytes(bytes(content))


def _write_csv(
    path: Path,
    frame: pd.DataFrame,
    settings: Settings,
    layout: dict[str, Any],
    names: dict[str, str],
) -> None:
    """Comma-separated text in the layout's code page, labels in place of some codes."""
    column = {"en": 0, "th": 1}[layout["language"]]
    text = {}
    for name in frame.columns:
        values = frame[name]
        if name in layout["labelled"]:
            table = {
                int(code): pair[column]
                for code, pair in settings.layout["variables"][name]["codes"].items()
            }
            text[names.get(name, name)] = values.map(table)
        elif name in TEXT:
            text[names.get(name, name)] = _padded(values, TEXT[name])
        elif name in ("SAMSET", "WEIGHT"):
            text[names.get(name, name)] = values
        else:
            text[names.get(name, name)] = values.astype("Int64")
    pd.DataFrame(text).to_csv(
        path, index=False, encoding=layout["encoding"], lineterminator="\n", float_format="%.6f"
    )
