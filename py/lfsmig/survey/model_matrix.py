"""The right side of a regression: covariate patterns, and the columns that R would make of them.

Records with the same covariates have the same prediction, so a model is fitted on its distinct
patterns: with categories only, a million records are a few thousand patterns. Where every record
is its own pattern (a continuous covariate) nothing is lost but the short look that finds it out.

Categories are coded by treatment contrasts against their first level, or the `reference` given. In
an interaction a category is coded by contrasts if the term without it is in the model, else by all
its levels: R's rule. Columns come in R's order, the first category of an interaction fastest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lfsmig.errors import EstimationError
from lfsmig.survey.columns import level_text
from lfsmig.survey.formula import Formula, Term

if TYPE_CHECKING:
    from lfsmig.survey.design import SurveyDesign

# Rows of the model matrix held at a time. So few stay in the processor's cache, and are too few
# for the BLAS to share among threads, which on a busy machine costs ten times what it saves.
CHUNK = 512
# A column that many records of which are all different is taken as continuous.
LOOKED_AT = 10_000
# Keys up to this many are numbered by a table, beyond by a hash.
TABLE_LIMIT = 1 << 22
KEY_LIMIT = 1 << 62


@dataclass(frozen=True)
class Variable:
    """A column on the right side, per pattern: codes into levels, or numbers."""

    name: str
    values: np.ndarray  # pattern -> code of level, or number
    levels: pd.Index | None  # reference first; None for a number
    positions: np.ndarray | None  # level -> code of the design's whole column

    @property
    def texts(self) -> list[str]:
        """Names of the levels, the reference first."""
        return [level_text(value) for value in (self.levels if self.levels is not None else [])]

    def level_code(self, level: object) -> int:
        """Position of a level given as it stands in the data, or as text."""
        assert self.levels is not None
        for code, (value, text) in enumerate(zip(self.levels, self.texts, strict=True)):
            if value == level or text == level_text(level):
                return code
        raise EstimationError(
            f"level {level!r} of term {self.name!r} is not in the model; "
            f"its levels are {', '.join(self.texts)}"
        )


@dataclass(frozen=True)
class Column:
    """One coefficient: its term and, for each column of the term, the level (None: a number)."""

    term: Term
    codes: tuple[int | None, ...]


@dataclass(frozen=True)
class ModelMatrix:
    """Patterns of a model's records and how each column is made of them."""

    variables: dict[str, Variable]
    columns: tuple[Column, ...]
    pattern: np.ndarray  # record of the model -> pattern
    n_patterns: int
    offset: np.ndarray  # pattern -> offset on the link scale

    def chunks(self) -> Iterator[slice]:
        """Slices of the patterns, small enough to be held as a dense matrix."""
        for start in range(0, self.n_patterns, CHUNK):
            yield slice(start, min(start + CHUNK, self.n_patterns))

    def matrix(self, chunk: slice, fixed: Mapping[str, float] | None = None) -> np.ndarray:
        """Model matrix of some patterns (patterns x columns).

        `fixed` sets variables to one value (the code of a level, or a number) for all of them.
        """
        out = np.ones((len(self.columns), chunk.stop - chunk.start))
        for position, column in enumerate(self.columns):
            for name, code in zip(column.term, column.codes, strict=True):
                values: np.ndarray | float = self.variables[name].values[chunk]
                if fixed is not None and name in fixed:
                    values = fixed[name]
                out[position] *= values if code is None else values == code
        return out.T

    def level_texts(self, column: Column) -> str:
        """Levels of a coefficient's categories, joined as in its term; empty for numbers."""
        return ":".join(
            self.variables[name].texts[code]
            for name, code in zip(column.term, column.codes, strict=True)
            if code is not None
        )


def model_matrix(
    design: SurveyDesign, formula: Formula, rows: np.ndarray, reference: Mapping[str, object]
) -> ModelMatrix:
    """Find the patterns of the records `rows` and the columns of the model.

    Raises
    ------
    EstimationError
        A column is unknown, a category has one level only among the records, or `reference`
        names no category of the model or no level of it.
    """
    kinds = {name: is_category(design, formula, name) for name in formula.variables}
    unknown = sorted(set(reference) - {name for name, category in kinds.items() if category})
    if unknown:
        raise EstimationError(f"reference names {unknown[0]!r}, which is no category of the model")
    offset = _offset(design, formula, rows)
    coded = [
        _coded(design, name, kinds[name], rows, reference.get(name)) for name in formula.variables
    ]
    by_record = [values for values, _, _ in coded]
    continuous = [] if formula.offset is None else [offset]
    pattern, first = _patterns([*by_record, *continuous], len(rows))
    variables = {
        name: Variable(name, values[first], levels, positions)
        for name, (values, levels, positions) in zip(formula.variables, coded, strict=True)
    }
    columns = tuple(_columns(formula, variables))
    return ModelMatrix(variables, columns, pattern, len(first), offset[first])


def is_category(design: SurveyDesign, formula: Formula, name: str) -> bool:
    """Whether a column enters by its levels: by factor(), or because it holds no numbers."""
    kind = design.column(name).dtype
    plain = pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind)
    return name in formula.categorical or not plain


def observed(design: SurveyDesign, formula: Formula, mask: np.ndarray | None) -> np.ndarray:
    """Records of a model: in the domain, with a weight, every column observed."""
    keep = design.weights != 0
    if mask is not None:
        keep &= mask
    for name in [formula.response, formula.offset]:
        if name is not None:
            keep &= ~np.isnan(design.numbers(name))
    for name in formula.variables:
        if is_category(design, formula, name):
            keep &= design.levels(name).codes >= 0
        else:
            keep &= ~np.isnan(design.numbers(name))
    negative = keep & (design.weights < 0)
    if negative.any():
        raise EstimationError(
            f"a regression needs weights above zero; that of {design.namer(negative)} is negative"
        )
    return np.flatnonzero(keep)


def _coded(
    design: SurveyDesign, name: str, category: bool, rows: np.ndarray, reference: object
) -> tuple[np.ndarray, pd.Index | None, np.ndarray | None]:
    """Values of a column per record: numbers, or codes of the levels that the records have."""
    if not category:
        return design.numbers(name)[rows], None, None
    levels = design.levels(name)
    codes = levels.codes[rows]
    positions = np.flatnonzero(np.bincount(codes, minlength=len(levels)))
    if len(positions) < 2:
        only = f"only {levels.texts[positions[0]]!r}" if len(positions) else "no level"
        raise EstimationError(
            f"term {name!r} has {only} among the {len(rows)} records of the model; "
            "leave it out or widen the domain"
        )
    if reference is not None:
        whole = Variable(name, codes, levels.values[positions], positions)
        base = whole.level_code(reference)
        positions = np.append(positions[base], np.delete(positions, base))
    recode = np.zeros(len(levels), "int32")
    recode[positions] = np.arange(len(positions))
    return recode[codes], levels.values[positions], positions


def _offset(design: SurveyDesign, formula: Formula, rows: np.ndarray) -> np.ndarray:
    if formula.offset is None:
        return np.zeros(len(rows))
    values = design.numbers(formula.offset)[rows]
    if not formula.log_offset:
        return values
    bad = np.zeros(len(design.weights), bool)
    bad[rows] = values <= 0
    if bad.any():
        raise EstimationError(
            f"offset(log({formula.offset})): the column is not positive in {design.namer(bad)}; "
            "leave these records out of the domain"
        )
    return np.log(values)


def _patterns(columns: list[np.ndarray], n: int) -> tuple[np.ndarray, np.ndarray]:
    """Number the distinct rows of some columns; return each record's, and a record of each."""
    if any(_continuous(values) for values in columns):
        everyone = np.arange(n)
        return everyone, everyone
    key, size = np.zeros(n, "int64"), 1
    for values in columns:
        codes, count = values, int(values.max(initial=0)) + 1
        if values.dtype.kind == "f":
            codes, found = pd.factorize(values)
            count = len(found)
        if size * count > KEY_LIMIT:
            key, found = pd.factorize(key)
            size = len(found)
        key, size = key * count + codes, size * count
    pattern, count = _numbered(key, size)
    first = np.zeros(count, "int64")
    first[pattern[::-1]] = np.arange(n)[::-1]
    return pattern, first


def _continuous(values: np.ndarray) -> bool:
    if values.dtype.kind != "f":
        return False
    looked_at = values[:LOOKED_AT]
    return len(np.unique(looked_at)) > len(looked_at) / 2


def _numbered(key: np.ndarray, size: int) -> tuple[np.ndarray, int]:
    if size > TABLE_LIMIT:
        codes, found = pd.factorize(key)
        return codes, len(found)
    present = np.bincount(key, minlength=size) > 0
    number = np.cumsum(present) - 1
    return number[key], int(number[-1]) + 1


def _columns(formula: Formula, variables: Mapping[str, Variable]) -> Iterator[Column]:
    yield Column((), ())
    terms = {(), *formula.terms}
    for term in formula.terms:
        choices: list[range | tuple[None]] = []
        for name in term:
            levels = variables[name].levels
            without = tuple(other for other in term if other != name)
            start = 1 if without in terms else 0
            choices.append((None,) if levels is None else range(start, len(levels)))
        for codes in product(*reversed(choices)):
            yield Column(term, tuple(reversed(codes)))
