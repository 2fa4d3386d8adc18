"""Controlled selection comes as near to a total as the records allow, and stays random."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lfsmig.sample.draw import assign_quota, by_step, fit_chance, select_to_total, stream


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(2, 400), st.floats(0.01, 0.99))
def test_selection_meets_the_total(seed: int, size: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    weight = rng.uniform(100, 900, size)
    target = share * weight.sum()
    chosen = select_to_total(weight, np.full(size, 0.3), target, rng.random(size))
    assert abs(weight[chosen].sum() - target) <= 450


def test_selection_follows_the_chances() -> None:
    weight = np.ones(200)
    chance = np.repeat([0.1, 0.4], 100)
    taken = np.zeros(200)
    for seed in range(400):
        rng = np.random.default_rng(seed)
        taken += select_to_total(weight, chance, 50.0, rng.random(200))
    assert abs(taken[:100].mean() / 400 - 0.1) < 0.02
    assert abs(taken[100:].mean() / 400 - 0.4) < 0.02


def test_never_and_always() -> None:
    rng = np.random.default_rng(1)
    chance = np.array([0.0] * 5 + [1.0] * 5 + [0.5] * 10)
    chosen = select_to_total(np.ones(20), chance, 8.0, rng.random(20))
    assert not chosen[:5].any()
    assert chosen[5:10].all()
    assert chosen.sum() == 8


def test_nothing_to_select() -> None:
    assert select_to_total(np.zeros(0), np.zeros(0), 5.0, np.zeros(0)).size == 0
    assert not select_to_total(np.ones(3), np.full(3, 0.5), 0.0, np.zeros(3)).any()


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.lists(st.floats(1, 50), min_size=2, max_size=6))
def test_quota_meets_every_class(seed: int, shares: list[float]) -> None:
    rng = np.random.default_rng(seed)
    weight = rng.uniform(100, 900, 500)
    preference = rng.uniform(0.2, 2.0, (500, len(shares)))
    picked = assign_quota(weight, preference, np.array(shares), rng)
    attained = np.bincount(picked, weights=weight, minlength=len(shares)) / weight.sum()
    np.testing.assert_allclose(attained, np.array(shares) / sum(shares), atol=0.006)


def test_quota_keeps_out_the_forbidden() -> None:
    rng = np.random.default_rng(3)
    preference = np.ones((300, 3))
    preference[:100, 0] = 0
    picked = assign_quota(np.ones(300), preference, np.array([150.0, 100.0, 50.0]), rng)
    assert (picked[:100] != 0).all()
    assert np.bincount(picked).tolist() == [150, 100, 50]


def test_fitted_chances_expect_the_target() -> None:
    rng = np.random.default_rng(5)
    weight, chance = rng.uniform(1, 3, 1000), rng.uniform(0, 1, 1000)
    fitted = fit_chance(weight, chance, 400.0)
    assert abs((weight * fitted).sum() - 400) < 1e-6
    assert (np.diff(fitted[np.argsort(chance)]) >= 0).all()


def test_steps_hold_from_their_start() -> None:
    assert by_step({"0": 1.0, "15": 2.0}, np.array([-1, 0, 14, 15, 90])).tolist() == [1, 1, 1, 2, 2]


def test_streams_are_independent_and_repeatable() -> None:
    assert stream(1, "a").random() == stream(1, "a").random()
    assert stream(1, "a").random() != stream(1, "b").random()
