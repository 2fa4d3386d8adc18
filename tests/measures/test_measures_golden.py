"""Indices against the figures of R packages: documented ones to their last digit, others to 1e-9.

Fixtures and their sources: tests/fixtures/migest_examples/NOTES.md (migest 2.0.5, commit 690b0f7;
migration.indices; DemoTools; rcbayes).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lfsmig.measures import distance, flows, impact, intensity, packages, structure
from tests.conftest import ROOT

FOLDER = ROOT / "tests" / "fixtures" / "migest_examples"


def stored(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


KOREA = stored("korea_expected.json")
FLOWS = pd.read_csv(FOLDER / "korea_flows_2012_2016.csv")
PRINTED = KOREA["documented_printed_3_significant_digits"]
SMALL = stored("small_matrices_expected.json")


def korea(year: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Flows (diagonal included), distances and populations of a year, in the file's order."""
    data = FLOWS[FLOWS["year"].eq(year)]
    order = list(data["orig"].unique())
    square = data.pivot(index="orig", columns="dest", values=["flow", "dist_cent"])
    square = square.reindex(index=order).reindex(columns=order, level=1)
    people = data.groupby("dest")["dest_pop_million"].first().reindex(order).to_numpy() * 1e6
    return square["flow"].to_numpy(), square["dist_cent"].to_numpy(), people


def indices(matrix: np.ndarray, people: np.ndarray) -> dict[str, float]:
    """All indices under the names of the fixtures."""
    cmi = intensity.crude_intensity(flows.movers(matrix), people.sum())
    made = {
        "M": flows.movers(matrix), "P": people.sum(), "CMI_pct": cmi,
        "courgeau_k_pct": intensity.courgeau_k(cmi, len(matrix)),
        "MEI_pct": impact.effectiveness(matrix),
        "ANMR_pct": impact.aggregate_net_rate(matrix, people.sum()),
        "preference_sum": packages.preference_sum(matrix, people),
        "velocity_sum": packages.velocity_sum(matrix, people),
        "connectivity": structure.connectivity(matrix),
        "inequality_equal": structure.inequality(matrix),
        "inequality_indep_quasi": structure.inequality(matrix, "independence"),
        "gini_total_corrected": structure.gini_total(matrix),
        "gini_total_uncorrected": structure.gini_total(matrix, corrected=False),
        "gini_rows_standardized": structure.gini_rows(matrix, standardised=True) / 100,
        "gini_cols_standardized": structure.gini_columns(matrix, standardised=True) / 100,
        "mwg_out_migest": packages.gini_out_crosswise(matrix),
        "mwg_in_migest": packages.gini_in_crosswise(matrix),
        "mwg_mean_migest": np.mean(
            [packages.gini_out_crosswise(matrix), packages.gini_in_crosswise(matrix)]
        ),
        "mwg_out_own_share": structure.gini_out_weighted(matrix),
        "mwg_in_own_share": structure.gini_in_weighted(matrix),
        "mwg_mean_own_share": structure.gini_weighted(matrix),
        "cv_offdiag": structure.flow_cv(matrix),
        "cv_migest_formula": packages.cv_with_diagonal(matrix),
        "acv_out": structure.out_cv(matrix), "acv_in": structure.in_cv(matrix),
        "acv": structure.aggregate_cv(matrix),
    }  # fmt: skip
    return {name: float(value) for name, value in made.items()}


@pytest.mark.parametrize("year", [2012, 2013, 2014, 2015, 2016])
def test_korea_in_full_precision(year: int) -> None:
    """The traps of the packages give other numbers: cv 17.1 for 3.02, mwg 0.038 for 0.649."""
    expected = KOREA["recomputed_full_precision"][str(year)]
    matrix, apart, people = korea(year)
    for name, value in indices(matrix, people).items():
        assert value == pytest.approx(expected[name], rel=1e-9), name
    by_name = np.argsort(list(FLOWS.loc[FLOWS["year"].eq(year), "orig"].unique()))
    for name, zones in (
        ("O", flows.outflows(matrix)), ("D", flows.inflows(matrix)),
        ("net", impact.net_flows(matrix)), ("field_gini_out", structure.gini_out(matrix)),
        ("field_gini_in", structure.gini_in(matrix)),
        ("turnover", flows.inflows(matrix) + flows.outflows(matrix)),
    ):  # fmt: skip
        assert zones[by_name] == pytest.approx(expected[name], rel=1e-9), name
    assert distance.mean_distance(matrix, apart) == pytest.approx(
        expected["distance_mean"], rel=1e-9
    )
    assert distance.median_distance(matrix, apart) == pytest.approx(
        expected["distance_median_lower_inverse"], rel=1e-9
    )
    assert packages.median_distance_interpolated(matrix, apart) == pytest.approx(
        expected["distance_median_matrixStats"], rel=1e-9
    )
    assert distance.distance_decay(matrix, apart) == pytest.approx(
        expected["distance_decay"], rel=1e-9
    )


def shown(value: float) -> str:
    """Three significant digits, as migest's pages print."""
    return f"{value:#.3g}"


@pytest.mark.parametrize("year", [2012, 2013, 2014, 2015, 2016])
def test_korea_as_printed(year: int) -> None:
    matrix, apart, people = korea(year)
    found = indices(matrix, people)
    for name, key in (
        ("cmp_by_year", "CMI_pct"), ("courgeau_k_by_year", "courgeau_k_pct"),
        ("effectiveness_by_year", "MEI_pct"), ("preference_by_year", "preference_sum"),
    ):  # fmt: skip
        assert shown(found[key]) == shown(PRINTED[name][str(year)]), name
    assert int(found["M"]) == PRINTED["migrants_by_year"][str(year)]
    assert round(found["P"]) == PRINTED["population_by_year"][str(year)]
    # The page's population is in millions: its 299,565 is 0.2996 per cent.
    millions = impact.aggregate_net_rate(matrix, people.sum() / 1e6)
    assert round(float(millions)) == PRINTED["anmr_pop_in_millions_by_year"][str(year)]
    printed = {name: PRINTED["distance_by_year"][name][str(year)] for name in
               ("mean", "median", "decay")}  # fmt: skip
    assert shown(distance.mean_distance(matrix, apart)) == shown(printed["mean"])
    assert shown(packages.median_distance_interpolated(matrix, apart)) == shown(printed["median"])
    assert shown(distance.distance_decay(matrix, apart)) == shown(printed["decay"])


@pytest.mark.parametrize("name", sorted(SMALL))
def test_small_matrices(name: str) -> None:
    entry = SMALL[name]
    matrix = np.array(entry["matrix_orig_rows_dest_cols"], dtype=float)
    people = np.array(entry["population_assumed"])
    for key, value in indices(matrix, people).items():
        assert value == pytest.approx(entry["computed"][key], rel=1e-9, abs=1e-12), key


@pytest.mark.parametrize("name", ["plane_mulligan_hyp", "plane_mulligan_hyp2"])
def test_plane_and_mulligan_as_asserted_in_migration_indices(name: str) -> None:
    entry = SMALL[name]["documented_in_package_tests"]
    matrix = np.array(entry["matrix"], dtype=float)
    made = {
        "gini_row": structure.gini_rows(matrix), "gini_col": structure.gini_columns(matrix),
        "gini_row_std": structure.gini_rows(matrix, standardised=True),
        "gini_col_std": structure.gini_columns(matrix, standardised=True),
        "gini_exchange": structure.gini_exchange(matrix),
        "gini_exchange_std": structure.gini_exchange(matrix, standardised=True),
        "gini_out_corrected": structure.gini_out(matrix),
        "gini_out_uncorrected": packages.gini_field_uncorrected(matrix),
        "gini_in_corrected": structure.gini_in(matrix),
        "gini_in_uncorrected": packages.gini_field_uncorrected(matrix.T),
        "inequality_equal_raw": packages.inequality_of_persons(matrix),
        "mei": impact.effectiveness(matrix), "acv": structure.aggregate_cv(matrix),
        "acv_in": structure.in_cv(matrix), "acv_out": structure.out_cv(matrix),
        "mwg_in": packages.gini_in_crosswise(matrix),
        "mwg_out": packages.gini_out_crosswise(matrix),
    }  # fmt: skip
    for key, value in made.items():
        assert value == pytest.approx(entry[key], rel=1e-13, abs=1e-14), key


def test_the_fixtures_are_text_of_facts_with_their_sources() -> None:
    notes = (Path(FOLDER) / "NOTES.md").read_text(encoding="utf-8")
    for path in FOLDER.iterdir():
        assert path.name in notes or path.name == "NOTES.md", path.name
