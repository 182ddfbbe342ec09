"""A project's own checks: the Python modules in ``checks/``, as text."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from regml.errors import BrokenFileError
from regml.files.text import is_link, read_text

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

FOLDER: Final = "checks"
"""Where own checks lie; every ``*.py`` directly in it is one, but ``__init__.py``."""


WITHOUT_OWN_CHECKS: Final = "REGML_NO_OWN_CHECKS"
"""Environment variable that keeps the code of own checks from running."""


@dataclass(frozen=True, slots=True)
class OwnModule:
    """One module of own checks.

    Attributes:
        path: Relative to the project, POSIX.
        source: Its text.
    """

    path: str
    source: str


def read_own_checks(root: "Traversable") -> tuple[OwnModule, ...]:
    """Return the modules of own checks, sorted by path; runs none of them.

    Raises:
        BrokenFileError: One of them cannot be read, is not UTF-8 or is a link: what a
            link leads to is not under control here, and its code would run.
    """
    folder = root / FOLDER
    if not folder.is_dir():
        return ()
    _refuse_link(folder, FOLDER)
    found = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".py") and entry.name != "__init__.py":
            path = f"{FOLDER}/{entry.name}"
            _refuse_link(entry, path)
            found.append(OwnModule(path, read_text(entry, name=path)))
    return tuple(found)


def _refuse_link(entry: "Traversable", path: str) -> None:
    if is_link(entry):
        raise BrokenFileError(
            path, "is a symbolic link.", remedy="Put the file itself there."
        )
