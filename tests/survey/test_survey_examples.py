"""The blocks of the survey examples that other files do not test: age standards, GLS, Gini.

Values: `tests/fixtures/survey_examples/expected_R_survey.json`, R 4.2.2, survey 4.1-1.
"""

from __future__ import annotations

import numpy as np
import pytest
from model_helpers import panel_years
from scipy import stats
from survey_helpers import needs_r, panel_design, panel_expected

from lfsmig.survey.between_years import gls_line

ENGINES = ["python", pytest.param("r", marks=needs_r)]
EXPECTED = panel_expected()
YEARS = range(2019, 2025)


@pytest.mark.parametrize("engine", ENGINES)
def test_rates_standardised_by_age(engine: str) -> None:
    """R's svystandardize(~grp, over = ~year) of the pooled years to the ages of 2019, and svyby.

    2024: 0.111093415839465, SE 0.0148706722488019; with the new weights taken for the design's it
    would be 0.0153969. The contrast of one year's ages (methods.md 5.6) gives the same rate.
    """
    standard = EXPECTED["age_std"]["std_weights"]
    known = EXPECTED["age_std"]["svystandardize"]
    totals = {(year, age): 1e6 * part for year in YEARS for age, part in standard.items()}
    found = (
        panel_years()
        .poststratified(["year", "grp"], totals)
        .mean("mig", by=["year"], engine=engine)
    )
    for name, key in (("estimate", "est"), ("se", "se")):
        theirs = [known[str(year)][key] for year in YEARS]
        assert found[name].to_numpy() == pytest.approx(theirs, rel=1e-9)
    one = panel_design(2024).contrast(standard, "mean", "mig", by=["grp"], engine=engine)
    assert one["estimate"][0] == pytest.approx(known["2024"]["est"], rel=1e-9)
    assert abs(0.0153969 / known["2024"]["se"] - 1) > 0.03


@pytest.mark.parametrize("engine", ENGINES)
def test_the_line_through_the_years_by_generalised_least_squares(engine: str) -> None:
    """gls_year_means: slope -0.00679307019255897, SE 0.00412470035575398, lack of fit Q on 4 df.

    On R's pooled covariance of the years; with their own it would be -0.00674928408686722.
    """
    known = EXPECTED["trend"]["gls_year_means"]
    table = panel_years().estimate("mean", "mig", by=["year"], covariance=True, engine=engine)
    slope, se, lack = gls_line(
        np.array(YEARS, dtype=float), table.frame["estimate"].to_numpy()[None],
        table.covariance.to_numpy()[None],
    )  # fmt: skip
    assert slope[0] == pytest.approx(known["coef"][1], rel=1e-9)
    assert se[0] == pytest.approx(known["se"][1], rel=1e-9)
    misfit = stats.chi2.sf(known["Q_lackfit"], known["df"])
    assert lack[0] == pytest.approx(misfit, rel=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
def test_gini_of_amounts(engine: str) -> None:
    """gini_amount_2024: 0.474532849781759 by hand in R; without the weights it would differ."""
    design = panel_design(2024)
    found = design.gini("amount", engine=engine)["estimate"][0]
    assert found == pytest.approx(EXPECTED["gini_amount_2024"], rel=1e-9)
    x = np.sort(design.frame["amount"].dropna().to_numpy())
    bare = 2 * (np.arange(1, len(x) + 1) * x).sum() / (len(x) * x.sum()) - (len(x) + 1) / len(x)
    assert abs(bare / found - 1) > 1e-3


@pytest.mark.parametrize("engine", ENGINES)
def test_kitagawa_parts_of_a_change_add_up(engine: str) -> None:
    """kitagawa_2019_2024: rates -0.0399226010001032, ages -0.000864453811541895."""
    known = EXPECTED["kitagawa_2019_2024"]
    share, rate = [], []
    for year in (2019, 2024):
        design = panel_design(year)
        share.append(design.share("grp", engine=engine)["estimate"].to_numpy())
        rate.append(design.mean("mig", by=["grp"], engine=engine)["estimate"].to_numpy())
    rates = ((rate[1] - rate[0]) * (share[0] + share[1]) / 2).sum()
    ages = ((share[1] - share[0]) * (rate[0] + rate[1]) / 2).sum()
    assert (rates, ages) == pytest.approx((known["rate_effect"], known["composition_effect"]))
    assert rates + ages == pytest.approx(known["total"], rel=1e-9)
