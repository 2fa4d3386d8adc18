"""Adjusting p-values for the number of tests made: Holm and Benjamini-Hochberg.

Holm (1979) holds the chance of any false finding in the family at the level, whatever the
dependence: for planned contrasts. Benjamini and Hochberg (1995) hold the expected share of false
ones among the findings: for screens of many provinces or categories. Both equal R's `p.adjust`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lfsmig.errors import EstimationError

METHODS = ("holm", "bh")


def adjusted(p: Sequence[float] | np.ndarray | pd.Series, method: str = "holm") -> np.ndarray:
    """Adjusted p-values in the order given.

    A missing p stays missing and does not count among the tests, as in `p.adjust`.

    Raises
    ------
    EstimationError
        The method is not known, or a p lies outside 0 to 1.
    """
    if method not in METHODS:
        raise EstimationError(
            f"adjustment {method!r} is not known; use one of {', '.join(METHODS)}"
        )
    values = np.asarray(p, dtype=float)
    known = np.flatnonzero(~np.isnan(values))
    tests = values[known]
    if ((tests < 0) | (tests > 1)).any():
        raise EstimationError("a p-value lies outside 0 to 1")
    order = np.argsort(tests, kind="stable")
    m = len(tests)
    rank = np.arange(1, m + 1)
    if method == "holm":
        steps = np.maximum.accumulate((m - rank + 1) * tests[order])
    else:
        steps = np.minimum.accumulate((m / rank * tests[order])[::-1])[::-1]
    out = np.full(len(values), np.nan)
    out[known[order]] = np.minimum(steps, 1.0)
    return out
