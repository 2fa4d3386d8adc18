"""Which modules make which results: their hash tells a manifest that a step is out of date.

A module that a step comes to use is entered here, or its edits leave old results standing.
"""

from __future__ import annotations

# The analysis frame.
CONCEPTS = (
    "concepts",
    "concept_base",
    "concept_households",
    "concept_money",
    "flows",
    "area_flows",
)
# The checks of a year and its rates of missing answers.
CHECKS = ("intake", "nonresponse", "quality", "survey", "trends", "indicators")
# Indices of flows and cut means.
INDICES = ("flow_indices", "draws", "measures", "winsorised")
# What is released.
RELEASE = (
    "nonresponse",
    "quality",
    "age_profile",
    "age_replicates",
    "draws",
    "families",
    "same_persons",
    "concept_money",
    "measures",
    "release",
    "disclosure",
    "overrules",
    "pools",
    "published",
    "replicate",
    "released",
    "twins",
    "params",
    "winsorised",
)
