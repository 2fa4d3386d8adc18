"""A key finding follows the evidence: it changes with it, and goes when it goes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from lfsmig.report import data, findings, words

RATE = "recent_internal.rate"


@pytest.fixture(autouse=True, params=["en", "th"])
def language(request: pytest.FixtureRequest, edition: pytest.MonkeyPatch) -> Any:
    edition.setenv("LFSMIG_LANG", request.param)
    return request.param


def told(patch: pytest.MonkeyPatch, frame: pd.DataFrame, change: pd.DataFrame) -> str:
    patch.setattr(data, "series", lambda *_, **__: frame)
    patch.setattr(data, "trends", lambda *_: change)
    return findings.finding(RATE)


def a_change(size: float, p: float) -> pd.DataFrame:
    row = {"statistic": "change", "category": "", "year_from": 2023, "year_to": 2024}
    return pd.DataFrame([{**row, "estimate": size, "p": p}])


def test_finding_follows_value_interval_and_test(edition: pytest.MonkeyPatch) -> None:
    frame = data.series(RATE).copy()
    last = frame["year"].eq(2024)
    frame.loc[last, ["estimate", "ci_low", "ci_high", "flag"]] = [1.23, 1.01, 1.47, ""]
    said = told(edition, frame, a_change(0.4, 0.001))
    for number in ("1.23", "1.01", "1.47"):
        assert number in said
    frame.loc[last, ["estimate", "ci_low", "ci_high"]] = [2.34, 2.1, 2.6]
    assert "2.34" in told(edition, frame, a_change(0.4, 0.001))
    ways = {
        "up": told(edition, frame, a_change(0.4, 0.01)),
        "down": told(edition, frame, a_change(-0.4, 0.01)),
        "none": told(edition, frame, a_change(0.4, 0.06)),
    }
    assert len(set(ways.values())) == 3
    before, p = words.year_text(2023), findings.p_text(0.06)
    size = words.t("quantity.points", n=words.number(0.4, "percent"))
    assert words.t("finding.change_none", name="", size=size, before=before, p=p) in ways["none"]
    assert size not in ways["none"]
    assert size in ways["up"]


def test_finding_goes_with_its_evidence(edition: pytest.MonkeyPatch) -> None:
    frame = data.series(RATE).copy()
    last = frame["year"].eq(2024)
    frame.loc[last, "flag"] = "*"
    assert words.t("finding.level_caution") in told(edition, frame, a_change(0.4, 0.01))
    # The flag alone is enough, should a value ever stand beside it.
    frame.loc[last, "flag"] = "c"
    assert told(edition, frame, a_change(0.4, 0.01)) == ""
    frame.loc[last, ["estimate", "flag"]] = [np.nan, "s"]
    assert told(edition, frame, a_change(0.4, 0.01)) == ""
    listed = findings.key_findings([RATE])
    assert words.t("finding.none") in str(listed.data)
    frame = frame[~last]
    assert told(edition, frame, a_change(0.4, 0.01)) == ""


def test_a_finding_is_told_by_the_adjusted_p(edition: pytest.MonkeyPatch) -> None:
    frame = data.series(RATE).copy()
    chance = told(edition, frame, a_change(0.4, 0.02).assign(p_adjusted=0.1))
    assert words.t("quantity.points", n=words.number(0.4, "percent")) not in chance
    both = words.t("finding.p_adjusted", p=findings.p_text(0.02), adjusted=findings.p_text(0.1))
    assert both in chance
    alone = told(edition, frame, a_change(0.4, 0.02).assign(p_adjusted=0.02))
    assert alone == told(edition, frame, a_change(0.4, 0.02))
