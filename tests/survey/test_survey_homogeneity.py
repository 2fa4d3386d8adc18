"""A distribution in two years: Rao and Scott's test with the PSUs that both share."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lfsmig.survey import SurveyDesign
from lfsmig.survey.change import YearCells
from lfsmig.survey.homogeneity import homogeneity


def cells(frame: pd.DataFrame, year: int, link: str) -> YearCells:
    """Shares of `kind` in a year, as the series checks have them."""
    design = SurveyDesign(frame, weight="weight", strata="stratum", psu="psu")
    found = design.estimate("share", of="kind", by=[], influence=True)
    table = found.frame.assign(indicator="kind", domain="{}")
    return YearCells(year, link, table, found.influence, found.psu_table)


def people(rng: np.random.Generator, shares: list[float], size: int, psus: int) -> pd.DataFrame:
    """Persons of areas, in each of which answers are alike."""
    psu = np.arange(size) % psus
    own = rng.choice(len(shares), size, p=shares)
    common = rng.choice(len(shares), psus, p=shares)[psu]
    kind = np.where(rng.random(size) < 0.2, common, own)
    return pd.DataFrame(
        {
            "weight": rng.uniform(50, 150, size),
            "stratum": np.where(psu < psus // 2, "a", "b"),
            "psu": [f"p{number}" for number in psu],
            "kind": pd.Categorical.from_codes(kind, list("wxyz"[: len(shares)])),
        }
    )


def test_a_simple_random_sample_gives_pearsons_chi_square() -> None:
    """90, 60, 50 of 200 persons against 120, 100, 80 of 300: X2 by hand is 1.2592."""
    parts = []
    for year, counts in ((1, (90, 60, 50)), (2, (120, 100, 80))):
        kind = np.repeat(["x", "y", "z"], counts)
        frame = pd.DataFrame({"weight": 1.0, "stratum": "one", "kind": pd.Categorical(kind)})
        parts.append(cells(frame.assign(psu=[f"{year}-{n}" for n in range(len(frame))]), year, ""))
    found = homogeneity(parts, ["indicator", "domain"])
    n1, n2, pooled = 200, 300, np.array([210, 160, 130]) / 500
    d = np.array([120, 100, 80]) / 300 - np.array([90, 60, 50]) / 200
    by_hand = n1 * n2 / (n1 + n2) * d**2 / pooled
    assert by_hand.sum() == pytest.approx(1.2592, abs=0.0001)
    # The design effect of such a sample is 1, but for n / (n - 1) and the unpooled shares.
    assert found["chisq"].iloc[0] == pytest.approx(by_hand.sum(), rel=0.02)
    assert found["contribution"].to_numpy() == pytest.approx(by_hand, rel=0.02)
    assert found["contribution"].sum() == pytest.approx(found["chisq"].iloc[0])
    assert found["df_num"].iloc[0] == pytest.approx(2, rel=0.02)
    assert found["difference"].tolist() == pytest.approx(d.tolist())


def test_years_without_common_areas_are_a_table_of_both() -> None:
    """Against `SurveyDesign.chisq` (R's svychisq) on both years, strata and areas kept apart."""
    rng = np.random.default_rng(5)
    years = [people(rng, [0.4, 0.3, 0.2, 0.1], size, 80) for size in (2000, 1600)]
    found = homogeneity(
        [cells(frame, year, str(year)) for year, frame in enumerate(years)],
        ["indicator", "domain"],
    )
    both = pd.concat(
        [
            frame.assign(
                # Pearson's X2 counts persons: each year's weights add up to its persons.
                weight=frame["weight"] * len(frame) / frame["weight"].sum(),
                stratum=frame["stratum"] + str(year),
                psu=frame["psu"] + str(year),
                year=str(year),
            )
            for year, frame in enumerate(years)
        ],
        ignore_index=True,
    )
    both["year"] = both["year"].astype("category")
    design = SurveyDesign(both, weight="weight", strata="stratum", psu="psu")
    table = design.chisq("year", "kind")
    one = found.iloc[0]
    assert one["statistic_value"] == pytest.approx(table["statistic_value"].iloc[0], rel=0.02)
    assert one["df_num"] == pytest.approx(table["df_num"].iloc[0], rel=0.02)
    assert one["df_den"] / one["df_num"] == pytest.approx(156)
    assert one["p"] == pytest.approx(table["p"].iloc[0], abs=0.02)


def test_nothing_is_found_more_often_than_the_level_says() -> None:
    """40 pairs of years with the same distribution: 5 % are below 0.05."""
    rng = np.random.default_rng(11)
    low = 0
    for _ in range(40):
        pair = [people(rng, [0.5, 0.3, 0.2], 400, 40) for _ in range(2)]
        found = homogeneity(
            [cells(frame, year, "same") for year, frame in enumerate(pair)],
            ["indicator", "domain"],
        )
        low += found["p"].iloc[0] < 0.05
    assert low <= 7


def test_areas_in_both_years_count_once() -> None:
    """The same areas again with one person in twenty changed: sharper than as other areas."""
    rng = np.random.default_rng(3)
    before = people(rng, [0.5, 0.3, 0.2], 1200, 60)
    after = before.copy()
    after.loc[rng.random(len(after)) < 0.05, "kind"] = "w"
    both = {
        link: homogeneity(
            [cells(before, 1, "a"), cells(after, 2, link)], ["indicator", "domain"]
        ).iloc[0]
        for link in ("a", "b")
    }
    assert both["a"]["statistic_value"] > 5 * both["b"]["statistic_value"]
    assert both["a"]["p"] < 0.001 < both["b"]["p"]


def test_what_cannot_be_tested_is_left_out() -> None:
    frame = people(np.random.default_rng(1), [0.6, 0.4], 100, 10)
    same = [cells(frame, 1, "a"), cells(frame, 2, "a")]
    # Nothing changed and nothing could have: no variance is left.
    assert homogeneity(same, ["indicator", "domain"]).empty
    frame["kind"] = pd.Categorical(["w"] * len(frame))
    assert homogeneity([cells(frame, 1, "a"), cells(frame, 2, "b")], ["indicator", "domain"]).empty
