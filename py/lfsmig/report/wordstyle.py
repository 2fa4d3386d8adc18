"""The Word template: pandoc's own, on A4, with a Thai font for complex scripts and our styles.

Pages carry their number at the foot; where the records are synthetic, every page says so at the
head, for pages get copied out of documents.
"""

from __future__ import annotations

import html
import io
import re
import subprocess
import zipfile
from pathlib import Path

import pypandoc

from lfsmig.atomic import atomic_path

FONT = "Sarabun"
CODE_FONT = "Consolas"
BLUE = "08306B"
CELL_MARGIN = 70  # twentieths of a point, left and right of a cell's text
FIXED_TIME = (2020, 1, 1, 0, 0, 0)

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PART = "application/vnd.openxmlformats-officedocument.wordprocessingml"
# A4 and its margins, in twentieths of a point; the text is as wide as the printed edition's.
PAGE = (
    '<w:pgSz w:w="11906" w:h="16838"/>'
    '<w:pgMar w:top="1474" w:right="1361" w:bottom="1361" w:left="1361"'
    ' w:header="680" w:footer="680" w:gutter="0"/>'
)

STYLES = """
<w:style w:type="paragraph" w:customStyle="1" w:styleId="TableNotes">
 <w:name w:val="Table Notes"/><w:basedOn w:val="Normal"/><w:qFormat/>
 <w:pPr><w:spacing w:before="60" w:after="200"/></w:pPr>
 <w:rPr><w:color w:val="57606A"/><w:sz w:val="17"/></w:rPr>
</w:style>
<w:style w:type="paragraph" w:styleId="TOC1">
 <w:name w:val="toc 1"/><w:basedOn w:val="Normal"/><w:next w:val="Normal"/>
 <w:pPr>
  <w:tabs><w:tab w:val="right" w:leader="dot" w:pos="9180"/></w:tabs>
  <w:spacing w:before="60" w:after="20"/>
 </w:pPr>
</w:style>
<w:style w:type="paragraph" w:styleId="TOC2">
 <w:name w:val="toc 2"/><w:basedOn w:val="TOC1"/><w:next w:val="Normal"/>
 <w:pPr><w:spacing w:before="0" w:after="0"/><w:ind w:left="340"/></w:pPr>
 <w:rPr><w:sz w:val="20"/></w:rPr>
</w:style>
<w:style w:type="paragraph" w:styleId="TableofFigures">
 <w:name w:val="table of figures"/><w:basedOn w:val="TOC1"/><w:next w:val="Normal"/>
 <w:pPr><w:spacing w:before="0" w:after="20"/><w:ind w:left="340" w:hanging="340"/></w:pPr>
 <w:rPr><w:sz w:val="20"/></w:rPr>
</w:style>
<w:style w:type="paragraph" w:customStyle="1" w:styleId="DataTitle">
 <w:name w:val="Data Title"/><w:basedOn w:val="BodyText"/><w:qFormat/>
 <w:pPr><w:keepNext/><w:spacing w:before="280" w:after="60"/></w:pPr>
 <w:rPr><w:b/><w:bCs/></w:rPr>
</w:style>
<w:style w:type="paragraph" w:customStyle="1" w:styleId="EquationNumber">
 <w:name w:val="Equation Number"/><w:basedOn w:val="BodyText"/><w:qFormat/>
 <w:pPr><w:jc w:val="right"/></w:pPr>
</w:style>
<w:style w:type="paragraph" w:customStyle="1" w:styleId="PageEdge">
 <w:name w:val="Page Edge"/><w:basedOn w:val="Normal"/>
 <w:rPr><w:color w:val="57606A"/><w:sz w:val="17"/></w:rPr>
</w:style>
<w:style w:type="paragraph" w:customStyle="1" w:styleId="Callout">
 <w:name w:val="Callout"/><w:basedOn w:val="Normal"/><w:qFormat/>
 <w:pPr>
  <w:pBdr><w:left w:val="single" w:sz="36" w:space="8" w:color="B3541E"/></w:pBdr>
  <w:shd w:val="clear" w:color="auto" w:fill="FDF4EC"/>
  <w:spacing w:before="0" w:after="0"/><w:ind w:left="240"/>
 </w:pPr>
</w:style>
"""


def make_reference(target: Path, notice: str = "") -> Path:
    """Write the reference document for Word; `notice` stands at the head of every page."""
    command = [pypandoc.get_pandoc_path(), "--print-default-data-file", "reference.docx"]
    default = subprocess.run(command, capture_output=True, check=True).stdout
    changes = {
        "word/styles.xml": restyle,
        "word/document.xml": _with_page,
        "word/_rels/document.xml.rels": _with_relations,
        "[Content_Types].xml": _with_types,
    }
    with (
        zipfile.ZipFile(io.BytesIO(default)) as source,
        atomic_path(target) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as made,
    ):

        def write(name: str, content: bytes) -> None:
            made.writestr(zipfile.ZipInfo(name, FIXED_TIME), content, zipfile.ZIP_DEFLATED)

        for name in source.namelist():
            content = source.read(name)
            if name in changes:
                content = changes[name](content.decode("utf-8")).encode("utf-8")
            write(name, content)
        write("word/header1.xml", _edge("hdr", _run(notice)).encode("utf-8"))
        write("word/footer1.xml", _edge("ftr", _page_number()).encode("utf-8"))
    return target


def _with_page(xml: str) -> str:
    """Give the section a header, a footer and its page size, in the order that Word insists on."""
    edges = (
        f'<w:headerReference w:type="default" r:id="rIdHead" xmlns:r="{RELATION}"/>'
        f'<w:footerReference w:type="default" r:id="rIdFoot" xmlns:r="{RELATION}"/>'
    )
    xml = xml.replace("<w:sectPr>", f"<w:sectPr>{edges}", 1)
    return xml.replace("</w:sectPr>", f"{PAGE}</w:sectPr>", 1)


def _with_relations(xml: str) -> str:
    parts = "".join(
        f'<Relationship Type="{RELATION}/{kind}" Id="{key}" Target="{kind}1.xml"/>'
        for kind, key in (("header", "rIdHead"), ("footer", "rIdFoot"))
    )
    return xml.replace("</Relationships>", f"{parts}</Relationships>")


def _with_types(xml: str) -> str:
    parts = "".join(
        f'<Override PartName="/word/{kind}1.xml" ContentType="{PART}.{kind}+xml"/>'
        for kind in ("header", "footer")
    )
    return xml.replace("</Types>", f"{parts}</Types>")


def _run(text: str) -> str:
    return f'<w:r><w:t xml:space="preserve">{html.escape(text)}</w:t></w:r>'


def _page_number() -> str:
    return '<w:fldSimple w:instr="PAGE"><w:r><w:t>1</w:t></w:r></w:fldSimple>'


def _edge(kind: str, content: str) -> str:
    """A header (on the right) or footer (in the middle)."""
    side = "right" if kind == "hdr" else "center"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><w:{kind} xmlns:w="{WORD}"><w:p><w:pPr>'
        f'<w:pStyle w:val="PageEdge"/><w:jc w:val="{side}"/></w:pPr>{content}</w:p></w:{kind}>'
    )


def restyle(xml: str) -> str:
    """Give every style Sarabun, also for complex scripts, whose size Word keeps apart."""
    faces = " ".join(f'w:{kind}="{FONT}"' for kind in ("ascii", "hAnsi", "eastAsia", "cs"))
    xml = re.sub(r"<w:rFonts\b[^>]*/>", f"<w:rFonts {faces}/>", xml)
    xml = _code_style(xml)
    xml = re.sub(r"\s*<w:szCs\b[^>]*/>", "", xml)
    languages = 'w:val="en-GB" w:eastAsia="en-GB" w:bidi="th-TH"'
    xml = re.sub(r"<w:lang\b[^>]*/>", f"<w:lang {languages}/>", xml)
    # So does it keep apart which of them are bold or italic.
    for face in ("b", "i"):
        xml = re.sub(rf"<w:{face}\s*/>(?!\s*<w:{face}Cs)", rf"<w:{face}/><w:{face}Cs/>", xml)
    xml = xml.replace("</w:styles>", STYLES + "</w:styles>")
    xml = _table_style(xml)
    # A chapter begins on a page of its own.
    chapter = re.search(r'<w:style\b[^>]*w:styleId="Heading1".*?</w:style>', xml, re.S)
    if chapter is not None:
        begun = chapter[0].replace("<w:keepLines />", "<w:keepLines /><w:pageBreakBefore/>", 1)
        xml = xml.replace(chapter[0], begun)
    # The list of contents, whose heading is made after a chapter's, follows the title.
    contents = re.search(r'<w:style\b[^>]*w:styleId="TOCHeading".*?</w:style>', xml, re.S)
    if contents is not None:
        stays = contents[0].replace("<w:pPr>", '<w:pPr><w:pageBreakBefore w:val="0"/>', 1)
        xml = xml.replace(contents[0], stays)
    themed = r'<w:color w:val="(?:0F4761|345A8A|4F81BD|2E74B5|1F3763)"[^>]*/>'
    xml = re.sub(themed, f'<w:color w:val="{BLUE}"/>', xml)
    return re.sub(r'<w:sz w:val="(\d+)"\s*/>', r'<w:sz w:val="\1"/><w:szCs w:val="\1"/>', xml)


def _code_style(xml: str) -> str:
    """Code keeps its indents only in a font with letters of one width."""
    found = re.search(r'<w:style\b[^>]*w:styleId="VerbatimChar".*?</w:style>', xml, re.S)
    if found is None:
        return xml
    faces = f'w:ascii="{CODE_FONT}" w:hAnsi="{CODE_FONT}" w:eastAsia="{CODE_FONT}" w:cs="{FONT}"'
    style = re.sub(r"<w:rFonts\b[^>]*/>", f"<w:rFonts {faces}/>", found[0])
    style = re.sub(r'<w:sz w:val="\d+"\s*/>', '<w:sz w:val="17"/>', style)
    return xml.replace(found[0], style)


def _table_style(xml: str) -> str:
    """Rules above and below tables, smaller type, narrow margins, as in the other formats."""
    rules = "".join(
        f'<w:{side} w:val="single" w:sz="8" w:space="0" w:color="{BLUE}"/>'
        for side in ("top", "bottom")
    )
    found = re.search(r'<w:style\b[^>]*w:styleId="Table".*?</w:style>', xml, re.S)
    if found is None:
        return xml
    # Word insists on the order of a style's parts: type, then borders before cell margins.
    style = found[0].replace(
        "<w:tblCellMar>", f"<w:tblBorders>{rules}</w:tblBorders><w:tblCellMar>", 1
    )
    # The columns' widths are reckoned in letters: wider margins would break numbers in two.
    style = re.sub(r'(<w:(?:left|right)\b[^>]*w:w=")\d+(")', rf"\g<1>{CELL_MARGIN}\g<2>", style)
    style = style.replace(
        '<w:tblStylePr w:type="firstRow">',
        '<w:tblStylePr w:type="firstRow"><w:rPr><w:b/><w:bCs/></w:rPr>',
        1,
    )
    if "<w:rPr>" not in style.split("<w:tblStylePr")[0]:
        style = style.replace("<w:tblPr>", '<w:rPr><w:sz w:val="18"/></w:rPr><w:tblPr>', 1)
    return xml.replace(found[0], style)
