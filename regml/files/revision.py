"""A project as a git revision holds it, read without a checkout.

A :class:`RevisionFile` answers as a path would, so that every reader works on it as it
works on the work tree. Bytes come from one ``git cat-file`` process per revision.
"""

import io
import os
import subprocess
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import IO, Any, Final

from regml.digest import Artifact, digest_bytes, folder_artifact
from regml.errors import ConfigError, UnknownIdError
from regml.files.git import LINK
from regml.files.history import is_shallow
from regml.files.repository import git_environment, in_repository, run_git

_FILE_MODES: Final = frozenset({"100644", "100755"})


@dataclass(frozen=True)
class _Objects:
    """All files of one revision by path, and the process that prints them."""

    commit: str
    files: Mapping[str, str]
    folders: Mapping[str, tuple[str, ...]]
    odd: Mapping[str, tuple[str, str]]
    process: "subprocess.Popen[bytes]" = field(repr=False)

    def content(self, path: str) -> bytes:
        return self.content_of(self.files[path], path)

    def content_of(self, name: str, path: str) -> bytes:
        assert self.process.stdin  # noqa: S101 - a pipe
        assert self.process.stdout  # noqa: S101 - a pipe
        self.process.stdin.write(name.encode() + b"\n")
        self.process.stdin.flush()
        header = self.process.stdout.readline().split()
        if len(header) != 3:
            raise OSError(f"git has no object for {path} in {self.commit[:12]}")
        content = self.process.stdout.read(int(header[2]))
        self.process.stdout.read(1)
        return content


class RevisionFile(Traversable):
    """A file or folder of a revision; ``/`` leads further down.

    Symbolic links and submodules are neither files nor folders here.
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
            path: os.fsdecode(objects.content_of(name, path)) if mode == LINK else name
            for path, (mode, name) in objects.odd.items()
        }

    def iterdir(self) -> Iterator["RevisionFile"]:
        """Give what lies directly in the folder, sorted by name."""
        for child in self._objects.folders.get(self._path, ()):
            yield self / child

    def is_file(self) -> bool:
        """Tell whether this is a regular file."""
        return self._path in self._objects.files

    def is_dir(self) -> bool:
        """Tell whether this is a folder with something in it."""
        return self._path in self._objects.folders

    def is_symlink(self) -> bool:
        """Tell whether this is a symbolic link or a submodule."""
        return self._path in self._objects.odd

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
        if not self.is_file():
            where = f"{self._path} in {self.commit[:12]}"
            raise FileNotFoundError(2, "No such file in the revision", where)
        return self._objects.content(self._path)

    def artifact(self, path: str) -> Artifact:
        """Return file or folder by its content, as it would be read from disk.

        Raises:
            FileNotFoundError: The revision has neither.
        """
        place = self / path
        if place.is_file():
            return digest_bytes(place.read_bytes(), name=path)
        names = sorted(place.names())
        return folder_artifact(
            path,
            [
                digest_bytes((self / n).read_bytes(), name=n.removeprefix(f"{path}/"))
                for n in names
            ],
        )

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
    if not commit or revision.startswith("-"):
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
    objects = _Objects(commit, files, _folders(files), odd, process)
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


def _folders(files: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
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
