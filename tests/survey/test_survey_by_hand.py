"""Designs small enough to count on paper."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lfsmig.survey import SurveyDesign
from lfsmig.survey.estimate import VALUE_COLUMNS

# Stratum a: PSUs a1 (y 1, 2) and a2 (y 3); stratum b: b1 (y 0) and b2 (y 4, 6). Weight 10 in a,
# 5 in b. PSU totals of w*y: a1 30, a2 30; b1 0, b2 50.
FRAME = pd.DataFrame(
    {
        "stratum": list("aaabbb"),
        "psu": ["a1", "a1", "a2", "b1", "b2", "b2"],
        "w": [10.0, 10, 10, 5, 5, 5],
        "y": [1.0, 2, 3, 0, 4, 6],
        "x": [1.0, 1, 2, 1, 2, 2],
        "sex": ["f", "m", "f", "m", "f", "f"],
    }
)


def design(frame: pd.DataFrame = FRAME, **options: object) -> SurveyDesign:
    return SurveyDesign(frame, "w", "stratum", "psu", **options)  # type: ignore[arg-type]


def test_total() -> None:
    # V = 2/(2-1) * [(30-30)^2 + ...] + 2 * [(0-25)^2 + (50-25)^2] = 2500. Without strata it would
    # be 4/3 * (2.5^2 * 2 + 27.5^2 + 22.5^2) = 1700; without clusters 1650.
    row = design().total("y").iloc[0]
    assert row["estimate"] == 110
    assert row["se"] == 50
    assert (row["n"], row["n_psu"], row["df"]) == (6, 4, 2)


def test_number_of_persons() -> None:
    # PSU sizes 20, 10 and 5, 10: V = 2 * 2 * 5^2 + 2 * 2 * 2.5^2 = 125.
    row = design().total().iloc[0]
    assert row["estimate"] == 45
    assert row["se"] == pytest.approx(np.sqrt(125), rel=1e-15)


def test_mean() -> None:
    # Mean 110/45 = 22/9. u = w(y - 22/9)/45: a1 -170/9/45, a2 50/9/45; b1 -110/9/45, b2 230/9/45.
    # V = 2 * 2 * 110^2/405^2 + 2 * 2 * 170^2/405^2.
    row = design().mean("y").iloc[0]
    assert row["estimate"] == pytest.approx(22 / 9, rel=1e-15)
    assert row["se"] == pytest.approx(2 * np.sqrt(110**2 + 170**2) / 405, rel=1e-14)


def test_share() -> None:
    # Women: 10 + 10 + 5 + 5 = 30 of 45. u (women) = w(1[f] - 2/3)/45: a1 -1/3 w: (10/3 - 20/3)/45,
    # a2 (10/3)/45; b1 (-10/3)/45, b2 (10/3)/45: V = 4 (10/3)^2/45^2 + 4 (10/3)^2/45^2.
    found = design().share("sex")
    assert list(found["category"]) == ["f", "m"]
    assert found["estimate"].to_numpy() == pytest.approx([2 / 3, 1 / 3], rel=1e-15)
    expected = np.sqrt(8 * (10 / 3) ** 2) / 45
    assert found["se"].to_numpy() == pytest.approx([expected, expected], rel=1e-14)


def test_ratio() -> None:
    # Sum wy = 110, sum wx = 65. u = w(y - 22/13 x)/65: a1 (30 - 440/13), a2 (30 - 440/13), b1
    # -110/13, b2 50 - 440/13, all over 65. Stratum a adds 0, b: 2 * ((210 + 110)/13/2)^2 * 2.
    row = design().ratio("y", "x").iloc[0]
    assert row["estimate"] == pytest.approx(110 / 65, rel=1e-15)
    assert row["se"] == pytest.approx(320 / 13 / 65, rel=1e-14)


def test_domain_keeps_psus_without_a_case() -> None:
    # Men: a1 20 (w*y), a2 nothing, b1 0, b2 nothing: V = 2 * 2 * 10^2 = 400. Dropping the empty
    # PSUs (filtering the rows first) leaves two lonely strata, and no variance at all.
    row = design().total("y", domain="sex == 'm'").iloc[0]
    assert (row["estimate"], row["se"]) == (20, 20)
    assert (row["n"], row["n_psu"], row["df"]) == (2, 2, 0)
    assert np.isnan(row["ci_low"])


def test_by_is_the_domain_of_each_level_and_empty_crossings_stay() -> None:
    found = design().total("y", by=["stratum", "sex"])
    assert list(found.columns) == ["stratum", "sex", "category", *VALUE_COLUMNS]
    keys = [("a", "f"), ("a", "m"), ("b", "f"), ("b", "m")]
    assert list(zip(found["stratum"], found["sex"], strict=True)) == keys
    assert list(found["estimate"]) == [40, 20, 50, 0]
    one = design().total("y", domain=(FRAME["sex"] == "f") & (FRAME["stratum"] == "b")).iloc[0]
    assert found["se"][2] == one["se"]
    twice = pd.concat([FRAME, FRAME.assign(sex="x", y=np.nan)], ignore_index=True)
    empty = design(twice).mean("y", by="sex").set_index("sex").loc["x"]
    assert (empty["n"], empty["n_psu"], empty["df"]) == (0, 0, 0)
    assert np.isnan([empty["estimate"], empty["se"], empty["deff"], empty["ci_low"]]).all()


def test_missing_item_leaves_the_domain_not_the_design() -> None:
    frame = FRAME.assign(y=[1.0, 2, np.nan, 0, 4, 6])
    row = design(frame).total("y").iloc[0]
    # a: 30, 0 -> V 2 * 2 * 15^2 = 900, b as before 2500.
    assert row["se"] == pytest.approx(np.sqrt(3400), rel=1e-15)
    assert (row["n"], row["n_psu"], row["df"]) == (5, 3, 1)


@pytest.mark.parametrize(
    ("rule", "variance"),
    # Stratum c has one PSU with w*y = 8: adjust adds 8^2; average scales 2500 by 3/2.
    [("remove", 2500), ("certainty", 2500), ("adjust", 2564), ("average", 3750)],
)
def test_lonely_psu(rule: str, variance: float) -> None:
    lonely = pd.DataFrame(
        {"stratum": ["c"], "psu": ["c1"], "w": [4.0], "y": [2.0], "x": [1.0], "sex": ["m"]}
    )
    frame = pd.concat([FRAME, lonely], ignore_index=True)
    row = design(frame, lonely_psu=rule).total("y").iloc[0]
    assert row["se"] ** 2 == pytest.approx(variance, rel=1e-14)


def test_population_sizes() -> None:
    # Stratum a: 2 of 8 PSUs, b: 2 of 2 (no variance). Persons: a: (1 - 1/4) * 2 * 2 * 5^2 = 75.
    frame = FRAME.assign(fpc=[8, 8, 8, 2, 2, 2], rate=[0.25, 0.25, 0.25, 1, 1, 1])
    for name in ("fpc", "rate"):
        row = design(frame, fpc=name).total().iloc[0]
        assert row["se"] ** 2 == pytest.approx(75, rel=1e-14)


def test_median() -> None:
    # Weights 5 (0), 10 (1), 10 (2), 10 (3), 5 (4), 5 (6) of 45: 25/45 is reached at 2.
    found = design().quantile("y", [0.5, 5 / 45, 0.99])
    assert list(found["quantile"]) == [0.5, 5 / 45, 0.99]
    assert list(found["estimate"]) == [2, 0, 6]
    assert found["deff"].isna().all()


def test_design_effect() -> None:
    # Each record its own PSU, equal weights 3: V_srs has (1 - n/N)/n, ours 1/n: deff = 1.5.
    frame = pd.DataFrame({"w": [3.0] * 8, "y": np.arange(8.0)})
    plain = SurveyDesign(frame, "w")
    for table in (plain.mean("y"), plain.total("y")):
        assert table["deff"][0] == pytest.approx(1.5, rel=1e-12)


def test_influence_sums_to_zero_for_means_and_gives_the_variance() -> None:
    found = design().estimate("mean", "y", by=["sex"], influence=True)
    assert found.influence is not None
    assert found.psu_table is not None
    dense = found.influence.toarray()
    assert dense.sum(axis=1) == pytest.approx([0, 0], abs=1e-15)
    table = found.psu_table
    assert list(table["psu"]) == ["a1", "a2", "b1", "b2"]
    means = pd.DataFrame(dense.T).groupby(table["stratum"]).transform("mean").to_numpy().T
    variance = (table["scale"].to_numpy() * (dense - means) ** 2).sum(axis=1)
    assert np.sqrt(variance) == pytest.approx(found.frame["se"].to_numpy(), rel=1e-14)
    # Stored where the cell has cases, and only there.
    assert list(np.diff(found.influence.indptr)) == list(found.frame["n_psu"])


def test_cases_count_the_numerator() -> None:
    made = design()
    assert list(made.estimate("share", "sex").cases) == [4, 2]
    assert list(made.estimate("total", "y").cases) == [5]
    assert list(made.estimate("mean", "y", by=["sex"]).cases) == [4, 2]


def test_code_order_and_only_observed_levels() -> None:
    kind = pd.CategoricalDtype(["z", "m", "f"], ordered=True)
    frame = FRAME.assign(sex=FRAME["sex"].astype(kind), flag=[1.0, 0, 1, 0, 1, np.nan])
    found = design(frame).share("flag", by=["sex"])
    assert list(found["sex"].astype(str)) == ["m", "m", "f", "f"]
    assert found["sex"].dtype == kind
    assert list(found["category"]) == ["0", "1", "0", "1"]
    # A level that only the rest of the data has keeps its row.
    few = design(frame).share("sex", domain="sex == 'f'")
    assert list(few["category"]) == ["m", "f"]
    assert list(few["estimate"]) == [0, 1]


def test_by_column_without_a_value_gives_no_rows() -> None:
    found = design(FRAME.assign(empty=np.nan)).mean("y", by="empty")
    assert len(found) == 0
    assert list(found.columns) == ["empty", "category", *VALUE_COLUMNS]
