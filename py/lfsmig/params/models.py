"""The typed content of country.yml, variables.yml, rules.yml and report.yml.

Every model refuses unknown keys: a mistyped key must stop the run, never be passed over.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from lfsmig.params.maps import Boundaries
from lfsmig.years import whole_number

Format = Literal["html", "docx", "pdf"]


class Model(BaseModel):
    """Strict types, no unknown keys, no change after loading."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _as_text(value: Any) -> Any:
    """Take a code written as a number (`1`) for the text it stands for."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _as_year(value: Any) -> Any:
    """Take a key, which is always text, for the year it stands for."""
    number = whole_number(value) if isinstance(value, str) else None
    return value if number is None else number


def _ascending(years: list[int]) -> list[int]:
    """Refuse years out of order or given twice: a year would be made twice at once."""
    if years != sorted(set(years)):
        raise ValueError("expected years in ascending order, each once")
    return years


def _a_day(text: str) -> str:
    """Refuse what is no date: YAML 1.2 has none, so it is text."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError("expected a date such as 2025-01-31") from None


Code = Annotated[str, BeforeValidator(_as_text)]
Year = Annotated[int, BeforeValidator(_as_year)]
Text = dict[str, str]
"""A text by language: `{en: …, th: …}`."""


class Geography(Model):
    """The table of the smallest places (provinces) and which of its columns hold what."""

    table: str
    code: str = "code"
    region: str = "region_code"
    labels: Text


class CountryTable(Model):
    """The table of country codes: which column holds our code, which columns the names."""

    table: str
    code: str = "alpha2"
    labels: Text


class Stamps(Model):
    """The table of ways to write a year, quarter or month, and the form that file names follow."""

    table: str
    file: str | None = None


class Definitions(Model):
    """What makes a migrant in this survey."""

    # `screener`: the question itself defines the border that a move must cross, so every
    # internal move that it reports counts; otherwise the named place must differ.
    move_level: Literal["screener", "province", "region"] = "screener"
    window_months: int = Field(default=12, ge=1)
    lifetime_level: Literal["province", "region", "harmonised"] = "province"
    # Moves inside a place of `single_areas`, where the screener reported one.
    moves_inside_single_areas: Literal["counted", "not_counted"] = "counted"


class Design(Model):
    """The sampling design as estimation uses it: columns of the harmonised table.

    How stratum and PSU are put together from a file's columns stands in years/base.yml.
    """

    strata: str = "stratum"
    psu: str = "psu"
    weight: str = "weight"
    lonely_psu: Literal["fail", "remove", "certainty", "adjust", "average"] = "adjust"
    psu_links: list[list[int]] = Field(default_factory=list)
    # Columns whose crossing the office calibrated the weights to, the one to be collapsed first
    # last. Variances are then those of residuals within these groups.
    calibration: list[str] = Field(default_factory=list)
    # Bootstrap of what has no linearised variance, such as indices of flows.
    replicates: int = Field(default=500, ge=2)
    seed: int = Field(default=1, ge=0)


class PriceIndex(Model):
    """The table that turns amounts of money into the prices of one year."""

    table: str
    year: str = "year"
    value: str
    base_year: int


class Grouping(Model):
    """A coarser item made of another one, by codes or by bands of a number.

    Among the codes the key `other` stands for every code that is not named.
    """

    of: str
    codes: dict[str, Code | None] | None = None
    bands: dict[str, list[float | None]] | None = None


class PublishedPopulation(Model):
    """A published number of persons that the weights should add up to."""

    persons: float
    source: str


class ControlTable(Model):
    """A table of published numbers of persons by some columns, which the weights should meet.

    It has a column `year`, one for each of `by` with codes of the data dictionary, and `persons`.
    """

    table: str
    by: list[str] = Field(min_length=1)
    source: str


class ControlFolder(Model):
    """A folder with a table of published persons for each year, `<year>.csv` (intake/controls.py).

    A row of it fills the columns of one of `by`, and `persons`.
    """

    folder: str
    by: list[Annotated[list[str], Field(min_length=1)]] = Field(min_length=1)
    source: str


class Facts(Model):
    """What checks know about the survey; a fact that is not stated makes a check not applicable."""

    months: list[int] | None = None
    provinces: int | None = None
    strata: int | None = None
    households_per_psu: dict[str, int] | None = None
    population: dict[Year, PublishedPopulation] | None = None
    # Controls below the national total, and the shares by age and sex.
    population_by: list[ControlTable] | None = None
    age_sex: ControlTable | None = None
    # The same, as the office hands its projections on: a file for each year.
    controls: ControlFolder | None = None
    # Published numbers by labour status: ids in the table of published figures.
    labour_status: dict[Year, dict[str, str]] | None = None


class Country(Model):
    """country.yml: the survey's place, definitions, design and facts."""

    code: str
    name: Text
    survey: Text
    languages: list[str] = Field(min_length=1)
    era_offset: dict[str, int] = Field(default_factory=dict)
    home_country: str
    currency: Text | None = None
    geography: Geography
    countries: CountryTable | None = None
    stamps: Stamps | None = None
    regions: dict[str, Text]
    # What a reader must know of them.
    regions_note: Text | None = None
    families: list[list[Code]] = Field(default_factory=list)
    # Places of the geography table that are one area for the definition of a move.
    single_areas: list[Code] = Field(default_factory=list)
    definitions: Definitions = Definitions()
    design: Design
    labour_age: int
    prices: PriceIndex | None = None
    # Quantile that larger amounts count as, where an indicator is `winsorised`.
    winsorise_at: float | None = Field(default=None, gt=0.5, lt=1)
    groupings: dict[str, Grouping] = Field(default_factory=dict)
    publication: str | None = None
    # Table of published figures that indicators name, relative to the parameter folder.
    published_figures: str | None = None
    facts: Facts = Facts()


class Variable(Model):
    """One entry of the data dictionary."""

    label: Text
    type: Literal["category", "integer", "number", "text", "flag"]
    group: Literal["design", "person", "labour", "module", "derived", "population"]
    universe: Text
    # The universe as a condition on the harmonised table, where not everybody is in it.
    asked_if: str | None = None
    missing: Text | None = None
    codes: dict[str, Text] | None = None
    codes_from: Literal["geography", "regions", "countries"] | None = None
    extra_codes: dict[str, Text] = Field(default_factory=dict)
    unit: str | None = None
    note: Text | None = None

    @property
    def made(self) -> bool:
        """Whether concepts make it, rather than the mapping."""
        return self.group in ("derived", "population")


Severity = Literal["E", "W", "I"]
Limits = Annotated[list[float], Field(min_length=2, max_length=2)]


class PartRule(Model):
    """How strict a part of a check is: above `threshold` it fails, above `error_above` it is E."""

    # E stops a publication, W needs a written explanation, I is for information.
    severity: Severity
    threshold: float = 0.0
    error_above: float | None = None
    # Lowest and highest plausible value, for checks of a range.
    limits: Limits | None = None
    reason: str | None = None
    # What an error stops: the year, or the indicators that rest on what is wrong.
    stops: Literal["year", "indicators"] = "year"


class CheckRule(PartRule):
    """How strict a check is; one that measures several things has a rule for each of `parts`."""

    parts: dict[str, PartRule] = Field(default_factory=dict)
    # Indicators of the register that a check of the series looks at.
    indicators: list[str] = Field(default_factory=list)
    # Groupings or columns that a check is made by.
    by: list[str] = Field(default_factory=list)
    # A change is told above so many standard errors, and above this size: of a share or relative.
    z: float = Field(default=0.0, ge=0)
    change: float = Field(default=0.0, ge=0)
    # And below this p-value, adjusted for the number of tests.
    level: float = Field(default=1.0, gt=0, le=1)
    adjust: Literal["holm", "bh"] = "holm"
    # Largest contributions that are named of what changed.
    top: int = Field(default=5, ge=1)
    # Amounts that are multiples of this count as heaped.
    multiple_of: float | None = Field(default=None, gt=0)
    # Fewest cases of a group that is looked at.
    min_cases: int = Field(default=1, ge=1)
    # Names of columns that tell who a person is, as regular expressions.
    identifiers: list[str] = Field(default_factory=list)


class DriftRule(Model):
    """What `lfsmig new-year` lists, and from where on a person must decide.

    A difference of shares is listed where a test by sampling units finds it at level `p` (Holm's
    correction over all columns) and is `smallest` at least; from `ask_above` on a person decides.
    """

    p: float = Field(default=0.01, gt=0, lt=1)
    smallest: float = Field(default=0.02, ge=0, le=1)
    ask_above: float = Field(default=0.1, ge=0, le=1)
    # Weight total and counts against the year before, as a ratio either way.
    weight_ratio: float = Field(default=1.05, gt=1)
    count_ratio: float = Field(default=1.25, gt=1)
    # Score from which a column is suggested as the new name of a lost one.
    suggest_above: float = Field(default=0.5, ge=0, le=1)
    # Distance of two distributions (0 the same, 1 nothing in common) from which a person is asked.
    shift_above: float = Field(default=0.25, ge=0, le=1)


class Disclosure(Model):
    """What a cell must rest on to be shown: unweighted persons, households, no one's amount."""

    min_cases: int = Field(ge=1)
    min_cases_amount: int = Field(ge=1)
    # Cells of an origin crossed with a destination.
    min_cases_od: int = Field(default=10, ge=1)
    min_households: int = Field(default=3, ge=1)
    # Largest fraction of an amount that one case may hold, and the p of the p% rule: the cases
    # beside the two largest must hold p of the largest, or the second could estimate it.
    dominance_largest: float = Field(default=0.5, gt=0, le=1)
    dominance_p: float = Field(default=0.1, ge=0, lt=1)


class ItemNonresponse(Model):
    """Unknown share of an item above which what rests on it is flagged, and is not published."""

    flag_above: float = Field(default=0.10, ge=0, le=1)
    withhold_above: float = Field(default=0.30, ge=0, le=1)


class NsoLimits(Model):
    """Coefficient of variation above which NSO Thailand prints a star for the value."""

    cv_withhold: float


class AbsLimits(Model):
    """Coefficients of variation for caution and withholding."""

    cv_caution: float
    cv_withhold: float


class RepoLimits(Model):
    """Limits on cases, interval widths, coefficients of variation and degrees of freedom."""

    n_proportion: int
    width_present: float
    width_withhold: float
    relative_width: float
    n_total: int
    n_mean: int
    # Sampled cases or movers below which an index of inequality or of flows is noise.
    n_index: int = 300
    cv_caution: float
    cv_withhold: float
    df_review: int


class NchsLimits(RepoLimits):
    """The same, and the relative width of a total's interval."""

    relative_width_total: float


class Overrule(Model):
    """A decision on the precision of one cell against the rule; confidentiality has none."""

    indicator: str
    domain: dict[str, Code] = Field(default_factory=dict)
    category: Code = ""
    year: int
    # Flag that the cell gets; empty: it is shown without one.
    flag: Literal["", "s", "*", "r"]
    reason: str = Field(min_length=1)
    # Office or function that decided; no person's name.
    role: str = Field(min_length=1)
    date: Annotated[Code, AfterValidator(_a_day)]


class Publication(Model):
    """Disclosure control, and the thresholds of each rule set that may be named."""

    disclosure: Disclosure
    item_nonresponse: ItemNonresponse = ItemNonresponse()
    nso: NsoLimits | None = None
    nchs2017: NchsLimits | None = None
    abs: AbsLimits | None = None
    repo: RepoLimits | None = None
    overrules: list[Overrule] = Field(default_factory=list)


class Rules(Model):
    """rules.yml: thresholds of the checks and of what may be shown."""

    checks: dict[str, CheckRule] = Field(default_factory=dict)
    drift: DriftRule = DriftRule()
    publication: Publication


class Touches(Model):
    """What a break changes: patterns of indicator ids (`recent_*`), items of the dictionary."""

    indicators: list[str] = Field(default_factory=list)
    variables: list[str] = Field(default_factory=list)


class Break(Model):
    """A break in series: from which year on (and to which, if it ended) figures differ in kind."""

    id: str
    from_year: Year = Field(alias="from")
    to_year: Year | None = Field(default=None, alias="to")
    kind: Literal["frame", "rotation", "coding", "weight", "population", "mode", "questionnaire"]
    # E: seen in the source named, I: inferred, U: not known.
    status: Literal["E", "I", "U"]
    touches: Touches = Touches()
    # Whether charts and tables of what it touches carry its mark.
    mark: bool = False
    label: Text
    note: Text
    source: str
    # Rows of data/codebook/breaks.md.
    rows: list[int] = Field(default_factory=list)

    def between(self, first: int, last: int) -> bool:
        """Whether a comparison of two years crosses it: one inside, the other outside."""
        end = self.to_year or 9999
        return (self.from_year <= first <= end) != (self.from_year <= last <= end)


class Breaks(Model):
    """breaks.yml: the breaks in series, in the order of their letters."""

    breaks: list[Break] = Field(default_factory=list)


class RatesBy(Model):
    """Rates of an indicator by the codes of a grouping of ages."""

    indicator: str
    by: str


class ProfileOf(RatesBy):
    """Whose rates by age groups the model schedule is fitted to."""

    # A pooled indicator by single years of age, averaged over all years of the report.
    single: RatesBy | None = None


class Report(Model):
    """report.yml: what the report covers."""

    years: Annotated[list[int], AfterValidator(_ascending)] = Field(min_length=1)
    report_year: int
    formats: list[Format] = ["html", "docx", "pdf"]
    languages: list[str] = Field(min_length=1)
    # Spans of years (first and last) whose yearly estimates are averaged, as reports print them.
    averages: list[Annotated[list[int], Field(min_length=2, max_length=2)]] = []
    # Spans of years over which `pooled` indicators are averaged; no year is in two of them.
    pools: list[Annotated[list[int], Field(min_length=2, max_length=2)]] = []
    # Indices that are also told as a multiple of their first year's value (INMI of ANMR).
    relative_to_first: list[str] = []
    # A file of the office with the real boundaries of places, drawn instead of tiles.
    boundaries: Boundaries | None = None
    headline: list[str] = []
    age_profile: ProfileOf | None = None


def pool_spans(report: Report, indicator: str) -> list[tuple[int, int]]:
    """First and last years over which a pooled indicator is averaged.

    Those of `pools`; of the profile by single years of age all years of the report at once.
    """
    profile = getattr(report, "age_profile", None)
    if profile is not None and profile.single and profile.single.indicator == indicator:
        return [(report.years[0], report.years[-1])]
    return [(first, last) for first, last in report.pools]
