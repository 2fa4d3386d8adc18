"""R in the working paper: plain `survey` code beside Python, and what is said where R is not."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lfsmig.errors import EstimationError, MissingDependency
from lfsmig.report import rcells, working
from lfsmig.report.source import read_chapter
from lfsmig.survey import SurveyDesign
from tests.conftest import needs_r
from tests.report.conftest import BUILD_YEARS

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "chapters/analysis/annual.qmd"


@pytest.fixture(autouse=True)
def nothing_handed_over(edition: pytest.MonkeyPatch) -> None:
    """Each test begins as a fresh kernel does."""
    edition.setattr(rcells, "_handed", set())


def r_code() -> str:
    """The R cell of the template, as it is run."""
    cells = read_chapter(TEMPLATE, "en", {"YYYY": "2024"}).cells
    run = next(c.source for c in cells if "run_r(" in c.source)
    call = ast.parse(run).body[-1]
    assert isinstance(call, ast.Expr)
    assert isinstance(call.value, ast.Call)
    return str(ast.literal_eval(call.value.args[0]))


def people() -> pd.DataFrame:
    """Two strata of four areas; some records are outside the domain or did not answer."""
    rng = np.random.default_rng(3)
    size = 240
    answer = rng.choice(["yes", "no", "missing"], size, p=[0.3, 0.6, 0.1])
    return pd.DataFrame(
        {
            "stratum": np.repeat(["10-1", "11-2"], size // 2),
            "psu": [f"{i // 30:04d}" for i in range(size)],
            "weight": rng.uniform(50, 900, size),
            "age": pd.array(rng.integers(5, 80, size), dtype="Int64"),
            "recent_internal": np.where(rng.random(size) < 0.4, 1.0, 0.0).astype("float32"),
            "sent_remittances": pd.Categorical(
                [None if a == "missing" else a for a in answer], ["yes", "no"], ordered=True
            ),
        }
    )


def test_readers_see_plain_r_and_whole_python() -> None:
    cells = read_chapter(TEMPLATE, "en", {"YYYY": "2024"}).cells
    shown = next(c.source for c in cells if c.cell_type == "markdown" and "```r\n" in c.source)
    for call in ("library(survey)", "svydesign(", "svymean(", "subset(design"):
        assert call in shown
    python = next(c.source for c in cells if "SurveyDesign(" in c.source)
    assert "#| echo: true" in python
    for needed in ("from lfsmig import report", "import SurveyDesign", "microdata(2024,"):
        assert needed in python
    assert "year" not in python.replace("years", "")


@needs_r
def test_r_code_of_the_chapter_gives_the_estimate_of_the_python_engine() -> None:
    table = people()
    rcells.to_r(people=table)
    rcells.run_r(r_code())
    in_r = rcells.from_r("shares", "sent_remittances")
    assert in_r is not None
    design = SurveyDesign(table, weight="weight", strata="stratum", psu="psu")
    ours = design.share("sent_remittances", domain="recent_internal == 1 and age >= 15")
    merged = in_r.merge(ours, on="category", suffixes=("_r", ""))
    assert len(merged) == 2
    np.testing.assert_allclose(merged["estimate_r"], merged["estimate"], rtol=1e-12)
    np.testing.assert_allclose(merged["se_r"], merged["se"], rtol=1e-9)


@needs_r
def test_a_fault_in_r_is_an_error_and_not_silence() -> None:
    rcells.to_r(people=people())
    with pytest.raises(EstimationError, match="R: object 'nothing_here' not found"):
        rcells.run_r("x <- nothing_here + 1")
    with pytest.raises(EstimationError, match="R: object 'never_made' not found"):
        rcells.from_r("never_made", "sex")


def test_without_r_it_is_said_and_the_python_estimate_stays(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing() -> dict[str, str]:
        raise MissingDependency("R is not installed")

    monkeypatch.setattr(rcells.r, "versions", missing)
    said: list[str] = []
    monkeypatch.setattr(rcells, "display", lambda shown: said.append(shown.data))
    rcells.to_r(people=people())
    rcells.run_r("stop('not reached')")
    assert "R cannot be used on this machine" in said[0]
    assert rcells.from_r("shares", "sent_remittances") is None
    assert "Python engine alone" in rcells.live_engines()
    live = pd.DataFrame({"category": ["yes", "no"], "estimate": [0.2, 0.8], "se": [0.01, 0.01]})
    text = working.tbl_live(live, None, BUILD_YEARS[0], "recent_internal.sent_remittances").data
    assert "| Python | " in text
    assert "| R | " not in text


def test_another_fault_of_r_is_not_taken_for_its_absence(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> dict[str, str]:
        raise EstimationError("R: the session is broken")

    monkeypatch.setattr(rcells.r, "versions", broken)
    with pytest.raises(EstimationError, match="the session is broken"):
        rcells.live_engines()


def test_without_records_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rcells.r, "versions", dict)
    rcells.to_r(people=None)
    rcells.run_r("stop('not reached')")
    assert rcells.from_r("shares", "sent_remittances") is None
    assert "not on this machine" in working.tbl_live(None, None, 2024, "migrants.rate").data


def test_working_paper_shows_both_standard_errors() -> None:
    text = working.tbl_engines(2024, ["migrants.rate"]).data
    head = text.splitlines()[0]
    assert "SE, Python" in head
    assert "SE, R" in head
    row = text.splitlines()[2].split(" | ")
    assert row[3] == row[4] != "–"
