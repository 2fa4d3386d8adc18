"""Families of tests: which p-values of the trends are adjusted together, and how.

A family is one indicator and one kind of comparison (methods.md 4.10): the changes between its
neighbouring years, say. Where it has one value a year they are planned contrasts, and Holm holds
the chance of any false finding. Where it has several (regions, categories) it is a screen, and
Benjamini and Hochberg hold the share of false ones among the findings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lfsmig.results import domain_codes
from lfsmig.survey.multiplicity import adjusted as adjusted_p

if TYPE_CHECKING:
    from collections.abc import Sequence

# Both answers of a yes-or-no item have the same test.
ANSWERS = {"yes", "no"}


def adjusted(trends: pd.DataFrame, engine: str = "python") -> np.ndarray:
    """P-values adjusted for the number of tests of their family.

    Parameters
    ----------
    trends
        Rows with `indicator, domain, category, statistic, p`; a missing p is no test.
    engine
        `python`, or `r` for R's own `p.adjust` (`r/change.R`).

    Returns
    -------
    ndarray
        Adjusted p, shape (rows,), missing where p is.
    """
    p = trends["p"].to_numpy(dtype=float)
    if not len(p):
        return p
    family, screen = _families(trends)
    if engine == "r":
        return _in_r(p, family, screen)
    out = np.full(len(p), np.nan)
    for rows in _members(family):
        out[rows] = adjusted_p(p[rows], "bh" if screen[rows[0]] else "holm")
    return out


def _families(trends: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Number of each row's family, and whether it has several values a year."""
    items = {text: ",".join(domain_codes(text)) for text in trends["domain"].unique()}
    keys = pd.DataFrame(
        {
            "indicator": trends["indicator"], "statistic": trends["statistic"],
            "items": trends["domain"].map(items), "category": trends["category"],
        }
    )  # fmt: skip
    whole = ["indicator", "statistic", "items"]
    plain = trends.groupby("indicator")["category"].transform(lambda held: set(held) <= ANSWERS)
    keys["category"] = keys["category"].where(plain.astype(bool), "")
    family = keys.groupby([*whole, "category"], sort=False).ngroup().to_numpy()
    cells = pd.Series(trends["domain"].astype(str) + "\t" + trends["category"].astype(str))
    several = cells.groupby(family).transform("nunique").to_numpy() > 1
    return family, several


def _members(family: np.ndarray) -> Sequence[np.ndarray]:
    order = np.argsort(family, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(family[order])) + 1)


def _in_r(p: np.ndarray, family: np.ndarray, screen: np.ndarray) -> np.ndarray:
    from lfsmig.survey import r_session as r

    found = r.call(
        "adjusted_within", r.numbers(p), r.integers(family + 1), r.logicals(screen)
    )  # fmt: skip
    return np.asarray(r.array(found), dtype=float)
