"""Households interviewed for the first time: one head and kin of fitting ages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lfsmig.sample.draw import by_step, pick

SINGLE, MARRIED, WIDOWED, DIVORCED, SEPARATED, UNKNOWN = 1, 2, 3, 4, 5, 6
# Members who lived with a husband or wife carry the number of their couple: 1 is the head's.
NO_COUPLE, HEADS_COUPLE = 0, 1
Slot = tuple[np.ndarray, int, np.ndarray, np.ndarray, np.ndarray, np.ndarray]
Slots = list[Slot]


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
        One row a person: household, relation, sex, age, marital, couple, line.
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
    head_marital = np.where(spouse, MARRIED, unmarried(rng, head_age, head_sex))
    couple = np.where(spouse, HEADS_COUPLE, NO_COUPLE)
    slots.append((np.arange(size), 1, head_sex, head_age, head_marital, couple))
    gap = np.rint(rng.normal(2.6, 3.0, size)).astype(int)
    spouse_age = np.clip(np.where(head_sex == 1, head_age - gap, head_age + gap), 18, 97)
    slots.append(_slot(spouse, 2, 3 - head_sex, spouse_age, np.full(size, MARRIED), couple))
    # Children must be young enough for both parents.
    parent_age = np.where(spouse, np.minimum(head_age, spouse_age), head_age)
    oldest = _children(slots, rng, model, ~alone, parent_age)
    _grandchildren(slots, rng, model, ~alone, head_age, oldest, municipal)
    _others(slots, rng, model, ~alone, head_age, spouse, spouse_age)
    return _stack(slots, households, model, rng)


def _slot(
    mask: np.ndarray,
    relation: int,
    sex: np.ndarray,
    age: np.ndarray,
    marital: np.ndarray,
    couple: np.ndarray | None = None,
) -> Slot:
    rows = np.flatnonzero(mask)
    pair = np.full(len(mask), NO_COUPLE) if couple is None else couple
    return rows, relation, sex[rows], age[rows], marital[rows], pair[rows]


def unmarried(rng: np.random.Generator, age: np.ndarray, sex: np.ndarray) -> np.ndarray:
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
        marital = np.where(coupled, MARRIED, unmarried(rng, age, sex))
        relation = np.where(marital == SINGLE, 3, 4)
        couple = np.where(coupled, HEADS_COUPLE + order, NO_COUPLE)
        for code in (3, 4):
            slots.append(_slot(here & (relation == code), code, sex, age, marital, couple))
        partner = np.clip(age + np.where(sex == 1, -1, 1) * rng.integers(-1, 5, size), 18, 80)
        slots.append(_slot(coupled, 7, 3 - sex, partner, np.full(size, MARRIED), couple))
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
            _slot(here, 8, sex, np.maximum(age, 0), unmarried(rng, np.maximum(age, 0), sex))
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
        slots.append(_slot(here(key), relation, sex, age, unmarried(rng, age, sex)))


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
            "couple": np.concatenate([slot[5] for slot in slots]),
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


def tell_apart(people: pd.DataFrame) -> None:
    """Make new children of one household differ in sex where all else is equal (in place).

    Children have no labour items, so two of the same sex, age and relation would look like one
    record entered twice.
    """
    alike = people.duplicated(["household", "relation", "sex", "age"], keep="first")
    change = alike & people["new"] & (people["age"] < 15)
    people.loc[change, "sex"] = 3 - people.loc[change, "sex"]
