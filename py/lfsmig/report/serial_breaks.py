"""Breaks in series in charts and tables: a letter where one lies, and below what it means.

The entries stand in `breaks.yml` of the parameter folder. Letters follow the order of the marked
entries, so a break has the same letter in every exhibit of an edition.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.display import Markdown
from matplotlib.axes import Axes

from lfsmig.params.query import query_columns
from lfsmig.report import data, words
from lfsmig.report.style import QUIET

if TYPE_CHECKING:
    from lfsmig.params import Break

SHADE = "#F0F0F0"


def every() -> list[Break]:
    """Return the breaks of the parameter folder."""
    path = data.params_dir() / "breaks.yml"
    return _read(path.parent, path.stat().st_mtime_ns) if path.is_file() else []


@cache
def _read(folder: Path, _stamp: int) -> list[Break]:
    from lfsmig.params import Params

    return Params(folder).stated_breaks


def letters() -> dict[str, str]:
    """Letter of each marked break by its id."""
    names = str(words.catalogue()["breaks"]["letters"][words.lang()])
    marked = [one.id for one in every() if one.mark]
    return {name: names[i] if i < len(names) else str(i + 1) for i, name in enumerate(marked)}


def marked(indicators: str | Sequence[str], *by: str | None) -> list[Break]:
    """Return marked breaks inside the report's years that touch an indicator, or one of several.

    Parameters
    ----------
    indicators
        Identifiers of the register.
    by
        Items that the exhibit is crossed by.
    """
    names = [indicators] if isinstance(indicators, str) else list(indicators)
    years = data.years()
    return [
        one
        for one in every()
        if one.mark
        and any(one.between(a, b) for a, b in pairwise(years))
        and any(touches(one, name, *by) for name in names)
    ]


def touches(one: Break, indicator: str, *by: str | None) -> bool:
    """Tell whether a break touches an indicator: by its id, or by an item that it uses."""
    if any(fnmatchcase(indicator, pattern) for pattern in one.touches.indicators):
        return True
    entry: dict[str, Any] = words.register().get(indicator) or {}
    used = {entry.get("of"), entry.get("over"), entry.get("population"), *by}
    if entry.get("where"):
        used |= set(query_columns(entry["where"]))
    return bool(used & set(one.touches.variables))


def draw(ax: Axes, found: Sequence[Break], inside: bool = False) -> None:
    """Draw each break: a dotted line before its first year, a shade over years it is confined to.

    Parameters
    ----------
    inside
        Write the letters inside the frame: above it stands a title.
    """
    years = data.years()
    names = letters()
    for one in found:
        within = [i for i, year in enumerate(years) if _affects(one, year)]
        if not within:
            continue
        left, right = within[0] - 0.5, within[-1] + 0.5
        if one.to_year is None:
            ax.axvline(left, color=QUIET, linewidth=0.9, linestyle=(0, (1, 2)), zorder=0.6)
        else:
            ax.axvspan(left, right, color=SHADE, linewidth=0, zorder=0.1)
        # Right of the line or edge, so that neither it nor a neighbour's letter is written over.
        ax.annotate(
            names[one.id],
            (left, 0.97 if inside else 1.01),
            xycoords=ax.get_xaxis_transform(),
            xytext=(2, 0),
            textcoords="offset points",
            ha="left",
            va="top" if inside else "bottom",
            fontsize=7 if inside else 8.5,
            fontweight="bold",
            color=QUIET,
        )


def _affects(one: Break, year: int) -> bool:
    return one.from_year <= year <= (one.to_year or 9999)


def sentence(found: Sequence[Break], key: str = "breaks.marks") -> str:
    """Say below an exhibit what its letters mean."""
    if not found:
        return ""
    names = letters()
    parts = [
        words.t("breaks.mark", letter=names[one.id], years=_years(one), label=_text(one.label))
        for one in found
    ]
    return words.t(key, marks=words.t("breaks.joint").join(parts))


def _years(one: Break) -> str:
    if one.to_year is None:
        return words.t("breaks.since", year=words.year_text(one.from_year))
    if one.to_year == one.from_year:
        return words.year_text(one.from_year)
    return str(words.span([one.from_year, one.to_year]))


def _text(texts: dict[str, str]) -> str:
    return texts.get(words.lang()) or next(iter(texts.values()))


def year_head(year: int, found: Sequence[Break]) -> str:
    """A year as a table's row or column names it, with the letters of the breaks that begin there.

    A break confined to some years stands at each of them.
    """
    names = letters()
    first = data.years()[0]
    here = [
        names[one.id]
        for one in found
        if (_affects(one, year) if one.to_year else year == max(one.from_year, first))
    ]
    return words.year(year) + (f"^{','.join(here)}^" if here else "")


def crossing(found: Sequence[Break], first: int, last: int) -> list[Break]:
    """Return the breaks that lie between two years."""
    return [one for one in found if one.between(first, last)]


def tbl_breaks() -> Markdown:
    """All breaks in series: letter, years, what it is, what follows, how well it is evidenced."""
    from lfsmig.report.tables import escape, pipe

    names = letters()
    found = every()
    if not found:
        return Markdown(words.t("breaks.no_entries"))
    keys = ("mark", "years", "what", "follows", "status")
    head = [words.t(f"breaks.column.{key}") for key in keys]
    rows = [
        [
            names.get(one.id, words.DASH),
            _years(one),
            escape(_text(one.label)[:1].upper() + _text(one.label)[1:]),
            escape(_text(one.note)),
            words.t(f"breaks.status.{one.status}"),
        ]
        for one in found
    ]
    return Markdown(pipe(head, rows, "clllc"))
