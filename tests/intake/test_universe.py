"""What the data dictionary says of who was asked is what the records hold."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from lfsmig.intake.harmonise import harmonise
from lfsmig.params import Params
from lfsmig.sample import generate

ROOT = Path(__file__).parents[2]
YEARS = [2019, 2023]
# Answers that can be unknown leave an item empty inside its universe, but seldom.
UNKNOWN = 0.05


@pytest.fixture(scope="module")
def frames(params: Params, tmp_path_factory: pytest.TempPathFactory) -> dict[int, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("sample")
    generate(folder, YEARS, 0.01, params_dir=ROOT / "params")
    return {year: harmonise(params, year, folder).frame for year in YEARS}


@pytest.mark.parametrize("year", YEARS)
def test_answers_lie_in_their_universe(
    params: Params, frames: dict[int, pd.DataFrame], year: int
) -> None:
    frame = frames[year]
    checked = 0
    for name, entry in params.variables.items():
        if entry.made or name not in frame:
            continue
        answered = frame[name].notna().to_numpy()
        asked = (
            frame.eval(entry.asked_if).fillna(False).to_numpy(dtype=bool)
            if entry.asked_if
            else pd.Series(True, frame.index).to_numpy()
        )
        assert not (answered & ~asked).any(), name
        # A place of birth that is unknown, a sender's amount: the rest of the universe answers.
        assert (asked & ~answered).sum() <= max(UNKNOWN * asked.sum(), 2), name
        if entry.missing is None:
            assert answered.all(), name
        checked += entry.asked_if is not None
    assert checked > 25


def test_conditions_are_stated_where_texts_say_so(params: Params) -> None:
    """A universe other than everybody comes with its condition, and the reverse."""
    everybody = params.variables["age"].universe
    for name, entry in params.variables.items():
        if not entry.made:
            assert (entry.universe == everybody) == (entry.asked_if is None), name
