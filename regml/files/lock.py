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
    packages: dict[str, str] = {}
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
        packages[normalised(pin[1])] = pin[2]
    return packages
