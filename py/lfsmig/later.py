"""Large libraries that a module names and that most callers never need."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class Later:
    """A library that is loaded when something of it is first asked for.

    Loading pandas takes half a second, which a command that reads no table should not wait for.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, wanted: str) -> Any:
        return getattr(import_module(self._name), wanted)
