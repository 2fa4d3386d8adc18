"""Facts about the published figures for running text: their years, and how many are withheld."""

from __future__ import annotations

from lfsmig.report import data, words


@words.inline
def pool_spans(indicator: str, latest: bool = False) -> str:
    """Spans of years that a pooled indicator is averaged over; a dash where none was released.

    Parameters
    ----------
    indicator
        A pooled entry of the register.
    latest
        Only the last span, which charts of one span show.
    """
    frame = data.pools(indicator)
    pairs = frame[["year_from", "year_to"]].drop_duplicates().sort_values("year_to")
    spans = [words.span([int(a), int(b)]) for a, b in pairs.itertuples(index=False)]
    return words.listing([str(span) for span in spans[-1 if latest else 0 :]]) or words.DASH


@words.inline
def withheld_told(population: str) -> str:
    """Say how many of a population's estimates for the whole country are withheld in a year."""
    year = data.report_year()
    frame = data.estimates(year)
    frame = frame[frame["indicator"].str.startswith(f"{population}.") & frame["domain"].eq("{}")]
    frame = frame[frame["reason"].ne("empty")]
    hidden = int(frame["flag"].isin(data.WITHHELD).sum())
    return words.t(
        "withheld.some" if hidden else "withheld.none",
        year=words.year_text(year),
        total=words.decimal(len(frame), 0),
        hidden=words.decimal(hidden, 0),
    )
