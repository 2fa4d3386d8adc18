"""Arguments, determinism, manifest, and care for what is already there."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from sample_files import PARAMS, SCALE, YEARS

from lfsmig.errors import ParameterError
from lfsmig.sample import files, generate
from lfsmig.sample.settings import Settings


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_same_arguments_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    generate(tmp_path, YEARS, SCALE, params_dir=PARAMS)
    assert digests(tmp_path) == digests(folder)


def test_one_year_alone_is_the_year_of_the_whole_series(folder: Path, tmp_path: Path) -> None:
    generate(tmp_path, [2023], SCALE, params_dir=PARAMS)
    mine = {name: value for name, value in digests(tmp_path).items() if name.startswith("2023")}
    assert mine
    assert mine.items() <= digests(folder).items()
    assert not (tmp_path / "2022").exists()


def test_another_seed_gives_another_sample(folder: Path, tmp_path: Path) -> None:
    generate(tmp_path, [2019], SCALE, seed=1, params_dir=PARAMS)
    assert digests(tmp_path)["2019/lfs624.dta"] != digests(folder)["2019/lfs624.dta"]


def test_manifest_describes_the_files(folder: Path) -> None:
    manifest = json.loads((folder / "SYNTHETIC.json").read_text(encoding="utf-8"))
    assert manifest["synthetic"] is True
    assert manifest["complete"] is True
    assert "synthetic" in manifest["statement"]
    assert (manifest["seed"], manifest["scale"]) == (2562, SCALE)
    found = digests(folder)
    for year in YEARS:
        entry = manifest["years"][str(year)]
        assert entry["year_be"] == year + 543
        assert entry["inconsistencies"]
        assert entry["layout"].startswith("extrapolated") == (year >= 2022)
        assert entry["records"] == entry["persons"] + entry["blank_records"]
        for file in entry["files"]:
            assert file["sha256"] == found[f"{year}/{file['name']}"]


def test_no_temporary_names_are_left(folder: Path) -> None:
    names = sorted(path.name for path in folder.iterdir())
    assert names == [*map(str, YEARS), "SYNTHETIC.json"]


@pytest.mark.parametrize(
    ("years", "scale", "seed", "word"),
    [
        ([], 0.02, 1, "years"),
        ([2018], 0.02, 1, "2018"),
        (["2019"], 0.02, 1, "2019"),
        ([2019], 0.0, 1, "scale"),
        ([2019], 1.01, 1, "scale"),
        ([2019], float("nan"), 1, "scale"),
        ([2019], 0.02, -1, "seed"),
    ],
)
def test_bad_arguments_are_refused_in_one_line(
    tmp_path: Path, years: list[int], scale: float, seed: int, word: str
) -> None:
    with pytest.raises(ParameterError, match=word) as caught:
        generate(tmp_path, years, scale, seed, params_dir=PARAMS)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_missing_parameters_are_named(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"sample_targets\.yml"):
        generate(tmp_path / "out", [2019], 0.02, params_dir=tmp_path)


def test_broken_parameters_are_named(tmp_path: Path) -> None:
    (tmp_path / "sample_targets.yml").write_text("a: [1", encoding="utf-8")
    with pytest.raises(ParameterError, match=r"sample_targets\.yml.*not valid YAML") as caught:
        generate(tmp_path / "out", [2019], 0.02, params_dir=tmp_path)
    assert "\n" not in str(caught.value)


def test_real_files_are_never_overwritten(tmp_path: Path) -> None:
    real = tmp_path / "2019" / "lfs624.dta"
    real.parent.mkdir()
    real.write_bytes(b"real")
    with pytest.raises(ParameterError, match="not a synthetic sample"):
        generate(tmp_path, [2019], 0.02, params_dir=PARAMS)
    assert real.read_bytes() == b"real"
    (tmp_path / "2019" / "SYNTHETIC.txt").write_text("synthetic", encoding="utf-8")
    (tmp_path / "2019" / "v01_M").mkdir()
    with pytest.raises(ParameterError, match="holds master versions that were received"):
        generate(tmp_path, [2019], 0.02, params_dir=PARAMS)


def test_years_of_two_samples_are_not_mixed(tmp_path: Path) -> None:
    generate(tmp_path, [2019], 0.02, seed=1, params_dir=PARAMS)
    generate(tmp_path, [2020], 0.02, seed=1, params_dir=PARAMS)
    manifest = json.loads((tmp_path / "SYNTHETIC.json").read_text(encoding="utf-8"))
    assert sorted(manifest["years"]) == ["2019", "2020"]
    with pytest.raises(ParameterError, match="another seed, scale or model"):
        generate(tmp_path, [2020], 0.02, seed=2, params_dir=PARAMS)
    generate(tmp_path, [2019, 2020], 0.02, seed=2, params_dir=PARAMS)


def test_an_interruption_leaves_no_folder_without_the_sign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Work over an earlier sample ends after its first year: the sign stays, marked incomplete."""
    generate(tmp_path, [2019, 2022], 0.005, params_dir=PARAMS)
    write_year = files.write_year

    def interrupted(out: Path, settings: Settings, year: int, *rest: object) -> dict[str, Any]:
        if year == 2022:
            raise KeyboardInterrupt
        return write_year(out, settings, year, *rest)

    monkeypatch.setattr(files, "write_year", interrupted)
    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path, [2019, 2022], 0.005, params_dir=PARAMS)
    manifest = json.loads((tmp_path / "SYNTHETIC.json").read_text(encoding="utf-8"))
    assert manifest["synthetic"] is True and manifest["complete"] is False
    assert (tmp_path / "2019" / "SYNTHETIC.txt").is_file()
    assert (tmp_path / "2022" / "SYNTHETIC.txt").is_file()
    monkeypatch.undo()
    assert generate(tmp_path, [2019, 2022], 0.005, params_dir=PARAMS)["complete"] is True


def test_progress_is_told(tmp_path: Path) -> None:
    lines: list[str] = []
    generate(tmp_path, [2022], 0.02, params_dir=PARAMS, progress=lines.append)
    assert lines == ["2022: households and persons", "2022: written"]


@pytest.mark.parametrize("scale", [0.0001, 0.05])
def test_every_stratum_keeps_two_eas(tmp_path: Path, scale: float) -> None:
    entry = generate(tmp_path, [2019], scale, params_dir=PARAMS)["years"]["2019"]
    assert entry["eas"] >= 2 * 153
    assert entry["weight_total"] == pytest.approx(68_020_000, abs=1)
