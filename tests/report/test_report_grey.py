"""Maps and pyramids tell in grey print what is lost, what is certain, and what carries a symbol."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import PathPatch, Rectangle
from test_report_places import english, small, texts  # noqa: F401

from lfsmig.report import data, maps, od, pyramid, words
from lfsmig.report.style import INK


def patches(fig: Any, kind: type, **asked: Any) -> list[Any]:
    every = [patch for ax in fig.axes for patch in ax.patches if type(patch) is kind]
    return [p for p in every if all(getattr(p, f"get_{k}")() == v for k, v in asked.items())]


def test_losses_and_certain_balances_have_marks(english: Any) -> None:  # noqa: F811
    frame = data.pools_by("provinces.net_rate", "province").dropna(subset=["estimate"])
    fig = maps.fig_map("provinces.net_rate")
    bars = [p for p in patches(fig, Rectangle) if to_hex(p.get_facecolor()) == INK.lower()]
    assert len(bars) == (frame["estimate"] < 0).sum() > 0
    sure = (frame["ci_low"] > 0) | (frame["ci_high"] < 0)
    outlines = patches(fig, PathPatch, linewidth=maps.CERTAIN)
    assert len(outlines) == sure.sum() > 0
    note = " ".join(text.get_text().replace("\n", " ") for text in fig.texts)
    assert words.t("map.certain") in note
    assert words.t("map.loss") in note
    sizes = {t.get_fontsize() for t in fig.axes[0].texts}
    assert min(sizes) >= 7
    plt.close("all")


def test_an_outline_marks_balances_that_are_certain_and_shares_that_are_not() -> None:
    cells = pd.DataFrame({"ci_low": [-1, 0.5, 3, np.nan], "ci_high": [1, 2.0, 4, np.nan]})
    assert maps.outlined(cells, 0.0).tolist() == [False, True, True, False]
    assert maps.outlined(cells, 1.0).tolist() == [True, True, False, False]
    assert not maps.outlined(cells, np.nan).any()


def test_a_printed_zero_has_no_sign(english: Any) -> None:  # noqa: F811
    values = (0.004, -0.004, 0.0, 0.02, -0.02)
    told = [maps.signed(value, "percent", True) for value in values]
    assert told == ["0.00", "0.00", "0.00", "+0.02", "−0.02"]


def test_symbols_stand_in_tiles_and_on_arcs(
    english: Any,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = data.pools_by("provinces.net_rate", "province")
    known = rows["estimate"].notna()
    monkeypatch.setattr(
        data, "pools_by", lambda *_: rows.assign(flag=known.map({True: "*", False: "s"}))
    )
    fig = maps.fig_map("provinces.net_rate")
    assert sum(text.endswith("*") for text in texts(fig)) >= known.sum()
    assert "caution" in " ".join(text.get_text() for text in fig.texts)
    flows = data.cells("recent_internal.od", "previous_region", "region")
    flows.loc[flows["estimate"].notna(), "flag"] = "*"
    monkeypatch.setattr(data, "cells", lambda *_: flows)
    fig = od.fig_flow_arcs("recent_internal.od", "previous_region", "region")
    assert sum(text.endswith("*") for text in texts(fig))
    assert "caution" in fig.get_supxlabel()
    plt.close("all")


def test_pyramids_show_intervals(english: Any) -> None:  # noqa: F811
    names = ["recent_internal.age_sex"]
    fig = pyramid.fig_pyramid(names, "population.age_sex")
    cells = pyramid._cells(names[0], "age_group5", "sex")
    lines = [one for one in fig.axes[0].lines if len(set(one.get_ydata())) == 1]
    assert len(lines) == cells["ci_low"].notna().sum() > 0
    assert words.t("pyramid.interval") in " ".join(
        t.get_text().replace("\n", " ") for t in fig.texts
    )
    plt.close("all")
