"""The drift report as text and as a page in both languages that needs nothing beside it."""

from __future__ import annotations

import re
from base64 import b64encode
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment

from lfsmig.newyear.findings import catalogue

LEVELS = ("question", "change", "note")

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ says("title", "en") }}</title>
<style>
{% for face in faces -%}
@font-face { font-family: Sarabun; font-weight: {{ face.weight }};
  src: url(data:font/ttf;base64,{{ face.data }}); }
{% endfor -%}
body { font: 16px/1.6 Sarabun, "Noto Sans Thai", sans-serif; max-width: 70rem; margin: 1.5rem auto;
  padding: 0 1rem; color: #1b1b1b; }
h1 { font-size: 1.5rem; line-height: 1.35; } h2 { font-size: 1.15rem; margin-top: 2rem; }
section + section { border-top: 3px solid #1f4e79; margin-top: 3rem; padding-top: 1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid #ccc;
  overflow-wrap: anywhere; }
th { font-weight: 700; }
table.list th[scope=row] { min-width: 12rem; } td.number { text-align: right; white-space: nowrap; }
.question th[scope=row] { border-left: 4px solid #b3261e; }
.change th[scope=row] { border-left: 4px solid #b26a00; }
.note th[scope=row] { border-left: 4px solid #9aa0a6; }
.verdict { font-weight: 700; } ul { margin: .2rem 0; padding-left: 1.2rem; }
nav a { margin-right: 1rem; }
@media (max-width: 600px) { table.list thead { display: none; }
  table.list, table.list tbody, table.list tr, table.list th, table.list td { display: block; }
  table.list tr { border-bottom: 1px solid #999; padding: .4rem 0; }
  table.list th, table.list td { border: 0; padding: .1rem .6rem; } }
</style>
</head>
<body>
<nav><a href="#en">English</a><a href="#th" lang="th">ไทย</a></nav>
{% for lang in languages -%}
<section id="{{ lang }}" lang="{{ lang }}">
<h1>{{ says("title", lang) }}</h1>
<p class="verdict">{{ verdict(lang) }}</p>
<p>{{ says("privacy", lang) }}{% if synthetic %} {{ says("synthetic", lang) }}{% endif %}</p>
{% for level in levels -%}
<h2>{{ says(level, lang) }}</h2>
{% set found = findings | selectattr("level", "equalto", level) | list -%}
{% if found -%}
<table class="list">
<thead><tr><th scope="col">{{ says("what", lang) }}</th>
<th scope="col">{{ says("finding", lang) }}</th>
{%- if level == "question" %}<th scope="col">{{ says("decide", lang) }}</th>{% endif %}</tr></thead>
<tbody>
{% for one in found -%}
<tr class="{{ level }}"><th scope="row">{{ one.id }}</th><td>{{ one.text[lang] }}
{%- if one.evidence[lang] %}<ul>{% for line in one.evidence[lang] %}<li>{{ line }}</li>
{% endfor %}</ul>
{%- endif %}</td>{% if level == "question" %}<td>{{ one.decide[lang] }}</td>{% endif %}</tr>
{% endfor -%}
</tbody>
</table>
{% else -%}
<p>{{ says("none", lang) }}</p>
{% endif -%}
{% endfor -%}
<h2>{{ says("counts", lang) }}</h2>
<div class="scroll"><table>
<thead><tr><th scope="col">{{ says("count", lang) }}</th>
<th scope="col">{{ before + eras[lang] }}</th>
<th scope="col">{{ year + eras[lang] }}</th>
<th scope="col">{{ says("ratio", lang) }}</th></tr></thead>
<tbody>
{% for row in counts -%}
<tr><th scope="row">{{ row.label[lang] }}</th><td class="number">{{ row.before }}</td>
<td class="number">{{ row.now }}</td><td class="number">{{ row.ratio }}</td></tr>
{% endfor -%}
</tbody>
</table></div>
<h2>{{ says("next", lang) }}</h2>
<ol>{% for step in next[lang] %}<li>{{ step }}</li>{% endfor %}</ol>
</section>
{% endfor -%}
</body>
</html>
"""


def page(document: dict[str, Any]) -> str:
    """Write the page of a drift report."""

    def says(key: str, language: str) -> str:
        return _says(document, key, language)

    return (
        Environment(autoescape=True)
        .from_string(PAGE)
        .render(
            **document,
            says=says,
            verdict=lambda language: verdict(document, language),
            languages=list(document["eras"]),
            levels=LEVELS,
            faces=faces(),
        )
    )


def faces() -> list[dict[str, str]]:
    """The page's own font, so that Thai is right on any machine; none where it is not installed."""
    try:
        folder = Path(str(files("fontpkg_sarabun"))) / "files"
    except ModuleNotFoundError:
        return []
    return [
        {
            "weight": weight,
            "data": b64encode((folder / f"Sarabun-{name}.ttf").read_bytes()).decode(),
        }
        for weight, name in (("400", "Regular"), ("700", "Bold"))
    ]


def _says(document: dict[str, Any], key: str, language: str) -> str:
    years = {name: document[name] + document["eras"][language] for name in ("year", "before")}
    text: str = catalogue()["page"][key][language]
    return text.format(**years)


def verdict(document: dict[str, Any], language: str) -> str:
    """Say in one sentence whether the year can be used."""
    key = "open" if document["undecided"] else "closed"
    text: str = catalogue()["page"][key][language]
    return text.format(n=len(document["undecided"]), file=document["mapping"])


def text(document: dict[str, Any]) -> str:
    """Write the report for the terminal: questions first, then changes, then notes."""
    lines = [_says(document, "title", "en")]
    for level in LEVELS:
        found = [one for one in document["findings"] if one["level"] == level]
        if not found:
            continue
        lines += ["", _says(document, level, "en")]
        for one in found:
            lines.append(f"  {one['id']}: {one['text']['en']}")
            lines += [f"    - {line}" for line in one["evidence"]["en"]]
            if level == "question":
                lines.append(f"    → {one['decide']['en']}")
    lines += ["", _says(document, "counts", "en")]
    for row in document["counts"]:
        cells = f"{row['before']:>15}{row['now']:>15}{row['ratio']:>9}"
        lines.append(f"  {row['label']['en']:<28}{cells}")
    lines += ["", _says(document, "next", "en")]
    lines += [f"  {n}. {step}" for n, step in enumerate(document["next"]["en"], start=1)]
    lines += ["", verdict(document, "en")]
    return "\n".join(re.sub(r"[\x00-\x08\x0b-\x1f]", " ", line) for line in lines)
