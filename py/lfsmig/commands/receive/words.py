"""What `lfsmig receive` says: text for the terminal, and its words in each language."""

from __future__ import annotations

from typing import Any

UNKNOWN = "–"
SHOWN_NAMES = 8

# Everything a reader sees, by language.
WORDS: dict[str, dict[str, str]] = {
    "en": {
        "title": "Comparison of {candidate} with the frozen master {frozen}, survey year {year}",
        "synthetic": "The records are synthetic.",
        "confidential": "Confidential: keep it with the records. Counts below {few} are withheld.",
        "layout": "Layout of the files",
        "no_layout": "No change.",
        "records": "Records, paired by household and person number",
        "values": "Values amended, by variable",
        "no_values": "No value of a mapped variable differs.",
        "codes": "Codes before and after",
        "totals": "Totals",
        "headline": "Headline indicators (Python engine)",
        "yardstick": (
            "Both versions are nearly one sample, so a difference is no sampling error; the "
            "standard error is a yardstick for its size."
        ),
        "checks": "Checks that come out otherwise, or as errors",
        "no_checks": "None.",
        "check": "check",
        "error": "error",
        "warning": "warning",
        "information": "information",
        "passed": "passed",
        "not_applicable": "not applicable",
        "stops": "{candidate} fails {errors}; as the master it would stop the year",
        "keys": "Keys of some records",
        "not_made": "The records could not be compared",
        "before": "before",
        "after": "after",
        "difference": "difference",
        "relative": "relative",
        "in_se": "in standard errors",
        "se": "standard error",
        "variable": "variable",
        "amended": "amended",
        "amended_beyond_weight": "in more than the weight",
        "changed": "other value",
        "filled": "was blank",
        "blanked": "now blank",
        "added": "added",
        "removed": "removed",
        "unchanged": "unchanged",
        "blank": "(blank)",
        "withheld": "withheld",
        "few": "fewer than {few}",
        "more_codes": "and {n} more pairs",
        "new": "only in the candidate",
        "lost": "only in the master",
        "item": "item",
        "indicator": "indicator",
        "repeated": "{n} records repeat a key; they were paired in the order of the file.",
        "file": "file",
        "what": "change",
        "names": "names",
        "kind": "kind",
        "count": "records",
        "decide": (
            'To make it the master: lfsmig receive {year} --accept "reason"; to keep {frozen}: '
            'lfsmig receive {year} --reject "reason"'
        ),
    },
    "th": {
        "title": "ผลการเปรียบเทียบ {candidate} กับข้อมูลหลักฉบับที่ตรึงไว้ {frozen} ปีสำรวจ พ.ศ. {year}",
        "synthetic": "ระเบียนทั้งหมดเป็นข้อมูลสังเคราะห์",
        "confidential": "เอกสารลับ ให้เก็บไว้กับแฟ้มข้อมูล ไม่แสดงจำนวนที่น้อยกว่า {few}",
        "layout": "โครงสร้างแฟ้มข้อมูล",
        "no_layout": "ไม่มีการเปลี่ยนแปลง",
        "records": "ระเบียน จับคู่ด้วยรหัสครัวเรือนและลำดับที่ของบุคคล",
        "values": "ค่าที่แก้ไข จำแนกตามตัวแปร",
        "no_values": "ค่าของตัวแปรทุกตัวตรงกัน",
        "codes": "รหัสก่อนและหลังการแก้ไข",
        "totals": "ยอดรวม",
        "headline": "ตัวชี้วัดหลัก (ประมาณค่าด้วย Python)",
        "yardstick": (
            "ข้อมูลทั้งสองฉบับแทบจะเป็นตัวอย่างชุดเดียวกัน ผลต่างจึงมิใช่ความคลาดเคลื่อนจากการสุ่ม "
            "ความคลาดเคลื่อนมาตรฐานแสดงไว้เพื่อเทียบขนาดเท่านั้น"
        ),
        "checks": "รายการตรวจสอบที่ผลต่างไปจากเดิมหรือพบข้อผิดพลาด",
        "no_checks": "ไม่มี",
        "check": "การตรวจสอบ",
        "error": "ข้อผิดพลาด",
        "warning": "ข้อเตือน",
        "information": "ข้อสังเกต",
        "passed": "ผ่าน",
        "not_applicable": "ไม่เกี่ยวข้อง",
        "keys": "รหัสของระเบียนบางส่วน",
        "not_made": "เปรียบเทียบระเบียนไม่ได้",
        "before": "ก่อน",
        "after": "หลัง",
        "difference": "ผลต่าง",
        "relative": "ร้อยละของค่าเดิม",
        "in_se": "จำนวนเท่าของความคลาดเคลื่อนมาตรฐาน",
        "se": "ความคลาดเคลื่อนมาตรฐาน",
        "variable": "ตัวแปร",
        "amended": "แก้ไข",
        "amended_beyond_weight": "แก้ไขมากกว่าค่าถ่วงน้ำหนัก",
        "changed": "เปลี่ยนค่า",
        "filled": "เดิมว่าง",
        "blanked": "กลายเป็นว่าง",
        "added": "เพิ่ม",
        "removed": "ตัดออก",
        "unchanged": "คงเดิม",
        "blank": "(ว่าง)",
        "withheld": "ไม่แสดง",
        "few": "น้อยกว่า {few}",
        "more_codes": "และอีก {n} คู่",
        "new": "มีเฉพาะในฉบับใหม่",
        "lost": "มีเฉพาะในฉบับเดิม",
        "item": "รายการ",
        "indicator": "ตัวชี้วัด",
        "repeated": "มี {n} ระเบียนที่รหัสซ้ำกัน จับคู่ตามลำดับในแฟ้ม",
        "file": "แฟ้ม",
        "what": "การเปลี่ยนแปลง",
        "names": "ชื่อ",
        "kind": "ประเภท",
        "count": "จำนวนระเบียน",
        "decide": (
            'หากให้ใช้เป็นข้อมูลหลัก: lfsmig receive {year} --accept "เหตุผล" '
            'หากคง {frozen} ไว้: lfsmig receive {year} --reject "เหตุผล"'
        ),
    },
}
LAYOUT_WORDS = {
    "en": {
        "file_new": "new file",
        "file_lost": "file lost",
        "format": "format",
        "encoding": "encoding",
        "columns_new": "new columns",
        "columns_lost": "lost columns",
        "retyped": "stored otherwise",
        "order": "order",
        "labels": "labels of variables changed",
        "value_labels": "labels of codes changed",
        "missing": "declared missing values changed",
    },
    "th": {
        "file_new": "แฟ้มใหม่",
        "file_lost": "แฟ้มที่หายไป",
        "format": "รูปแบบแฟ้ม",
        "encoding": "การเข้ารหัสอักขระ",
        "columns_new": "ตัวแปรใหม่",
        "columns_lost": "ตัวแปรที่หายไป",
        "retyped": "ชนิดข้อมูลเปลี่ยน",
        "order": "ลำดับตัวแปร",
        "labels": "คำอธิบายตัวแปรเปลี่ยน",
        "value_labels": "คำอธิบายรหัสเปลี่ยน",
        "missing": "การกำหนดค่าสูญหายเปลี่ยน",
    },
}
TOTAL_WORDS = {
    "en": {
        "records": "records in the file",
        "blank_records": "blank records",
        "persons": "persons",
        "households": "households",
        "psus": "sampling units",
        "strata": "strata",
        "weight_total": "sum of weights",
    },
    "th": {
        "records": "ระเบียนในแฟ้ม",
        "blank_records": "ระเบียนว่าง",
        "persons": "บุคคล",
        "households": "ครัวเรือน",
        "psus": "หน่วยตัวอย่างขั้นแรก",
        "strata": "ชั้นภูมิ",
        "weight_total": "ผลรวมค่าถ่วงน้ำหนัก",
    },
}


def number(value: float | None) -> str:
    """Write a number as people read it: whole ones with thousands, others to four digits."""
    if value is None:
        return UNKNOWN
    if float(value).is_integer() or abs(value) >= 10_000:
        return f"{value:,.0f}"
    return f"{value:,.4g}" if abs(value) < 100 else f"{value:,.1f}"


def signed(value: float | None) -> str:
    """Write a difference with its sign."""
    return (
        UNKNOWN
        if value is None
        else "0"
        if value == 0
        else f"{'+' if value > 0 else '−'}{number(abs(value))}"
    )


def percent(value: float | None) -> str:
    """Write a relative difference in per cent."""
    return UNKNOWN if value is None else f"{value * 100:+.2f} %".replace("-", "−")


def cell_name(row: dict[str, Any], label: str) -> str:
    """Name a cell of an indicator: its label, the codes of its domain, its category."""
    parts = [*(f"{key} {code}" for key, code in row["domain"].items()), row["category"]]
    rest = ", ".join(part for part in parts if part)
    return f"{label} ({rest})" if rest else label


# --- the terminal -----------------------------------------------------------------------------


def comparison_text(found: dict[str, Any]) -> str:
    """Write a comparison for the terminal: counts only, no keys."""
    words, few = WORDS["en"], found["min_cases"]
    lines = [words["title"].format(**found)]
    lines += [f"  {line}" for line in _layout_lines(found)]
    if found["reason"]:
        lines.append(f"  {words['not_made']}: {found['reason']}")
    if found["records"]:
        counts = found["records"]
        lines.append(
            f"  Records: {counts['before']:,} → {counts['after']:,}; {counts['added']:,} added, "
            f"{counts['removed']:,} removed, {counts['amended']:,} amended "
            f"({counts['amended_beyond_weight']:,} in more than the weight), "
            f"{counts['unchanged']:,} unchanged"
        )
        if counts["repeated_keys"]:
            lines.append("  " + words["repeated"].format(n=f"{counts['repeated_keys']:,}"))
        lines += [f"  {line}" for line in _value_lines(found, few)]
    for row in found["totals"]:
        if row["difference"]:
            lines.append(
                f"  {TOTAL_WORDS['en'][row['name']]}: {number(row['before'])} → "
                f"{number(row['after'])} ({signed(row['difference'])})"
            )
    if found["headline"]:
        lines.append("  Headline indicators, by the Python engine (standard errors in brackets):")
    for row in found["headline"]:
        name = cell_name(row, row["indicator"])
        if row["withheld"]:
            lines.append(f"    {name}: withheld, fewer than {few} cases")
            continue
        se = "" if row["se_before"] is None else f" ({number(row['se_before'])})"
        se_after = "" if row["se_after"] is None else f" ({number(row['se_after'])})"
        size = "" if row["in_se"] is None else f", {row['in_se']:.2f} standard errors"
        lines.append(
            f"    {name}: {number(row['before'])}{se} → {number(row['after'])}{se_after}; "
            f"{signed(row['difference'])}, {percent(row['relative'])}{size}"
        )
    if found["checks"]:
        lines.append(f"  {words['checks']}:")
    for row in found["checks"]:
        lines.append(f"    {row['id']}: {words[row['before']]} → {words[row['after']]}")
    if stopping := stopping_line(found):
        lines.append(f"  {stopping}")
    if found["made"] and found["headline_reason"]:
        lines.append(f"  Headline indicators: {found['headline_reason']}")
    return "\n".join(lines)


def stopping_line(found: dict[str, Any]) -> str:
    """Say which checks a candidate fails as errors that stop a year; empty if none."""
    # A comparison of before knew no errors but these.
    grave = [row for row in found["checks"] if row["after"] == "error"]
    errors = ", ".join(row["id"] for row in grave if row.get("stops", "year") == "year")
    return WORDS["en"]["stops"].format(**found, errors=errors) if errors else ""


def _layout_lines(found: dict[str, Any]) -> list[str]:
    if not found["layout"]:
        return ["Layout: no change"]
    return [
        f"Layout: {one['file']}: {LAYOUT_WORDS['en'][one['what']]}: {_few_names(one['names'])}"
        for one in found["layout"]
    ]


def _few_names(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return ", ".join(names[:SHOWN_NAMES]) + more


def _value_lines(found: dict[str, Any], few: int) -> list[str]:
    words = WORDS["en"]
    if not found["values"]:
        return [words["no_values"]]
    lines = ["Values amended (records):"]
    for row in found["values"]:
        if row["what"] != "amended":
            lines.append(f"  {row['variable']}: {words[row['what']]}")
            continue
        if not row["records"]:
            lines.append(f"  {row['variable']}: {words['few'].format(few=few)}")
        else:
            kinds = [kind for kind in ("changed", "filled", "blanked") if row[kind] != 0]
            parts = ", ".join(f"{_count(row[kind])} {words[kind]}" for kind in kinds)
            total = f"{row['records']:,}, " if len(kinds) > 1 else ""
            lines.append(f"  {row['variable']}: {total}{parts}")
            lines += [
                f"    {one['before'] or words['blank']} → {one['after'] or words['blank']}: "
                f"{_count(one['records'])}"
                for one in row["codes"]
            ]
            if row["other_codes"]:
                lines.append("    " + words["more_codes"].format(n=row["other_codes"]))
    return lines


def _count(value: int | None) -> str:
    return "withheld" if value is None else f"{value:,}"


def text(document: dict[str, Any]) -> str:
    """Write what a command did, for the terminal."""
    action = document["action"]
    if action == "verified":
        return _verified(document)
    if action == "due":
        return _due(document)
    year, version = document["year"], document["version"]
    status = next((v["status"] for v in document["versions"] if v["version"] == version), "")
    head = {
        "frozen": f"{year}: received as {version} and frozen as the master",
        "candidate": f"{year}: {version} is a candidate; {document['frozen']} stays the master",
        "unchanged": f"{year}: the same files as {version} ({status}); nothing was done",
        "accepted": f"{year}: {version} is the frozen master now",
        "rejected": f"{year}: {version} is rejected; {document['frozen']} stays the frozen master",
        "restored": f"{year}: {version} is the frozen master again",
        "companions": _kept(document),
        "status": f"{year}: dataset {document['dataset']}, frozen master {document['frozen']}"
        if document["dataset"]
        else f"{year}: nothing was received; lfsmig receive {year} FILES takes its files in",
    }[action]
    lines = [head]
    if action in ("frozen", "candidate"):
        entry = next(v for v in document["versions"] if v["version"] == version)
        lines += [f"  {_file(one)}" for one in entry["files"]]
        lines.append(f"  dataset {document['dataset']}; kept in {document['folder']}")
    if action == "status":
        lines += _history(document)
    if document["comparison"]:
        lines.append(comparison_text(document["comparison"]))
    lines += [f"  warning: {warning}" for warning in document["warnings"]]
    lines += [f"  written: {path}" for path in document["documents"]]
    return "\n".join([*lines, *_next(document)])


def _kept(document: dict[str, Any]) -> str:
    """Say which documents were kept."""
    new = document.get("companions_new")
    if not new:
        return f"{document['year']}: these documents are kept already; nothing was done"
    return f"{document['year']}: kept beside the records, not read as such: {', '.join(new)}"


def _next(document: dict[str, Any]) -> list[str]:
    action, year = document["action"], document["year"]
    if document["candidate"] and action in ("candidate", "unchanged", "status"):
        return [WORDS["en"]["decide"].format(year=year, frozen=document["frozen"])]
    if action == "frozen":
        return [
            f"Next: lfsmig new-year {year} where the year has no mapping yet, "
            f"else lfsmig validate {year}"
        ]
    if action in ("accepted", "restored"):
        return [
            f"Next: lfsmig validate {year} and lfsmig run --years {year}: the year is out of date"
        ]
    return []


def _file(one: dict[str, Any]) -> str:
    parts = [one["name"]]
    if one["delivered_as"]:
        parts.append(f"(delivered as {one['delivered_as']})")
    if one["carried_from"]:
        parts.append(f"(taken over from {one['carried_from']})")
    if one["rows"] is not None:
        labels = one["labels"] or {"variables": 0, "values": 0}
        parts.append(
            f"{one['format']}, {one['rows']:,} records, {one['columns']} columns, "
            f"{labels['variables']} labels of variables, {labels['values']} of codes,"
        )
    return " ".join([*parts, f"{one['size']:,} bytes, sha256 {one['sha256']}"])


def _history(document: dict[str, Any]) -> list[str]:
    lines = []
    for one in document["versions"]:
        names = ", ".join(file["name"] for file in one["files"])
        lines.append(f"  {one['version']}  {one['status']:<10}  {one['received']}  {names}")
    lines += [
        f"  {one['time']}  {one['action']} {one['version']}: {one['reason']}"
        for one in document["decisions"]
    ]
    lines += [f"  document  {one['received']}  {_file(one)}" for one in document["companions"]]
    return lines


def _verified(document: dict[str, Any]) -> str:
    lines = [
        f"{one['year']} {one['version']} {one['file']}: {one['what']}"
        for one in document["damaged"]
    ]
    told = f"{document['files']} stored files, {len(document['damaged'])} not as they were received"
    return "\n".join([*lines, told])


def _due(document: dict[str, Any]) -> str:
    lines = []
    for one in document["datasets"]:
        years = ", ".join(map(str, one["years"])) or "none"
        terms = (
            f"delete by {one['delete_by']}" if one["delete_by"] else "no day of deletion is named"
        )
        word = "DUE" if one["due"] else "ok "
        lines.append(f"{word}  {one['dataset']}: {terms}; years received here: {years}")
        if one["due"] and one["years"]:
            lines.append(
                "     nothing is deleted by itself: delete the records as agreed, and say so there"
            )
        if one["agreement_missing"]:
            lines.append("     restricted, and no agreement is named")
    return "\n".join(lines)
