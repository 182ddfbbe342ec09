"""The bills of materials of a release: kept beside its record, seen in its archive.

They name packages as they were installed where the version was released, so they cannot
be made again elsewhere; the signed record says whether kept ones are right.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

from regml.digest import sha256_of
from regml.errors import ConfigError, RegmlError
from regml.files.config import read_config
from regml.files.lock import normalised, read_lock_file
from regml.items.recorded import Release
from regml.project import Project
from regml.records.bills import kept_path
from regml.release.contents import read_object

SBOM: Final = "bills/sbom.cdx.json"
"""Software bill of materials, CycloneDX."""

ML_BOM: Final = "bills/ml-bom.cdx.json"
"""Bill of materials of the model, CycloneDX with a model card."""

Writer = Callable[[Project, str], Mapping[str, bytes]]
"""Returns the bills of a project and the sha256 of a model, by name in the archive."""


def keep(root: Path, bills: Mapping[str, bytes]) -> None:
    """Write the bills of a release where git will have them.

    Raises:
        ConfigError: They cannot be written.
    """
    for name, digest in digests(bills).items():
        path = root / kept_path(name, digest)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bills[name])
        except OSError as error:
            raise ConfigError(
                f"{path}: cannot be written ({error.strerror}). Make room."
            ) from error


def kept(root: Path, said: Release) -> dict[str, bytes] | None:
    """Return the bills that a release signed; ``None`` where they are not here."""
    found = {}
    for name in (SBOM, ML_BOM):
        path = root / kept_path(name, said.bills.get(name, "none"))
        if not path.is_file():
            return None
        found[name] = path.read_bytes()
    return found if digests(found) == said.bills else None


def digests(bills: Mapping[str, bytes]) -> dict[str, str]:
    """Return the sha256 of each bill, by name."""
    return {name: sha256_of(content) for name, content in bills.items()}


def problems(
    tree: Traversable, project: Traversable, said: Release
) -> Iterator[tuple[str, str]]:
    """Give what of the bills is not about what was released, by name.

    Args:
        tree: The archive.
        project: The released project in it.
        said: The signed release.
    """
    looks = {SBOM: _lists_packages, ML_BOM: _is_about_the_model}
    for name, look in looks.items():
        if not (tree / name).is_file():
            yield name, "is missing: every release hands it over"
            continue
        if sha256_of((tree / name).read_bytes()) != said.bills.get(name):
            yield name, "is not what the release signed: it was changed"
        try:
            document = read_object(tree, name)
            found = [*_is_of(document, project, said), *look(document, project, said)]
        except RegmlError as error:
            found = [str(error)]
        yield from ((name, message) for message in found)


def _is_of(
    document: Mapping[str, Any], project: Traversable, said: Release
) -> Iterator[str]:
    device = read_config(project).device
    meta = _object(document.get("metadata"))
    about = _object(meta.get("component"))
    if document.get("bomFormat") != "CycloneDX":
        yield "is no CycloneDX document"
    if (about.get("name"), about.get("version")) != (device.name, device.version):
        yield f"is not about {device.name} {device.version}"
    if {"name": "regml:commit", "value": said.commit} not in _rows(meta, "properties"):
        yield f"was not written of commit {said.commit[:12]}"


def _lists_packages(
    document: Mapping[str, Any], project: Traversable, said: Release
) -> Iterator[str]:
    locked = read_lock_file(project, read_config(project).sources.lock)
    listed = {
        (normalised(str(row.get("name"))), row.get("version"))
        for row in _rows(document, "components")
    }
    missing = sorted(name for name in locked if (name, locked[name]) not in listed)
    if missing:
        yield f"does not list what the lock file has: {_few(missing)}"


def _is_about_the_model(
    document: Mapping[str, Any], project: Traversable, said: Release
) -> Iterator[str]:
    if said.model not in _digests(document, "machine-learning-model"):
        yield "is not about the model that was released"
    data = _digests(document, "data")
    if data and said.dataset not in data:
        yield "is not about the dataset that was released"


def _digests(document: Mapping[str, Any], kind: str) -> set[object]:
    return {
        one.get("content")
        for row in _rows(document, "components")
        if row.get("type") == kind
        for one in _rows(row, "hashes")
    }


def _rows(value: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    rows = value.get(key)
    return [_object(row) for row in rows] if isinstance(rows, list) else []


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _few(names: Iterable[str]) -> str:
    found = list(names)
    return ", ".join(found[:5]) + (" ..." if len(found) > 5 else "")
