"""The report: chapters that are thin, and the room that turns them into two bilingual editions.

A chapter's cell calls one of the names below; `build_report` makes the documents. Names are loaded
when they are used: a chapter without charts need not load the chart library.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "data": ("microdata", "report_year", "years"),
    "compared": ("fig_populations", "fig_small", "populations_table"),
    "figures": ("fig_regions", "fig_series", "fig_shares", "fig_variants"),
    "findings": ("key_findings",),
    "index_table": ("tbl_indices",),
    "profile_figure": ("fig_age_profile", "profile_finding", "profile_span"),
    "profile_years": ("fig_profile_years", "groups_table", "profile_table"),
    "fonts": ("setup_fonts",),
    "project": ("sync_years",),
    "render": ("build_report",),
    "data_tables": ("data_table",),
    "serial_breaks": ("tbl_breaks",),
    "share_table": ("tbl_shares",),
    "maps": ("fig_map",),
    "od": ("fig_area", "fig_flow_arcs", "fig_flow_matrix", "flow_table", "flows_finding"),
    "places": ("place_table", "places_finding", "pool_tables", "pools_finding"),
    "pyramid": ("fig_pyramid", "pyramid_finding", "pyramid_table"),
    "tables": ("notice", "tbl_overview"),
    "quality": (
        "quality_verdict",
        "tbl_missing_regions",
        "tbl_missing_years",
        "tbl_unknown_years",
        "tbl_nonresponse",
        "tbl_quality_checks",
        "tbl_quality_warnings",
        "tbl_quality_years",
    ),
    "rcells": ("from_r", "live_engines", "run_r", "to_r"),
    "rules": ("cut_percentile", "rule_limit", "rules_text", "tbl_overrules", "tbl_rules"),
    "comparison": ("breaks_found", "published_figure", "tbl_not_compared", "tbl_published"),
    "told": ("pool_spans", "withheld_told"),
    "words": ("span", "year_text"),
    "working": (
        "agreement",
        "made_twice",
        "tbl_agreement",
        "tbl_checks",
        "tbl_counts",
        "tbl_engines",
        "tbl_files",
        "tbl_live",
        "verdict",
    ),
}
_WHERE = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted(_WHERE)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    """Load a public name from its module at first use."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{_WHERE[name]}")
    value = getattr(module, name)
    globals()[name] = value
    return value
