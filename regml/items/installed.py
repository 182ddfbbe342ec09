"""The packages of a recorded environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

PACKAGES: Final = "packages"
"""Key of a recorded environment with what was installed, by name."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A package as a record tells of it.

    Attributes:
        version: As its metadata says.
        sha256: Of its file ``RECORD``, which lists the digest of every file that was
            installed with it; ``None`` where there was none.
    """

    version: str
    sha256: str | None


def installed(environment: Mapping[str, Any]) -> dict[str, Installed]:
    """Return what was installed, by name and sorted; nothing where nobody says."""
    listed = environment.get(PACKAGES)
    if not isinstance(listed, Mapping):
        return {}
    return {
        str(name): Installed(str(row["version"]), row.get("sha256"))
        for name, row in sorted(listed.items())
        if isinstance(row, Mapping) and "version" in row
    }
