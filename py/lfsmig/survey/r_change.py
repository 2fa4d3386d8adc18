"""Changes and trends computed by the R functions in `r/change.R`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lfsmig.survey import r_session as r
from lfsmig.survey.inference import TESTED
from lfsmig.survey.series import Aligned


def _series(aligned: Aligned) -> Any:
    years = []
    for position, year in enumerate(aligned.years):
        group = int(aligned.groups[position])
        values = {
            "year": r.numbers(np.array([float(year)])),
            "link": r.numbers(np.array([np.nan if group < 0 else float(group)])),
            "estimate": r.numbers(aligned.estimate[position]),
            "se": r.numbers(aligned.se[position]),
            "df": r.numbers(aligned.df[position]),
        }
        matrix, table = aligned.influence[position], aligned.places[position]
        present = aligned.present[position]
        if matrix is not None and present is not None and table is not None:
            place = np.zeros(matrix.shape[1], dtype="int64")
            place[table["column"].to_numpy()] = np.arange(1, len(table) + 1)
            entries = matrix.tocoo()
            triplets = [
                r.integers(entries.row + 1),
                r.integers(place[entries.col]),
                r.numbers(entries.data),
                r.logicals(present.data > 0),
            ]
            values["influence"] = r.listed(triplets, ["row", "psu", "value", "case"])
            values["psus"] = r.listed(
                [
                    r.text(*table["stratum"].astype(str)),
                    r.text(*table["psu"].astype(str)),
                    r.numbers(table["scale"].to_numpy()),
                    r.logicals(table["centred"].to_numpy()),
                ],
                ["stratum", "psu", "scale", "centred"],
            )
        years.append(r.listed(list(values.values()), list(values)))
    return r.listed(years)


def change_in_r(
    aligned: Aligned, logged: bool, pairs: Sequence[tuple[int, int]]
) -> tuple[np.ndarray, ...]:
    """Change of each pair of years: estimate, SE and df, pairs x rows."""
    places = r.integers(np.array(pairs).ravel() + 1)
    found = r.fields(r.call("series_change", _series(aligned), places, r.flag(logged)))
    shape = (len(pairs), aligned.estimate.shape[1])
    return tuple(r.array(found[name]).reshape(shape) for name in ("estimate", "se", "df"))


def contrasts_in_r(aligned: Aligned, logged: bool, weights: np.ndarray) -> tuple[np.ndarray, ...]:
    """Each contrast's estimate, SE and df, contrasts x rows."""
    passed = r.numbers(weights.ravel())
    found = r.fields(r.call("series_contrasts", _series(aligned), passed, r.flag(logged)))
    shape = (len(weights), aligned.estimate.shape[1])
    return tuple(r.array(found[name]).reshape(shape) for name in ("estimate", "se", "df"))


def equality_in_r(aligned: Aligned, logged: bool) -> tuple[np.ndarray, ...]:
    """Chi-square, adjusted F, numerator df, df and p of each row."""
    return _rows("series_equality", aligned, logged, ["chisq", "statistic", "count", "df", "p"])


def trend_in_r(aligned: Aligned, logged: bool) -> tuple[np.ndarray, ...]:
    """Slope, SE, df and lack-of-fit p of each row."""
    return _rows("series_trend", aligned, logged, ["slope", "se", "df", "lack_of_fit_p"])


def average_in_r(aligned: Aligned, logged: bool) -> tuple[np.ndarray, ...]:
    """Mean of the years' estimates: estimate, SE and df of each row."""
    return _rows("series_average", aligned, logged, ["estimate", "se", "df"])


def _rows(function: str, aligned: Aligned, logged: bool, names: Sequence[str]) -> tuple:
    found = r.fields(r.call(function, _series(aligned), r.flag(logged)))
    return tuple(r.array(found[name]) for name in names)


def tested_in_r(
    found: Sequence[np.ndarray], level: float, size: np.ndarray, scale: str
) -> tuple[np.ndarray, ...]:
    """Estimate, SE, df, limits, t and p of changes, on the scale asked for."""
    passed = (r.numbers(np.asarray(values, dtype=float)) for values in (*found, size))
    estimate, se, df, beside = passed
    named = r.fields(
        r.call(
            "series_tested", estimate, se, df, beside, r.numbers(np.array([level])),
            r.flag(scale == "log"),
        )
    )  # fmt: skip
    return tuple(r.array(named[name]) for name in TESTED)
