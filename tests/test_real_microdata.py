"""Real public microdata of another survey, end to end, by parameters alone.

American Community Survey 2024, public-use records of thirteen small states. The published
in-migration from other states is made from a larger sample than the public-use file, so our
estimates are compared with it by our own standard error.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from lfsmig import cli
from lfsmig.results import domain_codes
from tests.conftest import ROOT, needs_r
from tests.realdata import FOLDER, PARAMS, real

pytestmark = [real]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("acs")
    arguments = ["--params", str(PARAMS), "--data", str(folder), "--quiet"]
    assert cli.call([*arguments, "run", "--raw", str(FOLDER), "--engine", "python"]) == 0
    return folder


def by_state(data: Path, indicator: str) -> pd.DataFrame:
    frame = pd.read_parquet(data / "estimates" / "2024.parquet")
    frame = frame[frame["indicator"].eq(indicator) & frame["engine"].eq("python")]
    state = frame["domain"].map(lambda text: domain_codes(text).get("province"))
    return frame.assign(fips=state).dropna(subset="fips").set_index("fips")


def official() -> pd.DataFrame:
    table = pd.read_csv(FOLDER / "official_state_mobility.csv", dtype={"fips": str})
    return table.assign(fips=table["fips"].str.zfill(2)).set_index("fips")


def test_in_migration_from_other_states_is_the_published_one_but_for_alaska(data: Path) -> None:
    ours = by_state(data, "recent_internal.total").join(official(), how="inner")
    assert len(ours) == 13
    z = (ours["estimate"] - ours["in_est"]) / ours["se"]
    # Alaska's public-use sample holds too few movers: z = -3.2, the only one.
    assert (z.abs() <= 1.96).sum() >= 12
    assert list(z.index[z.abs() > 1.96]) == ["02"]
    assert z["02"] == pytest.approx(-3.2124, abs=1e-4)


def test_population_is_the_published_one_exactly(data: Path) -> None:
    ours = by_state(data, "population.total").join(official(), how="inner")
    assert len(ours) == 13
    assert (ours["estimate"] == ours["pop_total"]).all()


def test_what_the_survey_does_not_ask_is_absent_with_a_reason(data: Path) -> None:
    summary = json.loads((data / "released" / "2024.summary.json").read_text(encoding="utf-8"))
    assert "sent_remittances" in summary["absent"]
    assert all(summary["absent"].values())
    frame = pd.read_parquet(data / "released" / "2024.parquet")
    assert "migrants.sent_remittances" not in set(frame["indicator"])
    assert summary["synthetic"] is False


@needs_r
def test_both_engines_agree_on_real_records(data: Path, call_json) -> None:
    arguments = ["--params", str(PARAMS), "--data", str(data), "--quiet"]
    code, document = call_json("run", *arguments, "--raw", str(FOLDER))
    assert code == 0
    assert document["crosscheck"]["cells"] > 100
    assert document["crosscheck"]["worst"]["se"] < 1e-9


@needs_r
def test_r_alone_leaves_out_what_was_not_asked(data: Path, tmp_path: Path) -> None:
    given = {
        "--data": data / "harmonised" / "2024.csv.gz",
        "--indicators": data / "estimates" / "indicators.json",
        "--out": tmp_path / "r.json",
    }
    arguments = [str(part) for pair in given.items() for part in pair]
    done = subprocess.run(
        ["Rscript", str(ROOT / "r" / "replicate.R"), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "migrants.sent_remittances left out" in done.stderr
    assert len(json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["results"]) == 121


def test_the_chapters_of_another_survey_are_refused_in_one_line(
    data: Path, in_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.call(["--params", str(PARAMS), "--data", str(data), "report"]) == 2
    assert "needs chapters of its own" in capsys.readouterr().err
