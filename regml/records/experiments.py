"""Where DVC runs an experiment, and where its record has to go.

``dvc exp run --temp`` and ``--queue`` run in a copy of the project below
``.dvc/tmp/exps``, which DVC removes afterwards together with everything git does not
track in it. ``DVC_ROOT`` then names the project and not the copy.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from regml.errors import ConfigError
from regml.files.repository import repository_of
from regml.records.origin import CONFIG

_COPIES = (".dvc", "tmp", "exps")


@dataclass(frozen=True, slots=True)
class Workplace:
    """Where a stage runs.

    Attributes:
        root: The project or the copy of it that DVC runs an experiment in.
        kept: The project, which keeps the records.
    """

    root: Path
    kept: Path


def workplace(here: Path, project: Path) -> Workplace:
    """Return where a stage runs that was started in some folder.

    Args:
        here: The working folder.
        project: Where it seems to be, if it is no copy.

    Raises:
        ConfigError: The copy lacks ``regml.toml``, so that it is no project.
    """
    parts = here.resolve().parts
    for end in range(len(parts) - len(_COPIES), 0, -1):
        if parts[end : end + len(_COPIES)] == _COPIES:
            found = _in_copy(here.resolve(), Path(*parts[: end + len(_COPIES)]))
            return found or Workplace(project, project)
    return Workplace(project, project)


def experiment() -> dict[str, str]:
    """Return what DVC tells a stage about the experiment it is a part of."""
    told = {
        "name": os.environ.get("DVC_EXP_NAME"),
        "baseline": os.environ.get("DVC_EXP_BASELINE_REV"),
    }
    return {key: value for key, value in told.items() if value}


def _in_copy(here: Path, copies: Path) -> Workplace | None:
    """Return the project in a copy of its repository, and where that one lies."""
    root = None
    for folder in (here, *here.parents):
        if folder == copies:
            return None
        if root is None and (folder / CONFIG).is_file():
            root = folder
        if not (folder / ".git").exists():
            continue
        if root is None:
            raise ConfigError(
                f"{CONFIG} is not committed, so it is not in the copy of the project "
                f"that DVC runs an experiment in ({folder}). Commit it."
            )
        original = repository_of(copies) or copies
        return Workplace(root, original / root.relative_to(folder))
    return None
