"""What the sentences, tables and charts must not say: withheld orders, counts across a break."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import yaml

from lfsmig.errors import InputError
from lfsmig.params import load
from lfsmig.report import data, figures, findings, tables, words, working

mpl.use("Agg")
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def chapter(edition: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Every test works as a chapter's cell does."""
    return edition


def shares(**groups: tuple[float, float, str]) -> pd.DataFrame:
    """A year's distribution: category -> estimate, standard error, flag."""
    rows = [
        {"year": 2024, "category": name, "estimate": value, "se": se, "flag": flag}
        for name, (value, se, flag) in groups.items()
    ]
    frame = pd.DataFrame(rows)
    frame.loc[frame["flag"].isin(["c", "s"]), ["estimate", "se"]] = np.nan
    return frame


def told(monkeypatch: pytest.MonkeyPatch, frame: pd.DataFrame) -> str:
    monkeypatch.setattr(data, "series", lambda *_, **__: frame)
    return findings.finding("recent_international.region_of_residence")


def test_second_place_is_not_given_to_a_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = shares(**{"2": (0.74, 0.05, ""), "1": (0, 0, "c"), "4": (0, 0, "s"), "5": (0, 0, "r")})
    text = told(monkeypatch, frame)
    assert "the largest group was “Central” (74.0\u00a0per\u00a0cent)" in text
    assert "withheld, so no second is named" in text
    assert "followed" not in text
    assert "0.0" not in text


def test_second_place_is_not_given_where_a_withheld_group_may_hold_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hidden = {"4": (0, 0, "s"), "5": (0, 0, "c")}
    frame = shares(**{"2": (0.58, 0.03, ""), "1": (0.14, 0.02, "")}, **hidden)
    assert "followed" not in told(monkeypatch, frame)
    frame = shares(**{"2": (0.58, 0.03, ""), "1": (0.30, 0.02, "")}, **hidden)
    assert "followed by “Bangkok”" in told(monkeypatch, frame)
    frame = shares(**{"2": (0.45, 0.03, "")}, **hidden)
    assert "a group whose value is withheld may be larger" in told(monkeypatch, frame)


def test_order_that_the_sample_does_not_settle(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = shares(**{"2": (0.36, 0.03, ""), "1": (0.34, 0.03, ""), "4": (0.30, 0.03, "")})
    assert "the sample does not tell which of them is larger" in told(monkeypatch, frame)
    frame = shares(**{"2": (0.56, 0.03, ""), "1": (0.23, 0.03, ""), "4": (0.21, 0.03, "")})
    text = told(monkeypatch, frame)
    assert "followed by “Bangkok” (23.0\u00a0per\u00a0cent) and “Northeast”" in text
    frame = shares(**{"2": (0.56, 0.03, ""), "1": (0.44, 0.03, "")})
    assert text != told(monkeypatch, frame)
    assert told(monkeypatch, frame).endswith(
        "“Central” 56.0\u00a0per\u00a0cent and “Bangkok” 44.0\u00a0per\u00a0cent."
    )


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
    assert "changed between 2021 and 2022" in tables.data_table("migrants.total").data
    assert "†" not in tables.tbl_overview(["migrants.rate"]).data
    counts = figures.fig_series("recent_internal.total").axes[0]
    parts = [line for line in counts.lines if len(line.get_xdata()) == 3]
    assert len(parts) == 2
    joined = figures.fig_series("recent_internal.rate").axes[0]
    assert any(len(line.get_xdata()) == 6 for line in joined.lines)
    chapter.setenv("LFSMIG_LANG", "th")
    assert "พ.ศ.\u00a02564 กับ พ.ศ.\u00a02565" in tables.data_table("migrants.total").data


def test_withheld_shares_are_hatched_and_never_shown_groups_have_no_legend() -> None:
    figure = figures.fig_shares("recent_international.expected_stay")
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names[-1] == "Withheld"
    frame = data.series("recent_international.expected_stay")
    shown = frame.loc[frame["estimate"].notna(), "category"].nunique()
    assert len(names) == shown + 1
    hatched = [bar for bar in figure.axes[0].patches if bar.get_hatch()]
    widths = {round(bar.get_y() + bar.get_height() / 2): bar.get_width() for bar in hatched}
    for row, year in enumerate(data.years()):
        rest = 100 * (1 - frame.loc[frame["year"].eq(year), "estimate"].sum())
        assert widths[row] == pytest.approx(max(rest, 0), abs=1e-9)


def test_hollow_markers_lie_above_filled_ones() -> None:
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


def test_published_changes_averages_and_withheld_cells_are_named() -> None:
    text = working.tbl_published().data
    lines: dict[str, Any] = {line[2:7]: line for line in text.splitlines() if line[:3] == "| F"}
    assert "2021–2022" in lines["F0196"]
    assert "change (thousand persons)†" in lines["F0196"]
    assert "2019–2023" in lines["F0014"]
    assert ", average" in lines["F0014"]
    hidden = data.estimates(2021)
    cell = hidden["indicator"].eq("recent_international.expected_stay") & hidden["domain"].eq("{}")
    flag = hidden.loc[cell & hidden["category"].eq("under_3_months"), "flag"].iloc[0]
    assert flag in data.WITHHELD
    assert f"| {flag} | – | – |" in lines["F0020"]


def test_remarks_of_checks_are_told_in_the_edition(chapter: pytest.MonkeyPatch) -> None:
    assert words.remark("+2.27 % a year since 2021") == "+2.27 per cent a year since 2021"
    chapter.setenv("LFSMIG_LANG", "th")
    assert words.remark("-1.1 % a year since 2021") == "ร้อยละ −1.1 ต่อปีตั้งแต่ พ.ศ.\u00a02564"
    assert words.remark("no earlier year to compare with") == "ไม่มีปีก่อนหน้าให้เปรียบเทียบ"
    assert words.remark("+SIZE -SIZE_") == "+SIZE -SIZE_"


def test_few_records_of_a_check_are_not_told_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    check = {"id": "K1", "severity": "W", "status": "fail", "help": {"en": "Keys", "th": "รหัส"}}
    skipped = {**check, "id": "S6", "status": "not_applicable", "count": 0, "share": None}
    found = {"checks": [{**check, "count": None, "share": None}, skipped]}
    monkeypatch.setattr(data, "summary", lambda year: {**found, "synthetic": True})
    text = working.tbl_checks(2024).data
    assert "| failed | c | c |" in text
    assert "| not applicable | – | – |" in text
    assert "c withheld, confidential" in text


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


@pytest.mark.parametrize("language", ["en", "th"])
def test_methodology_states_the_limits_in_use(language: str) -> None:
    assert load(ROOT / "params").country.publication == "nchs2017"
    publication = yaml.safe_load((ROOT / "params/rules.yml").read_text(encoding="utf-8"))
    rule = publication["publication"]["nchs2017"]
    chapter_text = (ROOT / f"chapters/{language}/01-methodology.qmd").read_text(encoding="utf-8")
    numbers = set(re.findall(r"(?<![\w.])\d+(?:\.\d+)?", chapter_text))
    shares = ("width_present", "width_withhold", "relative_width", "relative_width_total")
    limits = [100 * rule[name] for name in (*shares, "cv_withhold", "cv_caution")]
    limits += [rule["n_proportion"], rule["n_total"], rule["n_mean"]]
    assert [f"{limit:g}" for limit in limits if f"{limit:g}" not in numbers] == []
