"""Numbers, years, labels, tables, charts and sentences of both editions."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import pytest

from lfsmig.report import data, data_tables, figures, findings, tables, words, working

mpl.use("Agg")


@pytest.mark.parametrize(
    ("value", "digits", "printed"),
    [
        (1234567.0, 0, "1,234,567"),
        (0.125, 2, "0.13"),
        (2.675, 2, "2.68"),
        (-0.5, 0, "−1"),
        (-0.04, 1, "0.0"),
        (float("nan"), 1, "–"),
    ],
)
def test_numbers(value: float, digits: int, printed: str) -> None:
    assert words.decimal(value, digits) == printed


def test_language_follows_the_chapter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LFSMIG_LANG", raising=False)
    monkeypatch.setenv("QUARTO_DOCUMENT_PATH", "/book/chapters/th")
    assert words.lang() == "th"
    # The space does not break: a line must not end between the two.
    assert words.year_text(2024) == "พ.ศ.\u00a02567"
    monkeypatch.setenv("QUARTO_DOCUMENT_PATH", "/book")
    assert words.lang() == "en"
    monkeypatch.setenv("QUARTO_DOCUMENT_FILE", "index.th.qmd")
    assert words.lang() == "th"
    monkeypatch.setenv("LFSMIG_LANG", "en")
    assert words.span([2019, 2024]) == "2019–2024"


def test_every_word_has_both_languages() -> None:
    def walk(node: object, path: str) -> None:
        if isinstance(node, dict):
            if "en" in node or "th" in node:
                assert {"en", "th"} <= set(node), path
            else:
                for key, value in node.items():
                    walk(value, f"{path}.{key}")

    walk(words.catalogue(), "words")


def test_tables_state_base_unit_source_and_flags(edition: pytest.MonkeyPatch) -> None:
    text = data_tables.data_table("recent_international.expected_stay").data
    for part in ("Base:", "Unit: per cent.", "Source: synthetic", "s withheld", "c withheld"):
        assert part in text
    assert "nan" not in text
    edition.setenv("LFSMIG_LANG", "th")
    text = data_tables.data_table("recent_internal.rate").data
    assert "ฐาน:" in text
    assert "2567" in text
    assert "2024" not in text


def test_withheld_cells_show_no_value(edition: pytest.MonkeyPatch) -> None:
    assert tables.cell(0.5, 0.1, "share", "s") == "s"
    frame = data.series("recent_international.expected_stay")
    assert frame["flag"].isin(["c", "s"]).any()
    hidden = frame[frame["flag"].isin(["c", "s"])]
    assert hidden["estimate"].isna().all()


def test_charts_are_reproducible_and_fit_the_page(edition: pytest.MonkeyPatch) -> None:
    pictures = []
    for _ in range(2):
        figure = figures.fig_series("recent_internal.rate", by="sex")
        assert figure.get_size_inches()[0] <= 6.2
        stream = io.BytesIO()
        figure.savefig(stream, format="svg")
        pictures.append(stream.getvalue())
    assert pictures[0] == pictures[1]


def test_absent_indicator_is_said_not_raised(edition: pytest.MonkeyPatch) -> None:
    assert "Not available" in data_tables.data_table("recent_internal.shoe_size").data
    said: list[str] = []
    edition.setattr(figures, "display", lambda shown: said.append(shown.data))
    assert figures.fig_shares("recent_internal.shoe_size") is None
    assert "No released figures" in said[0]
    assert findings.finding("recent_internal.shoe_size") == ""


def test_sentences_are_significant_only_by_their_test(edition: pytest.MonkeyPatch) -> None:
    rows = {"statistic": ["change"], "year_from": [2023], "year_to": [2024], "category": [""]}
    for p, estimate, told in (
        (0.2, 0.3, "not statistically significant"),
        (0.01, 0.3, "rose by 0.30 percentage points"),
        (0.01, -0.3, "fell by 0.30 percentage points"),
    ):
        trends = pd.DataFrame({**rows, "estimate": [estimate], "p": [p]})
        assert told in findings._change(trends, 2024, "percent")
    slope = {"statistic": ["slope"], "year_from": [2019], "year_to": [2024], "estimate": [0.1]}
    bent = pd.DataFrame({**slope, "p": [0.001], "lack_of_fit_p": [0.001]})
    assert "do not follow a straight line" in findings._trend(bent, "percent")
    straight = pd.DataFrame({**slope, "p": [0.001], "lack_of_fit_p": [0.5]})
    assert "rose on average by 0.10 percentage points a year" in findings._trend(
        straight, "percent"
    )


def test_live_estimate_keeps_withheld_cells_back(
    edition: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    live = pd.DataFrame({"category": ["under_3_months"], "estimate": [0.01], "se": [0.01]})
    shown = working.tbl_live(live, live, 2021, "recent_international.expected_stay").data
    assert "withheld" in shown
    assert "0.01" not in shown


def test_notice_only_for_synthetic_records(
    edition: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "not statistics of Thailand" in tables.notice().data
    monkeypatch.setattr(data, "synthetic", lambda: False)
    assert tables.notice().data == ""


def test_an_opening_quotation_mark_has_a_space_before_it(edition: pytest.MonkeyPatch) -> None:
    """Red before: `“ในประเทศ” และ“ต่างประเทศ”`."""
    edition.setenv("LFSMIG_LANG", "th")
    assert words.listing(["“ก”", "“ข”"]) == "“ก” และ “ข”"
    assert words.listing(["ก", "ข"]) == "ก และข"
