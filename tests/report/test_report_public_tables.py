"""Public files beside the exhibits, and the same cells withheld wherever they are shown."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lfsmig import leaks

LINK = re.compile(r'href="(tables/[^"]+)"')
CELL = re.compile(r"<td[^>]*>\s*([cs])\s*</td>")


def pages(built: Path, language: str) -> dict[str, str]:
    folder = built / "_book" / language
    return {p.name: p.read_text(encoding="utf-8") for p in sorted(folder.glob("*.html"))}


def test_every_data_table_leads_to_its_files(built: Path) -> None:
    for language in ("en", "th"):
        folder = built / "_book" / language
        links = [link for text in pages(built, language).values() for link in LINK.findall(text)]
        assert len(links) > 30
        assert {Path(link).suffix for link in links} == {".csv", ".json", ".xlsx"}
        assert all((folder / link).is_file() for link in links)


def test_both_editions_withhold_the_same_cells(built: Path, released: Path) -> None:
    english, thai = pages(built, "en"), pages(built, "th")
    hidden = [[CELL.findall(text) for text in book.values()] for book in (english, thai)]
    assert hidden[0] == hidden[1]
    assert sum(map(len, hidden[0])) > 3
    tables = [built / "_book" / language / "tables" for language in ("en", "th")]
    names = sorted(p.name for p in tables[0].iterdir())
    assert names == sorted(p.name for p in tables[1].iterdir())
    for name in names:
        same = (released / "released/tables" / name).read_bytes()
        assert all((folder / name).read_bytes() == same for folder in tables)


def test_twins_hold_no_value_of_a_withheld_cell(built: Path, released: Path) -> None:
    shown = [pd.read_parquet(p) for p in (released / "released").glob("20??.parquet")]
    cells = pd.concat(shown).value_counts(["indicator", "flag"])
    for path in (built / "_book/en/tables").glob("*.csv"):
        frame = pd.read_csv(path, keep_default_na=False, dtype=str)
        for flag, rows in frame.groupby("flag"):
            assert len(rows) == cells[path.stem, flag]
            if flag in ("c", "s"):
                assert rows[["estimate", "se", "ci_low", "ci_high"]].eq("").all(axis=None)


COLUMNS = frozenset({"household_id", "person_no", "psu", "stratum", "weight", "age", "sex"})
KEY, WEIGHT = "1-10-1-0714-04-C-02", 15877.828961
KNOWN = leaks.Secrets(frozenset({KEY}), np.array([WEIGHT]), COLUMNS)


def test_the_book_holds_no_record(built: Path) -> None:
    assert leaks.scan([built / "_book", built / "chapters"], KNOWN) == []


@pytest.mark.parametrize("record", [KEY, f"{WEIGHT:,.6f}", "household_id person_no weight"])
def test_a_record_in_a_page_or_document_of_the_book_is_seen(
    built: Path, tmp_path: Path, record: str
) -> None:
    page = (built / "_book/en/index.html").read_text(encoding="utf-8")
    (tmp_path / "page.html").write_text(page.replace("</body>", f"<p>{record}</p></body>"), "utf-8")
    [word] = (built / "_book/en").glob("*.docx")
    with zipfile.ZipFile(word) as old, zipfile.ZipFile(tmp_path / "word.docx", "w") as new:
        for name in old.namelist():
            text = old.read(name)
            if name == "word/document.xml":
                text = text.replace(b"</w:body>", f"<w:t>{record}</w:t></w:body>".encode())
            new.writestr(name, text)
    found = leaks.scan([tmp_path], KNOWN)
    assert [line.split(":")[0].rsplit("/")[-1] for line in found] == ["page.html", "word.docx"]
