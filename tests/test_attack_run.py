"""An attacker against everything that a run of the pipeline has released.

He knows the parameters, so whom every number counts, and reads all released files. What hangs
together he learns from persons whose items are drawn each for itself: a sum that holds for all of
these holds always. Nothing here knows of the code under test.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lfsmig import indicators
from lfsmig.params import Params, load
from lfsmig.results import domain_codes
from tests.attacker import Attacker
from tests.conftest import ROOT

YEAR = 2022
# Persons to learn from what hangs together.
MOST = 3000
LEARNT = 3
# Confidential cells that are looked at by linear programming.
PROGRAMMES = 6
KEYS = ["indicator", "domain", "category"]
PARAMS = load(ROOT / "params")
LIMITS = PARAMS.rules.publication.disclosure


@dataclass
class Run:
    """A year's true cells, what of them is shown, and whom they count by kinds of persons."""

    true: pd.DataFrame
    shown: pd.DataFrame
    counted: np.ndarray
    based: np.ndarray
    # Real persons above and below the line.
    cases: np.ndarray
    n: np.ndarray
    # Weighted persons above and below the line.
    above: np.ndarray
    below: np.ndarray

    @property
    def secret(self) -> np.ndarray:
        # Of one or two kinds of persons nothing can be learnt: any other sum may be them by chance.
        kinds = np.count_nonzero(self.counted, axis=1)
        return np.flatnonzero(few_persons(self.true) & (kinds >= LEARNT))


def few_persons(true: pd.DataFrame) -> np.ndarray:
    """Cells of a handful of persons; of amounts and medians only the value is one."""
    before = true["indicator"].str.endswith("previous_region") & true["domain"].ne("{}")
    low = np.where(before, LIMITS.min_cases_od, LIMITS.min_cases)
    return (true["n_cases"].gt(0) & true["n_cases"].lt(low)).to_numpy()


def chosen(counted: np.ndarray, withheld: np.ndarray) -> np.ndarray:
    """Kinds of persons to learn from: half of them of the rarest withheld cells, the rest any.

    With three kinds alone in a cell, all of the North, its number would seem to be the North's.
    """
    order = np.random.default_rng(3).permutation(counted.shape[1])
    rows = counted[withheld][:, order].astype(bool)
    rarity = (rows / np.maximum(rows.sum(axis=1), 1)[:, None]).max(axis=0, initial=0.0)
    first = np.argsort(-rarity, kind="stable")[: MOST // 2]
    rest = np.setdiff1d(np.arange(len(order)), first)[: MOST - len(first)]
    return order[np.concatenate([first, rest])]


OTHER_YEARS = [
    pytest.param((population, year), marks=pytest.mark.slow)
    for year in PARAMS.report.years
    if year != YEAR
    for population in ("migrants", "lifetime")
]


@pytest.fixture(scope="module", params=[("migrants", YEAR), ("lifetime", YEAR), *OTHER_YEARS])
def run(small_data: Path, request: pytest.FixtureRequest) -> Run:
    population, year = request.param
    both = pd.read_parquet(small_data / f"estimates/{year}.parquet")
    rows = twin_rows(small_data, year)
    named = both["indicator"].isin(within(population) & set(rows["indicator"]))
    true = both[both["engine"].eq("python") & named].reset_index(drop=True)
    shown = true[KEYS].merge(rows, on=KEYS, how="left", validate="1:1")
    assert shown["flag"].notna().all()
    records = pd.read_parquet(small_data / f"harmonised/{year}.parquet")
    frame = persons(PARAMS, records, population, year)
    counted, based = sets_of(true, frame)
    real = len(frame) - frame.attrs["drawn"]
    weights = frame["weight"].to_numpy(dtype=float)[:real]
    sums = [one[:, :real].sum(axis=1) for one in (counted, based)]
    sums += [one[:, :real] @ weights for one in (counted, based)]
    kinds = np.unique(np.vstack([counted, based]), axis=1)
    some = chosen(np.split(kinds, 2)[0], shown["estimate"].isna().to_numpy())
    return Run(true, shown, *np.split(kinds[:, some].astype(float), 2), *sums)


def within(population: str) -> set[str]:
    """Indicators that count nobody outside a population, or do so below the line only."""
    parts = {
        "migrants": ("migrants", "recent_internal", "recent_international"),
        "lifetime": ("lifetime", "lifetime_internal", "foreign_born"),
    }[population]
    return {
        one.id
        for one in PARAMS.indicators
        if one.statistic in ("total", "share", "rate", "ratio")
        and (
            one.population in parts
            or one.of in parts
            or (one.of in FLOWS and parts[0] == "migrants")
        )
        and not indicators.is_amount(one)
    }


def twin_rows(data: Path, year: int) -> pd.DataFrame:
    """All public tables of the year, with the cases that the released file tells beside them."""
    parts = []
    for indicator in PARAMS.indicators:
        path = data / f"released/tables/{indicator.id}.csv"
        if not path.is_file():
            continue
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        if "year" not in frame:  # an average over years, which is tabulated by itself
            continue
        names = [name for by in indicator.by for name in by]
        frame["domain"] = [
            json.dumps({n: row[n] for n in sorted(set(names)) if row[n]}, separators=(",", ":"))
            for row in frame.to_dict("records")
        ]
        frame["category"] = frame.get("category", "")
        parts.append(frame[frame["year"].eq(str(year))].assign(indicator=indicator.id))
    rows = pd.concat(parts)
    for name in ("estimate", "n"):
        rows[name] = pd.to_numeric(rows[name])
    cases = pd.read_csv(data / f"released/{year}.csv", keep_default_na=False, dtype=str)
    cases["n_cases"] = pd.to_numeric(cases["n_cases"])
    return rows[[*KEYS, "estimate", "n", "flag"]].merge(cases[[*KEYS, "n_cases"]], on=KEYS)


def persons(params: Params, records: pd.DataFrame, population: str, year: int) -> pd.DataFrame:
    """The records of a population, and further persons of whom each item is someone else's."""
    rng = np.random.default_rng(1)
    inside = indicators.analysis_frame(records, params, year)[population].eq(1).to_numpy()
    held = records[inside].iloc[:MOST]
    drawn = [
        pd.DataFrame(
            {name: column.array[rng.permutation(len(held))] for name, column in held.items()}
        )
        for _ in range(MOST // len(held) + 1)
    ]
    every = pd.concat([records[inside], *drawn], ignore_index=True).astype(records.dtypes)
    every.attrs = records.attrs
    frame = indicators.analysis_frame(every, params, year)
    kept = frame[population].eq(1).to_numpy()
    frame = frame[kept].reset_index(drop=True)
    frame.attrs["drawn"] = int(kept[inside.sum() :].sum())
    return frame


def sets_of(true: pd.DataFrame, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Whom the number above the line of each cell counts, and whom the one below."""
    register = {one.id: one for one in PARAMS.indicators}
    counted = np.zeros((len(true), len(frame)), dtype="int8")
    based = np.zeros_like(counted)
    for at, (name, domain, category) in enumerate(true[KEYS].itertuples(index=False, name=None)):
        one = register[name]
        codes = domain_codes(domain)
        mask = indicators.population_mask(frame, one)
        if one.of in FLOWS:
            [(level, code)] = codes.items()
            counted[at] = frame[f"{FLOWS[one.of]}_{level}_{code}"]
            continue
        for item, code in codes.items():
            mask &= frame[item].astype("object").eq(code).to_numpy(dtype=bool)
        if one.statistic == "total":
            counted[at] = based[at] = mask
            continue
        item = frame[str(one.of)]
        # Below the line of a rate are people outside: of them he knows nothing here.
        based[at] = mask & item.notna().to_numpy() & (one.population != "all")
        held = item.astype("object").eq(category) if category else item.eq(1)
        counted[at] = mask & held.fillna(False).to_numpy(dtype=bool)
    return counted, based


FLOWS = {"in_migration": "in", "out_migration": "out", "net_migration": "gross"}


def knowledge(run: Run) -> Iterator[tuple[np.ndarray, float]]:
    """Numbers of persons that are told: of bases, and of cases."""
    for at, row in enumerate(run.shown.itertuples()):
        if not np.isnan(row.n) and run.based[at].any():
            yield run.based[at], row.n
        if not np.isnan(row.n_cases) and run.counted[at].any():
            yield run.counted[at], row.n_cases


def test_what_is_known_is_true(run: Run) -> None:
    """The attacker has the right equations, and something to read."""
    np.testing.assert_array_equal(run.cases, run.true["n_cases"])
    np.testing.assert_array_equal(run.n[run.n > 0], run.true["n"][run.n > 0])
    assert len(run.secret) > 5
    told = run.shown["estimate"].notna()
    assert 20 < told.sum() < len(told)
    assert not told[run.secret].any()


def test_no_number_of_a_few_persons_follows_from_the_others(run: Run) -> None:
    rows = [row for row, _ in knowledge(run)]
    assert distance(rows, run.counted[run.secret]).min() > 1e-6
    # He finds what two more numbers give away.
    at = run.secret[0]
    other = np.flatnonzero(run.counted.any(axis=1))[-1]
    sums = [run.counted[at] + run.counted[other], run.counted[other]]
    assert distance([*rows, *sums], run.counted[[at]]).min() < 1e-6


def stated(run: Run) -> Iterator[tuple[int, np.ndarray, float]]:
    """What shown estimates tell of weighted numbers: the row, a sum of them, and its value.

    A share tells that what it counts is this part of its base: a sum that is nothing. Whom a rate
    has below its line are the whole population or an area's, which everybody knows.
    """
    for at, row in enumerate(run.shown.itertuples()):
        statistic, of = run.true["statistic"][at], PARAMS_OF[row.indicator]
        if np.isnan(row.estimate) or not run.counted[at].any() or of == "net_migration":
            continue
        if statistic == "share":
            yield at, run.counted[at] - row.estimate * run.based[at], 0.0
        else:
            yield at, run.counted[at], run.above[at]


PARAMS_OF = {one.id: one.of for one in PARAMS.indicators}


def test_what_estimates_tell_is_true(run: Run) -> None:
    told = list(stated(run))
    assert len(told) > 15
    for at, _, value in told:
        if run.true["statistic"][at] == "share":
            found = run.above[at] - run.shown["estimate"][at] * run.below[at]
            assert found == pytest.approx(value, abs=1e-6 * run.below[at])
        if run.true["statistic"][at] == "total":
            assert run.shown["estimate"][at] == pytest.approx(value, rel=1e-9)


def test_no_estimate_of_a_few_persons_follows_from_the_others(run: Run) -> None:
    """The total of those who moved inside the country and its share give those from abroad.

    A share has as many bases as tables show it: with one of them alone in the equations, the
    estimate of three movers from abroad of a region came out to the last digit.
    """
    rows = [row for _, row, _ in stated(run)]
    assert distance(rows, run.counted[run.secret].astype(float)).min() > 1e-6
    # He finds what a share and the total of the others give away.
    part = run.true["estimate"].where(run.true["statistic"].eq("share"))
    for at in run.secret[part[run.secret].between(0.02, 0.98)][:1]:
        rest = run.based[at] - run.counted[at]
        part = 1 - run.true["estimate"][at]
        told = [*rows, rest, rest - part * run.based[at]]
        assert distance(told, run.counted[[at]].astype(float)).min() < 1e-6


def distance(rows: list[np.ndarray], wanted: np.ndarray) -> np.ndarray:
    """How far wanted sums are from every combination of what is known."""
    known = np.array(rows)
    sizes, axes = np.linalg.eigh(known @ known.T)
    kept = sizes > 1e-9 * sizes[-1]
    space = (axes[:, kept] / np.sqrt(sizes[kept])).T @ known
    return np.linalg.norm(wanted - (wanted @ space.T) @ space, axis=1)


def test_no_number_of_a_few_persons_is_known_too_well(run: Run) -> None:
    reader = Attacker(run.counted.shape[1])
    reader.equal = list(knowledge(run))
    chosen = np.random.default_rng(2).permutation(run.secret)[:PROGRAMMES]
    ends = np.array([reader.bounds(run.counted[at])[1] for at in chosen])
    assert np.floor(ends + 1e-6).min() >= LIMITS.min_cases


def test_no_file_tells_a_withheld_value(small_data: Path) -> None:
    """Neither twins, trends, cross-check, comparison with print, nor the other engine."""
    hidden, open_ = [np.zeros(0)], [np.zeros(0)]
    for path in sorted((small_data / "estimates").glob("20??.parquet")):
        both = pd.read_parquet(path)
        shown = pd.read_parquet(small_data / "released" / path.name)
        flags = both[KEYS].merge(shown[[*KEYS, "flag"]], on=KEYS, how="left")["flag"]
        values = both[["estimate", "se", "ci_low", "ci_high"]].to_numpy(dtype=float)
        away = flags.isin(["c", "s"]).to_numpy()
        hidden.append(values[away].ravel())
        open_.append(values[~away].ravel())
    # A value that is shown of another cell, a whole number or a short one is no proof.
    known = np.unique(np.concatenate(open_).round(12))
    secret = np.unique(np.concatenate(hidden))
    secret = secret[np.abs(secret - secret.round(4)) > 1e-7]
    secret = secret[~np.isin(secret.round(12), known)]
    assert len(secret) > 1000
    told = [path for path in (small_data / "released").rglob("*") if holds(path, secret)]
    assert told == []
    # The same look finds them where they are.
    assert holds(small_data / f"estimates/{YEAR}.parquet", secret)


def holds(path: Path, secret: np.ndarray) -> bool:
    """Whether a file has one of the values, to nine digits."""
    if path.suffix == ".parquet":
        numbers = pd.read_parquet(path).select_dtypes("float").to_numpy().ravel()
    elif path.suffix in (".csv", ".json"):
        found = NUMBER.findall(path.read_text(encoding="utf-8"))
        numbers = np.array([float(one) for one in set(found)], dtype=float)
    else:
        return False
    numbers = np.unique(numbers[np.isfinite(numbers)])
    at = np.searchsorted(secret, numbers).clip(1, len(secret) - 1)
    near = np.minimum(np.abs(secret[at] - numbers), np.abs(secret[at - 1] - numbers))
    return bool((near < 1e-9 * np.abs(numbers)).any())


NUMBER = re.compile(r"-?\d+\.\d{5,}(?:e-?\d+)?")


def test_no_trend_rests_on_a_withheld_year(small_data: Path) -> None:
    years = {
        int(path.stem): pd.read_parquet(path).set_index(KEYS)["flag"]
        for path in (small_data / "released").glob("20??.parquet")
    }
    trends = pd.read_parquet(small_data / "released/trends.parquet")
    told = trends[trends["estimate"].notna()]
    assert len(told) > 100
    for row in told.itertuples():
        span = range(row.year_from, row.year_to + 1)
        for year in (row.year_from, row.year_to) if row.statistic == "change" else span:
            flag = years[year].get((row.indicator, row.domain, row.category), "")
            assert flag not in ("c", "s"), row


def test_a_whole_population_is_the_last_to_be_withheld(small_data: Path) -> None:
    """In a sample of nine migrants from abroad their number goes, not that of all migrants."""
    for path in sorted((small_data / "released").glob("20??.parquet")):
        shown = pd.read_parquet(path).set_index(KEYS)["flag"]
        assert shown["migrants.total", "{}", ""] not in ("c", "s"), path.stem
    trends = pd.read_parquet(small_data / "released/trends.parquet")
    whole = trends["indicator"].eq("migrants.total") & trends["domain"].eq("{}")
    change = trends[whole & trends["statistic"].eq("change")]
    # Whether a year waits for its review is another matter.
    assert len(change) and change["flag"].isin(["", "r"]).all()
