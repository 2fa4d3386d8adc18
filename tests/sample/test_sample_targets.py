"""The targets file names published figures only, its series fit them, and the sample meets it."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from sample_files import ROOT, YEARS

from lfsmig.sample.attained import attained, own_attained
from lfsmig.sample.files import raw_frame
from lfsmig.sample.generate import survey_round
from lfsmig.sample.parties import rogers_castro
from lfsmig.sample.places import region_flows
from lfsmig.sample.settings import Settings

REQUIRED = [
    7,
    9,
    10,
    14,
    *range(17, 29),
    *range(167, 170),
    *range(172, 186),
    *range(195, 203),
    *range(204, 208),
    *range(209, 214),
]


@pytest.fixture(scope="module")
def figures() -> pd.DataFrame:
    return pd.read_csv(ROOT / "data/published/figures.csv", encoding="utf-8")


def test_targets_are_the_required_figures(settings: Settings, figures: pd.DataFrame) -> None:
    ids = [target["id"] for target in settings.targets["targets"]]
    assert sorted(ids) == [f"F{number:04d}" for number in REQUIRED]
    assert set(ids) <= set(figures["id"])
    for target in settings.targets["targets"]:
        assert target.get("sign") is True or target["tolerance"] > 0


def test_figures_named_in_comments_exist(figures: pd.DataFrame) -> None:
    for name in ("sample_targets.yml", "sample_model.yml"):
        text = (ROOT / "params" / name).read_text(encoding="utf-8")
        assert set(re.findall(r"F\d{4}", text)) <= set(figures["id"])


def test_shares_of_the_series_sum_to_a_hundred(settings: Settings) -> None:
    for name, table in settings.series.items():
        if name in ("foreign_born_share", "net_thousand", "province_pull"):
            continue
        for year, shares in table.items():
            if isinstance(shares, dict):
                assert sum(shares.values()) == pytest.approx(100, abs=0.01), (name, year)
    for year, net in settings.series["net_thousand"].items():
        assert sum(net.values()) == 0, year


def test_series_move_as_stated(settings: Settings) -> None:
    internal, abroad = settings.series["internal"], settings.series["international"]
    assert internal[2020] > internal[2019] > 0
    assert internal[2021] < internal[2020]
    assert abroad[2021] == min(abroad.values())
    assert internal[2020] + abroad[2020] == 1_050_000
    assert internal[2021] + abroad[2021] == 667_000
    assert all(internal[y] / (internal[y] + abroad[y]) > 0.92 for y in YEARS if y < 2024)


def test_region_flows_meet_their_margins(settings: Settings) -> None:
    for year in YEARS:
        arrivals = np.array([40.0, 270.0, 110.0, 150.0, 85.0]) * 1000
        flows = region_flows(settings, year, arrivals)
        net = flows.sum(axis=0) - flows.sum(axis=1)
        wanted = np.array([settings.series["net_thousand"][year][str(r)] for r in range(1, 6)])
        np.testing.assert_allclose(net / 1000, wanted, atol=1.0)
        assert flows[0, 0] == 0


def test_migration_schedule_peaks_in_the_twenties(settings: Settings) -> None:
    rate = rogers_castro(np.arange(90.0), settings.model["migration"]["rogers_castro"])
    assert 20 <= rate.argmax() <= 26
    assert rate[0] > rate[12]
    assert (rate > 0).all()


def test_small_scale_is_near_already(settings: Settings, figures: pd.DataFrame) -> None:
    raw = {
        year: raw_frame(settings, year, households, people, 2562)
        for year, households, people in survey_round(settings, 0, 2019, 0.05, 2562)
    }
    table = attained(settings, figures, raw).set_index("id")
    assert table.loc["F0169", "met"]
    assert table.loc["F0167", "attained"] == pytest.approx(664_000, rel=0.05)
    assert table.loc["F0023", "attained"] == pytest.approx(70.3, abs=0.5)


@pytest.mark.slow
def test_full_scale_meets_every_target(settings: Settings, figures: pd.DataFrame) -> None:
    raw = {}
    for number in (0, 1):
        for year, households, people in survey_round(settings, number, 2024, 1.0, 2562):
            raw[year] = raw_frame(settings, year, households, people, 2562)
            assert 200_000 < len(people) < 212_000
            assert len(households) == 83_880
            assert 0.86 < households["answers"].mean() < 0.88
    table = attained(settings, figures, raw)
    assert len(table) == len(REQUIRED)
    assert table.loc[~table["met"]].empty, table.loc[~table["met"]].to_string()
    own = own_attained(settings, raw)
    assert len(own) == 3 * len(YEARS) + 4
    assert own.loc[~own["met"]].empty, own.loc[~own["met"]].to_string()
