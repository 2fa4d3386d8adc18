"""Maximum pseudo-likelihood of a generalised linear model with its canonical link.

The model matrix is first turned into an orthonormal basis (a QR decomposition over chunks of
patterns), so that a year counted from 0 or a correlated pair of columns costs no digits; Newton's
steps, which are Fisher's scoring here, then need only sums over patterns. They end when no
prediction moves by more than 1e-10 of the largest; convergence is quadratic, so a further step
would be lost in rounding. (R's `glm` stops when the deviance moves by less than 1e-8 of itself.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import linalg, special

from lfsmig.errors import EstimationError
from lfsmig.survey.formula import term_text
from lfsmig.survey.model_matrix import Column, ModelMatrix

# A column whose part outside the columns before it is this small is a combination of them
# (R's glm: 1e-11).
COLLINEAR = 1e-11
# From so many chunks on, one in SAMPLED is decomposed first; its basis may be worse conditioned
# than the whole's by this, which costs normal equations half of its digits.
MANY_CHUNKS = 128
SAMPLED = 16
CONDITION = 1e5
# Entries of a matrix small enough for LAPACK not to share its columns among threads.
QR_ENTRIES = 7000
MAX_STEPS = 30
STILL = 1e-10
NEARLY_STILL = 1e-12
# Under separation each step moves the predictions concerned by about 1, for ever.
DRIFTING = 0.05


@dataclass(frozen=True)
class Family:
    """A distribution with its canonical link; in R `gaussian`, `quasibinomial`, `quasipoisson`."""

    name: str
    link: Callable[[np.ndarray], np.ndarray]
    mean: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]  # of the mean, from the mean: the variance function
    curve: Callable[[np.ndarray], np.ndarray]  # second derivative of the mean, from the mean
    potential: Callable[[np.ndarray], np.ndarray]  # its derivative is the mean


FAMILIES = {
    "gaussian": Family(
        "gaussian", np.asarray, np.asarray, np.ones_like, np.zeros_like, lambda eta: eta**2 / 2
    ),
    "binomial": Family(
        "binomial", special.logit, special.expit, lambda mu: mu * (1 - mu),
        lambda mu: mu * (1 - mu) * (1 - 2 * mu), lambda eta: np.logaddexp(0, eta),
    ),
    "poisson": Family("poisson", np.log, np.exp, np.asarray, np.asarray, np.exp),
}  # fmt: skip


@dataclass(frozen=True)
class Basis:
    """Orthonormal columns (patterns x columns) and the triangle that leads back to the model's."""

    columns: np.ndarray
    triangle: np.ndarray

    def coefficients(self, values: np.ndarray) -> np.ndarray:
        """Coefficients of the model's columns from those of the basis (a vector or columns)."""
        return linalg.solve_triangular(self.triangle, values)

    def sandwich(self, covariance: np.ndarray) -> np.ndarray:
        """Covariance of the model's coefficients from that of the basis's."""
        half = self.coefficients(covariance)
        return self.coefficients(half.T)


@dataclass(frozen=True)
class Sums:
    """Sums of weights and of weighted responses over the records of each pattern."""

    weight: np.ndarray
    response: np.ndarray


def basis_of(model: ModelMatrix, weight: np.ndarray) -> Basis:
    """Columns in which the model is well conditioned, whatever the origin of its numbers.

    The triangle of a QR decomposition leads to orthonormal columns. Of many patterns every
    sixteenth chunk is decomposed first: its triangle is nearly that of all, which is verified.

    Raises
    ------
    EstimationError
        A column is a combination of those before it; the term is named.
    """
    root = np.sqrt(weight / weight.sum())
    chunks = list(model.chunks())
    if len(chunks) >= MANY_CHUNKS:
        triangle, norms = _triangle(model, root, chunks[::SAMPLED])
        if not _aliased(triangle, norms).any():
            basis = _in_triangle(model, triangle)
            if _well_conditioned(model, basis, root):
                return basis
    triangle, norms = _triangle(model, root, chunks)
    aliased = np.flatnonzero(_aliased(triangle, norms))
    if len(aliased):
        raise _collinear(model, model.columns[aliased[0]], norms[aliased[0]] == 0)
    return _in_triangle(model, triangle)


def _triangle(
    model: ModelMatrix, root: np.ndarray, chunks: list[slice]
) -> tuple[np.ndarray, np.ndarray]:
    """R of the QR decomposition of some chunks, and the sums of squares of their columns."""
    qr_rows = max(QR_ENTRIES // len(model.columns) - len(model.columns), 32)
    triangle = np.zeros((0, len(model.columns)))
    norms = np.zeros(len(model.columns))
    for chunk in chunks:
        part = model.matrix(chunk) * root[chunk, None]
        norms += (part**2).sum(axis=0)
        for start in range(0, len(part), qr_rows):
            stacked = np.vstack([triangle, part[start : start + qr_rows]])
            triangle = np.asarray(np.linalg.qr(stacked, mode="r"))
    return triangle, norms


def _aliased(triangle: np.ndarray, norms: np.ndarray) -> np.ndarray:
    """Which columns are combinations of those before them."""
    left = np.zeros(len(norms))
    left[: len(triangle)] = np.abs(np.diag(triangle))
    return left <= COLLINEAR * np.sqrt(norms)


def _in_triangle(model: ModelMatrix, triangle: np.ndarray) -> Basis:
    columns = np.empty((model.n_patterns, len(triangle)))
    inverse = linalg.solve_triangular(triangle, np.eye(len(triangle)))
    for chunk in model.chunks():
        columns[chunk] = model.matrix(chunk) @ inverse
    return Basis(columns, triangle)


def _well_conditioned(model: ModelMatrix, basis: Basis, root: np.ndarray) -> bool:
    gram = np.zeros_like(basis.triangle)
    for chunk in model.chunks():
        part = basis.columns[chunk] * root[chunk, None]
        gram += part.T @ part
    return not is_singular(gram, 1 / CONDITION)


def is_singular(matrix: np.ndarray, tolerance: float) -> bool:
    """Whether a symmetric matrix has a root below this part of its largest."""
    if not np.isfinite(matrix).all():
        return True
    roots = np.linalg.eigvalsh(matrix)
    return bool(roots[0] <= tolerance * roots[-1])


def _collinear(model: ModelMatrix, column: Column, empty: bool) -> EstimationError:
    level = model.level_texts(column)
    where = f" at level {level!r}" if level else ""
    what = "no record has it" if empty else "its column is a combination of those before it"
    return EstimationError(
        f"term {term_text(column.term)!r}{where} is collinear: {what}; leave it out or merge levels"
    )


def fit(
    family: Family, model: ModelMatrix, basis: Basis, sums: Sums, start: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients in the basis, and the inverse of the information there.

    Parameters
    ----------
    start
        Coefficients to begin with (in the basis), such as the full sample's for a replicate.

    Raises
    ------
    EstimationError
        The outcome is separated by a term, or Newton's steps do not come to rest.
    """
    beta = _start(family, model, basis, sums) if start is None else start
    step = np.zeros_like(beta)
    value, gradient, information = derivatives(family, model, basis, sums, beta)
    for number in range(MAX_STEPS):
        step = _solved(information, gradient)
        # Mean square of the movement of the predictions: while it is large none need be looked at.
        spread = gradient @ step / (np.trace(information) / len(beta))
        for _ in range(MAX_STEPS):
            tried = derivatives(family, model, basis, sums, beta + step)
            # A step that overshoots is halved; at rest the value moves by rounding alone.
            if tried[0] >= value - 1e-12 * max(1.0, abs(value)):
                break
            step = step / 2
        else:
            break
        beta = beta + step
        value, gradient, information = tried
        # A linear model is there after one step; the second gives back the first one's rounding.
        if number == 0 or (family.name != "gaussian" and spread > NEARLY_STILL):
            continue
        if family.name == "gaussian" or _at_rest(model, basis, beta, step):
            return beta, np.linalg.inv(information) / sums.weight.sum()
    raise _not_at_rest(family, model, basis, step)


def is_estimable(
    family: Family, model: ModelMatrix, basis: Basis, sums: Sums, beta: np.ndarray
) -> bool:
    """Whether other weights on the same patterns still tell all coefficients apart."""
    return not is_singular(derivatives(family, model, basis, sums, beta)[2], COLLINEAR)


def derivatives(
    family: Family, model: ModelMatrix, basis: Basis, sums: Sums, beta: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Log pseudo-likelihood, its gradient and the information, per unit of weight."""
    value, total = 0.0, sums.weight.sum()
    gradient = np.zeros(len(beta))
    information = np.zeros((len(beta), len(beta)))
    with np.errstate(over="ignore", invalid="ignore"):
        for chunk in model.chunks():
            x, w = basis.columns[chunk], sums.weight[chunk]
            eta = x @ beta + model.offset[chunk]
            mu = family.mean(eta)
            value += float(sums.response[chunk] @ eta - w @ family.potential(eta))
            gradient += x.T @ (sums.response[chunk] - w * mu)
            information += (x * (w * family.slope(mu))[:, None]).T @ x
    return (value if np.isfinite(value) else -np.inf) / total, gradient / total, information / total


def _start(family: Family, model: ModelMatrix, basis: Basis, sums: Sums) -> np.ndarray:
    """An intercept that gives the outcome's mean."""
    offset = sums.weight @ model.offset / sums.weight.sum()
    mean = sums.response.sum() / sums.weight.sum()
    first = np.zeros(len(model.columns))
    first[0] = family.link(np.asarray(mean)) - offset
    return basis.triangle @ first


def _solved(information: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    try:
        return linalg.cho_solve(linalg.cho_factor(information), gradient)
    except (np.linalg.LinAlgError, ValueError):
        return np.linalg.lstsq(np.nan_to_num(information), np.nan_to_num(gradient), rcond=1e-14)[0]


def _at_rest(model: ModelMatrix, basis: Basis, beta: np.ndarray, step: np.ndarray) -> bool:
    moved = largest = 0.0
    both = np.column_stack([step, beta])
    for chunk in model.chunks():
        change, value = np.abs(basis.columns[chunk] @ both).max(axis=0)
        moved, largest = max(moved, change), max(largest, value)
    return moved <= STILL * max(1.0, largest)


def _not_at_rest(
    family: Family, model: ModelMatrix, basis: Basis, step: np.ndarray
) -> EstimationError:
    """Name the terms whose coefficients still run away."""
    running = np.abs(basis.coefficients(step))
    terms = [
        term_text(column.term)
        for column, size in zip(model.columns, running, strict=True)
        if size > DRIFTING and column.term
    ]
    if family.name == "gaussian" or not terms:
        return EstimationError(
            f"the {family.name} regression does not converge in {MAX_STEPS} steps"
        )
    return EstimationError(
        f"perfect separation: term {', '.join(map(repr, dict.fromkeys(terms)))} predicts the "
        "outcome without error for some records, so that its coefficient has no finite value; "
        "merge levels or leave the term out"
    )
