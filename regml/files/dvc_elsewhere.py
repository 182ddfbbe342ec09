"""Pipelines of DVC in sub-folders: DVC runs them, and nobody records what they do."""

from collections.abc import Iterable

from regml.files.dvc import LOCK
from regml.files.git import lies_in

CONFIG = "regml.toml"


def other_locks(names: Iterable[str]) -> tuple[str, ...]:
    """Return each ``dvc.lock`` below the project that is not its own, sorted.

    A folder with its own ``regml.toml`` is a project of its own, which is asked there.

    Args:
        names: Every file of the project, POSIX.
    """
    known = tuple(names)
    projects = {
        name.removesuffix(f"/{CONFIG}") for name in known if name.endswith(f"/{CONFIG}")
    }
    found = (name for name in known if name.endswith(f"/{LOCK}"))
    return tuple(sorted(name for name in found if not lies_in(name, projects)))
