"""A copy of the book's sources, small released results, and one build that the tests share."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml
from mock_released import build

from lfsmig.report.render import build_report
from tests.shared import made_once

ROOT = Path(__file__).parents[2]
BUILD_YEARS = [2024]


def copy_project(target: Path) -> Path:
    """Copy what a report is made from."""
    target.mkdir(parents=True, exist_ok=True)
    for pattern in ("index.*.qmd", "_quarto*.yml", "_language-*.yml", "references*.bib"):
        for path in ROOT.glob(pattern):
            shutil.copyfile(path, target / path.name)
    ignored = shutil.ignore_patterns("*.ipynb", "__pycache__")
    # Without its tables the parameters are not read, and codes have no labels.
    for name in ("chapters", "_extensions", "params", "data/codebook"):
        shutil.copytree(ROOT / name, target / name, ignore=ignored)
    return target


def set_years(root: Path, years: list[int]) -> None:
    """Change the years of a copied project's report."""
    path = root / "params/report.yml"
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump({**settings, "years": years}), encoding="utf-8")


def cut_to_headings(path: Path) -> None:
    """Keep a chapter's first two cells and its headings."""
    text = path.read_text(encoding="utf-8")
    cells = re.findall(r"^```\{python\}.*?^```$", text, re.M | re.S)[:2]
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    headings = re.findall(r"^#.*$", prose, re.M)
    path.write_text("\n\n".join([headings[0], *cells, *headings[1:]]) + "\n", encoding="utf-8")


# Exhibits that tests ask for by name.
NAMED = {"fig-internal-rate", "fig-internal-sex", "fig-internal-net", "fig-internal-age"}
BLOCK = re.compile(r"^```.*?^```$|[^\n]+(?:\n(?!```)[^\n]+)*", re.M | re.S)


def cut_to_kinds(path: Path, most: int = 1) -> None:
    """Keep some exhibits of each kind, with the tables behind them, and no text on the others."""
    seen: dict[str, int] = {}
    dropped: set[str] = set()
    kept: list[str] = []
    shown = True
    for found in BLOCK.finditer(path.read_text(encoding="utf-8")):
        block = found[0]
        if block.startswith("```"):
            called = re.search(r"^report\.(\w+)\(", block, re.M)
            kind, label = called[1] if called else "", _label(block)
            if label:
                seen[kind] = seen.get(kind, 0) + 1
                shown = seen[kind] <= most or label in NAMED
                dropped |= set() if shown else {label}
            # The tables behind an exhibit stand below it.
            if not label and kind != "data_table":
                shown = True
            if shown:
                kept.append(block)
        else:
            kept.append(block)
    text = "\n\n".join(b for b in kept if not any(f"@{name}" in b for name in dropped))
    path.write_text(text + "\n", encoding="utf-8")


def _label(cell: str) -> str:
    found = re.search(r"^#\| label: *(\S+)", cell, re.M)
    return found[1] if found else ""


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data root with released results of all years."""
    return made_once(tmp_path_factory, "released", build)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A fresh copy of the book's sources, to be broken."""
    return copy_project(tmp_path / "project")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, released: Path) -> Path:
    """Root of a project whose report was built by the built-in road, both editions.

    One working paper stands for all, three chapters are cut to their headings, and one to an
    exhibit of each kind.
    """
    return made_once(tmp_path_factory, "book", lambda root: _build_book(root, released))


def _build_book(root: Path, released: Path) -> None:
    copy_project(root)
    set_years(root, BUILD_YEARS)
    for language in ("en", "th"):
        for name in ("03-international", "04-lifetime", "05-remittances"):
            cut_to_headings(root / "chapters" / language / f"{name}.qmd")
        cut_to_kinds(root / "chapters" / language / "02-internal.qmd")
    with pytest.MonkeyPatch.context() as patch:
        without_exhibits(patch)
        build_report(root, root / "params", released, with_="builtin")


def without_exhibits(patch: pytest.MonkeyPatch) -> None:
    """Let the cut chapters quote what they no longer show."""
    patch.setattr("lfsmig.report.lint.finding_problems", lambda chapters: [])


@pytest.fixture
def book(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the built project, to be changed; its chapters count as executed."""
    without_exhibits(monkeypatch)
    root = tmp_path / "book"
    shutil.copytree(built, root)
    record = root / "_work/report/notebooks.json"
    record.write_text(record.read_text("utf-8").replace(str(built), str(root)), encoding="utf-8")
    return root


@pytest.fixture
def edition(monkeypatch: pytest.MonkeyPatch, released: Path) -> pytest.MonkeyPatch:
    """Environment of a chapter's cell; the test sets the language."""
    monkeypatch.setenv("LFSMIG_DATA", str(released))
    monkeypatch.setenv("LFSMIG_PARAMS", str(ROOT / "params"))
    monkeypatch.setenv("LFSMIG_LANG", "en")
    return monkeypatch


def change_text(path: Path, old: str, new: str) -> None:
    """Plant a fault in a file."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
