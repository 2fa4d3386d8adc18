"""Edges where one engine used to stop, or to say something else than the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from survey_helpers import needs_r

from lfsmig.errors import EstimationError
from lfsmig.survey import SurveyDesign

ENGINES = ["python", pytest.param("r", marks=needs_r)]
DATA = pd.DataFrame(
    {
        "s": list("aaaabbbb"),
        "p": [1, 1, 2, 2, 3, 3, 4, 4],
        "q": range(8),
        "w": 1.0,
        "y": [1.0, 5, 2, 8, 3, 3, 9, 1],
        "sex": list("mfmfmfmf"),
        "nobody": pd.Series([None] * 8, dtype=object),
    }
)


def two_stages(first: float, second: float) -> SurveyDesign:
    frame = DATA.assign(first=first, second=second)
    return SurveyDesign(frame, "w", "s", ["p", "q"], fpc=["first", "second"])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("by", [["nobody"], ["sex", "nobody"], ["nobody", "sex"]])
def test_a_column_without_a_value_crosses_to_no_rows(engine: str, by: list[str]) -> None:
    made = SurveyDesign(DATA, "w", "s", "p")
    for statistic, of in (("mean", "y"), ("total", None), ("share", "sex"), ("quantile", "y")):
        found = made.estimate(statistic, of, by=by, engine=engine)
        assert len(found.frame) == len(found.cases) == 0
        assert list(found.frame.columns[: len(by)]) == by
    found = made.estimate("mean", "y", by=by, engine=engine, influence=True)
    assert found.influence is not None
    assert found.influence.shape == (0, 4)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_item_without_a_value_gives_one_empty_category(engine: str) -> None:
    found = SurveyDesign(DATA, "w", "s", "p").share("nobody", by="sex", engine=engine)
    assert found["category"].tolist() == ["", ""]
    assert found["n"].tolist() == [0, 0]
    assert found["estimate"].isna().all()


def test_sizes_and_fractions_are_one_kind_over_all_stages() -> None:
    """R 4.2.2, survey 4.1-1: svydesign(~p+q, strata=~s, fpc=~first+second).

    fpc 0.25 and 4: "Must have all fpc>=1 or all fpc<=1". Read stage by stage the standard error
    would be 0.775604602874429, that of 0.25 and 0.5.
    """
    with pytest.raises(EstimationError, match=r"mixes .* below 1\); use one kind in all stages"):
        two_stages(0.25, 4)
    assert two_stages(0.25, 0.5).mean("y")["se"][0] == pytest.approx(0.775604602874429, rel=1e-12)


def test_a_one_beside_sizes_is_a_size() -> None:
    """R refuses fpc 12 and 1 with two units drawn: "FPC implies >100% sampling in some strata".

    Read as a fraction of the second stage it would give 0.645497224367903.
    """
    with pytest.raises(EstimationError, match="smaller than its 2 sampled units"):
        two_stages(12, 1)
    # sqrt of R's variance with two of two units taken: svymean(~y), fpc 12 and 2.
    assert two_stages(12, 2).mean("y")["se"][0] == pytest.approx(0.645497224367903, rel=1e-12)


@needs_r
@pytest.mark.parametrize("sizes", [(12, 4), (0.25, 0.5), (1, 0.5), (12, 2), (1, 1), (2, 2)])
def test_both_engines_read_one_kind(sizes: tuple[float, float]) -> None:
    made = two_stages(*sizes)
    found = [made.mean("y", by="sex", engine=engine) for engine in ("python", "r")]
    pd.testing.assert_frame_equal(*found, check_exact=False, rtol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_ratio_over_nothing_has_no_error_in_a_full_count_either(engine: str) -> None:
    frame = DATA.assign(none=0.0, size=2)
    for fpc in ("size", None):
        made = SurveyDesign(frame, "w", "s", "p", fpc=fpc)
        for of, expected in (("y", np.inf), ("none", np.nan)):
            found = made.ratio(of, "none", engine=engine).iloc[0]
            assert found["estimate"] == pytest.approx(expected, nan_ok=True)
            assert np.isnan([found["se"], found["cv"], found["ci_low"]]).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_deff_of_replicate_weights_counts_records_with_a_weight(engine: str) -> None:
    """R 4.2.2, survey 4.1-1 (svrepdesign, JK1, scale 7/8; svymean and svytotal, deff = TRUE).

    1.79054073604431 and 1.89828054298642 with the two records of weight zero left out, which is
    what both engines give. With them R counts eight cases: 2.841 and 3.0119 (PARITY.md).
    """
    frame = pd.DataFrame({"w": [0.0, 0, 2, 3, 4, 5, 6, 3], "y": [1.0, 9, 2, 7, 4, 5, 1, 8]})
    names = [f"r{number}" for number in range(8)]
    for row, name in enumerate(names):
        frame[name] = frame["w"] * 8 / 7 * (frame.index != row)
    made = SurveyDesign(frame, "w", repweights=names, rep_type="JK1", rep_scale=7 / 8)
    deff = [made.mean("y", engine=engine)["deff"][0], made.total("y", engine=engine)["deff"][0]]
    assert deff == pytest.approx([1.79054073604431, 1.89828054298642], rel=1e-12)


def test_a_domain_of_objects_with_missing_answers() -> None:
    made = SurveyDesign(DATA, "w", "s", "p")
    known = [True, None, False, True, True, None, False, False]
    assert made.mean("y", domain=known)["n"][0] == 3
    assert made.mean("y", domain=[None] * 8)["n"][0] == 0
    with pytest.raises(EstimationError, match=r"domain is not true/false in row 2"):
        made.mean("y", domain=[True, "x", None, True, True, True, True, True])


@pytest.mark.parametrize("domain", [np.ones((8, 1)), {1, 2}, DATA])
def test_a_domain_that_is_no_list(domain: Any) -> None:
    with pytest.raises(EstimationError, match="domain is no list of one true/false value per row"):
        SurveyDesign(DATA, "w", "s", "p").mean("y", domain=domain)


def test_levels_and_quantiles_that_are_no_numbers() -> None:
    made = SurveyDesign(DATA, "w", "s", "p")
    for level in ("a", None, [0.9], 95):
        with pytest.raises(EstimationError, match=r"level=.* is not between 0 and 1"):
            made.mean("y", level=level)
    with pytest.raises(EstimationError, match="must lie strictly between 0 and 1"):
        made.quantile("y", ["half"])
