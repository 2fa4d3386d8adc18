"""Each operation of the mapping language on a few values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lfsmig.intake.coding import (
    Unmapped,
    common_keys,
    compile_rules,
    compose,
    map_category,
    map_number,
)
from lfsmig.intake.columns import Coded, code_column
from lfsmig.intake.read import RawTable
from lfsmig.params.mapping import Column, VariableMap


def coded(values: list[object], numeric: bool = True, **column: object) -> Coded:
    array = np.array(values, dtype=float if numeric else object)
    table = RawTable("f.sav", {"X": array}, len(values), {})
    return code_column(table, "X", "X", Column.model_validate(column), "years/x.yml")


def texts(column: Coded) -> list[str | None]:
    return [column.values[code] if code >= 0 else None for code in column.codes]


def mapped(column: Coded, categories: list[str], width: int | None = None, **entry: object) -> list:
    variable = VariableMap.model_validate({"column": "X", **entry})
    rules = compile_rules(variable.codes or {"other": "="}, variable.prefix or width)
    values, _, unmapped = map_category(column, variable, rules, categories)
    assert not unmapped.codes, unmapped
    return [None if pd.isna(value) else value for value in values]


def test_numbers_and_padded_texts_are_one_code() -> None:
    assert texts(coded([1.0, np.nan, 12.0])) == ["1", None, "12"]
    assert texts(coded(["01", "", "12", " 1 "], numeric=False)) == ["1", None, "12", "1"]
    assert texts(coded([110.0, 9970.0], width=4)) == ["0110", "9970"]
    assert texts(coded(["0110", "110"], numeric=False, width=4)) == ["0110", "0110"]
    assert texts(coded([0.0])) == ["0"]
    assert texts(coded(["006", "72", "0"], numeric=False, width=2)) == ["06", "72", "00"]


def test_whole_numbers_written_as_floats_are_codes() -> None:
    """An export that keeps numbers as floats; a code with a point (01.10) keeps its point."""
    column = coded(["1.0", "", "2.00", "1"], numeric=False)
    assert texts(column) == ["1", None, "2", "1"] and column.raw == ["1.0 or 1", "2.00"]
    assert texts(coded(["110.0", "9970"], numeric=False, width=4)) == ["0110", "9970"]
    assert texts(coded(["01.0", "01.10"], numeric=False)) == ["01.0", "01.10"]
    assert texts(coded(["1.0", "2.0"], numeric=False, decode={"1.0": 7})) == ["7", "2"]
    variable = VariableMap.model_validate({"column": "X", "codes": {"1": "a", "2": "b"}})
    _, lines, unmapped = map_category(
        column, variable, compile_rules(variable.codes or {}, None), ["a", "b"]
    )
    assert not unmapped.codes
    assert [(line.source_code, line.reason) for line in lines] == [
        ("1.0 or 1", "read as 1"), ("2.00", "read as 2"), ("(blank)", ""),
    ]  # fmt: skip


def test_sentinels_of_numbers_are_told_however_written() -> None:
    column = coded(["999999.0", "12000.5", "0.0"], numeric=False)
    values, _ = number(column, whole=False, missing={"999999": "unknown", "0": "no wage"})
    assert values == [None, 12000.5, None]


def test_a_code_typed_apart_is_the_same_code() -> None:
    column = coded(["ผ\u0e48\u0e39"], numeric=False)
    assert mapped(column, ["a"], codes={"ผ\u0e48\u0e39": "a"}) == ["a"]
    assert mapped(column, ["a"], codes={"ผ\u0e39\u0e48": "a"}) == ["a"]


def test_labels_are_decoded_before_padding() -> None:
    column = coded(["ชาย", "หญิง", "1"], numeric=False, decode={"ชาย": 1, "หญิง": 2})
    assert texts(column) == ["1", "2", "1"]


def test_codes_by_value_range_blank_and_other() -> None:
    column = coded([1, 2, 5, 7, 9, np.nan])
    codes = {"1": "a", "2,5-6": "b", "blank": "z", "other": None}
    assert mapped(column, ["a", "b", "z"], codes=codes) == ["a", "b", "b", None, None, "z"]


def test_an_exact_code_goes_before_a_range() -> None:
    assert mapped(coded([4, 5]), ["a", "b"], codes={"1-9": "a", "5": "b"}) == ["a", "b"]


def test_keep_with_width() -> None:
    column = coded([2, 72], width=2)
    assert mapped(column, ["02"], width=2, codes={"1-56": "=", "other": None}) == ["02", None]


def test_prefix_counts_after_padding_and_sentinels_before_it() -> None:
    column = coded([1111, 41001, 99999, 99100], width=5)
    result = mapped(
        column, ["farm", "build", "serve"], width=5, prefix=2, missing={"99999": "unknown"},
        codes={"1-3": "farm", "41-43": "build", "99": "serve"},
    )  # fmt: skip
    assert result == ["farm", "build", None, "serve"]


def test_the_ledger_shows_codes_as_the_file_writes_them() -> None:
    column = coded([1111, 1122, 41001, 99999], width=5)
    entry = VariableMap.model_validate(
        {"column": "X", "prefix": 2, "missing": {"99999": "unknown"}, "codes": {"1-98": "any"}}
    )
    _, lines, _ = map_category(column, entry, compile_rules(entry.codes or {}, 2), ["any"])
    assert [(line.source_code, line.harmonised_code, line.reason) for line in lines] == [
        ("1111", "any", "padded to 5, first 2 digits 01"),
        ("1122", "any", "padded to 5, first 2 digits 01"),
        ("41001", "any", "first 2 digits 41"),
        ("99999", "", "unknown"),
    ]
    decoded = coded(["unknown", "6"], numeric=False, decode={"unknown": 6})
    entry = VariableMap.model_validate({"column": "X", "missing": {"6": "not known"}})
    _, lines, _ = map_category(decoded, entry, compile_rules({}, None), [])
    assert [(line.source_code, line.records) for line in lines] == [("unknown or 6", 2)]


def test_unmapped_codes_are_counted_most_frequent_first() -> None:
    entry = VariableMap.model_validate({"column": "X", "codes": {"1": "a"}})
    rules = compile_rules(entry.codes or {}, None)
    _, _, unmapped = map_category(coded([1, 3, 4, 4]), entry, rules, ["a"])
    assert unmapped.codes == [("4", 2), ("3", 1)]
    assert unmapped.text(limit=1) == "4 (2 records) and 1 more"


def test_a_kept_code_outside_the_dictionary_is_unmapped() -> None:
    entry = VariableMap.model_validate({"column": "X", "codes": {"10-96": "="}})
    _, _, unmapped = map_category(coded([10, 28]), entry, compile_rules(entry.codes, None), ["10"])
    assert unmapped.codes == [("28", 1)]


def number(column: Coded, whole: bool = True, **entry: object) -> tuple[list, list]:
    variable = VariableMap.model_validate({"column": "X", **entry})
    values, lines, misfits = map_number(
        column, variable, whole, lambda _: 40.0 + np.arange(len(column.codes))
    )
    strange = [*misfits.codes.codes, *misfits.outside.codes]
    lost = misfits.texts + sum(count for _, count in strange)
    assert sum(line.records for line in lines) + lost == len(values)
    return [None if np.isnan(v) else v for v in values], [*strange, misfits.texts]


def test_numbers_sentinels_and_values_of_another_variable() -> None:
    values, unmapped = number(
        coded([3, 97, 99, np.nan]), missing={"99": "unknown"}, codes={"97": "=age"}
    )
    assert values == [3, 41, None, None]
    assert unmapped == [0]


def test_numbers_that_are_none() -> None:
    column = coded(["3", "x", "4.5", ".b"], numeric=False)
    assert number(column)[1] == [(".b", 1), 2]
    assert number(column, whole=False)[1] == [(".b", 1), 1]


def test_numbers_outside_their_limits() -> None:
    column = coded([3, 97, 99, 200, -1])
    found = number(column, codes={"97": "=age"}, missing={"99": "unknown"}, limits=[0, 90])
    assert found[1] == [("-1", 1), ("200", 1), 0]
    assert found[0][:3] == [3, 41, None]


def test_ranges_and_blanks_of_numbers() -> None:
    values, _ = number(coded([0, 12, 150, np.nan]), codes={"100-999": None, "blank": "0"})
    assert values == [0, 12, None, 0]


def test_keys_are_padded_and_blank_where_a_part_is() -> None:
    columns = [coded([1, 2]), coded([7, np.nan])]
    assert list(compose(columns, [None, 4], "-")) == ["1-0007", None]


def test_common_keys_of_two_files() -> None:
    left = [coded([1, 1, 2]), coded(["A", "B", "A"], numeric=False)]
    right = [coded(["01", "2", "3"], numeric=False), coded(["B", "A", "A"], numeric=False)]
    here, there = common_keys(left, right)
    assert [list(there).index(key) if key in there else None for key in here] == [None, 0, 1]


@pytest.mark.parametrize("key", ["10-1x", "a,b", "ไม่ทราบ"])
def test_other_texts_are_taken_as_they_stand(key: str) -> None:
    assert compile_rules({key: "a"}, None).exact == {key: "a"}


def test_messages_show_codes_and_no_answers_of_single_persons() -> None:
    found = Unmapped([("ไม่เคยเข้าโรงเรียน", 5), ("9999", 2), ("12", 1), ("Somchai 0812345678", 1)])
    assert found.text() == (
        "ไม่เคยเข้าโรงเรียน (5 records), 9999 (2 records), 12 (1 records), "
        "values not shown here (1 records)"
    )
    # Numbers, such as wages: only what many have, or what is written like a code for missing.
    numbers = Unmapped([("750000", 5), ("9999999", 1), ("812345", 2), ("91234567", 1)])
    shown = "750000 (5 records), 9999999 (1 records), values not shown here (3 records)"
    assert numbers.text(longest=0) == shown


@pytest.mark.parametrize("large", ["999999999999999999998", "9007199254740992", "1e300"])
def test_a_number_too_large_to_be_exact_is_none(large: str) -> None:
    entry = VariableMap.model_validate({"column": "X"})
    column = coded(["1", large], numeric=False)
    _, _, misfits = map_number(column, entry, True, lambda name: np.zeros(2))
    assert (misfits.texts, misfits.expected) == (1, "whole number")
    _, _, misfits = map_number(column, entry, False, lambda name: np.zeros(2))
    assert misfits.texts == 0


def test_a_raised_digit_is_no_number() -> None:
    rules = compile_rules({"1-3": "a"}, None)
    assert rules.find("²") == (False, None)
    assert rules.find("2") == (True, "a")


def test_missing_codes_are_compared_in_one_writing() -> None:
    """An editor that writes an accent as a letter of its own."""
    column = coded(["\u00e9", "1"], numeric=False)
    found = mapped(column, ["1"], missing={"e\u0301": "unknown"}, codes={"1": "1"})
    assert found == [None, "1"]
