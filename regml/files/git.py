"""What git knows of a work tree, asked with as few ``git`` processes as possible.

All paths are relative to the project, POSIX, whatever the locale: git is asked for
NUL-separated output. A project outside any repository has no commit; everything else
that keeps git from answering is an error, never a silent "no commit".
"""

import os
import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from regml.digest import fingerprint, sha256_of
from regml.files.repository import in_repository, repository_of, run_git

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

ARGUMENTS_AT_ONCE = 500
"""How many paths one git process is given."""

DVCIGNORE = ".dvcignore"
"""Tells DVC, folder by folder, which files it does not see."""

LINK, SUBMODULE = "120000", "160000"
"""Modes git gives what is no file: a symbolic link, another repository's commit."""


_LIST = ("ls-files", "-z", "-v", "-s", "--exclude-standard", "-c", "-o")


@dataclass(frozen=True, slots=True)
class Listing:
    """The files git sees in a work tree.

    Attributes:
        tracked: Files in the index; a deleted one stays listed.
        untracked: Files on disk, neither tracked nor ignored.
        gone: Those of the tracked files that are not on disk.
        links: Symbolic links, with what each leads to as it is written down.
        submodules: Folders that are repositories of their own, with the commit that
            ours names; ``None`` where ours knows nothing of it.
        passed_over: Files that git does not compare with what is on disk, because
            ``update-index --assume-unchanged`` or ``--skip-worktree`` or a sparse
            checkout told it so.
    """

    tracked: frozenset[str]
    untracked: frozenset[str]
    gone: frozenset[str] = frozenset()
    links: Mapping[str, str] = field(default_factory=dict)
    submodules: Mapping[str, str | None] = field(default_factory=dict)
    passed_over: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        """The files that exist and that git tracks or would offer to track."""
        return (self.tracked | self.untracked) - self.gone

    @property
    def pointers(self) -> dict[str, str | None]:
        """What is no file, with what it stands for."""
        return {**self.links, **self.submodules}


def list_files(root: Path) -> Listing:
    """Return the tracked and the untracked files of a project.

    Outside a repository every file counts as untracked, except hidden ones and
    what Python compiles.

    Raises:
        ConfigError: git cannot be run here; says why.
    """
    if not in_repository(root):
        return Listing(frozenset(), frozenset(_walk(root)))
    tracked: set[str] = set()
    untracked: set[str] = set()
    gone: set[str] = set()
    links: dict[str, str] = {}
    submodules: dict[str, str | None] = {}
    passed_over: set[str] = set()
    top = os.fspath(root)
    # -d lists the deleted ones a second time, so that no file is looked at but by git
    for row in nul_separated(run_git(root, *_LIST, "-d")):
        facts, tab, path = row.partition("\t")
        if not tab or facts.startswith("? "):
            path = row[2:]
            if path.endswith("/"):
                submodules[path[:-1]] = None
            elif os.path.islink(f"{top}/{path}"):  # noqa: PTH114 - of thousands
                links[path] = _target(root / path)
            else:
                untracked.add(path)
            continue
        state, mode, name, _ = facts.split()
        if state == "S" or state.islower():
            passed_over.add(path)
        if mode == SUBMODULE:
            submodules[path] = name
        elif mode == LINK:
            links[path] = _target(root / path)
        else:
            tracked.add(path)
            # a sparse checkout leaves files out, and git does not call them deleted
            left_out = state in "Ss" and not os.path.lexists(f"{top}/{path}")
            if left_out or state in "Rr":
                gone.add(path)
    return Listing(
        frozenset(tracked),
        frozenset(untracked),
        frozenset(gone),
        links,
        submodules,
        frozenset(passed_over),
    )


def code_digest(
    root: "Traversable",
    paths: Iterable[str],
    names: Iterable[str],
    pointers: Mapping[str, str | None],
) -> str:
    """Return one digest of all files at or below some paths.

    A symbolic link counts by what it leads to: as text, and by the content of the
    project's own files there. A submodule counts by its commit.

    Args:
        root: The project, in the work tree or at a revision.
        paths: Files and folders; those that do not exist add nothing.
        names: Every file of the project, tracked or not ignored.
        pointers: Its symbolic links and submodules.

    Raises:
        OSError: A file cannot be read.
    """
    places = tuple(paths)
    followed = {name: pointers[name] for name in files_below(pointers, places)}
    places += tuple(filter(None, (_led_to(n, to) for n, to in followed.items())))
    there = [n for n in files_below(names, places) if (root / n).is_file()]
    contents = {name: (root / name).read_bytes() for name in there}
    for name in _rewritten(root, [n for n in there if b"\r\n" in contents[n]]):
        contents[name] = contents[name].replace(b"\r\n", b"\n")
    digests = {name: sha256_of(content) for name, content in contents.items()}
    return fingerprint({**digests, **followed})


def files_below(names: Iterable[str], places: Iterable[str]) -> list[str]:
    """Return those of some files that lie at or below some places, sorted."""
    wanted = {place.rstrip("/") for place in places}
    below = tuple(f"{place}/" for place in wanted)
    return sorted(n for n in names if n in wanted or n.startswith(below))


def commit_seconds(root: Path, commit: str) -> int:
    """Return when a commit was made, in seconds since 1970 UTC.

    Raises:
        ConfigError: git does not know the commit.
    """
    return int(run_git(root, "show", "-s", "--format=%ct", commit, "--"))


def ignored_by_dvc(
    root: Path, folders: Collection[str], files: Iterable[str]
) -> frozenset[str]:
    """Return the files below some folders that ``.dvcignore`` hides from DVC.

    git reads the patterns, which have its own syntax, and is asked only where there is
    one: what ``dvc init`` writes are comments. Needs a repository; outside one nothing
    is ignored.
    """
    if not folders or not (root / DVCIGNORE).is_file() or not in_repository(root):
        return frozenset()
    if not any(map(_has_patterns, _ignoring(root, folders, files))):
        return frozenset()
    which = ("-i", "-c", "-o", f"--exclude-per-directory={DVCIGNORE}")
    found = run_git(root, "ls-files", "-z", *which, "--", *sorted(folders))
    return frozenset(nul_separated(found))


def lies_in(path: str, places: Collection[str]) -> bool:
    """Tell whether a POSIX path is one of some places or lies below one."""
    if path in places:
        return True
    return any(path[:end] in places for end, mark in enumerate(path) if mark == "/")


def _ignoring(
    root: Path, folders: Iterable[str], files: Iterable[str]
) -> Iterator[Path]:
    """Give every place of a ``.dvcignore`` that speaks about what is below folders."""
    top = repository_of(root)
    for above in (root, *root.parents):
        yield above / DVCIGNORE
        if above == top:
            break
    for folder in map(PurePosixPath, folders):
        for place in (folder, *folder.parents):
            yield root / place / DVCIGNORE
    yield from (root / file for file in files if file.endswith(f"/{DVCIGNORE}"))


def _has_patterns(file: Path) -> bool:
    """Tell whether a file has a line that is neither empty nor a comment."""
    try:
        lines = file.read_bytes().splitlines()
    except FileNotFoundError:
        return False
    except OSError:
        return True  # git says what is wrong with it
    return any(line.strip() and not line.startswith(b"#") for line in lines)


def _target(link: Path) -> str:
    try:
        return link.readlink().as_posix()
    except OSError:
        return ""  # gone, or no link any more: git sees that difference


def _led_to(name: str, target: str | None) -> str:
    """Return the path in the project that a link leads to."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), target or ""))


def _rewritten(root: "Traversable", names: list[str]) -> list[str]:
    """Return those files whose line ends git writes otherwise than it keeps them."""
    if not names or not isinstance(root, Path) or not in_repository(root):
        return []
    rows = nul_separated(run_git(root, "ls-files", "-z", "--eol", "--", *names))
    return [row.partition("\t")[2] for row in rows if row.startswith("i/lf ")]


def nul_separated(output: bytes) -> list[str]:
    """Return the paths that git prints with ``-z``."""
    return [os.fsdecode(path) for path in output.split(b"\0") if path]


def _walk(root: Path) -> list[str]:
    found = []
    for base, folders, files in os.walk(root):
        folders[:] = [
            name for name in folders if name[0] != "." and name != "__pycache__"
        ]
        found += [
            Path(base, name).relative_to(root).as_posix()
            for name in files
            if name[0] != "."
        ]
    return found
