"""The frame of the benchmark: sizes exact, everything else random with a fixed seed.

A year has 153 strata (77 provinces by urban and rural, less one that is all urban), 5,970 PSUs of
12 households, and 220,000 persons. Years are pooled with strata and PSUs of their own. Values mean
nothing; what matters is that they lie as in a survey: households together, PSU after PSU, places
constant within a PSU, personal items not.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

PROVINCES, REGIONS = 77, 5
STRATA, PSUS, HOUSEHOLDS, PERSONS = 153, 5_970, 12, 220_000
LABOUR = ["employer", "own_account", "family", "government", "private", "unemployed", "outside"]


def codes(values: np.ndarray, names: list[str]) -> pd.Categorical:
    return pd.Categorical.from_codes(values.astype("int8"), names)


def numbered(count: int) -> list[str]:
    return [f"{number:02d}" for number in range(1, count + 1)]


def year_frame(year: int, seed: int = 1, persons: int = PERSONS, psus: int = PSUS) -> pd.DataFrame:
    """One year's persons in the order of PSUs and households."""
    rng = np.random.default_rng([seed, year])
    # The first province has one stratum, every other has two; each stratum has at least two PSUs.
    province_of_stratum = (np.arange(STRATA) + 1) // 2
    # PSUs lie in the same strata whatever the seed of the persons.
    spare = np.random.default_rng(STRATA).multinomial(psus - 2 * STRATA, np.ones(STRATA) / STRATA)
    stratum_of_psu = np.repeat(np.arange(STRATA), 2 + spare)
    households = psus * HOUSEHOLDS
    size = 1 + rng.multinomial(persons - households, np.ones(households) / households)
    household = np.repeat(np.arange(households, dtype="int32"), size)
    psu = household // np.int32(HOUSEHOLDS)
    stratum = stratum_of_psu[psu]
    province = province_of_stratum[stratum]
    age = rng.integers(0, 95, persons)
    migrant = rng.random(persons) < 0.02 + 0.03 * (age < 40)
    region = province % REGIONS
    previous = np.where(migrant, rng.integers(0, REGIONS, persons), region)
    income = np.round(rng.lognormal(9, 0.8, persons))
    return pd.DataFrame(
        {
            "year": np.full(persons, year, "int16"),
            "stratum": (stratum + 1000 * (year - 2000)).astype("int32"),
            "psu": (psu + 10_000 * (year - 2000)).astype("int32"),
            "household": household,
            "province": codes(province, numbered(PROVINCES)),
            "region": codes(region, numbered(REGIONS)),
            "previous_region": codes(previous, numbered(REGIONS)),
            "area": codes(stratum % 2, ["urban", "rural"]),
            "sex": codes(rng.integers(0, 2, persons), ["male", "female"]),
            "age": age.astype("int8"),
            "age_group": codes(np.minimum(age // 5, 15), numbered(16)),
            "education": codes(rng.integers(0, 6, persons), numbered(6)),
            "labour_status": codes(rng.integers(0, 7, persons), LABOUR),
            "income": income,
            "migrant": migrant.astype("int8"),
            "weight": np.round(rng.lognormal(5.6, 0.5, persons), 4),
        }
    )


def pooled_frame(years: int, seed: int = 1) -> pd.DataFrame:
    """Years one after the other; each year a level of the column `year`."""
    parts = [year_frame(2019 + number, seed) for number in range(years)]
    frame = pd.concat(parts, ignore_index=True)
    names = [str(2019 + number) for number in range(years)]
    frame["year"] = codes(frame["year"].to_numpy() - 2019, names)
    return frame


def wide_frame(columns: int = 37, seed: int = 1) -> pd.DataFrame:
    """One year with the mix of a survey file: factors, numbers, yes/no, text; each with holes."""
    rng = np.random.default_rng([seed, 37])
    frame = year_frame(2019, seed)
    holes = rng.random(len(frame)) < 0.1
    frame["spell"] = pd.Series(rng.integers(0, 60, len(frame))).mask(holes).astype("Int32")
    frame["wage"] = frame["income"].mask(holes)
    frame["sent_money"] = pd.Series(rng.random(len(frame)) < 0.2).mask(holes).astype("boolean")
    frame["urban"] = (frame["area"] == "urban").to_numpy()
    country = rng.choice(["Laos", "Myanmar", "ไทย", "กัมพูชา"], len(frame))
    frame["country"] = pd.Series(country).mask(holes).astype("str")
    for number in range(columns - len(frame.columns)):
        values = np.where(holes, -1, rng.integers(0, 3 + number, len(frame)))
        frame[f"item_{number}"] = codes(values, numbered(3 + number))
    return frame


def numeric_frame(columns: int = 37, floats: int = 9, seed: int = 1) -> pd.DataFrame:
    """One year as encoded numbers: int32 and float64, no missing value."""
    rng = np.random.default_rng([seed, 28])
    made: dict[str, np.ndarray] = {}
    for number in range(columns):
        if number < columns - floats:
            made[f"i{number}"] = rng.integers(0, 1000, PERSONS, dtype="int32")
        else:
            made[f"f{number}"] = rng.random(PERSONS)
    return pd.DataFrame(made)
