"""What was sent and earned, on hand-made persons; what the identities of amounts claim."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from lfsmig.concept_money import NOMINAL, SAME_PERSONS, SUMS, WITH_ZEROS, sum_of
from lfsmig.concepts import analysis_frame
from lfsmig.params import Params, load
from tests.test_concepts import MOVE, ROOT, table

PRICE = 100 / 107.79  # of 2019 to those of 2023


@pytest.fixture(scope="module")
def params() -> Params:
    return load(ROOT / "params")


def sends(answer: str | None, cash: float | None, goods: float | None) -> dict[str, Any]:
    return MOVE | {"sent_remittances": answer, "remittance_cash": cash, "remittance_goods": goods}


PERSONS = [
    sends("yes", 1000, 0),
    sends("yes", 0, 300),
    sends("yes", 2000, 500),
    sends("no", None, None),
    sends("yes", None, 400),
    sends("yes", 700, None),
    sends("yes", 0, 0),
    sends(None, None, None),
    {},
]


def test_kinds_and_amounts_of_each(params: Params) -> None:
    frame = analysis_frame(table(params, *PERSONS), params, 2023)
    kinds = [None if pd.isna(kind) else kind for kind in frame["remittance_kind"]]
    assert kinds == ["cash", "goods", "both", "none", None, None, None, None, None]
    nothing = [None] * 6

    def numbers(name: str) -> list[float | None]:
        return [None if pd.isna(x) else x for x in frame[name]]

    assert numbers("cash_sent") == [1000, None, 2000, *nothing]
    assert numbers("goods_sent") == [None, 300, 500, *nothing]
    assert frame["cash_sent_real"].to_numpy()[[0, 2]] == pytest.approx([1000 * PRICE, 2000 * PRICE])
    assert frame["goods_sent_real"].to_numpy()[1:3] == pytest.approx([300 * PRICE, 500 * PRICE])


def test_the_wage_at_prices_of_the_base_year(params: Params) -> None:
    frame = analysis_frame(table(params, {"monthly_wage": 10779.0}, {}), params, 2023)
    assert frame["monthly_wage_real"].to_numpy() == pytest.approx(
        [10000, float("nan")], nan_ok=True
    )


def test_identities_hold_for_complete_answers(params: Params) -> None:
    """Disclosure control relies on them."""
    frame = analysis_frame(table(params, *PERSONS[:6]), params, 2023)
    for real, nominal in NOMINAL.items():
        assert frame[real].dropna().to_numpy() == pytest.approx(
            PRICE * frame[nominal].dropna().to_numpy()
        )
    for name in WITH_ZEROS:
        assert frame[name].sum() == pytest.approx(PRICE * frame[sum_of(name)].sum())
    for whole, parts in SUMS.items():
        assert frame[whole].sum() == frame[list(parts)].sum().sum()
    for (item, code), (other, codes) in SAME_PERSONS.items():
        left = frame[code].notna() if item == "known" else frame[item].eq(code)
        assert left.tolist() == frame[other].isin(codes).tolist(), (item, code)


def test_a_survey_without_goods_has_neither_kind_nor_amounts(params: Params) -> None:
    frame = analysis_frame(
        table(params, *PERSONS[:2], drop=("remittance_goods",)), params, 2023
    )  # fmt: skip
    absent = frame.attrs["absent"]
    assert {"remittance_kind", "cash_sent", "goods_sent", "cash_sent_real"} <= set(absent)
    assert "remittance_goods is not in this survey" in absent["cash_sent"]
    assert "monthly_wage_real" in frame


def test_without_prices_there_are_no_amounts_at_those_of_another_year(params: Params) -> None:
    other = load(params.dir)
    other.__dict__["country"] = other.country.model_copy(update={"prices": None})
    absent = analysis_frame(table(other, *PERSONS), other, 2023).attrs["absent"]
    assert {*NOMINAL, "remittance_or_zero_real"} <= set(absent)
    assert absent["monthly_wage_real"] == "prices is not in this survey"
    assert "remittance_amount" not in absent
