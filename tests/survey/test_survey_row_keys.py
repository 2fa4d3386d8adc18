"""Messages name bad records by row and key, and refuse tables that are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from survey_helpers import needs_r

from lfsmig.errors import EstimationError
from lfsmig.survey import SurveyDesign, columns, crossing

GOOD = pd.DataFrame(
    {
        "stratum": list("aabb"), "psu": list("1234"), "w": [1.0, 2, 3, 4], "y": [1.0, 2, 3, 4],
        "name": list("wxyz"), "household": [11, 11, 12, 13], "person": [1, 2, 1, 1],
    }
)  # fmt: skip
KEYS = ["household", "person"]
SECOND = r"row 2 \(household 11, person 2\)"


def design(**changed: Any) -> SurveyDesign:
    return SurveyDesign(GOOD.assign(**changed), "w", "stratum", "psu", keys=KEYS)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"w": [1, -1, 3, 4]}, rf"weight column 'w' is negative in {SECOND}"),
        ({"w": [1, np.nan, 3, 4]}, rf"weight column 'w' is missing in {SECOND}"),
        ({"w": [1, np.inf, 3, 4]}, rf"weight column 'w' is infinite in {SECOND}"),
        ({"stratum": ["a", None, "b", "b"]}, rf"stratum column 'stratum' is missing in {SECOND}"),
        ({"psu": ["1", None, "3", "4"]}, rf"PSU column 'psu' is missing in {SECOND}"),
        (
            {"psu": ["1", "2", "2", "4"]},
            r"'2' is in strata a, b \(rows 2 \(household 11, person 2\), 3 \(household 12, pe",
        ),
        ({"psu": ["1", "2", "2", "1"]}, "and 1 more such; make the codes unique or pass nest=True"),
    ],
)  # fmt: skip
def test_design_columns(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(EstimationError, match=words):
        design(**changed)


@pytest.mark.parametrize("engine", ["python", pytest.param("r", marks=needs_r)])
def test_items_and_domains(engine: str) -> None:
    text = design(y=pd.Series([1, "two", 3, 4], dtype=object))
    for action, words in (
        (lambda: design(y=[1, np.inf, 3, 4]).mean("y", engine=engine), f"infinite in {SECOND}"),
        (lambda: text.mean("y", engine=engine), rf"holds text or categories \('two' in {SECOND}\)"),
        (lambda: design(y=[1, np.inf, 3, 4]).mean("w", by=["y"], engine=engine), "is infinite in"),
        (lambda: design().total(domain=[1, 7, 0, 1], engine=engine), f"not true/false in {SECOND}"),
        (lambda: design(y=[1, 1j, 3, 4]).mean("y", engine=engine), "holds complex numbers"),
    ):  # fmt: skip
        with pytest.raises(EstimationError, match=words):
            action()


def test_the_first_rows_of_both_strata_are_named() -> None:
    """A PSU of many records: the first three rows of it would all be in one stratum."""
    frame = pd.DataFrame({"s": ["a"] * 50 + ["b"] * 50, "p": 1, "w": 1.0})
    with pytest.raises(EstimationError, match=r"'1' is in strata a, b \(rows 1, 51\)"):
        SurveyDesign(frame, "w", "s", "p")


def test_an_index_of_its_own_is_the_key() -> None:
    named = GOOD.set_index(KEYS).assign(w=[1, -1, 3, 4])
    with pytest.raises(EstimationError, match=f"negative in {SECOND}"):
        SurveyDesign(named, "w")
    with pytest.raises(EstimationError, match=r"negative in row 2 \(index h2\)"):
        SurveyDesign(pd.DataFrame({"w": [1.0, -1]}, index=["h1", "h2"]), "w")
    with pytest.raises(EstimationError, match=r"negative in row 2;"):
        SurveyDesign(pd.DataFrame({"w": [1.0, -1]}), "w")


def test_keys_must_be_columns() -> None:
    with pytest.raises(EstimationError, match="column 'houshold' is not in the data"):
        SurveyDesign(GOOD, "w", keys=["houshold"])
    with pytest.raises(EstimationError, match="keys names a column twice"):
        SurveyDesign(GOOD, "w", keys=["person", "person"])
    with pytest.raises(EstimationError, match="the data are a list; a pandas DataFrame is needed"):
        SurveyDesign([1, 2], "w")  # type: ignore[arg-type]


def test_a_stratum_of_one_psu_under_fail_names_its_records() -> None:
    frame = GOOD.assign(stratum=list("abbb"))
    lonely = SurveyDesign(frame, "w", "stratum", "psu", lonely_psu="fail", keys=KEYS)
    words = (
        r"stratum column 'stratum': Stratum \(a\) has only one PSU at stage 1 "
        r"\(row 1 \(household 11, person 1\)\); choose another lonely_psu rule"
    )
    with pytest.raises(EstimationError, match=words):
        lonely.mean("y")


@needs_r
def test_r_refuses_a_lonely_stratum_with_its_own_words() -> None:
    frame = GOOD.assign(stratum=list("abbb"))
    lonely = SurveyDesign(frame, "w", "stratum", "psu", lonely_psu="fail")
    with pytest.raises(EstimationError, match=r"^R: .*has only one PSU at stage 1"):
        lonely.mean("y", engine="r")


# ---- limits --------------------------------------------------------------------------------


def test_a_column_with_a_level_per_person_makes_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "MAX_LEVELS", 3)
    words = "column 'name' has more than the 3 different values.*an identifier or an amount"
    for action in (
        lambda: design().mean("y", by=["name"]),
        lambda: design().share("name"),
        lambda: design().total(by=["household", "name"]),
    ):
        with pytest.raises(EstimationError, match=words):
            action()
    assert len(design().total(by=["household"])) == 3


def test_a_crossing_with_too_many_cells_is_refused_before_it_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(crossing, "MAX_CELLS", 10)
    words = r"columns name \(4\) x psu \(4\) cross to 16 rows, more than the 10"
    with pytest.raises(EstimationError, match=words):
        design().mean("y", by=["name", "psu"])
    with pytest.raises(EstimationError, match=r"household \(3\) x psu \(4\) cross to 12"):
        design().share("psu", by=["household"])
    assert len(design().share("psu", by=["stratum"])) == 8


def test_the_limits_let_real_tables_pass() -> None:
    """Subdistricts of a country by sex, and provinces by sex by year of age by year."""
    assert columns.MAX_LEVELS >= 7_255
    assert crossing.MAX_CELLS >= 77 * 2 * 100 * 10
