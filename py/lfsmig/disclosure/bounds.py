"""What a reader can compute of a hidden number: whether other values are possible, and how far.

Linear programming over all equations together, as an attacker with time would do it (Fischetti
and Salazar-González 2001; Hundepool et al. 2012, chapter 4).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from lfsmig.disclosure.sets import NOT, RATIO, REST, Line, Who

# A width nearer than this to what is asked for reaches it; solvers work to 1e-7.
NEAR = 1e-6
CHEAP = 1e-3


@cache
def least(who: Who) -> float:
    """That a withheld cell is not empty is known; an amount may be next to nothing."""
    if any(key in (RATIO, "net") for key, _ in who):
        return -np.inf
    free = any(key in ("amount", REST) or code.startswith(NOT) for key, code in who)
    return 0.0 if free else 1.0


def reach(
    who: Who,
    lines_of: Mapping[Who, Sequence[Line]],
    unknown: Collection[Who],
    steps: int | None = None,
) -> tuple[list[Who], list[Line]]:
    """Unknowns that stand in one equation with `who`, or with those, and so on; their equations.

    With `steps` only so many equations away.
    """
    found, names, edge = {who}, [who], [who]
    lines: dict[Line, None] = {}
    while edge and (steps is None or steps > 0):
        steps = None if steps is None else steps - 1
        new = []
        for one in edge:
            for line in lines_of.get(one, ()):
                if line in lines:
                    continue
                lines[line] = None
                for other, _ in line:
                    if other in unknown and other not in found:
                        found.add(other)
                        new.append(other)
        names += new
        edge = new
    # Equations of the outermost sets hold too, with what lies beyond them fixed.
    for one in edge:
        lines.update(dict.fromkeys(lines_of.get(one, ())))
    return names, list(lines)


def witness(
    names: Sequence[Who], lines: Sequence[Line], values: Mapping[Who, float], width: float,
    quick: bool = False, cost: Mapping[Who, float] | None = None,
) -> set[Who] | None:  # fmt: skip
    """Find out whether the first unknown's interval is as wide as asked for.

    Parameters
    ----------
    names, lines
        Unknowns and the equations they must solve; other sets of an equation are known.
    values
        True values: they solve the equations.
    width
        Distance between the smallest and the largest possible value that is asked for.
    quick
        Only look upwards from the true value; what is found holds, nothing found says nothing.
    cost
        What moving a set by one costs; those that are not named cost next to nothing.

    Returns
    -------
    set or None
        Unknowns that must be free for it; None if the interval is narrower.
    """
    place = {who: column for column, who in enumerate(names)}
    entries = [
        (row, place[who], factor)
        for row, line in enumerate(lines)
        for who, factor in line
        if who in place
    ]
    rows, columns, factors = zip(*entries, strict=True) if entries else ((), (), ())
    shape = (max(len(lines), 1), len(names))
    matrix = sparse.coo_array((factors, (rows, columns)), shape=shape).tocsr()
    truth = np.array([values[who] for who in names], dtype=float)
    size = max(truth.max(initial=0.0), 1.0) if dict(names[0]).get("amount") else 1.0
    room = np.array([max(values[who] - least(who), 0.0) for who in names]) / size
    width /= size
    # One step upwards by the whole width, and with as few others moving as may be.
    top = np.full(2 * len(names), np.inf)
    top[len(names) :] = room
    bottom = np.zeros(2 * len(names))
    bottom[0], top[0], top[len(names)] = width, width, 0.0
    both = sparse.hstack([matrix, -matrix]).tocsr()
    price = np.array([(cost or {}).get(who, CHEAP) for who in names])
    made = _solve(np.concatenate([price, price]), both, bottom, top)
    if made.status == 0:
        moved = made.x[: len(names)] + made.x[len(names) :] > NEAR * width
        return {who for who, one in zip(names, moved, strict=True) if one}
    if quick:
        return None
    ends = []
    for sign in (-1.0, 1.0):
        goal = np.zeros(len(names))
        goal[0] = sign
        made = _solve(goal, matrix, -room, np.full(len(names), np.inf))
        if made.status == 3:  # unbounded upwards
            return set(names)
        ends.append(made.x if made.status == 0 else np.zeros(len(names)))
    if ends[0][0] - ends[1][0] < width * (1 - NEAR):
        return None
    moved = (np.abs(ends[0]) > NEAR * width) | (np.abs(ends[1]) > NEAR * width)
    return {who for who, one in zip(names, moved, strict=True) if one}


def _solve(goal: np.ndarray, matrix: sparse.csr_array, low: np.ndarray, high: np.ndarray) -> Any:
    """Smallest value of a goal over all that solves the equations within bounds."""
    zero = np.zeros(matrix.shape[0])
    return milp(goal, constraints=LinearConstraint(matrix, zero, zero), bounds=Bounds(low, high))
