"""Each concept on hand-made persons, with the edge cases of its definition."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lfsmig.concepts import CONCEPTS, analysis_frame, flow_columns
from lfsmig.errors import InputError
from lfsmig.params import Params, load

ROOT = Path(__file__).parents[1]
PERSON: dict[str, Any] = {
    "weight": 1.0, "age": 30, "region": "1", "province": "10", "area": "municipal",
    "birth_province": "10", "birth_country": "TH", "moved": "no", "months_since_move": None,
    "previous_province": None, "previous_country": None, "previous_area": None, "reason": None,
    "number_of_moves": None, "sent_remittances": None, "remittance_cash": None,
    "remittance_goods": None, "monthly_wage": None, "education": None,
}  # fmt: skip
MOVE: dict[str, Any] = {
    "moved": "yes", "months_since_move": 3, "previous_province": "50", "previous_country": "TH",
    "previous_area": "municipal",
}  # fmt: skip
ABROAD = MOVE | {"previous_province": None, "previous_country": "MM", "previous_area": "abroad"}


@pytest.fixture(scope="module")
def params() -> Params:
    return load(ROOT / "params")


def table(params: Params, *persons: dict[str, Any], drop: tuple[str, ...] = ()) -> pd.DataFrame:
    """Make a harmonised table of persons who differ from PERSON."""
    frame = pd.DataFrame([PERSON | person for person in persons])
    for name in frame.columns:
        kind = params.variables[name].type
        if kind == "category":
            codes = params.codes(name)
            frame[name] = pd.Categorical(frame[name], categories=codes, ordered=True)
        elif kind == "integer":
            frame[name] = frame[name].astype("Int64")
        else:
            frame[name] = frame[name].astype(float)
    return frame.drop(columns=list(drop))


def values(params: Params, name: str, *persons: dict[str, Any], **options: Any) -> list[Any]:
    frame = analysis_frame(table(params, *persons, **options), params, 2023)
    return [None if pd.isna(value) else value for value in frame[name]]


def at_level(params: Params, **definitions: str) -> Params:
    """A survey like this one but for its definitions."""
    changed = load(params.dir)
    new = changed.country.definitions.model_copy(update=definitions)
    changed.__dict__["country"] = changed.country.model_copy(update={"definitions": new})
    return changed


def test_the_window_is_strict(params: Params) -> None:
    months = [{**MOVE, "months_since_move": m} for m in (0, 11, 12, None)]
    assert values(params, "recent_internal", *months) == [1, 1, 0, 1]
    assert values(params, "migrants", *months) == [1, 1, 0, 1]


def test_without_months_the_screener_holds(params: Params) -> None:
    assert values(params, "recent_internal", MOVE, {}, drop=("months_since_move",)) == [1, 0]


def test_an_infant_who_moved_after_birth_is_a_migrant(params: Params) -> None:
    assert values(params, "recent_internal", MOVE | {"age": 0, "months_since_move": 2}) == [1]


def test_unknown_screener_is_unknown(params: Params) -> None:
    for name in ("migrants", "recent_internal", "recent_international"):
        assert values(params, name, {"moved": None}) == [None]


def test_from_abroad(params: Params) -> None:
    assert values(params, "recent_international", ABROAD, MOVE, {}) == [1, 0, 0]
    assert values(params, "recent_internal", ABROAD, MOVE, {}) == [0, 1, 0]
    assert values(params, "migrants", ABROAD, MOVE, {}) == [1, 1, 0]
    assert values(params, "migrant_type", ABROAD, MOVE, {}) == ["international", "internal", None]
    unnamed = ABROAD | {"previous_country": "abroad"}
    assert values(params, "recent_international", unnamed) == [1]


def test_origin_by_area_or_province_where_the_country_is_unknown(params: Params) -> None:
    nothing = MOVE | {"previous_country": None, "previous_province": None, "previous_area": None}
    persons = [
        nothing,
        nothing | {"previous_area": "abroad"},
        nothing | {"previous_area": "non_municipal"},
        nothing | {"previous_province": "50"},
    ]
    assert values(params, "recent_internal", *persons) == [None, 0, 1, 1]
    assert values(params, "recent_international", *persons) == [None, 1, 0, 0]
    # The screener asked for both kinds at once: a migrant of unknown kind.
    assert values(params, "migrants", *persons) == [1, 1, 1, 1]


def test_the_level_makes_the_migrant(params: Params) -> None:
    persons = [
        MOVE,
        MOVE | {"previous_province": "10"},
        MOVE | {"province": "11", "region": "2", "previous_province": "12"},
        MOVE | {"previous_province": None},
    ]
    assert values(params, "recent_internal", *persons) == [1, 1, 1, 1]
    by_province = at_level(params, move_level="province")
    assert values(by_province, "recent_internal", *persons) == [1, 0, 1, None]
    assert values(by_province, "migrants", *persons, ABROAD) == [1, 0, 1, None, 1]
    by_region = at_level(params, move_level="region")
    assert values(by_region, "recent_internal", *persons) == [1, 0, 0, None]


BANGKOK = MOVE | {"previous_province": "10"}


def test_moves_inside_a_province_that_is_one_area(params: Params) -> None:
    """Bangkok to Bangkok: as the screener says, or not at all, as in the census."""
    persons = [
        MOVE,
        BANGKOK,
        BANGKOK | {"province": "50", "region": "3", "previous_province": "50"},
        MOVE | {"previous_province": None},
        MOVE | {"province": "50", "region": "3", "previous_province": None},
        {"moved": "yes", "months_since_move": 3, "province": "50", "region": "3"},
        {"moved": "yes", "months_since_move": 3},
        ABROAD,
        {},
    ]
    assert values(params, "recent_internal", *persons) == [1, 1, 1, 1, 1, None, None, 0, 0]
    assert values(params, "migrants", *persons) == [1, 1, 1, 1, 1, 1, 1, 1, 0]
    census = at_level(params, moves_inside_single_areas="not_counted")
    assert values(census, "recent_internal", *persons) == [1, 0, 1, None, 1, None, None, 0, 0]
    assert values(census, "migrants", *persons) == [1, 0, 1, None, 1, 1, None, 1, 0]


@pytest.mark.parametrize(
    "definitions", [{"move_level": "province"}, {"moves_inside_single_areas": "not_counted"}]
)
def test_a_level_whose_place_is_not_asked_is_absent_with_a_reason(
    params: Params, definitions: dict[str, str]
) -> None:
    made = table(params, MOVE, ABROAD, drop=("previous_province",))
    frame = analysis_frame(made, at_level(params, **definitions), 2023)
    absent = frame.attrs["absent"]
    assert absent["recent_internal"] == "previous_province is not in this survey"
    assert absent["remittance_sender"] == "migrants: previous_province is not in this survey"
    assert {"migrants", "migrant_type", "return_migrant", "previous_region"} <= set(absent)
    assert not set(absent) & set(frame.columns)
    assert frame["recent_international"].tolist() == [0, 1]
    # Where the screener decides, the place need not be asked.
    assert analysis_frame(made, params, 2023)["recent_internal"].tolist() == [1, 0]


def test_unknown_birth_places(params: Params) -> None:
    born = [
        {},
        {"birth_province": None},
        {"birth_province": None, "birth_country": None},
        {"birth_province": None, "birth_country": "MM"},
        {"birth_country": None},
    ]
    unknown = values(params, "birthplace_unknown", *born)
    assert unknown == [0, 1, 1, 0, 0]
    assert [value is None for value in values(params, "lifetime", *born)] == [
        u == 1 for u in unknown
    ]


def test_lifetime_migrants(params: Params) -> None:
    born = [
        {"birth_province": "10"},
        {"birth_province": "50"},
        {"birth_province": None, "birth_country": "MM"},
        {"birth_province": None},
        {"birth_province": None, "birth_country": None},
        {"birth_province": "50", "birth_country": None},
    ]
    assert values(params, "lifetime", *born) == [0, 1, 1, None, None, 1]
    assert values(params, "lifetime_internal", *born) == [0, 1, 0, None, None, 1]
    assert values(params, "foreign_born", *born) == [0, 0, 1, 0, None, 0]
    assert values(params, "birth_region", *born) == ["1", "3", "abroad", None, None, "3"]


def test_lifetime_by_region_and_level(params: Params) -> None:
    person = {"province": "11", "region": "2", "birth_province": "12"}
    assert values(params, "lifetime", person) == [1]
    assert values(params, "lifetime_region", person) == [0]
    assert values(at_level(params, lifetime_level="region"), "lifetime", person) == [0]


def test_families_only_where_both_places_are_in_one(params: Params) -> None:
    places = [("38", "43"), ("43", "38"), ("43", "50"), ("50", "43"), ("43", "27"), ("25", "27")]
    persons = [{"birth_province": born, "province": lives} for born, lives in places]
    assert values(params, "lifetime", *persons) == [1] * 6
    assert values(params, "lifetime_harmonised", *persons) == [0, 0, 1, 1, 1, 0]
    foreign = {"birth_province": None, "birth_country": "LA", "province": "38"}
    assert values(params, "lifetime_harmonised", foreign) == [1]


def test_return_migrants(params: Params) -> None:
    persons = [
        MOVE,
        MOVE | {"birth_province": "50"},
        MOVE | {"previous_province": "10"},
        MOVE | {"birth_province": None},
        MOVE | {"previous_province": None},
        MOVE | {"birth_province": None, "birth_country": "MM"},
        MOVE | {"birth_province": "50", "previous_province": None},
        MOVE | {"birth_province": None, "previous_province": "10"},
        MOVE | {"months_since_move": 12},
        MOVE | {"birth_country": "MM"},
        ABROAD,
        {},
    ]
    expected = [1, 0, 0, None, None, 0, 0, 0, 0, 0, 0, 0]
    assert values(params, "return_migrant", *persons) == expected
    contradiction = MOVE | {"birth_country": "MM"}
    assert values(params, "foreign_born", contradiction) == [1]


def test_onward_migrants(params: Params) -> None:
    """Born in B, came from V, lives in C = 10: all three differ, and all are known."""
    persons = [
        MOVE | {"birth_province": "80"},
        MOVE,
        MOVE | {"birth_province": "50"},
        MOVE | {"birth_province": "80", "previous_province": "10"},
        MOVE | {"birth_province": None},
        MOVE | {"birth_province": "80", "previous_province": None},
        MOVE | {"birth_province": None, "previous_province": "10"},
        MOVE | {"previous_province": None},
        MOVE | {"birth_province": None, "birth_country": "MM"},
        MOVE | {"birth_province": None, "birth_country": "MM", "previous_province": None},
        MOVE | {"birth_province": "80", "months_since_move": 12},
        ABROAD | {"birth_province": "80"},
        {"birth_province": "80"},
        MOVE | {"birth_province": "80", "moved": None},
    ]
    expected = [1, 0, 0, 0, None, None, 0, 0, 1, None, 0, 0, 0, None]
    assert values(params, "onward_migrant", *persons) == expected
    both = values(params, "return_migrant", *persons)
    assert not any(a == b == 1 for a, b in zip(expected, both, strict=True))


def test_remittance_senders(params: Params) -> None:
    persons = [
        MOVE | {"sent_remittances": "yes"},
        MOVE | {"sent_remittances": "no"},
        MOVE | {"sent_remittances": None},
        MOVE | {"sent_remittances": "yes", "age": 14},
        MOVE | {"sent_remittances": "yes", "age": 15},
        {},
        {"moved": None},
        ABROAD | {"sent_remittances": "yes"},
        MOVE | {"sent_remittances": "yes", "age": None},
        MOVE | {"sent_remittances": "no", "age": None},
        {"age": None},
    ]
    expected = [1, 0, None, 0, 1, 0, None, 1, None, 0, 0]
    assert values(params, "remittance_sender", *persons) == expected


def test_amounts_need_complete_answers(params: Params) -> None:
    def sends(answer: str | None, cash: float | None, goods: float | None) -> dict[str, Any]:
        return MOVE | {
            "sent_remittances": answer, "remittance_cash": cash, "remittance_goods": goods
        }  # fmt: skip

    persons = [sends("yes", 1000, 0), sends("yes", 1000, None), sends("no", None, None), {}]
    assert values(params, "remittance_amount", *persons) == [1000, None, None, None]
    real = values(params, "remittance_amount_real", *persons)
    assert real[0] == pytest.approx(1000 * 100 / 107.79, rel=1e-12)
    zeros = values(params, "remittance_or_zero_real", *persons)
    assert zeros[1:] == [None, 0, None] and zeros[0] == real[0]


def test_annual_wage(params: Params) -> None:
    assert values(params, "annual_wage", {"monthly_wage": 9000.0}, {}) == [108000, None]


def test_previous_region(params: Params) -> None:
    persons = [MOVE, ABROAD, {}, MOVE | {"months_since_move": 12}]
    assert values(params, "previous_region", *persons) == ["3", "abroad", None, None]


@pytest.mark.parametrize(
    ("age", "group", "five"),
    [(0, "0-14", "0-4"), (14, "0-14", "10-14"), (15, "15-24", "15-19"), (24, "15-24", "20-24"),
     (25, "25-59", "25-29"), (59, "25-59", "55-59"), (60, "60+", "60-64"), (75, "60+", "75+"),
     (104, "60+", "75+"), (None, None, None)],
)  # fmt: skip
def test_age_groups(params: Params, age: int | None, group: str, five: str) -> None:
    assert values(params, "age_group", {"age": age}) == [group]
    assert values(params, "age_group5", {"age": age}) == [five]


def test_groups_by_codes(params: Params) -> None:
    persons = [{"education": code} for code in params.codes("education")]
    assert values(params, "education_group", *persons) == [
        "none", "primary", "primary", "lower_secondary", "upper_secondary", "upper_secondary",
        "bachelor_plus", "bachelor_plus",
    ]  # fmt: skip
    assert all(values(params, "reason_group", *[{"reason": c} for c in params.codes("reason")]))
    moves = [{"number_of_moves": n} for n in (0, 1, 2, 3, 9, None)]
    assert values(params, "moves_group", *moves) == ["0", "1", "2", "3+", "3+", None]
    countries = [{"previous_country": c} for c in ("MM", "TH", "FR", "other", "abroad", None)]
    assert values(params, "previous_country_group", *countries) == [
        "MM", None, "other", "other", "other", None
    ]  # fmt: skip


def test_what_is_not_asked_is_absent_with_a_reason(params: Params) -> None:
    frame = analysis_frame(
        table(params, MOVE, drop=("birth_province", "remittance_goods")), params, 2023
    )
    absent = frame.attrs["absent"]
    assert {"lifetime", "lifetime_region", "return_migrant", "birth_region"} <= set(absent)
    assert {"remittance_amount", "remittance_or_zero_real"} <= set(absent)
    assert not set(absent) & set(frame.columns)
    assert absent["lifetime"] == "birth_province is not in this survey"
    assert "recent_internal" in frame and "foreign_born" in frame


def test_types_and_order(params: Params) -> None:
    made = table(params, MOVE, ABROAD, {})
    frame = analysis_frame(made, params, 2023)
    assert list(frame.columns[: made.shape[1]]) == list(made.columns)
    for name, entry in params.variables.items():
        if entry.type == "flag" and name in frame:
            assert frame[name].dtype == np.float32
    assert frame["birth_region"].cat.ordered
    assert list(frame["birth_region"].cat.categories) == ["1", "2", "3", "4", "5", "abroad"]
    assert "recent_internal" not in made, "the table given must stay as it was"


def test_every_concept_is_in_the_dictionary_and_documented(params: Params) -> None:
    made = {name for name, one in params.variables.items() if one.made}
    assert made == set(CONCEPTS) | set(params.country.groupings)
    assert all(concept.make.__doc__ for concept in CONCEPTS.values())


def test_flows(params: Params) -> None:
    persons = [
        MOVE,
        MOVE | {"province": "50", "region": "3", "previous_province": "10"},
        MOVE | {"province": "50", "region": "3", "previous_province": "51"},
        MOVE | {"previous_province": None},
        ABROAD,
        {"province": "80", "region": "5"},
    ]
    flows = flow_columns(analysis_frame(table(params, *persons), params, 2023))
    assert set(flows.dtypes) == {np.dtype(np.int8)}
    assert flows["in_region_1"].tolist() == [1, 0, 0, 0, 0, 0]
    assert flows["out_region_1"].tolist() == [0, 1, 0, 0, 0, 0]
    assert flows["net_region_3"].tolist() == [-1, 1, 0, 0, 0, 0]
    assert flows["gross_region_3"].tolist() == [1, 1, 0, 0, 0, 0]
    assert flows["resident_region_5"].tolist() == [0, 0, 0, 0, 0, 1]
    nets = [name for name in flows if name.startswith("net_")]
    assert (flows[nets].sum(axis=1) == 0).all() and len(nets) == 5


def test_flows_by_province(params: Params) -> None:
    flows = flow_columns(analysis_frame(table(params, MOVE), params, 2023), level="province")
    assert flows["in_province_10"].tolist() == [1] and flows["out_province_50"].tolist() == [1]


def test_flows_of_an_unknown_level(params: Params) -> None:
    frame = analysis_frame(table(params, MOVE), params, 2023)
    with pytest.raises(InputError, match="flows by village"):
        flow_columns(frame, level="village")


def test_no_price_of_the_year(params: Params) -> None:
    with pytest.raises(Exception, match="no value of cpi_2019_100 for 2031"):
        analysis_frame(table(params, MOVE), params, 2031)


def test_no_weight(params: Params) -> None:
    with pytest.raises(InputError, match="weight"):
        analysis_frame(table(params, MOVE, drop=("weight",)), params, 2023)
