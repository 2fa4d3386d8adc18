"""Replicates balanced by a Hadamard matrix: half-samples, Fay's method, successive differences."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from lfsmig.errors import EstimationError
from lfsmig.survey.drawing import Options, dense_replicates, lonely_strata, name_draw
from lfsmig.survey.hadamard import hadamard, is_hadamard
from lfsmig.survey.replicates import DenseFactors, Replicates
from lfsmig.survey.stages import Stage

if TYPE_CHECKING:
    from lfsmig.survey.design import SurveyDesign

DIFFERENCE_REPLICATES = 80


def half_samples(design: SurveyDesign, kind: str, options: Options) -> Replicates:
    """Balanced repeated replication and Fay's method, with R's grouping of large strata."""
    half, group = _halves(design, options.large)
    n_groups = int(group.max(initial=-1)) + 1
    signs = _signs_of_groups(options, n_groups)
    count = signs.shape[1]
    rho = float(options.rho or 0.0) if kind == "Fay" else 0.0
    values = np.ones((len(group), count))
    inside = group >= 0
    up = (signs[1 + group[inside]] == 1) == (half[inside] == 0)[:, None]
    values[inside] = np.where(up, 2 - rho, rho)
    _warn_of_fpc(design, kind)
    return dense_replicates(
        design, kind, DenseFactors(values), 1 / (count * (1 - rho) ** 2), np.ones(count),
        bool(options.mse), name_draw([design], kind, n_groups, count, rho),
    )  # fmt: skip


def _signs_of_groups(options: Options, n_groups: int) -> np.ndarray:
    wanted = n_groups + 1
    if options.matrix is None:
        # R takes an entry that differs from the first as 1.
        return -hadamard(max(wanted, options.replicates or 0)).astype("int64")
    matrix = np.asarray(options.matrix)
    values = np.unique(matrix)
    plain = np.where(matrix == matrix[0, 0], -1, 1) if matrix.ndim == 2 else matrix
    if len(values) != 2 or not is_hadamard(plain):
        raise EstimationError("matrix is no Hadamard matrix: square, two values, orthogonal rows")
    if len(plain) < wanted:
        raise EstimationError(
            f"matrix has order {len(plain)}; {n_groups} half-samples need at least {wanted}"
        )
    return plain


def _halves(design: SurveyDesign, large: str) -> tuple[np.ndarray, np.ndarray]:
    """Half (0 or 1) and group of every PSU, -1 for one that never varies.

    A stratum of two PSUs is a group. A larger one is `split` into pairs in the order of its
    PSUs, or its first half is set against its second (`merge`), as R's `brrweights` does.
    """
    if large not in ("split", "merge", "fail"):
        raise EstimationError(f"large={large!r} is not known; use split, merge or fail")
    stage = design.stages[0]
    position = np.arange(len(stage.stratum_of_unit)) - np.searchsorted(
        stage.stratum_of_unit, stage.stratum_of_unit
    )
    n = stage.n_units[stage.stratum_of_unit]
    odd = (stage.n_units > 2) & (stage.n_units % 2 == 1)
    if large == "fail" and (stage.n_units > 2).any():
        name = stage.stratum_names[int(np.flatnonzero(stage.n_units > 2)[0])]
        raise EstimationError(
            f"Stratum ({name}) has more than two PSUs; use large='split' or merge"
        )
    if large == "split" and odd.any():
        name = stage.stratum_names[int(np.flatnonzero(odd)[0])]
        raise EstimationError(
            f"Stratum ({name}) has an odd number of PSUs and cannot be split into pairs; "
            "use large='merge', JKn or bootstrap"
        )
    pairwise = (n <= 2) | (large == "split")
    half = np.where(pairwise, position % 2, position >= n // 2)
    pair = np.where(pairwise, position // 2, 0)
    never = _never_varies(design)[stage.stratum_of_unit]
    # Numbered as R does: lonely strata first, then the large ones, then pairs.
    rank = np.digitize(n, [2, 3])
    order = np.lexsort((pair, stage.stratum_of_unit, np.array([0, 2, 1])[rank]))
    key = np.column_stack([stage.stratum_of_unit, pair])[order]
    new = np.r_[True, (np.diff(key, axis=0) != 0).any(axis=1)] & ~never[order]
    group = np.empty(len(n), "int64")
    group[order] = np.cumsum(new) - 1
    return half.astype("int64"), np.where(never, -1, group)


def _never_varies(design: SurveyDesign) -> np.ndarray:
    return lonely_strata(design.stages[0]) & (design.lonely_psu != "adjust")


def _warn_of_fpc(design: SurveyDesign, kind: str) -> None:
    if (design.stages[0].share > 0).any():
        warnings.warn(f"{kind} replicates leave out the finite population correction", stacklevel=5)


def successive_difference(design: SurveyDesign, options: Options) -> Replicates:
    """Successive-difference replicates of Fay and Train (1995), as the ACS makes them.

    The PSUs of a stratum in their order of selection form a ring; each shares a row of a Hadamard
    matrix with the next. Multipliers are 1 + 2^(-3/2) (a - b). While the matrix has more rows than
    there are PSUs the variance of a total is half the sum of squared differences round the ring.
    """
    stage = design.stages[0]
    matrix = hadamard(max(4, options.replicates or DIFFERENCE_REPLICATES)).astype("float64")
    count = len(matrix)
    first, second = _rings(stage, _selection_order(design, options.order), count)
    ring = 1 + (matrix[first] - matrix[second]) / np.sqrt(8)
    lonely = lonely_strata(stage)[stage.stratum_of_unit]
    alone = 1 + matrix[first] / 2 if design.lonely_psu == "adjust" else np.ones_like(ring)
    values = np.where(lonely[:, None], alone, ring)
    root = np.sqrt(stage.free)[stage.stratum_of_unit][:, None]
    mse = True if options.mse is None else options.mse
    return dense_replicates(
        design, "ACS", DenseFactors(1 + root * (values - 1)), 4 / count, np.ones(count), mse,
        name_draw([design], "ACS", count, options.order),
    )  # fmt: skip


def _selection_order(design: SurveyDesign, order: str | None) -> np.ndarray:
    """Units in the order of their selection, stratum by stratum."""
    stage = design.stages[0]
    n_units = len(stage.stratum_of_unit)
    if order is None:
        return np.arange(n_units)
    values = design.numbers(order)
    if np.isnan(values).any():
        raise EstimationError(f"order column {order!r} is missing for some records")
    place = np.full(n_units, np.inf)
    np.minimum.at(place, stage.unit, values)
    return np.lexsort((np.arange(n_units), place, stage.stratum_of_unit))


def _rings(stage: Stage, order: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Two rows of the matrix for each unit; the second is the first of the next unit."""
    sequence = _row_sequence(len(order) + 1, count)
    first, second = np.zeros(len(order), "int64"), np.zeros(len(order), "int64")
    stratum = stage.stratum_of_unit[order]
    start = np.searchsorted(stratum, stratum)
    place = np.arange(len(order))
    last = place == start + stage.n_units[stratum] - 1
    first[order] = sequence[place]
    closing = sequence[start]
    # Where the rows have run out the ring may close on its own row; it then stays open.
    closing = np.where(closing == sequence[place], sequence[place + 1], closing)
    second[order] = np.where(last, closing, sequence[place + 1])
    return first, second


def _row_sequence(length: int, count: int) -> np.ndarray:
    """Rows 1 to count - 1 over and over, each round in another stride."""
    rounds: list[np.ndarray] = []
    stride = 0
    while len(rounds) * (count - 1) < length:
        stride = stride % (count - 1) + 1
        if np.gcd(stride, count - 1) == 1:
            rounds.append(1 + np.arange(count - 1) * stride % (count - 1))
    return np.concatenate(rounds)[:length]
