"""Reads YAML that is the project's own: words, rules of a linter, front matter.

Parameters, which people edit, are read with the lines of their keys by `lfsmig.params.source`.
"""

from __future__ import annotations

from typing import Any

import yaml

# About ten times faster; a PyYAML built without libyaml still works.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def plain(text: str) -> Any:
    """Return the values of a YAML text; raises `yaml.YAMLError` where it is none."""
    return yaml.load(text, _Loader)
