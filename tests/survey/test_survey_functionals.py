"""Statistics that are functions of weights: an index with the variance of its replicates.

Golden values: `tests/r/golden_variance.R` (R 4.2.2, survey 4.1-1).
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from survey_helpers import FIXTURES, api_sample, needs_r, panel, panel_design

from lfsmig.errors import EstimationError
from lfsmig.survey import SurveyDesign

GOLDEN = json.loads((FIXTURES / "survey_variance" / "expected.json").read_text(encoding="utf-8"))
TABLE = {"counts": {"by": ["stype", "sch.wide"]}}


def unlike(counts: np.ndarray) -> np.ndarray:
    """Half the sum of differences between the shares of two columns, and its logarithm."""
    shares = counts / counts.sum(axis=-2, keepdims=True)
    index = np.abs(shares[..., 0] - shares[..., 1]).sum(axis=-1) / 2
    return np.stack([index, np.log(index)], axis=-1)


def migration_effectiveness(flows: np.ndarray) -> np.ndarray:
    """100 times net over gross migration of all areas; flows (..., from, to)."""
    moves = flows * (1 - np.eye(flows.shape[-1]))
    out, arrived = moves.sum(axis=-1), moves.sum(axis=-2)
    return 100 * np.abs(arrived - out).sum(axis=-1) / (arrived + out).sum(axis=-1)


def api(name: str) -> SurveyDesign:
    if name == "jkn":
        return SurveyDesign(api_sample("apistrat"), "pw", "stype", fpc="fpc").with_replicates("JKn")
    plain = SurveyDesign(api_sample("apiclus1"), "pw", None, "dnum")
    return plain.with_replicates("JK1", mse=True)


def flows_of(year: int, **options: Any) -> SurveyDesign:
    frame = panel(year)
    frame["origin"] = np.random.default_rng(year).permutation(frame["prov"].to_numpy())
    made = SurveyDesign(frame, "wt", "stratum", "psuid")
    return made.with_replicates("bootstrap", replicates=40, **options)


FLOWS = {"flows": {"by": ["origin", "prov"], "domain": "mig == 1"}}


@pytest.mark.parametrize("vectorised", [False, True])
@pytest.mark.parametrize("name", ["jkn", "jk1"])
def test_with_replicates(name: str, vectorised: bool) -> None:
    """withReplicates(design, index): estimates, their covariance matrix and df, as R has them."""
    expected = GOLDEN["functional"][name]
    found = api(name).function_of_totals(unlike, TABLE, ["index", "log"], vectorised)
    assert found.value == pytest.approx(expected["est"], rel=1e-12)
    assert found.covariance.ravel() == pytest.approx(np.ravel(expected["vcov"]), rel=1e-9)
    assert found.df == expected["degf"]
    frame = found.frame()
    assert list(frame["name"]) == ["index", "log"]
    assert frame["se"].to_numpy() == pytest.approx(np.sqrt(np.diag(expected["vcov"])), rel=1e-9)


def test_function_of_weights_meets_the_records() -> None:
    made = api("jkn")
    by_totals = made.function_of_totals(unlike, TABLE)

    def from_records(weights: np.ndarray, data: pd.DataFrame) -> np.ndarray:
        counts = data.assign(w=weights).pivot_table("w", "stype", "sch.wide", "sum")
        return unlike(counts.to_numpy())

    by_weights = made.function_of_weights(from_records)
    assert by_weights.value == pytest.approx(by_totals.value, rel=1e-12)
    assert by_weights.covariance == pytest.approx(by_totals.covariance, rel=1e-9)
    assert by_weights.df == by_totals.df


@needs_r
def test_totals_of_every_replicate_by_r() -> None:
    """An index of flows from totals that R's svytotal adds up: the same bits or nearly."""
    made = flows_of(2021)
    left = made.function_of_totals(migration_effectiveness, FLOWS, vectorised=True)
    right = made.function_of_totals(migration_effectiveness, FLOWS, vectorised=True, engine="r")
    assert right.value == pytest.approx(left.value, rel=1e-12)
    assert right.replicates == pytest.approx(left.replicates, rel=1e-11)
    assert right.se == pytest.approx(left.se, rel=1e-10)


def test_a_linear_function_is_the_table_itself() -> None:
    made = flows_of(2022)
    found = made.function_of_totals(lambda t: t, {"t": {"of": "mig", "by": "prov"}})
    table = made.total("mig", by=["prov"])
    assert found.value == pytest.approx(table["estimate"].to_numpy(), rel=1e-13)
    assert found.se == pytest.approx(table["se"].to_numpy(), rel=1e-12)
    rate = made.function_of_totals(
        lambda above, below: above / below, {"above": {"of": "mig"}, "below": {}}
    )
    mean = made.mean("mig")
    assert rate.value[0] == pytest.approx(mean["estimate"][0], rel=1e-13)
    assert rate.se[0] == pytest.approx(mean["se"][0], rel=1e-12)
    assert rate.df == mean["df"][0]


def test_percentile_interval_is_that_of_the_replicates() -> None:
    found = flows_of(2021, seed=3).function_of_totals(migration_effectiveness, FLOWS)
    row = found.frame(level=0.9, ci="percentile").iloc[0]
    expected = np.quantile(found.replicates[:, 0], [0.05, 0.95])
    assert [row["ci_low"], row["ci_high"]] == pytest.approx(expected)
    wald = found.frame(level=0.9).iloc[0]
    assert wald["ci_low"] + wald["ci_high"] == pytest.approx(2 * wald["estimate"])


def test_a_replicate_without_a_value_is_left_out() -> None:
    made = flows_of(2020)
    found = made.function_of_totals(lambda t: np.where(t > 0, 1 / t, np.nan), {"t": {"of": "mig"}})
    assert np.isfinite(found.se[0])
    # One replicate gone: the sum of the others, with the same scale.
    spoilt = found.apart.copy()
    spoilt[0] = np.nan
    again = type(found)(**{**found.__dict__, "apart": spoilt})
    scale = found.scales[1:]
    assert again.se[0] ** 2 == pytest.approx((scale * found.apart[1:, 0] ** 2).sum())


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda d: d.function_of_totals(len, {"t": {"by": "prov", "where": 1}}), "'where' is not"),
        (lambda d: d.function_of_totals(lambda t: t, {"t": {"by": "prov"}}, ["a"]), "names has 1"),
        (lambda d: d.function_of_totals(lambda t: t, {"t": {"of": "nope"}}), "column 'nope'"),
        (lambda d: d.function_of_weights(lambda w, f: w[w > 0]), "the function gives"),
    ],
)
def test_refusals(call: Any, words: str) -> None:
    with pytest.raises(EstimationError, match=words):
        call(flows_of(2019))


def test_without_replicates_it_says_how_to_get_them() -> None:
    with pytest.raises(EstimationError, match="make them with with_replicates"):
        panel_design(2019).function_of_totals(lambda t: t, {"t": {}})
    with pytest.raises(EstimationError, match=r"ci='boot' is not known here"):
        flows_of(2019).function_of_totals(lambda t: t, {"t": {}}).frame(ci="boot")
