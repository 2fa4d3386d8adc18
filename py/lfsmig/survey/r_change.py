"""Changes and trends computed by the R functions in `r/change.R`."""

from __future__ import annotations

from typing import Any

import numpy as np

from lfsmig.survey import r_session as r
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


def change_in_r(aligned: Aligned) -> tuple[np.ndarray, ...]:
    """Change of each pair of years: estimate, SE and df, pairs x rows."""
    found = r.fields(r.call("series_change", _series(aligned)))
    shape = (len(aligned.years) - 1, aligned.estimate.shape[1])
    return tuple(r.array(found[name]).reshape(shape) for name in ("estimate", "se", "df"))


def trend_in_r(aligned: Aligned) -> tuple[np.ndarray, ...]:
    """Slope, SE, df and lack-of-fit p of each row."""
    found = r.fields(r.call("series_trend", _series(aligned)))
    return tuple(r.array(found[name]) for name in ("slope", "se", "df", "lack_of_fit_p"))


def average_in_r(aligned: Aligned) -> tuple[np.ndarray, ...]:
    """Mean of the years' estimates: estimate, SE and df of each row."""
    found = r.fields(r.call("series_average", _series(aligned)))
    return tuple(r.array(found[name]) for name in ("estimate", "se", "df"))
