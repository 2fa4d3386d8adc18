"""Disclosure control: no released number gives away a cell of a handful of persons."""

from lfsmig.disclosure import streams
from lfsmig.disclosure.protect import Protected, protect
from lfsmig.disclosure.sets import Links, links

__all__ = ["Links", "Protected", "links", "protect", "streams"]
