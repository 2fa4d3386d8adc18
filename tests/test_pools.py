"""Pooled flows of provinces: by hand, engine against engine, and never a single year's."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lfsmig import indicators, pools, trends
from lfsmig.area_flows import FLOW_ITEMS
from lfsmig.disclosure import links, spans
from lfsmig.errors import ParameterError
from lfsmig.flows import flow_columns, stacked_flows
from lfsmig.params import load, pool_spans
from lfsmig.results import CONTRIBUTOR_COLUMNS, RESULT_COLUMNS, TREND_COLUMNS
from lfsmig.survey import SurveyDesign
from tests.conftest import ROOT, needs_r

ENGINES = ["python", pytest.param("r", marks=needs_r)]
YEARS = (2022, 2023, 2024)
NAMES = ["net_total", "net_rate", "effectiveness", "in_total", "out_total", "gross_total"]


@pytest.fixture(scope="module")
def params() -> Any:
    return load(ROOT / "params")


# Each person: weight, province now, province before (- did not move), enumeration area.
PERSONS = {
    2022: ["2 10 50 a", "1 10 - a", "3 50 - b", "1 50 10 b", "1 90 - c", "4 10 10 d"],
    2023: ["1 10 50 a", "2 10 - b", "2 50 10 b", "1 50 - c", "5 90 10 d"],
    2024: ["3 10 90 a", "1 50 - b", "2 50 90 c", "1 90 - d"],
}


def frame_of(year: int) -> pd.DataFrame:
    people = [line.split() for line in PERSONS[year]]
    rows = pd.DataFrame(people, columns=["weight", "province", "before", "psu"])
    codes = pd.CategoricalDtype(["10", "50", "90"])
    return pd.DataFrame(
        {
            "weight": rows["weight"].astype(float),
            "stratum": "s",
            "psu": rows["psu"],
            "household_id": [f"{year}-{i}" for i in range(len(rows))],
            "person_no": 1,
            "all": 1.0,
            "recent_internal": rows["before"].ne("-").astype(float),
            "province": rows["province"].astype(codes),
            "previous_province": rows["before"].where(rows["before"].ne("-")).astype(codes),
        }
    )


def survey(params: Any) -> Any:
    """The project's register of pooled flows, with a design of one stratum and linked years."""
    stated = SimpleNamespace(
        weight="weight", strata="stratum", psu="psu", lonely_psu="adjust", calibration=[],
        psu_links=[list(YEARS)],
    )  # fmt: skip
    kept = [one for one in params.indicators if one.id.startswith("provinces.")]
    report = SimpleNamespace(pools=[[2022, 2024]], averages=[[2022, 2023]], years=list(YEARS))
    return SimpleNamespace(
        country=SimpleNamespace(design=stated, winsorise_at=None), indicators=kept, report=report
    )  # fmt: skip


@cache
def averages(engine: str) -> pd.DataFrame:
    held = survey(load(ROOT / "params"))
    made = {year: indicators.estimate_year(held, year, frame_of(year), engine) for year in YEARS}
    found = trends.estimate(held, made, engine)
    # Nothing but the averages over the span: no change or slope, no other span.
    assert set(found["statistic"]) == {"average"}
    assert set(zip(found["year_from"], found["year_to"], strict=True)) == {(2022, 2024)}
    return found.set_index(["indicator", "domain"])


@pytest.mark.parametrize("engine", ENGINES)
def test_average_flows_by_hand(engine: str) -> None:
    """Bangkok (10): in 2, 1, 3; out 1, 2 + 5, 0; a move inside the province is no flow.

    Residents are 7, 3, 3. Counted as movers of all kinds, 2022 would have 6 in-migrants.
    """
    found = averages(engine)

    def value(name: str, code: str = "10") -> float:
        return float(found["estimate"][f"provinces.{name}", json.dumps({"province": code})
                                       .replace(" ", "")])  # fmt: skip

    assert value("in_total") == pytest.approx((2 + 1 + 3) / 3)
    assert value("out_total") == pytest.approx((1 + 7 + 0) / 3)
    assert value("net_total") == pytest.approx((1 - 6 + 3) / 3)
    assert value("gross_total") == pytest.approx((3 + 8 + 3) / 3)
    assert value("net_rate") == pytest.approx(100 * (1 / 7 - 6 / 3 + 3 / 3) / 3)
    assert value("effectiveness") == pytest.approx(100 * (1 / 3 - 6 / 8 + 3 / 3) / 3)
    assert sum(value("net_total", code) for code in ("10", "50", "90")) == pytest.approx(0)


def variance_by_hand(item: str, code: str) -> float:
    """Formula (4.2) of the methods, from PSU sums: variances and twice the covariances."""
    sums = {}
    for year in YEARS:
        frame = pd.concat([frame_of(year), flow_columns(frame_of(year), "province")], axis=1)
        moved = frame["weight"] * frame[f"{FLOW_ITEMS[item]}_province_{code}"]
        sums[year] = moved.groupby(frame["psu"]).sum()
    total = 0.0
    for one in YEARS:
        for other in YEARS:
            a, b = sums[one], sums[other]
            shared = a.index.intersection(b.index)
            scale = np.sqrt(len(a) / (len(a) - 1) * len(b) / (len(b) - 1))
            total += scale * ((a - a.mean())[shared] * (b - b.mean())[shared]).sum()
    return float(total / len(YEARS) ** 2)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("item", ["in_migration", "out_migration", "net_migration"])
def test_the_error_has_the_covariance_of_shared_areas(engine: str, item: str) -> None:
    """Against formula (4.2) written out, and by `series_average` of r/change.R (survey 4.1-1).

    Bangkok's net average has SE 3.19722101554181; if the years were taken as independent it
    would have 2.19426862867828.
    """
    found = averages(engine)
    name = f"provinces.{item.split('_', maxsplit=1)[0]}_total"
    for code in ("10", "50", "90"):
        se = float(found["se"][name, f'{{"province":"{code}"}}'])
        assert se == pytest.approx(np.sqrt(variance_by_hand(item, code)), rel=1e-12)


@needs_r
def test_both_engines_agree_to_the_ninth_digit() -> None:
    left, right = (averages(engine) for engine in ("python", "r"))
    assert list(left.index) == list(right.index)
    for column in ("estimate", "se", "ci_low", "ci_high", "df"):
        a, b = left[column].to_numpy(dtype=float), right[column].to_numpy(dtype=float)
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9, err_msg=column)


def test_movers_in_two_rows_give_the_sums_of_columns() -> None:
    frame = pd.concat([frame_of(2022), flow_columns(frame_of(2022), "province")], axis=1)
    rows = stacked_flows(frame, "province", ["weight", "stratum", "psu"])
    assert len(rows) == len(frame) + 2
    whole = SurveyDesign(frame, "weight", "stratum", "psu")
    split = SurveyDesign(rows, "weight", "stratum", "psu")
    for item, short in FLOW_ITEMS.items():
        table = split.estimate("total", of=item, by=["province"]).frame.set_index("province")
        for code in ("10", "50", "90"):
            one = whole.estimate("total", of=f"{short}_province_{code}").frame.iloc[0]
            assert table["estimate"][code] == pytest.approx(one["estimate"])
            assert table["se"][code] == pytest.approx(one["se"], rel=1e-12)


# --- what is released ---------------------------------------------------------------------------


def by_province(frame: pd.DataFrame, params: Any) -> pd.DataFrame:
    """Rows that speak of flows by province."""
    flows = {one.id for one in params.indicators if one.of in FLOW_ITEMS}
    keys = frame["domain"].map(lambda text: set(json.loads(text)))
    before = keys.map(lambda names: bool(names & {"previous_province", "birth_province"}))
    place = keys.map(lambda names: "province" in names) & frame["indicator"].isin(flows)
    return frame[before | place]


def test_no_released_yearly_table_has_flows_by_province(small_data: Path, params: Any) -> None:
    folder = small_data / "released"
    years = sorted(folder.glob("[0-9][0-9][0-9][0-9].parquet"))
    assert len(years) == 6
    for path in [*years, *folder.glob("*.crosscheck.parquet"), folder / "trends.parquet"]:
        frame = pd.read_parquet(path)
        assert by_province(frame, params).empty, path.name
        assert not frame["indicator"].isin(pools.names(params.indicators)).any(), path.name
    estimates = pd.read_parquet(small_data / "estimates" / "2024.parquet")
    assert len(by_province(estimates, params)) > 0


def test_averages_are_released_beside_the_trends(small_data: Path, params: Any) -> None:
    frame = pd.read_parquet(small_data / "released" / "pools.parquet")
    assert set(frame["indicator"]) == set(pools.names(params.indicators))
    spans = set(zip(frame["year_from"], frame["year_to"], strict=True))
    assert spans == {(2019, 2021), (2022, 2024), (2019, 2024)}
    withheld = frame[frame["flag"].isin(["c", "s"])]
    assert len(withheld) and withheld[["estimate", "se", "n", "n_cases"]].isna().all(axis=None)
    shown = frame[~frame["flag"].isin(["c", "s"])]
    assert (shown["n_cases"] >= params.rules.publication.disclosure.min_cases).all()
    twin = pd.read_csv(small_data / "released/tables/provinces.net_rate.csv", dtype=str)
    assert list(twin.columns[:3]) == ["year_from", "year_to", "province"]
    facts = json.loads(
        (small_data / "released/tables/provinces.net_rate.csv-metadata.json").read_text("utf-8")
    )
    assert facts["tableSchema"]["primaryKey"] == ["year_from", "year_to", "province"]


@needs_r
def test_the_engines_averages_are_compared_in_the_run(small_data: Path, params: Any) -> None:
    compared = pd.read_parquet(small_data / "estimates" / "trends.replication.parquet")
    rows = compared[compared["indicator"].isin(pools.names(params.indicators))]
    assert len(rows) > 700
    assert set(rows["verdict"]) <= {"exact", "match"}


def result(indicator: str, domain: dict[str, str], cases: int, **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys([*RESULT_COLUMNS, *CONTRIBUTOR_COLUMNS], np.nan)
    text = json.dumps(domain, separators=(",", ":"), sort_keys=True)
    return row | {
        "year": 2022, "indicator": indicator, "domain": text, "category": "", "engine": "python",
        "statistic": "total", "unit": "persons", "estimate": 100.0 * cases, "se": 20.0, "df": 90,
        "n": 10 * cases, "n_psu": 80, "n_cases": cases, "n_households": cases, "deff": 1.0,
        "ci_low": 90.0 * cases, "ci_high": 110.0 * cases, "flag": "",
    } | more  # fmt: skip


# A cell of an indicator by its domain, and its cases in each of `YEARS`.
Table = dict[str, tuple[int, int, int]]


def pooled_flags(params: Any, averaged: dict[str, Table], yearly: dict[str, Table]) -> pd.Series:
    """Flags of averages beside years that tell all but their cells of a handful."""
    estimates, shown = {}, {}
    for at, year in enumerate(YEARS):
        rows = {
            kind: [
                result(name, json.loads(text), cases[at], year=year)
                for name, table in tables.items() for text, cases in table.items()
            ]
            for kind, tables in (("averaged", averaged), ("yearly", yearly))
        }  # fmt: skip
        estimates[year] = pd.DataFrame(rows["averaged"] + rows["yearly"])
        told = pd.DataFrame(rows["yearly"]).assign(flag="")
        few = told["n_cases"].lt(params.rules.publication.disclosure.min_cases)
        told.loc[few, ["flag", "n"]] = ["c", np.nan]
        shown[year] = told
    average = pd.DataFrame(
        [
            result(name, json.loads(text), sum(cases) // len(YEARS))
            for name, table in averaged.items() for text, cases in table.items()
        ]
    ).assign(statistic="average", year_from=2022, year_to=2024)  # fmt: skip
    # No item has missing answers.
    rates = pd.DataFrame(
        columns=["year", "domain", "kind", "item", "asked", "rate", "rate_weighted", "missing"]
    )
    found = pools.released(
        params, average.reindex(columns=TREND_COLUMNS), estimates, shown, links(params), rates, {}
    )
    return found.set_index(["indicator", "domain"])["flag"]


def province(code: str) -> str:
    return f'{{"province":"{code}"}}'


ONCE, OFTEN = (3, 40, 45), (40, 41, 42)
WHOLE = "recent_internal.age_sex"


def test_a_year_that_is_withheld_does_not_follow_from_its_average(
    params: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three times the average less the two years that are shown would be the third."""
    tables = {WHOLE: {"{}": ONCE}}, {"recent_internal.total": {"{}": ONCE}}
    assert list(pooled_flags(params, *tables)) == ["c"]
    assert list(pooled_flags(params, tables[0], {"recent_internal.total": {"{}": OFTEN}})) == [""]
    # Nothing but the years says so.
    monkeypatch.setattr(spans, "add", lambda *_: {})
    assert list(pooled_flags(params, *tables)) == [""]


def test_nor_from_parts_of_the_average(params: Any) -> None:
    """Men in 2022 would be the sum over their ages less the two years that are shown."""
    ages = [f'{{"age_group5":"{age}","sex":"{sex}"}}' for age in params.codes("age_group5")
            for sex in ("male", "female")]  # fmt: skip
    averaged = {WHOLE: dict.fromkeys(ages, (9, 10, 11))}
    men = {'{"sex":"male"}': (4, 150, 160), '{"sex":"female"}': (150, 151, 152)}
    # With nobody else in the year there is little to be had of men but their sum.
    averaged[WHOLE] |= {one: (1, 40, 42) if at < 4 else (0, 10, 11)
                        for at, one in enumerate(ages[::2])}  # fmt: skip
    flags = pooled_flags(params, averaged, {"recent_internal.total": men})
    hidden = flags[flags.eq("c")]
    assert 0 < len(hidden) < len(flags) / 2
    assert all("male" in domain for _, domain in hidden.index)


def test_a_secret_region_takes_one_of_its_provinces_with_it(params: Any) -> None:
    """Bangkok is a region of one province: its average would give the confidential year away.

    The net numbers of the South's provinces add up to that of the South.
    """
    south = [code for code, region in params.region_of().items() if region == "5"]
    codes = ["10", *south, "50"]
    net = {"provinces.net_total": dict.fromkeys(map(province, codes), OFTEN)}
    regions = {f'{{"region":"{code}"}}': OFTEN for code in "12345"}
    name = "recent_internal.net_total"
    assert set(pooled_flags(params, net, {name: regions})) == {""}
    few = regions | {'{"region":"1"}': ONCE, '{"region":"5"}': ONCE}
    flags = pooled_flags(params, net, {name: few})
    hidden = {json.loads(domain)["province"] for _, domain in flags[flags.eq("c")].index}
    assert "10" in hidden and hidden & set(south) and "50" not in hidden
    assert len(hidden) == 2


def by_age(span: tuple[int, int], rates: dict[str, int], group: int = 400) -> pd.DataFrame:
    """Averages of the rate by single years of age over a span, in one group of ages."""
    cells = {'{"age_group5":"20-24"}': group}
    cells |= {f'{{"age_single":"{age}"}}': cases for age, cases in rates.items()}
    rows = [
        result("recent_internal.rate_by_age", json.loads(domain), cases, statistic="rate",
               unit="percent", estimate=2.0, se=0.1, ci_low=1.8, ci_high=2.2, n=5000)
        for domain, cases in cells.items()
    ]  # fmt: skip
    return pd.DataFrame(rows).assign(year_from=span[0], year_to=span[1])


AGES = {"20": 90, "21": 85, "22": 80, "23": 75, "24": 70}


def released_ages(
    params: Any, rates: dict[str, int], women: int, *yearly: dict[str, Any],
    indicator: str = "recent_internal.rate_by_age",
) -> dict[str, str]:  # fmt: skip
    """Flags by code of the profile over all years, beside a pyramid of three of them."""
    profile = by_age((2019, 2024), rates, sum(rates.values()))
    pyramid = pd.DataFrame(
        [
            result("recent_internal.age_sex", {"age_group5": "20-24", "sex": sex}, cases)
            for sex, cases in (("male", 60), ("female", women))
        ]
    ).assign(year_from=2022, year_to=2024)  # fmt: skip
    both = pd.concat([profile, pyramid], ignore_index=True)
    asked = pd.concat([both.drop(columns=["year_from", "year_to"]), pd.DataFrame(list(yearly))])
    years = {2022: asked.reset_index(drop=True)}
    average = both.assign(statistic="average").reindex(columns=TREND_COLUMNS)
    shown = {2022: pd.DataFrame([result("migrants.total", {}, 50), *yearly])}
    rates_missing = pd.DataFrame(
        columns=["year", "domain", "kind", "item", "asked", "rate", "rate_weighted", "missing"]
    )
    found = pools.released(params, average, years, shown, links(params), rates_missing, {})
    found = found[found["indicator"].eq(indicator)]
    codes = [list(json.loads(domain).values())[-1] for domain in found["domain"]]
    return dict(zip(codes, found["flag"], strict=True))


def test_single_ages_are_withheld_with_what_would_give_a_secret_away(params: Any) -> None:
    flags = released_ages(params, AGES, women=50)
    assert set(flags.values()) == {""}
    # A confidential age takes another one of its group with it, or the group less the others is it.
    flags = released_ages(params, {**AGES, "24": 2}, women=50)
    assert flags["24"] == "c" and list(flags.values()).count("c") >= 2
    # Two women in the pyramid of three years: six years less all others would be them.
    flags = released_ages(params, AGES, women=2)
    assert set(flags.values()) == {"c"}


def test_single_ages_within_what_every_year_shows_tell_nothing_more(params: Any) -> None:
    group = {"age_group5": "20-24"}
    yearly = result("recent_internal.rate", group, 400, statistic="rate", unit="percent")
    # Confidential in the pyramid, but the group is known each year.
    assert set(released_ages(params, AGES, 2, yearly).values()) == {""}
    # A confidential age has a confidential age beside it: hiding the group would hide nothing.
    flags = released_ages(params, {**AGES, "24": 2}, 50, yearly)
    assert flags["24"] == "c" and [flags[age] for age in AGES].count("c") == 2
    # Nor may two women be the group of each year less the men.
    few = {"20": 20, "21": 12, "22": 10, "23": 10, "24": 10}
    group_of = result("recent_internal.rate", group, 62, statistic="rate", unit="percent")
    sexes = released_ages(params, few, 2, group_of, indicator="recent_internal.age_sex")
    assert sexes == {"male": "c", "female": "c"}


def test_the_profile_by_single_ages_is_averaged_over_all_years(params: Any) -> None:
    spans = {one.id: pool_spans(params.report, one.id) for one in params.indicators if one.pooled}
    assert spans.pop("recent_internal.rate_by_age") == [(2019, 2024)]
    assert set(map(tuple, spans.values())) == {((2019, 2021), (2022, 2024))}


def test_few_cases_in_a_span_are_withheld(params: Any) -> None:
    table = {province("10"): (0, 0, 0), province("50"): OFTEN, province("90"): (1, 1, 1)}
    flags = pooled_flags(params, {"provinces.in_total": table}, {"migrants.total": {"{}": OFTEN}})
    assert flags["provinces.in_total", province("90")] == "c"


# --- parameters ---------------------------------------------------------------------------------


def changed(params: Any, name: str, old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The project's parameters with one edit, in memory."""
    from lfsmig.params.source import parse_document

    fresh = load(params.dir)
    text = (params.dir / name).read_text(encoding="utf-8")
    assert old in text
    found = parse_document(text.replace(old, new, 1), name)
    kept = fresh.document
    monkeypatch.setattr(fresh, "document", lambda one: found if one == name else kept(one))
    return fresh


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("report.yml", "[2022, 2024]", "[2021, 2024]", "after the pool before it"),
        ("report.yml", "[[2019, 2021]", "[[2021, 2021]", "a later last year"),
        ("indicators.yml", "    of: migrants\n", "    of: migrants\n    pooled: true\n", "pooled"),
        (
            "report.yml",
            "recent_internal.rate_by_age",
            "recent_internal.rate",
            "no pooled indicator",
        ),
        ("report.yml", "by: age_single", "by: region", "expected bands of age"),
        ("tiles.yml", "57 56", "57 57", "57 stands twice"),
        ("tiles.yml", "57 56", "57 59", "59 is no place"),
        ("tiles.yml", "57 56", "57  .", "no tile for 56"),
    ],
)
def test_slips_of_the_pen_stop_in_one_line(
    params: Any, monkeypatch: pytest.MonkeyPatch, name: str, old: str, new: str, words: str
) -> None:
    edited = changed(params, name, old, new, monkeypatch)
    with pytest.raises(ParameterError, match=words) as told:
        _ = getattr(edited, name.removesuffix(".yml")), edited.headline
    assert "\n" not in str(told.value) and name in str(told.value)
