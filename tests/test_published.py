"""Published figures beside estimates."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from lfsmig.errors import ParameterError
from lfsmig.published import compare, printed_unit, read_figures
from tests.conftest import ROOT

FIGURES = pd.DataFrame(
    {
        "id": ["P1", "P2", "P3", "P4"],
        "source": ["S"] * 4,
        "year": ["2023", "2019-2023", "2022", "2023"],
        "value": ["18.3", "55", "142000", "-0.2"],
        "unit": ["percent", "percent", "persons", "percent"],
        "reliability": ["printed"] * 4,
    }
).set_index("id")


def judged(link: Any, estimate: float, se: float = 0.01, **trend: object) -> pd.Series:
    indicator = SimpleNamespace(id="a", published=[link], unit="share", statistic="share", of="x")
    params = SimpleNamespace(indicators=[indicator])
    cell = {"indicator": "a", "domain": "{}", "category": "yes", "unit": "share"}
    cell |= {"estimate": estimate, "se": se}
    estimates = pd.DataFrame([cell | {"year": 2023}])
    trends = pd.DataFrame([cell | {"statistic": "", "year_from": 0, "year_to": 0} | trend])
    return compare(params, FIGURES, estimates, trends).iloc[0]


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("18.3", "percent", 0.1),
        ("0.13", "percent", 0.01),
        ("55", "percent", 1.0),
        ("664000", "persons", 1000.0),
        ("68020000", "persons", 10000.0),
    ],
)
def test_unit_of_the_last_printed_digit(text: str, unit: str, expected: float) -> None:
    assert printed_unit(text, unit) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("estimate", "verdict"),
    [(0.1834, "match"), (0.1836, "rounding"), (0.1844, "rounding"), (0.1846, "differ")],
)
def test_half_a_unit_matches_and_one_and_a_half_is_rounding(estimate: float, verdict: str) -> None:
    row = judged({"figure": "P1", "category": "yes"}, estimate)
    assert row["verdict"] == verdict
    assert row["published"] == pytest.approx(0.183)
    assert row["z"] == pytest.approx((estimate - 0.183) / 0.01)


def test_an_average_is_compared_with_the_average_of_the_years() -> None:
    link = {"figure": "P2", "category": "yes"}
    row = judged(link, 0.552, statistic="average", year_from=2019, year_to=2023)
    assert row["verdict"] == "match"
    assert (
        judged(link, 0.552, statistic="average", year_from=2019, year_to=2024)["verdict"]
        == "not_comparable"
    )


def test_a_printed_change_is_compared_with_the_change() -> None:
    link = {"figure": "P3", "category": "yes", "change_from": 2021}
    row = judged(link, 142_300, 9000, statistic="change", year_from=2021, year_to=2022)
    assert row["verdict"] == "match"


@pytest.mark.parametrize(("estimate", "verdict"), [(-0.9, "match"), (0.1, "differ")])
def test_by_sign_only(estimate: float, verdict: str) -> None:
    link = {"figure": "P4", "category": "yes", "compare": "sign"}
    assert judged(link, estimate)["verdict"] == verdict


def test_an_unknown_figure_is_refused() -> None:
    with pytest.raises(ParameterError, match="F9999"):
        judged("F9999", 0.5)


def test_every_figure_the_register_names_is_there_with_its_source() -> None:
    from lfsmig.params import load

    figures = read_figures(ROOT / "data" / "published" / "figures.csv")
    sources = pd.read_csv(ROOT / "data" / "published" / "sources.csv", dtype=str)
    named = [p.figure for i in load(ROOT / "params").indicators for p in i.published]
    assert len(named) >= 40
    assert set(named) <= set(figures.index)
    assert set(figures.loc[named, "source"]) <= set(sources["key"])


def test_what_cannot_be_compared_stands_beside_the_estimate_without_a_verdict() -> None:
    reason = {"en": "a bound", "th": "ค่าขั้นต่ำ"}
    link = {"figure": "P1", "category": "yes", "compare": "none", "reason": reason}
    row = judged(link, 0.183)
    assert row["verdict"] == "not_comparable"
    assert row["estimate"] == 0.183 and pd.isna(row["z"])
    # A change over more than a year: no such change was estimated.
    link = {"figure": "P2", "category": "yes", "compare": "none", "change_from": 2019}
    row = judged(link, 0.1, statistic="change", year_from=2022, year_to=2023)
    assert (row["statistic"], row["verdict"]) == ("change", "not_comparable")
    assert pd.isna(row["estimate"])


def test_figures_that_others_derived_stop_no_year(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 2021 the register names derived numbers only; of 2019 the printed ones are judged."""
    from lfsmig.intake import checks_series
    from lfsmig.intake.protocol import NotApplicable
    from lfsmig.params import load

    params = load(ROOT / "params")
    names = params.rules.checks["T5"].indicators
    chosen = [one for one in params.indicators if one.id in names]
    cells = pd.DataFrame({"indicator": names, "category": "", "estimate": 1.0, "se": 0.1})
    monkeypatch.setattr(checks_series, "registered", lambda subject, by: chosen)
    monkeypatch.setattr(checks_series, "made_now", lambda subject: None)
    made = SimpleNamespace(frame=cells)
    monkeypatch.setattr(checks_series, "estimated", lambda params, made_, chosen: made)
    found = checks_series._headline(SimpleNamespace(params=params, year=2019))
    assert set(found) == {"F0167", "F0168", "F0172", "F0173"}
    linked = {p.figure for one in chosen for p in one.published}
    assert {"F0191", "F0192", "F0193", "F0194"} <= linked
    with pytest.raises(NotApplicable):
        checks_series._headline(SimpleNamespace(params=params, year=2021))
