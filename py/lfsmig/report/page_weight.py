"""Pages without what they say over and over: looks of charts' parts, sides of tables' cells.

A chart of a dozen small charts has a thousand parts with a dozen looks, and every cell of a table
names its side. Written once for a page, they make it a quarter lighter.
"""

from __future__ import annotations

import re
from collections import Counter

SVG = re.compile(r"<svg\b[^>]*\bclass=\"chart\".*?</svg>", re.S)
STYLE = re.compile(r' style="([^"]*)"')
CELL = re.compile(r'<(t[dh]) style="text-align: (left|right|center);"')
# The letters of a chart: colour, size and weight are a look too.
TYPE = re.compile(r'<text fill="(#\w+)" font-size="([\d.]+)"(?: font-weight="(\d+)")?')
OUTLINE = re.compile(r' d="([^"]*)"')
# The style sheet knows them; a cell stands at the left unless it says otherwise.
SIDES = {"left": "", "right": ' class="r"', "center": ' class="c"'}


def lighter(page: str) -> str:
    """Return a page that looks the same and weighs less."""
    page = CELL.sub(lambda found: f"<{found[1]}{SIDES[found[2]]}", page)
    page = SVG.sub(lambda found: TYPE.sub(_type, found[0]), page)
    looks = Counter(look for chart in SVG.findall(page) for look in STYLE.findall(chart))
    # A name pays from the second time on.
    names = {look: f"s{n}" for n, look in enumerate(k for k, times in looks.items() if times > 1)}
    if not names:
        return page
    page = SVG.sub(lambda found: _chart(found[0], names), page)
    # Two classes, so that no rule of the style sheet for a kind of element comes before them.
    rules = "".join(f".chart .{name}{{{look}}}" for look, name in names.items())
    return page.replace("</head>", f"<style>{rules}</style>\n</head>", 1)


def _type(found: re.Match[str]) -> str:
    weight = f";font-weight:{found[3]}" if found[3] else ""
    return f'<text style="fill:{found[1]};font-size:{found[2]}px{weight}"'


def _chart(svg: str, names: dict[str, str]) -> str:
    def look(found: re.Match[str]) -> str:
        name = names.get(found[1])
        return f' class="{name}"' if name else found[0]

    return OUTLINE.sub(lambda found: f' d="{_outline(found[1])}"', STYLE.sub(look, svg))


def _outline(steps: str) -> str:
    """The steps of an outline without the spaces that no reader of it needs."""
    return re.sub(r" ?([A-Za-z]) ?", r"\1", steps).replace(" -", "-")
