"""The lock of runtime packages: ``name==version`` per line."""

import re
from typing import TYPE_CHECKING

from regml.errors import BrokenFileError
from regml.files.text import read_text

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;#]+)\s*(;.*)?$")


def normalised(name: str) -> str:
    """Return a distribution name as all tools compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock_file(root: "Traversable", name: str) -> dict[str, str]:
    """Return the version of each pinned package by normalised name.

    Raises:
        BrokenFileError: A line is not an exact pin; names the line.
    """
    return {name: version for name, (version, _) in _pins(root, name).items()}


def read_markers(root: "Traversable", name: str) -> dict[str, str]:
    """Return the environment marker (PEP 508) of each package that has one.

    Raises:
        BrokenFileError: A line is not an exact pin; names the line.
    """
    return {name: marker for name, (_, marker) in _pins(root, name).items() if marker}


def _pins(root: "Traversable", name: str) -> dict[str, tuple[str, str]]:
    packages: dict[str, tuple[str, str]] = {}
    for number, raw in enumerate(read_text(root / name, name=name).splitlines(), 1):
        line = raw.partition(" #")[0].strip()
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
        packages[normalised(pin[1])] = (pin[2], marker)
    return packages
