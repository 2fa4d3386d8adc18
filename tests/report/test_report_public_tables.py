"""Public files beside the exhibits, and the same cells withheld wherever they are shown."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

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


def test_the_book_holds_no_record(built: Path) -> None:
    columns = frozenset({"household_id", "person_no", "psu", "stratum", "weight", "age", "sex"})
    known = leaks.Secrets(frozenset(), pd.Series(dtype=float).to_numpy(), columns)
    assert leaks.scan([built / "_book", built / "chapters"], known) == []
