"""Random draws that meet weighted totals: streams, tables by age, controlled selection.

A survey year holds only some 2,000 movers and about a hundred people from abroad, so independent
draws would miss the published figures by far more than their rounding. Selection is therefore
random in who is taken and controlled in how much weight is taken.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import ndtr

Array = np.ndarray
SWAP_WINDOW = 300


def stream(seed: int, *keys: object) -> np.random.Generator:
    """Return a generator of its own for each purpose, so that steps do not disturb each other."""
    return np.random.default_rng([seed, *(zlib.crc32(str(key).encode()) for key in keys)])


def pick(rng: np.random.Generator, shares: Mapping[Any, float], size: int) -> Array:
    """Draw codes (integers) by relative shares."""
    codes = np.array([int(code) for code in shares])
    cumulative = np.cumsum(np.array(list(shares.values()), dtype=float))
    return codes[np.searchsorted(cumulative / cumulative[-1], rng.random(size), side="right")]


def by_step(table: Mapping[Any, float], value: Array) -> Array:
    """Look up a step table whose keys are the values from which each step holds."""
    starts = np.array([int(key) for key in table])
    levels = np.array(list(table.values()), dtype=float)
    return levels[np.clip(np.searchsorted(starts, value, side="right") - 1, 0, len(levels) - 1)]


def pick_rows(rng: np.random.Generator, weights: Array) -> Array:
    """Draw one column per row by relative weights."""
    cumulative = np.cumsum(weights, axis=1)
    point = rng.random(len(weights)) * cumulative[:, -1]
    return np.minimum((cumulative <= point[:, None]).sum(axis=1), weights.shape[1] - 1)


def latent_uniform(
    rng: np.random.Generator, size: int, parts: Sequence[tuple[float, Array]] = ()
) -> Array:
    """Uniform numbers that share normal effects: each part is (share of variance, effect)."""
    rest = 1.0 - sum(share for share, _ in parts)
    score = np.sqrt(max(rest, 0.0)) * rng.standard_normal(size)
    for share, effect in parts:
        score = score + np.sqrt(share) * effect
    return ndtr(score)


def fit_chance(weight: Array, chance: Array, target: float) -> Array:
    """Scale the odds of all chances by one factor so that the expected weight is the target."""
    chance = np.clip(chance, 0.0, 1.0)
    open_ = (chance > 0) & (chance < 1)
    certain = float(weight[chance >= 1].sum())
    reach = float(weight[open_].sum())
    goal = target - certain
    if reach <= 0 or goal <= 0 or goal >= reach:
        return np.where(open_, 1e-9 if goal <= 0 else 1 - 1e-9, chance)
    p, w = chance[open_], weight[open_]
    low, high = -20.0, 20.0
    for _ in range(45):
        factor = np.exp((low + high) / 2)
        if float((w * p * factor / (1 - p + p * factor)).sum()) < goal:
            low = (low + high) / 2
        else:
            high = (low + high) / 2
    factor = np.exp((low + high) / 2)
    fitted = chance.copy()
    fitted[open_] = p * factor / (1 - p + p * factor)
    return fitted


def select_to_total(weight: Array, chance: Array, target: float, uniform: Array) -> Array:
    """Select members so that their weight comes as near to the target as the records allow.

    Parameters
    ----------
    weight
        Final weight of each candidate.
    chance
        Relative chance of selection, 0 never and 1 always.
    target
        Weighted total to reach.
    uniform
        One uniform number a candidate; small ones are taken first.

    Returns
    -------
    numpy.ndarray
        Boolean mask of the selected.
    """
    chosen = np.zeros(len(weight), dtype=bool)
    fitted = fit_chance(weight, chance, target)
    key = np.where(fitted > 0, uniform / np.maximum(fitted, 1e-300), np.inf)
    key[chance >= 1] = -1.0
    order = np.argsort(key, kind="stable")
    order = order[np.isfinite(key[order])]
    if len(order) == 0 or target <= 0:
        return chosen
    total = np.concatenate([[0.0], np.cumsum(weight[order])])
    count = int(np.argmin(np.abs(total - target)))
    chosen[order[:count]] = True
    _swap_nearest(chosen, order, count, weight, target - total[count], key)
    return chosen


def _swap_nearest(
    chosen: Array, order: Array, count: int, weight: Array, gap: float, key: Array
) -> None:
    """Exchange one selected for one unselected near the margin where that closes the gap."""
    inside = order[max(0, count - SWAP_WINDOW) : count]
    inside = inside[key[inside] >= 0]
    outside = order[count : count + SWAP_WINDOW]
    if len(inside) == 0 or len(outside) == 0:
        return
    left = np.abs(gap - (weight[outside][None, :] - weight[inside][:, None]))
    row, column = np.unravel_index(int(np.argmin(left)), left.shape)
    if left[row, column] < abs(gap):
        chosen[inside[row]] = False
        chosen[outside[column]] = True


def assign_quota(
    weight: Array, preference: Array, totals: Array, rng: np.random.Generator
) -> Array:
    """Put every candidate into one class so that the classes' weights meet the totals.

    Parameters
    ----------
    weight
        Final weight of each candidate.
    preference
        Relative chance of each class (candidates x classes); 0 forbids.
    totals
        Weighted total of each class; rescaled to the candidates' weight.
    rng
        Random stream.

    Returns
    -------
    numpy.ndarray
        Column number of the class of each candidate.
    """
    size = len(preference)
    result = np.full(size, -1)
    if size == 0:
        return result
    goal = np.maximum(np.asarray(totals, dtype=float), 0.0)
    goal = goal * weight.sum() / max(goal.sum(), 1e-12)
    chance = _fit_rows(weight, preference, goal)
    used = np.zeros(size)
    sequence = np.argsort(goal, kind="stable")
    for column in sequence[:-1]:
        left = result < 0
        conditional = np.clip(chance[left, column] / np.maximum(1 - used[left], 1e-12), 0, 1)
        conditional[(chance[left, column] > 0) & (conditional > 1 - 1e-9)] = 1.0
        taken = select_to_total(weight[left], conditional, goal[column], rng.random(left.sum()))
        result[np.flatnonzero(left)[taken]] = column
        used += chance[:, column]
    rest = np.flatnonzero(result < 0)
    last = sequence[-1]
    allowed = preference[rest, last] > 0
    result[rest[allowed]] = last
    result[rest[~allowed]] = np.argmax(preference[rest[~allowed]], axis=1)
    return result


def _fit_rows(weight: Array, preference: Array, goal: Array) -> Array:
    """Scale preferences until rows sum to one and weighted columns to the goal."""
    chance = np.where(preference > 0, preference, 0.0).astype(float)
    chance[:, goal <= 0] *= 1e-9
    chance /= np.maximum(chance.sum(axis=1, keepdims=True), 1e-300)
    for _ in range(30):
        column = weight @ chance
        chance *= np.where(column > 0, goal / np.maximum(column, 1e-300), 0.0)
        chance /= np.maximum(chance.sum(axis=1, keepdims=True), 1e-300)
    return chance
