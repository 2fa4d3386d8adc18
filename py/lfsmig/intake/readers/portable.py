"""Missing values of SPSS portable files that ReadStat passes over.

A variable may declare a range and a value. ReadStat keeps both where the range stands first and
loses the value where it stands before the range. The records that follow a variable's name and
formats (8 a value; 9, A and B ranges) are plain text, so that such a value can be found.
"""

from __future__ import annotations

import re

WIDTH = 80
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRST"
NUMBER = rb"-?[0-9A-T]+(?:\.[0-9A-T]*)?/"


def values_before_a_range(content: bytes, name: str) -> list[float]:
    """Return the missing values that a numeric variable declares before a range.

    Parameters
    ----------
    content
        The file; its lines have 80 characters, of which blanks at the end may be cut off.
    name
        The variable's name as the file writes it.
    """
    lines = content.replace(b"\r", b"").split(b"\n")
    flat = b"".join(line.ljust(WIDTH) for line in lines)
    named = f"{_base30(len(name))}/{name}".encode("ascii", "replace")
    # Width, name, printing format and writing format; then the missing values.
    found = re.search(
        rb"7[0-9A-T]+/" + re.escape(named) + rb"(?:" + NUMBER + rb"){6}((?:8" + NUMBER
        + rb")+)[9AB]" + NUMBER, flat,
    )  # fmt: skip
    return [] if found is None else [_number(one) for one in re.findall(rb"8([^/]+)/", found[1])]


def _base30(number: int) -> str:
    return DIGITS[number] if number < len(DIGITS) else _base30(number // 30) + DIGITS[number % 30]


def _number(text: bytes) -> float:
    """Read a number to the base 30."""
    whole, _, part = text.decode("ascii").lstrip("-").partition(".")
    size = float(sum(DIGITS.index(d) * 30**i for i, d in enumerate(reversed(whole))))
    size += sum(DIGITS.index(d) / 30**i for i, d in enumerate(part, start=1))
    return -size if text.startswith(b"-") else size
