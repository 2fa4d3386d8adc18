"""The whole sample: rounds, years, panel, weights, model, files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lfsmig.errors import ParameterError
from lfsmig.sample import files
from lfsmig.sample.births import assign_births
from lfsmig.sample.calibrate import calibrated_weights
from lfsmig.sample.draw import stream
from lfsmig.sample.frame import HOUSEHOLD_SET, answers_next_year, enumeration_areas, household_set
from lfsmig.sample.households import new_people, tell_apart
from lfsmig.sample.labour import assign_activity, assign_answers, assign_education, assign_jobs
from lfsmig.sample.module import assign_module
from lfsmig.sample.moves import assign_moves
from lfsmig.sample.panel import next_year, replaced_addresses
from lfsmig.sample.settings import Settings, load_settings

# What a person carries into the second year; everything else is asked anew.
MEMBER = ["household", "line", "relation", "sex", "age", "marital", "couple"]
HISTORY = [
    "person_effect",
    "person_effect_2",
    "birth_pv",
    "birth_cn",
    "nat",
    "dur",
    "educ",
    "activity",
    "sector",
    "indus",
    "occup",
    "status",
]
LASTING = [*MEMBER, *HISTORY]
HOUSEHOLD_COLUMNS = [
    "household",
    "stratum",
    "province",
    "code",
    "area",
    "region",
    "hh_effect",
    "hh_effect_2",
    "ea_effect",
    "ea_effect_2",
    "base",
]


def generate(
    out: Path,
    years: list[int],
    scale: float = 1.0,
    seed: int = 2562,
    params_dir: Path = Path("params"),
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Write synthetic raw files for the years asked for.

    Parameters
    ----------
    out
        Folder to write `<year>/…` and SYNTHETIC.json into.
    years
        Survey years (CE) that params/sample_layout.yml describes.
    scale
        Share of the full number of EAs, above 0 and up to 1; no stratum falls below two.
    seed
        Seed of all random streams.
    params_dir
        Folder of the sample's parameter files.
    progress
        Called with one line a step.

    Returns
    -------
    dict
        The content of SYNTHETIC.json.

    Raises
    ------
    ParameterError
        An argument or parameter file is not usable, or `out` holds files that are not ours.
    """
    settings = load_settings(Path(params_dir))
    wanted = _check(settings, years, scale, seed)
    say = progress or (lambda line: None)
    manifest = files.open_manifest(Path(out), settings, wanted, scale, seed)
    for number, members in enumerate(settings.model["design"]["rounds"]):
        chain = [year for year in members if year <= max(wanted)]
        if not set(chain) & set(wanted):
            continue
        last = max(set(chain) & set(wanted))
        for year, households, people in survey_round(settings, number, last, scale, seed, say):
            if year in wanted:
                manifest["years"][str(year)] = files.write_year(
                    Path(out), settings, year, households, people, seed
                )
                say(f"{year}: written")
    files.close_manifest(Path(out), manifest)
    return manifest


def _check(settings: Settings, years: list[int], scale: float, seed: int) -> list[int]:
    """Refuse what cannot be made, in one line."""
    known = settings.years
    if not years:
        raise ParameterError(f"years: none given; choose from {known[0]} to {known[-1]}")
    for year in years:
        if isinstance(year, bool) or not isinstance(year, int) or year not in known:
            raise ParameterError(
                f"years: {year!r} cannot be made; sample_layout.yml describes "
                f"{known[0]} to {known[-1]}"
            )
    if isinstance(scale, bool) or not isinstance(scale, int | float) or not 0 < scale <= 1:
        raise ParameterError(f"scale: {scale!r} is not above 0 and up to 1")
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ParameterError(f"seed: {seed!r} is not a whole number of 0 or more")
    return sorted(set(years))


def survey_round(
    settings: Settings,
    number: int,
    last: int,
    scale: float,
    seed: int,
    say: Callable[[str], None] = lambda line: None,
) -> Any:
    """Yield (year, planned households, persons) of a rotation round, one year after the other."""
    eas = enumeration_areas(settings, number, scale, seed)
    carried: tuple[pd.DataFrame, pd.DataFrame] | None = None
    for position, year in enumerate(settings.model["design"]["rounds"][number]):
        if year > last:
            return
        say(f"{year}: households and persons")
        fresh = household_set(settings, eas, number, position + 1, seed)
        if carried is None:
            first = household_set(settings, eas, number, position, seed)
            old, before = first, _no_people()
        else:
            old, before = carried
        households, people = _survey_year(
            settings, year, number, position, old, before, fresh, seed
        )
        yield year, households, people
        mine = people["household"].isin(fresh["household"])
        carried = (fresh, people.loc[mine, LASTING].copy())


def _no_people() -> pd.DataFrame:
    return pd.DataFrame({column: pd.Series(dtype=float) for column in LASTING})


def _survey_year(
    settings: Settings,
    year: int,
    number: int,
    position: int,
    old: pd.DataFrame,
    before: pd.DataFrame,
    fresh: pd.DataFrame,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Persons of one survey year: those who come back, those who are new, all items."""
    old = old.copy()
    if position > 0:
        old["answers"] = answers_next_year(settings, old, seed)
    households = pd.concat([old, fresh], ignore_index=True)
    model = settings.model["households"]
    answering = households.loc[households["answers"]]
    parts = []
    back = before.loc[before["household"].isin(answering["household"])]
    known = answering["household"].isin(before["household"])
    if len(back):
        replaced = replaced_addresses(back, model, stream(seed, "replaced", year))
        _renew(households, replaced, stream(seed, "renewed", year))
        stay = back.loc[~back["household"].isin(replaced)]
        parts.append(next_year(stay, model, stream(seed, "ageing", year)))
        anew = answering.loc[answering["household"].isin(replaced)]
        younger = {**model, "head_age_weights": model["replaced_head_age_weights"]}
        others = new_people(anew, younger, stream(seed, "others", year))
        parts.append(others.assign(arrived=True))
    parts.append(new_people(answering.loc[~known], model, stream(seed, "people", number, position)))
    people = pd.concat(parts, ignore_index=True)
    people["known_address"] = people["household"].isin(answering.loc[known, "household"])
    _complete(people, households, seed, year)
    tell_apart(people)
    _make_collective(settings, people, households, year, stream(seed, "collective", year))
    people["weight"] = calibrated_weights(settings, people, year).round(6)
    for step, name in (
        (assign_moves, "moves"),
        (assign_births, "births"),
        (assign_education, "education"),
        (assign_activity, "activity"),
        (assign_jobs, "jobs"),
        (assign_answers, "answers"),
        (assign_module, "module"),
    ):
        step(settings, people, year, stream(seed, name, year))
    return households, people


def _make_collective(
    settings: Settings,
    people: pd.DataFrame,
    households: pd.DataFrame,
    year: int,
    rng: np.random.Generator,
) -> None:
    """Turn a few new, large households into workers who live together without a head."""
    layout = settings.layout["years"][year]
    count = layout.get("collective_households", 0)
    here = people["new"] & (people["region"] == layout.get("collective_region", 0))
    size = people.loc[here].groupby("household").size()
    last_set = households["household"].max() // HOUSEHOLD_SET
    large = size.index[(size >= 4) & (size.index // HOUSEHOLD_SET == last_set)]
    if not count or len(large) < count:
        return
    mine = people["household"].isin(rng.choice(large, count, replace=False)).to_numpy()
    people.loc[mine, ["relation", "couple"]] = 0
    people.loc[mine, "age"] = rng.integers(20, 45, int(mine.sum()))
    people.loc[mine, "marital"] = rng.integers(1, 3, int(mine.sum()))


def _complete(people: pd.DataFrame, households: pd.DataFrame, seed: int, year: int) -> None:
    """Bring design columns and lasting effects to the persons (in place)."""
    rng = stream(seed, "effects", year)
    planned = households.groupby("ea")["answers"].transform("size")
    answered = households.groupby("ea")["answers"].transform("sum")
    households["base"] = households["ea_base"] * planned / answered.clip(lower=1)
    table = households.set_index("household")
    for column in HOUSEHOLD_COLUMNS[1:]:
        people[column] = table[column].to_numpy()[
            table.index.get_indexer(pd.Index(people["household"]))
        ]
    for column in ("joined", "arrived"):
        people[column] = people[column].eq(True) if column in people else False
    for column in HISTORY:
        if column not in people:
            people[column] = np.nan
    people["new"] = people["person_effect"].isna()
    for column in ("person_effect", "person_effect_2"):
        people[column] = np.where(people["new"], rng.standard_normal(len(people)), people[column])
    for column in MEMBER:
        people[column] = people[column].astype(int)


def _renew(households: pd.DataFrame, replaced: np.ndarray, rng: np.random.Generator) -> None:
    """Draw the effects of the households that took over an address (in place)."""
    mine = households["household"].isin(replaced)
    for column in ("hh_effect", "hh_effect_2"):
        households.loc[mine, column] = rng.standard_normal(int(mine.sum()))
