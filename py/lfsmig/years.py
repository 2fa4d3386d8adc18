"""Survey years as people write them: `2019-2021,2023`, `2566`, `2562-2566`."""

from __future__ import annotations

import re

from lfsmig.errors import LfsmigError

BUDDHIST_OFFSET = 543
# No survey year of the common era is this late, none of the Buddhist era this early.
FIRST_BUDDHIST_YEAR = 2400


def parse_years(text: str) -> list[int]:
    """Read years and ranges separated by commas, in either era, into ascending years of the CE.

    Raises
    ------
    LfsmigError
        If a part is neither a year nor a range, or a range runs backwards.
    """
    years: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{4})\s*(?:-\s*(\d{4})\s*)?", part)
        if match is None:
            raise LfsmigError(
                f"--years: `{part.strip()}` is not a year; write for example 2019-2021,2023 or 2566"
            )
        first = common_era(int(match[1]))
        last = common_era(int(match[2])) if match[2] else first
        if last < first:
            raise LfsmigError(f"--years: the range `{part.strip()}` runs backwards")
        years.update(range(first, last + 1))
    return sorted(years)


def whole_number(text: str) -> int | None:
    """Read a whole number of up to eighteen digits, of any script; `None` if it is none.

    Raised and circled digits are digits to Python's `isdigit`, and no number to `int`.
    """
    return int(text) if text.isdecimal() and len(text) <= 18 else None


def one_year(text: str) -> int:
    """Read a single year of either era.

    Raises
    ------
    LfsmigError
        If it is none.
    """
    number = whole_number(text)
    if number is None or len(text) != 4 or number == 0:
        raise LfsmigError(f"`{text}` is not a year; write for example 2023 or 2566")
    return common_era(number)


def common_era(year: int) -> int:
    """Turn a Buddhist year into one of the common era; others stay."""
    return year - BUDDHIST_OFFSET if year > FIRST_BUDDHIST_YEAR else year
