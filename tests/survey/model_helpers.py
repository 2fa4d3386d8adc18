"""Designs for the tests of models: those of the golden files, and random ones."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
from survey_helpers import FIXTURES, api_sample, panel

from lfsmig.survey import SurveyDesign


def models_expected() -> dict[str, Any]:
    path = FIXTURES / "survey_models" / "expected.json"
    return json.loads(path.read_text(encoding="utf-8"))


def api_design(name: str) -> SurveyDesign:
    sample = {"strat": "apistrat", "clus1": "apiclus1", "clus2": "apiclus2", "jk1": "apiclus1"}
    frame = api_sample(sample[name])
    frame["wide"] = (frame["sch.wide"] == "Yes").astype(float)
    if name == "strat":
        return SurveyDesign(frame, "pw", "stype", fpc="fpc")
    if name == "clus1":
        return SurveyDesign(frame, "pw", None, "dnum", fpc="fpc")
    if name == "clus2":
        return SurveyDesign(frame, "pw", None, ["dnum", "snum"], fpc=["fpc1", "fpc2"])
    weights = pd.read_csv(FIXTURES / "survey_api" / "apiclus1_jk1.csv")
    frame = pd.concat([frame, weights], axis=1)
    return SurveyDesign(frame, "pw", None, "dnum", repweights=list(weights), rep_type="JK1")


def nhanes_design() -> SurveyDesign:
    frame = pd.read_csv(FIXTURES / "survey_models" / "nhanes.csv")
    return SurveyDesign(frame, "WTMEC2YR", "SDMVSTRA", "SDMVPSU", nest=True)


def panel_years() -> SurveyDesign:
    return SurveyDesign(panel(), "wt", "stratum", "psuid")


def small_design(name: str, *design: Any, **options: Any) -> SurveyDesign:
    return SurveyDesign(pd.DataFrame(models_expected()["small"][name]["data"]), *design, **options)


def model_frame(seed: int, lonely: bool = True) -> pd.DataFrame:
    """Stratified cluster sample with a stratum of one PSU, reused codes, zero weights, holes."""
    rng = np.random.default_rng(seed)
    rows = []
    for stratum in range(int(rng.integers(4, 7))):
        units = 1 if lonely and stratum == 0 else int(rng.integers(5, 9))
        for unit in range(units):
            rows += [(f"ชั้น {stratum}", f"{unit}", stratum)] * int(rng.integers(4, 16))
    frame = pd.DataFrame(rows, columns=["stratum", "psu", "number"])
    n = len(frame)
    frame["house"] = rng.integers(0, 4, n)
    frame["weight"] = np.where(rng.random(n) < 0.05, 0.0, rng.lognormal(4, 0.7, n))
    frame["x"] = rng.normal(40, 12, n).round(1)
    frame["year"] = rng.integers(2019, 2023, n)
    frame["sex"] = rng.choice(["ชาย", "หญิง"], n)
    groups = rng.choice(list("cab"), n)
    frame["group"] = pd.Categorical(groups, categories=list("cabz"), ordered=True)
    frame["hours"] = rng.uniform(1, 60, n).round(2)
    eta = -0.5 + 0.02 * (frame["x"] - 40) + 0.4 * (frame["group"] == "a")
    frame["flag"] = (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(float)
    frame["count"] = rng.poisson(np.exp(-2 + eta) * frame["hours"]).astype(float)
    frame["wage"] = np.exp(9 + eta + rng.normal(0, 0.5, n)).round(0)
    for name in ("x", "flag", "wage"):
        frame.loc[rng.random(n) < 0.05, name] = np.nan
    frame.loc[rng.random(n) < 0.05, "group"] = np.nan
    # The domain leaves out a PSU, and all of another stratum but one PSU.
    domain = rng.random(n) < 0.85
    domain &= ~((frame["number"] == 1) & (frame["psu"] == "0")).to_numpy()
    domain &= ~((frame["number"] == 2) & (frame["psu"] != "0")).to_numpy()
    frame["in_domain"] = domain
    return frame


def model_design(frame: pd.DataFrame, rule: str = "adjust", **options: Any) -> SurveyDesign:
    return SurveyDesign(frame, "weight", "stratum", "psu", nest=True, lonely_psu=rule, **options)


def two_stages(frame: pd.DataFrame, rule: str = "adjust") -> SurveyDesign:
    frame["fpc1"] = frame.groupby("stratum")["psu"].transform("nunique") * 3.0
    frame["fpc2"] = 9.0
    return SurveyDesign(
        frame, "weight", "stratum", ["psu", "house"], nest=True, fpc=["fpc1", "fpc2"],
        lonely_psu=rule,
    )  # fmt: skip


def replicated(frame: pd.DataFrame, seed: int, count: int = 24, **options: Any) -> SurveyDesign:
    rng = np.random.default_rng(seed)
    unit = frame.groupby(["stratum", "psu"]).ngroup().to_numpy()
    names = [f"r{i}" for i in range(count)]
    weights = {}
    for name in names:
        draws = rng.multinomial(unit.max() + 1, np.full(unit.max() + 1, 1 / (unit.max() + 1)))
        weights[name] = frame["weight"] * draws[unit]
    frame = pd.concat([frame, pd.DataFrame(weights)], axis=1)
    return model_design(frame, repweights=names, rep_type="bootstrap", **options)
