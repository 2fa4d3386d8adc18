"""Tells synthetic records from a survey's own, wherever their files were copied to.

A sample carries its sign three times: SYNTHETIC.txt in each year's folder, SYNTHETIC.json beside
the folders, and the title inside SPSS and Stata files. One of them is enough.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

MANIFEST = "SYNTHETIC.json"
NOTICE = "SYNTHETIC.txt"
WORD = "SYNTHETIC"


def folder_is_synthetic(folder: Path, year: int) -> bool:
    """Tell whether a folder of raw files is marked as synthetic.

    Parameters
    ----------
    folder
        The folder that holds the year's files.
    year
        The year (CE): the manifest beside several years' folders counts for those it lists, so
        that a real year may be put beside them.

    Returns
    -------
    bool
        A manifest that cannot be read counts as a sign: no record is called real by mistake.
    """
    if (folder / NOTICE).is_file() or (folder / MANIFEST).is_file():
        return True
    beside = folder.parent / MANIFEST
    if not beside.is_file():
        return False
    try:
        return str(year) in json.loads(beside.read_text(encoding="utf-8"))["years"]
    except (OSError, ValueError, KeyError, TypeError):
        return True


def titles_are_synthetic(titles: Iterable[str]) -> bool:
    """Tell whether a file's title says that its records are synthetic."""
    return any(WORD in title.upper() for title in titles)
