"""Fonts inside a Word document: whoever opens it sees the letters that it was set in.

Office Open XML keeps embedded fonts disguised (ECMA-376, part 4, section 14.2.1): the first 32
bytes are combined with a key by exclusive or, and the key stands beside the font's name. Sarabun's
licence (SIL Open Font License) allows it to be embedded.
"""

from __future__ import annotations

import re
import uuid
from pathlib import Path

from lfsmig.report.fonts import FONT, font_files

RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
TYPE = "application/vnd.openxmlformats-officedocument.obfuscatedFont"
FACES = ("Regular", "Bold", "Italic", "BoldItalic")  # in the order of `font_files`
DISGUISED = 32  # bytes at the beginning of a font


def key_of(face: str) -> str:
    """Key of a face: always the same, so that the same document has the same bytes."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{RELATIONS}/font/{FONT}/{face}")).upper()


def disguised(font: bytes, key: str) -> bytes:
    """Hide a font's first bytes behind a key, or bring them back: the same step does both."""
    digits = bytes.fromhex(key.replace("-", ""))[::-1]
    head = bytes(byte ^ digits[n % len(digits)] for n, byte in enumerate(font[:DISGUISED]))
    return head + font[DISGUISED:]


def parts() -> dict[str, bytes]:
    """New parts of the document: the fonts, and the list that leads to them."""
    made = {
        f"word/fonts/font{number}.odttf": disguised(path.read_bytes(), key_of(face))
        for number, (face, path) in enumerate(zip(FACES, font_files(), strict=True), start=1)
    }
    links = "".join(
        f'<Relationship Id="rIdFont{n}" Type="{RELATIONS}/font" Target="{Path(name).parent.name}/'
        f'{Path(name).name}"/>'
        for n, name in enumerate(made, start=1)
    )
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    listed = f'{head}<Relationships xmlns="{PACKAGE}">{links}</Relationships>'
    return {**made, "word/_rels/fontTable.xml.rels": listed.encode("utf-8")}


def with_font(xml: str) -> str:
    """Name the font and its four faces in the table of fonts."""
    if f'w:name="{FONT}"' in xml:
        return xml
    faces = "".join(
        f'<w:embed{face} r:id="rIdFont{n}" w:fontKey="{{{key_of(face)}}}"/>'
        for n, face in enumerate(FACES, start=1)
    )
    font = (
        f'<w:font w:name="{FONT}"><w:charset w:val="00"/><w:family w:val="auto"/>'
        f'<w:pitch w:val="variable"/>{faces}</w:font>'
    )
    return xml.replace("</w:fonts>", f"{font}</w:fonts>")


def with_type(xml: str) -> str:
    """Say what kind of part the fonts are."""
    if 'Extension="odttf"' in xml:
        return xml
    return re.sub(
        r"(<Types\b[^>]*>)", rf'\1<Default Extension="odttf" ContentType="{TYPE}"/>', xml, count=1
    )


def embedding(xml: str) -> str:
    """Keep the fonts in the document when Word saves it again, ours and not those of the system."""
    if "<w:embedTrueTypeFonts" in xml:
        return xml
    xml = re.sub(r"\s*<w:embedSystemFonts\s*/>", "", xml)
    # Word insists on the order of the settings: fonts come after the zoom.
    return re.sub(r"(<w:zoom\b[^>]*/>)", r"\1<w:embedTrueTypeFonts/>", xml, count=1)
