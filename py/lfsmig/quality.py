"""Non-response of households and missing answers, by region: rates, and what of them is released.

The rate of an item is 1 - (sum of w over valid answers) / (sum of w over those asked), with w the
weight, or 1 for the unweighted rate (methods.md, section 7). Who is asked stands in variables.yml
under `asked_if`; what was not asked is never counted as missing.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from lfsmig import nonresponse
from lfsmig.intake.harmonise import Harmonised
from lfsmig.params import Params
from lfsmig.results import domain_text

COLUMNS = ["year", "kind", "item", "domain", "asked", "missing", "rate", "rate_weighted"]
HOUSEHOLDS, ITEM = "households", "item"
GROUPS = ("person", "labour", "module")
# What numbers of those asked are rounded to, where they are a part of all persons.
BASE = 10
# What is released: the number asked and the rates, which may be withheld.
RELEASED = ["year", "kind", "item", "domain", "asked", "rate", "rate_weighted", "flag"]


def rates(params: Params, data: Harmonised) -> pd.DataFrame:
    """Count non-response and missing answers of a year, in the country and by region.

    Parameters
    ----------
    params
        The survey's parameters.
    data
        The year's harmonised table with its blank records.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`. `kind` is `households` (answered of all in the sample, no weights) or
        `item`, or `unknown`: what indicators rest on (`nonresponse.ITEMS`), in the country alone;
        `domain` as in results; `asked` and `missing` are numbers of households or records.
    """
    rows = [*_households(params, data), *_items(params, data), *_unknown(params, data)]
    return pd.DataFrame(rows, columns=COLUMNS[1:]).assign(year=data.year)[COLUMNS]


def _households(params: Params, data: Harmonised) -> Iterator[list[object]]:
    if "household_id" not in data.frame or not len(data.blanks):
        return
    met = data.frame.drop_duplicates("household_id")
    domains = [("{}", len(met), len(data.blanks))]
    if {"region", "province"} <= set(data.frame.columns) and "province" in data.blanks:
        region_of = params.region_of()
        blank = data.blanks["province"].astype(object).map(region_of)
        here = met["region"].astype(object)
        domains += [
            (domain_text({"region": code}), int((here == code).sum()), int((blank == code).sum()))
            for code in params.codes("region")
        ]
    for domain, answered, blanks in domains:
        whole = answered + blanks
        if whole:
            yield [HOUSEHOLDS, "", domain, whole, blanks, blanks / whole, np.nan]


def _items(params: Params, data: Harmonised) -> Iterator[list[object]]:
    frame = data.frame
    if "weight" not in frame:
        return
    weight = np.nan_to_num(frame["weight"].to_numpy(dtype=float, na_value=np.nan))
    region = np.zeros(len(frame), dtype=int)
    codes: list[str] = []
    if "region" in frame:
        codes = params.codes("region")
        region = pd.Categorical(frame["region"].astype(object), categories=codes).codes + 1
    for name in frame.columns:
        variable = params.variables.get(name)
        if variable is None or variable.group not in GROUPS:
            continue
        asked = _asked(frame, variable.asked_if)
        if asked is None:
            continue
        missing = asked & frame[name].isna().to_numpy()
        sums = [
            np.bincount(region[chosen], values, len(codes) + 1)
            for chosen, values in (
                (asked, None),
                (missing, None),
                (asked, weight[asked]),
                (missing, weight[missing]),
            )
        ]
        cells = {"{}": [float(one.sum()) for one in sums]}
        for place, code in enumerate(codes, start=1):
            cells[domain_text({"region": code})] = [float(one[place]) for one in sums]
        for domain, (of, lost, of_weight, lost_weight) in cells.items():
            if of:
                weighted = lost_weight / of_weight if of_weight > 0 else np.nan
                yield [ITEM, name, domain, int(of), int(lost), lost / of, weighted]


def _unknown(params: Params, data: Harmonised) -> Iterator[list[object]]:
    for one in nonresponse.unknown_items(params, data.year, data.frame):
        counts = int(one.asked.sum()), int(one.missing.sum())
        yield [nonresponse.KIND, one.item, "{}", *counts, one.rate, one.rate_weighted]


def _asked(frame: pd.DataFrame, condition: str | None) -> np.ndarray | None:
    """Mark who is asked; nothing where the condition needs what the survey does not ask."""
    if condition is None:
        return np.ones(len(frame), dtype=bool)
    try:
        return pd.Series(frame.eval(condition)).fillna(False).to_numpy(dtype=bool)
    except Exception:  # a column that this survey has not
        return None


def release(found: pd.DataFrame, few: int) -> pd.DataFrame:
    """Withhold rates that tell of a handful, and those from which these could be worked out.

    Parameters
    ----------
    found
        Rows of `rates`.
    few
        Fewest records of a number that may be known (`disclosure.min_cases`).

    Returns
    -------
    DataFrame
        Columns `RELEASED`: `flag` is `c` where both rates are withheld, else blank. Numbers of
        missing answers are not among them. An item that is asked of a part of all persons, such as
        of migrants, would give the number of a table's base, which may be withheld there: `asked`
        is rounded to tens, and rates to a tenth of a per cent, as they are printed.
    """
    out = found.reset_index(drop=True)
    most = out.groupby(["year", "kind", "domain"])["asked"].transform("max")
    part = (out["kind"].eq(ITEM) & (out["asked"] < most)).to_numpy()
    secret = _handful(out["missing"], few) | _handful(out["asked"] - out["missing"], few)
    for _, rows in out.groupby(["year", "kind", "item"], sort=False):
        hidden = secret[rows.index]
        parts = rows.index[rows["domain"] != "{}"]
        if not hidden.any() or not len(parts):
            continue
        whole = rows.index[rows["domain"] == "{}"]
        # The other parts and the whole would give the only one that is withheld, and tell much of
        # several that are a handful together: the smallest other goes with them, or the whole.
        while not secret[whole].all():
            kept = out.loc[[row for row in parts if secret[row]], "missing"]
            if len(kept) == 0 or (len(kept) > 1 and kept.sum() >= few):
                break
            others = out.loc[[row for row in parts if not secret[row]]]
            others = others[others["missing"] > 0].sort_values(["missing", "domain"], kind="stable")
            secret[others.index[0] if len(others) else whole[0]] = True
    few_asked = part & (out["asked"] < BASE / 2 + few).to_numpy()
    out["flag"] = np.where(secret | few_asked, "c", "")
    out["asked"] = out["asked"].astype(float)
    out.loc[part, "asked"] = (out.loc[part, "asked"] / BASE).round() * BASE
    out.loc[few_asked, "asked"] = np.nan
    for name in ("rate", "rate_weighted"):
        told = out.loc[part, name]
        # What is not nothing must not look like it.
        out.loc[part, name] = told.round(3).mask(told.gt(0) & told.lt(0.0005), 0.0005)
        out.loc[secret | few_asked, name] = np.nan
    return out[RELEASED]


def _handful(counts: pd.Series, few: int) -> pd.Series:
    return (counts > 0) & (counts < few)
