"""Bad input gives one line that names the column, the first rows and what to do."""

from __future__ import annotations

import re
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from survey_helpers import needs_r

from lfsmig.errors import EstimationError, MissingDependency
from lfsmig.survey import SurveyDesign, r_session

GOOD = pd.DataFrame(
    {
        "stratum": list("aabb"),
        "psu": ["1", "2", "3", "4"],
        "w": [1.0, 2, 3, 4],
        "y": [1.0, 2, 3, 4],
        "name": list("wxyz"),
    }
)


def design(**changed: Any) -> SurveyDesign:
    return SurveyDesign(GOOD.assign(**changed), "w", "stratum", "psu")


def refused(words: str, action: Any, *arguments: Any, **options: Any) -> None:
    with pytest.raises(EstimationError, match=words) as caught:
        action(*arguments, **options)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"w": [1, -1, 3, -4]}, r"weight column 'w' is negative in rows 2, 4"),
        ({"w": [1, np.nan, 3, 4]}, r"weight column 'w' is missing in row 2"),
        ({"w": [0, 0, 0, 0]}, r"weight column 'w' is zero in every one of 4 rows"),
        ({"w": [1, np.inf, 3, 4]}, r"weight column 'w' is infinite in row 2"),
        ({"w": list("1234")}, r"weight column 'w' holds text"),
        ({"stratum": ["a", None, "b", "b"]}, r"stratum column 'stratum' is missing in row 2"),
        ({"psu": ["1", "2", None, None]}, r"PSU column 'psu' is missing in rows 3, 4"),
        ({"psu": ["1", "2", "2", "4"]}, r"'2' is in strata a, b \(rows 2, 3\).*nest=True"),
        ({"stratum": [1, 1, np.inf, 2]}, r"stratum column 'stratum' is infinite in row 3"),
        ({"psu": [1, 2, 3, -np.inf]}, r"PSU column 'psu' is infinite in row 4"),
        ({"psu": ["1", "1", "1", "1"], "stratum": list("aaaa")}, "only one primary sampling unit"),
    ],
)
def test_design_columns(changed: dict[str, Any], words: str) -> None:
    refused(words, design, **changed)


def test_many_bad_rows_are_counted_not_listed() -> None:
    frame = pd.DataFrame({"w": [-1.0] * 50, "y": 1.0})
    refused(r"rows 1, 2, 3, … \(50 in all\)", SurveyDesign, frame, "w")


def test_unknown_columns_and_near_misses() -> None:
    refused(r"column 'W' is not in the data \(did you mean: w\)", SurveyDesign, GOOD, "W")
    refused(r"column 'wage' is not in the data", design().mean, "wage")
    refused(r"column 'region' is not in the data", design().mean, "y", by=["region"])
    refused(r"the data have no row", SurveyDesign, GOOD.iloc[:0], "w")


@pytest.mark.parametrize("engine", ["python", pytest.param("r", marks=needs_r)])
def test_items(engine: str) -> None:
    refused(r"item column 'name' holds text.*'w' in rows 1", design().mean, "name", engine=engine)
    infinite = design(y=[1, 2, np.inf, 4])
    refused(r"item column 'y' is infinite in row 3", infinite.total, "y", engine=engine)
    mixed = design(name=[1, "x", 2, "y"])
    refused(r"column 'name' mixes types", mixed.share, "name", engine=engine)
    late = design(name=pd.Series([1, 2, "x", 3], dtype=object))
    refused(r"'x' in row 3", late.mean, "name", engine=engine)


def test_arguments() -> None:
    made = design()
    refused("statistic 'average' is not known", made.estimate, "average", "y")
    refused("a mean needs an item", made.estimate, "mean")
    refused("a ratio needs one", made.estimate, "ratio", "y")
    refused("a ratio needs one", made.estimate, "mean", "y", "w")
    refused("level=95", made.mean, "y", level=95)
    refused("ci='exact' is not known", made.mean, "y", ci="exact")
    refused("for shares, not for a total", made.total, "y", ci="logit")
    refused("engine 'stata' is not known", made.mean, "y", engine="stata")
    refused("strictly between 0 and 1", made.quantile, "y", [50])
    refused("names a column twice", made.mean, "y", by=["psu", "psu"])
    refused("influence is not supported", made.quantile, "y", influence=True)
    refused("lonely_psu='centre'", SurveyDesign, GOOD, "w", lonely_psu="centre")
    refused("has the name of a result column", design(n=1).mean, "y", by=["n"])


def test_domains() -> None:
    made = design()
    refused(r"domain has 2 values but the data have 4 rows", made.mean, "y", domain=[True, False])
    refused(r"domain 'age > 3' cannot be evaluated", made.mean, "y", domain="age > 3")
    refused(r"domain is not true/false in row 2", made.mean, "y", domain=[1, 7, 0, 1])
    refused(r"domain is not true/false", made.mean, "y", domain="name")
    nullable = pd.Series([True, None, False, True], dtype="boolean", index=[9, 8, 7, 6])
    assert made.mean("y", domain=nullable)["n"][0] == 2
    assert made.mean("y", domain=np.array([1.0, np.nan, 0.0, 1.0]))["n"][0] == 2
    assert made.mean("y", domain="y >= 2 and name != 'z'")["n"][0] == 2


def test_population_sizes_and_replicates() -> None:
    for values, words in (
        ([5, 6, 5, 5], r"fpc column 'fpc' varies within stratum 'a'"),
        ([0.5, 0.5, 5, 5], r"fpc column 'fpc' mixes population sizes and fractions \(rows 1, 2"),
        ([1.5, 1.5, 5, 5], r"fpc column 'fpc' of stratum 'a' is smaller than its 2 sampled units"),
        ([5, 5, np.nan, 5], r"fpc column 'fpc' is missing or not positive in row 3"),
    ):
        frame = GOOD.assign(fpc=values)
        refused(words, SurveyDesign, frame, "w", "stratum", "psu", fpc="fpc")
    reps = GOOD.assign(r1=1.0, r2=[1, 2, np.nan, 1])
    refused("'r2' is missing in row 3", SurveyDesign, reps, "w", repweights=["r1", "r2"])
    refused(r"'r2' is missing in row 3 \(name y\)", SurveyDesign, reps, "w",
            repweights=["r1", "r2"], keys=["name"])  # fmt: skip
    refused("needs rep_rscales", SurveyDesign, GOOD.assign(r1=1, r2=2), "w",
            repweights=["r1", "r2"], rep_type="JKn")  # fmt: skip


@needs_r
def test_r_errors_come_back_as_one_exception_with_its_words() -> None:
    with pytest.raises(EstimationError, match=r"^R: statistic 'middle' is not known$"):
        r_session.call(
            "estimate_cell", r_session.null(), r_session.null(), r_session.text("middle"),
            r_session.null(),
        )  # fmt: skip


@needs_r
def test_r_names_the_column_and_rows_of_a_lonely_stratum() -> None:
    """R's own words are "Stratum (a) has only one PSU at stage 1" and no more."""
    frame = GOOD.assign(stratum=list("abbb"), x=[1.0, 0, 2, 5])
    made = SurveyDesign(frame, "w", "stratum", "psu", lonely_psu="fail", keys=["name"])
    words = r"^R: stratum column 'stratum': Stratum \(a\) has only one PSU .* \(row 1 \(name "
    refused(words, made.mean, "y", engine="r")
    refused(words, made.ttest, "y", engine="r")
    refused(words, made.regression, "y ~ x", engine="r")


@needs_r
def test_r_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    design().mean("y", engine="r")
    with pytest.raises(EstimationError):
        lonely = GOOD.assign(stratum=list("abbb"))
        SurveyDesign(lonely, "w", "stratum", "psu", lonely_psu="fail").mean("y", engine="r")
    assert capfd.readouterr() == ("", "")


@needs_r
def test_r_works_in_another_thread() -> None:
    from concurrent.futures import ThreadPoolExecutor

    made = design()
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(made.mean, "y", engine="r").result()
    pd.testing.assert_frame_equal(found, made.mean("y"), rtol=1e-12)


@pytest.fixture
def fresh_session() -> Any:
    caches = (r_session._interface, r_session._functions)
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()


def missing(words: str) -> None:
    with pytest.raises(MissingDependency, match=words) as caught:
        design().mean("y", engine="r")
    assert caught.value.exit_code == 3
    assert re.search("apt-get install r-base-core r-cran-survey", str(caught.value))
    assert design().mean("y")["n"][0] == 4


def test_without_rpy2(fresh_session: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rpy2", None)
    missing("rpy2 is not installed")


def test_without_r(fresh_session: None, monkeypatch: pytest.MonkeyPatch) -> None:
    situation = pytest.importorskip("rpy2.situation")
    monkeypatch.setattr(situation, "get_r_home", lambda: None)
    missing("R is not installed")


@needs_r
def test_without_survey(fresh_session: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(r_session, "SURVEY", "noSuchPackageHere")
    missing("R's package survey is not installed")
