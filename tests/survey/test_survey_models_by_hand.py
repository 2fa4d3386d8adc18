"""Models and tests small enough to be worked out on paper."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from model_helpers import model_design, model_frame
from scipy import stats

from lfsmig.errors import EstimationError
from lfsmig.survey import SurveyDesign
from lfsmig.survey.formula import parse
from lfsmig.survey.inference import linear_contrasts, wald_test
from lfsmig.survey.margins import marginal_effects, predictive_margins
from lfsmig.survey.models import ratios
from lfsmig.survey.multiplicity import adjusted

# Four persons, each a PSU of one stratum, of equal weight; two groups of two.
FOUR = pd.DataFrame({"w": 1.0, "group": list("aabb"), "y": [1.0, 3, 4, 8]})
# Ten: 2 of 5 movers in the town, 1 of 5 in the country.
TEN = pd.DataFrame(
    {
        "w": 1.0, "place": ["town"] * 5 + ["land"] * 5, "moved": [1.0, 1, 0, 0, 0, 1, 0, 0, 0, 0],
        "years": [1.0, 2, 1, 2, 4, 5, 5, 4, 3, 3], "moves": [1.0, 2, 0, 1, 1, 2, 0, 1, 0, 1],
    }
)  # fmt: skip


def test_a_difference_of_two_means() -> None:
    # Means 2 and 6. Scores of the difference: y - mean over the group's size, signed: +.5, -.5,
    # -1, +1 (b less a), mean 0: V = 4/3 * 2.5 = 10/3. df = 4 - 1 - 1 = 2.
    model = SurveyDesign(FOUR, "w").regression("y ~ group")
    assert model.coefficients == pytest.approx([2, 4], rel=1e-14)
    assert model.covariance[1, 1] == pytest.approx(10 / 3, rel=1e-13)
    # The intercept is a's mean: V = 4/3 * (.25 + .25).
    assert model.covariance[0, 0] == pytest.approx(2 / 3, rel=1e-13)
    assert model.df == 2
    row = SurveyDesign(FOUR, "w").ttest("y", "group").iloc[0]
    assert (row["reference"], row["level"], row["n"]) == ("a", "b", 4)
    assert row["statistic_value"] == pytest.approx(4 / np.sqrt(10 / 3))
    assert row["p"] == pytest.approx(2 * stats.t.sf(4 / np.sqrt(10 / 3), 2))


def test_a_record_without_weight_is_no_case() -> None:
    # It brings neither a level nor a person nor a PSU.
    more = pd.concat([FOUR, pd.DataFrame({"w": [0.0], "group": ["c"], "y": [99.0]})])
    model = SurveyDesign(more.reset_index(drop=True), "w").regression("y ~ group")
    assert model.model.variables["group"].texts == ["a", "b"]
    assert (model.n, model.n_psu, model.df) == (4, 4, 2)
    assert model.coefficients == pytest.approx([2, 4], rel=1e-14)
    with pytest.raises(EstimationError, match="'group' has only 'a'"):
        SurveyDesign(FOUR.assign(w=[1.0, 1, 0, 0]), "w").chisq("group", "y")


def test_t_test_of_one_mean() -> None:
    # Mean 4, V = 4/3 * (9 + 1 + 0 + 16)/16 = 26/12; df 4 - 1, less one as in R.
    row = SurveyDesign(FOUR, "w").ttest("y", null=2).iloc[0]
    assert (row["estimate"], row["df"]) == (4, 2)
    assert row["statistic_value"] == pytest.approx(2 / np.sqrt(26 / 12), rel=1e-14)
    assert row["ci_low"] == pytest.approx(4 - stats.t.ppf(0.975, 2) * np.sqrt(26 / 12))


def test_odds_and_rates() -> None:
    design = SurveyDesign(TEN, "w")
    model = design.regression("moved ~ place", family="binomial")
    # Odds 1/4 in the country (the first level), 2/3 in the town.
    assert np.exp(model.coefficients) == pytest.approx([1 / 4, 8 / 3], rel=1e-10)
    assert ratios(model)["estimate"][0] == pytest.approx(8 / 3, rel=1e-10)
    # Score of a town's log odds: (y - .4)/(5 * .4 * .6); of the country's (y - .2)/(5 * .2 * .8).
    town = 10 / 9 * (2 * 0.6**2 + 3 * 0.4**2) / 1.2**2
    land = 10 / 9 * (0.8**2 + 4 * 0.2**2) / 0.8**2
    assert model.covariance[1, 1] == pytest.approx(town + land, rel=1e-10)
    margins = predictive_margins(model, "place").frame
    assert list(margins["place"]) == ["land", "town"]
    assert margins["estimate"].to_numpy() == pytest.approx([0.2, 0.4], rel=1e-12)
    # The margins are the groups' own shares: so are their errors.
    share = design.mean("moved", by=["place"])
    assert margins["se"].to_numpy() == pytest.approx(share["se"].to_numpy(), rel=1e-10)
    effect = marginal_effects(model).frame.iloc[0]
    assert (effect["term"], effect["level"]) == ("place", "town")
    assert effect["estimate"] == pytest.approx(0.2, rel=1e-11)
    # Moves per year of stay: 5 in 10 years in the town, 4 in 20 in the country: rate ratio 2.5.
    model = design.regression("moves ~ place + offset(log(years))", family="poisson")
    assert ratios(model)["estimate"][0] == pytest.approx(2.5, rel=1e-10)


def test_slope_of_a_linear_model_is_its_effect() -> None:
    model = SurveyDesign(TEN, "w").regression("moves ~ years")
    slope = np.polyfit(TEN["years"], TEN["moves"], 1)[0]
    effect = marginal_effects(model).frame.iloc[0]
    assert effect["estimate"] == pytest.approx(slope, rel=1e-12)
    assert effect["se"] == pytest.approx(model.frame["se"][1], rel=1e-12)
    whole = predictive_margins(model, []).frame
    assert whole["estimate"][0] == pytest.approx(TEN["moves"].mean(), rel=1e-13)


@pytest.mark.parametrize("family", ["gaussian", "binomial", "poisson"])
def test_a_model_without_terms_is_the_mean(family: str) -> None:
    design = SurveyDesign(TEN, "w")
    model = design.regression("moved ~ 1", family=family)
    margin, mean = predictive_margins(model, []).frame, design.mean("moved")
    assert margin["estimate"][0] == pytest.approx(0.3, rel=1e-12)
    assert margin["se"][0] == pytest.approx(mean["se"][0], rel=1e-10)
    assert model.df == mean["df"][0] == 9


def test_two_by_two_table() -> None:
    # Equal weights, persons as PSUs: X2 is Pearson's, 10 (2*4 - 1*3)^2 / (3*7*5*5) = 250/525.
    found = SurveyDesign(TEN, "w").chisq("place", "moved", statistic=["Chisq", "F"])
    assert found["statistic_value"][0] == pytest.approx(250 / 525, rel=1e-12)
    # The contrast +-1 of the four cells, each over its share p: its variance over a person's
    # scores is sum 1/p, less the square of its mean (1 - 1 - 1 + 1 = 0), over n - 1; without the
    # design it is sum 1/p / n. The design effect n/(n - 1) divides X2.
    assert found["statistic_value"][1] == pytest.approx(250 / 525 * 9 / 10, rel=1e-12)
    assert (found["df_num"][1], found["df_den"][1]) == (pytest.approx(1), pytest.approx(9))
    assert found["p"][1] == pytest.approx(stats.f.sf(250 / 525 * 9 / 10, 1, 9), rel=1e-12)
    # First order: the same design effect on chi-square.
    assert found["p"][0] == pytest.approx(stats.chi2.sf(250 / 525 * 9 / 10, 1), rel=1e-12)


def test_wald_by_hand() -> None:
    # Two independent estimates 2 and 3 with variances 4 and 9: W = 2; with 11 df the F is
    # (11 - 2 + 1)/(11 * 2) * 2 = 10/11 on 2 and 10.
    row = wald_test(np.array([2.0, 3.0]), np.diag([4.0, 9.0]), 11).iloc[0]
    assert (row["chisq"], row["df_num"], row["df_den"]) == (pytest.approx(2), 2, 10)
    assert row["statistic_value"] == pytest.approx(10 / 11)
    assert row["p"] == pytest.approx(stats.f.sf(10 / 11, 2, 10))
    # One hypothesis: the square of t.
    row = wald_test(np.array([2.0, 3.0]), np.diag([4.0, 9.0]), 11, np.array([[1.0, -1.0]])).iloc[0]
    assert row["statistic_value"] == pytest.approx(1 / 13)
    assert row["p"] == pytest.approx(2 * stats.t.sf(np.sqrt(1 / 13), 11))
    # Two rows that say the same thing, or no degree of freedom left: no test.
    assert np.isnan(wald_test(np.ones(2), np.eye(2), 11, np.ones((2, 2)))["p"][0])
    left = wald_test(np.ones(3), np.eye(3), 2).iloc[0]
    assert (left["chisq"], np.isnan(left["p"])) == (3, True)
    with pytest.raises(EstimationError, match="the hypothesis has 3 columns for 2 estimates"):
        wald_test(np.ones(2), np.eye(2), 11, np.eye(3))


def test_contrast_by_hand() -> None:
    covariance = np.array([[4.0, 1.0], [1.0, 9.0]])
    found = linear_contrasts(
        np.array([5.0, 2.0]), covariance, 30, {"less": np.array([1, -1]), "nil": np.array([0, 0])},
        adjust="bh",
    )  # fmt: skip
    assert found["estimate"][0] == 3
    assert found["se"][0] == pytest.approx(np.sqrt(4 + 9 - 2), rel=1e-15)
    assert np.isnan(found["p"][1])
    assert found["p_adjusted"][0] == found["p"][0]


def test_holm_and_benjamini_hochberg_by_hand() -> None:
    # Holm: 3 * .01, then 2 * .03, then the larger of .06 and .04.
    assert adjusted([0.03, 0.01, 0.04], "holm") == pytest.approx([0.06, 0.03, 0.06])
    # BH: .04, then the smaller of .045 and .04, then 3 * .01.
    assert adjusted([0.03, 0.01, 0.04], "bh") == pytest.approx([0.04, 0.03, 0.04])
    assert adjusted([0.9, 0.6], "holm") == pytest.approx([1, 1])
    assert len(adjusted([], "holm")) == 0


def test_statsmodels_finds_the_same_coefficients() -> None:
    """A third opinion. Its own standard errors know nothing of PSUs and are not compared."""
    frame = model_frame(7).dropna().reset_index(drop=True)
    frame["group"] = (
        frame["group"].cat.remove_unused_categories().astype(pd.CategoricalDtype(list("cab")))
    )
    for family, outcome in (("Gaussian", "wage"), ("Binomial", "flag"), ("Poisson", "count")):
        known = smf.glm(
            f"{outcome} ~ x + group * sex", frame, var_weights=frame["weight"],
            family=getattr(sm.families, family)(),
        ).fit(tol=1e-13, tol_criterion="params")  # fmt: skip
        ours = model_design(frame).regression(f"{outcome} ~ x + group * sex", family=family.lower())
        found = ours.frame.set_index(["term", "level"])["estimate"]
        assert found["x", ""] == pytest.approx(known.params["x"], rel=1e-7)
        assert found["group", "b"] == pytest.approx(known.params["group[T.b]"], rel=1e-6)
        crossed = known.params["group[T.a]:sex[T.หญิง]"]
        assert found["group:sex", "a:หญิง"] == pytest.approx(crossed, rel=1e-6)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("y ~ b + a", [("b",), ("a",)]),
        ("y ~ a * b", [("a",), ("b",), ("a", "b")]),
        ("y ~ b + a + a:b", [("b",), ("a",), ("b", "a")]),
        ("y ~ a:b + c", [("c",), ("a", "b")]),
        (
            "y ~ a*b*c",
            [("a",), ("b",), ("c",), ("a", "b"), ("a", "c"), ("b", "c"), ("a", "b", "c")],
        ),
        ("y ~ 1", []),
        ("y ~ 1 + a + a", [("a",)]),
        ("y ~ `เพศ ของ` + อายุ", [("เพศ ของ",), ("อายุ",)]),
        ("y ~ factor(a):x", [("a", "x")]),
    ],
)
def test_terms_come_in_the_order_of_r(text: str, terms: list[tuple[str, ...]]) -> None:
    assert list(parse(text).terms) == terms
    left, _, right = text.partition("~")
    assert parse(left, right.split("+")).terms == parse(text).terms


def test_offsets() -> None:
    read = parse("y ~ a + offset(log(hours))")
    assert (read.offset, read.log_offset, read.variables) == ("hours", True, ["a"])
    assert parse("y ~ offset(h)").offset == "h"
