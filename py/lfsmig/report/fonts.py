"""The report's fonts: from the installed wheel into the project, where every tool finds them."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path

from lfsmig.atomic import atomic_path
from lfsmig.errors import MissingDependency

FACES = ("Regular", "Bold", "Italic", "BoldItalic")


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
