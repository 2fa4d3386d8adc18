"""The page of a comparison: standalone HTML with a section in each language."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment

from lfsmig.commands.receive.words import (
    LAYOUT_WORDS,
    TOTAL_WORDS,
    WORDS,
    cell_name,
    number,
    percent,
    signed,
)
from lfsmig.newyear.pages import faces
from lfsmig.params import Params

COUNTS = (
    "before",
    "after",
    "added",
    "removed",
    "amended",
    "amended_beyond_weight",
    "unchanged",
)
PAGE = """<!DOCTYPE html>
<html lang="{{ languages[0] }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ words[languages[0]].title.format(**shown[languages[0]]) }}</title>
<style>
{% for face in faces %}@font-face { font-family: Sarabun; font-weight: {{ face.weight }};
  src: url(data:font/ttf;base64,{{ face.data }}); }
{% endfor %}body { font: 16px/1.6 Sarabun, "Noto Sans Thai", sans-serif; max-width: 62rem;
  margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid #ccc;
  vertical-align: top; }
td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.note { color: #444; } .scroll { overflow-x: auto; }
section + section { border-top: 3px solid #ccc; margin-top: 3rem; padding-top: 1rem; }
</style>
</head>
<body>
{% for lang in languages %}{% set w = words[lang] %}
<section lang="{{ lang }}">
<h1>{{ w.title.format(**shown[lang]) }}</h1>
<p class="note">{{ w.confidential.format(few=found.min_cases) }}
{% if found.synthetic %}{{ w.synthetic }}{% endif %}</p>
<h2>{{ w.layout }}</h2>
{% if found.layout %}<div class="scroll"><table><thead><tr><th scope="col">{{ w.file }}</th>
<th scope="col">{{ w.what }}</th><th scope="col">{{ w["names"] }}</th></tr></thead><tbody>
{% for one in found.layout %}<tr><th scope="row">{{ one.file }}</th>
<td>{{ layout_words[lang][one.what] }}</td><td>{{ one["names"] | join(", ") }}</td></tr>
{% endfor %}</tbody></table></div>{% else %}<p>{{ w.no_layout }}</p>{% endif %}
{% if found.reason %}<p><strong>{{ w.not_made }}</strong>: {{ found.reason }}</p>{% endif %}
{% if found.records %}
<h2>{{ w.records }}</h2>
<table><thead><tr>{% for name in counts %}
<th scope="col">{{ w[name] }}</th>{% endfor %}</tr></thead><tbody><tr>
{% for name in counts %}
<td class="n">{{ "{:,}".format(found.records[name]) }}</td>{% endfor %}</tr></tbody></table>
{% if found.records.repeated_keys %}
<p>{{ w.repeated.format(n=found.records.repeated_keys) }}</p>{% endif %}
<h2>{{ w["values"] }}</h2>
{% if found["values"] %}<div class="scroll"><table><thead><tr><th scope="col">{{ w.variable }}</th>
{% for name in ("amended", "changed", "filled", "blanked") %}<th scope="col">{{ w[name] }}</th>
{% endfor %}<th scope="col">{{ w.codes }}</th></tr></thead><tbody>
{% for row in found["values"] %}<tr><th scope="row">{{ label(found.variables[row.variable], lang) }}
<br><code>{{ row.variable }}</code></th>
{% if row.what != "amended" %}<td colspan="5">{{ w[row.what] }}</td>{% else %}
{% if not row.records %}<td colspan="5">{{ w.few.format(few=found.min_cases) }}</td>{% else %}
<td class="n">{{ count(row.records, lang) }}</td>
{% for name in ("changed", "filled", "blanked") %}
<td class="n">{{ count(row[name], lang) }}</td>{% endfor %}
<td>{% for one in row.codes %}{{ code(row.variable, one.before, lang) }} →
{{ code(row.variable, one.after, lang) }}:
{{ count(one.records, lang) }}<br>{% endfor %}
{% if row.other_codes %}{{ w.more_codes.format(n=row.other_codes) }}{% endif %}</td>{% endif %}
{% endif %}</tr>{% endfor %}</tbody></table></div>
{% else %}<p>{{ w.no_values }}</p>{% endif %}
{% endif %}
{% if found.totals %}<h2>{{ w.totals }}</h2>
<table><thead><tr><th scope="col">{{ w.item }}</th><th scope="col">{{ w.before }}</th>
<th scope="col">{{ w.after }}</th><th scope="col">{{ w.difference }}</th></tr></thead><tbody>
{% for row in found.totals %}<tr><th scope="row">{{ total_words[lang][row.name] }}</th>
<td class="n">{{ number(row.before) }}</td><td class="n">{{ number(row.after) }}</td>
<td class="n">{{ signed(row.difference) }}</td></tr>{% endfor %}</tbody></table>{% endif %}
{% if found.made %}<h2>{{ w.headline }}</h2>
{% if found.headline %}<p class="note">{{ w.yardstick }}</p>
<div class="scroll"><table><thead><tr><th scope="col">{{ w.indicator }}</th>
<th scope="col">{{ w.before }}</th><th scope="col">{{ w.se }}</th><th scope="col">{{ w.after }}</th>
<th scope="col">{{ w.se }}</th><th scope="col">{{ w.difference }}</th>
<th scope="col">{{ w.relative }}</th><th scope="col">{{ w.in_se }}</th></tr></thead><tbody>
{% for row in found.headline %}<tr>
<th scope="row">{{ cell_name(row, label(row.label, lang)) }}</th>
{% if row.withheld %}<td colspan="7">{{ w.withheld }}</td>{% else %}
<td class="n">{{ number(row.before) }}</td><td class="n">{{ number(row.se_before) }}</td>
<td class="n">{{ number(row.after) }}</td><td class="n">{{ number(row.se_after) }}</td>
<td class="n">{{ signed(row.difference) }}</td><td class="n">{{ percent(row.relative) }}</td>
<td class="n">{{ "%.2f" | format(row.in_se) if row.in_se is not none else "–" }}</td>
{% endif %}</tr>{% endfor %}</tbody></table></div>
{% else %}<p>{{ found.headline_reason }}</p>{% endif %}{% endif %}
{% if found.made %}<h2>{{ w.checks }}</h2>
{% if found.checks %}<table><thead><tr><th scope="col">{{ w.check }}</th>
<th scope="col">{{ found.frozen }}</th>
<th scope="col">{{ found.candidate }}</th></tr></thead><tbody>
{% for row in found.checks %}<tr><th scope="row">{{ row.id }}</th><td>{{ w[row.before] }}</td>
<td>{{ w[row.after] }}</td></tr>{% endfor %}</tbody></table>
{% else %}<p>{{ found.checks_reason or w.no_checks }}</p>{% endif %}{% endif %}
{% if keys %}
<h2>{{ w["keys"] }}</h2>
<table><tbody>{% for kind, names in keys.items() %}{% if names %}
<tr><th scope="row">{{ w[kind] }}</th><td>{{ names | join(", ") }}</td></tr>{% endif %}{% endfor %}
</tbody></table>{% endif %}
<p>{{ w.decide.format(year=found.year, frozen=found.frozen) }}</p>
</section>
{% endfor %}
</body>
</html>
"""


def comparison_page(params: Params, found: dict[str, Any]) -> str:
    """Write the comparison as one page, each language of the survey in a section of its own."""
    languages = [lang for lang in params.country.languages if lang in WORDS] or ["en"]
    offsets = params.country.era_offset
    shown = {lang: found | {"year": found["year"] + offsets.get(lang, 0)} for lang in languages}

    def label(texts: dict[str, str], lang: str) -> str:
        return texts.get(lang) or next(iter(texts.values()))

    def code(variable: str, value: str | None, lang: str) -> str:
        if value is None:
            return WORDS[lang]["blank"]
        texts = params.code_labels(variable).get(value)
        return label(texts, lang) if texts else value

    def count(value: int | None, lang: str) -> str:
        return WORDS[lang]["withheld"] if value is None else f"{value:,}"

    page = Environment(autoescape=True).from_string(PAGE)
    return page.render(
        found=found,
        faces=faces(),
        shown=shown,
        languages=languages,
        words=WORDS,
        layout_words=LAYOUT_WORDS,
        total_words=TOTAL_WORDS,
        counts=COUNTS,
        keys={kind: names for kind, names in found["keys"].items() if names},
        label=label,
        count=count,
        code=code,
        cell_name=cell_name,
        number=number,
        signed=signed,
        percent=percent,
    )
