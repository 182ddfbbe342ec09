"""How a work tree differs from its commit."""

import hashlib
import os
import shutil
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from regml.files.git import ARGUMENTS_AT_ONCE, Listing, lies_in, nul_separated
from regml.files.repository import in_repository, run_git

RUN_LEFTOVERS = ("dvc.lock", "records")
"""What running stages changes by nature; it makes no work tree dirty."""

_DIFF = (
    "diff",
    "--no-ext-diff",
    "--no-textconv",
    "--no-renames",
    "--relative",
    "--ignore-submodules=none",  # whatever the settings, what differs is seen
    "--submodule=diff",
)
_TOLD = (
    *("--no-color", "--src-prefix=a/", "--dst-prefix=b/", "-O/dev/null"),
    *("--unified=3", "--inter-hunk-context=0", "--no-function-context"),
    *("--diff-algorithm=myers", "--indent-heuristic"),
    # names a binary file by the id of its content: its bytes would be compressed, and
    # not everywhere alike; ids are not to be cut, which git does as it likes
    "--full-index",
)
"""Has git tell a difference in the same words, whatever anybody's settings say."""


@dataclass(frozen=True, slots=True)
class TreeState:
    """How the work tree relates to its commit.

    Attributes:
        commit: ``None`` outside a repository or before the first commit.
        dirty: Tracked files that differ from the commit, see :func:`dirt`.
        diff_sha256: Digest of their difference; ``None`` when there is none.
    """

    commit: str | None
    dirty: tuple[str, ...]
    diff_sha256: str | None


def head_commit(root: Path) -> str | None:
    """Return the commit a work tree is at; ``None`` where there is none.

    Raises:
        ConfigError: git cannot be run here; says why.
    """
    if not in_repository(root):
        return None
    head = run_git(
        root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}", refusal=True
    )
    return head.decode().strip() or None


def changed_files(root: Path, listing: Listing, commit: str | None) -> tuple[str, ...]:
    """Return the tracked files that differ from a commit, sorted.

    Args:
        root: The project.
        listing: Its files.
        commit: What they are compared with; ``None`` before the first.

    Raises:
        ConfigError: git cannot be run here; says why.
    """
    if not in_repository(root):
        return ()
    with _whole_index(root, listing.passed_over) as index:
        return _changed(root, commit or _empty_tree(root), index)


def dirt(changed: Iterable[str], outs: Iterable[str]) -> tuple[str, ...]:
    """Return those of some changed files that running stages does not explain.

    Args:
        changed: Files that differ from the commit.
        outs: Outputs of all stages; a difference in them is no dirt, and neither is
            one in ``dvc.lock`` or ``records/``.
    """
    expected = {*RUN_LEFTOVERS, *outs}
    return tuple(path for path in changed if not lies_in(path, expected))


def tree_state(root: Path, listing: Listing, outs: Iterable[str]) -> TreeState:
    """Return the commit, the dirt, and what exactly is different.

    Args:
        root: The project.
        listing: Its files.
        outs: Outputs of all stages.

    Raises:
        ConfigError: git cannot be run here; says why.
    """
    if not in_repository(root):
        return TreeState(None, (), None)
    commit = head_commit(root)
    base = commit or _empty_tree(root)
    with _whole_index(root, listing.passed_over) as index:
        dirty = dirt(_changed(root, base, index), outs)
        difference = _difference(root, base, dirty, index) if dirty else None
    return TreeState(commit, dirty, difference)


@contextmanager
def _whole_index(root: Path, passed_over: Collection[str]) -> Iterator[Path | None]:
    """Give an index in which git passes over no file; ``None`` where its own is one.

    Raises:
        ConfigError: git cannot be run here; says why.
    """
    if not passed_over:
        yield None
        return
    own = os.fsdecode(run_git(root, "rev-parse", "--git-path", "index")).rstrip("\n")
    with TemporaryDirectory(prefix="regml-") as folder:
        index = Path(folder) / "index"
        shutil.copyfile(root / own, index)
        names = os.fsencode("\0".join(sorted(passed_over)))
        for flag in ("--no-assume-unchanged", "--no-skip-worktree"):
            run_git(
                root, "update-index", flag, "-z", "--stdin", index=index, given=names
            )
        yield index


def _empty_tree(root: Path) -> str:
    """Return the id of a tree without files, in the repository's own hash."""
    return run_git(root, "hash-object", "-t", "tree", os.devnull).decode().strip()


def _changed(root: Path, base: str, index: Path | None) -> tuple[str, ...]:
    told = run_git(root, *_DIFF, "--name-only", "-z", base, index=index)
    return tuple(sorted(nul_separated(told)))


def _difference(
    root: Path, base: str, paths: tuple[str, ...], index: Path | None
) -> str:
    digest = hashlib.sha256()
    for start in range(0, len(paths), ARGUMENTS_AT_ONCE):
        some = paths[start : start + ARGUMENTS_AT_ONCE]
        digest.update(run_git(root, *_DIFF, *_TOLD, base, "--", *some, index=index))
    return digest.hexdigest()
