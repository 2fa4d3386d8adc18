"""What a map is drawn from: a grid with a tile for each place, or the office's boundaries."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

# A cell of the grid without a place.
NO_PLACE = "."


class Boundaries(BaseModel):
    """A GeoJSON file with a polygon for each place, and the property that holds the place's code.

    `file` is relative to the parameter folder.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    file: str
    property: str


class Tiles(BaseModel):
    """tiles.yml: rows of the grid from north to south, each the codes from west to east.

    `names` holds what is written in a place's tile by language; without one its code is.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    rows: list[str] = Field(min_length=1)
    names: dict[str, dict[str, str]] = Field(default_factory=dict)

    @property
    def places(self) -> list[tuple[str, int, int]]:
        """Code, row and column of each tile."""
        return [
            (code, row, column)
            for row, line in enumerate(self.rows)
            for column, code in enumerate(line.split())
            if code != NO_PLACE
        ]
