"""Where the artifacts of a release can still be had: git, or the cache of DVC."""

import json
from collections.abc import Iterable
from pathlib import Path

from regml.digest import Artifact
from regml.errors import UnknownIdError
from regml.files.dvc_cache import cache_objects, object_path
from regml.files.revision import RevisionFile, open_revision
from regml.items.recorded import Record, Release


def find_kept(root: Path, records: Iterable[Record]) -> dict[str, str]:
    """Return where each artifact of a release can be had, by its sha256.

    What is in neither place is left out. That a file in the cache has the right bytes
    is for ``regml verify`` to say.

    Args:
        root: The project, in its work tree.
        records: Those of the log.
    """
    found: dict[str, str] = {}
    for record in records:
        if isinstance(record.statement, Release):
            release = record.statement
            found |= kept_of(root, release.commit, release.artifacts)
    return found


def kept_of(root: Path, commit: str, artifacts: Iterable[Artifact]) -> dict[str, str]:
    """Return where each of some artifacts can be had, by its sha256.

    Args:
        root: The project, in its work tree.
        commit: That may hold them.
        artifacts: What is looked for, by content and not by name.
    """
    revision, objects = _revision(root, commit), cache_objects(root)
    places = ((a.sha256, _place(objects, revision, a)) for a in artifacts)
    return {sha256: place for sha256, place in places if place}


def _revision(root: Path, commit: str) -> RevisionFile | None:
    try:
        return open_revision(root, commit)
    except UnknownIdError:
        return None


def _place(
    objects: Path, revision: RevisionFile | None, artifact: Artifact
) -> str | None:
    if revision is not None:
        there = revision / artifact.path
        if there.is_file() or there.is_dir():
            same = revision.artifact(artifact.path).sha256 == artifact.sha256
            if same:
                return f"commit {revision.commit[:12]}"
    return "cache of DVC" if _is_cached(objects, artifact.md5) else None


def _is_cached(objects: Path, md5: str) -> bool:
    path = object_path(objects, md5)
    if not md5.endswith(".dir"):
        return path.is_file()
    try:
        rows = json.loads(path.read_bytes())
        return all(_is_cached(objects, row["md5"]) for row in rows)
    except (OSError, ValueError, TypeError, KeyError):
        return False
