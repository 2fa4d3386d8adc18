"""Households on hand-made families: the head stands for it, any member makes it one."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from lfsmig.concepts import analysis_frame
from lfsmig.params import Params, load
from tests.test_concepts import ABROAD, MOVE, ROOT, table

SENT = MOVE | {"sent_remittances": "yes"}


@pytest.fixture(scope="module")
def params() -> Params:
    return load(ROOT / "params")


def flags(params: Params, name: str, **households: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Values of a flag by household."""
    persons = [person for members in households.values() for person in members]
    ids = [house for house, members in households.items() for _ in members]
    made = table(params, *({"relation": None} | person for person in persons))
    made["household_id"] = ids
    frame = analysis_frame(made, params, 2023)
    found = [None if pd.isna(value) else int(value) for value in frame[name]]
    return {h: [v for v, i in zip(found, ids, strict=True) if i == h] for h in households}


def kin(*relations: str | None, **more: Any) -> list[dict[str, Any]]:
    return [{"relation": one} | more for one in relations]


def test_the_head_stands_for_the_household(params: Params) -> None:
    found = flags(
        params,
        "household",
        family=kin("head", "spouse", "child"),
        camp=kin("collective", "collective"),
        two=kin("head", "head"),
        gap=kin(None, "head"),
        headless=kin("spouse", "child"),
    )
    assert found == {
        "family": [1, 0, 0], "camp": [0, 0], "two": [1, 0], "gap": [None, 1], "headless": [0, 0]
    }  # fmt: skip


def test_any_member_makes_a_household_with_a_migrant(params: Params) -> None:
    lost = {"relation": "child", "moved": None}
    houses = {
        "one": [{"relation": "head"}, MOVE | {"relation": "child"}],
        "none": kin("head", "spouse"),
        "perhaps": [{"relation": "head"}, lost],
        "sure": [MOVE | {"relation": "head"}, lost],
        "abroad": [ABROAD | {"relation": "head"}, {"relation": "spouse"}],
    }
    assert flags(params, "household_internal", **houses) == {
        "one": [1, 1], "none": [0, 0], "perhaps": [None, None], "sure": [1, 1], "abroad": [0, 0]
    }  # fmt: skip
    assert flags(params, "household_international", **houses)["abroad"] == [1, 1]


def test_households_of_lifetime_migrants_and_of_senders(params: Params) -> None:
    born = {"birth_province": "50"}
    houses = {
        "away": [{"relation": "head"} | born, {"relation": "spouse"}],
        "here": kin("head"),
        "unknown": [{"relation": "head"}, {"relation": "child", "birth_province": None}],
        "sender": [{"relation": "head"}, SENT | {"relation": "child"}],
        "silent": [{"relation": "head"}, SENT | {"relation": "child", "sent_remittances": None}],
    }
    lifetime = flags(params, "household_lifetime", **houses)
    assert [lifetime[name][0] for name in houses] == [1, 0, None, 0, 0]
    senders = flags(params, "household_sender", **houses)
    assert [senders[name][0] for name in houses] == [0, 0, 0, 1, None]


def test_grandchildren_without_a_middle_generation(params: Params) -> None:
    found = flags(
        params,
        "without_middle_generation",
        skipped=kin("head", "spouse", "grandchild", "grandchild"),
        mother=kin("head", "child", "grandchild"),
        daughter_in_law=kin("head", "child_in_law", "grandchild"),
        parents=kin("head", "spouse", "child"),
        unstated=kin("head", "grandchild", None),
        settled=kin("child", "grandchild", None),
        camp=kin("collective", "collective"),
        aunt=kin("head", "grandchild", "other_relative"),
    )
    assert found == {
        "skipped": [0, 0, 1, 1], "mother": [0, 0, 0], "daughter_in_law": [0, 0, 0],
        "parents": [0, 0, 0], "unstated": [0, None, None], "settled": [0, 0, 0], "camp": [0, 0],
        "aunt": [0, 1, 0],
    }  # fmt: skip


def test_without_relations_there_are_no_households(params: Params) -> None:
    made = table(params, MOVE)
    made["household_id"] = ["a"]
    frame = analysis_frame(made, params, 2023)
    assert frame.attrs["absent"]["household"] == "relation is not in this survey"
    # Which members a household has is known all the same.
    assert frame["household_internal"].tolist() == [1]
