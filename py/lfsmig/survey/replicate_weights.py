"""Replicate weights made from the first stage of a design: bootstrap, jackknife, balanced.

What each kind does with a stratum of one PSU follows the design's `lonely_psu`: `fail` refuses;
`remove` and `certainty` never change its weights, so it adds no variance; `average` does the same
and scales the others up; `adjust` changes it alone, so that its total enters squared, about zero
(for the jackknife R's way: it is deleted and the other strata weighted up).

Only the first stage varies: of a second stage its share of the variance is left out, with a
warning, as in R's `as.svrepdesign`.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from lfsmig.errors import EstimationError
from lfsmig.survey.bootstrap import draw_counts, stratum_generator
from lfsmig.survey.columns import Floats
from lfsmig.survey.hadamard import hadamard, is_hadamard
from lfsmig.survey.replicates import DenseFactors, Replicates, SparseFactors
from lfsmig.survey.stages import FULLY_SAMPLED, Stage

if TYPE_CHECKING:
    from lfsmig.survey.design import SurveyDesign

MADE_KINDS = ("bootstrap", "JK1", "JKn", "BRR", "Fay", "ACS")
BOOTSTRAP_REPLICATES = 500
DIFFERENCE_REPLICATES = 80
# Multipliers that differ from 1 in a jackknife: the squares of the strata's sizes, added up.
LARGEST_JACKKNIFE = 5e7


@dataclass(frozen=True)
class Options:
    """What a kind of replicates may be told; see `SurveyDesign.with_replicates`."""

    replicates: int | None = None
    seed: int = 1
    rho: float | None = None
    matrix: np.ndarray | None = None
    large: str = "split"
    order: str | None = None
    mse: bool | None = None


def make_replicates(design: SurveyDesign, kind: str, options: Options) -> Replicates:
    """Replicate weights of one design."""
    _check(design, kind, options)
    if kind == "bootstrap":
        return _bootstraps([design], options)[0]
    if kind in ("JK1", "JKn"):
        return _jackknives([design], kind, options)[0]
    if kind == "ACS":
        return _successive_difference(design, options)
    return _balanced(design, kind, options)


def make_linked(designs: Sequence[SurveyDesign], kind: str, options: Options) -> list[Replicates]:
    """Replicate weights of several years' designs, drawn once for a PSU that years share."""
    if kind not in ("bootstrap", "JKn"):
        raise EstimationError(
            f"replicates of kind {kind!r} are not made for several years together; "
            "use bootstrap or JKn"
        )
    for design in designs:
        _check(design, kind, options)
    make = _bootstraps if kind == "bootstrap" else lambda d, o: _jackknives(d, kind, o)
    return make(designs, options)


def _check(design: SurveyDesign, kind: str, options: Options) -> None:
    if kind not in MADE_KINDS:
        raise EstimationError(
            f"replicates of kind {kind!r} cannot be made; use one of {', '.join(MADE_KINDS)}"
        )
    if design.replicates is not None:
        raise EstimationError("the design has replicate weights already; start from one without")
    if options.replicates is not None and options.replicates < 2:
        raise EstimationError(
            f"replicates={options.replicates} is too few; at least two are needed"
        )
    if kind in ("JK1", "JKn") and options.replicates is not None:
        raise EstimationError(f"{kind} has one replicate per PSU; leave replicates out")
    if kind == "Fay" and (options.rho is None or not 0 < options.rho < 1):
        raise EstimationError(f"Fay's method needs rho between 0 and 1, not {options.rho!r}")
    if len(design.stages) > 1:
        warnings.warn("replicate weights leave out the variance of the second stage", stacklevel=4)
    stage = design.stages[0]
    lonely = _lonely(stage)
    if design.lonely_psu == "fail" and lonely.any():
        name = stage.stratum_names[int(np.flatnonzero(lonely)[0])]
        raise EstimationError(
            f"Stratum ({name}) has only one PSU at stage 1; "
            "choose another lonely_psu rule or collapse the stratum"
        )


def _lonely(stage: Stage) -> np.ndarray:
    """Strata of one PSU that were not sampled whole."""
    return (stage.n_units == 1) & (stage.free >= FULLY_SAMPLED)


def _varying(stage: Stage) -> np.ndarray:
    """Strata whose PSUs vary between replicates."""
    return (stage.n_units > 1) & (stage.free >= FULLY_SAMPLED)


def _spread(design: SurveyDesign) -> float:
    """What the `average` rule scales the variance up by: all strata over those with one."""
    lonely = _lonely(design.stages[0])
    if design.lonely_psu != "average" or not lonely.any():
        return 1.0
    if lonely.all():
        raise EstimationError("every stratum has one PSU; `average` has nothing to average")
    return len(lonely) / (len(lonely) - lonely.sum())


def _replicates(
    design: SurveyDesign, kind: str, factors: DenseFactors | SparseFactors, scale: float,
    rscales: Floats, mse: bool, token: str,
) -> Replicates:  # fmt: skip
    unit = design.stages[0].unit
    return Replicates(
        kind, unit, design.weights, factors, scale * _spread(design), rscales, mse, token
    )


def _token(designs: Sequence[SurveyDesign], *what: object) -> str:
    """Name a draw by what it is made of, so that equal draws have equal names."""
    digest = hashlib.sha256(repr(what).encode())
    for design in designs:
        stage = design.stages[0]
        names = [stage.stratum_names[s] for s in stage.stratum_of_unit]
        digest.update(repr(list(zip(names, stage.unit_names(), strict=True))).encode())
    return f"{what[0]} {digest.hexdigest()[:12]}"


def _common_units(designs: Sequence[SurveyDesign]) -> dict[str, list[np.ndarray]]:
    """Units of each stratum by year, numbered within the stratum over all years."""
    strata: dict[str, list[dict[str, int]]] = {}
    for year, design in enumerate(designs):
        stage = design.stages[0]
        for unit, name in enumerate(stage.unit_names()):
            stratum = stage.stratum_names[stage.stratum_of_unit[unit]]
            held = strata.setdefault(stratum, [{} for _ in designs])
            held[year][name] = unit
    return {stratum: _numbered(held) for stratum, held in sorted(strata.items())}


def _numbered(years: list[dict[str, int]]) -> list[np.ndarray]:
    """For each year rows of (number of the PSU among all years' PSUs, unit of the year)."""
    number = {name: i for i, name in enumerate(sorted({n for held in years for n in held}))}
    return [
        np.array([(number[name], unit) for name, unit in sorted(held.items())], "int64").reshape(
            -1, 2
        )
        for held in years
    ]


# ---- bootstrap -----------------------------------------------------------------------------


def _bootstraps(designs: Sequence[SurveyDesign], options: Options) -> list[Replicates]:
    """Rao-Wu-Yue; with a finite population the deviations shrink by the root of 1 - f."""
    count = options.replicates or BOOTSTRAP_REPLICATES
    values = [np.ones((len(d.stages[0].stratum_of_unit), count)) for d in designs]
    for stratum, years in _common_units(designs).items():
        rng = stratum_generator(options.seed, stratum)
        drawn = [
            year
            for year, (design, units) in enumerate(zip(designs, years, strict=True))
            if len(units) > 1 and _free(design, units) >= FULLY_SAMPLED
        ]
        signs = _signs(rng, years, count)
        counts = draw_counts(rng, [years[y][:, 0] for y in drawn], count) if drawn else []
        for year, times in zip(drawn, counts, strict=True):
            units = years[year][:, 1]
            n = len(units)
            shrink = np.sqrt(_free(designs[year], years[year]))
            values[year][units] = 1 + shrink * (n / (n - 1) * times.T - 1)
        for year, (design, units) in enumerate(zip(designs, years, strict=True)):
            alone = len(units) == 1 and _free(design, units) >= FULLY_SAMPLED
            if alone and design.lonely_psu == "adjust":
                root = np.sqrt(_free(design, units))
                values[year][units[0, 1]] = 1 + root * signs[units[0, 0]]
    token = _token(designs, "bootstrap", options.seed, count)
    mse = True if options.mse is None else options.mse
    scale = 1 / count if mse else 1 / (count - 1)
    return [
        _replicates(design, "bootstrap", DenseFactors(v), scale, np.ones(count), mse, token)
        for design, v in zip(designs, values, strict=True)
    ]


def _free(design: SurveyDesign, units: np.ndarray) -> float:
    stage = design.stages[0]
    return float(stage.free[stage.stratum_of_unit[units[0, 1]]])


def _signs(rng: np.random.Generator, years: list[np.ndarray], count: int) -> np.ndarray:
    """A random sign per PSU and replicate, for the years in which the PSU is alone."""
    if all(len(units) != 1 for units in years):
        return np.zeros((0, count))
    size = 1 + max(int(units[:, 0].max(initial=0)) for units in years)
    return rng.choice([-1.0, 1.0], (size, count))


# ---- jackknife -----------------------------------------------------------------------------


def _jackknives(designs: Sequence[SurveyDesign], kind: str, options: Options) -> list[Replicates]:
    """Delete one PSU at a time and weight up the rest of its stratum (R's `jknweights`).

    With several years a replicate deletes a PSU in every year that has it.
    """
    if kind == "JK1" and any(len(d.stages[0].n_units) > 1 for d in designs):
        raise EstimationError("JK1 is for a sample without strata; use JKn")
    common = _common_units(designs)
    columns = {
        (stratum, int(number)): position
        for position, (stratum, number) in enumerate(
            (stratum, number)
            for stratum, years in common.items()
            for number in sorted({n for units in years for n in units[:, 0]})
        )
    }
    token = _token(designs, kind)
    return [
        _jackknife(design, kind, options, [
            (columns[stratum, int(number)], int(unit))
            for stratum, years in common.items() for number, unit in years[year]
        ], len(columns), token, len(designs) == 1)
        for year, design in enumerate(designs)
    ]  # fmt: skip


def _jackknife(
    design: SurveyDesign, kind: str, options: Options, places: list[tuple[int, int]], count: int,
    token: str, alone_in_draw: bool,
) -> Replicates:  # fmt: skip
    stage = design.stages[0]
    if float((stage.n_units.astype(float) ** 2).sum()) > LARGEST_JACKKNIFE:
        raise EstimationError(
            f"a jackknife of {len(stage.stratum_of_unit)} PSUs in {len(stage.n_units)} strata is "
            "too large; use bootstrap"
        )
    column = np.zeros(len(places), "int64")
    column[[unit for _, unit in places]] = [position for position, _ in places]
    varying, lonely = _varying(stage), _lonely(stage)
    adjusted = lonely & (design.lonely_psu == "adjust")
    if not (varying | adjusted).any():
        raise EstimationError("every stratum was sampled whole; there is no sampling variance")
    member = sparse.csr_array(
        (np.ones(len(column)), (stage.stratum_of_unit, np.arange(len(column))))
    )
    n = stage.n_units[stage.stratum_of_unit].astype(float)
    deleted = varying[stage.stratum_of_unit]
    rise = sparse.diags_array(np.where(deleted, 1 / np.maximum(n - 1, 1), 0.0))
    own = sparse.diags_array(np.where(deleted, n / np.maximum(n - 1, 1), 0.0))
    by_unit = (member.T @ member @ rise - own).tocoo()
    parts = [(by_unit.row, by_unit.col, by_unit.data)]
    rscales = np.zeros(count)
    free = stage.free[stage.stratum_of_unit]
    rscales[column[deleted]] = (free * (n - 1) / n)[deleted]
    n_strata = len(stage.n_units)
    for alone in np.flatnonzero(adjusted[stage.stratum_of_unit]):
        units = np.arange(len(column))
        change = np.where(units == alone, -1.0, 1 / (n_strata - 1))
        parts.append((units, np.full(len(units), alone), change))
        rscales[column[alone]] = (n_strata - 1) / n_strata
    row, at, value = (np.concatenate(piece) for piece in zip(*parts, strict=True))
    kept = value != 0
    deviations = sparse.coo_array(
        (value[kept], (row[kept], column[at[kept]])), shape=(len(column), count)
    ).tocsr()
    # One year by itself has no use for replicates that delete nothing; several keep step.
    used = np.flatnonzero(rscales > 0) if alone_in_draw else np.arange(count)
    sizes = None if adjusted.any() else np.where(varying, stage.n_units, 0)
    factors = SparseFactors(
        deviations[:, used].tocsr(), None if sizes is None else stage.stratum_of_unit, sizes
    )
    scale = _jackknife_spread(design, len(column), len(used))
    mse = bool(options.mse)
    return Replicates(kind, stage.unit, design.weights, factors, scale, rscales[used], mse, token)


def _jackknife_spread(design: SurveyDesign, n_units: int, used: int) -> float:
    """R's `jknweights` scales by PSUs, not by strata, under `average`."""
    lonely = _lonely(design.stages[0]).any()
    return n_units / used if design.lonely_psu == "average" and lonely else 1.0


# ---- balanced half-samples -----------------------------------------------------------------


def _balanced(design: SurveyDesign, kind: str, options: Options) -> Replicates:
    """Balanced repeated replication and Fay's method, with R's grouping of large strata."""
    half, group = _half_samples(design, options.large)
    n_groups = int(group.max(initial=-1)) + 1
    signs = _signs_of_groups(options, n_groups)
    count = signs.shape[1]
    rho = float(options.rho or 0.0) if kind == "Fay" else 0.0
    values = np.ones((len(group), count))
    inside = group >= 0
    up = (signs[1 + group[inside]] == 1) == (half[inside] == 0)[:, None]
    values[inside] = np.where(up, 2 - rho, rho)
    _warn_of_fpc(design, kind)
    return _replicates(
        design, kind, DenseFactors(values), 1 / (count * (1 - rho) ** 2), np.ones(count),
        bool(options.mse), _token([design], kind, n_groups, count, rho),
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


def _half_samples(design: SurveyDesign, large: str) -> tuple[np.ndarray, np.ndarray]:
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
    return _lonely(design.stages[0]) & (design.lonely_psu != "adjust")


def _warn_of_fpc(design: SurveyDesign, kind: str) -> None:
    if (design.stages[0].share > 0).any():
        warnings.warn(f"{kind} replicates leave out the finite population correction", stacklevel=5)


# ---- successive differences ----------------------------------------------------------------


def _successive_difference(design: SurveyDesign, options: Options) -> Replicates:
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
    lonely = _lonely(stage)[stage.stratum_of_unit]
    alone = 1 + matrix[first] / 2 if design.lonely_psu == "adjust" else np.ones_like(ring)
    values = np.where(lonely[:, None], alone, ring)
    root = np.sqrt(stage.free)[stage.stratum_of_unit][:, None]
    mse = True if options.mse is None else options.mse
    return _replicates(
        design, "ACS", DenseFactors(1 + root * (values - 1)), 4 / count, np.ones(count), mse,
        _token([design], "ACS", count, options.order),
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
