"""Synthetic records are never taken for a survey's own, wherever their files lie."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import raw_files

from lfsmig import synthetic
from lfsmig.intake.harmonise import harmonise
from lfsmig.manifest import Manifest
from lfsmig.params import Params
from lfsmig.progress import silent
from lfsmig.sample import generate
from lfsmig.steps import harmonise_year
from lfsmig.workspace import Workspace

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV year, whose file has no title, and a Stata year, as `lfsmig sample` writes them."""
    folder = tmp_path_factory.mktemp("sample")
    generate(folder, [2019, 2022], 0.005, params_dir=ROOT / "params")
    return folder


def found(params: Params, year: int, raw: Path) -> Any:
    return harmonise(params, year, raw).receipt["synthetic"]


def test_the_survey_s_own_records_are_real(params: Params, raw: Path) -> None:
    assert found(params, 2022, raw) is False


@pytest.mark.parametrize("year", [2019, 2022])
def test_the_folder_of_the_year_alone(params: Params, sample: Path, year: int) -> None:
    assert found(params, year, sample / str(year)) is True


@pytest.mark.parametrize("year", [2019, 2022])
def test_a_year_copied_elsewhere(params: Params, sample: Path, tmp_path: Path, year: int) -> None:
    shutil.copytree(sample / str(year), tmp_path / str(year))
    assert found(params, year, tmp_path) is True


def test_the_manifest_beside_the_year(params: Params, sample: Path, tmp_path: Path) -> None:
    shutil.copytree(sample, tmp_path / "all")
    (tmp_path / "all/2022/SYNTHETIC.txt").unlink()
    assert found(params, 2022, tmp_path / "all") is True
    assert found(params, 2022, tmp_path / "all/2022") is True


def test_the_title_inside_the_file(params: Params, sample: Path, tmp_path: Path) -> None:
    (tmp_path / "2019").mkdir()
    shutil.copy(sample / "2019/lfs624.dta", tmp_path / "2019")
    assert found(params, 2019, tmp_path) is True


def test_a_real_year_beside_a_sample(params: Params, tmp_path: Path) -> None:
    folder = raw_files.write_year(tmp_path, 2022)
    manifest = tmp_path / "SYNTHETIC.json"
    manifest.write_text(json.dumps({"years": {"2019": {}}}), encoding="utf-8")
    assert synthetic.folder_is_synthetic(folder, 2022) is False
    assert synthetic.folder_is_synthetic(folder, 2019) is True
    manifest.write_text("{", encoding="utf-8")
    assert synthetic.folder_is_synthetic(folder, 2022) is True, "in doubt it is not real"


def test_the_pipeline_keeps_the_finding_and_notices_a_change(
    params: Params, sample: Path, tmp_path: Path
) -> None:
    """The harmonised year was up to date with the wrong flag, and stayed so."""
    shutil.copytree(sample / "2022", tmp_path / "raw/2022")
    notice = tmp_path / "raw/2022/SYNTHETIC.txt"
    notice.unlink()
    workspace = Workspace.at(params.dir, tmp_path / "data", tmp_path / "raw")
    receipt = workspace.harmonised(2022, ".receipt.json")

    def run() -> tuple[bool, bool]:
        step, failed = harmonise_year(workspace, params, 2022, silent)
        assert not failed
        if step:
            Manifest(step.folder).record(step.name, step.key, step.outputs, {})
        flag = json.loads(receipt.read_text(encoding="utf-8"))["synthetic"]
        return step is not None, flag

    assert run() == (True, False), "nothing in the folder tells"
    assert run() == (False, False)
    notice.write_text("made by a model", encoding="utf-8")
    assert run() == (True, True)
