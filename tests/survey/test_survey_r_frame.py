"""Every type of column in R as R itself sees it, and how it names a column it cannot take."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from survey_helpers import needs_r

from lfsmig.errors import EstimationError
from lfsmig.survey import r_session
from lfsmig.survey.r_frame import SEPARATOR, frame_to_r

pytestmark = needs_r


def ask(code: str, frame: pd.DataFrame) -> list[Any]:
    """Evaluate R code in which `d` is the frame; the answer as a list, R's NA as None."""
    base = r_session._interface().baseenv
    room = base["new.env"]()
    base["assign"](r_session.text("d"), frame_to_r(frame), envir=room)
    parsed = base["parse"](text=r_session.text(code))
    answer = base["eval"](parsed, room)
    missing = list(base["is.na"](answer))
    return [None if gone else value for value, gone in zip(list(answer), missing, strict=True)]


MANY: dict[str, tuple[pd.Series, str, list[Any]]] = {
    "int8": (pd.Series([1, -2], dtype="int8"), "integer", [1, -2]),
    "int64 within 31 bits": (pd.Series([2**31 - 1, -(2**31) + 1]), "integer",
                             [2147483647, -2147483647]),
    "int64 at R's NA": (pd.Series([-(2**31), 5]), "double", [-2147483648.0, 5.0]),
    "household ids past 31 bits": (pd.Series([2**53, 7]), "double", [2.0**53, 7.0]),
    "uint32": (pd.Series([2**32 - 1], dtype="uint32"), "double", [2.0**32 - 1]),
    "Int64 with NA": (pd.Series([1, None, 3], dtype="Int64"), "integer", [1, None, 3]),
    "Int64 large with NA": (pd.Series([2**40, None], dtype="Int64"), "double", [2.0**40, None]),
    "Int8 with NA": (pd.Series([None, 4], dtype="Int8"), "integer", [None, 4]),
    "arrow int64": (pd.Series([1, None], dtype="int64[pyarrow]"), "integer", [1, None]),
    "arrow text": (pd.Series(["b", None], dtype=pd.ArrowDtype(pa.string())), "character",
                   ["b", None]),
    "float64": (pd.Series([1.5, np.nan, np.inf]), "double", [1.5, None, np.inf]),
    "float32": (pd.Series([1.5, np.nan], dtype="float32"), "double", [1.5, None]),
    "Float64": (pd.Series([2.5, None], dtype="Float64"), "double", [2.5, None]),
    "bool": (pd.Series([True, False]), "logical", [True, False]),
    "boolean with NA": (pd.Series([True, None], dtype="boolean"), "logical", [True, None]),
    "bool objects": (pd.Series([True, None, False], dtype=object), "logical", [True, None, False]),
    "int objects": (pd.Series([1, None], dtype=object), "integer", [1, None]),
    "float objects": (pd.Series([1.5, None, 2], dtype=object), "double", [1.5, None, 2.0]),
    "str": (pd.Series(["ข", None, "", "a"], dtype="str"), "character", ["ข", None, "", "a"]),
    "string": (pd.Series(["b", pd.NA], dtype="string"), "character", ["b", None]),
    "text objects": (pd.Series(["b", None, np.nan], dtype=object), "character", ["b", None, None]),
    "nothing but missing": (pd.Series([None, None], dtype=object), "character", [None, None]),
    "one empty text": (pd.Series([""]), "character", [""]),
    "text with the separator": (pd.Series([f"a{SEPARATOR}b", "c"]), "character",
                                [f"a{SEPARATOR}b", "c"]),
}  # fmt: skip


@pytest.mark.parametrize("name", MANY)
def test_each_type_and_its_missing_values(name: str) -> None:
    """NA and not NaN, and numbers past 31 bits as numbers: pandas2ri makes text of them."""
    column, kind, values = MANY[name]
    frame = pd.DataFrame({"x": column})
    assert ask("typeof(d$x)", frame) == [kind]
    found = ask("d$x", frame)
    assert found == values
    missing = sum(value is None for value in values)
    assert ask("sum(is.na(d$x) & !(is.numeric(d$x) & is.nan(d$x)))", frame) == [missing]


def test_factors_have_labels_order_and_na_inside_r() -> None:
    """A class that is set from outside is not seen by R: `levels()` works, `svyby` does not."""
    plain = pd.Categorical(["b", None, "a"], categories=["b", "a", "ไม่ทราบ"])
    ordered = pd.Categorical([2.0, 1.0, np.nan], categories=[2.0, 1.0], ordered=True)
    frame = pd.DataFrame({"x": plain, "y": ordered})
    assert ask("class(d$x)", frame) == ["factor"]
    assert ask("class(d$y)", frame) == ["ordered", "factor"]
    assert ask("levels(d$x)", frame) == ["b", "a", "ไม่ทราบ"]
    assert ask("as.character(d$x)", frame) == ["b", None, "a"]
    assert ask("as.character(d$y)", frame) == ["2", "1", None]
    assert ask("nlevels(droplevels(d$x))", frame) == [2]
    # R's own dispatch sees a factor: a numeric vector has no levels to tabulate.
    assert ask("as.vector(table(d$x, useNA = 'always'))", frame) == [1, 1, 0, 1]
    assert ask("d$y[1] < d$y[2]", frame) == [True]


def test_times() -> None:
    times = pd.Series(pd.to_datetime(["2024-10-01 12:30:00", None]))
    assert ask("format(d$x)", pd.DataFrame({"x": times})) == ["2024-10-01 12:30:00", None]
    bangkok = pd.Series(pd.to_datetime(["2024-10-01 07:00"])).dt.tz_localize("Asia/Bangkok")
    assert ask("format(d$x, '%H:%M', tz = 'UTC')", pd.DataFrame({"x": bangkok})) == ["00:00"]


def test_the_frame_as_a_whole() -> None:
    frame = pd.DataFrame({"ก": [1, 2, 3], "b c": ["x", "y", "z"]}, index=[7, 8, 9])
    assert ask("dim(d)", frame) == [3, 2]
    assert ask("names(d)", frame) == ["ก", "b c"]
    assert ask("row.names(d)", frame) == ["1", "2", "3"]
    assert ask("d[d$'b c' == 'y', 'ก']", frame) == [2]
    assert ask("nrow(subset(d, FALSE))", frame) == [0]
    assert ask("dim(d)", frame.iloc[:0]) == [0, 2]
    assert ask("dim(d)", pd.DataFrame(index=range(4))) == [4, 0]


TEXT = st.text(st.characters(exclude_characters="\0", codec="utf-8"))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.one_of(st.none(), TEXT), min_size=1))
def test_any_text_arrives_as_it_was(texts: list[str | None]) -> None:
    assert ask("d$x", pd.DataFrame({"x": pd.Series(texts, dtype=object)})) == texts


@settings(max_examples=30, deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(-(2**53), 2**53)), min_size=1))
def test_any_whole_number_arrives_as_it_was(numbers: list[int | None]) -> None:
    frame = pd.DataFrame({"x": pd.Series(numbers, dtype="Int64")})
    assert ask("d$x", frame) == numbers


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (pd.Series([1, 2**53 + 1]), r"column 'x' holds whole numbers beyond 53 bits in row 2"),
        (pd.Series(["a", 1], dtype=object), r"column 'x' holds mixed-integer objects"),
        (pd.Series(["a\0b"]), r"column 'x' holds a NUL character"),
        (pd.Series([1j]), r"column 'x' is of type complex128"),
        (pd.Series(pd.to_timedelta([1], unit="s")), r"column 'x' is of type timedelta64"),
        (pd.Series(pd.Categorical([1, "1"], categories=[1, "1"])), "two categories with the same"),
    ],
)
def test_what_r_cannot_hold_is_named(column: pd.Series, words: str) -> None:
    with pytest.raises(EstimationError, match=words):
        frame_to_r(pd.DataFrame({"x": column}))


def test_a_column_twice_is_refused() -> None:
    with pytest.raises(EstimationError, match="column 'x' is in the frame twice"):
        frame_to_r(pd.DataFrame([[1, 2]], columns=["x", "x"]))


def test_no_second_copy_is_kept() -> None:
    """R holds the frame once: 40 MB of numbers cost 40 MB of R's heap, after its own clearing."""
    frame = pd.DataFrame({f"x{i}": np.random.default_rng(i).random(250_000) for i in range(20)})
    base = r_session._interface().baseenv

    def heap() -> float:
        # gc() returns a matrix by columns; row 2 of column 2 is MB of vectors in use.
        return list(base["gc"]())[3]

    before = heap()
    held = frame_to_r(frame)
    used = heap() - before
    assert 39 < used * 1024**2 / 1e6 < 45, used
    del held
    assert heap() - before < 5
