"""Keeps documents that come with a year's records: questionnaires, lists of labels, tables.

They are copied beside the store, hashed and entered in the registry, and never read as records. A
name that is taken by other bytes is not overwritten.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lfsmig.commands.receive.desk import Desk, timestamp
from lfsmig.errors import InputError
from lfsmig.intake.deliver import Incoming, copied, hashed
from lfsmig.intake.readers.text import printable
from lfsmig.intake.registry import COMPANIONS, Companion

READ_ONLY = 0o444


def keep(desk: Desk, files: Sequence[Path], names: Sequence[str]) -> dict[str, Any]:
    """Take documents in.

    Raises
    ------
    InputError
        Nothing was received for the year; a file is missing, stands twice, has no name that can
        be stored or that of another document; or the copy differs. Nothing is left behind.
    """
    deliveries = desk.deliveries
    if deliveries is None:
        raise InputError(
            f"{desk.year}: nothing was received yet; documents go with records, so give those "
            f"first: lfsmig receive {desk.year} FILES"
        )
    incoming = _named(files, names)
    hashed(incoming)
    known = {one.name: one for one in deliveries.companions or []}
    new = []
    for one in incoming:
        there = known.get(one.name)
        if there is None:
            new.append(one)
        elif there.sha256 != one.sha256:
            raise InputError(
                f"{one.name}: another document of {desk.year} has this name and nothing is "
                "overwritten; give a name with --as"
            )
    if not new:
        return desk.document("companions", companions_new=[])
    desk.progress(f"{desk.year}: keeping {', '.join(one.name for one in new)}")
    home = desk.raw / str(desk.year) / COMPANIONS
    stage = home.with_name(f".{COMPANIONS}.part")
    shutil.rmtree(stage, ignore_errors=True)
    placed: list[Path] = []
    try:
        for one in new:
            copied(one, stage / one.name)
            (stage / one.name).chmod(READ_ONLY)
        home.mkdir(exist_ok=True)
        for one in new:
            if (home / one.name).exists():
                raise InputError(
                    f"{home / one.name}: lies there and is not in the registry; take it away, "
                    "or give a name with --as"
                )
            (stage / one.name).rename(home / one.name)
            placed.append(home / one.name)
        when = timestamp()
        made = [
            Companion(
                name=one.name,
                delivered_as=one.delivered_as if one.delivered_as != one.name else None,
                sha256=one.sha256,
                size=one.size,
                received=when,
            )
            for one in new
        ]
        both = [*(deliveries.companions or []), *made]
        desk.write(deliveries.model_copy(update={COMPANIONS: both}))
    except BaseException:
        # What the registry does not know must not stand in the store.
        for path in placed:
            path.unlink(missing_ok=True)
        raise
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return desk.document("companions", companions_new=[one.name for one in new])


def _named(files: Sequence[Path], names: Sequence[str]) -> list[Incoming]:
    if names and len(names) != len(files):
        raise InputError(
            f"--as: {len(names)} names for {len(files)} files; give one --as for each file, "
            "in the same order"
        )
    incoming: list[Incoming] = []
    for index, source in enumerate(files):
        shown = printable(str(source))
        if not source.is_file():
            what = "is a folder; name the files in it" if source.is_dir() else "no such file"
            raise InputError(f"{shown}: {what}")
        name = names[index] if names else source.name
        plain = printable(name) == name and name.strip() == name
        if not plain or name.startswith(".") or set(name) & set("/\\:"):
            raise InputError(f"{printable(name)}: cannot be the name of a stored document")
        if any(name.casefold() == one.name.casefold() for one in incoming):
            raise InputError(f"{shown}: two documents would both be {name}; give names with --as")
        incoming.append(Incoming(source, name, None))
    return incoming
