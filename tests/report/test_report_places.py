"""Maps, flows between areas and pyramids: what is drawn, what is not, and what is said of it."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import yaml
from matplotlib.patches import PathPatch, Rectangle

from lfsmig.errors import InputError
from lfsmig.params import load
from lfsmig.report import data, geojson, maps, od, places, pyramid, words
from lfsmig.results import RESULT_COLUMNS

mpl.use("Agg")
ROOT = Path(__file__).parents[2]
YEAR = 2024
SPAN = {"year_from": 2022, "year_to": 2024}
REGIONS = ("previous_region", "region")
PYRAMID = ["recent_internal.age_sex", "recent_international.age_sex"], "population.age_sex"


def row(indicator: str, domain: dict[str, str], value: float, flag: str = "", **more: Any) -> Any:
    shown = value if flag not in data.WITHHELD else np.nan
    base: dict[str, Any] = dict.fromkeys(RESULT_COLUMNS, np.nan)
    return base | {
        "year": YEAR, "indicator": indicator, "category": "", "statistic": "total",
        "domain": json.dumps(domain, separators=(",", ":"), sort_keys=True), "unit": "persons",
        "estimate": shown, "se": 0.1 * abs(shown), "ci_low": shown - 0.2 * abs(shown),
        "ci_high": shown + 0.2 * abs(shown), "n": 500, "n_cases": 60, "df": 90, "flag": flag,
        "reason": {"c": "confidential", "s": "imprecise"}.get(flag, ""), "rule_set": "nchs2017",
    } | more  # fmt: skip


FLOWS = [
    ("1", "2", 36000, ""), ("2", "1", 25000, "*"), ("4", "2", 43000, ""), ("5", "1", 700, "c"),
    ("2", "2", 220000, ""), ("1", "1", 0, ""),
]  # fmt: skip


def yearly_rows() -> pd.DataFrame:
    rows = [
        row("recent_internal.od", {"previous_region": a, "region": b}, value, flag)
        for a, b, value, flag in FLOWS
    ]
    rows += [
        row("lifetime.rate", {"province": code}, float(value), flag, unit="percent",
            statistic="rate")
        for code, value, flag in [("10", 34, ""), ("74", 81, ""), ("33", 5, ""), ("96", 7, "s")]
    ]  # fmt: skip
    return pd.DataFrame(rows)


def pooled_rows() -> pd.DataFrame:
    net = [("10", -0.63, ""), ("21", 1.39, ""), ("50", 0.2, ""), ("96", 0.0, "c")]
    rows = [
        row("provinces.net_rate", {"province": code}, value, flag, unit="percent",
            statistic="ratio")
        for code, value, flag in net
    ]  # fmt: skip
    # The balance of Chiang Mai cannot be told from zero.
    rows[2] |= {"ci_low": -0.1, "ci_high": 0.5}
    for name, whole in (("recent_internal", 1000), ("recent_international", 90),
                        ("population", 50000)):  # fmt: skip
        rows.append(row(f"{name}.age_sex", {}, whole))
        for number, age in enumerate(["0-4", "20-24", "25-29"]):
            for sex, part in (("male", 0.1), ("female", 0.05)):
                few_cases = name == "recent_international"
                few = few_cases and age == "0-4"
                value = whole * part * (1 + number) / (4 if few_cases else 3)
                domain = {"age_group5": age, "sex": sex}
                rows.append(row(f"{name}.age_sex", domain, value, "c" if few else ""))
    return pd.DataFrame(rows).drop(columns="year").assign(**SPAN)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root with the few released rows that these exhibits need."""
    root = tmp_path_factory.mktemp("places")
    folder = root / "released"
    folder.mkdir()
    yearly_rows().to_parquet(folder / f"{YEAR}.parquet")
    pooled_rows().to_parquet(folder / "pools.parquet")
    (folder / f"{YEAR}.summary.json").write_text('{"synthetic": true, "checks": []}', "utf-8")
    return root


@pytest.fixture
def english(small: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    monkeypatch.setenv("LFSMIG_DATA", str(small))
    monkeypatch.setenv("LFSMIG_PARAMS", str(ROOT / "params"))
    monkeypatch.setenv("LFSMIG_LANG", "en")
    yield monkeypatch
    plt.close("all")


def texts(fig: Any) -> list[str]:
    return [t.get_text() for ax in fig.axes for t in ax.texts] + [t.get_text() for t in fig.texts]


def hatched(fig: Any, kind: type) -> int:
    return sum(
        bool(patch.get_hatch()) for ax in fig.axes for patch in ax.patches
        if isinstance(patch, kind)
    )  # fmt: skip


# --- the grid -----------------------------------------------------------------------------------


def neighbours() -> dict[str, dict[str, str]]:
    path = ROOT / "tests/fixtures/places/neighbours.csv"
    with path.open(encoding="utf-8", newline="") as lines:
        return {one["code"]: one for one in csv.DictReader(lines)}


def test_every_province_has_one_tile_and_a_short_name() -> None:
    params = load(ROOT / "params")
    tiles = params.tiles
    assert tiles is not None
    codes = [code for code, _, _ in tiles.places]
    assert sorted(codes) == sorted(params.codes("province")) and len(set(codes)) == 77
    assert len({(r, c) for _, r, c in tiles.places}) == 77
    for lang in params.country.languages:
        assert len({tiles.names[code][lang] for code in codes}) == 77


def test_tiles_lie_as_the_provinces_do() -> None:
    """Neighbours touch or nearly so, and the order from north to south and west to east holds."""
    tiles = load(ROOT / "params").tiles
    assert tiles is not None
    place = {code: np.array([r, c]) for code, r, c in tiles.places}
    known = neighbours()
    pairs = {
        tuple(sorted((code, other)))
        for code, one in known.items() for other in one["neighbours"].split()
    }  # fmt: skip
    apart = {pair: int(np.abs(place[pair[0]] - place[pair[1]]).max()) for pair in pairs}
    assert len(pairs) == 176
    assert sum(d == 1 for d in apart.values()) >= 0.85 * len(pairs)
    assert max(apart.values()) <= 3
    touching = {code for pair, d in apart.items() if d == 1 for code in pair}
    assert touching == set(known)
    for axis, key, sign in ((0, "latitude", -1), (1, "longitude", 1)):
        seen = pd.Series({code: float(place[code][axis]) for code in known})
        true = pd.Series({code: sign * float(one[key]) for code, one in known.items()})
        assert seen.corr(true, method="spearman") > 0.95


# --- maps ---------------------------------------------------------------------------------------


def test_a_map_has_values_in_its_tiles_and_hatches_what_is_withheld(english: Any) -> None:
    fig = maps.fig_map("provinces.net_rate")
    found = texts(fig)
    assert "BKK\n−0.63" in found and "RYG\n+1.39" in found
    assert "NWT" in found and not any(text.startswith("NWT\n") for text in found)
    # Provinces without a value at all are hatched as well.
    assert hatched(fig, PathPatch) == 77 - 3
    assert any("2022–2024" in ax.get_title(loc="left") for ax in fig.axes)
    english.setenv("LFSMIG_LANG", "th")
    assert maps.short_name("10") == "กทม"


def square(code: str, x: float, y: float) -> dict[str, Any]:
    ring = [[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1], [x, y]]
    hole = [[x + 0.4, y + 0.4], [x + 0.6, y + 0.6], [x + 0.4, y + 0.6], [x + 0.4, y + 0.4]]
    kind, coordinates = "Polygon", [ring, hole]
    if code == "10":
        kind, coordinates = "MultiPolygon", [[ring], [[[p + 3 for p in q] for q in ring]]]
    return {
        "type": "Feature", "properties": {"pro": code, "name": f"p{code}"},
        "geometry": {"type": kind, "coordinates": coordinates},
    }  # fmt: skip


def collection(*codes: str) -> dict[str, Any]:
    features = [square(code, i % 9, i // 9) for i, code in enumerate(codes)]
    return {"type": "FeatureCollection", "features": features}


def test_real_boundaries_are_drawn_where_the_office_supplies_them(
    english: Any, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "params", tmp_path / "params")
    (tmp_path / "data").mkdir()
    shutil.copytree(ROOT / "data/codebook", tmp_path / "data/codebook")
    codes = load(ROOT / "params").codes("province")
    made = tmp_path / "data/provinces.json"
    made.write_text(json.dumps(collection(*codes)), encoding="utf-8")
    path = tmp_path / "params/report.yml"
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    settings["boundaries"] = {"file": "../data/provinces.json", "property": "pro"}
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    english.setenv("LFSMIG_PARAMS", str(tmp_path / "params"))
    fig = maps.fig_map("lifetime.rate")
    [ax] = [one for one in fig.axes if any(isinstance(p, PathPatch) for p in one.patches)]
    assert len(ax.patches) == 77 and not ax.texts
    assert hatched(fig, PathPatch) == 77 - 3
    assert load(tmp_path / "params").report.boundaries is not None


def test_a_country_without_a_grid_has_no_map(english: Any, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "params", tmp_path / "params")
    (tmp_path / "params/tiles.yml").unlink()
    english.setenv("LFSMIG_PARAMS", str(tmp_path / "params"))
    assert maps.fig_map("lifetime.rate") is None


@pytest.mark.parametrize(
    ("text", "words_of_it"),
    [
        ("{", "not JSON"),
        ('{"type": "Topology"}', "no list of features"),
        (json.dumps(collection("10")), "no polygon for 50"),
        (json.dumps(collection("10", "50")).replace('"pro"', '"code"'), "has no property 'pro'"),
        (json.dumps(collection("10", "50")).replace('"Polygon"', '"Point"'), "is Point; expected"),
        (json.dumps(collection("10", "50")).replace("[1, 0]", '["x", 0]'), "cannot be read"),
    ],
)
def test_bad_boundaries_are_one_line(tmp_path: Path, text: str, words_of_it: str) -> None:
    path = tmp_path / "b.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=words_of_it) as told:
        geojson.outlines(path, "pro", ["10", "50"])
    assert "\n" not in str(told.value) and str(path) in str(told.value)


def test_holes_stay_open_and_parts_belong_together(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_text(json.dumps(collection("10", "50")), encoding="utf-8")
    found = geojson.outlines(path, "pro", ["10", "50"])
    assert (found["10"].codes == found["10"].MOVETO).sum() == 2
    # Outer rings run against the clock and holes with it, whatever the file does.
    for code, areas in (("10", [1.0, 1.0]), ("50", [1.0, -0.02])):
        rings = found[code].to_polygons()
        signed = [geojson.area(r) for r in rings]
        assert signed == pytest.approx(areas[: len(rings)])
    with pytest.raises(InputError, match="no such file"):
        geojson.outlines(tmp_path / "none.json", "pro", ["10"])


# --- flows between areas ------------------------------------------------------------------------


def test_a_withheld_flow_is_hatched_in_the_matrix_and_never_drawn(english: Any) -> None:
    fig = od.fig_flow_matrix("recent_internal.od", *REGIONS)
    found = texts(fig)
    assert "36" in found and "25*" in found and "220" in found
    assert hatched(fig, Rectangle) == 1
    arcs = od.fig_flow_arcs("recent_internal.od", *REGIONS)
    drawn = texts(arcs)
    assert {"36", "25*", "43"} <= set(drawn) and "220" not in drawn
    assert not any("700" in text or text == "1" for text in drawn)
    widths = [p.get_linewidth() for p in arcs.axes[0].patches if isinstance(p, PathPatch)]
    assert max(widths) == od.WIDEST and len([w for w in widths if w > 1]) == 3
    note = arcs._supxlabel.get_text()
    assert "South → Bangkok" in note.replace("\n", " ")


def test_the_sentence_names_the_largest_flows(english: Any) -> None:
    text = od.flows_finding("recent_internal.od", *REGIONS, most=2).data
    assert "Northeast → Central (43,000 persons; " in text
    assert "Bangkok → Central (36,000 persons" in text and "25,000" not in text
    assert "The values of 1 flows are withheld." in text
    table = od.flow_table("recent_internal.od", *REGIONS).data
    assert "South → Bangkok" in table and "| c |" in table.replace("  ", " ")


# --- places in words and tables -----------------------------------------------------------------


def test_gains_and_losses_are_those_whose_interval_leaves_zero_out(english: Any) -> None:
    text = places.pools_finding("provinces.net_rate").data
    assert "1 gained: Rayong (1.39; 1.11 to 1.67)" in text and "1 lost: Bangkok" in text
    assert "Chiang Mai" not in text and "3 provinces may be shown" in text
    table = places.pool_tables(["provinces.net_rate"]).data
    assert "2022–2024" in table and "Narathiwat" in table and "| c |" in table
    assert "Samut Sakhon (81.0;" in places.places_finding("lifetime.rate").data
    english.setenv("LFSMIG_LANG", "th")
    assert "มีประชากรเพิ่มสุทธิ 1 จังหวัด ได้แก่ ระยอง" in places.pools_finding("provinces.net_rate").data


def test_pyramids_have_one_scale_and_mark_what_is_withheld(english: Any) -> None:
    fig = pyramid.fig_pyramid(*PYRAMID)
    panels = [ax for ax in fig.axes if ax.patches]
    assert len(panels) == 2 and len({ax.get_xlim() for ax in panels}) == 1
    counts = [sum(bool(p.get_hatch()) for p in ax.patches) for ax in panels]
    assert counts == [0, 2]
    # Men to the left: their largest group is a tenth of the population.
    widths = [p.get_width() for ax in panels for p in ax.patches if isinstance(p, Rectangle)]
    assert (min(widths), max(widths)) == pytest.approx((-10.0, 5.0))
    text = pyramid.pyramid_finding(*PYRAMID).data
    assert "“Male, 25–29”" in text and "10.0 per cent" in text
    assert words.code_label("age_group5", "0-4") in pyramid.pyramid_table(*PYRAMID).data


def test_without_released_flows_every_exhibit_says_so(edition: pytest.MonkeyPatch) -> None:
    """Another country's register has none of these: chapters still render, and tables are empty."""
    nothing = words.t("figure.nothing")
    for text in (
        od.flow_table("recent_internal.od", *REGIONS), places.pool_tables(["provinces.net_rate"]),
        pyramid.pyramid_table(*PYRAMID), places.place_table("provinces.net_rate"),
    ):  # fmt: skip
        assert nothing in text.data
    none = words.t("finding.none")
    assert od.flows_finding("recent_internal.od", *REGIONS).data == none
    assert places.pools_finding("provinces.net_rate").data == none
    assert places.places_finding("provinces.net_rate").data == none
    assert pyramid.pyramid_finding(*PYRAMID).data == none
    assert maps.fig_map("provinces.net_rate") is None
    assert pyramid.fig_pyramid(*PYRAMID) is None
    assert od.fig_flow_arcs("recent_internal.od", *REGIONS) is None
