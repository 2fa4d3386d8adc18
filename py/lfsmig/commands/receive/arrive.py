"""Takes files in: names them, finds their dataset, stores them as a version, records it."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lfsmig.commands.receive.compare import comparison
from lfsmig.commands.receive.desk import Desk, timestamp
from lfsmig.errors import InputError, LfsmigError
from lfsmig.intake.deliver import (
    Incoming,
    Stored,
    hashed,
    mapping_of,
    named,
    spec_like,
    store,
    withdraw,
)
from lfsmig.intake.masters import master_of
from lfsmig.intake.read import sha256_of
from lfsmig.intake.registry import (
    Dataset,
    Decision,
    MasterVersion,
    YearDeliveries,
    registry_path,
    version_name,
    version_number,
)
from lfsmig.manifest import PACKAGE
from lfsmig.steps import refuse_mixture
from lfsmig.workspace import Workspace


def receive(
    desk: Desk, files: Sequence[Path], names: Sequence[str], dataset: str | None, reason: str | None
) -> dict[str, Any]:
    # What a comparison reads too: what is wrong with it is told before a file is copied.
    _ = desk.params.headline, desk.params.rules
    incoming = named(desk.params, desk.year, files, names)
    hashed(incoming)
    _complete(desk, incoming)
    same = _same_as(desk.deliveries, incoming)
    if same is not None:
        return _unchanged(desk, same)
    if desk.deliveries is None:
        _nothing_else_there(desk, incoming)
    version = _next_version(desk)
    size = sum(one.size for one in incoming) / 1e6
    shown = ", ".join(one.name for one in incoming)
    desk.progress(f"{desk.year}: {version}: copying and reading {shown} ({size:,.1f} MB)")
    chosen: list[Dataset] = []

    def approve(stored: Stored) -> None:
        chosen.append(_dataset(desk, dataset, stored.synthetic))
        refuse_mixture(desk.workspace, desk.params, {desk.year: stored.synthetic})

    stored = store(desk.params, desk.year, desk.raw, version, incoming, approve)
    desk.warnings += stored.warnings
    _terms(desk, chosen[0])
    try:
        if desk.deliveries is None:
            return _first(desk, chosen[0], version, stored, reason)
        entry = _candidate(desk, version, stored)
    except BaseException:
        # What the registry does not know must not stand in the store.
        withdraw(stored.folder)
        raise
    return desk.document("candidate", version) | comparison(desk, entry)


def _complete(desk: Desk, incoming: list[Incoming]) -> None:
    """Take over from the frozen master what a re-sent delivery leaves out."""
    mapping, own = mapping_of(desk.params, desk.year)
    deliveries = desk.deliveries
    master = deliveries.master if deliveries else None
    have = {one.name for one in incoming}
    specs = {spec.path: spec for spec in mapping.map.files} if mapping and own else None
    wanted = list(specs) if specs is not None else [f.name for f in master.files] if master else []
    lacking = [name for name in wanted if name not in have]
    if specs is not None and master is not None:
        catalogs = {spec.catalog for spec in specs.values() if spec.catalog}
        kept = {one.name for one in master.files}
        lacking += sorted((catalogs & kept) - have)
    if not lacking:
        return
    there = {one.name: one for one in master.files} if master else {}
    for name in lacking:
        if deliveries is None or name not in there:
            raise InputError(
                f"{name}: files of {desk.year} names it and it is not in this delivery; give all "
                "files of the year in one call"
            )
        if deliveries.candidate is not None:
            raise InputError(
                f"{name}: not in this delivery, and {deliveries.candidate.version} waits for a "
                f"decision; decide on it first (lfsmig receive {desk.year} --accept or --reject)"
            )
    master_here = master_of(desk.raw, desk.year)
    assert master_here is not None
    for name in lacking:
        one = there[name]
        spec = specs.get(name) if specs is not None else spec_like(mapping, name)
        incoming.append(
            Incoming(
                master_here.folder / name, name, spec, one.sha256, one.size, master_here.version
            )
        )


def _same_as(
    deliveries: YearDeliveries | None, incoming: Sequence[Incoming]
) -> MasterVersion | None:
    """Return the version that holds these bytes under these names."""
    here = {(one.name, one.sha256) for one in incoming}
    for version in reversed(deliveries.versions if deliveries else []):
        if {(one.name, one.sha256) for one in version.files} == here:
            return version
    return None


def _unchanged(desk: Desk, same: MasterVersion) -> dict[str, Any]:
    document = desk.document("unchanged", same.version)
    if same.status == "candidate":
        return document | comparison(desk, same)
    return document


def _nothing_else_there(desk: Desk, incoming: Sequence[Incoming]) -> None:
    """Stop where another file of the name lies in the year's folder: it is the one read today."""
    for one in incoming:
        plain = desk.raw / str(desk.year) / one.name
        if plain.is_file() and plain.resolve() != one.source.resolve():
            if plain.stat().st_size == one.size and sha256_of(plain) == one.sha256:
                continue
            raise InputError(
                f"{plain}: lies there already and is another file; receive it first "
                f"(lfsmig receive {desk.year} {plain}), so that the two can be compared"
            )


def _next_version(desk: Desk) -> str:
    """Return the next free version; a folder that the registry does not know keeps its name."""
    known = {one.version for one in desk.deliveries.versions} if desk.deliveries else set()
    home = desk.raw / str(desk.year)
    found = {path.name for path in home.iterdir()} if home.is_dir() else set()
    there = {name for name in found if version_number(name) is not None}
    for stranger in sorted(there - known):
        desk.warnings.append(
            f"{home / stranger}: is not in the registry (an interrupted call, or a registry of "
            "before); it is left as it is"
        )
    return version_name(max((version_number(name) or 0 for name in known | there), default=0) + 1)


def _dataset(desk: Desk, asked: str | None, synthetic: bool) -> Dataset:
    """Find the dataset that the files belong to.

    Raises
    ------
    LfsmigError
        None or several fit, or the data root holds records of another kind.
    """
    registry, year = desk.registry, desk.year
    where = registry_path(desk.workspace.data)
    known = ", ".join(one.id for one in registry.datasets)
    kind = "synthetic" if synthetic else "real"
    if asked is not None:
        found = registry.dataset(asked)
        if found is None:
            raise LfsmigError(f"--dataset: `{asked}` is not in {where}; it has {known}")
    else:
        fitting = [
            one
            for one in registry.datasets
            if (one.confidentiality == "synthetic") == synthetic
            and _same_folder(one.params, desk.workspace)
        ]
        if len(fitting) != 1:
            raise LfsmigError(
                f"{where}: {len(fitting) or 'no'} datasets with {kind} records have the parameters "
                f"{desk.workspace.params}; name one with --dataset ({known}) or enter it there"
            )
        found = fitting[0]
    if (found.confidentiality == "synthetic") != synthetic:
        raise LfsmigError(
            f"--dataset: the files are {kind} and {found.id} is {found.confidentiality}; "
            "name another dataset"
        )
    if desk.deliveries is not None and desk.deliveries.dataset != found.id:
        raise LfsmigError(
            f"{where}: {year} holds {desk.deliveries.dataset}, the files are of {found.id}; "
            "keep them in a data root of their own with --data"
        )
    for other, deliveries in registry.deliveries.items():
        theirs = registry.dataset(deliveries.dataset)
        if theirs and (theirs.confidentiality == "synthetic") != synthetic:
            raise LfsmigError(
                f"{desk.workspace.data}: {other} holds {theirs.id} and these files are {kind}; "
                "keep synthetic and real records apart with --data"
            )
    return found


def _same_folder(named_there: str, workspace: Workspace) -> bool:
    used = workspace.params.resolve()
    roots = (Path.cwd(), PACKAGE.parents[1], workspace.params.resolve().parent)
    return any((root / named_there).resolve() == used for root in roots)


def _terms(desk: Desk, dataset: Dataset) -> None:
    if dataset.confidentiality == "restricted" and dataset.agreement is None:
        desk.warnings.append(
            f"{dataset.id} is restricted and no agreement is named; name it under agreement in "
            f"{registry_path(desk.workspace.data)} before the records are used"
        )
    if dataset.delete_by is not None and dataset.delete_by < datetime.date.today().isoformat():
        desk.warnings.append(
            f"{dataset.id}: the records were to be deleted by {dataset.delete_by}; "
            "see lfsmig receive --due"
        )


def _first(
    desk: Desk, dataset: Dataset, version: str, stored: Stored, reason: str | None
) -> dict[str, Any]:
    when = timestamp()
    entry = MasterVersion(version=version, received=when, status="frozen", files=stored.files)
    decision = Decision(
        time=when, action="first", version=version, reason=reason or "first delivery"
    )
    desk.write(
        YearDeliveries(dataset=dataset.id, frozen=version, versions=[entry], decisions=[decision])
    )
    return desk.document("frozen", version)


def _candidate(desk: Desk, version: str, stored: Stored) -> MasterVersion:
    deliveries = desk.deliveries
    assert deliveries is not None
    when = timestamp()
    versions = [
        one.model_copy(update={"status": "superseded"}) if one.status == "candidate" else one
        for one in deliveries.versions
    ]
    entry = MasterVersion(
        version=version,
        received=when,
        status="candidate",
        compared_with=deliveries.frozen,
        files=stored.files,
    )
    decision = Decision(
        time=when,
        action="candidate",
        version=version,
        replaces=deliveries.candidate.version if deliveries.candidate else None,
        reason="received again; waits for a decision",
    )
    desk.write(
        deliveries.model_copy(
            update={
                "versions": [*versions, entry],
                "decisions": [*deliveries.decisions, decision],
            }
        )
    )
    return entry
