"""Tests and distances that tell drift from chance: by sampling units, corrected for number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.optimize import linear_sum_assignment

# Of longer lists some order of the codes always fits: their shares are much alike.
MOST_SWAPPED = 7


@dataclass(frozen=True)
class Sample:
    """Which sampling unit each record lies in: 0 to `units` - 1."""

    unit: np.ndarray
    units: int

    @classmethod
    def of(cls, unit: np.ndarray) -> Sample:
        return cls(unit, int(unit.max()) + 1 if len(unit) else 0)

    def share(self, flag: np.ndarray) -> tuple[float, float]:
        """Unweighted share of flagged records and its variance (see `shares`)."""
        shares, variances = self.shares(flag.astype(np.int64), 2)
        return float(shares[1]), float(variances[1])

    def shares(self, codes: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Unweighted shares of codes among the records that have one, and their variances.

        The variance is that of a ratio of sums by sampling unit, drawn with replacement (Cochran
        1977, section 11.3): m / (m - 1) * sum((b_i - p n_i)^2) / n^2. Strata are not used, which
        makes it too large rather than too small.

        Parameters
        ----------
        codes
            One per record: 0 to `number` - 1, -1 for none.
        number
            How many codes there are.
        """
        inside = codes >= 0
        cells = codes[inside] * self.units + self.unit[inside]
        hits = np.bincount(cells, minlength=number * self.units).reshape(number, self.units)
        size = hits.sum(axis=0)
        total, units = size.sum(), int((size > 0).sum())
        if not total:
            return np.full(number, np.nan), np.full(number, np.nan)
        shares = hits.sum(axis=1) / total
        if units < 2:
            return shares, np.full(number, np.nan)
        rest = hits - shares[:, None] * size
        return shares, units / (units - 1) * (rest**2).sum(axis=1) / total**2


def difference_p(before: tuple[float, float], after: tuple[float, float]) -> float:
    """Two-sided p of the difference of two independent shares; the panel's overlap is not used.

    Years that share households are positively related, so the true p is smaller still.
    """
    gap = after[0] - before[0]
    variance = np.nansum([before[1], after[1]])
    if np.isnan(gap):
        return np.nan
    if variance == 0:
        return 1.0 if gap == 0 else 0.0
    return float(2 * stats.norm.sf(abs(gap) / np.sqrt(variance)))


def holm(values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979) of a family of p values; NaN stays."""
    out = np.full(len(values), np.nan)
    known = [i for i, p in enumerate(values) if not np.isnan(p)]
    largest = 0.0
    for rank, i in enumerate(sorted(known, key=lambda i: values[i])):
        largest = max(largest, min(1.0, (len(known) - rank) * values[i]))
        out[i] = largest
    return [float(p) for p in out]


def variation(before: Mapping[str, float], after: Mapping[str, float]) -> float:
    """Total variation distance of two distributions over codes: 0 the same, 1 nothing in common."""
    codes = set(before) | set(after)
    return 0.5 * sum(abs(before.get(code, 0.0) - after.get(code, 0.0)) for code in codes)


def distance_of_numbers(before: np.ndarray, after: np.ndarray) -> float:
    """Kolmogorov-Smirnov distance of two sets of numbers: largest gap of their distributions."""
    if not len(before) or not len(after):
        return np.nan
    return float(stats.ks_2samp(before, after, method="asymp").statistic)


def distance_p(distance: float, units_before: int, units_after: int) -> float:
    """Chance of a Kolmogorov-Smirnov distance, taking each sampling unit for one observation.

    Persons of one unit are alike, so their number would find drift everywhere; the number of units
    is the careful choice. Asymptotic form (Smirnov 1948).
    """
    if not units_before or not units_after:
        return np.nan
    size = np.sqrt(units_before * units_after / (units_before + units_after))
    return float(stats.kstwobign.sf(distance * size))


def swapped(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, str] | None:
    """Find an order of the codes under which two distributions agree far better than as they are.

    Returns
    -------
    dict or None
        For each code of the new year the code of the old one that it looks like; None where the
        codes as they are fit as well (the best must leave less than a quarter of the distance).
    """
    codes = set(before) | set(after)
    if not 2 <= len(codes) <= MOST_SWAPPED:
        return None
    whole = {code: before.get(code, 0.0) for code in sorted(codes)}
    paired, alike = match_shares(whole, {code: after.get(code, 0.0) for code in sorted(codes)})
    if 1 - alike < variation(before, after) / 4:
        return {new: old for new, old in paired.items() if new != old} or None
    return None


def match_shares(
    before: Mapping[str, float], after: Mapping[str, float]
) -> tuple[dict[str, str], float]:
    """Pair codes of two years so that their shares differ least (assignment problem).

    Returns
    -------
    dict, float
        For each code of the new year one of the old, and how alike the shares then are (0 to 1).
    """
    old, now = list(before), list(after)
    cost = np.abs(np.subtract.outer([after[c] for c in now], [before[c] for c in old]))
    rows, columns = linear_sum_assignment(cost)
    paired = {now[i]: old[j] for i, j in zip(rows, columns, strict=True)}
    moved = {paired.get(code, f"({code})"): share for code, share in after.items()}
    return paired, 1 - variation(before, moved)
