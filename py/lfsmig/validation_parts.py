"""Names of the parts of checks in each language."""

from __future__ import annotations

PARTS: dict[str, dict[str, str]] = {
    "design": {"en": "design, age and sex", "th": "แผนการเลือกตัวอย่าง อายุ และเพศ"},
    "other": {"en": "other answers", "th": "คำตอบอื่น"},
    "persons": {"en": "persons", "th": "บุคคล"},
    "households": {"en": "households", "th": "ครัวเรือน"},
    "members": {"en": "members", "th": "สมาชิกในครัวเรือน"},
    "plan": {"en": "planned sample", "th": "จำนวนตัวอย่างตามแผน"},
    "blank": {"en": "blank records", "th": "ระเบียนว่าง"},
    "records": {"en": "records by key", "th": "ระเบียนตามรหัส"},
    "weights": {"en": "weights", "th": "ค่าถ่วงน้ำหนัก"},
    "heads": {"en": "heads", "th": "หัวหน้าครัวเรือน"},
    "numbers": {"en": "numbers", "th": "จำนวนพื้นที่"},
    "regions": {"en": "regions", "th": "ภาค"},
    "lost": {"en": "lost since the year before", "th": "หายไปจากปีก่อน"},
    "lonely": {"en": "areas per stratum", "th": "เขตแจงนับในชั้นภูมิ"},
    "total": {"en": "total", "th": "รวม"},
    "low": {"en": "lowest response", "th": "อัตราการตอบต่ำสุด"},
    "fall": {"en": "largest fall", "th": "อัตราการตอบที่ลดลงมากที่สุด"},
    "national": {"en": "country", "th": "ทั่วประเทศ"},
    "region": {"en": "by region", "th": "รายภาค"},
    "province_sex": {"en": "by province and sex", "th": "รายจังหวัดและเพศ"},
    "control": {"en": "control", "th": "โครงสร้างประชากรอ้างอิง"},
    "before": {"en": "year before", "th": "ปีก่อน"},
    "spread": {"en": "spread", "th": "การกระจาย"},
    "largest": {"en": "largest weight", "th": "ค่าถ่วงน้ำหนักสูงสุด"},
    "stayers": {"en": "those who stayed", "th": "ผู้ไม่ย้ายถิ่น"},
    "movers": {"en": "movers", "th": "ผู้ย้ายถิ่น"},
    "birth": {"en": "place of birth", "th": "สถานที่เกิด"},
    "nationality": {"en": "nationality", "th": "สัญชาติ"},
    "range": {"en": "range", "th": "ช่วงที่เป็นไปได้"},
    "median": {"en": "median", "th": "ค่ามัธยฐาน"},
    "real": {"en": "a survey's own records", "th": "ข้อมูลจริงของการสำรวจ"},
    "synthetic": {"en": "synthetic records", "th": "ข้อมูลสังเคราะห์"},
    "change": {"en": "change of a category", "th": "การเปลี่ยนแปลงของแต่ละประเภท"},
    "contribution": {"en": "largest contributions", "th": "ประเภทที่มีส่วนมากที่สุด"},
    "columns": {"en": "columns", "th": "คอลัมน์"},
    "output": {"en": "released cells", "th": "ค่าที่เผยแพร่"},
}


def part_name(part: str) -> dict[str, str]:
    """Return the name of a part in each language; the part itself where none is written."""
    return PARTS.get(part, {"en": part, "th": part})
