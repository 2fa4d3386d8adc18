"""Watches over the confidential sets of a release: is each safe, and if not, what would help."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

import numpy as np

from lfsmig.disclosure.bounds import NEAR, Equations, Programme, Proof
from lfsmig.disclosure.cells import Cells
from lfsmig.disclosure.sets import RATIO, Line, Who, owner

# What withholding a set costs: each row that shows it one, twice that where the table is simple; so
# fewer numbers are hidden than at a price by their size. A tenfold number is missed a little more,
# a base little; a whole population, or what others have published, is the last resort.
LAST, SIMPLE, CROSSED, TENFOLD, BASE = 3e2, 2.0, 1.0, 0.02, 0.02
# How often a search for the cheapest partners is repeated with the costs of its last solution.
ROUNDS = 3
# Conditions that name a population and no part of it.
WHOLE = ("population", "migrant_type", "lifetime_type", "where", "known", "between", "spread")


class Guard:
    """Knows proofs that the intervals of confidential sets are wide enough, and looks for others.

    Parameters
    ----------
    cells
        The sets; what is hidden changes, and `renew` is told of it.
    lines
        Their equations.
    withheld
        Rows that are withheld for another reason: they cost nothing.
    """

    def __init__(self, cells: Cells, lines: Sequence[Line], withheld: np.ndarray) -> None:
        self.cells = cells
        amounts = [one for one in cells.means if any(key == "amount" for key, _ in one[0])]
        each = [cells.cases[who] / cells.cases[base] for who, base in amounts]
        self.equations = Equations(cells.cases, lines, cells.secret, each)
        sets, self.place = self.equations.sets, self.equations.place
        order = sorted(cells.secret, key=lambda who: (cells.cases[who], sorted(who)))
        self.secret = [self.place[who] for who in order]
        self._proofs: dict[int, list[Proof]] = defaultdict(list)
        self._owned: dict[Who, list[int]] = defaultdict(list)
        for column, who in enumerate(sets):
            for one in {who, owner(who)}:
                self._owned[one].append(column)
        unknown = np.array([cells.unknown(who) for who in sets], dtype=bool)
        self._now = Programme(self.equations, unknown)
        # What could be hidden: that nobody is there is no secret.
        able = (self.equations.values > 0) | np.array([owner(who) != who for who in sets], bool)
        able &= np.array([who not in cells.fixed for who in sets], dtype=bool)
        self._public = frozenset(cells.published)
        self._ever = Programme(self.equations, unknown | able)
        for who, (below, above) in cells.rounded.items():
            for programme in (self._now, self._ever):
                programme.allow(self.place[who], True, below, above)
        self.cost = np.array([self._cost(self.shown_by(who), withheld) for who in sets])

    def _cost(self, who: Who, withheld: np.ndarray) -> float:
        """What readers miss when a set is withheld."""
        shown = sum(not withheld[row] for row in self.cells.rows.get(who, ()))
        parts = sum(key not in WHOLE and key != RATIO for key, _ in who)
        each = CROSSED if parts > 1 else SIMPLE
        if self.is_last(who):
            # All migrants are missed more than the internal ones.
            each = LAST * (10.0 if len(who) == 1 else 1.0)
        of = owner(who)
        behind = self.cells.behind.get(of, (self.cells.cases.get(of, 0.0),))
        size = 1.0 + TENFOLD * float(np.log10(max(behind[0], 1.0)))
        return size * (each * shown + BASE * bool(self.cells.bases.get(who)))

    def shown_by(self, who: Who) -> Who:
        """The set whose rows show a number: of a ratio that a table tells, itself."""
        return who if who in self.cells.rows else owner(who)

    def price(self, sets: Sequence[Who] | set[Who]) -> float:
        """What withholding some sets costs together."""
        return float(sum(self.cost[self.place[who]] for who in sets))

    def renew(self, who: Who) -> None:
        """Look again at what a reader does not know, after a set was hidden or shown."""
        for column in self._owned[who]:
            self._now.allow(column, self.cells.unknown(self.equations.sets[column]))

    def hide(self, who: Who) -> None:
        """Withhold a set; of one that others have published at least our own digits and cases."""
        self.cells.hidden.add(who)
        self.cells.published.discard(who)
        self.renew(who)

    def show(self, who: Who) -> None:
        """Give a set back to the readers."""
        self.cells.hidden.remove(who)
        if who in self._public:
            self.cells.published.add(who)
        self.renew(who)

    def is_last(self, who: Who) -> bool:
        """Whether a set is among those that should be the last to be withheld."""
        return who in self._public or not any(key not in WHOLE for key, _ in who)

    def narrow(self, who: Who, least: float | None) -> None:
        """Let readers know that a withheld set is not smaller than `least`; `None`: they do not."""
        column = self.place[who]
        room = self.equations.room[column]
        if least is not None:
            room = max(self.equations.values[column] - least, 0.0) / self.equations.unit[column]
        self._now.allow(column, bool(self._now.free[column]), room)

    def safe(self, column: int) -> bool:
        """Whether a reader's interval for a confidential set is wide enough."""
        if self.proof(column) is not None:
            return True
        found = self._now.proofs(column)
        self._learn(found)
        return column in found

    def proof(self, column: int) -> Proof | None:
        """The newest proof known that still holds."""
        now = self._now.free, self._now.room, self._now.top
        return next((one for one in reversed(self._proofs[column]) if one.holds(*now)), None)

    def _learn(self, found: dict[int, Proof]) -> None:
        for column, proof in found.items():
            self._proofs[column].append(proof)

    def forget(self, columns: Collection[int]) -> None:
        """Leave confidential sets out that nothing here exposes or protects."""
        self.secret = [column for column in self.secret if column not in columns]

    def exposed(self) -> list[int]:
        """Confidential sets whose intervals are too narrow."""
        return [column for column in self.secret if not self.safe(column)]

    def partners(self, column: int) -> list[Who]:
        """Choose what to withhold beside an exposed set; nothing if nothing would help.

        The cheapest way to move the exposed set by the width that it needs moves others with it:
        those among them that are shown must be hidden (Kelly, Golden and Assad 1992). A programme
        prices distances, but a number is missed whether it moves far or not: so each cost is
        divided by the distance found, and solved again (Candès, Wakin and Boyd 2008).
        """
        sets, width = self.equations.sets, self.equations.width[column]
        price = np.where(self._now.free, 0.0, self.cost)
        asked, best, chosen = price, np.inf, list[Who]()
        for _ in range(ROUNDS):
            self._ever.price(asked)
            shifts = self._ever.cheapest(column)
            if shifts is None:
                break
            far = np.abs(shifts)
            moved = np.flatnonzero((far > NEAR * width) & ~self._now.free)
            taken = sorted({self.shown_by(sets[one]) for one in moved}, key=sorted)
            if self.price(taken) < best:
                best, chosen = self.price(taken), taken
            asked = price * width / (far + 1e-2 * width)
        return chosen
