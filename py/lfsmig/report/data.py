"""What the report may read: released results, and nothing to the left of them.

The one exception is `microdata`, which the working paper of a year uses to show one estimate being
made, on machines where the harmonised records lie beside the released results.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import date, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lfsmig.errors import InputError
from lfsmig.later import Later
from lfsmig.results import domain_text
from lfsmig.yamltext import plain

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = Later("pandas")

WITHHELD = ("c", "s")
# Reason of a flag that somebody decided on.
REVIEWED = "overruled"
# The order in which flags are explained under a table.
FLAGS = ("c", "s", "*", "r", "+")
# The check that fails where the sum of weights jumps: the population projections were changed.
BREAK_CHECK = "W5"
FAILED = {"failed", "fail", "error"}
# Columns of the published figures that hold texts, empty for most.
STATEMENTS = ("printed", "printed_unit", "statement", "fails")
# Columns of the harmonised records that hold the design and make the recent migrants.
DESIGN = ("household_id", "province", "area", "region", "stratum", "psu", "weight", "age", "sex")
MOVES = (
    "moved",
    "months_since_move",
    "previous_province",
    "previous_country",
    "previous_area",
)


def data_dir() -> Path:
    """Data root: LFSMIG_DATA, else `data` if it holds released results, else `build/data`."""
    named = os.environ.get("LFSMIG_DATA")
    if named:
        return Path(named)
    return Path("data") if Path("data/released").is_dir() else Path("build/data")


def params_dir() -> Path:
    """Parameter folder: LFSMIG_PARAMS, else `params`."""
    return Path(os.environ.get("LFSMIG_PARAMS") or "params")


def released_files(folder: Path) -> list[Path]:
    """Files of a data root that the report is made from; the manifest only tells when."""
    every = (folder / "released").iterdir()
    return sorted(
        p for p in every if p.suffix in {".parquet", ".json"} and p.name != "manifest.json"
    )


def released_on() -> date | None:
    """Day on which the results were released, where that was written down."""
    path = data_dir() / "released" / "manifest.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["steps"]["released"]["time"]
        return datetime.fromisoformat(found).date()
    except (OSError, ValueError, KeyError):
        return None


def released(name: str) -> Path:
    """Path of a released file, or a clear error."""
    path = data_dir() / "released" / name
    if not path.is_file():
        raise InputError(f"{path}: no such released file; make it with `lfsmig run`")
    return path


def public_tables() -> Path:
    """Folder of the exhibits' public tables: CSV, metadata, Excel."""
    return data_dir() / "released" / "tables"


def has_public_table(indicator: str) -> bool:
    """Whether an exhibit has public tables beside its results."""
    return (public_tables() / f"{indicator}.csv").is_file()


def overrules() -> pd.DataFrame:
    """Decisions on single cells against the precision rule; empty where none was made."""
    path = data_dir() / "released" / "overrules.parquet"
    return read(path.name) if path.is_file() else pd.DataFrame()


@cache
def _parquet(path: Path, _stamp: int) -> pd.DataFrame:
    return pd.read_parquet(path)


def read(name: str) -> pd.DataFrame:
    """Read a released Parquet file once per kernel."""
    path = released(name)
    return _parquet(path, path.stat().st_mtime_ns)


def years() -> list[int]:
    """Years with released results, ascending, as far as the report's parameters list them."""
    paths = (data_dir() / "released").glob("[0-9]*.parquet")
    found = {int(path.stem) for path in paths if path.stem.isdigit()}
    wanted = settings().get("years") or sorted(found)
    return sorted(found & set(wanted))


@cache
def _settings(path: Path, _stamp: int) -> dict[str, Any]:
    from lfsmig.report.settings import read_settings

    return read_settings(path.parent).model_dump()


def settings() -> dict[str, Any]:
    """Read `report.yml`; empty where the parameter folder has none."""
    path = params_dir() / "report.yml"
    return _settings(path, path.stat().st_mtime_ns) if path.is_file() else {}


def rules() -> dict[str, Any]:
    """Limits of the publication rules by rule set."""
    path = params_dir() / "rules.yml"
    if not path.is_file():
        raise InputError(f"{path}: no such file; it holds the limits of the publication rules")
    return _rules(path, path.stat().st_mtime_ns)


@cache
def _rules(path: Path, _stamp: int) -> dict[str, Any]:
    found: dict[str, Any] = plain(path.read_text(encoding="utf-8"))["publication"]
    return found


def report_year() -> int:
    """The year that the report puts in front."""
    have = years()
    if not have:
        raise InputError(f"{data_dir() / 'released'}: no released year; make one with `lfsmig run`")
    wanted = settings().get("report_year")
    return wanted if wanted in have else have[-1]


def rows(frame: pd.DataFrame) -> Iterator[Any]:
    """Rows with their columns as attributes."""
    yield from frame.itertuples()


def estimates(year: int) -> pd.DataFrame:
    """All released cells of a year."""
    return read(f"{year}.parquet")


@cache
def _every(_key: tuple[tuple[int, int], ...]) -> pd.DataFrame:
    return pd.concat([estimates(year) for year, _ in _key], ignore_index=True)


def every_year() -> pd.DataFrame:
    """All released cells of all years of the report."""
    stamps = tuple((y, released(f"{y}.parquet").stat().st_mtime_ns) for y in years())
    return _every(stamps)


def series(
    indicator: str,
    domain: dict[str, str] | None = None,
    by: str | None = None,
    category: str | None = None,
) -> pd.DataFrame:
    """Yearly cells of an indicator, in year order.

    Parameters
    ----------
    indicator
        Identifier in the register of indicators.
    domain
        Codes of the domain; the whole population by default.
    by
        Take every domain that has this one variable instead, with its code in a column `code`.
    category
        Keep one category of a share.
    """
    frame = every_year()
    frame = frame[frame["indicator"].eq(indicator)]
    if by is not None:
        codes = frame["domain"].map(json.loads)
        frame = frame[codes.map(lambda d: set(d) == {by}).astype(bool)]
        frame = frame.assign(code=frame["domain"].map(json.loads).map(lambda d: d.get(by, "")))
    else:
        frame = frame[frame["domain"].eq(domain_text(domain or {}))]
    if category is not None:
        frame = frame[frame["category"].eq(category)]
    return frame.sort_values(["year"], kind="stable").reset_index(drop=True)


def trends(indicator: str, domain: dict[str, str] | None = None) -> pd.DataFrame:
    """Changes and slopes of an indicator that may be shown."""
    try:
        frame = read("trends.parquet")
    except InputError:
        return pd.DataFrame(columns=["statistic", "category", "year_from", "year_to", "flag"])
    keep = frame["indicator"].eq(indicator) & frame["domain"].eq(domain_text(domain or {}))
    if "flag" in frame:
        keep &= ~frame["flag"].isin(WITHHELD)
    return frame[keep].reset_index(drop=True)


def crosscheck(year: int) -> pd.DataFrame | None:
    """Both engines' values of the cells that may be shown, None where R did not run."""
    path = data_dir() / "released" / f"{year}.crosscheck.parquet"
    return read(path.name) if path.is_file() else None


def summary(year: int) -> dict[str, Any]:
    """What was received of a year, how it passed the checks and how the engines agreed."""
    text: dict[str, Any] = json.loads(released(f"{year}.summary.json").read_text(encoding="utf-8"))
    return text


def published(year: int | None = None) -> pd.DataFrame:
    """Published figures beside the estimates of the same cells."""
    path = data_dir() / "released" / "published.parquet"
    if not path.is_file():
        return pd.DataFrame()
    frame = read(path.name)
    # Results released before statements were compared lack what is told of them.
    frame = frame.assign(**{name: "" for name in STATEMENTS if name not in frame})
    if year is None or frame.empty:
        return frame
    return frame[frame["year"].astype(str).eq(str(year))].reset_index(drop=True)


def not_compared() -> pd.DataFrame:
    """Published figures that have no cell beside them, each with the reason; empty if none."""
    path = data_dir() / "released" / "published_not_compared.parquet"
    return read(path.name) if path.is_file() else pd.DataFrame(columns=["figure"])


def quality() -> pd.DataFrame:
    """Rates of non-response and of missing answers, by year and region."""
    return read("quality.parquet")


def sources() -> dict[str, dict[str, str]]:
    """Sources of the published figures by key."""
    return _by_first_column("published_sources.parquet")


def remarks() -> dict[str, dict[str, str]]:
    """What is told of published figures that are not as printed, by figure."""
    return _by_first_column("published_remarks.parquet")


def _by_first_column(name: str) -> dict[str, dict[str, str]]:
    if not (data_dir() / "released" / name).is_file():
        return {}
    frame = read(name)
    records = frame.to_dict("records")
    return {str(row[frame.columns[0]]): {str(k): str(v) for k, v in row.items()} for row in records}


def synthetic() -> bool:
    """Whether any year of the report comes from synthetic records."""
    return any(bool(summary(year).get("synthetic")) for year in years())


def breaks() -> list[tuple[int, int]]:
    """Neighbouring years of the report between which counts are not comparable.

    The population projections behind the weights changed there; the check of the sum of weights
    has found it. Rates, shares and means stay comparable.
    """
    return [
        (before, after)
        for before, after in pairwise(years())
        for check in summary(after).get("checks", [])
        if check["id"] == BREAK_CHECK and str(check["status"]) in FAILED
    ]


def comparable_years(year: int) -> list[int]:
    """Years of the report whose counts can be compared with those of one year."""
    parts: list[list[int]] = [[]]
    starts = {after for _, after in breaks()}
    for each in years():
        if each in starts:
            parts.append([])
        parts[-1].append(each)
    return next((part for part in parts if year in part), [year])


def is_count(frame: pd.DataFrame) -> bool:
    """Whether an indicator is a sum over persons, which moves with the population projections."""
    return bool(frame["statistic"].eq("total").any())


def quotable(frame: pd.DataFrame) -> pd.Series:
    """Rows that a sentence may quote: shown, and not waiting for the review that `r` asks for.

    A decision in `rules.yml` (`publication.overrules`) is that review, whatever flag it leaves.
    """
    if "flag" not in frame:
        return pd.Series(True, index=frame.index)
    waiting = frame["flag"].eq("r")
    if "reason" in frame:
        waiting &= frame["reason"].ne(REVIEWED)
    return ~frame["flag"].isin(WITHHELD) & ~waiting


def absent_reason(indicator: str) -> str | None:
    """Why an indicator has no released cells, None if it has some."""
    if every_year()["indicator"].eq(indicator).any():
        return None
    for year in reversed(years()):
        reasons = summary(year).get("absent") or {}
        for name in (indicator, *reversed(indicator.split(".", maxsplit=1))):
            if name in reasons:
                return str(reasons[name])
    return ""


def microdata(year: int, *items: str) -> pd.DataFrame | None:
    """Records of a year with the migration concepts, where they lie on this machine, else None.

    Parameters
    ----------
    year
        The year.
    items
        Harmonised items wanted beside the design and the recent move; all of them by default.
        Reading a few columns of a large file takes a fraction of the time.
    """
    path = data_dir() / "harmonised" / f"{year}.parquet"
    if not path.is_file():
        return None
    import pyarrow.parquet as pq

    from lfsmig.concepts import analysis_frame
    from lfsmig.params import load

    columns = None
    if items:
        held = set(pq.read_schema(path).names)
        if unknown := [name for name in items if name not in held]:
            raise InputError(f"{path}: no column {unknown[0]!r}; it is not asked in {year}")
        columns = [name for name in dict.fromkeys((*DESIGN, *MOVES, *items)) if name in held]
    records = pd.read_parquet(path, columns=columns)
    frame: pd.DataFrame = analysis_frame(records, load(params_dir()), year)
    return frame


def pools(indicator: str) -> pd.DataFrame:
    """Averages of a pooled indicator over its spans of years, `year_from` to `year_to`.

    Empty where no span was released.
    """
    path = data_dir() / "released" / "pools.parquet"
    if not path.is_file():
        names = [
            "domain",
            "category",
            "year_from",
            "year_to",
            "estimate",
            "flag",
            "unit",
            "statistic",
        ]
        return pd.DataFrame(columns=names)
    frame = read(path.name)
    return frame[frame["indicator"].eq(indicator)].reset_index(drop=True)


def pools_by(indicator: str, by: str) -> pd.DataFrame:
    """Averages by the codes of one item, with the code in a column `code`."""
    frame = pools(indicator)
    domains = [json.loads(text) for text in frame["domain"]]
    frame = frame.assign(code=[one[by] if set(one) == {by} else "" for one in domains])
    return frame[frame["code"].ne("")].sort_values(["year_from", "code"], ignore_index=True)


def crossed(frame: pd.DataFrame, rows: str, columns: str) -> pd.DataFrame:
    """Cells crossed by two items, their codes in columns `row` and `column`.

    A share by the first item of which the second gives the categories is such a table too.
    """
    codes = [json.loads(text) for text in frame["domain"]]
    row = [one.get(rows, "") if set(one) <= {rows, columns} else "" for one in codes]
    pairs = zip(codes, frame["category"], strict=True)
    column = [one.get(columns) or str(category) for one, category in pairs]
    found = frame.assign(row=row, column=column)
    return found[found["row"].ne("") & found["column"].ne("")].reset_index(drop=True)


def cells(indicator: str, rows: str, columns: str) -> pd.DataFrame:
    """Yearly cells of an indicator crossed by two items (`crossed`)."""
    frame = every_year()
    return crossed(frame[frame["indicator"].eq(indicator)], rows, columns)


def averages(indicator: str, rows: str, columns: str) -> pd.DataFrame:
    """Averages of crossed cells over the longest span of years that was asked for."""
    try:
        frame = read("trends.parquet")
    except InputError:
        return pd.DataFrame(columns=["row", "column", "year_from", "year_to", "estimate", "flag"])
    frame = frame[frame["indicator"].eq(indicator) & frame["statistic"].eq("average")]
    found = crossed(frame, rows, columns)
    length = found["year_to"] - found["year_from"]
    return found[length.eq(length.max())].reset_index(drop=True)
