"""What lies on disk at the paths of a stage, as DVC sees it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from regml.digest import Artifact, digest_file, digest_files, folder_artifact
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
    folders = [path for path in wanted if (root / path).is_dir()]
    hidden = ignored_by_dvc(root, folders)
    return tuple(
        _folder(root, path, hidden) if path in folders else _file(root, path)
        for path in wanted
    )


def _file(root: Path, path: str) -> Content:
    return Content(digest_file(root / path, name=path), (path,))


def _folder(root: Path, path: str, hidden: frozenset[str]) -> Content:
    members = [
        file
        for file in digest_files(root / path)
        if f"{path}/{file.path}" not in hidden
    ]
    return Content(
        folder_artifact(path, members), tuple(f"{path}/{file.path}" for file in members)
    )
