"""One year's records give one harmonised table, whatever format they were sent in."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyreadstat
import pytest
import raw_files
from foreign import zipped

from lfsmig.intake.harmonise import Harmonised, harmonise
from lfsmig.params import Params

FRAME = raw_files.people(2021).rename(columns={"SIZE": "SIZE_", "WEIGHT": "WGT"})
CODES = raw_files.as_codes(FRAME)


def layout_of(frame: pd.DataFrame) -> tuple[str, str]:
    """Write a frame in fixed width; return the text and its layout table."""
    rows, start, parts = ["name,start,width"], 1, []
    for name in frame:
        texts = frame[name].map(lambda value: "" if pd.isna(value) else str(value))
        width = max(1, int(texts.str.len().max()))
        rows.append(f"{name},{start},{width}")
        parts.append(texts.str.rjust(width))
        start += width
    lines = ["".join(cells) for cells in zip(*parts, strict=True)]
    return "\n".join(lines) + "\n", "\n".join(rows) + "\n"


def write(path: Path) -> None:
    text = CODES.to_csv(index=False)
    match path.suffix:
        case ".sav" | ".zsav":
            pyreadstat.write_sav(FRAME, path, compress=path.suffix == ".zsav")
        case ".dta":
            pyreadstat.write_dta(FRAME, path)
        case ".xpt":
            pyreadstat.write_xport(FRAME, path, file_format_version=8)
        case ".csv":
            path.write_text(text, encoding="utf-16")
        case ".tsv":
            path.write_text(CODES.to_csv(index=False, sep="\t"), encoding="utf-8-sig")
        case ".xlsx":
            FRAME.to_excel(path, index=False)
        case ".parquet":
            FRAME.to_parquet(path)
        case ".txt":
            path.write_text(layout_of(CODES)[0], encoding="utf-8")
        case ".zip":
            path.write_bytes(zipped({"ข้อมูล/lfs644.csv": text.encode("cp874"), "อ่าน.pdf": b"%PDF"}))


@pytest.fixture(scope="module")
def expected(params: Params, tmp_path_factory: pytest.TempPathFactory) -> Harmonised:
    folder = tmp_path_factory.mktemp("sav")
    write(folder / "lfs644.sav")
    return harmonise(params, 2021, folder)


@pytest.mark.parametrize(
    "suffix", [".zsav", ".dta", ".xpt", ".csv", ".tsv", ".txt", ".xlsx", ".parquet", ".zip"]
)
def test_the_same_year(edited, tmp_path: Path, expected: Harmonised, suffix: str) -> None:
    folder = tmp_path / "raw" / "2021"
    folder.mkdir(parents=True)
    write(folder / f"lfs644{suffix}")
    layout = "\n    layout: ../data/codebook/lfs644.csv" if suffix == ".txt" else ""
    params = edited("years/2021.yml", "lfs644.sav", f"lfs644{suffix}{layout}")
    if layout:
        table = params.dir / ".." / "data/codebook/lfs644.csv"
        table.write_text(layout_of(CODES)[1], encoding="utf-8")
    got = harmonise(params, 2021, folder.parent)
    pd.testing.assert_frame_equal(got.frame, expected.frame)
    pd.testing.assert_frame_equal(got.blanks, expected.blanks)
    same = ["variable", "source_code", "harmonised_code", "records"]
    pd.testing.assert_frame_equal(got.ledger[same], expected.ledger[same])


def test_two_files_of_two_formats(params: Params, edited, tmp_path: Path) -> None:
    """The labour file in SPSS, the module zipped from a spreadsheet, merged on the person key."""
    folder = raw_files.write_year(tmp_path, 2023)
    before = harmonise(params, 2023, tmp_path)
    module = folder / "mig664.sav"
    frame, _ = pyreadstat.read_sav(module)
    module.unlink()
    frame.iloc[:-2].to_excel(folder / "mig664.xlsx", index=False)
    content = (folder / "mig664.xlsx").read_bytes()
    (folder / "mig664.zip").write_bytes(zipped({"mig664.xlsx": content}))
    changed = edited("years/2023.yml", "mig664.sav", "mig664.zip")
    after = harmonise(changed, 2023, tmp_path)
    merge = after.receipt["merges"][0]
    assert merge["file"] == "mig664.zip" and merge["unmatched_here"] == 2
    assert len(merge["worst"]) == 2 and merge["unmatched_there"] == 0
    assert len(after.frame) == len(before.frame)
    assert after.frame["moved"].isna().sum() == before.frame["moved"].isna().sum() + 2


def test_layouts_and_lists_decide_the_harmonised_table(edited, tmp_path: Path) -> None:
    """A changed table makes the year anew."""
    params = edited(
        "years/2021.yml", "lfs644.sav", "lfs644.txt\n    layout: ../data/codebook/lfs644.csv"
    )
    book = params.dir / ".." / "data/codebook"
    (book / "lfs644.csv").write_text(layout_of(CODES)[1], encoding="utf-8")
    hashes = {Params(params.dir).hash(2021)}
    for name in ("lfs644.csv", "province_lists.csv", "region_lists.csv", "stamps.csv"):
        with (book / name).open("a", encoding="utf-8") as lines:
            lines.write("\n")
        hashes.add(Params(params.dir).hash(2021))
    assert len(hashes) == 5
