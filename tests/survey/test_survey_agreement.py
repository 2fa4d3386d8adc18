"""Both engines side by side on random designs: every statistic, every rule, every odd case."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from survey_helpers import assert_engines_agree, disagreement, needs_r, panel_design, random_frame

from lfsmig.errors import EstimationError
from lfsmig.survey import SurveyDesign
from lfsmig.survey.intervals import METHODS

pytestmark = needs_r

TABLES = [
    ("mean", "y"),
    ("mean", "flag"),
    ("total",),
    ("total", "y"),
    ("total", "signed"),
    ("share", "group"),
    ("share", "code"),
    ("ratio", "y", "x"),
    ("rate", "flag"),
    ("rate", "y", "x"),
    ("gini", "amount"),
    ("top_share", "amount"),
]
BYS = [[], ["sex"], ["group"], ["sex", "code"]]
RULES = ["remove", "certainty", "adjust", "average"]


def make(frame: pd.DataFrame, rule: str = "adjust", **options: object) -> SurveyDesign:
    return SurveyDesign(frame, "weight", "stratum", "psu", nest=True, lonely_psu=rule, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_random_designs_agree(seed: int, rule: str) -> None:
    frame = random_frame(seed)
    design = make(frame, rule)
    for table in TABLES:
        for by in BYS:
            # The whole sample by turns with a domain, so that each table meets both.
            inside = frame["in_domain"].to_numpy() if (len(by) + seed) % 2 else None
            assert_engines_agree(design, *(*table, None, None)[:3], by, inside, influence=True)


@pytest.mark.parametrize("rule", RULES)
def test_covariances_agree(rule: str) -> None:
    frame = random_frame(2 + RULES.index(rule))
    design = make(frame, rule)
    for table in TABLES:
        for by in (["group"], ["sex", "code"]):
            inside = frame["in_domain"].to_numpy()
            assert_engines_agree(design, *(*table, None, None)[:3], by, inside, covariance=True)


@pytest.mark.parametrize("seed", range(3))
def test_quantiles_agree(seed: int) -> None:
    frame = random_frame(seed)
    design = make(frame)
    for by in BYS:
        for domain in (None, frame["in_domain"].to_numpy()):
            for item in ("y", "code"):
                options = {"quantiles": [0.05, 0.25, 0.5, 0.9]}
                assert_engines_agree(design, "quantile", item, None, by, domain, **options)


@pytest.mark.parametrize("ci", METHODS)
def test_intervals_agree(ci: str) -> None:
    frame = random_frame(11)
    frame["all_sampled"] = frame.groupby("stratum")["psu"].transform("nunique")
    for level in (0.9, 0.95):
        for by in (["sex"], ["sex", "code"], ["stratum"]):
            # A stratum sampled whole has no sampling error, single cases lie at 0 or 1.
            for fpc in (None, "all_sampled"):
                design = make(frame, fpc=fpc)
                assert_engines_agree(design, "share", "group", None, by, ci=ci, level=level)


def test_lonely_fail_is_refused_by_both_in_the_same_words() -> None:
    frame = random_frame(1)
    for engine in ("python", "r"):
        with pytest.raises(EstimationError, match=r"Stratum \(ชั้น 0\) has only one PSU at stage 1"):
            make(frame, "fail").mean("x", engine=engine)
    # Not asked about where the domain does not reach it.
    elsewhere = (frame["number"] > 0).to_numpy()
    assert_engines_agree(make(frame, "fail"), "mean", "x", None, [], elsewhere)


@pytest.mark.parametrize("rule", [*RULES, "fail"])
def test_domain_without_a_case_gives_rows_of_nan(rule: str) -> None:
    design = make(random_frame(2), rule)
    nobody = np.zeros(len(design.weights), bool)
    for table in TABLES:
        padded = (*table, None, None)[:3]
        for by in ([], ["sex"]):
            assert_engines_agree(design, *padded, by, nobody, influence=True)
            found = design.estimate(*padded, by, nobody).frame
            assert (found["n"] == 0).all()
            assert found["estimate"].isna().all()
            assert len(found) >= max(1, 2 * len(by))


@pytest.mark.parametrize("sizes", [True, False])
@pytest.mark.parametrize("rule", ["adjust", "average", "remove"])
def test_population_sizes_agree(sizes: bool, rule: str) -> None:
    frame = random_frame(RULES.index(rule))
    sampled = frame.groupby("stratum")["psu"].transform("nunique")
    # Stratum 1 is sampled whole: no variance, and no question of loneliness.
    population = sampled * 4.0
    population[frame["number"] == 1] = sampled[frame["number"] == 1]
    frame["fpc"] = population if sizes else sampled / population
    design = make(frame, rule, fpc="fpc")
    for table in TABLES:
        inside = frame["in_domain"].to_numpy()
        options = {"covariance": sizes}
        assert_engines_agree(design, *(*table, None, None)[:3], ["sex"], inside, **options)


@pytest.mark.parametrize("rule", ["adjust", "remove", "certainty", "average"])
def test_two_stages_agree(rule: str) -> None:
    seed = RULES.index(rule)
    frame = random_frame(seed, lonely=False)
    frame["house"] = np.random.default_rng(seed).integers(0, 4, len(frame))
    frame["fpc1"] = frame.groupby("stratum")["psu"].transform("nunique") * 3.0
    frame["fpc2"] = 9.0
    design = SurveyDesign(
        frame, "weight", "stratum", ["psu", "house"], nest=True, fpc=["fpc1", "fpc2"],
        lonely_psu=rule,
    )  # fmt: skip
    assert len(design.stages) == 2
    for table in TABLES:
        inside = frame["in_domain"].to_numpy()
        options = {"covariance": table[0] in ("mean", "share", "top_share")}
        assert_engines_agree(design, *(*table, None, None)[:3], ["sex"], inside, **options)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("bootstrap", {}),
        ("JK1", {"rep_mse": True}),
        ("BRR", {}),
        ("other", {"rep_scale": 0.3, "rep_rscales": [0.5, 1, 1, 2, 0, 1]}),
    ],
)
def test_replicate_weights_agree(kind: str, options: dict[str, object]) -> None:
    seed = len(options) + len(kind) % 2
    frame = random_frame(seed)
    rng = np.random.default_rng(seed)
    names = [f"r{i}" for i in range(6)]
    for name in names:
        per_psu = rng.integers(0, 3, 50)
        unit = frame["number"] * 6 + frame["psu"].astype(int)
        frame[name] = frame["weight"] * per_psu[unit % 50]
    design = make(frame, repweights=names, rep_type=kind, **options)
    for by in ([], ["sex", "code"]):
        for table in [*TABLES, ("quantile", "y")]:
            padded = (*table, None, None)[:3]
            inside = frame["in_domain"].to_numpy()
            joint = table[0] != "quantile" and len(by) > 0
            assert_engines_agree(design, *padded, by, inside, covariance=joint)


def test_records_as_their_own_units_agree() -> None:
    frame = random_frame(5)
    design = SurveyDesign(frame, "weight")
    for table in TABLES:
        assert_engines_agree(design, *(*table, None, None)[:3], ["sex"], influence=True)


def test_panel_agrees_closely() -> None:
    """Real-sized figures: the largest relative difference of any estimate or SE is rounding."""
    worst = 0.0
    for year in (2019, 2024):
        design = panel_design(year)
        for by in ([], ["prov"], ["prov", "sex"], ["grp", "area", "sex"]):
            worst = max(
                worst,
                assert_engines_agree(design, "share", "grp", None, by, influence=True),
                assert_engines_agree(design, "total", "amount", None, by),
                assert_engines_agree(design, "ratio", "amount", "mig", by),
            )
    assert worst < 1e-11


def test_a_seeded_difference_is_seen() -> None:
    """The comparison itself can fail: one SE moved by 2e-9 of itself is caught."""
    frame = panel_design(2020).mean("mig", by=["prov"])
    moved = frame.copy()
    moved.loc[2, "se"] *= 1 + 2e-9
    assert disagreement(frame, frame) == (0.0, [])
    assert disagreement(frame, moved)[1] == ["se"]
