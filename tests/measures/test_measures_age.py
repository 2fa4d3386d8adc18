"""Age profile, model schedule and expectancy against stored schedules and by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lfsmig.errors import EstimationError
from lfsmig.measures import packages, profile, rogers_castro
from tests.measures.test_measures_golden import FOLDER, stored

EXPECTED = stored("rc_expected.json")
SCHEDULES = pd.read_csv(FOLDER / "rc_schedules_expected.csv")
FUNDAMENTAL = EXPECTED["models"]["rogers_castro_1981_fundamental_7p"]


@pytest.mark.parametrize("name", list(EXPECTED["models"]))
def test_model_schedules(name: str) -> None:
    """For the fundamental set the peak is at 23.3, while mu2, often taken for it, is 20."""
    entry = EXPECTED["models"][name]
    rates = rogers_castro.model(SCHEDULES["age"], entry["params"])
    # The stored schedules have twelve digits.
    assert rates == pytest.approx(SCHEDULES[name].to_numpy(), rel=1e-9, abs=1e-13)
    found = profile.age_profile(SCHEDULES["age"], rates)
    assert found.gmr == pytest.approx(entry["gmr_0_100_sum"], rel=1e-12)
    assert found.peak_age == entry["peak_age_int"]
    marks = rogers_castro.landmarks(entry["params"])
    assert marks.peak_age == pytest.approx(entry["peak_age_continuous_10_60"], abs=1e-3)
    assert marks.low_age == pytest.approx(entry["low_point_age_continuous"], abs=1e-3)
    assert marks.peak_rate == pytest.approx(entry["peak_rate"], rel=1e-9)
    assert found.peak_intensity == rates[int(found.peak_age)]
    assert marks.shift == pytest.approx(entry["labour_shift_X"], abs=1e-3)
    assert marks.jump == pytest.approx(entry["jump_B"], rel=1e-6)
    assert rogers_castro.labour_peak(entry["params"]) == pytest.approx(
        entry["analytic_mode_labour_component"], rel=1e-12
    )
    ratios = rogers_castro.ratios(entry["params"])
    assert ratios["child_dependency"] == pytest.approx(entry["child_dependency_a1_a2"])
    assert ratios["labour_asymmetry"] == pytest.approx(entry["labour_asymmetry_lambda2_alpha2"])
    assert ratios["regularity"] == pytest.approx(entry["regularity_alpha1_alpha2"])


def test_ratios_as_migest_documents_them() -> None:
    """`index_age_rc` calls mu2 the peak; the curve's own is three years later."""
    printed = EXPECTED["index_age_rc_documented_for_fundamental"]
    parameters = FUNDAMENTAL["params"]
    found = rogers_castro.ratios(parameters)
    digits = {"child_dependency": 3, "labour_asymmetry": 0, "regularity": 0}
    for name, places in digits.items():
        key = name.replace("labour", "labor")
        assert round(found[name], places) == printed[key], name
    assert round(1 / found["child_dependency"]) == printed["labor_dependency"]
    assert parameters["mu2"] == printed["peaking"]
    assert rogers_castro.landmarks(parameters).peak_age > printed["peaking"] + 3


def test_least_squares_as_demotools() -> None:
    data = pd.read_csv(FOLDER / "demotools_example_rates.csv")
    expected = EXPECTED["demotools_example"]
    found = rogers_castro.fit(data["age"], data["observed_rate"])
    assert found.deviance == pytest.approx(expected["sse"], abs=1e-8)
    assert found.parameters == pytest.approx(expected["nls_7p"], rel=1e-4)
    assert found.fitted == pytest.approx(data["nls7_fit"].to_numpy(), rel=1e-5)
    assert 100 * found.error == pytest.approx(expected["MAE_over_mean_pct"], rel=1e-4)
    assert found.accepted


def test_poisson_likelihood_of_the_florida_data() -> None:
    """Curve and likelihood at the published eleven parameters; the fit of seven is close to it."""
    data = pd.read_csv(FOLDER / "rcbayes_florida.csv")
    entry = EXPECTED["rcbayes_florida"]
    curve = rogers_castro.model(data["age"], entry["poisson_ML_no_priors"])
    mu = curve * data["pop"]
    loss = float((mu - data["migrants"] * np.log(mu)).sum())
    assert loss == pytest.approx(entry["poisson_ML_negloglik_without_factorial"], abs=1e-6)
    documented = data["documented_posterior_median"].to_numpy()
    low, high = (data[f"documented_{name}95"].to_numpy() for name in ("lower", "upper"))
    assert curve[15:60] == pytest.approx(documented[15:60], rel=0.04)
    # At the documented medians of the parameters the curve is the documented one.
    medians = {k: v[0] for k, v in entry["documented_posterior_median_lower_upper"].items()}
    at_medians = rogers_castro.model(data["age"], medians)
    assert at_medians == pytest.approx(documented, rel=0.02)
    for one in (curve, at_medians):
        assert ((low <= one) & (one <= high)).all()
    found = rogers_castro.fit(data["age"], data["migrants"] / data["pop"], data["pop"], starts=4)
    assert found.accepted
    # 81 counts and seven parameters: the deviance is of the size of the degrees of freedom.
    assert found.deviance < 81
    count = data["migrants"].to_numpy()
    expected = found.fitted * data["pop"].to_numpy()
    by_hand = 2 * (count * np.log(count / expected) - count + expected).sum()
    assert found.deviance == pytest.approx(by_hand, rel=1e-9)


def test_a_fit_of_age_groups_finds_the_curve_behind_them() -> None:
    """Five-year means of the fundamental schedule, exact and as 30,000 persons would show them."""
    first = np.arange(0, 80, 5)
    rates = rogers_castro.model(np.arange(80), FUNDAMENTAL["params"]).reshape(-1, 5).mean(axis=1)
    exact = rogers_castro.fit(first, rates, np.full(16, 3e4), width=5)
    assert exact.fitted == pytest.approx(rates, rel=1e-4)
    assert rogers_castro.landmarks(exact.parameters).peak_age == pytest.approx(23.32, abs=0.1)
    noisy = np.random.default_rng(2).binomial(30000, rates) / 30000
    again = rogers_castro.fit(first, noisy, np.full(16, 3e4), width=5)
    assert again.accepted
    assert rogers_castro.landmarks(again.parameters).peak_age == pytest.approx(23.32, abs=1.0)
    repeated = rogers_castro.fit(first, noisy, np.full(16, 3e4), width=5)
    assert repeated.parameters == again.parameters
    # What follows no such curve is refused.
    jagged = np.where(first % 10 == 0, 0.002, 0.03)
    assert not rogers_castro.fit(first, jagged, np.full(16, 3e4), width=5, starts=2).accepted


def test_what_is_no_schedule_is_refused() -> None:
    with pytest.raises(EstimationError, match="mu2 is missing"):
        rogers_castro.model([1.0], {n: 1.0 for n in rogers_castro.NAMES if n != "mu2"})
    with pytest.raises(EstimationError, match="a3 is missing"):
        rogers_castro.model([1.0], FUNDAMENTAL["params"] | {"mu3": 60.0, "alpha3": 1, "lambda3": 1})
    with pytest.raises(EstimationError, match="more than 7"):
        rogers_castro.fit(np.arange(7), np.ones(7))
    with pytest.raises(EstimationError, match="missing or below zero"):
        rogers_castro.fit(np.arange(9), np.full(9, np.nan))
    with pytest.raises(EstimationError, match="single year"):
        profile.age_profile([0, 5, 10], [0.1, 0.1, 0.1])


def test_profile_by_hand() -> None:
    ages = np.arange(0, 81)
    rates = np.full(81, 0.01)
    rates[3] = 0.2  # children move with their parents: no peak
    rates[24], rates[25], rates[26] = 0.05, 0.06, 0.03
    found = profile.age_profile(ages, rates)
    assert (found.peak_age, found.peak_intensity) == (25, 0.06)
    assert found.peak_breadth == pytest.approx(8 * 0.01 + 0.14)
    assert found.peak_share == pytest.approx(100 * found.peak_breadth / found.gmr)
    assert (found.murc_age, found.mdrc_age) == (2, 3)
    assert found.asymmetry == pytest.approx(2 / 3)
    # By position, with ages from 0: 19 to 29.
    assert packages.age_window_by_position(rates, 25) == pytest.approx(rates[19:30].sum())
    assert np.isnan(profile.age_profile(ages, np.zeros(81)).peak_age)


def test_smoothing_keeps_what_is_level_and_lowers_noise() -> None:
    people = np.full(60, 500.0)
    curve = rogers_castro.model(np.arange(60), FUNDAMENTAL["params"])
    movers = np.random.default_rng(1).poisson(people * curve)
    five = profile.moving_average(movers, people)
    kernel, bandwidth = profile.kernel_smooth(movers, people)
    raw = np.abs(movers / people - curve).mean()
    assert np.abs(five - curve).mean() < raw
    assert np.abs(kernel - curve).mean() < raw
    assert bandwidth > 0.5
    level = profile.moving_average(people * 0.02, people)
    assert level == pytest.approx(np.full(60, 0.02))
    assert five[0] == pytest.approx(movers[:3].sum() / people[:3].sum())
    with pytest.raises(EstimationError, match="odd"):
        profile.moving_average(movers, people, 4)


def test_expectancy_by_its_two_checks() -> None:
    survivors = np.exp(-0.02 * np.arange(100))
    lived = (survivors + np.append(survivors[1:], 0.0)) / 2
    constant = profile.expectancy(np.full(100, 0.03), lived, survivors)
    assert constant[0] == pytest.approx(0.03 * lived.sum() / survivors[0])
    assert constant[50] == pytest.approx(0.03 * lived[50:].sum() / survivors[50])
    rates = np.linspace(0.05, 0, 100)
    assert profile.expectancy(rates, np.ones(100), np.ones(100))[0] == pytest.approx(rates.sum())
