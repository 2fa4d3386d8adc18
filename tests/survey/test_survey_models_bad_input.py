"""Bad input to models, tests and series: one line that names the term and what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from model_helpers import model_design, model_frame
from survey_helpers import needs_r, panel_design

from lfsmig.errors import EstimationError
from lfsmig.survey import SurveyDesign
from lfsmig.survey.change import (
    YearCells,
    planned,
    polynomial,
    series_change,
    series_contrasts,
    series_trend,
)
from lfsmig.survey.inference import wald_test
from lfsmig.survey.margins import margin_contrasts, marginal_effects, predictive_margins
from lfsmig.survey.mean_tests import cells_test
from lfsmig.survey.models import ratios, term_test
from lfsmig.survey.multiplicity import adjusted

FRAME = model_frame(1)
DESIGN = model_design(FRAME)
ENGINES = ["python", pytest.param("r", marks=needs_r)]


def refused(words: str, action: Any, *arguments: Any, **options: Any) -> None:
    with pytest.raises(EstimationError, match=words) as caught:
        action(*arguments, **options)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def changed(**columns: Any) -> Any:
    return model_design(FRAME.assign(**columns))


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("flag", "write response ~ terms"),
        ("flag ~", "a term is missing at the end"),
        ("flag ~ x +", "a term is missing at the end"),
        ("flag ~ x - 1", r"'-' stands where '\+' should"),
        ("flag ~ x sex", r"'sex' stands where '\+' should"),
        ("flag ~ log(x)", r"log\(\) cannot be read.*make a column"),
        ("flag ~ factor(x", "None stands where"),
        ("flag + x ~ sex", "the response must be one column"),
        ("flag ~ flag + x", "'flag' is on both sides"),
        ("flag ~ year + factor(year)", r"'year' is both a number and a factor\(\)"),
        ("flag ~ x + offset(x) + offset(year)", "there are two offsets"),
        ("flag ~ missing", "column 'missing' is not in the data"),
        ("nothing ~ x", "column 'nothing' is not in the data"),
        ("sex ~ x", "'sex' holds text"),
    ],
)
def test_formulas(formula: str, words: str) -> None:
    refused(words, DESIGN.regression, formula)


def test_options() -> None:
    refused("family 'logit' is not known; use one of gaussian", DESIGN.regression, "flag ~ x",
            family="logit")  # fmt: skip
    refused("engine 'stata' is not known", DESIGN.regression, "flag ~ x", engine="stata")
    for level in (95, "wide"):
        refused(f"level={level!r} is not between 0 and 1", DESIGN.regression, "flag ~ x",
                level=level)  # fmt: skip
        refused("is not between 0 and 1", DESIGN.ttest, "x", level=level)
    for action in (DESIGN.chisq, DESIGN.ttest):
        refused("engine 'sas' is not known; use one of python, r", action, "flag", "sex",
                engine="sas")  # fmt: skip
    refused("engine 'sas' is not known", wald_test, np.ones(1), np.eye(1), 9, engine="sas")
    refused("a list of terms", DESIGN.regression, "flag", "x")
    refused("write response ~ terms", DESIGN.regression, "flag ~ x", ["sex"])
    refused("reference names 'x', which is no category", DESIGN.regression, "flag ~ x",
            reference={"x": 1})  # fmt: skip
    refused(r"level 'd' of term 'group' is not in the model; its levels are c, a, b",
            DESIGN.regression, "flag ~ group", reference={"group": "d"})  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
def test_outcomes(engine: str) -> None:
    fit = {"engine": engine}
    refused(r"'wage': a binomial response is between 0 and 1; it is not in rows .* in all",
            DESIGN.regression, "wage ~ x", family="binomial", **fit)  # fmt: skip
    refused("a poisson response is 0 or more", changed(count=-1.0).regression, "count ~ x",
            family="poisson", **fit)  # fmt: skip
    refused("'flag': it is 1 in all .* without variation", changed(flag=1.0).regression,
            "flag ~ x", family="binomial", **fit)  # fmt: skip
    refused("no record of the domain has all columns", changed(x=np.nan).regression, "flag ~ x",
            **fit)  # fmt: skip
    refused("no record of the domain", DESIGN.regression, "flag ~ x", domain="x > 1000", **fit)
    refused(r"offset\(log\(hours\)\): the column is not positive in rows",
            changed(hours=0.0).regression, "count ~ sex + offset(log(hours))", **fit)  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
def test_terms_that_cannot_be_estimated(engine: str) -> None:
    fit = {"engine": engine}
    refused("term 'sex' has only 'ชาย' among the", DESIGN.regression, "flag ~ sex + x",
            domain="sex == 'ชาย'", **fit)  # fmt: skip
    twice = changed(double=2 * FRAME["x"] + 1)
    refused("term 'double' is collinear.*combination of those before it", twice.regression,
            "flag ~ x + double", **fit)  # fmt: skip
    refused("term 'one' is collinear", changed(one=1.0).regression, "flag ~ x + one", **fit)
    both = changed(copy=FRAME["group"].astype(object))
    refused("term 'copy' at level 'b' is collinear", both.regression, "flag ~ group + copy", **fit)
    refused("term 'group:sex' at level 'a:หญิง' is collinear: no record has it",
            DESIGN.regression, "flag ~ group * sex",
            domain="group != 'a' or sex != 'หญิง'", **fit)  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
def test_too_few_degrees_of_freedom(engine: str) -> None:
    few = FRAME[(FRAME["number"] == 1) & FRAME["psu"].isin(["0", "1", "2"])]
    design = model_design(few.reset_index(drop=True))
    refused("3 coefficients are too many for 2 degrees of freedom", design.regression,
            "flag ~ x + year", engine=engine)  # fmt: skip
    refused(r"t test of 'x': 1 degree\(s\) of freedom are too few",
            model_design(few[few["psu"] != "2"].reset_index(drop=True)).ttest, "x",
            engine=engine)  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("family", ["binomial", "poisson"])
def test_perfect_separation(engine: str, family: str) -> None:
    never = changed(flag=FRAME["flag"].where(FRAME["group"] != "a", 0.0))
    refused("perfect separation: 'flag' is 0 for every record with 'group' = 'a'",
            never.regression, "flag ~ x + group", family=family, engine=engine)  # fmt: skip
    if family == "binomial":
        always = changed(flag=FRAME["flag"].where(FRAME["sex"] != "ชาย", 1.0))
        refused("'flag' is 1 for every record with 'sex' = 'ชาย'", always.regression,
                "flag ~ sex", family=family, engine=engine)  # fmt: skip


def test_separation_that_no_level_shows_is_named() -> None:
    parted = changed(z=np.where(FRAME["flag"] == 1, FRAME["x"].rank(), -FRAME["x"].rank()))
    refused("perfect separation: term 'z'", parted.regression, "flag ~ z + sex", family="binomial")
    cell = (FRAME["group"].astype(object) == "a") & (FRAME["sex"] == "ชาย")
    empty = changed(flag=FRAME["flag"].where(~cell, 0.0))
    refused("perfect separation: term .*'group:sex'", empty.regression, "flag ~ group * sex",
            family="binomial")  # fmt: skip


def test_margins_and_tests_name_what_is_missing() -> None:
    model = DESIGN.regression("flag ~ x + group", family="binomial")
    refused("'x' is a number in the model; .*factor", predictive_margins, model, "x")
    refused("'year' is not in the model; it has x, group", predictive_margins, model, "year")
    refused("'year' is not in the model", marginal_effects, model, "year")
    refused("covariates='free' is not known", predictive_margins, model, "group", "free")
    refused("term 'year' is not in the model; its terms are x, group", term_test, model, "year")
    refused("name the term", term_test, model)
    refused("method='wald' is not known; use Wald or LRT", term_test, model, "x", method="wald")
    crossed = DESIGN.regression("wage ~ x * group")
    refused("'x' is part of 'x:group'", term_test, crossed, "x", method="LRT")
    refused("the model has no term", marginal_effects, DESIGN.regression("wage ~ 1"))
    refused("is not one term", term_test, model, "x + group")
    margins = predictive_margins(model, "group")
    refused(r"contrast 'd': there is no row 'z' \(rows: c, a, b\)", margin_contrasts, margins,
            {"d": {"z": 1, "a": -1}})  # fmt: skip
    refused("adjustment 'none' is not known", margin_contrasts, margins, {"d": {"a": 1}}, "none")
    refused("has no odds or rate ratios", ratios, DESIGN.regression("wage ~ x"))


@pytest.mark.parametrize("engine", ENGINES)
def test_tables(engine: str) -> None:
    options = {"engine": engine}
    refused("statistic 'G' is not known", DESIGN.chisq, "sex", "group", statistic="G", **options)
    refused("needs two columns, not 'sex' twice", DESIGN.chisq, "sex", "sex", **options)
    refused("column 'sex' has only 'ชาย' in the domain", DESIGN.chisq, "sex", "group",
            domain="sex == 'ชาย'", **options)  # fmt: skip
    refused("column 'sex' has no level in the domain", DESIGN.chisq, "sex", "group",
            domain="x > 1000", **options)  # fmt: skip
    refused("group 'group' has 3 levels in the domain", DESIGN.ttest, "wage", "group", **options)
    refused("null is for the mean of one group", DESIGN.ttest, "wage", "sex", null=1, **options)
    refused("column 'nothing' is not in the data", DESIGN.ttest, "nothing", **options)


def test_a_table_of_too_few_psus() -> None:
    few = FRAME[(FRAME["number"] == 1) & FRAME["psu"].isin(["0", "1", "2"])]
    design = model_design(few.reset_index(drop=True))
    refused("'group' x 'year': empty cells or too few PSUs leave the Wald statistic undefined",
            design.chisq, "group", "year", statistic="Wald")  # fmt: skip
    one = model_design(FRAME[FRAME["number"] <= 1].reset_index(drop=True), "remove")
    refused("'sex' x 'group': no degree of freedom in the domain", one.chisq, "sex", "group",
            domain="number == 0")  # fmt: skip


def test_cells() -> None:
    found = DESIGN.estimate("mean", "wage", by=["sex"], covariance=True)
    refused("made without covariance; ask with covariance=True", cells_test,
            DESIGN.estimate("mean", "wage", by=["sex"]))  # fmt: skip
    refused("the hypothesis has 3 columns for 2 cells", cells_test, found, np.eye(3))
    refused("about no cell, or about one without an estimate", cells_test, found, np.zeros((1, 2)))
    nobody = DESIGN.estimate("mean", "wage", by=["sex"], domain="sex == 'ชาย'", covariance=True)
    refused("about one without an estimate", cells_test, nobody, np.array([[1, -1]]))


def test_p_values() -> None:
    refused("a p-value lies outside 0 to 1", adjusted, [0.1, 1.2])
    refused("adjustment 'sidak' is not known; use one of holm, bh", adjusted, [0.1], "sidak")


def test_series() -> None:
    found = [panel_design(y).estimate("mean", "mig", influence=True) for y in (2019, 2020)]
    years = [
        YearCells(y, 1, one.frame, one.influence, one.psu_table)
        for y, one in zip((2019, 2020), found, strict=True)
    ]
    refused("year 2024 is not in the series; it has 2019, 2020", series_change, years,
            pairs=[(2019, 2024)])  # fmt: skip
    refused("year 2030 is not in the series", series_contrasts, years, {"a": {2030: 1}})
    refused("contrast 'a' needs a coefficient that is not zero", series_contrasts, years,
            {"a": {2019: 0}})  # fmt: skip
    refused("scale 'ratio' is not known; use one of linear, log", series_trend, years,
            scale="ratio")  # fmt: skip
    refused("engine 'sas' is not known", series_trend, years, "sas")
    refused("a contrast needs years on both sides, and none on both", planned, [2019], [2019])
    refused("degree 3 is not possible: 3 years carry degree 1 to 2", polynomial,
            [2019, 2020, 2021], 3)  # fmt: skip
    empty = series_contrasts(years, {})
    assert isinstance(empty, pd.DataFrame)
    assert len(empty) == 0


@pytest.mark.parametrize("engine", ["python", pytest.param("r", marks=needs_r)])
def test_separation_in_one_replicate_is_no_variance(engine: str) -> None:
    """R's `svyglm` gives an SE of 20 without a word, of coefficients that would run on for ever."""
    frame = pd.DataFrame({"psu": np.repeat(range(6), 4), "w": 1.0, "g": list("ab") * 12})
    frame["y"] = [0.0, 0, 1, 0] * 3 + [0.0, 1, 1, 0] * 2 + [1.0, 1, 0, 0]
    # Without PSU 0 nobody of group b would have y = 1 ...
    frame.loc[(frame["g"] == "b") & (frame["psu"] > 0), "y"] = 0.0
    frame.loc[1, "y"] = 1.0
    design = SurveyDesign(frame, "w", psu="psu").with_replicates("JK1")
    refused("perfect separation", design.regression, "y ~ g", family="binomial", engine=engine)
