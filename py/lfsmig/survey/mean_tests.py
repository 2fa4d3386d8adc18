"""Tests of means and of any cells of a table under the design: t and Wald."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from lfsmig.errors import EstimationError
from lfsmig.survey.contrast import covariance_of, df_of
from lfsmig.survey.estimate import Estimate
from lfsmig.survey.inference import TESTED, check_options, tested, wald_test
from lfsmig.survey.models import regression
from lfsmig.survey.sandwich import whole_domain_df

if TYPE_CHECKING:
    from lfsmig.survey.design import SurveyDesign


def ttest(
    design: SurveyDesign, of: str, group: str | None = None, null: float = 0.0,
    domain: object = None, engine: str = "python", level: float = 0.95,
) -> pd.DataFrame:  # fmt: skip
    """Design-based t test (R's `svyttest`).

    Without `group`: of a mean against `null`, on the design's degrees of freedom less one, as R.
    With it (a column of two levels in the domain): of the second level's mean less the first's,
    the coefficient of a linear regression.

    Returns
    -------
    DataFrame
        One row: reference, level (empty without `group`), estimate, se, df, limits, t, p, n.
    """
    check_options(engine, level)
    mask = design.mask(domain)
    if group is not None:
        if null != 0:
            raise EstimationError(
                "null is for the mean of one group; the difference is tested at 0"
            )
        return _two_groups(design, of, group, mask, engine, level)
    keep = (design.weights != 0) & ~np.isnan(design.numbers(of))
    rows = np.flatnonzero(keep if mask is None else keep & mask)
    df = whole_domain_df(design, rows)[1] - 1
    if df < 1:
        raise EstimationError(
            f"t test of {of!r}: {df + 1} degree(s) of freedom are too few; two are needed"
        )
    if engine == "r":
        from lfsmig.survey.r_models import mean_test_in_r

        estimate, se, df = mean_test_in_r(design, rows, of, None, null)
    else:
        found = design.mean(of, domain=keep if mask is None else keep & mask)
        estimate, se = float(found["estimate"][0]), float(found["se"][0])
    values = tested(np.array([estimate - null]), np.array([se]), df, level, engine)
    for name in ("estimate", "ci_low", "ci_high"):
        values[name] += null
    keys = pd.DataFrame({"reference": [""], "level": [""]})
    return pd.concat([keys, values.assign(n=len(rows))], axis=1)


def cells_test(
    found: Estimate, hypothesis: np.ndarray | None = None, engine: str = "python"
) -> pd.DataFrame:
    """Wald test, with the adjusted F, of any hypothesis about the cells of a table.

    Parameters
    ----------
    found
        A table made with `covariance=True` (any but quantiles). Rows without an estimate are left
        out.
    hypothesis
        L of `L estimate = 0`, a column for each row of the table; None: all cells are equal.

    Returns
    -------
    DataFrame
        As `inference.wald_test`; the degrees of freedom are those of the cases of all cells in the
        test.

    Raises
    ------
    EstimationError
        The table was made without `covariance=True`, or the hypothesis does not fit its rows.
    """
    known = np.flatnonzero(found.frame["se"].notna().to_numpy())
    size = len(found.frame)
    rows = np.diff(np.eye(size)[known], axis=0) if hypothesis is None else np.atleast_2d(hypothesis)
    if rows.shape[1] != size:
        raise EstimationError(f"the hypothesis has {rows.shape[1]} columns for {size} cells")
    used = np.flatnonzero((rows != 0).any(axis=0))
    if len(used) == 0 or not np.isin(used, known).all():
        raise EstimationError("the hypothesis is about no cell, or about one without an estimate")
    cells = sparse.csr_array(np.eye(size)[used])
    covariance = covariance_of([found], [cells])
    together = sparse.csr_array(cells.sum(axis=0)[None])
    df = float(df_of([found], [together])[0])
    estimate = found.frame["estimate"].to_numpy()[used]
    return wald_test(estimate, covariance, df, rows[:, used], engine)


def _two_groups(
    design: SurveyDesign, of: str, group: str, mask: np.ndarray | None, engine: str, level: float
) -> pd.DataFrame:
    model = regression(design, of, [f"factor(`{group}`)"], domain=mask, level=level)
    texts = model.model.variables[group].texts
    if len(texts) != 2:
        raise EstimationError(
            f"t test of {of!r}: group {group!r} has {len(texts)} levels in the domain "
            f"({', '.join(texts)}); two are needed"
        )
    if engine == "r":
        from lfsmig.survey.r_models import mean_test_in_r

        estimate, se, df = mean_test_in_r(design, model.rows, of, group, 0.0)
        values = tested(np.array([estimate]), np.array([se]), df, level, engine)
    else:
        values = model.frame.iloc[[1]][TESTED].reset_index(drop=True)
    keys = pd.DataFrame({"reference": [texts[0]], "level": [texts[1]]})
    return pd.concat([keys, values.assign(n=model.n)], axis=1)
