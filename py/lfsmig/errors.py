"""Every failure a user can meet, with the exit code that the command line returns for it.

An error's text is one line that names the file, row or key, says what was expected and what to
do next. The command line prints that line to stderr and nothing else.
"""

from __future__ import annotations


class LfsmigError(Exception):
    """Base of all expected failures; `exit_code` is what the command line returns."""

    exit_code = 2


class InputError(LfsmigError):
    """A data file is missing, unreadable, of the wrong year or holds something unexpected."""


class ParameterError(LfsmigError):
    """A parameter file has an unknown key, a wrong type or a value out of range."""


class EstimationError(LfsmigError):
    """An estimate cannot be made from what was given; carries R's own words when R refused."""


class WorkerKilled(LfsmigError):
    """A worker process died (killed for its memory, or by an R that crashed in it)."""


class ChapterError(LfsmigError):
    """A chapter cell raised, or a chapter breaks the rules that make it render everywhere."""


class CheckFailed(LfsmigError):
    """A check ran to its end and found something: validation errors or cells that differ.

    `documented` tells that the findings were already printed as a document.
    """

    exit_code = 1

    def __init__(self, text: str, documented: bool = False) -> None:
        super().__init__(text)
        self.documented = documented


class MissingDependency(LfsmigError):
    """Something is missing on this machine; the text names the command that installs it."""

    exit_code = 3
