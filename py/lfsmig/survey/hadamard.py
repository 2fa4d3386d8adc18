"""Hadamard matrices for balanced replicates, by the constructions of Sylvester and Paley."""

from __future__ import annotations

import numpy as np


def hadamard(at_least: int) -> np.ndarray:
    """Smallest Hadamard matrix that the constructions give of an order not below `at_least`.

    Entries are 1 and -1 (int8), rows are orthogonal, the first row and column are 1. Orders are
    powers of two times 1, times q + 1 (q a prime that leaves 3 when divided by 4) or times
    2(q + 1) (q leaves 1): every multiple of 4 up to 88 but 52.
    """
    best = _power_of_two(at_least), 0, 0
    for prime in _primes(2 * at_least + 8):
        size = prime + 1 if prime % 4 == 3 else 2 * (prime + 1)
        doublings = max(0, int(np.ceil(np.log2(at_least / size))))
        best = min(best, (size << doublings, prime, doublings))
    order, prime, doublings = best
    made = _paley(prime) if prime else np.ones((1, 1), "int8")
    for _ in range(doublings if prime else order.bit_length() - 1):
        made = np.block([[made, made], [made, -made]])
    made = made * made[0]
    made = made * made[:, [0]]
    assert is_hadamard(made)
    return made.astype("int8")


def is_hadamard(matrix: np.ndarray) -> bool:
    """Whether a matrix of 1 and -1 has orthogonal rows."""
    square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1]
    if not square or not np.isin(matrix, (1, -1)).all():
        return False
    wide = matrix.astype("float64")
    return bool((wide @ wide.T == len(wide) * np.eye(len(wide))).all())


def _power_of_two(at_least: int) -> int:
    return 1 << max(0, int(at_least - 1).bit_length())


def _primes(below: int) -> list[int]:
    sieve = np.ones(below, bool)
    sieve[:2] = False
    for number in range(2, int(below**0.5) + 1):
        sieve[number * number :: number] &= ~sieve[number]
    return [int(p) for p in np.flatnonzero(sieve) if p > 2]


def _paley(prime: int) -> np.ndarray:
    """Paley's matrix of order q + 1 (q = 3 mod 4) or 2(q + 1) (q = 1 mod 4)."""
    character = np.full(prime, -1)
    character[(np.arange(1, prime) ** 2) % prime] = 1
    character[0] = 0
    number = np.arange(prime)
    core = np.zeros((prime + 1, prime + 1), "int64")
    core[1:, 1:] = character[(number[:, None] - number) % prime]
    core[0, 1:] = 1
    eye = np.eye(prime + 1, dtype="int64")
    if prime % 4 == 3:
        core[1:, 0] = -1
        return core + eye
    core[1:, 0] = 1
    plus = np.array([[1, 1], [1, -1]])
    unit = np.array([[1, -1], [-1, -1]])
    return np.kron(core, plus) + np.kron(eye, unit)
