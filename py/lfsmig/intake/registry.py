"""The registry: which datasets there are, on what terms, and every file that was received.

`<data>/registry.yml` has two parts. What people write (datasets, holders, terms, with their
comments) stands first and is never touched. Below it, from the line `deliveries:` to the end of the
file, stands what `lfsmig receive` writes. One file keeps terms and files together; a border in it
keeps every comment byte by byte, which no rewriting of the whole file would promise.
"""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, Field

from lfsmig.atomic import write_text
from lfsmig.errors import InputError, ParameterError
from lfsmig.manifest import PACKAGE
from lfsmig.params.loader import validated
from lfsmig.params.models import Model, Text, Year
from lfsmig.params.source import Document, read_document

NAME = "registry.yml"
SECTION = "deliveries"
# Key of a year, and folder beside its versions.
COMPANIONS = "companions"
BORDER = (
    "# Written by `lfsmig receive`, up to the end of the file; what people write stands above.\n"
)
_SECTION_LINE = re.compile(rf"^(?:{re.escape(BORDER)})?{SECTION}:", re.MULTILINE)
_VERSION = re.compile(r"^v(\d{2,})_M$")
# Words that YAML takes for themselves, and nothing that could be read as a number.
_PLAIN = re.compile(r"^[A-Za-z_][A-Za-z0-9_./-]*$")
_RESERVED = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def version_name(number: int) -> str:
    """Name a master version: `v01_M` is the first file received."""
    return f"v{number:02d}_M"


def version_number(name: str) -> int | None:
    """Return the number of a master version, None if the name is none."""
    found = _VERSION.match(name)
    return int(found[1]) if found else None


def _a_version(name: str) -> str:
    if version_number(name) is None:
        raise ValueError("expected a master version such as v01_M")
    return name


def _a_date(text: str) -> str:
    datetime.date.fromisoformat(text)
    return text


Version = Annotated[str, AfterValidator(_a_version)]
Date = Annotated[str, AfterValidator(_a_date)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Dataset(Model):
    """One dataset: whose it is and how it may be handled. What is not known is null."""

    id: str
    title: Text
    holder: Text
    unit: str
    confidentiality: Literal["public", "restricted", "synthetic"]
    # The agreement with the holder, by name and date; restricted data need one.
    agreement: str | None = None
    # How long the records may be kept, in words, and the day by which they are deleted.
    retention: Text | None = None
    delete_by: Date | None = None
    params: str
    note: str | None = None


class LabelFacts(Model):
    """How many labels a file holds, and one hash of them: the words may not be public."""

    variables: int
    values: int
    sha256: Sha256


class ReceivedFile(Model):
    """One file of a master version, under the name it is stored by."""

    name: str
    # What it was called when it came, where that differs.
    delivered_as: str | None = None
    # The version that it was taken over from, where this delivery left it out.
    carried_from: Version | None = None
    sha256: Sha256
    size: int
    format: str | None = None
    rows: int | None = None
    columns: int | None = None
    labels: LabelFacts | None = None


class Companion(ReceivedFile):
    """A document that came with the records of a year: kept and never read as records."""

    received: str


class MasterVersion(Model):
    """One delivery of a year. Its files are never changed; only its status is."""

    version: Version
    received: str
    status: Literal["frozen", "candidate", "superseded", "rejected"]
    compared_with: Version | None = None
    files: list[ReceivedFile] = Field(min_length=1)


class Decision(Model):
    """What a person decided about a version, when and why."""

    time: str
    action: Literal["first", "candidate", "accept", "reject", "restore"]
    version: Version
    replaces: Version | None = None
    reason: str


class YearDeliveries(Model):
    """All deliveries of a year in this data root; `frozen` is the master that commands read."""

    dataset: str
    frozen: Version
    versions: list[MasterVersion] = Field(min_length=1)
    decisions: list[Decision] = Field(default_factory=list)
    companions: list[Companion] | None = None

    def version(self, name: str) -> MasterVersion | None:
        """Return a version by its name."""
        return next((one for one in self.versions if one.version == name), None)

    @property
    def master(self) -> MasterVersion:
        """Return the frozen version."""
        found = self.version(self.frozen)
        assert found is not None
        return found

    @property
    def candidate(self) -> MasterVersion | None:
        """Return the version that waits for a decision."""
        return next((one for one in self.versions if one.status == "candidate"), None)


class Registry(Model):
    """registry.yml."""

    schema_version: Literal[1]
    datasets: list[Dataset]
    deliveries: dict[Year, YearDeliveries] = Field(default_factory=dict)

    def dataset(self, identifier: str) -> Dataset | None:
        """Return a dataset by its id."""
        return next((one for one in self.datasets if one.id == identifier), None)


def registry_path(data: Path) -> Path:
    """Return where the registry of a data root stands."""
    return Path(data) / NAME


def read_registry(path: Path) -> Registry:
    """Read and check a registry.

    Raises
    ------
    ParameterError
        In one line: it is no YAML, has an unknown key, names a version that is not there, or
        people wrote below the border.
    """
    document = read_document(path)
    registry = validated(Registry, document)
    _check(document, registry)
    return registry


def _check(document: Document, registry: Registry) -> None:
    keys = list(document.data)
    if SECTION in keys and keys[-1] != SECTION:
        raise document.error(
            (keys[-1],), f"expected above {SECTION}, which the command writes to the end"
        )
    seen: set[str] = set()
    for index, dataset in enumerate(registry.datasets):
        if dataset.id in seen:
            raise document.error(("datasets", index, "id"), "this dataset stands twice")
        seen.add(dataset.id)
    for year, deliveries in registry.deliveries.items():
        where = (SECTION, str(year))
        names = [one.version for one in deliveries.versions]
        if len(set(names)) < len(names):
            raise document.error((*where, "versions"), "a version stands twice")
        frozen = [one.version for one in deliveries.versions if one.status == "frozen"]
        if frozen != [deliveries.frozen]:
            raise document.error(
                (*where, "frozen"),
                f"expected the one version whose status is frozen ({', '.join(frozen) or 'none'})",
            )
        if deliveries.dataset not in seen:
            raise document.error(
                (*where, "dataset"), f"expected one of datasets: {', '.join(sorted(seen))}"
            )


def open_registry(data: Path, params: Path) -> tuple[Registry, str]:
    """Read the registry of a data root; a new root takes over the datasets of the project's.

    Returns
    -------
    tuple
        The registry, and the text of the part that people write.
    """
    path = registry_path(data)
    source = path if path.is_file() else _project_registry(params)
    registry = read_registry(source)
    text = source.read_bytes().decode("utf-8-sig")
    border = _SECTION_LINE.search(text)
    head = text[: border.start()] if border else text
    if source != path:
        registry = registry.model_copy(update={SECTION: {}})
    return registry, head if head.endswith("\n") else head + "\n"


def _project_registry(params: Path) -> Path:
    places = (Path("data"), Path(params).resolve().parent / "data", PACKAGE.parents[1] / "data")
    for place in places:
        if registry_path(place).is_file():
            return registry_path(place)
    raise ParameterError(
        f"{registry_path(places[0])}: the registry of datasets is missing; it says whose the "
        "records are and on what terms they are held (data/README.md)"
    )


def write_registry(data: Path, registry: Registry, head: str) -> None:
    """Write the registry as a whole: the part of people as it stands, the deliveries below.

    Raises
    ------
    ParameterError
        The registry has changed meanwhile below the hands of the command.
    """
    path = registry_path(data)
    body = {
        year: deliveries.model_dump(mode="json", exclude_none=True)
        for year, deliveries in sorted(registry.deliveries.items())
    }
    text = head + BORDER + _dumped({SECTION: body})
    # What cannot be read back must not take the place of what can.
    probe = path.with_name(f".{path.name}.probe")
    try:
        write_text(probe, text)
        read_back = read_registry(probe)
    finally:
        probe.unlink(missing_ok=True)
    if read_back != registry:
        raise InputError(f"{path}: the deliveries cannot be written so that they read back alike")
    write_text(path, text)


class _Dumper(yaml.SafeDumper):
    """Text in quotes wherever a reader of YAML might take it for something else."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _quoted(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = _PLAIN.match(text) and text.lower() not in _RESERVED
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Dumper.add_representer(str, _quoted)


def _dumped(value: dict[str, Any]) -> str:
    return str(yaml.dump(value, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=100_000))
