"""Cut means by hand, and who stands behind them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lfsmig.contributors import Contributors
from lfsmig.indicators import Table
from lfsmig.params import Indicator, load
from lfsmig.survey import SurveyDesign
from lfsmig.winsorised import Cuts, column_of, with_room
from tests.test_params import change, folder, one_line  # noqa: F401

# Weights add up to 20; 30 is where the distribution reaches 0.9 and above it are 40 and 100.
FRAME = pd.DataFrame(
    {
        "amount": [10.0, 20.0, 30.0, 40.0, 100.0, np.nan, 900.0],
        "weight": [8.0, 8.0, 2.0, 1.0, 1.0, 3.0, 5.0],
        "sex": pd.Categorical(["m", "f", "m", "m", "f", "f", "m"]),
        "household_id": list("abcddef"),
        "stratum": list("1122212"),
        "psu": list("pqrstqr"),
    }
)
MASK = np.array([True] * 6 + [False])
SPEC = {"id": "a.cut", "topic": "t", "statistic": "mean", "of": "amount", "winsorised": True}


def cut(by: tuple[str, ...] = (), at: float = 0.9) -> Any:
    """Estimate of the cut mean, and the counts behind its cells.

    That R finds the same is tested with the register and with the whole path.
    """
    indicator = Indicator(**SPEC, label={"en": "x"})
    frame = with_room([indicator], FRAME)
    design = SurveyDesign(frame, "weight", "stratum", "psu")
    behind = Contributors(frame, "weight")
    params = SimpleNamespace(country=SimpleNamespace(winsorise_at=at))
    table = Cuts(params, design, behind, "python").applied(Table(indicator, by), MASK)  # type: ignore[arg-type]
    assert table.indicator.of == column_of(indicator)
    made = design.estimate("mean", of=table.indicator.of, by=list(by), domain=MASK)
    cells = made.frame.assign(category="")
    return made.frame, behind.of_table(table.indicator, by, MASK, cells, True)


def test_amounts_above_the_quantile_count_as_it() -> None:
    found, _ = cut()
    # (8·10 + 8·20 + 2·30 + 1·30 + 1·30) / 20
    assert found["estimate"].tolist() == [18.0]
    by_sex, _ = cut(by=("sex",))
    # Women: (8·20 + 1·30) / 9, men: (8·10 + 2·30 + 1·30) / 11: the cut is that of all.
    assert by_sex["estimate"].to_numpy() == pytest.approx([190 / 9, 170 / 11])


def test_the_error_takes_the_cut_as_fixed() -> None:
    found, _ = cut()
    fixed = FRAME.assign(amount=FRAME["amount"].clip(upper=30.0))
    plain = SurveyDesign(fixed, "weight", "stratum", "psu").mean("amount", domain=MASK)
    assert found["se"].tolist() == plain["se"].tolist()


def test_whoever_is_above_the_cut_stands_behind_the_mean() -> None:
    """40 and 100 are of one household: with the plain mean a reader has their excess."""
    _, behind = cut()
    assert behind["n_households"].tolist() == [1]
    assert behind["n_contributors"].tolist() == [5]
    assert behind["amount"].tolist() == [360.0]
    # Nobody is cut: all are behind it again.
    _, behind = cut(at=0.999)
    assert behind["n_households"].tolist() == [4]


def test_nothing_is_cut_where_nobody_has_an_amount() -> None:
    indicator = Indicator(**SPEC, label={"en": "x"})
    frame = with_room([indicator], FRAME)
    design = SurveyDesign(frame, "weight", "stratum", "psu")
    params = SimpleNamespace(country=SimpleNamespace(winsorise_at=0.9))
    nobody = np.zeros(len(frame), bool)
    cuts = Cuts(params, design, Contributors(frame, "weight"), "python")  # type: ignore[arg-type]
    cuts.applied(Table(indicator, ()), nobody)
    assert frame[column_of(indicator)].tolist()[:5] == [10, 20, 30, 40, 100]


def test_amounts_are_counted_at_the_prices_of_the_year() -> None:
    frame = FRAME.assign(monthly_wage=2 * FRAME["amount"], monthly_wage_real=FRAME["amount"])
    behind = Contributors(frame, "weight")
    one = SimpleNamespace(of="monthly_wage_real", over=None, statistic="mean")
    other = SimpleNamespace(of="monthly_wage", over=None, statistic="mean")
    cells = pd.DataFrame({"category": [""]})
    real, nominal = (behind.of_table(i, (), MASK, cells, True) for i in (one, other))  # type: ignore[arg-type]
    assert real["amount"].tolist() == nominal["amount"].tolist() == [880.0]


@pytest.mark.parametrize("what", ["median", "no point"])
def test_a_cut_needs_a_mean_and_a_point(what: str, folder) -> None:  # noqa: F811
    if what == "median":
        old = "    statistic: median\n"
        change(folder, "indicators.yml", old, f"{old}    winsorised: true\n")
    else:
        change(folder, "country.yml", "winsorise_at: 0.99\n", "\n")
    assert "winsorised: it belongs to a mean" in one_line(lambda: load(folder).indicators)
