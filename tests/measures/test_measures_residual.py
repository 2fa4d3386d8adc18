"""Survival ratios and the model schedules of the package migest: documented values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lfsmig.errors import EstimationError
from lfsmig.measures import rogers_castro
from lfsmig.measures.residual import survival_ratio_net
from tests.measures.test_measures_golden import FOLDER, stored

SCHEDULES = pd.read_csv(FOLDER / "rc_schedules_expected.csv")


def test_bombay_as_the_manual_prints_it() -> None:
    """UN Manual VI, table 24: printed to the person, our own stored values to 1e-9."""
    data = pd.read_csv(FOLDER / "bombay_1951.csv")
    found = survival_ratio_net(data["pop_1941"], data["pop_1951"], data["sr"])
    assert np.abs(found.forward - data["documented_net_forward"]).max() <= 0.5
    assert np.abs(found.average - data["documented_net_average"]).max() <= 0.5
    for kind in ("forward", "reverse", "average"):
        stored_values = data[f"net_{kind}"].to_numpy()
        assert getattr(found, kind) == pytest.approx(stored_values, rel=1e-9), kind


def test_manila_has_cohorts_born_since_and_ratios_above_one() -> None:
    data = pd.read_csv(FOLDER / "manila_1970.csv")
    found = survival_ratio_net(data["pop_1960"], data["pop_1970"], data["phl_census_sr"])
    born_since = data["pop_1960"].isna().to_numpy()
    assert born_since.sum() == 2
    assert np.array_equal(np.isnan(found.average), born_since)
    # By hand: 79,489 - 1.11722489 * 80,275, and the young who come to the city.
    assert found.forward[2] == pytest.approx(-10196.228, abs=0.001)
    assert found.forward[3:5] == pytest.approx([101410 - 70275.849, 90410 - 61532.882], abs=0.01)
    # Migrants counted before they died are more than those counted after.
    below = data["phl_census_sr"].lt(1).to_numpy()
    assert (np.abs(found.reverse) > np.abs(found.forward))[below].all()


def test_cohorts_must_match() -> None:
    with pytest.raises(EstimationError, match="differ in number"):
        survival_ratio_net([1.0, 2.0], [1.0], [0.9])
    with pytest.raises(EstimationError, match="above zero"):
        survival_ratio_net([1.0], [1.0], [0.0])


def test_schedules_of_the_packages_parameter_tables() -> None:
    """The United Nations' twelve sets (1992) and the fundamental one give the stored schedules."""
    table = pd.read_csv(FOLDER / "rc_model_un.csv")
    tables = {
        f"un1992_{sex}_{schedule.replace(' ', '_')}": dict(
            zip(rows["param"], rows["value"], strict=True)
        )
        for (sex, schedule), rows in table.groupby(["sex", "schedule"])
    }
    assert len(tables) == 12
    fundamental = pd.read_csv(FOLDER / "rc_model_fund.csv").set_index("param")["value"]
    tables["rogers_castro_1981_fundamental_7p"] = dict(fundamental)
    models = stored("rc_expected.json")["models"]
    for name, parameters in tables.items():
        assert parameters == models[name]["params"], name
        rates = rogers_castro.model(SCHEDULES["age"], parameters)
        assert rates == pytest.approx(SCHEDULES[name].to_numpy(), rel=1e-9, abs=1e-13), name
        # Rates of the standard schedules add up to about one move in a lifetime.
        assert 0.5 < rates.sum() < 1.5
