"""Survey-weighted linear, logistic and Poisson regression, with the design's covariance.

The coefficients maximise the weighted log likelihood; their covariance is the sandwich with the
design's variance of the score total in the middle (Binder 1983; R's `svyglm`), or the spread of
the replicates' coefficients. The degrees of freedom are R's: PSUs less strata of the records in
the model, less the number of coefficients but the intercept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import special

from lfsmig.errors import EstimationError
from lfsmig.survey.formula import Formula, Term, parse, term_names, term_text
from lfsmig.survey.inference import check_options, tested
from lfsmig.survey.irls import FAMILIES, Basis, Family, Sums, basis_of, fit, is_estimable
from lfsmig.survey.likelihood_ratio import likelihood_ratio, refuse_nested
from lfsmig.survey.model_matrix import ModelMatrix, model_matrix, observed
from lfsmig.survey.replicates import refuse_negative
from lfsmig.survey.sandwich import (
    linearised_covariance,
    record_sums,
    replicate_covariance,
    replicate_sums,
    whole_domain_df,
)

if TYPE_CHECKING:
    from lfsmig.survey.design import SurveyDesign


TERM_TESTS = ("Wald", "LRT")


@dataclass(frozen=True)
class Regression:
    """A fitted model; `frame` has its coefficients, the functions of `margins.py` the rest.

    `covariance` is that of `coefficients`, in the order of `frame`. `rows` are the positions of
    the records in the model.
    """

    design: SurveyDesign
    engine: str
    formula: Formula
    family: Family
    model: ModelMatrix
    rows: np.ndarray
    coefficients: np.ndarray
    covariance: np.ndarray
    df: int
    n: int
    n_psu: int
    level: float
    handle: Any = None  # the R engine's own model

    @property
    def frame(self) -> pd.DataFrame:
        """A row per coefficient: term, level, estimate, se, df, limits, t and p.

        `level` names the category (several joined by `:` in an interaction), empty for numbers.
        """
        keys = pd.DataFrame(
            {
                "term": [term_text(column.term) for column in self.model.columns],
                "level": [self.model.level_texts(column) for column in self.model.columns],
            }
        )
        se = np.sqrt(np.diag(self.covariance))
        return pd.concat(
            [keys, tested(self.coefficients, se, self.df, self.level, self.engine)], axis=1
        )

    def positions(self, terms: Sequence[str]) -> list[int]:
        """Positions of the coefficients of some terms (`sex`, `sex:area`, in any order)."""
        known = {frozenset(term): term for term in self.formula.terms}
        wanted: set[Term] = set()
        for text in terms:
            asked = term_names(text)
            if asked not in known:
                raise EstimationError(
                    f"term {text!r} is not in the model; its terms are "
                    f"{', '.join(map(term_text, self.formula.terms)) or '(Intercept) only'}"
                )
            wanted.add(known[asked])
        return [i for i, column in enumerate(self.model.columns) if column.term in wanted]


def regression(
    design: SurveyDesign, formula: str, terms: Sequence[str] | None = None,
    family: str = "gaussian", domain: object = None, engine: str = "python",
    level: float = 0.95, reference: Mapping[str, object] | None = None,
) -> Regression:  # fmt: skip
    """Fit a survey-weighted regression.

    Parameters
    ----------
    formula, terms
        A formula (see `formula.py`), or the response's column and a list of terms.
    family
        `gaussian`, `binomial` (response from 0 to 1, logit link) or `poisson` (response from 0,
        log link); dispersion is free, as in R's `quasibinomial` and `quasipoisson`.
    domain
        As in `SurveyDesign.mean`; the design keeps all its strata and PSUs.
    reference
        Column -> level that the others are compared with; the first level otherwise.

    Returns
    -------
    Regression
        Records with a missing value in any column of the model, or without a positive weight, are
        left out of the domain.

    Raises
    ------
    EstimationError
        The formula, the family, a column or a level is not known; the outcome does not vary or is
        out of range; a term is collinear, has one level or separates the outcome perfectly; or
        there are too few degrees of freedom.
    """
    check_options(engine, level)
    if family not in FAMILIES:
        raise EstimationError(f"family {family!r} is not known; use one of {', '.join(FAMILIES)}")
    read = parse(formula, terms)
    rows = observed(design, read, design.mask(domain))
    if design.replicates is not None:
        refuse_negative(design.replicates, rows, f"regression of {read.response!r}", design.namer)
    response = _response(design, read.response, family, rows)
    model = model_matrix(design, read, rows, reference or {})
    n_psu, df = _degrees_of_freedom(design, rows, len(model.columns))
    sums = pattern_sums(model, design.weights[rows], response)
    basis = basis_of(model, sums.weight)
    _refuse_marginal_separation(read.response, family, model, sums)
    handle = None
    if engine == "r":
        from lfsmig.survey.r_models import regression_in_r

        beta, covariance, df, handle = regression_in_r(design, read, family, model, rows)
    else:
        beta, covariance = _fit_python(design, FAMILIES[family], model, basis, sums, rows, response)
    return Regression(
        design, engine, read, FAMILIES[family], model, rows, beta, covariance, df, len(rows),
        n_psu, level, handle,
    )  # fmt: skip


def pattern_sums(model: ModelMatrix, weight: np.ndarray, response: np.ndarray) -> Sums:
    """Weights and weighted responses summed over the records of each pattern."""
    count = model.n_patterns
    return Sums(
        np.bincount(model.pattern, weight, count),
        np.bincount(model.pattern, weight * response, count),
    )


def term_test(model: Regression, *terms: str, method: str = "Wald") -> pd.DataFrame:
    """Test that all coefficients of some terms are zero (R's `regTermTest`).

    Parameters
    ----------
    method
        `Wald`, or `LRT`: Rao and Scott's working likelihood ratio (`likelihood_ratio.py`).

    Returns
    -------
    DataFrame
        One row: terms, statistic_value (F, or 2 log of the likelihood ratio), df_num, df_den (the
        model's residual degrees of freedom) and p.
    """
    if not terms:
        raise EstimationError("name the term or terms to be tested")
    if method not in TERM_TESTS:
        raise EstimationError(f"method={method!r} is not known; use {' or '.join(TERM_TESTS)}")
    at = model.positions(terms)
    if method == "LRT":
        refuse_nested(model.formula.terms, {model.model.columns[i].term for i in at})
    if model.engine == "r":
        from lfsmig.survey.r_models import term_test_in_r

        value, p = term_test_in_r(model, at, method)
    elif method == "LRT":
        response = model.design.numbers(model.formula.response)[model.rows]
        sums = pattern_sums(model.model, model.design.weights[model.rows], response)
        value, p = likelihood_ratio(model, sums, at)
    else:
        beta, within = model.coefficients[at], model.covariance[np.ix_(at, at)]
        value = float(beta @ np.linalg.solve(within, beta)) / len(at)
        p = float(special.fdtrc(len(at), model.df, value))
    return pd.DataFrame(
        {"terms": [" + ".join(terms)], "statistic_value": [value], "df_num": [len(at)],
         "df_den": [model.df], "p": [p]}
    )  # fmt: skip


def ratios(model: Regression) -> pd.DataFrame:
    """Odds ratios (binomial) or rate ratios (Poisson) of every coefficient but the intercept.

    The interval is the exponential of the coefficient's, `se` the coefficient's times the ratio
    (delta method); t and p are the coefficient's, of the hypothesis that the ratio is 1.
    """
    if model.family.name == "gaussian":
        raise EstimationError(
            "a linear regression has no odds or rate ratios; use its coefficients"
        )
    frame = model.frame.loc[model.frame["term"] != "(Intercept)"].reset_index(drop=True)
    for name in ("estimate", "ci_low", "ci_high"):
        frame[name] = np.exp(frame[name])
    return frame.assign(se=frame["se"] * frame["estimate"])


def _response(design: SurveyDesign, name: str, family: str, rows: np.ndarray) -> np.ndarray:
    values = design.numbers(name)[rows]
    if len(rows) == 0:
        raise EstimationError(f"regression of {name!r}: no record of the domain has all columns")
    bad = np.zeros(len(design.weights), bool)
    if family == "binomial":
        bad[rows] = (values < 0) | (values > 1)
    if family == "poisson":
        bad[rows] = values < 0
    if bad.any():
        wanted = "between 0 and 1" if family == "binomial" else "0 or more"
        raise EstimationError(
            f"regression of {name!r}: a {family} response is {wanted}; it is not in "
            f"{design.namer(bad)}"
        )
    if values.min() == values.max():
        raise EstimationError(
            f"regression of {name!r}: it is {values[0]:g} in all {len(rows)} records of the "
            "model; an outcome without variation has nothing to explain"
        )
    return values


def _degrees_of_freedom(design: SurveyDesign, rows: np.ndarray, count: int) -> tuple[int, int]:
    """PSUs with a record in the model, and R's residual degrees of freedom."""
    n_psu, df = whole_domain_df(design, rows)
    if df - (count - 1) < 1:
        raise EstimationError(
            f"{count} coefficients are too many for {df} degrees of freedom (PSUs less strata "
            "with a record in the model); leave out terms or merge levels"
        )
    return n_psu, df - (count - 1)


def _refuse_marginal_separation(name: str, family: str, model: ModelMatrix, sums: Sums) -> None:
    """Refuse a level in which the outcome is 0 for everybody (or 1, where that is the most)."""
    if family == "gaussian":
        return
    for variable in model.variables.values():
        if variable.levels is None or (variable.name,) not in {c.term for c in model.columns}:
            continue
        count = len(variable.levels)
        whole = np.bincount(variable.values, sums.weight, count)
        part = np.bincount(variable.values, sums.response, count)
        full = (part >= whole * (1 - 1e-12)) if family == "binomial" else np.zeros(count, bool)
        for code in np.flatnonzero((part == 0) | full):
            raise EstimationError(
                f"perfect separation: {name!r} is {1 if full[code] else 0} for every record with "
                f"{variable.name!r} = {variable.texts[code]!r}, so that its coefficient has no "
                "finite value; merge levels or leave the term out"
            )


def _fit_python(
    design: SurveyDesign, family: Family, model: ModelMatrix, basis: Basis, sums: Sums,
    rows: np.ndarray, response: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    beta, bread = fit(family, model, basis, sums)
    if design.replicates is not None:
        thetas = _replicate_coefficients(design, family, model, basis, rows, response, beta)
        covariance = replicate_covariance(design.replicates, thetas, beta)
    else:
        mean = _fitted_means(family, model, basis, beta)
        residual = design.weights[rows] * (response - mean[model.pattern])
        scores = record_sums(residual, model.pattern, basis.columns)
        covariance = bread @ linearised_covariance(design, rows, scores) @ bread
    return basis.coefficients(beta), basis.sandwich(covariance)


def _replicate_coefficients(
    design: SurveyDesign, family: Family, model: ModelMatrix, basis: Basis, rows: np.ndarray,
    response: np.ndarray, beta: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Coefficients of each replicate; NaN where its weights leave out a level (as in R)."""
    assert design.replicates is not None
    groups = design.replicates, rows, model.pattern, model.n_patterns
    parts = zip(replicate_sums(*groups), replicate_sums(*groups, response), strict=True)
    return np.stack([_refit(family, model, basis, Sums(*part), beta) for part in parts])


def _refit(
    family: Family, model: ModelMatrix, basis: Basis, sums: Sums, beta: np.ndarray
) -> np.ndarray:
    if not is_estimable(family, model, basis, sums, beta):
        return np.full(len(beta), np.nan)
    return fit(family, model, basis, sums, beta)[0]


def _fitted_means(family: Family, model: ModelMatrix, basis: Basis, beta: np.ndarray) -> np.ndarray:
    """Predicted mean of each pattern."""
    mean = np.empty(model.n_patterns)
    for chunk in model.chunks():
        mean[chunk] = family.mean(basis.columns[chunk] @ beta + model.offset[chunk])
    return mean
