"""Chapters share a kernel, and none finds what another one left."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from lfsmig.report.book import execute
from lfsmig.report.kernels import shared

LEAVES = """\
import os
left = 1
os.environ["LFSMIG_LEFT"] = "1"
os.chdir("/")
from lfsmig.report import words
words.catalogue.left = 1
import matplotlib.pyplot as plt
plt.figure()
print(os.getpid())"""
FINDS = """\
import os
import matplotlib.pyplot as plt
from lfsmig.report import words
print(os.getpid(), "left" in dir(), "LFSMIG_LEFT" in os.environ, os.environ["LFSMIG_LANG"],
      hasattr(words.catalogue, "left"), plt.get_fignums(), os.getcwd())"""


def printed(code: str, folder: Path, language: str) -> str:
    notebook = new_notebook(cells=[new_code_cell(code)])
    done = execute(notebook, folder / "out.ipynb", "a chapter", language, folder)
    assert nbformat.read(folder / "out.ipynb", 4).cells[0].execution_count == 1
    return "".join(o.text for o in done.cells[0].outputs if o.output_type == "stream").strip()


def test_a_chapter_finds_a_kernel_as_new(tmp_path: Path) -> None:
    process = printed(LEAVES, tmp_path, "en")
    found = printed(FINDS, tmp_path, "th")
    assert found == f"{process} False False th False [] {tmp_path}"
    shared.end()
    with pytest.raises(ProcessLookupError):
        os.kill(int(process), 0)
