"""The columns that a `where` of the register uses, read from its syntax and not from its words."""

from __future__ import annotations

import ast
import re

QUOTED = re.compile(r"`([A-Za-z_]\w*)`")


def query_columns(query: str) -> list[str]:
    """List the columns of a pandas query in the order of their first use.

    Methods (`age.between(25, 34)`), functions (`abs(age)`) and text in quotes are no columns.

    Raises
    ------
    ValueError
        If the query is no expression; the text says where it breaks.
    """
    try:
        # pandas allows a column's name in backticks; a plain name may stand without them.
        tree = ast.parse(QUOTED.sub(r"\1", query).strip(), mode="eval")
    except SyntaxError as error:
        raise ValueError(f"{error.msg} at character {error.offset}") from None
    functions = {
        id(node.func)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    names = [
        node for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in functions
    ]
    names.sort(key=lambda node: (node.lineno, node.col_offset))
    return list(dict.fromkeys(node.id for node in names))
