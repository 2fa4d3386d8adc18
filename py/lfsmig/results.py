"""The shape of a result: one row per cell, the same columns whoever estimated it."""

from __future__ import annotations

import json
from collections.abc import Mapping

SCHEMA_VERSION = 1

RESULT_KEYS = ["year", "indicator", "domain", "category", "statistic"]
RESULT_COLUMNS = [
    "schema_version",
    *RESULT_KEYS,
    "unit",
    "engine",
    "estimate",
    "se",
    "cv",
    "df",
    "ci_low",
    "ci_high",
    "n",
    "n_psu",
    "deff",
    "n_cases",
]

# Who stands behind a cell (see `contributors`); they serve disclosure control and are not released.
# Reason of a flag: many of the answers that a number rests on are unknown.
UNKNOWN_ANSWERS = "item_nonresponse"
CONTRIBUTOR_COLUMNS = ["n_households", "n_contributors", "amount", "largest", "two_largest"]

TREND_KEYS = ["indicator", "domain", "category", "statistic", "year_from", "year_to"]
TREND_COLUMNS = [
    "schema_version",
    "indicator",
    "domain",
    "category",
    "statistic",
    "unit",
    "engine",
    "year_from",
    "year_to",
    "estimate",
    "se",
    "df",
    "ci_low",
    "ci_high",
    "statistic_value",
    "p",
    # For the number of tests of the indicator (`families`).
    "p_adjusted",
    "lack_of_fit_p",
    # The cell's largest yearly estimate: the size of the numbers that were subtracted.
    "level",
]


def domain_text(codes: Mapping[str, object]) -> str:
    """Write a domain as JSON: keys sorted, no spaces, codes as text; `{}` is the population."""
    return json.dumps(
        {key: str(codes[key]) for key in sorted(codes)}, ensure_ascii=False, separators=(",", ":")
    )


def domain_read(value: object) -> str | None:
    """Put a domain into the form of `domain_text`, however it is spelt; `None` if it is none.

    A partner may write the object itself, other spaces, another order of keys, or codes as numbers.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    if not isinstance(value, Mapping):
        return None
    # Parquet gives every object the keys of all of them, empty where one has none.
    return domain_text({key: code for key, code in value.items() if code is not None})


def domain_codes(text: str) -> dict[str, str]:
    """Read a domain back into its codes."""
    return dict(json.loads(text))
