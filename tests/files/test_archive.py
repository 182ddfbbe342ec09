"""Where the artifacts of a release can still be had."""

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from regml.digest import Artifact, sha256_of
from regml.files.archive import find_kept
from regml.files.dvc_cache import cache_objects, object_path
from tests.factories import record, release


def artifact(path: str, content: bytes, md5: str = "") -> Artifact:
    own = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return Artifact(path, sha256_of(content), md5 or own, len(content))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "device.py").write_bytes(b"code")
    for command in (
        ["init", "-q"],
        ["add", "--all"],
        ["-c", "user.name=A", "-c", "user.email=a@b", "commit", "-q", "-m", "x"],
    ):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return tmp_path


def head(root: Path) -> str:
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=root, check=True, capture_output=True
    )
    return done.stdout.decode().strip()


def kept(root: Path, *artifacts: Artifact, commit: str = "") -> dict[str, str]:
    released = release(artifacts=artifacts, commit=commit or head(root))
    return find_kept(root, [record(released)])


def test_git_keeps_what_is_in_the_released_commit(root: Path) -> None:
    code = artifact("device.py", b"code")
    (root / "device.py").write_bytes(b"newer")
    assert kept(root, code) == {code.sha256: f"commit {head(root)[:12]}"}
    assert kept(root, artifact("device.py", b"other")) == {}
    assert kept(root, code, commit="5" * 40) == {}


def test_the_cache_keeps_files_and_whole_folders(root: Path) -> None:
    weights, part = artifact("w", b"weights"), artifact("d/a", b"part")
    listing = json.dumps([{"md5": part.md5, "relpath": "a"}]).encode()
    folder = artifact("d", listing, artifact("", listing).md5 + ".dir")
    for name, content in ((weights.md5, b"weights"), (folder.md5, listing)):
        path = object_path(cache_objects(root), name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert kept(root, weights, folder) == {weights.sha256: "cache of DVC"}
    path = object_path(cache_objects(root), part.md5)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"part")
    assert set(kept(root, weights, folder)) == {weights.sha256, folder.sha256}
