"""The R side alone: testthat on `r/*.R`, and `Rscript r/replicate.R` without Python."""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lfsmig.flows import stacked_flows
from lfsmig.survey import SurveyDesign

ROOT = Path(__file__).resolve().parents[2]
RSCRIPT = shutil.which("Rscript")
pytestmark = pytest.mark.skipif(RSCRIPT is None, reason="R is not installed (no Rscript on PATH)")


def rscript(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(RSCRIPT), *arguments], capture_output=True, encoding="utf-8", check=False,
        env={**os.environ, **environment}, timeout=120,
    )  # fmt: skip


def has_package(name: str) -> bool:
    code = f"quit(status = !requireNamespace('{name}', quietly = TRUE))"
    return rscript("-e", code).returncode == 0


def test_r_functions_by_testthat() -> None:
    if not has_package("testthat"):
        pytest.skip("R's package testthat is not installed (apt-get install r-cran-testthat)")
    folder = ROOT / "tests" / "r" / "testthat"
    run = rscript(
        "-e", f"testthat::test_dir('{folder}', reporter = 'summary', stop_on_failure = TRUE)",
        R_FOLDER=str(ROOT / "r"),
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr


def panel_frame() -> pd.DataFrame:
    path = ROOT / "tests" / "fixtures" / "survey_examples" / "synthetic_panel.csv"
    frame = pd.read_csv(path).query("year == 2023").reset_index(drop=True)
    names = {1: "ชาย", 2: "หญิง"}
    return frame.assign(
        sex=frame["sex"].map(names), adult=(frame["age"] >= 15).astype(float),
        prov=frame["prov"].astype(str).str.zfill(3), country=np.where(frame.index % 7, "TH", "NA"),
    )  # fmt: skip


def table(statistic: str, **changed: Any) -> dict[str, Any]:
    plain = {
        "indicator": f"x.{statistic}", "statistic": statistic, "unit": "u", "population": "all",
        "where": None, "of": None, "over": None, "per": None, "top": None, "by": [], "flow": None,
    }  # fmt: skip
    return {**plain, **changed}


TABLES = [
    table("share", of="grp", by=["prov", "sex"]),
    table("share", of="country", population="mig", by=["sex"]),
    table("rate", of="mig", per=1000, where="adult"),
    table("total", by=["sex"]),
    table("total", of="amount", population="mig", by=["prov"]),
    table("median", of="age", by=["sex"]),
    table("ratio", of="amount", over="remit", population="mig"),
    table("mean", of="amount", by=["country", "prov"]),
    table("ratio", of="amount", over="remit", population="mig", per=100, by=["sex"]),
    table("rate", of="amount", over="remit", population="mig", per=1000, by=["sex"]),
    table("gini", of="amount", by=["sex"]),
    table("top_share", of="amount", top=0.2, by=["sex"]),
    table("top_share", of="amount"),
]
PLAN = {
    "schema_version": 1,
    "year": 2023,
    "design": {"strata": "stratum", "psu": "psuid", "weight": "wt", "lonely_psu": "adjust"},
    "categories": {"sex": ["หญิง", "ชาย"], "grp": ["60+", "0-14", "15-59", "nobody"]},
    "tables": TABLES,
}


def replicate(folder: Path, plan: dict[str, Any], frame: pd.DataFrame, **environment: str) -> Any:
    with gzip.open(folder / "frame.csv.gz", "wt", encoding="utf-8") as file:
        frame.to_csv(file, index=False, lineterminator="\n")
    (folder / "plan.json").write_text(json.dumps(plan, ensure_ascii=False), encoding="utf-8")
    return rscript(
        str(ROOT / "r" / "replicate.R"), "--data", str(folder / "frame.csv.gz"),
        "--indicators", str(folder / "plan.json"), "--out", str(folder / "out.json"),
        **environment,
    )  # fmt: skip


def in_python(frame: pd.DataFrame, plan: dict[str, Any]) -> pd.DataFrame:
    """The same plan by the Python engine."""
    typed = frame.copy()
    for name, order in plan["categories"].items():
        typed[name] = pd.Categorical(typed[name], order, ordered=True)
    design = SurveyDesign(typed, "wt", "stratum", "psuid")
    parts = []
    for one in plan["tables"]:
        inside = np.ones(len(typed), bool)
        for name in (one["population"], one["where"]):
            if name not in (None, "all"):
                inside &= (typed[name] == 1).to_numpy()
        statistic = "quantile" if one["statistic"] == "median" else one["statistic"]
        found = design.estimate(
            statistic, one["of"], one["over"], one["by"], inside,
            per=(one["per"] or 1) if statistic in ("rate", "ratio") else None,
            top=one["top"] or 0.1,
        ).frame  # fmt: skip
        keys = [
            json.dumps({k: str(row[k]) for k in sorted(one["by"])}, ensure_ascii=False,
                       separators=(",", ":"))
            for _, row in found.iterrows()
        ]  # fmt: skip
        found = found.assign(indicator=one["indicator"], domain=keys)
        parts.append(found.drop(columns=[*one["by"]]))
    return pd.concat(parts, ignore_index=True)


def test_replicate_gives_what_the_python_engine_gives(tmp_path: Path) -> None:
    frame = panel_frame()
    run = replicate(tmp_path, PLAN, frame)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    written = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert written["schema_version"] == 1
    by_r = pd.DataFrame(written["results"])
    python = in_python(frame, PLAN)
    for name in ("indicator", "domain", "category", "n", "n_psu", "df"):
        assert list(by_r[name]) == list(python[name]), name
    for name in ("estimate", "se", "cv", "ci_low", "ci_high", "deff"):
        values = by_r[name].astype(float).to_numpy()
        assert values == pytest.approx(python[name].to_numpy(), rel=1e-9, nan_ok=True), name
    assert set(by_r["engine"]) == {"r"}
    assert set(by_r["year"]) == {2023}


@pytest.mark.slow
def test_replicate_writes_the_same_bytes_in_every_locale(tmp_path: Path) -> None:
    texts = []
    for name in ("C", "C.UTF-8"):
        run = replicate(tmp_path, PLAN, panel_frame(), LC_ALL=name)
        assert run.returncode == 0, run.stderr
        texts.append((tmp_path / "out.json").read_bytes())
    assert texts[0] == texts[1]
    assert "หญิง".encode() in texts[0]


def test_replicate_makes_flows_one_column_per_place(tmp_path: Path) -> None:
    frame = panel_frame().assign(in_1=lambda f: f["mig"], in_2=lambda f: f["mig"] - 1)
    flow = {"by": "region", "of": {"1": "in_1", "2": "in_2"}, "over": None}
    run = replicate(tmp_path, {**PLAN, "tables": [table("total", flow=flow)]}, frame)
    assert run.returncode == 0, run.stderr
    rows = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["results"]
    assert [row["domain"] for row in rows] == ['{"region":"1"}', '{"region":"2"}']
    assert rows[0]["estimate"] == pytest.approx((frame["wt"] * frame["mig"]).sum())
    # An item that can be negative has a Wald interval.
    assert rows[1]["ci_high"] + rows[1]["ci_low"] == pytest.approx(2 * rows[1]["estimate"])


def test_replicate_puts_movers_into_two_rows(tmp_path: Path) -> None:
    frame = panel_frame()
    before = np.where(frame["mig"] == 1, np.roll(frame["prov"], 40), "")
    frame = frame.assign(previous_prov=before, recent_internal=frame["mig"])
    places = sorted(frame["prov"].unique())
    tables = [
        table("total", of="net_migration", flow={"by": "prov"}),
        table("ratio", of="out_migration", over="residents", per=100, flow={"by": "prov"}),
    ]
    categories = {**PLAN["categories"], "prov": places}
    run = replicate(tmp_path, {**PLAN, "categories": categories, "tables": tables}, frame)
    assert run.returncode == 0, run.stderr
    found = pd.DataFrame(json.loads((tmp_path / "out.json").read_text("utf-8"))["results"])
    typed = frame.assign(
        prov=pd.Categorical(frame["prov"], places),
        previous_prov=pd.Categorical(frame["previous_prov"].replace("", None), places),
    )
    rows = stacked_flows(typed, "prov", ["stratum", "psuid", "wt"])
    design = SurveyDesign(rows, "wt", "stratum", "psuid")
    expected = pd.concat(
        [
            design.estimate(
                one["statistic"], one["of"], one["over"], ["prov"], per=one["per"]
            ).frame
            for one in tables
        ]
    )
    assert len(found) == 2 * len(places)
    for name in ("estimate", "se", "n", "df"):
        values = pd.to_numeric(found[name]).to_numpy(dtype=float)
        np.testing.assert_allclose(values, expected[name].to_numpy(dtype=float), rtol=1e-9)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"tables": [table("mean", of="sex")]}, "table x.mean: column 'sex' holds text"),
        ({"design": {**PLAN["design"], "weight": "wgt"}}, "column 'wgt' is not in frame.csv.gz"),
        ({"tables": [table("mode", of="mig")]}, "statistic 'mode' is not known"),
        ({"categories": {"grp": ["60+"]}}, "column 'grp' holds code"),
        (
            {"tables": [table("rate", of="age")]},
            "item column 'age' is neither 0 nor 1 in rows 1, 2, 4, ... (",
        ),
        ({"tables": [table("gini", of="minus")]}, "item column 'minus' is negative in rows 1, "),
    ],
)
def test_replicate_refuses_in_one_line(tmp_path: Path, changed: dict[str, Any], words: str) -> None:
    (tmp_path / "out.json").write_text("as it was", encoding="utf-8")
    run = replicate(tmp_path, {**PLAN, **changed}, panel_frame().assign(minus=lambda f: -f["age"]))
    assert run.returncode == 2
    assert words in run.stderr
    assert len(run.stderr.strip().splitlines()) == 1
    assert (tmp_path / "out.json").read_text(encoding="utf-8") == "as it was"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("negative", "weight column 'wt' is negative in row 4 (hh "),
        (
            "lonely",
            "stratum column 'stratum': Stratum (alone) has only one PSU at stage 1 (row 1 (hh ",
        ),
    ],
)
def test_replicate_names_column_and_rows(tmp_path: Path, change: str, words: str) -> None:
    """R alone took negative weights without a word, and named no column of the rest."""
    frame = panel_frame()
    frame["stratum"] = frame["stratum"].astype(object)
    if change == "negative":
        frame.loc[3, "wt"] = -1.0
    else:
        frame.loc[0, ["stratum", "psuid"]] = ["alone", "alone"]
    design = {**PLAN["design"], "lonely_psu": "fail", "keys": ["hh", "not_there"]}
    plan = {**PLAN, "design": design, "tables": [table("mean", of="age")]}
    run = replicate(tmp_path, plan, frame)
    assert run.returncode == 2
    assert words in run.stderr
    assert len(run.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out.json").exists()


def test_replicate_says_how_to_use_it(tmp_path: Path) -> None:
    script = str(ROOT / "r" / "replicate.R")
    for arguments in ([], ["--data"], ["--file", "x"], ["--data", "no.csv.gz"]):
        run = rscript(script, *arguments)
        assert run.returncode == 2
        assert len(run.stderr.strip().splitlines()) == 1


def test_replicate_leaves_out_what_was_not_asked_and_says_so(tmp_path: Path) -> None:
    plan = {**PLAN, "tables": [table("mean", of="mig"), table("mean", of="wages")]}
    run = replicate(tmp_path, plan, panel_frame())
    assert run.returncode == 0, run.stderr
    assert "no column 'wages'" in run.stderr
    assert len(json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["results"]) == 1
    run = replicate(tmp_path, {**PLAN, "tables": [table("mean", of="wages")]}, panel_frame())
    assert run.returncode == 2
    assert "no table can be made" in run.stderr


def test_replicate_counts_the_cases_of_every_numerator(tmp_path: Path) -> None:
    """By hand: of a rate those with the property, of a share those in the category."""
    frame = panel_frame().assign(wt=lambda f: f["wt"].where(f.index % 50 > 0, 0.0))
    tables = [
        table("rate", of="mig", per=100, by=["sex"]), table("share", of="grp"),
        table("mean", of="amount", population="mig"), table("total", by=["sex"]),
        table("ratio", of="amount", over="remit", population="mig"),
    ]  # fmt: skip
    run = replicate(tmp_path, {**PLAN, "tables": tables}, frame)
    assert run.returncode == 0, run.stderr
    written = pd.DataFrame(json.loads((tmp_path / "out.json").read_text("utf-8"))["results"])
    cases = written.groupby("indicator", sort=False)["n_cases"].apply(list)
    counted = frame[frame["wt"] > 0]
    movers = counted[counted["mig"] == 1]
    by_sex = [movers["sex"].eq(sex).sum() for sex in PLAN["categories"]["sex"]]
    groups = [counted["grp"].eq(group).sum() for group in ("60+", "0-14", "15-59")]
    assert cases["x.rate"] == by_sex
    assert cases["x.share"] == groups
    assert cases["x.mean"] == [movers["amount"].notna().sum()]
    assert cases["x.total"] == [counted["sex"].eq(sex).sum() for sex in PLAN["categories"]["sex"]]
    known = movers.dropna(subset=["amount", "remit"])
    assert cases["x.ratio"] == [known["amount"].ne(0).sum()]
    # The whole sample would be the wrong number of cases of a rate.
    assert sum(by_sex) < len(counted) == written.loc[0, "n"] + written.loc[1, "n"]


def test_replicate_makes_no_rows_of_an_empty_column_and_one_of_an_empty_item(
    tmp_path: Path,
) -> None:
    frame = panel_frame().assign(nobody=np.nan)
    tables = [
        table("mean", of="age", by=["nobody"]), table("share", of="grp", by=["sex", "nobody"]),
        table("share", of="nobody", by=["sex"]), table("median", of="age", by=["nobody"]),
        table("total"),
    ]  # fmt: skip
    run = replicate(tmp_path, {**PLAN, "tables": tables}, frame)
    assert run.returncode == 0, run.stderr
    rows = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["results"]
    assert [row["indicator"] for row in rows] == ["x.share", "x.share", "x.total"]
    assert [row["domain"] for row in rows[:2]] == ['{"sex":"หญิง"}', '{"sex":"ชาย"}']
    assert [row["category"] for row in rows] == ["", "", ""]
    assert [row["estimate"] for row in rows[:2]] == [None, None]
    assert [row["n"] for row in rows] == [0, 0, len(frame)]
    run = replicate(tmp_path, {**PLAN, "tables": tables[:1]}, frame)
    assert run.returncode == 0, run.stderr
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["results"] == []


def spoilt(folder: Path, plan: dict[str, Any], content: bytes) -> Any:
    """Run on data as they came; what was written before must stay."""
    (folder / "frame.csv.gz").write_bytes(content)
    (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    (folder / "out.json").write_text("as it was", encoding="utf-8")
    run = rscript(
        str(ROOT / "r" / "replicate.R"), "--data", str(folder / "frame.csv.gz"),
        "--indicators", str(folder / "plan.json"), "--out", str(folder / "out.json"),
    )  # fmt: skip
    assert (folder / "out.json").read_text(encoding="utf-8") == "as it was"
    return run


QUOTED = panel_frame().to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)


@pytest.mark.parametrize("part", [0.3, 0.9])
def test_replicate_refuses_a_file_that_is_cut_off(tmp_path: Path, part: float) -> None:
    whole = gzip.compress(QUOTED.encode("utf-8"), mtime=0)
    plan = {**PLAN, "tables": [table("total")]}
    run = spoilt(tmp_path, plan, whole[: int(part * len(whole))])
    assert run.returncode == 2
    assert "frame.csv.gz is damaged or cut off" in run.stderr
    assert len(run.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (lambda text: text[:401], r"holds 400 records, but 2023 has \d+: the file is cut off"),
        (lambda text: [*text, *text[-5:]], r"holds \d+ records, but 2023 has \d+"),
        (lambda text: [*text[:-1], text[-1].replace("2023", "2022", 1)], "must hold one year"),
    ],
)
def test_replicate_counts_the_records_of_the_year(tmp_path: Path, lines: Any, words: str) -> None:
    frame = panel_frame()
    plan = {**PLAN, "records": {"2022": 7, "2023": len(frame)}, "tables": [table("total")]}
    text = lines(frame.to_csv(index=False, lineterminator="\n").strip().split("\n"))
    run = spoilt(tmp_path, plan, gzip.compress(("\n".join(text) + "\n").encode("utf-8")))
    assert run.returncode == 2
    assert re.search(words, run.stderr), run.stderr
    assert len(run.stderr.strip().splitlines()) == 1
