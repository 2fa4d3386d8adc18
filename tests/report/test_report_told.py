"""What the report tells of its files and of pandoc's faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from lfsmig.errors import ChapterError
from lfsmig.report import data
from lfsmig.report.pandoc import pandoc
from lfsmig.report.working import tbl_files


def test_the_working_paper_names_the_master_that_was_read(edition: pytest.MonkeyPatch) -> None:
    assert "frozen master version" not in tbl_files(2023).data
    told = {**data.summary(2023), "master": "v02_M"}
    edition.setattr(data, "summary", lambda year: told)
    assert "Read from the frozen master version v02_M." in tbl_files(2023).data
    edition.setenv("LFSMIG_LANG", "th")
    assert "v02_M" in tbl_files(2023).data


def test_pandocs_fault_is_told_and_not_the_warning_before_it(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# A\n", encoding="utf-8")
    (tmp_path / "f.lua").write_text(
        'io.stderr:write("[WARNING] something else\\n")\n'
        'function Header() error("the head is wrong") end\n',
        encoding="utf-8",
    )
    with pytest.raises(ChapterError) as told:
        pandoc(tmp_path, ["a.md", "--lua-filter", "f.lua", "-o", "a.html"])
    assert "WARNING" not in str(told.value) and "\n" not in str(told.value)
    assert str(told.value).startswith("pandoc: ") and "f.lua" in str(told.value)
