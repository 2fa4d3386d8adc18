"""What must hold for any matrix of flows, and what the edges of the definitions give."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lfsmig.errors import EstimationError
from lfsmig.measures import distance, flows, impact, intensity, noise, structure

PURE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "mei": impact.effectiveness,
    "connectivity": structure.connectivity,
    "inequality": structure.inequality,
    "independence": lambda m: structure.inequality(m, "independence"),
    "gini": structure.gini_total,
    "gini_weighted": structure.gini_weighted,
    "gini_out": structure.gini_out_weighted,
    "rows": structure.gini_rows,
    "columns": structure.gini_columns,
    "exchange": structure.gini_exchange,
    "cv": structure.flow_cv,
    "acv": structure.aggregate_cv,
}
HIGHEST = {"mei": 100.0, "cv": np.inf, "acv": np.inf}
MATRICES = st.integers(3, 6).flatmap(
    lambda n: arrays("float64", (n, n), elements=st.integers(0, 50).map(float))
)


@settings(max_examples=60, deadline=None)
@given(MATRICES, st.permutations(range(6)), st.sampled_from([0.01, 3.0, 1e6]))
def test_names_and_units_of_flows_do_not_matter(
    matrix: np.ndarray, order: list[int], scale: float
) -> None:
    n = len(matrix)
    moved = [zone for zone in order if zone < n]
    other = matrix[np.ix_(moved, moved)] * scale
    for name, index in PURE.items():
        value = index(matrix)
        assert index(other) == pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=True), name
        assert np.isnan(value) or -1e-12 <= value <= HIGHEST.get(name, 1.0) + 1e-9, name
        assert np.isnan(value) == (flows.movers(matrix) == 0), name


@settings(max_examples=60, deadline=None)
@given(MATRICES)
def test_identities(matrix: np.ndarray) -> None:
    people = 1000.0
    cmi = intensity.crude_intensity(flows.movers(matrix), people)
    anmr = impact.aggregate_net_rate(matrix, people)
    mei = impact.effectiveness(matrix)
    assert impact.net_flows(matrix).sum() == pytest.approx(0.0, abs=1e-9)
    assert anmr == pytest.approx(float(cmi * mei / 100) if flows.movers(matrix) else 0.0, abs=1e-12)
    assert structure.gini_out_weighted(matrix.T) == pytest.approx(
        float(structure.gini_in_weighted(matrix)), nan_ok=True
    )
    # Weighted with the shares of origins, the fields' indices give the weighted one.
    if flows.movers(matrix) > 0:
        share = flows.outflows(matrix) / flows.movers(matrix)
        assert np.nansum(structure.gini_out(matrix) * share) == pytest.approx(
            float(structure.gini_out_weighted(matrix))
        )
        fitted = structure.quasi_independence(matrix)
        assert np.diag(fitted).sum() == 0
        assert fitted.sum() == pytest.approx(float(flows.movers(matrix)), rel=1e-6)


def test_many_matrices_are_one_call() -> None:
    many = np.random.default_rng(5).integers(0, 9, (4, 2, 5, 5)).astype(float)
    for name, index in PURE.items():
        one_by_one = [[float(index(m)) for m in row] for row in many]
        assert index(many) == pytest.approx(np.array(one_by_one), rel=1e-12), name


def test_extremes_by_hand() -> None:
    one_way = np.zeros((3, 3))
    one_way[0, 1] = 7
    assert impact.effectiveness(one_way) == 100
    assert impact.zone_effectiveness(one_way).tolist()[:2] == [-100, 100]
    assert np.isnan(impact.zone_effectiveness(one_way)[2])
    assert structure.gini_total(one_way) == pytest.approx(1.0)
    assert structure.connectivity(one_way) == pytest.approx(1 / 6)
    assert structure.inequality(one_way) == pytest.approx(5 / 6)
    assert np.isnan(structure.gini_out(one_way)[1:]).all()
    even = np.ones((4, 4))
    assert structure.gini_total(even) == structure.aggregate_cv(even) == 0
    # Independent but unequal: only the equal standard sees it.
    product = np.outer([1.0, 2, 3, 4], [5.0, 1, 1, 2])
    assert structure.inequality(product, "independence") == pytest.approx(0, abs=1e-12)
    assert structure.inequality(product) > 0.1
    assert impact.net_migration_impact(0.3, 0.2) == pytest.approx(1.5)
    # Preference is 1 everywhere off the diagonal where flows follow the sizes.
    people = np.array([10.0, 20, 30, 40])
    alike = flows.between_zones(np.outer(people, people))
    found = impact.preference(alike, people)
    assert found[0, 1] == pytest.approx(found[2, 3])
    assert found[1, 1] == 0


def test_undefined_is_nan_and_nonsense_is_refused() -> None:
    nobody = np.zeros((3, 3))
    for name, index in PURE.items():
        assert np.isnan(index(nobody)), name
    two = np.array([[0.0, 4], [2, 0]])
    assert np.isnan(structure.gini_out(two)).all()
    assert np.isnan(structure.gini_weighted(two))
    assert impact.effectiveness(two) == pytest.approx(100 / 3)
    assert np.isnan(structure.connectivity(np.zeros((1, 1))))
    assert np.isnan(intensity.courgeau_k(5.0, 1))
    assert np.isnan(intensity.crude_intensity(5, 0))
    assert np.isnan(distance.distance_decay(two, np.ones((2, 2))))
    for wrong in (np.zeros((2, 3)), np.zeros(4), [[0, -1], [1, 0]]):
        with pytest.raises(EstimationError):
            flows.between_zones(wrong)
    with pytest.raises(EstimationError, match="equal or independence"):
        structure.inequality(two, "even")


def test_aggregate_intensity_is_the_intercept_of_a_line() -> None:
    zones, households = np.array([5, 77, 900]), 2e7
    # Courgeau: CMI = k ln n^2 is a line in ln(H / n) with slope -2k.
    k = 0.4
    found = intensity.aggregate_intensity(k * np.log(zones**2.0), zones, households)
    assert found.slope == pytest.approx(-2 * k)
    assert found.intensity == pytest.approx(2 * k * np.log(households))
    assert found.r_squared == pytest.approx(1)
    assert np.isnan(intensity.aggregate_intensity([1.0, 2.0, 2.0], [5, 77, 77], 1e6).intensity)
    assert intensity.sex_ratio(120, 100) == 120
    assert intensity.relative_sex_ratio(120, 100, 1200, 1000) == pytest.approx(1)


def test_distances_on_the_globe() -> None:
    apart = distance.great_circle([13.75, 18.79], [100.5, 98.99])
    assert apart[0, 1] == pytest.approx(583, abs=2)
    assert apart[0, 0] == 0


def test_rarefied_connectivity_is_the_expectation_of_drawing() -> None:
    counts = np.array([[9, 4, 0], [1, 3, 2], [0, 6, 8]])
    streams = np.repeat(np.arange(9), flows.between_zones(counts).astype(int).ravel())
    rng = np.random.default_rng(3)
    drawn = [len(set(rng.permutation(streams)[:5])) / 6 for _ in range(4000)]
    assert noise.rarefied_connectivity(counts, 5) == pytest.approx(np.mean(drawn), abs=0.01)
    assert noise.rarefied_connectivity(counts, 13) == pytest.approx(4 / 6)
    assert noise.rarefied_connectivity(counts, 1) == pytest.approx(1 / 6)
    assert np.isnan(noise.rarefied_connectivity(counts, 14))
    # Without rarefaction the larger of two samples of one system looks better connected.
    system = np.random.default_rng(4).dirichlet(np.full(42, 0.3)).reshape(1, 42)
    found = {}
    for size in (100, 2000):
        sample = np.zeros((200, 7, 7))
        sample[:, ~np.eye(7, dtype=bool)] = rng.multinomial(size, system[0], 200)
        found[size] = (
            structure.connectivity(sample).mean(), noise.rarefied_connectivity(sample, 100).mean()
        )  # fmt: skip
    assert found[2000][0] - found[100][0] > 0.1
    assert found[2000][1] == pytest.approx(found[100][1], abs=0.01)


def test_bias_correction_and_noise_floor_take_the_noise_out() -> None:
    """A balanced system looks effective in a sample; the corrected index is nearer to nothing."""
    rng = np.random.default_rng(8)
    truth = flows.between_zones(np.full((5, 5), 20.0))
    plain, corrected = [], []
    for _ in range(40):
        sample = rng.poisson(truth).astype(float)
        star = rng.poisson(sample, (200, 5, 5)).astype(float)
        value = impact.effectiveness(sample)
        plain.append(value)
        corrected.append(noise.bias_corrected(value, impact.effectiveness(star)))
    assert np.mean(plain) > 4
    assert abs(np.mean(corrected)) < 0.75 * np.mean(plain)
    # The net of a zone has 8 streams of variance 20.
    expected = noise.noise_floor(np.full(5, np.sqrt(160.0)))
    nets = np.abs(impact.net_flows(rng.poisson(truth, (4000, 5, 5)))).sum(axis=-1).mean()
    assert nets == pytest.approx(float(expected), rel=0.03)
    assert noise.bias_corrected(1.0, [1.5, np.nan, 2.5]) == 0
