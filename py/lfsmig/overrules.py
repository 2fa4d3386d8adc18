"""Decisions on single cells against the precision rule, with who decided and why.

They stand in `rules.yml` under `publication.overrules`, are applied before disclosure control,
which nobody can overrule, and are released as a log of their own. Where disclosure control itself
withheld a whole table, or found no full protection, the same log says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lfsmig.results import domain_text

if TYPE_CHECKING:
    from lfsmig.params import Overrule

KEYS = ["year", "indicator", "domain", "category"]
COLUMNS = [*KEYS, "flag_rule", "flag", "effect", "reason", "role", "date"]
# Why a decision had no effect.
CONFIDENTIAL, EMPTY, ABSENT = "confidential", "empty", "no such cell"
# Who decides on a table, and what is told of it (`disclosure.protect`).
CONTROL = "disclosure control"
FLAGS = {"no complement": "c", "rounded only": ""}
REMARKS = {
    "no complement": "no complement protects a confidential cell: the whole table is withheld",
    "rounded only": "a confidential cell is protected by the rounding of a published figure alone",
}


def apply(
    estimates: pd.DataFrame, decided: Sequence[Overrule], flags: tuple[np.ndarray, np.ndarray]
) -> None:
    """Set the flags that were decided; what was decided and what came of it is remembered.

    Parameters
    ----------
    estimates
        Rows of a year; `attrs["overrules"]` gets one entry for each decision on them.
    flags
        Flags and reasons by the rule, changed in place.
    """
    log = []
    years = set(estimates["year"])
    for one in decided:
        if one.year not in years:
            continue
        key = (one.year, one.indicator, domain_text(one.domain), one.category)
        at = np.flatnonzero((estimates[KEYS] == list(key)).all(axis=1))
        entry = dict(zip(KEYS, key, strict=True)) | {
            "flag_rule": "", "flag": one.flag, "effect": ABSENT, "reason": one.reason,
            "role": one.role, "date": one.date,
        }  # fmt: skip
        for row in at:
            entry |= {"flag_rule": flags[0][row], "effect": "set"}
            if flags[1][row] == "empty":
                entry["effect"] = EMPTY
            else:
                flags[0][row], flags[1][row] = one.flag, "overruled"
        log.append(entry)
    estimates.attrs["overrules"] = log


def table(released: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """Log of the decisions of all years (`COLUMNS`): `effect` is `set`, or why there was none.

    Of a table of which disclosure control has something to tell, `effect` is a key of `REMARKS`.
    """
    rows = []
    for year in sorted(released):
        frame = released[year]
        for entry in frame.attrs.get("overrules", []):
            same = (frame[KEYS] == [entry[key] for key in KEYS]).all(axis=1)
            secret = frame.loc[same, "flag"].eq("c").any()
            # What the rule said of a confidential cell would tell about it.
            hidden = {"effect": CONFIDENTIAL, "flag_rule": ""} if secret else {}
            rows.append(entry | hidden)
        for name, remark in frame.attrs.get("remarks", {}).items():
            told = {
                "flag": FLAGS[remark],
                "effect": remark,
                "reason": REMARKS[remark],
                "role": CONTROL,
            }
            keys = {"year": year, "indicator": name, "domain": "{}", "category": ""}
            rows.append({**dict.fromkeys(COLUMNS, ""), **keys, **told})
    return pd.DataFrame(rows, columns=COLUMNS).astype({"year": "int64"})
