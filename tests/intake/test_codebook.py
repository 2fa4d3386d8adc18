"""The tables beside the parameters agree with them."""

from __future__ import annotations

import csv
from pathlib import Path

from lfsmig.intake.dictionary import dictionary_text, write_dictionary
from lfsmig.params import Params

BOOK = Path(__file__).parents[2] / "data" / "codebook"


def rows(name: str) -> list[dict[str, str]]:
    with (BOOK / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_dictionary_is_current(params: Params) -> None:
    """Made anew with `python -m lfsmig.intake.dictionary`."""
    assert (BOOK / "dictionary.csv").read_text(encoding="utf-8") == dictionary_text(params)


def test_dictionary_covers_every_variable_and_code(params: Params, tmp_path: Path) -> None:
    write_dictionary(params, tmp_path / "d.csv")
    written = rows("dictionary.csv")
    assert {row["variable"] for row in written} == set(params.variables)
    sex = [row for row in written if row["variable"] == "sex"]
    assert [(row["code"], row["code_label_th"]) for row in sex] == [
        ("male", "ชาย"), ("female", "หญิง")
    ]  # fmt: skip


def test_provinces(params: Params) -> None:
    provinces = rows("provinces.csv")
    assert len(provinces) == params.country.facts.provinces == len({r["code"] for r in provinces})
    assert {row["region_code"] for row in provinces} == set(params.country.regions)
    for family in params.country.families:
        assert set(family) <= {row["code"] for row in provinces}


def test_countries() -> None:
    countries = rows("countries.csv")
    for key, width in (("alpha2", 2), ("alpha3", 3), ("numeric", 3)):
        codes = [row[key] for row in countries]
        assert len(set(codes)) == len(codes) and {len(code) for code in codes} == {width}
    assert all(row["name_en"] and row["name_th"] for row in countries)
    # ISO 3166-1 has 249 entries; any of them may be an answer.
    assert len(countries) == 249
    assert {"NR", "ZW", "SS", "TL"} <= {row["alpha2"] for row in countries}
