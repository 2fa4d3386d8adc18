"""R cells of the working papers: plain R code, run beside the Python cells through rpy2.

A chapter hands a table over with `to_r`, its `{r}` cells work on it as at an R console, and what
they leave is read by name. Where R is not installed the code is shown all the same, with a line
that it was not run; an error in R is an error of the chapter.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from lfsmig.errors import MissingDependency
from lfsmig.report import words
from lfsmig.survey import r_session as r

# Tables that R holds by now; without any, the records are not on this machine.
_handed: set[str] = set()


def r_runs() -> bool:
    """Whether R can be used here; only its absence counts, not a fault of R."""
    try:
        r.versions()
    except MissingDependency:
        return False
    return True


def to_r(**tables: pd.DataFrame | None) -> None:
    """Hand tables over to R under their names; nothing where there is no R or no table."""
    for name, table in tables.items():
        if table is None or not r_runs():
            continue
        columns = [_column(table[column]) for column in table]
        named = r.text(*map(str, table.columns))
        r.call("hand_over", r.text(name), r.listed(columns), named)
        _handed.add(name)


def _column(values: pd.Series) -> object:
    """A column as R knows it: a number, or a factor whose levels are sorted."""
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        return r.numbers(values.to_numpy(dtype="float64", na_value=np.nan))
    codes, levels = pd.factorize(values.astype(object), sort=True)
    return r.factor(codes, [str(level) for level in levels])


def run_r(code: str) -> None:
    """Run the code of an R cell; say so where there is no R."""
    if not r_runs():
        display(Markdown(words.t("annual.no_r")))
    elif _handed:
        r.call("run_code", r.text(code))


def from_r(name: str, item: str) -> pd.DataFrame | None:
    """Shares of an item that R code left under a name: category, estimate, standard error.

    None where the code was not run.
    """
    if not _handed or not r_runs():
        return None
    found = r.fields(r.call("shares_of", r.text(name), r.text(item)))
    return pd.DataFrame(
        {
            "category": [str(level) for level in found["category"]],
            "estimate": r.array(found["estimate"]),
            "se": r.array(found["se"]),
        }
    )


@words.inline
def live_engines() -> str:
    """By which engines the working paper makes its estimate on this machine."""
    return words.t("annual.live_both" if r_runs() else "annual.live_python")
