"""What pages and the Word document get of a chart that was drawn as outlines (SVG).

On a page the letters are letters again, in the page's own font: a chart weighs a sixth of its
outlines, its words can be searched, and there is no file to wait for. Word gets a picture. Both
come from the one drawing, so that matplotlib draws each chart once.
"""

from __future__ import annotations

import html
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from lfsmig.report.fonts import FONT

DPI = 200
SVG = "{http://www.w3.org/2000/svg}"
HREF = "{http://www.w3.org/1999/xlink}href"
# A line of type: where its foot begins, how it is turned, how large a hundredth of it is.
TYPE = re.compile(
    r"translate\((?P<x>[-\d.]+) (?P<y>[-\d.]+)\)(?: rotate\((?P<turn>[-\d.]+)\))?"
    r" scale\((?P<size>[\d.]+) -[\d.]+\)$"
)
GLYPH = re.compile(rf"#{FONT}-(?P<face>Regular|Bold|Italic|BoldItalic)-[0-9a-f]+$")
NUMBER = re.compile(r"-?\d+\.\d{2,}(?:e-?\d+)?")
IMAGE = re.compile(r'<img\b[^>]*?\bsrc="(?P<file>[^"]+\.svg)"[^>]*?>', re.S)
ALT = re.compile(r'\balt="([^"]*)"')
PNG_HEAD = 8 + 25  # bytes: the signature, and the chunk with the picture's size


def inlined(page: str, folder: Path) -> str:
    """Put the charts that a page shows into the page itself."""
    number = 0

    def chart(found: re.Match[str]) -> str:
        nonlocal number
        path = folder / html.unescape(found["file"])
        alt = ALT.search(found[0])
        if not path.is_file():
            return found[0]
        number += 1
        drawn = slim(path.read_text(encoding="utf-8"), f"c{number}")
        told = alt[1] if alt else ""
        # In a box that scrolls: on a phone's width the type would be too small to read.
        return (
            f'<div class="chart-box" role="group" tabindex="0" aria-label="{told}">'
            f"{drawn.replace('<svg ', f'<svg aria-label={chr(34)}{told}{chr(34)} ', 1)}</div>"
        )

    return IMAGE.sub(chart, page)


def slim(svg: str, prefix: str) -> str:
    """Return a chart with letters instead of outlines, without what only a file needs.

    Parameters
    ----------
    prefix
        Begins the names inside the chart, which must differ from those of the page's others.
    """
    builder = ET.XMLParser(target=ET.TreeBuilder(insert_comments=True))
    root = ET.fromstring(svg, parser=builder)
    for group in list(root.iter(f"{SVG}g")):
        _set_in_type(group)
    used = set(_references(root))
    names = {name: f"{prefix}-{n}" for n, name in enumerate(dict.fromkeys(_ids(root, used)))}
    box = root.get("viewBox", "")
    body = "".join(_written(child, names) for child in root)
    return f'<svg class="chart" role="img" viewBox="{box}" stroke-linejoin="round">{body}</svg>'


def _set_in_type(group: ET.Element) -> None:
    """Turn each line of outlines in a group into text; a comment above it says what it reads."""
    said: str | None = None
    for place, child in enumerate(list(group)):
        if child.tag is ET.Comment:
            said = html.unescape((child.text or "").strip())
            continue
        if said is not None and child.tag == f"{SVG}g":
            text = _text(child, said)
            if text is not None:
                group[place] = text
        said = None


def _text(outlines: ET.Element, said: str) -> ET.Element | None:
    """A line of text in place of its outlines, or nothing where they are of another font."""
    place = TYPE.match(outlines.get("transform", ""))
    faces = {
        found["face"] if (found := GLYPH.match(use.get(HREF, ""))) else ""
        for use in outlines.iter(f"{SVG}use")
    }
    if place is None or len(faces) != 1 or "" in faces or "$" in said:
        return None
    face = faces.pop()
    style = outlines.get("style", "")
    fill = re.search(r"fill: (#\w+)", style)
    look = {"fill": fill[1] if fill else "#000", "font-size": _short(100 * float(place["size"]))}
    if "Bold" in face:
        look["font-weight"] = "700"
    if "Italic" in face:
        look["font-style"] = "italic"
    if opacity := re.search(r"opacity: ([\d.]+)", style):
        look["opacity"] = opacity[1]
    x, y = _short(float(place["x"])), _short(float(place["y"]))
    if place["turn"]:
        look["transform"] = f"translate({x} {y}) rotate({place['turn']})"
    else:
        look |= {"x": x, "y": y}
    text = ET.Element(f"{SVG}text", look)
    text.text = said
    return text


def _references(root: ET.Element) -> Iterator[str]:
    for element in root.iter():
        for value in element.attrib.values():
            if value.startswith("#"):
                yield value[1:]
            yield from re.findall(r"url\(#([^)]+)\)", value)


def _ids(root: ET.Element, used: set[str]) -> Iterator[str]:
    yield from (name for element in root.iter() if (name := element.get("id", "")) in used)


def _written(element: ET.Element, names: dict[str, str]) -> str:
    """An element as text: no spaces between elements, no groups that only group."""
    if element.tag is ET.Comment or element.tag in {f"{SVG}metadata", f"{SVG}style"}:
        return ""
    tag = str(element.tag).removeprefix(SVG)
    inside = "".join(_written(child, names) for child in element)
    if tag == "text":
        inside = html.escape(element.text or "", quote=False)
    shown = {n.removeprefix("{http://www.w3.org/1999/xlink}"): v for n, v in element.items()}
    identifier = names.get(shown.pop("id", ""))
    look = {name: _attribute(value, names) for name, value in shown.items()}
    if identifier:
        look["id"] = identifier
    if tag in {"g", "defs"} and not inside:
        return ""
    if tag == "g" and not look:
        return inside
    told = "".join(f' {name}="{html.escape(value)}"' for name, value in look.items())
    return f"<{tag}{told}>{inside}</{tag}>" if inside else f"<{tag}{told}/>"


def _attribute(value: str, names: dict[str, str]) -> str:
    if value.startswith("#") and value[1:] in names:
        return f"#{names[value[1:]]}"
    value = re.sub(r"url\(#([^)]+)\)", lambda m: f"url(#{names.get(m[1], m[1])})", value)
    value = NUMBER.sub(lambda m: _short(float(m[0])), value)
    return re.sub(r"([:;]) ", r"\1", " ".join(value.split()))


def _short(value: float) -> str:
    """A length to a hundredth of a point: nobody sees less."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


# --- pictures ------------------------------------------------------------------------------------


def pictures(folder: Path) -> list[Path]:
    """Make the pictures (PNG) of the charts in a folder, all at once."""
    import typst

    drawn = sorted(folder.glob("*.svg")) if folder.is_dir() else []
    if not drawn:
        return []
    pages = "\n#pagebreak()\n".join(f'#image("{path.name}")' for path in drawn)
    source = f"#set page(width: auto, height: auto, margin: 0pt)\n{pages}\n"
    compiler = typst.Compiler(source.encode("utf-8"), root=folder, ignore_system_fonts=True)
    made = compiler.compile(format="png", ppi=float(DPI))
    several: Sequence[bytes] = made if isinstance(made, list) else [made or b""]
    targets = [path.with_suffix(".png") for path in drawn]
    for target, picture in zip(targets, several, strict=True):
        target.write_bytes(with_size(picture))
    return targets


def with_size(picture: bytes) -> bytes:
    """Say in a picture how many points make an inch: Word takes its size from there."""
    metre = round(DPI / 0.0254)
    chunk = b"pHYs" + struct.pack(">IIB", metre, metre, 1)
    length, check = struct.pack(">I", len(chunk) - 4), struct.pack(">I", zlib.crc32(chunk))
    return picture[:PNG_HEAD] + length + chunk + check + picture[PNG_HEAD:]
