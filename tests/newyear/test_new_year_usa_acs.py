"""Another country's survey gets its new year with the same command; needs LFSMIG_REALDATA."""

from __future__ import annotations

import gzip
import shutil
from itertools import islice
from pathlib import Path

import pandas as pd
import pytest

from lfsmig.commands import new_year
from lfsmig.errors import InputError
from lfsmig.intake.harmonise import harmonise
from lfsmig.params import load
from lfsmig.progress import silent
from lfsmig.workspace import Workspace
from tests.realdata import FOLDER, PARAMS, real

LINES = 4_000


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first records of the survey's file, enough for its layout."""
    source = FOLDER / "acs2024_13states_min.csv.gz"
    folder = tmp_path_factory.mktemp("acs")
    for year in (2024, 2025):
        (folder / str(year)).mkdir()
    with gzip.open(source, "rt", encoding="utf-8") as lines:
        head = list(islice(lines, LINES))
    with gzip.open(folder / "2024" / source.name, "wt", encoding="utf-8") as target:
        target.writelines(head)
    shutil.copy(folder / "2024" / source.name, folder / "2025" / source.name)
    return folder


@real
def test_a_year_from_a_whole_mapping(raw: Path, tmp_path: Path) -> None:
    params = tmp_path / "params"
    shutil.copytree(PARAMS, params)
    expected = harmonise(load(params), 2024, raw).frame
    first = params / "years/2024.yml"
    text = first.read_text(encoding="utf-8").replace("year: 2024", "year: 2023", 1)
    first.rename(params / "years/2023.yml").write_text(text, encoding="utf-8")
    workspace = Workspace.at(params, tmp_path / "data", raw)
    found = new_year.run(workspace, 2024, None, (), False, silent)
    assert found["undecided"] == []
    assert "not_compared.2023" in {one["id"] for one in found["findings"]}
    made = harmonise(load(params), 2024, raw).frame
    pd.testing.assert_frame_equal(made, expected)
    with pytest.raises(InputError, match=r"says 2024 .*expected 2025"):
        new_year.run(workspace, 2025, 2024, (), False, silent)
