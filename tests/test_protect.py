"""Protection tells where it finds no way, is the same everywhere, and withholds few letters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from lfsmig import overrules
from lfsmig.disclosure import protect as protect_function
from lfsmig.disclosure.bounds import Equations
from lfsmig.errors import CheckFailed
from lfsmig.release import release
from tests.test_release import PUBLICATION, cell, register, released, shares

protect: Any = __import__("sys").modules[protect_function.__module__]


def impossible() -> pd.DataFrame:
    """Three persons of a code, which links call a group that nobody is in; and a table beside."""
    total = {"statistic": "total", "unit": "persons", "category": ""}
    rows = shares(500, 3, 497)
    rows += [
        cell(indicator="b.total", domain=f'{{"group":"{g}"}}', n=n, n_cases=n, **total)
        for g, n in (("g", 0), ("h", 700))
    ]
    rows.append(cell(indicator="d.total", domain='{"area":"u"}', n=600, n_cases=600, **total))
    return pd.DataFrame(rows)


LINKS = {("group", "g"): [("item of a.share", frozenset({"c1"}))]}


def released_impossible() -> pd.DataFrame:
    table = impossible()
    indicators = register(*table.to_dict("records"))
    return release(table, PUBLICATION, "nso", indicators, LINKS)


def test_a_cell_that_no_complement_protects_takes_its_tables_with_it() -> None:
    out = released_impossible()
    # The whole tables, the empty cell too; the table beside stays.
    assert out["flag"].tolist() == ["c"] * 5 + [""]
    assert out.loc[:4, ["estimate", "n", "n_cases"]].isna().all().all()
    log = overrules.table({2023: out})
    assert log["indicator"].tolist() == ["a.share", "b.total"]
    assert log[["effect", "role"]].drop_duplicates().to_numpy().tolist() == [
        ["no complement", "disclosure control"]
    ]


def test_nothing_is_released_where_even_that_does_not_help(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(protect, "_tables", lambda guard, names: set())
    with pytest.raises(CheckFailed, match=r"confidential cell of a\.share stays exposed"):
        released_impossible()


def test_equations_are_in_one_order_however_they_are_found() -> None:
    """Sets are hashed anew in every process; what is withheld must not depend on it."""
    whole, *parts = (frozenset({("item", code), ("k", "1")}) for code in "abcd")
    values = {whole: 10.0, **dict.fromkeys(parts, 3.0)}
    lines = [tuple((one, 1.0) for one in [*parts, whole]), ((parts[0], 1.0), (whole, -1.0))]
    first = Equations(values, lines, {parts[0]: 4.0})
    second = Equations(
        dict(reversed(values.items())), [line[::-1] for line in lines[::-1]], {parts[0]: 4.0}
    )
    assert first.sets == second.sets
    np.testing.assert_array_equal(first.matrix.toarray(), second.matrix.toarray())


def test_an_imprecise_neighbour_keeps_its_letter_where_that_tells_little() -> None:
    def flags(imprecise: int) -> list[str]:
        rows = shares(600, 1000 - 600 - 3 - imprecise, imprecise, 3)
        rows[2] |= {"cv": 0.5}
        return released(*rows, rule="nso")["flag"].tolist()

    # Imprecise, so five at least: the three beside six of them would be four at most.
    assert flags(6) == ["", "", "c", "c"]
    assert flags(7) == ["", "", "s", "c"]


def test_a_share_is_withheld_of_one_base_and_its_number_shown_in_another_table() -> None:
    """Of the movers of r1 60 came from inside and 3 from abroad; of all from inside 60 live in r1.

    Their total is shown, so their share of the movers of r1 would give the three from abroad:
    60 × 10 × (1 − 60/63) / (60/63) = 30. With one base alone known to the equations, that of the
    second table, the share stayed; withheld with the set, the total went too.
    """
    both = {"n_psu": 300, "deff": 1.0}
    rows = [
        cell(
            indicator=name, domain=domain, category=category, n=n, n_cases=cases,
            estimate=cases / n, **both,
        )
        for name, domain, category, cases, n in [
            ("a.type", '{"region":"r1"}', "inside", 60, 63),
            ("a.type", '{"region":"r1"}', "abroad", 3, 63),
            ("a.type", '{"region":"r2"}', "inside", 500, 600),
            ("a.type", '{"region":"r2"}', "abroad", 100, 600),
            ("b.region", '{"type":"inside"}', "r1", 60, 560),
            ("b.region", '{"type":"inside"}', "r2", 500, 560),
        ]
    ] + [
        cell(
            indicator="c.total", domain=f'{{"region":"{region}","type":"inside"}}', category="",
            statistic="total", unit="persons", n=cases, n_cases=cases, estimate=10.0 * cases,
            ci_low=9.0 * cases, ci_high=11.0 * cases, **both,
        )
        for region, cases in (("r1", 60), ("r2", 500))
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    indicators = register(*rows)
    for one in indicators:
        one.of = {"a.type": "type", "b.region": "region", "c.total": None}[one.id]
    shown = release(table, PUBLICATION, "nso", indicators).set_index(["indicator", "category"])
    flags = shown["flag"].tolist()
    assert flags == ["c", "c", "", "", "", "", "", ""]


def test_no_withheld_share_is_alone_in_its_table() -> None:
    """A set that protects one of three persons in its own table is withheld in another one too."""
    total = {"statistic": "total", "unit": "persons", "category": "", "ci_low": 0.39}
    links = {("group", "g"): [("item of a.share", frozenset({"c0", "c1"}))]}
    rows = [*shares(3, 60, 437), cell(indicator="b.total", domain='{"group":"g"}', n=63, n_cases=63,
                                      **total)]  # fmt: skip
    table = pd.DataFrame(rows)
    reasons: dict[int, str] = {1: "complementary"}
    names = {one.id: one for one in register(*rows)}
    alone: Any = protect._no_share_alone
    alone(table, np.zeros(len(table), bool), names, reasons)
    assert reasons == {1: "complementary", 0: "complementary"}
    out = release(table, PUBLICATION, "nso", register(*rows), links)
    assert out["flag"].tolist().count("c") != 1
