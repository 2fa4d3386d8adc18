"""Population controls and person weights.

Weights are the survey's own kind: a design weight times a ratio to the population of each province
by area by age-sex group, so that every control is met exactly. Groups with too few persons are
joined with a neighbour first; the rule is in `collapse`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lfsmig.sample.frame import strata
from lfsmig.sample.settings import Settings

BANDS = ("under_20", "from_20_to_59", "from_60")


def age_groups(settings: Settings, age: np.ndarray, sex: np.ndarray) -> np.ndarray:
    """Number of the age-sex group: ages of men first, then of women."""
    starts = np.array(settings.model["controls"]["age_starts"])
    return (sex - 1) * len(starts) + np.searchsorted(starts, age, side="right") - 1


def population_controls(settings: Settings, year: int) -> np.ndarray:
    """Persons by stratum and age-sex group; sums to the year's published or assumed total."""
    controls = settings.model["controls"]
    table = strata(settings)
    bands = _province_bands(settings, year)
    starts = [str(start) for start in controls["age_starts"]]
    male = np.array(controls["male_share"])
    ages = np.zeros((len(bands), len(starts)))
    for column, band in enumerate(BANDS):
        for start, share in controls["band_shape"][band].items():
            ages[:, starts.index(start)] += bands[:, column] * share
    by_sex = np.concatenate([ages * male, ages * (1 - male)], axis=1)
    rows = by_sex[table["province"].to_numpy()]
    municipal = settings.provinces["municipal"].to_numpy()[table["province"].to_numpy()]
    rows = rows * np.where(table["area"] == 1, municipal, 1 - municipal)[:, None]
    return np.asarray(rows * (settings.series["population"][year] / rows.sum()))


def _province_bands(settings: Settings, year: int) -> np.ndarray:
    """Residents by province and broad age: the register, plus or minus the unregistered."""
    controls = settings.model["controls"]
    provinces = settings.provinces
    registered = provinces[list(BANDS)].to_numpy(dtype=float)
    extra = provinces["residents"].to_numpy() - registered.sum(axis=1)
    shares = np.array([controls["unregistered_bands"][band] for band in BANDS])
    bands = registered + extra[:, None] * shares
    # No province may lose more than half of a band: the floor only guards odd tables.
    bands = np.maximum(bands, registered * 0.5)
    ageing = np.array([controls["ageing"][band] for band in BANDS])
    aged = bands * (1 + ageing) ** (year - 2021)
    return np.asarray(aged * (provinces["residents"].to_numpy() / aged.sum(axis=1))[:, None])


def collapse(counts: np.ndarray, smallest: int) -> np.ndarray:
    """Join thin age-sex groups of one stratum.

    Groups of one sex are joined with the next older one until each holds at least `smallest`
    persons; what is left at the oldest end joins the group before it. If a whole sex holds fewer,
    the two sexes are joined and the rule is applied to ages alone; a stratum that is smaller
    still becomes one cell.

    Parameters
    ----------
    counts
        Persons of each group in the sample, men first.
    smallest
        Fewest persons a cell may hold.

    Returns
    -------
    numpy.ndarray
        Cell number of each group.
    """
    ages = len(counts) // 2
    if min(counts[:ages].sum(), counts[ages:].sum()) >= smallest:
        men, women = (_join(part, smallest) for part in (counts[:ages], counts[ages:]))
        return np.concatenate([men, women + men.max() + 1])
    both = _join(counts[:ages] + counts[ages:], smallest)
    return np.concatenate([both, both])


def _join(counts: np.ndarray, smallest: int) -> np.ndarray:
    cells = np.zeros(len(counts), dtype=int)
    cell, held = 0, 0
    for position, count in enumerate(counts):
        if held >= smallest and counts[position:].sum() >= smallest:
            cell, held = cell + 1, 0
        cells[position] = cell
        held += count
    return cells


def calibrated_weights(settings: Settings, people: pd.DataFrame, year: int) -> np.ndarray:
    """Weights of persons, calibrated to the year's controls within joined cells.

    Parameters
    ----------
    settings
        Parameters of the sample.
    people
        Persons with `stratum`, `age`, `sex` and the design factor `base`.
    year
        Survey year.

    Returns
    -------
    numpy.ndarray
    """
    controls = population_controls(settings, year)
    groups = controls.shape[1]
    stratum = people["stratum"].to_numpy()
    group = age_groups(settings, people["age"].to_numpy(), people["sex"].to_numpy())
    counts = np.bincount(stratum * groups + group, minlength=controls.size).reshape(controls.shape)
    smallest = settings.model["controls"]["smallest_cell"]
    cells = np.array([collapse(row, smallest) for row in counts])
    key = stratum * groups + cells[stratum, group]
    wanted = np.zeros(controls.size)
    np.add.at(wanted, (np.arange(len(cells))[:, None] * groups + cells).ravel(), controls.ravel())
    base = people["base"].to_numpy()
    held = np.bincount(key, weights=base, minlength=controls.size)
    return np.asarray(base * wanted[key] / held[key])
