"""The labour status by the office's rule, case by case."""

from __future__ import annotations

import pandas as pd
import pytest

from lfsmig.errors import InputError
from lfsmig.intake.derive import labour_status_nso, rows_per_household
from lfsmig.params import Params

ITEMS = ["worked_7_days", "paid_absence", "job_to_return", "seeking_work", "available_for_work"]


def status(params: Params, age: int | None, answers: str, reason: str | None = None) -> object:
    """`answers`: y, n or - for each of ITEMS."""
    words = {"y": "yes", "n": "no", "-": None}
    person = {"age": age, "reason_unavailable": reason}
    person |= {name: words[letter] for name, letter in zip(ITEMS, answers, strict=True)}
    frame = pd.DataFrame([person])
    frame["age"] = frame["age"].astype("Int64")
    value = labour_status_nso(frame, params).iloc[0]
    return None if pd.isna(value) else value


@pytest.mark.parametrize(
    ("age", "answers", "reason", "expected"),
    [
        (15, "y----", None, "employed"),
        (40, "ny---", None, "employed"),
        (40, "nny--", None, "employed"),
        (40, "nnyyy", None, "employed"),
        (40, "nnnyn", None, "unemployed"),
        (40, "nnnny", None, "unemployed"),
        (40, "nnnyy", "waiting_for_season", "unemployed"),
        (40, "nnnnn", "waiting_for_season", "seasonal"),
        (40, "nnnnn", "housework", "out_of_labour_force"),
        (40, "nnnnn", None, "out_of_labour_force"),
        (14, "y----", None, None),
        (40, "-----", None, None),
        (None, "y----", None, None),
    ],
)
def test_rule(
    params: Params, age: int | None, answers: str, reason: str | None, expected: str | None
) -> None:
    assert status(params, age, answers, reason) == expected


def test_what_it_needs(params: Params) -> None:
    with pytest.raises(InputError, match="needs worked_7_days"):
        labour_status_nso(pd.DataFrame({"age": [30]}), params)


def test_household_size(params: Params) -> None:
    frame = pd.DataFrame({"household_id": ["a", "b", "a"]})
    assert rows_per_household(frame, params).tolist() == [2, 1, 2]
