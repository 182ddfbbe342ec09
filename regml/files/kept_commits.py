"""Whether the commits that records name can still be had from the repository."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from regml.files.git import ARGUMENTS_AT_ONCE
from regml.files.history import is_shallow
from regml.files.repository import in_repository, run_git

_SHA: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")

_KEPT: Final = (
    "--not",
    "--exclude=refs/original/*",  # what a rewriting of history leaves for a while
    "--exclude=refs/stash",
    "--all",
    "HEAD",
)
"""What a clone can bring: all branches and tags, and the commit that is checked out."""

UNKNOWN: Final = (
    "which is not in this repository: history was rewritten, its branch is gone, or "
    "the record is of another project"
)
LOOSE: Final = (
    "to which no branch or tag of this repository leads any more: history was "
    "rewritten or its branch deleted, and a clone lacks it"
)
CUT: Final = (
    "which this clone does not hold: it has only the newest part of the history"
)


def lost_commits(root: Path, commits: Iterable[str]) -> dict[str, str]:
    """Return which of some commits nobody can look at, with why in half a sentence.

    Args:
        root: The project; outside of any repository nothing is lost.
        commits: Full names; what is no name of a commit is left out.

    Raises:
        ConfigError: git refuses.
    """
    wanted = sorted({sha for sha in commits if _SHA.fullmatch(sha)})
    if not wanted or not in_repository(root):
        return {}
    there = set(_listed(root, wanted, "--no-walk"))
    loose = there.intersection(_listed(root, sorted(there), beside=_KEPT))
    missing = [sha for sha in wanted if sha not in there]
    why = CUT if missing and is_shallow(root) else UNKNOWN
    return dict.fromkeys(missing, why) | dict.fromkeys(sorted(loose), LOOSE)


def _listed(
    root: Path, commits: list[str], *options: str, beside: tuple[str, ...] = ()
) -> Iterator[str]:
    for start in range(0, len(commits), ARGUMENTS_AT_ONCE):
        some = commits[start : start + ARGUMENTS_AT_ONCE]
        ignoring = ("rev-list", "--ignore-missing", *options)
        yield from run_git(root, *ignoring, *some, *beside, "--").decode().split()
