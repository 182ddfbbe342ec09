"""A project as a git revision holds it, read without a checkout.

A :class:`RevisionFile` answers as a path would, so that every reader works on it as it
works on the work tree. Bytes come from one ``git cat-file`` process per revision.
"""

import errno
import io
import os
import posixpath
import re
import subprocess
import weakref
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import IO, Any, Final

from regml.digest import Artifact, digest_bytes, folder_artifact
from regml.errors import ConfigError, UnknownIdError
from regml.files.git import LINK, SUBMODULE
from regml.files.history import is_shallow
from regml.files.repository import git_environment, in_repository, run_git

_FILE_MODES: Final = frozenset({"100644", "100755"})

_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
"""The id of one commit; for a range, git answers with several."""

_LINKS_AT_MOST: Final = 40
"""How many links a path may lead over, as on Linux; more lead in a circle."""


@dataclass(frozen=True)
class _Objects:
    """All files of one revision by path, and the process that prints them."""

    commit: str
    files: Mapping[str, str]
    folders: Mapping[str, tuple[str, ...]]
    odd: Mapping[str, tuple[str, str]]
    process: "subprocess.Popen[bytes]" = field(repr=False)

    @cached_property
    def links(self) -> Mapping[str, str]:
        """What each symbolic link leads to, as it is written down."""
        return {
            path: os.fsdecode(self.content_of(name, path))
            for path, (mode, name) in self.odd.items()
            if mode == LINK
        }

    def follow(self, path: str) -> str | None:
        """Return what a path leads to over links; ``None`` for out of the project."""
        if not self.links:
            return path
        for _ in range(_LINKS_AT_MOST):
            ends = [end for end, mark in enumerate(path) if mark == "/"]
            link = next((path[:e] for e in (*ends, None) if path[:e] in self.links), "")
            if not link:
                return path
            led = posixpath.join(posixpath.dirname(link), self.links[link])
            path = posixpath.normpath(led + path[len(link) :])
            if path.startswith(("/", "../")) or path == "..":
                return None
            path = "" if path == "." else path
        return None

    def content(self, path: str) -> bytes:
        return self.content_of(self.files[path], path)

    def content_of(self, name: str, path: str) -> bytes:
        assert self.process.stdin  # noqa: S101 - a pipe
        assert self.process.stdout  # noqa: S101 - a pipe
        self.process.stdin.write(name.encode() + b"\n")
        self.process.stdin.flush()
        header = self.process.stdout.readline().split()
        if len(header) != 3:
            why = "git has not got its content here: git fetch, or see git fsck"
            raise OSError(errno.EIO, why, f"{path} in {self.commit[:12]}")
        content = self.process.stdout.read(int(header[2]))
        self.process.stdout.read(1)
        return content


class RevisionFile(Traversable):
    """A file or folder of a revision; ``/`` leads further down.

    Symbolic links are followed within the project, as on disk. What a submodule holds
    is in another repository: it is neither file nor folder here.
    """

    def __init__(self, objects: _Objects, path: str = "") -> None:
        self._objects = objects
        self._path = path

    @property
    def commit(self) -> str:
        """The commit that was asked for, in full."""
        return self._objects.commit

    @property
    def name(self) -> str:
        """Last part of the path."""
        return self._path.rpartition("/")[2]

    def names(self) -> frozenset[str]:
        """Return the path of every file below, relative to the project."""
        start = f"{self._path}/" if self._path else ""
        return frozenset(p for p in self._objects.files if p.startswith(start))

    def pointers(self) -> dict[str, str | None]:
        """Return symbolic links with their target and submodules with their commit."""
        objects = self._objects
        return {
            path: objects.links.get(path, name)
            for path, (_, name) in objects.odd.items()
        }

    def iterdir(self) -> Iterator["RevisionFile"]:
        """Give what lies directly in the folder, sorted by name."""
        place = self._place
        for child in () if place is None else self._objects.folders.get(place, ()):
            yield self / child

    def is_file(self) -> bool:
        """Tell whether this is a regular file, or a link to one."""
        return self._place in self._objects.files

    def is_dir(self) -> bool:
        """Tell whether this is a folder with something in it, or a link to one."""
        return self._place in self._objects.folders

    def is_symlink(self) -> bool:
        """Tell whether this is a symbolic link."""
        return self._path in self._objects.links

    def is_submodule(self) -> bool:
        """Tell whether this is another repository, of which ours names a commit."""
        return self._objects.odd.get(self._path, ("",))[0] == SUBMODULE

    @property
    def _place(self) -> str | None:
        """Where its content is."""
        return self._objects.follow(self._path)

    def joinpath(self, *descendants: Any) -> "RevisionFile":
        """Return what lies further down."""
        parts = [self._path, *(str(part) for part in descendants)]
        joined = "/".join(part.strip("/") for part in parts if part.strip("/"))
        return RevisionFile(self._objects, joined)

    def __truediv__(self, child: Any) -> "RevisionFile":
        return self.joinpath(child)

    def read_bytes(self) -> bytes:
        """Return the content.

        Raises:
            FileNotFoundError: There is no such file in the revision.
        """
        place = self._place
        if place is None or place not in self._objects.files:
            where = f"{self._path} in {self.commit[:12]}"
            raise FileNotFoundError(2, "No such file in the revision", where)
        return self._objects.content(place)

    def artifact(self, path: str) -> Artifact:
        """Return file or folder by its content, as it would be read from disk.

        Raises:
            FileNotFoundError: The revision has neither.
        """
        place = self / path
        if place.is_file():
            return digest_bytes(place.read_bytes(), name=path)
        names = sorted(place._walk())
        return folder_artifact(
            path, [digest_bytes((place / n).read_bytes(), name=n) for n in names]
        )

    def _walk(self, start: str = "") -> Iterator[str]:
        """Give the path of every file at any depth, also over links."""
        for entry in self.iterdir():
            name = f"{start}{entry.name}"
            if entry.is_dir():
                yield from entry._walk(f"{name}/")
            elif entry.is_file():
                yield name

    def read_text(self, encoding: str | None = None, errors: str | None = None) -> str:
        """Return the content as text, UTF-8 unless said otherwise."""
        return self.read_bytes().decode(encoding or "utf-8", errors or "strict")

    def open(self, mode: str = "r", *args: Any, **kwargs: Any) -> IO[Any]:
        """Open the content for reading."""
        stream = io.BytesIO(self.read_bytes())
        return stream if "b" in mode else io.TextIOWrapper(stream, *args, **kwargs)

    def __str__(self) -> str:
        return f"{self.commit[:12]}:{self._path}"


def open_revision(root: Path, revision: str) -> RevisionFile:
    """Return the project folder as a revision holds it.

    Args:
        root: The project, in a git repository.
        revision: Anything git can resolve to a commit.

    Raises:
        ConfigError: The project is in no repository.
        UnknownIdError: git does not know the revision.
    """
    if not in_repository(root):
        raise ConfigError(f"{root}: is in no git repository, so it has no revisions.")
    name = f"{revision}^{{commit}}"
    found = run_git(root, "rev-parse", "--verify", "--quiet", name, refusal=True)
    commit = found.decode().strip()
    if not _COMMIT.fullmatch(commit) or revision.startswith("-"):
        raise UnknownIdError(
            f"{revision!r} is no revision of this repository. "
            + (
                "This clone has only the newest part of the history: "
                "git fetch --unshallow --tags."
                if is_shallow(root)
                else "'git log --oneline' and 'git tag' show what there is."
            )
        )
    files, odd = _listing(run_git(root, "ls-tree", "-r", "-z", commit))
    process = subprocess.Popen(
        ["git", "cat-file", "--batch"],
        cwd=root,
        env=git_environment(root),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    objects = _Objects(commit, files, _folders([*files, *odd]), odd, process)
    folder = RevisionFile(objects)
    weakref.finalize(objects, _stop, process)
    return folder


def _listing(output: bytes) -> tuple[dict[str, str], dict[str, tuple[str, str]]]:
    files: dict[str, str] = {}
    odd = {}
    for row in output.split(b"\0"):
        if not row:
            continue
        facts, _, path = row.partition(b"\t")
        mode, _, name = facts.decode().split()
        if mode in _FILE_MODES:
            files[os.fsdecode(path)] = name
        else:
            odd[os.fsdecode(path)] = (mode, name)
    return files, odd


def _folders(files: Iterable[str]) -> dict[str, tuple[str, ...]]:
    children: dict[str, set[str]] = {"": set()}
    for path in files:
        parent, _, name = path.rpartition("/")
        children.setdefault(parent, set()).add(name)
        while parent:
            parent, _, name = parent.rpartition("/")
            beside = children.setdefault(parent, set())
            if name in beside:
                break
            beside.add(name)
    return {folder: tuple(sorted(names)) for folder, names in children.items()}


def _stop(process: "subprocess.Popen[bytes]") -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()
    process.wait()
