"""Files as they once were: found in git by their digest, not by their age."""

import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from regml.digest import sha256_of
from regml.errors import ConfigError
from regml.files.git import lies_in
from regml.files.history import is_shallow
from regml.files.repository import in_repository, run_git


@dataclass(frozen=True, slots=True)
class FileChange:
    """How many lines of one file differ between two commits.

    Attributes:
        path: Relative to the project.
        added: Lines; ``None`` for a file that is no text.
        removed: Likewise.
    """

    path: str
    added: int | None
    removed: int | None


@dataclass(frozen=True, slots=True)
class CodeChange:
    """What git knows about the way from one commit to another.

    Attributes:
        commits: Id and subject of those that only the later side has, newest first.
        left: Id and subject of those that only the earlier side has.
        files: Controlled files that differ, by path.
        unknown: Commits that git does not know; then the rest is empty.
    """

    commits: tuple[tuple[str, str], ...] = ()
    left: tuple[tuple[str, str], ...] = ()
    files: tuple[FileChange, ...] = ()
    unknown: tuple[str, ...] = ()


def content_with_digest(
    root: Path, path: str, sha256: str, *, until: str | None = None
) -> bytes | None:
    """Return what a file held when it had a digest, in any commit of any branch.

    Every content that git ever stored at the path is looked at; git's own ids are not
    trusted, the bytes are hashed.

    Args:
        root: The project.
        path: Of the file, relative to the project.
        sha256: Of the content that is wanted.
        until: Only look at this commit and those it builds on.

    Returns:
        The bytes; ``None`` where no commit that is here holds them.
    """
    if not in_repository(root):
        return None
    for content in _contents(root, _blobs(root, path, until)):
        if sha256_of(content) == sha256:
            return content
    return None


def is_cut_off(root: Path) -> bool:
    """Tell whether git has only the end of the history here."""
    return in_repository(root) and is_shallow(root)


def code_change(
    root: Path, before: str, after: str, places: Iterable[str]
) -> CodeChange:
    """Return commits and changed files between two commits.

    Args:
        root: The project.
        before: Earlier commit, in full.
        after: Later commit, in full.
        places: Files and folders that count.
    """
    if not in_repository(root):
        return CodeChange(unknown=tuple(dict.fromkeys((before, after))))
    unknown = tuple(c for c in dict.fromkeys((before, after)) if not _known(root, c))
    if unknown:
        return CodeChange(unknown=unknown)
    wanted = frozenset(place.rstrip("/") for place in places)
    return CodeChange(
        commits=_subjects(root, after, before),
        left=_subjects(root, before, after),
        files=tuple(
            c for c in _numbers(root, before, after) if lies_in(c.path, wanted)
        ),
    )


def _blobs(root: Path, path: str, until: str | None) -> tuple[str, ...]:
    """Return the ids of all that git stored at a path, newest first."""
    span = (until,) if until else ("--all", "HEAD")
    told = run_git(
        root,
        *("log", *span, "--full-history", "--diff-merges=separate"),
        *("--raw", "--no-abbrev", "--no-renames", "--format=", "-z", "--", path),
    ).decode("utf-8", "surrogateescape")
    found: dict[str, None] = {}
    for row in told.split("\0"):
        parts = row.strip("\n").split(" ")
        if row.lstrip("\n").startswith(":") and len(parts) == 5:
            found[parts[3]] = None
            found[parts[2]] = None  # a shallow history begins in its middle
    return tuple(name for name in found if name.strip("0"))


def _contents(root: Path, blobs: tuple[str, ...]) -> Iterator[bytes]:
    if not blobs:
        return
    process = subprocess.Popen(
        ["git", "cat-file", "--batch"],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with process:
        assert process.stdin  # noqa: S101 - a pipe
        assert process.stdout  # noqa: S101 - a pipe
        for blob in blobs:
            process.stdin.write(blob.encode() + b"\n")
            process.stdin.flush()
            header = process.stdout.readline().split()
            if len(header) != 3:
                continue  # a partial clone has not fetched it
            content = process.stdout.read(int(header[2]))
            process.stdout.read(1)
            if header[1] == b"blob":
                yield content


def _known(root: Path, commit: str) -> bool:
    try:
        kind = run_git(root, "cat-file", "-t", commit)
    except ConfigError:
        return False
    return kind.strip() == b"commit"


def _subjects(root: Path, of: str, without: str) -> tuple[tuple[str, str], ...]:
    span = (of, f"^{without}")
    told = run_git(
        root, "log", "-z", "--no-show-signature", "--format=%H %s", *span, "--", "."
    )
    rows = (row.partition(" ") for row in told.decode(errors="replace").split("\0"))
    return tuple((sha, subject) for sha, _, subject in rows if sha)


def _numbers(root: Path, before: str, after: str) -> Iterator[FileChange]:
    told = run_git(
        root,
        *("diff", "--numstat", "--no-renames", "--no-ext-diff", "--no-textconv"),
        *("--relative", "-z", before, after, "--"),
    ).decode("utf-8", "surrogateescape")
    for row in sorted(told.split("\0"), key=lambda row: row.rpartition("\t")[2]):
        if row:
            added, removed, path = row.split("\t", 2)
            yield FileChange(path, _lines(added), _lines(removed))


def _lines(number: str) -> int | None:
    return None if number == "-" else int(number)
