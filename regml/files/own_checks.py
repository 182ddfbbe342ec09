"""A project's own checks: the Python modules in ``checks/``, as text."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from regml.files.text import read_text

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
        BrokenFileError: One of them cannot be read or is not UTF-8.
    """
    folder = root / FOLDER
    if not folder.is_dir():
        return ()
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    return tuple(
        OwnModule(path, read_text(folder / name, name=path))
        for name in names
        if name.endswith(".py") and name != "__init__.py"
        for path in [f"{FOLDER}/{name}"]
    )
