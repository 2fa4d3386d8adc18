"""The whole path at small scale: raw files of six years to released tables."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from lfsmig import indicators, replicate, stored, trends
from lfsmig.intake.protocol import CHECKS, Finding
from lfsmig.params import load
from lfsmig.report import words
from lfsmig.results import (
    CONTRIBUTOR_COLUMNS,
    RESULT_COLUMNS,
    RESULT_KEYS,
    TREND_COLUMNS,
    TREND_KEYS,
    domain_codes,
)
from lfsmig.workspace import Workspace
from tests.conftest import FEW_YEAR, ROOT, needs_r, run_pipeline
from tests.shared import made_once

YEARS = [2019, 2020, 2021, 2022, 2023, 2024]


def estimates(data: Path, year: int) -> pd.DataFrame:
    return pd.read_parquet(data / "estimates" / f"{year}.parquet")


def cell(frame: pd.DataFrame, indicator: str, domain: str = "{}", category: str = "") -> pd.Series:
    found = frame[
        frame["indicator"].eq(indicator)
        & frame["domain"].eq(domain)
        & frame["category"].eq(category)
    ]
    assert len(found) == 1
    return found.iloc[0]


def python_rows(data: Path, year: int) -> pd.DataFrame:
    both = estimates(data, year)
    return both[both["engine"] == "python"]


@pytest.mark.parametrize("year", YEARS)
def test_estimates_have_the_contract_s_columns_and_unique_cells(
    small_data: Path, year: int
) -> None:
    frame = estimates(small_data, year)
    assert list(frame.columns) == [*RESULT_COLUMNS, *CONTRIBUTOR_COLUMNS]
    assert not frame.duplicated([*RESULT_KEYS, "engine"]).any()
    assert frame["year"].eq(year).all()
    assert all(list(domain_codes(d)) == sorted(domain_codes(d)) for d in set(frame["domain"]))


def test_every_indicator_is_estimated_every_year(small_data: Path) -> None:
    wanted = {i.id for i in load(ROOT / "params").indicators}
    assert len(wanted) >= 20
    for year in YEARS:
        assert set(python_rows(small_data, year)["indicator"]) == wanted


@pytest.mark.parametrize("year", YEARS)
def test_estimates_are_what_the_records_say(small_data: Path, year: int) -> None:
    """Sums by hand from the R people's CSV, independent of both engines."""
    records = pd.read_csv(small_data / "harmonised" / f"{year}.csv.gz", low_memory=False)
    frame = python_rows(small_data, year)
    total = cell(frame, "population.total")["estimate"]
    assert total == pytest.approx(records["weight"].sum(), rel=1e-12)
    moved = records[records["moved"] == "yes"]
    inside = moved[moved["previous_country"] == "TH"]
    assert cell(frame, "recent_internal.total")["estimate"] == pytest.approx(
        inside["weight"].sum(), rel=1e-12
    )
    assert cell(frame, "recent_internal.total")["n"] == len(inside)
    rate = 100 * moved["weight"].sum() / records["weight"].sum()
    assert cell(frame, "migrants.rate")["estimate"] == pytest.approx(rate, rel=1e-12)
    adults = inside[inside["age"] >= 15]
    employed = adults.loc[adults["labour_status"] == "employed", "weight"].sum()
    known = adults.loc[adults["labour_status"].notna(), "weight"].sum()
    share = cell(frame, "recent_internal.labour_status", category="employed")
    assert share["estimate"] == pytest.approx(employed / known, rel=1e-12)


def test_net_migration_sums_to_zero_and_shares_to_one(small_data: Path) -> None:
    for year in YEARS:
        frame = python_rows(small_data, year)
        net = frame[frame["indicator"] == "recent_internal.net_total"]
        assert len(net) == 5
        assert abs(net["estimate"].sum()) < 1e-6 * net["estimate"].abs().max()
        shares = frame[(frame["statistic"] == "share") & (frame["n"] > 0)]
        sums = shares.groupby(["indicator", "domain"])["estimate"].sum()
        np.testing.assert_allclose(sums, 1, rtol=1e-12)


@needs_r
def test_both_engines_agree_in_every_cell(small_data: Path) -> None:
    for name in [*map(str, YEARS), "trends"]:
        compared = pd.read_parquet(small_data / "estimates" / f"{name}.replication.parquet")
        assert len(compared) > 500
        assert set(compared["verdict"]) <= {"exact", "match"}, compared[
            ~compared["verdict"].isin(["exact", "match"])
        ].head()


@needs_r
def test_trends_agree_without_averages_too(small_data: Path) -> None:
    """Averages are optional; their rows must not be what tells the size of a change's levels."""
    whole = load(ROOT / "params")
    bare = SimpleNamespace(
        country=whole.country,
        indicators=whole.indicators,
        report=SimpleNamespace(averages=[], pools=[], relative_to_first=[]),
    )
    workspace = Workspace.at(ROOT / "params", small_data)
    python, r = (
        trends.estimate(bare, {y: stored.read_part(workspace, y, engine) for y in YEARS}, engine)
        for engine in ("python", "r")
    )
    assert set(python["statistic"]) == {"change", "slope"}
    compared = replicate.compare(python, r, TREND_KEYS)
    assert set(compared["verdict"]) <= {"exact", "match"}, compared[
        ~compared["verdict"].isin(["exact", "match"])
    ].head()


@needs_r
def test_replicate_passes_and_catches_a_seeded_difference(
    small_data: Path, tmp_path: Path, call_json, in_root: Path
) -> None:
    code, document = call_json("replicate", "--data", str(small_data))
    assert code == 0
    assert document["cells"] == sum(
        len(pd.read_parquet(small_data / "estimates" / f"{y}.replication.parquet")) for y in YEARS
    )
    assert document["differing"] == []
    assert document["worst"]["estimate"] < 1e-9
    spoilt = tmp_path / "data"
    shutil.copytree(small_data / "estimates", spoilt / "estimates")
    frame = estimates(spoilt, 2022)
    row = frame.index[
        (frame["engine"] == "r") & frame["indicator"].eq("lifetime.rate") & frame["n"].gt(0)
    ][0]
    frame.loc[row, "estimate"] *= 1 + 1e-8
    frame.to_parquet(spoilt / "estimates" / "2022.parquet", index=False)
    code, document = call_json("replicate", "--data", str(spoilt), "--years", "2565")
    assert code == 1
    assert document["verdicts"]["differ"] == 1
    assert document["differing"][0]["indicator"] == "lifetime.rate"
    assert document["years"] == [2022]
    code, _ = call_json("replicate", "--data", str(spoilt), "--years", "2023")
    assert code == 0


def test_trends_have_every_adjacent_change_slope_and_average(small_data: Path) -> None:
    trends = pd.read_parquet(small_data / "estimates" / "trends.parquet")
    assert list(trends.columns) == TREND_COLUMNS
    one = trends[
        (trends["engine"] == "python")
        & trends["indicator"].eq("migrants.rate")
        & trends["domain"].eq("{}")
    ]
    changes = one[one["statistic"] == "change"]
    assert list(zip(changes["year_from"], changes["year_to"], strict=True)) == list(
        itertools.pairwise(YEARS)
    )
    values = {y: cell(python_rows(small_data, y), "migrants.rate")["estimate"] for y in YEARS}
    for row in changes.itertuples():
        expected = values[row.year_to] - values[row.year_from]
        assert row.estimate == pytest.approx(expected, abs=1e-12)
        assert 0 <= row.p <= 1
    average = one[one["statistic"] == "average"].iloc[0]
    assert average["estimate"] == pytest.approx(np.mean([values[y] for y in YEARS[:5]]))
    assert len(one[one["statistic"] == "slope"]) == 1


def test_overlap_lowers_the_error_of_a_stock_s_change_inside_a_round(small_data: Path) -> None:
    """Half the households return, so a lifetime stock's change is surer than of two samples.

    Between 2021 and 2022 a new rotation round starts: there the variances simply add up.
    """
    trends = pd.read_parquet(small_data / "estimates" / "trends.parquet")
    one = trends[
        (trends["engine"] == "python")
        & trends["indicator"].eq("lifetime.rate")
        & trends["domain"].eq("{}")
        & trends["statistic"].eq("change")
    ].set_index("year_from")
    se = {y: cell(python_rows(small_data, y), "lifetime.rate")["se"] for y in YEARS}
    independent = np.hypot(se[2021], se[2022])
    assert one.loc[2021, "se"] == pytest.approx(independent, rel=1e-12)
    assert one.loc[2019, "se"] < np.hypot(se[2019], se[2020])


def test_released_tables_hold_no_withheld_number(small_data: Path) -> None:
    for year in YEARS:
        frame = pd.read_parquet(small_data / "released" / f"{year}.parquet")
        assert {"flag", "reason", "rule_set"} <= set(frame.columns)
        withheld = frame[frame["flag"].isin(["c", "s"])]
        assert len(withheld) > 0
        assert withheld[["estimate", "se", "ci_low", "ci_high", "n", "n_cases"]].isna().all().all()
        shown = frame[~frame["flag"].isin(["c", "s"])]
        assert (shown["n_cases"].between(1, 4)).sum() == 0
        twin = pd.read_csv(small_data / "released" / f"{year}.csv", keep_default_na=False)
        assert len(twin) == len(frame)
        summary = json.loads(
            (small_data / "released" / f"{year}.summary.json").read_text(encoding="utf-8")
        )
        assert summary["synthetic"] is True
        assert summary["persons"] == cell(python_rows(small_data, year), "population.total")["n"]
        assert "worst" not in json.dumps(summary["checks"])


def test_released_trends_say_why_and_by_which_rules(small_data: Path) -> None:
    released = small_data / "released"
    frame = pd.read_parquet(released / "trends.parquet")
    assert "level" not in frame
    assert set(frame["rule_set"]) == {"nchs2017"}
    assert set(frame.loc[frame["flag"].eq("s"), "reason"]) == {"withheld_year"}
    assert set(frame.loc[frame["flag"].eq(""), "reason"]) == {""}
    record = json.loads((released / "manifest.json").read_text(encoding="utf-8"))
    made_with = record["steps"]["released"]["made_with"]
    assert ({"R", "survey"} <= set(made_with)) == (shutil.which("Rscript") is not None)


def test_a_second_run_makes_nothing_again(
    small_data: Path, small_raw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    shutil.copytree(small_data, data)
    files = [p for p in data.rglob("*") if p.is_file() and p.name != ".lock"]
    before = {p: p.stat().st_mtime_ns for p in files}
    engine = "both" if shutil.which("Rscript") else "python"
    assert run_pipeline(data, small_raw, engine) == 0
    files = [p for p in data.rglob("*") if p.is_file() and p.name != ".lock"]
    assert {p: p.stat().st_mtime_ns for p in files} == before


def test_an_interrupted_run_goes_on_where_it_stopped(
    small_raw: Path, few_params: Path, few_data: Path, tmp_path: Path
) -> None:
    data, done, other = tmp_path / "data", FEW_YEAR, FEW_YEAR + 1
    shutil.copytree(few_data, data)
    first = (data / "harmonised" / f"{done}.parquet").stat().st_mtime_ns
    # As an interruption leaves it: an output gone, a half-written temporary file beside it.
    (data / "estimates" / "engines" / f"{done}.python.npz").unlink()
    (data / "harmonised" / f".{other}.99.part.parquet").write_bytes(b"half")
    years = ("--years", f"{done},{other}")
    assert run_pipeline(data, small_raw, "python", *years, params=few_params) == 0
    assert (data / "harmonised" / f"{done}.parquet").stat().st_mtime_ns == first
    assert (data / "estimates" / f"{other}.parquet").is_file()


def test_python_alone_says_that_the_crosscheck_was_not_made(
    small_raw: Path, few_params: Path, tmp_path: Path, call_json
) -> None:
    code, document = call_json(
        *("run", "--params", str(few_params), "--data", str(tmp_path), "--quiet"),
        *("--raw", str(small_raw), "--years", "2024", "--engine", "python"),
    )
    assert code == 0
    assert document["crosscheck"]["made"] is False
    assert "python" in document["crosscheck"]["reason"]
    summary = json.loads((tmp_path / "released" / "2024.summary.json").read_text("utf-8"))
    assert summary["crosscheck"]["made"] is False
    assert not (tmp_path / "released" / "2024.crosscheck.parquet").exists()
    code, _ = call_json("replicate", "--data", str(tmp_path))
    assert code == 2


@pytest.fixture(scope="module")
def locales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Locales that few machines have, made for the test: LOCPATH of Thai, German and Turkish."""
    if shutil.which("localedef") is None or not Path("/usr/share/i18n/locales/th_TH").is_file():
        pytest.skip("no sources of locales here (Debian's package `locales`)")
    folder = tmp_path_factory.mktemp("locales")
    for name in ("th_TH", "de_DE", "tr_TR"):
        made = folder / f"{name}.UTF-8"
        subprocess.run(["localedef", "-i", name, "-f", "UTF-8", made], check=True)
    return folder


TELL_MARK = "import locale; locale.setlocale(locale.LC_ALL, ''); print(locale.localeconv())"


@pytest.fixture
def usual(
    engine: str,
    whole: bool,
    small_raw: Path,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> tuple[Path, Path]:
    """Parameters and what a run with them writes in the machine's own locale."""
    if whole:
        return ROOT / "params", request.getfixturevalue("small_data")
    params = request.getfixturevalue("few_params")
    if engine == "python":
        return params, request.getfixturevalue("few_data")

    def make(data: Path) -> None:
        years = ("--years", str(FEW_YEAR))
        assert run_pipeline(data, small_raw, engine, *years, params=params) == 0

    return params, made_once(tmp_path_factory, f"few-{engine}", make)


@pytest.mark.parametrize(
    ("locale", "mark", "engine", "whole"),
    [
        pytest.param("th_TH.UTF-8", ".", "python", False, marks=pytest.mark.slow),
        ("tr_TR.UTF-8", ",", "python", False),
        pytest.param("de_DE.UTF-8", ",", "r", False, marks=[needs_r, pytest.mark.slow]),
        pytest.param("C", ".", "python", True, marks=pytest.mark.slow),
        pytest.param("tr_TR.UTF-8", ",", "python", True, marks=pytest.mark.slow),
        pytest.param("de_DE.UTF-8", ",", "r", True, marks=[needs_r, pytest.mark.slow]),
    ],
)
def test_same_bytes_in_every_locale(
    usual: tuple[Path, Path],
    small_raw: Path,
    tmp_path: Path,
    locales: Path,
    locale: str,
    mark: str,
    engine: str,
) -> None:
    """A decimal comma, an ASCII locale or a dotless i must not change a byte of what a run writes.

    A locale that is not there falls back to C without a word: that it took hold is looked at first.
    """
    params, expected = usual
    environment = os.environ | {"LC_ALL": locale, "LANG": locale, "LOCPATH": str(locales)}
    environment["PYTHONUTF8"] = "0"
    told = subprocess.run(
        [sys.executable, "-c", TELL_MARK],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"'decimal_point': '{mark}'" in told.stdout
    data = tmp_path / "data"
    command = [sys.executable, "-m", "lfsmig.cli", "--params", str(params)]
    command += ["--data", str(data), "--quiet", "run", "--raw", str(small_raw)]
    done = subprocess.run(
        [*command, "--years", str(FEW_YEAR), "--engine", engine],
        env=environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    estimates_of_engine = f"estimates/engines/{FEW_YEAR}.{engine}.parquet"
    for name in (f"harmonised/{FEW_YEAR}.parquet", f"ledger/{FEW_YEAR}.csv", estimates_of_engine):
        assert digest(data / name) == digest(expected / name), name
    ours = gzip.decompress((data / "harmonised" / f"{FEW_YEAR}.csv.gz").read_bytes())
    theirs = gzip.decompress((expected / "harmonised" / f"{FEW_YEAR}.csv.gz").read_bytes())
    assert ours == theirs


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_trend_command_prints_the_released_series(
    small_data: Path, call_json, in_root: Path
) -> None:
    code, document = call_json("trend", "migrants.rate", "--data", str(small_data))
    assert code == 0
    assert document["years"] == YEARS
    assert [row["year"] for row in document["series"]] == YEARS
    assert {row["statistic"] for row in document["trends"]} == {"change", "slope", "average"}


def test_validate_writes_text_html_and_json(
    small_data: Path, small_raw: Path, tmp_path: Path, call_json
) -> None:
    code, document = call_json(
        *("validate", "2566", "--params", str(ROOT / "params"), "--data", str(tmp_path)),
        *("--raw", str(small_raw), "--quiet"),
    )
    assert code == 0, document.get("errors")
    assert document["year"] == 2023
    assert {c["id"] for c in document["checks"]} >= {"S1", "K1", "D1", "W1", "M1", "L1"}
    folder = tmp_path / "estimates" / "validation"
    assert sorted(p.name for p in folder.iterdir()) == ["2023.html", "2023.json", "2023.txt"]
    page = (folder / "2023.html").read_text(encoding="utf-8")
    assert all(f">{check['id']}<" in page for check in document["checks"])


def test_checks_count_records_unless_they_say_something_else(small_data: Path) -> None:
    summary = json.loads((small_data / "released/2022.summary.json").read_text(encoding="utf-8"))
    counted = {one["id"]: one["counts"] for one in summary["checks"] if one["counts"]}
    wanted = {"S1": "variables", "S5": "columns", "K1": "records", "K4": "households"}
    wanted |= {"D2": "strata", "D3": "areas", "W5": "years", "T4": "movers"}
    assert {key: counted.get(key) for key in wanted} == wanted
    assert Finding(1, 2).counts == "records"
    assert set(counted) <= set(CHECKS)
    assert set(counted.values()) <= set(words.catalogue()["counted"])


REGISTER = """
indicators:
  - {id: x.gini, topic: remittances, population: recent_internal, statistic: gini,
     of: remittance_amount, by: [[], [sex]], label: {en: Gini, th: จีนี}}
  - {id: x.top, topic: remittances, population: recent_internal, statistic: top_share, top: 0.2,
     of: remittance_amount, label: {en: Top, th: สูงสุด}}
  - {id: x.rate, topic: recent_internal, statistic: rate, of: recent_internal, per: 1000,
     by: [[sex]], label: {en: Rate, th: อัตรา}}
"""


@needs_r
def test_a_register_that_names_gini_and_top_share(small_data: Path, tmp_path: Path) -> None:
    """Both engines and R alone give the same rows for statistics the report does not use yet."""
    folder = tmp_path / "params"
    shutil.copytree(ROOT / "params", folder)
    for name in ("codebook", "published"):
        shutil.copytree(ROOT / "data" / name, tmp_path / "data" / name)
    (folder / "indicators.yml").write_text(REGISTER, encoding="utf-8")
    params = load(folder)
    harmonised = pd.read_parquet(small_data / "harmonised" / "2023.parquet")
    frame = indicators.analysis_frame(harmonised, params, 2023)
    by_python, by_r = (
        indicators.estimate_year(params, 2023, frame, engine).frame for engine in ("python", "r")
    )
    assert list(by_python["unit"].unique()) == ["index", "share", "per_1000"]
    assert by_python["estimate"].notna().all()
    indicators.with_masks(frame, params).to_csv(tmp_path / "frame.csv.gz", index=False)
    register = json.dumps(indicators.register_for_r(params), ensure_ascii=False)
    (tmp_path / "plan.json").write_text(register, encoding="utf-8")
    script = ROOT / "r" / "replicate.R"
    arguments = ["--data", "frame.csv.gz", "--indicators", "plan.json", "--out", "out.json"]
    subprocess.run(["Rscript", str(script), *arguments], cwd=tmp_path, check=True)
    alone = pd.DataFrame(json.loads((tmp_path / "out.json").read_text("utf-8"))["results"])
    for other in (by_r, alone):
        for name in ("indicator", "domain", "unit", "n", "n_psu", "df"):
            assert list(other[name]) == list(by_python[name]), name
        for name in ("estimate", "se", "ci_low", "ci_high"):
            values = other[name].astype(float).to_numpy()
            known = by_python[name].to_numpy()
            assert values == pytest.approx(known, rel=1e-9, nan_ok=True), name
