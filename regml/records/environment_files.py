"""Environments, each written once: a record names the one it was made in by digest.

An environment tells of some hundred packages and is the same in run after run. It lies
as canonical JSON in ``records/environments/<sha256>.json``, so that equal environments
are one file, branches merge, and the signature under a record covers it: whoever has
the record only needs ``sha256sum``.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regml.digest import canonical_json, sha256_of
from regml.errors import LostEnvironmentError, RecordError
from regml.records.storage import FOLDER, write_whole

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

ENVIRONMENTS = f"{FOLDER}/environments"

Json = dict[str, Any]
Resolver = Callable[[str], Mapping[str, Any]]
"""Gives the environment that has a digest."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"(?:.*[^0-9a-f])?[0-9a-f]{64}\.json")


def environment_content(environment: Mapping[str, Any]) -> bytes:
    """Return the file of an environment: canonical JSON and an end of line."""
    return canonical_json(dict(environment)) + b"\n"


def environment_path(sha256: str) -> str:
    """Return where the environment with a digest lies, relative to the project."""
    return f"{ENVIRONMENTS}/{sha256}.json"


def environment_row(environment: Mapping[str, Any]) -> Json:
    """Return the in-toto resource descriptor by which a statement names it."""
    sha256 = sha256_of(environment_content(environment))
    return {
        "name": environment_path(sha256),
        "digest": {"sha256": sha256},
        "mediaType": "application/json",
    }


def named_environment(row: Json) -> str:
    """Return the digest that a descriptor names.

    Raises:
        ValueError: It names no digest, or a file that does not go with it.
    """
    sha256: str = row["digest"]["sha256"]
    if not _DIGEST.fullmatch(sha256) or row["name"] != environment_path(sha256):
        raise ValueError(f"its environment is named {row['name']!r}")
    return sha256


def read_environment(content: bytes, *, name: str) -> Json:
    """Return the environment that a file holds.

    Raises:
        RecordError: It is no JSON object.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{name}: is no environment in JSON ({error}).") from error
    if not isinstance(document, dict):
        raise RecordError(f"{name}: is no environment, but other JSON.")
    return document


def is_environment(path: Path) -> bool:
    """Tell by its name whether a file is an environment, and no signed record.

    git puts something before the name of what it has a program show.
    """
    return _NAME.fullmatch(path.name) is not None


def keep_environment(root: Path, environment: Mapping[str, Any]) -> str:
    """Write an environment unless it lies there; one that was altered is put right.

    Returns:
        Its path, relative to the project.

    Raises:
        RecordError: It cannot be written.
    """
    content = environment_content(environment)
    name = environment_path(sha256_of(content))
    path = root / name
    try:
        if path.is_file() and path.read_bytes() == content:
            return name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as error:
        raise RecordError(
            f"{name}: the environment cannot be written ({error.strerror}). "
            f"Make room or give yourself access to {root / FOLDER}, then run it again."
        ) from error
    return name


class EnvironmentFiles:
    """The environments of one project, each read and hashed once.

    Attributes:
        asked: What became of each one so far: its content, or why it is lost.
    """

    def __init__(self, root: "Traversable") -> None:
        self._root = root
        self.asked: dict[str, Mapping[str, Any] | str] = {}

    def __call__(self, sha256: str) -> Mapping[str, Any]:
        """Return the environment with a digest; equal ones are the same object.

        Raises:
            LostEnvironmentError: It is missing, altered or no JSON object.
        """
        found = self.asked.get(sha256)
        if found is None:
            found = self.asked[sha256] = self._read(sha256)
        if isinstance(found, str):
            raise LostEnvironmentError(found)
        return found

    def named(self) -> dict[str, bool]:
        """Tell of the path of each one that was asked for whether it is whole."""
        return {
            environment_path(sha256): not isinstance(found, str)
            for sha256, found in sorted(self.asked.items())
        }

    def unnamed(self) -> Iterator[str]:
        """Give the path of each file there that nobody asked for, sorted."""
        folder = self._root / ENVIRONMENTS
        names = [file.name for file in folder.iterdir()] if folder.is_dir() else []
        for name in sorted(names):
            if name.removesuffix(".json") not in self.asked:
                yield f"{ENVIRONMENTS}/{name}"

    def _read(self, sha256: str) -> Mapping[str, Any] | str:
        path = environment_path(sha256)
        again = f"bring it back: git checkout -- {path}"
        try:
            content = (self._root / path).read_bytes()
        except OSError as error:
            return (
                f"the file {path} cannot be read ({error.strerror}). It says on which "
                "machine and with which packages the record was made, and without it "
                f"nobody can tell; {again}"
            )
        if (found := sha256_of(content)) != sha256:
            return (
                f"the file {path}, which says on which machine and with which packages "
                f"the record was made, is not the one that was signed ({len(content):,}"
                f" bytes, sha256 {found[:12]} instead of {sha256[:12]}): it was "
                f"edited; {again}"
            )
        try:
            return read_environment(content, name=path)
        except RecordError as error:
            return f"it was signed so, but {error}"
