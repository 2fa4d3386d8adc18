"""Charts and findings show no more than tables do: no number, no point, no word.

Whatever no table of a section shows is taken out of the released results, and its charts are drawn
again: nothing of them may change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from lfsmig import report
from lfsmig.report import alt, data, figures, findings

ROOT = Path(__file__).parents[2]
CELL = re.compile(r"^```\{python\}\n(.*?)^```$", re.M | re.S)
KEYS = ["indicator", "domain", "category"]
PERIODS = ["year", "year_from", "year_to"]
Seen = set[tuple[Any, ...]]


def exhibits() -> Iterator[tuple[str, str, list[str]]]:
    """A chart of each kind, its call, and the calls of the tables that it goes with."""
    kinds: set[str] = set()
    for path in sorted((ROOT / "chapters/en").glob("0*.qmd")):
        for part in re.split(r"^#+ ", path.read_text(encoding="utf-8"), flags=re.M):
            calls = [re.sub(r"^#\|.*\n", "", code, flags=re.M) for code in CELL.findall(part)]
            tables = [call for call in calls if re.search(r"report\.(\w*table|tbl_)", call)]
            for call in calls:
                kind = re.search(r"report\.(fig_\w+)", call)
                if kind and kind[1] not in kinds:
                    kinds.add(kind[1])
                    names = re.findall(r'"(\w+\.\w+)"', call)
                    beside = [one for one in tables if not names or any(n in one for n in names)]
                    yield kind[1], call, beside


EXHIBITS = list(exhibits())


# Withheld throughout in a small sample: numbers are put in, so that there is something to draw.
EMPTY = (
    "recent_internal.od",
    "recent_internal.destination",
    "provinces.net_rate",
    "greater_bangkok.flows",
)


def filled(path: Path) -> pd.DataFrame:
    """A released file with numbers in exhibits that are empty."""
    frame = pd.read_parquet(path)
    if not set(KEYS) <= set(frame) or "flag" not in frame:
        return frame
    rows = frame["indicator"].isin(EMPTY)
    sizes = 1.0 + np.arange(rows.sum()) % 7
    for name, factor in (("estimate", 1.0), ("ci_low", 0.9), ("ci_high", 1.1), ("se", 0.05)):
        frame.loc[rows, name] = factor * sizes
    frame.loc[rows, "flag"] = ""
    return frame


def reader_of(kept: Seen) -> Callable[[str], pd.DataFrame]:
    """Read of released files only some rows, and trends of their cells."""

    def read(name: str) -> pd.DataFrame:
        frame = filled(data.released(name))
        if not set(KEYS) <= set(frame):
            return frame
        cells = {key[:3] for key in kept}
        periods = [column for column in PERIODS if column in frame]
        keys = zip(*(frame[column] for column in (*KEYS, *periods)), strict=True)
        trends = "statistic" in frame and name == "trends.parquet"
        return frame[[key[:3] in cells if trends else key in kept for key in keys]]

    return read


def keys_of(frame: pd.DataFrame) -> Seen:
    periods = [column for column in PERIODS if column in frame]
    columns = [frame[column] for column in (*KEYS, *periods) if column in frame]
    return set(zip(*columns, strict=True))


def restricted(monkeypatch: pytest.MonkeyPatch, kept: Seen) -> None:
    """Let the report read nothing but some rows."""
    read = reader_of(kept)
    every = pd.concat([read(f"{year}.parquet") for year in data.years()], ignore_index=True)
    monkeypatch.setattr(data, "read", read)
    monkeypatch.setattr(data, "every_year", lambda: every)


def whole_release(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the report read all that is released."""
    monkeypatch.setattr(data, "read", lambda name: filled(data.released(name)))
    every = pd.concat([data.read(f"{year}.parquet") for year in data.years()], ignore_index=True)
    monkeypatch.setattr(data, "every_year", lambda: every)


def shown_by_tables(monkeypatch: pytest.MonkeyPatch, calls: list[str]) -> Seen:
    """Rows that the tables of a section show."""
    seen: Seen = set()
    with monkeypatch.context() as patch:
        for name in ("series", "cells", "pools", "averages"):
            made = getattr(data, name)

            def noted(*more: Any, made: Any = made, **named: Any) -> pd.DataFrame:
                frame = made(*more, **named)
                if set(KEYS) <= set(frame):
                    seen.update(keys_of(frame))
                return frame

            patch.setattr(data, name, noted)
        for call in calls:
            exec(call, {"report": report})
    return seen


def drawn(monkeypatch: pytest.MonkeyPatch, call: str) -> list[Any]:
    """All that a chart shows: positions, sizes, shades and words, and what is told of it."""
    found: list[Any] = []
    with monkeypatch.context() as patch:
        patch.setattr(alt, "tell", found.append)
        plt.close("all")
        exec(call, {"report": report})
        for number in plt.get_fignums():
            found += of_figure(plt.figure(number))
    plt.close("all")
    return found


def of_figure(fig: Figure) -> Iterator[Any]:
    for artist in fig.findobj():
        text = getattr(artist, "get_text", lambda: "")()
        if text:
            yield str(text)
        for name in ("get_xydata", "get_offsets", "get_array", "get_facecolor", "get_segments"):
            if (value := getattr(artist, name, lambda: None)()) is not None:
                yield np.round(np.array(value, dtype=float).ravel(), 9).tobytes()
        if hasattr(artist, "get_path") and artist.get_path() is not None:
            yield np.round(artist.get_path().vertices, 9).tobytes()


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch, small_data: Path) -> pytest.MonkeyPatch:
    """What a chapter's cell finds: the released results of the small run."""
    monkeypatch.setenv("LFSMIG_DATA", str(small_data))
    monkeypatch.setenv("LFSMIG_PARAMS", str(ROOT / "params"))
    monkeypatch.setenv("LFSMIG_LANG", "en")
    whole_release(monkeypatch)
    return monkeypatch


@pytest.mark.parametrize(("kind", "call", "tables"), EXHIBITS, ids=[one[0] for one in EXHIBITS])
def test_a_chart_shows_no_more_than_the_tables_beside_it(
    pages: pytest.MonkeyPatch, kind: str, call: str, tables: list[str]
) -> None:
    whole = drawn(pages, call)
    assert len(whole) > 20
    restricted(pages, shown_by_tables(pages, tables))
    assert drawn(pages, call) == whole


def a_point_more(patch: pytest.MonkeyPatch) -> None:
    """Draw a number that no table of the section has."""
    axis = figures.year_axis

    def drawing(ax: Any) -> None:
        axis(ax)
        ax.plot([data.years()[0]], data.series("population.total")["estimate"].iloc[:1])

    patch.setattr(figures, "year_axis", drawing)


def a_word_more(patch: pytest.MonkeyPatch) -> None:
    """Tell of a number that no table of the section has."""
    patch.setattr(
        alt, "of_indicator", lambda _: str(data.series("lifetime.total")["estimate"].sum())
    )


@pytest.mark.parametrize("fault", [a_point_more, a_word_more])
def test_what_a_chart_shows_beyond_its_table_is_found(
    pages: pytest.MonkeyPatch, fault: Callable[[pytest.MonkeyPatch], None]
) -> None:
    call, tables = next((call, tables) for kind, call, tables in EXHIBITS if kind == "fig_series")
    fault(pages)
    whole = drawn(pages, call)
    restricted(pages, shown_by_tables(pages, tables))
    with pytest.raises((AssertionError, ValueError)):
        assert drawn(pages, call) == whole


# --- findings ------------------------------------------------------------------------------------

TOLD = sorted(
    {name for path in sorted((ROOT / "chapters/en").glob("0*.qmd"))
     for listed in re.findall(r"key_findings\(\[(.*?)\]\)", path.read_text("utf-8"), re.S)
     for name in re.findall(r'"(\w+\.\w+)"', listed)}
)  # fmt: skip
# As it is printed; a hyphen before it belongs to a range.
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
SCALES = (1.0, 100.0, 1e-3, 1e-6)


def public_numbers(name: str) -> np.ndarray:
    """What tables and trends tell of an indicator, in the units that it may be printed in."""
    frame = data.every_year()
    rows = frame[frame["indicator"].eq(name) & ~frame["flag"].isin(data.WITHHELD)]
    trends = data.read("trends.parquet")
    trends = trends[trends["indicator"].eq(name) & ~trends["flag"].isin(data.WITHHELD)]
    parts = [
        rows[["estimate", "ci_low", "ci_high"]],
        trends[["estimate", "p", "p_adjusted", "lack_of_fit_p"]],
    ]
    values = np.concatenate([part.to_numpy(dtype=float).ravel() for part in parts])
    known = np.abs(values[np.isfinite(values)])
    limits = [95.0, 0.001, 0.999, *data.years()]
    return np.concatenate([*(known * scale for scale in SCALES), limits])


def unknown_numbers(name: str, told: str) -> list[str]:
    """Numbers of a finding that are none of its tables', rounded as they are printed."""
    # Names of groups stand in quotation marks.
    text = re.sub("“[^”]*”", "", told)
    known = public_numbers(name)
    found = []
    for token in NUMBER.findall(text):
        whole, _, decimals = token.rstrip(",").replace(",", "").partition(".")
        zeros = len(whole) - len(whole.rstrip("0")) if not decimals else 0
        half = 0.5 * 10.0 ** (zeros - len(decimals))
        if not (np.abs(known - float(token.replace(",", ""))) <= half * (1 + 1e-6)).any():
            found.append(token)
    return found


def test_every_number_of_a_finding_stands_in_a_table(pages: pytest.MonkeyPatch) -> None:
    told = {name: findings.finding(name) for name in TOLD}
    assert sum(map(bool, told.values())) > 15
    unknown = {name: unknown_numbers(name, text) for name, text in told.items() if text}
    assert {name: left for name, left in unknown.items() if left} == {}


def test_a_number_of_another_cell_is_found_in_a_sentence(pages: pytest.MonkeyPatch) -> None:
    name = "recent_internal.rate"
    written = findings.finding(name)
    other = data.series("lifetime.rate")["estimate"].iloc[0]
    assert unknown_numbers(name, f"{written} {other:.3f}") == [f"{other:.3f}"]
