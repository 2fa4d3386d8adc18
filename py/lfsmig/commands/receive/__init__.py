"""`lfsmig receive`: takes a year's files in, compares a re-sent one, records every decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lfsmig.commands.receive.arrive import receive
from lfsmig.commands.receive.companion import keep
from lfsmig.commands.receive.decide import decide, restore
from lfsmig.commands.receive.desk import Desk
from lfsmig.commands.receive.terms import due, verify
from lfsmig.errors import CheckFailed, LfsmigError
from lfsmig.intake.readers.text import clean
from lfsmig.lock import held
from lfsmig.progress import Progress, silent
from lfsmig.workspace import Workspace

LONGEST_REASON = 500
BUSY = "another run is at work here"


@dataclass
class Request:
    """What the command line asks for."""

    files: Sequence[Path] = ()
    names: Sequence[str] = ()
    dataset: str | None = None
    accept: str | None = None
    reject: str | None = None
    restore: str | None = None
    verify: bool = False
    due: bool = False
    companion: bool = False


def run(
    workspace: Workspace, year: int, request: Request, progress: Progress = silent
) -> dict[str, Any]:
    """Do what was asked for one year: receive files, decide, or tell how the year stands.

    Returns
    -------
    dict
        `action` (frozen, candidate, unchanged, accepted, rejected, restored, companions, status),
        the year's versions, decisions and documents, warnings, and the comparison of a candidate
        without its keys.
    """
    _check_request(request)
    if not (request.files or request.accept or request.reject):
        return Desk(workspace, year, progress).document("status")
    with held(workspace.data, BUSY):
        desk = Desk(workspace, year, progress)
        if request.companion or request.restore is not None:
            return _beside(desk, request)
        if not request.files:
            return decide(desk, request.accept, request.reject)
        document = receive(desk, request.files, request.names, request.dataset, request.accept)
        if request.accept is not None and document["action"] in ("candidate", "unchanged"):
            if desk.deliveries is None or desk.deliveries.candidate is None:
                return document
            return decide(desk, request.accept, request.reject)
        return document


def _beside(desk: Desk, request: Request) -> dict[str, Any]:
    """Do what needs no new version: keep documents, or take an earlier version back."""
    if request.companion:
        return keep(desk, request.files, request.names)
    return restore(desk, str(request.restore), str(request.accept))


def _check_request(request: Request) -> None:
    if request.accept is not None and request.reject is not None:
        raise LfsmigError("--accept and --reject exclude each other; give one of them")
    if request.files and request.reject is not None:
        raise LfsmigError("--reject decides on a candidate that is there; give no files with it")
    if request.restore is not None and (request.files or request.accept is None):
        raise LfsmigError(
            "--restore takes an earlier version back as master; give it without files, with "
            '--accept "reason"'
        )
    if request.companion and (
        not request.files or {request.accept, request.reject, request.restore} != {None}
    ):
        raise LfsmigError(
            "--companion keeps documents beside a year's records; give it with their files, and "
            "without --accept, --reject or --restore"
        )
    if request.names and not request.files:
        raise LfsmigError("--as names delivered files; give the files too")
    for option in ("accept", "reject"):
        reason = getattr(request, option)
        if reason is not None:
            setattr(request, option, _reason(f"--{option}", reason))


def _reason(option: str, text: str) -> str:
    reason = clean(text, option, "the reason")
    if not reason:
        raise LfsmigError(f'{option}: a reason is needed, in words: {option} "why"')
    if len(reason) > LONGEST_REASON:
        raise LfsmigError(f"{option}: the reason is longer than {LONGEST_REASON} letters")
    return reason


def call(
    workspace: Workspace,
    year: int | None,
    request: Request,
    progress: Progress,
) -> dict[str, Any]:
    """Choose between the year's work and the questions about all years."""
    if request.due:
        return due(workspace)
    if request.verify:
        return verify(workspace, year)
    if year is None:
        raise LfsmigError(
            "receive: name the year and its files, for example lfsmig receive 2023 lfs664.sav"
        )
    return run(workspace, year, request, progress)


def stop_at(document: dict[str, Any]) -> None:
    """End with exit code 1 where stored files are not what was received."""
    if document.get("damaged"):
        raise CheckFailed(
            f"{len(document['damaged'])} stored files are not what was received", documented=True
        )
