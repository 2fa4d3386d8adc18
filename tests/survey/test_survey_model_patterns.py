"""Ways to a model that small data never take: many patterns, long keys, a sample for the basis."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from model_helpers import model_design, model_frame

from lfsmig.errors import EstimationError
from lfsmig.survey import SurveyDesign, irls, model_matrix
from lfsmig.survey.margins import marginal_effects, predictive_margins
from lfsmig.survey.models import Regression


def same(left: Regression, right: Regression) -> None:
    scale = np.sqrt(np.diag(left.covariance))
    assert (np.abs(left.coefficients - right.coefficients) <= 1e-9 * scale).all()
    assert (np.abs(left.covariance - right.covariance) <= 1e-8 * np.outer(scale, scale)).all()


@pytest.fixture
def tiny_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of 16 patterns, of which every third is enough for a basis."""
    monkeypatch.setattr(model_matrix, "CHUNK", 16)
    monkeypatch.setattr(irls, "MANY_CHUNKS", 4)
    monkeypatch.setattr(irls, "SAMPLED", 3)


FORMULA = "flag ~ x + year + group * sex"


def test_chunks_and_the_sampled_basis_change_nothing(request: pytest.FixtureRequest) -> None:
    frame = model_frame(3)
    whole = model_design(frame).regression(FORMULA)
    margins, effects = predictive_margins(whole, "group", "sampled"), marginal_effects(whole)
    request.getfixturevalue("tiny_chunks")
    parted = model_design(frame).regression(FORMULA)
    assert len(list(parted.model.chunks())) > 12
    same(whole, parted)
    found = predictive_margins(parted, "group", "sampled")
    pd.testing.assert_frame_equal(found.frame, margins.frame, rtol=1e-8)
    assert found.covariance == pytest.approx(margins.covariance, rel=1e-7)
    pd.testing.assert_frame_equal(marginal_effects(parted).frame, effects.frame, rtol=1e-7)


def test_a_level_outside_the_sample_is_found(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = model_frame(3).query("weight > 0").dropna(subset=["x", "wage"]).reset_index(drop=True)
    # One rare level, and a column that is nearly constant where the sample looks.
    frame["rare"] = np.where(np.arange(len(frame)) % 48 == 20, "rare", "usual")
    frame["bump"] = np.where(frame["rare"] == "rare", frame["x"], 1e-9 * frame["x"])
    formula = "wage ~ x + bump + rare"
    whole = model_design(frame).regression(formula)
    request.getfixturevalue("tiny_chunks")
    same(whole, model_design(frame).regression(formula))
    looked_at: list[int] = []
    made = irls._triangle
    monkeypatch.setattr(
        irls, "_triangle", lambda m, r, chunks: looked_at.append(len(chunks)) or made(m, r, chunks)
    )
    model_design(frame).regression(formula)
    # The sample's triangle was not enough, and the whole was decomposed.
    assert len(looked_at) == 2
    assert looked_at[1] > 2 * looked_at[0]
    twice = model_design(frame.assign(double=2 * frame["x"]))
    with pytest.raises(EstimationError, match="term 'double' is collinear"):
        twice.regression("wage ~ x + double")


def test_many_continuous_records() -> None:
    """70,000 distinct records, a year counted from 0: least squares on centred columns."""
    rng = np.random.default_rng(1)
    n = 70_000
    frame = pd.DataFrame({"w": rng.lognormal(5, 0.5, n), "x": rng.normal(0, 1, n)})
    frame["year"] = 2019 + rng.integers(0, 6, n)
    frame["y"] = 2 + 3 * frame["x"] - 0.1 * frame["year"] + rng.normal(0, 1, n)
    frame["psu"] = np.arange(n) % 500
    model = SurveyDesign(frame, "w", None, "psu").regression("y ~ x + year")
    assert model.model.n_patterns == n >= irls.MANY_CHUNKS * model_matrix.CHUNK
    root = np.sqrt(frame["w"].to_numpy())
    columns = np.column_stack([np.ones(n), frame["x"], frame["year"] - 2021.5])
    known, *_ = np.linalg.lstsq(columns * root[:, None], frame["y"] * root)
    assert model.coefficients[1:] == pytest.approx(known[1:], rel=1e-9)
    assert model.coefficients[0] == pytest.approx(known[0] - 2021.5 * known[2], rel=1e-9)


def test_patterns_are_the_distinct_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    columns = [rng.integers(0, k, 400).astype("int32") for k in (2, 5, 3)]
    columns.append(rng.choice([0.5, 1.5, np.pi], 400))
    rows = np.column_stack(columns)
    for table, key in ((1 << 22, 1 << 62), (4, 1 << 62), (4, 10)):
        monkeypatch.setattr(model_matrix, "TABLE_LIMIT", table)
        monkeypatch.setattr(model_matrix, "KEY_LIMIT", key)
        pattern, first = model_matrix._patterns(columns, 400)
        assert len(first) == len(np.unique(rows, axis=0))
        assert (rows[first][pattern] == rows).all()
    everyone = model_matrix._patterns([rng.normal(size=400), columns[0]], 400)[0]
    assert (everyone == np.arange(400)).all()
    assert len(model_matrix._patterns([], 400)[1]) == 1
