"""Who is a migrant: populations and derived items, each defined in one small function.

Place of birth is B, previous residence V, present residence C, all coded by province unless said
otherwise. Populations are three-valued: 1 member, 0 not, empty where an answer that decides it is
unknown. An unknown is never turned into "no": it leaves the numerator and the base of a share.

Sources of the definitions: United Nations, Methods of Measuring Internal Migration (Manual VI,
1970), chapter I, for lifetime, return and last-residence migrants; United Nations, Principles and
Recommendations for Population and Housing Censuses, Revision 3, for usual residence and the
foreign-born; National Statistical Office of Thailand, migration survey, for the one-year window and
the municipality or sub-district organisation as the border that a move crosses.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

# Importing these rooms enters their concepts.
from lfsmig import concept_households, concept_money  # noqa: F401
from lfsmig.concept_base import (
    CONCEPTS,
    MAY,
    Concept,
    Frame,
    Values,
    foreign_mask,
    in_order,
    is_known,
    item,
    mapped,
    population,
    regions,
    truth,
)
from lfsmig.errors import InputError
from lfsmig.flows import flow_columns
from lfsmig.params import Params
from lfsmig.params.models import Grouping

__all__ = ["CONCEPTS", "analysis_frame", "flow_columns", "grouped", "needs_of"]

INTERNAL, INTERNATIONAL = "internal", "international"
# The place that a move is judged by; which column that is depends on the survey's definitions.
PLACE_OF_MOVE = "@place of the move"

# --- the recent move -----------------------------------------------------------------------------


def origin_of(frame: Frame) -> tuple[Values, Values]:
    """Tell from where the last move came: (inside the country, from abroad), both False if unknown.

    The country of previous residence decides; where it is not stated, a named previous province or
    an area inside the country shows an internal move, and the area "abroad" a move from there.
    """
    size = len(frame.table)
    home = frame.params.country.home_country
    inside, outside = np.zeros(size, bool), np.zeros(size, bool)
    if frame.has("previous_country"):
        country = frame.text("previous_country")
        inside |= country == home
        outside |= is_known(country) & (country != home)
    undecided = ~inside & ~outside
    if frame.has("previous_province"):
        inside |= undecided & is_known(frame.text("previous_province"))
    if frame.has("previous_area"):
        area = frame.text("previous_area")
        outside |= undecided & ~inside & (area == "abroad")
        inside |= undecided & ~outside & is_known(area) & (area != "abroad")
    return inside, outside


def crossed_border(frame: Frame) -> tuple[Values, Values]:
    """Tell which internal moves crossed the border that makes a migrant: (crossed, unknown).

    At level `screener` the question has drawn the border and every reported move crossed it; where
    moves inside a province that is one area do not count, both ends are known to tell. Otherwise
    the named previous province (or its region) must differ from the present one.
    """
    country = frame.params.country
    level = country.definitions.move_level
    if not _place_of_move(frame.params):
        return np.ones(len(frame.table), bool), np.zeros(len(frame.table), bool)
    before, now = frame.text("previous_province"), frame.text("province")
    if level == "screener":
        single = np.isin(now.astype(str), country.single_areas)
        return ~single | (is_known(before) & (before != now)), single & ~is_known(before)
    if level == "region":
        before, now = regions(frame, before), regions(frame, now)
    known = is_known(before) & is_known(now)
    return known & (before != now), ~known


def _place_of_move(params: Params) -> str:
    """Column that tells whether a move counts; none where the screener alone decides."""
    country = params.country
    if country.definitions.move_level != "screener":
        return "previous_province"
    inside = country.definitions.moves_inside_single_areas
    return "previous_province" if country.single_areas and inside == "not_counted" else ""


def moved_within(frame: Frame) -> tuple[Values, Values]:
    """Tell who moved within the window: (moved, unknown); exactly twelve months ago is out.

    Where the month of the move is not stated, the screener, which asks for the same window, holds.
    Persons under one year are in if they moved after birth.
    """
    answer = frame.text("moved")
    moved = answer == "yes"
    if frame.has("months_since_move"):
        window = frame.params.country.definitions.window_months
        moved &= ~(frame.number("months_since_move") >= window)
    return moved, ~is_known(answer)


@population()
def is_all(frame: Frame) -> Values:
    """Everybody with a record: the residents."""
    return np.ones(len(frame.table))


@population("moved", PLACE_OF_MOVE, "?previous_country|previous_area")
def is_recent_internal(frame: Frame) -> Values:
    """Moved within the window, inside the country, across the defining border.

    Whoever moved from an unstated place is unknown, neither member nor not.
    """
    moved, unknown = moved_within(frame)
    inside, outside = origin_of(frame)
    crossed, unclear = crossed_border(frame)
    undecided = moved & ((~inside & ~outside) | (inside & unclear))
    return truth(moved & inside & crossed, unknown | undecided)


@population("moved", "previous_country|previous_area")
def is_recent_international(frame: Frame) -> Values:
    """Came from abroad within the window, whatever the nationality (returning nationals too)."""
    moved, unknown = moved_within(frame)
    inside, outside = origin_of(frame)
    return truth(moved & outside, unknown | (moved & ~inside & ~outside))


@population("moved", PLACE_OF_MOVE)
def is_migrants(frame: Frame) -> Values:
    """Moved within the window, inside the country across the defining border, or from abroad.

    Where the screener decides, the origin need not be known: it asked for both kinds of move at
    once.
    """
    moved, unknown = moved_within(frame)
    inside, outside = origin_of(frame)
    crossed, unclear = crossed_border(frame)
    if frame.params.country.definitions.move_level == "screener":
        inside = ~outside
    undecided = moved & ~outside & (~inside | unclear)
    return truth(moved & (outside | (inside & crossed)), unknown | undecided)


@population("moved", "birth_province", "previous_province", "province", "recent_internal")
def is_return_migrant(frame: Frame) -> Values:
    """Came back to the province of birth from another province: B = C, V ≠ C, within the window.

    Internal moves only. The self-declared reason "return to home area" is another concept. An
    internal mover with B or V unknown is unknown, unless what is known rules a return out. The
    foreign-born were born in no province, whatever a record says beside it.
    """
    internal = frame.flag("recent_internal")
    birth, before = frame.text("birth_province"), frame.text("previous_province")
    now = frame.text("province")
    foreign = foreign_mask(frame)
    born_here, born_known = (birth == now) & ~foreign, is_known(birth) | foreign
    came, came_known = before != now, is_known(before)
    mover = internal == 1
    ruled_out = (born_known & ~born_here) | (came_known & ~came)
    unknown = np.isnan(internal) | (mover & ~ruled_out & ~(born_known & came_known))
    return truth(mover & born_here & came_known & came, unknown)


@population("moved", "birth_province", "previous_province", "province", "recent_internal")
def is_onward_migrant(frame: Frame) -> Values:
    """Moved on: born in one province, came from another, lives in a third (B ≠ V ≠ C, B ≠ C).

    The secondary movers of Eldridge (1965), beside primary (B = V) and return ones (B = C); moves
    inside a province are none of the three. The foreign-born count as born in a place of their own.
    An internal mover with B or V unknown is unknown, unless what is known rules it out.
    """
    internal = frame.flag("recent_internal")
    birth = np.where(foreign_mask(frame), "abroad", frame.text("birth_province"))
    before, now = frame.text("previous_province"), frame.text("province")
    born, came = is_known(birth), is_known(before)
    mover = internal == 1
    ruled_out = (born & (birth == now)) | (came & (before == now))
    ruled_out |= born & came & (birth == before)
    unknown = np.isnan(internal) | (mover & ~ruled_out & ~(born & came))
    return truth(mover & born & came & ~ruled_out, unknown)


@population("moved", "sent_remittances", "age", "migrants")
def is_remittance_sender(frame: Frame) -> Values:
    """Recent migrants of labour age and over who sent money or goods in the past 12 months.

    Whether a sender of unknown age is of labour age is unknown.
    """
    migrant = frame.flag("migrants")
    answer = frame.text("sent_remittances")
    age = frame.number("age")
    asked = age >= frame.params.country.labour_age
    candidate = (migrant == 1) & asked
    ageless = np.isnan(age) & (migrant != 0) & (answer != "no")
    unknown = (np.isnan(migrant) & asked) | (candidate & ~is_known(answer)) | ageless
    return truth(candidate & (answer == "yes"), unknown)


# --- the place of birth --------------------------------------------------------------------------


@population("birth_country")
def is_foreign_born(frame: Frame) -> Values:
    """Born abroad. A person with a birth province but no birth country was born in the country."""
    known = is_known(frame.text("birth_country"))
    if frame.has("birth_province"):
        known |= is_known(frame.text("birth_province"))
    return truth(foreign_mask(frame), ~known)


def _lifetime(
    frame: Frame, convert: Callable[[Values, Values], tuple[Values, Values]], abroad: bool
) -> Values:
    """Compare birth place and residence; `abroad` says whether the foreign-born are migrants."""
    foreign = foreign_mask(frame)
    birth, now = frame.text("birth_province"), frame.text("province")
    known = is_known(birth) & is_known(now)
    left, right = convert(birth, now)
    differs = known & (left != right)
    return truth(np.where(foreign, abroad, differs), ~foreign & ~known)


def _as_is(birth: Values, now: Values) -> tuple[Values, Values]:
    return birth, now


def by_region(frame: Frame) -> Callable[[Values, Values], tuple[Values, Values]]:
    return lambda birth, now: (regions(frame, birth), regions(frame, now))


def _by_family(frame: Frame) -> Callable[[Values, Values], tuple[Values, Values]]:
    """Take split provinces for one place where both birth place and residence are of the family."""
    families = frame.params.country.families
    family = {province: number for number, one in enumerate(families) for province in one}

    def convert(birth: Values, now: Values) -> tuple[Values, Values]:
        born, lives = (mapped(codes, family.get) for codes in (birth, now))
        return np.where(is_known(born) & (born == lives), now, birth), now

    return convert


@population("birth_province")
def is_birthplace_unknown(frame: Frame) -> Values:
    """Neither born abroad nor in a known province: outside the rates of lifetime migration."""
    unknown = ~foreign_mask(frame) & ~is_known(frame.text("birth_province"))
    return truth(unknown, np.zeros(len(unknown), bool))


@population("birth_province", "province")
def is_lifetime(frame: Frame) -> Values:
    """Lives elsewhere than born, at the survey's lifetime level; the foreign-born are members."""
    level = frame.params.country.definitions.lifetime_level
    convert = {"province": _as_is, "region": by_region(frame), "harmonised": _by_family(frame)}
    return _lifetime(frame, convert[level], abroad=True)


@population("birth_province", "province")
def is_lifetime_internal(frame: Frame) -> Values:
    """Born in the country, in another province than that of residence; foreign-born are not."""
    level = frame.params.country.definitions.lifetime_level
    convert = {"province": _as_is, "region": by_region(frame), "harmonised": _by_family(frame)}
    return _lifetime(frame, convert[level], abroad=False)


@population("birth_province", "province")
def is_lifetime_region(frame: Frame) -> Values:
    """Lives in another region than that of birth, or was born abroad."""
    return _lifetime(frame, by_region(frame), abroad=True)


@population("birth_province", "province")
def is_lifetime_harmonised(frame: Frame) -> Values:
    """Lifetime migrant when provinces split from one another count as one place."""
    return _lifetime(frame, _by_family(frame), abroad=True)


# --- derived items -------------------------------------------------------------------------------


@item("birth_province")
def birth_region(frame: Frame) -> Values:
    """Region of the province of birth, or `abroad`."""
    region = regions(frame, frame.text("birth_province"))
    region[foreign_mask(frame)] = "abroad"
    return region


@item("moved", "previous_province", "migrants")
def previous_region(frame: Frame) -> Values:
    """Region of the previous residence of migrants within the window, or `abroad`."""
    region = regions(frame, frame.text("previous_province"))
    region[frame.flag("migrants") != 1] = None
    if "recent_international" in frame.table:
        region[frame.flag("recent_international") == 1] = "abroad"
    return region


@item("moved", "previous_country|previous_area", "recent_internal")
def migrant_type(frame: Frame) -> Values:
    """Internal or international, for migrants within the window."""
    kind = np.full(len(frame.table), None, dtype=object)
    kind[frame.flag("recent_internal") == 1] = INTERNAL
    kind[frame.flag("recent_international") == 1] = INTERNATIONAL
    return kind


def grouped(values: pd.Series, grouping: Grouping) -> Values:
    """Group codes or bands of a number as country.yml says; what fits none stays empty."""
    result = np.full(len(values), None, dtype=object)
    if grouping.bands is not None:
        number = values.to_numpy(dtype=float, na_value=np.nan)
        for name, (low, high) in grouping.bands.items():
            # Bands are of whole units: age 24.9 is still in 15-24.
            upper = np.inf if high is None else high + 1
            result[(number >= float(low or 0)) & (number < upper)] = name
        return result
    rules = grouping.codes or {}

    def group(code: object) -> str | None:
        return rules.get(str(code), rules.get("other"))

    if isinstance(values.dtype, pd.CategoricalDtype):
        # The last entry stands for a missing answer, whose code is -1.
        return np.array([*map(group, values.cat.categories), None], dtype=object)[values.cat.codes]
    return mapped(values.astype(object).to_numpy(), group)


# --- the analysis frame --------------------------------------------------------------------------

# Others look at these, so they come first.
_FIRST = ("recent_internal", "recent_international", "migrants")


def analysis_frame(harmonised: pd.DataFrame, params: Params, year: int) -> pd.DataFrame:
    """Add populations, derived items and groupings to a harmonised table.

    Parameters
    ----------
    harmonised
        One year's harmonised table.
    params
        The survey's parameters.
    year
        The year (CE), for prices.

    Returns
    -------
    DataFrame
        The table with flags as float32 (1, 0, NaN unknown), categories as ordered Categorical
        and numbers as float64. What the survey does not ask is left out;
        `frame.attrs["absent"]` gives the reason by name.
    """
    if "weight" not in harmonised:
        raise InputError(f"harmonised/{year}: the column weight is missing; make the table again")
    frame = harmonised.copy(deep=False)
    absent: dict[str, str] = {}
    reasons = params.year(year).map.absent if year in params.years else {}
    seen = Frame(frame, params, year)
    for name in in_order([*_FIRST, *params.variables]):
        if name not in params.variables:
            continue
        missing = _missing(CONCEPTS[name], frame, params)
        if missing:
            absent[name] = _reason(missing, reasons | absent)
            continue
        values = CONCEPTS[name].make(seen)
        frame[name] = _typed(values, name, CONCEPTS[name].flag, params)
    for name, grouping in params.country.groupings.items():
        if grouping.of not in frame:
            absent[name] = _reason(grouping.of, reasons)
            continue
        frame[name] = _typed(grouped(frame[grouping.of], grouping), name, False, params)
    for name, reason in reasons.items():
        absent.setdefault(name, reason)
    frame.attrs["absent"] = dict(sorted(absent.items()))
    return frame


def needs_of(concept: Concept, params: Params) -> list[str]:
    """List the columns that a concept rests on in this survey, those it can do without too."""
    stated = [_place_of_move(params) if n == PLACE_OF_MOVE else n for n in concept.needs]
    return [name for need in stated if need for name in need.removeprefix(MAY).split("|")]


def _missing(concept: Concept, frame: pd.DataFrame, params: Params) -> str:
    """Return the first need that the table does not meet (`a|b`: one of the two is enough)."""
    for stated in concept.needs:
        if stated == concept_money.PRICES:
            if params.country.prices is None:
                return "prices"
            continue
        need = _place_of_move(params) if stated == PLACE_OF_MOVE else stated
        if need.startswith(MAY):
            continue
        if need and not any(name in frame for name in need.split("|")):
            return need.split("|", maxsplit=1)[0]
    return ""


def _reason(missing: str, reasons: dict[str, str]) -> str:
    if missing in reasons:
        return f"{missing}: {reasons[missing]}"
    return f"{missing} is not in this survey"


def _typed(values: Values, name: str, flag: bool, params: Params) -> pd.Series:
    if flag:
        return pd.Series(values.astype(np.float32))
    if params.variables[name].type == "category":
        codes = params.codes(name)
        place = {code: number for number, code in enumerate(codes)}
        numbers = mapped(values, lambda code: place.get(code, -1))
        known = np.where(is_known(numbers), numbers, -1).astype(np.int64)
        listed = pd.Index(codes, dtype=object)
        return pd.Series(pd.Categorical.from_codes(known, categories=listed, ordered=True))
    return pd.Series(values.astype(float))
