"""No person's record leaves the confidential side, and the scanner that proves it sees one."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import typst
import xlsxwriter

from lfsmig import leaks, steps
from lfsmig.errors import CheckFailed
from lfsmig.workspace import Workspace
from tests.conftest import ROOT

RECORDS = pd.DataFrame(
    {
        "household_id": ["1-10-1-0714-04-C-01", "1-10-1-0714-04-C-02"],
        "person_no": [1, 2],
        "weight": [15877.82896, 23336.754375],
        "age": [31, 64],
    }
)


@pytest.fixture
def secrets(tmp_path: Path) -> leaks.Secrets:
    RECORDS.to_parquet(tmp_path / "harmonised.parquet")
    return leaks.secrets_of([tmp_path / "harmonised.parquet"])


KEY, WEIGHT = RECORDS["household_id"][1], "23336.754375"
CELLS = RECORDS.astype(str).to_dict("records")


def _office(path: Path, text: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", f"<w:t>{text}</w:t>")


def _excel(path: Path, value: object) -> None:
    with xlsxwriter.Workbook(str(path)) as book:
        book.add_worksheet().write(0, 0, value)


def _pdf(path: Path, text: str) -> None:
    path.write_bytes(typst.compile(f"{text}".encode()))


KEYS = ("household_id", "person_no", "age")
PRINTED = "23,336.754375"
# A key broken at its hyphens, and the heads of a table, each in a line of its own.
NARROW = f"#set page(width: 3cm, margin: 3mm)\n{KEY}"
HEADS = "#table(columns: 3, [household\\_id], [person\\_no], [age])"

SEEDS: dict[str, Callable[[Path], object]] = {
    "log.txt": lambda p: p.write_text(f"row of {KEY} is odd"),
    "page.html": lambda p: p.write_text(f"<td>{KEY}</td>"),
    "chart.svg": lambda p: p.write_text(f'<g id="{KEY}"/>'),
    "weight.csv": lambda p: p.write_text(f"estimate\n{WEIGHT}\n"),
    "rows.csv": lambda p: RECORDS.assign(household_id="x", weight=1).to_csv(p, index=False),
    "rows.json": lambda p: p.write_text(json.dumps([{"household_id": "x", "person_no": 1}])),
    "cell.ipynb": lambda p: p.write_text(json.dumps({"text": [f"0  {KEY}  31"]})),
    "weight.parquet": RECORDS[["weight"]].to_parquet,
    "key.parquet": lambda p: RECORDS[["household_id"]].rename(columns=str.upper).to_parquet(p),
    "rows.parquet": lambda p: RECORDS.assign(household_id="x", weight=1.0).to_parquet(p),
    "book.xlsx": lambda p: _excel(p, KEY),
    "number.xlsx": lambda p: _excel(p, float(WEIGHT)),
    "report.docx": lambda p: _office(p, KEY),
    "report.pdf": lambda p: _pdf(p, f"Weight {WEIGHT}"),
    "heads.html": lambda p: p.write_text("<tr>" + "\n".join(f"<th>{k}</th>" for k in KEYS)),
    "marked.html": lambda p: p.write_text(f"<td>{KEY[:9]}<wbr><b>{KEY[9:]}</b></td>"),
    "printed.html": lambda p: p.write_text(f"<td>{PRINTED}</td>"),
    "search.js": lambda p: p.write_text(json.dumps([{"text": f"of {KEY} in"}])),
    "heads.docx": lambda p: _office(p, "</w:t>".join(f"<w:t>{key}" for key in KEYS)),
    "marked.docx": lambda p: _office(p, f"{KEY[:9]}</w:t><w:t>{KEY[9:]}"),
    "printed.docx": lambda p: _office(p, PRINTED),
    "narrow.pdf": lambda p: _pdf(p, NARROW),
    "heads.pdf": lambda p: _pdf(p, HEADS),
    "printed.pdf": lambda p: _pdf(p, PRINTED),
}


@pytest.mark.parametrize("name", SEEDS)
def test_a_seeded_record_is_found(name: str, secrets: leaks.Secrets, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    SEEDS[name](folder / name)
    [found] = leaks.scan([folder], secrets)[:1]
    # The message must not repeat what it found.
    assert name in found and KEY not in found and WEIGHT not in found


def test_a_pdf_is_read_where_poppler_is_missing(
    secrets: leaks.Secrets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pdf(tmp_path / "report.pdf", PRINTED)
    monkeypatch.setattr(leaks.shutil, "which", lambda _: None)
    assert leaks.scan([tmp_path / "report.pdf"], secrets)


def test_results_are_no_records(secrets: leaks.Secrets, tmp_path: Path) -> None:
    frame = pd.DataFrame({"domain": ['{"region":"1"}'], "estimate": [23336.75], "n": [64]})
    frame.to_csv(tmp_path / "results.csv")
    frame.to_parquet(tmp_path / "results.parquet")
    assert leaks.scan([tmp_path / "results.csv", tmp_path / "results.parquet"], secrets) == []


def test_a_number_near_a_weight_is_none(tmp_path: Path) -> None:
    """Among two hundred thousand weights of a whole survey some lie beside any round number."""
    weights = pd.DataFrame({"weight": [359.999999, 412.123456]})
    weights.to_parquet(tmp_path / "weights.parquet")
    known = leaks.secrets_of([tmp_path / "weights.parquet"])
    frame = pd.DataFrame({"n_psu": [360.0], "se": [412.1234561234567]})
    frame.to_parquet(tmp_path / "results.parquet")
    frame.to_csv(tmp_path / "results.csv")
    assert leaks.scan([tmp_path / "results.parquet", tmp_path / "results.csv"], known) == []
    # The total without one person less the total with that person.
    lost = frame.assign(se=(70e6 - 412.123456) - 70e6)
    lost.to_parquet(tmp_path / "leak.parquet")
    lost.to_csv(tmp_path / "leak.csv")
    assert len(leaks.scan([tmp_path / "leak.parquet", tmp_path / "leak.csv"], known)) == 2


def test_nothing_released_holds_a_record(small_data: Path) -> None:
    known = leaks.secrets_of(sorted((small_data / "harmonised").glob("20??.parquet")))
    assert len(known.keys) > 1000 and len(known.weights) > 1000
    rooms = [small_data / "released", small_data / "ledger", ROOT / "chapters"]
    assert leaks.scan([room for room in rooms if room.is_dir()], known) == []
    # The same look finds the records where they are.
    assert leaks.scan([small_data / "harmonised"], known)


def test_a_release_with_a_record_is_refused(small_data: Path, tmp_path: Path) -> None:
    workspace = Workspace.at(ROOT / "params", small_data)
    records = pd.read_parquet(workspace.harmonised(2024), columns=["household_id", "weight"])
    leak = tmp_path / "2024.csv"
    records.head(1).to_csv(leak)
    with pytest.raises(CheckFailed, match="nothing was released"):
        steps._refuse_records(workspace, [2024], [leak])
    assert not leak.exists()
