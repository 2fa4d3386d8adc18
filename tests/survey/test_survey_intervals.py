"""Intervals: what each method does at the edges, and that both engines name the same ones."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lfsmig.errors import EstimationError
from lfsmig.survey import SurveyDesign, intervals
from lfsmig.survey.intervals import FOR_PROPORTIONS, METHODS, interval

ROOT = Path(__file__).resolve().parents[2]


def limits(method: str, p: float, se: float, df: int, n: int) -> tuple[float, float]:
    low, high = interval(method, *(np.array([float(v)]) for v in (p, se, df, n)), 0.95)
    return float(low[0]), float(high[0])


def table_of(path: Path) -> list[str]:
    """Rows of the table of methods in a file's head, without comment signs."""
    lines = [line.lstrip("# ").rstrip() for line in path.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line.startswith(("``", "method "))]


def test_both_engines_document_the_same_methods() -> None:
    python = table_of(ROOT / "py/lfsmig/survey/intervals.py")
    assert python == table_of(ROOT / "r/intervals.R")
    assert [re.findall("``(.*?)``", row)[0] for row in python[1:]] == list(METHODS)
    named = {row.split("``")[1]: row.split()[1] for row in python[1:]}
    assert [m for m, kind in named.items() if kind == "proportions"] == list(FOR_PROPORTIONS)


def test_korn_graubard_by_hand() -> None:
    """Clopper-Pearson of 10 cases in 40, once n* is 40: Beta quantiles 0.126915..0.411962.

    With p = 0.25 and n_eff = 40 (se = sqrt(.25 .75 / 40)); df = n - 1 makes the adjustment 1.
    """
    se = np.sqrt(0.25 * 0.75 / 40)
    expected = stats.binomtest(10, 40).proportion_ci(method="exact")
    for method in ("beta", "beta_plain"):
        assert limits(method, 0.25, se, 99, 100) == pytest.approx(tuple(expected), rel=1e-9)
    # Few degrees of freedom: n* = 40 (t_99 / t_5)^2; with `beta_plain` and NHIS nothing changes.
    size = 40 * (stats.t.ppf(0.975, 99) / stats.t.ppf(0.975, 5)) ** 2
    adjusted = (
        stats.beta.ppf(0.025, size * 0.25, size * 0.75 + 1),
        stats.beta.ppf(0.975, size * 0.25 + 1, size * 0.75),
    )
    assert limits("beta", 0.25, se, 5, 100) == pytest.approx(adjusted, rel=1e-9)
    assert limits("beta_nchs", 0.25, se, 5, 100) == pytest.approx(adjusted, rel=1e-9)
    for method in ("beta_plain", "beta_nhis"):
        assert limits(method, 0.25, se, 5, 100) == pytest.approx(tuple(expected), rel=1e-9)
    # A deff below 1 makes n* larger than n = 20: the caps, and only they, hold it there.
    capped = stats.binomtest(5, 20).proportion_ci(method="exact")
    for method in ("beta_nchs", "beta_nhis"):
        assert limits(method, 0.25, se, 19, 20) == pytest.approx(tuple(capped), rel=1e-9)
    assert limits("beta", 0.25, se, 19, 20) == pytest.approx(tuple(expected), rel=1e-9)


@pytest.mark.parametrize("method", FOR_PROPORTIONS)
def test_nobody_and_everybody(method: str) -> None:
    """At 0 and 1 the effective size is n; Clopper-Pearson's upper limit is 1 - 0.025^(1/n)."""
    low, high = limits(method, 0.0, 0.0, 12, 30)
    assert low == 0
    if method == "wilson":
        t2 = stats.t.ppf(0.975, 12) ** 2
        assert high == pytest.approx(t2 / (30 + t2), rel=1e-12)
    else:
        assert high == pytest.approx(1 - 0.025 ** (1 / 30), rel=1e-9)
    assert limits(method, 1.0, 0.0, 12, 30) == pytest.approx((1 - high, 1.0), rel=1e-9)


def test_without_degrees_of_freedom_or_error() -> None:
    for method in METHODS:
        assert np.isnan(limits(method, 0.3, 0.1, 0, 30)).all()
    # A census of the stratum: nothing is uncertain, unless the effective size is capped at n.
    for method in set(METHODS) - {"beta_nchs", "beta_nhis"}:
        assert limits(method, 0.3, 0.0, 5, 30) == pytest.approx((0.3, 0.3), rel=1e-12)
    assert limits("beta_nchs", 0.3, 0.0, 5, 30)[0] < 0.3


def test_wilson_by_hand() -> None:
    # n_eff 40, t with 10 df: centre (p + t^2/80) / (1 + t^2/40).
    se, t = np.sqrt(0.25 * 0.75 / 40), stats.t.ppf(0.975, 10)
    half = t * np.sqrt(0.25 * 0.75 / 40 + t**2 / (4 * 40**2))
    middle, shrink = 0.25 + t**2 / 80, 1 + t**2 / 40
    expected = (middle - half) / shrink, (middle + half) / shrink
    assert limits("wilson", 0.25, se, 10, 100) == pytest.approx(expected, rel=1e-12)


def test_defaults() -> None:
    frame = pd.DataFrame(
        {
            "w": [10.0] * 6, "y": [1.0, 0, 0, 1, 1, 0], "signed": [-1.0, 1, 2, 3, 1, 1],
            "g": list("aababb"), "x": [1.0, 2, 3, 4, 5, 6],
        }
    )  # fmt: skip
    design = SurveyDesign(frame, "w")
    for row, method in (
        (design.share("g").iloc[0], "logit"), (design.rate("y", 1).iloc[0], "logit"),
        (design.total("x").iloc[0], "log"), (design.total("signed").iloc[0], "wald"),
        (design.mean("y").iloc[0], "wald"), (design.ratio("y", "x").iloc[0], "wald"),
        (design.rate("y", 1, over="x").iloc[0], "wald"), (design.gini("x").iloc[0], "wald"),
        (design.top_share("x").iloc[0], "wald"),
    ):  # fmt: skip
        expected = limits(method, row["estimate"], row["se"], row["df"], row["n"])
        assert (row["ci_low"], row["ci_high"]) == pytest.approx(expected, rel=1e-12)
    # `per` comes after the interval: a rate per 1,000 stays between 0 and 1,000.
    high = design.rate("y", 1000, domain="y == 1").iloc[0]
    assert (high["estimate"], high["ci_high"]) == (1000, 1000)


def test_methods_are_refused_where_they_do_not_belong() -> None:
    for method in FOR_PROPORTIONS:
        for statistic in ("total", "ratio", "gini", "top_share"):
            with pytest.raises(EstimationError, match="is for shares, not for a"):
                intervals.check_method(method, statistic)
    with pytest.raises(EstimationError, match="use one of logit, beta, beta_nchs"):
        intervals.check_method("clopper", "share")
