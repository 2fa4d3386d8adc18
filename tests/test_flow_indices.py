"""Indices of flows from records: by hand, against the survey engine, in R, and over years."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from lfsmig import draws, flow_indices, release
from lfsmig.errors import EstimationError, ParameterError
from lfsmig.flow_indices import INDICES, Asked
from lfsmig.params import load
from lfsmig.params.consistency import INDEX_NAMES
from lfsmig.params.models import Design
from lfsmig.survey import SurveyDesign
from tests.conftest import ROOT, needs_r

STATED = Design(replicates=60, seed=7)
ALL = [Asked(name, False, None) for name in INDICES]
ALL += [Asked("mei", True, None), Asked("connectivity", False, 40)]


def records(seed: int = 1, years_psus: range = range(12)) -> pd.DataFrame:
    """Persons of three regions in four strata; about one in eight moved between regions."""
    rng = np.random.default_rng(seed)
    size = 900
    now = rng.integers(1, 4, size)
    old = rng.choice([1, 2, 3], size)
    old[rng.random(size) < 0.75] = 0
    psu = rng.choice(np.asarray(years_psus), size)
    places = pd.CategoricalDtype(["1", "2", "3"], ordered=True)
    before = pd.CategoricalDtype(["1", "2", "3", "abroad"], ordered=True)
    return pd.DataFrame(
        {
            "region": pd.Series(now.astype(str)).astype(places),
            "previous_region": pd.Series(np.where(old > 0, old.astype(str), None)).astype(before),
            "recent_internal": (old > 0).astype("float32"),
            "all": 1.0,
            "weight": rng.uniform(50, 150, size),
            "stratum": [f"s{p % 4}" for p in psu],
            "psu": [f"p{p}" for p in psu],
        }
    )


def made(
    frame: pd.DataFrame, engine: str, asked: list[Asked] | None = None
) -> tuple[pd.DataFrame, np.ndarray]:
    design = SurveyDesign(frame, weight="weight", strata="stratum", psu="psu")
    who = flow_indices.persons(frame, "region", np.ones(len(frame), bool), design.weights)
    draw = draws.draw({2023: draws.psus_of(frame, STATED)}, 2023, STATED)
    return flow_indices.estimate(design, who, draw, asked or ALL, engine)


def test_estimates_by_hand_and_errors_by_the_survey_engine() -> None:
    """The engine's own bootstrap of the same seed gives the same standard error."""
    frame = records()
    table, deviations = made(frame, "python")
    moved = frame[frame["previous_region"].notna()]
    moved = moved[moved["previous_region"].astype(str) != moved["region"].astype(str)]
    square = moved.pivot_table(
        index="previous_region", columns="region", values="weight", aggfunc="sum", observed=True
    ).fillna(0)
    out, into, total = square.sum(axis=1), square.sum(axis=0), square.to_numpy().sum()
    by_name = dict(zip(INDICES, table["estimate"], strict=False))
    assert by_name["cmi"] == pytest.approx(100 * total / frame["weight"].sum())
    assert by_name["mei"] == pytest.approx(
        100 * np.abs(into.to_numpy() - out.to_numpy()).sum() / (2 * total)
    )
    assert by_name["anmr"] == pytest.approx(by_name["cmi"] * by_name["mei"] / 100)
    assert set(table["n_cases"]) == {len(moved)}
    assert set(table["n"]) == {len(frame)}
    assert set(table["df"]) == {12 - 4}
    design = SurveyDesign(frame, weight="weight", strata="stratum", psu="psu")
    drawn = design.with_replicates("bootstrap", replicates=60, seed=7)
    inside = frame.index.isin(moved.index)
    other = drawn.function_of_totals(
        lambda flow: INDICES["mei"][0](SimpleNamespace(flows=flow[..., :3, :])),
        {"flow": {"by": ["previous_region", "region"], "domain": inside}}, vectorised=True,
    )  # fmt: skip
    at = [one.of for one in ALL].index("mei")
    assert table["se"][at] == pytest.approx(other.se[0], rel=1e-12)
    assert deviations[at] == pytest.approx(other.apart[:, 0], rel=1e-9, abs=1e-12)
    corrected, star = len(INDICES), other.replicates[:, 0]
    assert table["estimate"][corrected] == pytest.approx(2 * by_name["mei"] - star.mean())
    # What the correction takes out is no part of its error.
    assert table["se"][corrected] == pytest.approx(star.std())


@needs_r
def test_r_gives_the_same_table_by_its_own_functions() -> None:
    frame = records(2)
    # A region that nobody left and a stream without movers: zero rows, zero cells.
    frame.loc[frame["previous_region"].eq("3"), "previous_region"] = "2"
    (left, apart), (right, other) = made(frame, "python"), made(frame, "r")
    for name in flow_indices.COLUMNS:
        assert right[name].to_numpy() == pytest.approx(
            left[name].to_numpy(dtype=float), rel=1e-9, abs=1e-12, nan_ok=True
        ), name
    assert other == pytest.approx(apart, rel=1e-9, abs=1e-12)
    empty = frame.assign(recent_internal=np.float32(0))
    for engine in ("python", "r"):
        nobody, _ = made(empty, engine)
        shown = dict(zip(INDICES, nobody["estimate"], strict=False))
        assert shown["cmi"] == shown["anmr"] == 0
        assert np.isnan([shown["mei"], shown["gini_total"], shown["connectivity"]]).all()


def test_shared_areas_are_drawn_once_and_the_draw_survives_its_files() -> None:
    first, second = records(3, range(12)), records(4, range(4, 16))
    psus = {2021: draws.psus_of(first, STATED), 2022: draws.psus_of(second, STATED)}
    one, two = (draws.draw(psus, year, STATED) for year in (2021, 2022))
    assert one.table.equals(two.table)
    both = one.psus.assign(at=range(12)).merge(two.psus.assign(to=range(12)), on=["stratum", "psu"])
    assert len(both) == 8
    shared = [
        np.corrcoef(one.factors[a], two.factors[b])[0, 1]
        for a, b in zip(both["at"], both["to"], strict=True)
    ]
    assert np.mean(shared) > 0.9
    alone = draws.draw({2022: psus[2022]}, 2022, STATED)
    assert alone.table["stratum"].iloc[0] != two.table["stratum"].iloc[0]
    file = io.BytesIO()
    draws.write(one, file)
    file.seek(0)
    again = draws.read(file)
    assert again.factors == pytest.approx(one.factors, rel=1e-14)
    assert again.table.equals(one.table)
    counts = draws.as_counts(one)
    times = counts.filter(regex=r"^r\d+$").to_numpy()
    assert times.sum(axis=0) == pytest.approx(np.full(60, 12 - 4))
    assert times * counts["step"].to_numpy()[:, None] == pytest.approx(one.factors)
    with pytest.raises(EstimationError, match="no multipliers for PSU p12 of stratum s0"):
        one.units_of(psus[2022])


def test_register_knows_the_indices_and_refuses_slips(tmp_path: Path) -> None:
    assert set(INDEX_NAMES) == set(INDICES)
    entry = (
        "indicators:\n  - id: x.y\n    topic: t\n    statistic: index\n    of: {of}\n"
        "    level: {level}\n{more}    label: {{en: A, th: ก}}\n"
    )
    folder = tmp_path / "params"
    source = ROOT / "params"
    folder.mkdir()
    for path in source.iterdir():
        if path.name != "indicators.yml":
            (folder / path.name).symlink_to(path)
    (tmp_path / "data").symlink_to(ROOT / "data")
    for of, level, more, told in (
        ("meii", "region", "", "did you mean mei"),
        ("mei", "regoin", "", "regoin is not in variables.yml"),
        ("mei", "region", "    by: [[sex]]\n", "one number"),
        ("mei", "region", "    rarefied: 300\n", "only connectivity"),
        ("connectivity", "region", "    rarefied: 300\n    corrected: true\n", "no bias"),
    ):
        text = entry.format(of=of, level=level, more=more)
        (folder / "indicators.yml").write_text(text, encoding="utf-8")
        with pytest.raises(ParameterError, match=told):
            _ = load(folder).indicators


def test_an_index_is_shown_from_three_hundred_movers_on() -> None:
    params = load(ROOT / "params")
    row = {
        "year": 2023, "indicator": "indices.mei", "domain": "{}", "category": "",
        "statistic": "index", "unit": "percent", "estimate": 9.0, "se": 8.0, "cv": 0.9, "df": 500,
        "ci_low": 0.0, "ci_high": 25.0, "n": 200000, "n_psu": 5000, "deff": np.nan,
    }  # fmt: skip
    few, many = pd.DataFrame([row | {"n_cases": 299}]), pd.DataFrame([row | {"n_cases": 300}])
    for rule in ("nchs2017", "repo"):
        out = [release.release(f, params.rules.publication, rule, params.indicators)
               for f in (few, many)]  # fmt: skip
        assert (out[0]["flag"][0], out[0]["reason"][0]) == ("s", "imprecise")
        assert np.isnan(out[0]["estimate"][0])
        assert out[1]["flag"][0] == ""


@needs_r
def test_r_alone_says_what_it_leaves_out(small_data: Path, tmp_path: Path) -> None:
    """Without the file of multipliers beside the data the indices are named as left out."""
    source = small_data / "harmonised"
    data = tmp_path / "2023.csv.gz"
    data.symlink_to(source / "2023.csv.gz")
    plan = json.loads((small_data / "estimates" / "indicators.json").read_text(encoding="utf-8"))
    plan["tables"] = [t for t in plan["tables"] if t["statistic"] == "index" or
                      t["indicator"] == "population.total"]  # fmt: skip
    (tmp_path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")

    done = subprocess.run(
        ["Rscript", str(ROOT / "r" / "replicate.R"), "--data", str(data), "--indicators",
         str(tmp_path / "plan.json"), "--out", str(tmp_path / "r.json")],
        capture_output=True, encoding="utf-8", check=True,
    )  # fmt: skip
    rows = json.loads((tmp_path / "r.json").read_text("utf-8"))["results"]
    wanted = sum(t["statistic"] == "index" for t in plan["tables"])
    assert f"{wanted} indices of flows left out" in done.stderr
    assert {row["statistic"] for row in rows} == {"total"}
