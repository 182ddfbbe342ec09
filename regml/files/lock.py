"""The lock of runtime packages: ``name==version`` per line, digests may follow."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from regml.errors import BrokenFileError
from regml.files.text import read_text, refuse_link

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_HASH = re.compile(r"\s--hash=sha256:([0-9a-f]{64})(?=\s|$)")
_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9.+!_-]+)\s*(;.*)?$")


def normalised(name: str) -> str:
    """Return a distribution name as all tools compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def is_version(installed: str, locked: str) -> bool:
    """Tell whether an installed version is the locked one.

    As in PEP 440, a locked ``2.13.0`` is met by the build ``2.13.0+cpu``.
    """
    return installed == locked or installed.partition("+")[0] == locked


def read_lock_file(root: "Traversable", name: str) -> dict[str, str]:
    """Return the version of each pinned package by normalised name.

    Raises:
        BrokenFileError: A line is not an exact pin; names the line.
    """
    return {name: version for name, (version, _, _) in _pins(root, name).items()}


def read_markers(root: "Traversable", name: str) -> dict[str, str]:
    """Return the environment marker (PEP 508) of each package that has one.

    Raises:
        BrokenFileError: A line is not an exact pin; names the line.
    """
    pins = _pins(root, name)
    return {name: marker for name, (_, marker, _) in pins.items() if marker}


def read_hashes(root: "Traversable", name: str) -> dict[str, tuple[str, ...]]:
    """Return the sha256 of each archive that a package may be installed from.

    Raises:
        BrokenFileError: A line is not an exact pin; names the line.
    """
    pins = _pins(root, name)
    return {name: hashes for name, (_, _, hashes) in pins.items() if hashes}


def _pins(
    root: "Traversable", name: str
) -> dict[str, tuple[str, str, tuple[str, ...]]]:
    packages: dict[str, tuple[str, str, tuple[str, ...]]] = {}
    refuse_link(root / name, name)
    if not (root / name).is_file():
        raise BrokenFileError(
            name,
            "does not exist; 'lock' under [sources] of regml.toml names it as the list "
            "of exact versions.",
            remedy=f"Write it, e.g. with 'pip freeze --exclude-editable > {name}'; a "
            "device without packages has an empty one.",
        )
    for number, whole in _lines(read_text(root / name, name=name)):
        hashes = tuple(sorted(set(_HASH.findall(whole))))
        line = _HASH.sub("", whole).strip()
        if not line or line.startswith("#"):
            continue
        pin = _PIN.match(line)
        if pin is None:
            raise BrokenFileError(
                name,
                f"{line!r} is not an exact version.",
                remedy="Write name==version, one package a line.",
                line=number,
            )
        marker = (pin[3] or "").removeprefix(";").strip()
        before = packages.setdefault(normalised(pin[1]), (pin[2], marker, hashes))
        if before != (pin[2], marker, hashes):
            raise BrokenFileError(
                name,
                f"{pin[1]} stands here a second time, before as {before[0]}: nobody "
                "can tell which one is in the device.",
                remedy="Keep the line that holds where the device runs.",
                line=number,
            )
    return packages


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Give each line with its number; one that ends in a backslash goes on below."""
    begun, first = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = begun + raw.partition(" #")[0].strip()
        first = first if begun else number
        goes_on = line.endswith("\\") and not line.startswith("#")
        begun = line.removesuffix("\\") if goes_on else ""
        if not begun:
            yield first, line
    if begun:
        yield first, begun
