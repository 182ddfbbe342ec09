"""Where a project is read from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from regml.digest import Artifact
from regml.records.contents import read_contents

if TYPE_CHECKING:
    from regml.files.revision import RevisionFile


@dataclass(frozen=True)
class Look:
    """Where a project is read from, and what git says of that place.

    Attributes:
        root: Its folder.
        files: Its content: the folder itself, or what a revision holds of it.
        commit: That is read, or that the work tree is at; ``None`` before the first.
        changed: Tracked files of the work tree that differ from it, sorted.
        names: Every file, tracked or not ignored.
        pointers: Symbolic links and submodules, with what they stand for.
    """

    root: Path
    files: "Path | RevisionFile"
    commit: str | None
    changed: tuple[str, ...]
    names: frozenset[str]
    pointers: Mapping[str, str | None]

    def digests(self, paths: Iterable[str]) -> dict[str, Artifact]:
        """Return the content of those files and folders that are there."""
        there = [
            path
            for path in paths
            if (self.files / path).is_file() or (self.files / path).is_dir()
        ]
        if isinstance(self.files, Path):
            contents = read_contents(self.files, there)
            return {path: c.artifact for path, c in zip(there, contents, strict=True)}
        return {path: self.files.artifact(path) for path in there}
