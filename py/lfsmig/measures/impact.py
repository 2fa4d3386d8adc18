"""What migration does to the population of zones: effectiveness and net rates.

Sources: Bell et al. (2002), JRSS A 165:435-464; Rees et al. (2017), Population, Space and Place
23:e2036 for the idea of an impact relative to a base.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lfsmig.measures.flows import Floats, between_zones, divided, inflows, movers, outflows


def net_flows(flows: ArrayLike) -> Floats:
    """Net migration of each zone, D_i - O_i; the zones' nets add up to zero."""
    return inflows(flows) - outflows(flows)


def zone_effectiveness(flows: ArrayLike) -> Floats:
    """MEI of each zone, 100 (D_i - O_i) / (D_i + O_i): -100 to 100, NaN without turnover."""
    came, left = inflows(flows), outflows(flows)
    return 100 * divided(came - left, came + left)


def effectiveness(flows: ArrayLike) -> Floats:
    """MEI of the system, 100 sum |D_i - O_i| / sum (D_i + O_i): 0 to 100.

    Biased upward by sampling noise, as it sums absolute values: see `noise`.
    """
    came, left = inflows(flows), outflows(flows)
    return 100 * divided(np.abs(came - left).sum(axis=-1), (came + left).sum(axis=-1))


def aggregate_net_rate(flows: ArrayLike, population: ArrayLike) -> Floats:
    """Aggregate net migration rate, ANMR = 100 (1/2) sum |D_i - O_i| / P, in per cent.

    It is CMI x MEI / 100.

    Parameters
    ----------
    flows
        Shape (..., n, n), persons.
    population
        Persons of all zones together, P: shape (...).
    """
    return 50 * divided(np.abs(net_flows(flows)).sum(axis=-1), population)


def net_migration_impact(net_rate: ArrayLike, base_net_rate: ArrayLike) -> Floats:
    """INMI over time: ANMR over the ANMR of a base year (1 in that year).

    Rees et al. normalise to a set of countries; of one country the change over time can be told:
    (CMI_t / CMI_0)(MEI_t / MEI_0) = ANMR_t / ANMR_0.
    """
    return divided(net_rate, base_net_rate)


def preference(flows: ArrayLike, populations: ArrayLike) -> Floats:
    """Preference of each stream, (M_ij / M) / ((P_i / P)(P_j / P)): 1 where size alone decides.

    Parameters
    ----------
    flows
        Shape (..., n, n), persons.
    populations
        Persons of each zone, P_i: shape (..., n).
    """
    return divided(velocity(flows, populations), _intensity(flows, populations)[..., None, None])


def velocity(flows: ArrayLike, populations: ArrayLike) -> Floats:
    """Velocity of each stream, M_ij P / (P_i P_j), a rate; the diagonal is 0."""
    people = np.asarray(populations, dtype="float64")
    pairs = people[..., :, None] * people[..., None, :]
    return divided(between_zones(flows) * people.sum(axis=-1)[..., None, None], pairs)


def _intensity(flows: ArrayLike, populations: ArrayLike) -> Floats:
    return divided(movers(flows), np.asarray(populations, dtype="float64").sum(axis=-1))
