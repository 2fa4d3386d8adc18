"""The report's fonts: from the installed wheel into the project, where every tool finds them."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path

from lfsmig.atomic import atomic_path
from lfsmig.errors import MissingDependency

FONT = "Sarabun"
FACES = ("Regular", "Bold", "Italic", "BoldItalic")
# What a reader may type into the search, beside what the pages say: Latin and all of Thai.
ALWAYS = "".join(map(chr, [*range(0x20, 0x7F), *range(0x0E01, 0x0E3B), *range(0x0E3F, 0x0E5C)]))


def font_files() -> list[Path]:
    """The four faces of Sarabun that the report uses, from the installed font wheel."""
    folder = Path(str(files("fontpkg_sarabun"))) / "files"
    return [folder / f"Sarabun-{face}.ttf" for face in FACES]


def setup_fonts(root: Path) -> Path:
    """Copy Sarabun and its licence to `assets/fonts` unless they are there; return the folder."""
    folder = Path(root) / "assets" / "fonts"
    try:
        package = Path(str(files("fontpkg_sarabun")))
    except ModuleNotFoundError as error:
        raise MissingDependency(
            "the font package is missing: install it with `pip install fontpkg-sarabun`"
        ) from error
    sources = {f"Sarabun-{face}.ttf": package / "files" / f"Sarabun-{face}.ttf" for face in FACES}
    sources["Sarabun-LICENSE.txt"] = package / "LICENSE"
    for name, source in sources.items():
        target = folder / name
        if not target.is_file() or target.stat().st_size != source.stat().st_size:
            with atomic_path(target) as temporary:
                shutil.copyfile(source, temporary)
    return folder


def page_fonts(folder: Path, target: Path, text: str) -> None:
    """Write the four faces with the letters of a text alone, packed: a fifth of their bytes.

    Parameters
    ----------
    folder
        The fonts as they are, with their licence, which goes with them.
    target
        Folder of the pages' fonts.
    text
        All that the pages say.
    """
    from fontTools import subset

    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / "Sarabun-LICENSE.txt", target / "Sarabun-LICENSE.txt")
    options = subset.Options()
    # All rules by which Thai marks find their place; no clock, so that bytes stay the same.
    options.layout_features = ["*"]
    options.flavor, options.hinting, options.recalc_timestamp = "woff", False, False
    for face in FACES:
        with subset.load_font(folder / f"Sarabun-{face}.ttf", options) as font:
            cutter = subset.Subsetter(options)
            cutter.populate(text=text + ALWAYS)
            cutter.subset(font)
            subset.save_font(font, target / f"Sarabun-{face}.woff", options)
