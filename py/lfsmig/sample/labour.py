"""Schooling and labour of persons aged 15 and over: activity, sector, job, hours and wage.

Activity and sector are set by quota in three circles, from the smallest to the largest: recent
internal migrants, lifetime migrants, everybody else; each circle takes what its published share
leaves after the circle inside it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr

from lfsmig.sample.births import lifetime_migrants
from lfsmig.sample.draw import assign_quota, by_step, pick
from lfsmig.sample.settings import Settings

ACTIVITIES = ["employed", "unemployed", "seasonal", "housework", "study", "outside_other"]
SECTORS = ["agriculture", "manufacturing", "services"]
LABOUR_AGE = 15
# Levels from here on are other and unknown.
UNCLASSIFIED = 16


def assign_education(
    settings: Settings, people: pd.DataFrame, year: int, rng: np.random.Generator
) -> None:
    """Give new adults a level completed and let the young complete another one (in place)."""
    model = settings.model["education"]
    age = people["age"].to_numpy()
    size = len(people)
    codes = np.arange(1, 18)
    table = np.zeros((len(model["by_birth"]), len(codes)))
    for cohort, shares in enumerate(model["by_birth"].values()):
        for code, share in shares.items():
            table[cohort, int(code) - 1] = share
    starts = np.array([int(start) for start in model["by_birth"]])
    row = np.clip(np.searchsorted(starts, year - age, side="right") - 1, 0, len(starts) - 1)
    weights = table[row]
    town = (people["area"] == 1).to_numpy()
    weights[:, 10:15] *= np.where(town, model["municipal_degree"], 0.8)[:, None]
    foreign = (people["nat"] == 2).to_numpy()
    weights[:, 0:3] *= np.where(foreign, model["foreign_low"], 1.0)[:, None]
    # Nobody holds a level before the usual age of completing it.
    earliest = np.array([0, 0, 12, 15, 18, 18, 18, 20, 20, 20, 22, 22, 22, 24, 28, 0, 0])
    weights = np.where(age[:, None] >= earliest[None, :], weights, 0.0)
    cumulative = np.cumsum(weights, axis=1)
    # One persistent number a person: who studies on moves up the same ladder as the years pass.
    point = ndtr(people["person_effect_2"].to_numpy()) * cumulative[:, -1]
    level = codes[np.minimum((cumulative <= point[:, None]).sum(axis=1), 16)].astype(float)
    draw = rng.random(size)
    other, unknown = model["unknown"]["other"], model["unknown"]["unknown"]
    level = np.where(draw < other, 16, np.where(draw < other + unknown, 17, level))
    before = people["educ"].to_numpy(dtype=float)
    keep = ~np.isnan(before) & ((age > 25) | (before >= level))
    people["educ"] = np.where(age < LABOUR_AGE, np.nan, np.where(keep, before, level))
    _movers_education(settings, people, year, rng)


def _movers_education(
    settings: Settings, people: pd.DataFrame, year: int, rng: np.random.Generator
) -> None:
    """Shift the schooling of recent internal migrants to its yearly shares (in place)."""
    groups = settings.model["education"]["groups"]
    shares = settings.series["internal_education"][year]
    level = people["educ"].to_numpy(dtype=float)
    mover = (people["mover_type"] == 1).to_numpy() & (level < UNCLASSIFIED)
    rows = np.flatnonzero(mover)
    frame = people.iloc[rows]
    age = frame["age"].to_numpy()
    preference = np.ones((len(rows), len(shares)))
    held = np.full(len(rows), -1)
    for column, name in enumerate(shares):
        group = groups[name]
        inside = np.isin(level[rows], _span(groups, name))
        held[inside] = column
        preference[:, column] = np.where(inside, 12.0, (age >= group["from_age"]) * 1.0)
    weight = frame["weight"].to_numpy()
    totals = np.array(list(shares.values()), dtype=float)
    picked = assign_quota(weight, preference, totals, rng)
    drawn = np.array([rng.choice(groups[list(shares)[column]]["levels"]) for column in picked])
    people.loc[people.index[rows], "educ"] = np.where(picked == held, level[rows], drawn)


def _span(groups: dict[str, Any], name: str) -> list[int]:
    """All levels from the lowest of a group to below the lowest of the next."""
    lows = sorted(min(group["levels"]) for group in groups.values())
    low = min(groups[name]["levels"])
    later = [other for other in lows if other > low]
    return list(range(low, later[0] if later else UNCLASSIFIED))


def schooling(people: pd.DataFrame) -> np.ndarray:
    """0 lower secondary or less, 1 up to post-secondary, 2 degree."""
    level = people["educ"].fillna(1).to_numpy()
    return np.where(
        np.isin(level, [11, 12, 13, 14, 15]), 2, np.where((level >= 5) & (level <= 10), 1, 0)
    )


def assign_activity(
    settings: Settings, people: pd.DataFrame, year: int, rng: np.random.Generator
) -> None:
    """Set the activity of everybody aged 15 and over (in place): 1-6 in the order of ACTIVITIES."""
    adult = (people["age"] >= LABOUR_AGE).to_numpy()
    rows = np.flatnonzero(adult)
    frame = people.iloc[rows]
    preference = _activity_preference(settings.model["labour"], frame, year)
    before = people["activity"].to_numpy(dtype=float)[rows]
    for number in range(len(ACTIVITIES)):
        preference[before == number + 1, number] *= settings.model["labour"]["keeps_activity"]
    picked = _by_circles(settings, frame, preference, "employment", ACTIVITIES, year, rng)
    people["activity"] = 0
    people.loc[people.index[rows], "activity"] = picked + 1
    _attendance(people, rng)


def _activity_preference(model: dict[str, Any], frame: pd.DataFrame, year: int) -> np.ndarray:
    age = frame["age"].to_numpy()
    men = (frame["sex"] == 1).to_numpy()
    active = np.where(
        men, by_step(model["participation_male"], age), by_step(model["participation_female"], age)
    )
    study = np.minimum(by_step(model["study_by_age"], age), 1 - active)
    rest = np.maximum(1 - active - study, 0.01)
    home = np.where(men, 0.08, 0.62) * np.where((age >= 20) & (age < 65), 1.0, 0.25)
    housework = rest * home
    jobless = 0.012 * by_step(model["unemployed_by_age"], age)
    rural = (frame["area"] == 2).to_numpy()
    seasonal = 0.003 * np.where(rural, 1.6, 0.4) * (age < 65)
    return np.column_stack(
        [active, active * jobless, active * seasonal, housework, study, rest - housework]
    )


def _attendance(people: pd.DataFrame, rng: np.random.Generator) -> None:
    """Level attended: students by age, everybody else 1 (a few workers study on)."""
    age = people["age"].to_numpy()
    student = (people["activity"] == 5).to_numpy()
    worker = (people["activity"] == 1).to_numpy() & (age < 35) & (rng.random(len(people)) < 0.02)
    level = np.select([age < 15, age < 16, age < 19, age < 20], [2, 2, 3, 4], 5)
    level = np.where((people["educ"] >= 11) & (age >= 22), 6, level)
    attend = np.where(student | worker, level, 1)
    people["attend"] = np.where(age < LABOUR_AGE, np.nan, attend)


def _by_circles(
    settings: Settings,
    frame: pd.DataFrame,
    preference: np.ndarray,
    what: str,
    names: list[str],
    year: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Assign classes by quota: recent internal migrants, lifetime migrants, everybody else."""
    weight = frame["weight"].to_numpy()
    recent = (frame["mover_type"] == 1).to_numpy()
    lifetime = lifetime_migrants(frame)
    picked = np.full(len(frame), -1)
    whole = np.ones(len(frame), dtype=bool)
    for name, member in (("internal", recent), ("lifetime", lifetime), ("total", whole)):
        shares = settings.series[f"{name}_{what}"][year]
        goal = np.array([shares[key] for key in names]) / 100 * weight[member].sum()
        done = member & (picked >= 0)
        goal = goal - np.bincount(picked[done], weights=weight[done], minlength=len(names))
        rows = np.flatnonzero(member & (picked < 0))
        picked[rows] = assign_quota(weight[rows], preference[rows], goal, rng)
    return picked


def assign_jobs(
    settings: Settings, people: pd.DataFrame, year: int, rng: np.random.Generator
) -> None:
    """Give the employed a sector, industry, occupation and status (in place)."""
    model = settings.model["labour"]
    before = people["sector"].to_numpy(dtype=float)
    working = (people["activity"] == 1).to_numpy()
    rows = np.flatnonzero(working)
    frame = people.iloc[rows]
    preference = _sector_preference(model, frame)
    for number in range(len(SECTORS)):
        preference[before[rows] == number, number] *= model["keeps_sector"]
    picked = _by_circles(settings, frame, preference, "sector", SECTORS, year, rng)
    keep = (before[rows] == picked) & (rng.random(len(rows)) < model["keeps_job"])
    school = schooling(frame)
    jobs = {name: people[name].to_numpy(dtype=float)[rows] for name in ("indus", "occup", "status")}
    for number, sector in enumerate(SECTORS):
        change = np.flatnonzero((picked == number) & ~keep)
        _draw_jobs(model, jobs, change, sector, school, frame, rng)
    index = people.index[rows]
    people["sector"] = np.nan
    people.loc[index, "sector"] = picked.astype(float)
    for name, values in jobs.items():
        full = np.full(len(people), np.nan)
        full[rows] = values
        people[name] = full


def _sector_preference(model: dict[str, Any], frame: pd.DataFrame) -> np.ndarray:
    rural = (frame["area"] == 2).to_numpy()
    age = frame["age"].to_numpy()
    school = schooling(frame)
    men = (frame["sex"] == 1).to_numpy()
    region = frame["region"].to_numpy()
    farm = by_step(model["farm_by_region"], region)
    farm = farm * np.where(rural, 1.5, 0.35) * np.array([1.3, 0.6, 0.2])[school]
    farm = farm * by_step({0: 0.5, 25: 0.7, 35: 1.0, 45: 1.4, 60: 1.9}, age)
    factory = by_step(model["factory_by_region"], region) * np.array([1.0, 1.2, 0.6])[school]
    factory = factory * by_step({0: 1.3, 45: 0.8, 60: 0.35}, age) * np.where(men, 1.2, 0.85)
    service = np.where(rural, 0.9, 1.5) * np.array([0.9, 1.2, 2.2])[school]
    return np.column_stack([farm, factory, service])


def _draw_jobs(
    model: dict[str, Any],
    jobs: dict[str, np.ndarray],
    change: np.ndarray,
    sector: str,
    school: np.ndarray,
    frame: pd.DataFrame,
    rng: np.random.Generator,
) -> None:
    """Draw industry, occupation and status of those new to a job in one sector."""
    size = len(change)
    industry = pick(rng, model["industries"][sector], size)
    jobs["indus"][change] = industry
    occupation = np.zeros(size, dtype=int)
    for level, name in enumerate(("low", "middle", "high")):
        mine = school[change] == level
        occupation[mine] = pick(rng, model["occupations"][sector][name], int(mine.sum()))
    jobs["occup"][change] = occupation
    status = pick(rng, model["status"][sector], size)
    government = np.isin(industry, [int(code) for code in model["government_industries"]])
    status = np.where(
        government, np.where(rng.random(size) < 0.93, 4, 6), np.where(status == 4, 6, status)
    )
    # Only those who live with family can help without pay, and only adults employ others.
    head = (frame["relation"].to_numpy()[change] == 1) & (status == 3)
    status = np.where(head, 2, status)
    young = frame["age"].to_numpy()[change] < 22
    jobs["status"][change] = np.where(young & np.isin(status, [1, 4, 5]), 6, status)


def assign_answers(
    settings: Settings, people: pd.DataFrame, year: int, rng: np.random.Generator
) -> None:
    """Write the labour questions as asked, with their skips and unknowns (in place)."""
    size = len(people)
    activity = people["activity"].to_numpy()
    employed, idle = activity == 1, activity > 1
    draw = rng.random(size)
    at_work = employed & (draw < 0.972)
    paid = employed & ~at_work & (draw < 0.992)
    people["wk_7day"] = np.where(activity == 0, np.nan, np.where(at_work, 1, 2))
    away = (activity > 0) & ~at_work
    people["receive"] = np.where(away, np.where(paid, 1, 2), np.nan)
    people["return"] = np.where(away & ~paid, np.where(employed, 1, 2), np.nan)
    unemployed = activity == 2
    seeking = np.where(rng.random(size) < 0.62, 1, 2)
    people["seeking"] = np.where(idle, np.where(unemployed, seeking, 3), np.nan)
    held_up = (seeking == 1) & (rng.random(size) < 0.03)
    available = unemployed & ~held_up
    people["available"] = np.where(idle, np.where(available, 1, 2), np.nan)
    people["re_unavail"] = _reason_unavailable(people, idle & ~available, rng)
    known = pick(rng, {1: 22, 2: 30, 3: 22, 4: 10, 5: 5, 6: 11}, size)
    lost = rng.random(size) < settings.model["labour"]["unknown"]["duration"]
    people["dr_unem"] = np.where(unemployed, np.where(lost, 9, known), np.nan)
    more = np.where(rng.random(size) < 0.03, 1, 2)
    people["more_wk"] = np.where(employed, more, np.nan)
    _hours(people, at_work, rng)
    _size(settings, people, rng)
    _wages(settings, people, year, rng)
    for column, item, code in (("indus", "industry", 99999), ("occup", "occupation", 9970)):
        lost = rng.random(size) < settings.model["labour"]["unknown"][item]
        people[f"{column}_answer"] = np.where(
            employed, np.where(lost, code, people[column]), np.nan
        )


def _reason_unavailable(
    people: pd.DataFrame, asked: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    size = len(people)
    activity = people["activity"].to_numpy()
    age = people["age"].to_numpy()
    old = pick(rng, {3: 66, 5: 13, 6: 4, 7: 15, 8: 2}, size)
    young = pick(rng, {3: 4, 5: 30, 6: 44, 8: 22}, size)
    other = np.where(age >= 60, old, young)
    reason = np.select(
        [activity == 3, activity == 4, activity == 5, activity == 2], [4, 1, 2, 8], other
    )
    return np.where(asked, reason, np.nan)


def _hours(people: pd.DataFrame, at_work: np.ndarray, rng: np.random.Generator) -> None:
    size = len(people)
    employed = (people["activity"] == 1).to_numpy()
    usual = pick(rng, {20: 6, 28: 6, 35: 14, 40: 20, 48: 36, 56: 12, 63: 5, 70: 1}, size)
    main = np.clip(usual + rng.integers(-3, 4, size), 1, 84)
    second = np.where(rng.random(size) < 0.03, rng.integers(3, 16, size), 0)
    people["main_hr"] = np.where(at_work, main, np.where(employed, 0, np.nan))
    people["total_hr"] = people["main_hr"] + np.where(at_work, second, 0)


def _size(settings: Settings, people: pd.DataFrame, rng: np.random.Generator) -> None:
    size = len(people)
    status = people["status"].to_numpy()
    own = pick(rng, {1: 95, 2: 4, 3: 1}, size)
    private = pick(rng, {1: 34, 2: 14, 3: 9, 4: 10, 5: 8, 6: 7, 7: 18}, size)
    public = pick(rng, {1: 4, 2: 8, 3: 18, 4: 27, 5: 16, 6: 10, 7: 17}, size)
    value = np.select([np.isin(status, [4, 5]), status == 6], [public, private], own)
    lost = (rng.random(size) < settings.model["labour"]["unknown"]["size"]) & (status == 6)
    employed = (people["activity"] == 1).to_numpy()
    people["size"] = np.where(employed, np.where(lost, 9, value), np.nan)


def _wages(settings: Settings, people: pd.DataFrame, year: int, rng: np.random.Generator) -> None:
    """Monthly wage of employees, and the amount in the unit they are paid by."""
    model = settings.model["labour"]["wage"]
    size = len(people)
    employee = np.isin(people["status"].to_numpy(), [4, 5, 6])
    level = np.log(np.array([model["low"], model["middle"], model["high"]]))[schooling(people)]
    level = level + np.where(people["area"] == 1, model["area"], 0.0)
    level = level + np.where(people["region"] == 1, model["bangkok"], 0.0)
    level = level + np.where(people["sex"] == 1, model["male"], 0.0)
    level = level + np.where(people["sector"] == 0, model["agriculture"], 0.0)
    level = level + by_step(
        {0: -0.12, 25: 0.0, 35: 0.1, 45: 0.14, 60: -0.1}, people["age"].to_numpy()
    )
    noise = 0.6 * people["person_effect"].to_numpy() + 0.8 * rng.standard_normal(size)
    month = np.exp(level + model["spread"] * noise) * 1.02 ** (year - 2019)
    month = np.maximum(np.rint(month / 100) * 100, 1000)
    daily_share = np.where(
        people["sector"] == 0, 0.75, np.array([0.48, 0.22, 0.03])[schooling(people)]
    )
    unit = np.where(rng.random(size) < daily_share, 2, 4)
    unit = np.where((people["status"] == 4) & (unit == 2), 4, unit)
    special = rng.random(size)
    unit = np.select([special < 0.006, special < 0.012, special < 0.03], [1, 3, 5], unit)
    per = np.select([unit == 1, unit == 2, unit == 3], [208, 26, 4.33], 1)
    amount = np.maximum(np.rint(month / per), 1)
    lost = rng.random(size) < settings.model["labour"]["unknown"]["wage"]
    people["wage_type"] = np.where(employee, np.where(lost, 6, unit), np.nan)
    people["amount"] = np.where(employee, np.where(lost | (amount > 99998), 99999, amount), np.nan)
    unknown = np.where(rng.random(size) < 0.5, 999998, 999999)
    approx = np.where(lost, unknown, np.minimum(month, 990000))
    approx = np.where(~lost & (rng.random(size) < 0.002), 0, approx)
    people["approx"] = np.where(employee, approx, np.nan)
