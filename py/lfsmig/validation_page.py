"""What the validation protocol found in a year, as a document, a text and a page of its own.

The page needs no other file and no network, shows either language, and says by word and sign what
it also shows by colour. It names keys of records, so it stays beside the unreleased estimates.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lfsmig.atomic import write_json, write_text
from lfsmig.intake.validate import errors, needless, stopping, warnings
from lfsmig.report import words as report_words
from lfsmig.validation_parts import part_name

SCHEMA_VERSION = 1
LANGUAGES = ("en", "th")
SIGNS = {"E": "✖", "W": "▲", "I": "●"}
PASSED, SKIPPED = "✔", "–"
WORDS: dict[str, dict[str, str]] = {
    "title": {"en": "Validation of survey year {year}", "th": "การตรวจสอบข้อมูลปีสำรวจ {year}"},
    "synthetic": {"en": "The records are synthetic.", "th": "ข้อมูลเป็นข้อมูลสังเคราะห์"},
    "unused": {
        "en": "Explained though the check did not fail:",
        "th": "มีคำอธิบายแม้การตรวจสอบไม่พบปัญหา:",
    },
    "caption": {
        "en": "Checks, what each measured and its limit; keys of the worst records only",
        "th": "รายการตรวจสอบ ค่าที่วัดได้ และเกณฑ์ (แสดงเฉพาะรหัสของระเบียนที่ผิดมากที่สุด)",
    },
    "check": {"en": "Check", "th": "รายการ"},
    "result": {"en": "Result", "th": "ผล"},
    "number": {"en": "Number", "th": "จำนวน"},
    "share": {"en": "Measured", "th": "ค่าที่วัดได้"},
    "limit": {"en": "Limit", "th": "เกณฑ์"},
    "meaning": {"en": "Meaning", "th": "ความหมาย"},
    "explanation": {"en": "Explanation:", "th": "คำอธิบาย:"},
    "unexplained": {"en": "unexplained", "th": "ยังไม่มีคำอธิบาย"},
    "pass": {"en": "passed", "th": "ผ่าน"},
    "not_applicable": {"en": "not applicable", "th": "ไม่เกี่ยวข้อง"},
    "E": {"en": "error", "th": "ข้อผิดพลาด"},
    "W": {"en": "warning", "th": "ข้อเตือน"},
    "I": {"en": "information", "th": "ข้อสังเกต"},
    "verdict": {
        "en": "{passed} checks passed, {errors} errors, {warnings} warnings.",
        "th": "ผ่าน {passed} รายการ ข้อผิดพลาด {errors} รายการ ข้อเตือน {warnings} รายการ",
    },
}


def document(year: int, synthetic: bool, checks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what `lfsmig validate --json` prints.

    Returns
    -------
    dict
        schema_version, year, synthetic, checks, then ids: errors, stopping (errors that stop the
        year), warnings, unexplained (warnings without a written explanation), explanations_unused
        (checks that did not fail).
    """
    found = list(checks)
    return {
        "schema_version": SCHEMA_VERSION,
        "year": year,
        "synthetic": synthetic,
        "checks": found,
        "errors": [one["id"] for one in errors(found)],
        "stopping": [one["id"] for one in stopping(found)],
        "warnings": [one["id"] for one in warnings(found)],
        "unexplained": [one["id"] for one in warnings(found) if not one["explanation"]],
        "explanations_unused": needless(found),
    }


def write(folder: Path, made: dict[str, Any]) -> list[Path]:
    """Write a year's document as JSON, page and text into a folder; return their paths."""
    year = made["year"]
    paths = [folder / f"{year}{suffix}" for suffix in (".json", ".html", ".txt")]
    write_json(paths[0], made)
    write_text(paths[1], page(made))
    write_text(paths[2], text(made) + "\n")
    return paths


def verdict(made: Mapping[str, Any]) -> dict[str, str]:
    """Sum the checks up in a sentence of each language."""
    numbers = {
        "passed": sum(one["status"] == "pass" for one in made["checks"]),
        "errors": len(made["errors"]),
        "warnings": len(made["warnings"]),
    }
    return {language: WORDS["verdict"][language].format(**numbers) for language in LANGUAGES}


def explained(check: Mapping[str, Any], language: str) -> str:
    """Return the explanation of a check in a language, or that there is none."""
    written = check.get("explanation") or {}
    found = written.get(language) or written.get("") or next(iter(written.values()), "")
    return str(found) or WORDS["unexplained"][language]


def needs_words(check: Mapping[str, Any]) -> bool:
    """Tell whether a check is a warning, which must be explained, or is explained anyway."""
    failed = check["status"] == "fail"
    return failed and (check["severity"] == "W" or bool(check.get("explanation")))


def _sign(one: Mapping[str, Any]) -> str:
    if one["status"] == "fail":
        return SIGNS[one["severity"]]
    return PASSED if one["status"] == "pass" else SKIPPED


def _result(one: Mapping[str, Any]) -> dict[str, str]:
    return WORDS[one["severity"] if one["status"] == "fail" else one["status"]]


def _measure(value: float | None) -> str:
    """Write a measure: six decimals at most, none where it is whole."""
    if value is None:
        return ""
    if not math.isfinite(value):
        return "∞"
    return f"{value:.6f}".rstrip("0").rstrip(".") or "0"


def _row(one: Mapping[str, Any]) -> dict[str, Any]:
    made = one["status"] != "not_applicable"
    reason = str(one["reason"])
    return {
        **one,
        "sign": _sign(one),
        "result": _result(one),
        "number": f"{one['count']:,}" if made else "",
        "measure": _measure(one["share"]),
        "limit": _measure(one["threshold"]) if made else "",
        "reason": {language: report_words.remark(reason, language) for language in LANGUAGES},
    }


@cache
def font() -> str:
    """Return the Thai font as a data URI: a page that is passed on cannot count on one there."""
    try:
        folder = Path(str(files("fontpkg_sarabun"))) / "files"
        content = (folder / "Sarabun-Regular.ttf").read_bytes()
    except (ModuleNotFoundError, OSError):
        return ""
    return f"data:font/ttf;base64,{base64.b64encode(content).decode('ascii')}"


def page(made: Mapping[str, Any]) -> str:
    """Return the standalone page."""
    template = Path(__file__).with_suffix(".html").read_text(encoding="utf-8")
    rows = [
        _row(one)
        | {
            "parts": [_row(part) | {"name": part_name(part["part"])} for part in one["parts"]],
            "needs_words": needs_words(one),
            "told": {language: explained(one, language) for language in LANGUAGES},
        }
        for one in made["checks"]
    ]
    offset = report_words.catalogue()["era_offset"]
    return (
        Environment(autoescape=True)
        .from_string(template)
        .render(
            **{key: value for key, value in made.items() if key != "checks"},
            years={language: str(made["year"] + int(offset[language])) for language in LANGUAGES},
            rows=rows,
            words=WORDS,
            font=font(),
            verdict=verdict(made),
        )
    )


def text(made: Mapping[str, Any]) -> str:
    """Return the checks as a table for the terminal, then the verdict."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name, kind in (("check", "left"), ("result", "left"), ("number", "right")):
        table.add_column(WORDS[name]["en"].lower(), justify=kind, no_wrap=True)  # type: ignore[arg-type]
    table.add_column("measured", justify="right", no_wrap=True)
    table.add_column("remark", overflow="fold")
    for one in made["checks"]:
        row = _row(one)
        told = [one["reason"] or one["help"]["en"]]
        told += [", ".join(one["worst"])] if one["worst"] and one["status"] == "fail" else []
        told += [f"explanation: {explained(one, 'en')}"] if needs_words(one) else []
        cells = (one["id"], f"{row['sign']} {row['result']['en']}", row["number"], row["measure"])
        table.add_row(*map(Text, cells), Text(" | ".join(told)))
    console = Console(width=130, no_color=True, force_terminal=False, highlight=False)
    with console.capture() as printed:
        console.print(table)
    lines = [line.rstrip() for line in printed.get().splitlines() if line.strip()]
    lines += [
        f"{name}: explained in the year's parameters, but the check did not fail"
        for name in made["explanations_unused"]
    ]
    return "\n".join([*lines, f"{made['year']}: {verdict(made)['en']}"])
