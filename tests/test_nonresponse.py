"""Unknown places and amounts: what rests on them is flagged, and above a limit not published."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lfsmig import cli, nonresponse, twins
from lfsmig.params import Params, load
from lfsmig.release import release_trends
from tests.conftest import ROOT
from tests.shared import cut_register

YEAR = 2022
KEPT = (
    "migrants.rate",
    "recent_internal.rate",
    "recent_internal.previous_region",
    "lifetime.rate",
    "remittances.mean_per_sender",
)
Row = dict[str, str]


@pytest.fixture(scope="module")
def params() -> Params:
    return load(ROOT / "params")


def items_of(params: Params, name: str, *by: str) -> set[str]:
    indicator = next(one for one in params.indicators if one.id == name)
    return set(nonresponse.rests_on(params, indicator, by))


def test_the_concepts_say_what_an_indicator_rests_on(params: Params) -> None:
    assert items_of(params, "migrants.rate") == set()
    assert items_of(params, "lifetime.rate") == {"birth_province"}
    assert items_of(params, "recent_internal.rate") == {"previous_country"}
    assert items_of(params, "recent_internal.previous_region") == {
        "previous_country", "previous_province",
    }  # fmt: skip
    assert "remittance_amount" in items_of(params, "remittances.mean_per_sender")
    # A table by a column rests on that column too.
    assert items_of(params, "migrants.rate", "birth_region") == {"birth_province"}
    assert items_of(params, "migrants.rate", "region") == set()
    # Flows of areas and indices of flows rest on where movers came from.
    of_areas = [one for one in params.indicators if one.of == "in_migration"]
    indices = [one for one in params.indicators if one.statistic == "index"]
    assert of_areas and indices
    for one in [*of_areas, *indices]:
        assert "previous_province" in nonresponse.rests_on(params, one, one.by[0])


def test_where_the_named_place_decides_every_move_rests_on_it(params: Params) -> None:
    country = params.country.model_copy(
        update={
            "definitions": params.country.definitions.model_copy(update={"move_level": "province"})
        }
    )
    other = load(ROOT / "params")
    other.__dict__["country"] = country
    assert "previous_province" in items_of(other, "migrants.rate")


def test_every_item_is_measured_among_those_who_were_asked(params: Params) -> None:
    table = pd.DataFrame(
        {
            "weight": [1.0, 1.0, 2.0, 4.0, 1.0],
            "moved": ["yes", "yes", "yes", "no", "yes"],
            "birth_country": ["TH", None, "MM", "TH", "TH"],
            "birth_province": ["10", None, None, None, "20"],
            "previous_country": ["TH", None, "LA", None, "TH"],
            "previous_province": ["10", None, None, None, None],
            "sent_remittances": ["yes", "no", "yes", None, "yes"],
            "remittance_cash": [100.0, np.nan, 5.0, np.nan, np.nan],
            "remittance_goods": [0.0, np.nan, np.nan, np.nan, 3.0],
        }
    )
    found = {
        one.item: (one.rate, one.rate_weighted)
        for one in nonresponse.unknown_items(params, YEAR, table)
    }
    assert found == {
        "birth_country": (1 / 5, 1 / 9),
        # The foreign-born have no province; who has no country may have been born in one.
        "birth_province": (2 / 4, 5 / 7),
        "previous_country": (1 / 4, 1 / 5),
        "previous_province": (2 / 3, 2 / 3),
        # Either amount unknown leaves the sum unknown.
        "remittance_amount": (2 / 3, 3 / 4),
    }


def planted(raw: Path, target: Path, change: Callable[[list[Row]], None]) -> None:
    """Copy the year's raw file with answers made unknown."""
    shutil.copytree(raw / str(YEAR), target / str(YEAR))
    path = target / str(YEAR) / "lfs654.csv"
    with path.open(encoding="cp874", newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    change(rows)
    with path.open("w", encoding="cp874", newline="") as file:
        writer = csv.DictWriter(file, list(reader.fieldnames or ()))
        writer.writeheader()
        writer.writerows(rows)


def forget(rows: list[Row], column: str, code: str, percent: int) -> None:
    """Make so many in a hundred of the stated answers unknown, evenly over the file."""
    stated = [row for row in rows if row[column] not in ("", code)]
    for number, row in enumerate(stated):
        if (number * percent) % 100 < percent:
            row[column] = code


@pytest.fixture(scope="module")
def done(small_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on a year of which 15 % of birth and 35 % of previous provinces are unknown."""
    home = tmp_path_factory.mktemp("unknown")
    shutil.copytree(ROOT / "params", home / "params")
    shutil.copytree(ROOT / "data" / "codebook", home / "data" / "codebook")
    shutil.copytree(ROOT / "data" / "published", home / "data" / "published")
    cut_register(home / "params", KEPT)

    def change(rows: list[Row]) -> None:
        forget(rows, "SYN_BIRTH_PV", "99", 15)
        forget(rows, "SYN_PREV_PV", "99", 35)

    planted(small_raw, home / "raw", change)
    common = ["--params", str(home / "params"), "--data", str(home / "out"), "--quiet"]
    arguments = ["run", "--raw", str(home / "raw"), "--years", str(YEAR), "--engine", "python"]
    assert cli.call([*common, *arguments]) == 0
    return home


def test_what_rests_on_unknown_answers_is_flagged_or_withheld(done: Path) -> None:
    shown = pd.read_parquet(done / "out" / "released" / f"{YEAR}.parquet")
    regions = shown[shown["indicator"].eq("recent_internal.previous_region")]
    assert set(regions["flag"]) <= {"s", "c"} and regions["estimate"].isna().all()
    told = regions[regions["flag"].eq("s") & regions["reason"].ne("empty")]
    assert len(told) and set(told["reason"]) == {"item_nonresponse"}
    assert regions["n"].isna().all() and set(told["flag_repo"]) == {"s"}
    lifetime = shown[shown["indicator"].eq("lifetime.rate")]
    visible = lifetime[~lifetime["flag"].isin(["c", "s"])]
    assert len(visible) > 5 and set(visible["flag"]) == {"*"}
    assert set(visible["reason"]) == {"item_nonresponse"} and visible["estimate"].notna().all()
    # Whoever moved is known without the place, and amounts are stated.
    others = shown[shown["indicator"].isin(["migrants.rate", "recent_internal.rate"])]
    assert not others["reason"].eq("item_nonresponse").any() and others["estimate"].notna().any()


def test_the_twins_say_why_a_number_carries_its_symbol(done: Path) -> None:
    tables = done / "out" / "released" / "tables"
    twin = pd.read_csv(done / "out" / "released" / f"{YEAR}.csv", keep_default_na=False)
    assert {"s", "*"} <= set(twin.loc[twin["reason"].eq("item_nonresponse"), "flag"])
    for name, flag in (("lifetime.rate", "*"), ("recent_internal.previous_region", "s")):
        public = pd.read_csv(tables / f"{name}.csv", keep_default_na=False)
        assert flag in set(public["flag"])
        facts = json.loads((tables / f"{name}.csv-metadata.json").read_text(encoding="utf-8"))
        [told] = [one for one in facts[twins.LEGEND] if one["skos:notation"] == flag]
        by_language = {text["@language"]: text["@value"] for text in told["skos:prefLabel"]}
        assert "unknown" in by_language["en"] and "ไม่ทราบค่า" in by_language["th"]
    facts = json.loads((tables / "migrants.rate.csv-metadata.json").read_text(encoding="utf-8"))
    assert "unknown" not in json.dumps(facts[twins.LEGEND])


def test_the_check_tells_shares_and_stops_only_what_rests_on_them(
    done: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--params", str(done / "params"), "--data", str(done / "out"), "--quiet", "--json"]
    code = cli.call([*common, "validate", str(YEAR), "--raw", str(done / "raw")])
    found = json.loads(capsys.readouterr().out)
    place = next(one for one in found["checks"] if one["id"] == "M8")
    assert (code, place["severity"], place["stops"]) == (1, "E", "indicators")
    assert "M8" in found["errors"] and found["stopping"] == []
    assert 0.33 < place["share"] < 0.40
    assert "previous_province 3" in place["reason"] and "% weighted)" in place["reason"]
    assert "1 indicators on previous_province not published" in place["reason"]
    assert "1 indicators on birth_province flagged" in place["reason"]
    rates = pd.read_csv(done / "out" / "released" / "quality.csv")
    told = rates[rates["kind"].eq("unknown")].set_index("item")
    assert told.loc["previous_province", "rate"] == pytest.approx(place["share"], abs=0.05)
    assert told.loc["birth_province", "rate_weighted"] == pytest.approx(0.15, abs=0.02)


def test_the_report_says_it_in_both_languages(done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lfsmig import report
    from lfsmig.report import data, words
    from lfsmig.report.marks import notes_of

    monkeypatch.setenv("LFSMIG_DATA", str(done / "out"))
    monkeypatch.setenv("LFSMIG_PARAMS", str(done / "params"))
    for lang, caution, withheld in (
        ("en", "use with caution, more than 10 per cent", "s withheld, more than 30 per cent"),
        ("th", "ไม่ทราบค่าเกินร้อยละ 10", "ไม่ทราบค่าเกินร้อยละ 30"),
    ):
        monkeypatch.setenv("LFSMIG_LANG", lang)
        assert caution in report.tbl_overview(["lifetime.rate"]).data
        assert caution in report.data_table("lifetime.rate").data
        assert withheld in report.data_table("recent_internal.previous_region").data
        # Charts mark it: a hollow point, and a gap where it is withheld.
        marked = notes_of(data.series("lifetime.rate"), intervals=True)
        assert words.t("figure.caution") in marked
        hidden = notes_of(data.series("recent_internal.previous_region"), intervals=True)
        assert words.t("figure.withheld") in hidden
        told = report.tbl_unknown_years().data
        assert "15." in told and ("10 per cent" if lang == "en" else "เกินร้อยละ 10") in told
        assert "M8" in report.tbl_quality_warnings().data
        rules = report.tbl_rules().data
        assert ("more than 30 per cent" if lang == "en" else "เกินร้อยละ 30 ไม่ทราบ") in rules


def test_a_change_is_flagged_with_the_year_it_rests_on() -> None:
    key = {"indicator": "a.rate", "domain": "{}", "category": ""}
    many = pd.DataFrame([{**key, "flag": "*", "reason": "item_nonresponse", "rule_set": "nso"}])
    good = many.assign(flag="", reason="")
    rows = [
        {
            **key,
            "statistic": "change",
            "year_from": 2021,
            "year_to": 2022,
            "estimate": 1.0,
            "p": 0.1,
        },
        {
            **key,
            "statistic": "change",
            "year_from": 2022,
            "year_to": 2023,
            "estimate": 2.0,
            "p": 0.1,
        },
    ]
    out = release_trends(pd.DataFrame(rows), {2021: good, 2022: good, 2023: many})
    assert out["flag"].tolist() == ["", "*"]
    assert out["reason"].tolist() == ["", "item_nonresponse"]
    assert out["estimate"].tolist() == [1.0, 2.0]
