"""What is under change control: the files that only change with a change request."""

from collections.abc import Collection
from typing import Final

from regml.files.git import lies_in
from regml.files.markdown import ITEM_FOLDERS
from regml.files.own_checks import FOLDER as OWN_CHECKS
from regml.items.config import Config

ALWAYS: Final = (
    *("dhf_templates", "dvc.yaml", "params.yaml", "regml.toml"),
    OWN_CHECKS,
)
"""Under change control in every project, besides sources, items and lock file."""

DATA: Final = ".dvc"
"""Ends the file that stands in git for data that DVC keeps."""


def controlled(config: Config) -> frozenset[str]:
    """Return the files and folders that only change with a change request."""
    sources, control = config.sources, config.change_control
    named = (
        *sources.software,
        *sources.tests,
        sources.lock,
        *ITEM_FOLDERS,
        *ALWAYS,
        *(control.paths if control else ()),
    )
    return frozenset(path.rstrip("/") for path in named)


def is_controlled(path: str, places: Collection[str]) -> bool:
    """Tell whether a file lies in what is under control, or stands for data there."""
    return lies_in(path, places) or path.endswith(DATA)
