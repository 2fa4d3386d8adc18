"""Applies the mapping language to one column: codes, ranges, blanks, sentinels, padding."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lfsmig.intake.columns import AS_FLOAT, Coded
from lfsmig.intake.lookups import Names
from lfsmig.intake.readers.text import one_writing
from lfsmig.params.mapping import VariableMap

KEEP = "="
# Codes of the survey have up to six characters; what this many records hold is nobody's own.
CODE_LENGTH = 6
COMMON = 5
# Whole numbers above this are not exact in a float.
LARGEST = 2**53
_NUMBERS = re.compile(r"^\d+(-\d+)?(\s*,\s*\d+(-\d+)?)*$")
# Letters for missing values of Stata and SAS; numbers written with a comma.
_LETTER = re.compile(r"^\.[a-z_]$")
_COMMA = re.compile(r"^-?\d+(,\d+)+(\.\d+)?$")
_THOUSANDS = re.compile(r"^-?\d{1,3}(,\d{3})+(\.\d+)?$")


@dataclass
class Rules:
    """A variable's `codes` made ready: exact codes, ranges, names, what blank and other become."""

    exact: dict[str, str | None] = field(default_factory=dict)
    names: Names | None = None
    ranges: list[tuple[int, int, str | None]] = field(default_factory=list)
    other: str | None = None
    has_other: bool = False
    blank: str | None = None

    def find(self, value: str) -> tuple[bool, str | None]:
        """Return whether the value has a meaning, and its harmonised code (None: missing)."""
        if value in self.exact:
            return True, self._kept(self.exact[value], value)
        if value.isdecimal():
            number = int(value)
            for low, high, target in self.ranges:
                if low <= number <= high:
                    return True, self._kept(target, value)
        named = self.names.find(value) if self.names else None
        if named is not None:
            return True, named[0]
        if self.has_other:
            return True, self._kept(self.other, value)
        return False, None

    def spelt(self, value: str) -> str:
        """Say which listed name a value was read as, where it is written otherwise."""
        named = self.names.find(value) if self.names and value not in self.exact else None
        return f"read as {named[1]}" if named and named[1] != value else ""

    @staticmethod
    def _kept(target: str | None, value: str) -> str | None:
        return value if target == KEEP else target


def compile_rules(codes: dict[str, str | None], width: int | None) -> Rules:
    """Read the keys: `1`, `01`, `5-7`, `1,3-4`, `blank`, `other`, or a text as it stands."""
    rules = Rules()
    for key, target in codes.items():
        if key == "blank":
            rules.blank = target
        elif key == "other":
            rules.other, rules.has_other = target, True
        elif _NUMBERS.match(key):
            for token in key.split(","):
                low, _, high = token.strip().partition("-")
                if high:
                    rules.ranges.append((int(low), int(high), target))
                else:
                    rules.exact[low.zfill(width) if width else low.lstrip("0") or "0"] = target
        else:
            rules.exact[one_writing(key)] = target
    return rules


@dataclass(frozen=True)
class Line:
    """One line of the ledger: what one source code became, and how often."""

    source_code: str
    harmonised_code: str
    records: int
    reason: str = ""


def _sentinel(code: str) -> bool:
    """Tell whether a text is one digit written over and over, as codes for missing are."""
    return code.isdecimal() and len(code) > 1 and len(set(code)) == 1


@dataclass(frozen=True)
class Unmapped:
    """Codes that the mapping gives no meaning, with their counts, most frequent first."""

    codes: list[tuple[str, int]]

    def text(self, limit: int = 5, longest: int = CODE_LENGTH) -> str:
        """Write the codes for a message.

        What few records hold and is longer than a code may be the answer of a person: such values
        are counted, not shown.
        """
        fit = [(c, n) for c, n in self.codes if n >= COMMON or len(c) <= longest or _sentinel(c)]
        parts = [f"{code} ({count} records)" for code, count in fit[:limit]]
        if len(fit) > limit:
            parts[-1] += f" and {len(fit) - limit} more"
        if rest := sum(count for _, count in self.codes) - sum(count for _, count in fit):
            parts.append(f"values not shown here ({rest} records)")
        return ", ".join(parts)


@dataclass(frozen=True)
class Misfits:
    """What a column of numbers holds that is none, or none that can be.

    Attributes
    ----------
    codes
        Codes without a meaning.
    outside
        Numbers outside the mapping's limits.
    texts
        Records with something else than a number; their values are not kept.
    expected, hint
        What was expected in them, and what they look like.
    """

    codes: Unmapped
    outside: Unmapped
    texts: int = 0
    expected: str = "number"
    hint: str = ""


def padded_to(column: Coded, width: int | None = None) -> int:
    """Width that leading zeros were added up to, 0 where the file writes all of them."""
    for value, raw in zip(column.values, column.raw, strict=True):
        whole = value.zfill(width) if width else value
        if raw.isdecimal() and len(whole) > len(raw):
            return len(whole)
    return 0


def map_category(
    column: Coded, entry: VariableMap, rules: Rules, categories: list[str]
) -> tuple[pd.Categorical[str], list[Line], Unmapped]:
    """Map a coded column to the codes of the dictionary.

    Sentinels are written for the whole code, so they count before it is shortened. The ledger has
    one line for each code as the file writes it.
    """
    position = {code: index for index, code in enumerate(categories)}
    counts = column.counts()
    target = np.full(len(column.values) + 1, -1, dtype=np.int64)
    lines: list[Line] = []
    unmapped: list[tuple[str, int]] = []
    missing = missing_codes(entry)
    for index, value in enumerate(column.values):
        count = int(counts[index])
        if not count:
            continue
        if value in missing:
            lines.append(Line(column.raw[index], "", count, missing[value]))
            continue
        known, code = rules.find(value[: entry.prefix])
        if not known or (code is not None and code not in position):
            unmapped.append((column.raw[index], count))
            continue
        target[index] = -1 if code is None else position[code]
        reason = _read_as(column.raw[index], value, entry.prefix) or rules.spelt(value)
        lines.append(Line(column.raw[index], code or "", count, reason))
    blank = column.codes < 0
    blanks = int(blank.sum())
    result = target[column.codes]
    if blanks:
        lines.append(Line("(blank)", rules.blank or "", blanks))
        if rules.blank is not None:
            result[blank] = position[rules.blank]
    unmapped.sort(key=_most_frequent)
    return (
        pd.Categorical.from_codes(result, categories=pd.Index(categories), ordered=True),
        lines,
        Unmapped(unmapped),
    )


def _read_as(raw: str, value: str, prefix: int | None) -> str:
    """Say what was done to a code before its meaning was looked up."""
    parts = []
    if value.isdecimal() and any(map(AS_FLOAT.match, raw.split(" or "))):
        parts.append(f"read as {value}")
    elif raw.isdecimal() and len(value) > len(raw):
        parts.append(f"padded to {len(value)}")
    if prefix is not None:
        parts.append(
            f"first {prefix} digits {value[:prefix]}" if prefix > 1 else f"first digit {value[:1]}"
        )
    return ", ".join(parts)


def map_stamp(
    column: Coded, part: str, read: Callable[[str], object]
) -> tuple[np.ndarray, list[Line], Unmapped]:
    """Map a column of stamps to one part of them (year, quarter, month).

    Parameters
    ----------
    column
        The coded column.
    part
        Name of the part.
    read
        Reads one text; gives an object with the parts as attributes, or None.
    """
    counts = column.counts()
    table = np.full(len(column.values) + 1, np.nan)
    lines: list[Line] = []
    unmapped: list[tuple[str, int]] = []
    for index in np.flatnonzero(counts).tolist():
        found = getattr(read(column.values[index]), part, None)
        if found is None:
            unmapped.append((column.raw[index], int(counts[index])))
            continue
        table[index] = found
        lines.append(Line(column.raw[index], str(found), int(counts[index]), f"{part} of a stamp"))
    blanks = int((column.codes < 0).sum())
    if blanks:
        lines.append(Line("(blank)", "", blanks))
    return table[column.codes], lines, Unmapped(sorted(unmapped, key=_most_frequent))


def map_number(
    column: Coded,
    entry: VariableMap,
    whole: bool,
    other: Callable[[str], np.ndarray],
) -> tuple[np.ndarray, list[Line], Misfits]:
    """Map a coded column to numbers; `codes` names special values, the rest is kept."""
    values = pd.to_numeric(pd.Series(column.values, dtype=object), errors="coerce").to_numpy(float)
    counts = column.counts()
    lines: list[Line] = []
    strange: list[tuple[int, int]] = []
    specials = compile_rules(entry.codes or {}, None)
    table = np.append(values, np.nan)
    borrowed: list[tuple[int, str]] = []
    special_count = 0
    # A sentinel is one however it is written: 999999.0 among numbers with other decimals too.
    texts = [text.partition(".")[0] if AS_FLOAT.match(text) else text for text in column.values]
    missing = missing_codes(entry)
    look = _looked_at(texts, values, entry, specials, whole) & (counts > 0)
    for index in np.flatnonzero(look).tolist():
        text, count = texts[index], int(counts[index])
        if text in missing:
            table[index] = np.nan
            lines.append(Line(column.raw[index], "", count, missing[text]))
        else:
            known, target = specials.find(text)
            if not known:
                strange.append((index, count))
                continue
            if target is None:
                table[index] = np.nan
            elif target.startswith(KEEP):
                borrowed.append((index, target[1:]))
            elif target != text:
                table[index] = float(target)
            else:
                continue
            lines.append(Line(column.raw[index], target or "", count))
        special_count += count
    result = table[column.codes]
    for index, name in borrowed:
        rows = column.codes == index
        result[rows] = other(name)[rows]
    blanks = int((column.codes < 0).sum())
    if specials.blank is not None:
        result[column.codes < 0] = float(specials.blank)
    rest = len(column.codes) - blanks - special_count - sum(count for _, count in strange)
    if rest:
        lines.append(Line("(number)", "(number)", rest))
    if blanks:
        lines.append(Line("(blank)", specials.blank or "", blanks))
    return result, lines, _misfits(column, values, strange, whole)


def missing_codes(entry: VariableMap) -> dict[str, str]:
    """Return the codes that mean missing with their reasons, written as codes of files are."""
    return {one_writing(code): reason for code, reason in entry.missing.items()}


def _looked_at(
    texts: list[str], values: np.ndarray, entry: VariableMap, specials: Rules, whole: bool
) -> np.ndarray:
    """Mark the distinct values that are not simply kept: sentinels, special codes, misfits."""
    look = ~np.isfinite(values)
    if whole:
        look |= ~_is_whole(values)
    if entry.limits is not None:
        look |= (values < entry.limits[0]) | (values > entry.limits[1])
    named = set(missing_codes(entry)) | set(specials.exact)
    if named:
        look |= np.array([text in named for text in texts], dtype=bool)
    for low, high, _ in specials.ranges:
        look |= (values >= low) & (values <= high)
    return look


def _is_whole(values: np.ndarray) -> np.ndarray:
    """Tell which numbers are whole, and small enough to be exact; missing ones count as such."""
    known = np.nan_to_num(values)
    return np.asarray((known % 1 == 0) & (np.abs(known) < LARGEST))


def _misfits(
    column: Coded, values: np.ndarray, strange: list[tuple[int, int]], whole: bool
) -> Misfits:
    """Sort what has no meaning: letters for missing, numbers that cannot be, no numbers at all."""
    codes, outside, texts = [], [], []
    for index, count in strange:
        if _LETTER.match(column.values[index]):
            codes.append((column.raw[index], count))
        elif not np.isfinite(values[index]) or (whole and not _is_whole(values[index])):
            texts.append((column.values[index], count))
        else:
            outside.append((column.raw[index], count))
    words = [text for text, _ in texts]
    hint = ""
    if words and all(_COMMA.match(text) for text in words):
        thousands = all(_THOUSANDS.match(text) for text in words)
        hint = f" (a comma {'between thousands' if thousands else 'as the decimal mark'})"
    return Misfits(
        Unmapped(sorted(codes, key=_most_frequent)),
        Unmapped(sorted(outside, key=_most_frequent)),
        sum(count for _, count in texts),
        "whole number" if whole else "number",
        hint,
    )


def _most_frequent(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def compose(columns: list[Coded], widths: list[int | None], separator: str) -> np.ndarray:
    """Join the texts of several columns to one key per record; a blank part gives no key."""
    size = len(columns[0].codes)
    key = np.full(size, "", dtype=object)
    blank = np.zeros(size, dtype=bool)
    for index, (column, width) in enumerate(zip(columns, widths, strict=True)):
        texts = [value.zfill(width) if width else value for value in column.values]
        part = np.array([*texts, ""], dtype=object)[column.codes]
        key = part if index == 0 else key + separator + part
        blank |= column.codes < 0
    key[blank] = None
    return key


def common_keys(left: list[Coded], right: list[Coded]) -> tuple[np.ndarray, np.ndarray]:
    """Number the keys of two files so that equal keys, and only those, get equal numbers."""
    key_left = np.zeros(len(left[0].codes), dtype=np.int64)
    key_right = np.zeros(len(right[0].codes), dtype=np.int64)
    for here, there in zip(left, right, strict=True):
        order = {value: index for index, value in enumerate(here.values)}
        for value in there.values:
            order.setdefault(value, len(order))
        # The last entry of the table stands for blank (code -1).
        table = np.array([*(order[value] for value in there.values), len(order)], dtype=np.int64)
        codes_left = np.where(here.codes < 0, len(order), here.codes)
        both = np.concatenate(
            [
                key_left * (len(order) + 1) + codes_left,
                key_right * (len(order) + 1) + table[there.codes],
            ]
        )
        # Numbering anew after each part keeps the products small.
        both, _ = pd.factorize(both)
        key_left, key_right = both[: len(key_left)], both[len(key_left) :]
    return key_left, key_right
