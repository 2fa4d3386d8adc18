"""`design.calibration` of country.yml: from parameters to estimates, trends and R alone."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from lfsmig import cli, indicators, replicate
from lfsmig.errors import ParameterError
from lfsmig.params import Params
from tests.conftest import ROOT, needs_r
from tests.shared import cut_register

GROUPS = ["region", "sex", "age_group"]
KEPT = ("population.total", "lifetime.rate_region")
YEARS = (2023, 2024)


def parameters(folder: Path) -> Path:
    """The project's parameters with control groups, and a few indicators only."""
    shutil.copytree(ROOT / "params", folder / "params")
    for name in ("codebook", "published"):
        shutil.copytree(ROOT / "data" / name, folder / "data" / name)
    country = folder / "params" / "country.yml"
    option = f"lonely_psu: adjust\n  calibration: [{', '.join(GROUPS)}]"
    text = country.read_text(encoding="utf-8").replace("lonely_psu: adjust", option, 1)
    country.write_text(text, encoding="utf-8")
    cut_register(folder / "params", KEPT)
    return folder / "params"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Params, Path]:
    """Two small years from raw files to trends by both engines."""
    folder = tmp_path_factory.mktemp("calibrated")
    params = parameters(folder)
    common = ["--params", str(params), "--data", str(folder / "data"), "--quiet"]
    raw, years = str(folder / "raw"), ",".join(map(str, YEARS))
    made = ["sample", "--out", raw, "--scale", "0.02", "--years", years]
    assert cli.call([*common, *made]) == 0
    assert cli.call([*common, "run", "--raw", raw, "--years", years, "--engine", "both"]) == 0
    return Params(params), folder / "data"


def plain_estimates(params: Params, data: Path, year: int) -> pd.DataFrame:
    """The same year as if the weights were not calibrated."""
    frame = analysis(params, data, year)
    whole = Params(params.dir)
    design = whole.country.design.model_copy(update={"calibration": []})
    whole.__dict__["country"] = whole.country.model_copy(update={"design": design})
    return indicators.estimate_year(whole, year, frame, "python").frame


def analysis(params: Params, data: Path, year: int) -> pd.DataFrame:
    harmonised = pd.read_parquet(data / "harmonised" / f"{year}.parquet")
    return indicators.analysis_frame(harmonised, params, year)


@needs_r
def test_both_engines_agree_from_records_to_trends(run: tuple[Params, Path]) -> None:
    _, data = run
    for name in (*map(str, YEARS), "trends"):
        compared = pd.read_parquet(data / "estimates" / f"{name}.replication.parquet")
        assert len(compared) > 0
        assert set(compared["verdict"]) <= {"exact", "match"}
        assert compared["se_left"].gt(0).any()


@needs_r
def test_estimates_stay_and_errors_are_those_of_residuals(run: tuple[Params, Path]) -> None:
    """The total that the weights are calibrated to has no error, and its change has none."""
    params, data = run
    made = pd.read_parquet(data / "estimates" / "2023.parquet")
    made = made[made["engine"] == "python"]
    both = made.merge(
        plain_estimates(params, data, 2023), on=["indicator", "domain", "category"],
        suffixes=("", "_plain"),
    )  # fmt: skip
    assert len(both) == len(made)
    assert (both["estimate"] == both["estimate_plain"]).all()
    assert (both["df"] == both["df_plain"]).all()
    whole = both[both["domain"] == "{}"].set_index("indicator")
    assert whole["se"]["population.total"] == 0
    assert whole["se_plain"]["population.total"] > 0
    assert 0 < whole["se"]["lifetime.rate_region"] != whole["se_plain"]["lifetime.rate_region"]
    trend = pd.read_parquet(data / "estimates" / "trends.parquet")
    change = trend[(trend["statistic"] == "change") & (trend["domain"] == "{}")]
    change = change[change["engine"] == "python"].set_index("indicator")
    assert change["se"]["population.total"] == 0
    assert change["se"]["lifetime.rate_region"] > 0
    # Nothing without an error is released: there is no row for what is calibrated.
    released = pd.read_parquet(data / "released" / "2023.parquet")
    shown = released[released["indicator"] == "population.total"]
    assert shown["se"].isna().all()


@needs_r
def test_r_alone_takes_the_same_groups(run: tuple[Params, Path], tmp_path: Path) -> None:
    """`Rscript r/replicate.R` collapses and calibrates by itself."""
    params, data = run
    out = tmp_path / "out.json"
    plan = data / "estimates" / "indicators.json"
    assert json.loads(plan.read_text(encoding="utf-8"))["design"]["calibration"] == GROUPS
    done = subprocess.run(
        [
            "Rscript", str(ROOT / "r" / "replicate.R"), "--data",
            str(data / "harmonised" / "2023.csv.gz"), "--indicators", str(plan), "--out", str(out),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    left = indicators.estimate_year(params, 2023, analysis(params, data, 2023), "python").frame
    compared = replicate.compare(left, replicate.read_results(out))
    assert len(compared) == len(left)
    assert set(compared["verdict"]) <= {"exact", "match"}


def test_a_control_must_be_a_category(tmp_path: Path) -> None:
    folder = parameters(tmp_path)
    path = folder / "country.yml"
    text = path.read_text(encoding="utf-8")
    for wrong, hint in (("age", "no category age"), ("regoin", "did you mean region")):
        path.write_text(text.replace("calibration: [region", f"calibration: [{wrong}"), "utf-8")
        with pytest.raises(ParameterError, match=hint) as caught:
            _ = Params(folder).variables
        assert "country.yml" in str(caught.value)
