"""An edit of the register of exhibits reaches every number that depends on it, and nothing else."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from lfsmig import cli, indicators, replicate
from lfsmig.params import Params, load
from lfsmig.survey import design
from tests.conftest import ROOT, needs_r
from tests.shared import cut_register

YEAR = 2023
RATE = "    of: migrants\n    per: 100\n"
FIRST = "indicators:\n"
# A part of the register is enough, and quick.
KEPT = {
    "population.total",
    "migrants.rate",
    "recent_internal.education",
    "recent_internal.net_total",
    "lifetime.wage_winsorised_mean",
}
NEW = """
  - id: {name}
    topic: headline
    population: migrants
    where: {where}
    statistic: {statistic}
    of: sex
    by: [[], [region]]
    label: {{en: Young migrants by sex, th: ผู้ย้ายถิ่นอายุน้อย จำแนกตามเพศ}}
"""


@dataclass
class Project:
    """A parameter folder of its own and the data root of a run with it."""

    params: Path
    data: Path
    raw: Path

    def edit(self, old: str, new: str) -> None:
        path = self.params / "indicators.yml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def add(
        self,
        where: str = "age.between(25, 34)",
        statistic: str = "share",
        name: str = "migrants.young",
    ) -> None:
        self.edit(FIRST, FIRST + NEW.format(where=where, statistic=statistic, name=name))

    def run(self) -> int:
        arguments = ["--params", str(self.params), "--data", str(self.data), "run"]
        return cli.call(
            [*arguments, "--raw", str(self.raw), "--years", str(YEAR), "--engine", "python"]
        )

    def rows(self, indicator: str, room: str = "estimates") -> pd.DataFrame:
        frame = pd.read_parquet(self.data / room / f"{YEAR}.parquet")
        return frame[frame["indicator"].eq(indicator)].reset_index(drop=True)

    def stamp(self, name: str) -> int:
        return (self.data / name).stat().st_mtime_ns


def project_at(folder: Path, raw: Path) -> Project:
    shutil.copytree(ROOT / "params", folder / "params")
    for name in ("codebook", "published"):
        shutil.copytree(ROOT / "data" / name, folder / "data" / name)
    cut_register(folder / "params", KEPT)
    return Project(folder / "params", folder / "out", raw)


@pytest.fixture(scope="module")
def first(small_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A year that was run with the register as it stands."""
    project = project_at(tmp_path_factory.mktemp("register"), small_raw)
    assert project.run() == 0
    return project


@pytest.fixture
def project(first: Project, tmp_path: Path) -> Project:
    """The same, to be edited."""
    copy = project_at(tmp_path, first.raw)
    shutil.copytree(first.data, copy.data)
    return copy


def test_another_unit_is_estimated_again_without_reading_the_records_again(
    project: Project,
) -> None:
    before, stamp = project.rows("migrants.rate"), project.stamp(f"harmonised/{YEAR}.csv.gz")
    project.edit(RATE, RATE.replace("100", "1000"))
    assert project.run() == 0
    after = project.rows("migrants.rate")
    assert set(after["unit"]) == {"per_1000"}
    assert after["estimate"].to_numpy() == pytest.approx(10 * before["estimate"].to_numpy())
    assert set(project.rows("migrants.rate", "released")["unit"]) == {"per_1000"}
    assert project.stamp(f"harmonised/{YEAR}.csv.gz") == stamp


def test_a_new_indicator_is_estimated_and_released(project: Project) -> None:
    project.add()
    assert project.run() == 0
    records = pd.read_csv(project.data / "harmonised" / f"{YEAR}.csv.gz", low_memory=False)
    young = records[records["migrants"].eq(1) & records["age"].between(25, 34)]
    assert set(project.rows("migrants.young")["n"][:2]) == {len(young)}
    assert len(project.rows("migrants.young", "released"))
    register = json.loads((project.data / "estimates" / "indicators.json").read_text("utf-8"))
    assert register["tables"][0]["indicator"] == "migrants.young"


def test_another_condition_reaches_estimates_and_the_table_for_r(project: Project) -> None:
    before = project.rows("recent_internal.education")["n"].max()
    project.edit("    where: age >= 15\n", "    where: age >= 60\n")
    assert project.run() == 0
    assert 0 < project.rows("recent_internal.education")["n"].max() < before
    records = pd.read_csv(project.data / "harmonised" / f"{YEAR}.csv.gz", low_memory=False)
    assert records["where_1"].eq(records["age"] >= 60).all()


def test_an_indicator_of_other_years_leaves_this_one(project: Project) -> None:
    project.edit(RATE, f"{RATE}    years: [{YEAR - 1}]\n")
    assert project.run() == 0
    assert project.rows("migrants.rate").empty
    assert project.rows("migrants.rate", "released").empty


def test_a_broken_indicator_fails_beside_old_results_too(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    project.add(statistic="mean")
    stamp = project.stamp(f"estimates/{YEAR}.parquet")
    assert project.run() == 2
    assert "migrants.young" in capsys.readouterr().err.splitlines()[-1]
    assert project.stamp(f"estimates/{YEAR}.parquet") == stamp


def test_another_label_is_no_other_estimate(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    project.edit("en: Migration rate", "en: Rate of migration")
    stamp = project.stamp(f"estimates/engines/{YEAR}.python.parquet")
    capsys.readouterr()
    assert project.run() == 0
    assert f"{YEAR}: Python estimates are up to date" in capsys.readouterr().err
    assert project.stamp(f"estimates/engines/{YEAR}.python.parquet") == stamp


def test_calibrated_takes_effect_at_the_release(project: Project) -> None:
    project.edit("    calibrated: true\n", "")
    assert project.run() == 0
    assert project.rows("population.total", "released")["se"].notna().all()


def test_the_register_for_r_knows_the_number_of_records(first: Project) -> None:
    register = json.loads((first.data / "estimates" / "indicators.json").read_text("utf-8"))
    records = pd.read_csv(first.data / "harmonised" / f"{YEAR}.csv.gz", low_memory=False)
    assert register["records"] == {str(YEAR): len(records)}


def frame_of(project: Project, params: Params) -> pd.DataFrame:
    harmonised = pd.read_parquet(project.data / "harmonised" / f"{YEAR}.parquet")
    return indicators.analysis_frame(harmonised, params, YEAR)


@pytest.mark.parametrize(
    ("where", "item"),
    [
        ("sent_remittances == 'yes'", "sent_remittances"),
        ("age > 14 and monthly_wage.notna()", "monthly_wage"),
    ],
)
def test_a_condition_on_an_item_that_is_not_asked_makes_the_indicator_absent(
    first: Project, tmp_path: Path, where: str, item: str
) -> None:
    project = project_at(tmp_path, first.raw)
    project.add(where)
    params = load(project.params)
    frame = frame_of(first, params)
    without = frame.drop(columns=item)
    without.attrs = {"absent": {item: "the module was not asked"}}
    planned, absent = indicators.tables(params, YEAR, without)
    assert absent["migrants.young"] == "the module was not asked"
    assert "migrants.young" not in {table.indicator.id for table in planned}
    assert "where_1" not in indicators.with_masks(without, params)
    assert "where_1" in indicators.with_masks(frame, params)


CONDITIONS = {
    "migrants.method": "age.between(25, 34)",
    "migrants.words": "sex == 'male' and region in ['1', '5']",
    "migrants.function": "abs(age - 30) < 5",
}


@needs_r
def test_r_alone_follows_every_condition_that_python_does(first: Project, tmp_path: Path) -> None:
    project = project_at(tmp_path, first.raw)
    for name, where in CONDITIONS.items():
        project.add(f'"{where}"', name=name)
    params = load(project.params)
    frame = frame_of(first, params)
    indicators.with_masks(frame, params).to_csv(tmp_path / "frame.csv.gz", index=False)
    plan = json.dumps(indicators.register_for_r(params))
    (tmp_path / "plan.json").write_text(plan, encoding="utf-8")
    done = subprocess.run(
        [
            *("Rscript", str(ROOT / "r" / "replicate.R")),
            *("--data", str(tmp_path / "frame.csv.gz")),
            *("--indicators", str(tmp_path / "plan.json")),
            *("--out", str(tmp_path / "r.json")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    by_r = replicate.read_results(tmp_path / "r.json")
    assert set(by_r["indicator"]) == {*KEPT, *CONDITIONS}
    compared = replicate.compare(
        indicators.estimate_year(params, YEAR, frame, "python").frame, by_r
    )
    assert replicate.agree(compared)
    assert replicate.summary(compared)["not_compared"] == []


@needs_r
def test_r_owes_no_number_to_the_python_engine(
    first: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cases of a rate decide what is withheld: R counts its own."""
    params = load(first.params)
    frame = frame_of(first, params)
    by_python = indicators.estimate_year(params, YEAR, frame, "python").frame

    def used(*_: object) -> None:
        raise AssertionError("the Python engine was asked")

    monkeypatch.setattr(design, "estimate", used)
    by_r = indicators.estimate_year(params, YEAR, frame, "r").frame
    assert replicate.agree(replicate.compare(by_python, by_r))
