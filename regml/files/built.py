"""A Design History File that was built: its list of digests and what it names."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from regml.digest import sha256_of
from regml.errors import BrokenFileError
from regml.files.text import read_text
from regml.items.documents import BuiltFile

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

SUMS = "SHA256SUMS"
"""Lists every file of the folder with its SHA-256, as ``sha256sum -c`` reads it."""

STATE = "state.json"
"""Says from what the folder was built: commit, log heads, fingerprints."""


def read_built(
    root: "Traversable", folder: str, *, kept: bool = False
) -> BuiltFile | None:
    """Compare a built file with its list of digests; ``None`` when there is none.

    Args:
        root: The project.
        folder: Where it lies.
        kept: Somebody says that it is kept there, so that it has to be.

    Raises:
        BrokenFileError: The list of digests or the state cannot be read.
    """
    place = root / folder
    if not (place / SUMS).is_file():
        there = place.is_dir() and any(place.iterdir())
        lost = BuiltFile(folder, (), (SUMS,), (), None, (), {})
        return lost if kept or there else None
    name = f"{folder}/{SUMS}"
    listed = dict(_lines(read_text(place / SUMS, name=name), name=name))
    found = {path: sha256_of(f.read_bytes()) for path, f in _files(place)}
    found.pop(SUMS)
    expected = {*listed, STATE}  # somebody may have taken it out of the list as well
    changed = [p for p in listed if p in found and found[p] != listed[p]]
    state = _state(place, folder)
    return BuiltFile(
        folder=folder,
        changed=tuple(sorted(changed)),
        absent=tuple(sorted(expected - found.keys())),
        added=tuple(sorted(found.keys() - listed.keys())),
        commit=state.get("commit"),
        heads=tuple(state.get("heads") or ()),
        documents=state.get("documents") or {},
    )


def _lines(text: str, *, name: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        digest, gap, path = line.partition("  ")
        if not gap or len(digest) != 64:
            raise BrokenFileError(
                name,
                "is no list of SHA-256 digests.",
                remedy="Build the folder again: regml dhf build.",
                line=number,
            )
        yield path, digest


def _files(folder: "Traversable", prefix: str = "") -> Iterator[tuple[str, Any]]:
    for child in folder.iterdir():
        if child.is_dir():
            yield from _files(child, f"{prefix}{child.name}/")
        else:
            yield f"{prefix}{child.name}", child


def _state(place: "Traversable", folder: str) -> dict[str, Any]:
    if not (place / STATE).is_file():
        return {}
    name = f"{folder}/{STATE}"
    try:
        value = json.loads(read_text(place / STATE, name=name))
    except ValueError as error:
        raise BrokenFileError(
            name, "is not JSON.", remedy="Build the folder again: regml dhf build."
        ) from error
    known = value if isinstance(value, dict) else {}
    heads, documents = known.get("heads") or [], known.get("documents") or {}
    if not isinstance(heads, list) or not isinstance(documents, dict):
        raise BrokenFileError(
            name,
            "does not say from what the folder was built.",
            remedy="Build the folder again: regml dhf build.",
        )
    return known
