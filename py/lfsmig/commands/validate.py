"""`lfsmig validate`: the validation protocol of one year as text, HTML and JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jinja2 import Environment

from lfsmig.atomic import write_json, write_text
from lfsmig.intake.harmonise import harmonise
from lfsmig.intake.validate import validate
from lfsmig.params import load
from lfsmig.steps import raw_folder, read_harmonised
from lfsmig.workspace import Workspace

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Validation of {{ year }}</title>
<style>
body { font: 16px/1.5 Sarabun, "Noto Sans Thai", sans-serif; max-width: 70rem; margin: 2rem auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #ccc; }
.fail { background: #fdecea; } .not_applicable { color: #666; }
</style>
</head>
<body>
<h1>Validation of survey year {{ year }}</h1>
<p>{{ verdict }}{% if synthetic %} The records are synthetic.{% endif %}</p>
<table>
<caption>Checks, with the share of records that fail</caption>
<thead><tr><th scope="col">Check</th><th scope="col">Severity</th><th scope="col">Status</th>
<th scope="col">Failing</th><th scope="col">Share</th><th scope="col">Keys</th>
<th scope="col">Meaning</th></tr></thead>
<tbody>
{% for check in checks -%}
<tr class="{{ check.status }}"><th scope="row">{{ check.id }}</th><td>{{ check.severity }}</td>
<td>{{ check.status | replace("_", " ") }}</td>
<td>{{ check.count if check.count is not none else "" }}</td>
<td>{{ "%.4f" | format(check.share) if check.share is not none else "" }}</td>
<td>{{ check.worst | join(", ") }}</td>
<td>{{ check.help.en }}<br><span lang="th">{{ check.help.th }}</span>
{% if check.reason %}<br>{{ check.reason }}{% endif %}</td></tr>
{% endfor -%}
</tbody>
</table>
</body>
</html>
"""


def run(workspace: Workspace, year: int, progress: Callable[[str], None]) -> dict[str, Any]:
    """Read the year's raw files anew, check them, and write `<data>/estimates/validation/`.

    The pages name record keys, so they stay beside the unreleased estimates.
    """
    params = load(workspace.params)
    params.year(year)
    progress(f"{year}: reading and mapping the raw files")
    raw_folder(workspace, year)
    result = harmonise(params, year, workspace.raw)
    # Checks of the series need the year before; it is at hand once it was run.
    before = workspace.harmonised(year - 1).is_file()
    previous = read_harmonised(workspace, year - 1) if before else None
    checks = validate(params, year, result, previous)
    failed = [c for c in checks if c["status"] == "fail"]
    document = {
        "schema_version": 1,
        "year": year,
        "synthetic": result.receipt["synthetic"],
        "checks": checks,
        "errors": [c["id"] for c in failed if c["severity"] == "E"],
        "warnings": [c["id"] for c in failed if c["severity"] == "W"],
    }
    folder = workspace.data / "estimates" / "validation"
    write_json(folder / f"{year}.json", document)
    page = Environment(autoescape=True).from_string(PAGE)
    write_text(folder / f"{year}.html", page.render(**document, verdict=_verdict(document)))
    write_text(folder / f"{year}.txt", text(document) + "\n")
    return document


def _verdict(document: dict[str, Any]) -> str:
    passed = sum(c["status"] == "pass" for c in document["checks"])
    return (
        f"{passed} checks passed, {len(document['errors'])} errors, "
        f"{len(document['warnings'])} warnings."
    )


def text(document: dict[str, Any]) -> str:
    """One line per check, then the verdict."""
    lines = []
    for check in document["checks"]:
        count = "" if check["count"] is None else f"{check['count']:,}"
        status = check["status"].replace("_", " ")
        note = check["reason"] or check["help"]["en"]
        lines.append(f"{check['id']:<4}{check['severity']:<3}{status:<15}{count:>9}  {note}")
    return "\n".join([*lines, f"{document['year']}: {_verdict(document)}"])
