"""Regressions, margins and effects against R's survey 4.1-1 (R 4.2.2), without R.

The figures are those of `tests/r/golden_models.R` (plain calls of `svyglm`, `regTermTest`,
`svypredmeans`, `svycontrast`); its calls are quoted at each test. svyglm was made to converge
(epsilon 1e-14, begun anew where it ended): with its own stopping rule a standard error has five
right digits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from model_helpers import api_design, models_expected, nhanes_design, panel_years, small_design
from scipy import stats
from survey_helpers import panel_expected

from lfsmig.survey.margins import margin_contrasts, marginal_effects, predictive_margins
from lfsmig.survey.models import Regression, ratios, term_test

EXPECTED = models_expected()
MISTAKES = EXPECTED["mistakes"]


def close(model: Regression, expected: dict[str, Any], rel: float = 1e-9) -> None:
    """Every column of the coefficients, and the covariances; df exactly."""
    found = model.frame
    scale = np.abs(np.array(expected["se"])).min()
    for ours, theirs in (
        ("estimate", "est"), ("se", "se"), ("statistic_value", "t"), ("ci_low", "low"),
        ("ci_high", "high"),
    ):  # fmt: skip
        known = np.array(expected[theirs])
        assert found[ours].to_numpy() == pytest.approx(known, rel=rel, abs=rel * scale), ours
    assert found["p"].to_numpy() == pytest.approx(np.array(expected["p"]), rel=1e-6)
    assert (found["df"] == expected["df"]).all()
    known = np.array(expected["covariance"])
    size = np.sqrt(np.outer(np.diag(known), np.diag(known)))
    assert (np.abs(model.covariance - known) <= rel * size).all()
    for test in expected["tests"]:
        terms = test["term"].removeprefix("~").replace("_f", "").split(" + ")
        row = term_test(model, *terms).iloc[0]
        assert row["statistic_value"] == pytest.approx(test["F"], rel=10 * rel)
        assert row["p"] == pytest.approx(test["p"], rel=1e-6)
        assert (row["df_num"], row["df_den"]) == (test["df"], test["ddf"])
        # regTermTest(method = "LRT"); a chi-square with df degrees of freedom would be far off.
        ratio = term_test(model, *terms, method="LRT").iloc[0]
        assert ratio["statistic_value"] == pytest.approx(test["chisq"], rel=1e-6)
        assert ratio["p"] == pytest.approx(test["p_ratio"], rel=1e-6)
        assert (ratio["df_num"], ratio["df_den"]) == (test["df"], test["ddf"])


def test_logistic_in_a_stratified_sample() -> None:
    """svyglm(wide ~ ell + comp.imp + stype, quasibinomial); svydesign(id = ~1, strata, fpc).

    comp.impYes 3.20802669157805, SE 0.650070245349777 on 193 df. With the strata and population
    sizes ignored the SE would be 0.658958118047956; with the weights taken as frequencies
    0.111904454666328, a sixth.
    """
    model = api_design("strat").regression("wide ~ ell + comp.imp + stype", family="binomial")
    close(model, EXPECTED["strat_logit"])
    for wrong in ("strata_ignored_se", "frequency_weights_se"):
        assert abs(model.frame["se"][2] / MISTAKES[wrong][2] - 1) > 0.01
    # PSUs less strata less (p - 1), not n - p = 195.
    assert model.df == 200 - 3 - 4


def test_effects_of_the_logistic() -> None:
    """Weighted means of predictions, gradient by central differences (golden_models.R)."""
    model = api_design("strat").regression("wide ~ ell + comp.imp + stype", family="binomial")
    found, expected = marginal_effects(model).frame, EXPECTED["strat_logit_effects"]
    assert list(found["term"] + found["level"]) == ["ell", "comp.impYes", "stypeH", "stypeM"]
    assert found["estimate"].to_numpy() == pytest.approx(expected["est"], rel=1e-6)
    assert found["se"].to_numpy() == pytest.approx(expected["se"], rel=1e-6)
    one = marginal_effects(model, "stype").frame
    assert list(one["estimate"]) == list(found["estimate"][2:])


def test_linear_with_interaction_in_clusters() -> None:
    """svyglm(api00 ~ ell * comp.imp + stype, svydesign(id = ~dnum, fpc)); regTermTest."""
    model = api_design("clus1").regression("api00 ~ ell * comp.imp + stype")
    assert list(model.frame["term"]) == [
        "(Intercept)", "ell", "comp.imp", "stype", "stype", "ell:comp.imp",
    ]  # fmt: skip
    assert list(model.frame["level"]) == ["", "", "Yes", "H", "M", "Yes"]
    close(model, EXPECTED["clus1_linear"])
    found, expected = marginal_effects(model, "ell", "comp.imp"), EXPECTED["clus1_linear_effects"]
    assert found.frame["estimate"].to_numpy() == pytest.approx(expected["est"], rel=1e-8)
    assert found.frame["se"].to_numpy() == pytest.approx(expected["se"], rel=1e-6)


def test_domain_keeps_the_design() -> None:
    """svyglm(api00 ~ ell + stype, subset(clus1, comp.imp == "Yes")).

    Intercept's SE 31.0719543501193; with the rows filtered before the design is made
    31.1725086710455.
    """
    model = api_design("clus1").regression("api00 ~ ell + stype", domain="`comp.imp` == 'Yes'")
    close(model, EXPECTED["clus1_domain"])
    assert abs(model.frame["se"][0] / MISTAKES["filtered_se"][0] - 1) > 1e-3


def test_two_stages_with_population_sizes() -> None:
    """svyglm(api00 ~ ell + stype, svydesign(id = ~dnum + snum, fpc = ~fpc1 + fpc2)).

    The intercept's SE is 23.0727493547999; with the second stage and the population sizes ignored
    23.6210796820247.
    """
    model = api_design("clus2").regression("api00 ~ ell + stype")
    close(model, EXPECTED["clus2_linear"])
    assert abs(model.frame["se"][0] / MISTAKES["clus2_one_stage_se"][0] - 1) > 0.01


@pytest.mark.parametrize("text", ["offset(log(enroll))", "offset(shift)"])
def test_poisson_with_offset(text: str) -> None:
    """svyglm(api.stu ~ ell + stype + offset(log(enroll)), quasipoisson): a rate; effects."""
    design = api_design("clus2")
    design.frame["shift"] = np.log(design.frame["enroll"])
    model = design.regression(f"api.stu ~ ell + stype + {text}", family="poisson")
    close(model, EXPECTED["clus2_poisson"])
    found, expected = marginal_effects(model).frame, EXPECTED["clus2_poisson_effects"]
    assert found["estimate"].to_numpy() == pytest.approx(expected["est"], rel=1e-6)
    assert found["se"].to_numpy() == pytest.approx(expected["se"], rel=1e-5)


def test_replicate_weights() -> None:
    """Svyglm on as.svrepdesign(clus1, "JK1"): the spread of the replicates' coefficients."""
    model = api_design("jk1").regression("wide ~ ell + stype", family="binomial")
    close(model, EXPECTED["jk1_logit"], rel=1e-7)
    model = api_design("jk1").regression(
        "api.stu", ["ell", "offset(log(enroll))"], family="poisson"
    )
    close(model, EXPECTED["jk1_poisson"], rel=1e-7)


def test_nhanes() -> None:
    """svyglm(HI_CHOL ~ race + agecat + sex, quasibinomial, svydesign(..., nest = TRUE)).

    race2 -0.0848865065909146, SE 0.0798835884665936 on 9 df: p 0.31563097468706; on n - p = 7,838
    degrees it would be 0.287984.
    """
    design = nhanes_design()
    formula = "HI_CHOL ~ factor(race) + agecat + factor(RIAGENDR)"
    model = design.regression(formula, family="binomial")
    expected = dict(EXPECTED["nhanes_logit"])
    expected["tests"] = [
        {**test, "term": test["term"].replace("sex", "RIAGENDR")} for test in expected["tests"]
    ]
    close(model, expected)
    assert model.n == 7846
    wrong = 2 * stats.t.sf(abs(model.frame["statistic_value"][1]), model.n - 8)
    assert wrong == pytest.approx(0.287984, abs=1e-6)
    assert abs(model.frame["p"][1] / wrong - 1) > 0.05
    crossed = design.regression(
        "HI_CHOL ~ agecat * factor(RIAGENDR) + factor(race)", family="binomial"
    )
    names = [name.replace("sex", "RIAGENDR") for name in EXPECTED["nhanes_crossed"]["names"]]
    assert [_r_name(crossed, i) for i in range(len(names))] == names
    expected = dict(EXPECTED["nhanes_crossed"])
    expected["tests"] = [{**expected["tests"][0], "term": "~RIAGENDR:agecat"}]
    close(crossed, expected)
    men = design.regression(
        "HI_CHOL ~ factor(race) + agecat", family="binomial", domain="RIAGENDR == 1"
    )
    close(men, EXPECTED["nhanes_men"])


def _r_name(model: Regression, position: int) -> str:
    column = model.model.columns[position]
    if not column.term:
        return "(Intercept)"
    parts = []
    for name, code in zip(column.term, column.codes, strict=True):
        parts.append(name + ("" if code is None else model.model.variables[name].texts[code]))
    return ":".join(parts)


@pytest.mark.parametrize(
    ("key", "formula", "family", "by"),
    [
        ("strat", "wide ~ ell + comp.imp + stype", "binomial", "stype"),
        ("clus2", "api00 ~ ell + stype", "gaussian", "stype"),
        ("nhanes", "HI_CHOL ~ agecat + factor(RIAGENDR) + factor(race)", "binomial", "race"),
        ("panel", "mig ~ grp + factor(sex) + factor(area) + factor(year)", "binomial", "year"),
    ],
)
def test_predictive_margins(key: str, formula: str, family: str, by: str) -> None:
    """svypredmeans(model without the factor, ~factor): estimates, and both parts of the variance.

    2019 of the panel: 0.150187940139233, SE 0.0189160721700375 as R gives it, with the covariates
    sampled; 0.018905 with them held fixed (methods.md 5.4).
    """
    design = {"nhanes": nhanes_design, "panel": panel_years}.get(key, lambda: api_design(key))()
    model, expected = design.regression(formula, family=family), EXPECTED[f"{key}_margins"]
    for covariates, part in (("fixed", "fixed_covariance"), ("sampled", "covariance")):
        found = predictive_margins(model, by, covariates)
        assert [str(level) for level in found.frame[by]] == expected["level"]
        assert found.frame["estimate"].to_numpy() == pytest.approx(expected["est"], rel=1e-9)
        known = np.array(expected[part])
        # svypredmeans fits the model once, and its weights are those of the step before the last.
        assert found.covariance == pytest.approx(known, rel=1e-6, abs=1e-6 * known.diagonal().min())
    se = predictive_margins(model, by, "sampled").frame["se"].to_numpy()
    assert se == pytest.approx(expected["se"], rel=1e-7)


def test_contrasts_of_margins() -> None:
    """svycontrast(svypredmeans(..., ~year), ...): 2020-21 less 2019, and 2022-24 less 2019.

    The shock is -0.0360591601116085, SE 0.0202809594882896; as if the margins were independent it
    would be 0.0220.
    """
    model = panel_years().regression(
        "mig ~ grp + factor(sex) + factor(area) + factor(year)", family="binomial"
    )
    margins = predictive_margins(model, "year", "sampled")
    found = margin_contrasts(
        margins,
        {
            "shock": {2020: 0.5, 2021: 0.5, 2019: -1},
            "net": {"2022": 1 / 3, "2023": 1 / 3, "2024": 1 / 3, "2019": -1},
        },
        adjust="holm",
    )
    expected = EXPECTED["panel_contrasts"]
    assert found["estimate"].to_numpy() == pytest.approx(expected["est"], rel=1e-9)
    assert found["se"].to_numpy() == pytest.approx(expected["se"], rel=1e-7)
    assert list(found["p_adjusted"]) == pytest.approx([2 * found["p"].min()] * 2)
    apart = np.sqrt(np.array([1, 0.25, 0.25]) @ np.diag(margins.covariance)[:3])
    assert apart == pytest.approx(0.0220, abs=5e-5)


def test_panel_models() -> None:
    """Six years pooled, PSUs shared between years; year as a category and as a number.

    svyglm's own stopping rule gave the SE of 2020 as 0.184139914183516 (the fixture of
    survey_examples); converged it is 0.184140646702066: five digits agree.
    """
    design = panel_years()
    formula = "mig ~ factor(year) + grp + factor(sex) + factor(area)"
    model = design.regression(formula, family="binomial")
    close(model, EXPECTED["panel_logit"])
    loose = panel_expected()["trend"]["logit_year_adjusted"]
    assert model.frame["estimate"].to_numpy() == pytest.approx(loose["est"], rel=1e-6)
    assert model.frame["se"].to_numpy() == pytest.approx(loose["se"], rel=2e-5)
    assert model.df == loose["df_resid"] == 134
    found = marginal_effects(model).frame.iloc[[0, 4, -1]]
    assert found["estimate"].to_numpy() == pytest.approx(EXPECTED["panel_effects"]["est"], rel=1e-7)
    assert found["se"].to_numpy() == pytest.approx(EXPECTED["panel_effects"]["se"], rel=1e-6)
    # A year counted from 0 makes the columns nearly dependent; no digit may be lost by it.
    close(design.regression("mig ~ year + grp", family="binomial"), EXPECTED["panel_trend"])
    domain = design.regression("mig ~ age + factor(sex)", family="binomial", domain="year == 2024")
    close(domain, EXPECTED["panel_2024"])
    crossed = design.regression("mig ~ grp * factor(year) + age:factor(area)")
    names = [name.replace("_f", "") for name in EXPECTED["panel_crossed"]["names"]]
    assert [_r_name(crossed, i) for i in range(len(names))] == names
    close(crossed, EXPECTED["panel_crossed"])


def test_panel_trends_of_the_fixture() -> None:
    """linear_prob, logit_linear, logit_poly and logit_covid of expected_R_survey.json."""
    design, trend = panel_years(), panel_expected()["trend"]
    year = design.frame["year"] - 2019
    linear = np.array([-5, -3, -1, 1, 3, 5]) / np.sqrt(70)
    quadratic = np.array([5, -1, -4, -4, -1, 5]) / np.sqrt(84)
    design.frame["t"] = year
    design.frame["lin"], design.frame["quad"] = linear[year], quadratic[year]
    design.frame["covid"] = design.frame["year"].isin([2020, 2021])
    for key, formula, family in (
        ("linear_prob", "mig ~ t", "gaussian"), ("logit_linear", "mig ~ t", "binomial"),
        ("logit_poly", "mig ~ lin + quad", "binomial"),
        ("logit_covid", "mig ~ t + covid", "binomial"),
    ):  # fmt: skip
        model = design.regression(formula, family=family)
        rel = 1e-11 if family == "gaussian" else 2e-5
        for ours, theirs in (("estimate", "est"), ("se", "se"), ("p", "p")):
            assert model.frame[ours].to_numpy() == pytest.approx(trend[key][theirs], rel=10 * rel)
        assert model.df == trend[key]["df_resid"]


def test_small_designs_of_the_package() -> None:
    """Poisson in strata of hospitals; scd with BRR weights, not combined; election, linear."""
    small = EXPECTED["small"]
    hospital = small_design("hospital", "weighta", "oblevel", fpc="tothosp")
    model = hospital.regression("births ~ factor(oblevel)", family="poisson")
    close(model, small["hospital"]["poisson"])
    scd = small_design(
        "scd", "weight", "ESA", repweights=["rw.1", "rw.2", "rw.3", "rw.4"], rep_type="BRR",
        rep_combined=False,
    )  # fmt: skip
    scd.frame["log_arrests"] = np.log(scd.frame["arrests"])
    close(scd.regression("alive ~ log_arrests", family="poisson"), small["scd"]["poisson"], 1e-7)
    close(small_design("election", "wt").regression("Bush ~ Kerry"), small["election"]["linear"])


def test_ratios_are_exponentials() -> None:
    """exp(coef(m)), exp(confint(m)): the odds ratio of men against women and its limits."""
    model = nhanes_design().regression("HI_CHOL ~ factor(RIAGENDR)", family="binomial")
    found, coefficient = ratios(model).iloc[0], model.frame.iloc[1]
    assert len(ratios(model)) == 1
    assert found["estimate"] == pytest.approx(np.exp(coefficient["estimate"]), rel=1e-14)
    assert found["ci_low"] == pytest.approx(np.exp(coefficient["ci_low"]), rel=1e-14)
    assert found["se"] == pytest.approx(coefficient["se"] * found["estimate"], rel=1e-14)
    assert (found["statistic_value"], found["p"]) == (
        coefficient["statistic_value"], coefficient["p"],
    )  # fmt: skip
