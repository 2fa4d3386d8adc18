"""Freshly drawn designs, estimated here and by plain calls of R's survey in a process of its own.

`tests/r/random_designs.R` knows nothing of `r/`: it is what an R user would write. The designs hold
what may go wrong: PSU codes used again in other strata, zero weights, missing items, ties, Thai
labels, a stratum of one PSU under each of the five rules, a PSU empty in the domain, a stratum
whose domain lies in one PSU, a category or a whole domain without a case, population sizes, two
stages. Another seed draws others: SURVEY_SEED=7 pytest tests/survey/test_survey_random_r.py.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from survey_helpers import random_frame

from lfsmig.errors import EstimationError
from lfsmig.survey import SurveyDesign, contrast

RSCRIPT = shutil.which("Rscript")
pytestmark = pytest.mark.skipif(RSCRIPT is None, reason="R is not installed (no Rscript on PATH)")
SEED = int(os.environ.get("SURVEY_SEED", "20251"))
SCRIPT = Path(__file__).resolve().parents[1] / "r" / "random_designs.R"
RULES = ["fail", "remove", "certainty", "adjust", "average"]
KINDS = [
    (rule, stages, fpc) for rule in RULES for stages, fpc in ((1, False), (1, True), (2, True))
]
COLUMNS = [
    "stratum", "psu", "house", "weight", "y", "x", "flag", "group", "sex", "code", "inside",
    "fpc1", "fpc2",
]  # fmt: skip


def drawn(number: int) -> pd.DataFrame:
    frame = random_frame(SEED + number, lonely=number % 2 == 0)
    rng = np.random.default_rng([SEED, number])
    frame["house"] = rng.integers(0, 4, len(frame))
    frame["fpc1"] = frame.groupby("stratum")["psu"].transform("nunique") * 3.0
    frame["fpc2"] = 9.0
    frame["inside"] = (frame["in_domain"] & (number % 7 != 6)).astype(int)
    # The order of the letters' codes, as R sorts in the C locale.
    for name in ("sex", "group"):
        frame[name] = frame[name].astype(object)
    return frame


def entry(frame: pd.DataFrame, rule: str, stages: int, fpc: bool) -> dict[str, Any]:
    columns = frame[COLUMNS].astype(object).where(frame[COLUMNS].notna(), None)
    return {
        "columns": columns.to_dict("list"), "lonely_psu": rule, "stages": stages, "fpc": fpc
    }  # fmt: skip


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[pd.DataFrame, Any, dict]]:
    frames = [drawn(number) for number in range(len(KINDS))]
    folder = tmp_path_factory.mktemp("random")
    entries = [entry(frame, *kind) for frame, kind in zip(frames, KINDS, strict=True)]
    (folder / "in.json").write_text(json.dumps(entries, ensure_ascii=False), encoding="utf-8")
    run = subprocess.run(
        [str(RSCRIPT), str(SCRIPT), str(folder / "in.json"), str(folder / "out.json")],
        capture_output=True, encoding="utf-8", check=False, timeout=180,
        env={**os.environ, "LC_ALL": "C.UTF-8", "LC_COLLATE": "C"},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    found = json.loads((folder / "out.json").read_text(encoding="utf-8"))
    return list(zip(frames, KINDS, found, strict=True))


def design(frame: pd.DataFrame, rule: str, stages: int, fpc: bool) -> SurveyDesign:
    psu = ["psu", "house"] if stages == 2 else "psu"
    sizes = None if not fpc else ["fpc1", "fpc2"] if stages == 2 else "fpc1"
    return SurveyDesign(
        frame, "weight", "stratum", psu, fpc=sizes, nest=True, lonely_psu=rule
    )  # fmt: skip


def agree(found: Any, expected: Any, scale: float) -> None:
    """The agreement rule of design.md, section 4; R's NaN and null are missing."""
    a = np.atleast_1d(np.asarray(found, dtype=float))
    b = np.array(
        [np.nan if v in (None, "NaN", "NA") else v for v in np.atleast_1d(expected)], float
    )
    size = np.maximum(np.abs(a), np.abs(b))
    gap = np.abs(a - b)
    good = (gap <= np.maximum(1e-9 * size, 1e-12 * scale)) | (np.isnan(a) & np.isnan(b))
    assert good.all(), (a, b)


def agree_covariance(found: pd.DataFrame, expected: np.ndarray) -> None:
    """Covariances of estimates of the size of 1: what is below 1e-20 is the order of summation."""
    scale = float(np.nan_to_num(expected).max()) + 1e-8
    agree(found.to_numpy().ravel(), expected.ravel(), scale)


def same(table: pd.DataFrame, expected: dict[str, Any], scale: float) -> None:
    agree(table["estimate"], expected["est"], scale)
    agree(table["se"], expected["se"], np.nanmax(np.abs(table["estimate"]), initial=0.0))
    for name in ("df", "n"):
        if name in expected:
            assert table[name][0] == expected[name]


def test_tables(cases: list[Any]) -> None:
    compared = 0
    for frame, kind, expected in cases:
        made = design(frame, *kind)
        inside = frame["inside"].to_numpy() == 1
        large = float((frame["weight"] * (frame["y"].abs().fillna(0) + frame["x"] + 1)).sum())
        for key, scale, arguments in (
            ("mean", 1.0, ("mean", "y")), ("total", large, ("total", "y")),
            ("persons", large, ("total",)), ("ratio", 1.0, ("ratio", "y", "x")),
            ("share", 1.0, ("share", "group")), ("rate", 1.0, ("mean", "flag")),
        ):  # fmt: skip
            if not inside.any():
                # R gives a total of 0, or NaN; a table of ours has its row, without a value.
                if kind[0] != "fail":
                    empty = made.estimate(*arguments, domain=inside).frame
                    assert (empty["n"] == 0).all()
                    assert empty["estimate"].isna().all()
                continue
            if expected[key] is None:
                continue
            table = made.estimate(*arguments, domain=inside).frame
            if key == "share":
                # A category of the data that the domain lacks has a share of zero here.
                table = table[table["n"] > 0]
            same(table, expected[key], scale)
            compared += 1
    assert compared > 50


def test_cells_of_two_and_three_columns(cases: list[Any]) -> None:
    compared = 0
    for frame, kind, expected in cases:
        made = design(frame, *kind)
        inside = frame["inside"].to_numpy() == 1
        large = float((frame["weight"] * (frame["x"] + 1)).sum())
        for key, item, by, scale in (
            ("by_mean", "y", ["sex", "code"], 1.0),
            ("by_total", "x", ["sex", "code", "group"], large),
        ):
            if expected[key] is None:
                continue
            statistic = "mean" if key == "by_mean" else "total"
            table = made.estimate(statistic, item, None, by, inside).frame
            table.index = table[by].astype(str).agg("|".join, axis=1)
            filled = table[table["n"] > 0]
            assert set(filled.index) == set(np.atleast_1d(expected[key]["labels"]))
            same(table.loc[expected[key]["labels"]].reset_index(), expected[key], scale)
            compared += len(filled)
    assert compared > 100


def test_intervals(cases: list[Any]) -> None:
    compared = 0
    for frame, kind, expected in cases:
        made = design(frame, *kind)
        inside = frame["inside"].to_numpy() == 1
        for method in ("logit", "beta", "wald"):
            known = expected[method]
            rate = expected["rate"]
            # At 0 and 1 xlogit has no limits; without a degree of freedom R takes qt(p, 0).
            if known is None or "NaN" in known or rate["df"] == 0 or rate["est"] in (0, 1):
                continue
            # R's n of a beta interval counts records with a weight of zero (PARITY.md).
            weighted = (frame["weight"] > 0) | frame["flag"].isna() | ~inside
            if method == "beta" and not weighted.all():
                continue
            row = made.mean("flag", domain=inside, ci=method).iloc[0]
            agree([row["ci_low"], row["ci_high"]], known, 1.0)
            compared += 1
    assert compared > 15


def test_covariance_and_contrasts(cases: list[Any]) -> None:
    compared = 0
    for frame, kind, expected in cases:
        made = design(frame, *kind)
        inside = frame["inside"].to_numpy() == 1
        if inside.any() and expected["share_cov"] is not None:
            share = made.estimate("share", "group", domain=inside, covariance=True)
            known = np.array(expected["share_cov"], dtype=float)
            agree_covariance(share.covariance, known)
            compared += 1
        if expected["by_cov"] is not None:
            table = made.estimate("mean", "y", None, ["sex"], inside, covariance=True)
            known = np.array(expected["by_cov"], dtype=float)
            agree_covariance(table.covariance, known)
            first, second = table.labels
            apart = contrast(table, {first: 1, second: -1})
            same(apart, expected["difference"], 1.0)
            compared += 1
    assert compared > 12


def test_quantiles(cases: list[Any]) -> None:
    """Ties and all; R's rule below the first step is not ours (PARITY.md)."""
    compared = 0
    for frame, kind, expected in cases:
        if expected["quantile"] is None:
            continue
        made = design(frame, *kind)
        inside = frame["inside"].to_numpy() == 1
        kept = inside & frame["y"].notna().to_numpy() & (frame["weight"] > 0).to_numpy()
        if not kept.any() or kind[0] == "fail":
            continue
        smallest = frame.loc[kept, "y"].min()
        found = made.quantile("y", [0.25, 0.5, 0.9], domain=inside)["estimate"]
        for mine, theirs in zip(found, expected["quantile"], strict=True):
            assert mine in (theirs, smallest)
            compared += mine == theirs
    assert compared > 25


def test_what_r_refuses_we_refuse(cases: list[Any]) -> None:
    """Under `fail` a lonely stratum with a case in the domain is an error to both."""
    met = {True: 0, False: 0}
    for frame, kind, expected in cases:
        if kind[0] != "fail":
            continue
        inside = frame["inside"].to_numpy() == 1
        refused = False
        try:
            design(frame, *kind).mean("y", domain=inside)
        except EstimationError:
            refused = True
        if inside.any():
            assert refused == (expected["mean"] is None)
            met[refused] += 1
    assert met[True]
    assert met[False]
