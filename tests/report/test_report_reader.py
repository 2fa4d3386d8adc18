"""The pages in a browser, as readers use them: search, keyboard, the other language, axe-core.

One browser for all tests. What a chart looks like is asked elsewhere: axe looks at its frame only,
for its colours on a drawing take it longer than all the rest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from test_report_build import CHROMIUM, CHROMIUM_OPTIONS, LANGUAGES, pdf_text

PHONE, DESK = 390, 1280
GRAVE = {"serious", "critical"}
AXE = """async () => {
    // As a reader finds a page; at a phone's width with the first of its data tables opened.
    const tables = [...document.querySelectorAll('main details')];
    tables.slice(0, innerWidth < 500 ? 2 : 0).forEach(one => one.open = true);
    document.querySelectorAll('svg.chart').forEach(one => one.replaceChildren());
    // Colours do not change with the width.
    const rules = {'color-contrast': {enabled: innerWidth < 500}};
    const found = await axe.run(document, {resultTypes: ['violations'], rules});
    return found.violations.map(v => [v.impact, v.id, v.nodes[0].html.slice(0, 120)]);
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    if not Path(CHROMIUM).is_file():
        pytest.skip(f"{CHROMIUM} is not installed")
    with sync_api.sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        yield made
        made.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    made = browser.new_page(viewport={"width": DESK, "height": 800})
    yield made
    made.close()


def axe_source() -> str:
    pytest.importorskip("axe_playwright_python")
    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


def judged(page: Any, path: Path, script: str) -> list[Any]:
    """Grave findings of axe-core on a page."""
    page.goto(path.resolve().as_uri())
    page.evaluate(script)
    return [found for found in page.evaluate(AXE) if found[0] in GRAVE]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_axe_finds_nothing_serious(browser: Any, built: Path, width: int, language: str) -> None:
    """Red before: code and formulas that scroll could not be reached by keyboard."""
    script = axe_source()
    page = browser.new_page(viewport={"width": width, "height": 844})
    paths = sorted((built / f"_book/{language}").glob("*.html"))
    found = {path.name: grave for path in paths if (grave := judged(page, path, script))}
    page.close()
    assert len(paths) > 8
    assert found == {}


FAULTS = {
    "image-alt": ("<main id=", '<img src="a.png"><main id='),
    "html-has-lang": ('<html lang="en">', "<html>"),
    "color-contrast": ("--ink: #24292f", "--ink: #b0b0b0"),
    "label": ('<label for="search">', "<label>"),
    "link-name": ('<a class="skip" href="#content">', '<a href="#content"></a><a href="#content">'),
    "svg-img-alt": ('<svg aria-label="', '<svg data-label="'),
    "list": ("<ol>", "<ol><div>no item</div>"),
    "document-title": ("<title>", "<title></title><x-title>"),
}


@pytest.mark.parametrize("rule", FAULTS)
def test_axe_sees_a_planted_fault(page: Any, built: Path, tmp_path: Path, rule: str) -> None:
    old, new = FAULTS[rule]
    for name in ("index.html", "book.css", "book.js"):
        text = (built / "_book/en" / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace(old, new), encoding="utf-8")
    # Where colours are looked at; on a phone the contents are folded away.
    page.set_viewport_size({"width": PHONE if rule == "color-contrast" else DESK, "height": 800})
    told = "".join((tmp_path / n).read_text("utf-8") for n in ("index.html", "book.css"))
    assert new in told
    assert rule in {found[1] for found in judged(page, tmp_path / "index.html", axe_source())}


# --- search --------------------------------------------------------------------------------------

SEARCHED = {
    # A word inside a word: Thai writes no spaces.
    "en": [("remittances", "sec-remittances"), ("REGIONS net", "sec-internal")],
    # The last stands nowhere as it is written: what comes near is offered.
    "th": [
        ("ถิ่นภายใน", "sec-internal"),
        ("ร้อยละ ภาค", "sec-internal"),
        ("ย้ายถิ่นภายในช่วงล่าสุดรายเดือน", "sec-"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_search_leads_to_the_section(page: Any, built: Path, language: str) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    for query, wanted in SEARCHED[language]:
        page.goto((built / f"_book/{language}/sec-references.html").as_uri())
        page.fill("#search", query)
        page.wait_for_selector("form[role=search] li a")
        targets = page.eval_on_selector_all("form[role=search] li a", "all => all.map(a => a.href)")
        assert any(wanted in target for target in targets), (query, targets)
        assert re.search(r"\d", page.inner_text("form[role=search] [role=status]"))
        # All by keyboard: down to the first result, and there.
        page.keyboard.press("ArrowDown")
        assert page.evaluate("document.activeElement.tagName") == "A"
        page.keyboard.press("Enter")
        page.wait_for_url(targets[0])
        place = page.url.partition("#")[2]
        assert page.locator(f"[id='{place}']").count() == 1
    page.fill("#search", "qqqxyz")
    # The index may still be on its way.
    said = "document.querySelector('form[role=search] [role=status]').textContent !== ''"
    page.wait_for_function(said)
    assert page.locator("form[role=search] ul").is_hidden()
    page.keyboard.press("Escape")
    assert page.input_value("#search") == ""
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []


INDEX = [
    # Alike in everything but how often the word is said.
    {"page": "index.html", "id": "once", "title": "A", "text": "apples and other fruit"},
    {"page": "index.html", "id": "thrice", "title": "B", "text": "apples, apples and apples"},
    {"page": "index.html", "id": "twice", "title": "C", "text": "apples like apples"},
    # A word inside a word, with nothing else that comes near.
    {"page": "index.html", "id": "inside", "title": "D", "text": "pineapplesauce"},
    {"page": "index.html", "id": "named", "title": "Apples", "text": "red"},
    {"page": "index.html", "id": "in-name", "title": "Pineapples", "text": "yellow"},
    # Shares most pairs of letters with "apples pears", but has only the one word.
    {"page": "index.html", "id": "both", "title": "E", "text": "pears beside apples"},
]


def found_for(page: Any, query: str) -> list[str]:
    """Places that a search in `INDEX` leads to, in their order."""
    page.fill("#search", "")
    page.fill("#search", query)
    said = "document.querySelector('form[role=search] [role=status]').textContent !== ''"
    page.wait_for_function(said)
    links = "all => all.map(a => a.hash.slice(1))"
    return page.eval_on_selector_all("form[role=search] li a", links)


def test_search_orders_by_title_and_by_how_often_a_word_is_said(
    page: Any, built: Path, tmp_path: Path
) -> None:
    """Red where a word counted once however often it was said, and with whole words only."""
    for name in ("sec-references.html", "book.css", "book.js"):
        (tmp_path / name).write_bytes((built / "_book/en" / name).read_bytes())
    entries = json.dumps([{**entry, "chapter": "Fruit"} for entry in INDEX])
    (tmp_path / "search-index.js").write_text(f"window.bookIndex={entries};\n", encoding="utf-8")
    page.goto((tmp_path / "sec-references.html").as_uri())
    ordered = ["named", "in-name", "thrice", "twice", "once", "inside", "both"]
    assert found_for(page, "apples") == ordered
    assert found_for(page, "applesau") == ["inside"]
    # All words must be there, wherever they stand.
    assert found_for(page, "apples pears") == ["both"]


def test_without_scripts_there_is_no_empty_field(browser: Any, built: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((built / "_book/en/index.html").as_uri())
    assert not page.locator("form[role=search]").is_visible()
    assert page.locator("nav.contents a").first.is_visible()
    context.close()


# --- keyboard, language, print -------------------------------------------------------------------


def test_keyboard_reaches_text_search_and_contents(page: Any, built: Path) -> None:
    page.goto((built / "_book/th/sec-internal.html").as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")
    ring = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(ring) != "none"
    marks = "e => e.map(one => one.tagName)"
    landmarks = page.eval_on_selector_all("header, nav, main, [role=search], footer", marks)
    assert {"HEADER", "NAV", "MAIN", "FORM", "FOOTER"} <= set(landmarks)
    names = page.eval_on_selector_all("nav", "e => e.map(one => one.ariaLabel)")
    assert all(names)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("language", LANGUAGES)
def test_other_language_opens_at_the_same_place(page: Any, built: Path, language: str) -> None:
    other = {"en": "th", "th": "en"}[language]
    page.goto((built / f"_book/{language}/sec-internal.html").as_uri())
    page.evaluate("document.getElementById('fig-internal-sex').scrollIntoView()")
    page.evaluate("document.querySelector('.editions a').click()")
    page.wait_for_url(f"**/{other}/sec-internal.html#fig-internal-sex")
    place = "document.getElementById('fig-internal-sex').getBoundingClientRect().top"
    page.wait_for_function(f"Math.abs({place}) < 200")


def test_table_and_file_are_one_click_from_every_chart(page: Any, built: Path) -> None:
    far = """() => [...document.querySelectorAll('div[id^=fig-]')].filter(chart => {
        // What others have published of it may stand between.
        const below = chart.nextElementSibling;
        const beside = below && below.matches('.published-beside');
        const next = beside ? below.nextElementSibling : below;
        return !next || !next.matches('details.data-table');
    }).map(chart => chart.id)"""
    # A table of what the survey does not have says so, and has no file.
    links = "all => all.map(one => one.querySelectorAll('a[href$=\".csv\"]').length)"
    for name in ("internal", "international", "lifetime", "remittances"):
        page.goto((built / f"_book/en/sec-{name}.html").as_uri())
        assert page.evaluate(far) == []
        counts = page.eval_on_selector_all("details.data-table:has(table)", links)
        assert 0 not in counts
        assert len(counts) > 6 or name != "internal"


def test_print_hides_what_paper_cannot_do(page: Any, built: Path) -> None:
    page.goto((built / "_book/en/sec-internal.html").as_uri())
    page.emulate_media(media="print")
    for part in (".contents", ".turn", "[role=search]"):
        assert not page.locator(part).first.is_visible(), part
    assert page.locator("svg.chart").first.is_visible()
    assert page.eval_on_selector("svg.chart", "one => getComputedStyle(one).breakInside") == "avoid"
    # Nothing scrolls on paper.
    assert (
        page.eval_on_selector(".chart-box", "one => getComputedStyle(one).overflowX") == "visible"
    )


@pytest.mark.parametrize("scripts", [True, False])
def test_printed_pages_have_the_data_tables(
    browser: Any, built: Path, tmp_path: Path, scripts: bool
) -> None:
    """Red before: tables stayed folded up, and paper had none of the numbers behind the charts."""
    context = browser.new_context(java_script_enabled=scripts)
    page = context.new_page()
    page.goto((built / "_book/en/index.html").as_uri())
    assert page.locator("main details[open]").count() == 0
    page.pdf(path=str(tmp_path / "page.pdf"))
    context.close()
    text = " ".join(pdf_text(tmp_path / "page.pdf").split())
    source = (built / "_book/en/index.html").read_text(encoding="utf-8")
    folded = re.findall(r"<details class=\"data-table\".*?</details>", source, re.S)
    # The last row's name and the notes of each table.
    assert len(folded) >= 2
    assert text.count("Confidence level: 95 per cent.") == sum(
        one.count("Confidence") for one in folded
    )
