"""What charts tell those who do not see them: computed from what is drawn, and nothing withheld."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from test_report_places import PYRAMID, REGIONS, YEAR, pooled_rows, row, yearly_rows

from lfsmig.report import alt, maps, od, pyramid

ROOT = Path(__file__).parents[2]
ROOM = ROOT / "py/lfsmig/report"
THAI = re.compile(r"[\u0e00-\u0e7f]")
AREA = ("previous_greater_bangkok", "greater_bangkok")


def results() -> dict[str, pd.DataFrame]:
    area = [
        row("greater_bangkok.flows", {AREA[0]: a, AREA[1]: b}, value)
        for a, b, value in [("elsewhere", "inside", 70000.0), ("inside", "elsewhere", 50000.0)]
    ]
    return {
        f"{YEAR}.parquet": pd.concat([yearly_rows(), pd.DataFrame(area)], ignore_index=True),
        "pools.parquet": pooled_rows(),
    }


CHARTS: dict[str, Any] = {
    "maps": lambda: maps.fig_map("provinces.net_rate"),
    "matrix": lambda: od.fig_flow_matrix("recent_internal.od", *REGIONS),
    "arcs": lambda: od.fig_flow_arcs("recent_internal.od", *REGIONS),
    "area": lambda: od.fig_area("greater_bangkok.flows", *AREA, "inside"),
    "pyramid": lambda: pyramid.fig_pyramid(*PYRAMID),
}
# What the largest and the smallest values drawn are, and how many are withheld.
TOLD = {
    "maps": ["2022–2024: 3 places have a value", "Rayong", "1.39", "Bangkok", "−0.63",
             "Withheld values: 1."],
    "matrix": ["Northeast → Central, 43,000 persons", "Largest inside one area: Central, 220,000",
               "Withheld values: 1."],
    "arcs": ["Northeast → Central, 43,000 persons; Bangkok → Central", "Withheld values: 1."],
    "area": [f"In: 70 in {YEAR}; Out: 50 in {YEAR}"],
    "pyramid": ["Recent internal migrants: the largest group is Male, 25–29, 10.0 per cent",
                "Withheld values: 2."],
}  # fmt: skip


class Told:
    """Released rows in a folder, and what charts of them tell."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = root / "released"
        self.folder.mkdir()
        (self.folder / f"{YEAR}.summary.json").write_text('{"checks": []}', encoding="utf-8")
        self.texts: list[str] = []
        monkeypatch.setenv("LFSMIG_DATA", str(root))
        monkeypatch.setenv("LFSMIG_PARAMS", str(ROOT / "params"))
        monkeypatch.setenv("LFSMIG_LANG", "en")
        monkeypatch.setattr(alt, "tell", self.texts.append)
        self.write(results())

    def write(self, frames: dict[str, pd.DataFrame]) -> None:
        for name, frame in frames.items():
            frame.to_parquet(self.folder / name)

    def of(self, chart: str) -> str:
        self.texts.clear()
        assert CHARTS[chart]() is not None
        [text] = self.texts
        return text


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    yield Told(tmp_path, monkeypatch)
    plt.close("all")


@pytest.mark.parametrize("chart", list(CHARTS))
def test_a_chart_tells_what_is_drawn_and_follows_the_data(
    told: Told, chart: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = told.of(chart)
    for words in TOLD[chart]:
        assert words in before
    # Nothing of the withheld flow of 700 persons, province or age group.
    assert "South" not in before and "Narathiwat" not in before and "0–4" not in before
    frames = results()
    for frame in frames.values():
        held = frame["flag"].isin(["c", "s"])
        # The largest values fall to a tenth, so something else is the largest.
        big = frame["estimate"].where(~held & frame["domain"].ne("{}"))
        for _, group in big.groupby(frame["indicator"]):
            frame.loc[group.nlargest(2).index, "estimate"] *= 0.1
    told.write(frames)
    assert told.of(chart) != before
    monkeypatch.setenv("LFSMIG_LANG", "th")
    thai = told.of(chart)
    assert THAI.search(thai) and not re.search(r"[A-Za-z]{2}", thai)


def test_a_value_that_is_withheld_is_counted_and_never_told() -> None:
    """Even where a number stands in a withheld row, it is not told."""
    frame = pd.DataFrame(
        {
            "row": ["1", "4", "5"], "column": ["2", "2", "1"], "code": ["10", "50", "96"],
            "estimate": [36000.0, 43000.0, 99000.0], "share": [1.0, 2.0, 9.0],
            "unit": "persons", "flag": ["", "*", "c"], "reason": ["", "", "confidential"],
        }
    )  # fmt: skip
    texts = [
        alt.of_flows(frame, *REGIONS), alt.of_places({"Map": frame}, "province", "persons"),
        alt.of_pyramids({"Men": frame}, "age_group5", "sex"),
    ]  # fmt: skip
    for text in texts:
        assert text.endswith("Withheld values: 1.")
        assert "99" not in text and "9.0" not in text and "Narathiwat" not in text
    secret = frame.assign(estimate=float("nan"), flag="c")
    assert alt.of_pyramids({"Men": secret}, "age_group5", "sex") == "Men: all values are withheld."
    assert alt.of_years({"2024": frame}, "province") == (
        "Highest estimate of each year: 2024: Chiang Mai, 43,000 persons. Withheld values: 1."
    )
    # Where nobody is nothing is withheld; where nothing may be told, nothing is.
    empty = frame.assign(flag="s", reason="empty")
    assert alt.of_flows(empty, *REGIONS) == alt.of_places({"Map": empty}, "province", "") == ""
    shown = frame.assign(flag=["", "", "s"], reason=["", "", "empty"])
    assert "Withheld" not in alt.of_flows(shown, *REGIONS)


def test_every_chart_of_the_report_tells_something() -> None:
    charts = {}
    for path in ROOM.glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("fig_"):
                charts[node.name] = "alt.tell(" in ast.unparse(node)
    assert len(charts) >= 12
    assert [name for name, tells in charts.items() if not tells] == []
