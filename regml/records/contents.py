"""What lies on disk at the paths of a stage, as DVC sees it."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from posixpath import join

from regml.digest import Artifact, digest_each, folder_artifact, names_below
from regml.files.git import ignored_by_dvc


@dataclass(frozen=True, slots=True)
class Content:
    """One path by its content.

    Attributes:
        artifact: Its digests.
        files: Every file it consists of, relative to the project.
    """

    artifact: Artifact
    files: tuple[str, ...]


def read_contents(root: Path, paths: Iterable[str]) -> tuple[Content, ...]:
    """Hash files and folders without what ``.dvcignore`` hides, in the given order.

    Raises:
        OSError: Something does not exist or cannot be read; names the file.
    """
    wanted = tuple(paths)
    folders = {path for path in wanted if (root / path).is_dir()}
    hidden = ignored_by_dvc(root, folders)
    files = [_files(root, path, hidden) for path in wanted]
    # those of all paths at once, so that no core waits at the end of each
    top = os.fspath(root)
    digests = iter(
        digest_each([(join(top, file), name) for each in files for file, name in each])
    )
    return tuple(
        _content(path, each, tuple(islice(digests, len(each))))
        for path, each in zip(wanted, files, strict=True)
    )


def _files(root: Path, path: str, hidden: frozenset[str]) -> list[tuple[str, str]]:
    """Return each file at a path, relative to the project, with its artifact's path."""
    if not (root / path).is_dir():
        return [(path, path)]
    below = [(f"{path}/{name}", name) for name in names_below(root / path)]
    return [(file, name) for file, name in below if file not in hidden]


def _content(
    path: str, files: list[tuple[str, str]], digests: tuple[Artifact, ...]
) -> Content:
    places = tuple(file for file, _ in files)
    whole = digests[0] if places == (path,) else folder_artifact(path, digests)
    return Content(whole, places)
