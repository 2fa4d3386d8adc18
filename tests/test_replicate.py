"""Cell-by-cell comparison: what agrees, what differs, what is missing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfsmig.errors import InputError
from lfsmig.replicate import agree, compare, read_results, summary
from lfsmig.results import TREND_KEYS


def results(**changes: object) -> pd.DataFrame:
    """Two cells of one indicator; keyword arguments replace columns."""
    frame = pd.DataFrame(
        {
            "year": [2023, 2023],
            "indicator": ["a.share", "a.share"],
            "domain": ["{}", "{}"],
            "category": ["x", "y"],
            "statistic": ["share", "share"],
            "unit": ["share", "share"],
            "estimate": [0.25, 0.75],
            "se": [0.01, 0.01],
            "df": [100.0, 100.0],
            "n": [400, 400],
            "n_cases": [100, 300],
        }
    )
    return frame.assign(**changes)


def verdicts(left: pd.DataFrame, right: pd.DataFrame) -> list[str]:
    return compare(left, right)["verdict"].tolist()


def test_same_bits_are_exact() -> None:
    assert verdicts(results(), results()) == ["exact", "exact"]


def test_a_difference_inside_the_rule_matches_and_one_outside_differs() -> None:
    # The rule is 1e-9 of the larger value: 0.25 may move by 2.5e-10 and no further.
    close = results(estimate=[0.25 + 2.4e-10, 0.75])
    far = results(estimate=[0.25 + 2.6e-10, 0.75])
    assert verdicts(results(), close) == ["match", "exact"]
    assert verdicts(results(), far) == ["differ", "exact"]


def test_standard_error_is_compared_too() -> None:
    compared = compare(results(), results(se=[0.01 * (1 + 1e-8), 0.01]))
    assert compared["verdict"].tolist() == ["differ", "exact"]
    assert compared["reason"].tolist() == ["se", ""]


@pytest.mark.parametrize("column", ["df", "n", "n_cases"])
def test_counts_agree_exactly_or_differ(column: str) -> None:
    changed = results(**{column: [101, results()[column][1]]})
    assert verdicts(results(), changed) == ["differ", "exact"]


def test_nothing_known_on_both_sides_agrees_and_on_one_side_differs() -> None:
    empty = results(estimate=[np.nan, 0.75], se=[np.nan, 0.01])
    assert verdicts(empty, empty) == ["exact", "exact"]
    assert verdicts(empty, results()) == ["differ", "exact"]


def test_equal_infinities_agree() -> None:
    infinite = results(se=[np.inf, 0.01])
    assert verdicts(infinite, infinite) == ["exact", "exact"]


def test_cells_of_one_side_only() -> None:
    assert verdicts(results(), results().iloc[:1]) == ["exact", "missing_right"]
    assert verdicts(results().iloc[1:], results()) == ["missing_left", "exact"]


def test_units_are_not_mixed() -> None:
    percent = results(unit=["percent", "share"])
    assert verdicts(results(), percent) == ["not_comparable", "exact"]


def test_a_total_near_zero_is_judged_by_its_table() -> None:
    # A net total of 1e-10 beside one of a million is zero: 1e-12 of the scale allows 1e-6.
    net = results(statistic="total", unit="persons", estimate=[1e-10, 1e6], se=[9.0, 9.0])
    assert verdicts(net, net.assign(estimate=[-1e-10, 1e6])) == ["match", "exact"]
    assert verdicts(net, net.assign(estimate=[1e-5, 1e6])) == ["differ", "exact"]


def change(estimate: float, **more: object) -> pd.DataFrame:
    """One trend cell: a change between two years."""
    keys = {"indicator": "a.rate", "domain": "{}", "category": "", "statistic": "change"}
    years = {"year_from": 2022, "year_to": 2023}
    return pd.DataFrame([{**keys, **years, "estimate": estimate, "se": 0.1, **more}])


def test_a_change_near_zero_is_judged_by_the_levels_it_was_taken_from() -> None:
    # 1e-12 of a level of 2,000 allows 2e-9, though the change itself is next to nothing.
    for left, right, verdict in [
        (change(1e-9, level=2000.0), change(-0.9e-9, level=2000.0), "match"),
        (change(1e-9, level=2000.0), change(-1.1e-9, level=2000.0), "differ"),
        # A partner's file has no level: ours is enough; without any its own cells are the scale.
        (change(1e-9, level=2000.0), change(-0.9e-9), "match"),
        (change(1e-9), change(-0.9e-9), "differ"),
    ]:
        assert compare(left, right, TREND_KEYS)["verdict"].tolist() == [verdict]


def test_a_cell_named_twice_is_refused() -> None:
    with pytest.raises(InputError, match="twice"):
        compare(pd.concat([results(), results()]), results())


def test_summary_counts_and_names_what_differs() -> None:
    found = summary(compare(results(), results(estimate=[0.3, 0.75])))
    assert found["cells"] == 2
    assert found["verdicts"]["differ"] == 1
    assert found["verdicts"]["exact"] == 1
    assert found["differing"][0]["category"] == "x"
    assert found["years"] == [2023]
    assert not agree(compare(results(), results(estimate=[0.3, 0.75])))


@given(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12))
def test_the_verdict_does_not_depend_on_the_side(a: float, b: float) -> None:
    left, right = results(estimate=[a, 0.75]), results(estimate=[b, 0.75])
    assert verdicts(left, right) == verdicts(right, left)


@pytest.mark.parametrize("kind", ["parquet", "csv", "json"])
def test_reads_what_it_compares(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"results.{kind}"
    frame = results(se=[0.01, np.nan])
    if kind == "parquet":
        frame.to_parquet(path)
    elif kind == "csv":
        frame.to_csv(path, index=False)
    else:
        path.write_text(frame.to_json(orient="records"), encoding="utf-8")
    assert verdicts(read_results(path), frame) == ["exact", "exact"]


def test_unreadable_results_are_refused_with_one_line(tmp_path: Path) -> None:
    bad = tmp_path / "results.parquet"
    bad.write_bytes(b"no parquet")
    for path, words in [
        (bad, "cannot be read"),
        (tmp_path / "absent.csv", "no such file"),
        (tmp_path / "results.docx", "no such file"),
    ]:
        with pytest.raises(InputError, match=words):
            read_results(path)
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="column `year` is missing"):
        read_results(other)


@pytest.mark.parametrize("column", ["cv", "deff", "ci_low", "ci_high", "n_psu"])
def test_what_follows_from_the_estimate_is_compared_too(column: str) -> None:
    left = results(**{column: [0.5, 0.5]})
    assert verdicts(left, left) == ["exact", "exact"]
    assert verdicts(left, results(**{column: [0.5001, 0.5]})) == ["differ", "exact"]


@pytest.mark.parametrize("name", ["r.CSV", "r.Csv.GZ", "r.PARQUET", "r.JSON"])
def test_file_endings_in_capitals_are_the_same_kinds(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if "csv" in name.lower():
        results().to_csv(path, index=False)
    elif "json" in name.lower():
        path.write_text(results().to_json(orient="records"), encoding="utf-8")
    else:
        results().to_parquet(path)
    assert verdicts(read_results(path), results()) == ["exact", "exact"]


@pytest.mark.parametrize(
    "domain",
    [
        {"sex": "male", "region": "1"},
        {"sex": "male", "region": 1},
        '{"sex": "male", "region": "1"}',
        '{ "region":1 ,\n"sex":"male" }',
    ],
)
def test_a_domain_is_read_however_it_is_spelt(domain: object, tmp_path: Path) -> None:
    ours = results(domain='{"region":"1","sex":"male"}')
    path = tmp_path / "partner.json"
    rows = results().assign(domain=[domain, domain]).to_dict("records")
    path.write_text(json.dumps(rows), encoding="utf-8")
    assert verdicts(ours, read_results(path)) == ["exact", "exact"]


def test_objects_in_parquet_have_the_keys_of_their_row_only(tmp_path: Path) -> None:
    path = tmp_path / "partner.parquet"
    results(domain=[{"region": "1"}, {"sex": "male"}]).to_parquet(path)
    assert read_results(path)["domain"].tolist() == ['{"region":"1"}', '{"sex":"male"}']


@pytest.mark.parametrize("domain", ["region=1", "", "3", '["1"]'])
def test_a_domain_that_is_none_is_refused_with_its_row(domain: str, tmp_path: Path) -> None:
    path = tmp_path / "partner.csv"
    results(domain=["{}", domain]).to_csv(path, index=False)
    with pytest.raises(InputError, match="row 2, column `domain`"):
        read_results(path)


def test_results_without_a_year_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "partner.csv"
    results().drop(columns="year").to_csv(path, index=False)
    with pytest.raises(InputError, match="column `year` is missing"):
        read_results(path)
    results().rename(columns={"year": "year_from"}).to_csv(path, index=False)
    with pytest.raises(InputError, match="column `year_to` is missing"):
        read_results(path)


def test_what_one_side_lacks_is_named_as_not_compared() -> None:
    bare = results().drop(columns=["se", "df", "n", "n_cases"])
    found = summary(compare(results(), bare))
    assert found["verdicts"]["exact"] == 2
    assert {"se", "df", "n", "n_cases"} <= set(found["not_compared"])
    assert not {"se", "df", "n", "n_cases"} & set(
        summary(compare(results(), results()))["not_compared"]
    )


@pytest.mark.parametrize("text", ['{"a": 1}', '{"results": 3}', "3"])
def test_json_that_holds_no_results_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "partner.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="expected a list of results"):
        read_results(path)


def test_half_a_year_is_refused_with_its_row(tmp_path: Path) -> None:
    path = tmp_path / "partner.csv"
    results(year=[2023, 2023.5]).to_csv(path, index=False)
    with pytest.raises(InputError, match=r"row 2, column `year`: 2023\.5 is no year"):
        read_results(path)
