"""Formulas of regressions in R's notation: `mig ~ agec + factor(year) * sex + offset(log(hours))`.

Terms are joined by `+`; `a:b` is an interaction, `a*b` stands for `a + b + a:b`. `factor(x)` takes
a column of numbers as categories; columns of text and categories are taken so anyway. One
`offset(x)` or `offset(log(x))` may be there. The intercept always is. Names with other signs in
them stand in backquotes. Anything else (`I(x^2)`, `poly(x, 2)`) is a column to be made first, where
both engines and the reader see it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from lfsmig.errors import EstimationError

Term = tuple[str, ...]

_TOKEN = re.compile(r"\s*(`[^`]+`|[^\s+:*~()`^/|%,-]+|\S)")
_ALLOWED = "+, :, *, factor(), offset() and offset(log()) are allowed; make a column of all else"


@dataclass(frozen=True)
class Formula:
    """A regression's response, its terms in R's order, and how columns are to be read."""

    response: str
    terms: tuple[Term, ...]
    categorical: frozenset[str]  # columns named in factor()
    offset: str | None = None
    log_offset: bool = False

    @property
    def variables(self) -> list[str]:
        """Columns on the right, in the order of their first appearance."""
        return list(dict.fromkeys(name for term in self.terms for name in term))


def term_text(term: Term) -> str:
    """Write a term as R does; the intercept is `(Intercept)`."""
    return ":".join(term) if term else "(Intercept)"


def term_names(text: str) -> frozenset[str]:
    """Columns of one term as a user writes it: `sex:area`, `factor(year)`."""
    reader = _Reader(text, "response", text)
    return frozenset(reader.one_term())


def parse(formula: str, terms: Sequence[str] | None = None) -> Formula:
    """Read a formula, or a response and a list of terms.

    Parameters
    ----------
    formula
        `response ~ terms`; or the response's column alone, where `terms` lists the terms.
    terms
        Terms in the same notation, such as `["agec", "factor(year)", "sex:area"]`.

    Raises
    ------
    EstimationError
        The formula holds something else than the notation above, or names a column twice.
    """
    if not isinstance(formula, str) or isinstance(terms, str):
        raise EstimationError(
            "a regression needs a formula (response ~ terms), or a response and a list of terms"
        )
    left, tilde, right = formula.partition("~")
    if bool(tilde) == (terms is not None):
        raise EstimationError(
            f"formula {formula!r}: write response ~ terms, or give the response and a list of terms"
        )
    whole = right if terms is None else " + ".join(terms)
    return _Reader(formula if terms is None else f"{formula} ~ {whole}", left, whole).formula()


class _Reader:
    """Recursive descent over the tokens of one formula."""

    def __init__(self, formula: str, left: str, right: str) -> None:
        self.text = formula
        self.response = self._single_name(left)
        self.tokens = _TOKEN.findall(right)
        self.at = 0
        self.categorical: set[str] = set()
        self.plain: set[str] = set()
        self.offsets: list[tuple[str, bool]] = []

    def formula(self) -> Formula:
        found: list[Term] = []
        while True:
            found += self._product()
            if self.at == len(self.tokens):
                break
            self._take("+")
        both = sorted(self.categorical & self.plain)
        if both:
            raise self._refusal(f"{both[0]!r} is both a number and a factor()")
        if len(self.offsets) > 1:
            raise self._refusal("there are two offsets")
        terms = _in_order(found)
        if self.response in {name for term in terms for name in term}:
            raise self._refusal(f"the response {self.response!r} is on both sides")
        offset, logged = self.offsets[0] if self.offsets else (None, False)
        return Formula(self.response, terms, frozenset(self.categorical), offset, logged)

    def one_term(self) -> Term:
        """Read a single term."""
        term = self._interaction()
        if self.at < len(self.tokens):
            raise self._refusal(f"{self.text!r} is not one term")
        return term

    def _product(self) -> list[Term]:
        factors = [self._interaction()]
        while self._next() == "*":
            self.at += 1
            factors.append(self._interaction())
        return [
            tuple(name for part in chosen for name in part)
            for size in range(1, len(factors) + 1)
            for chosen in combinations(factors, size)
        ]

    def _interaction(self) -> Term:
        names = list(self._atom())
        while self._next() == ":":
            self.at += 1
            names += self._atom()
        return tuple(names)

    def _atom(self) -> Iterator[str]:
        token = self._token()
        if token == "1":
            return
        if self._next() != "(":
            name = self._name(token)
            self.plain.add(name)
            yield name
        elif token in ("factor", "C"):
            name = self._in_brackets()
            self.categorical.add(name)
            yield name
        elif token == "offset":
            self._offset()
        else:
            raise self._refusal(f"{token}() cannot be read")

    def _offset(self) -> None:
        inside = self.tokens[self.at + 1 : self.at + 3]
        if inside == ["log", "("]:
            self.at += 2
            self.offsets.append((self._in_brackets(), True))
            self._take(")")
        else:
            self.offsets.append((self._in_brackets(), False))

    def _in_brackets(self) -> str:
        self._take("(")
        name = self._name(self._token())
        self._take(")")
        return name

    def _name(self, token: str) -> str:
        if token.startswith("`"):
            return token.strip("`")
        if len(token) == 1 and token in "+:*~()`^/|%,-":
            raise self._refusal(f"{token!r} cannot be read")
        return token

    def _next(self) -> str | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def _token(self) -> str:
        token = self._next()
        if token is None:
            raise self._refusal("a term is missing at the end")
        self.at += 1
        return token

    def _take(self, wanted: str) -> None:
        token = self._next()
        if token != wanted:
            raise self._refusal(f"{token!r} stands where {wanted!r} should")
        self.at += 1

    def _single_name(self, left: str) -> str:
        tokens = _TOKEN.findall(left)
        if len(tokens) != 1:
            raise self._refusal("the response must be one column")
        return self._name(tokens[0])

    def _refusal(self, what: str) -> EstimationError:
        return EstimationError(f"formula {self.text!r}: {what}; {_ALLOWED}")


def _in_order(found: list[Term]) -> tuple[Term, ...]:
    """R's order: terms by number of columns, each column in the order of first appearance."""
    place: dict[str, int] = {}
    for term in found:
        for name in term:
            place.setdefault(name, len(place))
    unique = dict.fromkeys(
        tuple(sorted(dict.fromkeys(term), key=place.__getitem__)) for term in found if term
    )
    return tuple(sorted(unique, key=len))
