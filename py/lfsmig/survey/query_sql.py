"""A pandas `query` as an SQL condition, with pandas' rules for missing values.

In pandas a comparison with a missing value is false and `!=` is true; only in the nullable types
(Int64, boolean, string) is the answer unknown, and unknown at the end means outside. Whatever
would need a rule of its own (slicing, functions, text arithmetic) is refused, not guessed.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import pandas as pd

from lfsmig.errors import EstimationError

COMPARED = {
    ast.Eq: "=", ast.NotEq: "<>", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip
ARITHMETIC = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}
# What pandas reads as `and` and `or` in a query, with their precedence.
WORDS = {"&": "and", "|": "or"}


@dataclass(frozen=True)
class Column:
    """What the translation must know of a column."""

    sql: str
    kind: str  # number, text, boolean, time or other
    dtype: object  # the pandas type it is read as


@dataclass(frozen=True)
class Term:
    """A part of the query as SQL: its kind, and whether it can be unknown as pandas sees it."""

    sql: str
    kind: str
    nullable: bool = False
    unordered: bool = False
    single: bool = False  # a float32 column, with which pandas compares in 32 bits
    constant: bool = False


def quoted(name: str) -> str:
    """Quote a name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: object) -> str:
    """Write a Python value as an SQL literal."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return "'" + str(value).replace("'", "''") + "'"


def condition(query: str, column: Callable[[str], Column]) -> str:
    """Translate a query; `column` finds a column by name or raises its own error.

    Raises
    ------
    EstimationError
        If the query is no condition, or holds something that SQL would answer differently.
    """
    text, names = _without_backticks(query)
    try:
        parsed = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise _refused(query, f"it is no expression ({error.msg})") from None
    found = _Translation(query, column, names).boolean(parsed)
    return f"coalesce({found}, false)"


def _without_backticks(query: str) -> tuple[str, Mapping[str, str]]:
    """Replace `quoted names` by plain ones and & | by the words that pandas takes them for."""
    names: dict[str, str] = {}
    parts = query.split("`")
    if len(parts) % 2 == 0:
        raise _refused(query, "a backtick is not closed")
    for place in range(1, len(parts), 2):
        plain = f"backquoted_{place}"
        names[plain] = parts[place]
        parts[place] = plain
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO("".join(parts)).readline))
    except (tokenize.TokenError, SyntaxError) as error:
        raise _refused(query, f"it is no expression ({error.args[0]})") from None
    words = [WORDS.get(token.string, token.string) for token in tokens if token.string.strip()]
    return " ".join(words), names


def _refused(query: str, reason: str) -> EstimationError:
    return EstimationError(f"domain {query!r} cannot be evaluated: {reason}")


@dataclass(frozen=True)
class _Translation:
    query: str
    column: Callable[[str], Column]
    names: Mapping[str, str]

    def boolean(self, node: ast.expr) -> str:
        """Translate what must be true or false."""
        if isinstance(node, ast.BoolOp):
            word = " AND " if isinstance(node.op, ast.And) else " OR "
            return "(" + word.join(self.boolean(value) for value in node.values) + ")"
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert):
            return f"(NOT {self.boolean(node.operand)})"
        if isinstance(node, ast.Compare):
            return self.comparison(node)
        if isinstance(node, ast.Call):
            return self.call(node)
        term = self.term(node)
        if term.kind != "boolean":
            raise self.refused(f"{ast.unparse(node)!r} is not true or false; compare it")
        return term.sql if term.nullable else f"coalesce({term.sql}, false)"

    def comparison(self, node: ast.Compare) -> str:
        """Translate a chain of comparisons: each pair must hold."""
        terms = [node.left, *node.comparators]
        pairs = zip(terms, node.ops, terms[1:], strict=False)
        return "(" + " AND ".join(self.compared(a, op, b) for a, op, b in pairs) + ")"

    def compared(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> str:
        if isinstance(right, ast.List | ast.Tuple) or isinstance(op, ast.In | ast.NotIn):
            return self.membership(left, op, right)
        if type(op) not in COMPARED:
            raise self.refused(f"{ast.unparse(left)!r} is compared by an operator SQL has not")
        a, b = self.term(left), self.term(right)
        self.refuse_kinds(a, b, left, right)
        a, b = _same_width(a, b), _same_width(b, a)
        equality = isinstance(op, ast.Eq | ast.NotEq)
        if (a.unordered or b.unordered) and not equality:
            raise self.refused("categories are compared by order; name them with == or in")
        # pandas looks a text constant up among the values, which knows no unknown.
        looked_up = equality and a.kind == "text" and (a.constant or b.constant)
        if (a.nullable or b.nullable) and not looked_up:
            return f"({a.sql} {COMPARED[type(op)]} {b.sql})"
        if isinstance(op, ast.NotEq):
            return f"({a.sql} IS DISTINCT FROM {b.sql})"
        return f"coalesce({a.sql} {COMPARED[type(op)]} {b.sql}, false)"

    def membership(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> str:
        if not isinstance(right, ast.List | ast.Tuple):
            raise self.refused(f"{ast.unparse(right)!r} is no list of values")
        term = self.term(left)
        values = [self.term(value) for value in right.elts]
        for value, node in zip(values, right.elts, strict=True):
            self.refuse_kinds(term, value, left, node)
        listed = ", ".join(value.sql for value in values)
        sql = f"{term.sql}::DOUBLE" if term.single else term.sql
        found = f"coalesce({sql} IN ({listed}), false)" if values else "false"
        return found if isinstance(op, ast.In | ast.Eq) else f"(NOT {found})"

    def call(self, node: ast.Call) -> str:
        """Translate the three methods of a column that are conditions."""
        if isinstance(node.func, ast.Attribute):
            term = self.term(node.func.value)
            if node.func.attr in ("isna", "isnull") and not node.args:
                return f"({term.sql} IS NULL)"
            if node.func.attr in ("notna", "notnull") and not node.args:
                return f"({term.sql} IS NOT NULL)"
            if node.func.attr == "isin" and len(node.args) == 1:
                return self.membership(node.func.value, ast.In(), node.args[0])
        raise self.refused(f"{ast.unparse(node)!r} is not supported; use comparisons")

    def term(self, node: ast.expr) -> Term:
        """Translate what has a value: a column, a constant, a sum."""
        if isinstance(node, ast.Name):
            return self.named(self.names.get(node.id, node.id))
        if isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float | str):
            kind = {bool: "boolean", str: "text"}.get(type(node.value), "number")
            return Term(literal(node.value), kind, constant=True)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            term = self.term(node.operand)
            self.refuse_other_than_numbers(term, node)
            return Term(f"(-{term.sql})", "number", term.nullable)
        if isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
            a, b = self.term(node.left), self.term(node.right)
            for term in (a, b):
                self.refuse_other_than_numbers(term, node)
            sql = f"({a.sql}::DOUBLE {ARITHMETIC[type(node.op)]} {b.sql}::DOUBLE)"
            return Term(sql, "number", a.nullable or b.nullable)
        raise self.refused(f"{ast.unparse(node)!r} is not supported; use comparisons")

    def named(self, name: str) -> Term:
        found = self.column(name)
        nullable = is_nullable(found.dtype)
        unordered = isinstance(found.dtype, pd.CategoricalDtype)
        return Term(found.sql, found.kind, nullable, unordered, found.dtype == "float32")

    def refuse_kinds(self, a: Term, b: Term, left: ast.expr, right: ast.expr) -> None:
        """Refuse to compare text with numbers: SQL would convert one, pandas would not."""
        kinds = {a.kind, b.kind}
        if len(kinds) == 1 or kinds in ({"boolean", "number"}, {"time", "text"}):
            return
        raise self.refused(
            f"{ast.unparse(left)} is {a.kind} and {ast.unparse(right)} is {b.kind}; "
            "compare text with text in quotes, numbers with numbers"
        )

    def refuse_other_than_numbers(self, term: Term, node: ast.expr) -> None:
        if term.kind not in ("number", "boolean"):
            raise self.refused(f"{ast.unparse(node)!r} is arithmetic with {term.kind}")

    def refused(self, reason: str) -> EstimationError:
        return _refused(self.query, reason)


def _same_width(constant: Term, other: Term) -> Term:
    if constant.constant and other.single:
        return replace(constant, sql=f"{constant.sql}::REAL")
    return constant


def is_nullable(dtype: object) -> bool:
    """Say whether a comparison with a missing value of this type is unknown, not false."""
    if isinstance(dtype, pd.StringDtype):
        return dtype.na_value is pd.NA
    return isinstance(dtype, pd.api.extensions.ExtensionDtype) and not isinstance(
        dtype, pd.CategoricalDtype | pd.DatetimeTZDtype
    )
