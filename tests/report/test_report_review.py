"""Values that wait for a review: no sentence quotes them, and charts mark them."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from test_report_findings import shares, told

from lfsmig.release import release_trends
from lfsmig.report import data, findings, marks, words
from tests.test_release import cell, released

mpl.use("Agg")


@pytest.fixture(autouse=True)
def chapter(edition: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Every test works as a chapter's cell does."""
    return edition


def flagged(indicator: str, flag: str, reason: str = "df") -> pd.DataFrame:
    frame = data.series(indicator)
    frame.loc[frame["year"].eq(2024), ["flag", "reason"]] = [flag, reason]
    return frame


def test_a_level_to_be_reviewed_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "recent_internal.rate"
    assert "2024" in findings.finding(name)
    for reason, quoted in (("df", False), ("overruled", True)):
        frame = flagged(name, "r", reason)
        monkeypatch.setattr(data, "series", lambda *_, frame=frame, **__: frame)
        assert bool(findings.finding(name)) == quoted, reason


def test_no_order_is_told_where_a_group_waits_for_its_review(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    groups = {"2": (0.6, 0.02, ""), "1": (0.3, 0.02, "")}
    assert "largest" in told(monkeypatch, shares(**groups, **{"4": (0.1, 0.02, "")}))
    assert not told(monkeypatch, shares(**groups, **{"4": (0.1, 0.02, "r")}))


def test_a_change_from_a_year_to_be_reviewed_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    years = {y: released(cell(year=y, df=7.0 if y == 2023 else 200.0)) for y in (2022, 2023, 2024)}
    assert years[2023]["flag"].tolist() == ["r"]
    keys = {"indicator": "a.share", "domain": "{}", "category": "x", "statistic": "change"}
    rows = [keys | {"year_from": a, "year_to": b, "estimate": 0.1, "p": 0.01}
            for a, b in ((2023, 2024), (2022, 2024))]  # fmt: skip
    out = release_trends(pd.DataFrame(rows), years)
    assert out["flag"].tolist() == ["r", ""]
    assert not findings._change(out.iloc[[0]], 2024, "share")
    assert "2022" in findings._change(out.iloc[[1]], 2024, "share")


def test_flags_have_markers_of_their_own_and_are_explained_where_they_are() -> None:
    frame = data.series("recent_internal.rate").assign(flag="", reason="")
    frame.loc[[1, 2, 3], "flag"] = ["*", "r", "+"]
    frame.loc[2, "reason"] = "boundary"
    _, ax = plt.subplots()
    marks.line(ax, frame, "#00528A", 0.0, "percent", "one")
    # The dot is the line's: three ordinary values, and the one that is hollow.
    drawn = [(one.get_marker(), np.size(one.get_xdata())) for one in ax.lines[1:]]
    assert [one for one in drawn if one[0] != "_"] == [("o", 3), ("o", 1), ("X", 1), ("P", 1)]
    note = marks.notes_of(frame, intervals=True)
    assert words.t("figure.review", why=words.t("review.boundary")) in note
    assert words.t("figure.complement") in note
    plain = marks.notes_of(frame.assign(flag=""), intervals=True)
    assert "Cross" not in plain
    assert "Plus" not in plain
    plt.close("all")


def test_dots_have_them_too(tmp_path: Path) -> None:
    cells = data.series("recent_internal.rate", by="region")
    cells = cells[cells["year"].eq(2024)].assign(flag=["", "r", "", "+", ""])
    _, ax = plt.subplots()
    marks.dots(ax, cells, "percent", "#00528A", 0.0, "2024")
    assert {"X", "P"} <= {str(one.get_marker()) for one in ax.lines if np.size(one.get_xdata())}
    plt.close("all")
