"""PSUs shared between years are drawn once, so that replicates carry the years' covariance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from survey_helpers import needs_r, panel_design

from lfsmig.errors import EstimationError
from lfsmig.survey import SurveyDesign, linked_replicates
from lfsmig.survey.change import YearCells, series_change
from lfsmig.survey.functionals import covariance, difference

YEARS = range(2019, 2025)


def year_cells(
    designs: Sequence[SurveyDesign], *table: object, engine: str = "python", **options: object
) -> list[YearCells]:
    out = []
    for year, made in zip(YEARS, designs, strict=False):
        found = made.estimate(*table, engine=engine, influence=True, **options)  # type: ignore[arg-type]
        out.append(
            YearCells(year, "one", found.frame, found.influence, found.psu_table, found.present)
        )
    return out


def two_years(n: int, shared: int, strata: int = 1, seed: int = 0) -> list[SurveyDesign]:
    """Two years of strata of n PSUs, `shared` of them in both; items correlated 0.8."""
    rng = np.random.default_rng(seed)
    years = [[], []]
    for stratum in range(strata):
        common = rng.normal(0, 1, shared)
        for year in range(2):
            names = [f"s{i}" for i in range(shared)]
            names += [f"{'ab'[year]}{i}" for i in range(n - shared)]
            y = rng.normal(0, 0.5, n) + np.append(common, rng.normal(0, 1, n - shared))
            years[year].append(pd.DataFrame({"stratum": stratum, "psu": names, "y": y, "w": 1.0}))
    frames = [pd.concat(parts, ignore_index=True) for parts in years]
    return [SurveyDesign(frame, "w", "stratum", "psu", nest=True) for frame in frames]


def deviations(made: SurveyDesign) -> np.ndarray:
    """PSU values less their mean (one stratum)."""
    y = made.numbers("y")
    return y - y.mean()


def shared_terms(designs: list[SurveyDesign], shared: int) -> tuple[float, float]:
    """Sum of products over shared PSUs, and product of their sums."""
    first, second = (
        pd.Series(deviations(made), made.frame["psu"]).loc[[f"s{i}" for i in range(shared)]]
        for made in designs
    )
    return float((first * second).sum()), float(first.sum() * second.sum())


@pytest.mark.parametrize("engine", ["python", pytest.param("r", marks=needs_r)])
def test_jackknife_gives_the_overlap_covariance_exactly(engine: str) -> None:
    """Panel, total of movers: SE of each change by linked JKn is that of methods.md 4.9.

    Six years, half of the PSUs new each year. Without the link (years independent) the change of
    2019-2020 would have SE 8716.4 instead of 7930.2.
    """
    plain = [panel_design(year) for year in YEARS]
    linked = linked_replicates(plain, "JKn")
    for by in ([], ["area"]):
        left = series_change(year_cells(plain, "total", "mig", None, by, engine=engine), engine)
        right = series_change(year_cells(linked, "total", "mig", None, by, engine=engine), engine)
        assert right["estimate"].to_numpy() == pytest.approx(left["estimate"].to_numpy())
        assert right["se"].to_numpy() == pytest.approx(left["se"].to_numpy(), rel=1e-10)
    alone = [made.with_replicates("JKn") for made in plain]
    apart = series_change(year_cells(alone, "total", "mig"))
    assert apart["se"][0] == pytest.approx(8716.4, abs=0.1)


def test_each_year_of_a_linked_bootstrap_is_a_bootstrap() -> None:
    """One draw less than PSUs, also where years differ in size; mean and variance are right."""
    designs = [two_years(5, 3)[0], two_years(7, 3, seed=1)[1]]
    linked = linked_replicates(designs, replicates=20_000, seed=3)
    for made, n in zip(linked, (5, 7), strict=True):
        assert made.replicates is not None
        times = made.replicates.factors.block(slice(None)) * (n - 1) / n
        assert times == pytest.approx(np.round(times), abs=1e-9)
        assert times.sum(axis=0) == pytest.approx(np.full(20_000, n - 1))
        assert times.mean(axis=1) == pytest.approx(np.full(n, (n - 1) / n), abs=0.03)
        # Binomial(n - 1, 1/n), and the covariance of a multinomial.
        spread = np.cov(times)
        expected = (n - 1) * (np.eye(n) / n - 1 / n**2)
        assert spread == pytest.approx(expected, abs=0.04)


@pytest.mark.parametrize("shared", [0, 1, 3, 5])
def test_linked_bootstrap_has_the_expected_covariance(shared: int) -> None:
    """E = n/(n - 1) [sum of z1 z2 over shared PSUs + (sum z1)(sum z2)/(n - shared)].

    At full overlap it is the variance formula, at none 0; the first term is that of methods.md 4.9.
    """
    n, replicates = 5, 60_000
    designs = two_years(n, shared, seed=7)
    products, sums = shared_terms(designs, shared) if shared else (0.0, 0.0)
    expected = n / (n - 1) * (products + (sums / (n - shared) if shared < n else 0.0))
    earlier, later = (
        made.function_of_totals(lambda t: t, {"t": {"of": "y"}})
        for made in linked_replicates(designs, replicates=replicates, seed=1)
    )
    found = covariance(earlier, later)[0, 0]
    margin = 4 * np.sqrt((earlier.se[0] * later.se[0]) ** 2 * 2 / replicates)
    assert found == pytest.approx(expected, abs=margin)
    if shared == 3:
        # The check can tell: without the small-sample term it would be off by more than that.
        assert abs(n / (n - 1) * products - expected) > margin
    separate = [made.with_replicates(replicates=200).function_of_totals(
        lambda t: t, {"t": {"of": "y"}}) for made in designs]  # fmt: skip
    if shared < n:
        assert covariance(*separate)[0, 0] == 0


def test_psus_that_return_after_a_year_keep_their_draw() -> None:
    """Rotation out and in again: years 1 and 3 share PSUs that year 2 lacks."""
    names = [list("abcd"), list("cdef"), list("abef")]
    rng = np.random.default_rng(0)
    designs = [
        SurveyDesign(
            pd.DataFrame({"s": 1, "psu": psus, "w": 1.0, "y": rng.normal(size=4)}), "w", "s", "psu"
        )
        for psus in names
    ]
    linked = linked_replicates(designs, replicates=3000, seed=2)
    draws = []
    for made, psus in zip(linked, names, strict=True):
        assert made.replicates is not None
        times = made.replicates.factors.block(slice(None)) * 3 / 4
        assert times.sum(axis=0) == pytest.approx(np.full(3000, 3))
        draws.append(dict(zip(psus, times, strict=True)))
    for first, second in ((0, 1), (1, 2), (0, 2)):
        for psu in set(names[first]) & set(names[second]):
            together = np.corrcoef(draws[first][psu], draws[second][psu])[0, 1]
            # Six PSUs in rotation need six slots; where the last draws of the years differ the
            # draws are not the same, but nearly.
            assert together > 0.6


def test_covariance_is_unbiased_over_samples() -> None:
    """Over 800 samples of 6 PSUs, 3 shared, the bootstrap's covariance averages to the truth.

    The truth is 3 (shared PSUs) times the covariance 1 of a PSU's two values. The overlap formula
    of methods.md 4.9 averages to 3 * 0.9: it takes deviations from means over all PSUs, then sums
    over the shared ones only.
    """
    designs = two_years(6, 3, strata=800, seed=4)
    linked = linked_replicates(designs, replicates=60, seed=9)
    boot, formula = [], []
    for made, out in ((linked, boot), (designs, formula)):
        tables = [d.estimate("total", "y", by=["stratum"], influence=True) for d in made]
        cells = [
            YearCells(year, "one", t.frame, t.influence, t.psu_table)
            for year, t in zip((1, 2), tables, strict=True)
        ]
        change = series_change(cells)
        variances = sum(t.frame["se"] ** 2 for t in tables)
        out.append(((variances - change["se"] ** 2) / 2).mean())
    assert boot[0] == pytest.approx(3.0, abs=0.2)
    assert formula[0] == pytest.approx(2.7, abs=0.2)
    assert boot[0] - formula[0] == pytest.approx(0.3, abs=0.15)


def test_difference_of_a_statistic_uses_the_link() -> None:
    plain = [panel_design(2019), panel_design(2020)]
    earlier, later = (
        made.function_of_totals(
            lambda movers, persons: 100 * movers / persons,
            {"movers": {"of": "mig"}, "persons": {}}, names=["rate"],
        )
        for made in linked_replicates(plain, "JKn")
    )  # fmt: skip
    found = difference(later, earlier).iloc[0]
    expected = series_change(year_cells(plain, "mean", "mig")).iloc[0]
    assert found["estimate"] == pytest.approx(100 * expected["estimate"], rel=1e-12)
    # A jackknifed ratio is not a linearised one, but near.
    assert found["se"] == pytest.approx(100 * expected["se"], rel=0.03)
    assert found["df"] == 33
    assert found["statistic_value"] == pytest.approx(found["estimate"] / found["se"])


def test_calibrated_years_are_linked_too() -> None:
    """Replicates are calibrated year by year after the common draw."""
    plain = [panel_design(y).poststratified(["area", "sex"]) for y in (2019, 2020)]
    linked = linked_replicates(plain, "JKn")
    for made in linked:
        assert made.total(by=["area", "sex"])["se"].max() == 0
    left = series_change(year_cells(plain, "mean", "mig"))
    right = series_change(year_cells(linked, "mean", "mig"))
    assert right["se"][0] == pytest.approx(left["se"][0], rel=0.05)


@needs_r
def test_calibrated_influence_agrees_between_engines() -> None:
    plain = [panel_design(y).poststratified(["prov", "area", "sex"]) for y in YEARS]
    for table in (("mean", "mig", None, ["sex"]), ("total", "mig", None, ["prov"])):
        left = series_change(year_cells(plain, *table))
        right = series_change(year_cells(plain, *table, engine="r"), engine="r")
        for name in ("estimate", "se"):
            assert right[name].to_numpy() == pytest.approx(left[name].to_numpy(), rel=1e-9)
        assert list(left["df"]) == list(right["df"])
        # Degrees of freedom count PSUs with a case, as for weights that are not calibrated.
        bare = [panel_design(y) for y in YEARS]
        assert list(series_change(year_cells(bare, *table))["df"]) == list(left["df"])


def test_given_weights_are_linked_only_if_they_say_so() -> None:
    """Replicate weights of an office, passed as columns: independent years unless named alike."""
    plain = two_years(5, 3, seed=7)
    linked = linked_replicates(plain, replicates=50, seed=1)
    found = {}
    for draw in (None, "one"):
        designs = []
        for made in linked:
            assert made.replicates is not None
            columns = [f"r{i}" for i in range(50)]
            weights = pd.DataFrame(made.replicates.weights, columns=columns)
            frame = pd.concat([made.frame, weights], axis=1)
            designs.append(
                SurveyDesign(
                    frame, "w", "stratum", "psu", repweights=columns, rep_scale=1 / 50,
                    rep_mse=True, rep_draw=draw,
                )
            )  # fmt: skip
        found[draw] = series_change(year_cells(designs, "total", "y"))["se"][0]
    expected = series_change(year_cells(linked, "total", "y"))["se"][0]
    assert found["one"] == pytest.approx(expected, rel=1e-12)
    apart = [made.total("y")["se"][0] for made in linked]
    assert found[None] == pytest.approx(np.hypot(*apart), rel=1e-12)
    assert abs(found["one"] / found[None] - 1) > 0.03


def test_refusals() -> None:
    with pytest.raises(EstimationError, match="no design was given"):
        linked_replicates([])
    with pytest.raises(EstimationError, match="kind 'BRR' are not made for several years"):
        linked_replicates([panel_design(2019)], "BRR")
    loose = SurveyDesign(panel_design(2019).frame, "wt", "stratum")
    with pytest.raises(EstimationError, match="without a PSU column"):
        linked_replicates([loose, loose])
