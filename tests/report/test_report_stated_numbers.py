"""Texts of the register that repeat a parameter say what the parameter is."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import yaml

from lfsmig.concept_money import NOMINAL, WITH_ZEROS
from lfsmig.report import words
from tests.report.conftest import change_text

ROOT = Path(__file__).parents[2]


def stale(params: Path) -> Iterator[str]:
    """Texts that name another cut of winsorised means or another base year of prices."""
    country = yaml.safe_load((params / "country.yml").read_text(encoding="utf-8"))
    base = country["prices"]["base_year"]
    cut = f"{100 * country['winsorise_at']:g}"
    register = yaml.safe_load((params / "indicators.yml").read_text(encoding="utf-8"))
    for entry in register["indicators"]:
        for key in ("label", "base", "note"):
            for language, text in (entry.get(key) or {}).items():
                years = set(map(int, re.findall(r"(?<!\d)(?:19|2[0-5])\d\d(?!\d)", text)))
                here = base + words.catalogue()["era_offset"][language]
                if entry.get("of") in {*NOMINAL, *WITH_ZEROS} and years - {here}:
                    yield f"{entry['id']}: {key}: {text}"
                if key == "note" and entry.get("winsorised"):
                    numbers = re.findall(r"\d+(?:\.\d+)?", text)
                    if numbers and cut not in numbers:
                        yield f"{entry['id']}: {key}: {text}"


def test_texts_name_the_cut_and_the_base_year_of_the_parameters(tmp_path: Path) -> None:
    """Red before: nothing asked, and a changed parameter left 99 and 2019 in every table's note."""
    assert list(stale(ROOT / "params")) == []
    params = tmp_path / "params"
    params.mkdir()
    for name in ("country.yml", "indicators.yml"):
        shutil.copyfile(ROOT / "params" / name, params / name)
    change_text(params / "country.yml", "winsorise_at: 0.99", "winsorise_at: 0.95")
    cut = list(stale(params))
    assert len(cut) > 5 and all(": note: " in line for line in cut)
    change_text(params / "country.yml", "base_year: 2019", "base_year: 2021")
    assert len(list(stale(params))) > len(cut) + 10
