"""What pandoc leaves undone in a Word document: a filled list of contents, rows that stay whole.

Word fills the list when it opens the document; other programs and previews show it as it is
stored, so it is stored with its entries (without page numbers, which only Word knows).
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from lfsmig.atomic import atomic_path

BODY = "word/document.xml"
# A heading after its bookmark; the document's own text, not that of a table or a note.
HEADING = re.compile(
    r'<w:bookmarkStart w:id="\d+" w:name="(?P<name>[^"]+)" />\s*'
    r'<w:p><w:pPr><w:pStyle w:val="Heading(?P<level>[12])" /></w:pPr>(?P<runs>.*?)</w:p>',
    re.S,
)
TEXT = re.compile(r"<w:t\b[^>]*>([^<]*)</w:t>|<w:tab />")
SEPARATE = '<w:fldChar w:fldCharType="separate" />'
EMPTY_FIELD = f'{SEPARATE}<w:fldChar w:fldCharType="end" /></w:r></w:p>'


def finish(path: Path) -> None:
    """Complete a Word document in place."""
    with (
        zipfile.ZipFile(path) as source,
        atomic_path(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as made,
    ):
        for item in source.infolist():
            content = source.read(item.filename)
            if item.filename == BODY:
                content = whole_rows(with_contents(content.decode("utf-8"))).encode("utf-8")
            made.writestr(item, content, zipfile.ZIP_DEFLATED)


def with_contents(xml: str) -> str:
    """Put the headings of two levels into the field of the list of contents."""
    entries = "".join(
        _entry(found["name"], int(found["level"]), _text(found["runs"]))
        for found in HEADING.finditer(xml)
    )
    end = '<w:p><w:r><w:fldChar w:fldCharType="end" /></w:r></w:p>'
    return xml.replace(EMPTY_FIELD, f"{SEPARATE}</w:r></w:p>{entries}{end}", 1)


def _text(runs: str) -> str:
    """Text of a heading; the gap after its number becomes a space."""
    return "".join(found[1] if found[1] is not None else " " for found in TEXT.finditer(runs))


def _entry(anchor: str, level: int, text: str) -> str:
    return (
        f'<w:p><w:pPr><w:pStyle w:val="TOC{level}"/></w:pPr><w:hyperlink w:anchor="{anchor}">'
        f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:hyperlink></w:p>'
    )


def whole_rows(xml: str) -> str:
    """Keep each row of a table on one page."""
    xml = xml.replace("<w:trPr>", "<w:trPr><w:cantSplit/>")
    return re.sub(r"<w:tr>(?!\s*<w:trPr>)", "<w:tr><w:trPr><w:cantSplit/></w:trPr>", xml)
