"""R beside Python on random designs: replicate weights and calibrated weights of every kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from survey_helpers import assert_engines_agree, needs_r, panel_design, random_frame

from lfsmig.survey import SurveyDesign
from lfsmig.survey import r_session as r

pytestmark = needs_r

TABLES = [
    ("mean", "y"), ("total",), ("total", "signed"), ("share", "group"), ("ratio", "y", "x"),
]  # fmt: skip


def sample(seed: int, rule: str = "adjust", **options: Any) -> SurveyDesign:
    frame = random_frame(seed, lonely=options.pop("lonely", True))
    frame["area"] = np.random.default_rng(seed).integers(0, 3, len(frame))
    for name, make in options.pop("columns", {}).items():
        frame[name] = make(frame)
    return SurveyDesign(
        frame, "weight", "stratum", options.pop("psu", "psu"), nest=True, lonely_psu=rule, **options
    )  # fmt: skip


def agree(design: SurveyDesign, quantiles: bool = True) -> None:
    inside = design.frame["in_domain"].to_numpy()
    for by, domain in (([], None), (["sex"], inside), (["sex", "code"], None)):
        for table in TABLES:
            padded = (*table, None, None)[:3]
            assert_engines_agree(design, *padded, by, domain, influence=True)
        if quantiles:
            options = {"quantiles": [0.25, 0.5, 0.9]}
            assert_engines_agree(design, "quantile", "y", None, by, domain, **options)


def area_totals(design: SurveyDesign, factor: float = 1.1) -> Any:
    return design.frame.groupby("area")["weight"].sum() * factor


def linear(design: SurveyDesign) -> SurveyDesign:
    totals = area_totals(design)
    x = float((design.frame["weight"] * design.frame["x"]).sum()) * 1.12
    return design.calibrated(["area", "x"], {"area": totals, "x": x}, allow_negative=True)


def raked(design: SurveyDesign, unweighted: bool = False) -> SurveyDesign:
    area = area_totals(design)
    code = design.frame.groupby("code")["weight"].sum()
    margins = [area, code * area.sum() / code.sum()]
    return design.raked(["area", "code"], margins, unweighted)


CALIBRATIONS: dict[str, Callable[[SurveyDesign], SurveyDesign]] = {
    "given": lambda d: d.poststratified(["area", "sex"], min_cases=3),
    "post-strata": lambda d: d.poststratified("area", area_totals(d)),
    "raked": raked,
    "rake": lambda d: raked(d, unweighted=True),
    "linear": linear,
    "linear, given": lambda d: d.calibrated(["sex", "x"]),
}


@pytest.mark.parametrize("kind", list(CALIBRATIONS))
@pytest.mark.parametrize("rule", ["adjust", "average"])
def test_calibrated_random_designs(kind: str, rule: str) -> None:
    """Zero weights, missing items, lonely strata, PSUs and strata without a case."""
    agree(CALIBRATIONS[kind](sample(len(kind) + len(rule), rule)))


@pytest.mark.parametrize("kind", ["given", "post-strata", "raked", "linear"])
def test_calibrated_two_stages(kind: str) -> None:
    columns = {
        "house": lambda f: np.random.default_rng(len(f)).integers(0, 4, len(f)),
        "fpc1": lambda f: f.groupby("stratum")["psu"].transform("nunique") * 3.0,
        "fpc2": lambda f: 9.0,
    }
    design = sample(3, lonely=False, columns=columns, psu=["psu", "house"], fpc=["fpc1", "fpc2"])
    assert len(design.stages) == 2
    agree(CALIBRATIONS[kind](design), quantiles=kind == "linear")


def test_weights_are_r_s() -> None:
    """Weights after calibration, from R's own postStratify, rake and calibrate."""
    for kind in ("post-strata", "raked", "linear"):
        made = CALIBRATIONS[kind](sample(5))
        made.mean("x", engine="r")
        theirs = r.array(r.call("sampling_weights", made._r_handle.design))
        assert made.weights == pytest.approx(theirs, rel=1e-9, abs=1e-9), kind


REPLICATES: dict[str, dict[str, Any]] = {
    "bootstrap": {"replicates": 30}, "JKn": {}, "ACS": {"replicates": 24},
    "BRR": {"large": "merge"}, "Fay": {"large": "merge", "rho": 0.3},
}  # fmt: skip


@pytest.mark.parametrize("kind", list(REPLICATES))
def test_replicate_random_designs(kind: str) -> None:
    """Identical replicate weights in svrepdesign: estimate, SE, df and each replicate."""
    for seed in range(2):
        agree(sample(seed).with_replicates(kind, **REPLICATES[kind]))


@pytest.mark.parametrize(
    ("kind", "calibration"),
    [("bootstrap", "post-strata"), ("JKn", "raked"), ("BRR", "linear"), ("JKn", "post-strata")],
)
def test_replicates_are_calibrated_one_by_one(kind: str, calibration: str) -> None:
    """R's postStratify, rake and calibrate on a replicate design; df is the rank of what comes out.

    Calibrating before or after the replicates are made is the same.
    """
    made = sample(2).with_replicates(kind, **REPLICATES[kind])
    after = CALIBRATIONS[calibration](made)
    agree(after, quantiles=False)
    before = CALIBRATIONS[calibration](sample(2)).with_replicates(kind, **REPLICATES[kind])
    for table in (("mean", "y", None, ["sex"]), ("total", "x")):
        left, right = after.estimate(*table).frame, before.estimate(*table).frame
        assert right["se"].to_numpy() == pytest.approx(left["se"].to_numpy(), rel=1e-10)


@pytest.mark.parametrize("kind", ["JK1", "JKn", "BRR", "Fay"])
def test_weights_made_by_r_give_the_same(kind: str) -> None:
    """R's own as.svrepdesign against ours: no weight passes between the engines."""
    stratum = None if kind == "JK1" else "stratum"
    frame = panel_design(2022).frame.assign(all=1)
    if kind in ("BRR", "Fay"):
        # Two PSUs a stratum: the first and the last.
        ends = frame.groupby("stratum")["psuid"].transform(lambda p: p.isin([p.min(), p.max()]))
        frame = frame[ends].sort_values(["stratum", "psuid"]).reset_index(drop=True)
    plain = SurveyDesign(frame, "wt", stratum, "psuid")
    rho = 0.3 if kind == "Fay" else None
    made = plain.with_replicates(kind, rho=rho)
    plain.mean("mig", engine="r")
    options = {"rho": r.numbers(np.array([rho]))} if rho else {}
    theirs = r.call("with_replicates", plain._r_handle.design, r.text(kind), **options)
    found = r.fields(r.call("estimate_table", theirs, r.text("mean"), r.numbers(frame["mig"])))
    ours = made.mean("mig")
    assert r.array(found["estimate"])[0] == pytest.approx(ours["estimate"][0], rel=1e-12)
    # Other Hadamard matrices pair other half-samples: the mean is not linear, but nearly.
    exact = 1e-9 if kind in ("JK1", "JKn") else 0.02
    assert r.array(found["se"])[0] == pytest.approx(ours["se"][0], rel=exact)
    assert r.array(found["df"])[0] == ours["df"][0]


@pytest.mark.parametrize("kind", ["bootstrap", "ACS"])
def test_kinds_that_r_lacks_are_written_in_r_too(kind: str) -> None:
    """r/replicates.R alone: near the linearised variance, and the differences round the strata."""
    plain = panel_design(2022)
    plain.mean("mig", engine="r")
    count = 400 if kind == "bootstrap" else 48
    theirs = r.call(
        "with_replicates",
        plain._r_handle.design,
        r.text(kind),
        replicates=r.integers(np.array([count])),
    )
    found = r.fields(
        r.call("estimate_table", theirs, r.text("total"), r.numbers(plain.numbers("mig")))
    )
    se = r.array(found["se"])[0]
    if kind == "bootstrap":
        assert se == pytest.approx(plain.total("mig")["se"][0], rel=0.15)
    else:
        ours = plain.with_replicates("ACS", replicates=count).total("mig")
        assert se == pytest.approx(ours["se"][0], rel=1e-10)
