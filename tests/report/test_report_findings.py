"""What the sentences, tables and charts must not say: withheld orders, counts across a break."""

from __future__ import annotations

from itertools import pairwise, product
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfsmig.errors import InputError
from lfsmig.report import data, data_tables, figures, findings, style, tables, words, working

mpl.use("Agg")


@pytest.fixture(autouse=True)
def chapter(edition: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Every test works as a chapter's cell does."""
    return edition


def shares(**groups: tuple[float, float, str]) -> pd.DataFrame:
    """A year's distribution: category -> estimate, standard error, flag."""
    rows = [
        {
            "year": 2024,
            "category": name,
            "estimate": value,
            "se": se,
            "ci_low": value - 2 * se,
            "ci_high": value + 2 * se,
            "flag": flag,
        }
        for name, (value, se, flag) in groups.items()
    ]
    frame = pd.DataFrame(rows)
    hidden = frame["flag"].isin(["c", "s"])
    frame.loc[hidden, ["estimate", "se", "ci_low", "ci_high"]] = np.nan
    return frame


def told(
    monkeypatch: pytest.MonkeyPatch, frame: pd.DataFrame, changes: pd.DataFrame | None = None
) -> str:
    monkeypatch.setattr(data, "series", lambda *_, **__: frame)
    none = pd.DataFrame(columns=["statistic", "category", "year_to", "estimate", "p"])
    monkeypatch.setattr(data, "trends", lambda *_: none if changes is None else changes)
    return findings.finding("recent_international.region_of_residence")


def test_second_place_is_not_given_to_a_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = shares(**{"2": (0.74, 0.05, ""), "1": (0, 0, "c"), "4": (0, 0, "s"), "5": (0, 0, "r")})
    text = told(monkeypatch, frame)
    assert "the largest group was “Central” (74.0\u00a0per\u00a0cent, 95" in text
    assert "withheld, so no second is named" in text
    assert "followed" not in text
    assert " 0.0" not in text


def test_second_place_is_not_given_where_a_withheld_group_may_hold_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hidden = {"4": (0, 0, "s"), "5": (0, 0, "c")}
    # What is withheld has 28 per cent together: more than Bangkok's 14.
    frame = shares(**{"2": (0.58, 0.03, ""), "1": (0.14, 0.02, "")}, **hidden)
    assert "followed" not in told(monkeypatch, frame)
    frame = shares(**{"2": (0.58, 0.03, ""), "1": (0.30, 0.02, "")}, **hidden)
    assert "followed by “Bangkok” (30.0" in told(monkeypatch, frame)
    # 30 and 25 per cent differ, but not by more than sampling could make of them.
    frame = shares(**{"2": (0.45, 0.03, ""), "1": (0.30, 0.03, "")}, **hidden)
    assert "no second is named" in told(monkeypatch, frame)
    frame = shares(**{"2": (0.45, 0.03, "")}, **hidden)
    assert "a group whose value is withheld may be larger" in told(monkeypatch, frame)


def test_order_that_the_sample_does_not_settle(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = shares(**{"2": (0.36, 0.03, ""), "1": (0.34, 0.03, ""), "4": (0.30, 0.03, "")})
    text = told(monkeypatch, frame)
    # A three-way tie: to name two of the three would order the third.
    assert all(name in text for name in ("Central", "Bangkok", "Northeast"))
    assert "the sample does not settle the order among them" in text
    frame = shares(**{"2": (0.36, 0.02, ""), "1": (0.34, 0.02, ""), "4": (0.22, 0.01, "")})
    text = told(monkeypatch, frame)
    assert "the sample does not tell which of them is larger" in text
    assert "Northeast" not in text
    frame = shares(**{"2": (0.56, 0.03, ""), "1": (0.44, 0.03, "")})
    text = told(monkeypatch, frame)
    assert "“Central” (56.0\u00a0per\u00a0cent, 95\u00a0% confidence interval 50.0 to 62.0)" in text
    assert "“Bangkok” (44.0\u00a0per\u00a0cent, 38.0 to 50.0)" in text
    assert "largest" not in text


def test_every_group_that_cannot_be_told_from_the_last_one_named_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Second rank of the reviewed edition: Primary 23.9, Lower secondary 22.2, Bachelor 19.4."""
    frame = shares(
        **{
            "2": (0.322, 0.012, ""),
            "1": (0.239, 0.010, ""),
            "4": (0.222, 0.010, ""),
            "5": (0.194, 0.010, ""),
            "3": (0.023, 0.004, ""),
        }
    )
    text = told(monkeypatch, frame)
    assert "the largest group was “Central” (32.2" in text
    named = text[text.index("followed by") :]
    assert [name in named for name in ("Bangkok", "Northeast", "South", "North”")] == [True] * 3 + [
        False
    ]
    assert "whose order the sample does not settle" in named


def test_ranks_are_closed_under_what_cannot_be_told_apart() -> None:
    """A is larger than C, but B is told from neither: none of the three may be ordered."""
    groups = [findings.Group(value, 0.02) for value in (0.40, 0.34, 0.28, 0.05)]
    assert [len(rank) for rank in findings.ranked(groups)] == [3, 1]
    # A group with a large error farther down reaches over one that could be told apart.
    groups = [findings.Group(0.50, 0.01), findings.Group(0.40, 0.01), findings.Group(0.35, 0.08)]
    assert [len(rank) for rank in findings.ranked(groups)] == [3]
    assert [len(rank) for rank in findings.ranked([])] == []


@given(st.lists(st.tuples(st.floats(0.01, 0.99), st.floats(0.001, 0.1)), min_size=1, max_size=7))
def test_no_rank_states_an_order_that_the_rule_forbids(values: list[tuple[float, float]]) -> None:
    ranks = findings.ranked([findings.Group(*value) for value in values])
    assert sum(map(len, ranks)) == len(values)
    for higher, lower in pairwise(ranks):
        for one, other in product(higher, lower):
            assert one.estimate - other.estimate > 1.96 * (one.se + other.se)


def test_shares_tell_how_the_leading_group_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = shares(**{"2": (0.56, 0.03, ""), "1": (0.23, 0.03, ""), "4": (0.21, 0.03, "")})
    change = {"statistic": ["change"], "year_from": [2023], "year_to": [2024], "category": ["2"]}
    up = pd.DataFrame({**change, "estimate": [0.06], "p": [0.01]})
    text = told(monkeypatch, frame, up)
    assert "The share of “Central” rose by 6.0 percentage points from 2023" in text
    level = pd.DataFrame({**change, "estimate": [0.06], "p": [0.3]})
    assert "of “Central” from 2023 is not statistically significant" in told(
        monkeypatch, frame, level
    )


def test_net_migration_tells_numbers_and_intervals() -> None:
    text = findings.finding("recent_internal.net_rate")
    frame = data.series("recent_internal.net_rate", by="region")
    for row in data.rows(frame[frame["year"].eq(2024)]):
        low, high = (words.number(v, "percent") for v in (row.ci_low, row.ci_high))
        assert f"({words.number(row.estimate, 'percent')}; {low} to {high})" in text


def test_thai_writes_a_percentage_on_to_the_word_before(chapter: pytest.MonkeyPatch) -> None:
    chapter.setenv("LFSMIG_LANG", "th")
    text = findings.finding("migrants.rate")
    assert "เท่ากับร้อยละ" in text
    assert "อยู่ระหว่างร้อยละ" in text
    assert "ถึงร้อยละ" in text


def test_counts_are_not_compared_across_the_break(monkeypatch: pytest.MonkeyPatch) -> None:
    assert data.breaks() == [(2021, 2022)]
    assert data.comparable_years(2024) == [2022, 2023, 2024]
    text = findings.finding("migrants.total")
    assert "From 2022 on the estimates lie between" in text
    assert "are not comparable" in text
    assert "straight line" not in text
    assert "trend" not in text
    rate = findings.finding("migrants.rate")
    assert "not comparable" not in rate
    assert "2020" in rate
    monkeypatch.setattr(data, "report_year", lambda: 2022)
    across = findings.finding("migrants.total")
    assert "It is not compared with 2021" in across
    assert "statistically significant" not in across


def test_break_is_marked_in_tables_and_charts(chapter: pytest.MonkeyPatch) -> None:
    text = tables.tbl_overview(["migrants.total", "migrants.rate"]).data
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert sum("†" in row for row in rows) == 1
    assert "changed between 2021 and 2022" in text
    assert "changed between 2021 and 2022" in data_tables.data_table("migrants.total").data
    assert "†" not in tables.tbl_overview(["migrants.rate"]).data
    counts = figures.fig_series("recent_internal.total").axes[0]
    parts = [line for line in counts.lines if len(line.get_xdata()) == 3]
    assert len(parts) == 2
    joined = figures.fig_series("recent_internal.rate").axes[0]
    assert any(len(line.get_xdata()) == 6 for line in joined.lines)
    chapter.setenv("LFSMIG_LANG", "th")
    assert "พ.ศ.\u00a02564 กับ พ.ศ.\u00a02565" in data_tables.data_table("migrants.total").data


def test_shares_have_a_panel_each_with_intervals_on_one_scale() -> None:
    figure = figures.fig_shares("recent_internal.education")
    shown = [panel for panel in figure.axes if panel.get_visible()]
    frame = data.series("recent_internal.education")
    assert len(shown) == frame["category"].nunique()
    assert len({panel.get_ylim() for panel in shown}) == 1
    for panel in shown:
        bars = panel.collections[0].get_segments()
        assert len(bars) == len(data.years())
    first = frame[frame["category"].eq("none")].set_index("year")
    segment = shown[0].collections[0].get_segments()[0]
    assert segment[0][1] == pytest.approx(100 * first["ci_low"].loc[2019])
    assert segment[1][1] == pytest.approx(100 * first["ci_high"].loc[2019])


def test_withheld_shares_are_gaps_and_groups_never_shown_are_named() -> None:
    figure = figures.fig_shares("recent_international.expected_stay")
    frame = data.series("recent_international.expected_stay")
    by_group = frame.groupby("category")["estimate"]
    titles = [panel.get_title("left") for panel in figure.axes if panel.get_visible()]
    assert len(titles) == int(by_group.count().gt(0).sum())
    never = by_group.count().eq(0)
    assert never.any()
    note = figure.texts[-1].get_text().replace("\n", " ")
    for code in never[never].index:
        assert words.code_label("expected_stay", code) in note
    for panel in (p for p in figure.axes if p.get_visible()):
        cells = frame[
            frame["category"]
            .map(lambda c: words.code_label("expected_stay", c))
            .eq(panel.get_title("left").replace("\n", " "))
        ]
        dots = [line for line in panel.lines if line.get_linestyle() == "None"]
        points = sum(len(dot.get_xdata()) for dot in dots if dot.get_marker() == "o")
        assert points == cells["estimate"].notna().sum()


def test_lines_differ_without_colour_and_their_names_can_be_read() -> None:
    axes = figures.fig_series("recent_internal.rate", by="sex").axes[0]
    joined = [line for line in axes.lines if len(line.get_xdata()) == len(data.years())]
    lines = [line for line in joined if line.get_linestyle() not in ("None", "none")]
    assert len({(line.get_marker(), str(line._unscaled_dash_pattern)) for line in lines}) == 2
    for colour in style.COLOURS:
        red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        linear = [
            c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)
        ]
        luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        assert 1.05 / (luminance + 0.05) >= 4.5, colour


def test_hollow_markers_lie_above_filled_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = data.series("recent_internal.sent_remittances", by="region", category="yes")
    frame.loc[frame["code"].eq("2"), "flag"] = "*"
    monkeypatch.setattr(data, "series", lambda *_, **__: frame)
    figure = figures.fig_regions("recent_internal.sent_remittances", category="yes")
    hollow = [line for line in figure.axes[0].lines if line.get_markerfacecolor() == "white"]
    filled = [line for line in figure.axes[0].lines if line not in hollow]
    assert hollow
    assert min(x.get_zorder() for x in hollow) > max(x.get_zorder() for x in filled)


def test_rates_have_the_decimals_they_need() -> None:
    for value, unit in ((23.4, "percent_large"), (1.2, "percent"), (0.05, "percent_small")):
        assert tables.print_unit(pd.DataFrame({"estimate": [value]}), "percent") == unit
    assert words.number(0.0654, "percent_small") == "0.065"
    assert words.number(18666.0, "baht") == "18,670"
    assert words.quantity(23.4, "percent_large", "lifetime.rate") == "23.4"
    assert words.quantity(1.19, "percent", "migrants.rate") == "1.19\u00a0per\u00a0cent"


def test_class_that_cannot_occur_is_no_row() -> None:
    frame = pd.DataFrame(
        {
            "category": ["1", "abroad", "abroad", "2"],
            "estimate": [1.0, 0.0, 0.0, np.nan],
            "flag": ["", "r", "r", "c"],
        }
    )
    assert tables.occurring(frame) == ["1", "2"]
    assert tables.cell(0.0, 0.0, "share", "r") == "0.0r"


def test_review_is_explained_by_its_reason() -> None:
    assert "nobody or everybody" in tables.flag_legend(["r"], ["boundary"])
    assert "few degrees of freedom or nobody" in tables.flag_legend(["r"], ["df", "boundary"])


def test_remarks_of_checks_are_told_in_the_edition(chapter: pytest.MonkeyPatch) -> None:
    assert words.remark("+2.27 % a year since 2021") == "+2.27 per cent a year since 2021"
    chapter.setenv("LFSMIG_LANG", "th")
    assert words.remark("-1.1 % a year since 2021") == "ร้อยละ −1.1 ต่อปีตั้งแต่ พ.ศ.\u00a02564"
    assert words.remark("no earlier year to compare with") == "ไม่มีปีก่อนหน้าให้เปรียบเทียบ"
    assert words.remark("+SIZE -SIZE_") == "+SIZE -SIZE_"
    for text in (
        "no control table of 2023",
        "the control table of 2023 is not by age_group5, sex",
        "largest gap 1.96 % (projections)",
        "70090000 against 70090000 (figure F0856)",
        "employed |z| 0.6, unemployed |z| 0.4",
    ):
        assert words.remark(text) != text, text
    # A name in one pattern does not reach over what follows the first semicolon.
    unknown = (
        "previous_province 14.9 % (15.0 % weighted); 3 indicators on previous_province flagged; "
    )
    told = words.remark(unknown + "birth_province 0.3 % (0.4 % weighted)")
    assert "flagged" not in told and "%" not in told and told.count("; ") == 2
    assert "มีสัญลักษณ์กำกับ 3 รายการ" in told and told.endswith("ร้อยละ 0.3 (ถ่วงน้ำหนักร้อยละ 0.4)")
    whole = words.remark("5 records are in 2022 too; years looked at: 1")
    assert whole.startswith("มีระเบียน 5 ระเบียน") and ";" not in whole


def test_few_records_of_a_check_are_not_told_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    check = {"id": "K1", "severity": "W", "status": "fail", "help": {"en": "Keys", "th": "รหัส"}}
    skipped = {**check, "id": "S6", "status": "not_applicable", "count": 0, "share": None}
    found = {"checks": [{**check, "count": None, "share": None}, skipped]}
    monkeypatch.setattr(data, "summary", lambda year: {**found, "synthetic": True})
    text = working.tbl_checks(2024).data
    assert "| failed | c | c |" in text
    assert "named beside the number" in text
    assert "| not applicable | – | – |" in text
    assert "c withheld, confidential" in text


def test_checks_say_what_they_count() -> None:
    text = working.tbl_checks(2024).data
    assert "| 2\u00a0columns | 4.00 |" in text
    assert "1\u00a0year | 100.00" in working.tbl_checks(2022).data


def test_clean_checks_leave_no_table_and_no_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    label = "tbl-annual-2024-checks"
    assert working.verdict(2024, label).endswith(
        f"@{label} lists what left a remark or did not apply."
    )
    checks = [{"id": "K1", "severity": "E", "status": "pass", "count": 0, "share": 0.0, "help": {}}]
    monkeypatch.setattr(data, "summary", lambda year: {"checks": checks})
    assert working.verdict(2024, label) == "All 1 checks passed."
    assert working.tbl_checks(2024).data == ""


def test_few_columns_make_the_same_recent_migrants(
    chapter: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    size = 12
    records = pd.DataFrame(
        {
            "weight": np.ones(size),
            "stratum": ["10-1"] * size,
            "psu": [str(i % 3) for i in range(size)],
            "province": ["10", "11", "12"] * 4,
            "area": ["municipal"] * size,
            "age": range(10, 10 + size),
            "sex": ["male", "female"] * 6,
            "moved": ["yes", "no", None] * 4,
            "previous_country": [None, None, "TH", "MM"] * 3,
            "previous_province": ["13", None, None] * 4,
            "sent_remittances": ["yes", "no"] * 6,
            "birth_province": ["10"] * size,
            "birth_country": ["TH"] * size,
        }
    )
    (tmp_path / "harmonised").mkdir()
    records.to_parquet(tmp_path / "harmonised/2024.parquet")
    chapter.setenv("LFSMIG_DATA", str(tmp_path))
    every, few = data.microdata(2024), data.microdata(2024, "sent_remittances")
    assert every is not None
    assert few is not None
    assert "lifetime" in every
    assert "birth_province" not in few
    for name in ("recent_internal", "recent_international", "migrants", "weight", "age"):
        pd.testing.assert_series_equal(every[name], few[name])
    assert few["recent_internal"].sum() > 0
    with pytest.raises(InputError, match=r"2024\.parquet: no column 'shoe_size'"):
        data.microdata(2024, "shoe_size")
    assert data.microdata(2019) is None
