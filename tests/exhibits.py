"""Where each entry of the register stands in the report; writes the last part of docs/exhibits.md.

python -m tests.exhibits          (in the project's folder)
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lfsmig import yamltext
from lfsmig.atomic import write_text

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "exhibits.md"
MARK = "<!-- Below: written by `python -m tests.exhibits`. -->\n"
CELL = re.compile(r"^```\{python\}\n(.*?)^```", re.M | re.S)
OPTION = re.compile(r"^#\| (\S+): *(.*)$", re.M)
# Calls that put numbers on a page: charts, tables, and the tables behind them.
SHOWS = re.compile(r"fig_\w+|tbl_\w+|data_table|\w+_tables?")
# A chart that finds its indicators in report.yml.
OF_REPORT = {"fig_age_profile": "age_profile"}


class Place(NamedTuple):
    """Where an entry stands: the exhibit's label and caption; `behind` it if only in its table."""

    chapter: str
    label: str
    caption: str
    behind: bool


def register(root: Path = ROOT) -> list[str]:
    """Ids of the register of exhibits, in its order."""
    text = (root / "params/indicators.yml").read_text(encoding="utf-8")
    return [entry["id"] for entry in yamltext.plain(text)["indicators"]]


def shown(language: str, root: Path = ROOT) -> dict[str, list[Place]]:
    """By entry of the register, its places in an edition."""
    ids = set(register(root))
    report = yamltext.plain((root / "params/report.yml").read_text(encoding="utf-8"))
    found: dict[str, list[Place]] = {}
    chapters = sorted((root / "chapters" / language).glob("*.qmd"))
    for path in [root / f"index.{language}.qmd", *chapters]:
        label = caption = ""
        for code in CELL.findall(path.read_text(encoding="utf-8")):
            options = dict(OPTION.findall(code))
            if "label" in options:
                label = options["label"]
                caption = str(options.get(f"{label[:3]}-cap", "")).strip('"')
            for name in _named(code, ids, report):
                stem = path.stem.partition(".")[0]
                place = Place(stem, label, caption, "label" not in options)
                if label and place not in found.setdefault(name, []):
                    found[name].append(place)
    return found


def _named(code: str, ids: set[str], report: dict) -> Iterator[str]:
    """Entries whose numbers a cell shows; sentences about them do not count."""
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if SHOWS.fullmatch(node.func.attr):
            values = [one.value for one in ast.walk(node) if isinstance(one, ast.Constant)]
            yield from (value for value in values if value in ids)
            if stated := report.get(OF_REPORT.get(node.func.attr, "")):
                if any(keyword.arg == "single" for keyword in node.keywords):
                    stated = stated["single"]
                yield from {stated["indicator"]} & ids


def table(root: Path = ROOT) -> str:
    """The register's entries with their exhibits, labelled ones first."""
    lines = ["| entry of the register | exhibits | in the table behind |", "|---|---|---|"]
    places = shown("en", root)
    for name in register(root):
        labelled = [f"`{p.label}`" for p in places.get(name, []) if not p.behind]
        behind = [f"`{p.label}`" for p in places.get(name, []) if p.behind]
        behind = [label for label in behind if label not in labelled]
        lines.append(f"| `{name}` | {' '.join(labelled)} | {' '.join(behind)} |")
    return "\n".join(lines) + "\n"


def text(root: Path = ROOT) -> str:
    """The page as it should be: what people wrote, and the table."""
    written = (root / "docs" / "exhibits.md").read_text(encoding="utf-8").partition(MARK)[0]
    return f"{written}{MARK}\n{table(root)}"


if __name__ == "__main__":
    write_text(PAGE, text())
