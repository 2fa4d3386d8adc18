"""Every entry of the register is an exhibit of both editions, and the docs say which."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import exhibits
from tests.report.conftest import change_text, copy_project

ROOT = Path(__file__).parents[2]


def missing(root: Path) -> dict[str, list[str]]:
    return {
        language: [name for name in exhibits.register(root) if name not in places]
        for language in ("en", "th")
        for places in [exhibits.shown(language, root)]
    }


def test_every_entry_of_the_register_is_shown_in_both_editions() -> None:
    assert missing(ROOT) == {"en": [], "th": []}
    english, thai = (
        {name: [(p.chapter, p.label, p.behind) for p in places] for name, places in found.items()}
        for found in (exhibits.shown("en"), exhibits.shown("th"))
    )
    assert english == thai


@pytest.mark.parametrize("language", ["en", "th"])
def test_an_entry_without_an_exhibit_is_found(tmp_path: Path, language: str) -> None:
    root = copy_project(tmp_path / "p")
    path = root / f"chapters/{language}/02-internal.qmd"
    change_text(path, 'report.fig_regions("recent_internal.effectiveness");', "None")
    change_text(path, 'report.data_table("recent_internal.effectiveness", by="region")', "None")
    # A sentence about it is no exhibit.
    start = 'key_findings(["recent_internal.'
    told = start.replace('["', '["recent_internal.effectiveness", "')
    change_text(path, start, told)
    other = "th" if language == "en" else "en"
    assert missing(root) == {language: ["recent_internal.effectiveness"], other: []}


def test_the_list_of_exhibits_is_that_of_the_chapters() -> None:
    page = exhibits.PAGE.read_text(encoding="utf-8")
    assert page == exhibits.text(), "run `python -m tests.exhibits`"
    written = page.partition(exhibits.MARK)[0]
    labels = {p.label for places in exhibits.shown("en").values() for p in places}
    named = set(re.findall(r"`((?:fig|tbl)-[a-z-]+)`", written))
    assert named and named <= labels | {"tbl-replication-published"}
    ids = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", written)) - {"figures.csv", "report.yml"}
    assert ids <= set(exhibits.register())
