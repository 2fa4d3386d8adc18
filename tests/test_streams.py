"""Indices of streams: what is told of them, and what they tell of a single flow."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lfsmig.disclosure import streams
from lfsmig.disclosure.bounds import Equations, Programme
from lfsmig.disclosure.sets import moves_between, stream
from lfsmig.params import load
from tests.conftest import ROOT

PARAMS = load(ROOT / "params")
REGISTER = {one.id: one for one in PARAMS.indicators}
PLACES = ("1", "2", "3")
WEIGHTED = np.array([[0, 900, 100], [500, 0, 300], [50, 150, 0]], dtype=float)


def flows(per_case: float = 10.0) -> dict[tuple[str, str], Any]:
    found = {}
    for (row, origin), (column, destination) in permutations(enumerate(PLACES), 2):
        size = WEIGHTED[row, column]
        who = stream("region", origin, destination)
        found[origin, destination] = (who, size / per_case, size)
    return found


def slopes(index: str) -> dict[Any, float]:
    one = REGISTER[index]
    made = streams.line(moves_between("region"), one, flows())
    assert made is not None and made[1] == WEIGHTED.sum() / 10
    return dict(made[0])


def test_what_a_flow_does_to_the_index_of_inequality() -> None:
    """I = 1/2 sum |M_ij/M - 1/6|, so M dI/dM_ij = (s_ij - sum s M / M) / 2, s the signs."""
    signs = np.sign(WEIGHTED - WEIGHTED.sum() / 6) * (WEIGHTED > 0)
    mean = 0.5 * (signs * WEIGHTED).sum() / WEIGHTED.sum()
    found = slopes("indices.inequality")
    for (row, origin), (column, destination) in permutations(enumerate(PLACES), 2):
        expected = 0.5 * signs[row, column] - mean
        assert found[stream("region", origin, destination)] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("index", sorted(one.id for one in PARAMS.indicators if
                                         streams.is_of_streams(one)))  # fmt: skip
def test_every_index_is_the_same_for_twice_as_many_movers(index: str) -> None:
    """Slopes times flows add up to zero (Euler), but for an index of the numbers themselves."""
    found = slopes(index) if index != "indices.connectivity" else {}
    made = flows()
    total = sum(found.get(who, 0.0) * size for who, _, size in made.values())
    assert total == pytest.approx(0.0, abs=1e-3 * WEIGHTED.sum())


def test_unknown_streams_make_no_equation() -> None:
    some = flows()
    some.pop(("1", "2"))
    one = REGISTER["indices.inequality"]
    assert streams.line(moves_between("region"), one, some) is None


def test_indices_of_streams_are_told_in_hundredths_and_nothing_else_is() -> None:
    rows = pd.DataFrame(
        {
            "indicator": ["indices.gini", "indices.mei"], "estimate": [0.48964, 17.2014],
            "se": [0.04219, 5.844], "cv": [0.08616, 0.33975], "ci_low": [0.4064, 5.71],
            "ci_high": [0.5729, 28.69], "p": [0.012345, 0.012345], "statistic_value": [2.5, 2.5],
        }
    )  # fmt: skip
    told = streams.rounded(rows, PARAMS.indicators)
    assert told.loc[1].equals(rows.loc[1])
    assert list(told.loc[0, ["estimate", "se", "ci_low", "ci_high", "p"]]) == [
        0.49, 0.04, 0.41, 0.57, 0.01,
    ]  # fmt: skip
    # Their quotients are those of what is told: nothing has more digits.
    assert told.loc[0, "cv"] == pytest.approx(0.04 / 0.49)
    assert np.isnan(told.loc[0, "statistic_value"])


@pytest.mark.parametrize(("estimate", "below", "above"), [(0.48964, 0.00464, 0.00536),
                                                          (0.485, 0.005, 0.005)])  # fmt: skip
def test_a_reader_knows_the_hundredth(estimate: float, below: float, above: float) -> None:
    assert streams.rooms(estimate) == pytest.approx((below, above), abs=0.0051)
    assert sum(streams.rooms(estimate)) == pytest.approx(streams.STEP)


@pytest.mark.parametrize(("above", "safe"), [(20.0, True), (2.0, False)])
def test_a_rounded_number_hides_as_far_as_its_rounding_goes(above: float, safe: bool) -> None:
    """A flow of 3, hidden with one of 50 whose sum is known; the index tells half their difference.

    It can rise by 9 only if the index may rise by 9 too: within 20 movers, not within 2.
    """
    few, other, index = (frozenset({("flow", name)}) for name in ("a", "b", "index"))
    values = {few: 3.0, other: 50.0, index: 1.0}
    lines = [((few, 1.0), (other, 1.0)), ((few, 0.5), (other, -0.5), (index, -1.0))]
    held = Equations(values, lines, {few: 9.0})
    programme = Programme(held, np.ones(3, dtype=bool))
    programme.allow(held.place[index], True, 1.0, above)
    assert (held.place[few] in programme.proofs(held.place[few])) is safe


def test_released_files_tell_no_more(small_data: Any) -> None:
    """Years, trends and the cross-check; a sample with enough movers shows some index."""
    names = [one.id for one in PARAMS.indicators if streams.is_of_streams(one)]
    seen = 0
    for path in (small_data / "released").glob("*.parquet"):
        frame = pd.read_parquet(path)
        if "indicator" not in frame or path.stem == "published":
            continue
        rows = frame[frame["indicator"].isin(names)]
        seen += len(rows)
        for column in streams.SIZES & set(rows):
            values = rows[column].dropna().to_numpy(dtype=float)
            assert np.allclose(values, values.round(2), rtol=0, atol=1e-12), (path.name, column)
    assert seen
