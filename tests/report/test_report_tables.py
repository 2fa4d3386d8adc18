"""Data tables: intervals and sample sizes beside every estimate that an exhibit shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from lfsmig.report import data, words
from lfsmig.report.book import _unlabel_empty
from lfsmig.report.data_tables import data_table
from lfsmig.report.quality import tbl_quality_warnings
from lfsmig.report.source import read_chapter
from lfsmig.report.tables import interval, pipe, tbl_overview, width


@pytest.fixture(autouse=True)
def chapter(edition: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Every test works as a chapter's cell does."""
    return edition


def body(text: str) -> list[list[str]]:
    """Cells of a table below its head."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_shares_have_intervals_and_one_row_of_sample_sizes() -> None:
    rows = body(data_table("recent_internal.education").data)
    frame = data.series("recent_internal.education")
    groups = frame["category"].nunique()
    heads = [row[0].strip("\u2003") for row in rows]
    assert heads[1 : 2 * groups : 2] == ["95\u00a0% interval"] * groups
    assert rows[-1][0] == "Sample size"
    shown = frame[frame["year"].eq(2019) & frame["category"].eq("primary")].iloc[0]
    position = next(i for i, row in enumerate(rows) if row[0] == "Primary or below")
    assert rows[position + 1][1] == interval(shown["ci_low"], shown["ci_high"], "share")
    assert rows[-1][1] == words.decimal(shown["n"], 0)
    assert len(rows) == 2 * groups + 1


def test_sizes_that_differ_stand_below_each_row() -> None:
    rows = body(data_table("recent_internal.rate", by="region").data)
    assert [row[0].strip("\u2003 ") for row in rows[:3]] == [
        "Bangkok",
        "95\u00a0% interval",
        "Sample size",
    ]
    assert len(rows) == 3 * 5


def test_intervals_below_zero_are_written_in_words() -> None:
    text = data_table("recent_internal.net_rate", by="region").data
    assert " to " in text
    assert "–−" not in text
    assert interval(0.1, 0.2, "percent") == "0.10–0.20"
    assert interval(-0.1, 0.2, "percent") == "−0.10 to 0.20"


def test_withheld_cells_have_neither_interval_nor_size() -> None:
    frame = data.series("recent_international.expected_stay")
    rows = body(data_table("recent_international.expected_stay").data)
    for position, row in enumerate(rows):
        for column, value in enumerate(row):
            if value in data.WITHHELD:
                assert rows[position + 1][column] in ("", *data.WITHHELD) or (
                    rows[position + 1][0] != "95\u00a0% interval"
                )
    assert frame["flag"].isin(data.WITHHELD).any()


def test_overview_has_a_table_with_intervals_of_every_indicator() -> None:
    names = ["migrants.total", "lifetime.rate", "recent_internal.sent_remittances"]
    overview = tbl_overview(names).data
    assert "sample sizes are in the data table named below" in overview
    text = data_table(names).data
    rows = body(text)
    years = len(data.years())
    assert len(rows) == len(names) * (years + 1)
    assert [rows[i * (years + 1)][0].partition(" (")[0] for i in range(3)] == [
        "Migrants in the past 12 months",
        "Lifetime migrants per 100 population",
        "Recent internal migrants who sent remittances",
    ]
    assert all(row[3] and row[4] for row in rows if row[0].startswith("\u2003"))
    assert 'title="Migrants in the past 12 months and 2 more indicators"' in text


def test_tables_fit_the_page_or_their_texts_give_way() -> None:
    text = "A label that is much longer than its column could ever be on paper, by any measure"
    numbers = ["1,234,567.8"] * 7
    line = pipe(["Head", *["N"] * 7], [[text, *numbers]], "l" + "r" * 7).splitlines()[1]
    dashes = [len(part.strip(" :")) for part in line.strip("|").split("|")]
    assert sum(dashes) <= 92 + 16
    assert all(size >= width("1,234,567.8") for size in dashes[1:])


def test_cell_without_a_table_loses_its_caption(tmp_path: Path) -> None:
    path = tmp_path / "a.qmd"
    path.write_text(
        '```{python}\n#| label: tbl-a\n#| tbl-cap: "Nothing"\nshow()\n```\n', encoding="utf-8"
    )
    for shown, labelled in (("No figure.", False), ("", False), ("| a |\n|---|\n| 1 |", True)):
        notebook = read_chapter(path)
        notebook.cells[0]["outputs"] = [
            {"output_type": "display_data", "data": {"text/markdown": shown}}
        ]
        _unlabel_empty(notebook)
        assert ("tbl-a" in notebook.cells[0].source) is labelled
        assert ("tbl-cap" in notebook.cells[0].source) is labelled


def test_a_warning_without_a_remark_tells_its_count(edition: pytest.MonkeyPatch) -> None:
    """Not a dash, which says nothing was found."""
    rows = body(tbl_quality_warnings().data)
    found = {row[1]: row[2] for row in rows}
    assert found["S5"] == "2 columns (4.00 per cent)"
    edition.setenv("LFSMIG_LANG", "th")
    assert "2 คอลัมน์ (ร้อยละ 4.00)" in tbl_quality_warnings().data


def test_a_short_thai_word_has_room_on_one_line() -> None:
    """Red before: a column as wide as its letters' number broke each `ตรงกัน` in two."""
    wide = pipe(["ก" * 30, "ผล"], [["ข" * 200, "ตรงกัน"]], "ll").splitlines()[1]
    latin = pipe(["a" * 30, "ab"], [["b" * 200, "abcdef"]], "ll").splitlines()[1]
    assert wide.split("|")[2].count("-") >= latin.split("|")[2].count("-") + 1
