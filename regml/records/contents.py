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
        hidden: Files that lie there as well and ``.dvcignore`` hides: no part of the
            digests, and yet whoever reads the folder may read them.
    """

    artifact: Artifact
    files: tuple[str, ...]
    hidden: tuple[str, ...] = ()


def read_contents(root: Path, paths: Iterable[str]) -> tuple[Content, ...]:
    """Hash files and folders without what ``.dvcignore`` hides, in the given order.

    Raises:
        OSError: Something does not exist or cannot be read; names the file.
    """
    wanted = tuple(paths)
    folders = {path for path in wanted if (root / path).is_dir()}
    found = [_files(root, path) for path in wanted]
    hidden = ignored_by_dvc(root, folders, (file for each in found for file, _ in each))
    files = [[pair for pair in each if pair[0] not in hidden] for each in found]
    # those of all paths at once, so that no core waits at the end of each
    top = os.fspath(root)
    digests = iter(
        digest_each([(join(top, file), name) for each in files for file, name in each])
    )
    return tuple(
        _content(
            path,
            each,
            tuple(islice(digests, len(each))),
            tuple(file for file, _ in every if file in hidden),
        )
        for path, each, every in zip(wanted, files, found, strict=True)
    )


def _files(root: Path, path: str) -> list[tuple[str, str]]:
    """Return each file at a path, relative to the project, with its artifact's path."""
    if not (root / path).is_dir():
        return [(path, path)]
    return [(f"{path}/{name}", name) for name in names_below(root / path)]


def _content(
    path: str,
    files: list[tuple[str, str]],
    digests: tuple[Artifact, ...],
    hidden: tuple[str, ...],
) -> Content:
    places = tuple(file for file, _ in files)
    whole = digests[0] if places == (path,) else folder_artifact(path, digests)
    return Content(whole, places, hidden)
