"""Decisions about versions: accept, reject, take an earlier one back. Files are never touched."""

from __future__ import annotations

from typing import Any

from lfsmig.commands.receive.compare import comparison
from lfsmig.commands.receive.desk import Desk, stop_at_damage, timestamp
from lfsmig.commands.receive.words import stopping_line
from lfsmig.errors import InputError
from lfsmig.intake.readers.text import printable
from lfsmig.intake.registry import Decision, MasterVersion


def decide(desk: Desk, accept: str | None, reject: str | None) -> dict[str, Any]:
    deliveries = desk.deliveries
    if deliveries is None or deliveries.candidate is None:
        there = ", ".join(one.version for one in deliveries.versions) if deliveries else "nothing"
        raise InputError(
            f"{desk.year}: no candidate waits for a decision ({there} received); an earlier "
            "version is taken back with --restore VERSION"
        )
    candidate = deliveries.candidate
    if reject is not None:
        _set(desk, "reject", candidate.version, deliveries.frozen, reject)
        return desk.document("rejected", candidate.version)
    # What the comparison reads is verified there.
    compared = comparison(desk, candidate)
    if not compared["comparison"]["made"]:
        desk.warnings.append(
            "accepted without a comparison of records: " + compared["comparison"]["reason"]
        )
    elif stopping := stopping_line(compared["comparison"]):
        desk.warnings.append(stopping)
    _set(desk, "accept", candidate.version, candidate.version, str(accept))
    return desk.document("accepted", candidate.version) | compared


def restore(desk: Desk, version: str, reason: str) -> dict[str, Any]:
    deliveries = desk.deliveries
    found = deliveries.version(version) if deliveries else None
    if deliveries is None or found is None:
        there = ", ".join(one.version for one in deliveries.versions) if deliveries else "none"
        raise InputError(
            f"--restore: `{printable(version)}` is no version of {desk.year}; there are: {there}"
        )
    if found.status == "frozen":
        raise InputError(f"--restore: {version} is the frozen master of {desk.year} already")
    if found.status == "candidate":
        raise InputError(f"--restore: {version} waits as a candidate; accept it without --restore")
    stop_at_damage(desk, found)
    _set(desk, "restore", version, version, reason)
    return desk.document("restored", version)


def _set(desk: Desk, action: Any, version: str, frozen: str, reason: str) -> None:
    """Record a decision; only statuses change, no file is touched."""
    deliveries = desk.deliveries
    assert deliveries is not None

    def status(one: MasterVersion) -> str:
        if one.version == frozen:
            return "frozen"
        if one.version == version:
            return "rejected"
        return "superseded" if one.status == "frozen" else one.status

    decision = Decision(
        time=timestamp(),
        action=action,
        version=version,
        replaces=deliveries.frozen if frozen != deliveries.frozen else None,
        reason=reason,
    )
    desk.write(
        deliveries.model_copy(
            update={
                "frozen": frozen,
                "versions": [
                    one.model_copy(update={"status": status(one)}) for one in deliveries.versions
                ],
                "decisions": [*deliveries.decisions, decision],
            }
        )
    )
