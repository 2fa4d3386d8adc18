"""Parameters of the sample: three YAML files and the province tables they point to."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from lfsmig.errors import ParameterError
from lfsmig.yamltext import plain

FILES = ("sample_targets.yml", "sample_model.yml", "sample_layout.yml")


class Section(dict[Any, Any]):
    """A part of a parameter file that names the key when one is missing."""

    def __init__(self, values: dict[Any, Any], where: str) -> None:
        super().__init__({key: _section(value, f"{where}.{key}") for key, value in values.items()})
        self.where = where

    def __missing__(self, key: object) -> Any:
        near = ", ".join(str(name) for name in self) or "nothing"
        raise ParameterError(f"{self.where}: key `{key}` is missing; there are {near}")


def _section(value: Any, where: str) -> Any:
    return Section(value, where) if isinstance(value, dict) else value


@dataclass(frozen=True)
class Settings:
    """All that the generator reads, and the table of provinces made from it."""

    targets: dict[str, Any]
    model: dict[str, Any]
    layout: dict[str, Any]
    provinces: pd.DataFrame
    distance: np.ndarray
    digest: str

    @property
    def series(self) -> dict[str, Any]:
        """Yearly values the generator aims at."""
        return dict(self.targets["series"])

    @property
    def years(self) -> list[int]:
        """Years that can be made."""
        return sorted(int(year) for year in self.layout["years"])


def load_settings(params_dir: Path) -> Settings:
    """Read the parameter files of the sample.

    Parameters
    ----------
    params_dir
        Folder that holds the three sample files.

    Returns
    -------
    Settings

    Raises
    ------
    ParameterError
        A file or table is missing or cannot be read.
    """
    digest = hashlib.sha256()
    loaded = []
    for name in FILES:
        path = Path(params_dir) / name
        digest.update(_read_bytes(path))
        loaded.append(_read_yaml(path))
    targets, model, layout = loaded
    geography = model["geography"]
    tables = []
    for key in ("provinces", "population"):
        path = Path(params_dir) / geography[key]
        digest.update(_read_bytes(path))
        tables.append(pd.read_csv(path, encoding="utf-8", dtype={0: str}))
    provinces = _province_table(tables[0], tables[1], geography)
    return Settings(
        targets, model, layout, provinces, _distances(provinces), digest.hexdigest()[:16]
    )


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ParameterError(
            f"{path}: cannot be read ({error.strerror}); the sample needs it, "
            "name its folder with --params"
        ) from None


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        return Section(plain(path.read_text(encoding="utf-8")), str(path))
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise ParameterError(f"{path}: not valid YAML: {reason}") from None


def _province_table(
    codebook: pd.DataFrame, population: pd.DataFrame, geography: dict[str, Any]
) -> pd.DataFrame:
    """One row a province, in code order: region, residents, age bands, place, municipal share."""
    places = {
        int(code): (float(north), float(east))
        for code, north, east in (item.split() for item in geography["places"].split(";"))
    }
    table = pd.DataFrame({"code": codebook["code"].astype(int), "region": codebook["region_code"]})
    counted = population.set_index(population.columns[0].strip()).copy()
    counted.index = counted.index.astype(int)
    table = table.sort_values("code", ignore_index=True)
    rows = counted.loc[table["code"]]
    table["residents"] = rows["nesdc_resident_pop_thousand"].to_numpy(dtype=float) * 1000
    table["under_20"] = rows["reg_jun2021_age0_19"].to_numpy(dtype=float)
    table["from_20_to_59"] = rows["reg_jun2021_age20_59"].to_numpy(dtype=float)
    table["from_60"] = rows["reg_jun2021_age60plus"].to_numpy(dtype=float)
    table["registered"] = rows["reg_jun2021_total"].to_numpy(dtype=float)
    table["north"] = [places[code][0] for code in table["code"]]
    table["east"] = [places[code][1] for code in table["code"]]
    share = {int(key): value for key, value in geography["municipal_share"].items()}
    table["municipal"] = table["region"].astype(int).map(share).astype(float)
    special = {int(key): value for key, value in geography["municipal_share_province"].items()}
    table["municipal"] = table["code"].map(special).fillna(table["municipal"]).astype(float)
    table["region"] = table["region"].astype(int)
    return table


def _distances(provinces: pd.DataFrame) -> np.ndarray:
    """Kilometres between capitals, at least 30 so that neighbours do not swallow all moves."""
    north = np.radians(provinces["north"].to_numpy())
    east = np.radians(provinces["east"].to_numpy())
    rise = np.sin((north[:, None] - north[None, :]) / 2) ** 2
    run = np.cos(north)[:, None] * np.cos(north)[None, :]
    angle = np.sin((east[:, None] - east[None, :]) / 2) ** 2
    return np.asarray(np.maximum(12742 * np.arcsin(np.sqrt(rise + run * angle)), 30.0))
