"""Text of raw files: strict decoding, one writing of each letter, nothing that acts.

UTF-8 is tried first, then the declared encoding or CP874 (Thai, a superset of TIS-620). Latin-1
is never tried, since it accepts every byte and turns Thai into nonsense without a word.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterable

import pandas as pd
import pyarrow as pa

from lfsmig.errors import InputError

FALLBACK_ENCODING = "cp874"
_BOMS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# Control characters, and those that turn the direction of writing: they hide or forge what a
# terminal, a page or a spreadsheet shows. Tabs and line ends are told apart from them.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
# A cell that a spreadsheet would run (OWASP, CSV injection); a lone sign or a number is none.
_FORMULA = re.compile(r"^[ \t\r]*(?:[=@]|[+-][^\n]*[|!(])", re.MULTILINE)
# A vowel sign or tone mark that follows no Thai letter, and Thai encoded twice.
_STRAY_MARK = re.compile("[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e](?<![\u0e00-\u0e7f].)")
_TWICE = re.compile("\u00e0[\u00b8\u00b9][\u0080-\u00bf\u0152-\u2122]")
# Marks without a shape, which Thai text from the web is full of.
_INVISIBLE = dict.fromkeys([0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF])


def decode(content: bytes, name: str, declared: str | None) -> tuple[str, str]:
    """Decode a text file strictly.

    Parameters
    ----------
    content
        The file's bytes.
    name
        What messages call the file.
    declared
        The encoding that the mapping states; the first to be tried after UTF-8.

    Returns
    -------
    tuple of str
        The text and the encoding used.

    Raises
    ------
    InputError
        The text is in none of them, or reads as one but cannot be meant.
    """
    for bom, encoding in _BOMS.items():
        if content.startswith(bom) and encoding != "utf-8":
            return _told(content, encoding, name), encoding
    content = content.removeprefix(codecs.BOM_UTF8)
    wide = _wide(content)
    if wide:
        return _told(content, wide, name), wide
    second = declared or FALLBACK_ENCODING
    for encoding in ("utf-8", second):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        except LookupError:
            raise InputError(
                f"{name}: unknown encoding {encoding}; use a name such as utf-8 or cp874"
            ) from None
        _meant(text, name, guessed=encoding != "utf-8" and declared is None)
        return text, encoding
    raise InputError(
        f"{name}: the text is neither UTF-8 nor {second}; "
        "give the right one as encoding in the year's mapping"
    )


def _wide(content: bytes) -> str | None:
    """Tell UTF-16 without a mark: every second byte of plain text is zero."""
    sample = content[:1000]
    for start, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        half = sample[start::2]
        if len(half) > 3 and half.count(0) > len(half) * 0.4:
            return encoding
    return None


def _told(content: bytes, encoding: str, name: str) -> str:
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise InputError(
            f"{name}: the file says {encoding.upper()} but does not hold to it, perhaps cut short; "
            "export it again"
        ) from None


def _meant(text: str, name: str, guessed: bool) -> None:
    if "\ufffd" in text:
        raise InputError(
            f"{name}: the text holds replacement characters (U+FFFD): letters were lost in an "
            "earlier conversion; export it again from the source"
        )
    if _TWICE.search(text):
        raise InputError(
            f"{name}: Thai letters were encoded twice; export the text again from the source"
        )
    if guessed and _STRAY_MARK.search(text):
        raise InputError(
            f"{name}: the text is not UTF-8 and reads as no Thai in {FALLBACK_ENCODING}; "
            "give the right one as encoding in the year's mapping"
        )


def one_writing(text: str) -> str:
    """Bring text to one writing: NFC, no marks without a shape, no blanks around it."""
    if text.isascii():
        return text.strip()
    return unicodedata.normalize("NFC", text.translate(_INVISIBLE)).strip()


def clean(text: str, name: str, what: str) -> str:
    """Bring a name or label to one writing, on one line.

    Raises
    ------
    InputError
        It holds a control character.
    """
    text = one_writing(text)
    bad = _CONTROL.search(text)
    if bad:
        raise InputError(
            f"{name}: {what} holds a control character (U+{ord(bad[0]):04X}); "
            "correct it at the source and export the file again"
        )
    return " ".join(text.split())


def printable(text: str) -> str:
    """Write control characters of a name out, so that a message is one harmless line."""
    return re.sub(r"\s", " ", _CONTROL.sub(lambda bad: f"\\u{ord(bad[0]):04x}", text))


def check_values(name: str, column: str, values: Iterable[object]) -> None:
    """Refuse text values that a terminal or a spreadsheet would act on.

    Parameters
    ----------
    values
        The distinct values of a text column. They are not shown in the message.
    """
    whole = "\n".join(value for value in values if isinstance(value, str))
    bad = _CONTROL.search(whole)
    if bad:
        raise InputError(
            f"{name}: column {column} holds a control character (U+{ord(bad[0]):04X}); "
            "correct it at the source and export the file again"
        )
    if _FORMULA.search(whole):
        raise InputError(
            f"{name}: column {column} holds a formula (a cell that begins with = or @, or with a "
            "sign before a call); export the values instead of formulas"
        )


def check_names(name: str, columns: Iterable[str]) -> None:
    """Refuse column names that a spreadsheet would run: ledger and reports repeat them."""
    if any(_FORMULA.search(column) for column in columns):
        raise InputError(
            f"{name}: a column name is a formula (begins with = or @, or with a sign before a "
            "call); give the column a name of letters and digits"
        )


def coded_text(values: pa.Array | pa.ChunkedArray) -> pd.Series:
    """Code text once per distinct value; empty text is blank."""
    series = values.to_pandas()
    if "" in series.cat.categories:
        series = series.cat.remove_categories([""])
    return pd.Series(series)


def unique_names(file: str, names: Iterable[str]) -> None:
    """Refuse columns without a name and names that stand twice."""
    seen: set[str] = set()
    for position, name in enumerate(names, start=1):
        if not name:
            raise InputError(
                f"{file}: column {position} has no name; expected names in the first line"
            )
        if name in seen:
            raise InputError(f"{file}: the column {name} stands twice; expected distinct names")
        seen.add(name)
