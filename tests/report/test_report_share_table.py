"""Distributions as tables: a row per category under its item's name, withheld cells as letters."""

from __future__ import annotations

import pytest
from test_report_tables import body

from lfsmig.report import data, words
from lfsmig.report.rules import cut_percentile
from lfsmig.report.share_table import tbl_shares

NAMES = ["recent_international.marital_status", "recent_international.house_register"]


@pytest.fixture(autouse=True)
def chapter(edition: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Every test works as a chapter's cell does."""
    return edition


def test_several_distributions_stand_under_the_names_of_their_items() -> None:
    text = tbl_shares(NAMES).data
    rows = body(text)
    assert [row[0] for row in rows if not any(row[1:])] == [
        "Marital status",
        "Where the person is in a house register",
    ]
    frame = data.series(NAMES[0])
    by_name = {row[0].strip("\u2003 "): row[1:] for row in rows}
    for code, cells in frame.groupby("category"):
        shown = by_name[words.code_label("marital_status", str(code))]
        for cell, value in zip(data.rows(cells), shown, strict=True):
            number = words.number(cell.estimate, "share") + cell.flag
            withheld = cell.flag in data.WITHHELD
            assert value.replace("\\", "") == (cell.flag if withheld else number)
    assert frame["flag"].isin(data.WITHHELD).any()
    for word in ("Base: ", "Unit: per cent", "Symbols: ", "Source: "):
        assert word in text, word


def test_one_distribution_has_no_name_above_its_rows(edition: pytest.MonkeyPatch) -> None:
    edition.setenv("LFSMIG_LANG", "th")
    rows = body(tbl_shares("recent_internal.house_register").data)
    assert [row[0] for row in rows] == ["บ้านหลังนี้", "ที่อื่นในจังหวัดนี้", "จังหวัดอื่น", "ไม่มีชื่อหรือไม่ทราบ"]


def test_what_was_not_released_is_told() -> None:
    assert tbl_shares("lifetime.occupation").data.startswith("Not available: ")


def test_the_percentile_of_the_cut_is_that_of_the_parameters() -> None:
    assert cut_percentile() == "99"
