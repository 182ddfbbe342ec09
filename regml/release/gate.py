"""What has to hold before a version is handed over (IEC 62304 5.8)."""

import datetime as dt
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from regml.errors import ConfigError
from regml.files.config import CONFIG
from regml.files.markdown import ITEM_FOLDERS
from regml.files.own_checks import WITHOUT_OWN_CHECKS
from regml.files.repository import run_git
from regml.files.vulnerabilities import FOLDER as VULNERABILITIES
from regml.findings import RuleOutcome, weighty
from regml.items.base import Kind
from regml.items.recorded import LogProblem
from regml.project import Project, open_project
from regml.records.storage import FOLDER
from regml.records.verify import OutputProblem, verify

WEIGHED = (f"{Kind.SOUP}-", f"{Kind.PROBLEM_REPORT}-")
"""How items begin that are held against an earlier release."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What the gate looked at.

    Attributes:
        outcomes: Of every rule.
        problems: Of records, ``dvc.lock`` and the bytes on disk; nobody can waive them.
        unseen: What could not be compared, and why, one sentence each.
    """

    outcomes: tuple[RuleOutcome, ...]
    problems: tuple[LogProblem | OutputProblem, ...]
    unseen: tuple[str, ...] = ()

    @property
    def in_the_way(self) -> tuple[RuleOutcome, ...]:
        """The rules with findings that refuse a release, and those findings alone."""
        found = [
            replace(outcome, findings=tuple(weighty([outcome])))
            for outcome in self.outcomes
        ]
        return tuple(outcome for outcome in found if outcome.findings)

    @property
    def is_open(self) -> bool:
        """Tell whether nothing stands in the way of a release."""
        return not self.problems and not self.in_the_way


def open_for_release(root: Path, *, back: bool = False) -> tuple[Project, str]:
    """Read a project whose work tree is its commit; return it with that commit.

    The day is that of the clock: ``SOURCE_DATE_EPOCH`` cannot bring a waiver back.

    Args:
        root: The project.
        back: An earlier commit is released: of the work tree only records, who may
            sign and what is known by now matter, and an emergency finds it as it is.

    Raises:
        ConfigError: Something is not committed, or own checks are turned off.
    """
    if os.environ.get(WITHOUT_OWN_CHECKS):
        raise ConfigError(
            f"{WITHOUT_OWN_CHECKS} is set, but a release takes every check. Unset it."
        )
    project = open_project(root)
    commit = project.evidence.commit
    if commit is None:
        raise ConfigError(f"{root}: is not committed, so there is nothing to release.")
    _refuse_dirt(_weighed(root, commit) if back else _differing(root, commit, "."))
    today = dt.datetime.now(dt.UTC).date()
    return replace(project, evidence=replace(project.evidence, today=today)), commit


def look(root: Path, project: Project) -> Gate:
    """Run every rule, check every signature, and hash what records tell of.

    Args:
        root: The project.
        project: Read for a release.

    Raises:
        RegmlError: The project cannot be read.
    """
    found = verify(root, project.evidence.config.signers)
    return Gate(project.check(), found.problems, found.unseen)


def _refuse_dirt(differing: Iterable[str]) -> None:
    """Refuse a work tree that is not its commit, also in records and outputs."""
    if found := sorted(differing):
        shown = ", ".join(found[:5]) + (" ..." if len(found) > 5 else "")
        count = "1 file differs" if len(found) == 1 else f"{len(found)} files differ"
        raise ConfigError(
            f"a release is of a commit, and {count} from it: "
            f"{shown}. Commit them, undo them, or list them in .gitignore."
        )


def _weighed(root: Path, commit: str) -> Iterator[str]:
    """Give what differs among that which is held against an earlier release."""
    yield from _differing(root, commit, FOLDER, CONFIG, VULNERABILITIES)
    for name in _differing(root, commit, *ITEM_FOLDERS):
        if name.rpartition("/")[2].startswith(WEIGHED):
            yield name


def _differing(root: Path, commit: str, *places: str) -> Iterator[str]:
    status = ("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")
    with TemporaryDirectory(prefix="regml-") as folder:
        # an index that knows nothing of the files, so that git reads every one
        index = Path(folder) / "index"
        run_git(root, "read-tree", commit, index=index)
        rows = run_git(root, *status, "--", *places, index=index).split(b"\0")
    yield from (os.fsdecode(row)[3:] for row in rows if row)
