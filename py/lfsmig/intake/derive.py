"""Items that a survey does not ask directly: named functions that a mapping may call by name."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from lfsmig.errors import InputError
from lfsmig.params import Params

Derivation = Callable[[pd.DataFrame, Params], pd.Series]
DERIVATIONS: dict[str, tuple[Derivation, str]] = {}


def derivation(reason: str) -> Callable[[Derivation], Derivation]:
    """Register a function under its name; `reason` is what the ledger says about it."""

    def register(function: Derivation) -> Derivation:
        DERIVATIONS[function.__name__] = (function, reason)
        return function

    return register


def _needs(frame: pd.DataFrame, name: str, columns: list[str]) -> None:
    missing = [column for column in columns if column not in frame]
    if missing:
        raise InputError(
            f"derive {name}: needs {', '.join(missing)}, which this mapping does not make; "
            "map them or map the item from a column"
        )


@derivation("official rule: work, else seeking or available, else waiting for the season")
def labour_status_nso(frame: pd.DataFrame, params: Params) -> pd.Series:
    """Derive the labour status by the rule of the Thai National Statistical Office.

    Employed: worked in the week, or was paid while absent, or has a job to return to.
    Unemployed: not employed, and seeking work *or* available for it (the ILO reading that other
    studies use asks for both). Seasonal: neither, and waiting for the season: in the labour force,
    shown as its own class. Everybody else of labour age is out of the labour force; below that
    age, or with no labour item answered, the status is missing.
    """
    items = [
        "worked_7_days",
        "paid_absence",
        "job_to_return",
        "seeking_work",
        "available_for_work",
        "reason_unavailable",
    ]
    _needs(frame, "labour_status_nso", ["age", *items])
    yes = {item: (frame[item] == "yes").to_numpy(bool) for item in items[:-1]}
    of_age = (frame["age"] >= params.country.labour_age).fillna(False).to_numpy(bool)
    asked = of_age & frame[items].notna().any(axis=1).to_numpy(bool)
    status = pd.Series(pd.NA, index=frame.index, dtype="object")
    status[asked] = "out_of_labour_force"
    waiting = (frame["reason_unavailable"] == "waiting_for_season").to_numpy(bool)
    status[asked & waiting] = "seasonal"
    status[asked & (yes["seeking_work"] | yes["available_for_work"])] = "unemployed"
    employed = yes["worked_7_days"] | yes["paid_absence"] | yes["job_to_return"]
    status[asked & employed] = "employed"
    return status


@derivation("records counted per household; the file's own figure can differ")
def rows_per_household(frame: pd.DataFrame, params: Params) -> pd.Series:
    """Count a household's members by its records."""
    _needs(frame, "rows_per_household", ["household_id"])
    sizes = frame.groupby("household_id", sort=False)["household_id"].transform("size")
    return sizes.astype("Int64")
