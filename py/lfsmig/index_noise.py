"""Which indices of flows sampling noise is left in (methods.md 2.4)."""

from __future__ import annotations

# Linear in the flows: sampling noise raises all the others, the more the smaller the sample. The
# floor is that noise.
FREE_OF_BIAS = ("cmi", "courgeau_k", "mei_floor")


def noisy(of: str, corrected: bool, rarefied: int | None) -> bool:
    """Whether years of different numbers of movers cannot be compared by an index."""
    return of not in FREE_OF_BIAS and not corrected and rarefied is None
