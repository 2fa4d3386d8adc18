"""Pages weigh less and look the same."""

from __future__ import annotations

import re

from lfsmig.report.page_weight import lighter

LOOK = "fill:none;stroke:#043974;stroke-width:1.1"
CHART = (
    f'<svg aria-label="told" class="chart"><path d="M 1.5 -2 L -3 4 z" style="{LOOK}"/>'
    f'<use href="#c1" style="{LOOK}"/><path d="M 0 0" style="fill:#fff"/>'
    '<text fill="#111" font-size="9" font-weight="700" x="1">ร้อยละ</text>'
    '<text fill="#111" font-size="9" font-weight="700" x="2">2567</text></svg>'
)
PAGE = (
    f"<html><head></head><body>{CHART}<table><tr>"
    '<th style="text-align: left;">a</th><td style="text-align: right;">1</td>'
    '<td style="text-align: center;">c</td></tr></table>'
    '<p style="text-align: right;">kept</p></body></html>'
)


def looks_of(page: str) -> list[str]:
    """Look of each part of the charts, by its style or by the rule of its class."""
    rules = dict(re.findall(r"\.chart \.(s\d+)\{([^}]*)\}", page))
    drawn = "".join(re.findall(r"<svg.*?</svg>", page, re.S))
    found = re.findall(r' (?:style="([^"]*)"|class="(s\d+)")', drawn)
    return [style or rules[name] for style, name in found]


def test_looks_are_said_once_and_stay_the_same() -> None:
    made = lighter(PAGE)
    bold = "fill:#111;font-size:9px;font-weight:700"
    assert looks_of(made) == [LOOK, LOOK, "fill:#fff", bold, bold]
    assert made.count(LOOK) == made.count(bold) == 1
    # What is there once keeps its style; so does whatever is no chart.
    assert 'style="fill:#fff"' in made
    assert '<p style="text-align: right;">kept' in made
    assert ' d="M1.5-2L-3 4z"' in made
    assert '<th>a</th><td class="r">1</td><td class="c">c</td>' in made
    assert ">ร้อยละ</text>" in made
    assert lighter(made) == made


def test_a_page_without_charts_gets_no_rules() -> None:
    page = "<html><head></head><body><p>text</p></body></html>"
    assert lighter(page) == page
