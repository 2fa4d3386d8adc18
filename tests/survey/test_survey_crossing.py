"""The one-pass engine against a plain implementation that loops over cells and groups in pandas."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from survey_helpers import random_frame

from lfsmig.survey import SurveyDesign, crossing
from lfsmig.survey.crossing import FEW_RUNS, counting_order, starts_of

SEEDS = st.integers(0, 10_000)
COMPARED = ["estimate", "se", "n", "n_psu", "df"]


def plain_table(
    frame: pd.DataFrame, statistic: str, of: str, over: str | None, by: list[str]
) -> pd.DataFrame:
    """Loop over cells and categories; group by stratum and PSU in pandas (rule `adjust`)."""
    used = frame[~frame[[of, *by, *([over] if over else [])]].isna().any(axis=1)]
    categories = _in_order(frame[of]) if statistic == "share" else [None]
    observed = [_in_order(frame[name]) for name in by]
    rows = []
    for codes in product(*observed):
        inside = np.ones(len(used), bool)
        for name, code in zip(by, codes, strict=True):
            inside &= (used[name] == code).to_numpy()
        cell = used[inside]
        cases = cell[cell["weight"] > 0]
        for category in categories:
            rows.append(_plain_cell(frame, cell, cases, statistic, of, over, category))
    return pd.DataFrame(rows, columns=COMPARED)


def _in_order(column: pd.Series) -> list[Any]:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return [value for value in column.cat.categories if (column == value).any()]
    return sorted(column.dropna().unique())


def _plain_cell(
    frame: pd.DataFrame, cell: pd.DataFrame, cases: pd.DataFrame, statistic: str, of: str,
    over: str | None, category: Any,
) -> tuple[float, ...]:  # fmt: skip
    w = cell["weight"]
    item = (cell[of] == category).astype(float) if statistic == "share" else cell[of].astype(float)
    psus = cases[["stratum", "psu"]].drop_duplicates()
    bases = (len(cases), len(psus), len(psus) - psus["stratum"].nunique())
    if len(cases) == 0:
        return (np.nan, np.nan, *bases)
    if statistic == "total":
        estimate, u = (w * item).sum(), w * item
    else:
        below = w * cell[over] if over else w
        estimate = (w * item).sum() / below.sum()
        u = (w * item - estimate * below) / below.sum()
    variance = 0.0
    sums = u.groupby([cell["stratum"], cell["psu"]]).sum()
    for stratum, inside in frame.groupby("stratum"):
        n_units = inside["psu"].nunique()
        z = np.zeros(n_units)
        if stratum in sums.index.get_level_values(0):
            held = sums[stratum].to_numpy()
            z[: len(held)] = held
        variance += (z**2).sum() if n_units == 1 else n_units * z.var(ddof=1)
    return (estimate, np.sqrt(variance), *bases)


TABLES = [
    ("mean", "flag", None, []),
    ("mean", "y", None, ["sex", "code"]),
    ("total", "signed", None, ["number"]),
    ("share", "group", None, ["sex"]),
    ("share", "group", None, ["number", "code"]),
    ("ratio", "y", "x", ["group", "sex"]),
]


@settings(max_examples=4, deadline=None)
@given(SEEDS, st.booleans())
def test_one_pass_equals_a_loop_over_cells(seed: int, shuffled: bool) -> None:
    """`number` is constant within PSUs (long runs), `sex` and `code` are not; both in any order."""
    frame = random_frame(seed)
    if shuffled:
        frame = frame.sample(frac=1, random_state=seed, ignore_index=True)
    design = SurveyDesign(frame, "weight", "stratum", "psu", nest=True)
    for statistic, of, over, by in TABLES:
        found = design.estimate(statistic, of, over, by).frame
        plain = plain_table(frame, statistic, of, over, by)
        for name in COMPARED:
            size = np.abs(plain["estimate"]).max() if name in ("estimate", "se") else 0
            np.testing.assert_allclose(
                found[name], plain[name], rtol=1e-9, atol=1e-12 * np.nan_to_num(size),
                err_msg=f"{statistic} {of} by {by}: {name}",
            )  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_few_runs_and_many_runs_give_the_same_sums(seed: int) -> None:
    """The same records in PSU order (a run per PSU) and shuffled (a run per record)."""
    frame = random_frame(seed)
    mixed = frame.sample(frac=1, random_state=seed, ignore_index=True)
    made = [SurveyDesign(f, "weight", "stratum", "psu", nest=True) for f in (frame, mixed)]
    assert made[0].stages[0].order is None
    for by in (["number"], ["sex", "number", "code"]):
        left, right = (design.mean("y", by=by) for design in made)
        pd.testing.assert_frame_equal(left, right, rtol=1e-10, atol=1e-12)


def test_runs_are_used_only_where_they_are_few() -> None:
    frame = pd.DataFrame({"psu": np.repeat(np.arange(6), 4), "w": 1.0, "area": 0, "person": 0})
    frame["area"] = frame["psu"] // 3
    frame["person"] = np.arange(len(frame)) % 4
    design = SurveyDesign(frame, "w", psu="psu")

    def runs(by: str) -> int | None:
        from lfsmig.survey.estimate import Request

        request = Request.checked(design, "total", None, None, [by], None, False, 0.95, None, [])
        records = design.crossing(request).records
        assert records is not None
        return None if records.run_start is None else len(records.run_start)

    assert runs("area") == 6 <= FEW_RUNS * len(frame)
    assert runs("person") is None


@given(st.lists(st.integers(0, 6), max_size=30))
def test_counting_order_is_a_stable_sort(codes: list[int]) -> None:
    array = np.array(codes, dtype="int32")
    order = counting_order(array, 7)
    assert (order == np.argsort(array, kind="stable")).all()
    ordered = array[order]
    assert (ordered[starts_of(ordered)] == np.unique(ordered)).all()


def test_a_domain_costs_its_own_records_only() -> None:
    """A table of a small domain holds the domain's pairs, not those of the whole sample."""
    frame = random_frame(3)
    design = SurveyDesign(frame, "weight", "stratum", "psu", nest=True)
    from lfsmig.survey.estimate import Request

    mask = np.zeros(len(frame), bool)
    mask[5] = True
    request = Request.checked(design, "total", None, None, ["sex"], mask, False, 0.95, None, [])
    crossing = design.crossing(request)
    assert len(crossing.records or ()) == len(crossing.stages[0].unit) == 1


@pytest.mark.parametrize("by", [[], ["sex"]])
def test_an_empty_domain_keeps_its_rows(by: list[str]) -> None:
    design = SurveyDesign(random_frame(4), "weight", "stratum", "psu", nest=True)
    nobody = np.zeros(len(design.frame), bool)
    for found in (
        design.mean("y", by=by, domain=nobody),
        design.total(by=by, domain=nobody),
        design.share("group", by=by, domain=nobody),
        design.ratio("y", "x", by=by, domain=nobody),
        design.quantile("y", by=by, domain=nobody),
    ):
        assert (found[["n", "n_psu", "df"]] == 0).all(axis=None)
        assert found[["estimate", "se", "ci_low"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("lonely", "seed"), [("adjust", 3), ("average", 14), ("remove", 5), ("certainty", 5)]
)
def test_pairs_as_a_grid_and_sorted_give_the_same_tables(lonely: str, seed: int) -> None:
    """Columns that differ between a unit's persons: slots instead of a sort, the same numbers."""
    frame = random_frame(seed)
    frame["place"] = frame["stratum"]  # the same for a whole stratum
    design = SurveyDesign(frame, "weight", "stratum", "psu", nest=True, lonely_psu=lonely)
    if lonely == "certainty":
        design = design.poststratified("sex")
    used = []
    make = crossing.slots_of

    def slots_of(*table: Any) -> Any:
        used.append(make(*table))
        return used[-1]

    def tables() -> list[Any]:
        options: dict[str, Any] = {"covariance": True, "influence": True}
        return [
            design.estimate(*table, by=by, domain=domain, **options)
            for table in (("mean", "y"), ("total",), ("share", "group"), ("ratio", "y", "x"),
                          ("gini", "amount"))
            for by in (["sex"], ["place", "sex"])
            for domain in (None, "in_domain")
        ]  # fmt: skip

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crossing, "slots_of", lambda *table: None)
        sorted_pairs = tables()
        patch.setattr(crossing, "slots_of", slots_of)
        grid = tables()
    for left, right in zip(sorted_pairs, grid, strict=True):
        pd.testing.assert_frame_equal(left.frame, right.frame, rtol=1e-9, atol=1e-12)
        assert (left.cases == right.cases).all()
        assert (left.influence.indptr == right.influence.indptr).all()
        assert abs(left.influence - right.influence).max() <= 1e-9 * abs(left.influence).max()
        pd.testing.assert_frame_equal(left.covariance, right.covariance, rtol=1e-9, atol=1e-9)
    assert any(used)
