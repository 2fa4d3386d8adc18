"""What of a check's findings leaves the confidential side."""

from __future__ import annotations

from typing import Any

import pytest

from lfsmig import released


def check(**found: Any) -> dict[str, Any]:
    return {"id": "X", "status": "fail", "count": 2, "share": 0.1, "worst": [], **found}


@pytest.mark.parametrize(
    ("found", "told"),
    [
        # Red before: names of columns were taken for keys of records, and the count was withheld.
        ({"counts": "columns", "worst": ["+SIZE", "-SIZE_"]}, 2),
        ({"counts": "strata", "worst": ["10-1", "11-2"]}, 2),
        ({"counts": "records", "worst": ["10-1/3", "10-1/4"]}, None),
        ({"counts": "households", "worst": ["10-1", "10-2"]}, None),
        ({"counts": "records", "worst": ["a"] * 5, "count": 5}, 5),
        # A difference from the plan is no finding about anybody.
        ({"counts": "households", "worst": []}, 2),
    ],
)
def test_only_a_handful_of_records_is_withheld(found: dict[str, Any], told: int | None) -> None:
    receipt = released._receipt({"checks": [check(**found)]}, min_cases=5)
    [out] = receipt["checks"]
    assert out["count"] == told
    assert (out["share"] is None) is (told is None)
    assert "worst" not in out
