"""Publication rules and disclosure control."""

from __future__ import annotations

import itertools
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lfsmig.errors import ParameterError
from lfsmig.params import load
from lfsmig.release import release, release_trends
from lfsmig.results import domain_text
from tests.conftest import ROOT

PUBLICATION = load(ROOT / "params").rules.publication


def cell(**values: object) -> dict[str, object]:
    """A share of 40 % on 500 persons: printable by every rule."""
    base: dict[str, object] = {
        "year": 2023,
        "indicator": "a.share",
        "domain": "{}",
        "category": "x",
        "statistic": "share",
        "unit": "share",
        "engine": "python",
        "estimate": 0.4,
        "se": 0.02,
        "cv": 0.05,
        "df": 200.0,
        "ci_low": 0.36,
        "ci_high": 0.44,
        "n": 500,
        "n_psu": 300,
        "deff": 1.2,
        "n_cases": 200,
    }
    return base | values


def register(*cells: dict[str, object]) -> list[Any]:
    """Register that the cells could come from: one indicator per name."""
    items = {"mean": "amount", "ratio": "net_migration", "rate": "recent_internal"}
    return [
        SimpleNamespace(
            id=name,
            population="migrants",
            where=None,
            calibrated=False,
            winsorised=False,
            over=None,
            statistic=statistic,
            of=f"item of {name}" if statistic == "share" else items.get(str(statistic)),
        )
        for name, statistic in dict.fromkeys((c["indicator"], c["statistic"]) for c in cells)
    ]


def released(*cells: dict[str, object], rule: str = "nchs2017") -> pd.DataFrame:
    return release(pd.DataFrame(list(cells)), PUBLICATION, rule, register(*cells))


def flags(*cells: dict[str, object], rule: str = "nchs2017") -> list:
    return released(*cells, rule=rule)["flag"].tolist()


def test_a_precise_share_is_shown_untouched() -> None:
    out = released(cell())
    assert out["flag"].tolist() == [""]
    assert out["estimate"].tolist() == [0.4]
    assert out["rule_set"].tolist() == ["nchs2017"]


def test_a_withheld_row_keeps_no_number() -> None:
    out = released(cell(n=20, n_cases=8))
    assert out["flag"].tolist() == ["s"]
    for column in ("estimate", "se", "cv", "ci_low", "ci_high", "n", "n_cases", "deff", "df"):
        assert out[column].isna().all(), column


def test_few_cases_are_confidential_before_anything_else() -> None:
    total = {"statistic": "total", "unit": "persons", "category": "", "ci_low": 0.39}
    few, many = (cell(**total, domain=f'{{"region":"{k}"}}', n=k, n_cases=k) for k in (4, 50))
    assert flags(few, many, rule="nso") == ["c", ""]


def test_nobody_is_not_confidential() -> None:
    # Zero cases tell of no person; the boundary estimate is for review.
    assert flags(cell(n_cases=0, estimate=0.0, se=0.0, cv=np.nan)) == ["r"]


def test_an_amount_needs_ten_cases() -> None:
    amount = {"statistic": "mean", "unit": "baht", "n": 40, "estimate": 900.0, "se": 50.0}
    assert flags(cell(**amount, n_cases=9)) == ["c"]
    assert flags(cell(**amount, n_cases=40)) == [""]


def test_wide_korn_graubard_interval_is_withheld() -> None:
    # NCHS: a width of 0.30 and more is never shown, one of 0.05 and less always.
    assert flags(cell(se=0.09, cv=0.225)) == ["s"]
    assert flags(cell(estimate=0.01, se=0.004, cv=0.4, n=4000, n_cases=40)) == [""]


def test_few_degrees_of_freedom_are_reviewed() -> None:
    assert flags(cell(df=7)) == ["r"]
    assert flags(cell(df=8)) == [""]


@pytest.mark.parametrize(("cv", "flag"), [(0.2, ""), (0.21, "s")])
def test_nso_withholds_above_twenty_percent(cv: float, flag: str) -> None:
    assert flags(cell(cv=cv), rule="nso") == [flag]


@pytest.mark.parametrize(("cv", "flag"), [(0.25, ""), (0.3, "*"), (0.51, "s")])
def test_abs_marks_and_withholds(cv: float, flag: str) -> None:
    assert flags(cell(cv=cv), rule="abs") == [flag]


def test_a_total_needs_ten_cases_and_a_narrow_interval() -> None:
    total = {"statistic": "total", "unit": "persons", "estimate": 1e5}
    narrow = {"ci_low": 8e4, "ci_high": 1.2e5}
    assert flags(cell(**total, **narrow, n=9, n_cases=9)) == ["s"]
    assert flags(cell(**total, **narrow, n=60, n_cases=60)) == [""]
    assert flags(cell(**total, ci_low=2e4, ci_high=2.4e5, n=60, n_cases=60)) == ["s"]


def test_a_net_rate_near_zero_is_judged_by_cases_and_not_by_cv() -> None:
    net = cell(indicator="b.net", statistic="ratio", unit="percent", estimate=-1e-3, cv=-40.0)
    assert flags(net | {"n_cases": 100}) == [""]
    assert flags(net | {"n_cases": 20}) == ["s"]


def shares(*cases: int, domain: str = "{}") -> list[dict[str, object]]:
    n = 1000
    return [
        cell(category=f"c{i}", n=n, n_cases=k, estimate=k / n, domain=domain)
        for i, k in enumerate(cases)
    ]


def test_a_single_withheld_category_takes_the_smallest_other_with_it() -> None:
    # Without this the three shown shares give the fourth: 1 - 0.6 - 0.3 - 0.097 = 0.003.
    assert flags(*shares(600, 300, 97, 3)) == ["", "", "c", "c"]


def test_two_withheld_categories_protect_each_other() -> None:
    assert flags(*shares(600, 394, 3, 3)) == ["", "", "c", "c"]


def test_regions_cannot_be_subtracted_from_the_country() -> None:
    rows = [
        cell(
            statistic="total",
            unit="persons",
            category="",
            domain=f'{{"region":"{r}"}}',
            n=k,
            n_cases=k,
            estimate=1e3 * k,
            ci_low=900.0 * k,
            ci_high=1100.0 * k,
        )
        for r, k in zip("12345", (3, 40, 60, 80, 90), strict=True)
    ]
    assert flags(*rows) == ["c", "", "", "", ""]
    # With the country's total beside them, one region alone could be subtracted.
    country = rows[0] | {"domain": "{}", "n": 273, "n_cases": 273, "estimate": 273e3}
    country |= {"ci_low": 250e3, "ci_high": 290e3}
    assert flags(*rows, country) == ["c", "c", "", "", "", ""]


def world(rng: np.random.Generator) -> tuple[pd.DataFrame, list[Any], np.ndarray]:
    """Tables of a small world of movers, their register, and what each cell counts.

    The third value has a row per cell and a column per kind of person (type × region × sex):
    1 where the cell's numerator counts that kind. It knows nothing of the code under test.
    """
    kinds = list(itertools.product(["internal", "international"], "12345", ["male", "female"]))
    counts = rng.poisson(np.where([k[0] == "internal" for k in kinds], 9, 2.5))
    parts = {
        "migrants": None,
        "recent_internal": "internal",
        "recent_international": "international",
    }
    rows, register, counted = [], [], []

    def add(indicator: Any, domain: dict[str, str], category: str, who: np.ndarray) -> None:
        if indicator not in register:
            register.append(indicator)
        cases = int(counts[who].sum())
        text = domain_text(domain)
        values = {"indicator": indicator.id, "statistic": indicator.statistic, "domain": text}
        rows.append(cell(**values, category=category, n=1000, n_cases=cases, cv=0.05))
        counted.append(who.astype(float))

    for name, kind in parts.items():
        base = np.array([kind is None or k[0] == kind for k in kinds])
        make = partial(SimpleNamespace, population=name, where=None, calibrated=False)
        total = make(id=f"{name}.total", statistic="total", of=None)
        rate = make(id=f"{name}.rate", statistic="rate", of=name)
        rate.population = "all"
        share = make(id=f"{name}.region", statistic="share", of="region")
        for place, codes in (("region", "12345"), ("sex", ["male", "female"])):
            for code in codes:
                who = base & np.array([code in k[1:] for k in kinds])
                add(total, {place: code}, "", who)
                add(rate, {place: code}, "", who)
                if place == "region":
                    add(share, {}, code, who)
        add(total, {}, "", base)
        if kind:
            for region, sex in itertools.product("12345", ["male", "female"]):
                who = base & np.array([k[1:] == (region, sex) for k in kinds])
                add(total, {"region": region, "sex": sex}, "", who)
    return pd.DataFrame(rows), register, np.array(counted)


def test_attack_by_linear_algebra_finds_no_few_persons() -> None:
    """Solve for the cells of 1-4 persons from everything shown, as a reader with time would."""
    rng = np.random.default_rng(20)
    attacked = 0
    for _ in range(4):
        table, indicators, counted = world(rng)
        cases = table["n_cases"].to_numpy()
        out = release(table, PUBLICATION, "nso", indicators)
        shown = ~out["flag"].isin(["c", "s"]).to_numpy()
        # Readers may know which kinds of persons do not exist at all.
        known = np.vstack([counted[shown], counted[cases == 0]])
        secret = (cases > 0) & (cases < 5)
        assert not shown[secret].any()
        for target in counted[secret]:
            solution = np.linalg.lstsq(known.T, target, rcond=None)[0]
            assert np.abs(known.T @ solution - target).max() > 1e-6
            attacked += 1
        assert shown.sum() > len(table) / 6
    assert attacked > 15


def test_a_change_is_shown_only_where_both_years_are() -> None:
    years = {
        year: released(cell(year=year, n=n, n_cases=n))
        for year, n in [(2021, 500), (2022, 20), (2023, 500)]
    }
    base = {"indicator": "a.share", "domain": "{}", "category": "x", "estimate": 0.1, "p": 0.01}
    trends = pd.DataFrame(
        [
            base | {"statistic": "change", "year_from": 2021, "year_to": 2022},
            base | {"statistic": "change", "year_from": 2021, "year_to": 2023},
            base | {"statistic": "slope", "year_from": 2021, "year_to": 2023},
        ]
    )
    out = release_trends(trends, years)
    assert out["flag"].tolist() == ["s", "", "s"]
    assert out["p"].isna().tolist() == [True, False, True]


def test_an_unknown_rule_set_is_refused() -> None:
    with pytest.raises(ParameterError, match="rule set `nchs1917` is not there"):
        released(cell(), rule="nchs1917")


def test_a_median_needs_a_narrow_interval_and_thirty_cases() -> None:
    median = {"statistic": "median", "unit": "baht", "estimate": 1000.0, "cv": np.nan}
    assert flags(cell(**median, ci_low=400.0, ci_high=1700.0)) == [""]
    assert flags(cell(**median, ci_low=400.0, ci_high=1701.0)) == ["s"]
    assert flags(cell(**median, ci_low=400.0, ci_high=np.nan)) == ["s"]
    assert flags(cell(**median, ci_low=900.0, ci_high=1100.0, n=29, n_cases=29)) == ["s"]


def test_an_index_of_inequality_needs_three_hundred_cases() -> None:
    index = {"statistic": "gini", "unit": "index"}
    assert flags(cell(**index, n_cases=299)) == ["s"]
    assert flags(cell(**index, n_cases=300)) == [""]


def test_a_total_needs_ten_effective_cases() -> None:
    total = {"statistic": "total", "unit": "persons", "ci_low": 0.3, "ci_high": 0.5}
    assert flags(cell(**total, n=30, n_cases=30, deff=3.0)) == [""]
    assert flags(cell(**total, n=30, n_cases=30, deff=3.1)) == ["s"]


def test_a_nearly_full_share_is_footnoted() -> None:
    # 96 % is precise enough, the 4 % of all others is not.
    share = cell(estimate=0.96, se=0.02, cv=0.02, n=400, n_cases=384)
    assert flags(share) == ["+"]
    assert flags(share | {"se": 0.002}) == [""]


@pytest.mark.parametrize(
    ("values", "flag"),
    [
        ({"n_households": 2}, "c"),
        ({"n_households": 3}, ""),
        ({"largest": 0.51, "two_largest": 0.6}, "c"),
        ({"largest": 0.5, "two_largest": 0.6}, ""),
        # The others hold 4 % where the largest holds 48 %: the second can guess it.
        ({"largest": 0.48, "two_largest": 0.96}, "c"),
        ({"n_contributors": 9}, "c"),
    ],
)
def test_amounts_of_few_households_or_one_person_are_confidential(
    values: dict[str, float], flag: str
) -> None:
    amount = {"statistic": "mean", "unit": "baht", "estimate": 900.0, "se": 50.0, "n": 40}
    behind = {"n_households": 30, "n_contributors": 40, "largest": 0.1, "two_largest": 0.2}
    out = released(cell(**amount, n_cases=40, **(behind | values)))
    assert out["flag"].tolist() == [flag]
    # What stands behind a cell stays behind.
    assert not {"n_households", "largest", "two_largest", "amount"} & set(out.columns)


def test_moves_from_one_place_to_another_need_ten_cases() -> None:
    rows = [
        cell(category=str(k), domain='{"region":"1"}', n=100, n_cases=n)
        for k, n in enumerate((9, 50, 41))
    ]
    indicators = register(*rows)
    assert release(pd.DataFrame(rows), PUBLICATION, "nso", indicators)["flag"].tolist() == [""] * 3
    indicators[0].of = "previous_region"
    assert release(pd.DataFrame(rows), PUBLICATION, "nso", indicators)["flag"].iloc[0] == "c"


def test_the_reason_of_a_withheld_cell_is_coarse_and_other_rules_stand_beside() -> None:
    rows = cell(n_cases=3), cell(se=0.16, cv=0.4)
    out = pd.concat([released(row) for row in rows])
    assert out["reason"].tolist() == ["confidential", "imprecise"]
    assert out[["flag_nso", "flag_repo"]].to_numpy().tolist() == [["c", "c"], ["s", "s"]]
