"""`lfsmig replicate` on small folders of results: what is compared, and what it comes to."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lfsmig import cli
from lfsmig.results import RESULT_COLUMNS, TREND_COLUMNS

YEARS = (2022, 2023)


def yearly(year: int, engine: str = "python") -> pd.DataFrame:
    """Two regions of one year."""
    frame = pd.DataFrame(
        {
            "schema_version": 1,
            "year": year,
            "indicator": "a.rate",
            "domain": ['{"region":"1"}', '{"region":"2"}'],
            "category": "",
            "statistic": "rate",
            "unit": "percent",
            "engine": engine,
            "estimate": [year / 1000, 2.0],
            "se": [0.1, 0.2],
            "cv": [0.05, 0.1],
            "df": [90, 80],
            "ci_low": [1.8, 1.6],
            "ci_high": [2.2, 2.4],
            "n": [400, 300],
            "n_psu": [100, 90],
            "deff": [1.1, 1.2],
            "n_cases": [8, 6],
        }
    )
    return frame[RESULT_COLUMNS]


def trends(engine: str = "python") -> pd.DataFrame:
    """The change of both regions."""
    frame = pd.DataFrame(
        {
            "schema_version": 1,
            "indicator": "a.rate",
            "domain": ['{"region":"1"}', '{"region":"2"}'],
            "category": "",
            "statistic": "change",
            "unit": "percent",
            "engine": engine,
            "year_from": 2022,
            "year_to": 2023,
            "estimate": [0.001, 0.0],
            "se": [0.14, 0.28],
            "df": [150, 140],
            "ci_low": [-0.3, -0.5],
            "ci_high": [0.3, 0.5],
            "statistic_value": [0.007, 0.0],
            "p": [0.99, 1.0],
            "p_adjusted": [1.0, 1.0],
            "lack_of_fit_p": np.nan,
            "level": [2.023, 2.0],
        }
    )
    return frame[TREND_COLUMNS]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data root as a run of both engines leaves it."""
    folder = tmp_path / "estimates"
    folder.mkdir()
    for year in YEARS:
        both = pd.concat([yearly(year), yearly(year, "r")], ignore_index=True)
        both.to_parquet(folder / f"{year}.parquet", index=False)
    both = pd.concat([trends(), trends("r")], ignore_index=True)
    both.to_parquet(folder / "trends.parquet", index=False)
    return tmp_path


def spoil(data: Path, name: str, column: str, row: int = 3) -> None:
    """Change one value of an R row in a stored file."""
    path = data / "estimates" / f"{name}.parquet"
    frame = pd.read_parquet(path)
    assert frame["engine"].iloc[row] == "r"
    frame.loc[row, column] += 1
    frame.to_parquet(path, index=False)


def stored(path: Path, *frames: pd.DataFrame) -> str:
    pd.concat(frames, ignore_index=True).to_parquet(path, index=False)
    return str(path)


def test_the_engines_of_all_years_and_their_trends(data: Path, call_json) -> None:
    code, document = call_json("replicate", "--data", str(data))
    assert code == 0
    assert document["years"] == [2022, 2023]
    assert (document["cells"], document["trends"]["cells"]) == (4, 2)
    assert document["not_compared"] == []


def test_years_of_the_right_file_alone_are_missing_on_the_left(
    data: Path, tmp_path: Path, call_json
) -> None:
    left = stored(tmp_path / "l.parquet", yearly(2023))
    right = stored(tmp_path / "r.parquet", yearly(2022), yearly(2023))
    arguments = ["replicate", "--data", str(data), "--left", left, "--right", right]
    code, document = call_json(*arguments)
    assert code == 1
    assert document["years"] == [2022, 2023]
    assert document["verdicts"]["missing_left"] == 2
    assert document["verdicts"]["exact"] == 2
    code, document = call_json(*arguments, "--years", "2566")
    assert code == 0
    assert document["cells"] == 2


@pytest.mark.parametrize("chosen", [[], ["--years", "2022-2023"]])
def test_a_trend_that_differs_fails_with_and_without_years(
    data: Path, call_json, chosen: list[str]
) -> None:
    spoil(data, "trends", "se")
    code, document = call_json("replicate", "--data", str(data), *chosen)
    assert code == 1
    assert document["trends"]["verdicts"]["differ"] == 1
    assert document["differing"][0]["year_to"] == 2023


def test_a_trend_is_none_of_a_single_year(data: Path, call_json) -> None:
    spoil(data, "trends", "se")
    code, document = call_json("replicate", "--data", str(data), "--years", "2023")
    assert code == 0
    assert "trends" not in document


def test_the_summary_counts_trends_among_the_cells(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(data, "trends", "se")
    assert cli.call(["replicate", "--data", str(data)]) == 1
    printed = capsys.readouterr()
    assert "4 cells compared: 4 exact" in printed.out
    assert "2 changes, averages and slopes compared: 1 exact, 1 differ" in printed.out
    assert "1 of 6 cells differ" in printed.err


def test_the_number_of_cases_is_compared(data: Path, call_json) -> None:
    spoil(data, "2023", "n_cases")
    code, document = call_json("replicate", "--data", str(data))
    assert code == 1
    assert [cell["reason"] for cell in document["differing"]] == ["n_cases"]


def test_trends_of_one_engine_alone_cannot_be_compared(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stored(data / "estimates" / "trends.parquet", trends())
    assert cli.call(["replicate", "--data", str(data)]) == 2
    assert "the r engine made no trends" in capsys.readouterr().err


@pytest.mark.parametrize("side", ["--left", "--right"])
def test_a_file_of_trends_is_compared_with_the_stored_ones(
    data: Path, tmp_path: Path, call_json, side: str
) -> None:
    partner = trends("other").assign(se=[0.14, 0.29])
    path = stored(tmp_path / "partner.parquet", partner)
    code, document = call_json("replicate", "--data", str(data), side, path)
    assert code == 1
    assert document["cells"] == 2
    assert [cell["reason"] for cell in document["differing"]] == ["se"]
    both = str(data / "estimates" / "trends.parquet")
    assert call_json("replicate", "--data", str(data), side, both)[0] == 0


def test_trends_and_yearly_results_are_not_mixed(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left = stored(tmp_path / "t.parquet", trends())
    right = stored(tmp_path / "y.parquet", yearly(2022))
    assert cli.call(["replicate", "--data", str(data), "--left", left, "--right", right]) == 2
    assert "t.parquet holds changes" in capsys.readouterr().err


def test_what_a_bare_file_does_not_give_is_said(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = tmp_path / "bare.csv"
    yearly(2023)[["year", "indicator", "domain", "statistic", "estimate"]].to_csv(bare, index=False)
    assert cli.call(["replicate", "--data", str(data), "--right", str(bare)]) == 0
    line = next(x for x in capsys.readouterr().out.splitlines() if x.startswith("not compared"))
    named = line.rpartition(": ")[2].split(", ")
    assert named == ["se", "df", "n", "n_psu", "n_cases", "cv", "deff", "ci_low", "ci_high"]


def test_domains_as_objects_are_compared(data: Path, tmp_path: Path, call_json) -> None:
    rows = json.loads(yearly(2023, "r").to_json(orient="records"))
    for row in rows:
        row["domain"] = json.loads(row["domain"])
    path = tmp_path / "partner.json"
    path.write_text(json.dumps({"results": rows}), encoding="utf-8")
    code, document = call_json("replicate", "--data", str(data), "--right", str(path))
    assert code == 0
    assert document["verdicts"]["exact"] == 2


@pytest.mark.parametrize("content", [b"", b"PAR1 and no more"])
@pytest.mark.parametrize("name", ["2022", "trends"])
def test_a_damaged_table_is_named(
    name: str, content: bytes, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = data / "estimates" / f"{name}.parquet"
    path.write_bytes(content)
    assert cli.call(["replicate", "--data", str(data)]) == 2
    line = capsys.readouterr().err.strip()
    assert str(path) in line and "damaged" in line
