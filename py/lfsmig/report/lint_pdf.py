"""The words of a PDF for the linter of pages, without its code and its formulas.

Code may hold what prose may not (`None`, `nan`). A PDF does not say what is code; its font does.
"""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from lfsmig.report.page_reader import Text

READER = "pdftohtml"
FONT = re.compile(r'<fontspec id="(\d+)"[^>]* family="(?:\w+\+)?([^"]*)"')
LINE = re.compile(r'<text\b[^>]*\bfont="(\d+)"[^>]*>(.*?)</text>', re.S)


def pdf_texts(path: Path, prose: Sequence[str]) -> list[Text] | None:
    """Return the words of each page, line by line; nothing where no reader is on the machine.

    Parameters
    ----------
    path
        A PDF.
    prose
        How the names of the fonts begin that prose is set in.
    """
    program = shutil.which(READER)
    if program is None:
        return None
    command = [program, "-xml", "-i", "-stdout", str(path)]
    done = subprocess.run(command, capture_output=True, check=True)
    read = done.stdout.decode("utf-8", "replace")
    ours = {number for number, name in FONT.findall(read) if name.startswith(tuple(prose))}
    pages = [LINE.findall(page) for page in read.split("<page ")[1:]]
    return [
        Text("\n".join(_words(line) for font, line in page if font in ours), "", False)
        for page in pages
    ]


def _words(line: str) -> str:
    """A line without the marks of its links and its type."""
    return html.unescape(re.sub(r"<[^>]+>", "", line)).strip()
