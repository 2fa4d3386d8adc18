"""Estimates from Parquet by DuckDB are those of the same records in memory, to 1e-12."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from survey_helpers import api_sample, random_frame

from lfsmig.errors import EstimationError, InputError
from lfsmig.survey import SurveyDesign

SLOW_FIXTURE = [HealthCheck.function_scoped_fixture]


def rich_frame(seed: int) -> pd.DataFrame:
    """A random sample with every type of column a `by`, an item or a domain may have."""
    rng = np.random.default_rng(seed)
    frame = random_frame(seed)
    n = len(frame)
    frame["whole"] = pd.Series(rng.integers(0, 3, n)).mask(rng.random(n) < 0.2).astype("Int64")
    frame["holes"] = pd.Series(rng.integers(1, 4, n)).mask(rng.random(n) < 0.2)
    frame["name"] = pd.Series(rng.choice(["ก", "b", "c'd"], n)).mask(rng.random(n) < 0.2)
    frame["nullable"] = pd.Series(frame["name"]).astype("string")
    frame["yes"] = rng.random(n) < 0.5
    frame["perhaps"] = pd.Series(frame["yes"]).mask(rng.random(n) < 0.2).astype("boolean")
    frame["constant"] = 7.25
    frame["large"] = 2500.0 + rng.normal(0, 1, n).round(2)
    frame["half"] = rng.choice([0.1, 0.2], n).astype("float32")
    frame["day"] = pd.to_datetime("2024-10-01") + pd.to_timedelta(rng.integers(0, 90, n), unit="D")
    return frame


def both(frame: pd.DataFrame, folder: Path, pieces: int = 1, **options: Any) -> tuple[Any, Any]:
    """The design in memory and the one over the same records in `pieces` files."""
    folder.mkdir(exist_ok=True)
    for place, rows in enumerate(np.array_split(np.arange(len(frame)), pieces)):
        frame.iloc[rows].to_parquet(folder / f"{place}.parquet", index=False)
    kwargs = {"strata": "stratum", "psu": "psu", "nest": True, **options}
    return (
        SurveyDesign(frame, "weight", **kwargs),
        SurveyDesign.from_parquet(folder, "weight", **kwargs),
    )


def assert_same(left: Any, right: Any, *table: Any, **options: Any) -> None:
    a, b = (design.estimate(*table, influence=True, **options) for design in (left, right))
    scale = max(1.0, float(np.nanmax(np.abs(a.frame["estimate"]), initial=0.0)))
    text = f"{table} {options}"
    pd.testing.assert_frame_equal(
        a.frame.drop(columns="deff"), b.frame.drop(columns="deff"), rtol=1e-12,
        atol=1e-14 * scale, obj=text,
    )  # fmt: skip
    # Its denominator is taken about the item's mean, which loses digits where a cell of a few
    # cases lies far from it.
    assert b.frame["deff"].to_numpy() == pytest.approx(
        a.frame["deff"].to_numpy(), rel=1e-9, nan_ok=True
    ), text
    assert (a.cases == b.cases).all()
    pd.testing.assert_frame_equal(a.psu_table, b.psu_table)
    assert (a.influence.indptr == b.influence.indptr).all()
    assert (a.influence.indices == b.influence.indices).all()


@settings(max_examples=5, deadline=None, suppress_health_check=SLOW_FIXTURE)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_the_same_tables_as_in_memory(tmp_path: Path, seed: int, pieces: int) -> None:
    for old in tmp_path.glob("*.parquet"):
        old.unlink()
    left, right = both(rich_frame(seed), tmp_path, pieces, lonely_psu="adjust")
    for table, by in (
        (("mean", "y"), ["sex", "code"]),
        (("mean", "large"), ["group"]),
        (("mean", "constant"), ["holes"]),
        (("mean", "perhaps"), ["whole"]),
        (("total", "signed"), ["name", "yes"]),
        (("total",), ["nullable", "perhaps"]),
        (("share", "group"), ["sex"]),
        (("share", "whole"), []),
        (("ratio", "y", "x"), ["day"]),
    ):
        assert_same(left, right, *table, by=by)


QUERIES = [
    "in_domain",
    "code >= 2 and sex == 'ชาย'",
    "code != 2 | ~(whole > 1)",
    "whole != 1",
    "holes != 1",
    "not (holes < 2)",
    "1 < code <= 3 & name != 'b'",
    "nullable != 'b'",
    "not nullable == 'b'",
    "group in ['a', 'z'] or `in_domain`",
    "group not in ['a']",
    "name == ['b', \"c'd\"]",
    "whole.isin([1, 2])",
    "~whole.isin([1])",
    "y.isna() or perhaps",
    "flag.notnull() and not perhaps",
    "perhaps == True",
    "half == 0.1",
    "half in [0.5, 5] or code == 1",
    "nullable != psu",
    "not nullable > 'b'",
    "code * 2 - 1 > 3 + signed",
    "-signed > 1",
    "day >= '2024-11-15'",
    "y > x",
    "group != 'a'",
]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    return both(rich_frame(11), tmp_path_factory.mktemp("query"), 2)


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_means_what_it_means_in_pandas(pair: tuple[Any, Any], query: str) -> None:
    """Missing values above all: `holes != 1` holds for a missing number, `whole != 1` does not."""
    assert 0 < pair[0].total(domain=query)["n"][0] < len(pair[0].frame)
    assert_same(*pair, "total", by=["code"], domain=query)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("cod == 1", r"column 'cod' is not in the data"),
        ("code", r"'code' is not true or false; compare it"),
        ("code == '1'", r"code is number and '1' is text"),
        ("name == 1", r"compare text with text in quotes"),
        ("group > 'a'", r"categories are compared by order"),
        ("code ==", r"it is no expression"),
        ("code / 2 == 1", r"'code / 2' is not supported"),
        ("name.str.len() > 2", r"is not supported"),
        ("code == @limit", r"it is no expression"),
        ("name + 'x' == 'bx'", r"is arithmetic with text"),
        ("code in sex", r"is no list of values"),
        ("`code == 1", r"a backtick is not closed"),
        ("code == 1; DROP TABLE x", r"it is no expression"),
    ],
)
def test_a_query_that_sql_would_answer_otherwise_is_refused(
    pair: tuple[Any, Any], query: str, words: str
) -> None:
    with pytest.raises(EstimationError, match=words) as caught:
        pair[1].total(domain=query)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("lonely_psu", ["remove", "certainty", "average"])
def test_lonely_rules(tmp_path: Path, lonely_psu: str) -> None:
    pair = both(rich_frame(5), tmp_path, lonely_psu=lonely_psu)
    assert_same(*pair, "mean", "y", by=["sex"], domain="in_domain")


def test_psu_codes_of_their_own_need_no_stratum(tmp_path: Path) -> None:
    frame = rich_frame(8)
    frame["psu"] = frame["stratum"] + frame["psu"]
    pair = both(frame, tmp_path, nest=False)
    assert list(pair[1].unit_columns.values()) == ["psu"]
    assert_same(*pair, "share", "group", by=["sex"])
    assert_same(*pair, "mean", "y", domain="in_domain")


def test_two_stages_with_population_sizes(tmp_path: Path) -> None:
    frame = api_sample("apiclus2").rename(columns={"pw": "weight"})
    pair = both(
        frame, tmp_path, strata=None, psu=["dnum", "snum"], fpc=["fpc1", "fpc2"], nest=False
    )
    assert_same(*pair, "mean", "api00", by=["stype"])
    assert_same(*pair, "share", "stype")


def test_what_needs_records_says_so(pair: tuple[Any, Any]) -> None:
    design = pair[1]
    for action in (
        lambda: design.quantile("y"),
        lambda: design.mean("y", engine="r"),
        lambda: design.numbers("y"),
        lambda: design.column("y"),
    ):
        with pytest.raises(EstimationError, match=r"needs single records.*read_parquet\(path, col"):
            action()
    with pytest.raises(EstimationError, match="is query text, such as 'age >= 15'"):
        design.total(domain=[True, False])


GOOD = pd.DataFrame(
    {
        "stratum": list("aabb"), "psu": list("1234"), "weight": [1.0, 2, 3, 4],
        "y": [1.0, 2, 3, 4], "name": list("wxyz"), "id": [101, 102, 103, 104],
    }
)  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"weight": [1, -1.0, 3, -4]}, r"column 'weight' is negative in rows 2 \(id 102\), 4"),
        ({"weight": [1, np.nan, 3, 4]}, r"weight column 'weight' is missing in row 2 \(id 102\)"),
        ({"weight": [0.0] * 4}, r"weight column 'weight' is zero in every one of 4 rows"),
        ({"weight": [1, np.inf, 3, 4]}, r"weight column 'weight' is infinite in row 2"),
        ({"weight": list("1234")}, r"weight column 'weight' holds text or categories \('1' in row"),
        ({"stratum": ["a", None, "b", "b"]}, r"'stratum' is missing in row 2 \(id 102\)"),
        ({"psu": ["1", "2", "2", "4"]}, r"'2' is in strata a, b \(rows 2 \(id 102\), 3 \(id 103"),
        ({"psu": list("1111"), "stratum": list("aaaa")}, "only one primary sampling unit"),
    ],
)  # fmt: skip
def test_bad_design_columns(tmp_path: Path, changed: dict[str, Any], words: str) -> None:
    GOOD.assign(**changed).to_parquet(tmp_path / "x.parquet", index=False)
    with pytest.raises(EstimationError, match=words):
        SurveyDesign.from_parquet(tmp_path / "x.parquet", "weight", "stratum", "psu", keys=["id"])


def test_bad_items_and_files(tmp_path: Path) -> None:
    frame = GOOD.assign(z=[1.0, np.inf, 2, 3], many=np.arange(4))
    frame.to_parquet(tmp_path / "x.parquet", index=False)
    design = SurveyDesign.from_parquet(tmp_path, "weight", "stratum", "psu")
    for action, words in (
        (lambda: design.mean("z"), r"item column 'z' is infinite in row 2"),
        (lambda: design.mean("name"), r"item column 'name' holds text or categories \('w' in rows"),
        (lambda: design.mean("q"), r"column 'q' is not in the data"),
        (lambda: design.mean("y", by=["Name"]), r"did you mean: name"),
    ):
        with pytest.raises(EstimationError, match=words):
            action()
    with pytest.raises(InputError, match="there is no such Parquet file"):
        SurveyDesign.from_parquet(tmp_path / "*.pq", "weight", psu="psu")
    (tmp_path / "y.parquet").write_text("no", encoding="ascii")
    with pytest.raises(InputError, match="not Parquet"):
        SurveyDesign.from_parquet(tmp_path / "y.parquet", "weight", psu="psu")
    with pytest.raises(EstimationError, match="needs psu"):
        SurveyDesign.from_parquet(tmp_path / "x.parquet", "weight")
    with pytest.raises(EstimationError, match="is not a size such as 2GB"):
        SurveyDesign.from_parquet(tmp_path / "x.parquet", "weight", psu="psu", memory="much")


def test_a_lonely_stratum_under_fail_names_its_records(tmp_path: Path) -> None:
    frame = GOOD.assign(stratum=list("abbb"))
    frame.to_parquet(tmp_path / "x.parquet", index=False)
    design = SurveyDesign.from_parquet(
        tmp_path, "weight", "stratum", "psu", lonely_psu="fail", keys=["id"]
    )
    with pytest.raises(EstimationError, match=r"Stratum \(a\) has only one PSU.*\(row 1 \(id 101"):
        design.mean("y")


def test_rows_are_counted_in_each_file(tmp_path: Path) -> None:
    GOOD.to_parquet(tmp_path / "a.parquet", index=False)
    bad = GOOD.assign(psu=list("5678"), weight=[1, 2, 3, -1.0])
    bad.to_parquet(tmp_path / "b.parquet", index=False)
    with pytest.raises(EstimationError, match=r"negative in row 4 \(b\.parquet\)"):
        SurveyDesign.from_parquet(tmp_path / "*.parquet", "weight", "stratum", "psu")
