"""What pandoc leaves undone in a Word document, and what it should not have put in.

Word fills the list of contents when it opens the document; other programs and previews show it as
it is stored, so it is stored with its entries (without page numbers, which only Word knows). Rows
and small tables stay whole. The settings of the build, which pandoc writes down as properties of
the document, are taken out.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

from lfsmig.atomic import atomic_path
from lfsmig.report import wordfonts
from lfsmig.report.wordstyle import FIXED_TIME

PROPERTIES = "docProps/custom.xml"
# Language of what is not complex script. Pandoc takes the edition's, and in a Thai document
# LibreOffice then breaks lines inside numbers.
LATIN = "en-GB"
SMALL = 24  # rows of a table that fits on a page
# A heading after its bookmark; the document's own text, not that of a table or a note.
HEADING = re.compile(
    r'<w:bookmarkStart w:id="\d+" w:name="(?P<name>[^"]+)" />\s*'
    r'<w:p><w:pPr><w:pStyle w:val="Heading(?P<level>[12])" /></w:pPr>(?P<runs>.*?)</w:p>',
    re.S,
)
TEXT = re.compile(r"<w:t\b[^>]*>([^<]*)</w:t>|<w:tab />")
SEPARATE = '<w:fldChar w:fldCharType="separate" />'
TABLE = re.compile(r"<w:tbl>.*?</w:tbl>", re.S)
ROW = re.compile(r"<w:tr>.*?</w:tr>", re.S)
STYLED = re.compile(r"(<w:pPr>\s*<w:pStyle [^>]*/>)(?!\s*<w:keepNext)")
EMPTY_FIELD = f'{SEPARATE}<w:fldChar w:fldCharType="end" /></w:r></w:p>'


def finish(path: Path) -> None:
    """Complete a Word document in place."""
    with (
        zipfile.ZipFile(path) as source,
        atomic_path(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as made,
    ):
        names = set(source.namelist())
        for item in source.infolist():
            if item.filename == PROPERTIES:
                continue
            content = source.read(item.filename)
            for change in CHANGES.get(item.filename, ()):
                content = change(content.decode("utf-8")).encode("utf-8")
            made.writestr(item, content, zipfile.ZIP_DEFLATED)
        for name, content in wordfonts.parts().items():
            if name not in names:
                made.writestr(zipfile.ZipInfo(name, FIXED_TIME), content, zipfile.ZIP_DEFLATED)


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


def whole_tables(xml: str) -> str:
    """Keep a small table on one page, and the last row of any table with the notes below it."""
    return TABLE.sub(lambda found: _kept_together(found[0]), xml)


def _kept_together(table: str) -> str:
    rows = ROW.findall(table)
    kept = rows if len(rows) <= SMALL else rows[-1:]
    for row in dict.fromkeys(kept):
        table = table.replace(row, _with_next(row))
    return table


def _with_next(row: str) -> str:
    """Let every paragraph of a row stay with the next; the style's name comes first."""
    return STYLED.sub(r"\1<w:keepNext/>", row)


def latin_language(xml: str) -> str:
    """Say that what is not complex script is English: numbers, symbols, names of packages."""
    return re.sub(r'(<w:lang\b[^>]*\bw:val=)"[^"]*"', rf'\1"{LATIN}"', xml)


def without_properties(xml: str) -> str:
    """Drop the mention of the properties' file."""
    return re.sub(rf'<(?:Relationship|Override) [^>]*"/?{re.escape(PROPERTIES)}"[^>]*/>', "", xml)


CHANGES: dict[str, tuple[Callable[[str], str], ...]] = {
    "word/document.xml": (with_contents, whole_rows, whole_tables),
    "word/styles.xml": (latin_language,),
    "_rels/.rels": (without_properties,),
    "[Content_Types].xml": (without_properties, wordfonts.with_type),
    "word/fontTable.xml": (wordfonts.with_font,),
    "word/settings.xml": (wordfonts.embedding,),
}
