"""What a reader can compute of a hidden number: whether other values are possible, and how far.

Linear programming over all equations together, as an attacker with time would do it (Fischetti
and Salazar-González 2001; Hundepool et al. 2012, chapter 4). The equations are handed to the solver
once a release, and each question goes on from the answer of the one before. A solution is a way in
which hidden numbers can move together: it is proof for every number that it moves far enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from highspy import Highs, HighsLp, HighsModelStatus, MatrixFormat
from scipy import sparse

from lfsmig.disclosure.sets import NOT, RATIO, REST, Line, Who

# A width nearer than this to what is asked for reaches it; the solver works to 1e-7.
NEAR = 1e-6
# What moving a number costs at least, so that a proof rests on few others.
CHEAP = 1e-3
# What the number in question going one further is worth: more than all moves that it takes.
FAR = 1e3
# A number that a move shifts by less than this part of its largest shift proves nothing: stretched
# far enough, what the solver rounds would look like a shift.
LEAST_PART = 1e-4


@cache
def least(who: Who) -> float:
    """That a withheld cell is not empty is known; an amount may be next to nothing."""
    if any(key in (RATIO, "net") for key, _ in who):
        return -np.inf
    free = any(key in ("amount", "spread", REST) or code.startswith(NOT) for key, code in who)
    return 0.0 if free else 1.0


@dataclass(frozen=True)
class Proof:
    """Why an interval is wide enough: numbers that must be free, how far each falls and rises."""

    columns: np.ndarray
    depth: np.ndarray
    height: np.ndarray

    def holds(self, free: np.ndarray, room: np.ndarray, top: np.ndarray) -> bool:
        """Whether all that must be free is, and has room to fall and to rise."""
        at = self.columns
        return bool(
            free[at].all()
            and (self.depth <= room[at] + NEAR).all()
            and (self.height <= top[at] + NEAR).all()
        )


class Equations:
    """All equations over the sets of a release as one sparse matrix.

    Parameters
    ----------
    values
        True numbers of the sets; they solve the equations.
    lines
        The equations in any order: columns and rows get one of their own, so that the same
        results are withheld in every process.
    widths
        How wide the interval of each confidential set must be.
    each
        Amounts of money by person.

    Attributes
    ----------
    sets, place
        The set of each column, and the column of each set.
    unit
        One for persons; for amounts what falls to one person, as solvers want numbers of one size.
    room
        How far each number can fall, and `width`, how wide its interval must be, in its unit.
    """

    def __init__(
        self, values: Mapping[Who, float], lines: Iterable[Line], widths: Mapping[Who, float],
        each: Sequence[float] = (),
    ) -> None:  # fmt: skip
        self.sets: list[Who] = sorted(values, key=sorted)
        self.place = {who: column for column, who in enumerate(self.sets)}
        self.values = np.array([values[who] for who in self.sets], dtype=float)
        amounts = np.array([any(k == "amount" for k, _ in who) for who in self.sets], dtype=bool)
        asked = [width for who, width in widths.items() if amounts[self.place[who]]]
        self.unit = np.where(amounts, max(each, default=min(asked, default=1.0)), 1.0)
        lowest = np.array([least(who) for who in self.sets])
        self.room = np.maximum(self.values - lowest, 0.0) / self.unit
        at = {who: self.place[who] for who in widths}
        self.width = {column: widths[who] / self.unit[column] for who, column in at.items()}
        rows = sorted({tuple(sorted((self.place[w], f) for w, f in line)) for line in lines})
        entries = []
        for number, row in enumerate(rows):
            factors = np.array([factor * self.unit[column] for column, factor in row])
            factors /= np.abs(factors).max()
            entries += [(number, at, f) for (at, _), f in zip(row, factors.tolist(), strict=True)]
        numbers, columns, parts = zip(*entries, strict=True) if entries else ((), (), ())
        shape = (len(rows), len(self.sets))
        self.matrix = sparse.coo_array((parts, (numbers, columns)), shape=shape).tocsc()

    def beside(self, column: int) -> np.ndarray:
        """Columns that stand in one equation with a column."""
        lines = self.matrix[:, [column]].nonzero()[0]
        return np.unique(self.matrix.tocsr()[lines].nonzero()[1])


class Programme:
    """The linear programme of a release, solved again and again from where it stands.

    A number's move is the difference of two columns, one up and one down, so that the distance can
    be priced.

    Parameters
    ----------
    equations
        What must hold.
    free
        Numbers that may move.
    """

    def __init__(self, equations: Equations, free: np.ndarray) -> None:
        self.width = equations.width
        self.room = equations.room.copy()
        # How far each number can rise: as far as the equations let it, unless it is told rounded.
        self.top = np.full(len(self.room), np.inf)
        self.free = np.zeros(len(self.room), dtype=bool)
        self._solver = _model(equations.matrix)
        for column in np.flatnonzero(free).tolist():
            self.allow(column, True)

    def allow(
        self, column: int, free: bool, room: float | None = None, top: float | None = None
    ) -> None:
        """Let a number move, or keep it where it is; change how far it can fall or rise."""
        self.free[column] = free
        if room is not None:
            self.room[column] = room
        if top is not None:
            self.top[column] = top
        self._bound(column, self.top[column] if free else 0.0, self.room[column] if free else 0.0)

    def _bound(self, column: int, up: float, down: float, least_up: float = 0.0) -> None:
        self._solver.changeColBounds(column, least_up, up)
        self._solver.changeColBounds(len(self.room) + column, 0.0, down)

    def price(self, cost: np.ndarray) -> None:
        """Set what moving each number by one unit costs."""
        both = np.maximum(np.concatenate([cost, cost]), CHEAP)
        self._solver.changeColsCost(len(both), np.arange(len(both), dtype=np.int32), both)

    def cheapest(self, column: int) -> np.ndarray | None:
        """The cheapest move upwards by the width that is asked for, a shift for each number."""
        width = self.width[column]
        self._bound(column, width, 0.0, least_up=width)
        shifts = self._solve()
        self.allow(column, bool(self.free[column]))
        return shifts

    def proofs(self, column: int) -> dict[int, Proof]:
        """Proofs that a number's interval is as wide as asked for, and what they prove beside it.

        Empty if the interval is narrower.
        """
        width = self.width[column]
        if not self.free[column]:
            return {}
        above = self._furthest(column, 0, width)
        if above is not None and above[column] >= width * (1 - NEAR):
            return self.along(above, width)
        below = self._furthest(column, len(self.room), width)
        if above is None or below is None or above[column] - below[column] < width * (1 - NEAR):
            return {}
        at = np.flatnonzero(np.maximum(np.abs(above), np.abs(below)) > NEAR * width)
        depth = np.maximum(-np.minimum(above, below)[at], 0.0)
        return {column: Proof(at, depth, np.maximum(np.maximum(above, below)[at], 0.0))}

    def along(self, shifts: np.ndarray, width: float) -> dict[int, Proof]:
        """What a direction proves, gone along forwards and backwards from the true values."""
        at = np.flatnonzero(np.abs(shifts) > NEAR * width)
        moved, sizes = shifts[at], np.abs(shifts[at])
        falls, rises = self.room[at] / sizes, self.top[at] / sizes
        ahead = max(np.min(np.where(moved < 0, falls, rises)), 1.0)
        back = np.min(np.where(moved < 0, rises, falls))
        found = {}
        for column, shift in zip(at.tolist(), moved.tolist(), strict=True):
            if column not in self.width or abs(shift) < LEAST_PART * sizes.max():
                continue
            steps = self.width[column] / abs(shift)
            # Upwards first: what the number itself has room for below is of no account then.
            forwards = min(steps, ahead) if shift > 0 else steps - min(steps, back)
            backwards = steps - forwards
            if forwards <= ahead + NEAR and backwards <= back + NEAR:
                down = np.where(moved < 0, forwards, backwards) * sizes
                found[column] = Proof(at, down, (forwards + backwards) * sizes - down)
        return found

    def _furthest(self, column: int, side: int, width: float) -> np.ndarray | None:
        """Move a number up, or down where `side` says so, as far as is asked for."""
        up = width if side == 0 else 0.0
        self._bound(column, up, min(width, self.room[column]) if side else 0.0)
        self._solver.changeColCost(side + column, -FAR)
        shifts = self._solve()
        self._solver.changeColCost(side + column, CHEAP)
        self.allow(column, True)
        return shifts

    def _solve(self) -> np.ndarray | None:
        self._solver.run()
        if self._solver.getModelStatus() != HighsModelStatus.kOptimal:
            return None
        found = np.array(self._solver.getSolution().col_value)
        return found[: len(self.room)] - found[len(self.room) :]


def _model(matrix: sparse.csc_array) -> Highs:
    """Hand the equations to the solver: each number as a move up and a move down."""
    lines, many = matrix.shape
    both = sparse.hstack([matrix, -matrix], format="csc")
    programme = HighsLp()
    programme.num_col_, programme.num_row_ = 2 * many, lines
    programme.col_cost_ = np.full(2 * many, CHEAP)
    programme.col_lower_ = programme.col_upper_ = np.zeros(2 * many)
    programme.row_lower_ = programme.row_upper_ = np.zeros(lines)
    programme.a_matrix_.format_ = MatrixFormat.kColwise
    programme.a_matrix_.start_ = both.indptr
    programme.a_matrix_.index_ = both.indices
    programme.a_matrix_.value_ = both.data
    solver = Highs()
    solver.silent()
    solver.setOptionValue("threads", 1)
    solver.passModel(programme)
    return solver
