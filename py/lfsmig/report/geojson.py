"""Polygons of places from a GeoJSON file, as paths to be filled.

GeoJSON (RFC 7946) is read with the standard library: a map of places needs rings of coordinates
and nothing that a geographic library would add.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.path import Path as Outline

from lfsmig.errors import InputError

KINDS = ("Polygon", "MultiPolygon")


def outlines(path: Path, name: str, places: Collection[str]) -> dict[str, Outline]:
    """Read the outline of every place; holes stay open.

    Parameters
    ----------
    path
        A GeoJSON file: a FeatureCollection of polygons.
    name
        The property of a feature that holds the place's code.
    places
        Codes that must be there; features of other codes are left out.

    Raises
    ------
    InputError
        If the file is missing, is no such GeoJSON, or has no polygon for a place.
    """
    found: dict[str, list[Outline]] = {}
    for number, feature in enumerate(_features(path), start=1):
        properties = feature.get("properties")
        if not isinstance(properties, dict) or name not in properties:
            known = ", ".join(map(str, properties or {})) or "none"
            raise InputError(
                f"{path}: feature {number} has no property {name!r} (it has {known}); name the "
                "property that holds the place's code under boundaries in report.yml"
            )
        code = str(properties[name])
        if code in places:
            found.setdefault(code, []).extend(_rings(path, code, feature.get("geometry")))
    if missing := sorted(set(places) - set(found)):
        raise InputError(
            f"{path}: no polygon for {', '.join(missing[:5])}"
            f"{' and others' if len(missing) > 5 else ''}; "
            f"property {name!r} must hold the codes of the geography table"
        )
    return {code: Outline.make_compound_path(*rings) for code, rings in found.items()}


def _features(path: Path) -> list[dict[str, Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; report.yml names it under boundaries") from None
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise InputError(f"{path}: not JSON in UTF-8 ({' '.join(str(error).split())})") from None
    features = content.get("features") if isinstance(content, dict) else None
    if not isinstance(features, list) or not all(isinstance(one, dict) for one in features):
        raise InputError(f"{path}: not a GeoJSON FeatureCollection: it has no list of features")
    return features


def _rings(path: Path, code: str, geometry: Any) -> Iterator[Outline]:
    """Closed rings of a polygon or of several."""
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind not in KINDS:
        raise InputError(f"{path}: the geometry of {code} is {kind}; expected {' or '.join(KINDS)}")
    polygons = geometry["coordinates"] if kind == "MultiPolygon" else [geometry["coordinates"]]
    try:
        for polygon in polygons:
            for number, ring in enumerate(polygon):
                points = np.array([point[:2] for point in ring], dtype=float)
                if len(points) < 4 or not np.isfinite(points).all():
                    raise ValueError("a ring has fewer than four points")
                # The outer ring runs one way and holes the other, or they would be filled too.
                if (area(points) > 0) != (number == 0):
                    points = points[::-1]
                yield Outline(points, closed=True)
    except (TypeError, ValueError, IndexError) as error:
        raise InputError(f"{path}: the coordinates of {code} cannot be read ({error})") from None


def area(points: np.ndarray) -> float:
    """Area within a ring, positive if it runs against the clock."""
    x, y = points[:, 0], points[:, 1]
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2)
