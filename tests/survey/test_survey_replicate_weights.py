"""Replicate weights made here: counted by hand, equal to R's, and right in expectation.

Golden values: `tests/r/golden_variance.R` (R 4.2.2, survey 4.1-1).
"""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from survey_helpers import FIXTURES, api_sample, panel_design, random_frame

from lfsmig.errors import EstimationError
from lfsmig.survey import SurveyDesign
from lfsmig.survey.hadamard import hadamard, is_hadamard

GOLDEN = json.loads((FIXTURES / "survey_variance" / "expected.json").read_text(encoding="utf-8"))
EXACT = {"rel": 1e-11}
# Two strata: a with PSUs of totals 3, 5; b with 1, 4, 10. One record a PSU, weight 1.
FRAME = pd.DataFrame(
    {
        "stratum": list("aabbb"), "psu": ["a1", "a2", "b1", "b2", "b3"], "w": 1.0,
        "y": [3.0, 5, 1, 4, 10], "x": [1.0, 2, 1, 3, 2],
    }
)  # fmt: skip
# 2/1 (1 + 1) + 3/2 (16 + 1 + 25) = 67.
VARIANCE = 67.0


def design(frame: pd.DataFrame = FRAME, **options: Any) -> SurveyDesign:
    return SurveyDesign(frame, "w", "stratum", "psu", **options)


def factors(made: SurveyDesign) -> np.ndarray:
    """Multipliers, PSUs x replicates."""
    assert made.replicates is not None
    return made.replicates.factors.block(slice(None))


def scd() -> SurveyDesign:
    frame = pd.DataFrame(GOLDEN["scd"]["data"]).assign(w=1.0)
    return SurveyDesign(frame, "w", "ESA", "ambulance", nest=True)


def by_column(weights: np.ndarray) -> list[tuple[float, ...]]:
    return sorted(tuple(np.round(column, 12)) for column in np.asarray(weights).T)


# ---- jackknife -----------------------------------------------------------------------------


def test_jackknife_by_hand() -> None:
    made = design().with_replicates("JKn")
    assert made.replicates is not None
    expected = np.array(
        [
            [0, 2, 1, 1, 1],
            [2, 0, 1, 1, 1],
            [1, 1, 0, 1.5, 1.5],
            [1, 1, 1.5, 0, 1.5],
            [1, 1, 1.5, 1.5, 0],
        ]
    )
    assert factors(made) == pytest.approx(expected, rel=1e-15)
    assert made.replicates.rscales == pytest.approx([1 / 2, 1 / 2, 2 / 3, 2 / 3, 2 / 3])
    row = made.total("y").iloc[0]
    assert row["se"] ** 2 == pytest.approx(VARIANCE, rel=1e-13)
    # Five PSUs less two strata; five replicates less one would be 4.
    assert row["df"] == 3


def test_jackknife_weights_are_those_of_r() -> None:
    """as.svrepdesign(type = "JKn") on `scd`; ratio's SE 0.00984645720399716.

    Linearised it is 0.00980730359997476; with the scale of an unstratified jackknife, 5/6 for
    each replicate, it would be 0.0127.
    """
    expected = GOLDEN["scd"]["jkn"]
    made = scd().with_replicates("JKn")
    assert made.replicates is not None
    assert by_column(factors(made)) == by_column(expected["weights"])
    assert made.replicates.rscales == pytest.approx(expected["rscales"])
    row = made.ratio("alive", "arrests").iloc[0]
    assert row["estimate"] == pytest.approx(expected["ratio"]["est"], **EXACT)
    assert row["se"] == pytest.approx(expected["ratio"]["se"], **EXACT)
    assert row["df"] == expected["degf"]
    wrong = row["se"] * np.sqrt(5 / 6 / 0.5)
    assert wrong == pytest.approx(0.0127, abs=5e-5)


@pytest.mark.parametrize("name", ["jk1", "jk1_fpc", "jkn", "jkn_fpc"])
def test_jackknife_of_api(name: str) -> None:
    """as.svrepdesign of apiclus1 (JK1) and apistrat (JKn), with and without population sizes.

    Mean of api00 in apistrat, JKn with fpc: SE 9.40894080278461; without the fpc 9.53613229692519.
    """
    expected = GOLDEN["replicates"][name]
    fpc = "fpc" if name.endswith("fpc") else None
    if name.startswith("jk1"):
        plain = SurveyDesign(api_sample("apiclus1"), "pw", None, "dnum", fpc=fpc)
        made = plain.with_replicates("JK1")
    else:
        plain = SurveyDesign(api_sample("apistrat"), "pw", "stype", fpc=fpc)
        made = plain.with_replicates("JKn")
    tables = {
        "mean_api00": made.mean("api00"), "total_enroll": made.total("enroll"),
        "ratio": made.ratio("api.stu", "enroll"), "share_sch_wide": made.share("sch.wide"),
        "domain_mean_ell": made.mean("ell", domain="`comp.imp` == 'Yes'"),
        "mean_by_stype": made.mean("api00", by=["stype"]),
    }  # fmt: skip
    for key, found in tables.items():
        est, se = np.atleast_1d(expected[key]["est"]), np.atleast_1d(expected[key]["se"])
        assert found["estimate"].to_numpy() == pytest.approx(est, **EXACT), key
        assert found["se"].to_numpy() == pytest.approx(se, rel=1e-9), key
    assert tables["mean_api00"]["df"][0] == expected["degf"]
    assert tables["domain_mean_ell"]["df"][0] == expected["domain_degf"]


# ---- balanced ------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "rho"), [("BRR", None), ("Fay", 0.3)])
def test_half_samples_are_those_of_r(kind: str, rho: float | None) -> None:
    """as.svrepdesign(type = "BRR" or "Fay", hadamard.matrix = H) on `scd`.

    BRR: SE of the ratio 0.010299872946337; Fay with rho 0.3: 0.0101400496058671, and 0.0071 if
    its scale forgot (1 - rho)^2.
    """
    expected = GOLDEN["scd"][kind.lower()]
    matrix = np.array(GOLDEN["scd"]["hadamard"])
    made = scd().with_replicates(kind, rho=rho, matrix=matrix)
    assert factors(made) == pytest.approx(np.array(expected["weights"]), rel=1e-15)
    row = made.ratio("alive", "arrests").iloc[0]
    assert row["se"] == pytest.approx(expected["ratio"]["se"], **EXACT)
    if kind == "BRR":
        assert row["df"] == expected["degf"]
    else:
        assert made.replicates is not None
        assert made.replicates.scale == pytest.approx(expected["scale"])
        assert row["se"] * 0.7 == pytest.approx(0.0071, abs=5e-5)


@pytest.mark.parametrize("kind", ["BRR", "Fay"])
def test_half_samples_give_a_total_s_variance_exactly(kind: str) -> None:
    """Two PSUs a stratum and a matrix with a row for each: the linearised variance."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {"stratum": np.repeat(np.arange(9), 2), "psu": range(18), "y": rng.normal(10, 3, 18)}
    ).assign(w=rng.uniform(1, 3, 18))
    plain = design(frame)
    made = plain.with_replicates(kind, rho=0.5 if kind == "Fay" else None)
    assert made.replicates is not None
    assert made.replicates.count == 12
    assert made.total("y")["se"][0] == pytest.approx(plain.total("y")["se"][0], rel=1e-12)


def test_large_strata_are_split_merged_or_refused() -> None:
    frame = pd.DataFrame({"stratum": list("aaaabbb"), "psu": list("1234567"), "w": 1.0})
    frame["y"] = [1.0, 2, 4, 8, 3, 5, 9]
    with pytest.raises(EstimationError, match=r"Stratum \(b\) has an odd number of PSUs"):
        design(frame).with_replicates("BRR")
    with pytest.raises(EstimationError, match=r"Stratum \(a\) has more than two PSUs"):
        design(frame).with_replicates("BRR", large="fail")
    even = frame.iloc[:4]
    split = design(even).with_replicates("BRR")
    # Pairs (1, 2) and (3, 4): 1 + 16. The design's own variance is 4/3 * 28.75.
    assert split.total("y")["se"][0] ** 2 == pytest.approx(17, rel=1e-13)
    merged = design(frame).with_replicates("BRR", large="merge")
    # Halves 1 + 2 against 4 + 8, and 3 against 5 + 9: 81 + 121.
    assert merged.total("y")["se"][0] ** 2 == pytest.approx(202, rel=1e-13)


def test_hadamard_matrices() -> None:
    for at_least in (1, 2, 3, 5, 13, 37, 61, 85, 154):
        made = hadamard(at_least)
        assert len(made) >= at_least
        assert is_hadamard(made)
        assert (made[0] == 1).all()
        assert (made[:, 0] == 1).all()
    assert [len(hadamard(n)) for n in (3, 9, 13, 17, 25, 53, 77, 81)] == [
        4, 12, 16, 20, 28, 56, 80, 84,
    ]  # fmt: skip
    assert not is_hadamard(np.array([[1, 1], [1, 1]]))


def test_successive_differences_by_hand() -> None:
    # Stratum a: a ring of two, (3 - 5)^2 / 2 twice = 4. Stratum b: (9 + 36 + 81) / 2 = 63.
    made = design().with_replicates("ACS", replicates=8)
    assert made.replicates is not None
    assert made.replicates.count == 8
    assert made.total("y")["se"][0] ** 2 == pytest.approx(67, rel=1e-13)
    # By code the ring is 1, 4, 10, 7: differences 3, 6, 3, 6; in the order of selection
    # 4, 1, 10, 7: 3, 9, 3, 3.
    frame = pd.DataFrame({"stratum": "b", "psu": ["b1", "b2", "b3", "b4"], "w": 1.0})
    frame["y"], frame["turn"] = [1.0, 4, 10, 7], [2.0, 1, 3, 4]
    by_code = design(frame).with_replicates("ACS", replicates=8).total("y")
    assert by_code["se"][0] ** 2 == pytest.approx((9 + 36 + 9 + 36) / 2, rel=1e-13)
    by_turn = design(frame).with_replicates("ACS", replicates=8, order="turn").total("y")
    assert by_turn["se"][0] ** 2 == pytest.approx((9 + 81 + 9 + 9) / 2, rel=1e-13)


def test_successive_differences_when_rows_run_out() -> None:
    """More PSUs than rows (79): rows are used again, and the variance is near the exact one."""
    rng = np.random.default_rng(8)
    y = np.cumsum(rng.normal(0, 1, 300)) + rng.normal(0, 2, 300)
    frame = pd.DataFrame({"stratum": 1, "psu": np.arange(300), "w": 1.0, "y": y})
    exact = (np.diff(np.append(y, y[0])) ** 2).sum() / 2
    found = design(frame).with_replicates("ACS").total("y")["se"][0] ** 2
    assert found == pytest.approx(exact, rel=0.35)
    # The order matters: without it the variance would be that of the spread of all PSUs.
    assert design(frame).total("y")["se"][0] ** 2 > 2 * exact


# ---- bootstrap -----------------------------------------------------------------------------


def test_bootstrap_draws_one_psu_less() -> None:
    made = design().with_replicates("bootstrap", replicates=200)
    values = factors(made)
    draws = values[:2] / 2, values[2:] * 2 / 3
    for times, n in zip(draws, (2, 3), strict=True):
        assert times == pytest.approx(np.round(times), abs=1e-12)
        assert times.sum(axis=0) == pytest.approx(np.full(200, n - 1))


def test_bootstrap_draws_each_outcome_as_often_as_it_should() -> None:
    """All outcomes of the small design by enumeration: probabilities of n - 1 draws of n PSUs."""
    replicates = 20_000
    made = design().with_replicates("bootstrap", replicates=replicates, seed=5)
    times = np.round(factors(made)[2:] * 2 / 3).astype(int)
    for outcome in itertools.product(range(3), repeat=3):
        if sum(outcome) != 2:
            continue
        ways = math.factorial(2) / math.prod(math.factorial(k) for k in outcome)
        probability = ways / 9
        share = (outcome == times.T).all(axis=1).mean()
        margin = 4 * np.sqrt(probability * (1 - probability) / replicates)
        assert abs(share - probability) < margin, outcome


def test_bootstrap_is_exact_over_all_outcomes() -> None:
    """Over every equally likely sequence of draws the variance of the total is the design's: 67.

    With n draws of n PSUs, the plain bootstrap, it would be 4 / 2 + 63 * 2 / 3 = 44.
    """
    y = FRAME["y"].to_numpy()
    found, naive = [], []
    for first in range(2):
        for second in itertools.product(range(2, 5), repeat=2):
            times = np.bincount([first, *second], minlength=5).astype(float)
            found.append((times * [2, 2, 1.5, 1.5, 1.5]) @ y)
    for first in itertools.product(range(2), repeat=2):
        for second in itertools.product(range(2, 5), repeat=3):
            naive.append(np.bincount([*first, *second], minlength=5) @ y)
    assert np.mean((np.array(found) - y.sum()) ** 2) == pytest.approx(VARIANCE)
    assert np.mean((np.array(naive) - y.sum()) ** 2) == pytest.approx(44)


def test_bootstrap_near_linearised_for_every_statistic() -> None:
    """The panel of 2023: within the error of 4,000 replicates (about 3 %)."""
    plain = panel_design(2023)
    made = plain.with_replicates("bootstrap", replicates=4000, seed=11)
    for call in (
        lambda d: d.mean("mig"), lambda d: d.total("mig", by=["area"]),
        lambda d: d.share("grp", by=["sex"]), lambda d: d.ratio("mig", "age"),
    ):  # fmt: skip
        left, right = call(plain), call(made)
        assert (left["estimate"] == right["estimate"]).all()
        assert right["se"].to_numpy() == pytest.approx(left["se"].to_numpy(), rel=0.08)


def test_bootstrap_with_a_finite_population() -> None:
    # Stratum a: 2 of 4; b: 3 of 3, which has no sampling error. 1/2 * 4 = 2.
    frame = FRAME.assign(fpc=[4, 4, 3, 3, 3])
    plain = design(frame, fpc="fpc")
    assert plain.total("y")["se"][0] ** 2 == pytest.approx(2)
    made = plain.with_replicates("bootstrap", replicates=50)
    assert (factors(made)[2:] == 1).all()
    # Both outcomes of stratum a are as far from the total: every set of replicates is exact.
    assert made.total("y")["se"][0] ** 2 == pytest.approx(2, rel=1e-12)


def test_seed_and_strata_settle_the_draw() -> None:
    one, same = (design().with_replicates("bootstrap", 30, seed=4) for _ in range(2))
    assert (factors(one) == factors(same)).all()
    assert one.replicates is not None
    assert same.replicates is not None
    assert one.replicates.draw == same.replicates.draw
    other = design().with_replicates("bootstrap", 30, seed=5)
    assert (factors(one) != factors(other)).any()
    assert other.replicates is not None
    assert one.replicates.draw != other.replicates.draw
    # A stratum's draw does not depend on the other strata, nor on the order of the records.
    alone = design(FRAME.iloc[2:]).with_replicates("bootstrap", 30, seed=4)
    assert (factors(alone) == factors(one)[2:]).all()
    mixed = design(FRAME.sample(frac=1, random_state=1)).with_replicates("bootstrap", 30, seed=4)
    assert (factors(mixed) == factors(one)).all()


# ---- strata of one PSU ---------------------------------------------------------------------

LONELY = pd.concat(
    [FRAME, pd.DataFrame({"stratum": ["c"], "psu": ["c1"], "w": [1.0], "y": [6.0], "x": [1.0]})],
    ignore_index=True,
)


@pytest.mark.parametrize("kind", ["bootstrap", "ACS"])
def test_lonely_strata(kind: str) -> None:
    def found(rule: str, of: str = "y") -> float:
        made = design(LONELY, lonely_psu=rule).with_replicates(kind, replicates=16)
        return made.total(of)["se"][0] ** 2

    kept = found("remove")
    assert found("certainty") == kept
    assert found("average") == pytest.approx(1.5 * kept, rel=1e-12)
    with pytest.raises(EstimationError, match=r"Stratum \(c\) has only one PSU"):
        found("fail")
    # Its total of 6 enters squared, about zero, as the linearised variance has it.
    only = LONELY.assign(y=LONELY["y"].where(LONELY["stratum"] == "c", 0.0))
    made = design(only, lonely_psu="adjust").with_replicates(kind, replicates=16)
    assert made.total("y")["se"][0] ** 2 == pytest.approx(36, rel=1e-12)
    assert design(only, lonely_psu="adjust").total("y")["se"][0] ** 2 == pytest.approx(36)


# ---- properties ----------------------------------------------------------------------------

QUICK = settings(max_examples=15, deadline=None)


@QUICK
@given(st.integers(0, 5000))
def test_replicates_of_a_total_average_to_it(seed: int) -> None:
    """JKn: within every stratum the replicates of a total have its value as their mean."""
    frame = random_frame(seed, lonely=False)
    plain = SurveyDesign(frame, "weight", "stratum", "psu", nest=True)
    made = plain.with_replicates("JKn")
    assert made.replicates is not None
    thetas = made.function_of_totals(lambda t: t, {"t": {"of": "x"}}).replicates[:, 0]
    assert thetas.mean() == pytest.approx(plain.total("x")["estimate"][0], rel=1e-12)
    assert made.total("x")["se"][0] == pytest.approx(plain.total("x")["se"][0], rel=1e-10)


@QUICK
@given(st.integers(0, 5000), st.sampled_from(["bootstrap", "JKn", "ACS"]))
def test_row_order_does_not_matter(seed: int, kind: str) -> None:
    frame = random_frame(seed)
    mixed = frame.sample(frac=1, random_state=seed)
    options = {} if kind == "JKn" else {"replicates": 24}
    left, right = (
        SurveyDesign(f, "weight", "stratum", "psu", nest=True)
        .with_replicates(kind, **options)
        .mean("y", by=["sex"])
        for f in (frame, mixed)
    )
    assert right["se"].to_numpy() == pytest.approx(left["se"].to_numpy(), rel=1e-9, nan_ok=True)
    assert list(left["df"]) == list(right["df"])


# ---- bad input -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "JK9"}, "replicates of kind 'JK9' cannot be made"),
        ({"kind": "JK1"}, "JK1 is for a sample without strata"),
        ({"kind": "JKn", "replicates": 9}, "one replicate per PSU"),
        ({"kind": "bootstrap", "replicates": 1}, "replicates=1 is too few"),
        ({"kind": "Fay"}, "needs rho between 0 and 1"),
        ({"kind": "Fay", "rho": 1.0}, "needs rho between 0 and 1"),
        ({"kind": "BRR", "large": "halve"}, "large='halve' is not known"),
        ({"kind": "BRR", "large": "merge", "matrix": np.ones((4, 4))}, "no Hadamard matrix"),
        (
            {"kind": "BRR", "large": "merge", "matrix": hadamard(2)},
            "order 2; 2 half-samples need at least 3",
        ),
        ({"kind": "ACS", "order": "turn"}, "column 'turn' is not in the data"),
    ],
)
def test_refusals(options: dict[str, Any], words: str) -> None:
    with pytest.raises(EstimationError, match=words):
        design().with_replicates(**options)


def test_replicates_are_not_made_twice() -> None:
    with pytest.raises(EstimationError, match="has replicate weights already"):
        design().with_replicates("JKn").with_replicates("JKn")


def test_a_whole_population_has_no_jackknife() -> None:
    frame = FRAME.assign(fpc=[2, 2, 3, 3, 3])
    with pytest.raises(EstimationError, match="there is no sampling variance"):
        design(frame, fpc="fpc").with_replicates("JKn")


def test_what_is_left_out_is_said() -> None:
    frame = api_sample("apiclus2")
    two = SurveyDesign(frame, "pw", None, ["dnum", "snum"], fpc=["fpc1", "fpc2"])
    with pytest.warns(UserWarning, match="leave out the variance of the second stage"):
        two.with_replicates("bootstrap", 10)
    with pytest.warns(UserWarning, match="leave out the finite population correction"):
        design(FRAME.assign(fpc=30), fpc="fpc").with_replicates("BRR", large="merge")
