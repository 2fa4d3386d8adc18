"""Households and the persons in them: one head, kin of fitting ages, and the year that passes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lfsmig.sample.draw import by_step, pick

PERSON = ["household", "relation", "sex", "age", "marital"]
SINGLE, MARRIED, WIDOWED, DIVORCED, SEPARATED, UNKNOWN = 1, 2, 3, 4, 5, 6
Slots = list[tuple[np.ndarray, int, np.ndarray, np.ndarray, np.ndarray]]


def new_people(
    households: pd.DataFrame, model: dict[str, Any], rng: np.random.Generator
) -> pd.DataFrame:
    """Draw the members of households interviewed for the first time.

    Parameters
    ----------
    households
        Answering households; `area` and `region` shape their composition.
    model
        The `households` part of the model parameters.
    rng
        Random stream.

    Returns
    -------
    pandas.DataFrame
        One row a person: household, relation, sex, age, marital, line.
    """
    size = len(households)
    municipal = households["area"].to_numpy() == 1
    slots: Slots = []
    head_sex = np.where(rng.random(size) < model["male_head"], 1, 2)
    head_age = pick(rng, model["head_age_weights"], size) + rng.integers(0, 5, size)
    alone_chance = np.where(
        municipal, model["single"]["municipal"], model["single"]["non_municipal"]
    )
    alone = rng.random(size) < alone_chance * by_step({0: 1.6, 30: 0.9, 60: 1.1, 75: 1.3}, head_age)
    married = np.where(head_sex == 1, model["spouse"]["male"], model["spouse"]["female"])
    married = married * by_step({0: 0.45, 28: 0.85, 35: 1.05, 70: 0.75, 80: 0.45}, head_age)
    spouse = ~alone & (rng.random(size) < married)
    head_marital = np.where(spouse, MARRIED, _unmarried(rng, head_age, head_sex))
    slots.append((np.arange(size), 1, head_sex, head_age, head_marital))
    gap = np.rint(rng.normal(2.6, 3.0, size)).astype(int)
    spouse_age = np.clip(np.where(head_sex == 1, head_age - gap, head_age + gap), 18, 97)
    slots.append(_slot(spouse, 2, 3 - head_sex, spouse_age, np.full(size, MARRIED)))
    # Children must be young enough for both parents.
    parent_age = np.where(spouse, np.minimum(head_age, spouse_age), head_age)
    oldest = _children(slots, rng, model, ~alone, parent_age)
    _grandchildren(slots, rng, model, ~alone, head_age, oldest, municipal)
    _others(slots, rng, model, ~alone, head_age, spouse, spouse_age)
    return _stack(slots, households, model, rng)


def _slot(
    mask: np.ndarray, relation: int, sex: np.ndarray, age: np.ndarray, marital: np.ndarray
) -> tuple[np.ndarray, int, np.ndarray, np.ndarray, np.ndarray]:
    rows = np.flatnonzero(mask)
    return rows, relation, sex[rows], age[rows], marital[rows]


def _unmarried(rng: np.random.Generator, age: np.ndarray, sex: np.ndarray) -> np.ndarray:
    """Marital status of someone who lives without a spouse."""
    size = len(age)
    draw = rng.random(size)
    never = by_step({0: 1.0, 20: 0.93, 28: 0.7, 35: 0.45, 45: 0.28, 60: 0.13, 75: 0.07}, age)
    widowed = by_step({0: 0.0, 35: 0.08, 45: 0.2, 55: 0.45, 65: 0.68, 75: 0.85}, age)
    widowed = (1 - never) * widowed * np.where(sex == 2, 1.0, 0.7)
    away = never + widowed
    return np.select(
        [
            draw < never,
            draw < away,
            draw < away + (1 - away) * 0.35,
            draw < away + (1 - away) * 0.7,
        ],
        [SINGLE, WIDOWED, DIVORCED, SEPARATED],
        MARRIED,
    )


def _children(
    slots: Slots,
    rng: np.random.Generator,
    model: dict[str, Any],
    family: np.ndarray,
    parent_age: np.ndarray,
) -> np.ndarray:
    """Children at home and their spouses; returns the age of the oldest adult child at home."""
    size = len(parent_age)
    births = np.where(parent_age < 19, 0, rng.poisson(model["births_mean"], size))
    oldest = np.zeros(size, dtype=int)
    previous = np.zeros(size, dtype=int)
    for order in range(1, 5):
        at_birth = np.clip(np.rint(rng.normal(22.0 + 3.2 * order, 4.0, size)), 17, 44).astype(int)
        # Brothers and sisters are a year apart or more.
        at_birth = previous = np.maximum(at_birth, previous + 1)
        age = parent_age - at_birth
        home = rng.random(size) < by_step(model["child_at_home"], age)
        here = family & (births >= order) & (age >= 0) & home
        sex = np.where(rng.random(size) < 0.513, 1, 2)
        in_law_chance = model["child_in_law"] * (age >= 20)
        coupled = here & (rng.random(size) < in_law_chance)
        marital = np.where(coupled, MARRIED, _unmarried(rng, age, sex))
        relation = np.where(marital == SINGLE, 3, 4)
        for code in (3, 4):
            slots.append(_slot(here & (relation == code), code, sex, age, marital))
        partner = np.clip(age + np.where(sex == 1, -1, 1) * rng.integers(-1, 5, size), 18, 80)
        slots.append(_slot(coupled, 7, 3 - sex, partner, np.full(size, MARRIED)))
        oldest = np.maximum(
            oldest, np.where(coupled | (here & (age >= 22) & (marital > 2)), age, 0)
        )
    return oldest


def _grandchildren(
    slots: Slots,
    rng: np.random.Generator,
    model: dict[str, Any],
    family: np.ndarray,
    head_age: np.ndarray,
    oldest: np.ndarray,
    municipal: np.ndarray,
) -> None:
    """Grandchildren of a child at home, or left with grandparents."""
    size = len(head_age)
    skipped = model["skipped_generation"] * np.where(municipal, 0.6, 1.25) * (head_age >= 48)
    skips = family & (oldest == 0) & (rng.random(size) < skipped)
    room = np.where(oldest > 0, np.minimum(oldest - 19, head_age - 37), head_age - 40)
    for order in range(2):
        chance = np.where(oldest > 0, model["grandchild"], skips * (1.0 if order == 0 else 0.35))
        here = family & (room >= 0) & (rng.random(size) < chance)
        age = np.floor(rng.random(size) ** 0.8 * np.minimum(room + 1, 22)).astype(int)
        sex = np.where(rng.random(size) < 0.513, 1, 2)
        slots.append(
            _slot(here, 8, sex, np.maximum(age, 0), _unmarried(rng, np.maximum(age, 0), sex))
        )


def _others(
    slots: Slots,
    rng: np.random.Generator,
    model: dict[str, Any],
    family: np.ndarray,
    head_age: np.ndarray,
    spouse: np.ndarray,
    spouse_age: np.ndarray,
) -> None:
    """Parents, parents-in-law, siblings, other relatives and people not related."""
    size = len(head_age)

    def here(key: str, condition: np.ndarray | bool = True) -> np.ndarray:
        return np.asarray(family & (rng.random(size) < model[key]) & condition)

    def elder(base: np.ndarray) -> np.ndarray:
        return np.clip(base + np.rint(rng.normal(26, 4, size)), base + 16, 99).astype(int)

    sex = np.where(rng.random(size) < 0.3, 1, 2)
    age = elder(head_age)
    slots.append(_slot(here("parent", head_age < 68), 9, sex, age, _widowish(rng, age)))
    sex = np.where(rng.random(size) < 0.3, 1, 2)
    age = elder(spouse_age)
    in_law = here("parent_in_law", spouse & (spouse_age < 66))
    slots.append(_slot(in_law, 10, sex, age, _widowish(rng, age)))
    for key, relation in (("sibling", 11), ("other_relative", 12), ("non_relative", 15)):
        sex = rng.integers(1, 3, size)
        if relation == 11:
            age = np.clip(head_age + rng.integers(-9, 8, size), 8, 90)
        elif relation == 12:
            age = rng.integers(1, 76, size)
        else:
            age = rng.integers(17, 56, size)
        slots.append(_slot(here(key), relation, sex, age, _unmarried(rng, age, sex)))


def _widowish(rng: np.random.Generator, age: np.ndarray) -> np.ndarray:
    return np.where(
        rng.random(len(age)) < by_step({0: 0.35, 60: 0.5, 75: 0.8}, age), WIDOWED, MARRIED
    )


def _stack(
    slots: Slots, households: pd.DataFrame, model: dict[str, Any], rng: np.random.Generator
) -> pd.DataFrame:
    """Put slots together, order members by relation and number them."""
    rows = np.concatenate([slot[0] for slot in slots])
    frame = pd.DataFrame(
        {
            "household": households["household"].to_numpy()[rows],
            "relation": np.concatenate([np.full(len(slot[0]), slot[1]) for slot in slots]),
            "sex": np.concatenate([slot[2] for slot in slots]),
            "age": np.concatenate([slot[3] for slot in slots]),
            "marital": np.concatenate([slot[4] for slot in slots]),
        }
    )
    frame.loc[frame["age"] < 15, "marital"] = SINGLE
    frame.loc[(frame["age"] < 15) & (frame["relation"] == 4), "relation"] = 3
    frame = frame.sort_values(
        ["household", "relation", "age"],
        ascending=[True, True, False],
        kind="stable",
        ignore_index=True,
    )
    frame["line"] = frame.groupby("household").cumcount() + 1
    adult = frame["age"] >= 15
    unknown = (
        adult & (frame["relation"] > 2) & (rng.random(len(frame)) < model["marital_unknown"] * 4)
    )
    frame.loc[unknown, "marital"] = UNKNOWN
    return frame


def next_year(
    people: pd.DataFrame, model: dict[str, Any], rng: np.random.Generator
) -> pd.DataFrame:
    """Let a year pass in households that answer again: ageing, leavers, births, joiners.

    Line numbers of those who stay are kept, so a person can be followed by the full key; whoever
    joins gets the next free number. Everybody who joins is new and carries no history.
    """
    people = people.copy()
    people["age"] = people["age"] + 1
    people["joined"] = False
    last_line = people.groupby("household")["line"].transform("max")
    leaves = rng.random(len(people)) < by_step(model["leaves"], people["age"].to_numpy())
    leaves &= (people["relation"] > 2).to_numpy() | (
        (people["relation"] == 2).to_numpy() & (rng.random(len(people)) < 0.25)
    )
    people["next_line"] = last_line + 1
    lost = people.loc[leaves & (people["relation"] == 2), ["household", "age"]]
    stay = people.loc[~leaves].copy()
    bereaved = stay["household"].isin(lost["household"]) & (stay["relation"] == 1)
    stay.loc[bereaved, "marital"] = np.where(stay.loc[bereaved, "age"] >= 60, WIDOWED, SEPARATED)
    grown = (stay["relation"] == 3) & stay["marital"].between(MARRIED, SEPARATED)
    stay.loc[grown, "relation"] = 4
    joiners = pd.concat([_births(stay, model, rng), _joiners(stay, model, rng)], ignore_index=True)
    joiners = joiners.drop_duplicates("household", keep="first")
    joiners["line"] = joiners["next_line"]
    joiners["joined"] = True
    whole = pd.concat([stay, joiners], ignore_index=True).drop(columns="next_line")
    return whole.sort_values(["household", "line"], kind="stable", ignore_index=True)


def _births(people: pd.DataFrame, model: dict[str, Any], rng: np.random.Generator) -> pd.DataFrame:
    """Children of women who are head, spouse, daughter or daughter-in-law."""
    mothers = people.loc[
        (people["sex"] == 2)
        & people["age"].between(18, 41)
        & people["relation"].isin([1, 2, 4, 7])
        & (people["marital"] == MARRIED)
    ]
    mothers = mothers.loc[rng.random(len(mothers)) < model["birth"] * 2.2]
    return pd.DataFrame(
        {
            "household": mothers["household"].to_numpy(),
            "relation": np.where(mothers["relation"] <= 2, 3, 8),
            "sex": np.where(rng.random(len(mothers)) < 0.513, 1, 2),
            "age": 0,
            "marital": SINGLE,
            "next_line": mothers["next_line"].to_numpy(),
        }
    )


def _joiners(people: pd.DataFrame, model: dict[str, Any], rng: np.random.Generator) -> pd.DataFrame:
    """Adult children, grandchildren and others who come to live with the head."""
    heads = people.loc[people["relation"] == 1]
    heads = heads.loc[rng.random(len(heads)) < model["joins"]]
    age = heads["age"].to_numpy()
    draw = rng.random(len(heads))
    child = (draw < 0.5) & (age >= 40)
    grandchild = ~child & (draw < 0.72) & (age >= 48)
    relation = np.select([child, grandchild, draw < 0.9], [3, 8, 12], 15)
    joined_age = np.select(
        [child, grandchild],
        [np.clip(age - rng.integers(21, 33, len(age)), 5, 50), rng.integers(1, 9, len(age))],
        rng.integers(16, 46, len(age)),
    )
    sex = rng.integers(1, 3, len(heads))
    marital = _unmarried(rng, joined_age, sex)
    marital[joined_age < 15] = SINGLE
    relation = np.where((relation == 3) & (marital > 1), 4, relation)
    return pd.DataFrame(
        {
            "household": heads["household"].to_numpy(),
            "relation": relation,
            "sex": sex,
            "age": joined_age,
            "marital": marital,
            "next_line": heads["next_line"].to_numpy(),
        }
    )


def tell_apart(people: pd.DataFrame) -> None:
    """Make new children of one household differ in sex where all else is equal (in place).

    Children have no labour items, so two of the same sex, age and relation would look like one
    record entered twice.
    """
    alike = people.duplicated(["household", "relation", "sex", "age"], keep="first")
    change = alike & people["new"] & (people["age"] < 15)
    people.loc[change, "sex"] = 3 - people.loc[change, "sex"]
