"""The bytes of now, on disk and in DVC's cache, held against recorded digests."""

import json
from collections.abc import Iterator
from pathlib import Path

from regml.digest import Artifact, digest_each, digest_file, folder_artifact, sha256_of
from regml.files.dvc_cache import cache_objects, object_path
from regml.records.contents import read_contents

FEW = 5
"""How many files of a folder are named one by one."""

TEXT_BYTES = 16 << 20
"""No text that people read is larger; its line ends are not looked at."""


def difference(root: Path, artifact: Artifact) -> str | None:
    """Say in which way a file or folder is not the recorded one, or ``None``.

    Of a folder the single files are named where DVC's cache still knows them.

    Raises:
        OSError: Something cannot be read.
    """
    content = read_contents(root, [artifact.path])[0]
    now = content.artifact
    if now.sha256 == artifact.sha256:
        return None
    told = f"{_size(now)} (sha256 {now.sha256[:12]}) instead of {_size(artifact)} "
    told += f"({artifact.sha256[:12]})"
    if now.size_bytes == artifact.size_bytes:
        told += ", same size"
    elif _only_line_ends(root, artifact):
        told += ", its line ends alone: git rewrote them; see 'regml doctor'"
    if named := list(_members(root, artifact, content.files)):
        more = f" and {len(named) - FEW} more" if len(named) > FEW else ""
        told += f": {', '.join(named[:FEW])}{more}"
    return told


def _only_line_ends(root: Path, artifact: Artifact) -> bool:
    """Tell whether a file is the recorded one but for the line ends of Windows."""
    path = root / artifact.path
    if artifact.size_bytes > TEXT_BYTES or not path.is_file():
        return False
    if path.stat().st_size > 2 * artifact.size_bytes:
        return False
    return sha256_of(path.read_bytes().replace(b"\r\n", b"\n")) == artifact.sha256


def cached(root: Path, artifact: Artifact) -> Artifact | None:
    """Return what DVC's cache holds for an artifact, by its bytes; ``None`` if nothing.

    Raises:
        OSError: Something cannot be read.
    """
    objects = cache_objects(root)
    if not artifact.md5.endswith(".dir"):
        path = object_path(objects, artifact.md5)
        return digest_file(path, name=artifact.path) if path.is_file() else None
    rows = _listing(objects, artifact.md5)
    if rows is None:
        return None
    places = {name: object_path(objects, md5) for name, md5 in rows.items()}
    if not all(place.is_file() for place in places.values()):
        return None
    files = [(str(place), name) for name, place in places.items()]
    return folder_artifact(artifact.path, digest_each(files))


def _members(root: Path, artifact: Artifact, files: tuple[str, ...]) -> Iterator[str]:
    if not artifact.md5.endswith(".dir"):
        return
    listed = _listing(cache_objects(root), artifact.md5)
    if listed is None:
        return
    names = {name.removeprefix(f"{artifact.path}/"): name for name in files}
    for name in sorted({*names, *listed}):
        if name not in names:
            yield f"{name} is gone"
        elif name not in listed:
            yield f"{name} is new"
        else:
            now = digest_file(root / names[name], name=name)
            if now.md5 != listed[name]:
                yield f"{name} differs ({now.size_bytes:,} bytes)"


def _listing(objects: Path, md5: str) -> dict[str, str] | None:
    """Return the md5 of each file of a folder, if the cache has the true listing."""
    path = object_path(objects, md5)
    if not path.is_file() or digest_file(path, name="").md5 != md5[: -len(".dir")]:
        return None
    return {row["relpath"]: row["md5"] for row in json.loads(path.read_bytes())}


def _size(artifact: Artifact) -> str:
    files = f" in {artifact.files:,} files" if artifact.md5.endswith(".dir") else ""
    return f"{artifact.size_bytes:,} bytes{files}"
