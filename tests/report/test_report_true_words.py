"""What stands beside the numbers follows them: orders, legends, spans of years, counts."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lfsmig.report import (
    compared,
    data,
    index_table,
    od,
    profile_figure,
    serial_breaks,
    told,
    words,
)

ROOT = Path(__file__).parents[2]


def items_of_the_register() -> list[str]:
    """Items whose codes are rows or columns somewhere in the report."""
    found: dict[str, None] = {}
    for entry in words.register().values():
        found |= dict.fromkeys(name for by in entry.get("by", []) for name in by)
        found |= {str(entry.get("of")): None}
    return [name for name in found if words.codes_of(name)]


def test_codes_stand_in_the_order_of_the_dictionary(edition: pytest.MonkeyPatch) -> None:
    """Red before: five-year age groups were sorted as text, 5-9 behind 45-49."""
    items = items_of_the_register()
    assert {"age_group5", "province", "greater_bangkok"} <= set(items)
    for item in items:
        codes = words.codes_of(item)
        assert words.codes_in_order(item, sorted(codes)) == codes, item
    assert words.codes_in_order("age_group5", ["x", "5-9", "10-14"]) == ["5-9", "10-14", "x"]


@pytest.mark.parametrize(("language", "span"), [("en", "2019–2023"), ("th", "2562–2566")])
def test_the_profile_names_its_years_and_the_breaks_within(
    edition: pytest.MonkeyPatch, language: str, span: str
) -> None:
    edition.setenv("LFSMIG_LANG", language)
    rows = {"kind": ["group", "curve"], "age_from": [0, 0], "age_to": [4, 0], "estimate": 2.0}
    frame = pd.DataFrame({**rows, "ci_low": 1.0, "ci_high": 3.0, "year_from": 2019})
    notes = {}
    for last in (2019, 2023):
        edition.setattr(profile_figure, "_profile", lambda last=last: frame.assign(year_to=last))
        notes[last] = " ".join(profile_figure.fig_age_profile().get_supxlabel().split())
    assert span in notes[2023]
    assert span in str(profile_figure.profile_span())
    breaks = serial_breaks.marked("recent_internal.rate", "age_group5")
    inside = serial_breaks.crossing(breaks, 2019, 2023)
    assert inside
    letters = [serial_breaks.letters()[one.id] for one in inside]
    within = words.t("map.breaks", marks="|").partition("|")[0].strip()
    assert within in notes[2023]
    assert all(f" {letter}" in notes[2023].partition(within)[2] for letter in letters)
    # One year has nothing inside.
    assert within not in notes[2019]


def flows(cells: dict[tuple[str, str], float]) -> pd.DataFrame:
    rows = [
        {"row": a, "column": b, "estimate": value, "unit": "persons", "flag": "" if value else "s",
         "reason": "" if value else "empty"}
        for (a, b), value in cells.items()
    ]  # fmt: skip
    return pd.DataFrame(rows).replace({"estimate": {0.0: np.nan}})


@pytest.mark.parametrize(
    ("empty", "kept"),
    [
        (set(), []),
        ({("1", "1"), ("2", "2")}, ["blank_diagonal"]),
        ({("1", "1")}, ["blank"]),
        ({("1", "1"), ("2", "2"), ("3", "1")}, ["blank_diagonal", "blank"]),
    ],
)
def test_blank_cells_of_a_matrix_are_explained_where_there_are_any(
    edition: pytest.MonkeyPatch, empty: set[tuple[str, str]], kept: list[str]
) -> None:
    """Red before: "Blank: nobody" under every matrix, and for those who never moved."""
    # Of the rows and columns none is all empty.
    pairs = [(a, b) for a in ("1", "2", "3") for b in ("1", "2")]
    cells = {pair: 0.0 if pair in empty else 5000.0 for pair in pairs}
    edition.setattr(od, "_year_cells", lambda *_: flows(cells))
    fig = od.fig_flow_matrix("lifetime.od", "birth_region", "region")
    note = " ".join(fig.get_supxlabel().split())
    base = words.indicator_text("lifetime.od", "base")
    told_ = {key: words.t(f"flow.{key}", base=base) in note for key in ("blank", "blank_diagonal")}
    assert [key for key in ("blank_diagonal", "blank") if told_[key]] == kept


def test_letters_of_the_indices_legend_stand_at_their_years(edition: pytest.MonkeyPatch) -> None:
    """Red before: the legend said "A, 2020–2021" and no year had a letter."""
    row = {"indicator": "indices.mei", "unit": "percent", "estimate": 1.0, "ci_low": 0.5,
           "ci_high": 2.0, "flag": "", "reason": "", "n_cases": 600.0, "domain": "{}",
           "category": "", "statistic": "index", "n": 9.0, "se": 0.1}  # fmt: skip
    frame = pd.DataFrame([{**row, "year": year} for year in range(2019, 2025)])
    edition.setattr(data, "every_year", lambda: frame)
    table, _, notes = index_table.tbl_indices(["indices.mei"]).data.partition(":::")
    marked = [serial_breaks.letters()[one.id] for one in serial_breaks.marked("indices.mei")]
    assert marked
    assert all(f" {letter}, " in notes for letter in marked)
    head = ",".join(re.findall(r"\^([A-Z,]+)\^", table.splitlines()[0])).split(",")
    assert set(marked) == set(head)


@pytest.mark.parametrize("language", ["en", "th"])
def test_sentences_count_what_is_withheld(edition: pytest.MonkeyPatch, language: str) -> None:
    edition.setenv("LFSMIG_LANG", language)
    rows = [("a.x", "{}", "s", ""), ("a.x", "{}", "", ""), ("a.y", "{}", "c", ""),
            ("a.z", "{}", "s", "empty"), ("a.x", '{"region": "1"}', "c", ""),
            ("ab.x", "{}", "c", "")]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["indicator", "domain", "flag", "reason"])
    edition.setattr(data, "estimates", lambda _: frame)
    edition.setattr(data, "report_year", lambda: 2024)
    numbers = [int(n) for n in re.findall(r"(?<!\d)\d(?!\d)", str(told.withheld_told("a")))]
    assert numbers == [3, 2]
    edition.setattr(data, "estimates", lambda _: frame.assign(flag=""))
    assert str(told.withheld_told("a")) == words.t(
        "withheld.none", total="3", year=words.year_text(2024)
    )


def test_spans_of_pooled_years_are_those_released(edition: pytest.MonkeyPatch) -> None:
    pairs = pd.DataFrame({"year_from": [2022, 2019, 2019], "year_to": [2024, 2021, 2021]})
    edition.setattr(data, "pools", lambda _: pairs)
    assert str(told.pool_spans("a.b")) == "2019–2021 and 2022–2024"
    assert str(told.pool_spans("a.b", latest=True)) == "2022–2024"
    edition.setattr(data, "pools", lambda _: pairs.iloc[:0])
    assert str(told.pool_spans("a.b")) == words.DASH


GROUPS = ("recent_internal", "recent_international", "lifetime")


def test_populations_are_compared_on_one_scale_by_several_items(
    edition: pytest.MonkeyPatch,
) -> None:
    """Red before: one item alone could be compared, and schooling was all that was."""
    items = ("sex", "age_group", "labour_status")
    names = [f"{group}.{item}" for item in items for group in GROUPS]
    said: list[str] = []
    edition.setattr(compared.alt, "tell", said.append)
    fig = compared.fig_populations(names)
    axes = fig.axes[: len(GROUPS)]
    assert len({ax.get_xlim() for ax in axes} | {axes[0].get_xlim()}) == 1
    assert len({ax.get_ylim() for ax in axes}) == 1
    labels = [label.get_text().replace("\n", " ") for label in axes[0].get_yticklabels()]
    heads = [words.variable_label(words.item_of(f"lifetime.{item}")) for item in items]
    assert [label for label in labels if label in heads] == heads
    assert words.population_name("lifetime") in said[0]
    table = compared.populations_table(names).data
    rows = [line.split("|")[1:-1] for line in table.splitlines() if line.startswith("|")]
    told = {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows}
    cells = data.series("lifetime.sex")
    cells = cells[cells["year"].eq(data.report_year())].set_index("category")
    man = words.code_label("sex", "male")
    assert told[man][-1].startswith(words.number(cells.loc["male", "estimate"], "share"))
    # What is withheld has neither a dot nor a number.
    hidden = data.series("recent_international.sex").assign(estimate=np.nan, flag="c")
    series = data.series
    edition.setattr(
        data, "series", lambda name, **k: hidden if "national.sex" in name else series(name, **k)
    )
    assert "| c |" in compared.populations_table(names).data
    assert [row[2].strip() for row in rows if row[0].strip() == man] != ["c"]
