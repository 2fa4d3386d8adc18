"""Which cells have a change, a slope or an average, and what these are: small series by hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from lfsmig import families, steps, trends
from lfsmig.indicators import YearEstimates
from lfsmig.params import load
from lfsmig.results import RESULT_COLUMNS, TREND_COLUMNS
from lfsmig.workspace import Workspace
from tests.conftest import ROOT, needs_r

ENGINES = ["python", pytest.param("r", marks=needs_r)]
PSUS = pd.DataFrame(
    {"stratum": list("aabb"), "psu": list("1234"), "scale": [2.0] * 4, "centred": [True] * 4}
)
# Estimates by indicator, category and year; every standard error is 0.3.
CELLS: dict[tuple[str, str], dict[int, float]] = {
    ("every", "x"): {2019: 1.0, 2020: 2.0, 2021: 3.0, 2022: 5.0},
    # A category that nobody gave in 2020.
    ("every", "y"): {2019: 9.0, 2021: 7.0, 2022: 6.0},
    # Asked from 2021 on, every other year, and from 2020 on.
    ("late", ""): {2021: 4.0, 2022: 4.5},
    ("biennial", ""): {2019: 1.0, 2021: 1.5},
    ("three", ""): {2020: 1.0, 2021: 2.0, 2022: 6.0},
    ("once", ""): {2022: 1.0},
}


def survey(averages: list[list[int]], relative: tuple[str, ...] = ()) -> Any:
    """Parameters with independent years: their variances add up."""
    design = SimpleNamespace(psu_links=[])
    report = SimpleNamespace(averages=averages, pools=[], years=[2019, 2020, 2021, 2022])
    report.relative_to_first = relative
    return SimpleNamespace(country=SimpleNamespace(design=design), report=report, indicators=[])


def year_of(year: int) -> YearEstimates:
    keys = [key for key, values in CELLS.items() if year in values]
    frame = pd.DataFrame(
        {
            "indicator": [indicator for indicator, _ in keys],
            "category": [category for _, category in keys],
            "estimate": [CELLS[key][year] for key in keys],
        }
    ).assign(schema_version=1, year=year, domain="{}", statistic="mean", unit="value", se=0.3)
    frame = frame.assign(cv=0.1, df=50, ci_low=0.0, ci_high=9.0, n=90, n_psu=60, deff=1.0)
    frame = frame.assign(engine="python", n_cases=90)[RESULT_COLUMNS]
    return YearEstimates(frame, sparse.csr_matrix((len(frame), len(PSUS))), PSUS, {})


def made(engine: str, *averages: list[int]) -> pd.DataFrame:
    years = {year: year_of(year) for year in (2019, 2020, 2021, 2022)}
    found = trends.estimate(survey(list(averages)), years, engine)
    assert list(found.columns) == TREND_COLUMNS
    assert not found.duplicated(
        ["indicator", "category", "statistic", "year_from", "year_to"]
    ).any()
    return found


def spans(found: pd.DataFrame, statistic: str) -> dict[tuple[str, str], list[tuple[int, int]]]:
    """Years of each cell's rows of a statistic."""
    rows = found[found["statistic"].eq(statistic)]
    out: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for row in rows.itertuples():
        out.setdefault((row.indicator, row.category), []).append((row.year_from, row.year_to))
    return out


@pytest.mark.parametrize("engine", ENGINES)
def test_a_year_without_the_cell_costs_the_other_years_nothing(engine: str) -> None:
    assert spans(made(engine), "change") == {
        ("every", "x"): [(2019, 2020), (2020, 2021), (2021, 2022)],
        ("every", "y"): [(2021, 2022)],
        ("late", ""): [(2021, 2022)],
        ("biennial", ""): [(2019, 2021)],
        ("three", ""): [(2020, 2021), (2021, 2022)],
    }


@pytest.mark.parametrize("engine", ENGINES)
def test_changes_and_their_errors_by_hand(engine: str) -> None:
    found = made(engine)
    changes = found[found["statistic"].eq("change")].set_index(["indicator", "year_from"])
    assert changes.loc[("biennial", 2019), "estimate"] == pytest.approx(0.5)
    assert changes.loc[("three", 2021), "estimate"] == pytest.approx(4.0)
    assert changes["se"].to_numpy() == pytest.approx(0.3 * np.sqrt(2))
    assert changes["p"].between(0, 1).all()
    assert (changes["df"] == 100).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_slopes_need_three_years_and_use_those_there_are(engine: str) -> None:
    found = made(engine)
    assert spans(found, "slope") == {
        ("every", "x"): [(2019, 2022)],
        ("every", "y"): [(2019, 2022)],
        ("three", ""): [(2020, 2022)],
    }
    slopes = found[found["statistic"].eq("slope")].set_index(["indicator", "category"])
    # Equal variances: least squares. x = 0, 1, 2, 3 with y = 1, 2, 3, 5 gives 6.5 / 5.
    assert slopes.loc[("every", "x"), "estimate"] == pytest.approx(1.3)
    # x = 0, 2, 3 with y = 9, 7, 6 lies on a line of slope -1.
    assert slopes.loc[("every", "y"), "estimate"] == pytest.approx(-1.0)
    assert slopes.loc[("every", "y"), "se"] == pytest.approx(0.3 / np.sqrt(14 / 3))
    assert slopes.loc[("three", ""), "estimate"] == pytest.approx(2.5)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_average_needs_every_year_and_is_not_tested_against_zero(engine: str) -> None:
    found = made(engine, [2019, 2022], [2021, 2022])
    assert spans(found, "average") == {
        ("every", "x"): [(2019, 2022), (2021, 2022)],
        ("every", "y"): [(2021, 2022)],
        ("late", ""): [(2021, 2022)],
        ("three", ""): [(2021, 2022)],
    }
    averages = found[found["statistic"].eq("average")]
    assert averages[["statistic_value", "p"]].isna().all().all()
    whole = averages[averages["year_from"].eq(2019)].iloc[0]
    assert whole["estimate"] == pytest.approx(2.75)
    assert whole["se"] == pytest.approx(0.3 / 2)


@pytest.mark.parametrize("engine", ENGINES)
def test_relative_to_the_first_year(engine: str) -> None:
    """1, 2, 3, 5 are +100, +200 and +400 per cent of the first year; the errors of both count."""
    years = {year: year_of(year) for year in (2019, 2020, 2021, 2022)}
    found = trends.estimate(survey([], ("every",)), years, engine)
    rows = found[found["statistic"].eq("relative")]
    assert spans(found, "relative") == {
        ("every", "x"): [(2019, 2020), (2019, 2021), (2019, 2022)],
        ("every", "y"): [(2019, 2021), (2019, 2022)],
    }
    x = rows[rows["category"].eq("x")]
    assert x["estimate"].to_numpy() == pytest.approx([100, 200, 400])
    # The delta method: ratio times the root of the squared relative errors.
    assert x["se"].to_numpy()[0] == pytest.approx(100 * 2 * np.hypot(0.3 / 1, 0.3 / 2))


def test_one_year_has_no_trends() -> None:
    found = trends.estimate(survey([[2019, 2022]]), {2022: year_of(2022)}, "python")
    assert len(found) == 0
    assert list(found.columns) == TREND_COLUMNS


def test_a_survey_of_one_year_says_that_there_are_no_trends(tmp_path: Path) -> None:
    folder = tmp_path / "estimates" / "engines"
    folder.mkdir(parents=True)
    one = year_of(2022)
    for engine in ("python", "r"):
        one.frame.to_parquet(folder / f"2022.{engine}.parquet")
        sparse.save_npz(folder / f"2022.{engine}.npz", one.influence)
        one.psu_table.to_parquet(folder / f"2022.{engine}.psu.parquet")
    said: list[str] = []
    workspace = Workspace.at(ROOT / "params", tmp_path)
    steps.estimate_trends(workspace, load(ROOT / "params"), "both", said.append)
    assert said == ["no trends: they need two years"]


def rows_tested(*rows: tuple[str, str, str, int, float]) -> pd.DataFrame:
    names = ["indicator", "domain", "category", "year_to", "p"]
    return pd.DataFrame(rows, columns=names).assign(statistic="change")


@pytest.mark.parametrize("engine", ENGINES)
def test_p_values_are_adjusted_within_one_indicator(engine: str) -> None:
    """Holm over the years of one value, BH over those of several; a missing p is no test."""
    one = [("a", "{}", "", 2020 + k, p) for k, p in enumerate((0.01, 0.04, np.nan, 0.03))]
    answers = [("b", "{}", answer, 2020 + k, p)
               for k, p in enumerate((0.01, 0.04)) for answer in ("yes", "no")]  # fmt: skip
    regions = [("a", f'{{"region":"{code}"}}', "", 2020 + k, p)
               for code, held in (("1", (0.01, 0.04)), ("2", (0.02, 0.9)))
               for k, p in enumerate(held)]  # fmt: skip
    found = families.adjusted(rows_tested(*one, *answers, *regions), engine)
    holm = [0.03, 0.06, np.nan, 0.06], [0.02, 0.02, 0.04, 0.04]
    # By Benjamini and Hochberg: 4/1 x 0.01, 4/3 x 0.04, 4/2 x 0.02, 0.9.
    screen = [0.04, 4 * 0.04 / 3, 0.04, 0.9]
    assert found == pytest.approx([*holm[0], *holm[1], *screen], rel=1e-12, nan_ok=True)


@pytest.mark.parametrize("engine", ENGINES)
def test_trends_carry_both_p_values(engine: str) -> None:
    found = made(engine)
    changes = found[found["statistic"].eq("change") & found["indicator"].eq("three")]
    p = sorted(changes["p"])
    assert sorted(changes["p_adjusted"]) == pytest.approx([2 * p[0], max(2 * p[0], p[1])])
