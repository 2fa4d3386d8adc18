"""Reads a YAML parameter file and remembers the line of every key.

The scalars follow YAML 1.2: only `true` and `false` are truth values, a number with a leading
zero stays text (a code `01` is not the number 1), there are no dates. Keys are always text. A key
that stands twice is refused: the second would silently win.
"""

from __future__ import annotations

import copy
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import yaml

from lfsmig.errors import ParameterError

# The C loader is about ten times faster; a PyYAML built without libyaml still works.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

KeyPath = tuple[str | int, ...]
# A parameter file has a few thousand entries; aliases of aliases can make billions of them.
_MOST_ENTRIES = 200_000
_MOST_DEPTH = 40
_TAGS = {
    f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "map", "seq")
}
_LARGEST = 1e18


class _Loader(_Base):
    """The safe loader with the scalars of YAML 1.2."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}


_Loader.add_implicit_resolver(  # type: ignore[no-untyped-call]
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf")
)
_Loader.add_implicit_resolver(  # type: ignore[no-untyped-call]
    "tag:yaml.org,2002:null", re.compile(r"^(?:~|null|)$"), ["~", "n", ""]
)
_Loader.add_implicit_resolver(  # type: ignore[no-untyped-call]
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789")
)
_Loader.add_implicit_resolver(  # type: ignore[no-untyped-call]
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)$"),
    list("-+0123456789"),
)


def plain(text: str) -> Any:
    """Content of a YAML text of the program's own, as PyYAML's safe loader gives it, but sooner."""
    return yaml.load(text, Loader=_Base)


@dataclass
class Document:
    """The content of one file, or of several merged, and where each key stands."""

    data: dict[str, Any]
    lines: dict[KeyPath, tuple[str, int]] = field(default_factory=dict)
    name: str = ""

    def where(self, path: KeyPath) -> str:
        """Return `file:line` of the nearest known key at or above `path`."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.lines:
                file, line = self.lines[path[:length]]
                return f"{file}:{line}"
        return f"{self.name}:1"

    def error(self, path: KeyPath, expected: str) -> ParameterError:
        """Make the one line that names file, line, key and what was expected."""
        return ParameterError(f"{self.where(path)}: {key_text(path)}: {expected}")


def key_text(path: KeyPath) -> str:
    """Write a key path as people read it: `variables.sex.codes`, `files[0].path`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "(whole file)"


def _checked(node: yaml.Node, path: KeyPath, document: Document) -> None:
    """Refuse tags (they name things to be run) and what aliases blow up."""
    line = node.start_mark.line + 1
    if node.tag not in _TAGS:
        raise ParameterError(
            f"{document.name}:{line}: {key_text(path)}: the tag {node.tag[:60]!r} is not allowed; "
            "write the value without !"
        )
    if len(path) > _MOST_DEPTH:
        # An anchor that holds itself has no end either.
        raise ParameterError(
            f"{document.name}:{line}: keys lie more than {_MOST_DEPTH} levels deep, or an "
            "anchor (&) holds itself; write it flat"
        )
    if len(document.lines) > _MOST_ENTRIES:
        raise ParameterError(
            f"{document.name}:{line}: the file unfolds to too many entries; "
            "expected plain keys, with few aliases (*)"
        )


def _scalar(node: yaml.ScalarNode, path: KeyPath, document: Document) -> Any:
    kind = node.tag.rsplit(":", 1)[-1]
    if kind == "null":
        return None
    if kind == "bool":
        return node.value == "true"
    if kind not in ("int", "float"):
        return node.value
    try:
        value = int(node.value) if kind == "int" else float(node.value)
    except ValueError:
        value = math.inf
    # A tag (`!!int`) may stand before any text, and Python reads no endless digits.
    if not abs(value) < _LARGEST:
        shown = node.value if len(node.value) <= 24 else f"{node.value[:20]}…"
        raise ParameterError(
            f"{document.name}:{node.start_mark.line + 1}: {key_text(path)}: "
            f"`{shown}` is not a number that can be used"
        )
    return value


def _construct(node: yaml.Node, path: KeyPath, document: Document) -> Any:
    _checked(node, path, document)
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, path, document)
    if isinstance(node, yaml.SequenceNode):
        values = []
        for index, item in enumerate(node.value):
            document.lines[(*path, index)] = (document.name, item.start_mark.line + 1)
            values.append(_construct(item, (*path, index), document))
        return values
    mapping: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise ParameterError(
                f"{document.name}:{line}: {key_text(path)}: a key must be a single word or code"
            )
        key = key_node.value
        if key in mapping:
            raise ParameterError(
                f"{document.name}:{line}: {key_text((*path, key))}: "
                "this key stands twice; keep one of the two"
            )
        document.lines[(*path, key)] = (document.name, line)
        mapping[key] = _construct(value_node, (*path, key), document)
    return mapping


def read_document(path: Path, shown: str | None = None) -> Document:
    """Read one parameter file; `shown` is the name that messages use."""
    name = shown or str(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ParameterError(
            f"{name}: the parameter file is missing; create it or choose another --params folder"
        ) from None
    except OSError as problem:
        raise ParameterError(f"{name}: cannot be read: {problem.strerror}") from None
    except UnicodeDecodeError as problem:
        line = path.read_bytes()[: problem.start].count(b"\n") + 1
        raise ParameterError(
            f"{name}:{line}: the file is not UTF-8 text; save it with the encoding UTF-8"
        ) from None
    return parse_document(text, name)


def parse_document(text: str, name: str) -> Document:
    """Read the text of a parameter file; `name` is what messages call it."""
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        line = mark.line + 1 if mark else 1
        words = problem.problem or problem.context or "cannot be read"
        raise ParameterError(f"{name}:{line}: this is not valid YAML: {words}") from None
    except RecursionError:
        raise ParameterError(
            f"{name}:1: this is not valid YAML: brackets lie hundreds of levels deep"
        ) from None
    except yaml.YAMLError as problem:
        raise ParameterError(
            f"{name}:1: this is not valid YAML: {str(problem).splitlines()[0]}"
        ) from None
    document = Document({}, {(): (name, 1)}, name)
    if node is None:
        return document
    if not isinstance(node, yaml.MappingNode):
        raise ParameterError(f"{name}:1: (whole file): expected keys with values")
    document.data = _construct(node, (), document)
    return document


def merge(base: Document, change: Document, *, depth: int = 3) -> Document:
    """Lay `change` over `base`: mappings join down to `depth` keys, deeper values are replaced.

    With the default depth a year's file replaces single fields of a variable or column
    (`variables.sex.codes` is replaced whole, the other fields of `sex` stay).
    """
    merged = Document(copy.deepcopy(base.data), dict(base.lines), change.name)
    merged.lines[()] = (change.name, 1)

    def lay(target: dict[str, Any], source: dict[str, Any], path: KeyPath) -> None:
        for key, value in source.items():
            here = (*path, key)
            both = isinstance(value, dict) and isinstance(target.get(key), dict)
            if both and len(here) < depth:
                merged.lines[here] = change.lines[here]
                lay(target[key], value, here)
                continue
            for old in [old for old in merged.lines if old[: len(here)] == here]:
                del merged.lines[old]
            target[key] = copy.deepcopy(value)
            merged.lines.update(
                {new: at for new, at in change.lines.items() if new[: len(here)] == here}
            )

    lay(merged.data, change.data, ())
    return merged
