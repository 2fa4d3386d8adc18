"""What the tests of the survey engines share: comparing, golden files, random designs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lfsmig.errors import MissingDependency
from lfsmig.survey import Estimate, SurveyDesign, contrast

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"


def r_missing() -> str:
    """Say why R cannot be used here, or nothing."""
    try:
        from lfsmig.survey import r_session

        r_session.versions()
    except MissingDependency as error:
        return str(error)
    return ""


needs_r = pytest.mark.skipif(bool(r_missing()), reason=f"R engine: {r_missing()}")


def api_sample(name: str) -> pd.DataFrame:
    return pd.read_csv(FIXTURES / "survey_api" / f"{name}.csv")


def api_expected() -> dict[str, Any]:
    return json.loads((FIXTURES / "survey_api" / "expected.json").read_text(encoding="utf-8"))


def panel(year: int | None = None) -> pd.DataFrame:
    frame = pd.read_csv(FIXTURES / "survey_examples" / "synthetic_panel.csv")
    return frame if year is None else frame[frame["year"] == year].reset_index(drop=True)


def panel_expected() -> dict[str, Any]:
    path = FIXTURES / "survey_examples" / "expected_R_survey.json"
    return json.loads(path.read_text(encoding="utf-8"))


def panel_design(year: int, **options: Any) -> SurveyDesign:
    return SurveyDesign(panel(year), "wt", "stratum", "psuid", **options)


def disagreement(
    left: pd.DataFrame, right: pd.DataFrame, scale: float = 0.0
) -> tuple[float, list[str]]:
    """Largest relative difference and the columns that break the agreement rule.

    The rule: |a - b| <= max(1e-9 max(|a|, |b|), 1e-12 scale) for estimate and SE, where scale is
    |estimate| for an SE; keys, n, n_psu and df exactly; NaN equals NaN. The rest to 1e-7.
    """
    broken = [] if list(left.columns) == list(right.columns) else ["columns"]
    worst = 0.0
    for name in left.columns:
        a, b = left[name], right[name]
        if a.dtype.kind != "f" or name == "quantile":
            if not (a.astype(object) == b.astype(object)).all():
                broken.append(name)
            continue
        x, y = a.to_numpy(), b.to_numpy()
        if not (np.isnan(x) == np.isnan(y)).all():
            broken.append(name)
            continue
        known = np.isfinite(x) & np.isfinite(y)
        x, y = x[known], y[known]
        size = np.maximum(np.abs(x), np.abs(y))
        floor = np.abs(left["estimate"].to_numpy()[known]) if name != "estimate" else scale
        within = 1e-9 if name in ("estimate", "se") else 1e-7
        gap = np.abs(x - y)
        if (gap > np.maximum(within * size, 1e-12 * floor)).any():
            broken.append(name)
        if name in ("estimate", "se"):
            real = gap > 1e-12 * floor
            worst = max(worst, float(np.max(gap[real] / size[real], initial=0.0)))
    return worst, broken


def assert_engines_agree(design: SurveyDesign, *table: Any, **options: Any) -> float:
    """Estimate one table by both engines, compare all of it, return the largest difference."""
    left = design.estimate(*table, **options)
    right = design.estimate(*table, engine="r", **options)
    worst, broken = disagreement(left.frame, right.frame, _scale(design, *table))
    text = f"{table} {options}: {broken}\n{left.frame}\n{right.frame}"
    assert not broken, text
    assert (left.cases == right.cases).all(), text
    if options.get("covariance"):
        assert_covariances_agree(left, right, text)
    if options.get("influence"):
        assert left.influence is not None
        assert right.influence is not None
        # Where a cell has cases: the entries of the influence, unless that reaches further.
        assert (left.present is None) == (right.present is None)
        cases = [left.influence, right.influence]
        if left.present is not None and right.present is not None:
            cases = [left.present, right.present]
        assert (cases[0].indptr == cases[1].indptr).all(), text
        if left.frame["n"].sum() == 0:
            return worst
        gap = np.abs((left.influence - right.influence).data).max(initial=0.0)
        size = np.abs(left.influence.data).max(initial=0.0)
        assert gap <= max(1e-9 * size, 1e-12 * np.abs(left.frame["estimate"]).max()), text
    return worst


def assert_covariances_agree(left: Estimate, right: Estimate, text: str) -> None:
    """Compare covariance matrices, and the contrasts of each cell with the one before it."""
    a, b = left.covariance, right.covariance
    assert a.index.equals(b.index), text
    x, y = a.to_numpy(), b.to_numpy()
    assert (np.isnan(x) == np.isnan(y)).all(), text
    se, known = np.sqrt(np.abs(np.diag(x))), ~np.isnan(x)
    scale = float(np.nanmax(np.abs(left.frame["estimate"]), initial=0.0))
    # What an SE may be off, 1e-12 of the estimates, times the other's SE.
    floor = 1e-12 * scale * np.add.outer(se, se)
    within = np.maximum(1e-9 * np.outer(se, se), floor)
    assert (np.abs(x - y)[known] <= within[known]).all(), text
    steps = np.eye(len(a), k=1)[:-1] - np.eye(len(a))[:-1]
    if len(steps):
        found, other = contrast(left, steps), contrast(right, steps)
        for name in ("estimate", "se"):
            p, q = found[name].to_numpy(), other[name].to_numpy()
            assert p == pytest.approx(q, rel=1e-9, abs=1e-11 * scale, nan_ok=True), text
        assert (found["df"] == other["df"]).all(), text


def _scale(design: SurveyDesign, statistic: str, of: str | None = None, *_: Any) -> float:
    if statistic != "total":
        return 1.0
    values = np.ones(len(design.weights)) if of is None else design.numbers(of)
    return float(np.nansum(np.abs(design.weights * values)))


def random_frame(seed: int, lonely: bool = True) -> pd.DataFrame:
    """A random stratified cluster sample with everything that can go wrong and may not.

    Reused PSU codes, a stratum of one PSU, zero weights, missing items, ties, Thai names, a PSU
    empty in the domain, a stratum whose domain lies in one PSU, a category nobody has in a domain.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for stratum in range(int(rng.integers(3, 7))):
        units = 1 if lonely and stratum == 0 else int(rng.integers(2, 6))
        for unit in range(units):
            for _ in range(int(rng.integers(1, 9))):
                rows.append((f"ชั้น {stratum}", f"{unit}", stratum))
    frame = pd.DataFrame(rows, columns=["stratum", "psu", "number"])
    n = len(frame)
    frame["weight"] = np.where(rng.random(n) < 0.05, 0.0, rng.lognormal(4, 0.7, n))
    frame.loc[0, "weight"] = 5.0
    frame["y"] = np.round(rng.normal(10, 4, n), 1)
    frame["x"] = rng.uniform(1, 3, n)
    frame["amount"] = np.round(np.exp(frame["y"] / 5))
    frame["signed"] = rng.integers(-2, 3, n).astype(float)
    frame["flag"] = (rng.random(n) < 0.3).astype("float32")
    for name in ("y", "flag"):
        frame.loc[rng.random(n) < 0.1, name] = np.nan
    sexes, groups = rng.choice(["ชาย", "หญิง"], n), rng.choice(list("cab"), n)
    frame["sex"] = pd.Categorical(sexes, categories=["หญิง", "ชาย"], ordered=True)
    frame["group"] = pd.Categorical(groups, categories=list("cabz"), ordered=True)
    frame.loc[rng.random(n) < 0.1, "group"] = np.nan
    frame["code"] = rng.integers(1, 4, n)
    # The domain: nobody in one PSU, one PSU only in another stratum, no "c" at all.
    domain = rng.random(n) < 0.6
    domain &= ~((frame["number"] == 1) & (frame["psu"] == "0")).to_numpy()
    domain &= ~((frame["number"] == 2) & (frame["psu"] != "0")).to_numpy()
    frame["in_domain"] = domain & (frame["group"] != "c").to_numpy()
    return frame
