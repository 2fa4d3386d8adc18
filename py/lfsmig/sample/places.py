"""Between which places people move: gravity between provinces, margins between regions."""

from __future__ import annotations

import numpy as np

from lfsmig.sample.settings import Settings


def gravity(settings: Settings) -> np.ndarray:
    """Weight of each origin (columns) for each place of residence (rows), own province none."""
    model = settings.model["migration"]["gravity"]
    provinces = settings.provinces
    push = provinces["region"].astype(str).map(model["push"]).to_numpy(dtype=float)
    size = push * provinces["registered"].to_numpy() ** model["population"]
    pull = size[None, :] / settings.distance ** model["distance"]
    np.fill_diagonal(pull, 0.0)
    return np.asarray(pull / pull.sum(axis=1, keepdims=True))


def region_flows(settings: Settings, year: int, arrivals: np.ndarray) -> np.ndarray:
    """Internal moves between regions (rows origin) that meet arrivals and the year's net flows."""
    regions = sorted(settings.series["net_thousand"][year])
    net = np.array([settings.series["net_thousand"][year][code] for code in regions]) * 1000.0
    seed_table = settings.model["migration"]["region_seed"]
    flows = np.array([[float(seed_table[o][d]) for d in regions] for o in regions])
    departures = np.maximum(arrivals - net, arrivals * 0.05)
    departures *= arrivals.sum() / departures.sum()
    for _ in range(200):
        flows *= (departures / flows.sum(axis=1))[:, None]
        flows *= (arrivals / np.maximum(flows.sum(axis=0), 1e-12))[None, :]
    return flows


def province_pull(settings: Settings, year: int) -> np.ndarray:
    """How strongly each province draws movers in the year, 1 for most."""
    drawn = {int(key): value for key, value in settings.series["province_pull"][year].items()}
    return np.asarray(settings.provinces["code"].map(drawn).fillna(1.0).to_numpy(dtype=float))
