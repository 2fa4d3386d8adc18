"""The table of indices and the profile by age, from released numbers of a few cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lfsmig.report import alt, data, index_table, profile_figure, profile_years, words
from tests.conftest import ROOT


def index_rows() -> pd.DataFrame:
    common = {"domain": "{}", "category": "", "statistic": "index", "reason": "", "n": 200000.0}
    rows = [
        ("indices.mei", 2023, "percent", 17.25, 5.5, 29.0, "", 614.0),
        ("indices.mei", 2024, "percent", np.nan, np.nan, np.nan, "s", np.nan),
        ("indices.mei_corrected", 2023, "percent", -1.5, -9.0, 6.0, "", 614.0),
        # Not defined in one year: too few movers to bring down to.
        ("indices.mei_corrected", 2024, "percent", np.nan, np.nan, np.nan, "", np.nan),
        ("indices.mei_floor", 2023, "percent", 9.6, np.nan, np.nan, "", 614.0),
    ]
    names = ["indicator", "year", "unit", "estimate", "ci_low", "ci_high", "flag", "n_cases"]
    return pd.DataFrame(rows, columns=names).assign(se=1.0, **common)


@pytest.fixture
def two_years(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LFSMIG_PARAMS", str(ROOT / "params"))
    monkeypatch.setattr(data, "years", lambda: [2023, 2024])
    monkeypatch.setattr(data, "every_year", index_rows)
    monkeypatch.setattr(data, "synthetic", lambda: True)


@pytest.mark.parametrize(("lang", "head"), [("en", "2023"), ("th", "2566")])
def test_indices_have_their_limits_and_movers(
    two_years: None, monkeypatch: pytest.MonkeyPatch, lang: str, head: str
) -> None:
    monkeypatch.setenv("LFSMIG_LANG", lang)
    names = ["indices.mei", "indices.mei_corrected", "indices.mei_floor"]
    text = index_table.tbl_indices(names).data
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert f" {head} " in lines[0]
    # A withheld index shows its symbol and no limits; the floor has no interval of its own.
    assert "| 17.3 |" in lines[2]
    assert "| 5.5, 29.0 |  |" in lines[3]
    assert "| −1.50 | – |" in lines[4]
    assert "| −9.00, 6.00 |  |" in lines[5]
    assert len(lines) == 2 + 2 + 2 + 1 + 1
    assert lines[-1].endswith("| 614 | – |")
    assert "nan" not in text


@pytest.mark.parametrize(("lang", "told"), [("en", "peak at age 24"), ("th", "อายุ 24 ปี")])
def test_the_profile_tells_its_peak_or_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lang: str, told: str
) -> None:
    monkeypatch.setenv("LFSMIG_LANG", lang)
    monkeypatch.setenv("LFSMIG_DATA", str(tmp_path))
    assert profile_figure.profile_finding().data == ""
    ages = np.arange(0, 20, 5)
    span = {"year_from": 2019, "year_to": 2023}
    groups = pd.DataFrame(
        {"kind": "group", "age_from": ages, "age_to": ages + 4, "estimate": 2.0, "ci_low": 1.0,
         "ci_high": 3.0}
    )  # fmt: skip
    more = pd.DataFrame(
        {"kind": ["error", "peak_age", "peak_rate", "curve", "curve"], "age_from": [np.nan] * 3 +
         [0, 1], "estimate": [8.0, 23.6, 3.14, 2.0, 2.1], "ci_low": [np.nan, 22.4, 3.0] +
         [np.nan] * 2, "ci_high": [np.nan, 25.2, 3.3] + [np.nan] * 2}
    )  # fmt: skip
    (tmp_path / "released").mkdir()
    frame = pd.concat([groups, more], ignore_index=True).assign(**span)
    frame.to_parquet(tmp_path / "released" / "age_profile.parquet")
    sentence = profile_figure.profile_finding().data
    assert told.rsplit(maxsplit=1)[-1] in sentence
    assert "24" in sentence
    assert "22" in sentence
    assert "3.14" in sentence
    fig = profile_figure.fig_age_profile()
    written = [text.get_text() for text in fig.axes[0].texts]
    assert written == [words.t("profile.peak", age="24")]
    # Single years of age have rows, a sentence and a chart of their own.
    assert profile_figure.profile_finding(single=True).data == ""
    single = frame.assign(kind="single_" + frame["kind"], estimate=frame["estimate"] + 1)
    pd.concat([frame, single], ignore_index=True).to_parquet(
        tmp_path / "released" / "age_profile.parquet"
    )
    assert "25" in profile_figure.profile_finding(single=True).data
    assert profile_figure.profile_finding().data == sentence
    written = [t.get_text() for t in profile_figure.fig_age_profile(single=True).axes[0].texts]
    assert written == [words.t("profile.peak", age="25")]
    # Without a curve the note says so, and nothing claims a peak.
    frame[frame["kind"].isin(["group", "error"])].to_parquet(
        tmp_path / "released" / "age_profile.parquet"
    )
    assert profile_figure.profile_finding().data == ""
    fig = profile_figure.fig_age_profile()
    assert not fig.axes[0].texts
    start = words.t("profile.no_curve")[:12].split()[0]
    assert start in fig.get_supxlabel()


def test_years_stand_side_by_side_and_single_ages_in_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LFSMIG_LANG", "en")
    monkeypatch.setenv("LFSMIG_DATA", str(tmp_path))
    monkeypatch.setenv("LFSMIG_PARAMS", str(ROOT / "params"))
    (tmp_path / "released").mkdir()
    look = {
        "indicator": "recent_internal.rate", "category": "", "statistic": "rate", "se": 0.1,
        "unit": "percent", "ci_low": 1.0, "ci_high": 4.0, "n": 5000, "reason": "",
    }  # fmt: skip
    for year, top in ((2023, "20-24"), (2024, "25-29")):
        rows = [
            look | {"domain": f'{{"age_group5":"{code}"}}', "year": year, "flag": flag,
                    "estimate": np.nan if flag else 3.0 if code == top else 2.0}
            for code, flag in [("20-24", ""), ("25-29", ""), ("70-74", "c"), ("75+", "")]
        ]  # fmt: skip
        pd.DataFrame(rows).to_parquet(tmp_path / "released" / f"{year}.parquet")
        (tmp_path / "released" / f"{year}.summary.json").write_text('{"checks": []}', "utf-8")
    told: list[str] = []
    monkeypatch.setattr(alt, "tell", told.append)
    fig = profile_years.fig_profile_years("recent_internal.rate", "age_group5")
    assert [ax.get_title(loc="left") for ax in fig.axes] == ["2023", "2024"]
    # Two points a year: the open group and what is withheld are not drawn.
    points = [len(line.get_xdata()) for ax in fig.axes for line in ax.lines if len(ax.lines) > 0]
    assert max(points) == 2
    [text] = told
    first = "Highest estimate of each year: 2023: 20–24, 3.00 per cent; "
    last = "2024: 25–29, 3.00 per cent. Withheld values: 2."
    assert text.replace("\u00a0", " ") == first + last
    pooled = [
        look | {"indicator": "recent_internal.rate_by_age", "domain": f'{{"age_single":"{age}"}}',
                "estimate": np.nan if flag else 2.5, "flag": flag, "year_from": 2019,
                "year_to": 2024}
        for age, flag in [("9", ""), ("23", "c"), ("24", "")]
    ]  # fmt: skip
    assert "No released figures" in profile_years.profile_table("a", "age_single").data
    pd.DataFrame(pooled).to_parquet(tmp_path / "released" / "pools.parquet")
    text = profile_years.profile_table("recent_internal.rate_by_age", "age_single").data
    ages = [line.split(" | ")[0].strip("| ") for line in text.splitlines() if line[:1] == "|"]
    assert ages[2:] == ["9", "23", "24"] and "| c | – | – |" in text
    assert "2019–2024" in text


def test_an_index_that_noise_raises_is_corrected_or_marked(
    two_years: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Movers run from 614 to 1,124 by year; nothing tells years apart by that."""
    monkeypatch.setenv("LFSMIG_LANG", "en")
    names = [name for name in words.register() if name.startswith("indices.")]
    assert [name for name in names if index_table._noisy(name)] == ["indices.mei"]
    text = index_table.tbl_indices(["indices.mei", "indices.mei_corrected"]).data
    assert "| Migration effectiveness (MEI) (per cent) ‡ |" in " ".join(text.split())
    assert "‡ Sampling noise raises this index" in text
    assert "‡" not in index_table.tbl_indices(["indices.mei_corrected", "indices.mei_floor"]).data
