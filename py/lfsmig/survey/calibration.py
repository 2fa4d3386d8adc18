"""Calibration of weights to known totals, and the residuals that its variance is made of.

A calibrated total is, to first order, the weighted total of residuals from a regression of the
item on the controls (Deville and Särndal 1992): an item that the controls explain has no sampling
error left. Post-stratification, raking and linear calibration differ in the controls and in how
the weights are found, not in this.

Weights may be calibrated here, from totals, or come calibrated from the office. Then totals are
the weighted sums, the weights stay, and only the variance changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse

from lfsmig.errors import EstimationError
from lfsmig.survey.columns import Floats, Namer, rows_text
from lfsmig.survey.controls import Control

# Rounds of raking, and the relative miss of every margin at which it has converged.
RAKING_ROUNDS = 1000
CONVERGED = 1e-12
# Margins whose totals differ by more than this part cannot both be met.
SAME_POPULATION = 1e-9
# Controls whose scaled cross-product has a root below this are linearly dependent.
DEPENDENT = 1e-11


@dataclass(frozen=True)
class Calibration:
    """A calibration of the weights of a design.

    Attributes
    ----------
    method
        `poststratified`, `raked` or `linear`.
    controls
        The control sets, as asked for.
    base, weights
        Weights before and after.
    profile
        Record to profile: records of a profile have the same values of all controls.
    x
        Profiles x controls, linearly independent (sparse).
    totals
        Population total of each column of `x`.
    g
        Profile to the factor of its weights.
    unweighted
        Whether residuals of raking are those of R's `rake` (see `raked`).
    """

    method: str
    controls: list[Control]
    base: Floats
    weights: Floats
    profile: np.ndarray
    x: sparse.csr_array
    totals: Floats
    g: Floats
    unweighted: bool = False
    held: dict[Any, Any] = field(default_factory=dict, repr=False)

    def cross_product(self) -> np.ndarray:
        """Controls x controls: sum of base weights times products of controls."""
        if "cross" not in self.held:
            size = np.bincount(self.profile, self.base, self.x.shape[0])
            self.held["cross"] = (self.x.T @ sparse.diags_array(size) @ self.x).toarray()
        return self.held["cross"]


def poststratified(control: Control, base: Floats) -> Calibration:
    """Scale the weights of each control group to its total."""
    assert control.codes is not None
    size = np.bincount(control.codes, base, len(control.totals))
    g = np.divide(control.totals, size, out=np.ones(len(size)), where=size > 0)
    return Calibration(
        "poststratified", [control], base, base * g[control.codes], control.codes,
        sparse.eye_array(len(size), format="csr"), control.totals, g,
    )  # fmt: skip


def raked(margins: Sequence[Control], base: Floats, unweighted: bool) -> Calibration:
    """Scale weights to each margin in turn until all margins hold.

    The variance is that of R's `calibrate(calfun = "raking")`: residuals of a regression weighted
    by the base weights. R's `rake` takes unweighted means instead, in ten rounds; `unweighted`
    gives that.
    """
    _refuse_unequal(margins)
    profile, members = _profiles([np.asarray(margin.codes) for margin in margins], len(base))
    size = np.bincount(profile, base, len(members[0]))[:, None]
    scaled, missed = rake_profiles(size, margins, members)
    if missed > CONVERGED:
        raise EstimationError(
            f"raking on {', '.join(m.name for m in margins)} did not converge: after "
            f"{RAKING_ROUNDS} rounds a margin is off by {missed:.2g} of its total; "
            "collapse levels whose cells are empty"
        )
    g = np.divide(scaled, size, out=np.ones_like(size), where=size > 0)[:, 0]
    x, totals = _margin_matrix(margins, members)
    return Calibration(
        "raked", list(margins), base, base * g[profile], profile, x, totals, g, unweighted
    )


def rake_profiles(
    size: np.ndarray, margins: Sequence[Control], members: Sequence[np.ndarray]
) -> tuple[np.ndarray, float]:
    """Rake many sets of sizes (profiles x sets) at once; gives them and the largest miss.

    A level without a size in a set cannot be scaled: it is left out there.
    """
    scaled = size.copy()
    sums = [sparse.csr_array((np.ones(len(at)), (at, np.arange(len(at))))) for at in members]
    missed = np.inf
    for _ in range(RAKING_ROUNDS):
        missed = 0.0
        for margin, at, total in zip(margins, members, sums, strict=True):
            met = total @ scaled
            wanted = margin.totals[: met.shape[0], None]
            factor = np.divide(wanted, met, out=np.ones_like(met), where=met > 0)
            missed = max(missed, float(np.abs(1 - 1 / np.where(factor > 0, factor, 1.0)).max()))
            scaled *= factor[at]
        if missed <= CONVERGED:
            break
    return scaled, missed


def _refuse_unequal(margins: Sequence[Control]) -> None:
    sums = [float(margin.totals.sum()) for margin in margins]
    for margin, total in zip(margins, sums, strict=True):
        if abs(total - sums[0]) > SAME_POPULATION * max(sums):
            raise EstimationError(
                f"totals of {margins[0].name} add up to {sums[0]:.15g}, those of {margin.name} to "
                f"{total:.15g}; margins need one population"
            )


def _profiles(codes: Sequence[np.ndarray], rows: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Profile of each record, and of each profile its code in every column."""
    profile = np.zeros(rows, "int64")
    for code in codes:
        _, profile = np.unique(profile * (int(code.max()) + 1) + code, return_inverse=True)
    first = np.zeros(int(profile.max()) + 1, "int64")
    first[profile] = np.arange(rows)
    return profile, [code[first] for code in codes]


def _margin_matrix(
    margins: Sequence[Control], members: Sequence[np.ndarray]
) -> tuple[sparse.csr_array, Floats]:
    """Indicators of the levels; of every margin but the first one level is left out."""
    blocks, totals = [], []
    for number, (margin, at) in enumerate(zip(margins, members, strict=True)):
        shape = (len(at), len(margin.totals))
        block = sparse.csr_array((np.ones(len(at)), (np.arange(len(at)), at)), shape=shape)
        blocks.append(block[:, int(number > 0) :])
        totals.append(margin.totals[int(number > 0) :])
    return sparse.hstack(blocks, format="csr"), np.concatenate(totals)


def linear(
    controls: Sequence[Control], base: Floats, allow_negative: bool, given: bool,
    namer: Namer = rows_text,
) -> Calibration:  # fmt: skip
    """Linear calibration (GREG): the weights nearest to the base weights that meet the totals.

    w = d (1 + x' lambda) with lambda = (sum d x x')^-1 (X - sum d x).
    """
    coded = [c for c in controls if c.codes is not None]
    codes = [np.asarray(c.codes) for c in coded]
    values = [np.asarray(c.values) for c in controls if c.values is not None]
    numbers = [np.unique(v, return_inverse=True) for v in values]
    profile, members = _profiles([*codes, *[at for _, at in numbers]], len(base))
    x, totals = _linear_matrix(controls, coded, members, numbers, profile, base)
    size = np.bincount(profile, base, x.shape[0])
    made = Calibration(
        "linear", list(controls), base, base, profile, x, totals, np.ones(x.shape[0])
    )
    refuse_dependent(made)
    if not given:
        return made
    multiplier = np.linalg.solve(made.cross_product(), totals - x.T @ size)
    g = 1.0 + x @ multiplier
    weights = base * g[profile]
    negative = weights < 0
    if negative.any() and not allow_negative:
        raise EstimationError(
            f"calibration on {', '.join(c.name for c in controls)} makes the weight negative in "
            f"{namer(negative)}; use fewer controls, rake, or pass allow_negative=True"
        )
    return Calibration("linear", list(controls), base, weights, profile, x, totals, g)


def _linear_matrix(
    controls: Sequence[Control], coded: Sequence[Control], members: Sequence[np.ndarray],
    numbers: Sequence[tuple[np.ndarray, np.ndarray]], profile: np.ndarray, base: Floats,
) -> tuple[sparse.csr_array, Floats]:  # fmt: skip
    """Columns of the controls, and their totals.

    Where categories span the constant, numeric items are centred at their weighted mean and
    scaled: the same calibration, without losing digits.
    """
    blocks: list[sparse.csr_array] = []
    totals: list[Floats] = []
    if coded:
        block, total = _margin_matrix(coded, members[: len(coded)])
        blocks.append(block)
        totals.append(total)
    population = float(coded[0].totals.sum()) if coded else 0.0
    size = np.bincount(profile, base, len(members[0]))
    numeric = [c for c in controls if c.values is not None]
    for control, (value, _), at in zip(numeric, numbers, members[len(coded) :], strict=True):
        column = value[at].astype("float64")
        centre = float(size @ column / size.sum()) if coded else 0.0
        column = column - centre
        width = float(np.sqrt(size @ column**2 / size.sum())) or 1.0
        blocks.append(sparse.csr_array((column / width)[:, None]))
        totals.append((control.totals - centre * population) / width)
    return sparse.hstack(blocks, format="csr"), np.concatenate(totals)


def refuse_dependent(made: Calibration) -> None:
    """One error for controls that say the same thing twice."""
    cross = made.cross_product()
    width = np.sqrt(np.diag(cross))
    names = ", ".join(control.name for control in made.controls)
    if (width == 0).any():
        raise EstimationError(f"a control of {names} is zero for the whole sample; leave it out")
    if np.linalg.eigvalsh(cross / width / width[:, None])[0] < DEPENDENT:
        raise EstimationError(
            f"the controls {names} are linearly dependent: one follows from the others; "
            "leave it out"
        )
