"""`design.calibration` of country.yml: from parameters to estimates, trends and R alone."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from lfsmig import indicators, replicate, trends
from lfsmig.errors import ParameterError
from lfsmig.params import Params
from tests.conftest import ROOT, needs_r

GROUPS = ["region", "area", "sex", "age_group"]
KEPT = ("population.total", "migrants.rate", "recent_internal.net", "lifetime.rate")


@pytest.fixture
def calibrated(tmp_path: Path) -> Iterator[Params]:
    """Parameters with control groups, and a few indicators only."""
    folder = tmp_path / "params"
    shutil.copytree(ROOT / "params", folder)
    shutil.copytree(ROOT / "data" / "codebook", tmp_path / "data" / "codebook")
    (tmp_path / "data" / "published").mkdir(parents=True)
    for file in (ROOT / "data" / "published").iterdir():
        shutil.copy(file, tmp_path / "data" / "published" / file.name)
    path = folder / "country.yml"
    text = path.read_text(encoding="utf-8")
    option = f"lonely_psu: adjust\n  calibration: [{', '.join(GROUPS)}]"
    path.write_text(text.replace("lonely_psu: adjust", option, 1), encoding="utf-8")
    params = Params(folder)
    kept = [one for one in params.indicators if one.id in KEPT]
    params.__dict__["indicators"] = kept
    yield params


def estimates(params: Params, data: Path, year: int, engine: str) -> indicators.YearEstimates:
    harmonised = pd.read_parquet(data / "harmonised" / f"{year}.parquet")
    frame = indicators.analysis_frame(harmonised, params, year)
    return indicators.estimate_year(params, year, frame, engine)


@needs_r
def test_both_engines_agree_and_the_population_has_no_error(
    calibrated: Params, small_data: Path
) -> None:
    """Estimates stay, errors shrink; the total that the weights are calibrated to has none."""
    plain = pd.read_parquet(small_data / "estimates" / "2023.parquet")
    plain = plain[plain["engine"] == "python"]
    made = {
        engine: {y: estimates(calibrated, small_data, y, engine) for y in (2023, 2024)}
        for engine in ("python", "r")
    }
    left, right = (made[engine][2023].frame for engine in ("python", "r"))
    compared = replicate.compare(left, right)
    assert set(compared["verdict"]) <= {"exact", "match"}
    both = left.merge(plain, on=["indicator", "domain", "category"], suffixes=("", "_plain"))
    assert len(both) == len(left)
    assert (both["estimate"] == both["estimate_plain"]).all()
    whole = both[both["domain"] == "{}"].set_index("indicator")
    assert whole["se"]["population.total"] == 0
    assert whole["se_plain"]["population.total"] > 0
    assert whole["se"]["migrants.rate"] < whole["se_plain"]["migrants.rate"]
    assert (both["df"] == both["df_plain"]).all()
    changes = [trends.estimate(calibrated, made[engine], engine) for engine in ("python", "r")]
    keys = ["indicator", "domain", "category", "statistic", "year_from", "year_to"]
    compared = replicate.compare(*changes, keys)
    assert len(compared) == len(changes[0])
    assert set(compared["verdict"]) <= {"exact", "match"}


@needs_r
def test_r_alone_takes_the_same_groups(
    calibrated: Params, small_data: Path, tmp_path: Path
) -> None:
    """`Rscript r/replicate.R` collapses and calibrates by itself."""
    plan, out = tmp_path / "plan.json", tmp_path / "out.json"
    plan.write_text(
        json.dumps(indicators.register_for_r(calibrated), ensure_ascii=False), encoding="utf-8"
    )
    done = subprocess.run(
        [
            "Rscript", str(ROOT / "r" / "replicate.R"), "--data",
            str(small_data / "harmonised" / "2023.csv.gz"), "--indicators", str(plan),
            "--out", str(out),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    left = estimates(calibrated, small_data, 2023, "python").frame
    compared = replicate.compare(left, replicate.read_results(out))
    assert len(compared) == len(left)
    assert set(compared["verdict"]) <= {"exact", "match"}


def test_a_control_must_be_a_category(calibrated: Params) -> None:
    path = calibrated.dir / "country.yml"
    text = path.read_text(encoding="utf-8")
    for wrong, hint in (("age", "no category age"), ("regoin", "did you mean region")):
        path.write_text(text.replace("calibration: [region", f"calibration: [{wrong}"), "utf-8")
        with pytest.raises(ParameterError, match=hint) as caught:
            _ = Params(calibrated.dir).variables
        assert "country.yml" in str(caught.value)
