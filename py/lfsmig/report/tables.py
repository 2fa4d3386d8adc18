"""Tables as Markdown pipe tables: the one kind that is right in every format.

Numbers are formatted here and nowhere else. Below every table stand its base, unit, source and
the meaning of the symbols in it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import pandas as pd
from IPython.display import Markdown

from lfsmig.params.models import ItemNonresponse
from lfsmig.report import data, serial_breaks, words
from lfsmig.results import UNKNOWN_ANSWERS

PAGE = 92  # characters of a table's type that fit the printed page
SHORT = 14  # characters that a head above numbers takes at most
# Flags of values that are shown: they stand beside the value.
MARKED = ("*", "r", "+")
LEAST = 16  # width that a column of long texts has at least
