"""Typed parameters: what a survey is, how its files are mapped, what is estimated and reported.

A parameter folder holds country.yml, variables.yml, years/, indicators.yml, rules.yml and
report.yml. Nothing about one country stands in Python; another survey brings another folder.
"""

from lfsmig.params.loader import Params, YearParams, label, load
from lfsmig.params.mapping import Question, VariableMap, YearMap
from lfsmig.params.models import (
    Break,
    Country,
    Disclosure,
    Overrule,
    Publication,
    Report,
    Rules,
    Variable,
)
from lfsmig.params.register import Indicator

__all__ = [
    "Break",
    "Country",
    "Disclosure",
    "Indicator",
    "Overrule",
    "Params",
    "Publication",
    "Question",
    "Report",
    "Rules",
    "Variable",
    "VariableMap",
    "YearMap",
    "YearParams",
    "label",
    "load",
]
